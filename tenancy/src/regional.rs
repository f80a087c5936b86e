//! One region's data plane: its shards, keys and bucket, opened only if they all belong to the same region.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures_util::future::{BoxFuture, join_all};
use regions::clock::Clock;
use regions::ids::ShardId;
use regions::log::{self, Field};
use regions::region::RegionName;

use crate::archive::{Archive, ArchiveError};
use crate::audit_log::{self, Tallies};
use crate::config::{RegionalConfig, ShardConfig};
use crate::context::{Bound, ContextKey};
use crate::error::{BootError, Rejection, TxError};
use crate::keys::{Keys, Purpose};
use crate::kms::Kms;
use crate::names::TenantRef;
use crate::objects::Objects;
use crate::pool::{ShardPool, Slice};
use crate::reach::Caller;
use crate::session::{Ask, Held, nothing};
use crate::tx::{TenantTx, TxShared};

/// Dead connections tried before a transaction gives up. Dirty ones do not count, because each is closed and there are
/// only so many: a reload of the server's configuration may have changed the settings of all.
const BEGIN_ATTEMPTS_MAX: u32 = 4;
/// Shards that are looked at at once.
const LOOKS_MAX: usize = 8;
/// Longest look at a shard, in milliseconds; one that takes longer does not answer.
const LOOK_MAX_MS: u64 = 8_000;

/// The data plane of one region. Cheap to share; there is no way to reach a second region through it.
pub struct Regional {
    config: RegionalConfig,
    shards: BTreeMap<ShardId, ShardPool>,
    objects: Arc<Objects>,
    archive: Archive,
    shared: Arc<TxShared>,
}

impl Regional {
    /// Opens the region's shards, key store, KMS key and bucket, and checks that each belongs to the region.
    ///
    /// # Errors
    /// [`BootError`] naming the configuration field that is wrong.
    pub async fn connect(config: &RegionalConfig, clock: Clock) -> Result<Arc<Self>, BootError> {
        if config.shards.is_empty() {
            return Err(BootError::Setting {
                field: "shards".to_owned(),
                problem: "names no shard".to_owned(),
            });
        }
        let mut shards = BTreeMap::new();
        for shard in &config.shards {
            crate::shard::pins::check(config.region, shard).await?;
            if shards.insert(shard.id, ShardPool::new(shard, &config.pool)?).is_some() {
                return Err(BootError::Setting {
                    field: "shards.id".to_owned(),
                    problem: format!("shard {} is named twice", shard.id),
                });
            }
        }
        let kms = Kms::connect(config.region, &config.kms).await?;
        let keys = Arc::new(Keys::connect(config, kms, clock.clone()).await?);
        let objects = Arc::new(Objects::connect(config).await?);
        let archive = Archive::connect(config).await?;
        keys.check_ledger(&archive).await?;
        let commit = Duration::from_millis(config.pool.commit_ms);
        let tallies = shards.keys().map(|shard| (*shard, Tallies::new())).collect();
        let shared = Arc::new(TxShared { region: config.region, clock, keys, commit, tallies });
        Ok(Arc::new(Self { config: config.clone(), shards, objects, archive, shared }))
    }

    /// Checks all pins again; the roles do so each minute and stop serving when it fails.
    ///
    /// # Errors
    /// [`BootError`] naming what no longer agrees.
    pub async fn check_pins(&self) -> Result<(), BootError> {
        for shard in &self.config.shards {
            crate::shard::pins::check(self.config.region, shard).await?;
        }
        self.shared.keys.check_pins().await?;
        self.objects.check_pins().await?;
        self.archive.check_pins().await?;
        self.shared.keys.check_ledger(&self.archive).await
    }

    /// Looks at each shard anew, a few at once, and says whether it answers and is the shard that it should be.
    pub async fn look_at_shards(&self) -> Vec<(ShardId, bool)> {
        let mut found = Vec::with_capacity(self.config.shards.len());
        for some in self.config.shards.chunks(LOOKS_MAX) {
            found.extend(join_all(some.iter().map(|shard| self.look_at(shard))).await);
        }
        found
    }

    async fn look_at(&self, shard: &ShardConfig) -> (ShardId, bool) {
        let look = Box::pin(crate::shard::pins::check(self.config.region, shard));
        let found = tokio::time::timeout(Duration::from_millis(LOOK_MAX_MS), look).await;
        (shard.id, matches!(found, Ok(Ok(()))))
    }

    /// The region everything here belongs to.
    #[must_use]
    pub fn region(&self) -> RegionName {
        self.config.region
    }

    /// The region's keys.
    #[must_use]
    pub fn keys(&self) -> &Arc<Keys> {
        &self.shared.keys
    }

    /// The region's document bucket.
    #[must_use]
    pub fn objects(&self) -> &Arc<Objects> {
        &self.objects
    }

