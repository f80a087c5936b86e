//! What is read and written of those who stand in. Every function takes the open transaction; none begins or ends one.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use uuid::Uuid;

use super::model::{ProxyRow, TieRow};
use super::rules;
use super::tables::proxy;
use crate::relationships::model::Tie;
use crate::relationships::tables::relationship;
use crate::store::StoreError;

/// Tables a change touches; the commit is refused when its audit entry does not name them.
pub const TABLES: [&str; 2] = ["proxy", "relationship"];

/// Stores what is known of somebody whose tie is stored already.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut TenantTx, row: &ProxyRow) -> Result<(), StoreError> {
    diesel::insert_into(proxy::table).values(row).execute(tx.conn()).await?;
    Ok(())
}

/// Everybody who stands in for a patient or stood in, the one recorded last first. There are at most [`rules::PROXIES_MAX`].
///
/// # Errors
/// What the database says.
pub async fn all(tx: &mut TenantTx, patient: Uuid) -> Result<Vec<(ProxyRow, TieRow)>, StoreError> {
    Ok(proxy::table
        .inner_join(relationship::table.on(relationship::id.eq(proxy::id)))
        .filter(proxy::patient_id.eq(patient))
        .filter(relationship::patient_id.eq(patient))
        .filter(relationship::kind.eq(Tie::Proxy.as_str()))
        .order(proxy::id.desc())
        .limit(rules::PROXIES_MAX)
        .select((
            ProxyRow::as_select(),
            (relationship::party_id, relationship::scope, relationship::valid_from, relationship::valid_to),
        ))
        .load(tx.conn())
        .await?)
}

/// How many people stand in for a patient or stood in.
///
/// # Errors
/// What the database says.
pub async fn count(tx: &mut TenantTx, patient: Uuid) -> Result<i64, StoreError> {
    Ok(proxy::table.filter(proxy::patient_id.eq(patient)).count().get_result(tx.conn()).await?)
}

/// Whether an account stands in for a patient now or later.
///
/// # Errors
/// What the database says.
pub async fn stands_in_for(
    tx: &mut TenantTx,
    (account, patient): (Uuid, Uuid),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let ties = relationship::table
        .filter(relationship::patient_id.eq(patient))
        .filter(relationship::party_id.eq(account))
        .filter(relationship::kind.eq(Tie::Proxy.as_str()))
        .filter(relationship::valid_to.gt(now))
        .filter(relationship::valid_to.gt(relationship::valid_from.nullable()));
    Ok(diesel::select(diesel::dsl::exists(ties)).get_result(tx.conn()).await?)
}

/// The tie of a patient with this id, locked.
///
/// # Errors
/// What the database says.
pub async fn lock(tx: &mut TenantTx, (patient, id): (Uuid, Uuid)) -> Result<Option<TieRow>, StoreError> {
    Ok(relationship::table
        .find(id)
        .filter(relationship::patient_id.eq(patient))
        .filter(relationship::kind.eq(Tie::Proxy.as_str()))
        .select((
            relationship::party_id,
            relationship::scope,
            relationship::valid_from,
            relationship::valid_to,
        ))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?)
}

/// Ends a tie; one that has not begun ends where it would have begun.
///
/// # Errors
/// What the database says.
pub async fn end(
    tx: &mut TenantTx,
    (id, tie): (Uuid, &TieRow),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    diesel::update(relationship::table.find(id))
        .set(relationship::valid_to.eq(now.max(tie.valid_from)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Ends whoever stands in for a patient beyond a moment at that moment; whoever would begin after it does not begin.
///
/// # Errors
/// What the database says.
pub async fn shorten(tx: &mut TenantTx, patient: Uuid, end: DateTime<Utc>) -> Result<(), StoreError> {
    let beyond = relationship::table
        .filter(relationship::patient_id.eq(patient))
        .filter(relationship::kind.eq(Tie::Proxy.as_str()))
        .filter(relationship::valid_to.gt(end));
    diesel::update(beyond.filter(relationship::valid_from.le(end)))
        .set(relationship::valid_to.eq(end))
        .execute(tx.conn())
        .await?;
    diesel::update(beyond.filter(relationship::valid_from.gt(end)))
        .set(relationship::valid_to.eq(relationship::valid_from.nullable()))
        .execute(tx.conn())
        .await?;
    Ok(())
}
