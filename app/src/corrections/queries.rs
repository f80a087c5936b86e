//! What is read and written of corrections. Every function takes the open transaction; none begins or ends one.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::sealed::Sealed;
use uuid::Uuid;

use super::model::{CorrectionRow, OPEN, Verdict};
use super::tables::correction;
use crate::store::StoreError;

/// The table a change touches; the commit is refused when its audit entry does not name it.
pub const TABLE: &str = "correction";

/// Stores a request.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut TenantTx, row: &CorrectionRow) -> Result<(), StoreError> {
    diesel::insert_into(correction::table).values(row).execute(tx.conn()).await?;
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
/// What the database says.
pub async fn page(
    tx: &mut TenantTx,
    patient: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<CorrectionRow>, StoreError> {
    Ok(correction::table
        .filter(correction::patient_id.eq(patient))
        .filter(correction::id.lt(before.unwrap_or(Uuid::max())))
        .order(correction::id.desc())
        .limit(limit)
        .select(CorrectionRow::as_select())
        .load(tx.conn())
        .await?)
}

/// A request of this patient, locked.
///
/// # Errors
/// What the database says.
pub async fn lock(
    tx: &mut TenantTx,
    (patient, id): (Uuid, Uuid),
) -> Result<Option<CorrectionRow>, StoreError> {
    Ok(correction::table
        .find(id)
        .filter(correction::patient_id.eq(patient))
        .select(CorrectionRow::as_select())
        .for_update()
        .first(tx.conn())
        .await
        .optional()?)
}

/// Writes down what the clinic answered.
///
/// # Errors
/// What the database says.
pub async fn answer(
    tx: &mut TenantTx,
    id: Uuid,
    (verdict, sealed): (Verdict, &Sealed),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    diesel::update(correction::table.find(id))
        .set((
            correction::state.eq(verdict.as_str()),
            correction::answer_sealed.eq(sealed),
            correction::answered_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}
