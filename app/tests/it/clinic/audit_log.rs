//! What a clinic sees of its own audit log, and takes away to check years later; and what a database administrator cannot
//! hide (security.md T28, T38, T43, T47).

use std::collections::BTreeMap;

use app::access::Role;
use app::audit::rows::check_versions;
use auditlog::Receipt;
use auditlog::verify::{GAP_MAX_S, Options, SKEW_MAX_S, read_events, verify_folder};
use regions::clock::Clock;
use regions::ids::ShardId;
use serde_json::json;
use tenancy::audit_log::{Logged, RowsReport, Sealer, Term, check_rows, fetch};
use tenancy::keys::Purpose;
use uuid::Uuid;

use super::rotation::step_by_step;
use crate::support::{World, patient};

async fn registered(world: &World, actor: &crate::support::Actor, mrn: &str) -> String {
    let ask = world.ask(&world.alpha, "POST", "/api/v1/patients").by(actor).json(&patient("Canaryson", mrn));
    ask.send().await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn search(world: &World, actor: &crate::support::Actor, body: serde_json::Value) -> serde_json::Value {
    world
        .ask(&world.alpha, "POST", "/api/v1/audit/search")
        .by(actor)
        .json(&body)
        .send()
        .await
        .expect(200)
        .json()
}

/// What the log has of the clinic, sealed up to now, copied out of the archive and verified.
async fn copied(world: &World, sealer: &Sealer, term: &mut Term) -> Logged {
    sealer.drain(term).await.unwrap();
    sealer.publish().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    fetch(world.region.regional.archive(), ShardId(1), folder.path()).await.unwrap();
    let keys = vec![sealer.verifier_key().clone()];
    let options = Options { keys, gap_max_s: GAP_MAX_S, skew_max_s: SKEW_MAX_S };
    let report = verify_folder(folder.path(), &options).unwrap();
    assert!(report.ok, "{}", report.to_text());
    let mut logged: Logged = BTreeMap::new();
    read_events(folder.path(), |index, event, hash| {
        if event.tenant == *world.alpha.tenant.id.as_uuid().as_bytes() {
            logged.insert(Uuid::from_bytes(event.event_id), (index, hash, event));
        }
    })
    .unwrap();
    logged
}

async fn compared(world: &World, logged: &Logged) -> RowsReport {
    let mut rows = check_rows(&world.region.regional, world.alpha.tenant, logged).await.unwrap();
    check_versions(&world.region.regional, world.alpha.tenant, logged, &mut rows).await.unwrap();
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn a_privacy_officer_sees_who_used_a_patients_data_page_by_page() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let (one, other) = (registered(&world, &doctor, "A-1").await, registered(&world, &doctor, "A-2").await);
    for id in [&one, &one, &other] {
        world
            .ask(&world.alpha, "GET", &format!("/api/v1/patients/{id}"))
            .by(&doctor)
            .send()
            .await
            .expect(200);
    }
    let lab = world.staff(&world.alpha, Role::LabTechnician).await;
    world.ask(&world.alpha, "GET", "/api/v1/patients").by(&lab).send().await.expect(403);
    let first = search(&world, &officer, json!({ "about": "patient", "id": one, "limit": 2 })).await;
    let actions = |page: &serde_json::Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["action"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(actions(&first), ["patient.read", "patient.read"]);
    assert_eq!(first["items"][0]["patient"], json!(one));
    let sentence = "A member of the clinic's staff looked at the record for treatment.";
    assert_eq!(first["items"][0]["sentence"], json!(sentence));
    let cursor = first["next_cursor"].as_str().unwrap();
    let body = json!({ "about": "patient", "id": one, "cursor": cursor });
    // The search above is itself about this patient; the rest of the page is not disturbed by it.
    let second = search(&world, &officer, body).await;
    assert_eq!(actions(&second), ["patient.create"]);
    let again = search(&world, &officer, json!({ "about": "patient", "id": one, "limit": 1 })).await;
    assert_eq!(actions(&again), ["audit.search"], "who looked at the log is in the log");
    let denied = search(&world, &officer, json!({ "about": "denied" })).await;
    assert_eq!(actions(&denied), ["patient.list"]);
    let account = app::staff::model::AccountId::from(doctor.account).to_string();
    let did = search(&world, &officer, json!({ "about": "actor", "id": account })).await;
    assert_eq!(actions(&did).iter().filter(|action| *action == "patient.read").count(), 3);
    assert!(did["items"].as_array().unwrap().iter().all(|event| event["actor"] == json!(account)));
    let disclosed = search(&world, &officer, json!({ "about": "disclosures", "id": one })).await;
    assert_eq!(actions(&disclosed), Vec::<String>::new());
    for (body, status) in [
        (json!({ "about": "patient" }), 400),
        (json!({ "about": "patient", "id": account }), 400),
        (json!({ "about": "denied", "id": one }), 400),
        (json!({ "about": "denied", "cursor": "x" }), 400),
        (json!({ "about": "denied", "limit": 501 }), 400),
    ] {
        let ask = world.ask(&world.alpha, "POST", "/api/v1/audit/search").by(&officer).json(&body);
        assert_eq!(ask.send().await.status.as_u16(), status, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_checked_offline_and_outlives_the_patients_key() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let id = registered(&world, &doctor, "B-1").await;
    let seen = search(&world, &admin, json!({ "about": "patient", "id": id })).await;
    let event = seen["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/audit/events/{event}/receipt");
    let early = world.ask(&world.alpha, "GET", &path).by(&admin).send().await.expect(202);
    assert_eq!(early.header("retry-after"), "10");
    let sealer = Sealer::connect(&world.region.migrator_config, ShardId(1), Clock::system()).await.unwrap();
    let mut term = sealer.lead().await.unwrap().unwrap();
    sealer.drain(&mut term).await.unwrap();
    sealer.publish().await.unwrap();
    let text = world.ask(&world.alpha, "GET", &path).by(&admin).send().await.expect(200).text();
    let proved = Receipt::parse(&text).unwrap().verify(&[sealer.verifier_key().clone()]).unwrap();
    assert_eq!(Uuid::from_bytes(proved.event.event_id).to_string(), event);
    assert_eq!(proved.event.action, "patient.create");
    assert!(!text.contains("Canaryson"));
    // Another clinic's administrator has no receipt of it.
    let stranger = world.staff(&world.beta, Role::ClinicAdmin).await;
    world.ask(&world.beta, "GET", &path).by(&stranger).send().await.expect(404);
    // The patient's key is destroyed: every hash, chain and row still agrees.
    let gone = world.region.key_superuser().await;
    gone.batch_execute("TRUNCATE keystore.subject_key CASCADE").await.unwrap();
    let logged = copied(&world, &sealer, &mut term).await;
    let rows = compared(&world, &logged).await;
    assert_eq!((rows.findings.len(), rows.rows), (0, 1));
    // A superuser puts last week's row back, or takes it away.
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    for forgery in [format!("UPDATE {ops}.patient SET version = 0"), format!("DELETE FROM {ops}.patient")] {
        // Version 0 is refused by the table itself; an older row has a lower number than the log, whatever it is.
        superuser
            .batch_execute(&format!(
                "ALTER TABLE {ops}.patient DROP CONSTRAINT IF EXISTS patient_version_check"
            ))
            .await
            .unwrap();
        superuser.batch_execute(&forgery).await.unwrap();
        assert_eq!(compared(&world, &logged).await.findings.len(), 1, "{forgery}");
    }
}

/// A rotation gives rows other MACs at the same version, which is no forgery; putting the MAC of before back is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_the_logged_one_after_its_keys_were_rotated() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    registered(&world, &doctor, "C-1").await;
    let superuser = world.region.superuser().await;
    let phi = tenancy::SchemaName::phi(world.alpha.tenant.id).quoted();
    let mac = format!("SELECT row_mac FROM {phi}.person");
    let before: Vec<u8> = superuser.query_one(&mac, &[]).await.unwrap().get(0);
    step_by_step(&world, Purpose::RowMac, async |_| {}).await;
    step_by_step(&world, Purpose::BlindIndex, async |_| {}).await;
    let after: Vec<u8> = superuser.query_one(&mac, &[]).await.unwrap().get(0);
    assert_ne!(before, after);
    let sealer = Sealer::connect(&world.region.migrator_config, ShardId(1), Clock::system()).await.unwrap();
    let mut term = sealer.lead().await.unwrap().unwrap();
    let logged = copied(&world, &sealer, &mut term).await;
    let rows = compared(&world, &logged).await;
    assert_eq!((rows.findings, rows.rows), (Vec::new(), 1));
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    superuser.execute(&format!("UPDATE {phi}.person SET row_mac = $1"), &[&before]).await.unwrap();
    assert_eq!(compared(&world, &logged).await.findings.len(), 1);
}
