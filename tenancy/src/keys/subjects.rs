//! Subject keys: one for each patient, sealed by the tenant's key in the key store, read at every use.

use std::collections::HashMap;
use std::sync::Arc;

use regions::ids::TenantId;

use super::store::SubjectKeyRow;
use super::{
    KeyBytes, KeyError, Keys, Purpose, SUBJECTS_PER_CALL_MAX, SUBJECTS_PER_QUERY_MAX, SubjectId, events,
    tenants,
};
use crate::envelope::{self, KeyVersions, OpenError, Place, ValueKey};
use crate::sealed::{Column, SealedBy, Sealer, SealerKeys, SealingKey};

/// What a wrapped subject key is bound to: `keystore.subject_key.wrapped`; the row and the subject are the same id.
const WRAPPED_SUBJECT_KEY: Column = Column::new(2, 1);
/// Tries to add a key, the second with the tenant's keys read anew.
const CREATE_ATTEMPTS_MAX: u32 = 2;

/// The keys of one subject, unwrapped. They are not cached: reading the row is what proves that they still exist,
/// and unwrapping one takes two HMACs and one AES-GCM of 64 bytes.
pub struct SubjectKey {
    tenant: TenantId,
    subject: SubjectId,
    version: u16,
    sealer: Sealer,
}

impl SubjectKey {
    /// The tenant it belongs to.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The subject it belongs to.
    #[must_use]
    pub fn subject(&self) -> SubjectId {
        self.subject
    }

    /// The version that seals.
    #[must_use]
    pub fn version(&self) -> u16 {
        self.version
    }

    /// Whether an older version still opens: a rotation of this key was begun and not ended.
    #[must_use]
    pub fn opens_older(&self) -> bool {
        self.sealer.versions() > 1
    }

    /// A sealer for values about this subject.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        self.sealer.clone()
    }
}

fn place(keys: &Keys, tenant: TenantId, subject: SubjectId) -> Place {
    Place {
        cell: keys.cell,
        tenant: *tenant.as_bytes(),
        column: WRAPPED_SUBJECT_KEY,
        row: *subject.as_bytes(),
        subject: *subject.as_bytes(),
    }
}

pub(super) async fn create(
    keys: &Keys,
    tenant: TenantId,
    subject: SubjectId,
) -> Result<Arc<SubjectKey>, KeyError> {
    if subject.is_zero() {
        return Err(KeyError::NotFound);
    }
    let bytes = KeyBytes::random();
    for attempt in 1..=CREATE_ATTEMPTS_MAX {
        let row = wrap(keys, tenant, (subject, 1), &bytes).await?;
        if keys.store.insert_subject_key(tenant, &row).await? {
            return build(keys, tenant, subject, vec![(row.versions, ValueKey::new(&bytes))]).map(Arc::new);
        }
        let found = keys.subject_key(tenant, subject).await;
        if attempt == CREATE_ATTEMPTS_MAX || !matches!(found, Err(KeyError::NotFound)) {
            return found;
        }
        // Erased, or wrapped under a version that was closed since it was cached: only a look tells.
        keys.cache.purge(tenant, Purpose::Seal).await;
    }
    Err(KeyError::NotFound)
}

pub(super) async fn get(
    keys: &Keys,
    tenant: TenantId,
    subjects: &[SubjectId],
) -> Result<HashMap<SubjectId, Arc<SubjectKey>>, KeyError> {
    if subjects.len() > SUBJECTS_PER_CALL_MAX {
        return Err(KeyError::NotFound);
    }
    let mut found = HashMap::with_capacity(subjects.len());
    for chunk in subjects.chunks(SUBJECTS_PER_QUERY_MAX) {
        // Rows come sorted by subject, the active version first.
        let rows = keys.store.subject_keys(tenant, chunk).await?;
        for rows in rows.chunk_by(|left, right| left.subject == right.subject) {
            let Some(first) = rows.first().filter(|row| row.active) else { continue };
            let mut versions = Vec::with_capacity(rows.len());
            for row in rows {
                versions.push((row.versions, unwrap(keys, tenant, row).await?));
            }
            let key = build(keys, tenant, first.subject, versions)?;
            found.insert(first.subject, Arc::new(key));
        }
    }
    Ok(found)
}

async fn unwrap(keys: &Keys, tenant: TenantId, row: &SubjectKeyRow) -> Result<ValueKey, KeyError> {
    unwrap_bytes(keys, tenant, row).await.map(|bytes| ValueKey::new(&bytes))
}

/// The key itself, for those who wrap it anew.
pub(super) async fn unwrap_bytes(
    keys: &Keys,
    tenant: TenantId,
    row: &SubjectKeyRow,
) -> Result<KeyBytes, KeyError> {
    let wrapping = tenants::get_version(keys, tenant, Purpose::Seal, row.versions.tenant).await?;
    if !wrapping.unwraps() {
        // Nothing was left under this version when it was closed: the row was put back.
        events::tampered(tenant, "subject_key_below_floor");
        return Err(KeyError::Tampered);
    }
    let opened = envelope::parse(&row.wrapped).and_then(|parsed| {
        // The columns beside the bytes are not authenticated; what is sealed into the bytes is.
        if parsed.versions != row.versions {
            return Err(OpenError::Tampered);
        }
        envelope::open(&wrapping.value_key(), &place(keys, tenant, row.subject), &parsed)
    });
    opened.ok().and_then(|bytes| KeyBytes::copied(&bytes)).ok_or_else(|| {
        events::tampered(tenant, "subject_key_tampered");
        KeyError::Tampered
    })
}

/// Seals a subject's key under the tenant's active key.
pub(super) async fn wrap(
    keys: &Keys,
    tenant: TenantId,
    (subject, version): (SubjectId, u16),
    bytes: &[u8; 32],
) -> Result<SubjectKeyRow, KeyError> {
    let wrapping = tenants::get(keys, tenant, Purpose::Seal).await?;
    let versions = KeyVersions { tenant: wrapping.active.version(), subject: version };
    let wrapped =
        envelope::seal(&wrapping.active.value_key(), &place(keys, tenant, subject), versions, bytes)
            .map_err(|_cause: envelope::SealError| KeyError::NotFound)?;
    Ok(SubjectKeyRow { subject, versions, wrapped, active: true })
}

/// Puts a subject's versions, the active one first, into a sealer.
fn build(
    keys: &Keys,
    tenant: TenantId,
    subject: SubjectId,
    versions: Vec<(KeyVersions, ValueKey)>,
) -> Result<SubjectKey, KeyError> {
    let active = versions.first().map(|(versions, _)| *versions).ok_or(KeyError::NotFound)?;
    let sealing = versions
        .into_iter()
        .map(|(versions, key)| SealingKey { version: u32::from(versions.subject), key })
        .collect();
    let sealer = Sealer::new(SealerKeys {
        cell: keys.cell,
        tenant,
        subject: *subject.as_bytes(),
        by: SealedBy::Subject,
        active,
        keys: sealing,
    });
    Ok(SubjectKey { tenant, subject, version: active.subject, sealer })
}
