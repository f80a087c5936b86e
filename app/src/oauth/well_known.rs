//! What the region publishes about its tokens on each clinic's host: its public keys, and what its token endpoint can do.
//!
//! Both say nothing about the clinic. They are no part of the API under `/api/v1` and ask for no session.

use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::bearer;
use super::jws::Algorithm;
use super::token;
use crate::access::Action;
use crate::app::App;
use crate::error::AppError;
use crate::middleware::Routed;
use crate::middleware::rate::RateClass;

/// The region's public keys (RFC 7517).
const KEYS: &str = "/.well-known/jwks.json";
/// What the authorization server can do (RFC 8414).
const METADATA: &str = "/.well-known/oauth-authorization-server";
/// The portal's page on which people let an application act for them.
pub const AUTHORIZE_PAGE: &str = "/my/authorize";

/// The pattern in its one static form, for logs and metrics.
#[must_use]
pub fn pattern(matched: &str) -> Option<&'static str> {
    [KEYS, METADATA].into_iter().find(|known| *known == matched)
}

/// Registers both.
pub fn configure(config: &mut web::ServiceConfig) {
    let other = || web::to(crate::middleware::method_not_allowed);
    config.service(web::resource(KEYS).route(web::get().to(keys)).default_service(other()));
    let metadata = |request: HttpRequest| std::future::ready(metadata(&request));
    config.service(web::resource(METADATA).route(web::get().to(metadata)).default_service(other()));
}

/// The parts of the process and the request, if the caller has not asked too often.
fn admitted(request: &HttpRequest) -> Result<(web::Data<App>, Routed), AppError> {
    let app = request.app_data::<web::Data<App>>().cloned();
    let routed = request.extensions().get::<Routed>().cloned();
    let (Some(app), Some(routed)) = (app, routed) else { return Err(AppError::internal("call.not_routed")) };
    app.rates.check(RateClass::Open, routed.assertion.tenant, routed.assertion.client_ip)?;
    Ok((app, routed))
}

async fn keys(request: HttpRequest) -> Result<HttpResponse, AppError> {
    let (app, _routed) = admitted(&request)?;
    let held = app.keys().token_keys().await?;
    let published = held.published(app.clock.now_unix_ms()).map(|key| {
        json!({
            "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": Algorithm::EdDsa.name(),
            "kid": key.kid(), "x": URL_SAFE_NO_PAD.encode(key.public_key()),
        })
    });
    let keys: Vec<serde_json::Value> = published.collect();
    Ok(HttpResponse::Ok().content_type("application/jwk-set+json").body(json!({ "keys": keys }).to_string()))
}

fn metadata(request: &HttpRequest) -> Result<HttpResponse, AppError> {
    let (app, routed) = admitted(request)?;
    let place = bearer::place(&app, &routed.clinic);
    let origin = &place.audience;
    let delegable = Action::ALL.into_iter().filter(|action| action.delegable());
    let scopes: Vec<&str> = delegable.map(Action::name).collect();
    Ok(HttpResponse::Ok().json(json!({
        "issuer": place.issuer,
        "authorization_endpoint": format!("{origin}{AUTHORIZE_PAGE}"),
        "token_endpoint": format!("{origin}{}", token::PATH),
        "jwks_uri": format!("{origin}{KEYS}"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "none"],
        "token_endpoint_auth_signing_alg_values_supported":
            [Algorithm::EdDsa.name(), Algorithm::Es256.name()],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
    })))
}
