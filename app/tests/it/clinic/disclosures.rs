//! Disclosures: written down once, never in clear, accounted for to the patient, and missed when somebody takes one away
//! (45 CFR 164.528).

use app::access::Role;
use app::patients::model::PatientId;
use app::relationships::model::Tie;
use serde_json::{Value, json};

use crate::support::{Actor, World};

const CANARIES: [&str; 4] = ["Canaryrecipient", "Canarystreet", "Canarydescription", "Canarystatement"];

/// A day before today, by the clock of the world.
fn ago(world: &World, days: u64) -> String {
    let now = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now()).date_naive();
    (now - chrono::Days::new(days)).to_string()
}

fn disclosure(purpose: &str, on: &str) -> Value {
    json!({
        "recipient": CANARIES[0], "address": CANARIES[1], "purpose": purpose,
        "description": CANARIES[2], "statement": CANARIES[3], "disclosed_on": on,
    })
}

async fn record(world: &World, by: &Actor, patient: &str, body: &Value) -> (u16, String) {
    let path = format!("/api/v1/patients/{patient}/disclosures");
    let outcome = world.ask(&world.alpha, "POST", &path).by(by).json(body).send().await.outcome();
    // Ids are in the order of their milliseconds.
    world.clock.advance_ms(1);
    outcome
}

async fn accounting(world: &World, by: &Actor, patient: &str, query: &str) -> Value {
    let path = format!("/api/v1/patients/{patient}/disclosures{query}");
    world.ask(&world.alpha, "GET", &path).by(by).send().await.expect(200).json()
}

