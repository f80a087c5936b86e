//! Standing in for a patient: recorded at the desk with proof, scope and an end, held to all three by two layers, seen and ended
//! by the patient, over at the birthday by itself.

use std::collections::BTreeSet;

use app::access::{Policy, Role};
use app::patients::model::PatientId;
use app::relationships::model::Tie;
use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use tenancy::SchemaName;
use tenancy::reach::{Caller, Reach};

use super::factors::code_at;
use super::patient_account::{ADDRESS, Desk};
use super::reach::{without_conditions, without_row_security};
use super::sessions::actor;
use crate::support::{Actor, Answer, Options, Sample, World, in_days, nominee, patient};

const PARENT: &str = "ravi.rao@example.com";

async fn send(world: &World, by: &Actor, (method, path): (&str, &str), body: Option<&Value>) -> Answer {
    let ask = world.ask(&world.alpha, method, path).by(by);
    match body {
        Some(body) => ask.json(body).send().await,
        None => ask.send().await,
    }
}

fn at(patient: &str) -> String {
    format!("/api/v1/patients/{patient}/proxies")
}

async fn record(world: &World, by: &Actor, patient: &str, body: &Value) -> Answer {
    send(world, by, ("POST", &at(patient)), Some(body)).await
}

fn today(world: &World) -> NaiveDate {
    DateTime::<Utc>::from(world.app.clock.now()).date_naive()
}

/// The day in so many days, or the one after it: not every year has a 29 February to be born on.
fn birthday(world: &World, days: i64) -> NaiveDate {
    let day = today(world) + TimeDelta::days(days);
    if (day.month(), day.day()) == (2, 29) { day.succ_opt().unwrap() } else { day }
}

/// Registers a minor who comes of age on `birthday`.
async fn minor(desk: &Desk, birthday: NaiveDate) -> String {
    let mut child = patient("Rao", &format!("M-{birthday}"));
    child["names"][0]["given"] = json!(["Meena"]);
    child["birth_date"] = json!(birthday.with_year(birthday.year() - 18).unwrap().to_string());
    let made = send(&desk.world, &desk.desk, ("POST", "/api/v1/patients"), Some(&child)).await;
    made.expect(201).json()["id"].as_str().unwrap().to_owned()
}

fn parent(until: NaiveDate) -> Value {
    let mut body = nominee(PARENT);
    body["kind"] = json!("parent");
    body["proof"] = json!({ "kind": "birth_certificate", "reference": "Exampleton, 12 of 2014" });
    body["until"] = json!(until.to_string());
    body
}

/// Signs in with the code of the mail and an authenticator's, which is set up at the first time.
async fn signed_in(desk: &Desk, email: &str, secret: &mut Option<String>) -> Actor {
    let (half, session) = desk.signed_in_as(email).await;
    match secret {
        None => {
            assert_eq!(session.json()["second_factor"], "enrol");
            let (made, whole, _) = desk.world.enrol(&half).await;
            *secret = Some(made);
            whole
        }
        Some(secret) => {
            assert_eq!(session.json()["second_factor"], "prove");
            let code = json!({ "totp": code_at(secret, desk.world.now_ms()) });
            actor(&desk.world.prove(&half, code).await.expect(200))
        }
    }
}

