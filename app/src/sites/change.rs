//! A site renamed, closed and opened again. None is deleted: who was registered at a closed one still is, and is seen as before.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use tenancy::TenantTx;
use tenancy::audit::Outcome;

use super::api::{SiteInput, SiteView};
use super::model::SiteId;
use super::queries::{self, SiteRow};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, LAST_SITE};
use crate::middleware::json::Json;

/// The site that the path names, with every site of the clinic locked; and whether another one is open.
async fn locked(call: &Call, tx: &mut TenantTx) -> Result<(SiteRow, bool), AppError> {
    let id = SiteId::parse(call.path("id")).map(SiteId::uuid).ok_or_else(AppError::absent)?;
    let mut found = None;
    let mut another_open = false;
    for row in queries::locked(tx).await? {
        if row.id == id {
            found = Some(row);
        } else {
            another_open |= row.closed_at.is_none();
        }
    }
    Ok((found.ok_or_else(AppError::absent)?, another_open))
}

/// Gives a site another name, for everybody and in what was written before.
#[utoipa::path(put, path = "/api/v1/sites/{id}", tag = "sites", operation_id = "site.rename", request_body = SiteInput,
    params(("id" = String, Path, description = "Site id")),
    responses((status = 200, body = SiteView, description = "Renamed"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "No name"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn rename(call: Call, Json(input): Json<SiteInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let (row, _) = locked(&call, tx).await?;
            let name = input.clean()?;
            queries::rename(tx, row.id, &name).await?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("site", row.id.into_bytes());
            Done::audited(SiteView::from(SiteRow { name, ..row }), entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Closes a site. From then on nobody is registered there and nobody begins to work there; who was is, and reaches whom they reached.
#[utoipa::path(post, path = "/api/v1/sites/{id}/close", tag = "sites", operation_id = "site.close",
    params(("id" = String, Path, description = "Site id")),
    responses((status = 200, body = SiteView, description = "Closed; the same when it was before"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The only open site")))]
pub async fn close(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let (row, another_open) = locked(&call, tx).await?;
            if row.closed_at.is_none() && !another_open {
                return Err(AppError::from(LAST_SITE).denied("last_site"));
            }
            let closed_at = Some(row.closed_at.unwrap_or(ctx.now()));
            keep(&call, ctx, tx, (row, closed_at)).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Opens a closed site again.
#[utoipa::path(post, path = "/api/v1/sites/{id}/reopen", tag = "sites", operation_id = "site.reopen",
    params(("id" = String, Path, description = "Site id")),
    responses((status = 200, body = SiteView, description = "Open; the same when it was before"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn reopen(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let (row, _) = locked(&call, tx).await?;
            keep(&call, ctx, tx, (row, None)).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Keeps whether a site is closed; the answer and its entry.
async fn keep(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    (row, closed_at): (SiteRow, Option<DateTime<Utc>>),
) -> Result<Done<SiteView>, AppError> {
    let entry = ctx.entry(call.action(), Outcome::Allow).resource("site", row.id.into_bytes());
    if row.closed_at == closed_at {
        return Done::audited(SiteView::from(row), entry.reason("repeated"));
    }
    queries::set_closed(tx, row.id, closed_at).await?;
    Done::audited(SiteView::from(SiteRow { closed_at, ..row }), entry)
}
