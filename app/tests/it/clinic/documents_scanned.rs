//! The scanner: ClamAV's own daemon with a signature of its own, and documents that are looked at again when signatures change.
//! Catalogue entry T69.

use app::access::Role;
use app::documents::intake::Intake;
use app::documents::renewal;
use app::documents::scanner::{Scanner, ScannerConfig};
use chrono::{DateTime, TimeDelta, Utc};
use testkit::clamd::{Clamd, Daemon, SCANNED_MIB_MAX, eicar};

use crate::support::{Actor, Answer, Sample, World};

fn scanner(address: &str) -> Scanner {
    Scanner::new(&ScannerConfig::Require { address: address.to_owned() })
}

async fn content(world: &World, who: &Actor, id: &str) -> Answer {
    world.ask(&world.alpha, "GET", &format!("/api/v1/documents/{id}/content")).by(who).send().await
}

/// The hourly look at what was accepted under other signatures.
async fn renew(world: &World, scanner: &Scanner, later_s: i64) -> Result<usize, &'static str> {
    let now = DateTime::<Utc>::from(world.app.clock.now()) + TimeDelta::seconds(later_s);
    let intake = Intake { regional: &world.region.regional, scanner, now };
    renewal::run(&intake, world.alpha.tenant).await
}

#[tokio::test(flavor = "multi_thread")]
async fn t69_clamav_itself_finds_eicar_in_an_upload_and_nothing_in_a_letter() {
    let dir = tempfile::tempdir().unwrap();
    let daemon = Daemon::start(dir.path()).await;
    let scanner = scanner(&daemon.address());
    let version = scanner.version().await.unwrap().unwrap();
    assert!(version.starts_with("ClamAV "), "{version}");
    assert!(scanner.answers().await);
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let infected = world.send_document(&doctor, &asha, &Sample::new("text/plain", &eicar())).await;
    world.look_at(&infected, &scanner).await.unwrap();
    assert_eq!(world.state(&doctor, &infected).await, ("quarantined".into(), "malware".into()));
    assert_eq!(content(&world, &doctor, &infected).await.outcome(), (409, "document_not_readable".into()));
    // Longer than one piece of the protocol, and than one segment.
    let letter = "Total cholesterol 180\n".repeat(100_000).into_bytes();
    let clean = world.send_document(&doctor, &asha, &Sample::new("text/plain", &letter)).await;
    world.look_at(&clean, &scanner).await.unwrap();
    assert_eq!(content(&world, &doctor, &clean).await.expect(200).body, letter);
    assert_eq!(renew(&world, &scanner, 0).await, Ok(0), "it was looked at with these signatures");
    // What is malware beyond the daemon's own limit is not called clean by a daemon that has seen the beginning.
    let long = "Total cholesterol 180\n".repeat(SCANNED_MIB_MAX * 1_048_576 / 22 + 1).into_bytes();
    let half_seen = world.send_document(&doctor, &asha, &Sample::new("text/plain", &long)).await;
    world.look_at(&half_seen, &scanner).await.unwrap();
    assert_eq!(world.state(&doctor, &half_seen).await, ("quarantined".into(), "too_large_to_scan".into()));
    drop(daemon);
    let late = world.send_document(&doctor, &asha, &Sample::new("text/plain", b"later")).await;
    assert_eq!(world.look_at(&late, &scanner).await, Err("scanner.unavailable"));
    assert_eq!(world.state(&doctor, &late).await.0, "scanning");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_is_looked_at_again_when_signatures_change() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let clamd = Clamd::start().await;
    let scanner = scanner(&clamd.address.to_string());
    let accept = async |bytes: &[u8]| {
        let id = world.send_document(&doctor, &asha, &Sample::new("text/plain", bytes)).await;
        world.look_at(&id, &scanner).await.unwrap();
        assert_eq!(world.state(&doctor, &id).await.0, "current");
        id
    };
    let (good, bad) = (accept(b"a letter").await, accept(b"a letter with a worm").await);
    let version = world.metadata(&doctor, &good).await["version"].clone();
    // One from the time before there was a scanner.
    let unscanned = world.document(&doctor, &asha, &Sample::new("text/plain", b"an old letter")).await;
    assert_eq!(renew(&world, &Scanner::Off, 0).await, Ok(0));
    assert_eq!(renew(&world, &scanner, 0).await, Ok(1), "that one only");
    assert_eq!(renew(&world, &scanner, 0).await, Ok(0));

    clamd.learn(b"worm");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = Scanner::new(&ScannerConfig::Require { address: closed.to_string() });
    assert_eq!(renew(&world, &away, 60).await, Ok(0));
    assert_eq!(world.state(&doctor, &bad).await.0, "current");
    assert_eq!(renew(&world, &scanner, 60).await, Ok(3));
    assert_eq!(world.state(&doctor, &bad).await, ("quarantined".into(), "malware".into()));
    assert_eq!(content(&world, &doctor, &bad).await.outcome(), (409, "document_not_readable".into()));
    for id in [&good, &unscanned] {
        assert_eq!(world.state(&doctor, id).await, ("current".into(), String::new()));
        content(&world, &doctor, id).await.expect(200);
    }
    let log = world.audit(&world.alpha).await;
    let refused = log.iter().filter(|entry| entry.0 == "document.rescan" && entry.1 == "deny");
    assert_eq!(refused.map(|entry| entry.2.as_deref()).collect::<Vec<_>>(), [Some("malware")]);

    // Signatures err: it keeps its bytes however long it waits, and those that do not find it let it out again.
    let later = DateTime::<Utc>::from(world.app.clock.now()) + TimeDelta::days(60);
    app::documents::sweep::run(&world.region.regional, world.alpha.tenant, later).await.unwrap();
    assert_eq!(renew(&world, &scanner, 120).await, Ok(0));
    clamd.learn(b"another worm");
    assert_eq!(renew(&world, &scanner, 180).await, Ok(3));
    assert_eq!(world.state(&doctor, &bad).await, ("current".into(), String::new()));
    assert_eq!(content(&world, &doctor, &bad).await.expect(200).body, b"a letter with a worm");
    let never = world.send_document(&doctor, &asha, &Sample::new("text/plain", b"another worm")).await;
    world.look_at(&never, &scanner).await.unwrap();
    clamd.learn(b"nothing of this");
    renew(&world, &scanner, 240).await.unwrap();
    assert_eq!(
        world.state(&doctor, &never).await,
        ("quarantined".into(), "malware".into()),
        "what was never accepted is not let in by the back door"
    );
    assert_eq!(world.metadata(&doctor, &good).await["version"], version, "looking changes no version");
}

/// Each run has an end, and the next one goes on with what was looked at longest ago.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_document_keeps_no_other_from_being_looked_at() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let clamd = Clamd::start().await;
    let scanner = scanner(&clamd.address.to_string());
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(world.document(&doctor, &asha, &Sample::new("text/plain", text.as_bytes())).await);
    }
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let uuid = app::documents::model::DocumentId::parse(&ids[0]).unwrap().uuid();
    let sql = format!(
        "SET session_replication_role = replica; UPDATE {ops}.document SET size_bytes = 2 WHERE id = '{uuid}'"
    );
    world.region.superuser().await.batch_execute(&sql).await.unwrap();
    assert_eq!(renew(&world, &scanner, 0).await, Ok(3));
    let log = world.audit(&world.alpha).await;
    let damaged = log.iter().filter(|entry| entry.0 == "document.rescan");
    assert_eq!(damaged.filter(|entry| entry.2.as_deref() == Some("damaged")).count(), 1);
    assert_eq!(renew(&world, &scanner, 60).await, Ok(0), "it is not asked for again and again");
}
