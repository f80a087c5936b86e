//! The first passkey over the platform API, by the link that the command line makes.

use actix_web::HttpResponse;
use serde::Deserialize;
use utoipa::ToSchema;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::passkeys::to_create;
use super::sessions::{SessionView, opened};
use super::{Ctx, Json};
use crate::auth::passkey::ceremony::{CeremonyView, RegistrationInput};
use crate::auth::token::Token;
use crate::control::access::Action;
use crate::control::enrolments::{self, Enrol};
use crate::control::error::ControlError;
use crate::control::passkeys::NewPasskey;
use crate::error::{AppError, Problem};

/// The link's token.
#[derive(Deserialize, ToSchema, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentInput {
    /// What follows `#token=` in the link.
    token: String,
}

/// A first passkey.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstPasskeyInput {
    /// What follows `#token=` in the link.
    token: String,
    /// The handle that came with the options.
    handle: String,
    /// What its owner calls it, 1 to 64 characters.
    label: String,
    /// The new credential.
    credential: RegistrationInput,
}

/// A text that is no token was never a link.
fn link(text: &str) -> Result<Token, AppError> {
    Token::parse(text).ok_or_else(|| ControlError::EnrolmentInvalid.into())
}

/// Begins to make the first passkey.
#[utoipa::path(post, path = "/platform/v1/enrolments/begin", tag = "passkeys", request_body = EnrolmentInput, responses(
    (status = 201, body = CeremonyView, description = "Options for navigator.credentials.create, and a handle to send back."),
    (status = 422, body = Problem, description = "The link was used or replaced, or is older than a day."),
))]
pub async fn begin(ctx: Ctx, body: Json<EnrolmentInput>) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::EnrolmentBegin)?;
    let token = link(&body.token)?;
    let (handle, begun) = enrolments::begin(&ctx.control().store, ctx.by(), &token).await?;
    Ok(HttpResponse::Created().json(to_create(&ctx, &begun, Some(&handle))))
}

/// Makes the first passkey, uses the link up and signs in: sets the session cookie.
#[utoipa::path(post, path = "/platform/v1/enrolments/finish", tag = "passkeys", request_body = FirstPasskeyInput, responses(
    (status = 201, body = SessionView, description = "Signed in; the cookie is set."),
    (status = 422, body = Problem, description = "The link is no good, or the passkey does not fit; then the link still is."),
))]
pub async fn finish(ctx: Ctx, body: Json<FirstPasskeyInput>) -> Result<HttpResponse, AppError> {
    ctx.anyone(Action::EnrolmentFinish)?;
    let control = ctx.control();
    let token = link(&body.token)?;
    let handle =
        Token::parse(&body.handle).ok_or_else(|| AppError::invalid_field("/handle", "invalid_value"))?;
    let enrol = Enrol {
        token: &token,
        handle: &handle,
        passkey: NewPasskey { label: &body.label, credential: &body.credential },
        replaces: ctx.replaces(),
    };
    let (token, signed_in) = enrolments::finish(&control.store, ctx.by(), control.site(), enrol).await?;
    Ok(opened(&token, &signed_in))
}
