//! The platform API's description: generated from the handlers, committed as `app/openapi/platform.json` and served as
//! committed.

use actix_web::HttpResponse;
use serde_json::{Value, json};
use utoipa::OpenApi;

use super::{Ctx, directory, enrolments, geography, passkeys, sessions, support, tenants};
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
        sessions::ways, sessions::create, sessions::current, sessions::end,
        passkeys::challenge, passkeys::sign_in, passkeys::list, passkeys::begin, passkeys::add, passkeys::remove,
        enrolments::begin, enrolments::finish,
        geography::regions, geography::add_region, geography::set_transit, geography::shards, geography::add_shard,
        tenants::list, tenants::create, tenants::get, tenants::steps, tenants::keys,
        tenants::suspend, tenants::resume, tenants::offboard,
        directory::head, directory::entries,
        support::ask, support::list, support::get, support::end, support::look, support::answer,
        describe,
    ),
    tags(
        (name = "sessions", description = "Signing in and out. A change needs the session cookie and X-CSRF-Token."),
        (name = "passkeys", description = "How administrators sign in. A change needs a session that proved one within five minutes."),
        (name = "regions", description = "Where tenants can live."),
        (name = "shards", description = "Database clusters of a region."),
        (name = "tenants", description = "Clinics and their lifecycle."),
        (name = "support", description = "Grants under which a clinic lets support see its operational state, and nothing of patients."),
        (name = "directory", description = "The signed list that every front door follows."),
    )
)]
pub struct PlatformApi;

/// What a problem status means when its handler says nothing more particular.
const STATUS: [(&str, &str); 8] = [
    ("400", "The request breaks a rule."),
    ("401", "There is no session."),
    ("403", "The role does not allow it, or the change does not come from the platform's own pages."),
    ("404", "There is nothing here."),
    ("409", "It does not fit with what is there."),
    ("412", "It changed since it was read."),
    ("422", "It was understood and refused."),
    ("428", "If-Match is missing."),
];

/// The description that is served, as it was reviewed; see [`crate::openapi::COMMITTED`].
pub const COMMITTED: &str = include_str!("../../../openapi/platform.json");

/// What the handlers say now, completed from the route table, as JSON that ends with a line.
///
/// # Errors
/// When the description cannot be written.
pub fn document() -> Result<String, serde_json::Error> {
    let mut document = serde_json::to_value(PlatformApi::openapi())?;
    let schemes = json!({
        "session": { "type": "apiKey", "in": "cookie", "name": "__Host-domicile-platform" },
        "csrf": { "type": "apiKey", "in": "header", "name": "X-CSRF-Token" },
    });
    put(document.get_mut("components"), "securitySchemes", schemes);
    for route in routes::ROUTES {
        let method = route.method.as_str().to_ascii_lowercase();
        let paths = document.get_mut("paths").and_then(|paths| paths.get_mut(route.path));
        if let Some(operation) = paths.and_then(|path| path.get_mut(&method)) {
            complete(operation, route);
        }
    }
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

fn complete(operation: &mut Value, route: &PlatformRoute) {
    put(Some(operation), "operationId", json!(route.action.name()));
    let safe = csrf::is_safe(&route.method);
    if !route.action.is_public() {
        let security = if safe { json!([{ "session": [] }]) } else { json!([{ "session": [], "csrf": [] }]) };
        put(Some(operation), "security", security);
    }
    let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { return };
    if !route.action.is_public() {
        responses.entry("401").or_insert_with(|| json!({}));
    }
    if !safe {
        responses.entry("403").or_insert_with(|| json!({}));
    }
    for (status, response) in responses.iter_mut() {
        if response.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
            let usual =
                STATUS.iter().find(|(code, _)| code == status).map_or("As described.", |(_, text)| text);
            put(Some(response), "description", json!(usual));
        }
        if status.starts_with(['4', '5']) {
            let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
            put(Some(response), "content", json!({ PROBLEM_JSON: schema }));
        }
    }
}

fn put(object: Option<&mut Value>, key: &str, value: Value) {
    if let Some(fields) = object.and_then(Value::as_object_mut) {
        fields.insert(key.to_owned(), value);
    }
}

/// This description.
#[utoipa::path(get, path = "/platform/v1/openapi.json", tag = "directory", responses(
    (status = 200, description = "OpenAPI 3.1."),
))]
pub async fn describe(ctx: Ctx) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::ApiDescribe)?;
    Ok(HttpResponse::Ok().content_type("application/json").body(COMMITTED))
}
