//! Cancelled, panicking and killed transactions leave nothing behind, and crowds of tenants stay apart (security.md
//! T08-T10, T16, T17; residency.md (b) 23).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use regions::ids::TenantId;
use tenancy::config::PoolConfig;
use tenancy::provision::Provisioner;
use tenancy::{RoleName, TenantRef, TxError};
use testkit::TestRegion;

use crate::support::{
    BUSY, connections, count, entry, execute, id, insert_patient, one_connection, patient, patients, until,
    word,
};

/// Points at which the transaction is cancelled, and how far apart they are, in microseconds.
const CANCELLATIONS: u64 = 520;
const CANCELLATION_STEP_US: u64 = 10;

/// A transaction that uses everything: a write, a job, an audit entry, a commit.
async fn busy(region: &TestRegion, tenant: TenantRef) -> Result<(), TxError> {
    let patient = id();
    let mut tx = region.regional.begin(tenant, "test.cancelled").await?;
    insert_patient(&mut tx, tenant.id, patient).await?;
    tx.enqueue("test.job", tenancy::JobPayload::new(tenant.id).id("patient", patient), None).await?;
    count(&mut tx, "SELECT count(*) AS number FROM patient").await?;
    tx.commit(entry(patient)).await?;
    Ok(())
}

#[tokio::test]
async fn cancelled_anywhere_a_transaction_leaves_no_trace() {
    let region = TestRegion::with_pool(one_connection()).await;
    let (mut cancelled, mut finished) = (0_u64, 0_u64);
    for point in 0..CANCELLATIONS {
        let delay = Duration::from_micros(point * CANCELLATION_STEP_US);
        match tokio::time::timeout(delay, busy(&region, region.alpha)).await {
            Ok(done) => {
                done.unwrap();
                finished += 1;
            }
            Err(_elapsed) => cancelled += 1,
        }
        // The next borrower of the one connection is somebody else, and finds nothing but their own.
        let mut tx = region.regional.begin(region.beta, "test.next").await.unwrap_or_else(|error| {
            panic!("after {delay:?}: {error:?}");
        });
        let role = word(&mut tx, "SELECT current_user::text AS word").await.unwrap();
        assert_eq!(role, RoleName::of(region.beta.id).as_str(), "after {delay:?}");
        assert_eq!(patients(&mut tx).await, 0, "after {delay:?}");
        tx.rollback().await.unwrap();
    }
    assert!(cancelled >= 100, "cancelled {cancelled}, finished {finished}");
    // What was committed was committed whole: a patient, its job and its audit entry, or none of them.
    let mut tx = region.regional.begin(region.alpha, "test.count").await.unwrap();
    let rows = patients(&mut tx).await;
    let audited = count(&mut tx, "SELECT count(*) AS number FROM audit_event").await.unwrap();
    assert_eq!(rows, audited);
    let superuser = region.superuser().await;
    let jobs: i64 =
        superuser.query_one("SELECT count(*) FROM graphile_worker._private_jobs", &[]).await.unwrap().get(0);
    assert_eq!(rows, jobs);
}

