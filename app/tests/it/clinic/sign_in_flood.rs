//! Two hundred sign-ins at once (security.md T63): a few wait for their hash and the rest are refused, what else is asked for is
//! answered as quickly as before, and memory has an end.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use app::access::Role;
use app::auth::password::{PasswordError, PasswordPool, PoolLimits};
use tokio::task::JoinHandle;

use super::documents_memory::peak_mib;
use super::isolation::signed_rank;
use super::sessions::{PASSWORD, sign_in};
use crate::support::{Actor, Options, World};

/// The limits of production.
const LIMITS: PoolLimits = PoolLimits { running_max: 1, waiting_max: 16 };
/// Sign-ins at once.
const AT_ONCE: usize = 200;
/// How many of them have no place in the pool.
const REFUSED_MIN: usize = AT_ONCE - LIMITS.running_max - LIMITS.waiting_max;
/// Most by which the process may grow, in MiB: one hash takes 46, and they would take 9,200 without a bound. The process holds the
/// server and two hundred clients.
const GROWTH_MAX_MIB: usize = 128;
/// Blocks of requests with the flood and without, in turns.
const ROUNDS: usize = 50;
/// Requests of a block. The slowest of each stands for the 99th percentile, of which there is one in a run.
const BLOCK: usize = 8;
/// Waves of a flood; each takes longer than a block.
const WAVES_MAX: usize = 1_000;
/// How much slower other routes may be, as a factor.
const SLOWER_MAX: f64 = 2.0;
/// What must be seen, as a factor.
const SEEN: f64 = 6.0;
/// Standard deviations that chance passes once in about two million runs.
const DEVIATIONS_MAX: f64 = 5.0;
/// Set, it says that nothing else runs.
const ALONE: &str = "DOMICILE_SOAK";
/// Says to a process that it is the child.
const CHILD: &str = "DOMICILE_TEST_FLOOD_CHILD";

