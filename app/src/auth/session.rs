//! Sessions: the cookie, and finding out who is asking inside the request's own transaction.

use actix_web::http::header::{COOKIE, HeaderMap};
use chrono::{DateTime, Duration, Utc};
use tenancy::TenantTx;
use zeroize::Zeroizing;

use super::queries::{self, LiveSession};
use super::token::Token;
use crate::app::App;
use crate::store::StoreError;

/// The cookie's name. The prefix makes browsers refuse it with a domain, another path or without TLS (RFC 6265bis, 4.1.3).
pub const COOKIE_NAME: &str = "__Host-domicile";
/// Seconds between two writes of a session's last-seen time; each would otherwise make a read a write.
const TOUCH_EVERY_S: i64 = 30;

/// The session token of a request. Two cookies of that name are nobody's session: one of them was planted.
#[must_use]
pub fn from_cookie(headers: &HeaderMap) -> Option<Token> {
    cookie_named(headers, COOKIE_NAME)
}

/// Whether a request carries a session's cookie, whatever is in it.
#[must_use]
pub fn has_cookie(headers: &HeaderMap) -> bool {
    cookies(headers, COOKIE_NAME).next().is_some()
}

/// The token in the one cookie of this name.
#[must_use]
pub fn cookie_named(headers: &HeaderMap, wanted: &str) -> Option<Token> {
    let mut found = cookies(headers, wanted);
    let first = found.next()?;
    if found.next().is_some() { None } else { Token::parse(first) }
}

/// The values of the cookies of this name.
fn cookies<'a>(headers: &'a HeaderMap, wanted: &'a str) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

/// The `Set-Cookie` value that starts a session.
#[must_use]
pub fn cookie(token: &Token) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "{COOKIE_NAME}={}; Path=/; Secure; HttpOnly; SameSite=Strict",
        token.expose().as_str()
    ))
}

/// The `Set-Cookie` value that ends a session.
#[must_use]
pub fn cookie_end() -> String {
    format!("{COOKIE_NAME}=; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=0")
}

/// Moves a session's last-seen time forward, now and then.
///
/// # Errors
/// When the database does not answer.
pub async fn seen(tx: &mut TenantTx, live: &LiveSession, app: &App) -> Result<(), StoreError> {
    let now = DateTime::<Utc>::from(app.clock.now());
    if now - live.last_seen_at >= Duration::seconds(TOUCH_EVERY_S) {
        let limits = super::policy::in_force_for(tx, app.session, live.role).await?;
        let idle_until = now + Duration::seconds(i64::from(limits.idle_s));
        queries::touch(tx, live.id, now, idle_until).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn parsed(lines: &[&str]) -> Option<Token> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(COOKIE, HeaderValue::from_str(line).unwrap());
        }
        from_cookie(&headers)
    }

    #[test]
    fn one_cookie_and_only_one() {
        let token = Token::random();
        let pair = format!("{COOKIE_NAME}={}", token.expose().as_str());
        let other = format!("{COOKIE_NAME}={}", Token::random().expose().as_str());
        assert_eq!(parsed(&[&pair]).map(|t| t.hash()), Some(token.hash()));
        assert_eq!(parsed(&[&format!("a=b; {pair}; c=d")]).map(|t| t.hash()), Some(token.hash()));
        assert!(parsed(&[&format!("{pair}; {other}")]).is_none(), "a second one was planted");
        assert!(parsed(&[&pair, &other]).is_none());
        assert!(parsed(&[]).is_none());
        assert!(parsed(&[&pair.replace("__Host-", "")]).is_none());
        let set = cookie(&token);
        for attribute in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
            assert!(set.contains(attribute));
        }
        assert!(!set.to_lowercase().contains("domain"));
    }
}
