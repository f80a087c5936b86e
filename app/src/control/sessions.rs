//! Platform administrators' sessions: signing in by password with a delay after failures, and what a session is, how it stands and
//! how it ends.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::access::Role;
use super::audit::{Actor, AuditEntry, By};
use super::error::ControlError;
use super::random_uuid;
use super::store::{ControlTx, Store};
use super::tables::{platform_admin, platform_session};
use crate::auth::password::{PasswordError, PasswordPool};
use crate::auth::rules::{FAILURES_MAX, delay_s};
use crate::auth::token::Token;
use crate::config::SignInWays;

/// The state of an account that signs in and whose sessions stand.
pub(super) const ACTIVE: &str = "active";
/// A session ends after this long without a request, in seconds.
pub const IDLE_S: i64 = 900;
/// A session ends after this long in any case, in seconds.
pub const ABSOLUTE_S: i64 = 28_800;
/// How often the last use of a session is written, in seconds.
const TOUCH_S: i64 = 60;
/// What the audit calls a sign-in with a password.
const PASSWORD_SIGN_IN: &str = "session.create";

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The administrator.
    pub admin: Uuid,
    /// The name they sign in with.
    pub login: String,
    /// What they are there for.
    pub role: Role,
    /// The session.
    pub session: Uuid,
    /// SHA-256 of the session's CSRF token.
    pub csrf_hash: Vec<u8>,
    /// When the session ends in any case.
    pub expires_at: DateTime<Utc>,
    /// When it proved a passkey or a password; unknown of a session of an older version.
    pub proven_at: Option<DateTime<Utc>>,
}

/// What a session proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A passkey: that its owner has it, and was checked by it.
    Passkey,
    /// A password.
    Password,
}

impl Proof {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Passkey => "passkey",
            Self::Password => "password",
        }
    }
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong, unknown, disabled or locked; callers are not told which.
    #[error("sign-in refused")]
    Refused,
    /// Passwords are not taken.
    #[error("passwords are not taken")]
    PasskeyNeeded,
    /// The password pool is full.
    #[error("too many sign-ins at once")]
    Busy,
    /// The control plane failed.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// What somebody types to sign in.
pub struct Attempt<'a> {
    /// The name.
    pub login: &'a str,
    /// The password.
    pub password: &'a str,
    /// SHA-256 of the session's token that this browser had before.
    pub replaces: Option<[u8; 32]>,
}

/// Signs in with a password. The attempt is counted before the password is checked, so that many at once are no way around
/// the delay.
///
/// # Errors
/// [`SignInError`]; refused in the same time for every reason.
pub async fn sign_in(
    store: &Store,
    passwords: &PasswordPool,
    by: By,
    attempt: Attempt<'_>,
) -> Result<(Token, SignedIn), SignInError> {
    let Attempt { login, password, replaces } = attempt;
    let candidate = count_attempt(store, login).await?;
    let phc = candidate.as_ref().and_then(|(_, phc)| phc.clone());
    let matches = match passwords.verify(password, phc).await {
        Ok(matches) => matches,
        Err(PasswordError::Busy) => return Err(SignInError::Busy),
        Err(PasswordError::Failed) => return Err(ControlError::Stored("password hash").into()),
    };
    let admin = candidate.filter(|_| matches).map(|(id, _)| id);
    let Some(admin) = admin else {
        refuse_sign_in(store, by, "sign_in_refused").await?;
        return Err(SignInError::Refused);
    };
    let tx = store.begin().await?;
    let by = By { actor: Actor::Admin(admin), ..by };
    let opened = NewSession { admin, login, action: PASSWORD_SIGN_IN, proof: Proof::Password, replaces };
    open_session(tx, by, opened).await.map_err(Into::into)
}

/// Writes down that a sign-in with a password was refused.
///
/// # Errors
/// When the database fails.
pub async fn refuse_sign_in(store: &Store, by: By, reason: &'static str) -> Result<(), ControlError> {
    store.begin().await?.commit(AuditEntry::denied(by, PASSWORD_SIGN_IN, reason)).await
}

