//! Everything CI runs, in one command: formatting, lints, documents, tidiness, all tests, and a whole stack end to end.
pub(crate) mod cluster;
pub(crate) mod infra;
mod memory;
mod steps;
pub(crate) mod tally;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::deps;
use crate::e2e;
use crate::fail::{Attempt, Fail, Outcome};
use crate::pg::binaries::Binaries;
use crate::places::{Checkout, Home, make_passage};
use crate::portal;
use crate::test::cluster::TestCluster;
use crate::test::steps::Step;
use crate::test::tally::Tally;
use crate::tidy;

/// Runs every step, also after one failed, and prints the count of what passed and failed as the last line.
pub(crate) async fn run(checkout: &Checkout) -> Outcome<ExitCode> {
    let begun = Instant::now();
    let mut tally = Tally::default();
    tally.record("tidy", tidy::run(checkout).map(|_checks| Tally::default()));
    let Some(postgres) = build_and_check(checkout, &mut tally).await? else {
        return Ok(conclude(&tally, begun));
    };
    rust_tests(checkout, &postgres, &mut tally).await?;
    // For its first minutes the stack mostly waits: for processes that stop and start, for the next codes of authenticators.
    let rustdoc = rustdoc(checkout)?;
    let (documents, stack) = tokio::join!(rustdoc.run(checkout, &[]), end_to_end(checkout, &postgres));
    tally.record(rustdoc.name, documents);
    tally.add(stack?);
    Ok(conclude(&tally, begun))
}

/// Builds everything and checks what runs no product. A compiler often keeps one core busy and waits; what is not Rust takes the
/// other. Where the code does not compile, or clippy has found something, there is nothing more to check, and no server.
async fn build_and_check(checkout: &Checkout, tally: &mut Tally) -> Outcome<Option<Binaries>> {
    let (built, programs) = oneshot::channel();
    let rust = async move {
        let mut tally = Tally::default();
        let step = rustfmt();
        tally.record(step.name, step.run(checkout, &[]).await);
        let step = build();
        let result = step.run(checkout, &[]).await;
        let ready = result.is_ok();
        tally.record(step.name, result);
        if ready {
            // Nobody waits any more when what is beside this has failed.
            let _left = built.send(());
        }
        Ok((ready, tally))
    };
    let beforehand = if deps::asks_nobody() { None } else { Some(install_missing()?) };
    let rest = async {
        let mut tally = Tally::default();
        let postgres = match beforehand {
            Some(postgres) => postgres,
            None => spawn_blocking(install_missing).await.attempt(|| "install packages".to_owned())??,
        };
        portal::check(checkout, &mut tally).await;
        tally.record("infrastructure", infra::run_beside_the_build(checkout).await);
        if programs.await.is_ok() {
            tally.record("infrastructure's programs", infra::run_after_the_build(checkout).await);
        }
        Outcome::Ok((postgres, tally))
    };
    let ((ready, rust), (postgres, rest)) = tokio::try_join!(rust, rest)?;
    tally.add(rust);
    tally.add(rest);
    Ok(ready.then_some(postgres))
}

/// What this machine lacks of what the tests run.
fn install_missing() -> Outcome<Binaries> {
    let postgres = deps::ensure_postgres()?;
    // Some tests put the front door behind these.
    deps::ensure_program("nginx", "nginx")?;
    deps::ensure_program("haproxy", "haproxy")?;
    // Some send it documents.
    deps::ensure_scanner()?;
    deps::ensure_python()?;
    portal::ensure_chromium()?;
    Ok(postgres)
}

/// Every test of the workspace against a cluster of their own; cluster and temporary files in memory where it has the room.
async fn rust_tests(checkout: &Checkout, postgres: &Binaries, tally: &mut Tally) -> Outcome<()> {
    let in_memory = memory::folder(checkout)?;
    let dir = match &in_memory {
        Some(dir) => dir.clone(),
        None => scratch(checkout)?,
    };
    let home = Home::new(dir.join("test-cluster"));
    cluster::remove_leftovers(&home)?;
    match TestCluster::start(home, postgres).await {
        Err(fail) => tally.record("test cluster", Err(fail)),
        Ok(cluster) => {
            let mut environment = cluster.environment();
            if let Some(dir) = &in_memory {
                let temporary = dir.join("tmp");
                make_passage(&temporary)?;
                environment.push(("TMPDIR", temporary.display().to_string()));
            }
            tally.record("tests", all_tests().run(checkout, &environment).await);
            tally.record("test cluster stops", cluster.stop().map(|()| Tally::default()));
        }
    }
    in_memory.as_deref().map_or(Ok(()), memory::remove)
}

