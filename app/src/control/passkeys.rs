//! Platform administrators' passkeys: signing in with one alone, and the own ones, of which one always stays.

use chrono::{DateTime, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::log::{self, Field};
use uuid::Uuid;

use super::admins;
use super::audit::{Actor, AuditEntry, By};
use super::challenges::{self, Asked};
use super::error::ControlError;
use super::random_uuid;
use super::rules;
use super::sessions::{self, NewSession, Proof, SignedIn};
use super::store::{ControlTx, Store};
use super::tables::platform_passkey;
use crate::auth::passkey::PASSKEYS_MAX;
use crate::auth::passkey::ceremony::{AssertionInput, RegistrationInput, Site, counter_went_back};
use crate::auth::passkey::verify::{CHALLENGE_BYTES, Registered};
use crate::auth::token::Token;

const CHALLENGE: &str = "session.challenge";
const SIGN_IN: &str = "session.create_passkey";
const BEGIN: &str = "passkey.begin";
const ADD: &str = "passkey.add";
const REMOVE: &str = "passkey.remove";

/// One of the own passkeys.
#[derive(Debug, Clone, Queryable)]
pub struct Passkey {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it.
    pub label: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it signed in last.
    pub last_used_at: Option<DateTime<Utc>>,
}

type PasskeyColumns = (
    platform_passkey::id,
    platform_passkey::label,
    platform_passkey::created_at,
    platform_passkey::last_used_at,
);
const COLUMNS: PasskeyColumns = (
    platform_passkey::id,
    platform_passkey::label,
    platform_passkey::created_at,
    platform_passkey::last_used_at,
);

/// What a browser needs to make a passkey.
#[derive(Debug)]
pub struct Begun {
    /// Whose it will be; the user handle.
    pub admin: Uuid,
    /// The name that the authenticator shows.
    pub login: String,
    /// What has to be answered.
    pub challenge: [u8; CHALLENGE_BYTES],
    /// Ids of the credentials that are there.
    pub known: Vec<Vec<u8>>,
}

/// A passkey to be added.
pub struct NewPasskey<'a> {
    /// What its owner calls it.
    pub label: &'a str,
    /// What the authenticator made.
    pub credential: &'a RegistrationInput,
}

/// Why a passkey is not added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAdded {
    /// It does not fit, for this reason.
    Refused(&'static str),
    /// There are as many as may be.
    TooMany,
}

impl NotAdded {
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Refused(reason) => reason,
            Self::TooMany => "too_many_passkeys",
        }
    }
}

impl From<NotAdded> for ControlError {
    fn from(reason: NotAdded) -> Self {
        match reason {
            NotAdded::Refused(_) => Self::PasskeyNotAdded,
            NotAdded::TooMany => Self::TooManyPasskeys,
        }
    }
}

/// Begins a sign-in: a handle to send back and a challenge. It names no account and says nothing about any.
///
/// # Errors
/// When the database fails.
pub async fn begin_sign_in(store: &Store, by: By) -> Result<(Token, [u8; CHALLENGE_BYTES]), ControlError> {
    let mut tx = store.begin().await?;
    let handle = Token::random();
    let challenge = challenges::keep(&mut tx, Asked::SignIn(handle.hash())).await?;
    tx.commit(AuditEntry::allowed(by, CHALLENGE)).await?;
    Ok((handle, challenge))
}

/// What a browser sends to sign in.
pub struct Attempt<'a> {
    /// The handle that came with the options.
    pub handle: &'a Token,
    /// The answer.
    pub credential: &'a AssertionInput,
    /// SHA-256 of the session's token that this browser had before.
    pub replaces: Option<[u8; 32]>,
}

/// Signs in. The challenge is used up whatever comes of it.
///
/// # Errors
/// [`ControlError::PasskeyRefused`], the same for every reason; the audit has it.
pub async fn sign_in(
    store: &Store,
    by: By,
    site: Site<'_>,
    attempt: Attempt<'_>,
) -> Result<(Token, SignedIn), ControlError> {
    let mut tx = store.begin().await?;
    let challenge = challenges::take(&mut tx, Asked::SignIn(attempt.handle.hash())).await?;
    let (owner, count) = match proven(&mut tx, challenge.as_deref(), site, attempt.credential).await? {
        Ok(proven) => proven,
        Err(reason) => {
            tx.commit(AuditEntry::denied(by, SIGN_IN, reason)).await?;
            return Err(ControlError::PasskeyRefused);
        }
    };
    if counter_went_back(owner.sign_count, count) {
        log::security("passkey_counter", &[Field::RequestId(by.request)]);
    }
    let now = tx.now();
    diesel::update(platform_passkey::table.find(owner.passkey))
        .set((platform_passkey::sign_count.eq(i64::from(count)), platform_passkey::last_used_at.eq(now)))
        .execute(tx.conn()?)
        .await?;
    let by = By { actor: Actor::Admin(owner.admin), ..by };
    let opened = NewSession {
        admin: owner.admin,
        login: &owner.login,
        action: SIGN_IN,
        proof: Proof::Passkey,
        replaces: attempt.replaces,
    };
    sessions::open_session(tx, by, opened).await
}

