//! Platform administrators: their accounts, sign-in with a delay after failures, and their sessions.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::access::{Action, Role};
use super::audit::{Actor, AuditEntry, By};
use super::error::ControlError;
use super::random_uuid;
use super::store::Store;
use super::tables::{platform_admin, platform_session};
use crate::auth::password::{PasswordError, PasswordPool};
use crate::auth::rules::{FAILURES_MAX, delay_s, password_fault};
use crate::auth::token::Token;

/// A session ends after this long without a request, in seconds.
pub const IDLE_S: i64 = 900;
/// A session ends after this long in any case, in seconds.
pub const ABSOLUTE_S: i64 = 28_800;
/// How often the last use of a session is written, in seconds.
const TOUCH_S: i64 = 60;
/// Bytes of a generated password's randomness.
const GENERATED_BYTES: usize = 20;

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
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Wrong, unknown, disabled or locked; callers are not told which.
    #[error("sign-in refused")]
    Refused,
    /// The password pool is full.
    #[error("too many sign-ins at once")]
    Busy,
    /// The control plane failed.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// Makes an administrator.
///
/// # Errors
/// [`ControlError::Exists`] for a login in use, [`ControlError::Invalid`] for a login or password that breaks a rule.
pub async fn create(
    store: &Store,
    by: By,
    (login, role): (&str, Role),
    phc: String,
) -> Result<Uuid, ControlError> {
    check_login(login)?;
    let mut tx = store.begin().await?;
    let (id, now) = (random_uuid(), tx.now());
    diesel::insert_into(platform_admin::table)
        .values((
            platform_admin::id.eq(id),
            platform_admin::login.eq(login),
            platform_admin::password_phc.eq(phc),
            platform_admin::state.eq("active"),
            platform_admin::role.eq(role.as_str()),
            platform_admin::created_at.eq(now),
            platform_admin::password_changed_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await
        .map_err(|error| ControlError::from(error).when_duplicate(ControlError::Exists("login")))?;
    tx.commit(AuditEntry::allowed(by, "admin.create").admin(id)).await?;
    Ok(id)
}

/// Gives an administrator a new password, opens a locked account and ends every session of it.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn reset(store: &Store, by: By, login: &str, phc: String) -> Result<Uuid, ControlError> {
    let mut tx = store.begin().await?;
    let now = tx.now();
    let id: Option<Uuid> = diesel::update(platform_admin::table.filter(platform_admin::login.eq(login)))
        .set((
            platform_admin::password_phc.eq(phc),
            platform_admin::password_changed_at.eq(now),
            platform_admin::failed_count.eq(0),
            platform_admin::locked_until.eq(None::<DateTime<Utc>>),
        ))
        .returning(platform_admin::id)
        .get_result(tx.conn()?)
        .await
        .optional()?;
    let id = id.ok_or(ControlError::NotFound("platform administrator"))?;
    diesel::update(platform_session::table.filter(platform_session::admin_id.eq(id)))
        .filter(platform_session::revoked_at.is_null())
        .set(platform_session::revoked_at.eq(now))
        .execute(tx.conn()?)
        .await?;
    tx.commit(AuditEntry::allowed(by, "admin.reset").admin(id)).await?;
    Ok(id)
}

/// Checks a password that an operator chose.
///
/// # Errors
/// [`ControlError::Invalid`] on `password`.
pub fn check_password(login: &str, password: &str) -> Result<(), ControlError> {
    password_fault(password, login)
        .map_or(Ok(()), |code| Err(ControlError::Invalid { field: "password", code }))
}

/// A password nobody has to think of: 160 random bits.
#[must_use]
pub fn generated_password() -> Zeroizing<String> {
    let bytes = Zeroizing::new(regions::random::bytes::<GENERATED_BYTES>());
    Zeroizing::new(data_encoding::BASE32_NOPAD.encode(bytes.as_slice()).to_lowercase())
}

/// Writes down that somebody signed in asked for what the role does not allow.
///
/// # Errors
/// When the database fails.
pub async fn refused(store: &Store, by: By, action: Action) -> Result<(), ControlError> {
    store.begin().await?.commit(AuditEntry::denied(by, action.name(), "role")).await
}

/// Signs in. The attempt is counted before the password is checked, so that many at once are no way around the delay.
///
/// # Errors
/// [`SignInError`]; refused in the same time for every reason.
pub async fn sign_in(
    store: &Store,
    passwords: &PasswordPool,
    by: By,
    login: &str,
    password: &str,
) -> Result<(Token, SignedIn), SignInError> {
    let candidate = count_attempt(store, login).await?;
    let phc = candidate.as_ref().map(|found| found.phc.clone());
    let matches = match passwords.verify(password, phc).await {
        Ok(matches) => matches,
        Err(PasswordError::Busy) => return Err(SignInError::Busy),
        Err(PasswordError::Failed) => return Err(ControlError::Stored("password hash").into()),
    };
    let Some(found) = candidate.filter(|_| matches) else {
        let tx = store.begin().await?;
        tx.commit(AuditEntry::denied(by, "session.create", "sign_in_refused")).await?;
        return Err(SignInError::Refused);
    };
    let by = By { actor: Actor::Admin(found.id), ..by };
    open_session(store, by, &found, login).await.map_err(Into::into)
}

/// An account that somebody tries to sign in to.
struct Candidate {
    id: Uuid,
    phc: String,
    role: Role,
}

/// The account, if it is there, active and not waiting. Its failure count is raised as if the password were wrong.
async fn count_attempt(store: &Store, login: &str) -> Result<Option<Candidate>, ControlError> {
    type Found = (Uuid, String, String, i32, Option<DateTime<Utc>>);
    let mut tx = store.begin().await?;
    let now = tx.now();
    let found: Option<Found> = platform_admin::table
        .filter(platform_admin::login.eq(login))
        .filter(platform_admin::state.eq("active"))
        .select((
            platform_admin::id,
            platform_admin::password_phc,
            platform_admin::role,
            platform_admin::failed_count,
            platform_admin::locked_until,
        ))
        .for_update()
        .first(tx.conn()?)
        .await
        .optional()?;
    let Some((id, phc, role, failed, locked_until)) = found else {
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
    Ok(Some(Candidate { id, phc, role: role_of(&role)? }))
}

fn role_of(stored: &str) -> Result<Role, ControlError> {
    Role::parse(stored).ok_or(ControlError::Stored("platform role"))
}

async fn open_session(
    store: &Store,
    by: By,
    candidate: &Candidate,
    login: &str,
) -> Result<(Token, SignedIn), ControlError> {
    let (admin, role) = (candidate.id, candidate.role);
    let mut tx = store.begin().await?;
    let now = tx.now();
    let expires_at = now + Duration::seconds(ABSOLUTE_S);
    diesel::update(platform_admin::table.find(admin))
        .set((platform_admin::failed_count.eq(0), platform_admin::locked_until.eq(None::<DateTime<Utc>>)))
        .execute(tx.conn()?)
        .await?;
    diesel::delete(platform_session::table.filter(platform_session::absolute_expires_at.lt(now)))
        .execute(tx.conn()?)
        .await?;
    let token = Token::random();
    let (session, csrf_hash) = (random_uuid(), token.csrf().hash().to_vec());
    diesel::insert_into(platform_session::table)
        .values((
            platform_session::id.eq(session),
            platform_session::token_hash.eq(token.hash().to_vec()),
            platform_session::csrf_hash.eq(&csrf_hash),
            platform_session::admin_id.eq(admin),
            platform_session::created_at.eq(now),
            platform_session::last_seen_at.eq(now),
            platform_session::idle_expires_at.eq(now + Duration::seconds(IDLE_S)),
            platform_session::absolute_expires_at.eq(expires_at),
        ))
        .execute(tx.conn()?)
        .await?;
    tx.commit(AuditEntry::allowed(by, "session.create").admin(admin)).await?;
    Ok((token, SignedIn { admin, login: login.to_owned(), role, session, csrf_hash, expires_at }))
}

/// Who this token belongs to, if its session still stands.
///
/// # Errors
/// When the database fails.
pub async fn session(store: &Store, token: &Token) -> Result<Option<SignedIn>, ControlError> {
    type Found = (Uuid, Vec<u8>, Uuid, String, String, DateTime<Utc>, DateTime<Utc>);
    let mut tx = store.begin().await?;
    let now = tx.now();
    let found: Option<Found> = platform_session::table
        .inner_join(platform_admin::table)
        .filter(platform_session::token_hash.eq(token.hash().to_vec()))
        .filter(platform_session::revoked_at.is_null())
        .filter(platform_session::idle_expires_at.gt(now))
        .filter(platform_session::absolute_expires_at.gt(now))
        .filter(platform_admin::state.eq("active"))
        .select((
            platform_session::id,
            platform_session::csrf_hash,
            platform_admin::id,
            platform_admin::login,
            platform_admin::role,
            platform_session::last_seen_at,
            platform_session::absolute_expires_at,
        ))
        .first(tx.conn()?)
        .await
        .optional()?;
    let Some((session, csrf_hash, admin, login, role, last_seen_at, expires_at)) = found else {
        tx.commit_unaudited().await?;
        return Ok(None);
    };
    if now - last_seen_at >= Duration::seconds(TOUCH_S) {
        diesel::update(platform_session::table.find(session))
            .set((
                platform_session::last_seen_at.eq(now),
                platform_session::idle_expires_at.eq(now + Duration::seconds(IDLE_S)),
            ))
            .execute(tx.conn()?)
            .await?;
    }
    tx.commit_unaudited().await?;
    Ok(Some(SignedIn { admin, login, role: role_of(&role)?, session, csrf_hash, expires_at }))
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

/// The same rule as the table's: lower case, 3 to 64 characters.
fn check_login(login: &str) -> Result<(), ControlError> {
    let edge = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = login.as_bytes();
    let inside = bytes.iter().all(|b| {
        b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'@' | b'+' | b'-')
    });
    if (3..=64).contains(&bytes.len()) && inside && edge(bytes.first()) && edge(bytes.last()) {
        return Ok(());
    }
    Err(ControlError::Invalid { field: "login", code: "not_a_login" })
}

#[cfg(test)]
mod tests {
    use super::{check_login, generated_password};

    #[test]
    fn logins_have_one_form() {
        for good in ["root", "ada.lovelace", "ops+eu@platform.example"] {
            assert!(check_login(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", "Root", "-root", "root-", "ro ot", "röot", &"a".repeat(65)] {
            assert!(check_login(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_generated_password_passes_the_rules_for_chosen_ones() {
        let password = generated_password();
        assert!(super::check_password("root", &password).is_ok());
        assert_ne!(*password, *generated_password());
    }
}
