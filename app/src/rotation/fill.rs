//! One batch of a clinic's rows put under a new row-MAC key.

use tenancy::audit::{AuditEntry, ENTRIES_PER_COMMIT_MAX, Outcome, Purpose as Why};
use tenancy::keys::Rotation;
use tenancy::{Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::RotateError;
use crate::call::roll_back;
use crate::patients::refill;
use crate::store::StoreError;

/// Patients one transaction moves; each leaves an entry of its own.
const PATIENTS_PER_BATCH: usize = ENTRIES_PER_COMMIT_MAX;

/// Moves the patients after the rotation's position; says how many, and from where the next batch goes on (`None` at the end).
pub(super) async fn batch(
    regional: &Regional,
    tenant: TenantRef,
    rotation: &Rotation,
) -> Result<(u64, Option<Uuid>), RotateError> {
    let mut tx = regional.begin(tenant, "keys.fill").await.map_err(StoreError::Tx)?;
    match moved(&mut tx, regional, rotation).await {
        Ok((entries, position)) if entries.is_empty() => {
            roll_back(tx).await;
            Ok((0, position))
        }
        Ok((entries, position)) => {
            let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            tx.commit_many(entries).await.map_err(StoreError::Tx)?;
            Ok((count, position))
        }
        Err(error) => {
            roll_back(tx).await;
            Err(error.into())
        }
    }
}

async fn moved(
    tx: &mut TenantTx,
    regional: &Regional,
    rotation: &Rotation,
) -> Result<(Vec<AuditEntry>, Option<Uuid>), StoreError> {
    let limit = i64::try_from(PATIENTS_PER_BATCH).unwrap_or(i64::MAX);
    let ids = refill::page(tx, rotation.position, limit).await?;
    let position = (ids.len() == PATIENTS_PER_BATCH).then(|| ids.last().copied()).flatten();
    let mut entries = Vec::with_capacity(ids.len());
    for id in ids {
        let Some((version, mac)) = refill::remac(tx, regional.keys(), id).await? else { continue };
        entries.push(
            AuditEntry::new("keys.fill", Outcome::Allow)
                .resource("patient", id.into_bytes())
                .subject(id.into_bytes())
                .purpose(Why::System)
                .row_version(version)
                .row_mac(&mac)
                .touches("person"),
        );
    }
    Ok((entries, position))
}
