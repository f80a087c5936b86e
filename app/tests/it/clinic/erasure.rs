//! Catalogue entries T38 and T39: a patient is erased for good, by two people, whatever is restored afterwards.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::access::Role;
use app::documents::sweep;
use app::erasure::certificate::{Certificate, CertificateError};
use app::erasure::job::{self, Eraser, Work};
use app::jobs::queue::{self, Jobs};
use app::patients::model::PatientId;
use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use localaws::{Fault, FaultKind, Service};
use regions::clock::Clock;
use regions::shutdown::Shutdown;
use serde_json::{Value, json};
use tenancy::keys::{KeyError, LedgerEntry, SubjectId, ledger};
use tenancy::{JobPayload, Regional, SchemaName};
use uuid::Uuid;

use super::jobs::parts;
use crate::support::{Actor, Answer, Sample, World, patient};

/// How long an erasure may take, in seconds.
const ERASED_WITHIN_S: u64 = 5;

pub(super) async fn jobs(world: &World, dir: &Path) -> Arc<Jobs> {
    let eraser = Some(Eraser::connect(&world.region.migrator_config).await.unwrap());
    Arc::new(Jobs { eraser, ..parts(world, dir) })
}

/// Who asks, who agrees, and a patient with a document.
pub(super) struct Case {
    pub(super) world: World,
    pub(super) officer: Actor,
    pub(super) doctor: Actor,
    pub(super) id: String,
    document: String,
}

