//! Writes the texts of a change of telephone: the code to the new number, and once it was changed or removed a word to the old one.
//! The mail about it is written by `send_notice`, and the word to the new number by `send_text`, as of any other change.

use tenancy::JobPayload;
use tenancy::sms::TextKind;
use zeroize::Zeroizing;

use super::proven_change::{Names, Sending};
use super::queue::Jobs;
use super::sms::Text;
use crate::audit;
use crate::auth::mail_code::CODE_MAX_S;
use crate::auth::proven_change::{Change, What};

static NAMES: Names = Names {
    change: Change::Phone,
    sends: "job.send_phone_change",
    told: "job.phone_change_told",
    entry: audit::PHONE_CHANGE_SEND,
    not_prepared: "phone_change.prepare",
    not_told: "phone_change.mark_told",
};

/// Sends the text that the payload's change needs now, if it needs one.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let Some(sending) = Sending::begin(jobs, payload, &NAMES).await? else { return Ok(()) };
    let Some((kind, body)) = words(&sending.wanted.what) else { return Ok(()) };
    let text = Text { to: &sending.wanted.to, body, kind, id: sending.id() };
    let sent = jobs.texter.send(text).await.map_err(|_cause| "sms.send");
    sending.end(jobs, sent).await
}

/// Neither names the clinic or a person: a carrier reads it, and whoever sees a locked screen.
fn words(what: &What) -> Option<(TextKind, Zeroizing<String>)> {
    match what {
        What::Code(code) => {
            let (first, second) = code.split_at(code.len() / 2);
            let body = format!(
                "{first} {second} is your code to confirm this phone. It works once, for {minutes} minutes, where you asked \
                 for it. Nobody will ever ask you for it.",
                minutes = CODE_MAX_S / 60,
            );
            Some((TextKind::Code, Zeroizing::new(body)))
        }
        What::Gone(at) => {
            let body = format!(
                "Your sign-in at your clinic: this phone is not told of changes any more, since {at} UTC. If it was not you, \
                 call your clinic now.",
                at = at.format("%Y-%m-%d %H:%M"),
            );
            Some((TextKind::Notice, Zeroizing::new(body)))
        }
        // No number is looked up.
        What::Taken => None,
    }
}
