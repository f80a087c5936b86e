//! Finds the system's Chromium for browser tests, installing it where there is none.
//!
//! Debian packages the same engine without windows, tabs and extensions as well. It takes three fifths of the processor time for
//! the same tests (22.4 s and 37.7 s with the test runner's own share, one clinic's desk and worklist), so it is what is looked for first.
use std::path::PathBuf;

use crate::deps;
use crate::fail::{Fail, Outcome};

/// The engine alone: Debian's name of the program and of its package.
const WINDOWLESS: &str = "chromium-headless-shell";
/// Names under which systems have it.
const NAMES: [&str; 4] = [WINDOWLESS, "chromium", "chromium-browser", "google-chrome"];
/// Letters of the portal's languages.
const FONTS: &str = "fonts-noto-core";
/// Where macOS has it.
const MAC: &str = "/Applications/Chromium.app/Contents/MacOS/Chromium";

/// A Chromium to drive.
pub(crate) fn ensure() -> Outcome<PathBuf> {
    let found = find();
    let windowless = found.as_ref().is_some_and(|found| found.ends_with(WINDOWLESS));
    // Who has another one keeps it; nobody is asked for a password to save processor time. In containers root runs this.
    let may_install = cfg!(target_os = "linux") && rustix::process::geteuid().is_root();
    match found {
        Some(found) if windowless || !may_install => return Ok(found),
        Some(_) => {
            println!("Installing the Chromium without windows for the browser tests, which is quicker.")
        }
        None => println!("Chromium is missing: installing it for the browser tests."),
    }
    let installed = deps::install("Chromium", &[WINDOWLESS, FONTS], &["--cask", "chromium"]);
    if installed.is_err() && find().is_none() {
        // Older Debian and Ubuntu have no package of that name.
        deps::install("Chromium", &["chromium", FONTS], &["--cask", "chromium"])?;
    }
    find().ok_or_else(|| Fail::new("Chromium was installed but is not where it is looked for."))
}

fn find() -> Option<PathBuf> {
    let mac = PathBuf::from(MAC);
    NAMES.iter().find_map(|name| deps::find_program(name)).or_else(|| mac.is_file().then_some(mac))
}