impl Case {
    async fn of(world: World) -> Case {
        let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
        let doctor = world.staff(&world.alpha, Role::Physician).await;
        let ask = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&doctor);
        let made = ask.json(&patient("Forgettable", "E-1")).header("idempotency-key", "once").send().await;
        let id = made.expect(201).json()["id"].as_str().unwrap().to_owned();
        let document = world.document(&doctor, &id, &Sample::new("text/plain", b"hello")).await;
        Case { world, officer, doctor, id, document }
    }

    pub(super) async fn new() -> Case {
        Case::of(World::new().await).await
    }

    async fn send(&self, by: &Actor, method: &str, rest: &str, body: Option<Value>) -> Answer {
        let path = format!("/api/v1/patients/{}{rest}", self.id);
        let ask = self.world.ask(&self.world.alpha, method, &path).by(by);
        match body {
            Some(body) => ask.json(&body).send().await,
            None => ask.send().await,
        }
    }

    async fn request(&self, basis: &str) -> Value {
        self.send(&self.doctor, "POST", "/erasures", Some(json!({ "basis": basis }))).await.expect(201).json()
    }

    async fn approve(&self, by: &Actor) -> Answer {
        self.send(by, "POST", "/erasures/approve", None).await
    }

    /// Asked for by one and agreed to by the other.
    pub(super) async fn agreed(&self) {
        self.request("registered_in_error").await;
        self.approve(&self.officer).await.expect(202);
    }

    async fn hold(&self, reason: &str) -> Answer {
        self.send(&self.officer, "POST", "/holds", Some(json!({ "reason": reason }))).await
    }

    pub(super) async fn last(&self) -> Value {
        self.send(&self.officer, "GET", "/erasures", None).await.expect(200).json()["items"][0].clone()
    }

    fn subject(&self) -> SubjectId {
        SubjectId::from(self.uuid())
    }

    fn uuid(&self) -> Uuid {
        PatientId::parse(&self.id).unwrap().uuid()
    }

    pub(super) async fn payload(&self) -> JobPayload {
        let ops = SchemaName::ops(self.world.alpha.tenant.id).quoted();
        let superuser = self.world.region.superuser().await;
        let row = superuser.query_one(&format!("SELECT id FROM {ops}.erasure"), &[]).await.unwrap();
        JobPayload::new(self.world.alpha.tenant.id).id("erasure", row.get(0))
    }

    /// Rows about the patient in the sealed half; remembered answers, ties and objects; keys.
    pub(super) async fn left(&self) -> (i64, i64, i64) {
        let tenant = self.world.alpha.tenant.id;
        let (ops, phi) = (SchemaName::ops(tenant).quoted(), SchemaName::phi(tenant).quoted());
        let superuser = self.world.region.superuser().await;
        let sql = format!(
            "SELECT (SELECT count(*) FROM {phi}.person WHERE patient_id = $1)
                  + (SELECT count(*) FROM {phi}.person_tag WHERE patient_id = $1)
                  + (SELECT count(*) FROM {phi}.break_glass WHERE patient_id = $1)
                  + (SELECT count(*) FROM {phi}.document_text),
                    (SELECT count(*) FROM {ops}.idempotency)
                  + (SELECT count(*) FROM {ops}.relationship WHERE patient_id = $1)
                  + (SELECT count(*) FROM {ops}.stored_object WHERE patient_id = $1)"
        );
        let row = superuser.query_one(&sql, &[&self.uuid()]).await.unwrap();
        let keys = self.world.region.key_superuser().await;
        let sql = "SELECT count(*) FROM keystore.subject_key WHERE subject = $1";
        (row.get(0), row.get(1), keys.query_one(sql, &[&self.uuid()]).await.unwrap().get(0))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t38_two_people_erase_a_patient_and_nothing_of_it_is_left() {
    let case = Case::new().await;
    let (world, officer, doctor) = (&case.world, &case.officer, &case.doctor);
    let dir = tempfile::tempdir().unwrap();
    let (trigger, shutdown) = Shutdown::new();
    let jobs = jobs(world, dir.path()).await;
    let public_key = jobs.eraser.as_ref().unwrap().signer.public_key_der().to_vec();
    let worker = queue::open(&world.region.config.shards[0], jobs, 2, shutdown).await.unwrap();
    let running = tokio::spawn(async move { worker.run().await.is_ok() });
    // Somebody reached for the patient in an emergency; that is about the patient too.
    let other = world.staff(&world.alpha, Role::Nurse).await;
    let reached =
        json!({ "patient": case.id, "reason_code": "emergency", "reason": "Alone on duty tonight." });
    world.ask(&world.alpha, "POST", "/api/v1/break-glass").by(&other).json(&reached).send().await.expect(201);
    let emergency = case.send(&other, "POST", "/erasures", Some(json!({ "basis": "court_order" }))).await;
    assert_eq!(emergency.outcome(), (403, "forbidden".into()), "an emergency is not for that");
    let before = case.left().await;
    assert!(before.0 > 0 && before.1 > 0 && before.2 == 1, "{before:?}");

    assert_eq!(case.request("registered_in_error").await["state"], "requested");
    let twice = case.send(officer, "POST", "/erasures", Some(json!({ "basis": "court_order" }))).await;
    assert_eq!(twice.outcome(), (409, "erasure_open".into()));
    assert_eq!(case.approve(doctor).await.outcome(), (403, "forbidden".into()), "who treats does not decide");
    let begun = Instant::now();
    case.approve(officer).await.expect(202);
    let view = loop {
        let view = case.last().await;
        if view["state"] == "shredded" {
            break view;
        }
        assert!(begun.elapsed() < Duration::from_secs(4 * ERASED_WITHIN_S), "{view}");
        tokio::task::yield_now().await;
    };
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(ERASED_WITHIN_S), "{took:?}");
    trigger.trigger();
    assert!(running.await.unwrap());

    is_answered_like_nobody(&case).await;
    assert_eq!(case.left().await, (0, 0, 0));
    let again = world.ask(&world.alpha, "POST", "/api/v1/patients").by(doctor).json(&patient("Other", "E-1"));
    again.header("idempotency-key", "once").send().await.expect(201);

    // The ledger has it where nobody can change it, and the certificate says so to anybody.
    let name = ledger::entry_name(1);
    let (version, bytes) = world.region.regional.archive().get_first(&name).await.unwrap();
    let entry: LedgerEntry = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((entry.seq, entry.subject), (1, case.uuid()));
    assert!(world.region.regional.archive().retention(&name, &version).await.unwrap().compliance);
    let certificate = view["certificate"].to_string();
    let statement = Certificate::verify(&certificate, &public_key).unwrap();
    assert_eq!((statement.ledger, statement.ledger_version.as_str()), (entry, version.as_str()));
    assert_eq!((statement.objects_removed, statement.rows_removed > 2), (1, true));
    let forged = certificate.replace("registered_in_error", "consent_withdrawn\u{20}\u{20}");
    assert_eq!(Certificate::verify(&forged, &public_key), Err(CertificateError::Signature));
    assert_eq!(Certificate::verify(&certificate, &public_key[1..]), Err(CertificateError::Key));
    // What was done to the patient's record, and by whom, stays.
    let log = world.audit(&world.alpha).await;
    for action in ["patient.create", "erasure.request", "erasure.approve", "erasure.shred", "erasure.end"] {
        assert!(log.iter().any(|entry| entry.0 == action && entry.1 == "allow"), "{action}: {log:?}");
    }
}