/// Whose passkey an answer is of.
struct Owner {
    admin: Uuid,
    login: String,
    passkey: Uuid,
    sign_count: i64,
}

/// The owner and the counter of an answer that is right, or why it is not. The account is locked before the passkey is
/// read, so that a reset at the same moment comes before all of this, or after it and ends the session.
async fn proven(
    tx: &mut ControlTx,
    challenge: Option<&[u8]>,
    site: Site<'_>,
    credential: &AssertionInput,
) -> Result<Result<(Owner, u32), &'static str>, ControlError> {
    const UNKNOWN: &str = "passkey_unknown";
    let id = match credential.credential_id() {
        Ok(id) => id,
        Err(refusal) => return Ok(Err(refusal.code())),
    };
    let with_id = platform_passkey::credential_id.eq(id);
    let of = platform_passkey::table.filter(with_id.clone()).select(platform_passkey::admin_id);
    let Some(admin) = of.first::<Uuid>(tx.conn()?).await.optional()? else { return Ok(Err(UNKNOWN)) };
    let Some(account) = admins::lock(tx, admin).await? else { return Ok(Err(UNKNOWN)) };
    let found: Option<(Uuid, Vec<u8>, i64)> = platform_passkey::table
        .filter(with_id)
        .select((platform_passkey::id, platform_passkey::cose_key, platform_passkey::sign_count))
        .first(tx.conn()?)
        .await
        .optional()?;
    let Some((passkey, cose_key, sign_count)) = found else { return Ok(Err(UNKNOWN)) };
    let checked = credential
        .check(challenge, &cose_key, site)
        .and_then(|count| credential.check_user(admin.into_bytes()).map(|()| count));
    Ok(match checked {
        Ok(_) if !account.is_active() => Err("not_active"),
        Ok(count) => Ok((Owner { admin, login: account.login, passkey, sign_count }, count)),
        Err(refusal) => Err(refusal.code()),
    })
}

/// The own passkeys, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn list(store: &Store, admin: Uuid) -> Result<Vec<Passkey>, ControlError> {
    let mut tx = store.begin().await?;
    let found = platform_passkey::table
        .filter(platform_passkey::admin_id.eq(admin))
        .order((platform_passkey::created_at, platform_passkey::id))
        .limit(PASSKEYS_MAX)
        .select(COLUMNS)
        .load(tx.conn()?)
        .await?;
    tx.commit_unaudited().await?;
    Ok(found)
}

/// Begins to add a passkey in a session.
///
/// # Errors
/// [`ControlError::TooManyPasskeys`].
pub async fn begin(store: &Store, by: By, signed_in: &SignedIn) -> Result<Begun, ControlError> {
    let mut tx = store.begin().await?;
    let known = credentials(&mut tx, signed_in.admin).await?;
    if reached(known.len()) {
        tx.commit(AuditEntry::denied(by, BEGIN, NotAdded::TooMany.code()).admin(signed_in.admin)).await?;
        return Err(ControlError::TooManyPasskeys);
    }
    let challenge = challenges::keep(&mut tx, Asked::Register(signed_in.session)).await?;
    tx.commit(AuditEntry::allowed(by, BEGIN).admin(signed_in.admin)).await?;
    Ok(Begun { admin: signed_in.admin, login: signed_in.login.clone(), challenge, known })
}

