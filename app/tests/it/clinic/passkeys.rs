//! Passkeys against an independent software authenticator: added, proven, used alone, and every lie refused.

use app::access::Role;
use authenticator::{Authenticator, Lies};
use serde_json::{Value, json};

use super::factors::renewed;
use crate::support::{Actor, Answer, World};

impl World {
    async fn ask_for(&self, actor: Option<&Actor>, path: &str, body: Option<&Value>) -> Answer {
        let mut ask = self.ask(&self.alpha, "POST", path);
        if let Some(actor) = actor {
            ask = ask.by(actor);
        }
        match body {
            Some(body) => ask.json(body).send().await,
            None => ask.send().await,
        }
    }

    async fn options(&self, actor: Option<&Actor>, path: &str) -> Value {
        self.ask_for(actor, path, None).await.expect(201).json()
    }

    /// Adds a passkey to the actor's account; the session as it is now.
    async fn add_passkey(&self, actor: &Actor, device: &mut Authenticator) -> Actor {
        let options = self.options(Some(actor), "/api/v1/me/factors/passkeys/options").await;
        let made = device.create(&options["public_key"], &self.alpha.origin()).unwrap();
        let added = self.ask_for(Some(actor), "/api/v1/me/factors/passkeys", Some(&made)).await.expect(201);
        let csrf = added.json()["session"]["csrf_token"].as_str().unwrap().to_owned();
        renewed(actor, &added, csrf)
    }

    async fn prove_passkey(&self, actor: &Actor, credential: &Value) -> Answer {
        let body = json!({ "passkey": credential });
        self.ask_for(Some(actor), "/api/v1/sessions/current/factor", Some(&body)).await
    }
}

const PROVE: &str = "/api/v1/sessions/current/factor/options";
const ALONE: &str = "/api/v1/sessions/passkey";

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_added_proven_used_alone_and_removed() {
    let world = World::new().await;
    let mut device = Authenticator::new().unwrap();
    let actor = world.password_only(&world.alpha, Role::Nurse).await;
    let actor = world.add_passkey(&actor, &mut device).await;

    let options = world.options(Some(&actor), PROVE).await;
    let origin = world.alpha.origin();
    let credential = device.get(&options["public_key"], &origin).unwrap();
    let proven = world.prove_passkey(&actor, &credential).await.expect(200);
    let actor = renewed(&actor, &proven, proven.json()["csrf_token"].as_str().unwrap().to_owned());

    let options = world.options(None, "/api/v1/sessions/passkey/options").await;
    let credential = device.get(&options["public_key"], &origin).unwrap();
    let body = json!({ "handle": options["handle"], "credential": credential });
    let session = world.ask_for(None, ALONE, Some(&body)).await.expect(201);
    assert_eq!(session.json()["second_factor"], "proven", "a passkey is two factors");
    let again = world.ask_for(None, ALONE, Some(&body)).await;
    assert_eq!(again.outcome(), (401, "sign_in_failed".into()), "a challenge is good for one answer");

    let factors =
        world.ask(&world.alpha, "GET", "/api/v1/me/factors").by(&actor).send().await.expect(200).json();
    let only = format!("/api/v1/me/factors/passkeys/{}", factors["passkeys"][0]["id"].as_str().unwrap());
    let remove = |actor: &Actor, path: &str| world.ask(&world.alpha, "DELETE", path).by(actor).send();
    assert_eq!(remove(&actor, &only).await.outcome(), (409, "last_factor".into()));
    let mut second = Authenticator::new().unwrap();
    let actor = world.add_passkey(&actor, &mut second).await;
    remove(&actor, &only).await.expect(204);
    let other = world.staff(&world.alpha, Role::Nurse).await;
    let mine = world.ask(&world.alpha, "GET", "/api/v1/me/factors").by(&actor).send().await.json();
    let mine = format!("/api/v1/me/factors/passkeys/{}", mine["passkeys"][0]["id"].as_str().unwrap());
    assert_eq!(remove(&other, &mine).await.outcome(), (404, "not_found".into()), "somebody else's");
}

