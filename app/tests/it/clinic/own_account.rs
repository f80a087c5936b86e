//! The own account: its sessions, its password, its devices, and a forgotten password.

use app::access::Role;
use app::staff::model::AccountId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::factors::{code_at, renewed};
use super::jobs::{jobs, mails};
use super::sessions::{PASSWORD, accept, actor, invited, sign_in};
use crate::support::{Actor, Answer, World};

const OTHER_PASSWORD: &str = "violet engine harbour sparrow";

impl World {
    /// Somebody who works in alpha, has a password and an authenticator, and is signed in with both.
    pub(super) async fn member(&self, email: &str) -> (String, Actor) {
        let token = invited(self, &self.alpha, email).await;
        accept(self, &self.alpha, &token, PASSWORD).await.expect(204);
        let session = sign_in(self, &self.alpha, email, PASSWORD).await.expect(201);
        assert_eq!(session.json()["second_factor"], "enrol");
        let mut me = actor(&session);
        me.account = AccountId::parse(session.json()["account"].as_str().unwrap()).unwrap().uuid();
        let (secret, me, _codes) = self.enrol(&me).await;
        (secret, me)
    }

    async fn me(&self, actor: &Actor) -> u16 {
        self.ask(&self.alpha, "GET", "/api/v1/me").by(actor).send().await.status.as_u16()
    }