/// Adds a passkey and ends the owner's other sessions.
///
/// # Errors
/// [`ControlError::PasskeyNotAdded`], [`ControlError::TooManyPasskeys`], [`ControlError::Invalid`] on `label`.
pub async fn add(
    store: &Store,
    by: By,
    signed_in: &SignedIn,
    site: Site<'_>,
    new: NewPasskey<'_>,
) -> Result<Passkey, ControlError> {
    let label = rules::passkey_label(new.label)?;
    let mut tx = store.begin().await?;
    // One change of an account's passkeys after the other: two at once neither pass the limit nor take the last one.
    admins::lock(&mut tx, signed_in.admin).await?;
    let challenge = challenges::take(&mut tx, Asked::Register(signed_in.session)).await?;
    let added = match new.credential.check(challenge.as_deref(), site) {
        Ok(registered) => insert(&mut tx, signed_in.admin, &label, registered).await?,
        Err(refusal) => Err(NotAdded::Refused(refusal.code())),
    };
    match added {
        Ok(passkey) => {
            sessions::end_sessions(&mut tx, signed_in.admin, Some(signed_in.session)).await?;
            tx.commit(AuditEntry::allowed(by, ADD).passkey(passkey.id)).await?;
            Ok(passkey)
        }
        Err(reason) => {
            tx.commit(AuditEntry::denied(by, ADD, reason.code()).admin(signed_in.admin)).await?;
            Err(reason.into())
        }
    }
}

/// Removes one of the own passkeys, unless it is the only one, and ends the owner's other sessions.
///
/// # Errors
/// [`ControlError::NotFound`] for one that is not there or somebody else's, [`ControlError::LastPasskey`].
pub async fn remove(store: &Store, by: By, signed_in: &SignedIn, id: Uuid) -> Result<(), ControlError> {
    let mut tx = store.begin().await?;
    admins::lock(&mut tx, signed_in.admin).await?;
    let mine: Vec<Uuid> = platform_passkey::table
        .filter(platform_passkey::admin_id.eq(signed_in.admin))
        .limit(PASSKEYS_MAX)
        .select(platform_passkey::id)
        .load(tx.conn()?)
        .await?;
    let refused = match (mine.contains(&id), mine.len()) {
        (false, _) => Some(("absent", ControlError::NotFound("passkey"))),
        (true, 1) => Some(("last_passkey", ControlError::LastPasskey)),
        (true, _) => None,
    };
    if let Some((reason, error)) = refused {
        tx.commit(AuditEntry::denied(by, REMOVE, reason).admin(signed_in.admin)).await?;
        return Err(error);
    }
    diesel::delete(platform_passkey::table.find(id)).execute(tx.conn()?).await?;
    sessions::end_sessions(&mut tx, signed_in.admin, Some(signed_in.session)).await?;
    tx.commit(AuditEntry::allowed(by, REMOVE).passkey(id)).await
}

/// Stores a passkey, unless it is known or there are as many as may be. The caller holds a lock on its owner.
pub(super) async fn insert(
    tx: &mut ControlTx,
    admin: Uuid,
    label: &str,
    registered: Registered,
) -> Result<Result<Passkey, NotAdded>, ControlError> {
    if count(tx, admin).await? >= PASSKEYS_MAX {
        return Ok(Err(NotAdded::TooMany));
    }
    let now = tx.now();
    let added = diesel::insert_into(platform_passkey::table)
        .values((
            platform_passkey::id.eq(random_uuid()),
            platform_passkey::admin_id.eq(admin),
            platform_passkey::credential_id.eq(registered.credential_id),
            platform_passkey::cose_key.eq(registered.cose_key),
            platform_passkey::sign_count.eq(i64::from(registered.sign_count)),
            platform_passkey::label.eq(label),
            platform_passkey::created_at.eq(now),
        ))
        .on_conflict(platform_passkey::credential_id)
        .do_nothing()
        .returning(COLUMNS)
        .get_result(tx.conn()?)
        .await
        .optional()?;
    Ok(added.ok_or(NotAdded::Refused("passkey_known")))
}

/// Ids of the administrator's credentials at their authenticators.
pub(super) async fn credentials(tx: &mut ControlTx, admin: Uuid) -> Result<Vec<Vec<u8>>, ControlError> {
    Ok(platform_passkey::table
        .filter(platform_passkey::admin_id.eq(admin))
        .limit(PASSKEYS_MAX)
        .select(platform_passkey::credential_id)
        .load(tx.conn()?)
        .await?)
}

/// Takes all of an administrator's passkeys away.
pub(super) async fn remove_all(tx: &mut ControlTx, admin: Uuid) -> Result<(), ControlError> {
    diesel::delete(platform_passkey::table.filter(platform_passkey::admin_id.eq(admin)))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}

fn reached(count: usize) -> bool {
    i64::try_from(count).unwrap_or(i64::MAX) >= PASSKEYS_MAX
}

async fn count(tx: &mut ControlTx, admin: Uuid) -> Result<i64, ControlError> {
    let mine = platform_passkey::table.filter(platform_passkey::admin_id.eq(admin));
    Ok(mine.select(count_star()).first(tx.conn()?).await?)
}
