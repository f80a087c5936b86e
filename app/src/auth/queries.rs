//! What is read and written of accounts, invitations and sessions.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::sealed::Sealed;
use uuid::Uuid;

use super::device::{self, Known};
use super::factor::{FactorKind, ProvenFactor};
use super::invite::LoginTags;
use super::model::{account_state, invitation_state};
use super::rules;
use super::tables::{account, invitation, session};
use crate::access::Role;
use crate::relationships::tables::account_site;
use crate::store::StoreError;

/// A session that is alive, and whose it is.
pub struct LiveSession {
    /// The session.
    pub id: Uuid,
    /// The account.
    pub account: Uuid,
    /// The account's role now, not at sign-in: a change counts from the next request.
    pub role: Role,
    /// Hash of the token against cross-site requests.
    pub csrf_hash: Vec<u8>,
    /// When it was last written that it is in use.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends whatever happens.
    pub absolute_expires_at: DateTime<Utc>,
    /// The second factor it proved last.
    pub factor: Option<ProvenFactor>,
}

/// The session with this hash, if neither it nor its account has ended.
///
/// # Errors
/// When the database does not answer.
pub async fn live_session(
    tx: &mut TenantTx,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<LiveSession>, StoreError> {
    type Factor = (Option<String>, Option<DateTime<Utc>>);
    type Row = (Uuid, Uuid, Vec<u8>, DateTime<Utc>, DateTime<Utc>, String, Factor);
    let found: Option<Row> = session::table
        .inner_join(account::table)
        .filter(session::token_hash.eq(token_hash.as_slice()))
        .filter(session::revoked_at.is_null())
        .filter(session::idle_expires_at.gt(now))
        .filter(session::absolute_expires_at.gt(now))
        .filter(account::state.eq(account_state::ACTIVE))
        .select((
            session::id,
            session::account_id,
            session::csrf_hash,
            session::last_seen_at,
            session::absolute_expires_at,
            account::role,
            (session::factor, session::factor_at),
        ))
        .first(tx.conn())
        .await
        .optional()?;
    let Some((id, account, csrf_hash, last_seen_at, absolute_expires_at, role, proven)) = found else {
        return Ok(None);
    };
    let role = Role::parse(&role).ok_or(StoreError::Shape)?;
    let factor = match proven {
        (Some(kind), Some(at)) => {
            Some(ProvenFactor { kind: FactorKind::parse(&kind).ok_or(StoreError::Shape)?, at })
        }
        _ => None,
    };
    Ok(Some(LiveSession { id, account, role, csrf_hash, last_seen_at, absolute_expires_at, factor }))
}

/// Moves a session's end forward.
///
/// # Errors
/// When the database does not answer.
pub async fn touch(
    tx: &mut TenantTx,
    id: Uuid,
    now: DateTime<Utc>,
    idle_until: DateTime<Utc>,
) -> Result<(), StoreError> {
    diesel::update(session::table.find(id))
        .set((session::last_seen_at.eq(now), session::idle_expires_at.eq(idle_until)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A new session, as it is stored.
#[derive(Insertable)]
#[diesel(table_name = session)]
pub struct NewSession {
    /// Id.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// Hash of the token.
    pub token_hash: Vec<u8>,
    /// Whose it is.
    pub account_id: Uuid,
    /// Hash of the token against cross-site requests.
    pub csrf_hash: Vec<u8>,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// Now.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends without a request.
    pub idle_expires_at: DateTime<Utc>,
    /// When it ends whatever happens.
    pub absolute_expires_at: DateTime<Utc>,
    /// The second factor it has proven; none after a password alone.
    pub factor: Option<&'static str>,
    /// When.
    pub factor_at: Option<DateTime<Utc>>,
}

impl NewSession {
    /// Stores it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn insert(self, tx: &mut TenantTx) -> Result<(), StoreError> {
        diesel::insert_into(session::table).values(self).execute(tx.conn()).await?;
        Ok(())
    }
}

/// Ends the oldest sessions of the account that `newest` was just opened for, beyond the number it may have.
///
/// # Errors
/// When the database does not answer.
pub async fn end_surplus(
    tx: &mut TenantTx,
    account_id: Uuid,
    newest: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let surplus: Vec<Uuid> = session::table
        .filter(session::account_id.eq(account_id))
        .filter(session::id.ne(newest))
        .filter(session::revoked_at.is_null())
        .filter(session::idle_expires_at.gt(now))
        .filter(session::absolute_expires_at.gt(now))
        .order((session::created_at.desc(), session::id))
        .offset(rules::SESSIONS_MAX.saturating_sub(1))
        .limit(rules::SESSIONS_MAX)
        .select(session::id)
        .load(tx.conn())
        .await?;
    if surplus.is_empty() {
        return Ok(());
    }
    diesel::update(session::table.filter(session::id.eq_any(surplus)))
        .set(session::revoked_at.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Ends a session.
///
/// # Errors
/// When the database does not answer.
pub async fn end_session(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(session::table.find(id)).set(session::revoked_at.eq(now)).execute(tx.conn()).await?;
    Ok(())
}

/// Ends every live session of an account, but for one to keep; how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_sessions(
    tx: &mut TenantTx,
    account_id: Uuid,
    keep: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let live = session::table
        .filter(session::account_id.eq(account_id))
        .filter(session::id.ne(keep.unwrap_or_default()))
        .filter(session::revoked_at.is_null());
    Ok(diesel::update(live).set(session::revoked_at.eq(now)).execute(tx.conn()).await?)
}

/// What is needed to check a password.
pub struct LoginAccount {
    /// The account.
    pub id: Uuid,
    /// Its role.
    pub role: Role,
    /// The stored hash; none before the invitation was accepted.
    pub password_phc: Option<String>,
    /// Whether a password may be tried now.
    pub open: bool,
    /// The known device that was charged instead of the account.
    pub device: Option<[u8; 32]>,
}

/// Finds the account of a log-in and charges it, or the known device it comes from, one failure before the password is looked at: attempts made at the same
/// moment each find the count the one before left. A log-in that succeeds takes the count back.
///
/// # Errors
/// When the database does not answer.
pub async fn charge_attempt(
    tx: &mut TenantTx,
    tags: &LoginTags,
    shown: Option<[u8; 32]>,
    now: DateTime<Utc>,
) -> Result<Option<LoginAccount>, StoreError> {
    type Row = (Uuid, String, String, Option<String>, i32, Option<DateTime<Utc>>);
    let found: Option<Row> = account::table
        .filter(tags.asked())
        .select((
            account::id,
            account::role,
            account::state,
            account::password_phc,
            account::failed_count,
            account::locked_until,
        ))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((id, role, state, password_phc, failed, locked_until)) = found else { return Ok(None) };
    let role = Role::parse(&role).ok_or(StoreError::Shape)?;
    let known = match shown {
        Some(hash) => device::charge(tx, id, &hash, now).await?,
        None => Known::No,
    };
    if known != Known::No {
        let open = known == Known::Open && state == account_state::ACTIVE;
        return Ok(Some(LoginAccount { id, role, password_phc, open, device: shown }));
    }
    let waits = locked_until.is_some_and(|until| until > now);
    let open = state == account_state::ACTIVE && !waits && !rules::is_locked(role, failed);
    if open {
        let failures = failed.saturating_add(1);
        let until = now + Duration::seconds(rules::delay_s(failures));
        diesel::update(account::table.find(id))
            .set((
                account::failed_count.eq(failures),
                account::locked_until.eq((until > now).then_some(until)),
            ))
            .execute(tx.conn())
            .await?;
    }
    Ok(Some(LoginAccount { id, role, password_phc, open, device: None }))
}

/// Takes the failures back, after a log-in that succeeded or by an administrator. False when there is no such account.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_failures(tx: &mut TenantTx, id: Uuid) -> Result<bool, StoreError> {
    let changed = diesel::update(account::table.find(id))
        .set((account::failed_count.eq(0), account::locked_until.eq(None::<DateTime<Utc>>)))
        .execute(tx.conn())
        .await?;
    Ok(changed == 1)
}

/// The role of an account, if it is in use; its row stays locked until the transaction ends.
///
/// # Errors
/// When the database does not answer.
pub async fn active_role(tx: &mut TenantTx, id: Uuid) -> Result<Option<Role>, StoreError> {
    let found: Option<String> = account::table
        .find(id)
        .filter(account::state.eq(account_state::ACTIVE))
        .select(account::role)
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    found.map(|role| Role::parse(&role).ok_or(StoreError::Shape)).transpose()
}

/// An account as it is shown to its owner and in the list of staff.
#[derive(Queryable)]
pub struct AccountRow {
    /// Id.
    pub id: Uuid,
    /// Sealed e-mail address.
    pub email: Sealed,
    /// Sealed name.
    pub display_name: Sealed,
    /// Role, as stored.
    pub role: String,
    /// State, as stored.
    pub state: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Wrong passwords in a row.
    pub failed_count: i32,
}

type AccountColumns = (
    account::id,
    account::email_sealed,
    account::display_name_sealed,
    account::role,
    account::state,
    account::created_at,
    account::failed_count,
);

const ACCOUNT_COLUMNS: AccountColumns = (
    account::id,
    account::email_sealed,
    account::display_name_sealed,
    account::role,
    account::state,
    account::created_at,
    account::failed_count,
);

/// One account.
///
/// # Errors
/// When the database does not answer.
pub async fn account_by_id(tx: &mut TenantTx, id: Uuid) -> Result<Option<AccountRow>, StoreError> {
    Ok(account::table.find(id).select(ACCOUNT_COLUMNS).first(tx.conn()).await.optional()?)
}

/// The accounts of the clinic's staff after `after` in the order of their ids.
///
/// # Errors
/// When the database does not answer.
pub async fn accounts(
    tx: &mut TenantTx,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<AccountRow>, StoreError> {
    Ok(account::table
        .filter(account::id.gt(after.unwrap_or_default()))
        .filter(account::role.eq_any(Role::ALL.into_iter().filter(|role| role.is_staff()).map(Role::as_str)))
        .order(account::id)
        .limit(limit)
        .select(ACCOUNT_COLUMNS)
        .load(tx.conn())
        .await?)
}

/// A new account, as it is stored.
#[derive(Insertable)]
#[diesel(table_name = account)]
pub struct NewAccount {
    /// Id.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// Tag of the e-mail address under a key of an odd version.
    pub login_tag: Option<Vec<u8>>,
    /// Under a key of an even version.
    pub login_tag_even: Option<Vec<u8>>,
    /// Sealed e-mail address.
    pub email_sealed: Sealed,
    /// Sealed name.
    pub display_name_sealed: Sealed,
    /// Role.
    pub role: &'static str,
    /// State.
    pub state: &'static str,
    /// From 1.
    pub version: i64,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// Now.
    pub updated_at: DateTime<Utc>,
    /// Zero.
    pub failed_count: i32,
}

impl NewAccount {
    /// Stores it.
    ///
    /// # Errors
    /// When the e-mail address has an account ([`StoreError::is_duplicate`]) or the database does not answer.
    pub async fn insert(self, tx: &mut TenantTx) -> Result<(), StoreError> {
        let (id, tenant_id) = (self.id, self.tenant_id);
        let works_here = Role::parse(self.role).is_some_and(Role::is_staff);
        diesel::insert_into(account::table).values(self).execute(tx.conn()).await?;
        if works_here {
            // At the clinic's first site, which has the clinic's own id, until an administrator says where.
            diesel::insert_into(account_site::table)
                .values((
                    account_site::account_id.eq(id),
                    account_site::site_id.eq(tenant_id),
                    account_site::tenant_id.eq(tenant_id),
                ))
                .execute(tx.conn())
                .await?;
        }
        Ok(())
    }
}

/// Stores a new invitation for an account.
///
/// # Errors
/// When the database does not answer.
pub async fn insert_invitation(
    tx: &mut TenantTx,
    id: Uuid,
    account_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let expires_at = now + Duration::seconds(super::model::INVITATION_LIFETIME_S);
    let tenant_id = tx.tenant().as_uuid();
    diesel::insert_into(invitation::table)
        .values((
            invitation::id.eq(id),
            invitation::tenant_id.eq(tenant_id),
            invitation::account_id.eq(account_id),
            invitation::state.eq(invitation_state::PENDING),
            invitation::expires_at.eq(expires_at),
            invitation::created_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes the invitation with this token, if it is valid; the account it is for. It can be taken once.
///
/// # Errors
/// When the database does not answer.
pub async fn take_invitation(
    tx: &mut TenantTx,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, StoreError> {
    Ok(diesel::update(invitation::table)
        .filter(invitation::token_hash.eq(token_hash.as_slice()))
        .filter(invitation::state.eq_any([invitation_state::PENDING, invitation_state::SENT]))
        .filter(invitation::expires_at.gt(now))
        .set((invitation::state.eq(invitation_state::ACCEPTED), invitation::accepted_at.eq(now)))
        .returning(invitation::account_id)
        .get_result(tx.conn())
        .await
        .optional()?)
}

/// Whether a token names an invitation that could be taken now.
///
/// # Errors
/// When the database does not answer.
pub async fn invitation_is_open(
    tx: &mut TenantTx,
    token_hash: &[u8; 32],
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let found: Option<Uuid> = invitation::table
        .filter(invitation::token_hash.eq(token_hash.as_slice()))
        .filter(invitation::state.eq_any([invitation_state::PENDING, invitation_state::SENT]))
        .filter(invitation::expires_at.gt(now))
        .select(invitation::id)
        .first(tx.conn())
        .await
        .optional()?;
    Ok(found.is_some())
}

/// What accepting an invitation sets on its account.
pub struct Activation<'a> {
    /// The account.
    pub account: Uuid,
    /// The password's hash.
    pub password_phc: &'a str,
    /// The sealed name, when the invited person gave one.
    pub display_name: Option<Sealed>,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Activation<'_> {
    /// Makes an invited account active. False when it is not waiting for that.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn apply(self, tx: &mut TenantTx) -> Result<bool, StoreError> {
        let changed = diesel::update(account::table.find(self.account))
            .filter(account::state.eq(account_state::INVITED))
            .set((
                account::state.eq(account_state::ACTIVE),
                account::password_phc.eq(self.password_phc),
                account::version.eq(account::version + 1),
                account::updated_at.eq(self.now),
                account::failed_count.eq(0),
            ))
            .execute(tx.conn())
            .await?;
        if let Some(name) = self.display_name {
            diesel::update(account::table.find(self.account))
                .set(account::display_name_sealed.eq(name))
                .execute(tx.conn())
                .await?;
        }
        Ok(changed == 1)
    }
}
