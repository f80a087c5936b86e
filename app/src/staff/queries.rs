//! What is read and written when an administrator changes another one's account, who of the staff treats, and whom a notice goes to.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::sealed::Verified;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::access::{self, Role};
use crate::auth::model::account_state;
use crate::auth::record::{self, AccountRow};
use crate::auth::tables::{account, session};
use crate::registry;
use crate::store::{self, StoreError};

/// Most administrators of one clinic that are locked together; a clinic with more has another problem.
const ADMINS_MAX: i64 = 1_000;
/// Most people of one role that one notice goes to.
const TOLD_MAX: i64 = 20;

/// Locks the clinic's active administrators, in the order of their ids, and says whether `who` is one of them.
///
/// Whoever changes an administrator holds this lock and is one, and nobody changes the own account: so one stays, also
/// when two of them close each other's account at the same moment.
///
/// # Errors
/// When the database does not answer.
pub async fn is_active_admin(tx: &mut TenantTx, who: Uuid) -> Result<bool, StoreError> {
    let admins: Vec<Uuid> = account::table
        .filter(account::role.eq(Role::ClinicAdmin.as_str()))
        .filter(account::state.eq(account_state::ACTIVE))
        .order(account::id)
        .limit(ADMINS_MAX)
        .select(account::id)
        .for_update()
        .load(tx.conn())
        .await?;
    Ok(admins.contains(&who))
}

/// The open accounts of those who can be in a care team, after `after` in the order of their ids.
///
/// # Errors
/// [`StoreError::Open`] when a row is not what was stored, otherwise what the database or the key store says.
pub async fn who_treat(
    tx: &mut TenantTx,
    keys: &Keys,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Verified<AccountRow>>, StoreError> {
    let treating = Role::ALL.into_iter().filter(|role| access::may_join_care_teams(*role)).map(Role::as_str);
    let rows: Vec<AccountRow> = account::table
        .filter(account::id.gt(after.unwrap_or_default()))
        .filter(account::role.eq_any(treating))
        .filter(account::state.eq(account_state::ACTIVE))
        .order(account::id)
        .limit(limit)
        .select(AccountRow::as_select())
        .load(tx.conn())
        .await?;
    let macs = keys.row_macs(tx.tenant()).await?;
    Ok(rows.into_iter().map(|row| macs.verify(row)).collect::<Result<_, _>>()?)
}

/// The active accounts with a role, for their addresses: as many as one notice goes to.
///
/// # Errors
/// As [`who_treat`].
pub async fn to_tell(
    tx: &mut TenantTx,
    keys: &Keys,
    role: Role,
) -> Result<Vec<Verified<AccountRow>>, StoreError> {
    let rows: Vec<AccountRow> = account::table
        .filter(account::role.eq(role.as_str()))
        .filter(account::state.eq(account_state::ACTIVE))
        .order(account::id)
        .limit(TOLD_MAX)
        .select(AccountRow::as_select())
        .load(tx.conn())
        .await?;
    let macs = keys.row_macs(tx.tenant()).await?;
    Ok(rows.into_iter().map(|row| macs.verify(row)).collect::<Result<_, _>>()?)
}

/// Their addresses.
///
/// # Errors
/// As [`who_treat`].
pub async fn addresses(
    tx: &mut TenantTx,
    keys: &Keys,
    role: Role,
) -> Result<Vec<Zeroizing<String>>, StoreError> {
    let accounts = to_tell(tx, keys, role).await?;
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    let open = |row: &Verified<AccountRow>| {
        store::open(&sealer, registry::ACCOUNT_EMAIL, row.id.into_bytes(), &row.email).map(Zeroizing::new)
    };
    accounts.iter().map(open).collect()
}

/// The state and stored role of an account of the clinic's staff, locked.
///
/// # Errors
/// When the database does not answer.
pub async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Option<(String, Role)>, StoreError> {
    let found: Option<(String, String)> = account::table
        .find(id)
        .select((account::state, account::role))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((state, role)) = found else { return Ok(None) };
    let role = Role::parse(&role).ok_or(StoreError::Shape)?;
    Ok(role.is_staff().then_some((state, role)))
}

/// Gives an account another role; its version.
///
/// # Errors
/// [`StoreError::Open`] when the row is not what was stored, otherwise what the database or the key store says.
pub async fn set_role(
    tx: &mut TenantTx,
    keys: &Keys,
    id: Uuid,
    role: Role,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let row = record::locked(tx, keys, id).await?.ok_or(StoreError::Shape)?;
    let mut row = row.into_inner();
    role.as_str().clone_into(&mut row.role);
    row.save(tx, keys, now).await
}

/// Closes or opens an account; its version.
///
/// # Errors
/// As [`set_role`].
pub async fn set_state(
    tx: &mut TenantTx,
    keys: &Keys,
    id: Uuid,
    state: &'static str,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let row = record::locked(tx, keys, id).await?.ok_or(StoreError::Shape)?;
    let mut row = row.into_inner();
    state.clone_into(&mut row.state);
    row.save(tx, keys, now).await
}

/// Ends every session of an account.
///
/// # Errors
/// When the database does not answer.
pub async fn end_sessions(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(session::table.filter(session::account_id.eq(id)))
        .filter(session::revoked_at.is_null())
        .set(session::revoked_at.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}
