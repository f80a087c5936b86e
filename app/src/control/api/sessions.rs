//! Signing in to the platform with a password, where it takes one, and out of it.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::cookie;
use super::{Ctx, Json};
use crate::auth::token::Token;
use crate::control::access::Action;
use crate::control::sessions::{self, Attempt, SignInError, SignedIn};
use crate::error::{AppError, Problem};

/// Longest login and password that are looked at, in bytes.
const FIELD_MAX_BYTES: usize = 1_024;

/// A login and a password.
#[derive(Deserialize, ToSchema, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The platform administrator's login; `email` is another name for this field, as staff know it from their clinic.
    #[serde(alias = "email")]
    login: String,
    /// The password.
    password: String,
}

/// A session as its owner sees it.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// Who is signed in.
    login: String,
    /// `administrator` or `support`.
    role: &'static str,
    /// To be sent as `X-CSRF-Token` with every request that changes something.
    csrf_token: String,
    /// When the session ends in any case.
    expires_at: DateTime<Utc>,
}

/// Which ways there are to sign in.
#[derive(Serialize, ToSchema)]
pub struct SignInView {
    /// Whether a password is taken; a passkey always is.
    passwords: bool,
}

fn view(signed_in: &SignedIn, token: &Token) -> SessionView {
    SessionView {
        login: signed_in.login.clone(),
        role: signed_in.role.as_str(),
        csrf_token: token.csrf().expose().to_string(),
        expires_at: signed_in.expires_at,
    }
}

/// The answer to whoever was let in: the session, and its cookie.
pub(super) fn opened(token: &Token, signed_in: &SignedIn) -> HttpResponse {
    HttpResponse::Created().insert_header(cookie::set(token)).json(view(signed_in, token))
}

/// Which ways there are to sign in.
#[utoipa::path(get, path = "/platform/v1/sign-in", tag = "sessions", responses(
    (status = 200, body = SignInView),
))]
pub async fn ways(ctx: Ctx) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::SignInDescribe)?;
    Ok(HttpResponse::Ok().json(SignInView { passwords: ctx.control().sign_in.takes_passwords() }))
}

/// Signs in with a password, where the platform takes one: sets the session cookie.
#[utoipa::path(post, path = "/platform/v1/sessions", tag = "sessions", request_body = SignIn, responses(
    (status = 201, body = SessionView, description = "Signed in; the cookie is set."),
    (status = 401, body = Problem, description = "Refused; the same for every reason."),
    (status = 403, body = Problem, description = "Passwords are not taken; or not from the platform's own pages."),
))]
pub async fn create(ctx: Ctx, body: Json<SignIn>) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::SessionCreate)?;
    if body.login.len() > FIELD_MAX_BYTES || body.password.len() > FIELD_MAX_BYTES {
        return Err(AppError::invalid_field("/password", "too_long"));
    }
    let control = ctx.control();
    if !control.sign_in.takes_passwords() {
        sessions::refuse_sign_in(&control.store, ctx.by(), "password_not_taken").await?;
        return Err(SignInError::PasskeyNeeded.into());
    }
    let attempt = Attempt { login: &body.login, password: &body.password, replaces: ctx.replaces() };
    let (token, signed_in) = sessions::sign_in(&control.store, &control.passwords, ctx.by(), attempt).await?;
    Ok(opened(&token, &signed_in))
}

/// The caller's own session.
#[utoipa::path(get, path = "/platform/v1/sessions/current", tag = "sessions", responses(
    (status = 200, body = SessionView),
    (status = 401, body = Problem),
))]
pub async fn current(ctx: Ctx) -> Result<HttpResponse, AppError> {
    let (signed_in, token) = ctx.session(Action::SessionRead)?;
    Ok(HttpResponse::Ok().json(view(signed_in, token)))
}

/// Signs out.
#[utoipa::path(delete, path = "/platform/v1/sessions/current", tag = "sessions", responses(
    (status = 204, description = "Signed out."),
    (status = 401, body = Problem),
))]
pub async fn end(ctx: Ctx) -> Result<HttpResponse, AppError> {
    let (signed_in, _token) = ctx.session(Action::SessionEnd)?;
    sessions::sign_out(&ctx.control().store, ctx.by(), signed_in).await?;
    Ok(HttpResponse::NoContent().insert_header(cookie::clear()).finish())
}
