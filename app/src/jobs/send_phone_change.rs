//! Writes the texts of a change of telephone: the code to the new number, and once it was changed or removed a word to the old one.
//! The mail about it is written by `send_notice`, and the word to the new number by `send_text`, as of any other change.

use chrono::{DateTime, Utc};
use tenancy::audit::Unaudited;
use tenancy::sms::TextKind;
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::queue::Jobs;
use super::sms::Text;
use crate::audit;
use crate::auth::mail_code::CODE_MAX_S;
use crate::auth::phone::{self, Wanted, What};
use crate::call::roll_back;

/// Sends the text that the payload's change needs now, if it needs one. A code is made and sent once; the old number may be told
/// twice.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get("change").ok_or("payload.no_change")?;
    let Some(record) = jobs.tenant(payload, super::SEND_PHONE_CHANGE).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let mut tx = begin(jobs, tenant, "job.send_phone_change").await?;
    let wanted = match phone::prepare(jobs.regional.keys(), &mut tx, id, now).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            return tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code());
        }
        Err(_logged_as_code) => {
            roll_back(tx).await;
            return Err("phone_change.prepare");
        }
    };
    let Wanted { account, to, what } = wanted;
    tx.commit(audit::by_system(audit::PHONE_CHANGE_SEND).resource("account", account.into_bytes()))
        .await
        .map_err(|error| error.code())?;
    let (kind, body) = words(&what);
    let text = Text { to: &to, body, kind, id: text_id(id, &what) };
    jobs.texter.send(text).await.map_err(|_cause| "sms.send")?;
    match what {
        What::Gone(_) => mark_told(jobs, tenant, id).await,
        What::Code(_) => Ok(()),
    }
}

/// Neither names the clinic or a person: a carrier reads it, and whoever sees a locked screen.
fn words(what: &What) -> (TextKind, Zeroizing<String>) {
    match what {
        What::Code(code) => {
            let (first, second) = code.split_at(code.len() / 2);
            let body = format!(
                "{first} {second} is your code to confirm this phone. It works once, for {minutes} minutes, where you asked \
                 for it. Nobody will ever ask you for it.",
                minutes = CODE_MAX_S / 60,
            );
            (TextKind::Code, Zeroizing::new(body))
        }
        What::Gone(at) => {
            let body = format!(
                "Your sign-in at your clinic: this phone is not told of changes any more, since {at} UTC. If it was not you, \
                 call your clinic now.",
                at = at.format("%Y-%m-%d %H:%M"),
            );
            (TextKind::Notice, Zeroizing::new(body))
        }
    }
}

/// The same for every copy of one text, and another for the second text of a change.
fn text_id(change: Uuid, what: &What) -> String {
    let id = regions::text::encode_id(change.as_bytes());
    match what {
        What::Code(_) => id,
        What::Gone(_) => format!("{id}.old"),
    }
}

async fn begin(jobs: &Jobs, tenant: TenantRef, job: &'static str) -> Result<TenantTx, &'static str> {
    jobs.regional.begin(tenant, job).await.map_err(|error| error.code())
}

async fn mark_told(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<(), &'static str> {
    let mut tx = begin(jobs, tenant, "job.phone_change_told").await?;
    if phone::told(&mut tx, id).await.is_err() {
        roll_back(tx).await;
        return Err("phone_change.mark_told");
    }
    tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())
}
