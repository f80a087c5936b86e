//! Passkeys over the platform API: signing in with one alone, and the own ones.

use actix_web::HttpResponse;
use actix_web::web::Path;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sessions::{SessionView, opened};
use super::{Ctx, Json};
use crate::auth::passkey::ceremony::{
    CeremonyView, PasskeySignInInput, RegistrationInput, ResidentKey, User, creation_options, read_id,
    request_options, shown_id,
};
use crate::auth::token::Token;
use crate::control::access::Action;
use crate::control::error::ControlError;
use crate::control::passkeys::{self, Attempt, Begun, NewPasskey, Passkey};
use crate::error::{AppError, Problem};

/// A passkey to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPasskeyInput {
    /// What its owner calls it, 1 to 64 characters.
    label: String,
    /// The new credential.
    credential: RegistrationInput,
}

/// One of the own passkeys.
#[derive(Serialize, ToSchema)]
pub struct PasskeyView {
    /// Its id.
    id: String,
    /// What its owner calls it.
    label: String,
    /// When it was added.
    created_at: DateTime<Utc>,
    /// When it signed in last.
    last_used_at: Option<DateTime<Utc>>,
}

/// The own passkeys.
#[derive(Serialize, ToSchema)]
pub struct PasskeysView {
    /// At most ten, oldest first.
    items: Vec<PasskeyView>,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        let Passkey { id, label, created_at, last_used_at } = passkey;
        Self { id: shown_id(id), label, created_at, last_used_at }
    }
}

/// Options for a passkey that signs in by itself, kept under the administrator's id.
pub(super) fn to_create(ctx: &Ctx, begun: &Begun, handle: Option<&Token>) -> CeremonyView {
    let user = User { id: begun.admin.into_bytes(), name: &begun.login };
    let rp_id = ctx.control().site().rp_id;
    let public_key = creation_options(rp_id, user, &begun.challenge, &begun.known, ResidentKey::Required);
    CeremonyView { public_key, handle: handle.map(|handle| handle.expose().to_string()) }
}

/// Begins a sign-in with a passkey. It names no account and says nothing about any.
#[utoipa::path(post, path = "/platform/v1/passkeys/sign-in/begin", tag = "sessions", responses(
    (status = 201, body = CeremonyView, description = "Options for navigator.credentials.get, and a handle to send back."),
))]
pub async fn challenge(ctx: Ctx) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::SessionChallenge)?;
    let (handle, challenge) = passkeys::begin_sign_in(&ctx.control().store, ctx.by()).await?;
    let public_key = request_options(ctx.control().site().rp_id, &challenge, &[]);
    let handle = Some(handle.expose().to_string());
    Ok(HttpResponse::Created().json(CeremonyView { public_key, handle }))
}

/// Signs in with a passkey: sets the session cookie.
#[utoipa::path(post, path = "/platform/v1/passkeys/sign-in/finish", tag = "sessions", request_body = PasskeySignInInput, responses(
    (status = 201, body = SessionView, description = "Signed in; the cookie is set."),
    (status = 401, body = Problem, description = "Refused; the same for every reason."),
))]
pub async fn sign_in(ctx: Ctx, body: Json<PasskeySignInInput>) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::SessionCreatePasskey)?;
    let control = ctx.control();
    let handle =
        Token::parse(&body.handle).ok_or_else(|| AppError::invalid_field("/handle", "invalid_value"))?;
    let attempt = Attempt { handle: &handle, credential: &body.credential, replaces: ctx.replaces() };
    let (token, signed_in) = passkeys::sign_in(&control.store, ctx.by(), control.site(), attempt).await?;
    Ok(opened(&token, &signed_in))
}

/// The own passkeys.
#[utoipa::path(get, path = "/platform/v1/passkeys", tag = "passkeys", responses(
    (status = 200, body = PasskeysView),
    (status = 401, body = Problem),
))]
pub async fn list(ctx: Ctx) -> Result<HttpResponse, AppError> {
    let signed_in = ctx.allow(Action::PasskeyList)?;
    let found = passkeys::list(&ctx.control().store, signed_in.admin).await?;
    Ok(HttpResponse::Ok().json(PasskeysView { items: found.into_iter().map(PasskeyView::from).collect() }))
}

/// Begins to add a passkey.
#[utoipa::path(post, path = "/platform/v1/passkeys/begin", tag = "passkeys", responses(
    (status = 201, body = CeremonyView, description = "Options for navigator.credentials.create."),
    (status = 403, body = Problem, description = "What the session proved is older than five minutes."),
    (status = 409, body = Problem, description = "There are ten already."),
))]
pub async fn begin(ctx: Ctx) -> Result<HttpResponse, AppError> {
    let signed_in = ctx.allow_fresh(Action::PasskeyBegin)?;
    let begun = passkeys::begin(&ctx.control().store, ctx.by(), signed_in).await?;
    Ok(HttpResponse::Created().json(to_create(&ctx, &begun, None)))
}

/// Adds a passkey and ends the other sessions.
#[utoipa::path(post, path = "/platform/v1/passkeys/finish", tag = "passkeys", request_body = NewPasskeyInput, responses(
    (status = 201, body = PasskeyView, description = "Added."),
    (status = 403, body = Problem, description = "What the session proved is older than five minutes."),
    (status = 409, body = Problem, description = "There are ten already."),
    (status = 422, body = Problem, description = "It does not fit, came too late, or is known."),
))]
pub async fn add(ctx: Ctx, body: Json<NewPasskeyInput>) -> Result<HttpResponse, AppError> {
    let signed_in = ctx.allow_fresh(Action::PasskeyAdd)?;
    let control = ctx.control();
    let new = NewPasskey { label: &body.label, credential: &body.credential };
    let added = passkeys::add(&control.store, ctx.by(), signed_in, control.site(), new).await?;
    Ok(HttpResponse::Created().json(PasskeyView::from(added)))
}

/// Removes one of the own passkeys, unless it is the only one, and ends the other sessions.
#[utoipa::path(delete, path = "/platform/v1/passkeys/{id}", tag = "passkeys",
    params(("id" = String, Path, description = "Passkey id")), responses(
    (status = 204, description = "Removed."),
    (status = 403, body = Problem, description = "What the session proved is older than five minutes."),
    (status = 404, body = Problem, description = "Absent, or not the caller's."),
    (status = 409, body = Problem, description = "The only one."),
))]
pub async fn remove(ctx: Ctx, id: Path<String>) -> Result<HttpResponse, AppError> {
    let signed_in = ctx.allow_fresh(Action::PasskeyRemove)?;
    let id = read_id(&id).ok_or(ControlError::NotFound("passkey"))?;
    passkeys::remove(&ctx.control().store, ctx.by(), signed_in, id).await?;
    Ok(HttpResponse::NoContent().finish())
}
