//! Builds and checks the portal with Node: installed once for a lock file, built once for a content.
mod chromium;
mod node;
mod npm;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::fail::{Attempt, Outcome};
use crate::places::Checkout;
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
        What::Browse | What::Screens => {
            let script = if matches!(what, What::Browse) { "e2e" } else { "screens" };
            browse(checkout, &Stack::existing(checkout)?, script).await?;
        }
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
    for script in ["lint", "types", "test"] {
        let result = npm.run(&["run", script], &[], CHECK_WAIT_MAX).await;
        tally.record(&format!("portal: {script}"), result.map(|()| Tally::default()));
    }
    tally.record("portal: build", ensure_built(checkout).await.map(|()| Tally::default()));
    let sizes = npm.run(&["run", "sizes"], &[], CHECK_WAIT_MAX).await;
    tally.record("portal: sizes", sizes.map(|()| Tally::default()));
}

/// Drives a running stack in a real browser.
pub(crate) async fn browse(checkout: &Checkout, stack: &Stack, script: &str) -> Outcome<()> {
    let npm = Npm::ready(checkout).await?;
    let environment = [
        ("DOMICILE_STACK", stack.home.stack_json().display().to_string()),
        ("DOMICILE_ROOT", checkout.root().display().to_string()),
        ("DOMICILE_CHROMIUM", ensure_chromium()?.display().to_string()),
    ];
    npm.run(&["run", script], &environment, BROWSE_WAIT_MAX).await
}

const BUILD_WAIT_MAX: Duration = Duration::from_secs(5 * 60);
const CHECK_WAIT_MAX: Duration = Duration::from_secs(5 * 60);
const BROWSE_WAIT_MAX: Duration = Duration::from_secs(20 * 60);