    async fn sign_in_from(&self, device: &str, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.ask(&self.alpha, "POST", "/api/v1/sessions").json(&body).header("cookie", device).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_sees_and_ends_the_own_sessions_and_nobody_elses() {
    let world = World::new().await;
    let (_, me) = world.member("asha@example.com").await;
    let body = json!({ "email": "asha@example.com", "password": PASSWORD });
    let ask = world.ask(&world.alpha, "POST", "/api/v1/sessions").json(&body);
    let agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let second = actor(&ask.header("user-agent", agent).send().await.expect(201));
    let list = world.ask(&world.alpha, "GET", "/api/v1/me/sessions").by(&me).send().await.expect(200).json();
    let items = list["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 2);
    let (own, other): (Vec<&Value>, Vec<&Value>) =
        items.iter().partition(|one| one["current"] == json!(true));
    assert_eq!((own[0]["factor"].as_str(), other[0]["factor"].as_str()), (Some("totp"), None));
    assert_eq!((&other[0]["browser"], &other[0]["system"]), (&json!("firefox"), &json!("windows")));
    assert_eq!((&own[0]["browser"], &own[0]["application"]), (&json!("other"), &Value::Null));
    let path = format!("/api/v1/me/sessions/{}", other[0]["id"].as_str().unwrap());
    let stranger = world.staff(&world.alpha, Role::Nurse).await;
    let refused = world.ask(&world.alpha, "DELETE", &path).by(&stranger).send().await;
    assert_eq!(refused.outcome(), (404, "not_found".into()));
    assert_eq!(world.me(&second).await, 200);
    world.ask(&world.alpha, "DELETE", &path).by(&me).send().await.expect(204);
    assert_eq!((world.me(&second).await, world.me(&me).await), (401, 200));

    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let path = format!("/api/v1/staff/{}/sessions/end", AccountId::from(me.account));
    world.ask(&world.alpha, "POST", &path).by(&admin).send().await.expect(204);
    assert_eq!(world.me(&me).await, 401, "ended by an administrator");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_password_ends_the_other_sessions_and_its_owner_is_told() {
    let world = World::new().await;
    let (_, me) = world.member("asha@example.com").await;
    let other = actor(&sign_in(&world, &world.alpha, "asha@example.com", PASSWORD).await.expect(201));
    let change = |current: &str, new: &str| {
        let body = json!({ "current": current, "new": new });
        world.ask(&world.alpha, "PUT", "/api/v1/me/password").by(&me).json(&body).send()
    };
    let wrong = change("not the password", OTHER_PASSWORD).await;
    assert_eq!(wrong.outcome(), (422, "password_wrong".into()));
    for bad in ["short", "passwordpassword", "alpha-clinic-2026", "qwertyuiopasdfgh"] {
        assert_eq!(change(PASSWORD, bad).await.outcome(), (400, "invalid_request".into()), "{bad}");
    }
    assert_eq!(world.me(&other).await, 200);
    change(PASSWORD, OTHER_PASSWORD).await.expect(204);
    assert_eq!((world.me(&other).await, world.me(&me).await), (401, 200));
    let old = sign_in(&world, &world.alpha, "asha@example.com", PASSWORD).await;
    assert_eq!(old.outcome(), (401, "sign_in_failed".into()));
    sign_in(&world, &world.alpha, "asha@example.com", OTHER_PASSWORD).await.expect(201);
    assert_eq!(world.notices(me.account).await.last().unwrap(), "password_changed");
}

impl World {
    async fn notices(&self, account: Uuid) -> Vec<String> {
        let ops = tenancy::SchemaName::ops(self.alpha.tenant.id).quoted();
        let sql = format!("SELECT kind FROM {ops}.notice WHERE account_id = $1 ORDER BY created_at, kind");
        let rows = self.region.superuser().await.query(sql.as_str(), &[&account]).await.unwrap();
        let mut kinds: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        kinds.sort_by_key(|kind| kind == "password_changed");
        kinds
    }
}

/// The request is answered alike for everybody; the mail goes to the account's own address; the link works once, sets
/// the password, and leaves the second factor as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_set_by_its_owners_mailbox_and_no_factor_is_lost() {
    let world = World::new().await;
    let (secret, me) = world.member("asha@example.com").await;
    let ask = |email: &str| {
        let body = json!({ "email": email });
        world.ask(&world.alpha, "POST", "/api/v1/recovery").json(&body).send()
    };
    let (known, unknown) = (ask("asha@example.com").await, ask("nobody@example.com").await);
    assert_eq!((known.status.as_u16(), &known.body), (202, &unknown.body));
    assert_eq!(known.status, unknown.status);

    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(&world, dir.path());
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT id FROM {ops}.mail_request");
    let rows = world.region.superuser().await.query(sql.as_str(), &[]).await.unwrap();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(ids.len(), 2);
    for id in &ids {
        let payload = tenancy::JobPayload::new(world.alpha.tenant.id).id("request", *id);
        app::jobs::send_recovery::run(&jobs, &payload).await.unwrap();
        app::jobs::send_recovery::run(&jobs, &payload).await.unwrap();
    }
    let found = mails(dir.path());
    assert_eq!(found.len(), 1, "one mail, to the one who has an account");
    let text = std::fs::read_to_string(&found[0]).unwrap().replace("=\r\n", "").replace("=3D", "=");
    assert!(text.contains("To: asha@example.com"));
    let token: String = text.split_once("#token=").unwrap().1.chars().take(43).collect();

    let complete = |token: &str, password: &str| {
        let body = json!({ "token": token, "password": password });
        world.ask(&world.alpha, "POST", "/api/v1/recovery/complete").json(&body).send()
    };
    let nobodys = complete(&"A".repeat(43), OTHER_PASSWORD).await;
    assert_eq!(nobodys.outcome(), (422, "recovery_invalid".into()));
    assert_eq!(complete(&token, "too short").await.outcome(), (400, "invalid_request".into()));
    complete(&token, OTHER_PASSWORD).await.expect(204);
    assert_eq!(complete(&token, OTHER_PASSWORD).await.outcome(), (422, "recovery_invalid".into()));
    assert_eq!(world.me(&me).await, 401, "every session is over");
    let session = sign_in(&world, &world.alpha, "asha@example.com", OTHER_PASSWORD).await.expect(201);
    assert_eq!(session.json()["second_factor"], "prove", "a mailbox is no second factor");
    world.clock.advance_ms(60_000);
    let again = actor(&session);
    let code = json!({ "totp": code_at(&secret, world.now_ms()) });
    world.prove(&again, code).await.expect(200);
    assert_eq!(world.notices(me.account).await.last().unwrap(), "password_changed");
}

/// Catalogue entry T55: strangers guess, and the owner gets in from a device that is known; and T56: what an attacker
/// has used up is not given back by it.
#[tokio::test(flavor = "multi_thread")]
async fn t55_strangers_who_guess_do_not_keep_the_owner_out() {
    let world = World::new().await;
    let email = "victim@example.com";
    let (secret, me) = world.member(email).await;
    world.clock.advance_ms(60_000);
    let proven = world.prove(&me, json!({ "totp": code_at(&secret, world.now_ms()) })).await.expect(200);
    let mut cookies = proven.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let device = cookies.find(|cookie| cookie.starts_with("__Host-domicile-device=")).unwrap();
    let device = device.split(';').next().unwrap().to_owned();

    let mut tried = 0;
    for _ in 0..130 {
        let wrong = sign_in(&world, &world.alpha, email, "wrong horse battery").await;
        assert_eq!(wrong.outcome(), (401, "sign_in_failed".into()));
        world.clock.advance_ms(3_601_000);
        tried += 1;
    }
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    let count = format!("SELECT failed_count FROM {ops}.account WHERE id = $1");
    let charged =
        async || -> i32 { superuser.query_one(count.as_str(), &[&me.account]).await.unwrap().get(0) };
    assert_eq!(charged().await, 100, "{tried} tries, and a hundred were looked at");
    let outside = sign_in(&world, &world.alpha, email, PASSWORD).await;
    assert_eq!(
        outside.outcome(),
        (401, "sign_in_failed".into()),
        "the right password from elsewhere looks wrong"
    );

    let session = world.sign_in_from(&device, email, PASSWORD).await.expect(201);
    let again = renewed(&me, &session, session.json()["csrf_token"].as_str().unwrap().to_owned());
    assert_eq!(world.me(&again).await, 200, "the owner is in");
    assert_eq!(charged().await, 100, "and the attacker's count stands");

    for _ in 0..5 {
        world.sign_in_from(&device, email, "wrong horse battery").await.expect(401);
    }
    let waits = world.sign_in_from(&device, email, PASSWORD).await;
    assert_eq!(waits.outcome(), (401, "sign_in_failed".into()), "a device that guesses waits like anybody");
    let foreign = "__Host-domicile-device=".to_owned() + &"B".repeat(42) + "A";
    assert_eq!(world.sign_in_from(&foreign, email, PASSWORD).await.status, 401, "a made-up device is none");
}

/// Catalogue entry T57: what changes about an account counts from the next request, however many are under way.
#[tokio::test(flavor = "multi_thread")]
async fn t57_a_closed_account_answers_nothing_from_the_next_request_on() {
    let world = World::new().await;
    let me = world.staff(&world.alpha, Role::Physician).await;
    let ask = || world.ask(&world.alpha, "GET", "/api/v1/patients").by(&me).send();
    ask().await.expect(200);
    world.change_account(&world.alpha, me.account, |row| row.role = "clinic_admin".to_owned()).await;
    let answers = futures_util::future::join_all((0..32).map(|_| ask())).await;
    assert!(
        answers.iter().all(|answer| matches!(answer.status.as_u16(), 403 | 503)),
        "the role is another one"
    );
    world.change_account(&world.alpha, me.account, |row| row.state = "disabled".to_owned()).await;
    let answers = futures_util::future::join_all((0..32).map(|_| ask())).await;
    assert!(
        answers.iter().all(|answer| matches!(answer.status.as_u16(), 401 | 503)),
        "the account is closed"
    );
}

/// Catalogue entry T61: what was in the browser before is not what it has after.
#[tokio::test(flavor = "multi_thread")]
async fn t61_a_session_is_new_at_sign_in_and_a_planted_cookie_is_none() {
    let world = World::new().await;
    let (_, me) = world.member("asha@example.com").await;
    let body = json!({ "email": "asha@example.com", "password": PASSWORD });
    let planted =
        world.ask(&world.alpha, "POST", "/api/v1/sessions").json(&body).header("cookie", &me.cookie);
    let session = planted.send().await.expect(201);
    assert_ne!(actor(&session).cookie, me.cookie);
    let name = me.cookie.split('=').next().unwrap();
    for tossed in [
        format!("{}; {name}={}", me.cookie, "A".repeat(43)),
        me.cookie.replace("__Host-", ""),
        me.cookie.replace("__Host-", "__host-"),
    ] {
        let answer = world.ask(&world.alpha, "GET", "/api/v1/me").header("cookie", &tossed).send().await;
        assert_eq!(answer.outcome(), (401, "unauthenticated".into()), "{tossed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_shortens_its_sessions_and_lengthens_none() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let set = |idle_s: u32, absolute_s: u32| {
        let body = json!({ "idle_s": idle_s, "absolute_s": absolute_s });
        world.ask(&world.alpha, "PUT", "/api/v1/settings/sessions").by(&admin).json(&body).send()
    };
    for (idle_s, absolute_s) in [(901, 43_200), (900, 43_201), (59, 43_200), (900, 899)] {
        let refused = set(idle_s, absolute_s).await;
        assert_eq!(refused.outcome(), (400, "invalid_request".into()), "{idle_s} {absolute_s}");
    }
    let idle_s = async |role: Role| {
        let by = world.staff(&world.alpha, role).await;
        world.ask(&world.alpha, "GET", "/api/v1/me").by(&by).send().await.expect(200).json()["idle_s"].clone()
    };
    assert_eq!((idle_s(Role::Nurse).await, idle_s(Role::Patient).await), (json!(900), json!(600)));
    set(300, 3_600).await.expect(200);
    assert_eq!((idle_s(Role::Nurse).await, idle_s(Role::Patient).await), (json!(300), json!(300)));
    let (secret, me) = world.member("asha@example.com").await;
    world.clock.advance_ms(299_000);
    assert_eq!(world.me(&me).await, 200);
    world.clock.advance_ms(301_000);
    assert_eq!(world.me(&me).await, 401, "five minutes without a request");
    let session = sign_in(&world, &world.alpha, "asha@example.com", PASSWORD).await.expect(201);
    let code = json!({ "totp": code_at(&secret, world.now_ms()) });
    let proven = world.prove(&actor(&session), code).await.expect(200).json();
    let ends: chrono::DateTime<chrono::Utc> = proven["expires_at"].as_str().unwrap().parse().unwrap();
    let life_s = ends.timestamp() - i64::try_from(world.now_ms() / 1_000).unwrap();
    assert!((3_599..=3_600).contains(&life_s), "an hour in all: {life_s}");
}