/// Only the end-to-end part, for someone who works on it.
pub(crate) async fn run_e2e(checkout: &Checkout) -> Outcome<ExitCode> {
    let begun = Instant::now();
    portal::ensure_built(checkout).await?;
    let tally = end_to_end(checkout, &deps::ensure_postgres()?).await?;
    Ok(conclude(&tally, begun))
}

async fn end_to_end(checkout: &Checkout, postgres: &Binaries) -> Outcome<Tally> {
    let home = Home::new(scratch(checkout)?.join("test-stack"));
    e2e::remove_leftovers(checkout, &home)?;
    Ok(e2e::run(checkout, home, postgres).await)
}

pub(crate) fn conclude(tally: &Tally, begun: Instant) -> ExitCode {
    println!("\nAll of it took {} s.", begun.elapsed().as_secs());
    tally.print_failures();
    println!("{} passed, {} failed", tally.passed, tally.failed());
    if tally.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The folder for what a run makes and removes: beside the binaries, so that it is on the same disk and ignored by git.
fn scratch(checkout: &Checkout) -> Outcome<PathBuf> {
    let dir = checkout.binaries()?.join("xtask-scratch");
    make_passage(&dir)?;
    Ok(dir)
}

fn cargo(name: &'static str, arguments: &[&'static str]) -> Step<'static> {
    Step {
        name,
        program: "cargo",
        arguments: arguments.to_vec(),
        environment: Vec::new(),
        wait_max: CHECK_WAIT_MAX,
        beside: false,
    }
}

/// What the stack is made of and what `cargo test` runs. Together, because a large crate keeps one core: the other one takes the tests
/// of those below it.
fn build() -> Step<'static> {
    let mut step = cargo(
        "programs and tests are built, with clippy",
        &["build", "--workspace", "--bins", "--tests", "--locked"],
    );
    step.environment = with_clippy();
    step.wait_max = BUILD_WAIT_MAX;
    step
}

/// Makes cargo compile this workspace with clippy's compiler, which compiles and lints in one go; `cargo clippy` reads everything,
/// and the dependencies too, a second time. As `dev/bootstrap.sh` builds this program for the tests, and in the words in which
/// `cargo clippy` hands over what follows its `--` (ADR 33).
fn with_clippy() -> Vec<(&'static str, String)> {
    let flags = "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__";
    vec![("RUSTC_WORKSPACE_WRAPPER", "clippy-driver".to_owned()), ("CLIPPY_ARGS", flags.to_owned())]
}

fn rustfmt() -> Step<'static> {
    cargo("rustfmt", &["fmt", "--all", "--check"])
}

/// Documents every library from what the tests were built from: `cargo doc` would read each dependency once more, which is most of
/// its work. cargo hands all of that to what runs a library's doctests, which were run with the other tests.
fn rustdoc(checkout: &Checkout) -> Outcome<Step<'static>> {
    let mut rustdoc = cargo("rustdoc", &["test", "--workspace", "--doc", "--locked"]);
    let documents = checkout.binaries()?.with_file_name("doc");
    let mut environment = with_clippy();
    environment.push(("RUSTDOC", checkout.root().join("dev/rustdoc.sh").display().to_string()));
    environment.push(("RUSTDOC_OUT", documents.display().to_string()));
    rustdoc.environment = environment;
    rustdoc.beside = true;
    Ok(rustdoc)
}

fn all_tests() -> Step<'static> {
    let mut environment = with_clippy();
    // How long the crowd of tenants runs; without it that test is a short one.
    environment.push(("DOMICILE_HAMMER_S", "60".to_owned()));
    environment.push(("RUST_TEST_THREADS", threads().to_string()));
    Step {
        name: "tests",
        program: "cargo",
        arguments: vec!["test", "--workspace", "--no-fail-fast", "--locked"],
        environment,
        wait_max: TESTS_WAIT_MAX,
        beside: false,
    }
}

/// How many tests run at once: two a core, because each waits for PostgreSQL, a process or a time a part of its
/// life. With three, those that look at times see more of their neighbours than of what they measure.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(TESTS_A_CORE, |cores| cores.get() * TESTS_A_CORE)
}

/// What a test harness step says when it ran nothing at all.
pub(crate) fn nothing_ran(name: &str) -> Fail {
    Fail::new(format!("{name}: no test ran."))
}

const TESTS_A_CORE: usize = 2;
const BUILD_WAIT_MAX: Duration = Duration::from_secs(30 * 60);
const CHECK_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
const TESTS_WAIT_MAX: Duration = Duration::from_secs(30 * 60);
