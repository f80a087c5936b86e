//! A patient with a document is erased: from the second person's agreement to the signed certificate.

use std::time::{Duration, Instant};

use app::access::Role;
use app::erasure::job::{Eraser, Work};
use serde_json::{Value, json};

use crate::load::FrontDoor;
use crate::report::{Line, ms, quantile};
use crate::world::World;
use crate::{Scale, fill};

/// The first of those who are erased; nobody else asks for them.
const FIRST: usize = 800_000;
/// Bytes of each patient's document.
const DOCUMENT_BYTES: usize = 1 << 20;
const ERASED_WITHIN: Duration = Duration::from_secs(5);

/// Measures and prints.
pub(crate) async fn measure(world: &World, scale: Scale) {
    let clinic = &world.alpha;
    let (physician, privacy) =
        (world.staff_as(clinic, Role::Physician).await, world.staff_as(clinic, Role::PrivacyOfficer).await);
    let eraser = Eraser::connect(&world.region.migrator_config).await.unwrap();
    let work = Work {
        regional: &world.region.regional,
        clock: &world.app.clock,
        eraser: &eraser,
        tenant: clinic.tenant,
    };
    let mut took = Vec::new();
    for number in 0..scale.erased {
        let id =
            with_a_document(&mut FrontDoor::connect(world, clinic, &physician).await, FIRST + number).await;
        // The server ends a connection whose request had a body that it did not read.
        let mut doctor = FrontDoor::connect(world, clinic, &physician).await;
        let erasures = format!("/api/v1/patients/{id}/erasures");
        doctor.post(&erasures, 201, &json!({ "basis": "registered_in_error" })).await;
        let mut officer = FrontDoor::connect(world, clinic, &privacy).await;
        let begun = Instant::now();
        officer.post(&format!("{erasures}/approve"), 202, &json!({})).await;
        for erasure in work.unended(None, 1).await.unwrap() {
            Box::pin(work.erase(erasure)).await.unwrap();
        }
        took.push(begun.elapsed());
        let mut officer = FrontDoor::connect(world, clinic, &privacy).await;
        let (_, status, _) = officer.ask("GET", &format!("/api/v1/patients/{id}"), None).await;
        assert_eq!(status, 404, "nothing is left of {id}");
    }
    let (p50, slowest) = (quantile(&mut took, 0.5), quantile(&mut took, 1.0));
    Line {
        name: "a patient erased, with a document: from the agreement to the certificate",
        figure: format!("{} at most, p50 {}, of {} patients", ms(slowest), ms(p50), took.len()),
        against: "–".to_owned(),
        ratio: None,
        reach: "≤ 5 s",
        met: scale.real.then_some(slowest <= ERASED_WITHIN),
    }
    .print();
}

async fn with_a_document(doctor: &mut FrontDoor, number: usize) -> String {
    let id = |answer: Value| answer["id"].as_str().unwrap().to_owned();
    let patient = id(doctor.post("/api/v1/patients", 201, &fill::person(number)).await);
    let announced = json!({
        "kind": "lab_report", "media_type": "text/plain", "title": "Lipids", "size_bytes": DOCUMENT_BYTES,
    });
    let document = id(doctor.post(&format!("/api/v1/patients/{patient}/documents"), 201, &announced).await);
    let body = ("application/octet-stream", vec![b'a'; DOCUMENT_BYTES]);
    let (_, status, said) =
        doctor.ask("PUT", &format!("/api/v1/documents/{document}/content"), Some(body)).await;
    assert_eq!(status, 204, "{}", String::from_utf8_lossy(&said));
    doctor.post(&format!("/api/v1/documents/{document}/complete"), 202, &json!({})).await;
    patient
}
