//! What of a patient each role is sent, and what somebody can change with fields that are not theirs to send.

use std::fmt::Write as _;

use app::access::{Action, Role, may};
use app::relationships::model::Tie;
use serde_json::{Value, json};

use crate::support::{Actor, World, patient};

/// Which fields each role is sent; reviewed.
const REVIEWED: &str = include_str!("../../ratchets/fields-by-role.txt");

fn whole() -> Value {
    let mut body = patient("Whole", "W-1");
    body["identifiers"] = json!([{ "kind": "insurance_member_id", "value": "AAA-1-4567" }]);
    body
}

/// A patient of a physician, and somebody of each role who reaches it.
async fn people(world: &World) -> (String, Vec<(Role, Actor)>) {
    let mut actors = Vec::new();
    for role in Role::ALL {
        actors.push((role, world.staff(&world.alpha, role).await));
    }
    let physician = &actors.iter().find(|(role, _)| *role == Role::Physician).unwrap().1;
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(physician).json(&whole()).send().await;
    let id = made.expect(201).json()["id"].as_str().unwrap().to_owned();
    for (role, actor) in &actors {
        match role {
            Role::Nurse => world.tie(&world.alpha, &id, actor, Tie::Member).await,
            Role::Patient => world.tie(&world.alpha, &id, actor, Tie::Subject).await,
            Role::Proxy => world.tie(&world.alpha, &id, actor, Tie::Proxy).await,
            Role::MachineClient => world.works_at_the_first_site(&world.alpha, actor).await,
            _ => {}
        }
    }
    (id, actors)
}

fn fields(value: &Value) -> String {
    value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_is_sent_the_reviewed_fields_and_no_other() {
    let world = World::new().await;
    let (id, actors) = people(&world).await;
    let mut sent = String::from(
        "# action, role: fields of a patient it is sent; written by app/tests/it/clinic/projection.rs\n",
    );
    let search = json!({ "mrn": "W-1" });
    for action in [Action::PatientRead, Action::PatientList, Action::PatientSearch, Action::PatientMatch] {
        for (role, actor) in &actors {
            let ask = |method, path: &str| world.ask(&world.alpha, method, path).by(actor);
            let answer = match action {
                Action::PatientRead => ask("GET", &format!("/api/v1/patients/{id}")).send().await,
                Action::PatientList => ask("GET", "/api/v1/patients").send().await,
                Action::PatientSearch => ask("POST", "/api/v1/patients/search").json(&search).send().await,
                _ => ask("POST", "/api/v1/patients/matches").json(&whole()).send().await,
            };
            let what = format!("{} {}", action.name(), role.as_str());
            if !may(*role, action) {
                assert_eq!(answer.outcome(), (403, "forbidden".into()), "{what}");
                continue;
            }
            let body = answer.expect(200).json();
            let one = match action {
                Action::PatientRead => &body,
                Action::PatientMatch => &body["items"][0]["patient"],
                _ => &body["items"][0],
            };
            assert_eq!(one["id"], id, "{what}");
            writeln!(sent, "{:<15} {:<15} {}", action.name(), role.as_str(), fields(one)).unwrap();
        }
    }
    let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/fields-by-role.txt");
    std::fs::write(file, &sent).unwrap();
    assert_eq!(REVIEWED, sent, "review {file}, then copy it to app/tests/ratchets");
}

/// Identifiers in full are for those who treat; what is not shown cannot be found out by searching for it either.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_asks_for_more_than_the_role_is_shown() {
    let world = World::new().await;
    let (id, actors) = people(&world).await;
    for (role, actor) in &actors {
        if may(*role, Action::PatientRead) {
            let path = format!("/api/v1/patients/{id}?identifiers=full");
            let answer = world.ask(&world.alpha, "GET", &path).by(actor).send().await;
            let expected = if matches!(role, Role::Physician | Role::Nurse) { 200 } else { 403 };
            assert_eq!(answer.status.as_u16(), expected, "{}", role.as_str());
            assert_eq!(answer.text().contains("AAA-1-4567"), expected == 200);
        }
        for (search, shown) in [
            (json!({ "phone": "+1 202-555-0134" }), "phones"),
            (json!({ "email": "asha@example.com" }), "emails"),
            (
                json!({ "identifier": { "kind": "insurance_member_id", "value": "AAA-1-4567" } }),
                "identifiers",
            ),
            (json!({ "name_starts_with": "whol" }), "names"),
        ] {
            if !may(*role, Action::PatientSearch) {
                continue;
            }
            let read =
                world.ask(&world.alpha, "GET", &format!("/api/v1/patients/{id}")).by(actor).send().await;
            let expected = if read.json().get(shown).is_some() { 200 } else { 403 };
            let ask = world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(actor).json(&search);
            assert_eq!(ask.send().await.status.as_u16(), expected, "{} {search}", role.as_str());
        }
    }
}

