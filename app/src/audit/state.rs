//! How far the clinic's log is sealed, over HTTP: what its receipts and packs are checked against, and what came of the region's
//! own check.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use serde::Serialize;
use tenancy::audit::Outcome;
use tenancy::audit_log::{self, Checkpointed, LogState, Verified};
use utoipa::ToSchema;

use crate::call::{Call, Done};
use crate::error::AppError;

/// The newest signed checkpoint in the archive.
#[derive(Serialize, ToSchema)]
pub struct CheckpointView {
    /// The year whose log it is.
    year: i32,
    /// Entries of that log.
    size: u64,
    /// The root hash of its tree in Base64, as a checkpoint states it (RFC 6962; C2SP tlog-checkpoint).
    root: String,
    /// When its last entry was sealed.
    sealed_at: DateTime<Utc>,
}

/// What came of the last check of the log as it lies in the archive, which the region's worker makes every hour.
#[derive(Serialize, ToSchema)]
pub struct VerifiedView {
    /// When it was made.
    at: DateTime<Utc>,
    /// The year whose log it is.
    year: i32,
    /// So many entries of that log were there when a check last found nothing wrong.
    size: u64,
    /// `verified`, or what kind of thing is wrong: `missing`, `malformed`, `signature`, `root`, `hash`, `chain`, `seal`, `tally`,
    /// `epoch`, `extra` or `fork`.
    outcome: String,
    /// The first entry that may be concerned; null when nothing is wrong.
    first_bad: Option<u64>,
}

/// How far the log is.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditStateView)]
pub struct StateView {
    /// The newest checkpoint; null before the first one.
    checkpoint: Option<CheckpointView>,
    /// The clinic's own events that are committed and not sealed yet, counted up to 10,000.
    waiting: u64,
    /// Seconds since the oldest of them was committed; 0 when none waits.
    lag_s: u64,
    /// What came of the last check; null before the first one.
    verified: Option<VerifiedView>,
}

impl From<Checkpointed> for CheckpointView {
    fn from(found: Checkpointed) -> CheckpointView {
        CheckpointView {
            year: found.epoch,
            size: found.size,
            root: BASE64.encode(&found.root),
            sealed_at: found.sealed_at,
        }
    }
}

impl From<Verified> for VerifiedView {
    fn from(found: Verified) -> VerifiedView {
        VerifiedView {
            at: found.at,
            year: found.epoch,
            size: found.size,
            outcome: found.outcome,
            first_bad: found.first_bad,
        }
    }
}

fn view(state: LogState, now: DateTime<Utc>) -> StateView {
    let lag = state.waiting_since.map_or(0, |since| (now - since).num_seconds());
    StateView {
        checkpoint: state.checkpoint.map(CheckpointView::from),
        waiting: state.waiting,
        lag_s: u64::try_from(lag).unwrap_or(0),
        verified: state.verified.map(VerifiedView::from),
    }
}

/// Says how far the log is sealed, how much of the clinic's own waits, and what came of the last check.
#[utoipa::path(get, path = "/api/v1/audit/state", tag = "audit", operation_id = "audit.state",
    responses((status = 200, body = StateView, description = "The newest checkpoint, what waits and what came of the last check")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let state = audit_log::state(tx).await?;
            Done::audited(view(state, ctx.now()), ctx.entry(call.action(), Outcome::Allow))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}
