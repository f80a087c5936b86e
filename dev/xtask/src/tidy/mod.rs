//! Checks that no compiler makes: sizes, first lines, words, links, the direction of dependencies, licences.
pub(crate) mod compliance;
mod direction;
mod expand;
mod files;
mod licences;
mod links;
mod metadata;
mod ratchets;
mod words;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fail::{Attempt, Fail, Outcome};
use crate::places::Checkout;

/// One thing to mend.
pub(crate) struct Finding {
    /// The file, relative to the checkout, or what else it is about.
    place: String,
    /// The line, from 1; 0 for the whole file.
    line: usize,
    /// What is wrong and what the rule is.
    what: String,
}

impl Finding {
    fn new(place: impl Into<String>, line: usize, what: impl Into<String>) -> Self {
        Self { place: place.into(), line, what: what.into() }
    }
}

/// A text file that git knows or would add.
pub(crate) struct Source {
    /// Its path relative to the checkout.
    path: String,
    /// Its content.
    text: String,
}

impl Source {
    fn extension(&self) -> &str {
        Path::new(&self.path).extension().and_then(|name| name.to_str()).unwrap_or_default()
    }
}

/// Runs all checks; prints each finding; the result is the number of checks.
pub(crate) fn run(checkout: &Checkout) -> Outcome<usize> {
    let sources = read_sources(checkout.root())?;
    let metadata = metadata::read(checkout.root())?;
    let rules = licences::read_rules(checkout.root())?;
    let linked = direction::names(checkout.root(), &["--workspace", "--edges", "normal,build,dev"])?;
    let checks: [(&str, Vec<Finding>); 9] = [
        ("sizes and first lines", files::check(&sources)),
        ("words", words::check(&sources)),
        ("links", links::check(checkout.root(), &sources)),
        ("migrations expand", expand::check(&sources)),
        ("compliance", compliance::findings(checkout.root(), &sources)?),
        ("ratchets", ratchets::check(checkout.root(), &sources)?),
        ("direction of dependencies", direction::check(checkout.root())?),
        ("licences", licences::check_licences(&rules, &metadata)),
        ("bans and sources", licences::check_bans(&rules, &linked, &metadata)),
    ];
    let mut bad = 0;
    for (name, findings) in &checks {
        println!("tidy: {name}: {}", if findings.is_empty() { "ok" } else { "to mend" });
        for finding in findings {
            bad += 1;
            match finding.line {
                0 => println!("  {}: {}", finding.place, finding.what),
                line => println!("  {}:{line}: {}", finding.place, finding.what),
            }
        }
    }
    if bad == 0 {
        Ok(checks.len())
    } else {
        Err(Fail::new(format!("tidy: {bad} things to mend, listed above.")))
    }
}

/// What git tracks, and what it would add: a new file is checked before its first commit.
fn read_sources(root: &Path) -> Outcome<Vec<Source>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"])
        .current_dir(root)
        .output()
        .attempt(|| "list the files with git".to_owned())?;
    if !output.status.success() {
        return Err(Fail::new("git does not know this folder.").hint("run the checks in a clone"));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut sources = Vec::new();
    for path in names.split('\0').filter(|path| !path.is_empty()) {
        let full: PathBuf = root.join(path);
        // A file that was deleted but not yet committed, or is not text, has nothing to check.
        if let Ok(text) = std::fs::read_to_string(&full) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    Ok(sources)
}
