//! Links in documents lead somewhere, and tests that documents name exist.
use std::path::{Component, Path, PathBuf};

use crate::tidy::{Finding, Source};

/// Checks every relative link of every Markdown file, and every `file.rs::test` it names.
pub(super) fn check(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.extension() == "md") {
        for (number, line) in prose(&source.text) {
            for target in targets(line) {
                if let Some(what) = broken(root, &source.path, target, sources) {
                    findings.push(Finding::new(&source.path, number, what));
                }
            }
            for named in named_tests(line) {
                if !test_exists(named, sources) {
                    findings.push(Finding::new(&source.path, number, format!("there is no test `{named}`")));
                }
            }
        }
    }
    findings
}

/// Lines with their numbers, without fenced code.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push((number + 1, line));
        }
    }
    lines
}

/// The targets of inline links on one line.
fn targets(line: &str) -> Vec<&str> {
    line.match_indices("](")
        .filter_map(|(at, _)| line.get(at + 2..)?.split_once(')').map(|(target, _)| target.trim()))
        .collect()
}

fn broken(root: &Path, from: &str, target: &str, sources: &[Source]) -> Option<String> {
    let outside = ["http://", "https://", "mailto:"].iter().any(|scheme| target.starts_with(scheme));
    if outside || target.is_empty() {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let folder = Path::new(from).parent().unwrap_or(Path::new(""));
    let path = if file.is_empty() { PathBuf::from(from) } else { resolve(&folder.join(file)) };
    if !root.join(&path).exists() {
        return Some(format!("the link to {target} leads nowhere"));
    }
    let anchor = anchor.filter(|_| path.extension().is_some_and(|extension| extension == "md"))?;
    let page = sources.iter().find(|source| Path::new(&source.path) == path)?;
    let found = prose(&page.text).iter().any(|(_, line)| line.starts_with('#') && anchor_of(line) == anchor);
    (!found).then(|| format!("the page of {target} has no such heading"))
}

/// Takes `..` and `.` out of a path without asking the file system.
fn resolve(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(resolved.pop()),
            Component::CurDir => {}
            other => resolved.push(other),
        }
    }
    resolved
}

/// A heading's anchor as forges make it: lower case, spaces to hyphens, other punctuation dropped.
fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// Underscores from which a lone snake-case word is taken for a test's name: tests are named in sentences, and besides them
/// only metrics are that long.
const TEST_NAME_UNDERSCORES_MIN: usize = 4;

/// Code spans of the form `path/to/file.rs::name`, and those that are a sentence in snake case.
fn named_tests(line: &str) -> Vec<&str> {
    let sentence = |span: &str| {
        span.matches('_').count() >= TEST_NAME_UNDERSCORES_MIN
            && span.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && !span.starts_with("domicile_")
    };
    let spans = line.split('`').skip(1).step_by(2);
    spans.filter(|span| (span.contains(".rs::") && !span.contains(' ')) || sentence(span)).collect()
}

fn test_exists(named: &str, sources: &[Source]) -> bool {
    let (file, name) = named.split_once("::").map_or((None, named), |(file, name)| (Some(file), name));
    let function = name.rsplit("::").next().unwrap_or(name);
    let declared = format!("fn {function}(");
    sources.iter().any(|source| {
        let place = file.map_or(source.extension() == "rs", |file| source.path == file);
        place && source.text.contains(&declared)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Vec<Source> {
        let code = "//! Tests.\n#[test]\nfn holds() {}\n".to_owned();
        vec![
            Source { path: "docs/a.md".to_owned(), text: text.to_owned() },
            Source { path: "dev/b.rs".to_owned(), text: code },
        ]
    }

    #[test]
    fn links_and_names_that_lead_nowhere_are_found() {
        let root = Path::new("nowhere");
        let count = |text: &str| check(root, &page(text)).len();
        assert_eq!(count("see [x](https://example.com) and [y](gone.md)"), 1);
        assert_eq!(count("held by `dev/b.rs::holds`"), 0);
        assert_eq!(count("held by `dev/b.rs::breaks`"), 1);
        assert_eq!(count("held by `a_patient_is_read_back_twice`"), 1);
        assert_eq!(count("```\n[x](gone.md)\n```"), 0);
    }

    #[test]
    fn anchors_are_made_as_forges_make_them() {
        assert_eq!(anchor_of("## A request, end to end"), "a-request-end-to-end");
    }
}
