//! Documents that a browser shows: which types, under which headers, and by a link that works once like any other.

use app::access::Role;
use app::documents::content::MediaType;
use serde_json::Value;

use crate::support::{Actor, Answer, Sample, World, dicom, jpeg, pdf, png, tiff};

/// What every answer of the API may do.
const API_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// A small document of a type.
fn sample(media_type: MediaType) -> Vec<u8> {
    match media_type {
        MediaType::Pdf => pdf("Canaryauthor"),
        MediaType::Jpeg => jpeg("Canaryauthor"),
        MediaType::Png => png("Canaryauthor"),
        MediaType::Tiff => tiff("Canaryauthor"),
        MediaType::Dicom => dicom(0, 1_000),
        MediaType::Text => b"hello".to_vec(),
        MediaType::Csv => b"test,result\nLipids,180\n".to_vec(),
    }
}

/// The path of a new link; `query` says what for.
async fn link(world: &World, by: &Actor, id: &str, query: &str) -> String {
    let path = format!("/api/v1/documents/{id}/links{query}");
    let made = world.ask(&world.alpha, "POST", &path).by(by).send().await.expect(201).json();
    made["url"].as_str().unwrap().strip_prefix(&world.alpha.origin()).unwrap().to_owned()
}

async fn get(world: &World, by: &Actor, path: &str) -> Answer {
    world.ask(&world.alpha, "GET", path).by(by).send().await
}

/// How a browser is told to take an answer: to show or to save it, and what it may do then.
fn told(answer: &Answer) -> (String, String) {
    let disposition = answer.header("content-disposition");
    let (disposition, file) = disposition.split_once("; ").unwrap();
    assert!(file.starts_with("filename=\"lab-report-"), "{file}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    (disposition.to_owned(), answer.header("content-security-policy"))
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_pdfs_are_shown_where_that_was_asked_for_and_everything_else_is_saved() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let mut redeemed = 0;
    for media_type in MediaType::ALL {
        let name = media_type.as_str();
        let bytes = sample(media_type);
        let id = world.document(&doctor, &asha, &Sample::new(name, &bytes)).await;
        let saved = ("attachment".to_owned(), API_POLICY.to_owned());
        let shown = match media_type {
            MediaType::Png | MediaType::Jpeg => {
                ("inline".to_owned(), API_POLICY.replace("'none'; frame", "'none'; sandbox; frame"))
            }
            MediaType::Pdf => ("inline".to_owned(), API_POLICY.replace("default-src 'none'; ", "")),
            MediaType::Tiff | MediaType::Dicom | MediaType::Text | MediaType::Csv => saved.clone(),
        };
        for (query, expected) in
            [("?disposition=inline", &shown), ("?disposition=attachment", &saved), ("", &saved)]
        {
            let path = link(&world, &doctor, &id, query).await;
            let answer = get(&world, &doctor, &path).await.expect(200);
            assert_eq!(told(&answer), *expected, "{name} {query}");
            assert_eq!(answer.header("content-type"), name);
            assert!(!answer.text().contains("Canaryauthor"), "{name}");
            // A viewer that asks for one range after the other would find the link used.
            let ranges =
                if answer.header("content-disposition").starts_with("inline") { "none" } else { "bytes" };
            assert_eq!(answer.header("accept-ranges"), ranges);
            assert_eq!(get(&world, &doctor, &path).await.outcome(), (404, "not_found".into()), "used");
            redeemed += 1;
        }
        let content = format!("/api/v1/documents/{id}/content?disposition=inline");
        assert_eq!(told(&get(&world, &doctor, &content).await.expect(200)), saved, "{name} without a link");
    }
    let log = world.audit(&world.alpha).await;
    let count = |outcome: &str| log.iter().filter(|e| e.0 == "document.redeem" && e.1 == outcome).count();
    assert_eq!((count("allow"), count("deny")), (redeemed, redeemed), "each look is in the log");
}

/// What a link is for is chosen when it is made, by who may have it, and by nobody afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_link_is_for_is_bound_to_it() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let colleague = world.staff(&world.alpha, Role::Physician).await;
    let asha = world.patient(&doctor, "D-1").await;
    let picture = png("x");
    let id = world.document(&doctor, &asha, &Sample::new("image/png", &picture)).await;
    let saves = link(&world, &doctor, &id, "").await;
    let answer = get(&world, &doctor, &format!("{saves}?disposition=inline")).await.expect(200);
    assert_eq!(told(&answer).0, "attachment");
    let shows = link(&world, &doctor, &id, "?disposition=inline").await;
    let other = get(&world, &colleague, &shows).await;
    assert_eq!(other.outcome(), (404, "not_found".into()), "another session");
    let racing = (0..8).map(|_| get(&world, &doctor, &shows));
    let won = futures_util::future::join_all(racing).await;
    let won: Vec<&Answer> = won.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "eight at once");
    assert_eq!(told(won[0]).0, "inline");
    let late = link(&world, &doctor, &id, "?disposition=inline").await;
    world.clock.advance_ms(301_000);
    assert_eq!(get(&world, &doctor, &late).await.outcome(), (404, "not_found".into()), "expired");
    for query in ["disposition=", "disposition=INLINE", "disposition=inline&disposition=inline", "inline=1"] {
        let path = format!("/api/v1/documents/{id}/links?{query}");
        let refused = world.ask(&world.alpha, "POST", &path).by(&doctor).send().await;
        assert_eq!(refused.outcome(), (400, "invalid_request".into()), "{query}");
        assert_eq!(refused.json()["errors"][0]["code"], Value::from("query_invalid"));
    }
}
