//! Files stay short enough to read in one sitting and open with a sentence that says what they are for.
use crate::tidy::{Finding, Source};

const LINES_MAX: usize = 600;
const COUNTED: [&str; 6] = ["rs", "sql", "ts", "tsx", "sh", "tf"];

/// Checks length and first line of every source file.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    sources.iter().flat_map(check_one).collect()
}

fn check_one(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = source.text.lines().count();
    let generated = source.path.ends_with(".gen.ts");
    if COUNTED.contains(&source.extension()) && lines > LINES_MAX && !generated {
        findings.push(Finding::new(
            &source.path,
            0,
            format!("{lines} lines; at most {LINES_MAX}: cut it in two"),
        ));
    }
    if source.extension() == "rs" && !opens_with_sentence(&source.text) {
        findings.push(Finding::new(
            &source.path,
            1,
            "must open with `//!` and one sentence that says what it is for",
        ));
    }
    findings
}

fn opens_with_sentence(text: &str) -> bool {
    let after_attributes = text.lines().skip_while(|line| line.starts_with("#!["));
    let head: Vec<&str> = after_attributes.map_while(|line| line.strip_prefix("//!")).collect();
    head.first().is_some_and(|first| first.trim().len() >= SENTENCE_CHARS_MIN)
        && head.iter().any(|line| line.contains('.'))
}

const SENTENCE_CHARS_MIN: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: String) -> usize {
        check(&[Source { path: path.to_owned(), text }]).len()
    }

    #[test]
    fn a_long_file_and_a_bare_file_are_found() {
        let head = "//! Says what this file is for.\n";
        assert_eq!(findings("a.rs", head.to_owned()), 0);
        assert_eq!(findings("a.rs", "fn main() {}\n".to_owned()), 1);
        assert_eq!(findings("a.rs", format!("#![doc = \"x\"]\n{head}")), 0);
        assert_eq!(findings("a.rs", "//!\n".to_owned()), 1);
        assert_eq!(findings("a.rs", format!("{head}{}", "x\n".repeat(600))), 1);
        assert_eq!(findings("notes.md", "x\n".repeat(700)), 0);
    }
}