fn days(accounting: &Value) -> Vec<&str> {
    accounting["items"].as_array().unwrap().iter().map(|one| one["disclosed_on"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disclosure_is_accounted_for_and_nothing_of_it_is_in_clear() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let patient = world.patient(&doctor, "D-1").await;
    let other = world.patient(&doctor, "D-2").await;
    let (early, late, long_ago) = (ago(&world, 30), ago(&world, 20), ago(&world, 7 * 366));
    for (n, day) in [&early, &late, &long_ago].into_iter().enumerate() {
        let by = if n == 0 { &doctor } else { &officer };
        assert_eq!(record(&world, by, &patient, &disclosure("public_health", day)).await.0, 201);
    }
    let mut broken = disclosure("research", &early);
    broken["withheld_until"] = json!("2199-12-01");
    assert_eq!(record(&world, &officer, &patient, &broken).await, (400, "invalid_request".into()));
    let stranger = world.staff(&world.alpha, Role::Physician).await;
    let refused = record(&world, &stranger, &patient, &disclosure("judicial", &early)).await;
    assert_eq!(refused, (404, "not_found".into()));

    let found = accounting(&world, &officer, &patient, "").await;
    assert_eq!(days(&found), [late.as_str(), early.as_str()], "six years, the last one first");
    assert_eq!(found["complete"], true);
    let newest = &found["items"][0];
    let said: Vec<&str> = ["recipient", "address", "description", "statement"]
        .into_iter()
        .map(|field| newest[field].as_str().unwrap())
        .collect();
    assert_eq!(said, CANARIES);
    let all = accounting(&world, &officer, &patient, "?from=2000-01-01&limit=2").await;
    assert_eq!(days(&all), [long_ago.as_str(), late.as_str()]);
    let rest = format!("?from=2000-01-01&cursor={}", all["next_cursor"].as_str().unwrap());
    assert_eq!(days(&accounting(&world, &officer, &patient, &rest).await), [early.as_str()]);
    assert_eq!(days(&accounting(&world, &officer, &other, "").await), Vec::<&str>::new());

    // The log has each of them, with who and whose, and not a word of it; neither has any table.
    let search = json!({ "about": "disclosures", "id": patient });
    let events =
        world.ask(&world.alpha, "POST", "/api/v1/audit/search").by(&officer).json(&search).send().await;
    let events = events.expect(200).json();
    assert_eq!(events["items"].as_array().unwrap().len(), 3, "{events}");
    assert_eq!(events["items"][0]["action"], "disclosure.record");
    let superuser = world.region.superuser().await;
    for schema in
        [tenancy::SchemaName::ops(world.alpha.tenant.id), tenancy::SchemaName::phi(world.alpha.tenant.id)]
    {
        for table in ["audit_event", "disclosure"] {
            let sql = format!(
                "SELECT coalesce(string_agg(t::text, ' '), '') FROM {schema}.{table} t",
                schema = schema.quoted()
            );
            let Ok(row) = superuser.query_one(sql.as_str(), &[]).await else { continue };
            let text: String = row.get(0);
            assert!(text.len() > 100, "the scan saw {table}");
            for canary in CANARIES.into_iter().chain(["public_health"]) {
                assert!(!text.contains(canary), "{canary} is in {table}");
                let hex = data_encoding::HEXLOWER.encode(canary.as_bytes());
                assert!(!text.contains(&hex), "{canary} is in {table}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_agency_asked_to_withhold_is_told_to_the_patient_when_its_time_is_over() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let patient = world.patient(&doctor, "D-1").await;
    let herself = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, &patient, &herself, Tie::Subject).await;
    let now = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now()).date_naive();
    let mut withheld = disclosure("law_enforcement", &now.to_string());
    withheld["withheld_until"] = json!((now + chrono::Days::new(30)).to_string());
    assert_eq!(record(&world, &officer, &patient, &withheld).await.0, 201);
    assert_eq!(record(&world, &officer, &patient, &disclosure("judicial", &now.to_string())).await.0, 201);
    let by_officer = accounting(&world, &officer, &patient, "").await;
    assert_eq!(by_officer["items"].as_array().unwrap().len(), 2);
    assert!(by_officer["items"][1]["withheld_until"].is_string());
    let hers = accounting(&world, &herself, &patient, "").await;
    assert_eq!(hers["items"].as_array().unwrap().len(), 1);
    assert_eq!(hers["items"][0]["purpose"], "judicial");
    assert!(hers["items"][0]["recorded_by"].is_null() && hers["items"][0]["withheld_until"].is_null());
    world.clock.advance_ms(31 * 86_400_000);
    world.keep_awake(&world.alpha).await;
    let again = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, &patient, &again, Tie::Subject).await;
    assert_eq!(accounting(&world, &again, &patient, "").await["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disclosure_taken_away_moved_or_dated_otherwise_is_noticed() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let (one, other) = (world.patient(&doctor, "D-1").await, world.patient(&doctor, "D-2").await);
    for _ in 0..2 {
        let body = disclosure("judicial", &ago(&world, 1));
        assert_eq!(record(&world, &officer, &one, &body).await.0, 201);
    }
    let superuser = world.region.superuser().await;
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    let phi = tenancy::SchemaName::phi(world.alpha.tenant.id).quoted();
    let id = |text: &str| PatientId::parse(text).unwrap().uuid();
    superuser
        .batch_execute(&format!(
            "DELETE FROM {phi}.disclosure WHERE id = (SELECT id FROM {phi}.disclosure ORDER BY id LIMIT 1)"
        ))
        .await
        .unwrap();
    let found = accounting(&world, &officer, &one, "").await;
    assert_eq!((found["complete"].as_bool(), days(&found).len()), (Some(false), 1));
    let path = |patient: &str| format!("/api/v1/patients/{patient}/disclosures");
    for (forgery, whose) in [
        (format!("UPDATE {phi}.disclosure SET recorded_at = recorded_at - interval '1 day'"), &one),
        (format!("UPDATE {phi}.disclosure SET patient_id = '{}'", id(&other)), &other),
    ] {
        superuser.batch_execute(&forgery).await.unwrap();
        let answer = world.ask(&world.alpha, "GET", &path(whose)).by(&officer).send().await;
        assert_eq!(answer.outcome(), (500, "internal".into()), "{forgery}");
        assert!(!answer.text().contains("Canary"));
    }
}