/// In both regions: nothing without a second factor, everything that was given with one, and nothing from the birthday on, which
/// begins earlier in India.
#[tokio::test(flavor = "multi_thread")]
async fn a_parent_stands_in_for_a_child_until_the_birthday_and_not_a_moment_longer() {
    for (world, early) in
        [(World::new().await, TimeDelta::zero()), (World::india().await, TimeDelta::minutes(330))]
    {
        let desk = Desk::of(world).await;
        let world = &desk.world;
        let birthday = birthday(world, 10);
        let child = minor(&desk, birthday).await;
        let list = desk.get(&desk.desk, &at(&child)).await.expect(200).json();
        assert_eq!((&list["of_age"], &list["ends_by"]), (&json!(false), &json!(birthday.to_string())));
        for (broken, code) in
            [(parent(birthday + TimeDelta::days(1)), "too_late"), (nominee(PARENT), "patient_not_of_age")]
        {
            let refused = record(world, &desk.desk, &child, &broken).await.expect(400).json();
            assert_eq!(refused["errors"][0]["code"], code);
        }
        let mut endless = parent(birthday);
        endless.as_object_mut().unwrap().remove("until");
        assert_eq!(record(world, &desk.desk, &child, &endless).await.status, 400, "an end is needed");
        let made = record(world, &desk.desk, &child, &parent(birthday)).await.expect(201).json();
        let ends = birthday.and_hms_opt(0, 0, 0).unwrap().and_utc() - early;
        assert_eq!(made["until"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap(), ends);
        let again = record(world, &desk.desk, &child, &parent(birthday)).await;
        assert_eq!(again.outcome(), (409, "proxy_exists".into()));

        let path = format!("/api/v1/patients/{child}");
        let (half, session) = desk.signed_in_as(PARENT).await;
        assert_eq!(
            (&session.json()["role"], &session.json()["second_factor"]),
            (&json!("proxy"), &json!("enrol"))
        );
        for closed in ["/api/v1/patients", &path] {
            let refused = desk.get(&half, closed).await;
            assert_eq!(refused.outcome(), (403, "second_factor_required".into()), "{closed}");
        }
        let (secret, whole, _) = world.enrol(&half).await;
        let listed = desk.get(&whole, "/api/v1/patients").await.expect(200).json();
        let standing = json!({
            "tie": "proxy", "scope": ["record", "documents", "corrections"], "until": made["until"],
        });
        assert_eq!(
            (listed["items"].as_array().unwrap().len(), &listed["items"][0]["standing"]),
            (1, &standing)
        );
        let read = desk.get(&whole, &path).await.expect(200);
        assert!(read.json().get("identifiers").is_none());
        assert_eq!(desk.get(&whole, &at(&child)).await.outcome(), (403, "forbidden".into()), "others who do");
        let history = desk.get(&whole, &format!("{path}/access-report")).await.expect(200).json();
        let looked = history["items"].as_array().unwrap().iter().find(|line| line["did"] == "patient_read");
        assert_eq!(
            looked.map(|line| (&line["by"], &line["sentence"])),
            Some((&json!("proxy"), &json!("Somebody who stands in for the patient looked at the record.")))
        );

        let to_the_end = ends - DateTime::<Utc>::from(world.app.clock.now());
        world.clock.advance_ms(u64::try_from(to_the_end.num_milliseconds()).unwrap() - 60_000);
        let last = signed_in(&desk, PARENT, &mut Some(secret)).await;
        desk.get(&last, &path).await.expect(200);
        world.clock.advance_ms(61_000);
        assert_eq!(desk.get(&last, &path).await.outcome(), (404, "not_found".into()), "of age");
        let listed = desk.get(&last, "/api/v1/patients").await.expect(200).json();
        assert_eq!(listed["items"], json!([]));
        let desk_now = world.staff(&world.alpha, Role::Receptionist).await;
        let list = desk.get(&desk_now, &at(&child)).await.expect(200).json();
        assert_eq!((&list["of_age"], &list["items"][0]["state"]), (&json!(true), &json!("ended")));
        let refused = record(world, &desk_now, &child, &parent(birthday + TimeDelta::days(9))).await;
        assert_eq!(refused.expect(400).json()["errors"][0]["code"], "patient_of_age");
    }
}

/// The day of coming of age follows the birth date, also when that was wrong at first.
#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_birth_date_moves_the_end_and_gives_nobody_longer() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let of_age = birthday(world, 800);
    let child = minor(&desk, of_age).await;
    record(world, &desk.desk, &child, &parent(of_age)).await.expect(201);
    let path = format!("/api/v1/patients/{child}");
    let corrected = async |of_age: NaiveDate, version: u32| {
        let mut body = patient("Rao", "M-corrected");
        body["birth_date"] = json!(of_age.with_year(of_age.year() - 18).unwrap().to_string());
        let put = world.ask(&world.alpha, "PUT", &path).by(&desk.desk).json(&body);
        put.header("if-match", &format!("\"v{version}\"")).send().await.expect(200);
        let list = desk.get(&desk.desk, &at(&child)).await.expect(200).json();
        let until = list["items"][0]["until"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        (until, list["items"][0]["state"].clone())
    };
    let (earlier, later) = (birthday(world, 400), birthday(world, 600));
    let begins = |day: NaiveDate| day.and_hms_opt(0, 0, 0).unwrap().and_utc();
    assert_eq!(corrected(earlier, 1).await, (begins(earlier), json!("current")));
    assert_eq!(corrected(later, 2).await, (begins(earlier), json!("current")), "nobody is given longer");
    let (_, state) = corrected(birthday(world, -400), 3).await;
    assert_eq!(state, "ended", "of age all the time");
}

/// The routes by which whoever stands in comes to something, and what of it comes out.
async fn learnt(world: &World, who: &Actor, patient: &str, document: &str) -> BTreeSet<&'static str> {
    let path = format!("/api/v1/patients/{patient}");
    let ask = json!({ "what": "The birth date.", "wish": "Another one." });
    let mut learnt = BTreeSet::new();
    for (what, method, path, body, shows) in [
        ("read", "GET", path.clone(), None, "addresses"),
        ("team", "GET", format!("{path}/care-team"), None, "physician"),
        ("report", "GET", format!("{path}/access-report"), None, "sentence"),
        ("given", "GET", format!("{path}/disclosures"), None, "Exampleton Registry"),
        ("documents", "GET", format!("{path}/documents"), None, "Lipids"),
        ("document", "GET", format!("/api/v1/documents/{document}"), None, "Lipids"),
        ("content", "GET", format!("/api/v1/documents/{document}/content"), None, "cholesterol"),
        ("link", "POST", format!("/api/v1/documents/{document}/links"), None, "document-links"),
        ("corrections", "GET", format!("{path}/corrections"), None, "Canarywish"),
        ("ask", "POST", format!("{path}/corrections"), Some(&ask), "due_on"),
    ] {
        let answer = send(world, who, (method, &path), body).await;
        if answer.text().contains(shows) {
            learnt.insert(what);
        }
    }
    let contact = json!({ "phones": [], "emails": [], "addresses": [] });
    let change = world.ask(&world.alpha, "PUT", &format!("{path}/contact")).by(who).json(&contact);
    // No version has this number, so whoever may change it is told that it is stale.
    if change.header("if-match", "\"v999\"").send().await.status == 412 {
        learnt.insert("contact");
    }
    learnt
}

