//! Tells the clinic's privacy officers that somebody used emergency access, and again when nobody has reviewed it.
//!
//! The job holds the emergency's id; the mail says that there is one and where to look, and nothing of the patient.

use chrono::{DateTime, Utc};
use tenancy::sealed::Verified;
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::model::REVIEW_DUE_H;
use super::queries;
use crate::access::Role;
use crate::audit;
use crate::auth::record::AccountRow;
use crate::call::roll_back;
use crate::jobs::mail::Letter;
use crate::jobs::queue::Jobs;
use crate::registry;
use crate::staff::queries as staff;
use crate::store::{self, StoreError};

/// The name of an emergency's id in a payload.
pub const PAYLOAD_ID: &str = "break_glass";

/// Whom to tell what.
struct Told {
    addresses: Vec<Zeroizing<String>>,
    again: bool,
}

/// Tells whoever has to look at the emergency that the payload names.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get(PAYLOAD_ID).ok_or("payload.no_break_glass")?;
    let Some(record) = jobs.tenant(payload, crate::jobs::BREAK_GLASS_NOTICE).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let Some(told) = whom(jobs, tenant, id).await? else { return Ok(()) };
    let region = jobs.directory.region(record.region).ok_or("directory.no_region")?;
    let host = jobs.base.tenant_host(&record.slug, &region.region.code);
    for (n, to) in told.addresses.iter().enumerate() {
        let letter = Letter {
            to,
            subject: if told.again { SUBJECT_AGAIN } else { SUBJECT },
            body: body(&host, jobs.public_port, told.again),
            id: format!("{}.{n}.{}", regions::text::encode_id(id.as_bytes()), u8::from(told.again)),
        };
        jobs.mailer.send(letter).await.map_err(|_cause| "mail.send")?;
    }
    mark_told(jobs, tenant, id).await
}

const SUBJECT: &str = "Emergency access was used";
const SUBJECT_AGAIN: &str = "Emergency access still waits for its review";

/// `None` when there is nothing to tell.
async fn whom(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<Option<Told>, &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.break_glass").await.map_err(|error| error.code())?;
    let found = find(jobs, &mut tx, id).await;
    roll_back(tx).await;
    found.map_err(|_logged_as_code| "break_glass.find")
}

async fn find(jobs: &Jobs, tx: &mut TenantTx, id: Uuid) -> Result<Option<Told>, StoreError> {
    let Some((told_at, reviewed_at)) = queries::standing(tx, id).await? else { return Ok(None) };
    if reviewed_at.is_some() {
        return Ok(None);
    }
    let (again, keys) = (told_at.is_some(), jobs.regional.keys());
    let mut accounts = staff::to_tell(tx, keys, Role::PrivacyOfficer).await?;
    // A clinic without a privacy officer, or one who has not answered for days, has an administrator.
    if accounts.is_empty() || again {
        accounts.extend(staff::to_tell(tx, keys, Role::ClinicAdmin).await?);
    }
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    let open = |row: &Verified<AccountRow>| {
        store::open(&sealer, registry::ACCOUNT_EMAIL, row.id.into_bytes(), &row.email).map(Zeroizing::new)
    };
    let addresses = accounts.iter().map(open).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(Told { addresses, again }))
}

async fn mark_told(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<(), &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.break_glass_told").await.map_err(|error| error.code())?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    if queries::told(&mut tx, id, now).await.is_err() {
        roll_back(tx).await;
        return Err("break_glass.mark_told");
    }
    let entry = audit::by_system(audit::BREAK_GLASS_TELL)
        .resource("break_glass", id.into_bytes())
        .touches("break_glass");
    tx.commit(entry).await.map(drop).map_err(|error| error.code())
}

fn body(host: &str, port: u16, again: bool) -> Zeroizing<String> {
    let authority = match port {
        443 => host.to_owned(),
        port => format!("{host}:{port}"),
    };
    let what = if again {
        format!(
            "Somebody used emergency access more than {REVIEW_DUE_H} hours ago, and nobody has reviewed it."
        )
    } else {
        "Somebody who treats patients has just used emergency access to a record that is not theirs."
            .to_owned()
    };
    Zeroizing::new(format!(
        "{what}\n\nWho, whose record and why is not in this mail. Sign in at https://{authority} and look at the open\n\
         reviews (GET /api/v1/break-glass). The review stays open until somebody else than that person has done it.\n"
    ))
}
