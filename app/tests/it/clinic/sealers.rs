//! The audit log's sealer as a process that is stopped and goes on, or is killed between any two steps: one history, without a
//! fork and without a gap (security.md T45, T46).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use app::audit;
use localaws::{Fault, FaultKind, Service};
use rustix::process::Signal;
use serde_json::Value;
use testkit::TestRegion;
use tokio_postgres::Client;

use crate::control::{TestControl, Worker, worker_config};

/// Longest wait for a step of a sealer: its lease, its pauses, and a busy machine.
const ARRIVES_WITHIN: Duration = Duration::from_secs(90);
/// Pause between two looks; each look is a query.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A region with worker processes.
struct Case {
    region: TestRegion,
    shard: Client,
    configs: [PathBuf; 2],
    control: TestControl,
}

impl Case {
    async fn new() -> Self {
        let (control, region) = (TestControl::start().await, TestRegion::new().await);
        let configs = [0, 1].map(|number| worker_config(&control, &region, number));
        Self { shard: region.superuser().await, configs, control, region }
    }

    async fn events(&self, count: u32) {
        for _ in 0..count {
            let tx = self.region.regional.begin(self.region.alpha, "test").await.unwrap();
            tx.commit(audit::by_system("test.sealers")).await.unwrap();
        }
    }

    async fn number(&self, sql: &str) -> i64 {
        self.shard.query_one(sql, &[]).await.unwrap().get(0)
    }

    /// The term of office of whoever seals.
    async fn fence(&self) -> i64 {
        self.number("SELECT coalesce(max(fence), 0) FROM audit.log").await
    }

    async fn until_sealed(&self) {
        until("the sealing of every event", async || {
            self.number("SELECT count(*) FROM audit.pending").await == 0
        })
        .await;
    }

    async fn until_published(&self) {
        self.until_sealed().await;
        until("the publishing of everything sealed", async || {
            let sql = "SELECT count(*) FROM audit.checkpoint c WHERE version IS NULL
                AND size = (SELECT max(size) FROM audit.checkpoint WHERE epoch = c.epoch)";
            self.number(sql).await == 0
        })
        .await;
    }

    /// What the product's own command says of the archive, and of every row beside it.
    fn verified(&self) -> Value {
        let folder = tempfile::tempdir().unwrap();
        let said = domicile(&["audit", "verify", "--rows", "--json"], &self.configs[0], folder.path());
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout));
        serde_json::from_slice(&said.stdout).unwrap()
    }

    /// One log, with exactly so many events, of which the clinic's rows are all.
    fn is_one_history_of(&self, events: u32) {
        let said = self.verified();
        assert_eq!(said["logs"].as_array().unwrap().len(), 1, "{said}");
        assert_eq!(said["logs"][0]["events"], events, "{said}");
        assert_eq!(said["rows"][0]["events"], events, "{said}");
    }

    /// Ends the sessions of a dead process, which its server's machine would learn of by itself: a statement that waits there
    /// for a lock would otherwise still be done when it gets it.
    async fn end_sessions(&self) {
        let end = format!("SELECT count(pg_terminate_backend(pid)) {SESSIONS}");
        self.number(&end).await;
        let left = format!("SELECT count(*) {SESSIONS}");
        until("the end of the dead process's sessions", async || self.number(&left).await == 0).await;
    }

    /// Waits until a session of a sealer waits for a lock that the test holds.
    async fn until_it_waits(&self, what: &str) {
        let waiting = format!("SELECT count(*) {SESSIONS} AND wait_event_type = 'Lock'");
        until(what, async || self.number(&waiting).await > 0).await;
    }
}

/// The sessions of sealers.
const SESSIONS: &str = "FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'domicile-sealer'";

fn domicile(args: &[&str], config: &Path, to: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.args(args).arg("--config").arg(config).arg("--to").arg(to);
    command.output().unwrap()
}

