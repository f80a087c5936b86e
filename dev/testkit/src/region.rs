//! A whole region for one test: its own shard and key store with tenants alpha and beta, its own KMS and S3.

use std::sync::Arc;

use regions::clock::Clock;
use regions::ids::{Epoch, ShardId, TenantId};
use tempfile::TempDir;
use tenancy::config::{PoolConfig, RegionalConfig};
use tenancy::migrate::Migrator;
use tenancy::{APP_ROLE, MIGRATOR_ROLE, Regional, TenantRef};
use tokio_postgres::Client;

use crate::bootstrap::{APP_PASSWORD, MIGRATOR_PASSWORD};
use crate::cluster::TestCluster;
use crate::copy::copy_dir;
use crate::pki::Pki;
use crate::template::{self, Databases, Parts};

/// Which of the two regions a test region is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Geography {
    /// `us-east-1`.
    Us,
    /// `ap-south-1`.
    In,
}

impl Geography {
    /// The region's name.
    #[must_use]
    pub fn region(self) -> &'static str {
        match self {
            Self::Us => "us-east-1",
            Self::In => "ap-south-1",
        }
    }
}

/// A region with two tenants, ready to use. Dropping it drops its databases.
pub struct TestRegion {
    /// The data plane, logged in as the application.
    pub regional: Arc<Regional>,
    /// The configuration of a backend.
    pub config: RegionalConfig,
    /// The configuration of a migrator.
    pub migrator_config: RegionalConfig,
    /// The first tenant.
    pub alpha: TenantRef,
    /// The second tenant.
    pub beta: TenantRef,
    /// The region's KMS and S3, with fault injection.
    pub aws: localaws::Handle,
    /// The authority of the region's KMS and S3.
    pub pki: Pki,
    /// The cluster the databases are in.
    pub cluster: TestCluster,
    hand: tokio::sync::Mutex<Option<Arc<Client>>>,
    databases: Databases,
    dir: TempDir,
}

impl TestRegion {
    /// A US region with the production pool.
    ///
    /// # Panics
    /// If it cannot be made; the message says why.
    pub async fn new() -> Self {
        Self::with(Geography::Us, PoolConfig::default()).await
    }

    /// A US region with another pool.
    ///
    /// # Panics
    /// If it cannot be made; the message says why.
    pub async fn with_pool(pool: PoolConfig) -> Self {
        Self::with(Geography::Us, pool).await
    }

    /// A region of a geography with a pool.
    ///
    /// # Panics
    /// If it cannot be made; the message says why.
    pub async fn with(geography: Geography, pool: PoolConfig) -> Self {
        Box::pin(Self::try_with(geography, pool)).await.unwrap_or_else(|sentence| panic!("{sentence}"))
    }

    async fn try_with(geography: Geography, pool: PoolConfig) -> Result<Self, String> {
        let cluster =
            tokio::task::spawn_blocking(TestCluster::shared).await.map_err(|error| error.to_string())?;
        let template = Box::pin(template::ensure(&cluster, geography)).await?;
        let name = uuid::Uuid::from_bytes(regions::random::bytes::<16>()).simple().to_string();
        let databases = Databases { shard: format!("t_{name}_shard"), keys: format!("t_{name}_keys") };
        let superuser = cluster.superuser("postgres").await?;
        template::clone(&superuser, &template.databases, &databases).await?;
        let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
        copy_dir(&template.aws, &dir.path().join("aws")).map_err(|error| error.to_string())?;
        let pki = Pki::new();
        let certificate = pki.server(&["127.0.0.1", "localhost"]);
        let aws = template::start_aws(&dir.path().join("aws"), geography, &certificate)?;
        let parts = Parts {
            cluster: &cluster,
            geography,
            databases: &databases,
            aws: &aws,
            aws_ca: &pki.ca(),
            passwords: dir.path(),
        };
        let config = template::config(&parts, APP_ROLE, pool.clone())?;
        let migrator_config = template::config(&parts, MIGRATOR_ROLE, pool)?;
        let regional = Regional::connect(&config, Clock::system())
            .await
            .map_err(|error| format!("test region: {error}"))?;
        let (alpha, beta) = (template.alpha, template.beta);
        Ok(Self {
            regional,
            config,
            migrator_config,
            alpha,
            beta,
            aws: aws.handle,
            pki,
            cluster,
            hand: tokio::sync::Mutex::default(),
            databases,
            dir,
        })
    }

    /// A migrator of this region.
    ///
    /// # Panics
    /// If the shard does not let it in.
    pub async fn migrator(&self) -> Migrator {
        Migrator::connect(&self.migrator_config).await.expect("the migrator connects")
    }

    /// A tenant nobody has provisioned yet.
    #[must_use]
    pub fn stranger(&self) -> TenantRef {
        TenantRef { id: TenantId::random(), shard: ShardId(1), epoch: Epoch(1) }
    }

    /// A superuser in the shard database, as an operator or an attacker who has everything.
    ///
    /// # Panics
    /// If the cluster does not answer.
    pub async fn superuser(&self) -> Client {
        self.cluster.superuser(&self.databases.shard).await.expect("the superuser connects")
    }

    /// The superuser in the shard database whose connection stays open, for single statements that leave nothing behind in a
    /// session. Opening one is a process of the server and SCRAM's 4,096 rounds: dearer than most requests that are tested.
    ///
    /// # Panics
    /// If the cluster does not answer.
    pub async fn hand(&self) -> Arc<Client> {
        let mut kept = self.hand.lock().await;
        match kept.as_ref().filter(|client| !client.is_closed()) {
            Some(client) => Arc::clone(client),
            None => Arc::clone(kept.insert(Arc::new(self.superuser().await))),
        }
    }

    /// A superuser in the key store.
    ///
    /// # Panics
    /// If the cluster does not answer.
    pub async fn key_superuser(&self) -> Client {
        self.cluster.superuser(&self.databases.keys).await.expect("the superuser connects")
    }

    /// The application's log-in in the shard database, without the pool.
    ///
    /// # Panics
    /// If the cluster does not answer.
    pub async fn app_login(&self) -> Client {
        self.cluster
            .login(&self.databases.shard, APP_ROLE, APP_PASSWORD)
            .await
            .expect("the application connects")
    }

    /// The migrator's log-in in the shard database.
    ///
    /// # Panics
    /// If the cluster does not answer.
    pub async fn migrator_login(&self) -> Client {
        let login = self.cluster.login(&self.databases.shard, MIGRATOR_ROLE, MIGRATOR_PASSWORD).await;
        login.expect("the migrator connects")
    }

    /// Name of the shard database.
    #[must_use]
    pub fn shard_database(&self) -> &str {
        &self.databases.shard
    }

    /// Name of the key-store database.
    #[must_use]
    pub fn key_database(&self) -> &str {
        &self.databases.keys
    }

    /// A folder of this region's own, removed with it.
    #[must_use]
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }
}

impl Drop for TestRegion {
    fn drop(&mut self) {
        let (cluster, databases) = (self.cluster.clone(), self.databases.clone());
        // The test's own runtime may be gone or blocked, so the clean-up has one of its own.
        let cleaned = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            runtime.block_on(async {
                let superuser = cluster.superuser("postgres").await.ok()?;
                template::drop_database(&superuser, &databases.shard).await.ok()?;
                template::drop_database(&superuser, &databases.keys).await.ok()
            })
        });
        let _left_over_is_dropped_with_the_cluster = cleaned.join();
    }
}
