//! What waits for whom: each role its own work, of patients within reach and of nobody else.

use app::access::Role;
use app::documents::scanner::Scanner;
use app::relationships::model::Tie;
use serde_json::{Value, json};

use crate::support::{Actor, Sample, World};

async fn worklist(world: &World, by: &Actor) -> Value {
    world.ask(&world.alpha, "GET", "/api/v1/worklist").by(by).send().await.expect(200).json()
}

/// The values of one field of a list of the worklist, in its order.
fn all<'a>(found: &'a Value, list: &str, field: &str) -> Vec<&'a str> {
    found[list].as_array().unwrap().iter().map(|one| one[field].as_str().unwrap()).collect()
}

const NOBODY: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn those_who_treat_find_their_newest_patients_and_documents_that_are_not_in_the_record() {
    let world = World::new().await;
    let alpha = &world.alpha;
    let (doctor, colleague) =
        (world.staff(alpha, Role::Physician).await, world.staff(alpha, Role::Physician).await);
    let mut own = Vec::new();
    for n in 0..10 {
        own.push(world.patient(&doctor, &format!("W-{n}")).await);
        world.clock.advance_ms(1_000);
    }
    let another = world.patient(&colleague, "W-X").await;
    let sample = Sample::new("text/plain", b"hello");
    let accepted = world.document(&doctor, &own[0], &sample).await;
    world.clock.advance_ms(1_000);
    let refused = world.document(&doctor, &own[0], &Sample::new("application/pdf", b"This is none.")).await;
    world.clock.advance_ms(1_000);
    let looked_at = world.send_document(&doctor, &own[1], &sample).await;
    let elsewhere = world.send_document(&colleague, &another, &sample).await;

    let found = worklist(&world, &doctor).await;
    let entry = ("worklist.read".to_owned(), "allow".to_owned(), None, Some(8));
    assert_eq!(world.audit(alpha).await.last(), Some(&entry));
    let newest: Vec<&String> = own.iter().rev().take(8).collect();
    assert_eq!(all(&found, "patients", "id"), newest, "the last one first");
    assert!(found["patients"][0]["name"].is_string() && found["patients"][0].get("phones").is_none());
    assert_eq!(
        all(&found, "documents", "id"),
        [&looked_at, &refused],
        "neither {accepted}, which is in the record, nor {elsewhere} of a colleague's patient"
    );
    assert_eq!(all(&found, "documents", "state"), ["scanning", "quarantined"]);
    let why = world.state(&doctor, &refused).await.1;
    let shown = &found["documents"][1];
    assert_eq!((&shown["patient"], &shown["refusal"]), (&json!(own[0]), &json!(why)));
    assert_eq!(found["more_documents"], json!(false));
    assert_eq!(all(&found, "erasures", "patient"), NOBODY);

    // What came to its end is no work any more.
    world.look_at(&looked_at, &Scanner::Off).await.unwrap();
    let path = format!("/api/v1/documents/{refused}");
    let version = format!("\"v{}\"", world.metadata(&doctor, &refused).await["version"]);
    let removed = world.ask(alpha, "DELETE", &path).by(&doctor).header("if-match", &version).send().await;
    removed.expect(204);
    assert_eq!(all(&worklist(&world, &doctor).await, "documents", "id"), NOBODY);

    // An emergency opens a record and fills no list; a kind that a role does not write is not its work.
    let nurse = world.staff(alpha, Role::Nurse).await;
    world.tie(alpha, &another, &nurse, Tie::BreakGlass).await;
    let found = worklist(&world, &nurse).await;
    assert_eq!(all(&found, "patients", "id"), NOBODY);
    assert_eq!(all(&found, "documents", "id"), NOBODY);
    for (role, documents) in [(Role::Receptionist, 0), (Role::Billing, 0), (Role::LabTechnician, 1)] {
        let found = worklist(&world, &world.staff(alpha, role).await).await;
        assert_eq!(
            found["documents"].as_array().unwrap().len(),
            documents,
            "{role:?} of a laboratory report"
        );
        assert_eq!(all(&found, "patients", "id"), NOBODY, "{role:?} has no patients of its own");
    }
    for role in [Role::ClinicAdmin, Role::Patient, Role::Proxy, Role::MachineClient] {
        let by = world.staff(alpha, role).await;
        let refused = world.ask(alpha, "GET", "/api/v1/worklist").by(&by).send().await;
        assert_eq!(refused.outcome(), (403, "forbidden".into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_for_privacy_finds_the_erasures_that_wait_and_which_are_somebody_elses_to_decide() {
    let world = World::new().await;
    let alpha = &world.alpha;
    let (doctor, officer) =
        (world.staff(alpha, Role::Physician).await, world.staff(alpha, Role::PrivacyOfficer).await);
    let (one, other) = (world.patient(&doctor, "W-1").await, world.patient(&doctor, "W-2").await);
    let body = json!({ "basis": "registered_in_error" });
    for (by, id) in [(&doctor, &one), (&officer, &other)] {
        let path = format!("/api/v1/patients/{id}/erasures");
        world.ask(alpha, "POST", &path).by(by).json(&body).send().await.expect(201);
        world.clock.advance_ms(1_000);
    }
    let found = worklist(&world, &officer).await;
    assert_eq!(all(&found, "erasures", "patient"), [&one, &other], "the oldest first");
    assert_eq!((&found["erasures"][0]["own"], &found["erasures"][1]["own"]), (&json!(false), &json!(true)));
    assert_eq!(found["erasures"][0]["basis"], "registered_in_error");
    assert_eq!(
        all(&worklist(&world, &doctor).await, "erasures", "patient"),
        NOBODY,
        "nobody who treats decides"
    );
    let path = format!("/api/v1/patients/{one}/erasures/cancel");
    world.ask(alpha, "POST", &path).by(&officer).send().await.expect(200);
    assert_eq!(all(&worklist(&world, &officer).await, "erasures", "patient"), [&other]);
}
