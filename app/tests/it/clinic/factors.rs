//! Second factors: what is closed without one, how one is enrolled, proven once, and lost.

use app::access::{Action, Assurance, Role};
use app::auth::factor::totp;
use app::routes::ROUTES;
use app::staff::model::AccountId;
use serde_json::json;

use crate::support::{Actor, Answer, World, sample_body, sample_path};

/// The six digits of a secret at a time, by HMAC alone (RFC 4226, section 5.3): nothing of it is the server's code.
pub(super) fn code_at(secret: &str, unix_ms: u64) -> String {
    use aws_lc_rs::hmac;
    let bytes = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &bytes);
    let tag = hmac::sign(&key, &(unix_ms / 1_000 / totp::STEP_S).to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 15);
    let word = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

impl World {
    async fn post(&self, actor: &Actor, path: &str, body: Option<serde_json::Value>) -> Answer {
        let ask = self.ask(&self.alpha, "POST", path).by(actor);
        match body {
            Some(body) => ask.json(&body).send().await,
            None => ask.send().await,
        }
    }

    pub(super) async fn prove(&self, actor: &Actor, body: serde_json::Value) -> Answer {
        self.post(actor, "/api/v1/sessions/current/factor", Some(body)).await
    }

    /// Enrols an authenticator; its secret, the session as it is now, and the recovery codes.
    pub(super) async fn enrol(&self, actor: &Actor) -> (String, Actor, Vec<String>) {
        let begun = self.post(actor, "/api/v1/me/factors/totp", None).await.expect(201).json();
        let secret = begun["secret"].as_str().unwrap().to_owned();
        assert!(begun["uri"].as_str().unwrap().starts_with("otpauth://totp/Domicile:"));
        let body = json!({ "totp": code_at(&secret, self.now_ms()) });
        let answer = self.post(actor, "/api/v1/me/factors/totp/confirm", Some(body)).await.expect(200);
        let view = answer.json();
        let codes = view["recovery_codes"].as_array().unwrap();
        let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
        let csrf = view["session"]["csrf_token"].as_str().unwrap().to_owned();
        (secret, renewed(actor, &answer, csrf), codes)
    }
}

/// The same person with the cookie and token of this answer.
pub(super) fn renewed(actor: &Actor, answer: &Answer, csrf: String) -> Actor {
    let cookie = answer.header("set-cookie");
    Actor { account: actor.account, cookie: cookie.split(';').next().unwrap().to_owned(), csrf }
}

fn renewed_by(actor: &Actor, answer: &Answer) -> Actor {
    renewed(actor, answer, answer.json()["csrf_token"].as_str().unwrap().to_owned())
}

/// Most looks at who waits; each is a query.
const LOOKS_MAX: u32 = 50_000;
const REFUSED: (u16, &str) = (422, "factor_refused");

fn refused(answer: &Answer) -> bool {
    answer.outcome() == (REFUSED.0, REFUSED.1.to_owned())
}

/// Every route there is, asked by every role in a session that knows a password only.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_second_factor_nothing_but_the_way_to_one_is_open() {
    let world = World::new().await;
    let mut closed = 0;
    for (n, route) in ROUTES.iter().enumerate() {
        let role = Role::ALL.into_iter().find(|role| app::access::may(*role, route.action)).unwrap();
        let actor = world.password_only(&world.alpha, role).await;
        let id = app::patients::model::PatientId::random().to_string();
        let mut ask = world.ask(&world.alpha, route.method.as_str(), &sample_path(route, &id)).by(&actor);
        if let Some(body) = sample_body(route, n) {
            ask = ask.json(&body);
        }
        let answer = ask.send().await;
        if route.action.assurance() == Assurance::Any {
            assert_ne!(answer.outcome().1, "second_factor_required", "{} {}", route.method, route.path);
            assert!(!route.action.touches_patients());
            continue;
        }
        closed += 1;
        let what = format!("{} {}: {}", route.method, route.path, answer.text());
        assert_eq!(answer.outcome(), (403, "second_factor_required".into()), "{what}");
        let last = world.audit(&world.alpha).await.pop().unwrap();
        assert_eq!((last.0.as_str(), last.1.as_str()), (route.action.name(), "deny"), "{what}");
        assert_eq!(last.2.as_deref(), Some("second_factor"), "{what}");
    }
    assert!(closed >= 8, "{closed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_fresh_factor_is_closed_after_five_minutes_until_it_is_proven_again() {
    let world = World::new().await;
    for (n, route) in
        ROUTES.iter().enumerate().filter(|(_, route)| route.action.assurance() == Assurance::StepUp)
    {
        let actor = world.able(&world.alpha, route.action).await;
        let ask = || {
            let id = AccountId::from(uuid::Uuid::nil()).to_string();
            let ask = world.ask(&world.alpha, route.method.as_str(), &sample_path(route, &id)).by(&actor);
            match sample_body(route, n) {
                Some(body) => ask.json(&body).send(),
                None => ask.send(),
            }
        };
        world.clock.advance_ms(301_000);
        assert_eq!(ask().await.outcome(), (403, "step_up_required".into()), "{}", route.path);
        let last = world.audit(&world.alpha).await.pop().unwrap();
        assert_eq!((last.0.as_str(), last.2.as_deref()), (route.action.name(), Some("step_up")));
        world.prove_now(&world.alpha, &actor).await;
        assert_ne!(ask().await.outcome().1, "step_up_required", "{}", route.path);
    }
}

