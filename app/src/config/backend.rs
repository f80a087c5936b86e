//! The backend's configuration, and the parts of it that the worker has too.

use std::net::SocketAddr;
use std::path::PathBuf;

use regions::hosts::BaseDomain;
use regions::region::RegionName;
use regions::tls::Identity;
use regions::trace::TelemetryConfig;
use serde::Deserialize;
use tenancy::config::{AuditConfig, DbConfig, KmsConfig, PoolConfig, RegionalConfig, S3Config, ShardConfig};

/// What `domicile backend` reads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendConfig {
    /// The one region this process serves.
    pub region: RegionName,
    /// The base domain under which clinics have their addresses.
    pub base: BaseDomain,
    /// Where front doors connect.
    pub listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub admin_listen: SocketAddr,
    /// The port clients see at the front door; links and origins are made with it.
    pub public_port: u16,
    /// The listener's certificate and the authority of its clients.
    pub tls: ListenTls,
    /// Where the signed directory comes from.
    pub directory: DirectoryConfig,
    /// The keys of the route assertion and of receipts.
    pub route: RouteConfig,
    /// The region's data plane.
    pub regional: RegionalPart,
    /// How long sessions live.
    #[serde(default)]
    pub session: SessionConfig,
    /// How much of the machine log-ins may take.
    #[serde(default)]
    pub passwords: PasswordConfig,
    /// Threads that serve requests; 0 is one a core.
    #[serde(default)]
    pub threads: usize,
    /// The folder of the built portal; without one this process serves no pages.
    #[serde(default)]
    pub portal_dir: Option<PathBuf>,
    /// How long a process that was asked to stop goes on serving the connections it has and closes each after its answer, in
    /// milliseconds: longer than front doors keep an idle connection (`limits.backend_idle_ms`).
    #[serde(default = "drain_announce_ms")]
    pub drain_announce_ms: u64,
    /// Where traces go; nowhere without it.
    #[serde(default)]
    pub telemetry: Option<TelemetryConfig>,
}

/// Two seconds more than a front door keeps an idle connection.
fn drain_announce_ms() -> u64 {
    12_000
}

/// A listener for the product's own processes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenTls {
    /// The chain, leaf first, in PEM.
    pub cert: PathBuf,
    /// The private key in PEM.
    pub key: PathBuf,
    /// Only clients with a certificate of this authority may connect.
    pub client_ca: PathBuf,
}

impl ListenTls {
    /// The certificate and its key.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { cert: self.cert.clone(), key: self.key.clone() }
    }
}

/// Where the signed directory comes from and where its last good copy is kept.
pub use regions::directory::feed::FeedConfig as DirectoryConfig;

/// Key files of the route assertion and of receipts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteConfig {
    /// Keys that front doors sign assertions with.
    pub keys: PathBuf,
    /// Keys that backends sign receipts with.
    pub receipts: PathBuf,
}

/// The region's data plane, without the region, which the file names once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionalPart {
    /// The PostgreSQL clusters of the region.
    pub shards: Vec<ShardConfig>,
    /// The database that holds wrapped keys.
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

impl RegionalPart {
    /// The data plane's configuration in the file's one region.
    #[must_use]
    pub fn of(&self, region: RegionName) -> RegionalConfig {
        RegionalConfig {
            region,
            shards: self.shards.clone(),
            key_store: self.key_store.clone(),
            kms: self.kms.clone(),
            s3: self.s3.clone(),
            audit: self.audit.clone(),
            pool: self.pool.clone(),
        }
    }
}

/// How long sessions live.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// Seconds without a request after which a session ends.
    pub idle_s: u32,
    /// Seconds after which a session ends whatever happens.
    pub absolute_s: u32,
}

impl Default for SessionConfig {
    fn default() -> Self {
        // 15 minutes and 12 hours (NIST SP 800-63B-4, 2.3.3).
        Self { idle_s: 900, absolute_s: 43_200 }
    }
}

/// How much of the machine log-ins may take; each running hash takes a core and 46 MiB.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordConfig {
    /// Hashes at once.
    pub running_max: usize,
    /// Hashes that may wait; more are refused with 503.
    pub waiting_max: usize,
}

impl Default for PasswordConfig {
    fn default() -> Self {
        Self { running_max: 1, waiting_max: 16 }
    }
}
