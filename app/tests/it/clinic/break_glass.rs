//! Emergency access: one patient, a reason, an hour at most, told at once, reviewed by somebody else, and recorded or not
//! done (catalogue entry T62).

use std::time::{Duration, Instant};

use app::access::Role;
use app::jobs::queue;
use app::patients::model::PatientId;
use app::staff::model::AccountId;
use regions::shutdown::Shutdown;
use serde_json::{Value, json};

use crate::support::{Actor, Answer, World, patient};

const REASON: &str = "Unconscious on arrival, zzreason nobody else on duty.";

struct Scene {
    world: World,
    officer: Actor,
    doctor: Actor,
    id: String,
}

async fn scene() -> Scene {
    let world = World::new().await;
    let treating = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let made =
        world.ask(&world.alpha, "POST", "/api/v1/patients").by(&treating).json(&patient("Urgent", "U-1"));
    let id = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    Scene { world, officer, doctor, id }
}

impl Scene {
    fn reason(&self) -> Value {
        json!({ "patient": self.id, "reason_code": "emergency", "reason": REASON })
    }

    async fn start(&self, by: &Actor, body: &Value) -> Answer {
        self.world.ask(&self.world.alpha, "POST", "/api/v1/break-glass").by(by).json(body).send().await
    }

    async fn read(&self, by: &Actor) -> u16 {
        let path = format!("/api/v1/patients/{}", self.id);
        self.world.ask(&self.world.alpha, "GET", &path).by(by).send().await.status.as_u16()
    }

    async fn open(&self) -> Vec<Value> {
        let ask = self.world.ask(&self.world.alpha, "GET", "/api/v1/break-glass").by(&self.officer);
        ask.send().await.expect(200).json()["items"].as_array().unwrap().clone()
    }

