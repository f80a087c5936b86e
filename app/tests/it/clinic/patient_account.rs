//! A patient's own way in: opened at the desk, a code by mail, the own record and nobody else's.

use app::access::Role;
use serde_json::json;
use uuid::Uuid;

use super::email_change::ids;
use super::factors::code_at;
use super::jobs::{cut_off, jobs, mails};
use super::sessions::actor;
use crate::support::{Actor, Answer, World, patient};

/// A clinic whose front desk has registered a patient and opened the record to her.
pub(super) struct Desk {
    pub(super) world: World,
    pub(super) desk: Actor,
    /// Hers, and another one's.
    pub(super) ids: [String; 2],
}

pub(super) const ADDRESS: &str = "asha.rao@example.com";

impl Desk {
    pub(super) async fn new() -> Desk {
        Desk::of(World::new().await).await
    }

    pub(super) async fn of(world: World) -> Desk {
        let desk = world.staff(&world.alpha, Role::Receptionist).await;
        let mut ids = [const { String::new() }; 2];
        for (id, mrn) in ids.iter_mut().zip(["P-1", "P-2"]) {
            let made =
                world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&patient("Rao", mrn));
            *id = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
        }
        let desk = Desk { world, desk, ids };
        desk.open(0, ADDRESS).await.expect(200);
        desk
    }

    pub(super) async fn open(&self, which: usize, email: &str) -> Answer {
        let path = format!("/api/v1/patients/{}/account", self.ids[which]);
        let ask = self.world.ask(&self.world.alpha, "POST", &path).by(&self.desk);
        ask.json(&json!({ "email": email })).send().await
    }

    /// Asks for a code; the browser's cookie and the answer.
    pub(super) async fn ask(&self, email: &str) -> (String, Answer) {
        let body = json!({ "email": email });
        let answer = self
            .world
            .ask(&self.world.alpha, "POST", "/api/v1/sessions/code")
            .json(&body)
            .send()
            .await
            .expect(202);
        let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
        (cookie, answer)
    }

    /// Runs the worker for everything that was asked for; the codes it sent.
    pub(super) async fn codes(&self) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let jobs = jobs(&self.world, dir.path());
        let ops = tenancy::SchemaName::ops(self.world.alpha.tenant.id).quoted();
        let sql = format!("SELECT id FROM {ops}.sign_in_code ORDER BY created_at");
        for row in self.world.region.superuser().await.query(sql.as_str(), &[]).await.unwrap() {
            let id: Uuid = row.get(0);
            let payload = tenancy::JobPayload::new(self.world.alpha.tenant.id).id("request", id);
            // Twice, as a queue may: it is sent once.
            app::jobs::send_code::run(&jobs, &payload).await.unwrap();
            app::jobs::send_code::run(&jobs, &payload).await.unwrap();
        }
        let read = |path| std::fs::read_to_string(path).unwrap();
        mails(dir.path()).into_iter().map(|mail| code_in(&read(mail))).collect()
    }

    pub(super) async fn complete(&self, cookie: &str, code: &str) -> Answer {
        let ask = self.world.ask(&self.world.alpha, "POST", "/api/v1/sessions/code/complete");
        ask.json(&json!({ "code": code })).header("cookie", cookie).send().await
    }

    pub(super) async fn signed_in(&self) -> (Actor, Answer) {
        self.signed_in_as(ADDRESS).await
    }

    pub(super) async fn signed_in_as(&self, email: &str) -> (Actor, Answer) {
        let (cookie, _) = self.ask(email).await;
        let codes = self.codes().await;
        let session = self.complete(&cookie, codes.last().unwrap()).await.expect(201);
        (actor(&session), session)
    }

    pub(super) async fn get(&self, who: &Actor, path: &str) -> Answer {
        self.world.ask(&self.world.alpha, "GET", path).by(who).send().await
    }
}

/// The line of the mail that holds nothing but digits.
pub(super) fn code_in(mail: &str) -> String {
    let line = mail
        .lines()
        .map(str::trim)
        .find(|line| line.len() == 9 && line.bytes().all(|byte| byte.is_ascii_digit() || byte == b' '));
    line.unwrap_or_else(|| panic!("no code in {mail}")).to_owned()
}