/// A patient with one of everything, and what each of three people was given alone.
async fn given_one_each(world: &World) -> (String, String, Vec<(&'static str, Actor)>) {
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let id = world.patient(&doctor, "S-1").await;
    let report = Sample::new("text/plain", b"Total cholesterol 180\n");
    let document = world.document(&doctor, &id, &report).await;
    let given = json!({
        "recipient": "Exampleton Registry", "purpose": "public_health", "description": "Vaccinations.",
        "statement": "Asked for in writing.", "disclosed_on": "2026-01-15",
    });
    let path = format!("/api/v1/patients/{id}/disclosures");
    send(world, &doctor, ("POST", &path), Some(&given)).await.expect(201);
    let herself = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, &id, &herself, Tie::Subject).await;
    let ask = json!({ "what": "The name.", "wish": "Canarywish" });
    let path = format!("/api/v1/patients/{id}/corrections");
    send(world, &herself, ("POST", &path), Some(&ask)).await.expect(201);
    let mut people = Vec::new();
    for scope in ["record", "documents", "corrections"] {
        let who = world.staff(&world.alpha, Role::Proxy).await;
        world.tie(&world.alpha, &id, &who, Tie::Proxy).await;
        let ops = SchemaName::ops(world.alpha.tenant.id).quoted();
        let superuser = world.region.superuser().await;
        superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
        let sql = format!("UPDATE {ops}.relationship SET scope = $1 WHERE party_id = $2");
        superuser.execute(sql.as_str(), &[&vec![scope], &who.account]).await.unwrap();
        people.push((scope, who));
    }
    (id, document, people)
}

