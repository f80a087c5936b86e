//! Writes the mail that tells an account's owner what changed about their sign-in. Run twice, it may be sent twice.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::audit::Unaudited;
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::mail::Letter;
use super::queue::Jobs;
use crate::auth::notice::NoticeKind;
use crate::auth::record::AccountRow;
use crate::auth::tables::{account, notice};
use crate::call::roll_back;
use crate::registry;
use crate::store::{self, StoreError};

struct Pending {
    to: Zeroizing<String>,
    kind: NoticeKind,
    at: DateTime<Utc>,
}

/// Sends the notice that the payload names, unless that is done.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get("notice").ok_or("payload.no_notice")?;
    let Some(record) = jobs.tenant(payload, super::SEND_NOTICE).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let mut tx = jobs.regional.begin(tenant, "job.send_notice").await.map_err(|error| error.code())?;
    let found = pending(jobs, &mut tx, id).await;
    roll_back(tx).await;
    let Some(pending) = found.map_err(|_logged_as_code| "notice.read")? else { return Ok(()) };
    let region = jobs.directory.region(record.region).ok_or("directory.no_region")?;
    let host = jobs.base.tenant_host(&record.slug, &region.region.code);
    let letter = Letter {
        to: &pending.to,
        subject: "Your sign-in at your clinic has changed",
        body: Zeroizing::new(format!(
            "{sentence}\n\nThat was at {host} on {at} UTC.\n\n\
             If it was you, there is nothing to do. If it was not, tell your clinic's administrator now.\n",
            sentence = pending.kind.sentence(),
            at = pending.at.format("%Y-%m-%d %H:%M"),
        )),
        id: regions::text::encode_id(id.as_bytes()),
    };
    jobs.mailer.send(letter).await.map_err(|_cause| "mail.send")?;
    mark_sent(jobs, tenant, id).await
}

async fn pending(jobs: &Jobs, tx: &mut TenantTx, id: Uuid) -> Result<Option<Pending>, StoreError> {
    let found: Option<(AccountRow, String, DateTime<Utc>)> = notice::table
        .inner_join(account::table)
        .filter(notice::id.eq(id))
        .filter(notice::sent_at.is_null())
        .select((AccountRow::as_select(), notice::kind, notice::created_at))
        .first(tx.conn())
        .await
        .optional()?;
    let Some((row, kind, at)) = found else { return Ok(None) };
    let keys = jobs.regional.keys();
    let row = keys.row_macs(tx.tenant()).await?.verify(row)?;
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    let to = store::open(&sealer, registry::ACCOUNT_EMAIL, row.id.into_bytes(), &row.email)?;
    let kind = NoticeKind::parse(&kind).ok_or(StoreError::Shape)?;
    Ok(Some(Pending { to: Zeroizing::new(to), kind, at }))
}

async fn mark_sent(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<(), &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.notice_sent").await.map_err(|error| error.code())?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let marked = diesel::update(notice::table.find(id)).set(notice::sent_at.eq(now)).execute(tx.conn()).await;
    if marked.is_err() {
        roll_back(tx).await;
        return Err("notice.mark_sent");
    }
    tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())
}
