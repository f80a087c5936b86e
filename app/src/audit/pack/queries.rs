//! What is read and written of packs.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use uuid::Uuid;

use super::tables::audit_pack;
use crate::store::StoreError;

/// A pack as it is kept.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_pack)]
pub(super) struct PackRow {
    /// Id.
    pub(super) id: Uuid,
    /// The clinic.
    pub(super) tenant_id: Uuid,
    /// First day of the month.
    pub(super) month: NaiveDate,
    /// Events in it.
    pub(super) events: i64,
    /// The signed note.
    pub(super) note: String,
    /// The sums that it signs.
    pub(super) sums: String,
    /// When it was made.
    pub(super) made_at: DateTime<Utc>,
}

/// Stores a pack, unless the month has one already; whether it was stored.
pub(super) async fn insert(tx: &mut TenantTx, row: &PackRow) -> Result<bool, StoreError> {
    let inserted = diesel::insert_into(audit_pack::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(tx.conn())
        .await?;
    Ok(inserted == 1)
}

/// The months since a day that have a pack.
pub(super) async fn months_since(tx: &mut TenantTx, day: NaiveDate) -> Result<Vec<NaiveDate>, StoreError> {
    Ok(audit_pack::table.filter(audit_pack::month.ge(day)).select(audit_pack::month).load(tx.conn()).await?)
}

/// One pack.
pub(super) async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<PackRow>, StoreError> {
    Ok(audit_pack::table.find(id).select(PackRow::as_select()).first(tx.conn()).await.optional()?)
}

/// The packs, the newest month first, those before `before`.
pub(super) async fn page(
    tx: &mut TenantTx,
    before: Option<NaiveDate>,
    limit: i64,
) -> Result<Vec<PackRow>, StoreError> {
    Ok(audit_pack::table
        .filter(audit_pack::month.lt(before.unwrap_or(NaiveDate::MAX)))
        .order(audit_pack::month.desc())
        .limit(limit)
        .select(PackRow::as_select())
        .load(tx.conn())
        .await?)
}
