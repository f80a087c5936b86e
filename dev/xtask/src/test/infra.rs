//! Runs the checks of `infra/`, which are Python because Terraform, checkov and the schemas' own tools are driven from there.
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use crate::deps;
use crate::fail::Outcome;
use crate::places::Checkout;
use crate::test::conclude;
use crate::test::steps::Step;
use crate::test::tally::Tally;

/// Which parts of the checks to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Also what takes long: plans of dev and staging, a second emulated region.
    #[arg(long)]
    all: bool,
    /// Parts by name; none means every part. An unknown name prints them.
    parts: Vec<String>,
}

/// The parts of `make test` that need nothing of ours to be built. The parts that run Terraform are asked for by name: they take longer
/// than the rest of the suite together.
pub(crate) async fn run_beside_the_build(checkout: &Checkout) -> Outcome<Tally> {
    checks(checkout, BESIDE_THE_BUILD, true).await
}

/// The other parts of `make test`, which run the program.
pub(crate) async fn run_after_the_build(checkout: &Checkout) -> Outcome<Tally> {
    checks(checkout, AFTER_THE_BUILD, true).await
}

/// The chosen parts, for someone who works on them.
pub(crate) async fn run(checkout: &Checkout, options: &Options) -> Outcome<ExitCode> {
    let begun = Instant::now();
    let mut tally = Tally::default();
    let mut words: Vec<&str> = options.parts.iter().map(String::as_str).collect();
    words.extend(options.all.then_some("--all"));
    tally.record("infrastructure", checks(checkout, &words, false).await);
    Ok(conclude(&tally, begun))
}

async fn checks(checkout: &Checkout, words: &[&str], beside: bool) -> Outcome<Tally> {
    deps::ensure_python()?;
    let step = Step {
        name: "infrastructure",
        program: "python3",
        arguments: [&["infra/tests/check.py"], words].concat(),
        environment: vec![
            // Where the binaries are that the image, the manifests and the dashboards are about.
            ("DOMICILE_BINARIES", checkout.binaries()?.display().to_string()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ],
        wait_max: WAIT_MAX,
        beside,
    };
    step.run(checkout, &[]).await
}

const BESIDE_THE_BUILD: &[&str] = &["access", "kubernetes", "monitoring", "pipelines", "runbooks"];
const AFTER_THE_BUILD: &[&str] = &["configurations", "images"];
const WAIT_MAX: Duration = Duration::from_secs(45 * 60);
