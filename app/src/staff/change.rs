//! Another role, closing and reopening an account: by an administrator, never on the own account, and in force with the
//! next request, because each request reads the account anew.

use actix_web::HttpResponse;
use serde::Deserialize;
use tenancy::TenantTx;
use tenancy::audit::{AuditEntry, Outcome};
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::AccountId;
use super::queries;
use crate::access::Role;
use crate::auth::factor::reset;
use crate::auth::model::account_state;
use crate::auth::notice::{self, NoticeKind};
use crate::auth::phone;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, FORBIDDEN, OWN_ACCOUNT, WRONG_STATE};
use crate::middleware::json::Json;

/// The role to give.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleInput {
    /// A role of the clinic's staff.
    role: Role,
}

/// Refuses what is no role of the clinic's staff: patients, proxies and programs come in by their own ways.
///
/// # Errors
/// `not_a_staff_role` on `/role`.
pub fn staff_role(role: Role) -> Result<(), AppError> {
    if role.is_staff() { Ok(()) } else { Err(AppError::invalid_field("/role", "not_a_staff_role")) }
}

/// The account that the path names, locked, with its state and role; never the caller's own.
async fn another(ctx: &Ctx, tx: &mut TenantTx, id: &str) -> Result<(AccountId, String, Role), AppError> {
    let id = AccountId::parse(id).ok_or_else(AppError::absent)?;
    if id.bytes() == ctx.account() {
        return Err(AppError::from(OWN_ACCOUNT).denied("own_account"));
    }
    // Whose administration ended while this request waited for the lock has no say any more.
    if !queries::is_active_admin(tx, Uuid::from_bytes(ctx.account())).await? {
        return Err(AppError::from(FORBIDDEN).denied("role"));
    }
    let (state, role) = queries::lock(tx, id.uuid()).await?.ok_or_else(AppError::absent)?;
    Ok((id, state, role))
}

fn entry(ctx: &Ctx, call: &Call, id: AccountId, version: i64) -> AuditEntry {
    ctx.entry(call.action(), Outcome::Allow).resource("account", id.bytes()).row_version(version)
}

/// Gives a staff member another role. Its owner is told by mail.
#[utoipa::path(put, path = "/api/v1/staff/{id}/role", tag = "staff", operation_id = "staff.role",
    request_body = RoleInput, params(("id" = String, Path, description = "Account id")),
    responses((status = 204, description = "The role counts from the account's next request"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The caller's own account")))]
pub async fn role(call: Call, Json(input): Json<RoleInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        staff_role(input.role)?;
        let (id, state, before) = another(ctx, tx, call.path("id")).await?;
        let by = Uuid::from_bytes(ctx.account());
        reset::note_role(tx, (id.uuid(), by), (before, input.role), ctx.now()).await?;
        if before != input.role && state == account_state::ACTIVE {
            notice::enqueue(tx, id.uuid(), NoticeKind::RoleChanged, ctx.now()).await?;
        }
        let version = queries::set_role(tx, &ctx.keys, id.uuid(), input.role, ctx.now()).await?;
        Done::audited((), entry(ctx, &call, id, version).reason(input.role.as_str()))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Closes a staff member's account, ends its sessions and forgets its telephone.
#[utoipa::path(post, path = "/api/v1/staff/{id}/deactivate", tag = "staff", operation_id = "staff.deactivate",
    params(("id" = String, Path, description = "Account id")),
    responses((status = 204, description = "Closed; its sessions have ended"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The caller's own account")))]
pub async fn deactivate(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let (id, ..) = another(ctx, tx, call.path("id")).await?;
        let version =
            queries::set_state(tx, &ctx.keys, id.uuid(), account_state::DISABLED, ctx.now()).await?;
        queries::end_sessions(tx, id.uuid(), ctx.now()).await?;
        phone::forget(tx, id.uuid()).await?;
        Done::audited((), entry(ctx, &call, id, version))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Opens a closed account again. Its owner signs in anew.
#[utoipa::path(post, path = "/api/v1/staff/{id}/reactivate", tag = "staff", operation_id = "staff.reactivate",
    params(("id" = String, Path, description = "Account id")),
    responses((status = 204, description = "The account takes its password again"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The caller's own account, or one that is not closed")))]
pub async fn reactivate(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let (id, state, _role) = another(ctx, tx, call.path("id")).await?;
        if state != account_state::DISABLED {
            return Err(WRONG_STATE.into());
        }
        let version = queries::set_state(tx, &ctx.keys, id.uuid(), account_state::ACTIVE, ctx.now()).await?;
        Done::audited((), entry(ctx, &call, id, version))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
