//! A person lets an application act in the own name: in the portal, in the own session, for the address that is registered.

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::bearer;
use super::code::{self, Asked};
use super::model::{Client, ClientId, ClientKind};
use super::queries;
use super::token::wanted;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, UNAUTHENTICATED};
use crate::middleware::json::Json;

/// Longest state that is carried back, in bytes.
const STATE_MAX_BYTES: usize = 512;

/// What an application asks a person for (RFC 6749, 4.1.1; RFC 7636, 4.3), and whether the person agrees.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuthorizeInput {
    /// Always `code`.
    response_type: String,
    /// The application.
    client_id: String,
    /// Where the code is sent to: one of the registered addresses, to the letter.
    redirect_uri: String,
    /// What it wants to do; all that it may when it is not there.
    #[serde(default)]
    scope: Option<String>,
    /// What is sent back with the code, at most 512 characters of ASCII.
    #[serde(default)]
    state: Option<String>,
    /// SHA-256 of the verifier, in base64url.
    code_challenge: String,
    /// Always `S256`.
    code_challenge_method: String,
    /// Whether the person agrees; without it the answer says only what is asked for.
    approve: bool,
}

/// What is asked for, and once it was agreed to, where to go with it.
#[derive(Serialize, ToSchema)]
pub struct AuthorizeView {
    /// What the application is called.
    client: String,
    /// What it would be able to do: the names of actions.
    scope: Vec<&'static str>,
    /// Where the person's browser goes on; only when it was agreed to.
    redirect_to: Option<String>,
    /// Where it goes on when the person does not agree.
    refuse_to: String,
}

fn fault(pointer: &str, code: &'static str) -> AppError {
    AppError::invalid_field(pointer, code)
}

/// Shows what an application asks for, and with `approve` gives it a code that is good for a minute, once.
#[utoipa::path(post, path = "/api/v1/oauth/authorize", tag = "oauth", operation_id = "oauth.authorize",
    request_body = AuthorizeInput,
    responses((status = 200, body = AuthorizeView, description = "What is asked for, and where to go on"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "No such application or address, or more than it or the caller may do")))]
pub async fn decide(call: Call, Json(input): Json<AuthorizeInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let client = asked_by(ctx, tx, &input).await?;
            let scope = wanted(input.scope.as_deref(), &client.settings.scope())
                .map(|scope| scope.where_allowed(|action| (ctx.policy.may)(actor.role, action)))
                .filter(|scope| !scope.is_empty())
                .ok_or_else(|| fault("/scope", "not_allowed"))?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("oauth_client", client.id.bytes());
            let issuer = bearer::place(&call.app, &ctx.clinic).issuer;
            let mut view = AuthorizeView {
                client: client.settings.name.clone(),
                scope: scope.names().collect(),
                redirect_to: None,
                refuse_to: back(&input, ("error", "access_denied"), &issuer),
            };
            if !input.approve {
                return Done::audited(view, entry.reason("asked"));
            }
            let asked = Asked {
                redirect_uri: input.redirect_uri.clone(),
                challenge: input.code_challenge.clone(),
                scope: scope.to_string(),
            };
            let session = Uuid::from_bytes(actor.session);
            let code = code::keep(ctx, tx, (client.id.uuid(), session), &asked).await?.expose();
            view.redirect_to = Some(back(&input, ("code", &code), &issuer));
            Done::audited(view, entry.reason("agreed"))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// The application, if all that it asks for has the form it must have.
async fn asked_by(ctx: &Ctx, tx: &mut TenantTx, input: &AuthorizeInput) -> Result<Client, AppError> {
    let known = match ClientId::parse(&input.client_id) {
        Some(id) => queries::find(tx, &ctx.keys, id.uuid()).await?,
        None => None,
    };
    let client = known
        .filter(|client| client.active && client.kind == ClientKind::Mobile)
        .ok_or_else(|| fault("/client_id", "unknown_client"))?;
    // Exactly: an address that only begins or ends alike is somebody else's.
    if !client.settings.redirect_uris.contains(&input.redirect_uri) {
        return Err(fault("/redirect_uri", "not_registered"));
    }
    if input.response_type != "code" {
        return Err(fault("/response_type", "unknown_value"));
    }
    if input.code_challenge_method != "S256" {
        return Err(fault("/code_challenge_method", "unknown_value"));
    }
    if URL_SAFE_NO_PAD.decode(&input.code_challenge).map(|hash| hash.len()) != Ok(32) {
        return Err(fault("/code_challenge", "invalid_value"));
    }
    let printable = |state: &String| state.bytes().all(|b| (b' '..=b'~').contains(&b));
    if input.state.as_ref().is_some_and(|state| state.len() > STATE_MAX_BYTES || !printable(state)) {
        return Err(fault("/state", "invalid_value"));
    }
    Ok(client)
}

/// The address that the application is answered at, with the answer.
fn back(input: &AuthorizeInput, (name, value): (&str, &str), issuer: &str) -> String {
    let joined = if input.redirect_uri.contains('?') { '&' } else { '?' };
    // Which server answered, so that an application that knows several is not led to the wrong one (RFC 9207).
    let mut to = format!("{}{joined}{name}={value}&iss={}", input.redirect_uri, encoded(issuer));
    if let Some(state) = &input.state {
        to.push_str(&format!("&state={}", encoded(state)));
    }
    to
}

/// Text as a value in a query (RFC 3986, 2.1): everything but unreserved characters is encoded.
fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let byte = |b: u8| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}
