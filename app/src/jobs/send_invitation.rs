//! Writes the mail of an invitation.
//!
//! The token is made here, goes into the mail and is stored as a hash. Run twice, a second mail may go out; its token
//! replaces the first one's, so one link works.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::audit::Unaudited;
use tenancy::sealed::Sealed;
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::mail::Letter;
use super::queue::Jobs;
use crate::audit;
use crate::auth::model::{INVITATION_LIFETIME_S, account_state, invitation_state};
use crate::auth::record::AccountRow;
use crate::auth::rules::PASSWORD_MIN_CHARS;
use crate::auth::tables::{account, invitation};
use crate::auth::token::Token;
use crate::call::roll_back;
use crate::registry;
use crate::store::{self, StoreError};

/// Where an invitation is accepted.
const ACCEPT_PATH: &str = "/accept-invitation";

/// What the mail needs.
struct Pending {
    account: Uuid,
    email: Sealed,
}

/// Sends the invitation that the payload names, unless that is done or no longer wanted.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get("invitation").ok_or("payload.no_invitation")?;
    let Some(record) = jobs.tenant(payload, super::SEND_INVITATION).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let token = Token::random();
    let Some(email) = prepare(jobs, tenant, (id, &token)).await? else { return Ok(()) };
    let region = jobs.directory.region(record.region).ok_or("directory.no_region")?;
    let host = jobs.base.tenant_host(&record.slug, &region.region.code);
    let letter = Letter {
        to: &email,
        subject: "Your invitation to Domicile",
        body: body(&host, jobs.public_port, &token),
        id: regions::text::encode_id(id.as_bytes()),
    };
    jobs.mailer.send(letter).await.map_err(|_cause| "mail.send")?;
    mark_sent(jobs, tenant, id).await
}

/// Stores the token's hash and returns where the mail goes; `None` when there is nothing to send any more.
async fn prepare(
    jobs: &Jobs,
    tenant: TenantRef,
    (id, token): (Uuid, &Token),
) -> Result<Option<Zeroizing<String>>, &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.send_invitation").await.map_err(|error| error.code())?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    match store_token(jobs, &mut tx, (id, token, now)).await {
        Ok(Some(email)) => {
            let entry = audit::by_system(audit::INVITATION_SEND).resource("invitation", id.into_bytes());
            tx.commit(entry).await.map_err(|error| error.code())?;
            Ok(Some(email))
        }
        Ok(None) => {
            roll_back(tx).await;
            Ok(None)
        }
        Err(_logged_as_code) => {
            roll_back(tx).await;
            Err("invitation.prepare")
        }
    }
}

async fn store_token(
    jobs: &Jobs,
    tx: &mut TenantTx,
    (id, token, now): (Uuid, &Token, DateTime<Utc>),
) -> Result<Option<Zeroizing<String>>, StoreError> {
    let Some(pending) = pending(jobs, tx, id).await? else { return Ok(None) };
    let sealer = jobs.regional.keys().tenant_sealer(tx.tenant()).await?;
    let row = pending.account.into_bytes();
    let email = Zeroizing::new(store::open(&sealer, registry::ACCOUNT_EMAIL, row, &pending.email)?);
    diesel::update(invitation::table.find(id))
        .set((
            invitation::token_hash.eq(token.hash().as_slice()),
            invitation::expires_at.eq(now + Duration::seconds(INVITATION_LIFETIME_S)),
        ))
        .execute(tx.conn())
        .await?;
    Ok(Some(email))
}

async fn pending(jobs: &Jobs, tx: &mut TenantTx, id: Uuid) -> Result<Option<Pending>, StoreError> {
    let found: Option<AccountRow> = invitation::table
        .inner_join(account::table)
        .filter(invitation::id.eq(id))
        .filter(invitation::state.eq(invitation_state::PENDING))
        .filter(account::state.eq(account_state::INVITED))
        .select(AccountRow::as_select())
        .first(tx.conn())
        .await
        .optional()?;
    let Some(row) = found else { return Ok(None) };
    let row = jobs.regional.keys().row_macs(tx.tenant()).await?.verify(row)?.into_inner();
    Ok(Some(Pending { account: row.id, email: row.email }))
}

async fn mark_sent(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<(), &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.invitation_sent").await.map_err(|error| error.code())?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let marked = diesel::update(invitation::table.find(id))
        .filter(invitation::state.eq(invitation_state::PENDING))
        .set((invitation::state.eq(invitation_state::SENT), invitation::sent_at.eq(now)))
        .execute(tx.conn())
        .await;
    if marked.is_err() {
        roll_back(tx).await;
        return Err("invitation.mark_sent");
    }
    tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())
}

/// The token is in the fragment, which no browser sends anywhere: it is in no server's log.
fn body(host: &str, port: u16, token: &Token) -> Zeroizing<String> {
    let authority = match port {
        443 => host.to_owned(),
        port => format!("{host}:{port}"),
    };
    let days = INVITATION_LIFETIME_S / 86_400;
    Zeroizing::new(format!(
        "You are invited to work with Domicile at {host}.\n\n\
         Open this page and choose a password of at least {password} characters:\n\n\
         https://{authority}{ACCEPT_PATH}#token={token}\n\n\
         The link works once and for {days} days. If you did not expect this mail, ignore it.\n",
        password = PASSWORD_MIN_CHARS,
        token = token.expose().as_str()
    ))
}
