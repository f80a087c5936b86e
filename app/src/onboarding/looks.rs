//! Looks at the region's shards every so often, for the next request for work to say which of them answer.

use std::time::Duration;

use parking_lot::Mutex;
use regions::ids::ShardId;
use tenancy::Regional;
use tokio::time::Instant;

use crate::control::work::ShardLook;

/// Time between two looks, in seconds: with the wait of a poll, what is told is well younger than what counts as late.
const LOOK_EVERY_S: u64 = 20;

/// What the last look found.
#[derive(Default)]
pub(super) struct Looks(Mutex<Vec<Found>>);

struct Found {
    shard: ShardId,
    answers: bool,
    at: Instant,
}

impl Looks {
    /// Looks again and again. It does not end.
    pub(super) async fn keep(&self, regional: &Regional) {
        loop {
            // A look that takes long is as old as its beginning.
            let at = Instant::now();
            let found = Box::pin(regional.look_at_shards()).await;
            let found = found.into_iter().map(|(shard, answers)| Found { shard, answers, at });
            *self.0.lock() = found.collect();
            tokio::time::sleep(Duration::from_secs(LOOK_EVERY_S)).await;
        }
    }

    /// What the last look found, with its age; nothing before the first is over.
    pub(super) fn now(&self) -> Vec<ShardLook> {
        let told = |found: &Found| ShardLook {
            shard: found.shard,
            answers: found.answers,
            age_s: found.at.elapsed().as_secs(),
        };
        self.0.lock().iter().map(told).collect()
    }
}