    async fn review(&self, by: &Actor, id: &str) -> Answer {
        let body = json!({ "verdict": "justified", "note": "Alone on duty, as the rota says." });
        let path = format!("/api/v1/break-glass/{id}/review");
        self.world.ask(&self.world.alpha, "POST", &path).by(by).json(&body).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t62_one_patient_for_an_hour_with_a_reason_and_the_log_says_so() {
    let scene = scene().await;
    let (world, doctor) = (&scene.world, &scene.doctor);
    let other = world.ask(&world.alpha, "POST", "/api/v1/patients");
    let treating = world.staff(&world.alpha, Role::Physician).await;
    let other = other.by(&treating).json(&patient("Second", "U-2")).send().await.expect(201);
    let other = format!("/api/v1/patients/{}", other.json()["id"].as_str().unwrap());

    let with = |field: &str, value: Value| {
        let mut body = scene.reason();
        body[field] = value;
        body
    };
    let absent = PatientId::random().to_string();
    for (body, expected) in [
        (with("reason", json!("no")), (400, "invalid_request")),
        (with("reason", json!(" .        .        . ")), (400, "invalid_request")),
        (with("minutes", json!(61)), (400, "invalid_request")),
        (with("minutes", json!(0)), (400, "invalid_request")),
        (with("reason_code", json!("curious")), (400, "invalid_request")),
        (with("mrn", json!("U-1")), (400, "invalid_request")),
        (with("patient", json!(absent)), (404, "not_found")),
        (with("patient", json!("nobody")), (404, "not_found")),
    ] {
        let refused = scene.start(doctor, &body).await.outcome();
        assert_eq!((refused.0, refused.1.as_str()), expected, "{body}");
    }
    for role in Role::ALL {
        if !matches!(role, Role::Physician | Role::Nurse) {
            let nobody = world.staff(&world.alpha, role).await;
            assert_eq!(scene.start(&nobody, &scene.reason()).await.outcome(), (403, "forbidden".into()));
        }
    }

    // A factor that is older than five minutes is no proof, and a password alone is none at all.
    world.clock.advance_ms(301_000);
    assert_eq!(scene.start(doctor, &scene.reason()).await.outcome(), (403, "step_up_required".into()));
    let weak = world.password_only(&world.alpha, Role::Physician).await;
    assert_eq!(scene.start(&weak, &scene.reason()).await.outcome(), (403, "second_factor_required".into()));
    world.keep_awake(&world.alpha).await;

    assert_eq!(scene.read(doctor).await, 404);
    let started = scene.start(doctor, &scene.reason()).await.expect(201).json();
    assert_eq!(scene.read(doctor).await, 200);
    assert_eq!(scene.start(doctor, &scene.reason()).await.outcome(), (409, "in_reach".into()));
    let second = world.ask(&world.alpha, "GET", &other).by(doctor).send().await;
    assert_eq!(second.outcome(), (404, "not_found".into()), "one patient");
    // No tie that lasts comes of it, and no other use than reading and correcting.
    let join = json!({ "account": AccountId::from(doctor.account).to_string() });
    let team = format!("/api/v1/patients/{}/care-team", scene.id);
    let joined = world.ask(&world.alpha, "POST", &team).by(doctor).json(&join).send().await;
    assert_eq!(joined.outcome(), (403, "forbidden".into()));
    let last = world.audit(&world.alpha).await.pop().unwrap();
    assert_eq!((last.0.as_str(), last.2.as_deref()), ("care_team.join", Some("break_glass")));

    // The patient's history shows it as what it was.
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let patient = PatientId::parse(&scene.id).unwrap().uuid();
    let sql = format!(
        "SELECT count(*) FROM {ops}.audit_event WHERE subject_id = $1 AND actor_id = $2 AND purpose = 'BREAKGLASS'
         AND action IN ('break_glass.start', 'patient.read') AND outcome = 'allow'"
    );
    let superuser = world.region.superuser().await;
    let shown: i64 = superuser.query_one(sql.as_str(), &[&patient, &doctor.account]).await.unwrap().get(0);
    assert_eq!(shown, 2);

    // It ends by itself.
    world.clock.advance_ms(60 * 60_000);
    world.keep_awake(&world.alpha).await;
    assert_eq!(scene.read(doctor).await, 404, "after an hour");
    let end = format!("/api/v1/break-glass/{}/end", started["id"].as_str().unwrap());
    let over = world.ask(&world.alpha, "POST", &end).by(doctor).send().await;
    assert_eq!(over.outcome(), (404, "not_found".into()));
    // And can be ended before; by MRN, because that is what is on the wrist.
    let by_mrn = json!({ "mrn": "u-1", "reason_code": "covering", "reason": REASON, "minutes": 5 });
    let started = scene.start(doctor, &by_mrn).await.expect(201).json();
    assert_eq!((started["patient"].as_str(), scene.read(doctor).await), (Some(scene.id.as_str()), 200));
    let end = format!("/api/v1/break-glass/{}/end", started["id"].as_str().unwrap());
    let someone = world.ask(&world.alpha, "POST", &end).by(&treating).send().await;
    assert_eq!(someone.outcome(), (404, "not_found".into()), "somebody else's");
    world.ask(&world.alpha, "POST", &end).by(doctor).send().await.expect(204);
    assert_eq!(scene.read(doctor).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn t62_the_review_stays_open_until_somebody_else_has_done_it() {
    let scene = scene().await;
    let world = &scene.world;
    let started = scene.start(&scene.doctor, &scene.reason()).await.expect(201).json();
    let id = started["id"].as_str().unwrap();
    let open = scene.open().await;
    assert_eq!(open.len(), 1);
    assert_eq!((open[0]["reason"].as_str(), open[0]["overdue"].as_bool()), (Some(REASON), Some(false)));
    assert_eq!(scene.review(&scene.doctor, id).await.outcome(), (403, "forbidden".into()));
    // Not even as privacy officer does somebody review what they did as physician.
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    let officer = Role::PrivacyOfficer.as_str();
    world.change_account(&world.alpha, scene.doctor.account, |row| row.role = officer.to_owned()).await;
    assert_eq!(scene.review(&scene.doctor, id).await.outcome(), (409, "own_access".into()));
    world.clock.advance_ms(73 * 3_600_000);
    world.keep_awake(&world.alpha).await;
    superuser
        .batch_execute(&format!("UPDATE {ops}.session SET absolute_expires_at = '2100-01-01'"))
        .await
        .unwrap();
    let open = scene.open().await;
    assert_eq!((open.len(), open[0]["overdue"].as_bool()), (1, Some(true)));
    scene.review(&scene.officer, id).await.expect(204);
    assert!(scene.open().await.is_empty());
    assert_eq!(scene.review(&scene.officer, id).await.outcome(), (404, "not_found".into()), "once");
    let last = world.audit(&world.alpha).await.into_iter().rfind(|one| one.0 == "break_glass.review");
    assert_eq!(last.unwrap().1, "deny");
    // Why is nobody's to read in the database.
    let phi = tenancy::SchemaName::phi(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT count(*) FROM {phi}.break_glass t WHERE t::text LIKE '%zzreason%'");
    assert_eq!(superuser.query_one(sql.as_str(), &[]).await.unwrap().get::<_, i64>(0), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_privacy_officer_is_told_at_once_and_again_when_nobody_reviews() {
    let scene = scene().await;
    let world = &scene.world;
    let started = scene.start(&scene.doctor, &scene.reason()).await.expect(201).json();
    let superuser = world.region.superuser().await;
    let jobs = superuser
        .query(
            "SELECT payload::text, run_at <= now() FROM graphile_worker._private_jobs ORDER BY run_at",
            &[],
        )
        .await
        .unwrap();
    let due: Vec<bool> = jobs.iter().map(|row| row.get(1)).collect();
    assert_eq!(due, [true, false], "one now, one when the review is due");
    let payload: String = jobs[0].get(0);
    assert!(!payload.contains("zzreason") && payload.contains("break_glass"), "{payload}");
    let dir = tempfile::tempdir().unwrap();
    let told = super::jobs::jobs(&scene.world, dir.path());
    let id = app::break_glass::model::BreakGlassId::parse(started["id"].as_str().unwrap()).unwrap();
    let payload = tenancy::JobPayload::new(world.alpha.tenant.id).id("break_glass", id.uuid());
    let mails = || {
        let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect::<Vec<_>>()
    };
    app::break_glass::notice::run(&told, &payload).await.unwrap();
    let first = mails();
    assert_eq!(first.len(), 1, "the one privacy officer");
    let text = std::fs::read_to_string(&first[0]).unwrap().replace("=\r\n", "");
    assert!(text.contains("To: staff-") && text.contains(&world.alpha.host), "{text}");
    for secret in [scene.id.as_str(), "zzreason", "Urgent", "U-1"] {
        assert!(!text.contains(secret), "{secret} is in the mail");
    }
    let _admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    app::break_glass::notice::run(&told, &payload).await.unwrap();
    assert_eq!(mails().len(), 3, "again, and the administrator too");
    scene.review(&scene.officer, started["id"].as_str().unwrap()).await.expect(204);
    app::break_glass::notice::run(&told, &payload).await.unwrap();
    assert_eq!(mails().len(), 3, "nothing more once it is reviewed");
}

/// From the request to the letter, by the queue that a worker runs.
#[tokio::test(flavor = "multi_thread")]
async fn the_privacy_officer_has_the_mail_within_a_minute() {
    const TOLD_MAX: Duration = Duration::from_secs(60);
    let scene = scene().await;
    let world = &scene.world;
    let dir = tempfile::tempdir().unwrap();
    let (trigger, shutdown) = Shutdown::new();
    let told = super::jobs::jobs(world, dir.path());
    let worker = queue::open(&world.region.config.shards[0], told, 2, shutdown).await.unwrap();
    let running = tokio::spawn(async move { worker.run().await.is_ok() });
    let started = Instant::now();
    scene.start(&scene.doctor, &scene.reason()).await.expect(201);
    while super::jobs::mails(dir.path()).is_empty() {
        assert!(started.elapsed() < TOLD_MAX, "no mail after {TOLD_MAX:?}");
        tokio::task::yield_now().await;
    }
    trigger.trigger();
    assert!(running.await.unwrap());
}

/// It works when alerts do not, and does not when the log does not.
#[tokio::test(flavor = "multi_thread")]
async fn t62_without_the_log_there_is_no_emergency_access() {
    let scene = scene().await;
    let world = &scene.world;
    let superuser = world.region.superuser().await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    superuser
        .batch_execute(&format!("ALTER TABLE {ops}.audit_event ADD CONSTRAINT down CHECK (false) NOT VALID"))
        .await
        .unwrap();
    let refused = scene.start(&scene.doctor, &scene.reason()).await;
    assert_eq!(refused.outcome(), (503, "audit_unavailable".into()));
    superuser.batch_execute(&format!("ALTER TABLE {ops}.audit_event DROP CONSTRAINT down")).await.unwrap();
    assert_eq!(scene.read(&scene.doctor).await, 404);
    assert!(scene.open().await.is_empty());
}
