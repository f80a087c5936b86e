//! The platform API's description, generated from the handlers and locked by a snapshot.

use actix_web::HttpResponse;
use utoipa::OpenApi;

use super::{Ctx, directory, geography, sessions, tenants};
use crate::control::access::Action;
use crate::error::AppError;

/// The description (OpenAPI 3.1).
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Domicile platform API",
        description = "Regions, shards and tenants, for the people who run the platform. There is no patient's data here.",
        version = "1"
    ),
    paths(
        sessions::create, sessions::current, sessions::end,
        geography::regions, geography::add_region, geography::set_transit, geography::shards, geography::add_shard,
        tenants::list, tenants::create, tenants::get, tenants::steps,
        tenants::suspend, tenants::resume, tenants::offboard,
        directory::head, directory::entries,
        describe,
    ),
    tags(
        (name = "sessions", description = "Signing in and out. A change needs the session cookie and X-CSRF-Token."),
        (name = "regions", description = "Where tenants can live."),
        (name = "shards", description = "Database clusters of a region."),
        (name = "tenants", description = "Clinics and their lifecycle."),
        (name = "directory", description = "The signed list that every front door follows."),
    )
)]
pub struct PlatformApi;

/// This description.
#[utoipa::path(get, path = "/platform/v1/openapi.json", tag = "directory", responses(
    (status = 200, description = "OpenAPI 3.1."),
))]
#[expect(clippy::unused_async, reason = "actix-web handlers are async")]
pub async fn describe(ctx: Ctx) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::ApiDescribe)?;
    Ok(HttpResponse::Ok().json(PlatformApi::openapi()))
}
