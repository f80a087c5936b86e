//! Licences, banned crates and sources, by the lists of `deny.toml`.
use std::path::Path;

use serde::Deserialize;

use crate::fail::{Attempt, Outcome};
use crate::places::read_text;
use crate::tidy::Finding;
use crate::tidy::metadata::{Metadata, Package};

/// The parts of `deny.toml` that need no network.
#[derive(Deserialize)]
pub(super) struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// Reads `deny.toml`.
pub(super) fn read_rules(root: &Path) -> Outcome<Rules> {
    toml::from_str(&read_text(&root.join("deny.toml"))?).attempt(|| "read deny.toml".to_owned())
}

/// Checks that every package may be used under licences of the list.
pub(super) fn check_licences(rules: &Rules, metadata: &Metadata) -> Vec<Finding> {
    let allowed = |licence: &str| rules.licenses.allow.iter().any(|one| one == licence);
    let refused = metadata.packages.iter().filter(|package| {
        let expression = package.license.as_deref().unwrap_or_default();
        !satisfied(expression, &allowed)
    });
    let said = |package: &Package| package.license.clone().unwrap_or_else(|| "no licence".to_owned());
    refused
        .map(|package| finding(package, format!("{} is not allowed by deny.toml", said(package))))
        .collect()
}

/// Checks what is really built (`linked` are the crate names of the whole tree) and where it comes from.
pub(super) fn check_bans(rules: &Rules, linked: &[String], metadata: &Metadata) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ban in &rules.bans.deny {
        if linked.contains(&ban.name) {
            findings.push(Finding::new("Cargo.lock", 0, format!("{} is banned: {}", ban.name, ban.reason)));
        }
    }
    for package in &metadata.packages {
        if package.source.as_deref().is_some_and(|source| !source.contains("crates.io-index")) {
            findings.push(finding(package, "comes from elsewhere than the public registry".to_owned()));
        }
    }
    findings
}

fn finding(package: &Package, what: String) -> Finding {
    Finding::new(format!("{} {}", package.name, package.version), 0, what)
}

/// Evaluates an SPDX expression: `AND` binds closer than `OR`; the old spelling with a slash means `OR`.
fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    either(&mut rest, allowed, NESTING_MAX) && rest.is_empty()
}

fn either(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool, depth: usize) -> bool {
    let mut good = both(rest, allowed, depth);
    while let ["OR", tail @ ..] = *rest {
        *rest = tail;
        good |= both(rest, allowed, depth);
    }
    good
}

fn both(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool, depth: usize) -> bool {
    let mut good = term(rest, allowed, depth);
    while let ["AND", tail @ ..] = *rest {
        *rest = tail;
        good &= term(rest, allowed, depth);
    }
    good
}

fn term(rest: &mut &[&str], allowed: &dyn Fn(&str) -> bool, depth: usize) -> bool {
    match *rest {
        ["(", tail @ ..] if depth > 0 => {
            *rest = tail;
            let good = either(rest, allowed, depth - 1);
            let [")", tail @ ..] = *rest else { return false };
            *rest = tail;
            good
        }
        [licence, "WITH", exception, tail @ ..] => {
            *rest = tail;
            allowed(&format!("{licence} WITH {exception}"))
        }
        [licence, tail @ ..] => {
            *rest = tail;
            allowed(licence)
        }
        [] => false,
    }
}

const NESTING_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::satisfied;

    #[test]
    fn expressions_are_read_as_spdx_means_them() {
        let allowed = |licence: &str| matches!(licence, "MIT" | "ISC" | "Apache-2.0 WITH LLVM-exception");
        let ok = |expression: &str| satisfied(expression, &allowed);
        assert!(ok("MIT"));
        assert!(ok("GPL-3.0 OR MIT"));
        assert!(ok("GPL-3.0/MIT"));
        assert!(ok("(GPL-3.0 OR MIT) AND ISC"));
        assert!(ok("Apache-2.0 WITH LLVM-exception"));
        assert!(!ok("MIT AND GPL-3.0"));
        assert!(!ok("MIT AND GPL-3.0 OR GPL-2.0"));
        assert!(!ok("(MIT"));
        assert!(!ok(""));
        assert!(!ok("Apache-2.0"));
    }
}
