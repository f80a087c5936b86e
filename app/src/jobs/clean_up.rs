//! Deletes what a clinic no longer needs: ended sessions, answers kept for repeated requests, invitations long expired,
//! documents whose time is over and the objects nobody refers to. Ends erasures that no job sees to any more.
//!
//! Each batch is a short transaction of its own, so that a clean-up never holds what a request waits for.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::audit::Unaudited;
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;

use super::queue::Jobs;
use crate::auth::tables::{invitation, session};
use crate::call::roll_back;
use crate::documents::intake::Intake;
use crate::documents::{rescan, sweep};
use crate::erasure;
use crate::patients::idempotency::KEPT_MAX_S;
use crate::patients::tables::idempotency;
use crate::store::StoreError;

/// Rows of one table that one transaction deletes.
const BATCH_ROWS_MAX: i64 = 500;
/// Transactions of one run; what is left is for the next one.
const BATCHES_MAX: usize = 40;
/// Seconds an invitation is kept after it expired, so that a clinic can still see that it was sent.
const INVITATION_KEPT_S: i64 = 30 * 24 * 3_600;

/// Cleans up in the clinic that the payload names.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let Some(record) = jobs.tenant(payload, super::CLEAN_UP).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    for _ in 0..BATCHES_MAX {
        if !batch(jobs, tenant).await? {
            break;
        }
    }
    Box::pin(erasure::job::resume(jobs, tenant)).await?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    Box::pin(sweep::run(&jobs.regional, tenant, now)).await?;
    let intake = Intake { regional: &jobs.regional, scanner: &jobs.scanner, now };
    Box::pin(rescan::run(&intake, tenant)).await.map(|_seen| ())
}

/// Deletes one batch; whether there may be more.
async fn batch(jobs: &Jobs, tenant: TenantRef) -> Result<bool, &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.clean_up").await.map_err(|error| error.code())?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let deleted = async {
        let sessions = ended_sessions(&mut tx, now).await?;
        let answers = old_answers(&mut tx, now - Duration::seconds(KEPT_MAX_S)).await?;
        let invitations = old_invitations(&mut tx, now - Duration::seconds(INVITATION_KEPT_S)).await?;
        Ok::<i64, StoreError>(sessions.max(answers).max(invitations))
    };
    match deleted.await {
        Ok(most) => {
            tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())?;
            Ok(most >= BATCH_ROWS_MAX)
        }
        Err(_never_quoted) => {
            roll_back(tx).await;
            Err("clean_up.delete")
        }
    }
}

async fn ended_sessions(tx: &mut TenantTx, now: DateTime<Utc>) -> Result<i64, StoreError> {
    let over = session::idle_expires_at.le(now).or(session::absolute_expires_at.le(now));
    let ids: Vec<Uuid> = session::table
        .filter(session::revoked_at.is_not_null().or(over))
        .limit(BATCH_ROWS_MAX)
        .select(session::id)
        .load(tx.conn())
        .await?;
    let found = count(&ids);
    diesel::delete(session::table.filter(session::id.eq_any(ids))).execute(tx.conn()).await?;
    Ok(found)
}

async fn old_answers(tx: &mut TenantTx, before: DateTime<Utc>) -> Result<i64, StoreError> {
    let keys: Vec<Vec<u8>> = idempotency::table
        .filter(idempotency::created_at.lt(before))
        .order(idempotency::created_at)
        .limit(BATCH_ROWS_MAX)
        .select(idempotency::key_hash)
        .load(tx.conn())
        .await?;
    let found = count(&keys);
    // Two accounts may have used one key, and one of them today.
    let old = idempotency::key_hash.eq_any(keys).and(idempotency::created_at.lt(before));
    diesel::delete(idempotency::table.filter(old)).execute(tx.conn()).await?;
    Ok(found)
}

async fn old_invitations(tx: &mut TenantTx, before: DateTime<Utc>) -> Result<i64, StoreError> {
    let ids: Vec<Uuid> = invitation::table
        .filter(invitation::expires_at.lt(before))
        .limit(BATCH_ROWS_MAX)
        .select(invitation::id)
        .load(tx.conn())
        .await?;
    let found = count(&ids);
    diesel::delete(invitation::table.filter(invitation::id.eq_any(ids))).execute(tx.conn()).await?;
    Ok(found)
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}
