//! Applications that people sign in with: what a person agrees to in the portal, and the code's way to a token.

use app::access::Role;
use app::relationships::model::Tie;
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::support::oauth::{REDIRECT, claims, encode};
use crate::support::{Actor, Answer, World};

/// What the challenge is made of.
pub(super) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

pub(super) fn asked(client: &str, scope: &str) -> Value {
    json!({
        "response_type": "code", "client_id": client, "redirect_uri": REDIRECT, "scope": scope,
        "state": "a b&c", "code_challenge": encode(digest(&SHA256, VERIFIER.as_bytes()).as_ref()),
        "code_challenge_method": "S256", "approve": true,
    })
}

pub(super) async fn authorize(world: &World, by: &Actor, body: &Value) -> Answer {
    world.ask(&world.alpha, "POST", "/api/v1/oauth/authorize").by(by).json(body).send().await
}

/// A code for the application, as the person's browser would carry it back.
pub(super) async fn code(world: &World, by: &Actor, client: &str, scope: &str) -> String {
    let agreed = authorize(world, by, &asked(client, scope)).await.expect(200).json();
    let to = agreed["redirect_to"].as_str().unwrap();
    let (uri, query) = to.split_once('?').unwrap();
    assert_eq!(uri, REDIRECT);
    let issuer = "iss=https%3A%2F%2Fus.domicile.localhost%3A7410";
    let rest = format!("&{issuer}&state=a%20b%26c");
    query.strip_prefix("code=").unwrap().strip_suffix(&rest).unwrap().to_owned()
}

pub(super) async fn exchange(world: &World, client: &str, code: &str, change: (&str, &str)) -> Answer {
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    for pair in &mut form {
        if pair.0 == change.0 {
            pair.1 = change.1;
        }
    }
    world.token(&world.alpha, &form).await
}

fn is_invalid_grant(answer: &Answer) -> bool {
    answer.status == 400 && answer.json()["error"] == "invalid_grant"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_lets_an_application_in_and_it_does_what_was_agreed_to() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let herself = world.staff(&world.alpha, Role::Patient).await;
    let id = world.patient(&doctor, "M-1").await;
    world.tie(&world.alpha, &id, &herself, Tie::Subject).await;
    let client = world.application(&world.alpha, &["me.read", "patient.read", "patient.update"]).await;
    // She sees what it asks for first; what her role may not do is not among it.
    let mut question = asked(&client, "patient.read patient.update");
    question["approve"] = json!(false);
    let seen = authorize(&world, &herself, &question).await.expect(200).json();
    assert_eq!((&seen["client"], &seen["scope"]), (&json!("Pocket"), &json!(["patient.read"])));
    assert_eq!(seen["redirect_to"], Value::Null);
    let refused = seen["refuse_to"].as_str().unwrap();
    assert!(refused.starts_with(&format!("{REDIRECT}?error=access_denied&iss=")), "{refused}");

    let code = code(&world, &herself, &client, "patient.read").await;
    let answer = exchange(&world, &client, &code, ("", "")).await.expect(200);
    assert_eq!(answer.header("set-cookie"), "");
    let given = answer.json();
    assert_eq!((&given["scope"], &given["expires_in"]), (&json!("patient.read"), &json!(600)));
    assert!(given["refresh_token"].is_string());
    let token = given["access_token"].as_str().unwrap();
    let said = claims(token);
    assert_eq!(said["sub"], app::staff::model::AccountId::from(herself.account).to_string());
    assert_eq!(said["client_id"], client);
    let get = |path: String| world.ask(&world.alpha, "GET", &path).bearer(token).send();
    get(format!("/api/v1/patients/{id}")).await.expect(200);
    let other = world.patient(&doctor, "M-2").await;
    assert_eq!(get(format!("/api/v1/patients/{other}")).await.outcome(), (404, "not_found".into()));
    assert_eq!(get("/api/v1/me".into()).await.outcome(), (403, "forbidden".into()), "not agreed to");
    // It is one of her sessions: she sees it and ends it.
    let sid = said["sid"].as_str().unwrap();
    let of_it = sessions(&world, &herself).await.into_iter().find(|one| one["id"] == sid).unwrap();
    let told = json!({ "id": client, "name": "Pocket", "scope": ["patient.read"] });
    assert_eq!(of_it["application"], told);
    end(&world, &herself, sid).await;
    assert_eq!(get(format!("/api/v1/patients/{id}")).await.outcome(), (401, "unauthenticated".into()));
}

/// The own sessions, as their owner sees them.
async fn sessions(world: &World, by: &Actor) -> Vec<Value> {
    let ask = world.ask(&world.alpha, "GET", "/api/v1/me/sessions").by(by);
    ask.send().await.expect(200).json()["items"].as_array().unwrap().clone()
}

