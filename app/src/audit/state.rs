//! How far the clinic's log is sealed, over HTTP: what its receipts and packs are checked against.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use data_encoding::BASE64;
use serde::Serialize;
use tenancy::audit::Outcome;
use tenancy::audit_log::{self, Checkpointed, LogState};
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

fn view(state: LogState, now: DateTime<Utc>) -> StateView {
    let lag = state.waiting_since.map_or(0, |since| (now - since).num_seconds());
    StateView {
        checkpoint: state.checkpoint.map(CheckpointView::from),
        waiting: state.waiting,
        lag_s: u64::try_from(lag).unwrap_or(0),
    }
}

/// Says how far the log is sealed, and how much of the clinic's own waits.
#[utoipa::path(get, path = "/api/v1/audit/state", tag = "audit", operation_id = "audit.state",
    responses((status = 200, body = StateView, description = "The newest checkpoint and what waits")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let state = audit_log::state(tx).await?;
            Done::audited(view(state, ctx.now()), ctx.entry(call.action(), Outcome::Allow))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}
