//! Whether somebody is registered already: by each thing that tells people apart, and never further than a search goes.

use app::access::{Action, Role, may};
use app::relationships::model::Tie;
use serde_json::{Value, json};

use crate::support::{Actor, Answer, Clinic, World, patient};

async fn register(world: &World, clinic: &Clinic, by: &Actor, body: &Value) -> String {
    let made = world.ask(clinic, "POST", "/api/v1/patients").by(by).json(body).send().await;
    made.expect(201).json()["id"].as_str().unwrap().to_owned()
}

async fn look(world: &World, by: &Actor, body: &Value) -> Answer {
    world.ask(&world.alpha, "POST", "/api/v1/patients/matches").by(by).json(body).send().await
}

/// Who is found, and by what.
async fn found(world: &World, by: &Actor, body: &Value) -> Vec<(String, Vec<String>)> {
    let answer = look(world, by, body).await.expect(200).json();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = answer["items"].as_array().unwrap().iter();
    items
        .map(|item| {
            (text(&item["patient"]["mrn"]), item["same"].as_array().unwrap().iter().map(text).collect())
        })
        .collect()
}

/// Somebody who has nothing in common with those of [`people`].
fn stranger() -> Value {
    json!({
        "names": [{ "given": ["Nobody"], "family": "Stranger" }], "birth_date": "1955-05-05", "sex": "male",
    })
}

fn people() -> [Value; 2] {
    let mut first = patient("Sharma", "S-1");
    first["names"] = json!([
        { "use": "official", "given": ["Priya", "Kumari"], "family": "Sharma" },
        { "use": "usual", "given": ["प्रिया"], "family": "शर्मा" },
    ]);
    first["identifiers"] = json!([
        { "kind": "ssn_last4", "value": "4321" }, { "kind": "insurance_member_id", "value": "XYZ-123456" },
    ]);
    let mut second = patient("O’Brien", "S-2");
    second["phones"] = json!([{ "value": "+44 20 7946 0958" }]);
    second["emails"] = json!([{ "value": "Second@Example.com" }]);
    [first, second]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_likeness_finds_whom_it_should_and_says_which_it_is() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    for person in &people() {
        register(&world, &world.alpha, &desk, person).await;
    }
    let born = "1990-02-28";
    for (like, wanted) in [
        (json!({}), vec![]),
        (json!({ "mrn": "s1" }), vec![("S-1", vec!["mrn"])]),
        (json!({ "mrn": "S-9", "phones": [{ "value": "+1 202-555-0999" }] }), vec![]),
        (json!({ "phones": [{ "value": "202 555 0134" }] }), vec![("S-1", vec!["phone"])]),
        // The second phone of two, and the second address.
        (
            json!({ "phones": [{ "value": "+1 202-555-0999" }, { "value": "+442079460958" }] }),
            vec![("S-2", vec!["phone"])],
        ),
        (
            json!({ "emails": [{ "value": "x@example.com" }, { "value": "second@EXAMPLE.com" }] }),
            vec![("S-2", vec!["email"])],
        ),
        (
            json!({ "identifiers": [{ "kind": "insurance_member_id", "value": "xyz 123456" }] }),
            vec![("S-1", vec!["identifier"])],
        ),
        (json!({ "identifiers": [{ "kind": "ssn_last4", "value": "4321" }] }), vec![]),
        (
            json!({ "identifiers": [{ "kind": "ssn_last4", "value": "4321" }], "birth_date": born }),
            vec![("S-1", vec!["identifier"])],
        ),
        // Another order, one of the given names, another script, another apostrophe; each with the birth date.
        (
            json!({ "names": [{ "given": ["Sharma"], "family": "Priya" }], "birth_date": born }),
            vec![("S-1", vec!["name_birth_date"])],
        ),
        (
            json!({ "names": [{ "given": ["Kumari", "Devi"], "family": "SHARMA" }], "birth_date": born }),
            vec![("S-1", vec!["name_birth_date"])],
        ),
        (
            json!({ "names": [{ "given": ["Other"] }, { "given": ["प्रिया"], "family": "शर्मा" }], "birth_date": born }),
            vec![("S-1", vec!["name_birth_date"])],
        ),
        (
            json!({ "names": [{ "given": ["Asha"], "family": "O'Brien" }], "birth_date": born }),
            vec![("S-2", vec!["name_birth_date"])],
        ),
        (json!({ "names": [{ "given": ["Priya"], "family": "Sharma" }] }), vec![]),
        // The surest comes first, of a patient and of several.
        (
            json!({ "mrn": "S-2", "emails": [{ "value": "asha@example.com" }, { "value": "second@example.com" }] }),
            vec![("S-2", vec!["mrn", "email"]), ("S-1", vec!["email"])],
        ),
    ] {
        let mut body = stranger();
        body.as_object_mut().unwrap().extend(like.as_object().unwrap().clone());
        let wanted: Vec<(String, Vec<String>)> = wanted
            .into_iter()
            .map(|(mrn, same): (&str, Vec<&str>)| {
                (mrn.to_owned(), same.into_iter().map(str::to_owned).collect())
            })
            .collect();
        assert_eq!(found(&world, &desk, &body).await, wanted, "{like}");
    }
}