/// Catalogue entry T13: every field of a record, and some that are nobody's to send, in bodies that do not take them.
#[tokio::test(flavor = "multi_thread")]
async fn t13_a_field_that_is_not_the_callers_to_send_changes_nothing() {
    let world = World::new().await;
    let (id, actors) = people(&world).await;
    let path = format!("/api/v1/patients/{id}");
    let before = {
        let physician = &actors.iter().find(|(role, _)| *role == Role::Physician).unwrap().1;
        let path = format!("{path}?identifiers=full");
        world.ask(&world.alpha, "GET", &path).by(physician).send().await.expect(200).json()
    };
    let foreign: Vec<(&str, Value)> = vec![
        ("id", json!("pat_aaaaaaaaaaaaaaaaaaaaaaaaaa")),
        ("tenant_id", json!(world.beta.tenant.id.as_uuid().to_string())),
        ("tenant", json!(world.beta.tenant.id.to_string())),
        ("version", json!(99)),
        ("state", json!("archived")),
        ("created_at", json!("2001-01-01T00:00:00Z")),
        ("created_by", json!("stf_aaaaaaaaaaaaaaaaaaaaaaaaaa")),
        ("site", json!("main")),
        ("role", json!("physician")),
        ("founding", json!(true)),
    ];
    let names = whole();
    let of_the_record: Vec<(&str, Value)> = names
        .as_object()
        .unwrap()
        .iter()
        .filter(|(field, _)| !["phones", "emails", "addresses"].contains(&field.as_str()))
        .map(|(field, value)| (field.as_str(), value.clone()))
        .collect();
    for (role, actor) in &actors {
        let put = async |path: &str, body: &Value| {
            let ask = world.ask(&world.alpha, "PUT", path).by(actor).json(body);
            ask.header("if-match", "\"v1\"").send().await.status.as_u16()
        };
        let contact = json!({ "phones": [], "emails": [], "addresses": [] });
        for (field, value) in of_the_record.iter().chain(&foreign) {
            let mut body = contact.clone();
            body[*field] = value.clone();
            let status = put(&format!("{path}/contact"), &body).await;
            assert!(matches!(status, 400 | 403), "{} {field}: {status}", role.as_str());
        }
        for (field, value) in &foreign {
            let mut body = whole();
            body[*field] = value.clone();
            let status = put(&path, &body).await;
            assert!(matches!(status, 400 | 403), "{} {field}: {status}", role.as_str());
        }
    }
    let physician = &actors.iter().find(|(role, _)| *role == Role::Physician).unwrap().1;
    let full = format!("{path}?identifiers=full");
    let after = world.ask(&world.alpha, "GET", &full).by(physician).send().await.expect(200).json();
    assert_eq!(after, before);
    // What is theirs to send is taken: the patient's new phone, and nothing else is different.
    let patient = &actors.iter().find(|(role, _)| *role == Role::Patient).unwrap().1;
    let contact = json!({ "phones": [{ "value": "+1 202-555-0176" }], "emails": [], "addresses": [] });
    let ask = world.ask(&world.alpha, "PUT", &format!("{path}/contact")).by(patient).json(&contact);
    ask.header("if-match", "\"v1\"").send().await.expect(200);
    let mut after = world.ask(&world.alpha, "GET", &full).by(physician).send().await.expect(200).json();
    assert_eq!(after["phones"][0]["value"], "+12025550176");
    for field in ["phones", "emails", "addresses", "version", "updated_at"] {
        after[field] = before[field].clone();
    }
    assert_eq!(after, before);
}
