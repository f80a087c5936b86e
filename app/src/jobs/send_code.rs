//! Writes the mail with a code to sign in with, if the address that was asked for is a patient's.
//!
//! The code is made here and stored as a keyed tag. If the mail cannot be handed over the request is put back, and the queue's next
//! attempt makes another code. If the process ends in between its owner asks again.

use chrono::{DateTime, Utc};
use tenancy::audit::Unaudited;
use tenancy::{JobPayload, TenantRef};
use zeroize::Zeroizing;

use super::mail::Letter;
use super::queue::Jobs;
use crate::audit;
use crate::auth::invite::new_id;
use crate::auth::mail_code::{self, CODE_MAX_S};
use crate::call::roll_back;
use crate::registry;
use crate::store;

/// Sends the mail that the payload's request asks for, if there is somebody to send it to.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get("request").ok_or("payload.no_request")?;
    let Some(record) = jobs.tenant(payload, super::SEND_CODE).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let region = jobs.directory.region(record.region).ok_or("directory.no_region")?;
    let host = jobs.base.tenant_host(&record.slug, &region.region.code);
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let mut tx = jobs.regional.begin(tenant, "job.send_code").await.map_err(|error| error.code())?;
    let keys = jobs.regional.keys();
    let wanted = match mail_code::prepare(keys, &mut tx, id, now).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            return tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code());
        }
        Err(_logged_as_code) => {
            roll_back(tx).await;
            return Err("code.prepare");
        }
    };
    let row = wanted.account.into_bytes();
    let sealer = keys.tenant_sealer(record.id).await.map_err(|_cause| "code.keys")?;
    let to: Result<String, _> = store::open(&sealer, registry::ACCOUNT_EMAIL, row, &wanted.email);
    let Ok(to) = to.map(Zeroizing::new) else {
        roll_back(tx).await;
        return Err("code.open");
    };
    tx.commit(audit::by_system(audit::CODE_SEND).resource("account", row))
        .await
        .map_err(|error| error.code())?;
    let (first, second) = wanted.code.split_at(wanted.code.len() / 2);
    let letter = Letter {
        to: &to,
        // Not the code: subjects are shown on locked screens.
        subject: "Your code to sign in",
        body: Zeroizing::new(format!(
            "Your code to sign in at {host}:\n\n    {first} {second}\n\n\
             It works once, for {minutes} minutes, in the browser where you asked for it. Nobody of the clinic will ever ask you \
             for it.\nIf it was not you who asked, ignore this mail.\n",
            minutes = CODE_MAX_S / 60,
        )),
        // Of the code, not of the request: who has a mail already may be given no second one with its id.
        id: regions::text::encode_id(new_id().as_bytes()),
    };
    if jobs.mailer.send(letter).await.is_ok() {
        return Ok(());
    }
    let mut tx = jobs.regional.begin(tenant, "job.code_put_back").await.map_err(|error| error.code())?;
    match mail_code::put_back(&mut tx, id, wanted.asked).await {
        Ok(()) => tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())?,
        Err(_logged_as_code) => roll_back(tx).await,
    }
    Err("mail.send")
}
