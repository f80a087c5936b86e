//! Words that must not land: unfinished work, skipped tests, paths and hosts of somebody's machine.
use crate::tidy::{Finding, Source};

/// A word, the files it is looked for in (by extension; none for all), and why it must not be there.
struct Word {
    parts: [&'static str; 2],
    only_in: &'static [&'static str],
    why: &'static str,
}

/// Each word is written in two halves, so that this list does not find itself.
const WORDS: [Word; 16] = [
    Word { parts: ["to", "do!("], only_in: &["rs"], why: "unfinished work has an issue, not a macro" },
    Word {
        parts: ["unimple", "mented!("],
        only_in: &["rs"],
        why: "unfinished work has an issue, not a macro",
    },
    Word { parts: ["FIX", "ME"], only_in: &[], why: "mend it, or name the issue" },
    Word { parts: ["TO", "DO:"], only_in: &[], why: "mend it, or name the issue" },
    Word { parts: ["#[ig", "nore"], only_in: &["rs"], why: "a skipped test proves nothing" },
    Word { parts: ["test.s", "kip"], only_in: &["ts", "tsx"], why: "a skipped test proves nothing" },
    Word { parts: ["assert!(t", "rue)"], only_in: &["rs"], why: "a test that cannot fail" },
    Word { parts: ["thread::sl", "eep"], only_in: TESTS, why: "wait on a condition with a deadline" },
    Word { parts: ["index.crates", ".io"], only_in: &[], why: "no registry is named; cargo knows its own" },
    Word { parts: ["static.crates", ".io"], only_in: &[], why: "no registry is named; cargo knows its own" },
    Word { parts: ["registry.npm", "js"], only_in: &[], why: "no registry is named; npm knows its own" },
    Word { parts: ["pythonho", "sted"], only_in: &[], why: "no registry is named; pip knows its own" },
    Word { parts: ["deb.deb", "ian.org"], only_in: &[], why: "no registry is named; apt knows its own" },
    Word { parts: ["/wo", "rk/"], only_in: &[], why: "a path of one machine" },
    Word { parts: ["/ro", "ot/"], only_in: &[], why: "a path of one machine" },
    Word { parts: ["/ho", "me/"], only_in: &[], why: "a path of one machine" },
];

/// Marks words that are looked for only in test sources.
const TESTS: &[&str] = &["tests/"];
const GENERATED: [&str; 3] = ["Cargo.lock", "package-lock.json", "dev/xtask/src/tidy/words.rs"];

/// Looks for every word in every file that is not generated.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !GENERATED.iter().any(|name| source.path.ends_with(name))) {
        for word in WORDS.iter().filter(|word| applies(word, source)) {
            let needle = word.parts.concat();
            for (number, _) in source.text.lines().enumerate().filter(|(_, line)| holds(line, &needle)) {
                findings.push(Finding::new(&source.path, number + 1, format!("`{needle}`: {}", word.why)));
            }
        }
    }
    findings
}

fn applies(word: &Word, source: &Source) -> bool {
    match word.only_in {
        [] => true,
        ["tests/"] => source.path.contains("/tests/") && source.extension() == "rs",
        extensions => extensions.contains(&source.extension()),
    }
}

/// A path counts only where it begins: `docs/wo…` is not a path of a machine.
fn holds(line: &str, needle: &str) -> bool {
    line.match_indices(needle).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        !needle.starts_with('/')
            || before.is_none_or(|c| !(c.is_ascii_alphanumeric() || "_.-{}*".contains(c)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_where_they_count() {
        let path = ["/wo", "rk/x"].concat();
        let text = format!("a\nlet p = \"{path}\";\nlet q = \"docs{path}\";\n");
        let findings = check(&[Source { path: "a.rs".to_owned(), text }]);
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
        let sleeping = ["std::thread::sl", "eep(x)"].concat();
        let in_code = Source { path: "dev/a.rs".to_owned(), text: sleeping.clone() };
        let in_test = Source { path: "app/tests/it/a.rs".to_owned(), text: sleeping };
        assert_eq!(check(&[in_code, in_test]).len(), 1);
    }
}
