//! Requests of patients to correct the record: asked by the patient, answered once by the clinic, read by both and by nobody
//! else (45 CFR 164.526).

use app::access::Role;
use app::relationships::model::Tie;
use serde_json::{Value, json};

use super::patient_account::Desk;
use crate::support::{Actor, Answer, World};

const WHAT: &str = "The birth date, which is another person's.";
const WISH: &str = "It is the 27th of February.";

async fn send(world: &World, by: &Actor, (method, path): (&str, &str), body: Option<Value>) -> Answer {
    let ask = world.ask(&world.alpha, method, path).by(by);
    match body {
        Some(body) => ask.json(&body).send().await,
        None => ask.send().await,
    }
}

fn at(patient: &str) -> String {
    format!("/api/v1/patients/{patient}/corrections")
}

async fn ask(world: &World, by: &Actor, patient: &str) -> Answer {
    let body = json!({ "what": WHAT, "wish": WISH });
    let answer = send(world, by, ("POST", &at(patient)), Some(body)).await;
    // Ids are in the order of their milliseconds.
    world.clock.advance_ms(1);
    answer
}

async fn answer(world: &World, by: &Actor, (patient, id): (&str, &str), verdict: &str) -> Answer {
    let path = format!("{}/{id}/answer", at(patient));
    let body = json!({ "verdict": verdict, "reason": "The passport says the 28th." });
    send(world, by, ("POST", &path), Some(body)).await
}