/// Catalogue entry T54.
#[tokio::test(flavor = "multi_thread")]
async fn t54_replays_wrong_places_and_unverified_users_are_refused_and_a_counter_is_a_signal() {
    let world = World::new().await;
    let origin = world.alpha.origin();
    let mut device = Authenticator::new().unwrap();
    let actor = world.password_only(&world.alpha, Role::Nurse).await;
    let mut actor = world.add_passkey(&actor, &mut device).await;
    let foreign = world.beta.host.clone();
    let lies = [
        ("passkey_origin", Lies { origin: Some(world.beta.origin()), ..Lies::default() }),
        ("passkey_origin", Lies { origin: Some(origin.replace("https", "http")), ..Lies::default() }),
        ("passkey_relying_party", Lies { rp_id: Some(foreign), ..Lies::default() }),
        ("passkey_not_verified", Lies { flags: Some(1), ..Lies::default() }),
        ("passkey_not_verified", Lies { flags: Some(4), ..Lies::default() }),
        ("passkey_challenge", Lies { challenge: Some("AAAA".into()), ..Lies::default() }),
        ("passkey_ceremony", Lies { ceremony: Some("webauthn.create".into()), ..Lies::default() }),
        ("passkey_malformed", Lies { flags: Some(0b10101), ..Lies::default() }),
    ];
    for (reason, lie) in lies {
        // A fresh session each time: five refusals end one.
        let options = world.options(None, "/api/v1/sessions/passkey/options").await;
        device.lies = lie.clone();
        let credential = device.get(&options["public_key"], &origin).unwrap();
        let body = json!({ "handle": options["handle"], "credential": credential });
        let refused = world.ask_for(None, ALONE, Some(&body)).await;
        assert_eq!(refused.outcome(), (401, "sign_in_failed".into()), "{lie:?}");
        let last = world.audit(&world.alpha).await.pop().unwrap();
        assert_eq!((last.1.as_str(), last.2.as_deref()), ("deny", Some(reason)), "{lie:?}");
        if reason != "passkey_not_verified" {
            continue;
        }
        let options = world.options(Some(&actor), "/api/v1/me/factors/passkeys/options").await;
        let made = device.create(&options["public_key"], &origin).unwrap();
        let refused = world.ask_for(Some(&actor), "/api/v1/me/factors/passkeys", Some(&made)).await;
        assert_eq!(refused.outcome(), (422, "factor_refused".into()), "{lie:?} at registration");
    }
    device.lies = Lies::default();

    let options = world.options(Some(&actor), PROVE).await;
    let credential = device.get(&options["public_key"], &origin).unwrap();
    let other = world.staff(&world.alpha, Role::Nurse).await;
    let stolen = world.prove_passkey(&other, &credential).await;
    assert_eq!(
        stolen.outcome(),
        (422, "factor_refused".into()),
        "another session's challenge, another's key"
    );
    let proven = world.prove_passkey(&actor, &credential).await.expect(200);
    actor = renewed(&actor, &proven, proven.json()["csrf_token"].as_str().unwrap().to_owned());
    let replayed = world.prove_passkey(&actor, &credential).await;
    assert_eq!(replayed.outcome(), (422, "factor_refused".into()), "the same answer again");

    device.lies.count = Some(1);
    let options = world.options(Some(&actor), PROVE).await;
    let credential = device.get(&options["public_key"], &origin).unwrap();
    world.prove_passkey(&actor, &credential).await.expect(200);
    assert!(
        crate::support::log_lines().iter().any(|line| line.contains("passkey_counter")),
        "a counter that goes back is a signal and no more"
    );

    let mut tampered = Authenticator::new().unwrap();
    let options = world.options(None, "/api/v1/sessions/passkey/options").await;
    let mut forged = tampered.get(&options["public_key"], &origin).unwrap();
    forged["id"] = credential["id"].clone();
    let body = json!({ "handle": options["handle"], "credential": forged });
    assert_eq!(world.ask_for(None, ALONE, Some(&body)).await.outcome(), (401, "sign_in_failed".into()));
}
