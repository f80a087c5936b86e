//! Programs' tokens: how one is had, what it says, what it opens, and when it ends.

use app::access::Role;
use serde_json::{Value, json};

use crate::support::oauth::{ASSERTION_TYPE, Key, Program, claims, compact};
use crate::support::{Answer, World, patient};

fn error(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_a_token_of_its_region_for_its_key_and_reads_at_its_sites() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let here = world.patient(&doctor, "HERE-1").await;
    let elsewhere = world.staff(&world.alpha, Role::Receptionist).await;
    world.move_to_new_site(&world.alpha, &elsewhere).await;
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&elsewhere);
    let there = made.json(&patient("Elsewhere", "THERE-1")).send().await.expect(201).json()["id"].clone();
    for key in [Key::ed25519(), Key::p256()] {
        let program = world.program(&world.alpha, key, &["me.read", "patient.read"]).await;
        let proof = World::assertion(&program, &world.assertion_claims(&world.alpha, &program));
        let answer = world.show_proof(&world.alpha, &proof).await.expect(200);
        assert_eq!(answer.header("set-cookie"), "");
        let given = answer.json();
        assert_eq!((&given["token_type"], &given["expires_in"]), (&json!("Bearer"), &json!(600)));
        assert_eq!(given["scope"], "me.read patient.read");
        assert_eq!(given.get("refresh_token"), None);
        let token = given["access_token"].as_str().unwrap();
        let said = claims(token);
        assert_eq!(said["iss"], "https://us.domicile.localhost:7410");
        assert_eq!(said["aud"], world.alpha.origin());
        assert_eq!((&said["sub"], &said["client_id"]), (&json!(program.id), &json!(program.id)));
        assert_eq!(said["exp"].as_u64().unwrap() - said["iat"].as_u64().unwrap(), 600);
        assert!(said["sid"].as_str().unwrap().starts_with("ses_") && said["jti"].is_string());
        let read = async |id: &str| {
            let path = format!("/api/v1/patients/{id}");
            world.ask(&world.alpha, "GET", &path).bearer(token).send().await
        };
        let shown = read(&here).await.expect(200).json();
        assert!(shown.get("phones").is_none() && shown["mrn"] == "HERE-1", "a minimum: {shown}");
        assert_eq!(read(there.as_str().unwrap()).await.outcome(), (404, "not_found".into()));
        let last = world.audit(&world.alpha).await;
        assert!(last.iter().any(|entry| entry.0 == "oauth.token" && entry.1 == "allow"));
    }
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT DISTINCT actor_kind FROM {ops}.audit_event WHERE action = 'patient.read'");
    let kinds = world.region.superuser().await.query(sql.as_str(), &[]).await.unwrap();
    assert_eq!(kinds.iter().map(|row| row.get(0)).collect::<Vec<String>>(), ["client"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scope_narrows_what_the_role_may_and_no_more_is_given() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let id = world.patient(&doctor, "S-1").await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read", "patient.read"]).await;
    let ask = async |scope: &str| {
        let proof = World::assertion(&program, &world.assertion_claims(&world.alpha, &program));
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &proof),
            ("scope", scope),
        ];
        world.token(&world.alpha, &form).await
    };
    for more in ["patient.update", "me.read patient.list", "staff.list", "openid", ""] {
        assert_eq!(error(&ask(more).await), (400, "invalid_scope".into()), "{more}");
    }
    let given = ask("me.read").await.expect(200).json();
    assert_eq!(given["scope"], "me.read");
    let token = given["access_token"].as_str().unwrap();
    let read =
        |method: &'static str, path: String| world.ask(&world.alpha, method, &path).bearer(token).send();
    read("GET", "/api/v1/me".into()).await.expect(200);
    let refused = read("GET", format!("/api/v1/patients/{id}")).await;
    assert_eq!(refused.outcome(), (403, "forbidden".into()));
    assert_eq!(refused.header("www-authenticate"), "Bearer error=\"insufficient_scope\"");
    let last = world.audit(&world.alpha).await.pop().unwrap();
    assert_eq!((last.0.as_str(), last.2.as_deref()), ("patient.read", Some("scope")));
    // What its role may not do, no scope gives.
    assert_eq!(read("GET", "/api/v1/patients".into()).await.outcome(), (403, "forbidden".into()));
    // It leaves without an origin, a cookie or a token against cross-site requests, and is told to keep nothing.
    let left = read("DELETE", "/api/v1/sessions/current".into()).await.expect(204);
    assert_eq!((left.header("set-cookie"), left.header("clear-site-data")), (String::new(), String::new()));
    let after = read("GET", "/api/v1/me".into()).await;
    assert_eq!(after.outcome(), (401, "unauthenticated".into()));
    assert_eq!(after.header("www-authenticate"), "Bearer error=\"invalid_token\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_after_ten_minutes() {
    let world = World::new().await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let token = world.access(&world.alpha, &program).await;
    let me =
        async || world.ask(&world.alpha, "GET", "/api/v1/me").bearer(&token).send().await.status.as_u16();
    world.clock.advance_ms(599_000);
    assert_eq!(me().await, 200);
    world.clock.advance_ms(2_000);
    assert_eq!(me().await, 401);
}