#[tokio::test]
async fn cancelled_at_every_await_a_transaction_leaves_no_trace() {
    use std::future::Future;
    use std::task::Poll;
    let region = TestRegion::with_pool(one_connection()).await;
    let mut polls_max = 1_u32;
    let mut at = 1_u32;
    // Drops the future after its first, second, third … poll until one run needs no more polls than it is allowed.
    while at <= polls_max {
        let mut work = Box::pin(busy(&region, region.alpha));
        let mut polls = 0_u32;
        let ended = std::future::poll_fn(|context| {
            polls += 1;
            match work.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if polls >= at => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await;
        drop(work);
        match ended {
            Some(done) => done.unwrap(),
            None => polls_max = polls_max.max(at + 1),
        }
        let mut tx = region.regional.begin(region.beta, "test.next").await.unwrap();
        assert_eq!(patients(&mut tx).await, 0, "after {at} polls");
        tx.rollback().await.unwrap();
        at += 1;
    }
    assert!(polls_max > 5, "the transaction awaits {polls_max} times");
}

#[tokio::test]
async fn an_abandoned_transaction_is_rolled_back_at_once() {
    let region = TestRegion::with_pool(connections(2)).await;
    let row = patient(&region, region.alpha).await;
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    execute(&mut tx, &format!("SELECT 1 FROM patient WHERE id = '{row}' FOR UPDATE")).await.unwrap();
    drop(tx);
    // Its lock is free long before any timeout of the server would free it.
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    execute(&mut tx, &format!("SELECT 1 FROM patient WHERE id = '{row}' FOR UPDATE")).await.unwrap();
}

#[tokio::test]
async fn a_panic_rolls_back() {
    let region = Arc::new(TestRegion::with_pool(one_connection()).await);
    let inside = Arc::clone(&region);
    let panicked = tokio::spawn(async move {
        let mut tx = inside.regional.begin(inside.alpha, "test.panic").await.unwrap();
        insert_patient(&mut tx, inside.alpha.id, id()).await.unwrap();
        panic!("as meant");
    })
    .await;
    assert!(panicked.unwrap_err().is_panic());
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert_eq!(patients(&mut tx).await, 0);
}

#[tokio::test]
async fn a_server_that_kills_a_connection_does_not_stop_the_pool() {
    let region = TestRegion::with_pool(connections(3)).await;
    let superuser = region.superuser().await;
    for _ in 0..5 {
        patient(&region, region.alpha).await;
        superuser
            .batch_execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                 WHERE usename = 'domicile_app' AND datname = current_database()",
            )
            .await
            .unwrap();
    }
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert_eq!(patients(&mut tx).await, 5);
}

/// As many at once as one clinic may have open, right after a start: nobody waits in a lane while another one has room.
#[tokio::test]
async fn a_burst_of_one_clinic_spreads_over_all_lanes() {
    const AT_ONCE: usize = 8;
    let pool = PoolConfig {
        connections_max: 8,
        lanes_max: 4,
        tenant_transactions_max: 8,
        connection_wait_ms: 1_000,
        ..PoolConfig::default()
    };
    let region = TestRegion::with_pool(pool).await;
    let begun = (0..AT_ONCE).map(|_| region.regional.begin(region.alpha, "test.burst"));
    let open = futures_util::future::join_all(begun).await;
    for tx in open {
        tx.unwrap().rollback().await.unwrap();
    }
}

#[tokio::test]
async fn one_tenant_cannot_use_up_the_pool() {
    let pool = PoolConfig {
        connections_max: 4,
        tenant_transactions_max: 2,
        tenant_wait_ms: 50,
        ..PoolConfig::default()
    };
    let region = TestRegion::with_pool(pool).await;
    let first = region.regional.begin(region.alpha, "test.slow").await.unwrap();
    let second = region.regional.begin(region.alpha, "test.slow").await.unwrap();
    let third = region.regional.begin(region.alpha, "test.slow").await.map(drop);
    assert!(matches!(third, Err(TxError::Busy)), "{third:?}");
    // The other tenant is served, and denials of the first can still be recorded.
    patient(&region, region.beta).await;
    region
        .regional
        .begin_reserved(region.alpha, "test.denied")
        .await
        .unwrap()
        .commit(entry(id()))
        .await
        .unwrap();
    drop((first, second));
    patient(&region, region.alpha).await;
}

/// What a caller is told of a statement that was stopped.
const TIMED_OUT: &str = "a statement took too long or waited too long for a lock";

#[tokio::test]
async fn slow_statements_and_locks_end_by_themselves() {
    let mut pool = connections(4);
    pool.statement_ms = 200;
    pool.lock_ms = 100;
    let region = TestRegion::with_pool(pool).await;
    let row = patient(&region, region.alpha).await;
    let started = Instant::now();
    let mut tx = region.regional.begin(region.alpha, "test.slow").await.unwrap();
    let slow = execute(&mut tx, "SELECT pg_sleep(30)").await.unwrap_err();
    assert_eq!((slow.code(), slow.to_string().as_str()), ("database_timed_out", TIMED_OUT));
    assert_eq!(format!("{slow:?}"), "TxError(database_timed_out)", "no text of the database");
    drop(tx);
    let mut holder = region.regional.begin(region.alpha, "test.holder").await.unwrap();
    execute(&mut holder, &format!("SELECT 1 FROM patient WHERE id = '{row}' FOR UPDATE")).await.unwrap();
    let mut waiter = region.regional.begin(region.alpha, "test.waiter").await.unwrap();
    let waited = execute(&mut waiter, &format!("SELECT 1 FROM patient WHERE id = '{row}' FOR UPDATE")).await;
    assert_eq!(waited.unwrap_err().code(), "database_timed_out");
    drop(waiter);
    let mut hasty = region.regional.begin(region.alpha, "test.hasty").await.unwrap();
    let refused = execute(&mut hasty, "SELECT 1 FROM patient FOR UPDATE NOWAIT").await;
    assert_eq!(refused.unwrap_err().code(), "database_timed_out");
    // An operator who stops a statement is no different to the caller.
    let mut stopped = region.regional.begin(region.alpha, "test.stopped").await.unwrap();
    let pid = crate::support::backend(&mut stopped).await;
    let superuser = region.superuser().await;
    let stop = async {
        until("the statement to be stopped", async || {
            let sql = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity
                WHERE pid = $1 AND state = 'active' AND query LIKE '%generate_series%'";
            superuser.query_opt(sql, &[&pid]).await.unwrap().is_some()
        })
        .await;
    };
    let endless = execute(&mut stopped, "SELECT count(*) FROM generate_series(1, 1000000000000)");
    assert_eq!(tokio::join!(endless, stop).0.unwrap_err().code(), "database_timed_out");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_connection_ends_with_its_lifetime() {
    let mut pool = one_connection();
    pool.connection_lifetime_s = 1;
    let region = TestRegion::with_pool(pool).await;
    let pid = async |region: &TestRegion| {
        let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
        let pid = crate::support::backend(&mut tx).await;
        tx.rollback().await.unwrap();
        pid
    };
    let first = pid(&region).await;
    until("another server process", async || pid(&region).await != first).await;
}

/// Tenants of the crowd, and how many visit at once.
const TENANTS: usize = 50;
const TASKS: u64 = 32;
/// Checked visits of each tenant without which a run proves nothing; a slow machine goes on until it has them.
const VISITS_MIN: u64 = 20;
/// Longest time it goes on for that, in seconds.
const CROWD_S_MAX: u64 = 180;

/// When the crowd stops, and what it has checked.
struct Crowd {
    started: Instant,
    checked: Vec<AtomicU64>,
}

impl Crowd {
    fn new() -> Self {
        Self { started: Instant::now(), checked: (0..TENANTS).map(|_| AtomicU64::new(0)).collect() }
    }

    fn fewest(&self) -> u64 {
        self.checked.iter().map(|visits| visits.load(Ordering::Relaxed)).min().unwrap()
    }

    fn goes_on(&self) -> bool {
        let elapsed_s = self.started.elapsed().as_secs();
        elapsed_s < hammer_s() || (self.fewest() < VISITS_MIN && elapsed_s < CROWD_S_MAX)
    }
}

/// How a visit ended.
#[derive(PartialEq)]
enum Visit {
    /// The rows and the role were the tenant's own.
    Checked,
    /// The client went away before it saw them.
    Gone,
}

/// How long the crowd runs: short by default, what is asked for, or 60 s when nothing but a soak is asked for.
#[expect(clippy::disallowed_methods, reason = "the test runner asks for a soak in the environment")]
fn hammer_s() -> u64 {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (set("DOMICILE_HAMMER_S"), set("DOMICILE_SOAK").as_deref()) {
        (Some(seconds), _) => seconds.parse().unwrap(),
        (None, Some("1")) => 60,
        (None, _) => 5,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_tenants_on_four_connections_stays_apart() {
    let _busy = BUSY.lock().await;
    let mut pool = connections(4);
    pool.lanes_max = 2;
    pool.connection_wait_ms = 20_000;
    pool.tenant_wait_ms = 20_000;
    let region = Arc::new(TestRegion::with_pool(pool).await);
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let mut tenants = vec![region.alpha, region.beta];
    while tenants.len() < TENANTS {
        let tenant = region.stranger();
        provisioner.run_regional(tenant).await.unwrap();
        tenants.push(tenant);
    }
    for tenant in &tenants {
        patient(&region, *tenant).await;
    }
    let tenants = Arc::new(tenants);
    let crowd = Arc::new(Crowd::new());
    let mut tasks = tokio::task::JoinSet::new();
    for seed in 0..TASKS {
        let (region, tenants, crowd) = (Arc::clone(&region), Arc::clone(&tenants), Arc::clone(&crowd));
        tasks.spawn(async move {
            let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            while crowd.goes_on() {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                let at = usize::try_from(state).unwrap() % TENANTS;
                if one_visit(&region, tenants[at], state).await == Visit::Checked {
                    crowd.checked[at].fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    let fewest = crowd.fewest();
    assert!(fewest >= VISITS_MIN, "a tenant was visited only {fewest} times in {CROWD_S_MAX} s");
    for tenant in tenants.iter().skip(2) {
        provisioner.destroy(*tenant).await.unwrap();
    }
}

/// Reads every row in sight and requires it to be the tenant's; ends in one of four ways.
async fn one_visit(region: &TestRegion, tenant: TenantRef, seed: u64) -> Visit {
    let mut tx = region.regional.begin(tenant, "test.hammer").await.unwrap();
    let seen = word(
        &mut tx,
        "SELECT coalesce(string_agg(DISTINCT tenant_id::text, ','), '') || ' ' || current_user AS word FROM patient",
    );
    if seed.is_multiple_of(7) {
        // A client that goes away while its statement runs.
        let _gone = tokio::time::timeout(Duration::from_micros(seed % 900), seen).await;
        return Visit::Gone;
    }
    let seen = seen.await.unwrap();
    assert_eq!(seen, format!("{} {}", tenant.id.as_uuid(), RoleName::of(tenant.id)), "seed {seed}");
    match seed % 3 {
        0 => tx.rollback().await.unwrap(),
        1 => drop(tx),
        _ => drop(tx.commit(entry(id())).await.unwrap()),
    }
    Visit::Checked
}

#[tokio::test]
async fn ids_of_tenants_are_not_text_of_a_caller() {
    // Only a typed id makes a name, and a typed id has one spelling (T14).
    for refused in
        ["", "t_a\"; drop schema public; --", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ａａ", &"a".repeat(64)]
    {
        assert!(refused.parse::<TenantId>().is_err(), "{refused}");
    }
    let tenant = TenantId::random();
    assert_eq!(tenant.to_string().parse::<TenantId>().unwrap(), tenant);
    assert!(tenant.to_string().to_uppercase().parse::<TenantId>().is_err());
    assert_eq!(RoleName::of(tenant).as_str().len(), 28);
}
