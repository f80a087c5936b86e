//! Writes the letters of a change of address: the code to the new one, and once it was changed a word to the old one. The new one
//! is told of the change by `send_notice`, as of any other.

use chrono::{DateTime, Utc};
use tenancy::audit::Unaudited;
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::mail::Letter;
use super::queue::Jobs;
use crate::audit;
use crate::auth::email_change::{self, Wanted, What};
use crate::auth::mail_code::CODE_MAX_S;
use crate::call::roll_back;

/// Sends the letter that the payload's change needs now, if it needs one. A code is made and sent once; the old address may be
/// told twice.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get("change").ok_or("payload.no_change")?;
    let Some(record) = jobs.tenant(payload, super::SEND_EMAIL_CHANGE).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let region = jobs.directory.region(record.region).ok_or("directory.no_region")?;
    let host = jobs.base.tenant_host(&record.slug, &region.region.code);
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let mut tx = begin(jobs, tenant, "job.send_email_change").await?;
    let wanted = match email_change::prepare(jobs.regional.keys(), &mut tx, id, now).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            return tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code());
        }
        Err(_logged_as_code) => {
            roll_back(tx).await;
            return Err("email_change.prepare");
        }
    };
    let Wanted { account, to, what } = wanted;
    tx.commit(audit::by_system(audit::EMAIL_CHANGE_SEND).resource("account", account.into_bytes()))
        .await
        .map_err(|error| error.code())?;
    let (subject, body) = words(&what, &host);
    let letter = Letter { to: &to, subject, body, id: message_id(id, &what) };
    jobs.mailer.send(letter).await.map_err(|_cause| "mail.send")?;
    match what {
        What::Changed(_) => mark_told(jobs, tenant, id).await,
        What::Code(_) | What::Taken => Ok(()),
    }
}

/// Subject and text of a letter. A code is not in the subject: those are shown on locked screens.
fn words(what: &What, host: &str) -> (&'static str, Zeroizing<String>) {
    match what {
        What::Code(code) => {
            let (first, second) = code.split_at(code.len() / 2);
            let body = format!(
                "Your code to sign in at {host} with this e-mail address from now on:\n\n    {first} {second}\n\n\
                 It works once, for {minutes} minutes, where you asked for it. Nobody of the clinic will ever ask you for it.\n\
                 If it was not you who asked, ignore this mail.\n",
                minutes = CODE_MAX_S / 60,
            );
            ("Your code for a new e-mail address", Zeroizing::new(body))
        }
        What::Taken => {
            let body = format!(
                "Somebody asked to sign in at {host} with this e-mail address. Nothing was changed.\n\n\
                 There is nothing to do.\n"
            );
            ("Somebody asked to use your e-mail address", Zeroizing::new(body))
        }
        What::Changed(at) => {
            let body = format!(
                "The e-mail address that you sign in with at {host} was changed on {at} UTC. Nobody signs in with this one any \
                 more, and your other sessions ended.\n\n\
                 If it was you, there is nothing to do. If it was not, call your clinic now: its front desk ends a patient's \
                 access and opens it anew, its administrator closes the account of somebody who works there.\n",
                at = at.format("%Y-%m-%d %H:%M"),
            );
            ("Your e-mail address at your clinic was changed", Zeroizing::new(body))
        }
    }
}

/// The same for every copy of one letter, and another for the second letter of a change.
fn message_id(change: Uuid, what: &What) -> String {
    let id = regions::text::encode_id(change.as_bytes());
    match what {
        What::Code(_) | What::Taken => id,
        What::Changed(_) => format!("{id}.old"),
    }
}

async fn begin(jobs: &Jobs, tenant: TenantRef, job: &'static str) -> Result<TenantTx, &'static str> {
    jobs.regional.begin(tenant, job).await.map_err(|error| error.code())
}

async fn mark_told(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<(), &'static str> {
    let mut tx = begin(jobs, tenant, "job.email_change_told").await?;
    if email_change::told(&mut tx, id).await.is_err() {
        roll_back(tx).await;
        return Err("email_change.mark_told");
    }
    tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())
}
