//! Whom a caller reaches: own patients, own sites, and nobody else, on every route, through each of two layers alone.

use app::access::{Policy, Role};
use app::patients::model::PatientId;
use app::relationships::model::Tie;
use app::staff::model::AccountId;
use serde_json::{Value, json};
use tenancy::reach::{Caller, Reach};

use crate::support::{Actor, Clinic, Options, World, patient};

async fn registered(world: &World, by: &Actor, family: &str, mrn: &str) -> String {
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(by).json(&patient(family, mrn)).send();
    made.await.expect(201).json()["id"].as_str().unwrap().to_owned()
}

/// What somebody gets to know of a patient, route by route; nothing when the patient is out of reach.
async fn learnt(world: &World, who: &Actor, id: &str) -> Vec<String> {
    let path = format!("/api/v1/patients/{id}");
    let account = AccountId::from(who.account).to_string();
    let ask = |method: &str, path: &str| world.ask(&world.alpha, method, path).by(who);
    let mut learnt = Vec::new();
    let join = json!({ "account": account });
    for (what, ask) in [
        ("read", ask("GET", &path)),
        ("care team", ask("GET", &format!("{path}/care-team"))),
        ("join", ask("POST", &format!("{path}/care-team")).json(&join)),
    ] {
        let answer = ask.send().await;
        if answer.outcome() != (404, "not_found".into()) {
            learnt.push(format!("{what}: {}", answer.text()));
        }
    }
    let list = ask("GET", "/api/v1/patients").send().await.expect(200).json();
    let searches = [
        json!({ "mrn": "R-1" }),
        json!({ "phone": "+1 202-555-0134" }),
        json!({ "email": "asha@example.com" }),
        json!({ "name": "Reached", "birth_date": "1990-02-28" }),
        json!({ "name_starts_with": "reac", "birth_date": "1990-02-28" }),
        json!({ "name_starts_with": "reac" }),
    ];
    let mut found = vec![("list".to_owned(), list)];
    for search in searches {
        let answer = ask("POST", "/api/v1/patients/search").json(&search).send().await.expect(200);
        found.push((search.to_string(), answer.json()));
    }
    // Last, because it changes what the searches look for.
    let put = ask("PUT", &path).json(&patient("Changed", "C-1")).header("if-match", "\"v1\"").send().await;
    if put.outcome() != (404, "not_found".into()) {
        learnt.push(format!("update: {}", put.text()));
    }
    for (what, answer) in found {
        let nothing = answer["items"] == json!([])
            && answer.get("more").is_none_or(|more| *more == json!(false))
            && answer.get("next_cursor").is_none_or(Value::is_null);
        if !nothing {
            learnt.push(format!("{what}: {answer}"));
        }
    }
    learnt
}

/// Takes the row security of reach away, as a careless migration would.
pub(super) async fn without_row_security(world: &World, clinic: &Clinic) {
    let schemas = [tenancy::SchemaName::ops(clinic.tenant.id), tenancy::SchemaName::phi(clinic.tenant.id)];
    let sql = format!(
        "DO $$ DECLARE one record; BEGIN
         FOR one IN SELECT polname, polrelid::regclass AS name FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE NOT p.polpermissive AND n.nspname IN ('{}', '{}')
         LOOP EXECUTE format('DROP POLICY %I ON %s', one.polname, one.name); END LOOP; END $$",
        schemas[0], schemas[1]
    );
    world.region.superuser().await.batch_execute(&sql).await.unwrap();
}

