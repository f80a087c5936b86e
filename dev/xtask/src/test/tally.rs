//! Counts what passed and keeps what failed until the end, where people look.
use crate::fail::Fail;

/// Checks that passed, and each failure with its reason.
#[derive(Default)]
pub(crate) struct Tally {
    /// How many passed.
    pub passed: usize,
    failures: Vec<String>,
    failed_tests: usize,
    failed_names: Vec<String>,
    unchecked: Vec<String>,
}

impl Tally {
    /// Counts one check, or the tests that it ran.
    pub(crate) fn record(&mut self, name: &str, result: Result<Self, Fail>) {
        match result {
            Ok(inner) if inner.passed == 0 && inner.failed() == 0 => {
                self.passed += 1;
                println!("ok: {name}");
            }
            Ok(inner) => {
                self.passed += inner.passed;
                self.failures.extend(inner.failures);
                self.unchecked.extend(inner.unchecked);
                if inner.failed_tests > 0 {
                    let (count, names) = (inner.failed_tests, inner.failed_names.join(", "));
                    self.failures.push(format!("{name}: {count} tests failed, see above: {names}"));
                    self.failed_tests += inner.failed_tests - 1;
                }
            }
            Err(fail) => {
                println!("FAILED: {name}: {fail}");
                self.failures.push(format!("{name}: {fail}"));
            }
        }
    }

    /// Takes over the counts of a part.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed_tests += other.failed_tests;
        self.failed_names.extend(other.failed_names);
        self.failures.extend(other.failures);
        self.unchecked.extend(other.unchecked);
    }

    /// Reads a result line of cargo's test harness, `test result: ok. 3 passed; 0 failed; …`, or of the checks of
    /// `infra/`: `3 passed, 0 failed` alone, and a line that begins with `NOT CHECKED` for what lacked a tool.
    pub(crate) fn read_line(&mut self, line: &str) {
        if let Some(part) = line.strip_prefix("NOT CHECKED ") {
            self.unchecked.push(part.to_owned());
        }
        let failed = line.strip_prefix("test ").and_then(|test| test.strip_suffix(" ... FAILED"));
        self.failed_names.extend(failed.map(str::to_owned));
        if let Some((passed, failed)) = plain_counts(line) {
            self.passed += passed;
            self.failed_tests += failed;
        }
        let Some((_, counts)) = line.split_once("test result: ") else { return };
        let count = |unit: &str| {
            let (before, _) = counts.split_once(unit)?;
            before.split_whitespace().next_back()?.parse::<usize>().ok()
        };
        self.passed += count(" passed").unwrap_or(0);
        self.failed_tests += count(" failed").unwrap_or(0);
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed_tests + self.failures.len()
    }

    /// Repeats every failure, and what could not be checked, so that nobody scrolls.
    pub(crate) fn print_failures(&self) {
        for part in &self.unchecked {
            println!("\nNOT CHECKED: {part}");
        }
        for failure in &self.failures {
            println!("\nFAILED: {failure}");
        }
    }
}

/// `3 passed, 0 failed` and nothing else.
fn plain_counts(line: &str) -> Option<(usize, usize)> {
    let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
    Some((passed.parse().ok()?, failed.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_added_up() {
        let mut tally = Tally::default();
        tally.read_line(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s",
        );
        tally.read_line("test result: FAILED. 3 passed; 2 failed; 0 ignored");
        tally.read_line("test it::works ... ok");
        assert_eq!((tally.passed, tally.failed()), (15, 2));
        tally.read_line("7 passed, 1 failed");
        tally.read_line("     7 passed, 1 failed in an inner run");
        tally.read_line("NOT CHECKED emulator: no moto");
        assert_eq!((tally.passed, tally.failed()), (22, 3));
        assert_eq!(tally.unchecked, ["emulator: no moto"]);
    }

    #[test]
    fn failed_tests_are_counted_once_each() {
        let inner = Tally { passed: 1, failed_tests: 2, ..Tally::default() };
        let mut outer = Tally::default();
        outer.record("tests", Ok(inner));
        outer.record("lint", Err(Fail::new("no")));
        outer.record("format", Ok(Tally::default()));
        assert_eq!((outer.passed, outer.failed()), (2, 3));
    }
}
