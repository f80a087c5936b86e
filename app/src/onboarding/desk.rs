//! Which tasks are under way and which rest after a failure: one that cannot be done must not keep others waiting.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use regions::ids::TenantId;
use tokio::time::Instant;
use uuid::Uuid;

use crate::control::work::Task;

/// Tasks under way at once.
pub(super) const RUNNING_MAX: usize = 4;
/// First rest after a failure, in milliseconds; it doubles.
const REST_FIRST_MS: u64 = 200;
/// Longest rest after a failure, in milliseconds.
const REST_MAX_MS: u64 = 15_000;

/// The tasks of one region as this process sees them.
#[derive(Default)]
pub(super) struct Desk {
    running: HashSet<TenantId>,
    resting: HashMap<Uuid, Rest>,
}

struct Rest {
    failures: u32,
    until: Instant,
}

impl Desk {
    /// The tasks of an answer that may begin now, the oldest first. A tenant has one task under way at a time.
    pub(super) fn take(&mut self, open: Vec<Task>, now: Instant) -> Vec<Task> {
        // What the control plane no longer lists is done or called off.
        self.resting.retain(|id, _| open.iter().any(|task| task.task_id == *id));
        let mut begun = Vec::new();
        for task in open {
            let rests = self.resting.get(&task.task_id).is_some_and(|rest| rest.until > now);
            if !rests && self.running.len() < RUNNING_MAX && self.running.insert(task.tenant) {
                begun.push(task);
            }
        }
        begun
    }

    /// A task ended.
    pub(super) fn done(&mut self, task: &Task) {
        self.running.remove(&task.tenant);
        self.resting.remove(&task.task_id);
    }

    /// A task failed; it rests, longer each time, and the others do not.
    pub(super) fn failed(&mut self, task: &Task, now: Instant) {
        self.running.remove(&task.tenant);
        let rest = self.resting.entry(task.task_id).or_insert(Rest { failures: 0, until: now });
        rest.failures = rest.failures.saturating_add(1);
        rest.until = now + pause(rest.failures);
    }
}

/// How long to wait after so many failures in a row.
pub(super) fn pause(failures: u32) -> Duration {
    let doubled = REST_FIRST_MS.saturating_mul(1_u64.checked_shl(failures.min(16)).unwrap_or(u64::MAX));
    Duration::from_millis(doubled.min(REST_MAX_MS))
}

#[cfg(test)]
mod tests {
    use regions::ids::{Epoch, ShardId};

    use super::*;
    use crate::control::work::Kind;

    fn task(tenant: TenantId, kind: Kind) -> Task {
        Task {
            task_id: Uuid::from_bytes(regions::random::bytes()),
            kind,
            tenant,
            slug: "clinic".parse().unwrap(),
            legal_name: String::new(),
            shard: ShardId(1),
            epoch: Epoch(1),
            first_admin_email: None,
        }
    }

    fn ids(tasks: &[Task]) -> Vec<Uuid> {
        tasks.iter().map(|task| task.task_id).collect()
    }

    #[test]
    fn a_failed_task_rests_alone() {
        let (mut desk, now) = (Desk::default(), Instant::now());
        let (poisoned, healthy) =
            (task(TenantId::random(), Kind::Provision), task(TenantId::random(), Kind::Provision));
        assert_eq!(desk.take(vec![poisoned.clone()], now).len(), 1);
        desk.failed(&poisoned, now);
        let open = || vec![poisoned.clone(), healthy.clone()];
        assert_eq!(ids(&desk.take(open(), now)), [healthy.task_id], "the other one begins at once");
        assert!(desk.take(open(), now).is_empty(), "one is under way, one rests");
        assert_eq!(ids(&desk.take(open(), now + pause(1))), [poisoned.task_id]);
    }

    #[test]
    fn a_tenant_has_one_task_under_way_and_there_are_only_so_many() {
        let (mut desk, now) = (Desk::default(), Instant::now());
        let tenant = TenantId::random();
        let both = vec![task(tenant, Kind::Provision), task(tenant, Kind::Destroy)];
        assert_eq!(ids(&desk.take(both.clone(), now)), [both[0].task_id]);
        desk.done(&both[0]);
        assert_eq!(ids(&desk.take(both[1..].to_vec(), now)), [both[1].task_id]);
        let many: Vec<Task> = (0..10).map(|_| task(TenantId::random(), Kind::Provision)).collect();
        assert_eq!(desk.take(many, now).len(), RUNNING_MAX - 1);
    }

    #[test]
    fn pauses_grow_to_their_limit() {
        assert_eq!(pause(1).as_millis(), 400);
        assert!((0..100).all(|failures| pause(failures).as_millis() <= u128::from(REST_MAX_MS)));
    }
}
