//! A patient's stored row put under new keys without a change of what it says.

use std::collections::BTreeSet;
use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::region::Jurisdiction;
use tenancy::TenantTx;
use tenancy::keys::{Keys, SubjectId};
use tenancy::sealed::{RowMac, SealedRow as _, tags_digest};
use uuid::Uuid;

use super::model::{PatientId, PersonRow};
use super::queries::{self, ChangeError};
use super::tables::{idempotency, patient, person, person_tag};
use super::tags::{self, Tag};
use crate::store::{Sealing, StoreError};

/// Patients after `after`, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn page(tx: &mut TenantTx, after: Option<Uuid>, limit: i64) -> Result<Vec<Uuid>, StoreError> {
    Ok(person::table
        .filter(person::patient_id.gt(after.unwrap_or_default()))
        .order(person::patient_id)
        .limit(limit)
        .select(person::patient_id)
        .load(tx.conn())
        .await?)
}

/// Gives a row a MAC of the active key; the row's version and MAC, or `None` when there is nothing to do.
///
/// # Errors
/// When the row is not what was stored, or what the database says.
pub async fn remac(tx: &mut TenantTx, keys: &Keys, id: Uuid) -> Result<Option<(i64, RowMac)>, StoreError> {
    let macs = keys.row_macs(tx.tenant()).await?;
    let Some(row) = locked(tx, id).await? else { return Ok(None) };
    let row = macs.verify(row)?.into_inner();
    if macs.is_current(&row.row_mac) {
        return Ok(None);
    }
    let mac = macs.mac(&row.facts())?;
    diesel::update(person::table.find(id)).set(person::row_mac.eq(&mac)).execute(tx.conn()).await?;
    Ok(Some((row.version, mac)))
}

/// Gives a patient the tags that a row carries now, no more and no fewer; the row's version and MAC, or `None` when there is
/// nothing to do.
///
/// # Errors
/// When the row is not what was stored, or what the database or the key store says.
pub async fn retag(
    tx: &mut TenantTx,
    keys: &Arc<Keys>,
    jurisdiction: Jurisdiction,
    id: Uuid,
) -> Result<Option<(i64, RowMac)>, StoreError> {
    let Some(row) = locked(tx, id).await? else { return Ok(None) };
    let Some(found) = super::model::Patient::find(tx, keys, id.into()).await? else { return Ok(None) };
    let blind = keys.blind_keys(tx.tenant()).await?;
    let carried = tags::carried(&blind, jurisdiction, &found.person)?;
    if carried == tags_of(tx, id.into()).await? {
        return Ok(None);
    }
    let macs = keys.row_macs(tx.tenant()).await?;
    let mut row = macs.verify(row)?.into_inner();
    row.tags_digest = tags_digest(carried.iter().map(|tag| (tag.index, tag.tag))).to_vec();
    row.row_mac = macs.mac(&row.facts())?;
    let set = (person::tags_digest.eq(&row.tags_digest), person::row_mac.eq(&row.row_mac));
    diesel::update(person::table.find(id)).set(set).execute(tx.conn()).await?;
    diesel::delete(person_tag::table.filter(person_tag::patient_id.eq(id))).execute(tx.conn()).await?;
    match queries::insert_tags(tx, id.into(), &carried).await {
        Ok(()) => Ok(Some((row.version, row.row_mac))),
        Err(ChangeError::Store(error)) => Err(error),
        // Another patient's number under one version and not under the other: not what was stored.
        Err(_) => Err(StoreError::Tag),
    }
}

async fn locked(tx: &mut TenantTx, id: Uuid) -> Result<Option<PersonRow>, StoreError> {
    let found = person::table.find(id).select(PersonRow::as_select()).for_update().first(tx.conn()).await;
    Ok(found.optional()?)
}

/// Seals a patient's record under the patient's present key, as a new version that says the same, and forgets the answers
/// remembered for repeated requests.
///
/// # Errors
/// When the row is not what was stored, or what the database or the key store says.
pub async fn reseal(
    tx: &mut TenantTx,
    keys: &Arc<Keys>,
    id: PatientId,
) -> Result<Option<(i64, RowMac)>, StoreError> {
    let tenant = tx.tenant();
    if locked(tx, id.uuid()).await?.is_none() {
        return Ok(None);
    }
    let Some(mut found) = super::model::Patient::find(tx, keys, id).await? else { return Ok(None) };
    let (expected, tags) = (found.version, tags_of(tx, id).await?);
    found.version = expected.saturating_add(1);
    let sealer = keys.subject_sealer(tenant, SubjectId::from(id.bytes())).await?;
    let macs = keys.row_macs(tenant).await?;
    let row = found.seal(&Sealing { sealer: &sealer, macs: &macs }, &tags)?;
    let mac = row.row_mac.clone();
    diesel::update(patient::table.find(id.uuid()))
        .set(patient::version.eq(found.version))
        .execute(tx.conn())
        .await?;
    diesel::update(person::table.find(id.uuid())).set(row).execute(tx.conn()).await?;
    // They are sealed under the old key, and a day old at most.
    let own = diesel::dsl::sql::<diesel::sql_types::Bool>("substr(response_sealed, 1, 16) = ")
        .bind::<diesel::sql_types::Binary, _>(id.bytes().to_vec());
    diesel::delete(idempotency::table.filter(own)).execute(tx.conn()).await?;
    Ok(Some((found.version, mac)))
}

/// The tags a patient is found by.
async fn tags_of(tx: &mut TenantTx, id: PatientId) -> Result<BTreeSet<Tag>, StoreError> {
    let rows: Vec<(i32, Vec<u8>)> = person_tag::table
        .filter(person_tag::patient_id.eq(id.uuid()))
        .select((person_tag::index_id, person_tag::tag))
        .load(tx.conn())
        .await?;
    let tag = |(index, tag): (i32, Vec<u8>)| {
        let (index, tag) = (u32::try_from(index).ok()?, <[u8; 16]>::try_from(tag).ok()?);
        Some(Tag { index, tag })
    };
    rows.into_iter().map(tag).collect::<Option<_>>().ok_or(StoreError::Shape)
}