/// How many days from now `due_on` is.
fn due_in_days(world: &World, one: &Value) -> i64 {
    let today = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now()).date_naive();
    let due: chrono::NaiveDate = one["due_on"].as_str().unwrap().parse().unwrap();
    (due - today).num_days()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_asks_for_a_correction_and_is_answered_once_in_the_laws_time() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let (hers, others) = (desk.ids[0].as_str(), desk.ids[1].as_str());
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    world.tie(&world.alpha, hers, &doctor, Tie::Member).await;
    let (me, _) = desk.signed_in().await;
    let made = ask(world, &me, hers).await.expect(201).json();
    assert_eq!(
        (&made["state"], &made["what"], &made["wish"], &made["overdue"]),
        (&json!("open"), &json!(WHAT), &json!(WISH), &json!(false))
    );
    assert_eq!(due_in_days(world, &made), 60, "45 CFR 164.526(b)(2)");
    let id = made["id"].as_str().unwrap();
    assert_eq!(ask(world, &me, others).await.outcome(), (404, "not_found".into()));
    assert_eq!(desk.get(&me, &at(others)).await.outcome(), (404, "not_found".into()));

    // Nobody asks for the patient, and the patient does not answer.
    assert_eq!(ask(world, &doctor, hers).await.outcome(), (403, "forbidden".into()));
    for by in [&me, &desk.desk] {
        let refused = answer(world, by, (hers, id), "accepted").await;
        assert_eq!(refused.outcome(), (403, "forbidden".into()));
    }
    let elsewhere = answer(world, &officer, (others, id), "accepted").await;
    assert_eq!(elsewhere.outcome(), (404, "not_found".into()), "of another patient");
    for broken in
        [json!({ "verdict": "denied", "reason": " " }), json!({ "verdict": "perhaps", "reason": "x" })]
    {
        let path = format!("{}/{id}/answer", at(hers));
        assert_eq!(send(world, &officer, ("POST", &path), Some(broken)).await.status, 400);
    }

    let seen = send(world, &desk.desk, ("GET", &at(hers)), None).await.expect(200).json();
    assert_eq!((&seen["items"][0]["what"], seen["items"][0]["asked_by"].is_string()), (&json!(WHAT), true));
    let denied = answer(world, &doctor, (hers, id), "denied").await.expect(200).json();
    assert_eq!((&denied["state"], denied["answered_by"].is_string()), (&json!("denied"), true));
    let again = answer(world, &officer, (hers, id), "accepted").await;
    assert_eq!(again.outcome(), (409, "correction_answered".into()));
    let second = ask(world, &me, hers).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    answer(world, &officer, (hers, &second), "accepted").await.expect(200);

    let mine = desk.get(&me, &at(hers)).await.expect(200).json();
    let states: Vec<&Value> = mine["items"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["accepted", "denied"], "the last one first");
    assert_eq!(mine["items"][1]["reason"], "The passport says the 28th.");
    for one in mine["items"].as_array().unwrap() {
        assert!(one["asked_by"].is_null() && one["answered_by"].is_null(), "no account of the staff's");
    }
    let path = format!("/api/v1/patients/{hers}/access-report");
    let history = desk.get(&me, &path).await.expect(200).text();
    for words in ["asked the clinic to correct the record", "answered a request to correct the record"] {
        assert_eq!(history.matches(words).count(), 2, "{history}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_requests_wait_at_once_and_each_is_late_after_its_day() {
    let world = World::india().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let patient = world.patient(&doctor, "C-1").await;
    let proxy = world.staff(&world.alpha, Role::Proxy).await;
    world.tie(&world.alpha, &patient, &proxy, Tie::Proxy).await;
    let first = ask(&world, &proxy, &patient).await.expect(201).json();
    assert_eq!(due_in_days(&world, &first), 90);
    for _ in 1..19 {
        ask(&world, &proxy, &patient).await.expect(201);
    }
    // Of two at once for the last place, one gets it.
    let (one, other) = tokio::join!(ask(&world, &proxy, &patient), ask(&world, &proxy, &patient));
    let mut outcomes = [one.status.as_u16(), other.status.as_u16()];
    outcomes.sort_unstable();
    assert_eq!(outcomes, [201, 409]);
    assert_eq!(ask(&world, &proxy, &patient).await.outcome(), (409, "too_many_corrections".into()));
    let list = send(&world, &doctor, ("GET", &format!("{}?limit=15", at(&patient))), None).await.expect(200);
    let next = list.json()["next_cursor"].as_str().unwrap().to_owned();
    let rest = format!("{}?limit=15&cursor={next}", at(&patient));
    let rest = send(&world, &doctor, ("GET", &rest), None).await.expect(200).json();
    assert_eq!(
        (list.json()["items"].as_array().unwrap().len(), rest["items"].as_array().unwrap().len()),
        (15, 5)
    );
    assert_eq!(rest["items"][4]["id"], first["id"]);
    let foreign = format!("/api/v1/patients/{patient}/documents?cursor={next}");
    let refused = send(&world, &doctor, ("GET", &foreign), None).await;
    assert_eq!(refused.outcome(), (400, "bad_cursor".into()), "a cursor of another list");
    // An answer makes room.
    answer(&world, &doctor, (&patient, first["id"].as_str().unwrap()), "accepted").await.expect(200);
    ask(&world, &proxy, &patient).await.expect(201);
    world.clock.advance_ms(91 * 86_400_000);
    let late = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let list = send(&world, &late, ("GET", &at(&patient)), None).await.expect(200).json();
    let overdue: Vec<bool> =
        list["items"].as_array().unwrap().iter().map(|one| one["overdue"].as_bool().unwrap()).collect();
    assert_eq!(overdue.iter().filter(|late| **late).count(), 20, "what was answered is not late");
}

/// The ids of a list's requests, in its order.
fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_answer_is_listed_by_its_day_and_of_patients_in_reach_alone() {
    const WAITING: &str = "/api/v1/corrections";
    let world = World::new().await;
    let alpha = &world.alpha;
    let (doctor, colleague) =
        (world.staff(alpha, Role::Physician).await, world.staff(alpha, Role::Physician).await);
    let officer = world.staff(alpha, Role::PrivacyOfficer).await;
    let (hers, others) = (world.patient(&doctor, "C-1").await, world.patient(&colleague, "C-2").await);
    let (she, he) = (world.staff(alpha, Role::Patient).await, world.staff(alpha, Role::Patient).await);
    world.tie(alpha, &hers, &she, Tie::Subject).await;
    world.tie(alpha, &others, &he, Tie::Subject).await;
    let mut asked = Vec::new();
    for (by, patient) in [(&she, &hers), (&he, &others), (&she, &hers)] {
        let made = ask(&world, by, patient).await.expect(201).json();
        asked.push(made["id"].as_str().unwrap().to_owned());
    }
    let list = async |by: &Actor, query: &str| {
        send(&world, by, ("GET", &format!("{WAITING}{query}")), None).await.expect(200).json()
    };

    let own = list(&doctor, "").await;
    assert_eq!(ids(&own), [&asked[0], &asked[2]], "the colleague's patient is out of reach");
    let first = &own["items"][0];
    assert_eq!((&first["patient"], &first["what"]), (&json!(hers), &json!(WHAT)));
    assert!(first["asked_by"].is_string() && first["overdue"] == json!(false), "{first}");
    let entry = ("correction.waiting".to_owned(), "allow".to_owned(), None, Some(2));
    assert_eq!(world.audit(alpha).await.last(), Some(&entry));

    let page = list(&officer, "?limit=2").await;
    assert_eq!(ids(&page), [&asked[0], &asked[1]], "what is due first comes first");
    let next = page["next_cursor"].as_str().unwrap();
    assert_eq!(ids(&list(&officer, &format!("?limit=2&cursor={next}")).await), [&asked[2]]);
    let foreign = send(&world, &officer, ("GET", &format!("{}?cursor={next}", at(&hers))), None).await;
    assert_eq!(foreign.outcome(), (400, "bad_cursor".into()), "a cursor of another list");

    let mine = list(&she, "").await;
    assert_eq!(ids(&mine), [&asked[0], &asked[2]]);
    assert!(mine["items"][0]["asked_by"].is_null(), "no account in an answer to the patient");
    let nurse = world.staff(alpha, Role::Nurse).await;
    world.tie(alpha, &hers, &nurse, Tie::BreakGlass).await;
    assert_eq!(ids(&list(&nurse, "").await), [""; 0], "an emergency opens one record and no list");
    for role in [Role::LabTechnician, Role::Billing, Role::ClinicAdmin, Role::MachineClient] {
        let by = world.staff(alpha, role).await;
        assert_eq!(send(&world, &by, ("GET", WAITING), None).await.outcome(), (403, "forbidden".into()));
    }

    answer(&world, &doctor, (&hers, &asked[0]), "denied").await.expect(200);
    assert_eq!(ids(&list(&doctor, "").await), [&asked[2]], "what is answered waits no longer");
    world.end_ties(alpha, &doctor).await;
    assert_eq!(ids(&list(&doctor, "").await), [""; 0]);
    world.clock.advance_ms(61 * 86_400_000);
    let desk = world.staff(alpha, Role::Receptionist).await;
    let late = list(&desk, "").await;
    assert_eq!(ids(&late), [&asked[1], &asked[2]], "whoever comes to the site is the desk's");
    assert_eq!((&late["items"][0]["overdue"], &late["items"][1]["overdue"]), (&json!(true), &json!(true)));
}

/// What was sealed says when and what, so a row that a database administrator changed is not shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_altered_in_the_database_is_not_shown() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let (patient, other) = (world.patient(&doctor, "C-1").await, world.patient(&doctor, "C-2").await);
    let herself = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, &patient, &herself, Tie::Subject).await;
    let made = ask(&world, &herself, &patient).await.expect(201).json();
    answer(&world, &doctor, (&patient, made["id"].as_str().unwrap()), "denied").await.expect(200);
    let phi = tenancy::SchemaName::phi(world.alpha.tenant.id).quoted();
    let other_id = app::patients::model::PatientId::parse(&other).unwrap().uuid();
    let superuser = world.region.superuser().await;
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    for (change, back, whose) in [
        ("state = 'accepted'", "state = 'denied'", &patient),
        ("asked_at = asked_at - interval '1 day'", "asked_at = asked_at + interval '1 day'", &patient),
        (
            "answered_at = answered_at + interval '1 day'",
            "answered_at = answered_at - interval '1 day'",
            &patient,
        ),
        (&*format!("patient_id = '{other_id}'"), "state = 'denied'", &other),
    ] {
        superuser.batch_execute(&format!("UPDATE {phi}.correction SET {change}")).await.unwrap();
        let shown = send(&world, &doctor, ("GET", &at(whose)), None).await;
        assert_eq!(shown.outcome(), (500, "internal".into()), "{change}");
        assert!(!shown.text().contains("birth date"));
        superuser.batch_execute(&format!("UPDATE {phi}.correction SET {back}")).await.unwrap();
    }
}