/// Each layer alone holds somebody to what they were given. The sealed record is one row, of which the name is everybody's who
/// stands in, so the record itself is kept by the first layer.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_stands_in_reaches_what_was_given_and_each_layer_holds_alone() {
    let record: BTreeSet<_> = ["read", "team", "report", "given"].into();
    let documents: BTreeSet<_> = ["documents", "document", "content", "link"].into();
    let corrections: BTreeSet<_> = ["corrections", "ask"].into();
    for (conditions, row_security) in [(true, true), (true, false), (false, true)] {
        let policy = if conditions { Policy::default() } else { without_conditions() };
        let world = World::with(Options { policy, ..Options::default() }).await;
        let (id, document, people) = given_one_each(&world).await;
        if !row_security {
            without_row_security(&world, &world.alpha).await;
        }
        for (scope, who) in &people {
            let found = learnt(&world, who, &id, &document).await;
            let own = match *scope {
                "record" => &record,
                "documents" => &documents,
                _ => &corrections,
            };
            let what = format!("{scope}, conditions {conditions}, rows {row_security}: {found:?}");
            if conditions {
                assert_eq!(&found, own, "{what}");
                let path = format!("/api/v1/patients/{id}/corrections");
                let refused = send(&world, who, ("GET", &path), None).await.outcome();
                assert_eq!(refused == (404, "not_found".into()), *scope != "corrections", "{what}");
            } else {
                assert!(own.is_subset(&found), "{what}");
                for other in [&documents, &corrections] {
                    assert!(other == own || other.is_disjoint(&found), "{what}");
                }
                assert_eq!(found.contains("given"), *scope == "record", "{what}");
            }
        }
    }
}

/// Who stands in makes no ties and lengthens none, in the database.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_stands_in_makes_and_lengthens_no_tie_in_the_database() {
    let world = World::new().await;
    let (id, _, people) = given_one_each(&world).await;
    let (tenant, patient) = (world.alpha.tenant.id.as_uuid(), PatientId::parse(&id).unwrap().uuid());
    let proxy = people[0].1.account;
    let at_us = DateTime::<Utc>::from(world.app.clock.now()).timestamp_micros();
    let caller = Caller { reach: Reach::Ties, actor: proxy.into_bytes(), at_us };
    let ops = SchemaName::ops(world.alpha.tenant.id).quoted();
    for (what, sql) in [
        (
            "a tie",
            format!(
                "INSERT INTO {ops}.relationship (id, tenant_id, patient_id, party_id, kind, valid_from, created_at, created_by)
                 VALUES ('{proxy}', '{tenant}', '{patient}', '{proxy}', 'member', now(), now(), '{proxy}')"
            ),
        ),
        (
            "a longer one",
            format!("UPDATE {ops}.relationship SET valid_to = valid_to + interval '1 year' WHERE party_id = '{proxy}'"),
        ),
        ("more of it", format!("UPDATE {ops}.relationship SET scope = '{{record,documents}}' WHERE party_id = '{proxy}'")),
    ] {
        let mut tx = world.region.regional.begin_for_caller(world.alpha.tenant, "test.tie").await.unwrap();
        tx.act_as(&caller).await.unwrap();
        let changed = diesel_async::RunQueryDsl::execute(diesel::sql_query(sql), tx.conn()).await;
        assert!(changed.is_err() || changed == Ok(0), "{what}: {changed:?}");
        tx.rollback().await.unwrap();
    }
}

