//! The keys of a region's tenants and subjects: made by KMS, kept wrapped in the key store, unwrapped for a while here.
//!
//! Hierarchy: the region's KMS key wraps tenant keys by purpose and version; a tenant's `Seal` key wraps the keys of
//! its subjects; a subject's key (or the `Seal` key, for what is about nobody) seals values. Every use of a subject's
//! key reads its row, so erasing the row takes effect at once, whatever is cached.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use regions::clock::Clock;
use regions::ids::TenantId;
use uuid::Uuid;

use crate::archive::Archive;
use crate::config::RegionalConfig;
use crate::envelope::{Cell, ValueKey};
use crate::error::BootError;
use crate::kms::{Kms, KmsError};
use crate::sealed::{RowMacs, Sealer};

mod bytes;
mod cache;
pub(crate) mod events;
mod keeper;
pub mod ledger;
mod migrations;
mod rotation;
mod store;
mod subjects;
mod tenants;
mod tokens;
mod versions;

pub use bytes::KeyBytes;
pub use keeper::{Erased, Keeper, KeyProgress, KeyStatus};
pub use ledger::LedgerEntry;
pub use migrations::{MIGRATIONS, MigrateError, Migration, migrate};
pub use rotation::{NOTICE_S, Rotation, Stage, Step};
pub use subjects::SubjectKey;
pub use tokens::{TOKEN_MAX_S, TokenKey, TokenKeys};
pub use versions::KeyVersion;

use cache::TenantKeyCache;
use store::{KeyStore, StoreError};

/// Most subjects one batch may ask for; more are fetched in several queries.
pub const SUBJECTS_PER_QUERY_MAX: usize = 500;
/// Most subjects one call may ask for.
pub const SUBJECTS_PER_CALL_MAX: usize = 10_000;

/// What a tenant key is for. A key is never used for two purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Purpose {
    /// Wraps subject keys, and seals values that are about nobody.
    Seal,
    /// Computes the tags of blind indexes.
    BlindIndex,
    /// Computes row MACs.
    RowMac,
    /// Signs the tenant context of database transactions.
    Context,
}

impl Purpose {
    /// Every purpose; a tenant has one active key of each.
    pub const ALL: [Self; 4] = [Self::Seal, Self::BlindIndex, Self::RowMac, Self::Context];

    /// The name in the key store and in the encryption context. It never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seal => "enc",
            Self::BlindIndex => "bidx",
            Self::RowMac => "rowmac",
            Self::Context => "ctx",
        }
    }

    /// The purpose with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }
}

/// The person a sealed value is about: the patient's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectId([u8; 16]);

impl SubjectId {
    /// The id's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The id as PostgreSQL's `uuid` sees it.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        Uuid::from_bytes(self.0)
    }

    const fn is_zero(self) -> bool {
        self.as_uuid().is_nil()
    }
}

impl From<[u8; 16]> for SubjectId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<Uuid> for SubjectId {
    fn from(id: Uuid) -> Self {
        Self(id.into_bytes())
    }
}

/// Reports a row that is whole in itself and does not agree with what stands beside it, such as its tags.
pub fn note_tampered_row(tenant: TenantId) {
    events::tampered(tenant, "row_tampered");
}

/// Why a key cannot be had. Other tenants are not affected, and nothing is ever written or read in clear instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// KMS or the key store does not answer; retry later.
    #[error("the key service is unavailable")]
    Unavailable,
    /// The KMS key was disabled, scheduled for deletion, or its use denied.
    #[error("the key was revoked")]
    Revoked,
    /// What the key store holds is not what was put there; a security event was logged.
    #[error("the stored key was tampered with")]
    Tampered,
    /// There is no such key: never made, retired or erased.
    #[error("there is no such key")]
    NotFound,
}

impl From<KmsError> for KeyError {
    fn from(error: KmsError) -> Self {
        match error {
            KmsError::Unavailable => Self::Unavailable,
            KmsError::Denied | KmsError::KeyUnusable => Self::Revoked,
            KmsError::Ciphertext => Self::Tampered,
        }
    }
}

impl From<StoreError> for KeyError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::Unavailable,
            StoreError::Malformed => Self::Tampered,
        }
    }
}

/// One version of a tenant's key for one purpose. It has no `Debug`; its bytes are wiped when the last user is done.
pub struct TenantKey {
    tenant: TenantId,
    purpose: Purpose,
    version: u32,
    /// Whether it may unwrap subject keys: no longer below the floor.
    unwraps: bool,
    bytes: KeyBytes,
}

impl TenantKey {
    /// The tenant it belongs to.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// What it may be used for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Its version, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    fn unwraps(&self) -> bool {
        self.unwraps
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    fn value_key(&self) -> ValueKey {
        ValueKey::new(&self.bytes)
    }
}