/// Who is erased has asked for nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_patients_requests_go_with_the_record() {
    let case = super::erasure::Case::new().await;
    let world = &case.world;
    let herself = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, &case.id, &herself, Tie::Subject).await;
    ask(world, &herself, &case.id).await.expect(201);
    let phi = tenancy::SchemaName::phi(world.alpha.tenant.id).quoted();
    let superuser = world.region.superuser().await;
    let sql = format!("SELECT count(*) FROM {phi}.correction");
    let count = async || -> i64 { superuser.query_one(sql.as_str(), &[]).await.unwrap().get(0) };
    assert_eq!(count().await, 1);
    case.agreed().await;
    let dir = tempfile::tempdir().unwrap();
    let jobs = super::erasure::jobs(world, dir.path()).await;
    app::erasure::job::run(&jobs, &case.payload().await).await.unwrap();
    assert_eq!(count().await, 0);
    assert_eq!(ask(world, &case.officer, &case.id).await.outcome().0, 403);
    let list = send(world, &case.officer, ("GET", &at(&case.id)), None).await;
    assert_eq!(list.outcome(), (404, "not_found".into()));
    let waiting = send(world, &case.officer, ("GET", "/api/v1/corrections"), None).await.expect(200).json();
    assert_eq!(ids(&waiting), [""; 0]);
}
