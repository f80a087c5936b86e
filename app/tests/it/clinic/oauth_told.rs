//! Who answers for privacy is mailed of each program that comes to patients' data: who registers programs may see no record, and
//! whoever has a program's key sees what it sees.

use app::access::Role;
use serde_json::{Value, json};

use super::jobs::{letters, waiting};
use crate::support::oauth::Key;
use crate::support::{Actor, World};

async fn change(world: &World, by: &Actor, id: &str, version: u32, body: Value) {
    let ask = world.ask(&world.alpha, "PATCH", &format!("/api/v1/oauth/clients/{id}")).by(by);
    ask.header("if-match", &format!("\"v{version}\"")).json(&body).send().await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_for_privacy_is_mailed_of_programs_that_come_to_patients_data() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    world.staff(&world.beta, Role::PrivacyOfficer).await;
    let (dir, mut known) = (tempfile::tempdir().unwrap(), 0);
    // How many letters there are that were not there before; all go to the one privacy officer and say nothing of the program.
    let mut told = async || {
        let all = letters(&world, dir.path()).await;
        for letter in &all {
            assert!(letter.contains(&format!("To: staff-{}@example.com", officer.account)), "{letter}");
            assert!(letter.contains(&format!("{}/clinic/programs", world.alpha.origin())), "{letter}");
            assert!(!letter.contains("Lab link"), "{letter}");
        }
        let new = all.len() - known;
        known = all.len();
        new
    };
    // Not of one that reads nobody's record, nor of an application, which does what its user may do.
    let harmless = world.program(&world.alpha, Key::ed25519(), &["me.read"]).await.id;
    world.application(&world.alpha, &["me.read", "patient.read"]).await;
    assert!(waiting(&world).await.is_empty());

    let program = world.program(&world.alpha, Key::ed25519(), &["me.read", "patient.read"]).await.id;
    let jobs = waiting(&world).await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(jobs[0].0, "program_notice");
    assert_eq!(told().await, 1, "registered");
    change(&world, &admin, &harmless, 1, json!({ "scopes": ["me.read", "patient.read"] })).await;
    assert_eq!(told().await, 1, "given a scope");
    change(&world, &admin, &program, 1, json!({ "name": "Another name" })).await;
    assert_eq!(told().await, 0, "a name opens nothing");
    let keys = format!("/api/v1/oauth/clients/{program}/keys");
    let body = json!({ "jwks": { "keys": [Key::p256().jwk()] } });
    world.ask(&world.alpha, "PUT", &keys).by(&admin).json(&body).send().await.expect(204);
    assert_eq!(told().await, 1, "somebody else may have the key now");
    // Who is told can look, and changes nothing.
    let path = format!("/api/v1/oauth/clients/{program}");
    let seen = world.ask(&world.alpha, "GET", &path).by(&officer).send().await.expect(200);
    assert_eq!(seen.json()["name"], "Another name");
    let refused =
        world.ask(&world.alpha, "PATCH", &path).by(&officer).json(&json!({ "name": "X" })).send().await;
    assert_eq!(refused.outcome(), (403, "forbidden".into()));
    let log = world.audit(&world.alpha).await;
    assert_eq!(log.iter().filter(|entry| entry.0 == "oauth_client.tell").count(), 3);
}
