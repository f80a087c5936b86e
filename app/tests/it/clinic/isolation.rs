//! Alpha never sees beta, whatever it asks with.

use app::access::Role;
use app::documents::model::DocumentId;
use app::patients::model::PatientId;
use app::routes::ROUTES;

use crate::support::{Actor, World, patient, sample_body, sample_path};

#[tokio::test(flavor = "multi_thread")]
async fn another_clinics_ids_are_answered_like_absent_ones_on_every_route() {
    let world = World::new().await;
    let there = world.staff(&world.beta, Role::Physician).await;
    let made = world
        .ask(&world.beta, "POST", "/api/v1/patients")
        .by(&there)
        .json(&patient("Beta", "B-1"))
        .send()
        .await;
    let foreign = made.expect(201).json()["id"].as_str().unwrap().to_owned();
    let mut walked = 0;
    for (n, route) in ROUTES.iter().enumerate().filter(|(_, route)| route.path.contains("{id}")) {
        let here = world.able(&world.alpha, route.action).await;
        let mut bodies = Vec::new();
        for id in [foreign.as_str(), &PatientId::random().to_string(), "pat_nonsense", "%41%2b"] {
            let mut ask = world.ask(&world.alpha, route.method.as_str(), &sample_path(route, id)).by(&here);
            if let Some(body) = sample_body(route, n) {
                ask = ask.json(&body).header("if-match", "\"v1\"");
            }
            let answer = ask.send().await;
            assert_eq!(answer.outcome(), (404, "not_found".into()), "{} {} {id}", route.method, route.path);
            let mut body = answer.json();
            body["instance"] = "the request id".into();
            bodies.push((body, answer.headers.get("content-type").cloned()));
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
        let denied = world.audit(&world.alpha).await;
        let wanted = (route.action.name().to_owned(), "deny".to_owned(), Some("absent".to_owned()), None);
        assert!(denied.iter().filter(|entry| **entry == wanted).count() >= 3, "{denied:?}");
        walked += 1;
    }
    assert!(walked >= 2);
    let untouched =
        world.ask(&world.beta, "GET", &format!("/api/v1/patients/{foreign}")).by(&there).send().await;
    assert_eq!(untouched.expect(200).json()["version"], 1);
}

/// Catalogue entry T12, the time: another clinic's id takes as long as one that nobody has, of a patient and of a document.
#[tokio::test(flavor = "multi_thread")]
async fn t12_another_clinics_id_takes_as_long_as_an_absent_one() {
    let world = World::new().await;
    let (here, there) =
        (world.staff(&world.alpha, Role::Physician).await, world.staff(&world.beta, Role::Physician).await);
    let made = async |path: &str, body: &serde_json::Value| {
        let made = world.ask(&world.beta, "POST", path).by(&there).json(body).send().await.expect(201);
        made.json()["id"].as_str().unwrap().to_owned()
    };
    let asha = made("/api/v1/patients", &patient("Timed", "B-1")).await;
    let about = serde_json::json!({
        "kind": "lab_report", "title": "Timed", "media_type": "text/plain", "size_bytes": 5,
    });
    let letter = made(&format!("/api/v1/patients/{asha}/documents"), &about).await;
    let absent = || PatientId::random().to_string();
    take_alike(&world, &here, [asha, absent(), absent()].map(|id| format!("/api/v1/patients/{id}"))).await;
    let absent = || DocumentId::random().to_string();
    take_alike(&world, &here, [letter, absent(), absent()].map(|id| format!("/api/v1/documents/{id}"))).await;
}

/// The first of three paths, another clinic's, takes as long as the others, which nobody has. Measured in turns and judged by
/// the signed-rank test of Wilcoxon, which a busy machine makes blind and never false; how much it would have seen is shown
/// by the same times with a part added.
async fn take_alike(world: &World, here: &Actor, paths: [String; 3]) {
    const ROUNDS: usize = 200;
    /// Standard deviations that chance passes once in about two million runs.
    const DEVIATIONS_MAX: f64 = 5.0;
    /// The difference that must be seen, as a factor.
    const SEEN: f64 = 1.5;
    let took = async |path: &str| {
        let ask = world.ask(&world.alpha, "GET", path).by(here);
        let started = std::time::Instant::now();
        assert_eq!(ask.send().await.outcome(), (404, "not_found".into()));
        started.elapsed().as_secs_f64()
    };
    let mut times: [Vec<f64>; 3] = Default::default();
    for round in 0..ROUNDS + 5 {
        // Each path takes each place in a round equally often, so that whatever else the machine does meets all alike.
        for place in 0..paths.len() {
            let arm = (place + round) % paths.len();
            let seconds = took(&paths[arm]).await;
            if round >= 5 {
                times[arm].push(seconds);
            }
        }
    }
    let [foreign, absent, another_absent] = times;
    let deviations = signed_rank(&foreign, &absent);
    assert!(deviations.abs() < DEVIATIONS_MAX, "{deviations} deviations between another clinic's and no id");
    let chance = signed_rank(&another_absent, &absent);
    assert!(
        chance.abs() < DEVIATIONS_MAX,
        "{chance} deviations between two ids that nobody has: no fair race"
    );
    let longer: Vec<f64> = another_absent.iter().map(|seconds| seconds * SEEN).collect();
    let seen = signed_rank(&longer, &absent);
    assert!(
        seen > DEVIATIONS_MAX,
        "{seen} deviations for an answer {SEEN} times as slow: this test sees nothing"
    );
}

/// How many standard deviations the signed-rank sum of two paired samples is from what chance would make it.
pub(super) fn signed_rank(left: &[f64], right: &[f64]) -> f64 {
    let mut differences: Vec<f64> = left.iter().zip(right).map(|(left, right)| left - right).collect();
    differences.sort_by(|one, other| one.abs().total_cmp(&other.abs()));
    let ranks = (1_u32..).map(f64::from);
    let positive: f64 =
        differences.iter().zip(ranks).filter(|(by, _)| **by > 0.0).map(|(_, rank)| rank).sum();
    let count = f64::from(u32::try_from(differences.len()).unwrap());
    let expected = count * (count + 1.0) / 4.0;
    (positive - expected) / (count * (count + 1.0) * (2.0 * count + 1.0) / 24.0).sqrt()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_and_a_cursor_are_worth_nothing_in_another_clinic() {
    let world = World::new().await;
    let (here, there) =
        (world.staff(&world.alpha, Role::Physician).await, world.staff(&world.beta, Role::Physician).await);
    for route in ROUTES.iter().filter(|route| route.action.audience() == app::access::Audience::Staff) {
        let mut ask = world.ask(&world.beta, route.method.as_str(), &sample_path(route, "pat_x")).by(&here);
        if let Some(body) = sample_body(route, 0) {
            ask = ask.json(&body);
        }
        assert_eq!(
            ask.send().await.outcome(),
            (401, "unauthenticated".into()),
            "{} {}",
            route.method,
            route.path
        );
    }
    for n in 0..2 {
        let ask = world
            .ask(&world.beta, "POST", "/api/v1/patients")
            .by(&there)
            .json(&patient("Beta", &format!("B-{n}")));
        ask.send().await.expect(201);
    }
    let page = world.ask(&world.beta, "GET", "/api/v1/patients?limit=1").by(&there).send().await.expect(200);
    let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/patients?limit=1&cursor={cursor}");
    assert_eq!(
        world.ask(&world.alpha, "GET", &path).by(&here).send().await.outcome(),
        (400, "bad_cursor".into())
    );
    let wrong_list = format!("/api/v1/staff?cursor={cursor}");
    let admin = world.staff(&world.beta, Role::ClinicAdmin).await;
    assert_eq!(
        world.ask(&world.beta, "GET", &wrong_list).by(&admin).send().await.outcome(),
        (400, "bad_cursor".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_copied_into_another_clinic_by_a_database_administrator_does_not_open() {
    let world = World::new().await;
    let (here, there) =
        (world.staff(&world.alpha, Role::Physician).await, world.staff(&world.beta, Role::Physician).await);
    let mine = world
        .ask(&world.alpha, "POST", "/api/v1/patients")
        .by(&here)
        .json(&patient("Mine", "A-1"))
        .send()
        .await;
    let theirs = world
        .ask(&world.beta, "POST", "/api/v1/patients")
        .by(&there)
        .json(&patient("Theirs", "B-1"))
        .send()
        .await;
    let (mine, theirs) = (mine.expect(201).json(), theirs.expect(201).json());
    let id = |json: &serde_json::Value| PatientId::parse(json["id"].as_str().unwrap()).unwrap().uuid();
    let (phi_a, phi_b) = (
        tenancy::SchemaName::phi(world.alpha.tenant.id).quoted(),
        tenancy::SchemaName::phi(world.beta.tenant.id).quoted(),
    );
    let superuser = world.region.superuser().await;
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    let sql = format!(
        "UPDATE {phi_a}.person SET names = (SELECT names FROM {phi_b}.person WHERE patient_id = $1) WHERE patient_id = $2"
    );
    assert_eq!(superuser.execute(sql.as_str(), &[&id(&theirs), &id(&mine)]).await.unwrap(), 1);
    let path = format!("/api/v1/patients/{}", mine["id"].as_str().unwrap());
    let answer = world.ask(&world.alpha, "GET", &path).by(&here).send().await;
    assert_eq!(answer.outcome(), (500, "internal".into()));
    assert!(!answer.text().contains("Theirs"));
}
