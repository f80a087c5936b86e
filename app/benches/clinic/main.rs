//! A clinic's requests against a real backend: patient reads beside pgbench running the same SQL, searches beside reads, erasures, and
//! what a flood of one clinic's does to another.
//!
//! `cargo bench -p app --bench clinic` measures; without `--bench`, as `cargo test` runs it, or with `--quick`, everything
//! runs once in a few seconds and proves that the harness works. Each result is one line of JSON.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::string_slice,
    reason = "a benchmark stops loudly and prints what it measured"
)]

mod erasure;
mod fill;
mod flood;
mod load;
mod pgbench;
mod reads;
mod report;
mod searches;
mod sql;
mod world;

use std::time::Duration;

use app::middleware::rate::Budget;

use crate::world::World;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Scale {
    /// Connections to the backend, and clients of pgbench.
    pub(crate) clients: usize,
    /// Pairs of measurements, in turns; the median of their ratios counts.
    pub(crate) rounds: usize,
    /// Length of one measurement.
    pub(crate) each: Duration,
    /// Patients of the large clinic.
    pub(crate) patients: usize,
    /// Patients of the small clinic, whose names fit in memory.
    pub(crate) small: usize,
    /// Timed requests of each kind.
    pub(crate) samples: usize,
    /// Patients that are erased.
    pub(crate) erased: usize,
    /// Whether the numbers mean anything.
    pub(crate) real: bool,
}

const FULL: Scale = Scale {
    clients: 16,
    rounds: 11,
    each: Duration::from_secs(5),
    patients: 100_000,
    small: 10_000,
    samples: 2_000,
    erased: 50,
    real: true,
};
const QUICK: Scale = Scale {
    clients: 4,
    rounds: 1,
    each: Duration::from_millis(700),
    patients: 400,
    small: 100,
    samples: 40,
    erased: 2,
    real: false,
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let scale = if asked("--bench") && !asked("--quick") { FULL } else { QUICK };
    let chosen = |part: &str| !asked("--only") || asked(part);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        // The limits are counted as always, only higher: one clinic asks more here than any would in a minute.
        let unreached = Budget { tenant_per_min: 10_000_000, caller_per_min: 10_000_000 };
        let world = World::with(unreached).await;
        if chosen("reads") {
            Box::pin(reads::measure(&world, scale)).await;
        }
        if chosen("searches") {
            Box::pin(searches::measure(&world, scale)).await;
        }
        if chosen("erasure") {
            Box::pin(erasure::measure(&world, scale)).await;
        }
        world.stop().await;
        if chosen("flood") {
            Box::pin(flood::measure(scale)).await;
        }
    });
}
