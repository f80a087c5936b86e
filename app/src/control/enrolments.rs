//! Enrolment links: how a platform administrator gets the first passkey. The command line makes a link, whoever opens it
//! first within a day makes a passkey with it, and then it is used up.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::admins;
use super::audit::{Actor, AuditEntry, By};
use super::challenges::{self, Asked};
use super::error::ControlError;
use super::passkeys::{self, Begun, NewPasskey};
use super::rules;
use super::sessions::{self, NewSession, Proof, SignedIn};
use super::store::{ControlTx, Store};
use super::tables::enrolment;
use crate::auth::passkey::ceremony::Site;
use crate::auth::token::Token;

/// A link is good for this long, in seconds; as in the table.
pub const ENROLMENT_MAX_S: i64 = 86_400;
/// Where the console's page for it is.
const PAGE: &str = "/console/enrol";
const BEGIN: &str = "enrolment.begin";
const FINISH: &str = "enrolment.finish";
/// The reason in the audit when the link is no good.
const INVALID: &str = "enrolment_invalid";

/// The link to hand over. The token is in the fragment, which no browser sends, so that it reaches no log.
#[must_use]
pub fn link(public_url: &str, token: &Token) -> String {
    format!("{}{PAGE}#token={}", public_url.trim_end_matches('/'), token.expose().as_str())
}

/// Takes the administrator's link away, if there is one.
pub(super) async fn withdraw(tx: &mut ControlTx, admin: Uuid) -> Result<(), ControlError> {
    diesel::delete(enrolment::table.filter(enrolment::admin_id.eq(admin))).execute(tx.conn()?).await?;
    Ok(())
}

/// Stores a link for an administrator in place of the one before.
pub(super) async fn issue(tx: &mut ControlTx, admin: Uuid, token: [u8; 32]) -> Result<(), ControlError> {
    withdraw(tx, admin).await?;
    let now = tx.now();
    diesel::insert_into(enrolment::table)
        .values((
            enrolment::token_hash.eq(token.to_vec()),
            enrolment::admin_id.eq(admin),
            enrolment::created_at.eq(now),
            enrolment::expires_at.eq(expires_at(now)),
        ))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}

/// When a link made now ends.
#[must_use]
pub fn expires_at(now: DateTime<Utc>) -> DateTime<Utc> {
    now + Duration::seconds(ENROLMENT_MAX_S)
}

/// Begins to make the first passkey: the handle to send back, and what the browser needs.
///
/// # Errors
/// [`ControlError::EnrolmentInvalid`].
pub async fn begin(store: &Store, by: By, token: &Token) -> Result<(Token, Begun), ControlError> {
    let mut tx = store.begin().await?;
    let Some((admin, login)) = holder(&mut tx, token).await? else {
        return refuse(tx, AuditEntry::denied(by, BEGIN, INVALID), ControlError::EnrolmentInvalid).await;
    };
    let handle = Token::random();
    let challenge = challenges::keep(&mut tx, Asked::Enrol(handle.hash())).await?;
    let known = passkeys::credentials(&mut tx, admin).await?;
    tx.commit(AuditEntry::allowed(by, BEGIN).admin(admin)).await?;
    Ok((handle, Begun { admin, login, challenge, known }))
}

/// What whoever opened a link sends back.
pub struct Enrol<'a> {
    /// The link's token.
    pub token: &'a Token,
    /// The handle that came with the options.
    pub handle: &'a Token,
    /// The passkey.
    pub passkey: NewPasskey<'a>,
    /// SHA-256 of the session's token that this browser had before.
    pub replaces: Option<[u8; 32]>,
}

/// Makes the first passkey, uses the link up and opens a session. A credential that is refused leaves the link as it is.
///
/// # Errors
/// [`ControlError::EnrolmentInvalid`], [`ControlError::PasskeyNotAdded`], [`ControlError::Invalid`] on `label`.
pub async fn finish(
    store: &Store,
    by: By,
    site: Site<'_>,
    enrol: Enrol<'_>,
) -> Result<(Token, SignedIn), ControlError> {
    let label = rules::passkey_label(enrol.passkey.label)?;
    let mut tx = store.begin().await?;
    let Some((admin, login)) = holder(&mut tx, enrol.token).await? else {
        return refuse(tx, AuditEntry::denied(by, FINISH, INVALID), ControlError::EnrolmentInvalid).await;
    };
    let challenge = challenges::take(&mut tx, Asked::Enrol(enrol.handle.hash())).await?;
    let added = match enrol.passkey.credential.check(challenge.as_deref(), site) {
        Ok(registered) => passkeys::insert(&mut tx, admin, &label, registered).await?.map(drop),
        Err(refusal) => Err(passkeys::NotAdded::Refused(refusal.code())),
    };
    if let Err(reason) = added {
        return refuse(tx, AuditEntry::denied(by, FINISH, reason.code()).admin(admin), reason.into()).await;
    }
    withdraw(&mut tx, admin).await?;
    let by = By { actor: Actor::Admin(admin), ..by };
    let opened =
        NewSession { admin, login: &login, action: FINISH, proof: Proof::Passkey, replaces: enrol.replaces };
    sessions::open_session(tx, by, opened).await
}

/// Whose link this is, if it is good. It is looked at again under the account's lock, so that of two answers at once one
/// finds it used.
async fn holder(tx: &mut ControlTx, token: &Token) -> Result<Option<(Uuid, String)>, ControlError> {
    let Some(admin) = named(tx, token).await? else { return Ok(None) };
    let account = admins::lock(tx, admin).await?.filter(|account| account.is_active());
    let still = named(tx, token).await?;
    Ok(account.zip(still).map(|(account, admin)| (admin, account.login)))
}

async fn named(tx: &mut ControlTx, token: &Token) -> Result<Option<Uuid>, ControlError> {
    let found = enrolment::table
        .filter(enrolment::token_hash.eq(token.hash().to_vec()))
        .filter(enrolment::expires_at.gt(tx.now()))
        .select(enrolment::admin_id);
    Ok(found.first(tx.conn()?).await.optional()?)
}

/// Keeps what a refusal has to keep: its audit line, and that the challenge is gone.
async fn refuse<T>(tx: ControlTx, entry: AuditEntry, error: ControlError) -> Result<T, ControlError> {
    tx.commit(entry).await?;
    Err(error)
}
