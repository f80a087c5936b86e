//! Measures ratios in one run: the front door against nginx and HAProxy in front of the same upstream, memory, and what
//! is measured beside the code.
mod bulk;
mod library;
mod load;
mod machine;
mod proxies;
mod report;
mod route;
mod stack;
pub(crate) mod upstream;

use std::process::{Command, ExitCode};
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::bench::load::Load;
use crate::bench::proxies::Proxy;
use crate::bench::report::{Contender, Report};
use crate::deps;
use crate::fail::{Attempt, Fail, Outcome};
use crate::pg::binaries::Binaries;
use crate::places::Checkout;

/// Connections that the load keeps open, each with one request at a time.
const CLIENTS: usize = 64;
/// Rounds; contenders take turns, so that a noisy minute does not hit only one of them.
const ROUNDS: usize = 11;
const WARM_UP: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);

/// What of it to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these parts, printed and not written to `docs/benchmarks.md`: a table there is of one whole run.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Adds what `--only` measures to `docs/benchmarks.md`, as a table of its own beside those of the last whole run.
    #[arg(long, requires = "only")]
    append: bool,
}

/// What can be measured by itself.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// 5 GiB up and down through the front door.
    Bulk,
    /// The front door beside nginx and `HAProxy`.
    Proxies,
    /// The route table.
    Routes,
    /// The benchmarks that live beside the code they measure: the clinics' data, tenants, migrations.
    Beside,
}

impl Options {
    fn wants(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }
}

/// Runs what was asked for; a whole run writes `docs/benchmarks.md`.
pub(crate) async fn run(checkout: &Checkout, options: &Options) -> Outcome<ExitCode> {
    if !cfg!(target_os = "linux") {
        return Err(Fail::new("The benchmarks read processor time from /proc and need Linux."));
    }
    if cfg!(debug_assertions) {
        return run_optimised(checkout, options);
    }
    deps::ensure_program("nginx", "nginx")?;
    deps::ensure_program("haproxy", "haproxy")?;
    let postgres = deps::ensure_postgres()?;
    let mut report = Report::new(machine::load_average(), machine::commit(checkout.root()));
    if options.wants(Part::Bulk) || options.wants(Part::Proxies) {
        match stack::Bench::start(checkout, &postgres).await {
            Err(fail) => report.note("the stack that is measured", fail),
            Ok(bench) => {
                measure(&bench, &mut report, options).await;
                let stopped = bench.stop();
                report.keep("stopping the stack that was measured", stopped.map(|()| Vec::new()));
            }
        }
    }
    if options.wants(Part::Routes) {
        report.keep("the route table", route::run(checkout).await);
    }
    if options.wants(Part::Beside) {
        beside_the_code(checkout, &postgres, &mut report).await;
    }
    report.print();
    if options.only.is_empty() {
        report.write(checkout)?;
    } else if options.append {
        report.append(checkout)?;
    }
    Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds everything optimised and hands over: an unoptimised load generator would measure itself. The benchmarks beside the code
/// are built with it, in one selection: another one has other features, and would build every dependency once more.
fn run_optimised(checkout: &Checkout, options: &Options) -> Outcome<ExitCode> {
    // `--benches` would link every library and program once more as a harness of its own.
    let selection = ["--workspace", "--bins", "--bench=*"];
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--locked"]).args(selection).current_dir(checkout.root());
    if !build.status().attempt(|| "start cargo".to_owned())?.success() {
        return Err(Fail::new("The release build failed; the compiler's messages are above."));
    }
    let target = checkout.binaries()?;
    let release = target.parent().unwrap_or(&target).join("release/xtask");
    let mut command = Command::new(release);
    command.arg("bench").current_dir(checkout.root());
    for value in options.only.iter().filter_map(Part::to_possible_value) {
        command.arg("--only").arg(value.get_name());
    }
    if options.append {
        command.arg("--append");
    }
    let status = command.status().attempt(|| "start the optimised benchmark".to_owned())?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every part that can be measured is, also after one failed.
async fn measure(bench: &stack::Bench, report: &mut Report, options: &Options) {
    report.idle = bench.idle_memory();
    if options.wants(Part::Bulk) {
        report.keep("5 GiB up and down", move_bulk(bench).await);
    }
    if options.wants(Part::Proxies) {
        proxies_side_by_side(bench, report).await;
    }
}

async fn beside_the_code(checkout: &Checkout, postgres: &Binaries, report: &mut Report) {
    let part = "the benchmarks beside the code";
    match library::run(checkout, postgres).await {
        Err(fail) => report.note(part, fail),
        Ok(measured) => {
            report.keep(part, Ok(measured.lines));
            report.keep(part, measured.ended.map(|()| Vec::new()));
        }
    }
}

async fn proxies_side_by_side(bench: &stack::Bench, report: &mut Report) {
    match compare(bench.terminating_proxies(), bench, true).await {
        Ok(found) => report.proxied = found,
        Err(fail) => report.note("the comparison of TLS proxies", fail),
    }
    match compare(bench.tunnelling_proxies(), bench, false).await {
        Ok(found) => report.tunnelled = found,
        Err(fail) => report.note("the comparison of carriers of unopened connections", fail),
    }
}

/// Each way through a front door that was just started: memory that earlier load left it with would hide growth.
async fn move_bulk(bench: &stack::Bench) -> Outcome<Vec<library::Line>> {
    let host = bench.home_host();
    let mut lines = Vec::new();
    for way in [bulk::Way::Up, bulk::Way::Down] {
        let front_door = bench.fresh_front_door().await?;
        let load = Load { home: bench.home(), port: front_door.port, host: &host, clients: 1 };
        lines.push(bulk::run(&load, front_door.pid, way).await?);
    }
    Ok(lines)
}

async fn compare(
    contenders: Outcome<Vec<Proxy>>,
    bench: &stack::Bench,
    at_home: bool,
) -> Outcome<Vec<Contender>> {
    let contenders = contenders?;
    let found = take_turns(&contenders, bench, at_home).await;
    proxies::stop(contenders)?;
    found
}

/// Every contender in each round; the median of the rounds counts. `at_home` says whether the load asks for the clinic of the region
/// it connects to, or for the other region's.
async fn take_turns(contenders: &[Proxy], bench: &stack::Bench, at_home: bool) -> Outcome<Vec<Contender>> {
    let host = if at_home { bench.home_host() } else { bench.away_host() };
    let mut results: Vec<Contender> = contenders.iter().map(|proxy| Contender::new(proxy.name)).collect();
    for round in 1..=ROUNDS {
        for (proxy, result) in contenders.iter().zip(results.iter_mut()) {
            let load = Load { home: bench.home(), port: proxy.port, host: &host, clients: CLIENTS };
            let sample = load.run((WARM_UP, MEASURED), || machine::nanos(proxy.cpu_ticks())).await?;
            println!("round {round}: {:<12} {}", proxy.name, sample.line());
            result.samples.push(sample);
        }
    }
    Ok(results)
}
