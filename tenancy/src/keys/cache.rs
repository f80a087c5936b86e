//! Unwrapped tenant keys in memory: one KMS call however many ask at once, fresh for 5 minutes, gone after 15.
//!
//! The cache's library frees an entry when it sees fit, which may be never on a quiet machine. So whatever ends an entry empties
//! it, and the keys are wiped when the last request that uses them is done.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use moka::ops::compute::Op;
use parking_lot::Mutex;
use regions::ids::TenantId;

use super::{KeyError, Purpose, TenantKeys};
use crate::kms::KeyArn;

/// Used without asking anybody, in milliseconds.
pub(super) const FRESH_MS: u64 = 5 * 60_000;
/// Used no longer than this whatever KMS says, in milliseconds.
pub(super) const HARD_MS: u64 = 15 * 60_000;
/// Pause between attempts to renew an entry that is no longer fresh, in milliseconds.
const RENEW_PAUSE_MS: u64 = 10_000;
/// Most entries kept.
const ENTRIES_MAX: u64 = 10_000;
/// Most times that a caller finds what was just loaded emptied by a rotation or a revocation.
const LOOKS_MAX: u32 = 4;

type Key = (TenantId, Purpose);

/// What one load gives: the keys, and which KMS keys they hang on.
pub(super) struct Loaded {
    pub(super) keys: Arc<TenantKeys>,
    pub(super) arns: Vec<KeyArn>,
}

struct Entry {
    /// Nothing once the entry has ended, whoever still holds it.
    loaded: Mutex<Option<Loaded>>,
    loaded_ms: u64,
    renew_after_ms: AtomicU64,
}

impl Entry {
    fn keys(&self) -> Option<Arc<TenantKeys>> {
        self.loaded.lock().as_ref().map(|loaded| Arc::clone(&loaded.keys))
    }

    fn hangs_on(&self, arn: &KeyArn) -> bool {
        self.loaded.lock().as_ref().is_some_and(|loaded| loaded.arns.contains(arn))
    }

    fn empty(&self) {
        drop(self.loaded.lock().take());
    }

    /// A clock that was set back counts as no age; moka's own clock, which cannot be set back, ends the entry then.
    fn age_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.loaded_ms)
    }

    /// Whether this caller is the one to renew the entry now.
    fn claim_renewal(&self, now_ms: u64) -> bool {
        let after_ms = self.renew_after_ms.load(Ordering::Acquire);
        let next_ms = now_ms.saturating_add(RENEW_PAUSE_MS);
        now_ms >= after_ms
            && self
                .renew_after_ms
                .compare_exchange(after_ms, next_ms, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }
}

/// The cache. Failures are never cached.
pub(super) struct TenantKeyCache {
    entries: Cache<Key, Arc<Entry>>,
}

impl TenantKeyCache {
    pub(super) fn new() -> Self {
        let entries = Cache::builder()
            .max_capacity(ENTRIES_MAX)
            .time_to_live(Duration::from_millis(HARD_MS))
            .eviction_listener(|_key: Arc<Key>, entry: Arc<Entry>, _cause| entry.empty())
            .build();
        Self { entries }
    }

    /// The keys for `key`, loaded with `load` when there are none, or renewed with it when they are no longer fresh.
    pub(super) async fn get<F, L>(&self, key: Key, now_ms: u64, load: F) -> Result<Arc<TenantKeys>, KeyError>
    where
        F: Fn() -> L,
        L: Future<Output = Result<Loaded, KeyError>>,
    {
        for _ in 0..LOOKS_MAX {
            if let Some(entry) = self.entries.get(&key).await {
                let age_ms = entry.age_ms(now_ms);
                match entry.keys().filter(|_| age_ms < HARD_MS) {
                    Some(keys) if age_ms < FRESH_MS || !entry.claim_renewal(now_ms) => return Ok(keys),
                    Some(keys) => return self.renew(key, now_ms, (&entry, keys), &load).await,
                    None => self.remove_if_same(key, &entry).await,
                }
            }
            let entry = self
                .entries
                .try_get_with(key, async { load().await.map(|loaded| Self::entry(loaded, now_ms)) })
                .await
                .map_err(|error: Arc<KeyError>| *error)?;
            if let Some(keys) = entry.keys() {
                return Ok(keys);
            }
        }
        Err(KeyError::Unavailable)
    }

    async fn renew<F, L>(
        &self,
        key: Key,
        now_ms: u64,
        (old, keys): (&Arc<Entry>, Arc<TenantKeys>),
        load: F,
    ) -> Result<Arc<TenantKeys>, KeyError>
    where
        F: Fn() -> L,
        L: Future<Output = Result<Loaded, KeyError>>,
    {
        match load().await {
            Ok(loaded) => {
                let keys = Arc::clone(&loaded.keys);
                self.entries.insert(key, Self::entry(loaded, now_ms)).await;
                Ok(keys)
            }
            Err(KeyError::Unavailable) => Ok(keys),
            Err(error) => {
                self.remove_if_same(key, old).await;
                Err(error)
            }
        }
    }

    fn entry(loaded: Loaded, now_ms: u64) -> Arc<Entry> {
        let renew_after_ms = AtomicU64::new(now_ms.saturating_add(FRESH_MS));
        Arc::new(Entry { loaded: Mutex::new(Some(loaded)), loaded_ms: now_ms, renew_after_ms })
    }

    /// Removes what the caller saw and nothing newer, so that many callers at the limit still load once.
    async fn remove_if_same(&self, key: Key, seen: &Arc<Entry>) {
        seen.empty();
        let seen = Arc::clone(seen);
        self.entries
            .entry(key)
            .and_compute_with(|current| async move {
                match current {
                    Some(current) if Arc::ptr_eq(current.value(), &seen) => Op::Remove,
                    _ => Op::Nop,
                }
            })
            .await;
    }

    /// Drops one key's entry, so that the next caller loads it.
    pub(super) async fn purge(&self, tenant: TenantId, purpose: Purpose) {
        self.entries.invalidate(&(tenant, purpose)).await;
    }

    /// Drops what one tenant has.
    pub(super) async fn purge_tenant(&self, tenant: TenantId) {
        for purpose in Purpose::ALL {
            self.purge(tenant, purpose).await;
        }
    }

    /// Drops everything that hangs on a KMS key.
    pub(super) async fn purge_kms_key(&self, arn: &KeyArn) {
        let keys: Vec<Key> =
            self.entries.iter().filter(|(_, entry)| entry.hangs_on(arn)).map(|(key, _)| *key).collect();
        for key in keys {
            self.entries.invalidate(&key).await;
        }
    }

    /// Drops everything.
    pub(super) fn purge_all(&self) {
        for (_, entry) in &self.entries {
            entry.empty();
        }
        self.entries.invalidate_all();
    }

    /// Drops what is past its time: an entry that nobody asks for any more would otherwise stay.
    pub(super) async fn sweep(&self, now_ms: u64) {
        let past: Vec<(Key, Arc<Entry>)> = self
            .entries
            .iter()
            .filter(|(_, entry)| entry.age_ms(now_ms) >= HARD_MS)
            .map(|(key, entry)| (*key, entry))
            .collect();
        for (key, entry) in past {
            self.remove_if_same(key, &entry).await;
        }
        // What is past its time by the library's own clock is not among those above.
        self.entries.run_pending_tasks().await;
    }
}
