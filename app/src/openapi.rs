//! The API description: generated from the handlers, committed as `app/openapi/clinic.json` and served as committed.

use actix_web::HttpResponse;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::auth::session::COOKIE_NAME;
use crate::error::AppError;
use crate::{
    audit, auth, break_glass, corrections, disclosures, documents, erasure, keystore, oauth, patients,
    proxies, relationships, sites, staff, support, worklist,
};

/// OpenAPI 3.1 description of everything under `/api/v1`.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Domicile clinic API",
        description = "One clinic's API at its own address. Sign in, then send the session cookie, and with every request that \
                       changes something the X-CSRF-Token of the session. Errors are RFC 9457 problems."
    ),
    paths(
        read,
        auth::api::accept_invitation,
        auth::api::sign_in,
        auth::api::read_session,
        auth::api::sign_out,
        auth::api::read_me,
        auth::factor::api::prove,
        auth::factor::api::list,
        auth::factor::api::enrol,
        auth::factor::api::confirm,
        auth::factor::api::renew_recovery_codes,
        auth::factor::api::reset,
        auth::passkey::api::begin,
        auth::passkey::api::add,
        auth::passkey::api::remove,
        auth::passkey::api::challenge,
        auth::passkey::api::sign_in_options,
        auth::passkey::api::sign_in,
        auth::mail_code::ask,
        auth::mail_code::complete,
        auth::recover::ask,
        auth::recover::complete,
        auth::own::sessions,
        auth::own::revoke,
        auth::own::change_password,
        auth::email_change::ask,
        auth::email_change::confirm,
        auth::phone::read,
        auth::phone::ask,
        auth::phone::confirm,
        auth::phone::remove,
        auth::own::end_staff_sessions,
        auth::policy::read,
        auth::policy::change,
        oauth::clients::list,
        oauth::clients::register,
        oauth::change::read,
        oauth::change::change,
        oauth::clients::replace_keys,
        oauth::clients::disable,
        oauth::authorize::decide,
        oauth::token::give,
        staff::api::list,
        staff::colleagues::list,
        staff::api::invite,
        staff::api::unlock,
        staff::change::role,
        staff::change::deactivate,
        staff::change::reactivate,
        patients::api::create,
        patients::api::list,
        patients::api::search,
        patients::matches::look,
        patients::api::read,
        patients::api::update,
        patients::api::contact,
        patients::account::read,
        patients::account::open,
        patients::account::close,
        proxies::api::record,
        proxies::api::list,
        proxies::api::end,
        break_glass::api::start,
        break_glass::api::list,
        break_glass::api::end,
        break_glass::api::review,
        sites::api::list,
        sites::api::create,
        sites::change::rename,
        sites::change::close,
        sites::change::reopen,
        sites::api::assign,
        sites::api::registered,
        sites::api::register,
        relationships::api::care_team,
        relationships::api::join,
        relationships::api::leave,
        documents::policy::read,
        documents::policy::change,
        documents::api::create,
        documents::api::list,
        documents::api::read,
        documents::api::update,
        documents::refile::refile,
        documents::api::delete,
        documents::upload::put_content,
        documents::upload::put_part,
        documents::upload::complete,
        documents::download::read,
        documents::links::create,
        documents::links::redeem,
        erasure::api::request,
        erasure::api::read,
        erasure::api::approve,
        erasure::api::cancel,
        erasure::api::list_holds,
        erasure::api::place_hold,
        erasure::api::release_hold,
        audit::api::search,
        audit::api::receipt,
        audit::state::read,
        keystore::status::read,
        audit::report::read,
        disclosures::api::list,
        disclosures::api::record,
        corrections::api::ask,
        corrections::api::list,
        corrections::waiting::list,
        corrections::api::answer,
        worklist::api::read,
        audit::pack::download::list,
        audit::pack::download::download,
        support::api::list,
        support::api::approve,
        support::api::refuse,
        support::api::end,
    ),
    components(schemas(documents::links::Disposition, patients::view::Shown)),
    modifiers(&SessionSchemes),
    security(("session" = [], "csrf" = []), ("token" = [])),
    tags(
        (name = "sessions", description = "Signing in and out"),
        (name = "factors", description = "The own second factors"),
        (name = "oauth", description = "Programs of other organisations, applications, and their tokens"),
        (name = "staff", description = "Who works in the clinic"),
        (name = "patients", description = "Who is treated in the clinic"),
        (name = "proxies", description = "Who stands in for a patient"),
        (name = "sites", description = "Where the clinic works"),
        (name = "care teams", description = "Who treats a patient"),
        (name = "emergency access", description = "Reaching for a patient who is not one's own, and the review of it"),
        (name = "documents", description = "What is kept of a patient's papers and images"),
        (name = "erasure", description = "Erasing a patient for good, and what keeps a record from it"),
        (name = "disclosures", description = "To whom a patient's data were given"),
        (name = "corrections", description = "What patients ask to be corrected in the record, and the clinic's answers"),
        (name = "worklist", description = "What waits for whom"),
        (name = "audit", description = "Who did what to whose data"),
        (name = "keys", description = "The versions of the clinic's keys"),
        (name = "support access", description = "What the platform's support may see of the clinic's operational state, and for how long"),
        (name = "description", description = "This document"),
    )
)]
pub struct ClinicApi;

/// How a caller shows its session.
struct SessionSchemes;

impl Modify for SessionSchemes {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE_NAME));
        let header = ApiKey::Header(ApiKeyValue::with_description(
            "X-CSRF-Token",
            "The session's csrf_token, with every request that changes something",
        ));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
        components.add_security_scheme("csrf", SecurityScheme::ApiKey(header));
        let token = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("An access token, instead of session and X-CSRF-Token"))
            .build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
    }
}

/// The description that is served, as it was reviewed. What makes it is 2.3 MB of machine code, which the shipped program would
/// carry for one answer that never changes; a test holds the two against each other.
pub const COMMITTED: &str = include_str!("../openapi/clinic.json");

/// What the handlers say now, as JSON that ends with a line.
#[must_use]
pub fn document() -> String {
    ClinicApi::openapi().to_pretty_json().map_or_else(|_error| String::new(), |json| json + "\n")
}

/// Reads the API description. It needs no session and says nothing about the clinic.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "description", operation_id = "api.describe", security(()),
    responses((status = 200, description = "This document")))]
pub async fn read() -> Result<HttpResponse, AppError> {
    Ok(HttpResponse::Ok().content_type("application/json").body(COMMITTED))
}
