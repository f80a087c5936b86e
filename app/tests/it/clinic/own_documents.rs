//! A patient's own documents: what is ready, without the notes of the staff, and nobody else's.

use std::collections::BTreeSet;

use app::access::{Policy, Role};
use app::relationships::model::Tie;
use serde_json::{Value, json};

use super::patient_account::Desk;
use super::reach::{without_conditions, without_row_security};
use crate::support::{Actor, Answer, Options, Sample, World, jpeg, zip};

/// What staff wrote to each other.
const NOTES: &str = "Canarynote: tell her in person";

async fn ask(world: &World, who: &Actor, method: &str, path: &str) -> Answer {
    world.ask(&world.alpha, method, path).by(who).send().await
}

/// A document with notes, accepted.
async fn noted(world: &World, doctor: &Actor, patient: &str, sample: &Sample<'_>) -> String {
    let id = world.document(doctor, patient, sample).await;
    let path = format!("/api/v1/documents/{id}");
    let version = ask(world, doctor, "GET", &path).await.expect(200).header("etag");
    let words = json!({ "title": sample.title, "notes": NOTES });
    let put = world.ask(&world.alpha, "PUT", &path).by(doctor).json(&words);
    put.header("if-match", &version).send().await.expect(200);
    id
}

fn ids(list: &Value) -> BTreeSet<&str> {
    list["items"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect()
}

/// Every route with which somebody may come to a document, and what it says.
async fn learnt(world: &World, who: &Actor, id: &str) -> Vec<String> {
    let mut learnt = Vec::new();
    for (method, rest) in [("GET", ""), ("GET", "/content"), ("POST", "/links")] {
        let answer = ask(world, who, method, &format!("/api/v1/documents/{id}{rest}")).await;
        if answer.outcome() != (404, "not_found".into()) {
            learnt.push(format!("{method} {rest}: {}", answer.text()));
        }
    }
    learnt
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_reads_the_own_documents_that_are_ready_and_nobody_elses() {
    let desk = Desk::new().await;
    let world = &desk.world;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    for id in &desk.ids {
        world.tie(&world.alpha, id, &doctor, Tie::Member).await;
    }
    let (me, _) = desk.signed_in().await;
    let (hers, others) = (desk.ids[0].as_str(), desk.ids[1].as_str());
    let report = Sample::new("text/plain", b"Total cholesterol 180\n");
    let ready = noted(world, &doctor, hers, &report).await;
    let foreign = noted(world, &doctor, others, &report).await;

    // What is not ready, and what is gone.
    let coming = world.announce(&doctor, hers, &report).await;
    let waiting = world.send_document(&doctor, hers, &report).await;
    let refused = world.document(&doctor, hers, &Sample::new("text/plain", &zip())).await;
    assert_eq!(world.state(&doctor, &refused).await.0, "quarantined");
    let gone = world.document(&doctor, hers, &report).await;
    let path = format!("/api/v1/documents/{gone}");
    let version = ask(world, &doctor, "GET", &path).await.header("etag");
    let delete = world.ask(&world.alpha, "DELETE", &path).by(&doctor).header("if-match", &version);
    delete.send().await.expect(204);

    let list = desk.get(&me, &format!("/api/v1/patients/{hers}/documents")).await.expect(200);
    assert_eq!(ids(&list.json()), BTreeSet::from([ready.as_str()]));
    let read = desk.get(&me, &format!("/api/v1/documents/{ready}")).await.expect(200);
    assert_eq!((&read.json()["title"], &read.json()["notes"]), (&json!("Lipids"), &Value::Null));
    assert!(!list.text().contains("Canarynote") && !read.text().contains("Canarynote"));
    for hidden in [&coming, &waiting, &refused, &gone, &foreign] {
        assert_eq!(learnt(world, &me, hidden).await, Vec::<String>::new(), "{hidden}");
    }
    let elsewhere = desk.get(&me, &format!("/api/v1/patients/{others}/documents")).await;
    assert_eq!(elsewhere.outcome(), (404, "not_found".into()));
    let everything = format!("/api/v1/patients/{hers}/documents");
    let all = ask(world, &doctor, "GET", &everything).await.expect(200);
    assert_eq!((ids(&all.json()).len(), all.text().contains("Canarynote")), (4, true), "staff see the work");

    // The bytes, whole, in part, and by a link that is hers alone.
    let content = format!("/api/v1/documents/{ready}/content");
    assert_eq!(desk.get(&me, &content).await.expect(200).body, report.bytes);
    let part = world.ask(&world.alpha, "GET", &content).by(&me).header("range", "bytes=6-16");
    assert_eq!(part.send().await.expect(206).body, b"cholesterol");
    let link = format!("/api/v1/document-links/{}", world.link(&world.alpha, &me, &ready).await);
    assert_eq!(ask(world, &doctor, "GET", &link).await.status, 404, "another session");
    assert_eq!(desk.get(&me, &link).await.expect(200).body, report.bytes);
    assert_eq!(desk.get(&me, &link).await.status, 404, "once");

    // The record is the clinic's to keep: she changes nothing of it.
    for (method, path) in [
        ("DELETE", format!("/api/v1/documents/{ready}")),
        ("POST", format!("/api/v1/documents/{ready}/complete")),
    ] {
        assert_eq!(ask(world, &me, method, &path).await.outcome(), (403, "forbidden".into()), "{path}");
    }
    let add = world.ask(&world.alpha, "POST", &everything).by(&me).json(&report.announcement());
    assert_eq!(add.send().await.outcome(), (403, "forbidden".into()));

    // Each of it is in the log, and in her own history in plain words.
    let history = desk.get(&me, &format!("/api/v1/patients/{hers}/access-report")).await.expect(200).text();
    let opened = "The patient opened a document of the record";
    assert_eq!(history.matches(opened).count(), 3, "{history}");
}

/// A proxy is shown no numbers in the record, and so no card that has them on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_reads_the_documents_of_whom_it_stands_in_for_but_no_insurance_card() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let patient = world.patient(&doctor, "P-1").await;
    let picture = jpeg("Card");
    let card = Sample { kind: "insurance_card", title: "Card", ..Sample::new("image/jpeg", &picture) };
    let card = world.document(&doctor, &patient, &card).await;
    let report = world.document(&doctor, &patient, &Sample::new("text/plain", b"180")).await;
    for (role, tie, listed, status) in [
        (Role::Patient, Tie::Subject, BTreeSet::from([report.as_str(), card.as_str()]), 200),
        (Role::Proxy, Tie::Proxy, BTreeSet::from([report.as_str()]), 403),
    ] {
        let who = world.staff(&world.alpha, role).await;
        world.tie(&world.alpha, &patient, &who, tie).await;
        let list = ask(&world, &who, "GET", &format!("/api/v1/patients/{patient}/documents")).await;
        assert_eq!(ids(&list.expect(200).json()), listed, "{}", role.as_str());
        ask(&world, &who, "GET", &format!("/api/v1/documents/{report}/content")).await.expect(200);
        for rest in ["", "/content"] {
            let answer = ask(&world, &who, "GET", &format!("/api/v1/documents/{card}{rest}")).await;
            assert_eq!(answer.status, status, "{} {rest}", role.as_str());
        }
        world.end_ties(&world.alpha, &who).await;
        assert_eq!(learnt(&world, &who, &report).await, Vec::<String>::new(), "the tie has ended");
    }
}

/// The queries' condition without row security, row security without the condition, and, to see that this test would
/// see it, neither.
#[tokio::test(flavor = "multi_thread")]
async fn each_layer_keeps_a_patient_from_anothers_documents_alone() {
    for (conditions, row_security) in [(true, true), (false, true), (true, false), (false, false)] {
        let policy = if conditions { Policy::default() } else { without_conditions() };
        let world = World::with(Options { policy, ..Options::default() }).await;
        let doctor = world.staff(&world.alpha, Role::Physician).await;
        let mine = world.patient(&doctor, "L-1").await;
        let other = world.patient(&doctor, "L-2").await;
        let document = world.document(&doctor, &other, &Sample::new("text/plain", b"180")).await;
        let me = world.staff(&world.alpha, Role::Patient).await;
        world.tie(&world.alpha, &mine, &me, Tie::Subject).await;
        if !row_security {
            without_row_security(&world, &world.alpha).await;
        }
        let learnt = learnt(&world, &me, &document).await;
        let expected = if conditions || row_security { 0 } else { 3 };
        assert_eq!(learnt.len(), expected, "conditions {conditions}, rows {row_security}: {learnt:?}");
    }
}
