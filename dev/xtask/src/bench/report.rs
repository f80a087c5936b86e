//! The results as a table, on the terminal and in `docs/benchmarks.md`.
use crate::bench::library::Line;
use crate::bench::load::Sample;
use crate::bench::machine::{describe, said};
use crate::bench::{CLIENTS, MEASURED, ROUNDS};
use crate::fail::{Attempt, Fail, Outcome};
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
    /// What was found by parts that compare nothing, or compare by themselves.
    lines: Vec<Line>,
    /// What could not be measured, and why.
    missing: Vec<(&'static str, String)>,
    /// The machine's load when the run began.
    load_before: String,
    /// The commit when the run began: others may commit meanwhile.
    commit: String,
}

impl Contender {
    /// A contender without samples.
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, samples: Vec::new() }
    }

    fn median(&self, of: impl Fn(&Sample) -> u64) -> u64 {
        median(self.samples.iter().map(of))
    }

    /// What this one came to of the other in hundredths: the median of the rounds' ratios, because a machine that is shared is
    /// quicker in one round than in another, and both were in each.
    fn hundredths_of(&self, other: &Self, of: impl Fn(&Sample) -> u64) -> u64 {
        let rounds = self.samples.iter().zip(&other.samples);
        median(rounds.map(|(ours, theirs)| of(ours) * 100 / of(theirs).max(1)))
    }
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

impl Report {
    /// An empty report of a run that begins under this load.
    pub(super) fn new(load_before: String, commit: String) -> Self {
        let (idle, proxied, tunnelled) = (Vec::new(), Vec::new(), Vec::new());
        Self { idle, proxied, tunnelled, lines: Vec::new(), missing: Vec::new(), load_before, commit }
    }

    /// Takes in what a part found, or that it failed.
    pub(super) fn keep(&mut self, part: &'static str, found: Outcome<Vec<Line>>) {
        match found {
            Ok(lines) => self.lines.extend(lines),
            Err(fail) => self.note(part, fail),
        }
    }

    /// Takes in that a part failed.
    pub(super) fn note(&mut self, part: &'static str, fail: Fail) {
        println!("FAILED: {part}: {fail}");
        self.missing.push((part, fail.to_string()));
    }

    /// Whether every part was measured.
    pub(super) fn is_whole(&self) -> bool {
        self.missing.is_empty()
    }

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
             where the numbers do not.\n\n- machine: {}\n- commit: {}\n- command: `{}`\n- load average when it began: {} \
             (an idle machine has less than 1)\n- compared with: {}; {}\n- load: {CLIENTS} keep-alive clients over TLS \
             1.3, 1 KiB answers, {ROUNDS} rounds of {} s in turns, medians of the rounds and of \
             the rounds' ratios; the load generator and the upstream share the machine\n\n{}",
            describe(),
            self.commit,
            command_line(),
            self.load_before,
            said(folder, "nginx", &["-v"]).replace("nginx version: ", ""),
            said(folder, "haproxy", &["-v"]).split(" - ").next().unwrap_or_default(),
            MEASURED.as_secs(),
            self.tables()
        );
        std::fs::write(&path, text).attempt(|| format!("write {}", path.display()))
    }

    /// Adds what a part came to alone to the document of the last whole run, as a table of its own.
    pub(super) fn append(&self, checkout: &Checkout) -> Outcome<()> {
        let path = checkout.root().join("docs/benchmarks.md");
        let doing = || format!("add to {}", path.display());
        let mut text = std::fs::read_to_string(&path).attempt(doing)?;
        text.push_str(&format!(
            "\n## Measured alone, after the whole run\n\n- machine: {}\n- commit: {}\n- command: `{}`\n- load average when \
             it began: {}\n\n{TARGETS_HEAD}",
            describe(),
            self.commit,
            command_line(),
            self.load_before
        ));
        text.extend(self.targets().iter().chain(&self.lines).map(row));
        std::fs::write(&path, text).attempt(doing)
    }

    fn tables(&self) -> String {
        let mut text = String::from("## Targets\n\n");
        text.push_str(TARGETS_HEAD);
        text.extend(self.targets().iter().chain(&self.lines).map(row));
        if !self.missing.is_empty() {
            text.push_str("\n## Not measured in this run\n\n");
        }
        for (part, why) in &self.missing {
            let first = why.lines().next().unwrap_or_default();
            text.push_str(&format!("- {part}: {first}\n"));
        }
        text.push_str(
            "\n## TLS in, mTLS out\n\nThe front door also looks up the tenant, signs an assertion and checks a receipt. The upstream \
             checks an assertion and signs a receipt for every request, with one of its own where none came.\n\n",
        );
        text.push_str(&table(&self.proxied, "processor time a request against it", |s| s.cpu_ns));
        text.push_str("\n## Another region's connection, carried unopened\n\n");
        text.push_str(&table(&self.tunnelled, "throughput against it", |s| s.per_second));
        text
    }

    /// The comparisons and the idle processes as lines with their targets.
    fn targets(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if let [ours, nginx, ..] = self.proxied.as_slice() {
            let (cpu, p99) = (("front door: processor time a request", "ns"), ("front door: p99", "µs"));
            lines.push(ratio(cpu, (ours, nginx), |s| s.cpu_ns, Reach::AtMost(130)));
            lines.push(ratio(p99, (ours, nginx), |s| s.p99_us, Reach::AtMost(100)));
        }
        if let [ours, haproxy] = self.tunnelled.as_slice() {
            let rate = ("carried unopened", "requests/s");
            lines.push(ratio(rate, (ours, haproxy), |s| s.per_second, Reach::AtLeast(90)));
        }
        lines.extend(self.idle.iter().map(|(name, kib)| idle_line(name, *kib)));
        lines
    }
}

