//! Deletes what a clinic no longer needs: ended sessions, answers kept for repeated requests, invitations, links and codes long
//! expired, documents whose time is over and the objects nobody refers to. Ends erasures that no job sees to any more.
//!
//! Each batch is a short transaction of its own, so that a clean-up never holds what a request waits for.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::audit::Unaudited;
use tenancy::{JobPayload, TenantRef, TenantTx};
use uuid::Uuid;

use super::queue::Jobs;
use crate::auth::tables::{
    challenge, email_change, invitation, mail_request, notice, phone_change, recovery, session, sign_in_code,
};
use crate::call::roll_back;
use crate::documents::intake::Intake;
use crate::documents::{renewal, rescan, sweep};
use crate::erasure;
use crate::oauth::tables::oauth_code;
use crate::patients::idempotency::KEPT_MAX_S;
use crate::patients::tables::idempotency;
use crate::store::StoreError;

/// Rows of one table that one transaction deletes.
const BATCH_ROWS_MAX: i64 = 500;
/// Transactions of one run; what is left is for the next one.
const BATCHES_MAX: usize = 40;
/// Seconds an invitation is kept after it expired, so that a clinic can still see that it was sent.
const INVITATION_KEPT_S: i64 = 30 * 24 * 3_600;

/// Seconds that what was asked for by mail is kept, because it counts towards how often somebody may ask.
const COUNTED_S: i64 = 2 * 3_600;

/// Deletes one batch of a table's rows that are over; how many.
macro_rules! delete_batch {
    ($tx:ident, $table:ident, $over:expr) => {{
        let ids: Vec<Uuid> =
            $table::table.filter($over).limit(BATCH_ROWS_MAX).select($table::id).load($tx.conn()).await?;
        let found = count(&ids);
        diesel::delete($table::table.filter($table::id.eq_any(ids))).execute($tx.conn()).await?;
        found
    }};
}

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
    Box::pin(rescan::run(&intake, tenant)).await?;
    Box::pin(renewal::run(&intake, tenant)).await.map(|_seen| ())
}

/// Deletes one batch; whether there may be more.
async fn batch(jobs: &Jobs, tenant: TenantRef) -> Result<bool, &'static str> {
    let mut tx = jobs.regional.begin(tenant, "job.clean_up").await.map_err(|error| error.code())?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let deleted = async {
        let over = session::idle_expires_at.le(now).or(session::absolute_expires_at.le(now));
        let counted_until = now - Duration::seconds(COUNTED_S);
        let kept_until = now - Duration::seconds(INVITATION_KEPT_S);
        // An old address or number that could not be told yet is kept until it was, as long as other notices.
        macro_rules! told {
            ($table:ident) => {
                $table::created_at
                    .lt(counted_until)
                    .and($table::old_sealed.is_null().or($table::created_at.lt(kept_until)))
            };
        }
        let found = [
            old_answers(&mut tx, now - Duration::seconds(KEPT_MAX_S)).await?,
            delete_batch!(tx, session, session::revoked_at.is_not_null().or(over)),
            delete_batch!(tx, invitation, invitation::expires_at.lt(kept_until)),
            delete_batch!(tx, challenge, challenge::expires_at.lt(now)),
            delete_batch!(tx, mail_request, mail_request::created_at.lt(counted_until)),
            delete_batch!(tx, recovery, recovery::expires_at.lt(counted_until)),
            delete_batch!(tx, oauth_code, oauth_code::expires_at.lt(counted_until)),
            delete_batch!(tx, sign_in_code, sign_in_code::created_at.lt(counted_until)),
            delete_batch!(tx, email_change, told!(email_change)),
            delete_batch!(tx, phone_change, told!(phone_change)),
            delete_batch!(tx, notice, notice::sent_at.lt(kept_until)),
        ];
        Ok::<i64, StoreError>(found.into_iter().max().unwrap_or(0))
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

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}