/// The same reach as a search: by site, by care team, and never another clinic's.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_matched_whom_a_search_does_not_find() {
    let world = World::new().await;
    let here = world.staff(&world.alpha, Role::Receptionist).await;
    let elsewhere = world.staff(&world.alpha, Role::Receptionist).await;
    world.move_to_new_site(&world.alpha, &elsewhere).await;
    let (member, outsider) =
        (world.staff(&world.alpha, Role::Nurse).await, world.staff(&world.alpha, Role::Physician).await);
    let there = world.staff(&world.beta, Role::Receptionist).await;
    let person = patient("Sharma", "S-1");
    let id = register(&world, &world.alpha, &here, &person).await;
    world.tie(&world.alpha, &id, &member, Tie::Member).await;
    // Another clinic has the same person under a number of its own.
    register(&world, &world.beta, &there, &patient("Sharma", "B-1")).await;
    let searches = [
        json!({ "mrn": "S-1" }),
        json!({ "mrn": "B-1" }),
        json!({ "phone": "+1 202-555-0134" }),
        json!({ "name": "Asha Sharma", "birth_date": "1990-02-28" }),
    ];
    for (who, by, reached) in [
        ("the site's desk", &here, true),
        ("another site's desk", &elsewhere, false),
        ("the care team", &member, true),
        ("a physician who does not treat", &outsider, false),
    ] {
        let mut searched = false;
        for search in &searches {
            let ask = world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(by).json(search);
            searched |= ask.send().await.expect(200).text().contains(&id);
        }
        let answer = look(&world, by, &person).await.expect(200);
        let matched = answer.text().contains(&id);
        assert_eq!((searched, matched), (reached, reached), "{who}");
        let items = answer.json()["items"].as_array().unwrap().len();
        assert_eq!(items, usize::from(reached), "{who}");
    }
    // Once the tie has ended there is nobody for the care team either.
    world.end_ties(&world.alpha, &member).await;
    assert!(found(&world, &member, &person).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_search_or_register_is_refused_and_that_is_in_the_log() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let person = patient("Sharma", "S-1");
    register(&world, &world.alpha, &desk, &person).await;
    for role in Role::ALL {
        assert!(!may(role, Action::PatientMatch) || may(role, Action::PatientSearch), "{}", role.as_str());
        let registers = matches!(role, Role::Physician | Role::Nurse | Role::Receptionist);
        let actor = world.staff(&world.alpha, role).await;
        let answer = look(&world, &actor, &person).await;
        let last = world.newest(&world.alpha).await;
        if registers {
            // Only the desk reaches whom somebody else registered.
            let count = i32::from(role == Role::Receptionist);
            assert_eq!(answer.expect(200).json()["items"].as_array().unwrap().len(), usize::from(count == 1));
            assert_eq!(last, ("patient.match".into(), "allow".into(), None, Some(count)));
        } else {
            assert_eq!(answer.outcome(), (403, "forbidden".into()), "{}", role.as_str());
            assert_eq!(last, ("patient.match".into(), "deny".into(), Some("role".into()), None));
        }
    }
}

/// Twelve share a phone: ten are told, the one with the number first, and nothing says how many there are.
#[tokio::test(flavor = "multi_thread")]
async fn at_most_ten_are_told_the_likeliest_first_and_no_total() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    for n in 0..12 {
        let mut person = patient(&format!("Family{n}"), &format!("F-{n}"));
        person["emails"] = json!([]);
        register(&world, &world.alpha, &desk, &person).await;
    }
    let answer = look(&world, &desk, &patient("Another", "F-11")).await.expect(200).json();
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["items"]);
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), 10);
    assert_eq!((&items[0]["patient"]["mrn"], &items[0]["same"]), (&json!("F-11"), &json!(["mrn", "phone"])));
    assert!(items[1..].iter().all(|item| item["same"] == json!(["phone"])));
    let mut shown: Vec<&String> = items[0]["patient"].as_object().unwrap().keys().collect();
    shown.sort();
    assert_eq!(shown, ["birth_date", "id", "identifiers", "mrn", "name"]);
    assert_eq!(world.newest(&world.alpha).await.3, Some(10));
}

/// What could not be registered is not looked for, and said like a registration says it.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_body_is_refused_as_a_registration_refuses_it() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let good = patient("Hostile", "H-1");
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let many = |one: Value| Value::Array(vec![one; 200]);
    for bad in [
        json!({}),
        json!([]),
        json!({ "mrn": "H-1" }),
        with("name_starts_with", json!("h")),
        with("limit", json!(1_000)),
        with("names", json!([])),
        with("names", many(good["names"][0].clone())),
        with("names", json!([{ "given": vec!["' OR '1'='1"; 7], "family": "x" }])),
        with("names", json!([{ "family": "a\u{202e}b" }])),
        with("phones", many(json!({ "value": "+1 202-555-0134" }))),
        with("phones", json!([{ "value": "%" }])),
        with("emails", json!([{ "value": "*@example.com" }, { "value": "a@b" }])),
        with("identifiers", many(json!({ "kind": "insurance_member_id", "value": "XYZ-123456" }))),
        with("identifiers", json!([{ "kind": "abha_number", "value": "1" }])),
        with("identifiers", json!([{ "kind": "insurance_member_id", "value": "••••3456" }])),
        with("mrn", json!("%")),
        with("mrn", json!({ "$gt": "" })),
        with("birth_date", json!("2190-01-01")),
    ] {
        let refused = look(&world, &desk, &bad).await;
        assert_eq!(refused.outcome(), (400, "invalid_request".into()), "{bad}");
        let asked = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&bad).send().await;
        assert_eq!(asked.json()["errors"], refused.json()["errors"], "{bad}");
    }
    let bare = world.ask(&world.alpha, "POST", "/api/v1/patients/matches").by(&desk).send().await;
    assert_eq!(bare.outcome().0, 415);
    assert!(found(&world, &desk, &good).await.is_empty(), "none of it was kept");
}