const TARGETS_HEAD: &str =
    "| what | came to | against | ratio | to reach | reached |\n|---|---|---|---|---|---|\n";

fn command_line() -> String {
    std::env::args().skip(1).fold("cargo xtask".to_owned(), |line, word| format!("{line} {word}"))
}

/// A target for a ratio, in hundredths.
#[derive(Clone, Copy)]
enum Reach {
    AtMost(u64),
    AtLeast(u64),
}

/// The contenders are ours and the other.
fn ratio(
    (name, unit): (&str, &str),
    (ours, theirs): (&Contender, &Contender),
    of: impl Fn(&Sample) -> u64,
    reach: Reach,
) -> Line {
    let hundredths = ours.hundredths_of(theirs, &of);
    let decimal = |value: u64| format!("{}.{:02}", value / 100, value % 100);
    let (words, met) = match reach {
        Reach::AtMost(most) => (format!("≤ {} ×", decimal(most)), hundredths <= most),
        Reach::AtLeast(least) => (format!("≥ {} ×", decimal(least)), hundredths >= least),
    };
    let other = if matches!(reach, Reach::AtLeast(_)) { "HAProxy in TCP mode" } else { "nginx" };
    Line {
        name: name.to_owned(),
        figure: format!("{} {unit}", ours.median(&of)),
        against: format!("{other}: {} {unit}", theirs.median(&of)),
        ratio: Some(decimal(hundredths)),
        reach: words,
        met: Some(met),
    }
}

fn idle_line(name: &str, kib: u64) -> Line {
    let bytes = kib * 1024;
    let most_mb = match name.split_once('/') {
        Some((_, "front-door")) => Some(30),
        Some((_, "backend")) => Some(60),
        _ => None,
    };
    Line {
        name: format!("idle memory of {name}"),
        figure: format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        against: String::new(),
        ratio: None,
        reach: most_mb.map_or_else(String::new, |most| format!("≤ {most} MB")),
        met: most_mb.map(|most| bytes <= most * 1_000_000),
    }
}

fn row(line: &Line) -> String {
    let met = line.met.map_or("", |met| if met { "yes" } else { "no" });
    let ratio = line.ratio.as_deref().unwrap_or_default();
    format!("| {} | {} | {} | {ratio} | {} | {met} |\n", line.name, line.figure, line.against, line.reach)
}

fn table(contenders: &[Contender], ratio_of: &str, value: impl Fn(&Sample) -> u64) -> String {
    let mut text = format!(
        "| | requests/s | p50 µs | p99 µs | processor ns a request | front door's {ratio_of} |\n|---|---|---|---|---|---|\n"
    );
    for it in contenders {
        let hundredths = contenders.first().map_or(0, |ours| ours.hundredths_of(it, &value));
        text.push_str(&format!(
            "| {} | {} | {} | {} | {} | {}.{:02} |\n",
            it.name,
            it.median(|s| s.per_second),
            it.median(|s| s.p50_us),
            it.median(|s| s.p99_us),
            it.median(|s| s.cpu_ns),
            hundredths / 100,
            hundredths % 100
        ));
    }
    text
}
