//! The compliance table: each control of the law, the code that carries it out and the tests that hold it, checked and written.
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use crate::fail::{Attempt, Outcome};
use crate::places::{Checkout, read_text};
use crate::tidy::{Finding, Source, read_sources};

/// What is written by hand.
const TABLE: &str = "docs/compliance.toml";
/// What is made of it.
const PAGE: &str = "docs/compliance.md";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// One entry a control.
    control: Vec<Control>,
    /// What no test of this repository can show.
    outside: Vec<Outside>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Control {
    /// What must be so.
    what: String,
    /// Where the law or standard asks for it.
    asked_by: Vec<String>,
    /// Files or folders that carry it out.
    code: Vec<String>,
    /// Functions of Rust tests, scenarios of the end-to-end run, or checks and mutations of `infra/`, by name.
    tests: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Outside {
    what: String,
    asked_by: Vec<String>,
    why: String,
}

/// Writes the page anew.
pub(crate) fn write(checkout: &Checkout) -> Outcome<()> {
    let path = checkout.root().join(PAGE);
    std::fs::write(&path, page(&read(checkout.root())?)).attempt(|| format!("write {PAGE}"))?;
    let missing = findings(checkout.root(), &read_sources(checkout.root())?)?;
    println!("{PAGE} is written; {} things to mend", missing.len());
    for finding in missing {
        println!("  {}: {}", finding.place, finding.what);
    }
    Ok(())
}

/// Names that lead nowhere, and a page that is not what the table says.
pub(super) fn findings(root: &Path, sources: &[Source]) -> Outcome<Vec<Finding>> {
    let table = read(root)?;
    let mut found = Vec::new();
    for control in &table.control {
        if control.asked_by.is_empty() || control.code.is_empty() || control.tests.is_empty() {
            found.push(Finding::new(TABLE, 0, format!("{}: needs a source, code and tests", control.what)));
        }
        for path in control.code.iter().filter(|path| !root.join(path).exists()) {
            found.push(Finding::new(TABLE, 0, format!("{}: there is no {path}", control.what)));
        }
        for test in control.tests.iter().filter(|test| place_of(test, sources).is_none()) {
            found.push(Finding::new(TABLE, 0, format!("{}: there is no test `{test}`", control.what)));
        }
    }
    if !sources.iter().any(|source| source.path == PAGE && source.text == page(&table)) {
        found.push(Finding::new(PAGE, 0, format!("is not made of {TABLE}: run `cargo xtask compliance`")));
    }
    Ok(found)
}

fn read(root: &Path) -> Outcome<Table> {
    toml::from_str(&read_text(&root.join(TABLE))?).attempt(|| format!("read {TABLE}"))
}

/// The file that declares a test: a function, or a string that names a scenario, check or mutation.
fn place_of<'a>(test: &str, sources: &'a [Source]) -> Option<&'a str> {
    let (function, name) = (format!("fn {test}("), format!("\"{test}\""));
    let declares = |source: &&Source| match source.extension() {
        "rs" if source.path.contains("/e2e/") => source.text.contains(&name),
        "rs" => source.text.contains(&function),
        "py" | "hcl" => source.text.contains(&name),
        _ => false,
    };
    sources.iter().find(declares).map(|source| source.path.as_str())
}

fn page(table: &Table) -> String {
    let mut out = String::from(HEAD);
    for control in &table.control {
        let code: Vec<String> = control.code.iter().map(|path| format!("[{path}](../{path})")).collect();
        let tests: Vec<String> = control.tests.iter().map(|test| format!("`{test}`")).collect();
        let (asked, code, tests) = (control.asked_by.join("; "), code.join(", "), tests.join(", "));
        // Writing into a string does not fail.
        let _written = writeln!(out, "| {} | {asked} | {code} | {tests} |", control.what);
    }
    out.push_str(OUTSIDE);
    for outside in &table.outside {
        let _written =
            writeln!(out, "| {} | {} | {} |", outside.what, outside.asked_by.join("; "), outside.why);
    }
    out
}

const HEAD: &str = "\
# Controls, code, tests

Made by `cargo xtask compliance` from `docs/compliance.toml`; `cargo xtask tidy` fails when a file or test named here does not exist or this
page is older than that file. Every test runs in `make test`, changes of Terraform's plans in a job beside it in both pipelines, so a row says what
held in the last run, not what was meant. It is an engineer's map for a lawyer and no legal advice: a control is part of an answer to its source,
seldom all of it.

| what must be so | asked by | code | tests |
|---|---|---|---|
";

const OUTSIDE: &str = "
## What no test here can show

| what | asked by | who must see to it |
|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_test_is_a_function_a_scenario_or_a_check() {
        let sources = [
            source("app/tests/it/x.rs", "fn it_holds() {}"),
            source("dev/xtask/src/e2e/mod.rs", "(\"the stack stops\", x)"),
            source("infra/tests/m.py", "Mutation(\"a public bucket\", x)"),
            source("docs/x.md", "\"only written\" fn only_written("),
        ];
        assert_eq!(place_of("it_holds", &sources), Some("app/tests/it/x.rs"));
        assert!(place_of("the stack stops", &sources).is_some());
        assert!(place_of("a public bucket", &sources).is_some());
        assert!(place_of("only written", &sources).is_none());
        assert!(place_of("only_written", &sources).is_none());
    }
}
