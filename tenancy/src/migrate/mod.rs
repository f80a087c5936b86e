//! Migrations of a region: the shard track, then every tenant, canary first, in parallel, resumable, with a ledger.
//!
//! Each migration of each tenant is one transaction that also writes its ledger row, so a process killed at any point
//! leaves every tenant whole, at its old version or at its new one, and the next run goes on. A tenant that fails keeps
//! its old version and does not stop the others; a program that needs the new version refuses to serve it.

pub(crate) mod context_keys;
mod drift;
mod files;
mod lint;
mod shard_track;
mod tenant_track;

use std::collections::BTreeMap;

use regions::ids::{Epoch, ShardId, TenantId};

use crate::config::{RegionalConfig, ShardConfig};
use crate::error::BootError;
use crate::names::{OWNER_ROLE, TenantRef};
use crate::pg::{Connector, PgClient, describe};
use crate::shard::pins::{Login, check_login};

pub use drift::Drift;
pub use files::{Migration, Plan};
pub use lint::Finding;
pub use tenant_track::{Parallel, Report};

/// State of a tenant that may be served.
pub(crate) const STATE_READY: &str = "ready";

/// Namespace of the advisory lock that lets one migrator at a time work on a shard.
pub(crate) const LOCK_SHARD: i32 = 5_791_001;
/// Namespace of the advisory locks that let one process at a time work on a tenant.
pub(crate) const LOCK_TENANT: i32 = 5_791_002;
/// Longest wait for another migrator, in milliseconds.
pub(crate) const LOCK_WAIT_MS: u32 = 30_000;

/// The tenant version this program needs; a tenant behind it is not served.
pub(crate) fn tenant_version_required() -> i32 {
    files::TENANT.last().map_or(0, |last| last.version)
}

/// The text of every migration and replaceable file of shards and tenants, for hashing.
#[must_use]
pub fn embedded_sql() -> Vec<&'static str> {
    let numbered = files::SHARD.iter().chain(files::TENANT).map(|migration| migration.up);
    let replaceable = files::REPLACEABLE_SHARD.iter().chain(files::REPLACEABLE_TENANT).copied();
    let bootstrap = crate::shard::bootstrap::FILES.iter().copied();
    numbered
        .chain(replaceable)
        .chain(bootstrap)
        .chain(crate::keys::MIGRATIONS.iter().map(|one| one.up))
        .collect()
}

/// Why a migration did not happen.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The shard could not be reached, or is not the one it should be.
    #[error(transparent)]
    Boot(#[from] BootError),
    /// A statement failed; only its SQLSTATE is kept, because a message may quote a value.
    #[error("{what}: {reason}")]
    Sql {
        /// What was being done.
        what: String,
        /// SQLSTATE or kind of transport error.
        reason: String,
    },
    /// A released migration was edited.
    #[error("migration {version} ({name}) was applied with another text than this program carries")]
    Edited {
        /// Its number.
        version: i32,
        /// Its name.
        name: String,
    },
    /// The job queue's own migrations failed.
    #[error("the job queue's migrations: {0}")]
    Queue(String),
    /// The key store's migrations failed.
    #[error("the key store's migrations: {0}")]
    KeyStore(String),
    /// The shard is not one of this configuration.
    #[error("shard {0} is not in the configuration")]
    UnknownShard(ShardId),
    /// The tenant is not on this shard, or is not to be migrated any more.
    #[error("tenant {0} is not on this shard")]
    UnknownTenant(TenantId),
}

impl MigrateError {
    pub(crate) fn sql(what: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        Self::Sql { what: what.into(), reason: describe(error) }
    }
}

/// Migrates the shards of one region, as `domicile_migrator`.
pub struct Migrator {
    config: RegionalConfig,
    plan: Plan,
    connectors: BTreeMap<ShardId, Connector>,
}

impl Migrator {
    /// Reaches every shard of the configuration, whose log-ins must be the migrator's.
    ///
    /// # Errors
    /// [`MigrateError::Boot`] naming the field that is wrong.
    pub async fn connect(config: &RegionalConfig) -> Result<Self, MigrateError> {
        Self::with_plan(config, Plan::embedded()).await
    }

    /// As [`connect`](Self::connect), with other migrations than the embedded ones.
    ///
    /// # Errors
    /// [`MigrateError::Boot`] naming the field that is wrong.
    pub async fn with_plan(config: &RegionalConfig, plan: Plan) -> Result<Self, MigrateError> {
        let mut connectors = BTreeMap::new();
        for shard in &config.shards {
            let connector = Connector::new(&shard.db(), "shards", "domicile-migrate")?;
            let client = connector.open_driven().await?;
            check_login(&client, &connector, Login::Migrator).await?;
            connectors.insert(shard.id, connector);
        }
        Ok(Self { config: config.clone(), plan, connectors })
    }

    /// Where a tenant lives in this region, and at which epoch; `None` when no shard of the configuration has it ready.
    ///
    /// # Errors
    /// [`MigrateError`] when a shard does not answer.
    pub async fn locate(&self, tenant: TenantId) -> Result<Option<TenantRef>, MigrateError> {
        let sql = "SELECT epoch FROM meta.tenant WHERE id = $1 AND state = 'ready'";
        for (shard, connector) in &self.connectors {
            let client = connector.open_driven().await?;
            let failed = |error| MigrateError::sql("looking for a tenant", &error);
            client.batch_execute(&format!("SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
            if let Some(row) = client.query_opt(sql, &[&tenant.as_uuid()]).await.map_err(failed)? {
                let epoch = u32::try_from(row.get::<_, i32>(0)).unwrap_or(0);
                return Ok(Some(TenantRef { id: tenant, shard: *shard, epoch: Epoch(epoch) }));
            }
        }
        Ok(None)
    }

    /// Whether the shard says that a tenant was ended and is destroyed, or being so.
    ///
    /// # Errors
    /// [`MigrateError`] when the shard does not answer, or is none of the configuration.
    pub async fn is_destroyed(&self, tenant: TenantRef) -> Result<bool, MigrateError> {
        let sql =
            "SELECT EXISTS (SELECT FROM meta.tenant WHERE id = $1 AND state IN ('destroying', 'destroyed'))";
        let client = self.client(tenant.shard).await?;
        let failed = |error| MigrateError::sql("looking for a tenant", &error);
        client.batch_execute(&format!("SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
        Ok(client.query_one(sql, &[&tenant.id.as_uuid()]).await.map_err(failed)?.get(0))
    }

    /// The migrations it applies.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn config(&self) -> &RegionalConfig {
        &self.config
    }

    pub(crate) fn connector(&self, shard: ShardId) -> Result<&Connector, MigrateError> {
        self.connectors.get(&shard).ok_or(MigrateError::UnknownShard(shard))
    }

    pub(crate) async fn client(&self, shard: ShardId) -> Result<PgClient, MigrateError> {
        Ok(self.connector(shard)?.open_driven().await?)
    }

    pub(crate) fn shards(&self) -> impl Iterator<Item = &ShardConfig> {
        self.config.shards.iter()
    }
}

/// The key of a tenant's advisory lock: 32 bits of its random id. Two tenants that share them only wait for each other.
pub(crate) fn tenant_lock_key(tenant: TenantId) -> i32 {
    let bytes = tenant.as_bytes();
    let word = bytes.first_chunk::<4>().copied().unwrap_or_default();
    i32::from_be_bytes(word)
}
