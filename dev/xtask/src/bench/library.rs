//! The benchmarks that live beside the code they measure: each prints one line of JSON a result.
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::fail::{Attempt, Fail, Outcome};
use crate::pg::binaries::Binaries;
use crate::places::{Checkout, Home};
use crate::process::end_tree;
use crate::test::cluster::{TestCluster, remove_leftovers};

/// One result, as the benchmarks print it.
#[derive(Deserialize)]
pub(super) struct Line {
    /// What was measured.
    pub name: String,
    /// What it came to.
    pub figure: String,
    /// What it is compared with, and what that came to.
    pub against: String,
    /// The figure in terms of what it is compared with.
    pub ratio: Option<String>,
    /// The target, in words.
    pub reach: String,
    /// Whether the target is met; none for information.
    pub met: Option<bool>,
}

/// What the benchmarks printed, also those before and after one that failed, and whether all of them reached their end.
pub(super) struct Measured {
    pub lines: Vec<Line>,
    pub ended: Outcome<()>,
}

/// Runs every bench target of the workspace against a cluster of its own.
pub(super) async fn run(checkout: &Checkout, postgres: &Binaries) -> Outcome<Measured> {
    let home = Home::new(checkout.binaries()?.join("xtask-scratch/bench-cluster"));
    remove_leftovers(&home)?;
    let cluster = TestCluster::start_durable(home, postgres).await?;
    let measured = bench(checkout, &cluster).await;
    cluster.stop()?;
    measured
}

async fn bench(checkout: &Checkout, cluster: &TestCluster) -> Outcome<Measured> {
    let doing = || "run cargo bench".to_owned();
    let mut command = Command::new("cargo");
    command
        .args(["bench", "--workspace", "--locked", "--no-fail-fast", "--bench", "*"])
        .current_dir(checkout.root());
    command.envs(cluster.environment()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().attempt(doing)?;
    let pid = child.id();
    let output = child.stdout.take().ok_or_else(|| Fail::new("cargo has no output."))?;
    let mut results = Vec::new();
    let read_and_wait = async {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            println!("{line}");
            results.extend(serde_json::from_str::<Line>(&line));
        }
        child.wait().await
    };
    let done = tokio::time::timeout(BENCH_WAIT_MAX, read_and_wait).await;
    let ended = match done {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(status) => {
            let status = status.attempt(doing)?;
            Err(Fail::new(format!("A benchmark failed ({status}); see above.")))
        }
        Err(_elapsed) => {
            pid.into_iter().for_each(end_tree);
            let minutes = BENCH_WAIT_MAX.as_secs() / 60;
            Err(Fail::new(format!("The benchmarks did not finish within {minutes} minutes.")))
        }
    };
    Ok(Measured { lines: results, ended })
}

const BENCH_WAIT_MAX: Duration = Duration::from_secs(60 * 60);
