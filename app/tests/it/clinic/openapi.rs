//! The API description says what the routes do, and changes only on purpose.

use app::routes::ROUTES;
use serde_json::Value;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_served_to_anyone() {
    let world = World::new().await;
    let answer = world.ask(&world.alpha, "GET", "/api/v1/openapi.json").send().await.expect(200);
    assert_eq!(answer.json()["openapi"], "3.1.0");
    assert!(answer.text() == app::openapi::COMMITTED, "another description than the reviewed one");
}

#[test]
fn the_description_and_the_route_table_name_the_same_operations() {
    let document: Value = serde_json::from_str(app::openapi::COMMITTED).unwrap();
    let mut described: Vec<(String, String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, operations)| {
            operations.as_object().unwrap().iter().map(move |(method, operation)| {
                (method.to_uppercase(), path.clone(), operation["operationId"].as_str().unwrap().to_owned())
            })
        })
        .collect();
    let mut routed: Vec<(String, String, String)> = ROUTES
        .iter()
        .map(|route| (route.method.to_string(), route.path.to_owned(), route.action.name().to_owned()))
        .collect();
    described.sort();
    routed.sort();
    assert_eq!(described, routed);
}

/// What is served is what the handlers say: a change of them is a change of the file, which is reviewed.
#[test]
fn the_description_is_the_reviewed_one() {
    let now = concat!(env!("CARGO_TARGET_TMPDIR"), "/clinic.json");
    std::fs::write(now, app::openapi::document()).unwrap();
    let same = app::openapi::COMMITTED == app::openapi::document();
    assert!(same, "compare app/openapi/clinic.json with {now}, then copy that to app/openapi");
}
