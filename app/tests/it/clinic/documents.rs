//! Documents from announcement to removal, as staff use them.

use app::access::Role;
use app::documents::intake::Intake;
use app::documents::rescan;
use app::documents::scanner::{Scanner, ScannerConfig};
use app::documents::{erasure, sweep};
use app::patients::model::PatientId;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use testkit::clamd::{Clamd, eicar};

use crate::support::{Actor, Sample, World, dicom, jpeg, patient, pdf, sample_body};

const PART: usize = 8 * 1_048_576;

/// How many objects' bytes, finished or not, the bucket holds.
fn blobs(world: &World) -> usize {
    let mut count = 0;
    let mut folders = vec![world.region.aws.s3_dir()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let in_blobs = path.parent().and_then(|p| p.file_name()).is_some_and(|name| name == "blobs");
            match path.is_dir() {
                true => folders.push(path),
                false => count += usize::from(in_blobs),
            }
        }
    }
    count
}

fn now(world: &World) -> DateTime<Utc> {
    DateTime::<Utc>::from(world.app.clock.now())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_announced_sent_looked_at_and_read_back() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let file = pdf("Canaryauthor");
    let path = format!("/api/v1/patients/{asha}/documents");
    let announcement = json!({
        "kind": "lab_report", "title": "Lipids", "notes": "fasting\nrepeat in May", "file_name": "../../scan.pdf",
        "media_type": "application/pdf", "size_bytes": file.len(),
    });
    let made =
        world.ask(&world.alpha, "POST", &path).by(&doctor).json(&announcement).send().await.expect(201);
    let (place, told) = (made.header("location"), made.json());
    assert_eq!((made.header("etag"), &told["state"]), ("\"v1\"".into(), &json!("initiated")));
    assert_eq!(told["upload"]["parts"], 1);
    assert_eq!(told["file_name"], "scan.pdf", "a name's folders are dropped");
    let content = format!("{place}/content");
    let read = || world.ask(&world.alpha, "GET", &content).by(&doctor);
    assert_eq!(read().send().await.outcome(), (409, "document_not_readable".into()));
    world.ask(&world.alpha, "PUT", &content).by(&doctor).octets(&file).send().await.expect(204);
    let complete = format!("{place}/complete");
    for _ in 0..2 {
        let ended = world.ask(&world.alpha, "POST", &complete).by(&doctor).send().await.expect(202).json();
        assert_eq!(ended["state"], "scanning", "ending it twice changes nothing");
    }
    assert_eq!(read().send().await.outcome(), (409, "document_not_readable".into()), "not looked at yet");
    let id = told["id"].as_str().unwrap();
    world.look_at(id, &Scanner::Off).await.unwrap();
    world.look_at(id, &Scanner::Off).await.unwrap();
    let kept = world.metadata(&doctor, id).await;
    assert_eq!((&kept["state"], &kept["notes"]), (&json!("current"), &json!("fasting\nrepeat in May")));
    let whole = read().send().await.expect(200);
    assert_eq!(whole.header("content-type"), "application/pdf");
    assert!(whole.header("content-disposition").starts_with("attachment; filename=\"lab-report-"));
    assert_eq!(whole.body.len() as u64, kept["size_bytes"].as_u64().unwrap());
    assert!(whole.text().contains("Total cholesterol 180") && !whole.text().contains("Canaryauthor"));
    let part = read().header("range", "bytes=5-9").send().await.expect(206);
    assert_eq!(part.body, whole.body[5..10]);
    assert_eq!(part.header("content-range"), format!("bytes 5-9/{}", whole.body.len()));
    assert_eq!(
        read().header("range", "bytes=999999-").send().await.outcome(),
        (416, "range_not_satisfiable".into())
    );
    let log = world.audit(&world.alpha).await;
    let of = |action: &str| log.iter().filter(|entry| entry.0 == action && entry.1 == "allow").count();
    assert_eq!((of("document.create"), of("document.upload"), of("document.inspect")), (1, 1, 1));
    assert_eq!(of("document.download"), 2, "each reading is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_broke_off_goes_on_in_parts_of_any_order() {
    let world = World::new().await;
    let tech = world.staff(&world.alpha, Role::LabTechnician).await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let asha = world.patient(&desk, "D-1").await;
    let file = dicom(0, 2 * PART + 1_000);
    let sample = Sample { kind: "image", ..Sample::new("application/dicom", &file) };
    let id = world.announce(&tech, &asha, &sample).await;
    let at = |rest: &str| format!("/api/v1/documents/{id}/{rest}");
    let put =
        |rest: &str, bytes: &[u8]| world.ask(&world.alpha, "PUT", &at(rest)).by(&tech).octets(bytes).send();
    // The connection ends in the middle of the second part; the first one is kept.
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let stream =
        futures_util::stream::unfold(receiver, |mut r| async { r.recv().await.map(|item| (item, r)) });
    let broken = world.ask(&world.alpha, "PUT", &at("content")).by(&tech);
    let broken =
        broken.header("content-type", "application/octet-stream").stream(reqwest::Body::wrap_stream(stream));
    let sending = tokio::spawn({
        let half = file[..PART + PART / 2].to_vec();
        async move {
            for piece in half.chunks(1_000_000) {
                let _ = sender.send(Ok(piece.to_vec())).await;
            }
        }
    });
    let ended = broken.send().await;
    sending.await.unwrap();
    assert_eq!(ended.outcome(), (400, "body_incomplete".into()));
    assert_eq!(put("parts/3", &file[2 * PART..]).await.outcome().0, 204);
    let told = world.metadata(&tech, &id).await;
    assert_eq!(told["state"], "uploading");
    assert!(told["upload"]["received"].as_array().unwrap().contains(&json!(3)), "{told}");
    assert!(!told["upload"]["received"].as_array().unwrap().contains(&json!(2)), "{told}");
    let early = world.ask(&world.alpha, "POST", &at("complete")).by(&tech).send().await;
    assert_eq!(early.outcome(), (409, "parts_missing".into()));
    assert_eq!(put("parts/4", b"x").await.outcome(), (404, "not_found".into()));
    assert_eq!(put("parts/2", &file[PART..2 * PART + 1]).await.outcome(), (413, "body_too_large".into()));
    assert_eq!(put("parts/2", &file[PART..2 * PART - 1]).await.outcome(), (400, "body_incomplete".into()));
    assert_eq!(put("parts/1", &vec![7; PART]).await.outcome().0, 204);
    assert_eq!(put("parts/2", &file[PART..2 * PART]).await.outcome().0, 204);
    assert_eq!(put("parts/1", &file[..PART]).await.outcome().0, 204, "a part may come again");
    world.ask(&world.alpha, "POST", &at("complete")).by(&tech).send().await.expect(202);
    assert_eq!(put("parts/1", &file[..PART]).await.outcome(), (409, "document_state".into()));
    world.look_at(&id, &Scanner::Off).await.unwrap();
    assert_eq!(world.state(&tech, &id).await.0, "current");
    let whole = world.ask(&world.alpha, "GET", &at("content")).by(&tech).send().await.expect(200);
    assert!(whole.body == file);
    let middle =
        world.ask(&world.alpha, "GET", &at("content")).by(&tech).header("range", "bytes=8388600-8388620");
    assert_eq!(middle.send().await.expect(206).body, file[8_388_600..=8_388_620]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_or_forgotten_leaves_no_object() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let before = blobs(&world);
    let sample = Sample::new("text/plain", b"hello");
    let delete = async |id: &str| {
        let version = world.metadata(&doctor, id).await["version"].to_string();
        let path = format!("/api/v1/documents/{id}");
        let ask = world.ask(&world.alpha, "DELETE", &path).by(&doctor);
        let unconditional = world.ask(&world.alpha, "DELETE", &path).by(&doctor).send().await;
        assert_eq!(unconditional.outcome(), (428, "if_match_needed".into()));
        ask.header("if-match", &format!("\"v{version}\"")).send().await.expect(204);
    };
    let part = async |id: &str| {
        let path = format!("/api/v1/documents/{id}/parts/1");
        world.ask(&world.alpha, "PUT", &path).by(&doctor).octets(sample.bytes).send().await.expect(204);
    };
    // Given up on purpose: at once.
    let id = world.announce(&doctor, &asha, &sample).await;
    part(&id).await;
    assert_eq!(blobs(&world), before + 1);
    delete(&id).await;
    assert_eq!(blobs(&world), before, "an upload that was given up");
    // Given up while S3 is away, and forgotten: by the clean-up, when it is back.
    let (given_up, forgotten) =
        (world.announce(&doctor, &asha, &sample).await, world.announce(&doctor, &asha, &sample).await);
    part(&given_up).await;
    part(&forgotten).await;
    world.region.aws.faults().s3(localaws::FaultKind::Status { code: 503 });
    delete(&given_up).await;
    world.region.aws.faults().clear();
    let clean_up = async |at: DateTime<Utc>| {
        sweep::run(&world.region.regional, world.alpha.tenant, at).await.unwrap();
    };
    assert_eq!(blobs(&world), before + 2);
    clean_up(now(&world)).await;
    assert_eq!(blobs(&world), before + 1, "the one that was given up");
    clean_up(now(&world) + TimeDelta::hours(23)).await;
    assert_eq!(blobs(&world), before + 1, "an upload has a day");
    clean_up(now(&world) + TimeDelta::hours(25)).await;
    assert_eq!(blobs(&world), before, "the one that was forgotten");
    assert_eq!(world.state(&doctor, &forgotten).await.0, "purged");
    // A deleted document cannot be read, stays for its time, and goes.
    let id = world.document(&doctor, &asha, &sample).await;
    assert_eq!(blobs(&world), before + 1);
    delete(&id).await;
    let content = format!("/api/v1/documents/{id}/content");
    let read = world.ask(&world.alpha, "GET", &content).by(&doctor).send().await;
    assert_eq!(read.outcome(), (409, "document_not_readable".into()));
    clean_up(now(&world) + TimeDelta::days(29)).await;
    assert_eq!(blobs(&world), before + 1);
    clean_up(now(&world) + TimeDelta::days(31)).await;
    assert_eq!(blobs(&world), before);
    // A rewritten document leaves only what was kept of it, and an erased patient's leave nothing.
    let image = jpeg("x");
    world.document(&doctor, &asha, &Sample::new("image/jpeg", &image)).await;
    assert_eq!(blobs(&world), before + 1);
    let mut tx = world.region.regional.begin(world.alpha.tenant, "test.erase").await.unwrap();
    let gone = erasure::forget(&mut tx, PatientId::parse(&asha).unwrap(), now(&world)).await.unwrap();
    let entry = erasure::TABLES
        .into_iter()
        .fold(app::audit::by_system("test.erase"), |entry, table| entry.touches(table));
    tx.commit(entry).await.unwrap();
    erasure::remove(&world.region.regional, world.alpha.tenant, &gone).await.unwrap();
    assert_eq!(blobs(&world), before);
    let list = world.ask(&world.alpha, "GET", &format!("/api/v1/patients/{asha}/documents")).by(&doctor);
    assert_eq!(list.send().await.expect(200).json()["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_document_supersedes_the_older_one_once_it_is_accepted() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let sample = Sample::new("text/plain", b"first");
    let first = world.document(&doctor, &asha, &sample).await;
    let version = world.metadata(&doctor, &first).await["version"].to_string();
    let path = format!("/api/v1/patients/{asha}/documents");
    let mut body = Sample::new("text/plain", b"second").announcement();
    body["supersedes"] = json!(first);
    let ask = |etag: Option<String>| {
        let ask = world.ask(&world.alpha, "POST", &path).by(&doctor).json(&body);
        match etag {
            Some(etag) => ask.header("if-match", &etag),
            None => ask,
        }
    };
    assert_eq!(ask(None).send().await.outcome(), (428, "if_match_needed".into()));
    assert_eq!(ask(Some("\"v1\"".into())).send().await.outcome(), (412, "stale_version".into()));
    let mut both = Vec::new();
    for _ in 0..2 {
        let made = ask(Some(format!("\"v{version}\""))).send().await.expect(201).json();
        let id = made["id"].as_str().unwrap().to_owned();
        let content = format!("/api/v1/documents/{id}/content");
        world.ask(&world.alpha, "PUT", &content).by(&doctor).octets(b"second").send().await.expect(204);
        let complete = format!("/api/v1/documents/{id}/complete");
        world.ask(&world.alpha, "POST", &complete).by(&doctor).send().await.expect(202);
        both.push(id);
    }
    assert_eq!(world.state(&doctor, &first).await.0, "current", "until the new one is accepted");
    for id in &both {
        world.look_at(id, &Scanner::Off).await.unwrap();
    }
    let old = world.metadata(&doctor, &first).await;
    assert_eq!((&old["state"], &old["superseded_by"]), (&json!("superseded"), &json!(both[0])));
    assert_eq!(world.state(&doctor, &both[0]).await.0, "current");
    assert_eq!(world.state(&doctor, &both[1]).await, ("quarantined".into(), "superseded_meanwhile".into()));
    let read = world.ask(&world.alpha, "GET", &format!("/api/v1/documents/{first}/content")).by(&doctor);
    assert_eq!(read.send().await.expect(200).body, b"first", "what was replaced can still be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_words_are_corrected_and_requests_may_be_repeated() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let path = format!("/api/v1/patients/{asha}/documents");
    let sample = Sample::new("text/plain", b"hello");
    let repeat = |body: &serde_json::Value| {
        world.ask(&world.alpha, "POST", &path).by(&doctor).json(body).header("idempotency-key", "k1").send()
    };
    let first = repeat(&sample.announcement()).await.expect(201).json();
    assert_eq!(repeat(&sample.announcement()).await.expect(201).json(), first, "the same answer again");
    let other = Sample { title: "Other", ..Sample::new("text/plain", b"hello") };
    let reused = repeat(&other.announcement()).await;
    assert_eq!(reused.outcome(), (422, "idempotency_key_reused".into()));
    let mut made = vec![first["id"].as_str().unwrap().to_owned()];
    for _ in 0..4 {
        world.clock.advance_ms(1_000);
        made.push(world.announce(&doctor, &asha, &sample).await);
    }
    made.reverse();
    let (mut found, mut next) = (Vec::new(), Some(format!("{path}?limit=2")));
    while let Some(page) = next {
        let answer = world.ask(&world.alpha, "GET", &page).by(&doctor).send().await.expect(200).json();
        let items = answer["items"].as_array().unwrap();
        found.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        next = answer["next_cursor"].as_str().map(|cursor| format!("{path}?limit=2&cursor={cursor}"));
    }
    assert_eq!(found, made, "newest first, each once");
    let place = format!("/api/v1/documents/{}", made[0]);
    let put = |etag: &str| {
        let body = json!({ "title": "Lipids, fasting", "notes": "x" });
        world.ask(&world.alpha, "PUT", &place).by(&doctor).json(&body).header("if-match", etag).send()
    };
    let corrected = put("\"v1\"").await.expect(200);
    assert_eq!(
        (corrected.header("etag"), &corrected.json()["title"]),
        ("\"v2\"".into(), &json!("Lipids, fasting"))
    );
    assert_eq!(put("\"v1\"").await.outcome(), (412, "stale_version".into()));
}

/// What a document is for and its day are corrected by who may write documents of both kinds; words and bytes stay.
#[tokio::test(flavor = "multi_thread")]
async fn a_documents_kind_and_day_are_corrected_by_who_may_write_both_kinds() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let tech = world.staff(&world.alpha, Role::LabTechnician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let mut announcement = Sample::new("text/plain", b"hello").announcement();
    announcement["dated_on"] = json!("2100-01-01");
    let path = format!("/api/v1/patients/{asha}/documents");
    let announce = |body: &Value| world.ask(&world.alpha, "POST", &path).by(&doctor).json(body).send();
    let refused = announce(&announcement).await.expect(400).json();
    assert_eq!(refused["errors"][0], json!({ "pointer": "/dated_on", "code": "in_the_future" }));
    announcement["dated_on"] = json!("2025-11-30");
    assert_eq!(announce(&announcement).await.expect(201).json()["dated_on"], "2025-11-30");

    let id = world.document(&doctor, &asha, &Sample::new("text/plain", b"hello")).await;
    let place = format!("/api/v1/documents/{id}");
    let before = world.metadata(&doctor, &id).await;
    assert_eq!(before["dated_on"], Value::Null);
    let tag = |read: &Value| format!("\"v{}\"", read["version"]);
    let filed = async |by: &Actor, etag: &str, body: Value| {
        let ask = world.ask(&world.alpha, "PATCH", &place).by(by).json(&body);
        ask.header("if-match", etag).send().await
    };
    let right = json!({ "kind": "image", "dated_on": "2026-01-15" });
    let unconditional = world.ask(&world.alpha, "PATCH", &place).by(&doctor).json(&right).send().await;
    assert_eq!(unconditional.outcome(), (428, "if_match_needed".into()));
    // The laboratory writes both kinds, and no prescription.
    let prescription = json!({ "kind": "prescription", "dated_on": "2026-01-15" });
    let elsewhere = filed(&tech, &tag(&before), prescription).await;
    assert_eq!(elsewhere.outcome(), (403, "forbidden".into()));
    let absurd = filed(&tech, &tag(&before), json!({ "kind": "image", "dated_on": "1815-12-10" })).await;
    assert_eq!(absurd.expect(400).json()["errors"][0]["code"], "too_long_ago");
    let after = filed(&tech, &tag(&before), right.clone()).await.expect(200).json();
    assert_eq!((&after["kind"], &after["dated_on"]), (&json!("image"), &json!("2026-01-15")));
    for kept in ["title", "notes", "sha256", "state", "size_bytes"] {
        assert_eq!(after[kept], before[kept], "{kept}");
    }
    assert_eq!(world.metadata(&doctor, &id).await, after, "kept and read back");
    assert_eq!(filed(&doctor, &tag(&before), right).await.outcome(), (412, "stale_version".into()));
    // Words that are corrected later keep the day; a filing without one takes it away.
    let words = world.ask(&world.alpha, "PUT", &place).by(&doctor).json(&json!({ "title": "X-ray" }));
    let words = words.header("if-match", &tag(&after)).send().await.expect(200).json();
    assert_eq!(words["dated_on"], "2026-01-15");
    let undated = filed(&doctor, &tag(&words), json!({ "kind": "lab_report" })).await.expect(200).json();
    assert_eq!((&undated["title"], &undated["dated_on"]), (&json!("X-ray"), &Value::Null));
    let log = world.audit(&world.alpha).await;
    let of = |outcome: &str| log.iter().filter(|one| one.0 == "document.refile" && one.1 == outcome).count();
    assert_eq!((of("allow"), of("deny")), (2, 1));
}

/// What a role may have depends on the kind (45 CFR 164.502(b)): the laboratory adds reports, billing sees cards.
#[tokio::test(flavor = "multi_thread")]
async fn each_role_has_the_kinds_its_work_needs() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let path = format!("/api/v1/patients/{asha}/documents");
    let kinds = app::documents::model::Kind::ALL;
    let mut ids = Vec::new();
    for kind in kinds {
        let sample = Sample { kind: kind.as_str(), ..Sample::new("text/plain", b"hello") };
        ids.push(world.document(&doctor, &asha, &sample).await);
    }
    // Those who reach the patient: the one who registered, whoever works at that site, and the privacy officer.
    for role in [Role::Receptionist, Role::LabTechnician, Role::Billing, Role::PrivacyOfficer] {
        let actor = world.staff(&world.alpha, role).await;
        let list = world.ask(&world.alpha, "GET", &path).by(&actor).send().await.expect(200).json();
        // Each role before this one has added some of its own.
        let items = list["items"].as_array().unwrap().iter();
        let listed = items.filter(|item| ids.iter().any(|id| item["id"] == **id)).count();
        let readable = kinds.iter().filter(|kind| app::documents::rules::may_read(role, **kind)).count();
        assert_eq!(listed, readable, "{}", role.as_str());
        for (kind, id) in kinds.iter().zip(&ids) {
            let read = world.ask(&world.alpha, "GET", &format!("/api/v1/documents/{id}/content")).by(&actor);
            let expected = if app::documents::rules::may_read(role, *kind) { 200 } else { 403 };
            assert_eq!(read.send().await.status.as_u16(), expected, "{} {kind:?}", role.as_str());
            let sample = Sample { kind: kind.as_str(), ..Sample::new("text/plain", b"hello") };
            let add = world.ask(&world.alpha, "POST", &path).by(&actor).json(&sample.announcement());
            let expected = if app::documents::rules::may_write(role, *kind) { 201 } else { 403 };
            assert_eq!(add.send().await.status.as_u16(), expected, "{} {kind:?}", role.as_str());
        }
    }
}

/// The scanner's side of catalogue entry T69: what it knows is quarantined, and while it is away nothing is clean.
#[tokio::test(flavor = "multi_thread")]
async fn t69_only_what_the_scanner_calls_clean_can_be_read() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let clamd = Clamd::start().await;
    let scanner = Scanner::new(&ScannerConfig::Require { address: clamd.address.to_string() });
    let infected = [b"note: ".as_slice(), &eicar()].concat();
    let id = world.send_document(&doctor, &asha, &Sample::new("text/plain", &infected)).await;
    world.look_at(&id, &scanner).await.unwrap();
    assert_eq!(world.state(&doctor, &id).await, ("quarantined".into(), "malware".into()));
    let content = |id: &str| {
        world.ask(&world.alpha, "GET", &format!("/api/v1/documents/{id}/content")).by(&doctor).send()
    };
    assert_eq!(content(&id).await.outcome(), (409, "document_not_readable".into()));
    let link =
        world.ask(&world.alpha, "POST", &format!("/api/v1/documents/{id}/links")).by(&doctor).send().await;
    assert_eq!(link.outcome(), (409, "document_not_readable".into()));
    let clean = world.send_document(&doctor, &asha, &Sample::new("text/plain", b"clean")).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = Scanner::new(&ScannerConfig::Require { address: closed.to_string() });
    assert_eq!(world.look_at(&clean, &away).await, Err("scanner.unavailable"));
    assert_eq!(world.state(&doctor, &clean).await.0, "scanning");
    assert_eq!(content(&clean).await.outcome(), (409, "document_not_readable".into()));
    world.look_at(&clean, &scanner).await.unwrap();
    assert_eq!(content(&clean).await.expect(200).body, b"clean");
    let imaging = dicom(0, 65 * 1024 * 1024);
    let id = world.send_document(&doctor, &asha, &Sample::new("application/dicom", &imaging)).await;
    world.look_at(&id, &scanner).await.unwrap();
    assert_eq!(world.state(&doctor, &id).await, ("quarantined".into(), "too_large_to_scan".into()));
    assert_eq!(clamd.scans(), 3);
}

/// A scanner that was away for longer than the job was tried: the hourly clean-up looks again when it is back, and not before.
#[tokio::test(flavor = "multi_thread")]
async fn what_waited_for_the_scanner_is_looked_at_when_it_is_back() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = Scanner::new(&ScannerConfig::Require { address: closed.to_string() });
    let id = world.send_document(&doctor, &asha, &Sample::new("text/plain", b"clean")).await;
    let infected = world.send_document(&doctor, &asha, &Sample::new("text/plain", &eicar())).await;
    assert_eq!(world.look_at(&id, &away).await, Err("scanner.unavailable"));
    let clamd = Clamd::start().await;
    let back = Scanner::new(&ScannerConfig::Require { address: clamd.address.to_string() });
    let again = async |scanner: &Scanner, later_s: i64| {
        let now = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now());
        let now = now + chrono::TimeDelta::seconds(later_s);
        let intake = Intake { regional: &world.region.regional, scanner, now };
        rescan::run(&intake, world.alpha.tenant).await
    };
    assert_eq!(again(&back, 60).await, Ok(0), "its job is still being tried");
    assert_eq!(again(&away, 4_000).await, Ok(0), "nobody is asked who does not answer");
    assert_eq!(world.state(&doctor, &id).await.0, "scanning");
    assert_eq!(again(&back, 4_000).await, Ok(2));
    assert_eq!(world.state(&doctor, &id).await.0, "current");
    assert_eq!(world.state(&doctor, &infected).await, ("quarantined".into(), "malware".into()));
    assert_eq!(again(&back, 8_000).await, Ok(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registrations_key_is_not_a_documents() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&doctor).json(&patient("One", "D-1"));
    let asha = made.header("idempotency-key", "k").send().await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let route =
        app::routes::ROUTES.iter().find(|route| route.path == "/api/v1/patients/{id}/documents").unwrap();
    assert_eq!(route.method, "POST");
    let path = format!("/api/v1/patients/{asha}/documents");
    let ask = world.ask(&world.alpha, "POST", &path).by(&doctor).json(&sample_body(route, 0).unwrap());
    let reused = ask.header("idempotency-key", "k").send().await;
    assert_eq!(reused.outcome(), (422, "idempotency_key_reused".into()));
}
