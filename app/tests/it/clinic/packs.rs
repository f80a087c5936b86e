//! A clinic's monthly pack: made by the worker's job, downloaded by who answers for the log, checked offline by the program.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use app::access::Role;
use app::audit::pack::{self, Packer};
use app::jobs::queue::Jobs;
use auditlog::pack::verify_pack;
use chrono::{DateTime, Months, Utc};
use regions::clock::Clock;
use regions::ids::ShardId;
use serde_json::Value;
use tenancy::JobPayload;
use tenancy::audit_log::{Sealer, fetch};

use super::jobs::parts;
use crate::support::{Actor, World};

async fn packs(world: &World, by: &Actor) -> Value {
    world.ask(&world.alpha, "GET", "/api/v1/audit/packs").by(by).send().await.expect(200).json()
}

/// Every file of a pack, downloaded into a folder.
async fn download(world: &World, by: &Actor, pack: &Value, to: &Path) {
    for (number, name) in pack["files"].as_array().unwrap().iter().enumerate() {
        let path = format!("/api/v1/audit/packs/{}/files/{number}", pack["id"].as_str().unwrap());
        let file = world.ask(&world.alpha, "GET", &path).by(by).send().await.expect(200);
        let name = name.as_str().unwrap();
        assert_eq!(file.header("content-disposition"), format!("attachment; filename=\"{name}\""));
        std::fs::write(to.join(name), file.body).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_months_pack_is_made_once_downloaded_and_checked_offline_and_one_flipped_byte_is_found() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let patient = world.patient(&doctor, "P-1").await;
    let path = format!("/api/v1/patients/{patient}");
    world.ask(&world.alpha, "GET", &path).by(&doctor).send().await.expect(200);
    assert_eq!(packs(&world, &officer).await["items"].as_array().unwrap().len(), 0);
    let sealer = Sealer::connect(&world.region.migrator_config, ShardId(1), Clock::system()).await.unwrap();
    let mut term = sealer.lead().await.unwrap().unwrap();
    sealer.drain(&mut term).await.unwrap();
    sealer.publish().await.unwrap();

    // The month is not over yet; then it is, and is packed by the job, once.
    let now = DateTime::<Utc>::from(world.app.clock.now());
    let packer = |now| Packer { regional: &world.region.regional, sealer: &sealer, now };
    assert_eq!(packer(now).make_missing(world.alpha.tenant).await, Ok(0));
    let later = now.checked_add_months(Months::new(2)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(&world, dir.path(), later, &sealer);
    let payload = JobPayload::new(world.alpha.tenant.id);
    pack::run(&jobs, &payload).await.unwrap();
    assert_eq!(packer(later).make_missing(world.alpha.tenant).await, Ok(0), "once");

    let listed = packs(&world, &officer).await;
    let pack = &listed["items"][0];
    assert_eq!(pack["month"], now.format("%Y-%m-01").to_string());
    let folder = tempfile::tempdir().unwrap();
    download(&world, &officer, pack, folder.path()).await;
    let keys = [sealer.verifier_key().clone()];
    let report = verify_pack(folder.path(), &keys, None).unwrap();
    assert!(report.ok, "{}", report.to_text());
    assert_eq!(Some(report.events), pack["events"].as_u64());
    assert!(report.events >= 4 && report.files == 2, "{}", report.to_text());
    let table = std::fs::read_to_string(folder.path().join("events-0001.csv")).unwrap();
    assert!(table.contains(&patient) && table.contains("patient.read") && !table.contains("Sample"));

    // The events are those of the log. What was done since the pack was made is of a later pack, and the log has it.
    let copy = tempfile::tempdir().unwrap();
    sealer.drain(&mut term).await.unwrap();
    sealer.publish().await.unwrap();
    fetch(world.region.regional.archive(), ShardId(1), copy.path()).await.unwrap();
    let compared = verify_pack(folder.path(), &keys, Some(copy.path())).unwrap();
    assert!(compared.compared >= report.events);
    assert!(
        compared.findings.iter().all(|found| found.detail.contains("is not in the pack")),
        "{}",
        compared.to_text()
    );

    for name in pack["files"].as_array().unwrap() {
        let file = folder.path().join(name.as_str().unwrap());
        let good = std::fs::read(&file).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        std::fs::write(&file, &bad).unwrap();
        assert!(!verify_pack(folder.path(), &keys, None).unwrap().ok, "{name}");
        std::fs::write(&file, &good).unwrap();
    }
    assert!(verify_pack(folder.path(), &keys, None).unwrap().ok);
}

fn jobs(world: &World, dir: &Path, now: DateTime<Utc>, sealer: &Arc<Sealer>) -> Jobs {
    let (clock, _manual) = Clock::manual(u64::try_from(now.timestamp_millis()).unwrap());
    Jobs { signers: HashMap::from([(ShardId(1), Arc::clone(sealer))]), clock, ..parts(world, dir) }
}

/// Killed after any number of objects, the job does it again; what lies there already is in nobody's way.
#[tokio::test(flavor = "multi_thread")]
async fn a_pack_that_was_begun_is_made_by_whoever_comes_next() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    world.patient(&doctor, "P-1").await;
    let sealer = Sealer::connect(&world.region.migrator_config, ShardId(1), Clock::system()).await.unwrap();
    let now = DateTime::<Utc>::from(world.app.clock.now());
    let now = now.checked_add_months(Months::new(2)).unwrap();
    let packer = Packer { regional: &world.region.regional, sealer: &sealer, now };
    assert_eq!(packer.make_missing(world.alpha.tenant).await, Ok(1));
    let first = packs(&world, &officer).await;
    // The row is what a killed job had not written yet; the objects are there.
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    superuser.batch_execute(&format!("DELETE FROM {ops}.audit_pack")).await.unwrap();
    let events =
        format!("DELETE FROM {ops}.audit_event WHERE action IN ('audit_pack.make', 'audit_pack.list')");
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    superuser.batch_execute(&events).await.unwrap();
    assert_eq!(packer.make_missing(world.alpha.tenant).await, Ok(1));
    let second = packs(&world, &officer).await;
    assert_eq!(first["items"][0]["files"], second["items"][0]["files"]);
    assert_ne!(first["items"][0]["id"], second["items"][0]["id"]);
    let folder = tempfile::tempdir().unwrap();
    download(&world, &officer, &second["items"][0], folder.path()).await;
    let report = verify_pack(folder.path(), &[sealer.verifier_key().clone()], None).unwrap();
    assert!(report.ok, "{}", report.to_text());

    // Nobody else has it: another role, another clinic.
    let path = format!("/api/v1/audit/packs/{}/files/0", second["items"][0]["id"].as_str().unwrap());
    world.ask(&world.alpha, "GET", &path).by(&doctor).send().await.expect(403);
    let stranger = world.staff(&world.beta, Role::PrivacyOfficer).await;
    world.ask(&world.beta, "GET", &path).by(&stranger).send().await.expect(404);
    let none = path.replace("/files/0", "/files/9");
    world.ask(&world.alpha, "GET", &none).by(&officer).send().await.expect(404);
}
