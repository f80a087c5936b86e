//! Devices that an account's owner is known by: each has a count of wrong passwords of its own.
//!
//! Whoever guesses from elsewhere makes the account wait, not its owner: a device that has once signed in with a second
//! factor goes on with its own count. Its cookie opens nothing by itself.

use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::rules;
use super::session;
use super::tables::device;
use super::token::Token;
use crate::store::StoreError;

/// The cookie's name.
pub const COOKIE_NAME: &str = "__Host-domicile-device";
/// Seconds a browser keeps it.
const LIFETIME_S: i64 = 180 * 24 * 3_600;
/// Devices of one account; a further one replaces the one unused for longest.
const DEVICES_MAX: i64 = 10;

/// The device token of a request.
#[must_use]
pub fn from_cookie(headers: &HeaderMap) -> Option<Token> {
    session::cookie_named(headers, COOKIE_NAME)
}

/// The `Set-Cookie` value that makes a device known.
#[must_use]
pub fn cookie(token: &Token) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "{COOKIE_NAME}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={LIFETIME_S}",
        token.expose().as_str()
    ))
}

/// What a known device may do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The account's owner is not known by it; the account's own count applies.
    No,
    /// It may try a password, and one wrong one is charged to it.
    Open,
    /// It waits.
    Waits,
}

/// Charges a known device one wrong password before it is looked at.
///
/// # Errors
/// When the database does not answer.
pub async fn charge(
    tx: &mut TenantTx,
    account: Uuid,
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Known, StoreError> {
    let row = device::table.find((account, hash.as_slice()));
    let found: Option<(i32, Option<DateTime<Utc>>)> = row
        .select((device::failed_count, device::locked_until))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((failed, locked_until)) = found else { return Ok(Known::No) };
    if failed >= rules::FAILURES_MAX || locked_until.is_some_and(|until| until > now) {
        return Ok(Known::Waits);
    }
    let failures = failed.saturating_add(1);
    let until = now + Duration::seconds(rules::delay_s(failures));
    diesel::update(row)
        .set((device::failed_count.eq(failures), device::locked_until.eq((until > now).then_some(until))))
        .execute(tx.conn())
        .await?;
    Ok(Known::Open)
}

/// Takes a device's wrong passwords back.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_failures(tx: &mut TenantTx, account: Uuid, hash: &[u8; 32]) -> Result<(), StoreError> {
    diesel::update(device::table.find((account, hash.as_slice())))
        .set((device::failed_count.eq(0), device::locked_until.eq(None::<DateTime<Utc>>)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Knows the device of a request from now on; the token to set, unless it was known.
///
/// # Errors
/// When the database does not answer.
pub async fn know(
    tx: &mut TenantTx,
    account: Uuid,
    shown: Option<Token>,
    now: DateTime<Utc>,
) -> Result<Option<Token>, StoreError> {
    if let Some(token) = shown {
        let hash = token.hash();
        let known = diesel::update(device::table.find((account, hash.as_slice())))
            .set(device::last_used_at.eq(now))
            .execute(tx.conn())
            .await?;
        if known == 1 {
            return Ok(None);
        }
    }
    let surplus: Vec<Vec<u8>> = device::table
        .filter(device::account_id.eq(account))
        .order(device::last_used_at.desc())
        .offset(DEVICES_MAX - 1)
        .limit(DEVICES_MAX)
        .select(device::token_hash)
        .load(tx.conn())
        .await?;
    let of_account = device::table.filter(device::account_id.eq(account));
    diesel::delete(of_account.filter(device::token_hash.eq_any(surplus))).execute(tx.conn()).await?;
    let (token, tenant_id) = (Token::random(), tx.tenant().as_uuid());
    diesel::insert_into(device::table)
        .values((
            device::account_id.eq(account),
            device::token_hash.eq(token.hash().as_slice()),
            device::tenant_id.eq(tenant_id),
            device::created_at.eq(now),
            device::last_used_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(Some(token))
}

/// Knows none of an account's devices any more.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_all(tx: &mut TenantTx, account: Uuid) -> Result<(), StoreError> {
    diesel::delete(device::table.filter(device::account_id.eq(account))).execute(tx.conn()).await?;
    Ok(())
}
