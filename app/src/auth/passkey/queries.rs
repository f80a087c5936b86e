//! What is read and written of passkeys and their challenges.

use chrono::{DateTime, Duration, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use uuid::Uuid;

use super::verify::Registered;
use super::{CHALLENGE_MAX_S, Purpose};
use crate::auth::invite::new_id;
use crate::auth::tables::{challenge, passkey};
use crate::store::StoreError;

/// Whom a challenge belongs to.
#[derive(Debug, Clone, Copy)]
pub enum Holder {
    /// A session.
    Session(Uuid),
    /// Whoever knows the handle with this hash.
    Handle([u8; 32]),
}

/// A stored passkey.
#[derive(Queryable)]
pub struct PasskeyRow {
    /// Its id here.
    pub id: Uuid,
    /// Whose it is.
    pub account: Uuid,
    /// Its id at the authenticator.
    pub credential_id: Vec<u8>,
    /// Its public key.
    pub cose_key: Vec<u8>,
    /// Its counter at its last use.
    pub sign_count: i64,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was used last.
    pub last_used_at: Option<DateTime<Utc>>,
}

type PasskeyColumns = (
    passkey::id,
    passkey::account_id,
    passkey::credential_id,
    passkey::cose_key,
    passkey::sign_count,
    passkey::created_at,
    passkey::last_used_at,
);

const PASSKEY_COLUMNS: PasskeyColumns = (
    passkey::id,
    passkey::account_id,
    passkey::credential_id,
    passkey::cose_key,
    passkey::sign_count,
    passkey::created_at,
    passkey::last_used_at,
);

/// Keeps a challenge; a session has one of each purpose at a time.
///
/// # Errors
/// When the database does not answer.
pub async fn keep_challenge(
    tx: &mut TenantTx,
    holder: Holder,
    purpose: Purpose,
    bytes: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let (session_id, handle_hash) = match holder {
        Holder::Session(id) => (Some(id), None),
        Holder::Handle(hash) => (None, Some(hash.to_vec())),
    };
    if let Some(id) = session_id {
        let before = challenge::table
            .filter(challenge::session_id.eq(id))
            .filter(challenge::purpose.eq(purpose.as_str()));
        diesel::delete(before).execute(tx.conn()).await?;
    }
    let tenant_id = tx.tenant().as_uuid();
    diesel::insert_into(challenge::table)
        .values((
            challenge::id.eq(new_id()),
            challenge::tenant_id.eq(tenant_id),
            challenge::session_id.eq(session_id),
            challenge::handle_hash.eq(handle_hash),
            challenge::purpose.eq(purpose.as_str()),
            challenge::bytes.eq(bytes),
            challenge::expires_at.eq(now + Duration::seconds(CHALLENGE_MAX_S)),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes a challenge out, whatever becomes of its answer: it is good for one.
///
/// # Errors
/// When the database does not answer.
pub async fn take_challenge(
    tx: &mut TenantTx,
    holder: Holder,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let (session_id, handle_hash) = match holder {
        Holder::Session(id) => (Some(id), None),
        Holder::Handle(hash) => (None, Some(hash.to_vec())),
    };
    let held = challenge::table
        .filter(challenge::purpose.eq(purpose.as_str()))
        .filter(challenge::expires_at.gt(now))
        .filter(challenge::session_id.is_not_distinct_from(session_id))
        .filter(challenge::handle_hash.is_not_distinct_from(handle_hash));
    Ok(diesel::delete(held).returning(challenge::bytes).get_result(tx.conn()).await.optional()?)
}

/// The account's passkeys, oldest first.
///
/// # Errors
/// When the database does not answer.
pub async fn of_account(tx: &mut TenantTx, account: Uuid) -> Result<Vec<PasskeyRow>, StoreError> {
    Ok(passkey::table
        .filter(passkey::account_id.eq(account))
        .order((passkey::created_at, passkey::id))
        .limit(super::PASSKEYS_MAX)
        .select(PASSKEY_COLUMNS)
        .load(tx.conn())
        .await?)
}

/// How many passkeys an account has.
///
/// # Errors
/// When the database does not answer.
pub async fn count(tx: &mut TenantTx, account: Uuid) -> Result<i64, StoreError> {
    let mine = passkey::table.filter(passkey::account_id.eq(account));
    Ok(mine.select(count_star()).first(tx.conn()).await?)
}

/// The passkey with this credential id.
///
/// # Errors
/// When the database does not answer.
pub async fn by_credential(tx: &mut TenantTx, id: &[u8]) -> Result<Option<PasskeyRow>, StoreError> {
    let found = passkey::table.filter(passkey::credential_id.eq(id)).select(PASSKEY_COLUMNS);
    Ok(found.first(tx.conn()).await.optional()?)
}

/// Stores a new passkey.
///
/// # Errors
/// When some account of the clinic has it already ([`StoreError::is_duplicate`]) or the database does not answer.
pub async fn add(
    tx: &mut TenantTx,
    account: Uuid,
    registered: &Registered,
    now: DateTime<Utc>,
) -> Result<Uuid, StoreError> {
    let (id, tenant_id) = (new_id(), tx.tenant().as_uuid());
    diesel::insert_into(passkey::table)
        .values((
            passkey::id.eq(id),
            passkey::tenant_id.eq(tenant_id),
            passkey::account_id.eq(account),
            passkey::credential_id.eq(&registered.credential_id),
            passkey::cose_key.eq(&registered.cose_key),
            passkey::sign_count.eq(i64::from(registered.sign_count)),
            passkey::created_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(id)
}

/// Notes that a passkey was used.
///
/// # Errors
/// When the database does not answer.
pub async fn used(tx: &mut TenantTx, id: Uuid, count: u32, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(passkey::table.find(id))
        .set((passkey::sign_count.eq(i64::from(count)), passkey::last_used_at.eq(now)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Removes one of the account's passkeys. False when it has none with this id.
///
/// # Errors
/// When the database does not answer.
pub async fn remove(tx: &mut TenantTx, account: Uuid, id: Uuid) -> Result<bool, StoreError> {
    let mine = passkey::table.find(id).filter(passkey::account_id.eq(account));
    Ok(diesel::delete(mine).execute(tx.conn()).await? == 1)
}