async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + ARRIVES_WITHIN;
    while !reached().await {
        assert!(Instant::now() < deadline, "it did not come to {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t45_a_stopped_worker_that_goes_on_after_another_took_over_changes_nothing() {
    let case = Case::new().await;
    let workers = case.configs.each_ref().map(|config| Worker::start(config));
    until("a first leader", async || case.fence().await == 1).await;
    case.events(3).await;
    case.until_published().await;
    let led = |worker: &Worker| worker.log().matches("audit_sealer_leads").count();
    let failures = |worker: &Worker| worker.log().matches("audit_sealer_failed").count();
    let (first, second) = if led(&workers[0]) == 1 { (0, 1) } else { (1, 0) };

    // Stopped wherever it is, mostly between two batches. The other waits for the lease and goes on.
    let before = failures(&workers[first]);
    workers[first].signal(Signal::STOP);
    case.events(3).await;
    until("another leader", async || case.fence().await == 2).await;
    case.until_sealed().await;
    let sealed = case.number("SELECT size FROM audit.log").await;
    workers[first].signal(Signal::CONT);
    // Between two batches it is fenced off (`tenancy`'s tests hold it to that); within one its transaction was ended.
    until("the end of the first one's turn", async || failures(&workers[first]) > before).await;
    assert!(case.number("SELECT size FROM audit.log").await >= sealed);
    assert_eq!(led(&workers[second]), 1);

    // Stopped within a batch, holding the log's row: PostgreSQL ends the transaction, and the turn ends like any other.
    let holder = case.region.superuser().await;
    holder.batch_execute("BEGIN; LOCK TABLE audit.sealed IN EXCLUSIVE MODE").await.unwrap();
    case.events(3).await;
    case.until_it_waits("the middle of a batch").await;
    let before = failures(&workers[second]);
    workers[second].signal(Signal::STOP);
    holder.batch_execute("ROLLBACK").await.unwrap();
    until("a third leader", async || case.fence().await == 3).await;
    case.until_sealed().await;
    workers[second].signal(Signal::CONT);
    case.events(3).await;
    case.until_published().await;
    until("the second one's failure", async || failures(&workers[second]) > before).await;
    assert_eq!(case.fence().await, 3, "the third leader still leads");
    case.is_one_history_of(12);
    drop(case.control);
}

#[tokio::test(flavor = "multi_thread")]
async fn t46_workers_killed_between_the_commit_the_archive_and_the_mark_leave_no_fork_and_no_gap() {
    let case = Case::new().await;
    let faults = case.region.aws.faults();
    // The next worker need not wait for the end of the dead one's lease; that it would is T45's.
    let expire = "UPDATE audit.log SET lease_until = '-infinity'";
    let silent = || Fault {
        service: Service::S3,
        operation: Some("PutObject".to_owned()),
        kind: FaultKind::Hang,
        times: None,
    };

    // Within the batch: nothing of it is kept.
    let holder = case.region.superuser().await;
    holder.batch_execute("BEGIN; LOCK TABLE audit.sealed IN EXCLUSIVE MODE").await.unwrap();
    case.events(3).await;
    let mut worker = Worker::start(&case.configs[0]);
    case.until_it_waits("the middle of a batch").await;
    worker.kill();
    case.end_sessions().await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(case.number("SELECT count(*) FROM audit.sealed").await, 0);
    case.shard.batch_execute(expire).await.unwrap();

    // Between the commit of a batch and its first put.
    faults.inject(silent());
    let mut worker = Worker::start(&case.configs[1]);
    case.until_sealed().await;
    until("a put", async || faults.calls(Service::S3, "PutObject") > 0).await;
    worker.kill();
    assert_eq!(case.number("SELECT count(*) FROM audit.checkpoint WHERE version IS NOT NULL").await, 0);
    faults.clear();
    case.shard.batch_execute(expire).await.unwrap();

    // Between the put of the signed checkpoint and the mark that it was put.
    holder.batch_execute("BEGIN; SELECT FROM audit.checkpoint FOR UPDATE").await.unwrap();
    let mut worker = Worker::start(&case.configs[0]);
    case.until_it_waits("the mark").await;
    worker.kill();
    case.end_sessions().await;
    holder.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(case.number("SELECT count(*) FROM audit.checkpoint WHERE version IS NOT NULL").await, 0);
    case.is_one_history_of(3);
    case.shard.batch_execute(expire).await.unwrap();

    // The next one finds what is there, and goes on.
    case.events(2).await;
    let _worker = Worker::start(&case.configs[1]);
    case.until_published().await;
    case.is_one_history_of(5);
    drop(case.control);
}
