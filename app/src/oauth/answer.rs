//! What the token endpoint answers: a token, or one of the errors of RFC 6749, section 5.2.

use actix_web::HttpResponse;
use serde::Serialize;
use utoipa::ToSchema;

/// An error of RFC 6749, section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OauthError {
    /// Something is missing, twice there, or of another form.
    InvalidRequest,
    /// The client is unknown, disabled, or did not prove who it is.
    InvalidClient,
    /// The code or refresh token is wrong, used, too old, or another client's.
    InvalidGrant,
    /// This client may not ask in this way.
    UnauthorizedClient,
    /// There is no such way to ask.
    UnsupportedGrantType,
    /// The scope is no scope, or more than the client may have.
    InvalidScope,
}

/// Why there is no token: what the caller is told, and what the audit log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub OauthError, pub &'static str);

/// A token.
#[derive(Serialize, ToSchema)]
pub struct TokenView {
    /// The access token.
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds that the access token is good for.
    pub expires_in: u64,
    /// What it may do: names of actions with a space between them.
    pub scope: String,
    /// Where the next access token comes from; programs have none and ask again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
}

/// An error.
#[derive(Serialize, ToSchema)]
pub struct TokenErrorView {
    /// Which.
    error: OauthError,
    /// What to do about it.
    error_description: &'static str,
}

impl OauthError {
    const fn sentence(self) -> &'static str {
        match self {
            OauthError::InvalidRequest => {
                "Send application/x-www-form-urlencoded with each parameter of the grant once."
            }
            OauthError::InvalidClient => {
                "The client is unknown or disabled, or its assertion is not one of a registered key for this endpoint, now and once."
            }
            OauthError::InvalidGrant => "The code or refresh token is not valid any more; sign in again.",
            OauthError::UnauthorizedClient => "This client may not use this grant.",
            OauthError::UnsupportedGrantType => "See grant_types_supported in the server's metadata.",
            OauthError::InvalidScope => "Ask for names of actions that the client is registered for.",
        }
    }

    /// The answer.
    #[must_use]
    pub fn response(self) -> HttpResponse {
        HttpResponse::BadRequest().json(TokenErrorView { error: self, error_description: self.sentence() })
    }
}
