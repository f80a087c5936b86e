//! `domicile admin erasure resume` and `replay`: ends what was agreed to and is not at its end; and, in a clinic's database that
//! was restored, takes out again what was erased after the backup.

use regions::clock::Clock;
use regions::ids::TenantId;
use serde_json::json;
use tenancy::keys::{LedgerEntry, ledger};
use tenancy::{Regional, TenantRef};

use super::RoleError;
use super::output::Table;
use super::regional::Cx;
use crate::erasure::job::{Eraser, Work};
use crate::rotation::Rotator;

/// Tenants read at once.
const TENANTS_PER_PAGE: i64 = 500;
/// Erasures of one clinic that one run ends; call it again for more.
const PER_CLINIC_MAX: i64 = 1_000;

/// Ends every erasure of the region that somebody agreed to.
pub(super) async fn resume(cx: &Cx) -> Result<Table, RoleError> {
    let (rotator, eraser, clock) = open(cx).await?;
    let mut table = Table::new(&["tenant", "erasure", "outcome"]);
    let mut after = None;
    loop {
        let page = cx.keeper.tenants(after, TENANTS_PER_PAGE).await.map_err(key_store)?;
        let Some(last) = page.last().copied() else { return Ok(table) };
        for tenant in page {
            let Some(place) = locate(&rotator, tenant).await? else { continue };
            let work = work(&rotator, (&eraser, &clock), place);
            let unended = work.unended(None, PER_CLINIC_MAX).await.map_err(rows)?;
            for erasure in unended {
                let outcome = Box::pin(work.erase(erasure)).await.err().unwrap_or("shredded");
                table.push(vec![json!(tenant), json!(erasure), json!(outcome)]);
            }
        }
        after = Some(last);
    }
}

/// Takes out of the region's clinics whatever the ledger says was erased.
pub(super) async fn replay(cx: &Cx) -> Result<Table, RoleError> {
    let (rotator, eraser, clock) = open(cx).await?;
    let entries = ledger::entries(rotator.regional.archive(), cx.as_app.region).await;
    let entries: Vec<LedgerEntry> = entries.map_err(key_store)?;
    let mut table = Table::new(&["tenant", "ledger_entries", "patients_taken_out"]);
    let mut by_tenant: std::collections::BTreeMap<uuid::Uuid, Vec<&LedgerEntry>> = Default::default();
    for entry in &entries {
        by_tenant.entry(entry.tenant).or_default().push(entry);
    }
    for (id, entries) in by_tenant {
        let tenant = TenantId::from(id.into_bytes());
        let Some(place) = locate(&rotator, tenant).await? else { continue };
        let work = work(&rotator, (&eraser, &clock), place);
        let mut taken: u64 = 0;
        for entry in &entries {
            let was_there = work.take_out(entry.subject).await.map_err(rows)?;
            taken = taken.saturating_add(u64::from(was_there));
        }
        table.push(vec![json!(tenant), json!(entries.len()), json!(taken)]);
    }
    Ok(table)
}

async fn open(cx: &Cx) -> Result<(Rotator, Eraser, Clock), RoleError> {
    let rotator = cx.rotator().await?;
    let eraser = Eraser::connect(&cx.as_migrator)
        .await
        .map_err(|error| RoleError::while_doing("opening the signing key", &error))?;
    Ok((rotator, eraser, Clock::system()))
}

fn work<'a>(rotator: &'a Rotator, with: (&'a Eraser, &'a Clock), tenant: TenantRef) -> Work<'a> {
    let regional: &std::sync::Arc<Regional> = &rotator.regional;
    Work { regional, clock: with.1, eraser: with.0, tenant }
}

/// Where a clinic lives; `None` for one that has left, whose rows are gone with it.
async fn locate(rotator: &Rotator, tenant: TenantId) -> Result<Option<TenantRef>, RoleError> {
    let found = rotator.migrator.locate(tenant).await;
    found.map_err(|error| RoleError::while_doing("looking for a clinic", &error))
}

fn key_store(error: tenancy::keys::KeyError) -> RoleError {
    RoleError::while_doing("reading the key store or the ledger", &error)
}

fn rows(code: &'static str) -> RoleError {
    RoleError::new(format!("a clinic's rows could not be changed: {code}"))
}