/// For everybody, those who were tied to the patient and those who see the whole clinic.
async fn is_answered_like_nobody(case: &Case) {
    let world = &case.world;
    for by in [&case.officer, &case.doctor] {
        for rest in ["", "/documents", "/care-team"] {
            let answer = case.send(by, "GET", rest, None).await.outcome();
            assert_eq!(answer, (404, "not_found".into()), "{rest}");
        }
        let document = format!("/api/v1/documents/{}", case.document);
        let answer = world.ask(&world.alpha, "GET", &document).by(by).send().await;
        assert_eq!(answer.outcome(), (404, "not_found".into()));
        for criterion in [json!({ "mrn": "E-1" }), json!({ "name_starts_with": "forgett" })] {
            let found = world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(by).json(&criterion);
            assert_eq!(found.send().await.expect(200).json()["items"], json!([]), "{criterion}");
        }
        let listed = world.ask(&world.alpha, "GET", "/api/v1/patients").by(by).send().await.expect(200);
        assert_eq!(listed.json()["items"], json!([]));
    }
    let again = case.send(&case.officer, "POST", "/erasures", Some(json!({ "basis": "court_order" }))).await;
    assert_eq!(again.outcome(), (404, "not_found".into()));
    assert_eq!(case.hold("litigation").await.outcome(), (404, "not_found".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_fails_at_any_step_is_ended_by_the_next_run_under_the_same_number() {
    let case = Case::new().await;
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(&case.world, dir.path()).await;
    case.agreed().await;
    let payload = case.payload().await;
    let aws = &case.world.region.aws;
    let fault = |service, operation: &str| Fault {
        service,
        operation: Some(operation.to_owned()),
        kind: FaultKind::Status { code: 403 },
        times: None,
    };
    for (service, operation, code, state) in [
        (Service::S3, "PutObject", "erase.ledger", "shredding"),
        (Service::Kms, "Sign", "erase.sign", "shredding"),
    ] {
        aws.faults().inject(fault(service, operation));
        assert_eq!(job::run(&jobs, &payload).await, Err(code));
        aws.faults().clear();
        assert_eq!(case.left().await.2, 0, "the key goes first");
        is_answered_like_nobody(&case).await;
        let view = case.last().await;
        assert_eq!((&view["state"], &view["certificate"]), (&json!(state), &Value::Null));
    }
    for _again in 0..2 {
        assert_eq!(job::run(&jobs, &payload).await, Ok(()));
        let view = case.last().await;
        assert_eq!((&view["state"], &view["ledger_seq"]), (&json!("shredded"), &json!(1)));
    }
    assert_eq!(case.left().await, (0, 0, 0));
    let archive = case.world.region.regional.archive();
    assert_eq!(ledger::first_after(archive, 1).await, Ok(None), "one entry, not two");
}

/// A queue that gave up, or was restored: the hourly clean-up ends what two people agreed to.
#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_that_no_job_sees_to_is_ended_by_the_clean_up() {
    let case = Case::new().await;
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(&case.world, dir.path()).await;
    case.agreed().await;
    job::resume(&jobs, case.world.alpha.tenant).await.unwrap();
    assert_eq!(case.last().await["state"], "approved", "its own job has its time");
    case.world.clock.advance_ms(11 * 60_000);
    case.world.keep_awake(&case.world.alpha).await;
    job::resume(&jobs, case.world.alpha.tenant).await.unwrap();
    assert_eq!(case.left().await, (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_patient_under_a_legal_hold_is_erased_or_deleted() {
    let case = Case::new().await;
    let (world, officer, doctor) = (&case.world, &case.officer, &case.doctor);
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(world, dir.path()).await;
    case.request("court_order").await;
    assert_eq!(case.send(doctor, "POST", "/holds", Some(json!({ "reason": "regulator" }))).await.status, 403);
    case.hold("litigation").await.expect(201);
    assert_eq!(case.hold("regulator").await.outcome(), (409, "hold_standing".into()));
    assert_eq!(case.approve(officer).await.outcome(), (409, "legal_hold".into()));
    let document = format!("/api/v1/documents/{}", case.document);
    let version = world.ask(&world.alpha, "GET", &document).by(doctor).send().await.header("etag");
    let delete = || world.ask(&world.alpha, "DELETE", &document).by(doctor).header("if-match", &version);
    assert_eq!(delete().send().await.outcome(), (409, "legal_hold".into()));
    case.send(officer, "POST", "/holds/release", None).await.expect(204);
    assert_eq!(case.send(officer, "POST", "/holds/release", None).await.outcome(), (409, "no_hold".into()));
    let listed = case.send(officer, "GET", "/holds", None).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert!(listed["items"][0]["released_at"].is_string(), "{listed}");

    // A document that was deleted before the hold keeps its bytes as long as the hold stands.
    delete().send().await.expect(204);
    case.hold("regulator").await.expect(201);
    let much_later = DateTime::<Utc>::from(world.app.clock.now()) + TimeDelta::days(40_000);
    let blobs = case.left().await.1;
    sweep::run(&world.region.regional, world.alpha.tenant, much_later).await.unwrap();
    assert_eq!(case.left().await.1, blobs, "the object is there");
    case.send(officer, "POST", "/holds/release", None).await.expect(204);

    // A hold that comes after the agreement stops the destruction, and the agreement with it.
    case.approve(officer).await.expect(202);
    case.hold("regulator").await.expect(201);
    assert_eq!(job::run(&jobs, &case.payload().await).await, Ok(()));
    assert_eq!(case.last().await["state"], "requested");
    case.send(doctor, "GET", "", None).await.expect(200);
    assert_eq!(case.left().await.2, 1, "the key is there");
    case.send(officer, "POST", "/holds/release", None).await.expect(204);
    case.approve(officer).await.expect(202);
    assert_eq!(job::run(&jobs, &case.payload().await).await, Ok(()));
    assert_eq!(case.left().await, (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_agrees_to_the_own_request_and_an_officer_needs_no_tie() {
    let case = Case::new().await;
    let second = case.world.staff(&case.world.alpha, Role::PrivacyOfficer).await;
    let body = Some(json!({ "basis": "court_order" }));
    case.send(&case.officer, "POST", "/erasures", body).await.expect(201);
    assert_eq!(case.approve(&case.officer).await.outcome(), (409, "second_person_needed".into()));
    // The database says so too.
    let ops = SchemaName::ops(case.world.alpha.tenant.id).quoted();
    let superuser = case.world.region.superuser().await;
    let alone = format!("UPDATE {ops}.erasure SET state = 'approved', decided_by = requested_by");
    assert!(superuser.batch_execute(&alone).await.is_err());
    case.world.clock.advance_ms(6 * 60_000);
    assert_eq!(case.approve(&second).await.outcome(), (403, "step_up_required".into()));
    case.world.prove_now(&case.world.alpha, &second).await;
    case.approve(&second).await.expect(202);
    assert_eq!(case.approve(&second).await.outcome(), (409, "erasure_not_waiting".into()));
}

/// Catalogue entry T39: the key store as it was before the erasure.
#[tokio::test(flavor = "multi_thread")]
async fn t39_a_key_store_older_than_the_ledger_is_refused_until_the_ledger_is_replayed() {
    let case = Case::new().await;
    let region = &case.world.region;
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(&case.world, dir.path()).await;
    let keys = region.key_superuser().await;
    keys.batch_execute("CREATE TABLE backup AS TABLE keystore.subject_key").await.unwrap();
    case.agreed().await;
    job::run(&jobs, &case.payload().await).await.unwrap();
    Regional::connect(&region.config, Clock::system()).await.unwrap();

    let restore = "DELETE FROM keystore.erased; DELETE FROM keystore.subject_key;
        INSERT INTO keystore.subject_key SELECT * FROM backup";
    keys.batch_execute(restore).await.unwrap();
    assert!(region.regional.keys().subject_key(case.world.alpha.tenant.id, case.subject()).await.is_ok());
    let refused = Regional::connect(&region.config, Clock::system()).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("key_store: expected"), "{refused}");
    assert!(region.regional.check_pins().await.is_err(), "a running process stops too");

    let eraser = jobs.eraser.as_ref().unwrap();
    let replayed = ledger::replay(region.regional.archive(), &eraser.keeper, region.config.region).await;
    assert_eq!(replayed, Ok(1));
    Regional::connect(&region.config, Clock::system()).await.unwrap();
    let key = region.regional.keys().subject_key(case.world.alpha.tenant.id, case.subject()).await;
    assert_eq!(key.map(|_| ()), Err(KeyError::NotFound));
}

/// Catalogue entry T39: the clinic's database as it was before the erasure. Nothing of it opens, and it is taken out again.
#[tokio::test(flavor = "multi_thread")]
async fn t39_a_clinics_database_that_was_restored_shows_nothing_and_is_cleaned_from_the_ledger() {
    let case = Case::new().await;
    let (world, tenant) = (&case.world, case.world.alpha.tenant);
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(world, dir.path()).await;
    let (ops, phi) = (SchemaName::ops(tenant.id).quoted(), SchemaName::phi(tenant.id).quoted());
    let superuser = world.region.superuser().await;
    let tables = [format!("{ops}.relationship"), format!("{phi}.person"), format!("{phi}.person_tag")];
    for (number, table) in tables.iter().enumerate() {
        superuser.batch_execute(&format!("CREATE TABLE kept_{number} AS TABLE {table}")).await.unwrap();
    }
    case.agreed().await;
    job::run(&jobs, &case.payload().await).await.unwrap();
    assert_eq!(case.left().await, (0, 0, 0));

    let mut restore = format!(
        "SET session_replication_role = replica; DELETE FROM {ops}.erasure; UPDATE {ops}.patient SET state = 'active', version = version - 1;"
    );
    for (number, table) in tables.iter().enumerate() {
        restore.push_str(&format!("INSERT INTO {table} SELECT * FROM kept_{number};"));
    }
    superuser.batch_execute(&restore).await.unwrap();
    for by in [&case.officer, &case.doctor] {
        let answer = case.send(by, "GET", "", None).await;
        assert_eq!(answer.outcome(), (503, "key_revoked".into()));
        assert!(!answer.text().contains("Forgettable"));
    }
    let eraser = jobs.eraser.as_ref().unwrap();
    let work = Work { regional: &world.region.regional, clock: &world.app.clock, eraser, tenant };
    for expected in [true, false] {
        assert_eq!(work.take_out(case.uuid()).await, Ok(expected));
    }
    is_answered_like_nobody(&case).await;
    assert_eq!(case.left().await, (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_the_law_refuses_is_answered_with_the_reason_and_what_there_is_instead() {
    let us = Case::new().await;
    let view = us.request("patient_request").await;
    assert_eq!(
        (&view["state"], &view["refusal"]),
        (&json!("refused"), &json!("no_right_to_erasure_under_hipaa"))
    );
    assert!(view["alternatives"].as_array().unwrap().contains(&json!("amendment_45_cfr_164_526")), "{view}");
    assert_eq!(us.approve(&us.officer).await.outcome(), (409, "erasure_not_waiting".into()));
    let india = Case::of(World::india().await).await;
    let view = india.request("consent_withdrawn").await;
    assert_eq!((&view["state"], &view["refusal"]), (&json!("refused"), &json!("record_must_be_kept")));
    // Three years later nothing keeps it.
    india.world.clock.advance_ms(3 * 366 * 24 * 3_600_000);
    let officer = india.world.staff(&india.world.alpha, Role::PrivacyOfficer).await;
    let body = Some(json!({ "basis": "consent_withdrawn" }));
    let asked = india.send(&officer, "POST", "/erasures", body).await.expect(201).json();
    assert_eq!(asked["state"], "requested");
    let called_off = india.send(&officer, "POST", "/erasures/cancel", None).await.expect(200).json();
    assert_eq!(called_off["state"], "cancelled");
}

/// Whatever table is added: an erasure either removes its rows by their patient, or this names how they go.
#[tokio::test(flavor = "multi_thread")]
async fn every_table_of_the_sealed_half_says_whose_rows_it_has() {
    let world = World::new().await;
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_attribute a
            WHERE a.attrelid = c.oid AND a.attname = 'patient_id' AND NOT a.attisdropped)";
    let phi = SchemaName::phi(world.alpha.tenant.id).to_string();
    let rows = world.region.superuser().await.query(sql, &[&phi]).await.unwrap();
    let others: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    // Removed by `documents::erasure::forget`.
    assert_eq!(others, ["document_text"]);
}

#[test]
fn a_certificate_that_is_none_is_refused() {
    for text in ["", "{}", "[]", "{\"statement\":1}"] {
        assert_eq!(Certificate::verify(text, &[]), Err(CertificateError::Form), "{text}");
    }
    let base64 = base64::engine::general_purpose::STANDARD;
    let text =
        json!({ "statement": "{}", "signature": base64.encode([0; 8]), "public_key": base64.encode([1; 8]) });
    assert_eq!(Certificate::verify(&text.to_string(), &[1; 8]), Err(CertificateError::Key));
}