/// The account, if it is there, active and not waiting. Its failure count is raised as if the password were wrong.
async fn count_attempt(store: &Store, login: &str) -> Result<Option<(Uuid, Option<String>)>, ControlError> {
    type Found = (Uuid, Option<String>, i32, Option<DateTime<Utc>>);
    let mut tx = store.begin().await?;
    let now = tx.now();
    let found: Option<Found> = platform_admin::table
        .filter(platform_admin::login.eq(login))
        .filter(platform_admin::state.eq(ACTIVE))
        .select((
            platform_admin::id,
            platform_admin::password_phc,
            platform_admin::failed_count,
            platform_admin::locked_until,
        ))
        .for_update()
        .first(tx.conn()?)
        .await
        .optional()?;
    let Some((id, phc, failed, locked_until)) = found else {
        tx.commit_unaudited().await?;
        return Ok(None);
    };
    if failed >= FAILURES_MAX || locked_until.is_some_and(|until| until > now) {
        tx.commit_unaudited().await?;
        return Ok(None);
    }
    let failed = failed.saturating_add(1);
    let wait_s = delay_s(failed);
    diesel::update(platform_admin::table.find(id))
        .set((
            platform_admin::failed_count.eq(failed),
            platform_admin::locked_until.eq((wait_s > 0).then(|| now + Duration::seconds(wait_s))),
        ))
        .execute(tx.conn()?)
        .await?;
    tx.commit_unaudited().await?;
    Ok(Some((id, phc)))
}

fn role_of(stored: &str) -> Result<Role, ControlError> {
    Role::parse(stored).ok_or(ControlError::Stored("platform role"))
}

/// A session to be opened.
pub(super) struct NewSession<'a> {
    pub(super) admin: Uuid,
    pub(super) login: &'a str,
    /// What the audit calls the way in.
    pub(super) action: &'static str,
    pub(super) proof: Proof,
    /// SHA-256 of the token of the session that it takes the place of, which ends.
    pub(super) replaces: Option<[u8; 32]>,
}

