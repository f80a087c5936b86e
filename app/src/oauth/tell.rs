//! Tells the clinic's privacy officers by mail that a program comes to patients' data, or comes to it in another way.
//!
//! Who registers programs is the administrator, who may see no record, and whoever has a program's key sees what it sees. So somebody
//! else learns of each program that is let in and of each change of its keys, scopes and sites. Run twice, it may be sent twice.

use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::model::{ClientKind, Settings};
use super::queries;
use crate::access::{Action, Role};
use crate::audit;
use crate::call::roll_back;
use crate::jobs::PROGRAM_NOTICE;
use crate::jobs::mail::Letter;
use crate::jobs::queue::Jobs;
use crate::staff::queries as staff;
use crate::store::StoreError;

/// The name of a program's id in a payload.
const PAYLOAD_ID: &str = "program";
const SUBJECT: &str = "A program sees patients' data of your clinic";
/// Where the portal shows the clinic's programs.
const PAGE: &str = "/clinic/programs";

/// Has it told, if the program comes to patients' data by itself. An application does what whoever lets it in may do.
///
/// # Errors
/// What the database says.
pub async fn enqueue(
    tx: &mut TenantTx,
    (id, kind, settings): (Uuid, ClientKind, &Settings),
) -> Result<(), StoreError> {
    if kind == ClientKind::Machine && reaches_patients(settings) {
        tx.enqueue(PROGRAM_NOTICE, JobPayload::new(tx.tenant()).id(PAYLOAD_ID, id), None).await?;
    }
    Ok(())
}

fn reaches_patients(settings: &Settings) -> bool {
    settings.scopes.iter().filter_map(|name| Action::parse(name)).any(Action::touches_patients)
}

/// Whom to tell, and which version of the program it is about.
struct Told {
    addresses: Vec<Zeroizing<String>>,
    version: i64,
}

/// Tells the privacy officers of the program that the payload names, while it can do anything.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let id = payload.get(PAYLOAD_ID).ok_or("payload.no_program")?;
    let Some(record) = jobs.tenant(payload, PROGRAM_NOTICE).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let Some(told) = whom(jobs, tenant, id).await? else { return Ok(()) };
    let origin = jobs.origin(&record)?;
    for (n, to) in told.addresses.iter().enumerate() {
        let letter = Letter {
            to,
            subject: SUBJECT,
            body: body(&origin),
            id: format!("{}.{}.{n}", regions::text::encode_id(id.as_bytes()), told.version),
        };
        jobs.mailer.send(letter).await.map_err(|_cause| "mail.send")?;
    }
    record_told(jobs, tenant, (id, told.addresses.len())).await
}

async fn whom(jobs: &Jobs, tenant: TenantRef, id: Uuid) -> Result<Option<Told>, &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.program_notice").await.map_err(|error| error.code())?;
    let found = find(jobs, &mut tx, id).await;
    roll_back(tx).await;
    found.map_err(|_logged_as_code| "program.find")
}

async fn find(jobs: &Jobs, tx: &mut TenantTx, id: Uuid) -> Result<Option<Told>, StoreError> {
    let keys = jobs.regional.keys();
    let program = queries::find(tx, keys, id).await?;
    let Some(program) = program.filter(|one| one.active && reaches_patients(&one.settings)) else {
        return Ok(None);
    };
    let addresses = staff::addresses(tx, keys, Role::PrivacyOfficer).await?;
    Ok((!addresses.is_empty()).then_some(Told { addresses, version: program.version }))
}

async fn record_told(jobs: &Jobs, tenant: TenantRef, (id, told): (Uuid, usize)) -> Result<(), &'static str> {
    let tx = jobs.regional.begin(tenant, "job.program_told").await.map_err(|error| error.code())?;
    let entry = audit::by_system(audit::OAUTH_CLIENT_TELL)
        .resource("oauth_client", id.into_bytes())
        .count(u32::try_from(told).unwrap_or(u32::MAX));
    tx.commit(entry).await.map(drop).map_err(|error| error.code())
}

fn body(origin: &str) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "An administrator of your clinic let a program in that sees patients' data by itself, or changed its keys, what it\n\
         may do or at which sites.\n\n\
         Which program and who did it is not in this mail. Sign in and look at the programs, and at the log:\n\n{origin}{PAGE}\n\n\
         If you do not know of it, ask your administrator, and have it ended until you know.\n"
    ))
}
