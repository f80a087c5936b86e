//! The results as a table, on the terminal and in `docs/benchmarks.md`.
use crate::bench::library::Line;
use crate::bench::load::Sample;
use crate::bench::machine::{commit, describe, said};
use crate::bench::{CLIENTS, MEASURED, ROUNDS};
use crate::fail::{Attempt, Outcome};
use crate::places::Checkout;

/// One contender's samples, a round each.
pub(super) struct Contender {
    name: &'static str,
    /// What was measured.
    pub samples: Vec<Sample>,
}

/// Everything that was measured in this run.
pub(super) struct Report {
    /// Resident memory in KiB after the start.
    pub idle: Vec<(String, u64)>,
    /// Terminating proxies; the front door first, then what it is compared with.
    pub proxied: Vec<Contender>,
    /// Forwarders of unopened connections; the front door first.
    pub tunnelled: Vec<Contender>,
    /// What the benchmarks beside the code found.
    pub library: Vec<Line>,
}

impl Contender {
    /// A contender without samples.
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, samples: Vec::new() }
    }

    fn median(&self, of: impl Fn(&Sample) -> u64) -> u64 {
        let mut values: Vec<u64> = self.samples.iter().map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or_default()
    }
}

impl Report {
    /// Prints the tables.
    pub(super) fn print(&self) {
        println!("\n{}", self.tables());
    }

    /// Writes the document, with the machine and the commit.
    pub(super) fn write(&self, checkout: &Checkout) -> Outcome<()> {
        let path = checkout.root().join("docs/benchmarks.md");
        let folder = checkout.root();
        let text = format!(
            "# Benchmarks\n\nWritten by `make bench`; every number of a table was measured in one run, so the ratios hold \
             where the numbers do not.\n\n- machine: {}\n- commit: {}\n- compared with: {}; {}\n- load: {CLIENTS} \
             keep-alive clients over TLS 1.3, 1 KiB answers, {ROUNDS} rounds of {} s in turns, medians; the load \
             generator and the upstream share the machine\n\n{}",
            describe(),
            commit(folder),
            said(folder, "nginx", &["-v"]).replace("nginx version: ", ""),
            said(folder, "haproxy", &["-v"]).split(" - ").next().unwrap_or_default(),
            MEASURED.as_secs(),
            self.tables()
        );
        std::fs::write(&path, text).attempt(|| format!("write {}", path.display()))
    }

    fn tables(&self) -> String {
        let mut text = String::from(
            "## TLS in, mTLS out\n\nThe front door also looks up the tenant, signs an assertion and checks a receipt.\n\n",
        );
        text.push_str(&table(&self.proxied, "processor time a request against it", |it| {
            it.median(|s| s.cpu_us)
        }));
        text.push_str("\n## Another region's connection, carried unopened\n\n");
        text.push_str(&table(&self.tunnelled, "throughput against it", |it| it.median(|s| s.per_second)));
        text.push_str("\n## Idle memory\n\n| process | MiB resident |\n|---|---|\n");
        for (name, kib) in &self.idle {
            text.push_str(&format!("| {name} | {}.{} |\n", kib / 1024, (kib % 1024) * 10 / 1024));
        }
        if !self.library.is_empty() {
            text.push_str(
                "\n## Beside the code\n\n| what | came to | against | ratio | to reach | reached |\n",
            );
            text.push_str("|---|---|---|---|---|---|\n");
            text.extend(self.library.iter().map(row));
        }
        text
    }
}

fn row(line: &Line) -> String {
    let met = line.met.map_or("", |met| if met { "yes" } else { "no" });
    let ratio = line.ratio.as_deref().unwrap_or_default();
    format!("| {} | {} | {} | {ratio} | {} | {met} |\n", line.name, line.figure, line.against, line.reach)
}

fn table(contenders: &[Contender], ratio_of: &str, value: impl Fn(&Contender) -> u64) -> String {
    let mut text = format!(
        "| | requests/s | p50 µs | p99 µs | processor µs a request | front door's {ratio_of} |\n|---|---|---|---|---|---|\n"
    );
    let ours = contenders.first().map(&value).unwrap_or_default();
    for it in contenders {
        let hundredths = ours * 100 / value(it).max(1);
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {}.{:02} |\n",
            it.name,
            it.median(|s| s.per_second),
            it.median(|s| s.p50_us),
            it.median(|s| s.p99_us),
            it.median(|s| s.cpu_us),
            hundredths / 100,
            hundredths % 100
        ));
    }
    text
}
