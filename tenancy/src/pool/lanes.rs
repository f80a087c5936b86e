//! Several small deadpools: a tenant prefers two of them by hash, so its connections keep its plans and catalog cache.
//!
//! A tenant-hopping connection re-parses its statements for each new `search_path` and grows its catalog cache for
//! each tenant it has seen; preferring a lane keeps both small. It is a preference: an idle connection elsewhere is
//! used before anybody waits.

use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolError, TimeoutType, Timeouts};
use regions::ids::TenantId;

use super::manager::{Life, Manager};
use crate::error::{BootError, TxError};
use crate::pg::Connector;

pub(crate) struct Lanes {
    lanes: Vec<Pool<Manager>>,
}

impl Lanes {
    /// Deals `connections` over at most `lanes` pools; `limits` is the longest wait and when a connection ends.
    pub(crate) fn new(
        connector: &Connector,
        connections: u32,
        lanes: u32,
        limits: (Duration, Life),
    ) -> Result<Self, BootError> {
        let connections = connections.max(1);
        let count = lanes.clamp(1, connections);
        let mut pools = Vec::new();
        for lane in 0..count {
            let size = connections / count + u32::from(lane < connections % count);
            let pool = Pool::builder(Manager::new(connector.clone(), limits.1))
                .max_size(usize::try_from(size).unwrap_or(1))
                .timeouts(Timeouts { wait: Some(limits.0), create: Some(limits.0), recycle: Some(limits.0) })
                .runtime(deadpool::Runtime::Tokio1)
                .build()
                .map_err(|error| BootError::Setting {
                    field: "pool".to_owned(),
                    problem: error.to_string(),
                })?;
            pools.push(pool);
        }
        Ok(Self { lanes: pools })
    }

    /// A connection: a free one of the tenant's two lanes, else a free one anywhere, else the next of the less busy
    /// of its two lanes.
    pub(crate) async fn get(&self, tenant: TenantId, wait: Duration) -> Result<Object<Manager>, TxError> {
        // On the heap: every transaction's future would otherwise carry the pool's.
        match tokio::time::timeout(wait, Box::pin(self.free_or_next(tenant))).await {
            Ok(Ok(mut connection)) => {
                connection.served.insert(tenant);
                Ok(connection)
            }
            Ok(Err(PoolError::Backend(_) | PoolError::Timeout(_) | _)) | Err(_) => Err(TxError::Unavailable),
        }
    }

    /// A lane's status is over by the time that a place in it is asked for, as many see the same one; so a place is taken or
    /// not, without waiting, and only when there is none anywhere does anybody wait.
    async fn free_or_next(&self, tenant: TenantId) -> Result<Object<Manager>, PoolError<BootError>> {
        let own = self.own(tenant);
        let waiting = |at: &usize| self.lanes.get(*at).map_or(usize::MAX, |lane| lane.status().waiting);
        let next = own.into_iter().min_by_key(waiting).and_then(|at| self.lanes.get(at));
        let at_once = self.by_preference(own).map(|lane| (lane, Some(Duration::ZERO)));
        let last = next.map(|lane| (lane, lane.timeouts().wait));
        let mut none = PoolError::Closed;
        for (lane, wait) in at_once.chain(last) {
            match lane.timeout_get(&Timeouts { wait, ..lane.timeouts() }).await {
                Err(full @ PoolError::Timeout(TimeoutType::Wait)) => none = full,
                taken => return taken,
            }
        }
        Err(none)
    }

    pub(crate) fn open(&self) -> usize {
        self.lanes.iter().map(|lane| lane.status().size).sum()
    }

    /// The tenant's two lanes.
    fn own(&self, tenant: TenantId) -> [usize; 2] {
        let bytes = tenant.as_bytes();
        [15, 14].map(|at| bytes.get(at).copied().map_or(0, usize::from) % self.lanes.len().max(1))
    }

    /// Every lane: those with an idle connection before those with room for another, each time the own ones first.
    fn by_preference(&self, own: [usize; 2]) -> impl Iterator<Item = &Pool<Manager>> {
        let mut lanes: Vec<(u8, &Pool<Manager>)> = Vec::with_capacity(self.lanes.len());
        for (at, lane) in self.lanes.iter().enumerate() {
            let (status, is_own) = (lane.status(), own.contains(&at));
            let rank = match (status.available > 0, status.size < status.max_size) {
                (true, _) if is_own => 0,
                (false, true) if is_own => 1,
                (true, _) => 2,
                (false, true) => 3,
                (false, false) => 4,
            };
            lanes.push((rank, lane));
        }
        lanes.sort_by_key(|(rank, _)| *rank);
        lanes.into_iter().map(|(_, lane)| lane)
    }
}
