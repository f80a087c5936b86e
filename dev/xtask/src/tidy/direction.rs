//! Dependencies run one way: `regions ← tenancy ← app` and `auditlog ← tenancy`; nothing that ships depends on `dev/`.
use std::path::Path;
use std::process::Command;

use crate::fail::{Attempt, Fail, Outcome};
use crate::tidy::Finding;

/// A shipped crate and what its dependencies, however deep, must not hold. A trailing `*` stands for any ending.
const MUST_NOT_REACH: [(&str, &[&str]); 4] = [
    (
        "auditlog",
        &[
            "regions",
            "tenancy",
            "app",
            "tokio",
            "hyper",
            "rustls",
            "diesel",
            "diesel-async",
            "tokio-postgres",
            "actix-*",
            "aws-sdk-*",
            "aws-config",
            "localaws",
            "testkit",
            "xtask",
        ],
    ),
    (
        "regions",
        &[
            "tenancy",
            "app",
            "diesel",
            "diesel-async",
            "actix-*",
            "aws-sdk-*",
            "aws-config",
            "localaws",
            "testkit",
            "xtask",
        ],
    ),
    ("tenancy", &["app", "actix-*", "localaws", "testkit", "xtask"]),
    ("app", &["localaws", "testkit", "xtask"]),
];

/// Reads each crate's tree as cargo resolves it, without dev-dependencies.
pub(super) fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for (name, forbidden) in MUST_NOT_REACH {
        for dependency in names(root, &["--package", name, "--edges", "normal,build"])? {
            if dependency != name && forbidden.iter().any(|pattern| matches(pattern, &dependency)) {
                findings.push(Finding::new(
                    format!("{name}/Cargo.toml"),
                    0,
                    format!("{name} must not reach {dependency}; a new edge needs an ADR"),
                ));
            }
        }
    }
    Ok(findings)
}

/// The names of all crates in the tree that `selection` asks cargo for, as built on this machine.
pub(super) fn names(root: &Path, selection: &[&str]) -> Outcome<Vec<String>> {
    let output = Command::new("cargo")
        .args(["tree", "--locked", "--prefix", "none", "--format", "{p}"])
        .args(selection)
        .current_dir(root)
        .output()
        .attempt(|| "read the dependencies with cargo tree".to_owned())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Fail::new(format!("cargo tree failed:\n{}", said.trim())));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut names: Vec<String> =
        text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_stands_for_any_ending() {
        assert!(matches("actix-*", "actix-web"));
        assert!(!matches("app", "apple"));
    }
}
