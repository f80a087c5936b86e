//! Counts that may only shrink: each ratchet is a list of exceptions whose length is written down here, in review.
use std::path::Path;

use serde::Deserialize;

use crate::fail::{Attempt, Outcome};
use crate::places::read_text;
use crate::tidy::{Finding, Source};

#[derive(Deserialize)]
struct Ratchets {
    /// Files that hold one exception a line.
    #[serde(default)]
    lists: Vec<List>,
    /// Strings counted over the sources of a folder.
    #[serde(default)]
    counts: Vec<Count>,
}

#[derive(Deserialize)]
struct List {
    file: String,
    lines_max: usize,
}

#[derive(Deserialize)]
struct Count {
    what: String,
    needle: String,
    folders: Vec<String>,
    max: usize,
}

const RATCHETS: &str = "dev/xtask/ratchets.toml";

/// Compares every count with its limit: more is refused, fewer asks for the limit to follow.
pub(super) fn check(root: &Path, sources: &[Source]) -> Outcome<Vec<Finding>> {
    let text = read_text(&root.join(RATCHETS))?;
    let ratchets: Ratchets = toml::from_str(&text).attempt(|| format!("read {RATCHETS}"))?;
    let lists = ratchets.lists.iter().filter_map(|list| {
        let entries = |source: &Source| source.text.lines().filter(|line| is_entry(line)).count();
        let counted = sources.iter().find(|source| source.path == list.file).map(entries);
        match counted {
            Some(counted) => compare(&list.file, "exceptions", counted, list.lines_max),
            None => Some(Finding::new(RATCHETS, 0, format!("{} is not there", list.file))),
        }
    });
    let counts = ratchets.counts.iter().filter_map(|count| {
        let inside =
            |source: &&Source| count.folders.iter().any(|folder| source.path.starts_with(folder.as_str()));
        let rust = sources.iter().filter(inside).filter(|source| source.extension() == "rs");
        let counted = rust.map(|source| source.text.matches(&count.needle).count()).sum();
        compare(&count.what, "uses", counted, count.max)
    });
    Ok(lists.chain(counts).collect())
}

fn is_entry(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim_start().starts_with('#')
}

fn compare(what: &str, unit: &str, counted: usize, max: usize) -> Option<Finding> {
    match counted.cmp(&max) {
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(Finding::new(
            what,
            0,
            format!("{counted} {unit}, and at most {max} are allowed: this only shrinks"),
        )),
        std::cmp::Ordering::Less => Some(Finding::new(
            RATCHETS,
            0,
            format!("{what} is down to {counted} {unit}: lower its limit from {max}"),
        )),
    }
}