/// Opens a session and commits the transaction that somebody was let in by.
pub(super) async fn open_session(
    mut tx: ControlTx,
    by: By,
    new: NewSession<'_>,
) -> Result<(Token, SignedIn), ControlError> {
    let now = tx.now();
    let expires_at = now + Duration::seconds(ABSOLUTE_S);
    let role: String = diesel::update(platform_admin::table.find(new.admin))
        .set((platform_admin::failed_count.eq(0), platform_admin::locked_until.eq(None::<DateTime<Utc>>)))
        .returning(platform_admin::role)
        .get_result(tx.conn()?)
        .await?;
    let role = role_of(&role)?;
    diesel::delete(platform_session::table.filter(platform_session::absolute_expires_at.lt(now)))
        .execute(tx.conn()?)
        .await?;
    if let Some(before) = new.replaces {
        diesel::update(platform_session::table.filter(platform_session::token_hash.eq(before.to_vec())))
            .filter(platform_session::revoked_at.is_null())
            .set(platform_session::revoked_at.eq(now))
            .execute(tx.conn()?)
            .await?;
    }
    let token = Token::random();
    let (session, csrf_hash) = (random_uuid(), token.csrf().hash().to_vec());
    diesel::insert_into(platform_session::table)
        .values((
            platform_session::id.eq(session),
            platform_session::token_hash.eq(token.hash().to_vec()),
            platform_session::csrf_hash.eq(&csrf_hash),
            platform_session::admin_id.eq(new.admin),
            platform_session::created_at.eq(now),
            platform_session::last_seen_at.eq(now),
            platform_session::idle_expires_at.eq(now + Duration::seconds(IDLE_S)),
            platform_session::absolute_expires_at.eq(expires_at),
            platform_session::proven_by.eq(new.proof.as_str()),
            platform_session::proven_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await?;
    tx.commit(AuditEntry::allowed(by, new.action).admin(new.admin)).await?;
    let login = new.login.to_owned();
    Ok((
        token,
        SignedIn { admin: new.admin, login, role, session, csrf_hash, expires_at, proven_at: Some(now) },
    ))
}

/// Ends an administrator's sessions, but for one.
pub(super) async fn end_sessions(
    tx: &mut ControlTx,
    admin: Uuid,
    except: Option<Uuid>,
) -> Result<(), ControlError> {
    let now = tx.now();
    diesel::update(platform_session::table.filter(platform_session::admin_id.eq(admin)))
        .filter(platform_session::revoked_at.is_null())
        .filter(platform_session::id.nullable().is_distinct_from(except))
        .set(platform_session::revoked_at.eq(now))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}

/// Who this token belongs to, if its session still stands. One that proved less than what is asked of a sign-in now does
/// not.
///
/// # Errors
/// When the database fails.
pub async fn session(
    store: &Store,
    token: &Token,
    ways: SignInWays,
) -> Result<Option<SignedIn>, ControlError> {
    let mut tx = store.begin().await?;
    let now = tx.now();
    let found: Option<Live> = platform_session::table
        .inner_join(platform_admin::table)
        .filter(platform_session::token_hash.eq(token.hash().to_vec()))
        .filter(platform_session::revoked_at.is_null())
        .filter(platform_session::idle_expires_at.gt(now))
        .filter(platform_session::absolute_expires_at.gt(now))
        .filter(platform_admin::state.eq(ACTIVE))
        .select((
            platform_session::id,
            platform_session::csrf_hash,
            platform_admin::id,
            platform_admin::login,
            platform_admin::role,
            platform_session::last_seen_at,
            platform_session::absolute_expires_at,
            platform_session::proven_by,
            platform_session::proven_at,
        ))
        .first(tx.conn()?)
        .await
        .optional()?;
    let enough = |live: &Live| live.proved(Proof::Passkey) || ways.takes_passwords();
    let Some(live) = found.filter(enough) else {
        tx.commit_unaudited().await?;
        return Ok(None);
    };
    if now - live.last_seen_at >= Duration::seconds(TOUCH_S) {
        diesel::update(platform_session::table.find(live.session))
            .set((
                platform_session::last_seen_at.eq(now),
                platform_session::idle_expires_at.eq(now + Duration::seconds(IDLE_S)),
            ))
            .execute(tx.conn()?)
            .await?;
    }
    tx.commit_unaudited().await?;
    live.try_into().map(Some)
}

/// A session that stands.
#[derive(Queryable)]
struct Live {
    session: Uuid,
    csrf_hash: Vec<u8>,
    admin: Uuid,
    login: String,
    role: String,
    last_seen_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    proven_by: Option<String>,
    proven_at: Option<DateTime<Utc>>,
}

impl Live {
    fn proved(&self, proof: Proof) -> bool {
        self.proven_by.as_deref() == Some(proof.as_str())
    }
}

impl TryFrom<Live> for SignedIn {
    type Error = ControlError;

    fn try_from(live: Live) -> Result<Self, ControlError> {
        let Live { session, csrf_hash, admin, login, role, expires_at, proven_at, .. } = live;
        Ok(Self { admin, login, role: role_of(&role)?, session, csrf_hash, expires_at, proven_at })
    }
}

/// Ends a session.
///
/// # Errors
/// When the database fails.
pub async fn sign_out(store: &Store, by: By, signed_in: &SignedIn) -> Result<(), ControlError> {
    let mut tx = store.begin().await?;
    let now = tx.now();
    diesel::update(platform_session::table.find(signed_in.session))
        .set(platform_session::revoked_at.eq(now))
        .execute(tx.conn()?)
        .await?;
    tx.commit(AuditEntry::allowed(by, "session.delete").admin(signed_in.admin)).await
}
