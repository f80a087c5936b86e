//! Writes the letters of a change of address: the code to the new one, and once it was changed a word to the old one. The new one
//! is told of the change by `send_notice`, as of any other.

use tenancy::JobPayload;
use zeroize::Zeroizing;

use super::mail::Letter;
use super::proven_change::{Names, Sending};
use super::queue::Jobs;
use crate::audit;
use crate::auth::mail_code::CODE_MAX_S;
use crate::auth::proven_change::{Change, What};

static NAMES: Names = Names {
    change: Change::Email,
    sends: "job.send_email_change",
    told: "job.email_change_told",
    entry: audit::EMAIL_CHANGE_SEND,
    not_prepared: "email_change.prepare",
    not_told: "email_change.mark_told",
};

/// Sends the letter that the payload's change needs now, if it needs one.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let Some(sending) = Sending::begin(jobs, payload, &NAMES).await? else { return Ok(()) };
    let sent = send(jobs, &sending).await;
    sending.end(jobs, sent).await
}

async fn send(jobs: &Jobs, sending: &Sending) -> Result<(), &'static str> {
    let region = jobs.directory.region(sending.record.region).ok_or("directory.no_region")?;
    let host = jobs.base.tenant_host(&sending.record.slug, &region.region.code);
    let (subject, body) = words(&sending.wanted.what, &host);
    let letter = Letter { to: &sending.wanted.to, subject, body, id: sending.id() };
    jobs.mailer.send(letter).await.map_err(|_cause| "mail.send")
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
        What::Gone(at) => {
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