/// A parent is often a patient: one address, one account, and each record with what is theirs of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_is_a_parent_has_one_account_for_both() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let child = minor(&desk, birthday(world, 400)).await;
    let (me, session) = desk.signed_in().await;
    let (own, path) = (format!("/api/v1/patients/{}", desk.ids[0]), format!("/api/v1/patients/{child}"));
    desk.get(&me, &own).await.expect(200);
    let mut body = parent(today(world) + TimeDelta::days(300));
    body["email"] = json!(ADDRESS);
    let own_proxy = record(world, &desk.desk, &desk.ids[0], &nominee(ADDRESS)).await;
    assert_eq!(own_proxy.outcome(), (409, "proxy_is_patient".into()));
    let made = record(world, &desk.desk, &child, &body).await.expect(201).json();
    // The code by mail is enough no longer, in the session that is open already too.
    for closed in ["/api/v1/patients", &own, &path] {
        let refused = desk.get(&me, closed).await;
        assert_eq!(refused.outcome(), (403, "second_factor_required".into()), "{closed}");
    }
    let mut secret = None;
    let whole = signed_in(&desk, ADDRESS, &mut secret).await;
    let current = desk.get(&whole, "/api/v1/sessions/current").await.expect(200).json();
    assert_eq!((&current["role"], &current["account"]), (&json!("patient"), &session.json()["account"]));
    let listed = desk.get(&whole, "/api/v1/patients").await.expect(200).json();
    let of = |id: &str| listed["items"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap();
    assert_eq!(
        (&of(&desk.ids[0])["standing"]["tie"], &of(&child)["standing"]["tie"]),
        (&json!("subject"), &json!("proxy"))
    );
    assert!(of(&desk.ids[0]).get("identifiers").is_some() && of(&child).get("identifiers").is_none());
    assert!(desk.get(&whole, &own).await.expect(200).json().get("identifiers").is_some());
    assert!(desk.get(&whole, &path).await.expect(200).json().get("identifiers").is_none());
    desk.get(&whole, &at(&desk.ids[0])).await.expect(200);
    assert_eq!(desk.get(&whole, &at(&child)).await.outcome(), (403, "forbidden".into()));
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    world.tie(&world.alpha, &child, &doctor, Tie::Member).await;
    let letter = world.document(&doctor, &child, &Sample::new("text/plain", b"Letter\n")).await;
    desk.get(&whole, &format!("/api/v1/documents/{letter}")).await.expect(200);
    let kinds = world.actors_of(&world.alpha, "document.read").await;
    assert_eq!(kinds, ["proxy"], "the log says who");

    // Her own access ends, and she stays a parent; opened anew, it is the same account again.
    let end = json!({ "account": session.json()["account"] });
    send(world, &desk.desk, ("POST", &format!("{own}/account/end")), Some(&end)).await.expect(204);
    assert_eq!(desk.get(&whole, "/api/v1/me").await.status, 401);
    world.clock.advance_ms(60_000);
    let whole = signed_in(&desk, ADDRESS, &mut secret).await;
    assert_eq!(desk.get(&whole, "/api/v1/me").await.expect(200).json()["role"], "proxy");
    assert_eq!(desk.get(&whole, &own).await.status, 404);
    desk.get(&whole, &path).await.expect(200);
    let opened = desk.open(0, ADDRESS).await.expect(200).json();
    assert_eq!(opened["account"], end["account"]);
    desk.get(&whole, &own).await.expect(200);

    // And when she is no longer a parent here, she is a patient as before, whom a code by mail lets in once the app is gone.
    let path = format!("{}/{}/end", at(&child), made["id"].as_str().unwrap());
    for _ in 0..2 {
        send(world, &desk.desk, ("POST", &path), None).await.expect(204);
    }
    assert_eq!(desk.get(&whole, &format!("/api/v1/patients/{child}")).await.status, 404);
    desk.get(&whole, &own).await.expect(200);
}

