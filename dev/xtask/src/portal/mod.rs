//! Builds and checks the portal with Node: installed once for a lock file, built once for a content.
mod chromium;
mod node;
mod npm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::fail::{Attempt, Outcome};
use crate::places::{Checkout, make_passage};
use crate::stack::Stack;
use crate::test::tally::Tally;

pub(crate) use chromium::ensure as ensure_chromium;
use npm::Npm;

/// What to do with the portal.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum What {
    /// Install what is missing and build.
    Build,
    /// Lint, check types, run unit tests, build, check sizes.
    Check,
    /// Drive the stack of `make up` in a browser.
    Browse,
    /// Take a picture of every screen of the stack of `make up`, in light and dark.
    Screens,
}

/// The command line's door.
pub(crate) async fn run(checkout: &Checkout, what: What) -> Outcome<ExitCode> {
    match what {
        What::Build => ensure_built(checkout).await?,
        What::Check => {
            let mut tally = Tally::default();
            check(checkout, &mut tally).await;
            tally.print_failures();
            return Ok(if tally.failed() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        What::Browse => test_in_browser(checkout, &Stack::existing(checkout)?).await?,
        What::Screens => picture(checkout, &Stack::existing(checkout)?).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder that servers read the portal from.
pub(crate) fn dist(root: &Path) -> PathBuf {
    root.join("portal/dist")
}

/// Builds the portal unless what is built is of the same content.
pub(crate) async fn ensure_built(checkout: &Checkout) -> Outcome<()> {
    let npm = Npm::ready(checkout).await?;
    let content = npm::content_hash(&checkout.root().join("portal"))?;
    let stamp = dist(checkout.root()).join("built-from");
    if std::fs::read_to_string(&stamp).is_ok_and(|before| before == content) {
        return Ok(());
    }
    npm.run(&["run", "build"], &[], BUILD_WAIT_MAX).await?;
    std::fs::write(&stamp, content).attempt(|| format!("write {}", stamp.display()))
}

/// Every check that needs no running stack.
pub(crate) async fn check(checkout: &Checkout, tally: &mut Tally) {
    let npm = match Npm::ready(checkout).await {
        Ok(npm) => npm,
        Err(fail) => return tally.record("portal: Node and its packages", Err(fail)),
    };
    let log = match logs(checkout) {
        Ok(dir) => dir.join("portal-check.log"),
        Err(fail) => return tally.record("portal: its logs", Err(fail)),
    };
    for script in ["lint", "types", "test"] {
        let result = npm.run_beside(&["run", script], &[], CHECK_WAIT_MAX, &log).await;
        tally.record(&format!("portal: {script}"), result.map(|()| Tally::default()));
    }
    tally.record("portal: build", ensure_built(checkout).await.map(|()| Tally::default()));
    let sizes = npm.run(&["run", "sizes"], &[], CHECK_WAIT_MAX).await;
    tally.record("portal: sizes", sizes.map(|()| Tally::default()));
}

/// Runs the tests of a running stack in a real browser: those of the two regions beside each other, because they mostly wait
/// for codes, and then alone those that measure time.
pub(crate) async fn test_in_browser(checkout: &Checkout, stack: &Stack) -> Outcome<()> {
    let npm = Npm::ready(checkout).await?;
    let environment = browser_environment(checkout, stack)?;
    let of = |part: &str| {
        let mut environment = environment.to_vec();
        environment.push(("DOMICILE_PART", part.to_owned()));
        environment
    };
    let logs = logs(checkout)?;
    let region = async |part: &str| {
        let log = logs.join(format!("browser-{part}.log"));
        npm.run_beside(&["run", "e2e"], &of(part), BROWSE_WAIT_MAX, &log).await
    };
    let (us, india) = tokio::join!(region("us-east-1"), region("ap-south-1"));
    us.and(india)?;
    npm.run(&["run", "e2e"], &of("alone"), BROWSE_WAIT_MAX).await
}

/// Where runs beside each other write what they print.
fn logs(checkout: &Checkout) -> Outcome<PathBuf> {
    let dir = checkout.binaries()?.join("xtask-scratch");
    make_passage(&dir)?;
    Ok(dir)
}

/// Makes the pictures of every screen of a running stack.
pub(crate) async fn picture(checkout: &Checkout, stack: &Stack) -> Outcome<()> {
    let npm = Npm::ready(checkout).await?;
    npm.run(&["run", "screens"], &browser_environment(checkout, stack)?, BROWSE_WAIT_MAX).await
}

fn browser_environment(checkout: &Checkout, stack: &Stack) -> Outcome<[(&'static str, String); 3]> {
    Ok([
        ("DOMICILE_STACK", stack.home.stack_json().display().to_string()),
        ("DOMICILE_ROOT", checkout.root().display().to_string()),
        ("DOMICILE_CHROMIUM", ensure_chromium()?.display().to_string()),
    ])
}

const BUILD_WAIT_MAX: Duration = Duration::from_secs(5 * 60);
const CHECK_WAIT_MAX: Duration = Duration::from_secs(5 * 60);
const BROWSE_WAIT_MAX: Duration = Duration::from_secs(40 * 60);
