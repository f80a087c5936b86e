//! Programs: who registers them, with what, and how they end.

use app::access::Role;
use serde_json::{Value, json};

use crate::support::oauth::{ASSERTION_TYPE, Key, REDIRECT};
use crate::support::{Actor, Answer, World};

async fn listed(world: &World, by: &Actor) -> Vec<Value> {
    let list = world.ask(&world.alpha, "GET", "/api/v1/oauth/clients").by(by).send().await.expect(200);
    list.json()["items"].as_array().unwrap().clone()
}

fn fault(answer: &Answer) -> (u16, String, String) {
    let body = answer.json();
    let text = |name: &str| body["errors"][0][name].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), text("pointer"), text("code"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_registers_lists_rekeys_and_disables_a_program() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let mut program = world.program(&world.alpha, Key::ed25519(), &["me.read", "patient.read"]).await;
    let items = listed(&world, &admin).await;
    assert_eq!(items.len(), 1);
    let shown = &items[0];
    assert_eq!((&shown["id"], &shown["name"]), (&json!(program.id), &json!("Lab link")));
    assert_eq!((&shown["kind"], &shown["state"]), (&json!("machine"), &json!("active")));
    assert_eq!(shown["scopes"], json!(["me.read", "patient.read"]));
    assert_eq!(shown["sites"].as_array().unwrap().len(), 1);
    assert_eq!(shown["keys"][0]["x"], program.key.jwk()["x"]);
    let others = world.staff(&world.beta, Role::ClinicAdmin).await;
    let list = world.ask(&world.beta, "GET", "/api/v1/oauth/clients").by(&others).send().await.expect(200);
    assert_eq!(list.json()["items"], json!([]), "another clinic's");
    // It is nobody of the clinic's staff, and nobody signs in to it.
    let staff = world.ask(&world.alpha, "GET", "/api/v1/staff").by(&admin).send().await.expect(200);
    assert!(!staff.text().contains("Lab link") && !staff.text().contains("clients.invalid"));

    let token = world.access(&world.alpha, &program).await;
    let me = async |token: &str| {
        world.ask(&world.alpha, "GET", "/api/v1/me").bearer(token).send().await.status.as_u16()
    };
    assert_eq!(me(&token).await, 200);
    let next = Key::p256();
    let path = format!("/api/v1/oauth/clients/{}/keys", program.id);
    let body = json!({ "jwks": { "keys": [next.jwk()] } });
    world.ask(&world.alpha, "PUT", &path).by(&admin).json(&body).send().await.expect(204);
    assert_eq!(me(&token).await, 401, "what the old key opened is closed");
    let old = World::assertion(&program, &world.assertion_claims(&world.alpha, &program));
    assert_eq!(world.show_proof(&world.alpha, &old).await.expect(400).json()["error"], "invalid_client");
    program.key = next;
    let token = world.access(&world.alpha, &program).await;
    assert_eq!(me(&token).await, 200);

    let path = format!("/api/v1/oauth/clients/{}/disable", program.id);
    world.ask(&world.alpha, "POST", &path).by(&admin).send().await.expect(204);
    assert_eq!(me(&token).await, 401, "from the next request");
    let proof = World::assertion(&program, &world.assertion_claims(&world.alpha, &program));
    assert_eq!(world.show_proof(&world.alpha, &proof).await.expect(400).json()["error"], "invalid_client");
    assert_eq!(listed(&world, &admin).await[0]["state"], "disabled");
    world.ask(&world.alpha, "POST", &path).by(&admin).send().await.expect(204);
    let put = world.ask(&world.alpha, "PUT", &path.replace("disable", "keys")).by(&admin).json(&body);
    assert_eq!(put.send().await.outcome(), (409, "wrong_state".into()));
    let log = world.audit(&world.alpha).await;
    for wanted in ["oauth_client.register", "oauth_client.keys", "oauth_client.disable", "oauth_client.list"]
    {
        assert!(log.iter().any(|entry| entry.0 == wanted && entry.1 == "allow"), "{wanted}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_takes_public_keys_actions_of_programs_and_exact_addresses() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let key = Key::ed25519();
    let good = World::registration(&world.alpha, &key, &["patient.read"]);
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        body
    };
    let keys = |change: fn(&mut Value)| {
        let mut jwk = key.jwk();
        change(&mut jwk);
        with("jwks", json!({ "keys": [jwk] }))
    };
    let mobile = |uris: Value| json!({ "name": "Pocket", "kind": "mobile", "scopes": ["me.read"], "redirect_uris": uris });
    for (body, pointer, code) in [
        (with("name", json!("")), "/name", "empty"),
        (with("scopes", json!([])), "/scopes", "not_allowed"),
        (with("scopes", json!(["patient.update"])), "/scopes", "not_allowed"),
        (with("scopes", json!(["staff.invite"])), "/scopes", "not_allowed"),
        (with("scopes", json!(["session.create"])), "/scopes", "not_allowed"),
        (with("scopes", json!(["everything"])), "/scopes", "not_allowed"),
        (with("sites", json!([])), "/sites", "one_to_fifty"),
        (with("sites", json!(["site_aaaaaaaaaaaaaaaaaaaaaaaaaa"])), "/sites/0", "unknown_site"),
        (keys(|jwk| jwk["d"] = json!("AAAA")), "/jwks/keys/0/d", "private_key"),
        (keys(|jwk| jwk["crv"] = json!("X25519")), "/jwks/keys/0", "not_ed25519_or_p256"),
        (keys(|jwk| jwk["k"] = json!("AAAA")), "/jwks/keys/0", "unknown_field"),
        (with("jwks", json!({ "keys": vec![key.jwk(); 5] })), "/jwks/keys", "one_to_four"),
        (with("redirect_uris", json!([REDIRECT])), "/redirect_uris", "mobile_only"),
        (mobile(json!([])), "/redirect_uris", "one_to_five"),
        (mobile(json!(["http://app.example/"])), "/redirect_uris/0", "not_taken"),
        (mobile(json!([REDIRECT, "javascript:alert(1)"])), "/redirect_uris/1", "not_taken"),
        (mobile(Value::Null), "/redirect_uris", "missing_field"),
    ] {
        let refused = world.register(&world.alpha, &admin, &body).await;
        assert_eq!(fault(&refused), (400, pointer.to_owned(), code.to_owned()), "{body}");
    }
    assert_eq!(listed(&world, &admin).await.len(), 0);
    world.register(&world.alpha, &admin, &good).await.expect(201);
    world.register(&world.alpha, &admin, &mobile(json!([REDIRECT, "com.example.app:/in"]))).await.expect(201);
    // A factor that is five minutes old does not make a program.
    world.clock.advance_ms(301_000);
    let stale = world.register(&world.alpha, &admin, &good).await;
    assert_eq!(stale.outcome(), (403, "step_up_required".into()));
}

/// Whoever can only write to the database makes no program, gives none another key, and opens none again.
#[tokio::test(flavor = "multi_thread")]
async fn t28_a_program_altered_in_the_database_gets_nothing() {
    let world = World::new().await;
    let program = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await;
    let other = world.program(&world.alpha, Key::ed25519(), &["patient.read"]).await;
    let token = world.access(&world.alpha, &program).await;
    let superuser = world.region.superuser().await;
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let uuid = |id: &str| app::oauth::model::ClientId::parse(id).unwrap().uuid();
    let (mine, theirs) = (uuid(&program.id), uuid(&other.id));
    superuser.batch_execute(&format!("CREATE TEMP TABLE kept AS TABLE {ops}.oauth_client")).await.unwrap();
    for attack in [
        format!("settings_sealed = (SELECT settings_sealed FROM {ops}.oauth_client WHERE id = '{theirs}')"),
        "kind = 'mobile'".to_owned(),
        "version = version + 1".to_owned(),
        format!("row_mac = (SELECT row_mac FROM {ops}.oauth_client WHERE id = '{theirs}')"),
    ] {
        superuser
            .batch_execute(&format!("UPDATE {ops}.oauth_client SET {attack} WHERE id = '{mine}'"))
            .await
            .unwrap();
        let proof = World::assertion(&program, &world.assertion_claims(&world.alpha, &program));
        let answers = [
            world.show_proof(&world.alpha, &proof).await,
            world.ask(&world.alpha, "GET", "/api/v1/me").bearer(&token).send().await,
        ];
        for answer in answers {
            assert_eq!(answer.outcome(), (500, "internal".into()), "{attack}");
        }
        let restore = format!(
            "UPDATE {ops}.oauth_client c SET settings_sealed = k.settings_sealed, kind = k.kind, version = k.version,
                row_mac = k.row_mac FROM kept k WHERE k.id = c.id"
        );
        superuser.batch_execute(&restore).await.unwrap();
        world.ask(&world.alpha, "GET", "/api/v1/me").bearer(&token).send().await.expect(200);
    }
    let form = [("grant_type", "client_credentials"), ("client_assertion_type", ASSERTION_TYPE)];
    assert_eq!(world.token(&world.alpha, &form).await.expect(400).json()["error"], "invalid_client");
}