fn refused() -> (u16, String) {
    (401, "code_refused".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_signs_in_with_a_code_and_sees_the_own_record_and_nobody_elses() {
    let desk = Desk::new().await;
    let (me, session) = desk.signed_in().await;
    assert_eq!(
        (&session.json()["role"], &session.json()["second_factor"]),
        (&json!("patient"), &json!("proven"))
    );
    let list = desk.get(&me, "/api/v1/patients").await.expect(200).json();
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["id"]), (1, &json!(desk.ids[0])));
    let record = desk.get(&me, &format!("/api/v1/patients/{}", desk.ids[0])).await.expect(200).json();
    assert_eq!(record["names"][0]["family"], "Rao");
    let other = desk.get(&me, &format!("/api/v1/patients/{}", desk.ids[1])).await;
    assert_eq!(other.outcome(), (404, "not_found".into()));
    for path in ["/api/v1/staff", "/api/v1/break-glass"] {
        assert_eq!(desk.get(&me, path).await.outcome(), (403, "forbidden".into()), "{path}");
    }
    let staff = desk.world.staff(&desk.world.alpha, Role::ClinicAdmin).await;
    let listed = desk.get(&staff, "/api/v1/staff").await.expect(200).text().to_owned();
    assert!(!listed.contains(session.json()["account"].as_str().unwrap()), "patients are no staff");

    // What a mailbox proves is not enough to change how she signs in.
    let renew = desk.world.ask(&desk.world.alpha, "POST", "/api/v1/me/factors/recovery-codes").by(&me);
    assert_eq!(renew.send().await.outcome(), (403, "step_up_required".into()));
    desk.world.clock.advance_ms(601_000);
    assert_eq!(desk.get(&me, "/api/v1/me").await.status.as_u16(), 401, "idle for ten minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once_in_its_browser_in_time_and_for_five_tries() {
    let desk = Desk::new().await;
    let (mine, _) = desk.ask(ADDRESS).await;
    let code = desk.codes().await.pop().unwrap();
    let (elsewhere, _) = desk.ask("stranger@example.com").await;
    assert_eq!(desk.complete(&elsewhere, &code).await.outcome(), refused(), "asked for in another browser");
    assert_eq!(desk.complete("a=b", &code).await.outcome(), refused());
    for wrong in ["", "0000", "not a code", &"9".repeat(1_000)] {
        assert_eq!(desk.complete(&mine, wrong).await.outcome(), refused(), "{wrong}");
    }
    desk.complete(&mine, &code.replace(' ', "-")).await.expect(201);
    assert_eq!(desk.complete(&mine, &code).await.outcome(), refused(), "once");

    let (guessed, _) = desk.ask(ADDRESS).await;
    let code = desk.codes().await.pop().unwrap();
    for _ in 0..5 {
        assert_eq!(desk.complete(&guessed, "12345678").await.outcome(), refused());
    }
    assert_eq!(desk.complete(&guessed, &code).await.outcome(), refused(), "five tries");

    let (late, _) = desk.ask(ADDRESS).await;
    let code = desk.codes().await.pop().unwrap();
    desk.world.clock.advance_ms(600_000);
    assert_eq!(desk.complete(&late, &code).await.outcome(), refused(), "ten minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_to_sign_in_with_that_was_not_handed_over_is_sent_later_and_not_too_late() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let failed = async || {
        let (jobs, mut failed) = (cut_off(world), 0);
        for id in ids(world, "sign_in_code", "true").await {
            let payload = tenancy::JobPayload::new(world.alpha.tenant.id).id("request", id);
            if let Err(code) = app::jobs::send_code::run(&jobs, &payload).await {
                assert_eq!(code, "mail.send");
                failed += 1;
            }
        }
        failed
    };
    let (mine, _) = desk.ask(ADDRESS).await;
    for _ in 0..7 {
        assert_eq!(failed().await, 1, "an attempt is no request: those of an hour are counted");
    }
    let kept = world.count(&world.alpha, "sign_in_code", "code_tag IS NOT NULL OR account_id IS NOT NULL");
    assert_eq!(kept.await, 0, "what nobody was sent is no code");
    let codes = desk.codes().await;
    assert_eq!(codes.len(), 1);
    desk.complete(&mine, &codes[0]).await.expect(201);

    desk.ask(ADDRESS).await;
    assert_eq!(failed().await, 1);
    world.clock.advance_ms(600_000);
    assert_eq!((failed().await, desk.codes().await.len()), (0, 0), "ten minutes");
}

/// Who asks learns nothing, and a mailbox is not flooded.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_a_code_who_is_a_patient_here() {
    let desk = Desk::new().await;
    let (_, known) = desk.ask(ADDRESS).await;
    for other in ["nobody@example.com", "staff@example.com"] {
        let (_, answer) = desk.ask(other).await;
        assert_eq!((answer.status, &answer.body), (known.status, &known.body));
    }
    assert_eq!(desk.codes().await.len(), 1, "one is a patient");
    let mut sent = 1;
    for _ in 0..10 {
        desk.ask(ADDRESS).await;
        sent += desk.codes().await.len();
    }
    assert_eq!(sent, 6, "codes of one account in an hour");
    let ops = tenancy::SchemaName::ops(desk.world.alpha.tenant.id).quoted();
    let sql = format!("SELECT count(*) FROM {ops}.sign_in_code WHERE address_sealed IS NOT NULL");
    let kept: i64 = desk.world.region.superuser().await.query_one(sql.as_str(), &[]).await.unwrap().get(0);
    assert_eq!(kept, 0, "an address is kept until it was looked up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_with_a_stronger_factor_needs_it_beside_the_code() {
    let desk = Desk::new().await;
    let (me, _) = desk.signed_in().await;
    let (secret, _, _) = desk.world.enrol(&me).await;
    let (second, session) = desk.signed_in().await;
    assert_eq!(session.json()["second_factor"], "prove");
    let record = format!("/api/v1/patients/{}", desk.ids[0]);
    assert_eq!(desk.get(&second, &record).await.outcome(), (403, "second_factor_required".into()));
    desk.world.clock.advance_ms(60_000);
    let code = json!({ "totp": code_at(&secret, desk.world.now_ms()) });
    let proven = actor(&desk.world.prove(&second, code).await.expect(200));
    desk.get(&proven, &record).await.expect(200);
    desk.world.clock.advance_ms(601_000);
    assert_eq!(
        desk.get(&proven, &record).await.status.as_u16(),
        401,
        "a factor makes a patient's session no longer"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_desk_ends_a_patients_access_at_once_and_gives_no_address_to_two() {
    let desk = Desk::new().await;
    let account = desk.open(0, ADDRESS).await.expect(200).json()["account"].clone();
    assert_eq!(desk.open(0, "other@example.com").await.outcome(), (409, "patient_has_account".into()));
    assert_eq!(desk.open(1, ADDRESS).await.outcome(), (409, "address_taken".into()));
    assert_eq!(desk.open(1, "no address").await.outcome(), (400, "invalid_request".into()));
    let (me, _) = desk.signed_in().await;
    let world = &desk.world;
    let about = |which: usize| format!("/api/v1/patients/{}/account", desk.ids[which]);
    let shown = desk.get(&desk.desk, &about(0)).await.expect(200).json();
    assert_eq!(shown, json!({ "open": { "account": account, "email": ADDRESS } }), "nobody types it again");
    assert_eq!(desk.get(&desk.desk, &about(1)).await.expect(200).json(), json!({ "open": null }));
    let entry = ("patient.access_read".to_owned(), "allow".to_owned(), None, None);
    assert_eq!(world.audit(&world.alpha).await.last(), Some(&entry));
    let stranger = world.staff(&world.alpha, Role::Physician).await;
    assert_eq!(desk.get(&stranger, &about(0)).await.outcome(), (404, "not_found".into()), "out of reach");
    for role in [Role::ClinicAdmin, Role::Billing, Role::PrivacyOfficer] {
        let by = world.staff(&world.alpha, role).await;
        assert_eq!(desk.get(&by, &about(0)).await.outcome(), (403, "forbidden".into()), "{role:?}");
    }
    assert_eq!(
        desk.get(&me, &about(0)).await.outcome(),
        (403, "forbidden".into()),
        "of the staff's business"
    );
    let path = format!("{}/end", about(0));
    let body = json!({ "account": account });
    for _ in 0..2 {
        world.ask(&world.alpha, "POST", &path).by(&desk.desk).json(&body).send().await.expect(204);
    }
    assert_eq!(desk.get(&me, "/api/v1/me").await.status.as_u16(), 401);
    assert_eq!(desk.get(&desk.desk, &about(0)).await.expect(200).json(), json!({ "open": null }));
    desk.ask(ADDRESS).await;
    assert!(desk.codes().await.is_empty());
    desk.open(1, ADDRESS).await.expect(200);
    let (now, _) = desk.signed_in().await;
    let list = desk.get(&now, "/api/v1/patients").await.expect(200).json();
    assert_eq!(list["items"][0]["id"], json!(desk.ids[1]), "hers now, and nothing of who had it before");
}

/// Who is erased signs in no more, and the address goes with the rest.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_patients_account_goes_with_the_record() {
    let case = super::erasure::Case::new().await;
    let world = &case.world;
    let path = format!("/api/v1/patients/{}/account", case.id);
    let ask = world.ask(&world.alpha, "POST", &path).by(&case.doctor).json(&json!({ "email": ADDRESS }));
    ask.send().await.expect(200);
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let accounts = format!("SELECT count(*) FROM {ops}.account WHERE role = 'patient'");
    let superuser = world.region.superuser().await;
    let count = async || -> i64 { superuser.query_one(accounts.as_str(), &[]).await.unwrap().get(0) };
    assert_eq!(count().await, 1);
    case.agreed().await;
    let dir = tempfile::tempdir().unwrap();
    let jobs = super::erasure::jobs(world, dir.path()).await;
    app::erasure::job::run(&jobs, &case.payload().await).await.unwrap();
    assert_eq!(count().await, 0);
}
