//! The platform API's description, generated from the handlers and locked by a snapshot.

use actix_web::HttpResponse;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{Ctx, directory, geography, sessions, tenants};
use crate::auth::csrf;
use crate::control::access::Action;
use crate::control::routes::{self, PlatformRoute};
use crate::error::{AppError, PROBLEM_JSON};

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

/// What a problem status means when its handler says nothing more particular.
const STATUS: [(&str, &str); 8] = [
    ("400", "The request breaks a rule."),
    ("401", "There is no session."),
    ("403", "The change does not come from the platform's own pages."),
    ("404", "There is nothing here."),
    ("409", "It does not fit with what is there."),
    ("412", "It changed since it was read."),
    ("422", "It was understood and refused."),
    ("428", "If-Match is missing."),
];

/// The description as JSON: what the handlers say, completed from the route table.
pub fn document() -> Result<Value, AppError> {
    let mut document = serde_json::to_value(PlatformApi::openapi()).map_err(|_error| AppError::internal("openapi"))?;
    document["components"]["securitySchemes"] = json!({
        "session": { "type": "apiKey", "in": "cookie", "name": "__Host-domicile-platform" },
        "csrf": { "type": "apiKey", "in": "header", "name": "X-CSRF-Token" },
    });
    for route in routes::ROUTES {
        let method = route.method.as_str().to_ascii_lowercase();
        complete(&mut document["paths"][route.path][method.as_str()], route);
    }
    Ok(document)
}

fn complete(operation: &mut Value, route: &PlatformRoute) {
    operation["operationId"] = json!(route.action.name());
    let safe = csrf::is_safe(&route.method);
    if !route.action.is_public() {
        let security = if safe { json!([{ "session": [] }]) } else { json!([{ "session": [], "csrf": [] }]) };
        operation["security"] = security;
        refusal(&mut operation["responses"]["401"]);
    }
    if !safe {
        refusal(&mut operation["responses"]["403"]);
    }
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
        let said = response["description"].as_str().unwrap_or_default();
        if said.is_empty() {
            response["description"] = json!(STATUS.iter().find(|(code, _)| code == status).map_or("", |(_, text)| text));
        }
        refusal(response);
    }
    for response in responses.values_mut().filter(|response| response["description"].as_str().is_none_or(str::is_empty)) {
        response["description"] = json!("As described.");
    }
}

/// A response with a problem as its body.
fn refusal(response: &mut Value) {
    let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    response["content"] = json!({ PROBLEM_JSON: schema });
}

/// This description.
#[utoipa::path(get, path = "/platform/v1/openapi.json", tag = "directory", responses(
    (status = 200, description = "OpenAPI 3.1."),
))]
#[expect(clippy::unused_async, reason = "actix-web handlers are async")]
pub async fn describe(ctx: Ctx) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::ApiDescribe)?;
    Ok(HttpResponse::Ok().json(document()?))
}
