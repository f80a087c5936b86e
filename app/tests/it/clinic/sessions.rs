//! From the invitation to signing out, and what guards the door.

use app::access::Role;
use app::audit;
use app::auth::invite::{Invite, Invited};
use app::auth::password::PoolLimits;
use app::auth::tables::invitation;
use app::auth::token::Token;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Actor, Answer, Clinic, Options, World};

pub(super) const PASSWORD: &str = "correct horse battery";

/// Invites somebody and plays the worker: makes the token and stores its hash.
pub(super) async fn invited(world: &World, clinic: &Clinic, email: &str) -> Token {
    let token = Token::random();
    let mut tx = world.region.regional.begin(clinic.tenant, "test.invite").await.unwrap();
    let now = DateTime::<Utc>::from(world.app.clock.now());
    let invite = Invite { email, display_name: "New", role: Role::Physician, now };
    let Invited::New { invitation: id, .. } = invite.store(&mut tx, world.app.keys()).await.unwrap() else {
        panic!("{email} has an account")
    };
    diesel::update(invitation::table.find(id))
        .set(invitation::token_hash.eq(token.hash().as_slice()))
        .execute(tx.conn())
        .await
        .unwrap();
    tx.commit(audit::by_system("test.invite")).await.unwrap();
    token
}

pub(super) async fn accept(world: &World, clinic: &Clinic, token: &Token, password: &str) -> Answer {
    let body =
        json!({ "token": token.expose().as_str(), "password": password, "display_name": "Dr. Asha Rao" });
    world.ask(clinic, "POST", "/api/v1/invitations/accept").json(&body).send().await
}

pub(super) async fn sign_in(world: &World, clinic: &Clinic, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    world.ask(clinic, "POST", "/api/v1/sessions").json(&body).send().await
}

pub(super) fn actor(answer: &Answer) -> Actor {
    let cookie = answer.header("set-cookie");
    let (pair, attributes) = cookie.split_once(';').unwrap();
    for attribute in ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
        assert!(attributes.contains(attribute), "{attribute} is missing in {attributes}");
    }
    Actor {
        account: uuid_nil(),
        cookie: pair.to_owned(),
        csrf: answer.json()["csrf_token"].as_str().unwrap().to_owned(),
    }
}

