//! Finds the system's Chromium for browser tests, installing it where there is none.
use std::path::PathBuf;

use crate::deps;
use crate::fail::{Fail, Outcome};

/// Names under which systems have it.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];
/// Where macOS has it.
const MAC: &str = "/Applications/Chromium.app/Contents/MacOS/Chromium";

/// A Chromium to drive.
pub(crate) fn ensure() -> Outcome<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    println!("Chromium is missing: installing it for the browser tests.");
    deps::install("Chromium", &["chromium", "fonts-noto-core"], &["--cask", "chromium"])?;
    find().ok_or_else(|| Fail::new("Chromium was installed but is not where it is looked for."))
}

fn find() -> Option<PathBuf> {
    let mac = PathBuf::from(MAC);
    NAMES.iter().find_map(|name| deps::find_program(name)).or_else(|| mac.is_file().then_some(mac))
}