/// A policy whose queries carry no condition of reach.
pub(super) fn without_conditions() -> Policy {
    Policy { within: |_| Reach::Everyone, ..Policy::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_counts_from_the_next_request_and_ends_with_the_next() {
    let world = World::new().await;
    let mine = world.staff(&world.alpha, Role::Physician).await;
    let other = world.staff(&world.alpha, Role::Nurse).await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let id = registered(&world, &mine, "Reached", "R-1").await;
    let path = format!("/api/v1/patients/{id}");
    let read = async |who: &Actor| world.ask(&world.alpha, "GET", &path).by(who).send().await.status.as_u16();
    assert_eq!(learnt(&world, &other, &id).await, Vec::<String>::new());
    assert_eq!((read(&mine).await, read(&desk).await, read(&other).await), (200, 200, 404));

    let team = async |by: &Actor, end: &str, body: Value| {
        let path = format!("{path}/care-team{end}");
        world.ask(&world.alpha, "POST", &path).by(by).json(&body).send().await
    };
    let account = AccountId::from(other.account).to_string();
    team(&mine, "", json!({ "account": account })).await.expect(204);
    assert_eq!(read(&other).await, 200);
    let members = world.ask(&world.alpha, "GET", &format!("{path}/care-team")).by(&other).send().await;
    assert_eq!(members.expect(200).json()["items"].as_array().unwrap().len(), 2);
    // Again changes nothing, and one end ends it.
    team(&mine, "", json!({ "account": account })).await.expect(204);
    team(&mine, "/end", json!({ "account": account })).await.expect(204);
    assert_eq!(read(&other).await, 404);
    assert_eq!(team(&mine, "/end", json!({ "account": account })).await.status, 404);

    // With dates: in an hour, for an hour.
    let now = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now());
    let (from, until) = (now + chrono::TimeDelta::hours(1), now + chrono::TimeDelta::hours(2));
    team(&desk, "", json!({ "account": account, "from": from, "until": until })).await.expect(204);
    assert_eq!(read(&other).await, 404, "not yet");
    world.clock.advance_ms(3_600_000);
    world.keep_awake(&world.alpha).await;
    assert_eq!(read(&other).await, 200, "in time");
    world.clock.advance_ms(3_600_000);
    world.keep_awake(&world.alpha).await;
    assert_eq!(read(&other).await, 404, "over");
    let wrong = json!({ "account": account, "from": until, "until": from });
    assert_eq!(team(&desk, "", wrong).await.outcome(), (400, "invalid_request".into()));
    // Only those who treat are members.
    for nobody in [AccountId::from(desk.account).to_string(), "stf_nobody".to_owned()] {
        let refused = team(&mine, "", json!({ "account": nobody })).await;
        assert_eq!(refused.outcome(), (400, "invalid_request".into()));
    }
}

/// The conditions of the queries without row security, row security without the conditions, and, to see that this test
/// would see it, neither.
#[tokio::test(flavor = "multi_thread")]
async fn each_layer_of_reach_holds_alone() {
    for (conditions, row_security) in [(true, true), (false, true), (true, false), (false, false)] {
        let policy = if conditions { Policy::default() } else { without_conditions() };
        let world = World::with(Options { policy, ..Options::default() }).await;
        let mine = world.staff(&world.alpha, Role::Physician).await;
        let other = world.staff(&world.alpha, Role::Physician).await;
        let elsewhere = world.staff(&world.alpha, Role::Receptionist).await;
        world.move_to_new_site(&world.alpha, &elsewhere).await;
        let id = registered(&world, &mine, "Reached", "R-1").await;
        if !row_security {
            without_row_security(&world, &world.alpha).await;
        }
        for who in [&other, &elsewhere] {
            let learnt = learnt(&world, who, &id).await;
            let held = conditions || row_security;
            assert_eq!(learnt.is_empty(), held, "conditions {conditions}, rows {row_security}: {learnt:?}");
            if !held && std::ptr::eq(who, &other) {
                // Reading, changing, joining, the list and each search: the test looks at all of them.
                assert_eq!(learnt.len(), 11, "{learnt:?}");
            }
        }
    }
}

/// Row security guards the ties as well: who is tied to nobody cannot tie themselves to anybody.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_ties_themselves_to_a_patient_in_the_database() {
    let world = World::new().await;
    let mine = world.staff(&world.alpha, Role::Physician).await;
    let other = world.staff(&world.alpha, Role::Physician).await;
    let id = PatientId::parse(&registered(&world, &mine, "Reached", "R-1").await).unwrap().uuid();
    let now = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now());
    let at_us = now.timestamp_micros();
    for (reach, kind, founding, allowed) in [
        (Reach::Ties, Tie::Member, false, false),
        (Reach::Ties, Tie::Member, true, false),
        (Reach::Ties, Tie::Proxy, false, false),
        (Reach::Sites, Tie::Member, false, false),
        (Reach::Nobody, Tie::Member, false, false),
        (Reach::Nobody, Tie::Member, true, false),
        (Reach::Ties, Tie::BreakGlass, false, true),
    ] {
        // Somebody at no site, where the reach is that of sites.
        let actor = if reach == Reach::Sites { [9; 16] } else { other.account.into_bytes() };
        let caller = Caller { reach, actor, at_us };
        let mut tx = world.region.regional.begin_for_caller(world.alpha.tenant, "test.tie").await.unwrap();
        tx.act_as(&caller).await.unwrap();
        let tie = app::relationships::model::NewTie {
            id: app::auth::invite::new_id(),
            tenant_id: world.alpha.tenant.id.as_uuid(),
            patient_id: id,
            party_id: other.account,
            kind: kind.as_str(),
            founding,
            valid_from: now,
            valid_to: matches!(kind, Tie::BreakGlass | Tie::Proxy)
                .then(|| now + chrono::TimeDelta::minutes(60)),
            created_at: now,
            created_by: other.account,
            scope: if kind == Tie::Proxy { vec!["record"] } else { Vec::new() },
        };
        let made = app::relationships::queries::insert(&mut tx, tie).await;
        assert_eq!(made.is_ok(), allowed, "{reach:?} {kind:?} {founding}: {made:?}");
        tx.rollback().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn patients_and_proxies_see_whom_they_are_tied_to() {
    let world = World::new().await;
    let physician = world.staff(&world.alpha, Role::Physician).await;
    let ids = [
        registered(&world, &physician, "Reached", "R-1").await,
        registered(&world, &physician, "Other", "R-2").await,
    ];
    let (patient, proxy) =
        (world.staff(&world.alpha, Role::Patient).await, world.staff(&world.alpha, Role::Proxy).await);
    world.tie(&world.alpha, &ids[0], &patient, Tie::Subject).await;
    world.tie(&world.alpha, &ids[1], &proxy, Tie::Proxy).await;
    for (who, own, foreign) in [(&patient, 0, 1), (&proxy, 1, 0)] {
        let list = world.ask(&world.alpha, "GET", "/api/v1/patients").by(who).send().await.expect(200).json();
        assert_eq!(list["items"].as_array().unwrap().len(), 1);
        assert_eq!(list["items"][0]["id"], ids[own]);
        let read = async |id: &str| {
            let ask = world.ask(&world.alpha, "GET", &format!("/api/v1/patients/{id}")).by(who);
            ask.send().await.status.as_u16()
        };
        assert_eq!((read(&ids[own]).await, read(&ids[foreign]).await), (200, 404));
        let search = world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(who);
        let refused = search.json(&json!({ "mrn": "R-1" })).send().await;
        assert_eq!(refused.outcome(), (403, "forbidden".into()));
    }
}

/// A clinic with two sites: who works at one does not see who comes to the other, until either is changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_sees_its_own_patients() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let (north, south) =
        (world.staff(&world.alpha, Role::Receptionist).await, world.staff(&world.alpha, Role::Billing).await);
    let made = world.ask(&world.alpha, "POST", "/api/v1/sites").by(&admin).json(&json!({ "name": "South" }));
    let site = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let sites = world.ask(&world.alpha, "GET", "/api/v1/sites").by(&north).send().await.expect(200).json();
    assert_eq!(sites["items"].as_array().unwrap().len(), 2);
    let main =
        sites["items"].as_array().unwrap().iter().find(|one| one["name"] == "Main").unwrap()["id"].clone();
    let path = format!("/api/v1/staff/{}/sites", AccountId::from(south.account));
    let put = async |by: &Actor, path: &str, body: Value| {
        world.ask(&world.alpha, "PUT", path).by(by).json(&body).send().await
    };
    let foreign = "site_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    for refused in [json!({ "sites": [] }), json!({ "sites": [foreign] })] {
        assert_eq!(put(&admin, &path, refused).await.outcome(), (400, "invalid_request".into()));
    }
    put(&admin, &path, json!({ "sites": [site] })).await.expect(204);
    let staff = world.ask(&world.alpha, "GET", "/api/v1/staff").by(&admin).send().await.expect(200).json();
    let works_at = |who: &Actor| {
        let account = json!(AccountId::from(who.account).to_string());
        let listed = staff["items"].as_array().unwrap().iter().find(|one| one["account"] == account);
        listed.unwrap()["sites"].clone()
    };
    assert_eq!((works_at(&north), works_at(&south)), (json!([main]), json!([site])));
    let id = registered(&world, &north, "Reached", "R-1").await;
    let path = format!("/api/v1/patients/{id}");
    let read = async |who: &Actor| world.ask(&world.alpha, "GET", &path).by(who).send().await.status.as_u16();
    assert_eq!((read(&north).await, read(&south).await), (200, 404));
    let at = format!("{path}/sites");
    assert_eq!(put(&south, &at, json!({ "sites": [site] })).await.outcome(), (403, "forbidden".into()));
    put(&north, &at, json!({ "sites": [main, site] })).await.expect(204);
    assert_eq!((read(&north).await, read(&south).await), (200, 200));
    put(&north, &at, json!({ "sites": [site] })).await.expect(204);
    assert_eq!((read(&north).await, read(&south).await), (404, 200));
}
