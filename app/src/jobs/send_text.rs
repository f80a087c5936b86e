//! Writes the text that tells an account's owner at the telephone what changed about their sign-in. Run twice, it may be sent twice.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::audit::Unaudited;
use tenancy::sms::TextKind;
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::queue::Jobs;
use super::sms::Text;
use crate::auth::notice::NoticeKind;
use crate::auth::phone;
use crate::auth::tables::notice;
use crate::call::roll_back;
use crate::store::StoreError;

struct Pending {
    to: Zeroizing<String>,
    sentence: &'static str,
    at: DateTime<Utc>,
}

/// Texts the notice that the payload names, unless that is done or its owner has no telephone by now.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get("notice").ok_or("payload.no_notice")?;
    let Some(record) = jobs.tenant(payload, super::SEND_TEXT).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let mut tx = jobs.regional.begin(tenant, "job.send_text").await.map_err(|error| error.code())?;
    let found = pending(jobs, &mut tx, id).await;
    roll_back(tx).await;
    let Some(pending) = found.map_err(|_logged_as_code| "text.read")? else { return Ok(()) };
    let body = Zeroizing::new(format!(
        "Your sign-in at your clinic: {sentence}, {at} UTC. If it was not you, call your clinic now. Your e-mail says more.",
        sentence = pending.sentence,
        at = pending.at.format("%Y-%m-%d %H:%M"),
    ));
    let id_shown = regions::text::encode_id(id.as_bytes());
    let text = Text { to: &pending.to, body, kind: TextKind::Notice, id: id_shown };
    jobs.texter.send(text).await.map_err(|_cause| "sms.send")?;
    mark_sent(jobs, tenant, id).await
}

async fn pending(jobs: &Jobs, tx: &mut TenantTx, id: Uuid) -> Result<Option<Pending>, StoreError> {
    let found: Option<(Uuid, String, DateTime<Utc>)> = notice::table
        .find(id)
        .filter(notice::texted_at.is_null())
        .select((notice::account_id, notice::kind, notice::created_at))
        .first(tx.conn())
        .await
        .optional()?;
    let Some((account, kind, at)) = found else { return Ok(None) };
    let kind = NoticeKind::parse(&kind).ok_or(StoreError::Shape)?;
    let Some(sentence) = kind.text() else { return Ok(None) };
    let number = phone::find(jobs.regional.keys(), tx, account).await?;
    Ok(number.map(|(to, _since)| Pending { to, sentence, at }))
}

async fn mark_sent(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<(), &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.text_sent").await.map_err(|error| error.code())?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let marked =
        diesel::update(notice::table.find(id)).set(notice::texted_at.eq(now)).execute(tx.conn()).await;
    if marked.is_err() {
        roll_back(tx).await;
        return Err("text.mark_sent");
    }
    tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())
}
