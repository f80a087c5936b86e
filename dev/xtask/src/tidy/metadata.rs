//! What `cargo metadata` says about every package of the lock file.
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::fail::{Attempt, Fail, Outcome};

/// The packages of the workspace and everything they depend on.
#[derive(Deserialize)]
pub(super) struct Metadata {
    /// One for each version of each crate.
    pub packages: Vec<Package>,
}

/// One version of one crate.
#[derive(Deserialize)]
pub(super) struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence expression (SPDX), where it has one.
    pub license: Option<String>,
    /// Where it comes from; none for our own crates.
    pub source: Option<String>,
}

/// Asks cargo about what is built on a machine like this one.
pub(super) fn read(root: &Path) -> Outcome<Metadata> {
    let doing = || "run cargo metadata".to_owned();
    let about = Command::new("rustc").arg("-vV").current_dir(root).output().attempt(doing)?;
    let about = String::from_utf8_lossy(&about.stdout).into_owned();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", host])
        .current_dir(root)
        .output()
        .attempt(doing)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Fail::new(format!("cargo metadata failed:\n{}", said.trim()))
            .hint("if Cargo.lock is out of date, run `cargo check` once and commit it"));
    }
    serde_json::from_slice(&output.stdout).attempt(|| "read what cargo metadata says".to_owned())
}
