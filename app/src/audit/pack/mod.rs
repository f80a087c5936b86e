//! A clinic's month of the audit log as a pack to take away: tables of every event and a summary to print, hashed, signed with
//! the log's key, and kept in the archive.
//!
//! The worker makes it when the month has been over for a day. Everything is read page by page and put part by part, so a
//! large month takes no more memory than a small one. Objects are named by their own hash: whoever makes a pack again after
//! being killed puts the same bytes under the same names, and nothing is ever in its own way.

mod csv;
pub mod download;
mod make;
mod months;
mod queries;
mod summary;
pub mod tables;

use chrono::{DateTime, Utc};
use regions::log::{self, Field};
use tenancy::{JobPayload, TenantRef};

use crate::jobs::AUDIT_PACK;
use crate::jobs::queue::Jobs;

pub use make::Packer;

/// Makes the packs of the clinic that the payload names.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let Some(record) = jobs.tenant(payload, AUDIT_PACK).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let sealer = jobs.signers.get(&record.shard).ok_or("audit_pack.no_signer")?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let packs = Packer { regional: &jobs.regional, sealer, now }.make_missing(tenant).await?;
    if packs > 0 {
        let count = u64::try_from(packs).unwrap_or(u64::MAX);
        log::info("audit_packs_made", &[Field::Tenant(record.id), Field::Count(count)]);
    }
    Ok(())
}
