//! Registering, reading, correcting and paging.

use app::access::Role;
use serde_json::{Value, json};

use crate::support::{World, patient};

/// A change of a valid registration.
type Change = Box<dyn Fn(&mut Value)>;

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_registered_read_and_corrected() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let made = world
        .ask(&world.alpha, "POST", "/api/v1/patients")
        .by(&desk)
        .json(&patient("राव", "A-1"))
        .send()
        .await;
    let made = made.expect(201);
    let path = made.header("location");
    assert_eq!((made.header("etag").as_str(), path.contains("/pat_")), ("\"v1\"", true));
    assert_eq!(made.json()["phones"][0]["value"], "+12025550134", "phones come back in E.164");

    let read = world.ask(&world.alpha, "GET", &path).by(&desk).send().await.expect(200);
    assert_eq!(read.json(), made.json());
    assert_eq!(read.json()["names"][0]["family"], "राव");
    let unchanged =
        world.ask(&world.alpha, "GET", &path).by(&desk).header("if-none-match", "\"v1\"").send().await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0));

    let put = || world.ask(&world.alpha, "PUT", &path).by(&desk).json(&patient("Rao", "A-1"));
    assert_eq!(put().send().await.outcome(), (428, "if_match_needed".into()));
    assert_eq!(put().header("if-match", "*").send().await.outcome(), (428, "if_match_needed".into()));
    assert_eq!(put().header("if-match", "W/\"v1\"").send().await.outcome(), (412, "stale_version".into()));
    assert_eq!(put().header("if-match", "\"v7\"").send().await.outcome(), (412, "stale_version".into()));
    let corrected = put().header("if-match", "\"v1\"").send().await.expect(200);
    assert_eq!((corrected.header("etag").as_str(), &corrected.json()["version"]), ("\"v2\"", &json!(2)));
    assert_eq!(put().header("if-match", "\"v1\"").send().await.outcome(), (412, "stale_version".into()));
    let read = world.ask(&world.alpha, "GET", &path).by(&desk).send().await.expect(200);
    assert_eq!(read.json()["names"][0]["family"], "Rao");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_corrections_of_one_version_at_once_make_one() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Nurse).await;
    let made = world
        .ask(&world.alpha, "POST", "/api/v1/patients")
        .by(&desk)
        .json(&patient("One", "A-1"))
        .send()
        .await;
    let path = made.expect(201).header("location");
    let corrections = (0..6).map(|n| {
        let ask = world.ask(&world.alpha, "PUT", &path).by(&desk).json(&patient(&format!("N{n}"), "A-1"));
        ask.header("if-match", "\"v1\"").send()
    });
    let mut statuses: Vec<u16> = futures_util::future::join_all(corrections)
        .await
        .iter()
        .map(|answer| answer.status.as_u16())
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_mrn_is_given_once_in_a_clinic_and_again_in_another() {
    let world = World::new().await;
    let (here, there) =
        (world.staff(&world.alpha, Role::Physician).await, world.staff(&world.beta, Role::Physician).await);
    let register = |mrn: &str| {
        world.ask(&world.alpha, "POST", "/api/v1/patients").by(&here).json(&patient("Same", mrn)).send()
    };
    register("MRN-7").await.expect(201);
    for same in ["MRN-7", "mrn 7", "mrn7"] {
        assert_eq!(register(same).await.outcome(), (409, "mrn_taken".into()), "{same}");
    }
    let other = world.ask(&world.beta, "POST", "/api/v1/patients").by(&there).json(&patient("Same", "MRN-7"));
    other.send().await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_registration_makes_one_patient() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let ask = |body: Value| {
        let ask = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&body);
        ask.header("idempotency-key", "k-1").send()
    };
    let at_once = futures_util::future::join_all((0..4).map(|_| ask(patient("Twice", "T-1")))).await;
    let first = at_once[0].json();
    for answer in &at_once {
        assert_eq!((answer.status.as_u16(), &answer.json()), (201, &first));
    }
    assert_eq!(ask(patient("Other", "T-2")).await.outcome(), (422, "idempotency_key_reused".into()));
    let page = world.ask(&world.alpha, "GET", "/api/v1/patients").by(&desk).send().await.expect(200);
    assert_eq!(page.json()["items"].as_array().unwrap().len(), 1);
    let long = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&patient("Long", "T-3"));
    assert_eq!(long.header("idempotency-key", &"k".repeat(200)).send().await.status.as_u16(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_broken_rule_is_named_and_no_value_is_quoted() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let body = json!({
        "names": [{ "given": ["CANARYA\u{202E}x"] }, { "prefix": "Dr" }, { "family": "2341 2341 2346" }],
        "birth_date": "2999-01-01",
        "sex": "female",
        "phones": [{ "value": "CANARYB" }],
        "emails": [{ "value": "CANARYC" }],
        "addresses": [{ "country": "CANARYD", "city": "x" }],
        "mrn": "CANARYE!",
        "identifiers": [{ "kind": "abha_number", "value": "CANARYF" }, { "kind": "ssn_last4", "value": "CANARYG" }],
    });
    let answer = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&body).send().await;
    assert_eq!(answer.outcome(), (400, "invalid_request".into()));
    assert!(!answer.text().contains("CANARY") && !answer.text().contains("2346"), "{}", answer.text());
    let faults: Vec<String> = answer.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| format!("{} {}", fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap()))
        .collect();
    for wanted in [
        "/names/0/given/0 bad_character",
        "/names/1 given_or_family_required",
        "/names/2/family aadhaar_refused",
        "/birth_date in_the_future",
        "/phones/0/value phone_invalid",
        "/emails/0/value email_invalid",
        "/addresses/0/country country_invalid",
        "/mrn mrn_invalid",
        "/identifiers/0 not_kept_in_this_region",
        "/identifiers/1 ssn_last4_invalid",
    ] {
        assert!(faults.iter().any(|fault| fault == wanted), "{wanted} is missing in {faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aadhaar_is_refused_wherever_it_is_typed_and_abha_is_kept() {
    let world = World::india().await;
    let desk = world.staff(&world.alpha, Role::Physician).await;
    let register = |change: &dyn Fn(&mut Value)| {
        let mut body = patient("Rao", "IN-1");
        change(&mut body);
        world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&body).send()
    };
    let number = "2341 2341 2346";
    let changes: [(&str, Change); 9] = [
        ("/mrn", Box::new(|body: &mut Value| body["mrn"] = json!("234123412346"))),
        ("/names/0/family", Box::new(move |body| body["names"][0]["family"] = json!(number))),
        ("/names/0/prefix", Box::new(move |body| body["names"][0]["prefix"] = json!("२३४१ २३४१ २३४६"))),
        ("/addresses/0/lines/0", Box::new(move |body| body["addresses"][0]["lines"] = json!([number]))),
        (
            "/identifiers/0",
            Box::new(move |body| {
                body["identifiers"] = json!([{ "kind": "abha_number", "value": number }]);
            }),
        ),
        ("/phones/0/value", Box::new(move |body| body["phones"] = json!([{ "value": number }]))),
        ("/mrn", Box::new(|body| body["mrn"] = json!("๒๓๔๑ ๒๓๔๑ ๒๓๔๖"))),
        (
            "/addresses/0/lines/0",
            Box::new(|body| body["addresses"][0]["lines"] = json!(["4, 23412341 2346"])),
        ),
        (
            "/addresses/0/lines",
            Box::new(|body| body["addresses"][0]["lines"] = json!(["Flat 4, 23412341", "2346 MG Road"])),
        ),
    ];
    for (place, change) in changes {
        let answer = register(&*change).await;
        assert_eq!(answer.outcome(), (400, "invalid_request".into()), "{place}");
        let named = answer.json()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .any(|fault| fault["pointer"] == json!(place) && fault["code"] == json!("aadhaar_refused"));
        assert!(named, "{place}: {}", answer.text());
    }
    let digits = [9_u8, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1];
    let last = app::patients::aadhaar::check_digit(&digits).unwrap();
    let abha: String = digits.iter().chain([&last]).map(u8::to_string).collect();
    let made = register(&|body| {
        body["identifiers"] = json!([{ "kind": "abha_number", "value": abha }, { "kind": "abha_address", "value": "asha.rao1@abdm" }]);
    });
    let made = made.await.expect(201);
    assert_eq!(made.json()["identifiers"][0]["value"], format!("••••{}", &abha[10..]));
    let path = format!("{}?identifiers=full", made.header("location"));
    let full = world.ask(&world.alpha, "GET", &path).by(&desk).send().await.expect(200);
    assert_eq!(full.json()["identifiers"][0]["value"], abha);

    // A record that was read masked may be sent back as it is: what was masked stays.
    let mut same = made.json();
    for field in ["id", "version", "created_at", "updated_at"] {
        same.as_object_mut().unwrap().remove(field);
    }
    let put = world.ask(&world.alpha, "PUT", &made.header("location")).by(&desk).json(&same);
    put.header("if-match", "\"v1\"").send().await.expect(200);
    let full = world.ask(&world.alpha, "GET", &path).by(&desk).send().await.expect(200);
    assert_eq!(full.json()["identifiers"][0]["value"], abha);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_everybody_once() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    for n in 0..7 {
        let ask = world
            .ask(&world.alpha, "POST", "/api/v1/patients")
            .by(&desk)
            .json(&patient("Page", &format!("P-{n}")));
        ask.send().await.expect(201);
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/patients?limit=3".to_owned();
    loop {
        let page = world.ask(&world.alpha, "GET", &path).by(&desk).send().await.expect(200);
        let json = page.json();
        seen.extend(
            json["items"].as_array().unwrap().iter().map(|item| item["mrn"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = json["next_cursor"].as_str() else { break };
        assert!(page.header("link").contains("rel=\"next\""));
        path = format!("/api/v1/patients?limit=3&cursor={cursor}");
    }
    seen.sort();
    assert_eq!(seen, (0..7).map(|n| format!("P-{n}")).collect::<Vec<_>>());
    for bad in ["limit=0", "limit=101", "limit=x", "cursor=AAAA", "unknown=1"] {
        let answer =
            world.ask(&world.alpha, "GET", &format!("/api/v1/patients?{bad}")).by(&desk).send().await;
        assert_eq!(answer.status.as_u16(), 400, "{bad}");
    }
}

fn faults(answer: &crate::support::Answer) -> Vec<String> {
    let json = answer.json();
    let errors = json["errors"].as_array().cloned().unwrap_or_default();
    let line =
        |fault: &Value| format!("{} {}", fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap());
    errors.iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_names_register_are_found_and_can_be_corrected() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    // One word of a hundred letters of three bytes, and more of them than one normal form can hold.
    let long = |letter: &str| format!("{letter}{}", "ा".repeat(99));
    let names = [
        (json!([{ "given": ["Suresh"], "family": "." }]), "suresh"),
        (json!([{ "given": ["Ramesh"], "family": "-" }]), "ramesh"),
        (json!([{ "given": ["."], "family": "Ganesh" }]), "ganesh"),
        (json!([{ "family": "Mononym" }]), "mononym"),
        (json!([{ "given": [long("क"), long("ख")], "family": long("ग") }]), "ख"),
        (json!([{ "given": ["ẞ", "ﷺ"], "family": "Özdemir" }]), "öz"),
    ];
    for (n, (name, beginning)) in names.into_iter().enumerate() {
        let mut body = patient("x", &format!("U-{n}"));
        body["names"] = name.clone();
        let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&body).send().await;
        let path = made.expect(201).header("location");
        let put = world.ask(&world.alpha, "PUT", &path).by(&desk).json(&body).header("if-match", "\"v1\"");
        put.send().await.expect(200);
        for criterion in [
            json!({ "name_starts_with": beginning }),
            json!({ "name_starts_with": beginning, "birth_date": "1990-02-28" }),
        ] {
            let ask = world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(&desk).json(&criterion);
            let found = ask.send().await.expect(200).json()["items"].as_array().unwrap().len();
            assert_eq!(found, 1, "{name} by {criterion}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_index_can_hold_is_a_fault_of_its_field() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let changes: [(&str, Change); 4] = [
        ("/names/0 no_letters", Box::new(|body| body["names"] = json!([{ "given": ["."], "family": "-" }]))),
        ("/names/0/given/0 too_long", Box::new(|body| body["names"][0]["given"] = json!(["㍿".repeat(100)]))),
        (
            "/emails/0/value email_invalid",
            Box::new(|body| body["emails"] = json!([{ "value": "\"a@b\"@x.example" }])),
        ),
        ("/mrn mrn_invalid", Box::new(|body| body["mrn"] = json!("-_/"))),
    ];
    for (fault, change) in changes {
        let mut body = patient("Fault", "F-1");
        change(&mut body);
        let answer = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&body).send().await;
        assert_eq!(answer.outcome(), (400, "invalid_request".into()), "{fault}");
        assert!(faults(&answer).iter().any(|one| one == fault), "{fault}: {}", answer.text());
    }
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&patient("Fine", "F-2"));
    let path = made.send().await.expect(201).header("location");
    let mut body = patient("Fine", "F-2");
    body["emails"] = json!([{ "value": "\"a@b\"@x.example" }]);
    let put = world.ask(&world.alpha, "PUT", &path).by(&desk).json(&body).header("if-match", "\"v1\"");
    assert_eq!(put.send().await.outcome(), (400, "invalid_request".into()));
}

/// Whatever passes the rules can be tagged: nothing a clerk can type ends as a failure of ours.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_rules_accept_can_always_be_tagged() {
    let world = World::new().await;
    let tenant = world.alpha.tenant.id;
    let key = world.app.keys().tenant_key(tenant, tenancy::keys::Purpose::BlindIndex).await.unwrap();
    let any = proptest::prop_oneof![
        "\\PC{0,40}",
        "[.\\-' ,०-९क-ह㍿ﷺßİŉ]{1,100}",
        "\"?[a-z@. ]{1,9}\"?@[a-z.é]{1,12}",
    ];
    let typed = proptest::collection::vec(any, 4);
    let mut runner = proptest::test_runner::TestRunner::new(proptest::test_runner::Config::with_cases(2_000));
    let accepted = std::cell::Cell::new(0_u32);
    let outcome = runner.run(&typed, |typed| {
        for jurisdiction in ["US", "IN"] {
            let place = app::patients::rules::Place {
                jurisdiction: jurisdiction.parse().unwrap(),
                today: chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap(),
            };
            for field in 0..5 {
                let mut body = patient("Typed", "T-1");
                match field {
                    0 => body["names"] = json!([{ "given": [typed[0], typed[1]], "family": typed[2] }]),
                    1 => body["names"] = json!([{ "family": typed[3] }]),
                    2 => body["emails"] = json!([{ "value": typed[2] }]),
                    3 => body["mrn"] = json!(typed[1]),
                    _ => body["phones"] = json!([{ "value": typed[0] }]),
                }
                let input = serde_json::from_value(body).unwrap();
                let Ok(person) = app::patients::rules::check(input, place) else { continue };
                accepted.set(accepted.get() + 1);
                let tagger =
                    app::patients::tags::Tagger { key: &key, jurisdiction: jurisdiction.parse().unwrap() };
                proptest::prop_assert!(tagger.all(&person).is_ok(), "field {field} of {typed:?}");
            }
        }
        Ok(())
    });
    outcome.unwrap();
    assert!(accepted.get() > 1_000, "{} accepted: too few to say anything", accepted.get());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_identifiers_whose_masks_look_alike_are_not_mixed_up() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Physician).await;
    let id = |value: &str| json!({ "kind": "insurance_member_id", "value": value });
    let mut body = patient("Alike", "AL-1");
    body["identifiers"] = json!([id("AAA-1-4567"), id("BBB-2-4567"), id("CCC-3-9999")]);
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&body).send().await;
    let path = made.expect(201).header("location");
    let full = async || {
        let path = format!("{path}?identifiers=full");
        let read = world.ask(&world.alpha, "GET", &path).by(&desk).send().await.expect(200);
        let ids = read.json()["identifiers"].as_array().unwrap().clone();
        ids.iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut version = 1;
    let mut put = async |identifiers: Value| {
        let mut body = body.clone();
        body["identifiers"] = identifiers;
        let ask = world.ask(&world.alpha, "PUT", &path).by(&desk).json(&body);
        let answer = ask.header("if-match", &format!("\"v{version}\"")).send().await;
        version += u32::from(answer.status == 200);
        answer
    };
    // Unchanged, and only the one with a mask of its own changed or moved.
    put(json!([id("••••4567"), id("••••4567"), id("••••9999")])).await.expect(200);
    assert_eq!(full().await, ["AAA-1-4567", "BBB-2-4567", "CCC-3-9999"]);
    put(json!([id("DDD-4-8888"), id("••••4567"), id("••••4567"), id("••••9999")])).await.expect(200);
    assert_eq!(full().await, ["DDD-4-8888", "AAA-1-4567", "BBB-2-4567", "CCC-3-9999"]);
    // One of the two is gone or typed anew: which one the mask means cannot be told.
    for unclear in [
        json!([id("••••4567"), id("••••9999")]),
        json!([id("••••4567"), id("EEE-5-4567")]),
        json!([id("••••4567"), id("••••4567"), id("••••4567")]),
    ] {
        let answer = put(unclear.clone()).await;
        assert_eq!(answer.outcome(), (400, "invalid_request".into()), "{unclear}");
        assert!(faults(&answer).contains(&"/identifiers/0 mask_ambiguous".to_owned()), "{}", answer.text());
    }
    // Written in full there is no doubt.
    put(json!([id("BBB-2-4567"), id("••••9999")])).await.expect(200);
    assert_eq!(full().await, ["BBB-2-4567", "CCC-3-9999"]);
}

/// Whoever has to wait too long for another transaction is told to come again; nothing is broken then.
#[tokio::test(flavor = "multi_thread")]
async fn behind_a_slow_twin_is_busy_and_not_broken() {
    let world = World::new().await;
    let desk = world.staff(&world.alpha, Role::Receptionist).await;
    let register = |mrn: &str, key: &str| {
        let ask = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&desk).json(&patient("Slow", mrn));
        ask.header("idempotency-key", key).send()
    };
    register("SLOW-1", "first").await.expect(201);
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let phi = tenancy::SchemaName::phi(world.alpha.tenant.id).quoted();
    // A twin that has not committed holds the key, and another one the MRN.
    let superuser = world.region.superuser().await;
    superuser.batch_execute("SET session_replication_role = replica; BEGIN").await.unwrap();
    let twin = format!(
        "INSERT INTO {ops}.idempotency SELECT account_id, $1, tenant_id, request_hash, status, response_sealed, created_at
         FROM {ops}.idempotency"
    );
    let hash = app::patients::idempotency::key_hash("held");
    assert_eq!(superuser.execute(twin.as_str(), &[&hash.as_slice()]).await.unwrap(), 1);
    superuser.batch_execute(&format!("DELETE FROM {phi}.person_tag WHERE index_id = 1")).await.unwrap();
    let (key, mrn) = tokio::join!(register("SLOW-2", "held"), register("SLOW-1", "other"));
    for (what, answer) in [("key", key), ("MRN", mrn)] {
        assert_eq!(answer.outcome(), (503, "busy".into()), "{what}");
        assert_eq!(answer.header("retry-after"), "1", "{what}");
    }
    superuser.batch_execute("ROLLBACK").await.unwrap();
    register("SLOW-2", "held").await.expect(201);
    assert_eq!(register("SLOW-1", "other").await.outcome(), (409, "mrn_taken".into()));
}