/// In a process of its own, because the peak of memory is the process's and other tests run in this one.
#[test]
#[expect(clippy::disallowed_methods, reason = "the child is told through its environment that it is one")]
fn t63_two_hundred_sign_ins_at_once_are_refused_or_wait_and_nobody_else_notices() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        return runtime.block_on(Box::pin(flooded()));
    }
    let own = std::env::current_exe().unwrap();
    let name =
        "clinic::sign_in_flood::t63_two_hundred_sign_ins_at_once_are_refused_or_wait_and_nobody_else_notices";
    let output = Command::new(own).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let ended_well = output.status.success() && said.contains("1 passed");
    assert!(ended_well, "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[expect(clippy::disallowed_methods, reason = "who runs it says in the environment that nothing else runs")]
async fn flooded() {
    let world = World::with(Options { passwords: LIMITS, ..Options::default() }).await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    for _ in 0..BLOCK {
        block(&world, &nurse).await;
    }
    memory_has_an_end(&world, &nurse).await;
    // Other tests that run beside this one are a flood of their own: the times are looked at where it runs alone.
    if std::env::var_os(ALONE).is_some_and(|value| !value.is_empty()) {
        nobody_else_waits(&world, &nurse).await;
    }
}

/// Asks for what others ask for, a block of it; each answer's time in seconds.
async fn block(world: &World, by: &Actor) -> Vec<f64> {
    let mut times = Vec::new();
    for n in 0..BLOCK {
        let path = if n % 2 == 0 { "/api/v1/me" } else { "/api/v1/patients" };
        let started = Instant::now();
        world.ask(&world.alpha, "GET", path).by(by).send().await.expect(200);
        times.push(started.elapsed().as_secs_f64());
    }
    times
}

/// All of them over HTTP, each on a connection of its own.
async fn memory_has_an_end(world: &World, nurse: &Actor) {
    let before = peak_mib();
    let flood = (0..AT_ONCE).map(|n| async move {
        let email = format!("nobody.{n}@example.com");
        sign_in(world, &world.alpha, &email, PASSWORD).await.status.as_u16()
    });
    let (statuses, _others) = tokio::join!(futures_util::future::join_all(flood), block(world, nurse));
    assert!(statuses.iter().all(|status| matches!(status, 401 | 503)), "{statuses:?}");
    assert!(statuses.contains(&401), "who has a place is answered: {statuses:?}");
    assert!(statuses.contains(&503), "who has none is sent away: {statuses:?}");
    let grew = peak_mib() - before;
    assert!(grew <= GROWTH_MAX_MIB, "{AT_ONCE} sign-ins at once took {grew} MiB");
}

/// A flood at the pool alone: what its requests cost besides their hashes is the front of the server's, and has limits of its own.
struct Flood {
    task: JoinHandle<()>,
    refused: Arc<AtomicUsize>,
}

impl Flood {
    /// Begins, and waits until the pool refuses.
    async fn begin(pool: PasswordPool) -> Flood {
        let refused = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&refused);
        let task = tokio::spawn(async move {
            for _ in 0..WAVES_MAX {
                let (pool, counted) = (&pool, &counted);
                let wave = (0..AT_ONCE).map(|_| async move {
                    if pool.verify(PASSWORD, None).await == Err(PasswordError::Busy) {
                        counted.fetch_add(1, Ordering::AcqRel);
                    }
                });
                futures_util::future::join_all(wave).await;
            }
        });
        let flood = Flood { task, refused };
        let deadline = Instant::now() + Duration::from_secs(20);
        while flood.refused.load(Ordering::Acquire) < REFUSED_MIN {
            assert!(Instant::now() < deadline, "nobody is refused");
            tokio::task::yield_now().await;
        }
        flood
    }

    /// Ends, and waits until no hash is computed any more.
    async fn end(self, pool: &PasswordPool) {
        assert!(!self.task.is_finished(), "it went on all the time");
        self.task.abort();
        drop(self.task.await);
        assert_eq!(pool.verify(PASSWORD, None).await, Ok(false));
    }
}

/// Judged by the signed-rank test of Wilcoxon, as the tests of times beside this one: a busy machine makes it blind and never false.
#[expect(clippy::print_stdout, reason = "the figures are for whoever asked for them")]
async fn nobody_else_waits(world: &World, nurse: &Actor) {
    let pool = &world.app.passwords;
    let (mut quiet, mut quiet_again, mut with_flood) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        quiet.push(block(world, nurse).await);
        let flood = Flood::begin(pool.clone()).await;
        with_flood.push(block(world, nurse).await);
        flood.end(pool).await;
        quiet_again.push(block(world, nurse).await);
    }
    println!(
        "99th percentile of other routes: {:.6} s without sign-ins, {:.6} s with {AT_ONCE} at once",
        percentile(&quiet),
        percentile(&with_flood)
    );
    let worst = |blocks: &[Vec<f64>], factor: f64| -> Vec<f64> {
        blocks.iter().map(|block| factor * block.iter().copied().fold(0.0, f64::max)).collect()
    };
    let allowed = worst(&quiet, SLOWER_MAX);
    let slower = signed_rank(&worst(&with_flood, 1.0), &allowed);
    assert!(
        slower < DEVIATIONS_MAX,
        "other routes are more than {SLOWER_MAX} times as slow: {slower} deviations"
    );
    let seen = signed_rank(&worst(&quiet_again, SEEN), &allowed);
    assert!(
        seen > DEVIATIONS_MAX,
        "{seen} deviations for answers {SEEN} times as slow: this test sees nothing"
    );
}

/// The 99th percentile of all blocks together.
fn percentile(blocks: &[Vec<f64>]) -> f64 {
    let mut all: Vec<f64> = blocks.iter().flatten().copied().collect();
    all.sort_by(f64::total_cmp);
    all[all.len() * 99 / 100]
}
