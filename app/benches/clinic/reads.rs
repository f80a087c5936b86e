//! Patient reads a second, from the assertion to the commit, beside pgbench running the same SQL.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::load::FrontDoor;
use crate::pgbench::{Pgbench, Rates};
use crate::report::{Line, median, ms, quantile};
use crate::world::{Clinic, Staff, World};
use crate::{Scale, fill};

/// Patients that each clinic has for this; others are searched for later.
const PATIENTS: Range<usize> = 900_000..900_064;

/// Measures and prints.
pub(crate) async fn measure(world: &World, scale: Scale) {
    let sides = [side(world, &world.alpha).await, side(world, &world.beta).await];
    let mut doors = Vec::new();
    let mut patients = Vec::new();
    for client in 0..scale.clients {
        let side = &sides[client % sides.len()];
        doors.push(FrontDoor::connect(world, &side.clinic, &world.staff(&side.clinic).await).await);
        patients.push(side.patients.clone());
    }
    let mut captured = FrontDoor::connect(world, &sides[0].clinic, &sides[0].staff).await;
    let mut pgbench = Pgbench::new(world, &mut captured, &sides[0].patients[0]).await;
    run(&mut doors, &patients, scale.each.min(Duration::from_secs(2))).await;
    let (mut ours, mut theirs, mut latencies) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=scale.rounds {
        let (rate, mut took) = run(&mut doors, &patients, scale.each).await;
        let Rates { shard, keys, both } = pgbench.run(scale.clients, scale).await;
        eprintln!(
            "round {round}: backend {rate:.0} requests/s, pgbench {both:.0} (shard {shard:.0}, key store {keys:.0})"
        );
        ours.push(rate);
        theirs.push(both);
        latencies.append(&mut took);
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    let ratio = median(ratios);
    let (p50, p95) = (quantile(&mut latencies, 0.5), quantile(&mut latencies, 0.95));
    Line {
        name: "patient read: assertion, session, transaction, opening, audit entry, commit",
        figure: format!(
            "{:.0} requests/s by {} connections over two clinics, p50 {}, p95 {}",
            median(ours),
            scale.clients,
            ms(p50),
            ms(p95)
        ),
        against: format!(
            "pgbench, the same SQL on the shard and then in the key store: {:.0}/s",
            median(theirs)
        ),
        ratio: Some(ratio),
        reach: "≥ 0.7",
        met: scale.real.then_some(ratio >= 0.7),
    }
    .print();
}

struct Side {
    clinic: Clinic,
    staff: Staff,
    patients: Vec<String>,
}

async fn side(world: &World, clinic: &Clinic) -> Side {
    let patients = fill::patients(world, clinic, PATIENTS).await;
    Side { clinic: clinic.clone(), staff: world.staff(clinic).await, patients }
}

/// Keeps every connection busy with one request after the other, and gives requests a second and how long each took.
async fn run(doors: &mut [FrontDoor], patients: &[Vec<String>], each: Duration) -> (f64, Vec<Duration>) {
    let begun = Instant::now();
    let until = begun + each;
    let busy = doors.iter_mut().zip(patients).map(|(door, patients)| async move {
        let mut took = Vec::new();
        for patient in patients.iter().cycle() {
            if Instant::now() >= until {
                break;
            }
            took.push(door.read(patient).await);
        }
        took
    });
    let all: Vec<Duration> = futures_util::future::join_all(busy).await.into_iter().flatten().collect();
    let answered = f64::from(u32::try_from(all.len()).unwrap());
    (answered / begun.elapsed().as_secs_f64(), all)
}
