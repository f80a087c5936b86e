//! Tells the clinic's administrators by mail that the platform's support asks to see the clinic's operational state.
//!
//! The mail says that somebody asks and where to answer. Who, and why in their words, is behind the sign-in: nobody knows what a
//! sentence holds that somebody typed. Run twice, it may be sent twice; once the clinic has answered, it is not sent any more.

use chrono::{DateTime, Utc};
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::model::{GrantState, UNANSWERED_H};
use super::queries;
use crate::access::Role;
use crate::audit;
use crate::call::roll_back;
use crate::jobs::mail::Letter;
use crate::jobs::queue::Jobs;
use crate::staff::queries as staff;
use crate::store::StoreError;

/// The name of a grant's id in a payload.
pub const PAYLOAD_ID: &str = "support_grant";

const SUBJECT: &str = "Support asks for access to your clinic's system";
/// Where the portal shows what support asks for.
const PAGE: &str = "/clinic/support-access";

/// Tells the administrators of the grant that the payload names, while it waits for their answer.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get(PAYLOAD_ID).ok_or("payload.no_support_grant")?;
    let Some(record) = jobs.tenant(payload, crate::jobs::SUPPORT_NOTICE).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let addresses = whom(jobs, tenant, id).await?;
    if addresses.is_empty() {
        return Ok(());
    }
    let origin = jobs.origin(&record)?;
    for (n, to) in addresses.iter().enumerate() {
        let letter = Letter {
            to,
            subject: SUBJECT,
            body: body(&origin),
            id: format!("{}.{n}", regions::text::encode_id(id.as_bytes())),
        };
        jobs.mailer.send(letter).await.map_err(|_cause| "mail.send")?;
    }
    record_told(jobs, tenant, (id, addresses.len())).await
}

/// The addresses of those who can answer; none when there is nothing to answer any more.
async fn whom(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<Vec<Zeroizing<String>>, &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.support_notice").await.map_err(|error| error.code())?;
    let found = find(jobs, &mut tx, id).await;
    roll_back(tx).await;
    found.map_err(|_logged_as_code| "support.find")
}

async fn find(jobs: &Jobs, tx: &mut TenantTx, id: Uuid) -> Result<Vec<Zeroizing<String>>, StoreError> {
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let row = queries::find(tx, id).await?;
    if row.is_none_or(|row| row.state_at(now) != GrantState::Asked) {
        return Ok(Vec::new());
    }
    staff::addresses(tx, jobs.regional.keys(), Role::ClinicAdmin).await
}

async fn record_told(jobs: &Jobs, tenant: TenantRef, (id, told): (Uuid, usize)) -> Result<(), &'static str> {
    let tx = jobs.regional.begin(tenant, "job.support_told").await.map_err(|error| error.code())?;
    let entry = audit::by_system(audit::SUPPORT_TELL)
        .resource("support_grant", id.into_bytes())
        .count(u32::try_from(told).unwrap_or(u32::MAX));
    tx.commit(entry).await.map(drop).map_err(|error| error.code())
}

fn body(origin: &str) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "The platform's support asks to see how your clinic's system works: settings, numbers of accounts, jobs and\n\
         versions. Nothing of patients is among it, and nothing is shown before an administrator of the clinic approves it.\n\n\
         Who asks and why is not in this mail. Sign in, read it and answer:\n\n{origin}{PAGE}\n\n\
         If nobody answers, it ends by itself after {UNANSWERED_H} hours.\n"
    ))
}
