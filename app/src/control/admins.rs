//! Platform administrators' accounts: how they begin, begin anew and are closed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::access::{Action, Role};
use super::audit::{AuditEntry, By};
use super::error::ControlError;
use super::sessions::{ACTIVE, end_sessions};
use super::store::{ControlTx, Store};
use super::tables::platform_admin;
use super::{enrolments, passkeys, random_uuid, support};
use crate::auth::rules::password_fault;

/// The state of an account of somebody who has left.
const DISABLED: &str = "disabled";
/// Most accounts of one listing.
const LISTED_MAX: i64 = 1_000;
/// Bytes of a generated password's randomness.
const GENERATED_BYTES: usize = 20;

/// How an account begins, or begins anew.
pub enum FirstFactor {
    /// With a password, as its hash.
    Password(String),
    /// With a link that makes a passkey, as the hash of its token.
    Enrolment([u8; 32]),
}

impl FirstFactor {
    fn phc(&self) -> Option<&str> {
        match self {
            Self::Password(phc) => Some(phc),
            Self::Enrolment(_) => None,
        }
    }

    async fn store(&self, tx: &mut ControlTx, admin: Uuid) -> Result<(), ControlError> {
        match self {
            Self::Password(_) => enrolments::withdraw(tx, admin).await,
            Self::Enrolment(token) => enrolments::issue(tx, admin, *token).await,
        }
    }
}

/// Makes an administrator.
///
/// # Errors
/// [`ControlError::Exists`] for a login in use, [`ControlError::Invalid`] for a login that breaks a rule.
pub async fn create(
    store: &Store,
    by: By,
    (login, role): (&str, Role),
    first: &FirstFactor,
) -> Result<Uuid, ControlError> {
    check_login(login)?;
    let mut tx = store.begin().await?;
    let (id, now) = (random_uuid(), tx.now());
    diesel::insert_into(platform_admin::table)
        .values((
            platform_admin::id.eq(id),
            platform_admin::login.eq(login),
            platform_admin::password_phc.eq(first.phc()),
            platform_admin::state.eq(ACTIVE),
            platform_admin::role.eq(role.as_str()),
            platform_admin::created_at.eq(now),
            platform_admin::password_changed_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await
        .map_err(|error| ControlError::from(error).when_duplicate(ControlError::Exists("login")))?;
    first.store(&mut tx, id).await?;
    tx.commit(AuditEntry::allowed(by, "admin.create").admin(id)).await?;
    Ok(id)
}

/// Lets an administrator begin anew: a new password or enrolment link in place of the password, the link and all passkeys
/// there were; opens a locked or closed account and ends every session of it.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn reset(store: &Store, by: By, login: &str, first: &FirstFactor) -> Result<Uuid, ControlError> {
    let mut tx = store.begin().await?;
    let now = tx.now();
    let id: Option<Uuid> = diesel::update(platform_admin::table.filter(platform_admin::login.eq(login)))
        .set((
            platform_admin::state.eq(ACTIVE),
            platform_admin::password_phc.eq(first.phc()),
            platform_admin::password_changed_at.eq(now),
            platform_admin::failed_count.eq(0),
            platform_admin::locked_until.eq(None::<DateTime<Utc>>),
        ))
        .returning(platform_admin::id)
        .get_result(tx.conn()?)
        .await
        .optional()?;
    let id = id.ok_or(ControlError::NotFound("platform administrator"))?;
    passkeys::remove_all(&mut tx, id).await?;
    first.store(&mut tx, id).await?;
    end_sessions(&mut tx, id, None).await?;
    tx.commit(AuditEntry::allowed(by, "admin.reset").admin(id)).await?;
    Ok(id)
}

/// Closes the account of whoever has left: sessions, password, passkeys, the enrolment link and open support grants are gone with the
/// next request. The row stays, because the audit names it.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn disable(store: &Store, by: By, login: &str) -> Result<Uuid, ControlError> {
    let mut tx = store.begin().await?;
    let id: Option<Uuid> = diesel::update(platform_admin::table.filter(platform_admin::login.eq(login)))
        .set((platform_admin::state.eq(DISABLED), platform_admin::password_phc.eq(None::<String>)))
        .returning(platform_admin::id)
        .get_result(tx.conn()?)
        .await
        .optional()?;
    let id = id.ok_or(ControlError::NotFound("platform administrator"))?;
    passkeys::remove_all(&mut tx, id).await?;
    enrolments::withdraw(&mut tx, id).await?;
    end_sessions(&mut tx, id, None).await?;
    support::end_all_of(&mut tx, id).await?;
    tx.commit(AuditEntry::allowed(by, "admin.disable").admin(id)).await?;
    Ok(id)
}

/// An account, as an operator looks through them.
#[derive(Queryable)]
pub struct Listed {
    /// The name they sign in with.
    pub login: String,
    /// What they are there for.
    pub role: String,
    /// `active` or `disabled`.
    pub state: String,
    /// The id by which the audit names them.
    pub id: Uuid,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
}

/// Every account, in the order of the logins; at most a thousand.
///
/// # Errors
/// When the database fails.
pub async fn list(store: &Store) -> Result<Vec<Listed>, ControlError> {
    let mut tx = store.begin().await?;
    let rows = platform_admin::table
        .order(platform_admin::login)
        .limit(LISTED_MAX)
        .select((
            platform_admin::login,
            platform_admin::role,
            platform_admin::state,
            platform_admin::id,
            platform_admin::created_at,
        ))
        .load(tx.conn()?)
        .await?;
    tx.commit_unaudited().await?;
    Ok(rows)
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

/// An account under its lock.
#[derive(Queryable)]
pub(super) struct Account {
    pub(super) login: String,
    state: String,
}

impl Account {
    pub(super) fn is_active(&self) -> bool {
        self.state == ACTIVE
    }
}

/// Locks an account until the transaction ends. Whatever changes what it signs in with takes this lock first, so that no
/// two wait for each other.
pub(super) async fn lock(tx: &mut ControlTx, admin: Uuid) -> Result<Option<Account>, ControlError> {
    let found = platform_admin::table.find(admin).select((platform_admin::login, platform_admin::state));
    Ok(found.for_update().first(tx.conn()?).await.optional()?)
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
