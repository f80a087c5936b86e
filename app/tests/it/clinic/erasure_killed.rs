//! An erasure whose process is killed before each of its steps, one process after the other: it is ended once, under one number.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use localaws::{Fault, FaultKind, Service};
use serde_json::{Value, json};
use tenancy::SchemaName;
use tenancy::keys::ledger;
use tokio::process::{Child, Command};
use tokio_postgres::Client;

use super::erasure::Case;
use crate::control::{TestControl, worker_config};

/// Longest time a process takes to come to where it is killed.
const ARRIVES_WITHIN: Duration = Duration::from_secs(60);

/// `domicile admin erasure resume`, which does what the worker's job does.
fn resume(config: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
    command.args(["admin", "--json", "--config"]).arg(config).args(["erasure", "resume"]);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true).spawn().unwrap()
}

async fn until(what: &str, mut reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + ARRIVES_WITHIN;
    while !reached().await {
        assert!(Instant::now() < deadline, "no process came to {what}");
        tokio::task::yield_now().await;
    }
}

/// Kills a process that waits for a row which `holder` has locked.
async fn killed_waiting(config: &Path, what: &str, holder: &Client, lock: &str) {
    holder.batch_execute(&format!("BEGIN; {lock} FOR UPDATE")).await.unwrap();
    let mut child = resume(config);
    let waits = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    until(what, async || {
        // A transaction sees the activity of when it first looked.
        holder.batch_execute("SELECT pg_stat_clear_snapshot()").await.unwrap();
        holder.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) > 0
    })
    .await;
    child.kill().await.unwrap();
    holder.batch_execute("ROLLBACK").await.unwrap();
    // The session of the dead process has seen that it is dead, or has done its statement.
    until("the end of its session", async || {
        holder.query_one(waits, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
}

/// Kills a process that waits for an answer which never comes.
async fn killed_asking(
    case: &Case,
    config: &Path,
    (service, operation): (Service, &str),
    reached: impl AsyncFnMut() -> bool,
) {
    let faults = case.world.region.aws.faults();
    faults.inject(Fault {
        service,
        operation: Some(operation.to_owned()),
        kind: FaultKind::Hang,
        times: None,
    });
    let mut child = resume(config);
    until(operation, reached).await;
    child.kill().await.unwrap();
    faults.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_killed_before_each_step_is_ended_by_the_next_process_under_the_same_number() {
    let case = Case::new().await;
    let (region, tenant) = (&case.world.region, case.world.alpha.tenant.id);
    let control = TestControl::start().await;
    let config = worker_config(&control, region, 0);
    let (ops, phi) = (SchemaName::ops(tenant).quoted(), SchemaName::phi(tenant).quoted());
    case.agreed().await;
    let (shard, keys) = (region.superuser().await, region.key_superuser().await);

    killed_waiting(&config, "hiding", &shard, &format!("SELECT FROM {ops}.patient")).await;
    assert_eq!(case.last().await["state"], "approved");
    killed_waiting(&config, "the key", &keys, "SELECT FROM keystore.subject_key").await;
    assert_eq!(case.last().await["state"], "shredding");
    killed_asking(&case, &config, (Service::S3, "PutObject"), async || case.left().await.2 == 0).await;
    assert_eq!(ledger::first_after(region.regional.archive(), 0).await, Ok(None));
    killed_waiting(&config, "the rows", &shard, &format!("SELECT FROM {phi}.person")).await;
    assert!(case.left().await.0 > 0);
    killed_asking(&case, &config, (Service::S3, "DeleteObject"), async || case.left().await.0 == 0).await;
    assert_eq!(case.left().await.1, 1, "the object is still known");
    killed_asking(&case, &config, (Service::Kms, "Sign"), async || case.left().await.1 == 0).await;
    assert_eq!(case.last().await["certificate"], Value::Null);

    let ended = resume(&config).wait_with_output().await.unwrap();
    assert!(ended.status.success());
    let said: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!((said.as_array().unwrap().len(), &said[0]["outcome"]), (1, &json!("shredded")));
    let view = case.last().await;
    assert_eq!((&view["state"], &view["ledger_seq"]), (&json!("shredded"), &json!(1)));
    assert_eq!(case.left().await, (0, 0, 0));
    assert_eq!(ledger::first_after(region.regional.archive(), 1).await, Ok(None), "one entry, not more");
    let log = case.world.audit(&case.world.alpha).await;
    assert_eq!(log.iter().filter(|entry| entry.0 == "erasure.end").count(), 1);

    // The certificate is checked with nothing but the region's public key, and not when a letter of it differs.
    let folder = control.folder();
    let (certificate, key) = (folder.join("certificate.json"), folder.join("region.pem"));
    let domicile = |args: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_domicile"));
        command.arg("admin").args(args).output().unwrap()
    };
    let public = domicile(&["--config", config.to_str().unwrap(), "keys", "public"]);
    std::fs::write(&key, public.stdout).unwrap();
    let check = |text: String| {
        std::fs::write(&certificate, text).unwrap();
        let paths = (certificate.to_str().unwrap(), key.to_str().unwrap());
        domicile(&["--json", "erasure", "verify", "--certificate", paths.0, "--key", paths.1])
    };
    let good = check(view["certificate"].to_string());
    let said: Value = serde_json::from_slice(&good.stdout).unwrap();
    assert_eq!(said[0]["ledger_seq"], json!(1), "{said}");
    assert!(good.status.success());
    let forged = view["certificate"].to_string().replace("registered_in_error", "registered_in_errer");
    assert!(!check(forged).status.success());
}
