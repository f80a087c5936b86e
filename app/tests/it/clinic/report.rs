//! Who used a patient's record, in words that the patient understands, on the screen and on paper.

use app::access::Role;
use app::relationships::model::Tie;
use serde_json::Value;

use crate::support::World;

/// Whoever shows a report in another language has words for each of these; the portal's own test walks the same file.
#[test]
fn the_words_of_a_report_are_the_reviewed_ones() {
    let reviewed = include_str!("../../ratchets/access-report-words.txt");
    let head = "# what a line of an access report can say was done; printed from app/src/audit/words.rs\n";
    let printed = format!("{head}{}\n", app::audit::deeds().join("\n"));
    let now = concat!(env!("CARGO_TARGET_TMPDIR"), "/access-report-words.txt");
    std::fs::write(now, &printed).unwrap();
    assert_eq!(reviewed, printed, "review {now}, then copy it to app/tests/ratchets");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_told_who_used_the_record_in_plain_words_and_no_secret_of_the_staff() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let patient = world.patient(&doctor, "R-1").await;
    let other = world.patient(&doctor, "R-2").await;
    for id in [&patient, &other, &patient] {
        let path = format!("/api/v1/patients/{id}");
        world.ask(&world.alpha, "GET", &path).by(&doctor).send().await.expect(200);
    }
    let path = format!("/api/v1/patients/{patient}/access-report");
    let herself = world.staff(&world.alpha, Role::Patient).await;
    world.tie(&world.alpha, &patient, &herself, Tie::Subject).await;
    let sentences = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap();
        items.iter().map(|line| line["sentence"].as_str().unwrap().to_owned()).collect()
    };
    let structured =
        |line: &Value| ["by", "name", "role", "did", "purpose", "outcome"].map(|field| line[field].clone());
    let looked = "physician (physician) looked at the record for treatment.";
    let registered = "physician (physician) registered the patient for treatment.";
    let first = world.ask(&world.alpha, "GET", &format!("{path}?limit=2")).by(&officer).send().await;
    let first = first.expect(200).json();
    assert_eq!(sentences(&first).len(), 2);
    let rest = format!("{path}?limit=500&cursor={}", first["next_cursor"].as_str().unwrap());
    let rest = world.ask(&world.alpha, "GET", &rest).by(&officer).send().await.expect(200).json();
    let all = [sentences(&first), sentences(&rest)].concat();
    let last = rest["items"].as_array().unwrap().last().unwrap();
    assert_eq!(
        structured(last),
        ["staff", "physician", "physician", "patient_create", "treatment", "done"].map(Value::from)
    );
    assert_eq!(all.iter().filter(|line| *line == looked).count(), 2, "{all:?}");
    assert_eq!(all.last().map(String::as_str), Some(registered));
    assert!(rest["next_cursor"].is_null());

    // The patient's own question is answered by the same code, and the officer's is in the answer.
    let hers = world.ask(&world.alpha, "GET", &path).by(&herself).send().await.expect(200);
    let reported = "privacy_officer (privacy officer) looked at who had used the record for treatment.";
    assert!(sentences(&hers.json()).iter().any(|line| line == reported), "{}", hers.text());
    let own = world.ask(&world.alpha, "GET", &path).by(&herself).send().await.expect(200).json();
    let mine = own["items"].as_array().unwrap().iter().find(|line| line["by"] == "patient").unwrap();
    let nothing = Value::Null;
    assert_eq!(
        structured(mine),
        [
            "patient".into(),
            nothing.clone(),
            nothing.clone(),
            "audit_access_report".into(),
            nothing,
            "done".into()
        ]
    );

    let printed = world.ask(&world.alpha, "GET", &format!("{path}?format=text")).by(&officer).send().await;
    let printed = printed.expect(200);
    assert_eq!(printed.header("content-type"), "text/plain; charset=utf-8");
    assert!(printed.header("content-disposition").starts_with("attachment"));
    let text = printed.text();
    assert!(text.contains(&patient) && text.contains(looked) && text.contains("That is all"), "{text}");
    for secret in [doctor.account.to_string(), "stf_".into(), "127.0.0.1".into(), other, "audit.".into()] {
        assert!(!text.contains(&secret) && !hers.text().contains(&secret), "{secret} is in {text}");
    }
    // Whoever has nothing to do with it gets nothing.
    let stranger = world.staff(&world.alpha, Role::Patient).await;
    world.ask(&world.alpha, "GET", &path).by(&stranger).send().await.expect(404);
    world.ask(&world.alpha, "GET", &path).by(&doctor).send().await.expect(403);
}