async fn end(world: &World, by: &Actor, session: &str) {
    let path = format!("/api/v1/me/sessions/{session}");
    world.ask(&world.alpha, "DELETE", &path).by(by).send().await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_let_an_application_in_sees_it_and_nothing_of_it_lives_on_when_it_is_ended() {
    let world = World::new().await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let client = world.application(&world.alpha, &["me.read", "patient.read"]).await;
    let other = world.application(&world.alpha, &["me.read"]).await;
    let applications = async || {
        let all = sessions(&world, &nurse).await;
        all.into_iter().filter(|one| !one["application"].is_null()).collect::<Vec<Value>>()
    };
    assert_eq!(applications().await, Vec::<Value>::new(), "a browser is no application");
    let first = code(&world, &nurse, &client, "me.read").await;
    let first = exchange(&world, &client, &first, ("", "")).await.expect(200).json();
    // It asks for more before she ends it, and so does another one; neither has used its code.
    let unused = code(&world, &nurse, &client, "me.read").await;
    let others = code(&world, &nurse, &other, "me.read").await;
    let seen = applications().await;
    let [one] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(
        one["application"]["scope"],
        json!(["me.read"]),
        "what was agreed to, not what it may at most"
    );
    assert_eq!(one["current"], false);
    end(&world, &nurse, one["id"].as_str().unwrap()).await;
    assert_eq!(applications().await, Vec::<Value>::new());
    let token = first["access_token"].as_str().unwrap();
    let me = world.ask(&world.alpha, "GET", "/api/v1/me").bearer(token).send().await;
    assert_eq!(me.outcome(), (401, "unauthenticated".into()));
    let refresh = first["refresh_token"].as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("client_id", client.as_str()), ("refresh_token", refresh)];
    assert!(is_invalid_grant(&world.token(&world.alpha, &form).await));
    assert!(is_invalid_grant(&exchange(&world, &client, &unused, ("", "")).await), "its code is taken back");
    exchange(&world, &other, &others, ("", "")).await.expect(200);
    world.ask(&world.alpha, "GET", "/api/v1/me").by(&nurse).send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_once_for_a_minute_for_who_asked() {
    let world = World::new().await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let client = world.application(&world.alpha, &["me.read"]).await;
    let other = world.application(&world.alpha, &["me.read"]).await;
    for change in [
        ("client_id", other.as_str()),
        ("redirect_uri", "https://app.example/callback/"),
        ("redirect_uri", "https://evil.example/callback"),
        ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"),
        // The challenge itself, which a request for the code shows to whoever looks on.
        ("code_verifier", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_verifier", ""),
        ("code", "AAAA"),
    ] {
        let code = code(&world, &nurse, &client, "me.read").await;
        assert!(is_invalid_grant(&exchange(&world, &client, &code, change).await), "{change:?}");
        exchange(&world, &client, &code, ("", "")).await.expect(200);
    }
    // Late.
    let late = code(&world, &nurse, &client, "me.read").await;
    world.clock.advance_ms(61_000);
    assert!(is_invalid_grant(&exchange(&world, &client, &late, ("", "")).await));
    // Twice: what the first opened is closed.
    let twice = code(&world, &nurse, &client, "me.read").await;
    let given = exchange(&world, &client, &twice, ("", "")).await.expect(200).json();
    let token = given["access_token"].as_str().unwrap();
    let me = async || world.ask(&world.alpha, "GET", "/api/v1/me").bearer(token).send().await.status.as_u16();
    assert_eq!(me().await, 200);
    assert!(is_invalid_grant(&exchange(&world, &client, &twice, ("", "")).await));
    assert_eq!(me().await, 401);
    let last = world.audit(&world.alpha).await;
    assert!(last.iter().any(|entry| entry.2.as_deref() == Some("code_reused")));
    // After signing out.
    let orphan = code(&world, &nurse, &client, "me.read").await;
    world.ask(&world.alpha, "DELETE", "/api/v1/sessions/current").by(&nurse).send().await.expect(204);
    assert!(is_invalid_grant(&exchange(&world, &client, &orphan, ("", "")).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_let_in_but_by_a_person_for_a_registered_address() {
    let world = World::new().await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let client = world.application(&world.alpha, &["me.read", "patient.read"]).await;
    let program = world.program(&world.alpha, crate::support::oauth::Key::ed25519(), &["me.read"]).await;
    let good = asked(&client, "me.read");
    for (name, value, pointer, code) in [
        ("client_id", program.id.as_str(), "/client_id", "unknown_client"),
        ("client_id", "cli_aaaaaaaaaaaaaaaaaaaaaaaaaa", "/client_id", "unknown_client"),
        ("redirect_uri", "https://app.example/callback?x", "/redirect_uri", "not_registered"),
        ("redirect_uri", "https://app.example", "/redirect_uri", "not_registered"),
        ("redirect_uri", "HTTPS://app.example/callback", "/redirect_uri", "not_registered"),
        ("response_type", "token", "/response_type", "unknown_value"),
        ("code_challenge_method", "plain", "/code_challenge_method", "unknown_value"),
        ("code_challenge", "short", "/code_challenge", "invalid_value"),
        ("scope", "staff.list", "/scope", "not_allowed"),
        ("state", "a\nb", "/state", "invalid_value"),
    ] {
        let mut body = good.clone();
        body[name] = json!(value);
        let refused = authorize(&world, &nurse, &body).await;
        assert_eq!(refused.status, 400, "{name} {value}");
        let error = &refused.json()["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{name} {value}");
    }
    // A token lets nobody in.
    let code = code(&world, &nurse, &client, "me.read").await;
    let given = exchange(&world, &client, &code, ("", "")).await.expect(200).json();
    let ask = world.ask(&world.alpha, "POST", "/api/v1/oauth/authorize");
    let by_token = ask.bearer(given["access_token"].as_str().unwrap()).json(&good).send().await;
    assert_eq!(by_token.outcome(), (403, "forbidden".into()));
    // Who has proven a password only lets nobody in either.
    let half = world.password_only(&world.alpha, Role::Nurse).await;
    assert_eq!(authorize(&world, &half, &good).await.outcome(), (403, "second_factor_required".into()));
}
