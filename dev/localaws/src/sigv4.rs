//! AWS Signature Version 4: reading the credential scope, and verifying a request whose whole body is at hand.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use chrono::NaiveDateTime;
use data_encoding::HEXLOWER;
use http::HeaderMap;
use http::request::Parts;

use crate::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, clock};

/// How far the client's clock may be off, in milliseconds (five minutes, as KMS allows).
const MAX_SKEW_MS: u64 = 5 * 60 * 1000;

/// The credential scope: who signed, on which day, for which region and service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope<'a> {
    pub(crate) access_key: &'a str,
    pub(crate) date: &'a str,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// A parsed `Authorization` header.
#[derive(Clone, Debug)]
pub(crate) struct Authorization<'a> {
    pub(crate) scope: Scope<'a>,
    pub(crate) signed_headers: Vec<&'a str>,
    pub(crate) signature: &'a str,
}

/// Why a signature was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum SignatureError {
    #[error("the request is not signed")]
    Missing,
    #[error(
        "the Authorization header is not AWS4-HMAC-SHA256 with a credential, signed headers and a signature"
    )]
    Malformed,
    #[error("the access key is not known")]
    UnknownKey,
    #[error("Credential should be scoped to a valid region, not '{0}'.")]
    WrongRegion(String),
    #[error("Credential should be scoped to correct service: '{0}'.")]
    WrongService(&'static str),
    #[error("the request's date is missing, malformed, not the scope's, or more than five minutes off")]
    Date,
    #[error("the header {0} must be signed")]
    UnsignedHeader(String),
    #[error("the signature does not match")]
    Mismatch,
}

/// Reads `access/date/region/service/aws4_request`.
pub(crate) fn parse_scope(credential: &str) -> Option<Scope<'_>> {
    let mut parts = credential.split('/');
    let scope = Scope {
        access_key: parts.next()?,
        date: parts.next()?,
        region: parts.next()?,
        service: parts.next()?,
    };
    (parts.next() == Some("aws4_request") && parts.next().is_none()).then_some(scope)
}

/// Reads an `Authorization` header of version 4.
pub(crate) fn parse_authorization(value: &str) -> Option<Authorization<'_>> {
    let fields = value.strip_prefix("AWS4-HMAC-SHA256")?;
    let (mut scope, mut signed_headers, mut signature) = (None, None, None);
    for field in fields.split(',') {
        match field.trim().split_once('=')? {
            ("Credential", v) => scope = Some(parse_scope(v)?),
            ("SignedHeaders", v) => signed_headers = Some(v.split(';').collect()),
            ("Signature", v) => signature = Some(v),
            _ => return None,
        }
    }
    Some(Authorization { scope: scope?, signed_headers: signed_headers?, signature: signature? })
}

/// What a valid scope must say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) region: &'a str,
    pub(crate) service: &'static str,
}

/// Verifies a request to the path `/` without a query, as KMS takes them.
pub(crate) fn verify(parts: &Parts, body: &[u8], expected: Expected<'_>) -> Result<(), SignatureError> {
    let header = parts.headers.get(http::header::AUTHORIZATION).ok_or(SignatureError::Missing)?;
    let text = header.to_str().ok().ok_or(SignatureError::Malformed)?;
    let authorization = parse_authorization(text).ok_or(SignatureError::Malformed)?;
    let scope = authorization.scope;
    if scope.access_key != ACCESS_KEY_ID {
        return Err(SignatureError::UnknownKey);
    }
    if scope.region != expected.region {
        return Err(SignatureError::WrongRegion(scope.region.to_owned()));
    }
    if scope.service != expected.service {
        return Err(SignatureError::WrongService(expected.service));
    }
    let date = checked_date(&parts.headers, scope)?;
    if let Some(name) = unsigned_header(&parts.headers, &authorization.signed_headers) {
        return Err(SignatureError::UnsignedHeader(name));
    }
    let request = canonical_request(parts, &authorization.signed_headers, body)?;
    let string_to_sign = format!(
        "AWS4-HMAC-SHA256\n{date}\n{}/{}/{}/aws4_request\n{}",
        scope.date,
        scope.region,
        scope.service,
        hex_sha256(request.as_bytes())
    );
    let given = HEXLOWER.decode(authorization.signature.as_bytes()).ok().ok_or(SignatureError::Malformed)?;
    hmac::verify(&signing_key(scope), string_to_sign.as_bytes(), &given).ok().ok_or(SignatureError::Mismatch)
}

