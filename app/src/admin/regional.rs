//! What the commands on a region's own keys work with: the worker's configuration, which is the region's only one with both
//! log-ins.

use std::path::Path;
use std::sync::Arc;

use regions::clock::Clock;
use tenancy::Regional;
use tenancy::config::RegionalConfig;
use tenancy::keys::{Keeper, Keys};
use tenancy::kms::Kms;

use super::RoleError;
use crate::config::WorkerConfig;
use crate::onboarding;
use crate::role;
use crate::rotation::Rotator;

/// A region's keys, without its shards: what a key-store command needs works while a shard is away.
pub(super) struct Cx {
    /// The worker's file.
    pub(super) config: WorkerConfig,
    /// The region with the application's log-in.
    pub(super) as_app: RegionalConfig,
    /// The region with the migrator's.
    pub(super) as_migrator: RegionalConfig,
    /// The region's keys.
    pub(super) keys: Keys,
    /// The key store's functions.
    pub(super) keeper: Keeper,
}

impl Cx {
    /// Reads the worker's configuration and opens the key store and KMS.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub(super) async fn open(path: &Path) -> Result<Cx, RoleError> {
        let config: WorkerConfig = role::load(path)?;
        let as_app = config.regional.of(config.region);
        let as_migrator = onboarding::as_migrator(&as_app, &config.migrator);
        let failed = |error: tenancy::BootError| RoleError::while_doing("opening the region's keys", &error);
        let kms = Kms::connect(config.region, &as_app.kms).await.map_err(failed)?;
        let keys = Keys::connect(&as_app, kms, Clock::system()).await.map_err(failed)?;
        let keeper = Keeper::new(&as_migrator.key_store).map_err(failed)?;
        Ok(Cx { config, as_app, as_migrator, keys, keeper })
    }

    /// The whole region, for what moves rows.
    pub(super) async fn rotator(&self) -> Result<Rotator, RoleError> {
        let failed =
            |what: &'static str| move |error: &dyn std::error::Error| RoleError::while_doing(what, error);
        let regional: Arc<Regional> = Regional::connect(&self.as_app, Clock::system())
            .await
            .map_err(|error| failed("opening the region")(&error))?;
        let migrator = onboarding::migrator(&self.as_app, &self.config.migrator)
            .await
            .map_err(|error| failed("connecting as migrator")(&error))?;
        Rotator::new(regional, migrator, &self.as_migrator)
            .map_err(|error| failed("opening the key store")(&error))
    }
}
