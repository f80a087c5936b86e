//! The platform session's cookie.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::auth::token::Token;

/// `__Host-`: only over TLS, only this host, the whole path, never set by a sub-domain (RFC 6265bis section 4.1.3.2).
const NAME: &str = "__Host-domicile-platform";
const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Strict";

/// The header that gives a caller its session.
#[must_use]
pub fn set(token: &Token) -> (HeaderName, HeaderValue) {
    let text = format!("{NAME}={}; {ATTRIBUTES}", token.expose().as_str());
    // Base64url and constants are always a header value; were they not, the caller would simply have no session.
    (header::SET_COOKIE, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")))
}

/// The header that takes it away.
#[must_use]
pub fn clear() -> (HeaderName, HeaderValue) {
    let text = format!("{NAME}=; {ATTRIBUTES}; Max-Age=0");
    (header::SET_COOKIE, HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("")))
}

/// The session token of a request. Two cookies of that name are as good as none: one of them was put there by somebody.
#[must_use]
pub fn read(headers: &HeaderMap) -> Option<Token> {
    let mut found = headers
        .get_all(header::COOKIE)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == NAME)
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (Some(value), None) => Token::parse(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for line in lines {
            map.append(header::COOKIE, HeaderValue::from_str(line).unwrap());
        }
        map
    }

    #[test]
    fn one_cookie_is_a_session_and_two_are_none() {
        let token = Token::random();
        let pair = format!("{NAME}={}", token.expose().as_str());
        let other = format!("{NAME}={}", Token::random().expose().as_str());
        assert_eq!(read(&headers(&[&format!("a=b; {pair}")])).unwrap().hash(), token.hash());
        assert!(read(&headers(&[&format!("{pair}; {other}")])).is_none());
        assert!(read(&headers(&[&pair, &other])).is_none());
        assert!(read(&headers(&["domicile-platform=x"])).is_none());
        assert!(read(&headers(&[])).is_none());
    }

    #[test]
    fn what_is_set_carries_every_attribute() {
        let (_, value) = set(&Token::random());
        let text = value.to_str().unwrap();
        for part in ["__Host-", "Path=/", "Secure", "HttpOnly", "SameSite=Strict"] {
            assert!(text.contains(part), "{part}");
        }
        assert!(!text.contains("Domain"));
    }
}
