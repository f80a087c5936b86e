//! Searches by blind index in a large clinic beside reads in it, one at a time; and searches by the start of a name.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::load::FrontDoor;
use crate::report::{Line, ms, quantile};
use crate::world::World;
use crate::{Scale, fill};

/// Steps from one sampled patient to the next; prime, so that samples spread over the clinic.
const STRIDE: usize = 7919;

/// Fills both clinics, measures and prints.
pub(crate) async fn measure(world: &World, scale: Scale) {
    let begun = Instant::now();
    let patients = fill::patients(world, &world.alpha, 0..scale.patients).await;
    eprintln!("{} patients registered in {} s", patients.len(), begun.elapsed().as_secs());
    let staff = world.staff(&world.alpha).await;
    let mut door = FrontDoor::connect(world, &world.alpha, &staff).await;
    tags(&mut door, &patients, scale).await;
    dated_names(&mut door, scale).await;
    Box::pin(held_names(world, scale)).await;
}

/// One search by a tag of the `number`th patient; the kinds take turns.
fn criterion(turn: usize, number: usize) -> Value {
    match turn % 4 {
        0 => json!({ "mrn": fill::mrn(number) }),
        1 => json!({ "phone": fill::phone(number) }),
        2 => json!({ "email": fill::email(number) }),
        _ => json!({ "name": fill::family(number), "birth_date": fill::birth_date(number) }),
    }
}

async fn tags(door: &mut FrontDoor, patients: &[String], scale: Scale) {
    let (mut reads, mut searches): (Vec<Duration>, Vec<Duration>) = (Vec::new(), Vec::new());
    // The first hundred of each are not counted: connections are opened and statements prepared.
    for turn in 0..(scale.samples + 100) {
        let number = turn * STRIDE % patients.len();
        let read = door.read(&patients[number]).await;
        let (search, found) = door.search(&criterion(turn, number)).await;
        assert_eq!(found, 1, "{number}");
        if turn >= 100 {
            reads.push(read);
            searches.push(search);
        }
    }
    let (read, search) = (quantile(&mut reads, 0.95), quantile(&mut searches, 0.95));
    let ratio = search.as_secs_f64() / read.as_secs_f64();
    let (read_50, search_50) = (quantile(&mut reads, 0.5), quantile(&mut searches, 0.5));
    Line {
        name: "patient search by MRN, phone, e-mail, name and birth date, in turns",
        figure: format!("p95 {} (p50 {}) among {} patients", ms(search), ms(search_50), patients.len()),
        against: format!("a read there: p95 {} (p50 {})", ms(read), ms(read_50)),
        ratio: Some(ratio),
        reach: "≤ 2",
        met: scale.real.then_some(ratio <= 2.0),
    }
    .print();
}

/// In a clinic too large to hold its names, the start of a name needs the birth date.
async fn dated_names(door: &mut FrontDoor, scale: Scale) {
    let mut took = Vec::new();
    for turn in 0..(scale.samples / 4) {
        let number = turn * STRIDE % scale.patients;
        let start: String = fill::family(number).chars().take(3).collect();
        let asked = json!({ "name_starts_with": start, "birth_date": fill::birth_date(number) });
        let (each, found) = door.search(&asked).await;
        assert!(found >= 1, "{number}");
        took.push(each);
    }
    let (p50, p95) = (quantile(&mut took, 0.5), quantile(&mut took, 0.95));
    Line {
        name: "search by the start of a name and birth date",
        figure: format!("p95 {} (p50 {}) among {} patients", ms(p95), ms(p50), scale.patients),
        against: "–".to_owned(),
        ratio: None,
        reach: "information",
        met: None,
    }
    .print();
}

/// In a smaller clinic the names are opened by the first search and then held.
async fn held_names(world: &World, scale: Scale) {
    fill::patients(world, &world.beta, 0..scale.small).await;
    let staff = world.staff(&world.beta).await;
    let mut door = FrontDoor::connect(world, &world.beta, &staff).await;
    let asked = |number: usize| {
        let start: String = fill::family(number).chars().take(5).collect();
        json!({ "name_starts_with": start })
    };
    let (cold, _) = door.search(&asked(0)).await;
    let mut took = Vec::new();
    for turn in 0..(scale.samples / 8) {
        let (each, found) = door.search(&asked(turn * STRIDE % scale.small)).await;
        assert!(found >= 1);
        took.push(each);
    }
    let (p50, p95) = (quantile(&mut took, 0.5), quantile(&mut took, 0.95));
    Line {
        name: "search by the start of a name",
        figure: format!("p95 {} (p50 {}) among {} patients", ms(p95), ms(p50), scale.small),
        against: format!("the first one, which opens every name: {}", ms(cold)),
        ratio: None,
        reach: "information",
        met: None,
    }
    .print();
}