/// The versions of a tenant's key for one purpose: the active one, and those that may still open.
pub(crate) struct TenantKeys {
    pub(crate) active: Arc<TenantKey>,
    pub(crate) older: Vec<Arc<TenantKey>>,
}

impl TenantKeys {
    fn version(&self, version: u32) -> Option<&Arc<TenantKey>> {
        std::iter::once(&self.active).chain(&self.older).find(|key| key.version == version)
    }
}

/// A tenant's blind-index keys at this moment.
pub struct BlindKeys(Arc<TenantKeys>);

impl BlindKeys {
    /// The key that searches ask with.
    #[must_use]
    pub fn active(&self) -> &TenantKey {
        &self.0.active
    }

    /// Every key whose tags a row carries: during a rotation there are two.
    pub fn all(&self) -> impl Iterator<Item = &TenantKey> {
        std::iter::once(&self.0.active).chain(&self.0.older).map(Arc::as_ref)
    }
}

/// The keys of one region.
pub struct Keys {
    cell: Cell,
    clock: Clock,
    kms: Kms,
    store: KeyStore,
    cache: TenantKeyCache,
    tokens: tokens::TokenCache,
    /// When changes of tenant keys were last looked for, by the key store's clock.
    seen: Mutex<SystemTime>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("region", &self.kms.region()).finish_non_exhaustive()
    }
}

impl Keys {
    /// Opens the key store and checks that it is this region's.
    ///
    /// # Errors
    /// [`BootError`] naming `region` or `key_store`.
    pub async fn connect(config: &RegionalConfig, kms: Kms, clock: Clock) -> Result<Self, BootError> {
        let cell = Cell::of(config.region).ok_or_else(|| BootError::Pin {
            field: "region",
            expected: "a region with a cell number in docs/crypto.md".to_owned(),
            found: config.region.to_string(),
        })?;
        if kms.region() != config.region {
            return Err(BootError::Pin {
                field: "kms.key_id",
                expected: config.region.to_string(),
                found: kms.region().to_string(),
            });
        }
        let store = KeyStore::new(&config.key_store)?;
        store.check_region(config.region).await?;
        let kms = kms.with_clock(clock.clone());
        let seen = Box::pin(store.now()).await.map_err(|_cause| BootError::Dependency {
            field: "key_store",
            problem: "is not of this version; run `domicile migrate region`".to_owned(),
        })?;
        Ok(Self {
            cell,
            clock,
            kms,
            store,
            cache: TenantKeyCache::new(),
            tokens: tokens::TokenCache::default(),
            seen: Mutex::new(seen),
        })
    }

    /// Checks again that KMS key and key store are this region's and usable. A revoked key's cached keys are dropped, and so
    /// are those that nobody has used until their time was over.
    ///
    /// # Errors
    /// [`BootError`] naming `kms.key_id` or `key_store`.
    pub async fn check_pins(&self) -> Result<(), BootError> {
        self.cache.sweep(self.clock.now_unix_ms()).await;
        self.tokens.sweep(self.clock.now_unix_ms());
        // Before KMS is asked: a process must learn of a rotation even while KMS does not answer.
        let _retried_with_the_next_look = Box::pin(self.notice_changes()).await;
        if let Err(error) = self.kms.check().await {
            if matches!(error, BootError::Pin { .. }) {
                events::revoked(None);
                self.cache.purge_kms_key(self.kms.key()).await;
                self.tokens.forget();
            }
            return Err(error);
        }
        self.store.check_region(self.kms.region()).await
    }

    /// Refuses a key store that ends before the region's erasure ledger does: it was restored, and would bring back who was
    /// erased since.
    ///
    /// # Errors
    /// [`BootError::Pin`] naming `key_store`; [`BootError::Dependency`] when the key store or the archive does not answer.
    pub async fn check_ledger(&self, archive: &Archive) -> Result<(), BootError> {
        let away = |_cause| BootError::Dependency {
            field: "key_store",
            problem: "the erasure ledger could not be compared with it".to_owned(),
        };
        // Read again before it is believed: an erasure may have been numbered and entered between the two looks.
        for look in 0..2 {
            let known = self.store.last_erasure().await.map_err(KeyError::from).map_err(away)?;
            let Some(next) = ledger::first_after(archive, known).await.map_err(away)? else { return Ok(()) };
            if look == 1 {
                events::rolled_back();
                return Err(BootError::Pin {
                    field: "key_store",
                    expected: "every erasure of the ledger; run `domicile admin keystore replay`".to_owned(),
                    found: format!("a key store that ends at {known} while the ledger has {next}"),
                });
            }
        }
        Ok(())
    }