fn uuid_nil() -> uuid::Uuid {
    uuid::Uuid::nil()
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_invitation_to_signing_out() {
    let world = World::new().await;
    let email = "asha.rao@example.com";
    let token = invited(&world, &world.alpha, email).await;
    assert_eq!(
        sign_in(&world, &world.alpha, email, PASSWORD).await.outcome(),
        (401, "sign_in_failed".into())
    );
    assert_eq!(
        accept(&world, &world.alpha, &token, "short").await.outcome(),
        (400, "invalid_request".into())
    );
    let refused = (422, "invitation_invalid".to_owned());
    assert_eq!(accept(&world, &world.beta, &token, PASSWORD).await.outcome(), refused, "another clinic's");
    assert_eq!(accept(&world, &world.alpha, &Token::random(), PASSWORD).await.outcome(), refused, "nobody's");
    accept(&world, &world.alpha, &token, PASSWORD).await.expect(204);
    assert_eq!(accept(&world, &world.alpha, &token, PASSWORD).await.outcome(), refused, "the second time");

    let session = sign_in(&world, &world.alpha, "Asha.Rao@EXAMPLE.com", PASSWORD).await.expect(201);
    let me = actor(&session);
    let seen = world.ask(&world.alpha, "GET", "/api/v1/me").by(&me).send().await.expect(200).json();
    assert_eq!(
        (&seen["email"], &seen["display_name"], &seen["role"]),
        (&json!(email), &json!("Dr. Asha Rao"), &json!("physician"))
    );
    let current = world.ask(&world.alpha, "GET", "/api/v1/sessions/current").by(&me).send().await.expect(200);
    assert_eq!(current.json()["csrf_token"], me.csrf.as_str());
    let second = actor(&sign_in(&world, &world.alpha, email, PASSWORD).await.expect(201));
    assert_ne!(second.cookie, me.cookie, "each log-in has a session of its own");

    let out = world.ask(&world.alpha, "DELETE", "/api/v1/sessions/current").by(&me).send().await.expect(204);
    assert_eq!(out.header("clear-site-data"), "\"cache\", \"cookies\", \"storage\"");
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let after = world.ask(&world.alpha, "GET", "/api/v1/me").by(&me).send().await;
    assert_eq!(after.outcome(), (401, "unauthenticated".into()));
    world.ask(&world.alpha, "GET", "/api/v1/me").by(&second).send().await.expect(200);
    let actions: Vec<String> = world
        .audit(&world.alpha)
        .await
        .into_iter()
        .map(|(action, outcome, ..)| format!("{action} {outcome}"))
        .collect();
    for wanted in [
        "session.create deny",
        "invitation.accept deny",
        "invitation.accept allow",
        "session.create allow",
        "session.end allow",
    ] {
        assert!(actions.iter().any(|action| action == wanted), "{wanted} is missing in {actions:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_by_idleness_by_age_and_with_the_account() {
    let world = World::new().await;
    let me = async || world.staff(&world.alpha, Role::Nurse).await;
    let ask = async |actor: &Actor| {
        world.ask(&world.alpha, "GET", "/api/v1/me").by(actor).send().await.status.as_u16()
    };
    let idle = me().await;
    world.clock.advance_ms(899_000);
    assert_eq!(ask(&idle).await, 200, "a request moves the end forward");
    world.clock.advance_ms(899_000);
    assert_eq!(ask(&idle).await, 200);
    world.clock.advance_ms(900_000);
    assert_eq!(ask(&idle).await, 401, "15 minutes without a request");

    let old = me().await;
    for _ in 0..53 {
        world.clock.advance_ms(810_000);
        assert_eq!(ask(&old).await, 200);
    }
    world.clock.advance_ms(270_000);
    assert_eq!(ask(&old).await, 401, "12 hours are over, however busy it was");

    let dismissed = me().await;
    assert_eq!(ask(&dismissed).await, 200);
    world.change_account(&world.alpha, dismissed.account, |row| row.state = "disabled".to_owned()).await;
    assert_eq!(ask(&dismissed).await, 401, "from the next request");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_waits_and_says_nothing() {
    let world = World::new().await;
    let email = "victim@example.com";
    let token = invited(&world, &world.alpha, email).await;
    accept(&world, &world.alpha, &token, PASSWORD).await.expect(204);
    let body = |answer: &Answer| {
        let mut body = answer.json();
        body["instance"] = json!(null);
        (answer.status, body)
    };
    let unknown = body(&sign_in(&world, &world.alpha, "nobody@example.com", PASSWORD).await);
    for attempt in 0..5 {
        let wrong = sign_in(&world, &world.alpha, email, "wrong horse battery").await;
        assert_eq!(
            body(&wrong),
            unknown,
            "attempt {attempt}: a wrong password and an unknown account look alike"
        );
    }
    let waiting = sign_in(&world, &world.alpha, email, PASSWORD).await;
    assert_eq!(body(&waiting), unknown, "the right password waits too, and the answer does not say so");
    world.clock.advance_ms(1_100);
    sign_in(&world, &world.alpha, email, PASSWORD).await.expect(201);
    sign_in(&world, &world.alpha, email, "wrong horse battery").await.expect(401);
    sign_in(&world, &world.alpha, email, PASSWORD).await.expect(201);
}

/// A hundred wrong passwords lock an account until an administrator opens it; an administrator's own only waits, or whoever
/// knows the addresses could lock a clinic out for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_failures_lock_a_physician_and_slow_an_administrator() {
    let world = World::new().await;
    let email = "victim@example.com";
    let token = invited(&world, &world.alpha, email).await;
    accept(&world, &world.alpha, &token, PASSWORD).await.expect(204);
    let superuser = world.region.superuser().await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT id FROM {ops}.account");
    let victim: Uuid = superuser.query_one(sql.as_str(), &[]).await.unwrap().get(0);
    let set = async |failures: i32, role: &str| {
        let sql = format!("UPDATE {ops}.account SET failed_count = {failures}, locked_until = NULL");
        superuser.batch_execute(&sql).await.unwrap();
        world.change_account(&world.alpha, victim, |row| row.role = role.to_owned()).await;
    };
    set(99, "physician").await;
    sign_in(&world, &world.alpha, email, "wrong horse battery").await.expect(401);
    world.clock.advance_ms(30 * 24 * 3_600_000);
    sign_in(&world, &world.alpha, email, PASSWORD).await.expect(401);
    set(99, "clinic_admin").await;
    for _ in 0..3 {
        sign_in(&world, &world.alpha, email, "wrong horse battery").await.expect(401);
        sign_in(&world, &world.alpha, email, PASSWORD).await.expect(401);
        world.clock.advance_ms(3_601_000);
    }
    sign_in(&world, &world.alpha, email, PASSWORD).await.expect(201);
}

/// A script that signs in and never out must not fill the table.
#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_session_ends_when_an_account_has_too_many() {
    let world = World::new().await;
    let email = "busy@example.com";
    let token = invited(&world, &world.alpha, email).await;
    accept(&world, &world.alpha, &token, PASSWORD).await.expect(204);
    let mut actors = Vec::new();
    for _ in 0..21 {
        world.clock.advance_ms(1);
        actors.push(actor(&sign_in(&world, &world.alpha, email, PASSWORD).await.expect(201)));
    }
    let mut alive = Vec::new();
    for one in &actors {
        alive.push(world.ask(&world.alpha, "GET", "/api/v1/me").by(one).send().await.status.as_u16());
    }
    assert_eq!(alive[0], 401, "the oldest");
    assert!(alive[1..].iter().all(|status| *status == 200), "{alive:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_guesses_at_one_moment_are_charged_before_they_are_checked() {
    let world = World::new().await;
    let email = "victim@example.com";
    let token = invited(&world, &world.alpha, email).await;
    accept(&world, &world.alpha, &token, PASSWORD).await.expect(204);
    let guesses = (0..20).map(|n| {
        let world = &world;
        async move { sign_in(world, &world.alpha, email, &format!("wrong horse battery {n}")).await }
    });
    for answer in futures_util::future::join_all(guesses).await {
        assert_eq!(answer.status.as_u16(), 401);
    }
    let tried = world
        .audit(&world.alpha)
        .await
        .into_iter()
        .filter(|entry| entry.2.as_deref() == Some("password"))
        .count();
    assert_eq!(tried, 5, "the others found the account waiting");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_ins_is_refused_and_the_rest_goes_on() {
    let passwords = PoolLimits { running_max: 1, waiting_max: 2 };
    let world = World::with(Options { passwords, ..Options::default() }).await;
    let actor = world.staff(&world.alpha, Role::Nurse).await;
    let flood =
        (0..40).map(|n| {
            let world = &world;
            async move {
                sign_in(world, &world.alpha, &format!("a{n}@example.com"), PASSWORD).await.status.as_u16()
            }
        });
    let others =
        async { world.ask(&world.alpha, "GET", "/api/v1/me").by(&actor).send().await.status.as_u16() };
    let (statuses, other) = tokio::join!(futures_util::future::join_all(flood), others);
    assert_eq!(other, 200);
    assert!(
        statuses.contains(&503) && statuses.iter().all(|status| matches!(status, 401 | 503)),
        "{statuses:?}"
    );
}