/// An adult sees who stands in, without what was shown at the desk, and ends it; a minor sees it.
#[tokio::test(flavor = "multi_thread")]
async fn patients_see_who_stands_in_for_them_and_adults_end_it() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let (me, _) = desk.signed_in().await;
    let hers = desk.ids[0].as_str();
    let made = record(world, &desk.desk, hers, &nominee("stands-in@example.com")).await.expect(201).json();
    assert_eq!(
        (&made["email"], &made["proof"]["kind"]),
        (&json!("stands-in@example.com"), &json!("power_of_attorney"))
    );
    let refused = record(world, &desk.desk, hers, &parent(today(world))).await.expect(400).json();
    assert_eq!(refused["errors"][0]["code"], "patient_of_age");
    let list = desk.get(&me, &at(hers)).await.expect(200);
    let one = &list.json()["items"][0];
    assert_eq!(
        (&one["name"], &one["kind"], &one["state"]),
        (&json!("Ravi Sample"), &json!("nominee"), &json!("current"))
    );
    for hidden in ["stands-in@example.com", "Notary", "stf_"] {
        assert!(!list.text().contains(hidden), "{hidden} is in {}", list.text());
    }
    assert_eq!(desk.get(&me, &at(&desk.ids[1])).await.status, 404);
    let told = world.count(&world.alpha, "notice", "kind IN ('proxy_opened', 'proxy_recorded')").await;
    assert_eq!(told, 2, "both are told");

    let mut secret = None;
    let proxy = signed_in(&desk, "stands-in@example.com", &mut secret).await;
    desk.get(&proxy, &format!("/api/v1/patients/{hers}")).await.expect(200);
    let end = format!("{}/{}/end", at(hers), made["id"].as_str().unwrap());
    assert_eq!(send(world, &proxy, ("POST", &end), None).await.outcome(), (403, "forbidden".into()));
    for _ in 0..2 {
        send(world, &me, ("POST", &end), None).await.expect(204);
    }
    // Nobody else is reached by that account, so it is gone.
    assert_eq!(desk.get(&proxy, "/api/v1/me").await.status, 401);
    assert_eq!(world.count(&world.alpha, "account", "role = 'proxy'").await, 0);
    let list = desk.get(&me, &at(hers)).await.expect(200).json();
    assert_eq!(list["items"][0]["state"], "ended");
    let history = desk.get(&me, &format!("/api/v1/patients/{hers}/access-report")).await.expect(200).text();
    for words in ["let somebody stand in for the patient", "The patient ended that somebody stands in"] {
        assert!(history.contains(words), "{words} is not in {history}");
    }

    let child = minor(&desk, birthday(world, 900)).await;
    let made = record(world, &desk.desk, &child, &parent(today(world) + TimeDelta::days(300))).await;
    let herself = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, &child, &herself, Tie::Subject).await;
    let seen = desk.get(&herself, &at(&child)).await.expect(200).json();
    assert_eq!(seen["items"][0]["kind"], "parent");
    let end = format!("{}/{}/end", at(&child), made.expect(201).json()["id"].as_str().unwrap());
    assert_eq!(send(world, &herself, ("POST", &end), None).await.outcome(), (403, "not_of_age".into()));
    // At another patient's address it is nobody's.
    let elsewhere = end.replace(&child, hers);
    assert_eq!(send(world, &me, ("POST", &elsewhere), None).await.status, 404);
    let staff = world.member("colleague@example.com").await;
    drop(staff);
    let taken = record(world, &desk.desk, hers, &nominee("colleague@example.com")).await;
    assert_eq!(taken.outcome(), (409, "address_taken".into()));
}

