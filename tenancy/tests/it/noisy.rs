//! A tenant that uses its whole share with slow statements does not slow its neighbours down (security.md T16).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tenancy::config::PoolConfig;
use tenancy::{TenantRef, TxError};
use testkit::TestRegion;

use crate::support::{entry, execute, id, insert_patient, until};

/// Tasks with which the noisy tenant asks for more than it may have.
const NOISY_TASKS: usize = 16;
/// How long each of its statements takes, in seconds: what its neighbour would wait for if it got all connections.
const SLOW_S: f64 = 1.5;
/// Transactions of the quiet tenant in one measurement.
const MEASURED: usize = 60;
/// Rounds of one quiet and one noisy measurement; the machine is busy with other things too, so the best of each counts.
const ROUNDS: usize = 3;
/// What a round may be slower by on a loaded machine, on top of twice the quiet time. A statement of the noisy tenant
/// is six times as long.
const ALLOWANCE: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t16_a_tenant_that_uses_its_whole_share_does_not_slow_another() {
    let pool = PoolConfig {
        connections_max: 6,
        lanes_max: 2,
        tenant_transactions_max: 4,
        tenant_wait_ms: 100,
        ..PoolConfig::default()
    };
    let region = Arc::new(TestRegion::with_pool(pool).await);
    // Connections, prepared statements and caches exist before anything is measured.
    measure(&region, region.beta).await;
    let (mut quiet, mut noisy) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        quiet = quiet.min(measure(&region, region.beta).await);
        let noise = Noise::start(&region, region.alpha).await;
        noisy = noisy.min(measure(&region, region.beta).await);
        noise.stop().await;
    }
    assert!(noisy < quiet * 2 + ALLOWANCE, "p95 {quiet:?} alone, {noisy:?} beside a noisy tenant");
}

/// The 95th percentile of a tenant's transactions, one after the other.
async fn measure(region: &TestRegion, tenant: TenantRef) -> Duration {
    let mut times = Vec::with_capacity(MEASURED);
    for _ in 0..MEASURED {
        let (started, patient) = (Instant::now(), id());
        let mut tx = region.regional.begin(tenant, "test.quiet").await.unwrap();
        insert_patient(&mut tx, tenant.id, patient).await.unwrap();
        tx.commit(entry(patient)).await.unwrap();
        times.push(started.elapsed());
    }
    times.sort_unstable();
    times[MEASURED * 95 / 100]
}

/// A tenant that keeps its whole share busy and asks for more.
struct Noise {
    tasks: tokio::task::JoinSet<()>,
    stopped: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
}

impl Noise {
    /// Starts it, and returns when the tenant has been refused: from there on its share is used up.
    async fn start(region: &Arc<TestRegion>, tenant: TenantRef) -> Self {
        let (stopped, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..NOISY_TASKS {
            let (region, stopped, refused) = (Arc::clone(region), Arc::clone(&stopped), Arc::clone(&refused));
            tasks.spawn(async move {
                while !stopped.load(Ordering::Relaxed) {
                    match region.regional.begin(tenant, "test.noisy").await {
                        Ok(mut tx) => {
                            execute(&mut tx, &format!("SELECT pg_sleep({SLOW_S})")).await.unwrap();
                            tx.rollback().await.unwrap();
                        }
                        Err(TxError::Busy) => drop(refused.fetch_add(1, Ordering::Relaxed)),
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
        }
        let noise = Self { tasks, stopped, refused };
        until("the tenant's share to be used up", async || noise.refused.load(Ordering::Relaxed) > 0).await;
        noise
    }

    async fn stop(mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
    }
}
