//! How long a clinic lets sessions live: it may shorten what the region allows, never lengthen it.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use utoipa::ToSchema;

use super::tables::session_policy;
use crate::access::Role;
use crate::call::{Call, Done};
use crate::config::SessionConfig;
use crate::error::AppError;
use crate::middleware::json::Json;
use crate::store::StoreError;

/// Shortest idle time a clinic can ask for, in seconds.
const IDLE_MIN_S: u32 = 60;
/// Shortest life a clinic can ask for, in seconds.
const ABSOLUTE_MIN_S: u32 = 900;

/// Seconds without a request after which a patient's session ends, at most: it may be on a borrowed computer.
pub const PATIENT_IDLE_MAX_S: u32 = 600;
/// Seconds after which a patient's session ends whatever happens, at most.
const PATIENT_ABSOLUTE_MAX_S: u32 = 28_800;

/// How long sessions live.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionPolicy {
    /// Seconds without a request after which a session ends.
    idle_s: u32,
    /// Seconds after which a session ends whatever happens.
    absolute_s: u32,
}

/// What holds in the clinic for a role: the least of the region's, the clinic's own, and for patients what theirs may live.
///
/// # Errors
/// When the database does not answer.
pub async fn in_force_for(
    tx: &mut TenantTx,
    region: SessionConfig,
    role: Role,
) -> Result<SessionConfig, StoreError> {
    let limits = in_force(tx, region).await?;
    if role.is_staff() {
        return Ok(limits);
    }
    Ok(SessionConfig {
        idle_s: limits.idle_s.min(PATIENT_IDLE_MAX_S),
        absolute_s: limits.absolute_s.min(PATIENT_ABSOLUTE_MAX_S),
    })
}

/// What holds in the clinic: the lesser of the region's and its own.
async fn in_force(tx: &mut TenantTx, region: SessionConfig) -> Result<SessionConfig, StoreError> {
    let columns = (session_policy::idle_s, session_policy::absolute_s);
    let own: Option<(i32, i32)> = session_policy::table.select(columns).first(tx.conn()).await.optional()?;
    let Some((idle_s, absolute_s)) = own else { return Ok(region) };
    let lesser = |own: i32, most: u32| u32::try_from(own).map_or(most, |own| own.min(most));
    Ok(SessionConfig {
        idle_s: lesser(idle_s, region.idle_s),
        absolute_s: lesser(absolute_s, region.absolute_s),
    })
}

/// How long sessions live in this clinic.
#[utoipa::path(get, path = "/api/v1/settings/sessions", tag = "sessions", operation_id = "session_policy.read",
    responses((status = 200, body = SessionPolicy, description = "What holds now")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let now = in_force(tx, call.app.session).await?;
            let view = SessionPolicy { idle_s: now.idle_s, absolute_s: now.absolute_s };
            Done::audited(view, ctx.entry(call.action(), Outcome::Allow))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Shortens the clinic's sessions. What is longer than the region allows is refused.
#[utoipa::path(put, path = "/api/v1/settings/sessions", tag = "sessions", operation_id = "session_policy.change",
    request_body = SessionPolicy,
    responses((status = 200, body = SessionPolicy, description = "What holds from now on"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "Longer than allowed, or too short")))]
pub async fn change(call: Call, Json(input): Json<SessionPolicy>) -> Result<HttpResponse, AppError> {
    let most = call.app.session;
    for (pointer, value, least, most) in [
        ("/idle_s", input.idle_s, IDLE_MIN_S, most.idle_s),
        ("/absolute_s", input.absolute_s, ABSOLUTE_MIN_S, most.absolute_s),
    ] {
        if !(least..=most).contains(&value) {
            return Err(AppError::invalid_field(pointer, "out_of_range"));
        }
    }
    call.staff(async |ctx, tx| {
        store(tx, input, ctx.now()).await?;
        Done::audited((), ctx.entry(call.action(), Outcome::Allow))
    })
    .await?;
    Ok(HttpResponse::Ok().json(input))
}

async fn store(tx: &mut TenantTx, input: SessionPolicy, now: DateTime<Utc>) -> Result<(), StoreError> {
    let bounded = |seconds: u32| i32::try_from(seconds).map_err(|_too_large| StoreError::Shape);
    let tenant_id = tx.tenant().as_uuid();
    let values = (
        session_policy::idle_s.eq(bounded(input.idle_s)?),
        session_policy::absolute_s.eq(bounded(input.absolute_s)?),
        session_policy::updated_at.eq(now),
    );
    diesel::insert_into(session_policy::table)
        .values((session_policy::tenant_id.eq(tenant_id), values))
        .on_conflict(session_policy::tenant_id)
        .do_update()
        .set(values)
        .execute(tx.conn())
        .await?;
    Ok(())
}
