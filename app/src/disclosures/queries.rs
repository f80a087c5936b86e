//! What is read and written of disclosures. The tenant's log says how many there must be.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::audit_log::recorded;
use uuid::Uuid;

use super::model::DisclosureRow;
use super::tables::disclosure;
use crate::access::Action;
use crate::store::StoreError;

/// Stores one.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut TenantTx, row: &DisclosureRow) -> Result<(), StoreError> {
    diesel::insert_into(disclosure::table).values(row).execute(tx.conn()).await?;
    Ok(())
}

/// A patient's disclosures, the one written down last first, those written down before `before`.
///
/// # Errors
/// What the database says.
pub async fn page(
    tx: &mut TenantTx,
    patient: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<DisclosureRow>, StoreError> {
    Ok(disclosure::table
        .filter(disclosure::patient_id.eq(patient))
        .filter(disclosure::id.lt(before.unwrap_or(Uuid::max())))
        .order(disclosure::id.desc())
        .limit(limit)
        .select(DisclosureRow::as_select())
        .load(tx.conn())
        .await?)
}

/// Whether there are as many rows as the log says were written down.
///
/// # Errors
/// What the database says.
pub async fn is_complete(tx: &mut TenantTx, patient: Uuid) -> Result<bool, StoreError> {
    let rows: i64 =
        disclosure::table.filter(disclosure::patient_id.eq(patient)).count().get_result(tx.conn()).await?;
    Ok(rows == recorded(tx, patient, Action::DisclosureRecord.name()).await?)
}
