//! Access tokens in requests (RFC 6750): finding one, and the session it hangs on.

use actix_web::http::header::{AUTHORIZATION, HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use tenancy::TenantTx;
use tenancy::keys::Keys;

use super::access_token::{self, Place, Shown};
use super::queries;
use crate::app::App;
use crate::auth::queries::LiveSession;
use crate::auth::session;
use crate::ctx::Clinic;
use crate::error::{AppError, FORBIDDEN, UNAUTHENTICATED};
use crate::store::StoreError;

/// How a request says who asks.
pub enum Presented<'a> {
    /// By a cookie, or not at all.
    Cookie,
    /// By this token.
    Token(&'a str),
    /// By something that is not taken, for the reason in the log.
    Refused(&'static str),
}

/// How a request says who asks. A token in a request that also carries a browser's session is refused: which of the two is
/// meant would be decided differently by whoever reads it next.
#[must_use]
pub fn presented(headers: &HeaderMap) -> Presented<'_> {
    let mut named = headers.get_all(AUTHORIZATION);
    let value = match (named.next(), named.next()) {
        (None, _) => return Presented::Cookie,
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Presented::Refused("token.twice"),
    };
    if session::has_cookie(headers) {
        return Presented::Refused("token.with_cookie");
    }
    match value.to_str().ok().and_then(|text| text.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Presented::Token(token),
        _ => Presented::Refused("token.scheme"),
    }
}

/// Where the clinic's tokens are made and for whom.
#[must_use]
pub fn place(app: &App, clinic: &Clinic) -> Place {
    let port = match app.public_port {
        443 => String::new(),
        port => format!(":{port}"),
    };
    Place {
        issuer: format!("https://{}.{}{port}", clinic.code, app.base),
        audience: format!("https://{}{port}", clinic.host),
    }
}

/// What a token says, if it is one of this region's for this clinic at this time.
///
/// # Errors
/// The inner one says what is wrong with it, the outer one that the region's keys cannot be had.
pub async fn check(app: &App, clinic: &Clinic, token: &str) -> Result<Result<Shown, &'static str>, AppError> {
    let keys = app.keys().token_keys().await?;
    Ok(access_token::verify(&keys, &place(app, clinic), token, app.clock.now_unix_ms()))
}

/// The session that a token hangs on, if its client is alive too, with what the token may do of what the client may do now.
///
/// # Errors
/// The inner one says what has ended, the outer one that the database or the key store does not answer.
pub async fn resume(
    tx: &mut TenantTx,
    shown: &Shown,
    live: Option<LiveSession>,
    keys: &Keys,
) -> Result<Result<LiveSession, &'static str>, StoreError> {
    let Some(mut live) = live else { return Ok(Err("token.session")) };
    let client = queries::find(tx, keys, shown.client).await?.filter(|client| client.active);
    let Some(client) = client else { return Ok(Err("token.client")) };
    live.scope = Some(shown.scope.and(&client.settings.scope()));
    Ok(Ok(live))
}

/// The answer to a token that is not taken (RFC 6750, 3.1): one for every reason.
#[must_use]
pub fn invalid() -> AppError {
    AppError::from(UNAUTHENTICATED)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
}

/// The answer to a token that does not carry the action.
#[must_use]
pub fn out_of_scope() -> AppError {
    AppError::from(FORBIDDEN)
        .denied("scope")
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"insufficient_scope\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::session::COOKIE_NAME;
    use actix_web::http::header::{COOKIE, HeaderName};

    #[test]
    fn one_token_and_no_cookie() {
        let of = |pairs: &[(HeaderName, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.append(name.clone(), HeaderValue::from_str(value).unwrap());
            }
            match presented(&headers) {
                Presented::Cookie => "cookie".to_owned(),
                Presented::Token(token) => format!("token {token}"),
                Presented::Refused(reason) => reason.to_owned(),
            }
        };
        let cookie = format!("{COOKIE_NAME}=x");
        assert_eq!(of(&[]), "cookie");
        assert_eq!(of(&[(AUTHORIZATION, "Bearer a.b.c")]), "token a.b.c");
        assert_eq!(of(&[(AUTHORIZATION, "bearer a.b.c"), (COOKIE, "other=1")]), "token a.b.c");
        assert_eq!(of(&[(AUTHORIZATION, "Bearer a.b.c"), (COOKIE, &cookie)]), "token.with_cookie");
        assert_eq!(of(&[(AUTHORIZATION, "Bearer a.b.c"), (AUTHORIZATION, "Bearer a.b.c")]), "token.twice");
        assert_eq!(of(&[(AUTHORIZATION, "Basic YTpi")]), "token.scheme");
        assert_eq!(of(&[(AUTHORIZATION, "Bearer")]), "token.scheme");
    }
}
