//! Tells the control plane how old the region's keys are and how far their rotations, so that the platform's people need no way in.

use std::sync::Arc;
use std::time::Duration;

use regions::ids::TenantId;
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use tenancy::config::RegionalConfig;
use tenancy::keys::{Keeper, KeyError, KeyProgress};

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
            let tenants = self.of(&page).await.map_err(|_cause| "keys.store")?;
            self.client.tell_keys(&KeyReport { tenants }).await.map_err(|error| error.code())?;
            after = Some(last);
        }
    }

    async fn of(&self, page: &[TenantId]) -> Result<Vec<TenantKeys>, KeyError> {
        let each_max = i64::try_from(KEYS_PER_TENANT_MAX).unwrap_or(i64::MAX);
        let all = self.keeper.progress(page, each_max).await?;
        let one = |keys: &[KeyProgress]| {
            let tenant = keys.first().map(|key| key.tenant)?;
            Some(TenantKeys { tenant, keys: keys.iter().map(version).collect() })
        };
        Ok(all.chunk_by(|left, right| left.tenant == right.tenant).filter_map(one).collect())
    }
}

fn version(key: &KeyProgress) -> KeyVersion {
    KeyVersion {
        purpose: key.purpose.as_str().to_owned(),
        version: key.version,
        state: key.state.clone(),
        age_s: key.age_s,
        rotation: key.rotation.map(|(stage, _)| stage.as_str().to_owned()),
        moved: key.rotation.map(|(_, moved)| moved),
    }
}