/// Each proof but the first is refused, and leaves one entry.
#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_is_good_once_for_five_minutes_here() {
    let world = World::new().await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let other = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let good = || world.assertion_claims(&world.alpha, &program);
    let now = world.now_ms() / 1_000;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut claims = good();
        change(&mut claims);
        World::assertion(&program, &claims)
    };
    let first = World::assertion(&program, &good());
    world.show_proof(&world.alpha, &first).await.expect(200);
    let header = |header: Value| {
        compact(&header.to_string(), &good().to_string(), |message| program.key.sign(message))
    };
    let stolen = Program { id: program.id.clone(), key: Key::ed25519() };
    let endpoint = good()["aud"].clone();
    let refused = [
        ("used", first.clone()),
        ("another key's", World::assertion(&stolen, &good())),
        ("another program's", World::assertion(&other, &good())),
        (
            "for another clinic",
            with(&|claims| claims["aud"] = json!(format!("{}/api/v1/oauth/token", world.beta.origin()))),
        ),
        ("for the clinic", with(&|claims| claims["aud"] = json!(world.alpha.origin()))),
        ("for two places", with(&|claims| claims["aud"] = json!([endpoint, "https://other.example"]))),
        ("for nobody", with(&|claims| claims["aud"] = json!([]))),
        ("about another", with(&|claims| claims["sub"] = json!(other.id))),
        ("expired", with(&|claims| claims["exp"] = json!(now - 6))),
        ("for ten minutes", with(&|claims| claims["exp"] = json!(now + 600))),
        ("for ever", with(&|claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
        ("not yet", with(&|claims| claims["nbf"] = json!(now + 60))),
        ("of tomorrow", with(&|claims| claims["iat"] = json!(now + 60))),
        ("without a name", with(&|claims| drop(claims.as_object_mut().unwrap().remove("jti")))),
        ("with an endless name", with(&|claims| claims["jti"] = json!("a".repeat(257)))),
        ("unsigned", compact(r#"{"alg":"none"}"#, &good().to_string(), |_| Vec::new())),
        ("of another algorithm", header(json!({ "alg": "ES256" }))),
        ("with a key of its own", header(json!({ "alg": "EdDSA", "jwk": program.key.jwk() }))),
        ("with a key elsewhere", header(json!({ "alg": "EdDSA", "jku": "https://evil.example/jwks" }))),
        ("of a key not registered", header(json!({ "alg": "EdDSA", "kid": "other" }))),
        ("of another type", header(json!({ "alg": "EdDSA", "typ": "at+jwt" }))),
        ("cut", first[..first.len() - 4].to_owned()),
        ("nothing", String::new()),
    ];
    for (what, proof) in refused {
        let before = world.audit(&world.alpha).await.len();
        let answer = world.show_proof(&world.alpha, &proof).await;
        assert_eq!(error(&answer), (400, "invalid_client".into()), "{what}");
        let log = world.audit(&world.alpha).await;
        assert_eq!(log.len(), before + 1, "{what}");
        let last = &log[before];
        assert_eq!((last.0.as_str(), last.1.as_str()), ("oauth.token", "deny"), "{what}");
    }
    // Twenty at once with one name: one is served.
    let proof = World::assertion(&program, &good());
    let race = (0..20).map(|_| world.show_proof(&world.alpha, &proof));
    let served = futures_util::future::join_all(race).await;
    assert_eq!(served.iter().filter(|answer| answer.status == 200).count(), 1);
    // A list of the one place is how some libraries write it.
    world.show_proof(&world.alpha, &with(&|claims| claims["aud"] = json!([claims["aud"]]))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_for_a_token_is_refused_as_rfc_6749_says() {
    let world = World::new().await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let application = world.application(&world.alpha, &["me.read"]).await;
    let proof = || World::assertion(&program, &world.assertion_claims(&world.alpha, &program));
    let ask = |content: &str, body: &str| {
        world.ask(&world.alpha, "POST", "/api/v1/oauth/token").without("origin").raw(content, body).send()
    };
    let form = "application/x-www-form-urlencoded";
    for (content, body) in [
        ("application/json", "{\"grant_type\":\"client_credentials\"}"),
        ("text/plain", "grant_type=client_credentials"),
        (form, ""),
        (form, "grant_type=client_credentials&grant_type=client_credentials"),
    ] {
        assert_eq!(error(&ask(content, body).await), (400, "invalid_request".into()), "{content} {body}");
    }
    let (a, b) = (proof(), proof());
    for (pairs, wanted) in [
        (vec![("grant_type", "password"), ("client_id", application.as_str())], "unsupported_grant_type"),
        (vec![("grant_type", "client_credentials"), ("client_id", &application)], "unauthorized_client"),
        (vec![("grant_type", "refresh_token"), ("client_assertion", a.as_str())], "unauthorized_client"),
        (vec![("grant_type", "client_credentials"), ("client_assertion", b.as_str())], "invalid_client"),
        (vec![("grant_type", "client_credentials"), ("client_id", "cli_x")], "invalid_client"),
        (vec![("grant_type", "authorization_code"), ("client_id", &application)], "invalid_grant"),
    ] {
        assert_eq!(error(&world.token(&world.alpha, &pairs).await), (400, wanted.to_owned()), "{pairs:?}");
    }
    // A page of another site sends nothing, whatever it knows.
    let cross =
        world.ask(&world.alpha, "POST", "/api/v1/oauth/token").header("origin", "https://evil.example");
    assert_eq!(
        cross.form(&[("grant_type", "client_credentials")]).send().await.outcome(),
        (403, "csrf".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_region_publishes_its_keys_and_what_it_can_do() {
    let world = World::new().await;
    let get = |path: &'static str| world.ask(&world.alpha, "GET", path).send();
    let metadata = get("/.well-known/oauth-authorization-server").await.expect(200).json();
    assert_eq!(metadata["issuer"], "https://us.domicile.localhost:7410");
    assert_eq!(metadata["token_endpoint"], format!("{}/api/v1/oauth/token", world.alpha.origin()));
    assert_eq!(metadata["jwks_uri"], format!("{}/.well-known/jwks.json", world.alpha.origin()));
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["token_endpoint_auth_signing_alg_values_supported"], json!(["EdDSA", "ES256"]));
    let keys = get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(keys.header("content-type"), "application/jwk-set+json");
    let keys = keys.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].get("d"), None);
    let there = world.ask(&world.beta, "GET", "/.well-known/jwks.json").send().await.expect(200);
    assert_eq!(there.json()["keys"], json!(keys), "one set for the region");
    // The published key checks a token: anybody can.
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let token = world.access(&world.alpha, &program).await;
    let jwk: app::oauth::jwk::Jwk = serde_json::from_value(json!({
        "kty": keys[0]["kty"], "crv": keys[0]["crv"], "x": keys[0]["x"], "kid": keys[0]["kid"],
    }))
    .unwrap();
    let parsed = app::oauth::jws::Unverified::parse(&token).unwrap();
    assert_eq!(parsed.header().kid.as_deref(), keys[0]["kid"].as_str());
    assert!(parsed.verify::<Value>(&jwk.public_key().unwrap()).is_some());
    let posted = world.ask(&world.alpha, "POST", "/.well-known/jwks.json").json(&json!({})).send().await;
    assert_eq!(posted.outcome(), (405, "method_not_allowed".into()));
}

/// A new key is published before it signs, and the one before it until its last token is over.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_announced_and_the_one_before_checks_its_tokens() {
    let world = World::new().await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let kids = async || {
        let keys = world.ask(&world.alpha, "GET", "/.well-known/jwks.json").send().await.expect(200).json();
        let kid = |key: &Value| key["kid"].as_str().unwrap().to_owned();
        keys["keys"].as_array().unwrap().iter().map(kid).collect::<Vec<String>>()
    };
    let signed_by =
        |token: &str| app::oauth::jws::Unverified::parse(token).unwrap().header().kid.clone().unwrap();
    let me = async |token: &str| {
        world.ask(&world.alpha, "GET", "/api/v1/me").bearer(token).send().await.status.as_u16()
    };
    let first = kids().await;
    assert_eq!(first.len(), 1);
    // Not again within the hour, whoever asks.
    world.app.keys().rotate_token_key().await.unwrap();
    assert_eq!(kids().await, first);
    let store = world.region.key_superuser().await;
    let older = "UPDATE keystore.token_key SET created_at = created_at - interval '2 hours'";
    store.batch_execute(older).await.unwrap();
    world.app.keys().rotate_token_key().await.unwrap();
    let both = kids().await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]), "announced");
    let token = world.access(&world.alpha, &program).await;
    assert_eq!(signed_by(&token), first[0], "and not used yet");
    world.clock.advance_ms(602_000);
    let token = world.access(&world.alpha, &program).await;
    assert_eq!(signed_by(&token), both[0]);
    assert_eq!(me(&token).await, 200);
    assert_eq!(kids().await, both, "the last token of the old one may live for ten minutes");
    world.clock.advance_ms(661_000);
    assert_eq!(kids().await, [both[0].clone()]);
}
