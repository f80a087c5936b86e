//! The connections of one shard: lanes that a tenant prefers, a reserved slice, and a share per tenant.
//!
//! Nothing outside this crate can get a connection; a [`TenantTx`](crate::TenantTx) holds a [`Lease`].

mod lanes;
mod manager;
mod share;

use std::time::Duration;

use regions::ids::TenantId;
use tokio::sync::OwnedSemaphorePermit;

use crate::config::{PoolConfig, ShardConfig};
use crate::error::{BootError, TxError};
use crate::pg::Connector;

pub(crate) use lanes::Lanes;
pub(crate) use manager::{Life, Manager, Phase, PooledConnection};
use share::Shares;

/// Which part of the pool a transaction draws on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slice {
    /// The lanes.
    Ordinary,
    /// The few connections for denials and log-ins; outside the tenant's share.
    Reserved,
}

/// A connection on loan, with the tenant's permit for it.
pub(crate) struct Lease {
    pub(crate) connection: deadpool::managed::Object<Manager>,
    /// Given back with the connection, never before it.
    _permit: Option<OwnedSemaphorePermit>,
}

/// The pool of one shard.
pub(crate) struct ShardPool {
    lanes: Lanes,
    reserved: Lanes,
    shares: Shares,
    wait: Duration,
}

impl ShardPool {
    pub(crate) fn new(shard: &ShardConfig, limits: &PoolConfig) -> Result<Self, BootError> {
        let connector = Connector::new(&shard.db(), "shards", "domicile")?
            .with_deadline(Duration::from_millis(limits.connect_ms));
        let wait = Duration::from_millis(limits.connection_wait_ms);
        let life = Life {
            longest: Duration::from_secs(limits.connection_lifetime_s),
            tenants_max: usize::try_from(limits.connection_tenants_max.max(1)).unwrap_or(usize::MAX),
        };
        Ok(Self {
            lanes: Lanes::new(&connector, limits.connections_max, limits.lanes_max, (wait, life))?,
            reserved: Lanes::new(&connector, limits.reserved_connections_max, 1, (wait, life))?,
            shares: Shares::new(limits.tenant_transactions_max, Duration::from_millis(limits.tenant_wait_ms)),
            wait,
        })
    }

    /// A connection for the tenant, from its share; every wait is bounded.
    pub(crate) async fn lease(&self, tenant: TenantId, slice: Slice) -> Result<Lease, TxError> {
        match slice {
            Slice::Ordinary => {
                let permit = Some(self.shares.acquire(tenant).await?);
                let connection = self.lanes.get(tenant, self.wait).await?;
                Ok(Lease { connection, _permit: permit })
            }
            Slice::Reserved => {
                let connection = self.reserved.get(tenant, self.wait).await?;
                Ok(Lease { connection, _permit: None })
            }
        }
    }

    /// Connections open at this moment, for tests and metrics.
    pub(crate) fn open_connections(&self) -> usize {
        self.lanes.open() + self.reserved.open()
    }
}