/// One that is to begin later is not there before, and is called off without having been there.
#[tokio::test(flavor = "multi_thread")]
async fn standing_in_begins_with_its_day_and_is_called_off_before() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let hers = desk.ids[0].as_str();
    let mut body = nominee("stands-in@example.com");
    body["from"] = json!(in_days(3));
    let made = record(world, &desk.desk, hers, &body).await.expect(201).json();
    assert_eq!(made["state"], "coming");
    let (half, _) = desk.signed_in_as("stands-in@example.com").await;
    let (_, early, _) = world.enrol(&half).await;
    assert_eq!(desk.get(&early, &format!("/api/v1/patients/{hers}")).await.status, 404);
    let end = format!("{}/{}/end", at(hers), made["id"].as_str().unwrap());
    send(world, &desk.desk, ("POST", &end), None).await.expect(204);
    world.clock.advance_ms(4 * 86_400_000);
    let desk_now = world.staff(&world.alpha, Role::Receptionist).await;
    let list = desk.get(&desk_now, &at(hers)).await.expect(200).json();
    assert_eq!((&list["items"][0]["state"], &list["items"][0]["from"]), (&json!("ended"), &made["from"]));
}

/// What was sealed says who, what and until when, so a tie that a database administrator changed is not shown as recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_tie_that_was_lengthened_in_the_database_is_noticed() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let hers = desk.ids[0].as_str();
    record(world, &desk.desk, hers, &nominee("stands-in@example.com")).await.expect(201);
    let (ops, phi) =
        (SchemaName::ops(world.alpha.tenant.id).quoted(), SchemaName::phi(world.alpha.tenant.id).quoted());
    let superuser = world.region.superuser().await;
    superuser.batch_execute("SET session_replication_role = replica").await.unwrap();
    let tie = |change: &str| format!("UPDATE {ops}.relationship SET {change} WHERE kind = 'proxy'");
    for (change, back) in [
        (tie("valid_to = valid_to + interval '1 year'"), tie("valid_to = valid_to - interval '1 year'")),
        (
            tie("valid_from = valid_from - interval '1 day'"),
            tie("valid_from = valid_from + interval '1 day'"),
        ),
        (tie("scope = '{record}'"), tie("scope = '{record,documents,corrections}'")),
        (
            format!("UPDATE {phi}.proxy SET recorded_at = recorded_at - interval '1 day'"),
            format!("UPDATE {phi}.proxy SET recorded_at = recorded_at + interval '1 day'"),
        ),
    ] {
        superuser.batch_execute(&change).await.unwrap();
        let shown = desk.get(&desk.desk, &at(hers)).await;
        assert_eq!(shown.outcome(), (500, "internal".into()), "{change}");
        superuser.batch_execute(&back).await.unwrap();
    }
    desk.get(&desk.desk, &at(hers)).await.expect(200);
}

/// Who is erased has nobody who stands in any more, and whoever did it for nobody else has no account.
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_patients_proxies_go_with_the_record() {
    let case = super::erasure::Case::new().await;
    let world = &case.world;
    record(world, &case.doctor, &case.id, &nominee("stands-in@example.com")).await.expect(201);
    let rows = async || {
        let phi = SchemaName::phi(world.alpha.tenant.id).quoted();
        let sql = format!("SELECT count(*) FROM {phi}.proxy");
        let left: i64 = world.region.superuser().await.query_one(sql.as_str(), &[]).await.unwrap().get(0);
        (left, world.count(&world.alpha, "account", "role = 'proxy'").await)
    };
    assert_eq!(rows().await, (1, 1));
    case.agreed().await;
    let dir = tempfile::tempdir().unwrap();
    let jobs = super::erasure::jobs(world, dir.path()).await;
    app::erasure::job::run(&jobs, &case.payload().await).await.unwrap();
    assert_eq!(rows().await, (0, 0));
    assert_eq!(world.count(&world.alpha, "relationship", "kind = 'proxy'").await, 0);
}
