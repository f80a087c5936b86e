//! What is read and written of corrections. Every function takes the open transaction; none begins or ends one.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::sealed::{Sealed, SealedRow as _, Verified};
use uuid::Uuid;

use super::model::{CorrectionRow, OPEN, Verdict};
use super::tables::correction;
use crate::access::Within;
use crate::patients::queries::ERASED;
use crate::patients::tables::patient;
use crate::relationships::queries::tied_for_good;
use crate::store::StoreError;

/// The table a change touches; the commit is refused when its audit entry does not name it.
pub const TABLE: &str = "correction";

/// Stores a request with its MAC.
///
/// # Errors
/// What the database or the key store says.
pub async fn insert(tx: &mut TenantTx, keys: &Keys, row: &mut CorrectionRow) -> Result<(), StoreError> {
    row.row_mac = keys.row_macs(tx.tenant()).await?.mac(&row.facts())?;
    diesel::insert_into(correction::table).values(&*row).execute(tx.conn()).await?;
    Ok(())
}

/// How many requests of a patient wait for an answer.
///
/// # Errors
/// What the database says.
pub async fn open_count(tx: &mut TenantTx, patient: Uuid) -> Result<i64, StoreError> {
    Ok(correction::table
        .filter(correction::patient_id.eq(patient))
        .filter(correction::state.eq(OPEN))
        .count()
        .get_result(tx.conn())
        .await?)
}

/// A patient's requests, the last one first, those made before `before`.
///
/// # Errors
/// [`StoreError::Open`] when a row is not what was stored, otherwise what the database or the key store says.
pub async fn page(
    tx: &mut TenantTx,
    keys: &Keys,
    (patient, before): (Uuid, Option<Uuid>),
    limit: i64,
) -> Result<Vec<Verified<CorrectionRow>>, StoreError> {
    let rows: Vec<CorrectionRow> = correction::table
        .filter(correction::patient_id.eq(patient))
        .filter(correction::id.lt(before.unwrap_or(Uuid::max())))
        .order(correction::id.desc())
        .limit(limit)
        .select(CorrectionRow::as_select())
        .load(tx.conn())
        .await?;
    let macs = keys.row_macs(tx.tenant()).await?;
    Ok(rows.into_iter().map(|row| macs.verify(row)).collect::<Result<_, _>>()?)
}

/// Requests of patients in reach that wait for an answer, those asked first before the others, and so those due first: what a
/// clinic's law gives it is the same time for each. Those asked after `after`.
///
/// # Errors
/// As [`page`].
pub async fn waiting(
    tx: &mut TenantTx,
    keys: &Keys,
    (within, after): (Within, Option<Uuid>),
    limit: i64,
) -> Result<Vec<Verified<CorrectionRow>>, StoreError> {
    let living = patient::table.filter(patient::state.ne(ERASED)).select(patient::id);
    let mut query = correction::table
        .filter(correction::state.eq(OPEN))
        .filter(correction::id.gt(after.unwrap_or_default()))
        .filter(correction::patient_id.eq_any(living))
        .order(correction::id)
        .limit(limit)
        .select(CorrectionRow::as_select())
        .into_boxed();
    if let Some(tied) = tied_for_good(within) {
        query = query.filter(correction::patient_id.eq_any(tied));
    }
    let rows: Vec<CorrectionRow> = query.load(tx.conn()).await?;
    let macs = keys.row_macs(tx.tenant()).await?;
    Ok(rows.into_iter().map(|row| macs.verify(row)).collect::<Result<_, _>>()?)
}

/// A request of this patient, locked.
///
/// # Errors
/// As [`page`].
pub async fn lock(
    tx: &mut TenantTx,
    keys: &Keys,
    (patient, id): (Uuid, Uuid),
) -> Result<Option<Verified<CorrectionRow>>, StoreError> {
    let found: Option<CorrectionRow> = correction::table
        .find(id)
        .filter(correction::patient_id.eq(patient))
        .select(CorrectionRow::as_select())
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some(row) = found else { return Ok(None) };
    Ok(Some(keys.row_macs(tx.tenant()).await?.verify(row)?))
}

/// Writes down what the clinic answered; the row as it is then.
///
/// # Errors
/// What the database or the key store says.
pub async fn answer(
    tx: &mut TenantTx,
    keys: &Keys,
    row: Verified<CorrectionRow>,
    (verdict, sealed): (Verdict, Sealed),
    now: DateTime<Utc>,
) -> Result<Verified<CorrectionRow>, StoreError> {
    let mut row = row.into_inner();
    verdict.as_str().clone_into(&mut row.state);
    (row.answer_sealed, row.answered_at) = (Some(sealed), Some(now));
    row.version = row.version.saturating_add(1);
    let macs = keys.row_macs(tx.tenant()).await?;
    row.row_mac = macs.mac(&row.facts())?;
    diesel::update(correction::table.find(row.id))
        .set((
            correction::state.eq(&row.state),
            correction::answer_sealed.eq(&row.answer_sealed),
            correction::answered_at.eq(row.answered_at),
            correction::version.eq(row.version),
            correction::row_mac.eq(&row.row_mac),
        ))
        .execute(tx.conn())
        .await?;
    Ok(macs.verify(row)?)
}
