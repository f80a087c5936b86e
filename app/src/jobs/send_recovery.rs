//! Writes the mail with a recovery link, if the address that was asked for has an account.
//!
//! The token is made here and stored as a hash. If the mail cannot be handed over its owner asks again: a request is
//! looked up once.

use chrono::{DateTime, Utc};
use tenancy::audit::Unaudited;
use tenancy::{JobPayload, TenantRef};
use zeroize::Zeroizing;

use super::mail::Letter;
use super::queue::Jobs;
use crate::audit;
use crate::auth::recover::{self, LINK_MAX_S};
use crate::auth::token::Token;
use crate::call::roll_back;
use crate::registry;
use crate::store;

/// Sends the mail that the payload's request asks for, if there is somebody to send it to.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get("request").ok_or("payload.no_request")?;
    let Some(record) = jobs.tenant(payload, super::SEND_RECOVERY).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let (token, now) = (Token::random(), DateTime::<Utc>::from(jobs.clock.now()));
    let mut tx = jobs.regional.begin(tenant, "job.send_recovery").await.map_err(|error| error.code())?;
    let keys = jobs.regional.keys();
    let wanted = match recover::prepare(keys, &mut tx, (id, &token), now).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            return tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code());
        }
        Err(_logged_as_code) => {
            roll_back(tx).await;
            return Err("recovery.prepare");
        }
    };
    let row = wanted.account.into_bytes();
    let sealer = keys.tenant_sealer(record.id).await.map_err(|_cause| "recovery.keys")?;
    let to: Result<String, _> = store::open(&sealer, registry::ACCOUNT_EMAIL, row, &wanted.email);
    let Ok(to) = to.map(Zeroizing::new) else {
        roll_back(tx).await;
        return Err("recovery.open");
    };
    let entry = audit::by_system(audit::RECOVERY_SEND).resource("account", row);
    tx.commit(entry).await.map_err(|error| error.code())?;
    let region = jobs.directory.region(record.region).ok_or("directory.no_region")?;
    let host = jobs.base.tenant_host(&record.slug, &region.region.code);
    let letter = Letter {
        to: &to,
        subject: "Set a new password",
        body: body(&host, jobs.public_port, &token),
        id: regions::text::encode_id(id.as_bytes()),
    };
    jobs.mailer.send(letter).await.map_err(|_cause| "mail.send")
}

/// The token is in the fragment, which no browser sends anywhere: it is in no server's log.
fn body(host: &str, port: u16, token: &Token) -> Zeroizing<String> {
    let authority = match port {
        443 => host.to_owned(),
        port => format!("{host}:{port}"),
    };
    Zeroizing::new(format!(
        "Somebody, probably you, asked to set a new password at {host}.\n\n\
         https://{authority}/recover#token={token}\n\n\
         The link works once and for {minutes} minutes. Your second factor stays as it is.\n\
         If it was not you, ignore this mail: nothing has changed.\n",
        minutes = LINK_MAX_S / 60,
        token = token.expose().as_str()
    ))
}