/// The first header that AWS requires to be signed and that is not: `host` and everything that begins with `x-amz-`.
pub(crate) fn unsigned_header(headers: &HeaderMap, signed: &[&str]) -> Option<String> {
    let must_be_signed = |name: &&str| *name == "host" || name.starts_with("x-amz-");
    headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(must_be_signed)
        .find(|n| !signed.contains(n))
        .map(str::to_owned)
}

fn checked_date<'a>(headers: &'a HeaderMap, scope: Scope<'_>) -> Result<&'a str, SignatureError> {
    let text = headers.get("x-amz-date").and_then(|v| v.to_str().ok()).ok_or(SignatureError::Date)?;
    let parsed = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ").ok().ok_or(SignatureError::Date)?;
    let signed_ms = u64::try_from(parsed.and_utc().timestamp_millis()).ok().ok_or(SignatureError::Date)?;
    if signed_ms.abs_diff(clock::real_ms()) > MAX_SKEW_MS || !text.starts_with(scope.date) {
        return Err(SignatureError::Date);
    }
    Ok(text)
}

fn canonical_request(parts: &Parts, signed: &[&str], body: &[u8]) -> Result<String, SignatureError> {
    let mut out = format!("{}\n/\n\n", parts.method);
    for name in signed {
        let values: Vec<String> = parts
            .headers
            .get_all(*name)
            .iter()
            .map(|v| v.to_str().map(|v| v.split_whitespace().collect::<Vec<_>>().join(" ")))
            .collect::<Result<_, _>>()
            .ok()
            .ok_or(SignatureError::Malformed)?;
        if values.is_empty() {
            return Err(SignatureError::Mismatch);
        }
        let _ = writeln!(out, "{name}:{}", values.join(","));
    }
    let _ = write!(out, "\n{}\n{}", signed.join(";"), hex_sha256(body));
    Ok(out)
}

fn signing_key(scope: Scope<'_>) -> hmac::Key {
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{SECRET_ACCESS_KEY}").as_bytes());
    for part in [scope.date, scope.region, scope.service, "aws4_request"] {
        let tag = hmac::sign(&key, part.as_bytes());
        key = hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref());
    }
    key
}

fn hex_sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const SCOPE: Scope<'_> =
        Scope { access_key: "local", date: "20150830", region: "us-east-1", service: "kms" };

    #[test]
    fn a_scope_has_five_parts_and_the_right_end() {
        assert_eq!(parse_scope("local/20150830/us-east-1/kms/aws4_request"), Some(SCOPE));
        for wrong in [
            "",
            "local/20150830/us-east-1/kms",
            "local/20150830/us-east-1/kms/aws5_request",
            "a/b/c/d/aws4_request/e",
        ] {
            assert_eq!(parse_scope(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_old_or_foreign_date_is_refused() {
        let dated = |ms: u64| {
            let date = chrono::DateTime::from_timestamp_millis(i64::try_from(ms).unwrap()).unwrap();
            let mut headers = HeaderMap::new();
            let text = date.format("%Y%m%dT%H%M%SZ").to_string();
            headers.insert("x-amz-date", HeaderValue::from_str(&text).unwrap());
            (headers, date.format("%Y%m%d").to_string())
        };
        let check = |ms: u64, day: Option<&str>| {
            let (headers, own_day) = dated(ms);
            checked_date(&headers, Scope { date: day.unwrap_or(&own_day), ..SCOPE }).map(drop)
        };
        let now = clock::real_ms();
        assert_eq!(check(now, None), Ok(()));
        assert_eq!(check(now, Some("20150830")), Err(SignatureError::Date));
        assert_eq!(check(now - MAX_SKEW_MS - 2000, None), Err(SignatureError::Date));
        assert_eq!(check(now + MAX_SKEW_MS + 2000, None), Err(SignatureError::Date));
        assert_eq!(checked_date(&HeaderMap::new(), SCOPE), Err(SignatureError::Date));
    }
}
