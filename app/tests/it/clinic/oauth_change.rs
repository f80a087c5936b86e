//! Programs and applications that are changed after they were registered, and what that does to the tokens that are out.

use app::access::Role;
use app::relationships::model::Tie;
use app::staff::model::AccountId;
use serde_json::{Value, json};

use super::oauth_mobile::{code, exchange};
use super::oauth_refresh::renew;
use crate::support::oauth::Key;
use crate::support::{Actor, Answer, World, patient};

fn path(id: &str) -> String {
    format!("/api/v1/oauth/clients/{id}")
}

async fn read(world: &World, by: &Actor, id: &str) -> Answer {
    world.ask(&world.alpha, "GET", &path(id)).by(by).send().await
}

/// A change of whatever version stands.
async fn change(world: &World, by: &Actor, id: &str, body: Value) -> Answer {
    let etag = read(world, by, id).await.expect(200).header("etag");
    world.ask(&world.alpha, "PATCH", &path(id)).by(by).header("if-match", &etag).json(&body).send().await
}

async fn with_token(world: &World, token: &str, path: &str) -> Answer {
    world.ask(&world.alpha, "GET", path).bearer(token).send().await
}

/// A new site with somebody at its front desk, and a patient who is registered there.
async fn elsewhere(world: &World, admin: &Actor) -> (String, String) {
    let add = world.ask(&world.alpha, "POST", "/api/v1/sites").by(admin).json(&json!({ "name": "North" }));
    let site = add.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let works = format!("/api/v1/staff/{}/sites", AccountId::from(desk.account));
    let body = json!({ "sites": [site] });
    world.ask(&world.alpha, "PUT", &works).by(admin).json(&body).send().await.expect(204);
    let body = patient("Elsewhere", "THERE-1");
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&body).send().await;
    (site, made.expect(201).json()["id"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_from_a_program_is_gone_for_the_token_it_holds() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let here = world.patient(&doctor, "HERE-1").await;
    let (north, there) = elsewhere(&world, &admin).await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read", "patient.read"]).await;
    let id = program.id.clone();
    let token = world.access(&world.alpha, &program).await;
    let sees = async |token: &str, patient: &str| {
        with_token(&world, token, &format!("/api/v1/patients/{patient}")).await.status.as_u16()
    };
    assert_eq!((sees(&token, &here).await, sees(&token, &there).await), (200, 404));

    let first = read(&world, &admin, &id).await.expect(200);
    assert_eq!((first.header("etag").as_str(), &first.json()["version"]), ("\"v1\"", &json!(1)));
    let moved = change(&world, &admin, &id, json!({ "sites": [north] })).await.expect(200);
    assert_eq!((moved.header("etag").as_str(), &moved.json()["sites"]), ("\"v2\"", &json!([north])));
    assert_eq!((sees(&token, &here).await, sees(&token, &there).await), (404, 200), "the next request");

    // What was read before somebody else changed it changes nothing.
    let stale = world.ask(&world.alpha, "PATCH", &path(&id)).by(&admin).header("if-match", "\"v1\"");
    let stale = stale.json(&json!({ "scopes": ["me.read"] })).send().await;
    assert_eq!(stale.outcome(), (412, "stale_version".into()));
    assert_eq!(sees(&token, &there).await, 200);

    let narrowed = change(&world, &admin, &id, json!({ "scopes": ["me.read"] })).await.expect(200);
    assert_eq!(narrowed.json()["scopes"], json!(["me.read"]));
    let refused = with_token(&world, &token, &format!("/api/v1/patients/{there}")).await;
    assert_eq!(refused.outcome(), (403, "forbidden".into()));
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"insufficient_scope\"");
    with_token(&world, &token, "/api/v1/me").await.expect(200);

    // What is added is for the next token; the one that is out says what it was given for.
    let scopes = json!({ "scopes": ["me.read", "session_policy.read"], "name": "Lab link 2" });
    change(&world, &admin, &id, scopes).await.expect(200);
    let settings = "/api/v1/settings/sessions";
    assert_eq!(with_token(&world, &token, settings).await.outcome().0, 403);
    let next = world.access(&world.alpha, &program).await;
    with_token(&world, &next, settings).await.expect(200);
    let me = with_token(&world, &next, "/api/v1/me").await.expect(200).json();
    assert_eq!(me["display_name"], "Lab link 2", "its account is called as it is");

    change(&world, &admin, &id, json!({ "name": "Lab link 3" })).await.expect(200);
    let last =
        change(&world, &admin, &id, json!({ "name": "Lab link 3", "sites": [north] })).await.expect(200);
    assert_eq!((last.header("etag").as_str(), &last.json()["name"]), ("\"v5\"", &json!("Lab link 3")));
    let log = world.audit(&world.alpha).await;
    let said: Vec<_> = log.iter().filter(|entry| entry.0 == "oauth_client.change").collect();
    assert!(said.iter().all(|entry| entry.1 == "allow"), "{said:?}");
    let reasons: Vec<_> = said.iter().filter_map(|entry| entry.2.as_deref()).collect();
    assert_eq!(reasons, ["sites", "scopes", "scopes", "name", "repeated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_keeps_no_more_than_its_people_agreed_to_and_the_clinic_still_gives() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let herself = world.staff(&world.alpha, Role::Patient).await;
    let own = world.patient(&doctor, "OWN-1").await;
    world.tie(&world.alpha, &own, &herself, Tie::Subject).await;
    let client = world.application(&world.alpha, &["me.read", "patient.read"]).await;
    let code = code(&world, &herself, &client, "me.read patient.read").await;
    let mut given = exchange(&world, &client, &code, ("", "")).await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let token = text(&given["access_token"]);
    let record = format!("/api/v1/patients/{own}");
    with_token(&world, &token, &record).await.expect(200);

    change(&world, &admin, &client, json!({ "scopes": ["me.read"] })).await.expect(200);
    assert_eq!(with_token(&world, &token, &record).await.outcome(), (403, "forbidden".into()));
    given = renew(&world, &client, &text(&given["refresh_token"])).await.expect(200).json();
    assert_eq!(given["scope"], "me.read");
    // Given back, it is what she agreed to. What is new she was not asked about.
    let scopes = json!({ "scopes": ["me.read", "patient.read", "care_team.read"] });
    change(&world, &admin, &client, scopes).await.expect(200);
    given = renew(&world, &client, &text(&given["refresh_token"])).await.expect(200).json();
    assert_eq!(given["scope"], "me.read patient.read");
    let team = format!("{record}/care-team");
    assert_eq!(with_token(&world, &text(&given["access_token"]), &team).await.outcome().0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_changed_by_what_a_registration_takes_and_in_no_other_part() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await.id;
    let application = world.application(&world.alpha, &["me.read"]).await;
    let before = [&program, &application].map(|id| path(id));
    let shown = async || {
        let mut all = Vec::new();
        for path in &before {
            all.push(world.ask(&world.alpha, "GET", path).by(&admin).send().await.expect(200).json());
        }
        all
    };
    let as_registered = shown().await;
    for (id, body, pointer, code) in [
        (&program, json!({ "name": "" }), "/name", "empty"),
        (&program, json!({ "scopes": [] }), "/scopes", "not_allowed"),
        (&program, json!({ "scopes": ["patient.update"] }), "/scopes", "not_allowed"),
        (&program, json!({ "scopes": ["me.read", "oauth_client.read"] }), "/scopes", "not_allowed"),
        (&application, json!({ "scopes": ["oauth_client.change"] }), "/scopes", "not_allowed"),
        (&program, json!({ "sites": [] }), "/sites", "one_to_fifty"),
        (&program, json!({ "sites": ["site_aaaaaaaaaaaaaaaaaaaaaaaaaa"] }), "/sites/0", "unknown_site"),
        (&application, json!({ "sites": [] }), "/sites", "machine_only"),
        (&program, json!({ "name": "X", "kind": "mobile" }), "", "unknown_field"),
        (&program, json!({ "name": "X", "state": "disabled" }), "", "unknown_field"),
        (&program, json!({ "name": "X", "jwks": { "keys": [] } }), "", "unknown_field"),
        (
            &application,
            json!({ "name": "X", "redirect_uris": ["https://evil.example/"] }),
            "",
            "unknown_field",
        ),
    ] {
        let refused = change(&world, &admin, id, body.clone()).await.expect(400).json();
        let fault = &refused["errors"][0];
        // Where an unknown field would be is the place that holds it: its name is the caller's text.
        assert_eq!((&fault["pointer"], &fault["code"]), (&json!(pointer), &json!(code)), "{body}");
    }
    for (etag, expected) in [
        (None, (428, "if_match_needed")),
        (Some("*"), (428, "if_match_needed")),
        (Some("W/\"v1\""), (412, "stale_version")),
        (Some("\"v2\""), (412, "stale_version")),
    ] {
        let ask = world.ask(&world.alpha, "PATCH", &path(&program)).by(&admin).json(&json!({ "name": "X" }));
        let ask = if let Some(etag) = etag { ask.header("if-match", etag) } else { ask };
        assert_eq!(ask.send().await.outcome(), (expected.0, expected.1.into()), "{etag:?}");
    }
    let others = world.staff(&world.beta, Role::ClinicAdmin).await;
    for method in ["GET", "PATCH"] {
        let ask = world.ask(&world.beta, method, &path(&program)).by(&others).header("if-match", "\"v1\"");
        let ask = if method == "PATCH" { ask.json(&json!({ "name": "X" })) } else { ask };
        assert_eq!(ask.send().await.outcome(), (404, "not_found".into()), "{method} of another clinic");
    }
    assert_eq!(shown().await, as_registered, "nothing of all that changed anything");

    let end = format!("{}/disable", path(&program));
    world.ask(&world.alpha, "POST", &end).by(&admin).send().await.expect(204);
    let refused = change(&world, &admin, &program, json!({ "name": "X" })).await;
    assert_eq!(refused.outcome(), (409, "wrong_state".into()));
}
