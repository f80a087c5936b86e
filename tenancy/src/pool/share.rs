//! The per-tenant share: how many transactions one tenant may have open on a shard, so that it cannot starve others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use regions::ids::TenantId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::TxError;

/// Semaphores kept before unused ones are swept; a shard holds about 1,000 tenants.
const SHARES_KEPT_MAX: usize = 2_048;

pub(crate) struct Shares {
    permits: usize,
    wait: Duration,
    by_tenant: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

impl Shares {
    pub(crate) fn new(permits: u32, wait: Duration) -> Self {
        let permits = usize::try_from(permits.max(1)).unwrap_or(1);
        Self { permits, wait, by_tenant: Mutex::new(HashMap::new()) }
    }

    /// Waits a bounded time for one of the tenant's permits.
    pub(crate) async fn acquire(&self, tenant: TenantId) -> Result<OwnedSemaphorePermit, TxError> {
        let share = self.share(tenant);
        match tokio::time::timeout(self.wait, share.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(TxError::Busy),
        }
    }

    fn share(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut map = self.by_tenant.lock();
        if map.len() >= SHARES_KEPT_MAX {
            // A semaphore nobody else holds has all its permits, so forgetting it loses nothing.
            map.retain(|_, share| Arc::strong_count(share) > 1);
        }
        Arc::clone(map.entry(tenant).or_insert_with(|| Arc::new(Semaphore::new(self.permits))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_share_is_one_tenants_own_and_bounded() {
        let shares = Shares::new(2, Duration::from_millis(20));
        let (a, b) = (TenantId::random(), TenantId::random());
        let first = shares.acquire(a).await.unwrap();
        let _second = shares.acquire(a).await.unwrap();
        assert!(matches!(shares.acquire(a).await, Err(TxError::Busy)));
        let _other = shares.acquire(b).await.unwrap();
        drop(first);
        let _again = shares.acquire(a).await.unwrap();
    }

    #[tokio::test]
    async fn sweeping_forgets_only_unused_shares() {
        let shares = Shares::new(1, Duration::from_millis(1));
        let held_by = TenantId::random();
        let _held = shares.acquire(held_by).await.unwrap();
        for _ in 0..(SHARES_KEPT_MAX + 10) {
            drop(shares.acquire(TenantId::random()).await.unwrap());
        }
        assert!(shares.by_tenant.lock().len() <= SHARES_KEPT_MAX);
        assert!(matches!(shares.acquire(held_by).await, Err(TxError::Busy)));
    }
}
