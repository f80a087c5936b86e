//! Many tenants on one shard: making one, migrating none, migrating all (issue: 1,000 tenants, ≤ 2 s, ≤ 10 s, ≤ 2 min).

use std::time::{Duration, Instant};

use tenancy::migrate::{Migrator, Parallel, Plan};
use tenancy::provision::Provisioner;
use testkit::TestRegion;

use crate::support::{one_connection, patients};

/// Tenants made by default, and when a soak is asked for.
const TENANTS: usize = 24;
const TENANTS_SOAK: usize = 1_000;
/// Limits of the issue, for a thousand tenants.
const CREATE_S: u64 = 2;
const NO_OP_S: u64 = 10;
const ADDITIVE_S: u64 = 120;
/// Memory one server process may use after visiting every tenant once, in bytes a tenant.
const BACKEND_BYTES_PER_TENANT: i64 = 400_000;

#[expect(clippy::disallowed_methods, reason = "the test runner asks for a soak in the environment")]
fn how_many() -> usize {
    if std::env::var_os("DOMICILE_SOAK").is_some_and(|value| !value.is_empty()) {
        TENANTS_SOAK
    } else {
        TENANTS
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "a soak shows what it measured")]
async fn many_tenants_are_made_and_migrated_in_time() {
    let region = TestRegion::with_pool(one_connection()).await;
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let (mut tenants, mut slowest) = (Vec::new(), Duration::ZERO);
    for _ in 0..how_many() {
        let tenant = region.stranger();
        let started = Instant::now();
        provisioner.run_regional(tenant).await.unwrap();
        slowest = slowest.max(started.elapsed());
        tenants.push(tenant);
    }
    let started = Instant::now();
    assert_eq!(migrator.tenants(Parallel::default()).await.unwrap().migrated, 0);
    let no_op = started.elapsed();
    // One connection visits them all; its server process stays small enough to keep for its lifetime.
    for tenant in &tenants {
        let mut tx = region.regional.begin(*tenant, "test.visit").await.unwrap();
        assert_eq!(patients(&mut tx).await, 0);
        tx.rollback().await.unwrap();
    }
    let up = "ALTER TABLE {{ops}}.patient ADD COLUMN probe text";
    let plan = Plan::embedded().and_tenant("probe", up, "ALTER TABLE {{ops}}.patient DROP COLUMN probe");
    let extended = Migrator::with_plan(&region.migrator_config, plan).await.unwrap();
    let started = Instant::now();
    let report = extended.tenants(Parallel(4)).await.unwrap();
    let additive = started.elapsed();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(report.migrated, tenants.len() + 2);
    println!("{} tenants: slowest create {slowest:?}, no-op {no_op:?}, additive {additive:?}", tenants.len());
    for tenant in &tenants {
        provisioner.destroy(*tenant).await.unwrap();
    }
    assert!(slowest < Duration::from_secs(CREATE_S), "making one tenant took {slowest:?}");
    assert!(no_op < Duration::from_secs(NO_OP_S), "migrating nothing took {no_op:?}");
    assert!(additive < Duration::from_secs(ADDITIVE_S), "migrating all took {additive:?}");
}

#[tokio::test]
async fn a_server_process_that_visits_many_tenants_stays_small() {
    let region = TestRegion::with_pool(one_connection()).await;
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let mut tenants = Vec::new();
    for _ in 0..8 {
        let tenant = region.stranger();
        provisioner.run_regional(tenant).await.unwrap();
        tenants.push(tenant);
    }
    let mut used = Vec::new();
    for tenant in [region.alpha, region.beta].iter().chain(&tenants) {
        let mut tx = region.regional.begin(*tenant, "test.visit").await.unwrap();
        for table in ["patient", "person", "person_tag", "account", "session", "invitation", "audit_event"] {
            let sql = format!("SELECT count(*) AS number FROM {table}");
            assert_eq!(crate::support::count(&mut tx, &sql).await.unwrap(), 0);
        }
        // Linux shows a process's own memory to everybody; elsewhere there is nothing to measure.
        let pid = crate::support::backend(&mut tx).await;
        used.push(own_memory_bytes(pid));
        tx.rollback().await.unwrap();
    }
    if let (Some(Some(first)), Some(Some(last))) = (used.get(1), used.last()) {
        let growth = (last - first) / 8;
        assert!(
            growth > 0 && growth < BACKEND_BYTES_PER_TENANT,
            "{growth} bytes for each tenant visited: {used:?}"
        );
    }
    for tenant in tenants {
        provisioner.destroy(tenant).await.unwrap();
    }
}

fn own_memory_bytes(pid: i32) -> Option<i64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse::<i64>().ok().map(|kilobytes| kilobytes * 1_024)
}