    /// The region's archive, in which nothing can be changed or deleted before its time.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// States in the archive what this process has committed since the last time; says how many periods of how many
    /// shards. A process does so every few seconds and once more before it ends, on a way that is not the database.
    ///
    /// # Errors
    /// [`ArchiveError`]; what was not stated is stated the next time.
    pub async fn publish_tallies(&self) -> Result<usize, ArchiveError> {
        let days = u64::from(audit_log::retention_floor_days(self.config.region));
        let (now_ms, keep) = (self.shared.clock.now_unix_ms(), Duration::from_secs(days * 86_400));
        let mut published = 0;
        for (shard, tallies) in &self.shared.tallies {
            published += tallies.publish(&self.archive, *shard, now_ms, keep).await?;
        }
        Ok(published)
    }

    /// The clock given at connect.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Begins a transaction of the tenant for the platform's own work; it reaches everyone in the tenant. `name` is what
    /// metrics and logs call it.
    ///
    /// # Errors
    /// [`TxError::Busy`] when the tenant's share is used up, [`TxError::Unavailable`] when no connection can be had,
    /// [`TxError::Rejected`], [`TxError::StaleEpoch`] or [`TxError::NotServed`] when the tenant's checks fail.
    pub async fn begin(&self, tenant: TenantRef, name: &'static str) -> Result<TenantTx, TxError> {
        let (tx, ()) =
            self.begin_in(tenant, name, (Slice::Ordinary, Caller::system(self.now_us())), &nothing).await?;
        Ok(tx)
    }

    /// Begins a transaction for somebody who has yet to show who they are: it reaches nobody until
    /// [`TenantTx::act_as`].
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_for_caller(&self, tenant: TenantRef, name: &'static str) -> Result<TenantTx, TxError> {
        let (tx, ()) = self.begin_for_caller_asking(tenant, name, nothing).await?;
        Ok(tx)
    }

    /// As [`begin_for_caller`](Self::begin_for_caller), and asks something in the same round trip: who the caller is, by what was
    /// shown. The question must only read, because it is sent before the checks are answered; without them nobody learns what
    /// was answered to it.
    ///
    /// # Errors
    /// As [`begin`](Self::begin), or how the question failed.
    pub async fn begin_for_caller_asking<T>(
        &self,
        tenant: TenantRef,
        name: &'static str,
        ask: impl for<'c> Fn(&'c AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send + Sync,
    ) -> Result<(TenantTx, T), TxError> {
        self.begin_in(tenant, name, (Slice::Ordinary, Caller::nobody(self.now_us())), &ask).await
    }

    /// Begins a transaction on the reserved slice, for denials and log-ins, which must be recorded even when the
    /// ordinary connections are all in use. It reaches nobody.
    ///
    /// # Errors
    /// As [`begin`](Self::begin), without [`TxError::Busy`].
    pub async fn begin_reserved(&self, tenant: TenantRef, name: &'static str) -> Result<TenantTx, TxError> {
        let (tx, ()) =
            self.begin_in(tenant, name, (Slice::Reserved, Caller::nobody(self.now_us())), &nothing).await?;
        Ok(tx)
    }

    fn now_us(&self) -> i64 {
        i64::try_from(self.shared.clock.now_unix_ms()).unwrap_or(i64::MAX).saturating_mul(1_000)
    }

    /// Database connections open at this moment, over all shards.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shards.values().map(ShardPool::open_connections).sum()
    }

    async fn begin_in<T>(
        &self,
        tenant: TenantRef,
        name: &'static str,
        (slice, caller): (Slice, Caller),
        ask: &impl Ask<T>,
    ) -> Result<(TenantTx, T), TxError> {
        let pool = self.shards.get(&tenant.shard).ok_or(TxError::Rejected(Rejection::Shard))?;
        let key = self.context_key(tenant).await?;
        let (mut last, mut dead) = (TxError::Unavailable, 0);
        for _ in 0..self.config.pool.connections_max.saturating_add(BEGIN_ATTEMPTS_MAX) {
            let lease = pool.lease(tenant.id, slice).await?;
            let expires_s = lease.connection.database_now_s().saturating_add(self.config.pool.context_s);
            let bound = Bound { expires_s, pid: lease.connection.pid };
            let context = key.mint(tenant.id, bound, &caller);
            let mut held = Held::new(lease);
            match held.begin(tenant, &context, &self.config.pool, ask).await {
                Ok(answer) => {
                    let shared = Arc::clone(&self.shared);
                    return Ok((TenantTx { held, shared, tenant, name, bound }, answer));
                }
                Err(error @ TxError::Rejected(Rejection::Dirty)) => {
                    note(&error, tenant);
                    held.close();
                    last = error;
                }
                Err(error @ TxError::Unavailable) => {
                    held.close();
                    dead += 1;
                    if dead == BEGIN_ATTEMPTS_MAX {
                        return Err(error);
                    }
                    last = error;
                }
                Err(error @ TxError::Rejected(_)) => {
                    note(&error, tenant);
                    held.close();
                    return Err(error);
                }
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    async fn context_key(&self, tenant: TenantRef) -> Result<ContextKey, TxError> {
        let key = self.shared.keys.tenant_key(tenant.id, Purpose::Context).await?;
        Ok(ContextKey::of(&key))
    }
}

/// A context that was not accepted, or a connection somebody else left dirty, is for the security log.
fn note(error: &TxError, tenant: TenantRef) {
    log::security(error.code(), &[Field::Tenant(tenant.id)]);
}
