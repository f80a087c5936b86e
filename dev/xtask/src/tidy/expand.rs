//! Migrations expand: what the version before still reads or writes is neither taken away, renamed, nor made harder to write.
use crate::tidy::{Finding, Source};

/// Made before the first release, when there was no version before that had to work on them.
const BEFORE_THE_FIRST_RELEASE: [&str; 2] =
    ["migrations/tenant/0003_row_mac/up.sql", "migrations/tenant/0015_row_macs/up.sql"];
/// How a migration says that it contracts, with the release since which nothing uses what it takes.
const CONTRACTS: &str = "-- contracts: ";
const TAKING: [&str; 4] = ["drop table", "drop column", "rename ", "set not null"];

/// Judges every numbered step; what is edited in place (`replaceable/`) belongs to the program that brings it.
pub(super) fn check(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| is_judged(source)) {
        for what in judge(&source.text) {
            let rule =
                "expand now, and contract in a later release with a line `-- contracts: since which one`";
            findings.push(Finding::new(&source.path, 0, format!("`{what}`: {rule}")));
        }
    }
    findings
}

fn is_judged(source: &Source) -> bool {
    let step = source.path.starts_with("migrations/") && source.path.ends_with("/up.sql");
    step && !BEFORE_THE_FIRST_RELEASE.contains(&source.path.as_str())
        && !source.text.lines().any(|line| line.starts_with(CONTRACTS))
}

/// What of a migration's text the version before cannot live with.
fn judge(text: &str) -> Vec<String> {
    let code = text.lines().map(|line| line.split("--").next().unwrap_or_default());
    let words: Vec<&str> = code.flat_map(str::split_whitespace).collect();
    // In a check it forbids nothing that was allowed.
    let code = words.join(" ").to_ascii_lowercase().replace("is not null", "");
    let mut found = Vec::new();
    for statement in code.split(';') {
        found.extend(
            TAKING.iter().filter(|taking| statement.contains(**taking)).map(|taking| (*taking).to_owned()),
        );
        let altered = statement.split("alter column ").skip(1);
        found.extend(altered.filter(|clause| clause.split(' ').nth(1) == Some("type")).map(first_words));
        let added = statement.split("add column ").skip(1);
        // The version before names no value for a column that it does not know.
        let demanding = |clause: &&str| {
            clause.contains("not null") && !clause.contains("default ") && !clause.contains("generated ")
        };
        found.extend(added.filter(demanding).map(first_words));
    }
    found
}

fn first_words(clause: &str) -> String {
    clause.split(' ').take(WORDS_SHOWN).collect::<Vec<_>>().join(" ")
}

const WORDS_SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let sources = [Source { path: path.to_owned(), text: text.to_owned() }];
        check(&sources).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_the_version_before_cannot_live_with_is_found() {
        let step = "migrations/tenant/0099_x/up.sql";
        for bad in [
            "DROP TABLE {{ops}}.visit;",
            "ALTER TABLE {{ops}}.visit\n    DROP COLUMN room;",
            "ALTER TABLE {{ops}}.visit RENAME COLUMN room TO place;",
            "ALTER TABLE {{ops}}.visit ALTER COLUMN room TYPE text;",
            "ALTER TABLE {{ops}}.visit ALTER COLUMN room SET NOT NULL;",
            "ALTER TABLE {{ops}}.visit ADD COLUMN a text DEFAULT 'x', ADD COLUMN room text NOT NULL;",
        ] {
            assert_eq!(found(step, bad).len(), 1, "{bad}: {:?}", found(step, bad));
            assert_eq!(found(step, &format!("-- contracts: unused since 2.3\n{bad}")), [""; 0], "{bad}");
            assert_eq!(found("migrations/replaceable/tenant/10_x.sql", bad), [""; 0], "{bad}");
        }
        for good in [
            "CREATE TABLE {{ops}}.visit (room text NOT NULL);",
            "-- DROP TABLE would be wrong\nALTER TABLE {{ops}}.visit ADD COLUMN room text;",
            "ALTER TABLE {{ops}}.visit ADD COLUMN room text NOT NULL DEFAULT '';",
            "ALTER TABLE {{ops}}.visit ADD COLUMN room text CHECK (room IS NOT NULL OR true);",
            "ALTER TABLE {{ops}}.visit ALTER COLUMN room DROP NOT NULL;",
            "ALTER TABLE {{ops}}.visit DROP CONSTRAINT kind_check, ADD CONSTRAINT kind_check CHECK (kind <> '');",
        ] {
            assert_eq!(found(step, good), [""; 0], "{good}");
        }
    }
}
