//! The parts of the audit log that run beside the work: a process's own count, and in the worker the sealer of each shard and the
//! check of what it published.

use std::sync::Arc;
use std::time::Duration;

use regions::ids::ShardId;
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use tenancy::Regional;
use tenancy::audit_log::{self, Sealer, TALLY_EVERY_S};

use crate::jobs::queue::Jobs;
use crate::pins::Pins;

/// Longest time that the last count may take when the process ends, in seconds.
const LAST_COUNT_MAX_S: u64 = 10;

/// States in the archive, every few seconds and once more at the end, what this process committed.
pub async fn count_until_stopped(regional: Arc<Regional>, shutdown: Shutdown) {
    let mut every = tokio::time::interval(Duration::from_secs(TALLY_EVERY_S));
    while !shutdown.is_triggered() {
        tokio::select! {
            () = shutdown.wait() => break,
            _ = every.tick() => state_count(&regional).await,
        }
    }
}

/// States what was committed since the last time; what cannot be stated now is stated the next time.
pub async fn state_count(regional: &Regional) {
    let stated =
        tokio::time::timeout(Duration::from_secs(LAST_COUNT_MAX_S), regional.publish_tallies()).await;
    if !matches!(stated, Ok(Ok(_))) {
        log::warn("audit_count_not_stated", &[Field::Job("audit_count")]);
    }
}

/// Seals one shard's log while everything this process holds is of its region.
pub async fn seal_until_stopped(sealer: Arc<Sealer>, pins: Pins, shutdown: Shutdown) {
    while !shutdown.is_triggered() {
        tokio::select! {
            () = shutdown.wait() => return,
            () = pins.held() => {}
        }
        let (trigger, stop) = Shutdown::new();
        let running = audit_log::run(Arc::clone(&sealer), stop);
        tokio::pin!(running);
        tokio::select! {
            () = &mut running => continue,
            () = shutdown.wait() => {}
            () = pins.lost() => {}
        }
        trigger.trigger();
        running.await;
    }
}

/// Checks what has come into the archive of a shard's log since the check before. What is wrong is kept, logged and counted by
/// the check itself; a job that tried again would find the same.
///
/// # Errors
/// A code when it cannot be said; the queue tries again later.
pub async fn check(jobs: &Jobs, shard: ShardId) -> Result<(), &'static str> {
    let Some(sealer) = jobs.signers.get(&shard) else { return Ok(()) };
    if let Some(checked) = sealer.check().await.map_err(|error| error.code())? {
        log::info("audit_log_checked", &[Field::Shard(shard), Field::Count(checked.size)]);
    }
    Ok(())
}
