//! One command of the checks: shown as it runs, its tests counted, ended when it takes too long.
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::fail::{Attempt, Fail, Outcome};
use crate::places::Checkout;
use crate::process::end_tree;
use crate::test::nothing_ran;
use crate::test::tally::Tally;

/// A command: cargo, or a program that reports its tests in cargo's words or in the plain ones.
pub(crate) struct Step<'a> {
    /// What it is called in the result.
    pub name: &'static str,
    /// `cargo`, or another program on the path.
    pub program: &'static str,
    /// What follows the program.
    pub arguments: Vec<&'a str>,
    /// Variables it is given.
    pub environment: Vec<(&'static str, String)>,
    /// How long it may take.
    pub wait_max: Duration,
    /// Whether others run beside it: then what it prints comes as a whole at its end.
    pub beside: bool,
}

impl Step<'_> {
    /// Runs the command; the tally holds the tests it reported, and is empty for a plain check that passed.
    pub(crate) async fn run(
        &self,
        checkout: &Checkout,
        environment: &[(&'static str, String)],
    ) -> Outcome<Tally> {
        let mut kept = Vec::new();
        let mut say = |line: String| match self.beside {
            true => kept.push(line),
            false => println!("{line}"),
        };
        say(format!("\n== {} ({} {})", self.name, self.program, self.arguments.join(" ")));
        let mut command = Command::new(self.program);
        command.args(&self.arguments).current_dir(checkout.root()).kill_on_drop(true);
        command.envs(self.environment.iter().chain(environment).map(|(name, value)| (*name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().attempt(|| format!("start {} for {}", self.program, self.name))?;
        let output = child.stdout.take().ok_or_else(|| Fail::new("the command has no output."))?;
        let pid = child.id();
        let read_and_wait = async {
            let mut tally = Tally::default();
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                tally.read_line(&line);
                say(line);
            }
            (tally, child.wait().await)
        };
        let ended = tokio::time::timeout(self.wait_max, read_and_wait).await;
        if !kept.is_empty() {
            println!("{}", kept.join("\n"));
        }
        let (tally, status) = ended.map_err(|_elapsed| {
            pid.into_iter().for_each(end_tree);
            Fail::new(format!(
                "{} did not finish within {} minutes.",
                self.name,
                self.wait_max.as_secs() / 60
            ))
        })?;
        let status = status.attempt(|| format!("wait for {}", self.name))?;
        let counted = tally.passed + tally.failed() > 0;
        let of_cargo = self.program == "cargo";
        let reports_tests =
            !of_cargo || self.arguments.first() == Some(&"test") && !self.arguments.contains(&"--doc");
        match (status.success(), reports_tests) {
            (true, true) if !counted => Err(nothing_ran(self.name)),
            (true, _) => Ok(tally),
            // A crate that does not compile fails without any test having failed.
            (false, true) if tally.failed() > 0 => Ok(tally),
            (false, _) => {
                let line = self.arguments.join(" ");
                Err(Fail::new(format!("{} {line} failed; its messages are above.", self.program)))
            }
        }
    }
}
