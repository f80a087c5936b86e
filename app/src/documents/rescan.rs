//! Documents that have waited long for their verdict, because the scanner or a store was away for longer than their job was
//! tried: looked at again, in the hourly clean-up, as soon as the scanner answers.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantRef;
use uuid::Uuid;

use super::intake::Intake;
use super::model::{DocumentId, State};
use super::tables::document;
use crate::call::roll_back;

/// Seconds after which a document has waited long.
const WAITED_S: i64 = 3_600;
/// Documents that one run looks at in one clinic, the ones that wait longest first; the rest is for the next run.
const PER_RUN_MAX: i64 = 20;

/// Looks at what has waited long; how many documents have their verdict now.
///
/// # Errors
/// A code of the last document that still waits; the others were looked at.
pub async fn run(intake: &Intake<'_>, tenant: TenantRef) -> Result<usize, &'static str> {
    let waiting = waiting(intake, tenant).await?;
    if waiting.is_empty() || !intake.scanner.answers().await {
        return Ok(0);
    }
    let (mut seen, mut failed) = (0, None);
    for id in waiting {
        match Box::pin(intake.look_at(tenant, DocumentId::from(id))).await {
            Ok(()) => seen += 1,
            Err(code) => failed = Some(code),
        }
    }
    failed.map_or(Ok(seen), Err)
}

async fn waiting(intake: &Intake<'_>, tenant: TenantRef) -> Result<Vec<Uuid>, &'static str> {
    let since: DateTime<Utc> = intake.now - Duration::seconds(WAITED_S);
    let mut tx = intake.regional.begin(tenant, "job.rescan_documents").await.map_err(|error| error.code())?;
    let found = document::table
        .filter(document::state.eq(State::Scanning.as_str()))
        .filter(document::updated_at.le(since))
        .order(document::updated_at)
        .limit(PER_RUN_MAX)
        .select(document::id)
        .load(tx.conn())
        .await;
    roll_back(tx).await;
    found.map_err(|_never_quoted| "rescan.find")
}
