//! What is read and written of second factors.

use chrono::{DateTime, Duration, Utc};
use diesel::dsl::{count_star, exists};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::sealed::{RowFacts, RowMac, Sealed, SealedRow, Verified};
use uuid::Uuid;

use super::FactorKind;
use crate::access::Role;
use crate::auth::record;
use crate::auth::rules;
use crate::auth::tables::{account, passkey, recovery_code, session, totp};
use crate::auth::token::Token;
use crate::registry;
use crate::store::StoreError;

/// An account's time-based codes, as stored.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = totp, primary_key(account_id), treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct TotpRow {
    /// Whose they are.
    pub account_id: Uuid,
    /// The sealed secret in force.
    #[diesel(column_name = secret_sealed)]
    pub secret: Option<Sealed>,
    /// Since when.
    pub enrolled_at: Option<DateTime<Utc>>,
    /// The sealed secret that waits for its first code.
    #[diesel(column_name = pending_sealed)]
    pub pending: Option<Sealed>,
    /// Since when.
    pub pending_at: Option<DateTime<Utc>>,
    /// Counts the changes, from 1.
    pub version: i64,
    /// What ties the secrets and the version together.
    pub row_mac: RowMac,
}

impl SealedRow for TotpRow {
    fn facts(&self) -> RowFacts<'_> {
        let id = self.account_id.into_bytes();
        RowFacts::new(registry::TOTP_SECRET.table(), id, id, self.version)
            .sealed(registry::TOTP_SECRET, self.secret.as_ref())
            .sealed(registry::TOTP_PENDING, self.pending.as_ref())
    }

    fn row_mac(&self) -> &RowMac {
        &self.row_mac
    }
}

/// Whether a code may be looked at now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It may; the attempt is counted as wrong until it turns out right.
    Open,
    /// The account waits; the right code is refused like a wrong one.
    Waits,
}

/// Counts an attempt on the account and on the session before the code is looked at. The account's row stays locked, so
/// attempts made at one moment come one after the other.
///
/// # Errors
/// When the database does not answer.
pub async fn charge_attempt(
    tx: &mut TenantTx,
    account_id: Uuid,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Attempt, StoreError> {
    let (role, failed, locked_until): (String, i32, Option<DateTime<Utc>>) = account::table
        .find(account_id)
        .select((account::role, account::factor_failed_count, account::factor_locked_until))
        .for_update()
        .first(tx.conn())
        .await?;
    diesel::update(session::table.find(session_id))
        .set(session::factor_tries.eq(session::factor_tries + 1))
        .execute(tx.conn())
        .await?;
    let role = Role::parse(&role).ok_or(StoreError::Shape)?;
    if rules::is_locked(role, failed) || locked_until.is_some_and(|until| until > now) {
        return Ok(Attempt::Waits);
    }
    let failures = failed.saturating_add(1);
    let until = now + Duration::seconds(rules::delay_s(failures));
    diesel::update(account::table.find(account_id))
        .set((
            account::factor_failed_count.eq(failures),
            account::factor_locked_until.eq((until > now).then_some(until)),
        ))
        .execute(tx.conn())
        .await?;
    Ok(Attempt::Open)
}

/// Ends the session once it has used up its tries; whoever goes on must give the password again.
///
/// # Errors
/// When the database does not answer.
pub async fn end_when_exhausted(
    tx: &mut TenantTx,
    session_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    diesel::update(session::table.find(session_id))
        .filter(session::factor_tries.ge(rules::FACTOR_TRIES_MAX))
        .set(session::revoked_at.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What a session that has just proven a factor becomes.
pub struct Renewal<'a> {
    /// The session.
    pub session: Uuid,
    /// Whose it is.
    pub account: Uuid,
    /// Its new token; the one before is worth nothing from the commit on.
    pub token: &'a Token,
    /// What was proven.
    pub kind: FactorKind,
    /// Now.
    pub now: DateTime<Utc>,
    /// How long it may live.
    pub limits: crate::config::SessionConfig,
}

impl Renewal<'_> {
    /// Gives the session its new token and its full life, and takes the wrong codes back. Its end.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn store(self, tx: &mut TenantTx) -> Result<DateTime<Utc>, StoreError> {
        let created_at: DateTime<Utc> =
            session::table.find(self.session).select(session::created_at).first(tx.conn()).await?;
        let absolute = created_at + Duration::seconds(i64::from(self.limits.absolute_s));
        diesel::update(session::table.find(self.session))
            .set((
                session::token_hash.eq(self.token.hash().as_slice()),
                session::csrf_hash.eq(self.token.csrf().hash().as_slice()),
                session::factor.eq(self.kind.as_str()),
                session::factor_at.eq(self.now),
                session::factor_tries.eq(0),
                session::last_seen_at.eq(self.now),
                session::idle_expires_at.eq(self.now + Duration::seconds(i64::from(self.limits.idle_s))),
                session::absolute_expires_at.eq(absolute),
            ))
            .execute(tx.conn())
            .await?;
        forget_failures(tx, self.account).await?;
        Ok(absolute)
    }
}

