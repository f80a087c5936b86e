//! The proof that a request which changes something comes from the clinic's own pages.
//!
//! Browsers say where a request comes from in `Sec-Fetch-Site`; older ones and command-line clients say it in `Origin`. A
//! request that says neither is refused. A request with a session must also carry the session's own token
//! (NIST SP 800-63B-4, 5.1), which no other site can read.

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, ORIGIN};

use super::token::{self, Token};

/// The header that carries the session's token against cross-site requests.
pub const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
/// The request says nothing about where it comes from, which no browser of today does with one that changes something.
pub const NO_ORIGIN: &str = "csrf.no_origin";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a method changes nothing by definition (RFC 9110, 9.2.1).
#[must_use]
pub fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Why a request was refused, as a code for the log and the audit entry.
///
/// # Errors
/// The reason; the caller sees only that it was refused.
pub fn check_origin(headers: &HeaderMap, allowed: &[String]) -> Result<(), &'static str> {
    let mut sites = headers.get_all(SEC_FETCH_SITE);
    match (sites.next(), sites.next()) {
        (Some(site), None) if site.as_bytes() == b"same-origin" => return Ok(()),
        (Some(_), _) => return Err("csrf.cross_site"),
        (None, _) => {}
    }
    let mut origins = headers.get_all(ORIGIN);
    match (origins.next(), origins.next()) {
        (Some(origin), None) if allowed.iter().any(|one| one.as_bytes() == origin.as_bytes()) => Ok(()),
        (Some(_), _) => Err("csrf.foreign_origin"),
        (None, _) => Err(NO_ORIGIN),
    }
}

/// Whether the request carries the token that belongs to this session.
///
/// # Errors
/// The reason.
pub fn check_token(headers: &HeaderMap, stored_hash: &[u8]) -> Result<(), &'static str> {
    let mut sent = headers.get_all(CSRF_HEADER);
    let (Some(first), None) = (sent.next(), sent.next()) else { return Err("csrf.no_token") };
    let hash = first.to_str().ok().and_then(Token::parse).map(|token| token.hash());
    match hash {
        Some(hash) if token::same(&hash, stored_hash) => Ok(()),
        _ => Err("csrf.wrong_token"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        map
    }

    #[test]
    fn where_a_request_may_come_from() {
        let own = ["https://lotus.in.domicile.example".to_owned()];
        let check = |pairs: &[(&str, &str)]| check_origin(&headers(pairs), &own);
        assert_eq!(check(&[("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(check(&[("origin", "https://lotus.in.domicile.example")]), Ok(()));
        assert_eq!(check(&[]), Err("csrf.no_origin"));
        assert_eq!(check(&[("origin", "null")]), Err("csrf.foreign_origin"));
        assert_eq!(check(&[("origin", "https://evil.in.domicile.example")]), Err("csrf.foreign_origin"));
        for site in ["same-site", "cross-site", "none", ""] {
            // The own origin does not help a request whose browser says it comes from elsewhere.
            let pairs = [("sec-fetch-site", site), ("origin", "https://lotus.in.domicile.example")];
            assert_eq!(check(&pairs), Err("csrf.cross_site"), "{site}");
        }
        let twice = [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "same-origin")];
        assert_eq!(check(&twice), Err("csrf.cross_site"));
        let twice = [
            ("origin", "https://lotus.in.domicile.example"),
            ("origin", "https://lotus.in.domicile.example"),
        ];
        assert_eq!(check(&twice), Err("csrf.foreign_origin"));
    }

    #[test]
    fn the_token_belongs_to_one_session() {
        let (mine, other) = (Token::random(), Token::random());
        let stored = mine.csrf().hash();
        let sent = |token: &Token| headers(&[("x-csrf-token", token.expose().as_str())]);
        assert_eq!(check_token(&sent(&mine.csrf()), &stored), Ok(()));
        assert_eq!(check_token(&sent(&other.csrf()), &stored), Err("csrf.wrong_token"));
        assert_eq!(check_token(&sent(&mine), &stored), Err("csrf.wrong_token"));
        assert_eq!(check_token(&headers(&[]), &stored), Err("csrf.no_token"));
    }
}
