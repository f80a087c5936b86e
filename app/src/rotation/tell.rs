//! Tells the control plane how old the region's keys are and how far their rotations, so that the platform's people need no way in.

use std::sync::Arc;
use std::time::Duration;

use regions::ids::TenantId;
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use tenancy::config::RegionalConfig;
use tenancy::keys::{Keeper, KeyError, Rotation};

use crate::control::work::{KEYS_PER_TENANT_MAX, KeyReport, KeyVersion, TENANTS_PER_REPORT_MAX, TenantKeys};
use crate::onboarding::client::WorkClient;

/// Time between two reports, in seconds.
const EVERY_S: u64 = 120;

/// What reports.
pub struct Teller {
    keeper: Keeper,
    client: Arc<WorkClient>,
}

impl Teller {
    /// Opens the key store with the migrator's log-in.
    ///
    /// # Errors
    /// [`tenancy::BootError`].
    pub fn new(as_migrator: &RegionalConfig, client: WorkClient) -> Result<Teller, tenancy::BootError> {
        Ok(Teller { keeper: Keeper::new(&as_migrator.key_store)?, client: Arc::new(client) })
    }

    /// Reports until the process stops. A control plane that is away hears of it later; nothing here waits for it.
    pub async fn run(self, shutdown: Shutdown) {
        let mut every = tokio::time::interval(Duration::from_secs(EVERY_S));
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.wait() => return,
                _ = every.tick() => {}
            }
            if let Err(code) = Box::pin(self.tell()).await {
                log::warn("keys_not_reported", &[Field::Code(code)]);
            }
        }
    }

    /// Reports every tenant of the region once.
    ///
    /// # Errors
    /// A code; the next report says the same and more.
    pub async fn tell(&self) -> Result<(), &'static str> {
        let page_max = i64::try_from(TENANTS_PER_REPORT_MAX).unwrap_or(i64::MAX);
        let mut after = None;
        loop {
            let page = self.keeper.tenants(after, page_max).await.map_err(|_cause| "keys.store")?;
            let Some(last) = page.last().copied() else { return Ok(()) };
            let mut tenants = Vec::with_capacity(page.len());
            for tenant in page {
                tenants.push(self.of(tenant).await.map_err(|_cause| "keys.store")?);
            }
            self.client.tell_keys(&KeyReport { tenants }).await.map_err(|error| error.code())?;
            after = Some(last);
        }
    }

    async fn of(&self, tenant: TenantId) -> Result<TenantKeys, KeyError> {
        let rotations = self.keeper.rotations(Some(tenant)).await?;
        let mut keys = Vec::new();
        for key in self.keeper.status(tenant).await?.into_iter().rev().take(KEYS_PER_TENANT_MAX) {
            let of = |one: &&Rotation| one.purpose.as_str() == key.purpose && one.to_version == key.version;
            let rotation = rotations.iter().find(of);
            keys.push(KeyVersion {
                purpose: key.purpose.to_owned(),
                version: key.version,
                state: key.state,
                age_s: key.age_s,
                rotation: rotation.map(|one| one.stage.as_str().to_owned()),
                moved: rotation.map(|one| one.done),
            });
        }
        Ok(TenantKeys { tenant, keys })
    }
}
