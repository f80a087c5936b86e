//! Passkeys of platform administrators, against an independent software authenticator: the link that makes the first one,
//! signing in with one alone, and the own ones; every lie is refused.

use app::auth::token::Token;
use app::control::access::Role;
use app::control::admins::{self, FirstFactor};
use authenticator::{Authenticator, Lies};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{Answer, Browser, HOST, LOGIN, PASSWORD, TestControl, operator};

const GRACE: &str = "grace@platform.example";
const BEGIN_SIGN_IN: &str = "/platform/v1/passkeys/sign-in/begin";
const FINISH_SIGN_IN: &str = "/platform/v1/passkeys/sign-in/finish";
const BEGIN_ENROL: &str = "/platform/v1/enrolments/begin";
const FINISH_ENROL: &str = "/platform/v1/enrolments/finish";
const CURRENT: &str = "/platform/v1/sessions/current";

impl TestControl {
    /// A control plane as it is unless its file says otherwise.
    async fn of_passkeys() -> Self {
        let control = Self::start().await;
        control.reconfigure("sign_in = \"passkey_or_password\"\n", "");
        control.restart().await.unwrap()
    }

    /// A new administrator's link.
    async fn link(&self, login: &str) -> String {
        let token = Token::random();
        let first = FirstFactor::Enrolment(token.hash());
        admins::create(&self.store().await, operator(), (login, Role::Administrator), &first).await.unwrap();
        token.expose().to_string()
    }

    /// The link of one who begins anew.
    async fn link_again(&self, login: &str) -> String {
        let token = Token::random();
        let first = FirstFactor::Enrolment(token.hash());
        admins::reset(&self.store().await, operator(), login, &first).await.unwrap();
        token.expose().to_string()
    }

    /// An administrator with one passkey, signed in, and what holds it.
    async fn enrolled(&self, login: &str) -> (Browser, Authenticator) {
        let (mut browser, mut device) = (self.stranger(), Authenticator::new().unwrap());
        let link = self.link(login).await;
        let answer = browser.enrol(&link, &mut device).await.expect(201);
        browser.csrf = Some(answer.text("csrf_token"));
        (browser, device)
    }

    /// Action, outcome and reason of the newest line of the audit.
    async fn last_line(&self) -> (String, String, Option<String>) {
        let newest = "select action, outcome, reason from platform.platform_audit order by seq desc limit 1";
        let row = self.superuser().await.query_one(newest, &[]).await.unwrap();
        (row.get(0), row.get(1), row.get(2))
    }
}

impl Browser {
    async fn begin(&self, path: &str, body: &Value) -> Value {
        self.post(path, body).await.expect(201).body
    }

    /// Opens a link and makes a passkey with it.
    async fn enrol(&self, link: &str, device: &mut Authenticator) -> Answer {
        let begun = self.begin(BEGIN_ENROL, &json!({ "token": link })).await;
        let made = device.create(&begun["public_key"], &self.base).unwrap();
        let body = json!({ "token": link, "handle": begun["handle"], "label": "Laptop", "credential": made });
        self.post(FINISH_ENROL, &body).await
    }

    /// What this browser would send to sign in.
    async fn answer_with(&self, device: &mut Authenticator) -> Value {
        let begun = self.begin(BEGIN_SIGN_IN, &json!({})).await;
        let credential = device.get(&begun["public_key"], &self.base).unwrap();
        json!({ "handle": begun["handle"], "credential": credential })
    }

    async fn sign_in(&self, device: &mut Authenticator) -> Answer {
        let body = self.answer_with(device).await;
        self.post(FINISH_SIGN_IN, &body).await
    }

    /// Signs in, and is somebody from then on.
    async fn signed_in(mut self, device: &mut Authenticator) -> Self {
        let answer = self.sign_in(device).await.expect(201);
        self.csrf = Some(answer.text("csrf_token"));
        self
    }

    async fn add(&self, device: &mut Authenticator, label: &str) -> Answer {
        let begun = self.begin("/platform/v1/passkeys/begin", &json!({})).await;
        let made = device.create(&begun["public_key"], &self.base).unwrap();
        self.post("/platform/v1/passkeys/finish", &json!({ "label": label, "credential": made })).await
    }

