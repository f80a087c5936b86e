//! Tenant keys: making them once, unwrapping them, and what each failure of KMS means for the cache.

use std::sync::Arc;

use aws_lc_rs::hmac;
use regions::ids::TenantId;

use super::cache::Loaded;
use super::store::TenantKeyRow;
use super::{KeyError, Keys, Purpose, TenantKey, TenantKeys, events};
use crate::envelope::{Cell, KeyVersions};
use crate::kms::{CallFor, EncryptionContext, KeyArn, KmsError};
use crate::sealed::{RowKeys, RowMacs, SealedBy, Sealer, SealerKeys, SealingKey};

/// Recipe of the encryption context. A new recipe gets a new number; the number is stored with each wrapped key.
pub(super) const EC_VERSION: i16 = 1;
/// Most versions of one key that are unwrapped for opening; older ones must have been retired.
const VERSIONS_MAX: usize = 16;

/// What KMS binds a tenant key to. It is logged in clear by CloudTrail, so it holds ids only.
pub(super) fn context(region: &str, tenant: TenantId, purpose: Purpose, version: u32) -> EncryptionContext {
    EncryptionContext::from([
        ("hc:cell".to_owned(), region.to_owned()),
        ("hc:tenant".to_owned(), tenant.as_uuid().to_string()),
        ("hc:purpose".to_owned(), purpose.as_str().to_owned()),
        ("hc:kver".to_owned(), version.to_string()),
        ("hc:ecv".to_owned(), EC_VERSION.to_string()),
    ])
}

pub(super) async fn ensure(keys: &Keys, tenant: TenantId) -> Result<(), KeyError> {
    if tenant.as_uuid().is_nil() {
        return Err(KeyError::NotFound);
    }
    for purpose in Purpose::ALL {
        let rows = keys.store.tenant_keys(tenant, purpose).await?;
        if rows.iter().any(|row| row.active) {
            continue;
        }
        if !rows.is_empty() {
            // All versions retired: the tenant is being off-boarded, and a new version 1 would collide anyway.
            return Err(KeyError::NotFound);
        }
        let version = 1;
        let wrapped = generate(keys, tenant, purpose, version).await?;
        // Of two instances here at once one inserts; the other's key is dropped, never used.
        let row = TenantKeyRow {
            version,
            wrapped,
            kms_key_arn: keys.kms.key().to_string(),
            ec_version: EC_VERSION,
            active: true,
            unwraps: true,
        };
        keys.store.insert_tenant_key(tenant, purpose, &row).await?;
    }
    Ok(())
}

/// A new key of a tenant, wrapped by KMS; its bytes are dropped, whoever uses it asks KMS for them.
pub(super) async fn generate(
    keys: &Keys,
    tenant: TenantId,
    purpose: Purpose,
    version: u32,
) -> Result<Vec<u8>, KeyError> {
    let context = context(keys.kms.region().as_str(), tenant, purpose, version);
    match keys.kms.generate(context).await {
        Ok(made) => Ok(made.wrapped),
        Err(error) => Err(note(keys, tenant, keys.kms.key(), error).await),
    }
}

/// The keys of a purpose from the cache, or through one call to KMS for each version.
pub(super) async fn get(
    keys: &Keys,
    tenant: TenantId,
    purpose: Purpose,
) -> Result<Arc<TenantKeys>, KeyError> {
    let now_ms = keys.clock.now_unix_ms();
    keys.cache.get((tenant, purpose), now_ms, || Box::pin(load(keys, tenant, purpose))).await
}

/// As [`get`], but looks into the store again if the version is not among the cached ones: another instance may have
/// rotated the key since.
pub(super) async fn get_version(
    keys: &Keys,
    tenant: TenantId,
    purpose: Purpose,
    version: u32,
) -> Result<Arc<TenantKey>, KeyError> {
    if let Some(key) = get(keys, tenant, purpose).await?.version(version) {
        return Ok(Arc::clone(key));
    }
    let known = keys.store.tenant_keys(tenant, purpose).await?.iter().any(|row| row.version == version);
    if !known {
        return Err(KeyError::NotFound);
    }
    keys.cache.purge(tenant, purpose).await;
    get(keys, tenant, purpose).await?.version(version).map(Arc::clone).ok_or(KeyError::NotFound)
}

async fn load(keys: &Keys, tenant: TenantId, purpose: Purpose) -> Result<Loaded, KeyError> {
    let rows = keys.store.tenant_keys(tenant, purpose).await?;
    let mut active = None;
    let mut older = Vec::new();
    let mut arns = Vec::new();
    for row in rows.iter().take(VERSIONS_MAX) {
        let (key, arn) = unwrap(keys, tenant, purpose, row).await?;
        if row.active {
            active = Some(Arc::new(key));
        } else {
            older.push(Arc::new(key));
        }
        arns.push(arn);
    }
    let active = active.ok_or(KeyError::NotFound)?;
    Ok(Loaded { keys: Arc::new(TenantKeys { active, older }), arns })
}

async fn unwrap(
    keys: &Keys,
    tenant: TenantId,
    purpose: Purpose,
    row: &TenantKeyRow,
) -> Result<(TenantKey, KeyArn), KeyError> {
    let region = keys.kms.region();
    let arn = match KeyArn::parse(&row.kms_key_arn, region) {
        Ok(arn) if row.ec_version == EC_VERSION && arn.account() == keys.kms.key().account() => arn,
        _ => {
            events::tampered(tenant, "tenant_key_tampered");
            return Err(KeyError::Tampered);
        }
    };
    let context = context(region.as_str(), tenant, purpose, row.version);
    match keys.kms.decrypt(&arn, &row.wrapped, context, CallFor::TenantKey).await {
        Ok(bytes) => {
            Ok((TenantKey { tenant, purpose, version: row.version, unwraps: row.unwraps, bytes }, arn))
        }
        Err(error) => Err(note(keys, tenant, &arn, error).await),
    }
}

/// The error table: what KMS said decides what is dropped and what is reported.
async fn note(keys: &Keys, tenant: TenantId, arn: &KeyArn, error: KmsError) -> KeyError {
    match error {
        KmsError::Unavailable => {}
        KmsError::Denied => {
            keys.cache.purge_tenant(tenant).await;
            events::revoked(Some(tenant));
        }
        KmsError::KeyUnusable => {
            keys.cache.purge_kms_key(arn).await;
            keys.tokens.forget();
            events::revoked(None);
        }
        KmsError::Ciphertext => events::tampered(tenant, "tenant_key_tampered"),
    }
    error.into()
}

/// A sealer for values about nobody: the tenant's id stands for the subject and the header's subject version is 0.
pub(super) fn sealer(cell: Cell, tenant: TenantId, keys: &TenantKeys) -> Sealer {
    let sealing = |key: &Arc<TenantKey>| SealingKey { version: key.version, key: key.value_key() };
    Sealer::new(SealerKeys {
        cell,
        tenant,
        subject: *tenant.as_bytes(),
        by: SealedBy::Tenant,
        active: KeyVersions { tenant: keys.active.version, subject: 0 },
        keys: std::iter::once(&keys.active).chain(&keys.older).map(sealing).collect(),
    })
}

/// What computes and checks row MACs.
pub(super) fn row_macs(cell: Cell, tenant: TenantId, keys: &TenantKeys) -> RowMacs {
    let key = |key: &Arc<TenantKey>| (key.version, hmac::Key::new(hmac::HMAC_SHA256, key.bytes()));
    RowMacs::new(RowKeys {
        cell,
        tenant,
        keys: std::iter::once(&keys.active).chain(&keys.older).map(key).collect(),
    })
}