/// Two that begin in the middle of each other: held at their audit entries until both wait.
#[tokio::test(flavor = "multi_thread")]
async fn two_first_enrolments_at_one_moment_come_one_after_the_other() {
    let world = World::new().await;
    let actor = world.password_only(&world.alpha, Role::Nurse).await;
    let (holder, looker) = (world.region.superuser().await, world.region.superuser().await);
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let hold = format!("BEGIN; LOCK TABLE {ops}.audit_event IN EXCLUSIVE MODE");
    holder.batch_execute(&hold).await.unwrap();
    let begin = || world.post(&actor, "/api/v1/me/factors/totp", None);
    let release = async {
        let waiting = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        let mut looks = 0;
        while looker.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < 2 {
            looks += 1;
            assert!(looks < LOOKS_MAX, "both never waited");
        }
        holder.batch_execute("ROLLBACK").await.unwrap();
    };
    let (one, other, ()) = tokio::join!(begin(), begin(), release);
    assert_eq!([one, other].map(|answer| answer.status.as_u16()), [201, 201]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_is_enrolled_and_its_first_code_is_used_up() {
    let world = World::new().await;
    let actor = world.password_only(&world.alpha, Role::Nurse).await;
    let current = |actor: &Actor| world.ask(&world.alpha, "GET", "/api/v1/sessions/current").by(actor).send();
    assert_eq!(current(&actor).await.json()["second_factor"], "enrol");
    let (secret, now, codes) = world.enrol(&actor).await;
    assert_eq!(codes.len(), 10);
    assert_ne!((&now.cookie, &now.csrf), (&actor.cookie, &actor.csrf), "the session has a new token");
    assert_eq!(current(&actor).await.outcome(), (401, "unauthenticated".into()), "and the old one is void");
    let session = current(&now).await.expect(200).json();
    assert_eq!(session["second_factor"], "proven");
    let factors = world.ask(&world.alpha, "GET", "/api/v1/me/factors").by(&now).send().await.expect(200);
    assert_eq!(factors.json()["recovery_codes_left"], 10);

    let again = json!({ "totp": code_at(&secret, world.now_ms()) });
    assert!(refused(&world.prove(&now, again).await), "the code that enrolled it");
    let earlier = json!({ "totp": code_at(&secret, world.now_ms() - 30_000) });
    assert!(refused(&world.prove(&now, earlier).await), "a step before one that was taken");
    let next = json!({ "totp": code_at(&secret, world.now_ms() + 30_000) });
    let now = renewed_by(&now, &world.prove(&now, next).await.expect(200));
    // What is sealed is nowhere in clear, and the notice holds ids only.
    let superuser = world.region.superuser().await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT count(*) FROM {ops}.totp WHERE position($1::bytea in secret_sealed) > 0");
    let clear: i64 = superuser.query_one(sql.as_str(), &[&secret.as_bytes()]).await.unwrap().get(0);
    assert_eq!(clear, 0);
    let jobs = superuser.query("SELECT payload::text FROM graphile_worker._private_jobs", &[]).await.unwrap();
    assert_eq!(jobs.len(), 1, "the owner is told");

    // Whoever has a factor must show it before changing one, also with a session that proved it long ago.
    world.clock.advance_ms(301_000);
    let change = world.post(&now, "/api/v1/me/factors/totp", None).await;
    assert_eq!(change.outcome(), (403, "step_up_required".into()));
    let second = world.password_only(&world.alpha, Role::Nurse).await;
    let sql = format!("UPDATE {ops}.session SET account_id = $1 WHERE account_id = $2");
    superuser.execute(sql.as_str(), &[&now.account, &second.account]).await.unwrap();
    let thief = world.post(&second, "/api/v1/me/factors/totp", None).await;
    assert_eq!(thief.outcome(), (403, "second_factor_required".into()), "a password alone changes no factor");
}

/// Catalogue entry T53.
#[tokio::test(flavor = "multi_thread")]
async fn t53_one_code_signs_in_once_however_many_send_it() {
    let world = World::new().await;
    let actor = world.password_only(&world.alpha, Role::Physician).await;
    let (secret, actor, _codes) = world.enrol(&actor).await;
    world.clock.advance_ms(60_000);
    // Fifty sessions of one account, each with the same code at the same moment.
    let mut sessions = Vec::new();
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    for _ in 0..50 {
        let other = world.password_only(&world.alpha, Role::Physician).await;
        let sql = format!("UPDATE {ops}.session SET account_id = $1 WHERE account_id = $2");
        superuser.execute(sql.as_str(), &[&actor.account, &other.account]).await.unwrap();
        sessions.push(other);
    }
    let body = json!({ "totp": code_at(&secret, world.now_ms()) });
    let answers =
        futures_util::future::join_all(sessions.iter().map(|one| world.prove(one, body.clone()))).await;
    let taken = answers.iter().filter(|answer| answer.status == 200).count();
    let told: Vec<_> = answers.iter().map(Answer::outcome).collect();
    assert_eq!(taken, 1, "{told:?}");
    assert!(told.iter().all(|(status, _)| matches!(status, 200 | 422 | 503)), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_end_the_session_and_a_waiting_account_takes_no_right_one() {
    let world = World::new().await;
    let actor = world.password_only(&world.alpha, Role::Nurse).await;
    let (secret, actor, codes) = world.enrol(&actor).await;
    world.clock.advance_ms(60_000);
    for _ in 0..5 {
        assert!(refused(&world.prove(&actor, json!({ "totp": "000000" })).await));
    }
    let ended = world.prove(&actor, json!({ "totp": code_at(&secret, world.now_ms()) })).await;
    assert_eq!(ended.outcome(), (401, "unauthenticated".into()), "the session is over");

    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    let again = world.password_only(&world.alpha, Role::Nurse).await;
    let sql = format!("UPDATE {ops}.session SET account_id = $1 WHERE account_id = $2");
    superuser.execute(sql.as_str(), &[&actor.account, &again.account]).await.unwrap();
    let right = || json!({ "totp": code_at(&secret, world.now_ms()) });
    assert!(
        refused(&world.prove(&again, right()).await),
        "the account waits; a right code looks like a wrong one"
    );
    let paper = json!({ "recovery_code": codes[0] });
    assert!(refused(&world.prove(&again, paper.clone()).await), "any right one");
    world.clock.advance_ms(30_000);
    let again = renewed_by(&again, &world.prove(&again, right()).await.expect(200));
    let sql = format!("SELECT factor_failed_count, failed_count FROM {ops}.account WHERE id = $1");
    let row = superuser.query_one(sql.as_str(), &[&actor.account]).await.unwrap();
    assert_eq!((row.get::<_, i32>(0), row.get::<_, i32>(1)), (0, 0), "and passwords were never counted");

    let again = renewed_by(&again, &world.prove(&again, paper.clone()).await.expect(200));
    assert!(refused(&world.prove(&again, paper).await), "a recovery code is good once");
    let left = world.ask(&world.alpha, "GET", "/api/v1/me/factors").by(&again).send().await.json();
    assert_eq!(left["recovery_codes_left"], 9);
    let made = world.post(&again, "/api/v1/me/factors/recovery-codes", None).await.expect(201).json();
    assert_eq!(made["recovery_codes"].as_array().unwrap().len(), 10);
    let old = world.prove(&again, json!({ "recovery_code": codes[1] })).await;
    assert!(refused(&old), "the old ones are void");
}

/// A lesser role does not make an administrator's factors one person's to take.
#[tokio::test(flavor = "multi_thread")]
async fn giving_an_administrator_another_role_is_no_way_around_the_second_person() {
    let world = World::new().await;
    let alpha = &world.alpha;
    let (one, other) =
        (world.staff(alpha, Role::ClinicAdmin).await, world.staff(alpha, Role::ClinicAdmin).await);
    let victim = world.staff(alpha, Role::ClinicAdmin).await;
    let of = |verb: &str| format!("/api/v1/staff/{}/{verb}", AccountId::from(victim.account));
    let give = async |role: &str| {
        let body = serde_json::json!({ "role": role });
        world.ask(alpha, "PUT", &of("role")).by(&one).json(&body).send().await.expect(204)
    };
    give("nurse").await;
    world.post(&one, &of("factors/reset"), None).await.expect(202);
    give("clinic_admin").await;
    world.ask(alpha, "GET", "/api/v1/me").by(&victim).send().await.expect(200);
    // Who was told of all that is the one it happened to.
    let ops = tenancy::SchemaName::ops(alpha.tenant.id).quoted();
    let sql = format!("SELECT kind FROM {ops}.notice WHERE account_id = $1 ORDER BY kind");
    let rows = world.region.superuser().await.query(sql.as_str(), &[&victim.account]).await.unwrap();
    let kinds: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(kinds, ["reset_asked", "role_changed", "role_changed"]);

    // Another one agrees; or a day has gone by, in which a nurse's are a nurse's.
    give("nurse").await;
    world.post(&other, &of("factors/reset"), None).await.expect(204);
    let later = world.staff(alpha, Role::ClinicAdmin).await;
    let path = format!("/api/v1/staff/{}", AccountId::from(later.account));
    let body = serde_json::json!({ "role": "nurse" });
    world.ask(alpha, "PUT", &format!("{path}/role")).by(&one).json(&body).send().await.expect(204);
    world.clock.advance_ms(86_401_000);
    let tomorrow = world.staff(alpha, Role::ClinicAdmin).await;
    world.post(&tomorrow, &format!("{path}/factors/reset"), None).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_factors_are_taken_by_somebody_else_and_an_administrators_by_two() {
    let world = World::new().await;
    let nurse = world.password_only(&world.alpha, Role::Nurse).await;
    let (_secret, nurse, _codes) = world.enrol(&nurse).await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let path = |who: &Actor| format!("/api/v1/staff/{}/factors/reset", AccountId::from(who.account));
    let own = world.post(&admin, &path(&admin), None).await;
    assert_eq!(own.outcome(), (409, "reset_not_yours".into()));
    let foreign = world.staff(&world.beta, Role::Nurse).await;
    assert_eq!(world.post(&admin, &path(&foreign), None).await.outcome(), (404, "not_found".into()));

    world.post(&admin, &path(&nurse), None).await.expect(204);
    let me = world.ask(&world.alpha, "GET", "/api/v1/me").by(&nurse).send().await;
    assert_eq!(
        me.outcome(),
        (401, "unauthenticated".into()),
        "sessions opened with the lost factor are over"
    );

    let other = world.staff(&world.alpha, Role::ClinicAdmin).await;
    world.post(&admin, &path(&other), None).await.expect(202);
    world.post(&admin, &path(&other), None).await.expect(202);
    world.ask(&world.alpha, "GET", "/api/v1/me").by(&other).send().await.expect(200);
    world.post(&officer, &path(&other), None).await.expect(204);
    let me = world.ask(&world.alpha, "GET", "/api/v1/me").by(&other).send().await;
    assert_eq!(me.outcome(), (401, "unauthenticated".into()));
    let superuser = world.region.superuser().await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT kind FROM {ops}.notice WHERE account_id = $1 ORDER BY created_at, kind");
    for (who, told) in [
        (&nurse, &["factors_reset", "totp_enrolled"][..]),
        (&other, &["factors_reset", "reset_asked", "reset_asked"]),
    ] {
        let rows = superuser.query(sql.as_str(), &[&who.account]).await.unwrap();
        let kinds: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(kinds, told);
    }
    let named: Vec<_> = world
        .audit(&world.alpha)
        .await
        .into_iter()
        .filter(|(action, ..)| action == Action::FactorReset.name())
        .map(|(_, outcome, reason, _)| format!("{outcome} {}", reason.unwrap_or_default()))
        .collect();
    assert_eq!(
        named,
        ["deny own_account", "deny absent", "allow done", "allow asked", "allow asked", "allow done"]
    );
}
