//! Several small deadpools: a tenant prefers two of them by hash, so its connections keep its plans and catalog cache.
//!
//! A tenant-hopping connection re-parses its statements for each new `search_path` and grows its catalog cache for
//! each tenant it has seen; preferring a lane keeps both small. It is a preference: an idle connection elsewhere is
//! used before anybody waits.

use std::time::Duration;

use deadpool::managed::{Object, Pool, PoolError, Timeouts};
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
        let lane = self.choose(tenant).ok_or(TxError::Unavailable)?;
        match tokio::time::timeout(wait, lane.get()).await {
            Ok(Ok(mut connection)) => {
                connection.served.insert(tenant);
                Ok(connection)
            }
            Ok(Err(PoolError::Backend(_) | PoolError::Timeout(_) | _)) | Err(_) => Err(TxError::Unavailable),
        }
    }

    pub(crate) fn open(&self) -> usize {
        self.lanes.iter().map(|lane| lane.status().size).sum()
    }

    fn choose(&self, tenant: TenantId) -> Option<&Pool<Manager>> {
        let bytes = tenant.as_bytes();
        let pick = |at: usize| {
            let byte = bytes.get(at).copied().map_or(0, usize::from);
            self.lanes.get(byte % self.lanes.len().max(1))
        };
        let (first, second) = (pick(15)?, pick(14)?);
        let idle = |pool: &&Pool<Manager>| pool.status().available > 0;
        let room = |pool: &&Pool<Manager>| {
            let status = pool.status();
            status.size < status.max_size
        };
        let own = || [first, second].into_iter();
        own()
            .find(idle)
            .or_else(|| own().find(room))
            .or_else(|| self.lanes.iter().find(idle))
            .or_else(|| self.lanes.iter().find(room))
            .or_else(|| own().min_by_key(|pool| pool.status().waiting))
    }
}