async fn forget_failures(tx: &mut TenantTx, account_id: Uuid) -> Result<(), StoreError> {
    diesel::update(account::table.find(account_id))
        .set((account::factor_failed_count.eq(0), account::factor_locked_until.eq(None::<DateTime<Utc>>)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The account's time-based codes.
///
/// # Errors
/// [`StoreError::Open`] when the row is not what was stored, otherwise what the database or the key store says.
pub async fn totp_of(
    tx: &mut TenantTx,
    keys: &Keys,
    account_id: Uuid,
) -> Result<Option<Verified<TotpRow>>, StoreError> {
    let row = totp::table.find(account_id).select(TotpRow::as_select()).first(tx.conn()).await;
    let Some(row) = row.optional()? else { return Ok(None) };
    Ok(Some(keys.row_macs(tx.tenant()).await?.verify(row)?))
}

/// Takes the code of a step, if no code of it or of a later one was taken before (RFC 6238, section 5.2).
///
/// # Errors
/// When the database does not answer.
pub async fn take_step(tx: &mut TenantTx, account_id: Uuid, step: i64) -> Result<bool, StoreError> {
    let taken = diesel::update(totp::table.find(account_id))
        .filter(totp::last_step.lt(step))
        .set(totp::last_step.eq(step))
        .execute(tx.conn())
        .await?;
    Ok(taken == 1)
}

/// Keeps a secret until its first code. The account's row is locked first: of two that begin at once the second replaces.
///
/// # Errors
/// As [`totp_of`].
pub async fn keep_pending(
    tx: &mut TenantTx,
    keys: &Keys,
    account_id: Uuid,
    secret: Sealed,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    record::locked(tx, keys, account_id).await?;
    let known = totp_of(tx, keys, account_id).await?.map(Verified::into_inner);
    let row_mac = RowMac::from(Vec::new());
    let new = TotpRow {
        account_id,
        secret: None,
        enrolled_at: None,
        pending: None,
        pending_at: None,
        version: 0,
        row_mac,
    };
    let mut row = known.unwrap_or(new);
    (row.pending, row.pending_at) = (Some(secret), Some(now));
    store_totp(tx, keys, row).await
}

/// Puts the pending secret in force. Its first code, of this step, is used up by that.
///
/// # Errors
/// As [`totp_of`].
pub async fn put_in_force(
    tx: &mut TenantTx,
    keys: &Keys,
    account_id: Uuid,
    step: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(row) = totp_of(tx, keys, account_id).await? else { return Ok(()) };
    let mut row = row.into_inner();
    (row.secret, row.enrolled_at) = (row.pending.take(), Some(now));
    row.pending_at = None;
    store_totp(tx, keys, row).await?;
    diesel::update(totp::table.find(account_id)).set(totp::last_step.eq(step)).execute(tx.conn()).await?;
    Ok(())
}

/// Stores the row as its next version.
async fn store_totp(tx: &mut TenantTx, keys: &Keys, mut row: TotpRow) -> Result<(), StoreError> {
    row.version = row.version.saturating_add(1);
    row.row_mac = keys.row_macs(tx.tenant()).await?.mac(&row.facts())?;
    let tenant_id = totp::tenant_id.eq(tx.tenant().as_uuid());
    if row.version == 1 {
        diesel::insert_into(totp::table).values((row, tenant_id)).execute(tx.conn()).await?;
    } else {
        diesel::update(totp::table.find(row.account_id)).set(row).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Whether the account has a factor beside its password; recovery codes alone are none.
///
/// # Errors
/// When the database does not answer.
pub async fn has_factor(tx: &mut TenantTx, account_id: Uuid) -> Result<bool, StoreError> {
    let enrolled = totp::table.find(account_id).filter(totp::secret_sealed.is_not_null());
    let passkeys = passkey::table.filter(passkey::account_id.eq(account_id));
    Ok(diesel::select(exists(enrolled).or(exists(passkeys))).get_result(tx.conn()).await?)
}

/// Uses a recovery code up, if it is one of the account's and was not used.
///
/// # Errors
/// When the database does not answer.
pub async fn take_recovery_code(
    tx: &mut TenantTx,
    account_id: Uuid,
    hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let taken = diesel::update(recovery_code::table.find((account_id, hash.as_slice())))
        .filter(recovery_code::used_at.is_null())
        .set(recovery_code::used_at.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(taken == 1)
}

/// Recovery codes that were not used.
///
/// # Errors
/// When the database does not answer.
pub async fn recovery_codes_left(tx: &mut TenantTx, account_id: Uuid) -> Result<i64, StoreError> {
    Ok(recovery_code::table
        .filter(recovery_code::account_id.eq(account_id))
        .filter(recovery_code::used_at.is_null())
        .select(count_star())
        .first(tx.conn())
        .await?)
}

/// Replaces an account's recovery codes.
///
/// # Errors
/// When the database does not answer.
pub async fn replace_recovery_codes(
    tx: &mut TenantTx,
    account_id: Uuid,
    hashes: &[[u8; 32]],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let old = recovery_code::table.filter(recovery_code::account_id.eq(account_id));
    diesel::delete(old).execute(tx.conn()).await?;
    let tenant_id = tx.tenant().as_uuid();
    let rows: Vec<_> = hashes
        .iter()
        .map(|hash| {
            (
                recovery_code::account_id.eq(account_id),
                recovery_code::code_hash.eq(hash.as_slice()),
                recovery_code::tenant_id.eq(tenant_id),
                recovery_code::created_at.eq(now),
            )
        })
        .collect();
    diesel::insert_into(recovery_code::table).values(rows).execute(tx.conn()).await?;
    Ok(())
}

/// Takes every factor from an account, and ends its sessions: they were opened with what is gone.
///
/// # Errors
/// When the database does not answer.
pub async fn take_all(
    tx: &mut TenantTx,
    keys: &Keys,
    account_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    diesel::delete(totp::table.find(account_id)).execute(tx.conn()).await?;
    let codes = recovery_code::table.filter(recovery_code::account_id.eq(account_id));
    diesel::delete(codes).execute(tx.conn()).await?;
    diesel::delete(passkey::table.filter(passkey::account_id.eq(account_id))).execute(tx.conn()).await?;
    crate::auth::device::forget_all(tx, account_id).await?;
    crate::auth::queries::end_sessions(tx, account_id, None, now).await?;
    if let Some(row) = record::locked(tx, keys, account_id).await? {
        row.into_inner().save(tx, keys, now).await?;
    }
    diesel::update(account::table.find(account_id))
        .set((account::reset_asked_by.eq(None::<Uuid>), account::reset_asked_at.eq(None::<DateTime<Utc>>)))
        .execute(tx.conn())
        .await?;
    forget_failures(tx, account_id).await
}
