//! What is read and written of support grants and looks, inside a transaction of the clinic.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use uuid::Uuid;

use super::answer::What;
use super::model::{GrantRow, GrantState, LOOKS_MAX, LookRow};
use super::tables::{support_grant, support_look};
use crate::store::StoreError;

/// Grants, the newest first, after `after`.
///
/// # Errors
/// What the database says.
pub async fn page(tx: &mut TenantTx, after: Option<Uuid>, limit: i64) -> Result<Vec<GrantRow>, StoreError> {
    let rows = support_grant::table
        .filter(support_grant::id.lt(after.unwrap_or(Uuid::max())))
        .order(support_grant::id.desc())
        .limit(limit)
        .select(GrantRow::as_select());
    Ok(rows.load(tx.conn()).await?)
}

/// What was looked at under these grants, the newest first.
///
/// # Errors
/// What the database says.
pub async fn looks(tx: &mut TenantTx, grants: &[Uuid]) -> Result<Vec<LookRow>, StoreError> {
    let most = LOOKS_MAX.saturating_mul(i64::try_from(grants.len()).unwrap_or(i64::MAX));
    let rows = support_look::table
        .filter(support_look::grant_id.eq_any(grants))
        .order((support_look::looked_at.desc(), support_look::id.desc()))
        .limit(most)
        .select(LookRow::as_select());
    Ok(rows.load(tx.conn()).await?)
}

/// One grant, as it is.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<GrantRow>, StoreError> {
    let row = support_grant::table.find(id).select(GrantRow::as_select());
    Ok(row.first(tx.conn()).await.optional()?)
}

/// One grant, and nobody else's to change until the transaction ends.
///
/// # Errors
/// What the database says.
pub async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Option<GrantRow>, StoreError> {
    let row = support_grant::table.find(id).select(GrantRow::as_select()).for_update();
    Ok(row.first(tx.conn()).await.optional()?)
}

/// Stores a grant that was asked for; false when it is there already.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut TenantTx, row: GrantRow) -> Result<bool, StoreError> {
    let stored = diesel::insert_into(support_grant::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(tx.conn())
        .await?;
    Ok(stored == 1)
}

/// Writes down what the clinic answered to a grant that was asked for, and until when it lasts.
///
/// # Errors
/// What the database says.
pub async fn answer(
    tx: &mut TenantTx,
    id: Uuid,
    (state, by): (GrantState, Uuid),
    (at, ends_at): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Result<(), StoreError> {
    diesel::update(support_grant::table.find(id))
        .set((
            support_grant::state.eq(state.as_str()),
            support_grant::answered_by.eq(by),
            support_grant::answered_at.eq(at),
            support_grant::ends_at.eq(ends_at),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Ends a grant; `by` is who of the clinic did.
///
/// # Errors
/// What the database says.
pub async fn end(tx: &mut TenantTx, id: Uuid, by: Option<Uuid>, at: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(support_grant::table.find(id))
        .set((
            support_grant::state.eq(GrantState::Ended.as_str()),
            support_grant::ended_at.eq(at),
            support_grant::ended_by.eq(by),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Writes down that something is looked at; false when the grant has had all its looks. One that was answered before, and whose
/// answer was lost on the way, is not counted twice.
///
/// # Errors
/// What the database says.
pub async fn count_look(
    tx: &mut TenantTx,
    grant: Uuid,
    (look, what): (Uuid, What),
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let known: i64 = support_look::table
        .filter(support_look::grant_id.eq(grant))
        .filter(support_look::id.ne(look))
        .count()
        .get_result(tx.conn())
        .await?;
    if known >= LOOKS_MAX {
        return Ok(false);
    }
    let tenant_id = tx.tenant().as_uuid();
    diesel::insert_into(support_look::table)
        .values(LookRow {
            id: look,
            tenant_id,
            grant_id: grant,
            what: what.as_str().to_owned(),
            looked_at: at,
        })
        .on_conflict(support_look::id)
        .do_update()
        .set(support_look::looked_at.eq(at))
        .execute(tx.conn())
        .await?;
    Ok(true)
}
