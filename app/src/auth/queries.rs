//! What is read and written of accounts, invitations and sessions.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::BoxFuture;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::sealed::{Sealed, Verified};
use uuid::Uuid;

use super::device::{self, Known};
use super::factor::{FactorKind, ProvenFactor};
use super::invite::LoginTags;
use super::model::{account_state, invitation_state};
use super::record::{self, AccountRow};
use super::rules;
use super::tables::{account, invitation, session};
use crate::access::{Role, Scope};
use crate::relationships::queries as ties;
use crate::relationships::tables::site;
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
    /// What the token it was shown by may do; `None` when it was shown by its cookie.
    pub scope: Option<Scope>,
}

type Factor = (Option<String>, Option<DateTime<Utc>>);
type LiveRow = (Uuid, Vec<u8>, DateTime<Utc>, DateTime<Utc>, AccountRow, Factor);

/// What a session is found by.
#[derive(Clone, Copy)]
pub enum FoundBy {
    /// The hash of a browser's token.
    Cookie([u8; 32]),
    /// Its own id, of a browser's session.
    Browser(Uuid),
    /// Its own id and that of the client whose tokens hang on it.
    Client(Uuid, Uuid),
}

/// A session as it was found, before its account's row is checked.
pub struct FoundSession(LiveRow);

/// A session that one condition finds, if neither it nor its account has ended.
macro_rules! live_row {
    ($connection:ident, $now:ident, $condition:expr) => {
        session::table
            .inner_join(account::table)
            .filter($condition)
            .filter(session::revoked_at.is_null())
            .filter(session::idle_expires_at.gt($now))
            .filter(session::absolute_expires_at.gt($now))
            .filter(account::state.eq(account_state::ACTIVE))
            .select((
                session::id,
                session::csrf_hash,
                session::last_seen_at,
                session::absolute_expires_at,
                AccountRow::as_select(),
                (session::factor, session::factor_at),
            ))
            .first::<LiveRow>(&mut $connection)
            .await
            .optional()
    };
}

/// Asks for a session, if neither it nor its account has ended.
pub fn ask_session(
    connection: &AsyncPgConnection,
    by: FoundBy,
    now: DateTime<Utc>,
) -> BoxFuture<'_, QueryResult<Option<FoundSession>>> {
    Box::pin(async move {
        let mut connection = connection;
        let found = match by {
            FoundBy::Cookie(hash) => {
                let mine = session::token_hash.eq(hash.as_slice()).and(session::client_id.is_null());
                live_row!(connection, now, mine)
            }
            FoundBy::Browser(id) => {
                live_row!(connection, now, session::id.eq(id).and(session::client_id.is_null()))
            }
            FoundBy::Client(id, client) => {
                live_row!(connection, now, session::id.eq(id).and(session::client_id.eq(client)))
            }
        };
        Ok(found?.map(FoundSession))
    })
}

/// The session, if neither it nor its account has ended.
///
/// # Errors
/// [`StoreError::Open`] when the account's row is not what was stored, otherwise what the database or the key store says.
pub async fn live_session(
    tx: &mut TenantTx,
    keys: &Keys,
    by: FoundBy,
    now: DateTime<Utc>,
) -> Result<Option<LiveSession>, StoreError> {
    let found = ask_session(tx.conn(), by, now).await?;
    live(tx, keys, found, now).await
}

