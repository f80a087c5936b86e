//! What one clinic's readers notice while another asks for fifty times its quota.

use std::time::{Duration, Instant};

use app::middleware::rate::Budget;

use crate::load::FrontDoor;
use crate::report::{Line, ms, quantile};
use crate::world::{Clinic, World};
use crate::{Scale, fill};

/// Points a minute of every clinic here. In production it is far more than two cores can carry fifty times.
const QUOTA_PER_MIN: u32 = 1_200;
/// How far beyond its quota the clinic goes.
const TIMES: u32 = 50;
/// Connections of the clinic that asks too much.
const FLOODERS: u16 = 16;
/// Connections of the clinic that is watched.
const READERS: usize = 4;
/// From one read of each of those to its next: together they keep within the quota, however long they are measured.
const READ_EVERY: Duration = Duration::from_millis(220);
/// Numbers of the patients that are read, of each clinic.
const PATIENTS: std::ops::Range<usize> = 910_000..910_016;

/// Measures and prints.
pub(crate) async fn measure(scale: Scale) {
    let quota = Budget { tenant_per_min: QUOTA_PER_MIN, caller_per_min: QUOTA_PER_MIN };
    let world = World::with(quota).await;
    let loud = fill::patients(&world, &world.alpha, PATIENTS).await;
    let calm = fill::patients(&world, &world.beta, PATIENTS).await;
    // A quota may be asked for at once: it is spent before anything is measured.
    let quota = Duration::from_secs(60) / QUOTA_PER_MIN;
    let mut first = doors(&world, &world.alpha, 1).await;
    for _ in 0..2 * QUOTA_PER_MIN {
        if first[0].try_read(&loud[0]).await == 429 {
            break;
        }
    }
    let mut flooders = doors(&world, &world.alpha, usize::from(FLOODERS)).await;
    let mut readers = doors(&world, &world.beta, READERS).await;
    let (mut before, mut during, mut refused) = (Vec::new(), Vec::new(), 0_usize);
    let each = scale.each * 2;
    for _ in 0..scale.rounds {
        let loud = &loud[0];
        let (_, mut took) = beside((&mut flooders, quota, loud), (&mut readers, &calm), each).await;
        before.append(&mut took);
        let (no, mut took) = beside((&mut flooders, quota / TIMES, loud), (&mut readers, &calm), each).await;
        during.append(&mut took);
        refused += no;
    }
    let (p99, quiet) = (quantile(&mut during, 0.99), quantile(&mut before, 0.99));
    let ratio = p99.as_secs_f64() / quiet.as_secs_f64();
    Line {
        name: "a clinic's read while another asks for 50 times its quota",
        figure: format!(
            "p99 {}, {refused} requests refused; the quota is {QUOTA_PER_MIN} points a minute",
            ms(p99)
        ),
        against: format!("while the other keeps to its quota: p99 {}", ms(quiet)),
        ratio: Some(ratio),
        reach: "p99 < 1.10 ×",
        met: scale.real.then_some(ratio < 1.10),
    }
    .print();
    world.stop().await;
}

async fn doors(world: &World, clinic: &Clinic, count: usize) -> Vec<FrontDoor> {
    let mut doors = Vec::new();
    for _ in 0..count {
        let staff = world.staff(clinic).await;
        doors.push(FrontDoor::connect(world, clinic, &staff).await);
    }
    doors
}

/// One clinic asks every `every`, by all its connections together; how many it was refused, and how long the other's reads took.
async fn beside(
    (flooders, every, loud): (&mut [FrontDoor], Duration, &str),
    (readers, calm): (&mut [FrontDoor], &[String]),
    each: Duration,
) -> (usize, Vec<Duration>) {
    let until = Instant::now() + each;
    let flood = flooders.iter_mut().map(|door| async move {
        let (mut pace, mut refused) = (tokio::time::interval(every * u32::from(FLOODERS)), 0);
        while Instant::now() < until {
            pace.tick().await;
            refused += usize::from(door.try_read(loud).await == 429);
        }
        refused
    });
    let read = readers.iter_mut().map(|door| async move {
        let (mut pace, mut took) = (tokio::time::interval(READ_EVERY), Vec::new());
        for patient in calm.iter().cycle() {
            if Instant::now() >= until {
                break;
            }
            pace.tick().await;
            took.push(door.read(patient).await);
        }
        took
    });
    let (refused, took) =
        tokio::join!(futures_util::future::join_all(flood), futures_util::future::join_all(read));
    (refused.into_iter().sum(), took.into_iter().flatten().collect())
}