    /// Drops the cached keys of tenants whose keys were rotated since the last look, by any process.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`] when the key store does not answer.
    pub async fn notice_changes(&self) -> Result<(), KeyError> {
        let since = *self.seen.lock();
        let (tenants, now) = self.store.changed_since(since).await?;
        for tenant in tenants {
            self.cache.purge_tenant(tenant).await;
        }
        *self.seen.lock() = now;
        Ok(())
    }

    /// Has the region's KMS key rotated now; nothing stored is rewritten. Says which key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn rotate_kms_key(&self) -> Result<String, KeyError> {
        Ok(self.kms.rotate_key().await?.to_string())
    }

    /// Whether KMS is in trouble: cached keys go on working, and no other key can be had.
    #[must_use]
    pub fn is_degraded(&self) -> bool {
        self.kms.is_degraded()
    }

    /// Calls made to KMS so far.
    #[must_use]
    pub fn kms_calls(&self) -> u64 {
        self.kms.calls()
    }

    /// Drops every cached key, for a drill or before a process is suspended.
    pub fn forget(&self) {
        self.cache.purge_all();
        self.tokens.forget();
    }

    /// The keys that this region signs access tokens with, or checks them by; the first one is made when it is asked for.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn token_keys(&self) -> Result<Arc<TokenKeys>, KeyError> {
        Box::pin(tokens::get(self)).await
    }

    /// Announces the next key for access tokens, unless the last one is younger than an hour.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn rotate_token_key(&self) -> Result<(), KeyError> {
        Box::pin(tokens::announce(self)).await
    }

    /// Makes the tenant's active keys of all purposes where they are missing. Any number of callers at once, in any
    /// number of processes, end with one version of each.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn ensure_tenant_keys(&self, tenant: TenantId) -> Result<(), KeyError> {
        tenants::ensure(self, tenant).await
    }

    /// The active key of a purpose.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn tenant_key(&self, tenant: TenantId, purpose: Purpose) -> Result<Arc<TenantKey>, KeyError> {
        Box::pin(tenants::get(self, tenant, purpose)).await.map(|keys| Arc::clone(&keys.active))
    }

    /// The blind-index keys: the one that searches ask with, and those whose tags are written beside its own meanwhile.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn blind_keys(&self, tenant: TenantId) -> Result<BlindKeys, KeyError> {
        Box::pin(tenants::get(self, tenant, Purpose::BlindIndex)).await.map(BlindKeys)
    }

    /// One version of a tenant's key, looked for anew when this process does not know it yet.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::NotFound`] for one that was never made or is retired.
    pub async fn tenant_key_version(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        version: u32,
    ) -> Result<Arc<TenantKey>, KeyError> {
        Box::pin(tenants::get_version(self, tenant, purpose, version)).await
    }

    /// A sealer for the tenant's values that are about no patient; it binds them to the tenant's own id as subject.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn tenant_sealer(&self, tenant: TenantId) -> Result<Sealer, KeyError> {
        let keys = Box::pin(tenants::get(self, tenant, Purpose::Seal)).await?;
        Ok(tenants::sealer(self.cell, tenant, &keys))
    }

    /// What computes and checks the MACs of the tenant's rows.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn row_macs(&self, tenant: TenantId) -> Result<RowMacs, KeyError> {
        // On the heap: the futures of every reader of rows carry this one.
        let keys = Box::pin(tenants::get(self, tenant, Purpose::RowMac)).await?;
        Ok(tenants::row_macs(self.cell, tenant, &keys))
    }

    /// Makes a subject's key, or finds the one it has.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::NotFound`] for a subject that was erased: an id is never given to a second person.
    pub async fn create_subject(
        &self,
        tenant: TenantId,
        subject: SubjectId,
    ) -> Result<Arc<SubjectKey>, KeyError> {
        Box::pin(subjects::create(self, tenant, subject)).await
    }

    /// The key of a subject, after reading that it is still there.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn subject_key(
        &self,
        tenant: TenantId,
        subject: SubjectId,
    ) -> Result<Arc<SubjectKey>, KeyError> {
        let mut found = self.subject_keys(tenant, &[subject]).await?;
        found.remove(&subject).ok_or(KeyError::NotFound)
    }

    /// The keys of many subjects in one query (for each [`SUBJECTS_PER_QUERY_MAX`]). Erased and unknown ones are absent.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::NotFound`] for more than [`SUBJECTS_PER_CALL_MAX`] subjects.
    pub async fn subject_keys(
        &self,
        tenant: TenantId,
        subjects: &[SubjectId],
    ) -> Result<HashMap<SubjectId, Arc<SubjectKey>>, KeyError> {
        Box::pin(subjects::get(self, tenant, subjects)).await
    }

    /// A sealer for values about one subject.
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn subject_sealer(&self, tenant: TenantId, subject: SubjectId) -> Result<Sealer, KeyError> {
        self.subject_key(tenant, subject).await.map(|key| key.sealer())
    }
}