/// What was found, once its account's row is checked.
///
/// # Errors
/// As [`live_session`].
pub async fn live(
    tx: &mut TenantTx,
    keys: &Keys,
    found: Option<FoundSession>,
    now: DateTime<Utc>,
) -> Result<Option<LiveSession>, StoreError> {
    let Some(FoundSession(row)) = found else { return Ok(None) };
    let (id, csrf_hash, last_seen_at, absolute_expires_at, account, proven) = row;
    let account = keys.row_macs(tx.tenant()).await?.verify(account)?;
    let (account, role) = (account.id, account.role()?);
    let factor = match proven {
        (Some(kind), Some(at)) => {
            Some(ProvenFactor { kind: FactorKind::parse(&kind).ok_or(StoreError::Shape)?, at })
        }
        _ => None,
    };
    // A code by mail is no second factor of somebody who stands in for others, from the moment on in which they do.
    let by_mail = factor.is_some_and(|factor| factor.kind == FactorKind::MailCode);
    let factor = match by_mail && ties::stands_in(tx, account, now).await? {
        true => None,
        false => factor,
    };
    let scope = None;
    Ok(Some(LiveSession { id, account, role, csrf_hash, last_seen_at, absolute_expires_at, factor, scope }))
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
    /// The kind of browser, as [`super::agent::Agent`] names it.
    pub browser: Option<&'static str>,
    /// The kind of system.
    pub system: Option<&'static str>,
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
    keys: &Keys,
    (tags, shown): (&LoginTags, Option<[u8; 32]>),
    now: DateTime<Utc>,
) -> Result<Option<LoginAccount>, StoreError> {
    // Asked for whether or not somebody has this address, so that both take as long.
    let macs = keys.row_macs(tx.tenant()).await?;
    let found: Option<(AccountRow, i32, Option<DateTime<Utc>>)> = account::table
        .filter(tags.asked())
        .select((AccountRow::as_select(), account::failed_count, account::locked_until))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((row, failed, locked_until)) = found else {
        nobody_charged(tx).await?;
        return Ok(None);
    };
    let row = macs.verify(row)?.into_inner();
    let (id, role) = (row.id, row.role()?);
    let AccountRow { state, password_phc, .. } = row;
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

/// Charges nobody, in the time that charging an account takes: most of that is what goes into the database's own log, which the
/// commit waits for. A lock that any number may hold at once goes there too; the clinic's first site is always there.
async fn nobody_charged(tx: &mut TenantTx) -> Result<(), StoreError> {
    let first = site::table.find(tx.tenant().as_uuid()).select(site::id).for_key_share();
    first.first::<Uuid>(tx.conn()).await.optional()?;
    Ok(())
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
/// [`StoreError::Open`] when the row is not what was stored, otherwise what the database or the key store says.
pub async fn active_role(tx: &mut TenantTx, keys: &Keys, id: Uuid) -> Result<Option<Role>, StoreError> {
    let row = record::locked(tx, keys, id).await?.filter(|row| row.state == account_state::ACTIVE);
    row.map(|row| row.role()).transpose()
}

/// An account as it is shown in the list of staff.
pub struct Listed {
    /// The account.
    pub row: Verified<AccountRow>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Wrong passwords in a row.
    pub failed_count: i32,
}

/// The accounts of the clinic's staff after `after` in the order of their ids.
///
/// # Errors
/// [`StoreError::Open`] when a row is not what was stored, otherwise what the database or the key store says.
pub async fn accounts(
    tx: &mut TenantTx,
    keys: &Keys,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Listed>, StoreError> {
    let rows: Vec<(AccountRow, DateTime<Utc>, i32)> = account::table
        .filter(account::id.gt(after.unwrap_or_default()))
        .filter(account::role.eq_any(Role::ALL.into_iter().filter(|role| role.is_staff()).map(Role::as_str)))
        .order(account::id)
        .limit(limit)
        .select((AccountRow::as_select(), account::created_at, account::failed_count))
        .load(tx.conn())
        .await?;
    let macs = keys.row_macs(tx.tenant()).await?;
    rows.into_iter()
        .map(|(row, created_at, failed_count)| {
            Ok(Listed { row: macs.verify(row)?, created_at, failed_count })
        })
        .collect()
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
    /// What the database or the key store says.
    pub async fn apply(self, tx: &mut TenantTx, keys: &Keys) -> Result<bool, StoreError> {
        let Some(row) = record::locked(tx, keys, self.account).await? else { return Ok(false) };
        let mut row = row.into_inner();
        if row.state != account_state::INVITED {
            return Ok(false);
        }
        account_state::ACTIVE.clone_into(&mut row.state);
        row.password_phc = Some(self.password_phc.to_owned());
        if let Some(name) = self.display_name {
            row.display_name = name;
        }
        row.save(tx, keys, self.now).await?;
        forget_failures(tx, self.account).await?;
        Ok(true)
    }
}
