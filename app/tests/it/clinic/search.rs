//! Searches by each criterion.

use app::access::{Role, Within};
use app::patients::name_index::{Asker, Found, NameIndexes};
use serde_json::{Value, json};
use tenancy::reach::Caller;

use crate::support::{Actor, Options, World, patient};

async fn register(world: &World, by: &Actor, body: &Value) {
    world.ask(&world.alpha, "POST", "/api/v1/patients").by(by).json(body).send().await.expect(201);
}

async fn found(world: &World, by: &Actor, criterion: Value) -> Vec<String> {
    let answer =
        world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(by).json(&criterion).send().await;
    let mut mrns: Vec<String> = answer.expect(200).json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["mrn"].as_str().unwrap().to_owned())
        .collect();
    mrns.sort();
    mrns
}

fn people() -> [Value; 3] {
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
    let mut third = patient("Sharpe", "S-3");
    third["birth_date"] = json!("1971-11-05");
    third["phones"] = json!([{ "value": "(202) 555-0199" }]);
    [first, second, third]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_criterion_finds_whom_it_should() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    for person in &people() {
        register(&world, &desk, person).await;
    }
    for (criterion, wanted) in [
        (json!({ "mrn": "s1" }), vec!["S-1"]),
        (json!({ "mrn": "S-9" }), vec![]),
        (json!({ "phone": "202 555 0134" }), vec!["S-1"]),
        (json!({ "phone": "+442079460958" }), vec!["S-2"]),
        (json!({ "email": "second@EXAMPLE.com" }), vec!["S-2"]),
        (json!({ "identifier": { "kind": "insurance_member_id", "value": "xyz 123456" } }), vec!["S-1"]),
        (json!({ "identifier": { "kind": "insurance_member_id", "value": "xyz-123457" } }), vec![]),
        (
            json!({ "identifier": { "kind": "ssn_last4", "value": "4321" }, "birth_date": "1990-02-28" }),
            vec!["S-1"],
        ),
        (
            json!({ "identifier": { "kind": "ssn_last4", "value": "4321" }, "birth_date": "1990-03-01" }),
            vec![],
        ),
        (json!({ "name": "sharma PRIYA", "birth_date": "1990-02-28" }), vec!["S-1"]),
        (json!({ "name": "Priya Kumari Sharma", "birth_date": "1990-02-28" }), vec!["S-1"]),
        (json!({ "name": "शर्मा", "birth_date": "1990-02-28" }), vec!["S-1"]),
        (json!({ "name": "O'Brien", "birth_date": "1990-02-28" }), vec!["S-2"]),
        (json!({ "name": "Sharma", "birth_date": "1971-11-05" }), vec![]),
        (json!({ "name_starts_with": "shar" }), vec!["S-1", "S-3"]),
        (json!({ "name_starts_with": "pri sha" }), vec!["S-1"]),
        (json!({ "name_starts_with": "प्रि" }), vec!["S-1"]),
        (json!({ "name_starts_with": "shar", "birth_date": "1971-11-05" }), vec!["S-3"]),
        (json!({ "name_starts_with": "zz" }), vec![]),
    ] {
        assert_eq!(found(&world, &desk, criterion.clone()).await, wanted, "{criterion}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_name_is_found_by_its_new_form_at_once() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    register(&world, &desk, &patient("Garcia", "G-1")).await;
    assert_eq!(found(&world, &desk, json!({ "name_starts_with": "garc" })).await, ["G-1"]);
    let list = world.ask(&world.alpha, "GET", "/api/v1/patients").by(&desk).send().await.expect(200);
    let path = format!("/api/v1/patients/{}", list.json()["items"][0]["id"].as_str().unwrap());
    let put = world.ask(&world.alpha, "PUT", &path).by(&desk).json(&patient("Lopez", "G-1"));
    put.header("if-match", "\"v1\"").send().await.expect(200);
    for (criterion, wanted) in [
        (json!({ "name_starts_with": "garc" }), vec![]),
        (json!({ "name_starts_with": "lop" }), vec!["G-1"]),
        (json!({ "name": "Garcia", "birth_date": "1990-02-28" }), vec![]),
        (json!({ "name": "Lopez", "birth_date": "1990-02-28" }), vec!["G-1"]),
    ] {
        assert_eq!(found(&world, &desk, criterion.clone()).await, wanted, "{criterion}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_criterion_and_only_one_and_little_is_shown() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    register(&world, &desk, &people()[0]).await;
    for bad in [
        json!({}),
        json!({ "mrn": "1", "phone": "2" }),
        json!({ "mrn": "1", "birth_date": "1990-01-01" }),
        json!({ "name": "Sharma" }),
        json!({ "birth_date": "1990-01-01" }),
        json!({ "identifier": { "kind": "ssn_last4", "value": "4321" } }),
        json!({ "name_starts_with": "s" }),
        json!({ "phone": "not a phone" }),
        json!({ "mrn": "1", "limit": 0 }),
        json!({ "mrn": "1", "limit": 51 }),
    ] {
        let answer =
            world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(&desk).json(&bad).send().await;
        assert_eq!(answer.outcome(), (400, "invalid_request".into()), "{bad}");
    }
    let answer =
        world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(&desk).json(&json!({ "mrn": "S-1" }));
    let item = answer.send().await.expect(200).json()["items"][0].clone();
    let mut shown: Vec<&String> = item.as_object().unwrap().keys().collect();
    shown.sort();
    assert_eq!(shown, ["birth_date", "id", "identifiers", "mrn", "name"]);
    assert_eq!(item["identifiers"][0]["value"], "••••21");
    let audit = world.audit(&world.alpha).await;
    let last = audit.last().unwrap();
    assert_eq!((last.0.as_str(), last.1.as_str(), last.3), ("patient.search", "allow", Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_too_large_for_memory_is_asked_for_the_birth_date() {
    let world = World::with(Options { names: NameIndexes::new(2), ..Options::default() }).await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let [first, second, third] = people();
    register(&world, &desk, &first).await;
    register(&world, &desk, &second).await;
    assert_eq!(found(&world, &desk, json!({ "name_starts_with": "shar" })).await, ["S-1"]);
    register(&world, &desk, &third).await;
    let criterion = json!({ "name_starts_with": "shar" });
    let answer =
        world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(&desk).json(&criterion).send().await;
    assert_eq!(answer.outcome(), (422, "birth_date_needed".into()));
    let dated = json!({ "name_starts_with": "sharp", "birth_date": "1971-11-05" });
    assert_eq!(found(&world, &desk, dated).await, ["S-3"]);
}

/// Another process of the region has its own memory; it sees what this one wrote with the next search.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_instance_wrote_is_found() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    register(&world, &desk, &patient("First", "I-1")).await;
    let other = NameIndexes::default();
    let search = |beginning: &'static str| {
        let (world, other) = (&world, &other);
        Box::pin(async move {
            let mut tx = world.region.regional.begin(world.alpha.tenant, "test.search").await.unwrap();
            let asker = Asker { keys: world.app.keys(), caller: Caller::system(0), within: Within::Everyone };
            let found = other.search(&mut tx, &asker, &[beginning.to_owned()], 10).await.unwrap();
            tx.rollback().await.unwrap();
            match found {
                Found::Patients(ids) => ids.len(),
                Found::TooManyPatients => panic!("two are not too many"),
            }
        })
    };
    assert_eq!((search("first").await, search("second").await), (1, 0));
    register(&world, &desk, &patient("Second", "I-2")).await;
    assert_eq!((search("first").await, search("second").await), (1, 1));
}
