//! The configuration of one region's data plane: its shards, key store, KMS key, bucket and pool limits.
//!
//! There is one [`RegionName`] and no field for a second one: a process that should reach two regions cannot be
//! written down here.

use std::path::PathBuf;

use regions::ids::ShardId;
use regions::region::RegionName;
use serde::Deserialize;

/// Everything a backend or worker needs to reach the data of its one region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionalConfig {
    /// The home region of every tenant this process serves. There is no default.
    pub region: RegionName,
    /// The PostgreSQL clusters of the region.
    pub shards: Vec<ShardConfig>,
    /// The database that holds wrapped keys, apart from every shard.
    pub key_store: DbConfig,
    /// The region's KMS key.
    pub kms: KmsConfig,
    /// The region's document bucket.
    pub s3: S3Config,
    /// The archive of the audit log and of other evidence.
    pub audit: AuditConfig,
    /// Connection and fairness limits.
    #[serde(default)]
    pub pool: PoolConfig,
}

/// One PostgreSQL cluster of the region.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardConfig {
    /// The shard's number, which must equal the one its own identity row names.
    pub id: ShardId,
    /// Host name, which the server's certificate must carry.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// Login role.
    pub user: String,
    /// File that holds the role's password; read at connect, so that it can be rotated.
    pub password_file: PathBuf,
    /// PEM file of the authority that signed the server's certificate.
    pub ca: PathBuf,
}

impl ShardConfig {
    /// The connection part, without the shard's number.
    #[must_use]
    pub fn db(&self) -> DbConfig {
        DbConfig {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            user: self.user.clone(),
            password_file: self.password_file.clone(),
            ca: self.ca.clone(),
        }
    }
}

/// How to reach one PostgreSQL database over TLS.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DbConfig {
    /// Host name, which the server's certificate must carry.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Database name.
    pub database: String,
    /// Login role.
    pub user: String,
    /// File that holds the role's password; read at connect, so that it can be rotated.
    pub password_file: PathBuf,
    /// PEM file of the authority that signed the server's certificate.
    pub ca: PathBuf,
}

/// The region's KMS key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KmsConfig {
    /// `https` URL of a local KMS; absent means the AWS endpoint of the region.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Full ARN of a single-Region key of this region.
    pub key_id: String,
    /// PEM file of the authority of the local endpoint's certificate.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

/// The region's document bucket.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Config {
    /// `https` URL of a local S3; absent means the AWS endpoint of the region.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Bucket name; the bucket must be located in this region.
    pub bucket: String,
    /// PEM file of the authority of the local endpoint's certificate.
    #[serde(default)]
    pub ca: Option<PathBuf>,
}

/// How texts to telephones leave through Amazon SNS, in the process's own region.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SnsConfig {
    /// `https` URL of a local SNS; absent means the AWS endpoint of the region.
    pub endpoint: Option<String>,
    /// PEM file of the authority of the local endpoint's certificate.
    pub ca: Option<PathBuf>,
    /// The sender that telephones show, where a country has such names; in India the one that is registered.
    pub sender_id: Option<String>,
    /// India: the entity that is registered with the carriers (DLT).
    pub entity_id: Option<String>,
    /// India: the registered template of texts that hold a code.
    pub code_template_id: Option<String>,
    /// India: the registered template of texts that say what changed.
    pub notice_template_id: Option<String>,
}

/// The region's archive and the key that signs what goes there. The endpoints are those of `s3` and `kms`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditConfig {
    /// Name of a bucket with object lock in this region, owned by the signing key's account.
    pub bucket: String,
    /// Full ARN of the single-Region key that the bucket's objects are encrypted under.
    pub key_id: String,
    /// Full ARN of the single-Region `ECC_NIST_P256` key that signs checkpoints. Only the worker may use it.
    pub signing_key_id: String,
}

/// Limits of the connection pool of each shard. Every number has its unit in its name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolConfig {
    /// Connections for ordinary transactions.
    pub connections_max: u32,
    /// Connections kept for denials and log-ins, so that a full pool cannot swallow their audit entries.
    pub reserved_connections_max: u32,
    /// Lanes the ordinary connections are dealt into; a tenant prefers two of them, so its statements stay prepared.
    pub lanes_max: u32,
    /// Transactions one tenant may have open at once on one shard.
    pub tenant_transactions_max: u32,
    /// Longest wait for a tenant's share, in milliseconds; then [`TxError::Busy`](crate::TxError::Busy).
    pub tenant_wait_ms: u64,
    /// Longest wait for a connection, in milliseconds; then [`TxError::Unavailable`](crate::TxError::Unavailable).
    pub connection_wait_ms: u64,
    /// Longest time for TCP, TLS and log-in together, in milliseconds.
    pub connect_ms: u64,
    /// `statement_timeout` of a tenant transaction, in milliseconds.
    pub statement_ms: u64,
    /// `lock_timeout` of a tenant transaction, in milliseconds.
    pub lock_ms: u64,
    /// `idle_in_transaction_session_timeout` of a tenant transaction, in milliseconds.
    pub idle_in_transaction_ms: u64,
    /// How long a tenant context is accepted after its transaction began, in seconds.
    pub context_s: u64,
    /// Longest life of a connection, in seconds.
    pub connection_lifetime_s: u64,
    /// Tenants a connection serves before it ends. Its server process keeps a catalog cache of every table it has seen,
    /// about 1 MB for each tenant: this and not the time bounds it.
    pub connection_tenants_max: u32,
    /// Longest time to insert an audit entry and commit, in milliseconds.
    pub commit_ms: u64,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            connections_max: 16,
            reserved_connections_max: 2,
            lanes_max: 4,
            tenant_transactions_max: 6,
            tenant_wait_ms: 1_000,
            connection_wait_ms: 2_000,
            connect_ms: 5_000,
            statement_ms: 10_000,
            lock_ms: 2_000,
            idle_in_transaction_ms: 10_000,
            context_s: 60,
            connection_lifetime_s: 1_800,
            connection_tenants_max: 100,
            commit_ms: 5_000,
        }
    }
}