    async fn passkeys(&self) -> Vec<Value> {
        self.get("/platform/v1/passkeys").await.expect(200).body["items"].as_array().unwrap().clone()
    }

    async fn remove(&self, passkey: &Value) -> Answer {
        let path = format!("/platform/v1/passkeys/{}", passkey["id"].as_str().unwrap());
        self.send(Method::DELETE, &path, None, &[]).await
    }
}

fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{answer:?}");
    assert!(!answer.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn a_link_makes_a_passkey_which_then_signs_in_alone() {
    let control = TestControl::of_passkeys().await;
    let link = control.link(GRACE).await;
    let (mut browser, mut device) = (control.stranger(), Authenticator::new().unwrap());
    let begun = browser.begin(BEGIN_ENROL, &json!({ "token": link })).await;
    let options = &begun["public_key"];
    assert_eq!((&options["rp"]["id"], &options["user"]["name"]), (&json!(HOST), &json!(GRACE)));
    assert_eq!(
        options["authenticatorSelection"],
        json!({"residentKey": "required", "userVerification": "required"})
    );
    let answer = browser.enrol(&link, &mut device).await.expect(201);
    assert!(answer.headers["set-cookie"].to_str().unwrap().contains("__Host-domicile-platform="));
    assert_eq!(control.last_line().await, ("enrolment.finish".into(), "allow".into(), None));
    browser.csrf = Some(answer.text("csrf_token"));
    assert_eq!(browser.get(CURRENT).await.expect(200).text("login"), GRACE);
    browser.send(Method::DELETE, CURRENT, None, &[]).await.expect(204);
    browser.get(CURRENT).await.expect(401);

    let asked = browser.begin(BEGIN_SIGN_IN, &json!({})).await;
    assert_eq!(asked["public_key"]["allowCredentials"], json!([]), "nobody learns who exists");
    assert_eq!(asked["public_key"]["userVerification"], "required");
    let again = browser.signed_in(&mut device).await;
    assert_eq!(again.get(CURRENT).await.expect(200).text("login"), GRACE);
    assert_eq!(control.last_line().await, ("session.create_passkey".into(), "allow".into(), None));
    let mine = again.passkeys().await;
    assert_eq!((mine.len(), &mine[0]["label"]), (1, &json!("Laptop")));
    assert!(mine[0]["last_used_at"].is_string());
}

#[tokio::test]
async fn a_link_is_good_once_for_a_day_and_until_the_next_one() {
    let control = TestControl::of_passkeys().await;
    let browser = control.stranger();
    let (link, mut device) = (control.link(GRACE).await, Authenticator::new().unwrap());
    // Two people with one link, at one moment.
    let mut other = Authenticator::new().unwrap();
    let (mine, theirs) = tokio::join!(browser.enrol(&link, &mut device), browser.enrol(&link, &mut other));
    let mut ends = [mine.status.as_u16(), theirs.status.as_u16()];
    ends.sort_unstable();
    assert_eq!(ends, [201, 422], "{mine:?} {theirs:?}");
    refused(&browser.post(BEGIN_ENROL, &json!({ "token": link })).await, 422, "enrolment_invalid");
    assert_eq!(
        control.last_line().await,
        ("enrolment.begin".into(), "deny".into(), Some("enrolment_invalid".into()))
    );

    let late = control.link("late@platform.example").await;
    control.clock.advance_ms(86_399_000);
    let begun = browser.begin(BEGIN_ENROL, &json!({ "token": late })).await;
    control.clock.advance_ms(1_000);
    let made = device.create(&begun["public_key"], &browser.base).unwrap();
    let body = json!({ "token": late, "handle": begun["handle"], "label": "Laptop", "credential": made });
    refused(&browser.post(FINISH_ENROL, &body).await, 422, "enrolment_invalid");
    let newer = control.link_again("late@platform.example").await;
    let newest = control.link_again("late@platform.example").await;
    refused(&browser.post(BEGIN_ENROL, &json!({ "token": newer })).await, 422, "enrolment_invalid");
    browser.enrol(&newest, &mut Authenticator::new().unwrap()).await.expect(201);
    for guess in ["", "x", &"A".repeat(43)] {
        refused(&browser.post(BEGIN_ENROL, &json!({ "token": guess })).await, 422, "enrolment_invalid");
    }
}

#[tokio::test]
async fn a_first_passkey_of_elsewhere_is_refused_and_the_link_stays_good() {
    let control = TestControl::of_passkeys().await;
    let browser = control.stranger();
    let (link, mut device) = (control.link(GRACE).await, Authenticator::new().unwrap());
    let elsewhere = "https://control.domicile.example".to_owned();
    let lies = [
        ("passkey_origin", Lies { origin: Some(elsewhere), ..Lies::default() }),
        ("passkey_origin", Lies { origin: Some(format!("https://{HOST}")), ..Lies::default() }),
        ("passkey_relying_party", Lies { rp_id: Some("domicile.localhost".into()), ..Lies::default() }),
        ("passkey_challenge", Lies { challenge: Some("AAAA".into()), ..Lies::default() }),
        ("passkey_ceremony", Lies { ceremony: Some("webauthn.get".into()), ..Lies::default() }),
        ("passkey_not_verified", Lies { flags: Some(0b0100_0001), ..Lies::default() }),
    ];
    for (reason, lie) in lies {
        device.lies = lie;
        refused(&browser.enrol(&link, &mut device).await, 422, "passkey_not_added");
        let told = ("enrolment.finish".into(), "deny".into(), Some(reason.to_owned()));
        assert_eq!(control.last_line().await, told);
    }
    device.lies = Lies::default();

    // A challenge is for one link's ceremony, once, for five minutes.
    let begun = browser.begin(BEGIN_ENROL, &json!({ "token": link })).await;
    let made = device.create(&begun["public_key"], &browser.base).unwrap();
    let body =
        |label: &str| json!({ "token": link, "handle": begun["handle"], "label": label, "credential": made });
    for (label, code) in
        [("", "required"), (&"x".repeat(65), "too_long"), ("a\u{202e}b", "control_character")]
    {
        let answer = browser.post(FINISH_ENROL, &body(label)).await.expect(400);
        assert_eq!(answer.body["errors"], json!([{ "pointer": "/label", "code": code }]));
    }
    control.clock.advance_ms(300_000);
    refused(&browser.post(FINISH_ENROL, &body("Laptop")).await, 422, "passkey_not_added");
    let asked = browser.begin(BEGIN_SIGN_IN, &json!({})).await;
    let mut options = begun["public_key"].clone();
    options["challenge"] = asked["public_key"]["challenge"].clone();
    let made = device.create(&options, &browser.base).unwrap();
    let crossed = json!({ "token": link, "handle": asked["handle"], "label": "Laptop", "credential": made });
    refused(&browser.post(FINISH_ENROL, &crossed).await, 422, "passkey_not_added");

    browser.enrol(&link, &mut device).await.expect(201);
    // A credential that somebody has is not added to another account.
    let other = control.link("other@platform.example").await;
    refused(&browser.enrol(&other, &mut device).await, 422, "passkey_not_added");
    assert_eq!(control.last_line().await.2.as_deref(), Some("passkey_known"));
}

#[tokio::test]
async fn replays_wrong_places_and_unverified_users_sign_nobody_in_and_a_counter_is_a_signal() {
    crate::support::keep_log();
    let control = TestControl::of_passkeys().await;
    let (_, mut device) = control.enrolled(GRACE).await;
    let browser = control.stranger();
    let elsewhere = browser.base.replace("control.", "lotus.us.");
    let lies = [
        ("passkey_origin", Lies { origin: Some(elsewhere), ..Lies::default() }),
        ("passkey_origin", Lies { origin: Some(browser.base.replace("https", "http")), ..Lies::default() }),
        (
            "passkey_relying_party",
            Lies { rp_id: Some("lotus.us.domicile.localhost".into()), ..Lies::default() },
        ),
        ("passkey_not_verified", Lies { flags: Some(1), ..Lies::default() }),
        ("passkey_not_verified", Lies { flags: Some(4), ..Lies::default() }),
        ("passkey_challenge", Lies { challenge: Some("AAAA".into()), ..Lies::default() }),
        ("passkey_ceremony", Lies { ceremony: Some("webauthn.create".into()), ..Lies::default() }),
        ("passkey_user", Lies { user_handle: Some("AAAAAAAAAAAAAAAAAAAAAA".into()), ..Lies::default() }),
        ("passkey_user", Lies { user_handle: Some(String::new()), ..Lies::default() }),
    ];
    for (reason, lie) in lies {
        device.lies = lie.clone();
        refused(&browser.sign_in(&mut device).await, 401, "passkey_refused");
        let told = ("session.create_passkey".into(), "deny".into(), Some(reason.to_owned()));
        assert_eq!(control.last_line().await, told, "{lie:?}");
    }
    device.lies = Lies::default();

    let body = browser.answer_with(&mut device).await;
    browser.post(FINISH_SIGN_IN, &body).await.expect(201);
    refused(&browser.post(FINISH_SIGN_IN, &body).await, 401, "passkey_refused");
    let late = browser.answer_with(&mut device).await;
    control.clock.advance_ms(300_000);
    refused(&browser.post(FINISH_SIGN_IN, &late).await, 401, "passkey_refused");
    assert_eq!(control.last_line().await.2.as_deref(), Some("passkey_challenge"));

    // Another browser's handle, a stranger's key, and a stranger's key under the known id.
    let mut crossed = browser.answer_with(&mut device).await;
    crossed["handle"] = browser.begin(BEGIN_SIGN_IN, &json!({})).await["handle"].clone();
    refused(&browser.post(FINISH_SIGN_IN, &crossed).await, 401, "passkey_refused");
    let mut stranger = Authenticator::new().unwrap();
    refused(&browser.sign_in(&mut stranger).await, 401, "passkey_refused");
    assert_eq!(control.last_line().await.2.as_deref(), Some("passkey_unknown"));
    let mut forged = browser.answer_with(&mut stranger).await;
    forged["credential"]["id"] = body["credential"]["id"].clone();
    refused(&browser.post(FINISH_SIGN_IN, &forged).await, 401, "passkey_refused");
    assert_eq!(control.last_line().await.2.as_deref(), Some("passkey_signature"));

    device.lies.count = Some(1);
    let copied = browser.sign_in(&mut device).await.expect(201);
    let request = copied.headers["x-request-id"].to_str().unwrap();
    assert!(
        crate::support::log_lines()
            .iter()
            .any(|line| line.contains("passkey_counter") && line.contains(request)),
        "a counter that goes back is a signal and no more"
    );
}

#[tokio::test]
async fn a_disabled_administrator_is_let_in_by_nothing() {
    let control = TestControl::of_passkeys().await;
    let (browser, mut device) = control.enrolled(GRACE).await;
    let link = control.link("other@platform.example").await;
    let disable = "update platform.platform_admin set state = 'disabled'";
    control.superuser().await.batch_execute(disable).await.unwrap();
    browser.get(CURRENT).await.expect(401);
    refused(&browser.sign_in(&mut device).await, 401, "passkey_refused");
    assert_eq!(control.last_line().await.2.as_deref(), Some("not_active"));
    refused(&browser.post(BEGIN_ENROL, &json!({ "token": link })).await, 422, "enrolment_invalid");
}

#[tokio::test]
async fn where_passkeys_are_asked_for_no_password_signs_in_and_no_session_of_one_stands() {
    let control = TestControl::start().await;
    let browser = control.stranger();
    assert_eq!(browser.get("/platform/v1/sign-in").await.expect(200).body, json!({ "passwords": true }));
    let right = json!({ "login": LOGIN, "password": PASSWORD });
    let answer = browser.post("/platform/v1/sessions", &right).await.expect(201);
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let (by_passkey, mut device) = control.enrolled(GRACE).await;
    by_passkey.get(CURRENT).await.expect(200);

    control.reconfigure("sign_in = \"passkey_or_password\"", "sign_in = \"passkey\"");
    let control = control.restart().await.unwrap();
    let browser = control.stranger();
    assert_eq!(browser.get("/platform/v1/sign-in").await.expect(200).body, json!({ "passwords": false }));
    refused(&browser.post("/platform/v1/sessions", &right).await, 403, "passkey_needed");
    let told = ("session.create".into(), "deny".into(), Some("password_not_taken".into()));
    assert_eq!(control.last_line().await, told);
    browser.send(Method::GET, CURRENT, None, &[("cookie", &cookie)]).await.expect(401);
    browser.sign_in(&mut device).await.expect(201);

    // An account without a password has none that fits, where passwords are taken again.
    control.reconfigure("sign_in = \"passkey\"", "sign_in = \"passkey_or_password\"");
    let control = control.restart().await.unwrap();
    for password in ["", PASSWORD] {
        let guess = json!({ "login": GRACE, "password": password });
        refused(&control.stranger().post("/platform/v1/sessions", &guess).await, 401, "sign_in_failed");
    }
}

#[tokio::test]
async fn own_passkeys_come_and_go_but_for_the_last_and_are_ten_at_most() {
    let control = TestControl::of_passkeys().await;
    let (browser, mut device) = control.enrolled(GRACE).await;
    let elsewhere = control.stranger().signed_in(&mut device).await;
    let (other, _) = control.enrolled("other@platform.example").await;

    let only = browser.passkeys().await.remove(0);
    refused(&browser.remove(&only).await, 409, "last_factor");
    let told = ("passkey.remove".into(), "deny".into(), Some("last_passkey".into()));
    assert_eq!(control.last_line().await, told);
    refused(&other.remove(&only).await, 404, "not_found");
    let refusing = Lies { origin: Some("https://elsewhere.example".into()), ..Lies::default() };
    let mut second = Authenticator::new().unwrap();
    second.lies = refusing;
    refused(&browser.add(&mut second, "Key").await, 422, "passkey_not_added");
    second.lies = Lies::default();
    browser.add(&mut second, " Key ").await.expect(201);
    assert_eq!(control.last_line().await, ("passkey.add".into(), "allow".into(), None));
    elsewhere.get(CURRENT).await.expect(401);
    browser.get(CURRENT).await.expect(200);
    other.get(CURRENT).await.expect(200);
    refused(&browser.add(&mut second, "Key").await, 422, "passkey_not_added");

    let elsewhere = control.stranger().signed_in(&mut second).await;
    browser.remove(&only).await.expect(204);
    refused(&browser.remove(&only).await, 404, "not_found");
    elsewhere.get(CURRENT).await.expect(401);
    refused(&browser.sign_in(&mut device).await, 401, "passkey_refused");

    for number in 2..=9 {
        browser.add(&mut Authenticator::new().unwrap(), &format!("Key {number}")).await.expect(201);
    }
    // A session has one ceremony at a time.
    let begun = browser.begin("/platform/v1/passkeys/begin", &json!({})).await;
    let mut tenth = Authenticator::new().unwrap();
    let made = tenth.create(&begun["public_key"], &browser.base).unwrap();
    browser.add(&mut Authenticator::new().unwrap(), "Key 10").await.expect(201);
    let body = json!({ "label": "Key 11", "credential": made });
    refused(&browser.post("/platform/v1/passkeys/finish", &body).await, 422, "passkey_not_added");
    refused(&browser.post("/platform/v1/passkeys/begin", &json!({})).await, 409, "too_many_factors");
    let mine = browser.passkeys().await;
    // All of them were made at the same moment of this clock, so their order says nothing.
    assert!(mine.len() == 10 && mine.iter().any(|one| one["label"] == "Key"), "{mine:?}");
}

#[tokio::test]
async fn of_two_that_are_the_last_two_one_stays() {
    let control = TestControl::of_passkeys().await;
    let (browser, _) = control.enrolled(GRACE).await;
    browser.add(&mut Authenticator::new().unwrap(), "Key").await.expect(201);
    let mine = browser.passkeys().await;
    let (one, other) = tokio::join!(browser.remove(&mine[0]), browser.remove(&mine[1]));
    let mut ends = [one.status.as_u16(), other.status.as_u16()];
    ends.sort_unstable();
    assert_eq!(ends, [204, 409]);
    assert_eq!(browser.passkeys().await.len(), 1);
}

#[tokio::test]
async fn passkeys_are_changed_by_who_proved_one_within_five_minutes() {
    let control = TestControl::start().await;
    let (mut browser, mut device) = control.enrolled(GRACE).await;
    let by_password = control.admin().await;
    control.clock.advance_ms(300_000);
    browser.begin("/platform/v1/passkeys/begin", &json!({})).await;
    control.clock.advance_ms(1);
    for (method, path) in [
        (Method::POST, "/platform/v1/passkeys/begin"),
        (Method::DELETE, "/platform/v1/passkeys/pky_aaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ] {
        for caller in [&browser, &by_password] {
            let answer = caller.send(method.clone(), path, None, &[]).await;
            refused(&answer, 403, "step_up_required");
        }
    }
    let mut second = Authenticator::new().unwrap();
    let made = second
        .create(&json!({ "rp": { "id": HOST }, "user": { "id": "AA" }, "challenge": "AAAA" }), &browser.base);
    let body = json!({ "label": "Key", "credential": made.unwrap() });
    refused(&browser.post("/platform/v1/passkeys/finish", &body).await, 403, "step_up_required");
    assert_eq!(browser.passkeys().await.len(), 1, "the own ones may be seen");

    // Proving it again is signing in again: the session before ends.
    browser = browser.signed_in(&mut device).await;
    browser.add(&mut second, "Key").await.expect(201);
    let live =
        "select count(*) from platform.platform_session s join platform.platform_admin a on a.id = s.admin_id
                where a.login = $1 and s.revoked_at is null";
    let row = control.superuser().await.query_one(live, &[&GRACE]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
    // Where passwords are taken, one is as good.
    control.admin().await.add(&mut Authenticator::new().unwrap(), "Key").await.expect(201);
}

#[tokio::test]
async fn who_begins_anew_has_no_session_passkey_or_password_left() {
    let control = TestControl::start().await;
    let (browser, mut device) = control.enrolled(GRACE).await;
    let link = control.link_again(GRACE).await;
    assert_eq!(control.last_line().await, ("admin.reset".into(), "allow".into(), None));
    browser.get(CURRENT).await.expect(401);
    refused(&browser.sign_in(&mut device).await, 401, "passkey_refused");
    browser.enrol(&link, &mut device).await.expect(201);

    let by_password = control.admin().await;
    let link = control.link_again(LOGIN).await;
    by_password.get(CURRENT).await.expect(401);
    let right = json!({ "login": LOGIN, "password": PASSWORD });
    refused(&control.stranger().post("/platform/v1/sessions", &right).await, 401, "sign_in_failed");
    control.stranger().enrol(&link, &mut Authenticator::new().unwrap()).await.expect(201);
}

#[tokio::test]
async fn questions_without_answers_fill_no_disk() {
    const WAITING_MAX: i64 = 10_000;
    let control = TestControl::of_passkeys().await;
    let (browser, superuser) = (control.stranger(), control.superuser().await);
    let flood = "insert into platform.platform_challenge (id, handle_hash, purpose, bytes, expires_at)
                 select gen_random_uuid(), sha256(n::text::bytea), 'sign_in', sha256(n::text::bytea),
                        '2026-01-01T00:02:00Z'::timestamptz + n * interval '1 millisecond'
                 from generate_series(1, 11000) n";
    superuser.batch_execute(flood).await.unwrap();
    let count = async || -> i64 {
        let count = "select count(*) from platform.platform_challenge";
        superuser.query_one(count, &[]).await.unwrap().get(0)
    };
    browser.begin(BEGIN_SIGN_IN, &json!({})).await;
    assert_eq!(count().await, WAITING_MAX);
    control.clock.advance_ms(300_000);
    browser.begin(BEGIN_SIGN_IN, &json!({})).await;
    assert_eq!(count().await, 1, "what is too old is gone");
}
