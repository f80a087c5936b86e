//! Inviting somebody to a clinic: account, invitation and the mail's job, all in the caller's transaction.
//!
//! The token is made by the worker when it writes the mail; here and in the job there are only ids.

use chrono::{DateTime, Utc};
use diesel::dsl;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::ids::TenantId;
use tenancy::blind::{self, normalise};
use tenancy::keys::{Keys, TenantKey};
use tenancy::sealed::Verified;
use tenancy::{JobPayload, TenantTx};
use uuid::Uuid;

use super::model::{account_state, invitation_state};
use super::queries;
use super::record::{self, NewAccount};
use super::tables::{account, invitation};
use crate::access::Role;
use crate::jobs::SEND_INVITATION;
use crate::registry;
use crate::store::{self, StoreError};

/// Whom to invite.
pub struct Invite<'a> {
    /// E-mail address; it becomes the log-in name.
    pub email: &'a str,
    /// Name to show until the invited person gives one.
    pub display_name: &'a str,
    /// Role in the clinic.
    pub role: Role,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What became of an invitation.
pub enum Invited {
    /// A new account waits for its owner.
    New {
        /// The account.
        account: Uuid,
        /// The invitation.
        invitation: Uuid,
    },
    /// There is an account with this e-mail address already; nothing was changed.
    Exists {
        /// The account.
        account: Uuid,
    },
}

impl Invite<'_> {
    /// Stores account and invitation and enqueues the mail. Asking twice for one address invites once.
    ///
    /// # Errors
    /// [`StoreError::Tag`] when the address is not one, otherwise what the database or the key store says.
    pub async fn store(&self, tx: &mut TenantTx, keys: &Keys) -> Result<Invited, StoreError> {
        let tags = login_tags(keys, tx.tenant(), self.email).await?;
        let known: Option<Uuid> =
            account::table.filter(tags.asked()).select(account::id).first(tx.conn()).await.optional()?;
        if let Some(account) = known {
            return Ok(Invited::Exists { account });
        }
        let sealer = keys.tenant_sealer(tx.tenant()).await?;
        let account = new_id();
        let row = account.into_bytes();
        let new = NewAccount {
            id: account,
            login_tag: tags.odd,
            login_tag_even: tags.even,
            email: store::seal(&sealer, registry::ACCOUNT_EMAIL, row, &self.email)?,
            display_name: store::seal(&sealer, registry::ACCOUNT_DISPLAY_NAME, row, &self.display_name)?,
            role: self.role,
            state: account_state::INVITED,
            now: self.now,
        };
        let macs = keys.row_macs(tx.tenant()).await?;
        new.insert(tx, &macs).await?;
        let invitation = new_id();
        queries::insert_invitation(tx, invitation, account, self.now).await?;
        let payload = JobPayload::new(tx.tenant()).id("invitation", invitation);
        tx.enqueue(SEND_INVITATION, payload, None).await?;
        Ok(Invited::New { account, invitation })
    }
}

impl Invite<'_> {
    /// Invites an account that has not been taken up once more, with the name and role given now.
    ///
    /// `None` when the account is in use or was closed; nothing is to be kept of the transaction then.
    ///
    /// # Errors
    /// What the database or the key store says.
    pub async fn repeat(
        &self,
        tx: &mut TenantTx,
        keys: &Keys,
        account: Uuid,
    ) -> Result<Option<Uuid>, StoreError> {
        let Some(invitation) = renew(tx, keys, account, self.now).await? else { return Ok(None) };
        let sealer = keys.tenant_sealer(tx.tenant()).await?;
        let column = registry::ACCOUNT_DISPLAY_NAME;
        let name = store::seal(&sealer, column, account.into_bytes(), &self.display_name)?;
        let Some(row) = record::locked(tx, keys, account).await? else { return Ok(None) };
        let mut row = row.into_inner();
        row.display_name = name;
        self.role.as_str().clone_into(&mut row.role);
        row.save(tx, keys, self.now).await?;
        Ok(Some(invitation))
    }
}

/// Revokes what was sent to an invited account and enqueues a new invitation, so that a lost, failed or expired mail is
/// no dead end. The invitation; `None` when the account does not wait for one, and nothing is to be kept of the
/// transaction then.
///
/// # Errors
/// What the database says.
pub async fn renew(
    tx: &mut TenantTx,
    keys: &Keys,
    account: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, StoreError> {
    // Invitations first, then the account: the order in which accepting one locks them.
    diesel::update(invitation::table)
        .filter(invitation::account_id.eq(account))
        .filter(invitation::state.eq_any([invitation_state::PENDING, invitation_state::SENT]))
        .set(invitation::state.eq(invitation_state::REVOKED))
        .execute(tx.conn())
        .await?;
    let row = record::locked(tx, keys, account).await?.map(Verified::into_inner);
    let Some(row) = row.filter(|row| row.state == account_state::INVITED) else { return Ok(None) };
    row.save(tx, keys, now).await?;
    let invitation = new_id();
    queries::insert_invitation(tx, invitation, account, now).await?;
    let payload = JobPayload::new(tx.tenant()).id("invitation", invitation);
    tx.enqueue(SEND_INVITATION, payload, None).await?;
    Ok(Some(invitation))
}

/// A random id in the layout of a random UUID.
#[must_use]
pub fn new_id() -> Uuid {
    uuid::Builder::from_random_bytes(regions::random::bytes()).into_uuid()
}

/// The keyed tags of the e-mail address somebody signs in with, each in the column of its key's version.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginTags {
    /// The one that is asked for.
    active: Vec<u8>,
    /// Under a key of an odd version.
    pub odd: Option<Vec<u8>>,
    /// Under a key of an even version.
    pub even: Option<Vec<u8>>,
}

/// That an account has a tag in one of the two columns.
type Tagged = dsl::Or<dsl::Eq<account::login_tag, Vec<u8>>, dsl::Eq<account::login_tag_even, Vec<u8>>>;

impl LoginTags {
    /// That an account has this address.
    #[must_use]
    pub fn asked(&self) -> Tagged {
        account::login_tag.eq(self.active.clone()).or(account::login_tag_even.eq(self.active.clone()))
    }
}

/// The tags of an e-mail address.
///
/// # Errors
/// [`StoreError::Tag`] when it is not an address, otherwise what the key store says.
pub async fn login_tags(keys: &Keys, tenant: TenantId, email: &str) -> Result<LoginTags, StoreError> {
    let blind = keys.blind_keys(tenant).await?;
    let email = normalise::email(email).map_err(|_not_an_address| StoreError::Tag)?;
    let tag = |key: &TenantKey| {
        let tag = blind::tag(key, &registry::INDEX_LOGIN, &[&email]);
        tag.map(|tag| tag.to_vec()).map_err(|_failed| StoreError::Tag)
    };
    let mut tags = LoginTags { active: tag(blind.active())?, odd: None, even: None };
    for key in blind.all() {
        let column = if key.version() % 2 == 0 { &mut tags.even } else { &mut tags.odd };
        *column = Some(tag(key)?);
    }
    Ok(tags)
}
