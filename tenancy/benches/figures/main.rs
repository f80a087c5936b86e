//! What sealing, the audit log, rotations and documents cost.
//!
//! `cargo bench -p tenancy --bench figures` measures; without `--bench`, as `cargo test` runs it, or with `--quick`, small
//! numbers prove that the harness works. `--only` and names of parts measure those. `DOMICILE_BENCH_EVENTS` says among how many
//! events a history is looked for, and `DOMICILE_BENCH_SUBJECTS` how many subject keys are rotated. Each result is one line of JSON.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a benchmark stops loudly and prints what it measured"
)]

mod audit;
mod documents;
mod keys;
mod line;

use std::time::Duration;

/// How much of everything is done.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// Whether the numbers mean anything.
    pub(crate) real: bool,
    /// Values sealed and opened.
    pub(crate) values: u32,
    /// Transactions with their audit entry, and as many without.
    pub(crate) transactions: u32,
    /// How long events are committed while a sealer seals.
    pub(crate) committing: Duration,
    /// Events that wait when the sealer is measured alone.
    pub(crate) waiting: i64,
    /// Events among which one patient's are looked for.
    pub(crate) events: i64,
    /// Subject keys that are rotated.
    pub(crate) subjects: u32,
    /// Bytes of a document.
    pub(crate) document_bytes: u64,
    /// Turns of what is compared.
    pub(crate) rounds: u32,
}

#[expect(clippy::disallowed_methods, reason = "whoever measures asks for a size in the environment")]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let wished = |name: &str| std::env::var(name).ok().and_then(|number| number.parse::<u32>().ok());
    let size = if asked("--bench") && !asked("--quick") {
        Size {
            real: true,
            values: 200_000,
            transactions: 2_000,
            committing: Duration::from_secs(20),
            waiting: 100_000,
            events: wished("DOMICILE_BENCH_EVENTS").unwrap_or(1_000_000).into(),
            subjects: wished("DOMICILE_BENCH_SUBJECTS").unwrap_or(20_000),
            document_bytes: 512 << 20,
            rounds: 3,
        }
    } else {
        Size {
            real: false,
            values: 200,
            transactions: 10,
            committing: Duration::from_secs(2),
            waiting: 500,
            events: 2_000,
            subjects: 250,
            document_bytes: 9 << 20,
            rounds: 1,
        }
    };
    let chosen = |part: &str| !asked("--only") || asked(part);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if chosen("keys") {
            keys::measure(size).await;
        }
        if chosen("documents") {
            documents::measure(size).await;
        }
        if chosen("audit") {
            audit::measure(size).await;
        }
    });
}
