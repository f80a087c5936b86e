//! What is checked before `s3s` sees a request: region and service of the signature, signed headers, expiry, sizes.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use s3s::Body;

use super::body::MAX_OBJECT_BYTES;
use crate::sigv4::{self, Scope};

/// The longest life of a presigned link, in seconds (seven days, as in AWS).
const MAX_LINK_LIFE_S: u64 = 7 * 24 * 60 * 60;

/// A refusal before any operation was chosen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    code: &'static str,
    status: StatusCode,
    message: String,
    region: Option<String>,
}

/// The parts of a request that are judged here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) method: &'a Method,
    pub(super) query: &'a str,
    pub(super) headers: &'a HeaderMap,
}

/// Judges a request head by the region and account of this server.
pub(super) fn check(head: Head<'_>, region: &str, account: &str) -> Result<(), Refusal> {
    check_size(head)?;
    if let Some(owner) = text(head.headers, "x-amz-expected-bucket-owner")
        && owner != account
    {
        return Err(refusal("AccessDenied", StatusCode::FORBIDDEN, "the bucket belongs to another account"));
    }
    if let Some(value) = head.headers.get(AUTHORIZATION) {
        return check_header(head, value.to_str().unwrap_or_default(), region);
    }
    if parameter(head.query, "Signature").is_some() {
        return Err(old_signature());
    }
    match parameter(head.query, "X-Amz-Credential") {
        Some(credential) => check_link(head, &credential, region),
        // Without any signature; `s3s` refuses it.
        None => Ok(()),
    }
}

fn check_header(head: Head<'_>, value: &str, region: &str) -> Result<(), Refusal> {
    const CODE: &str = "AuthorizationHeaderMalformed";
    if !value.starts_with("AWS4-HMAC-SHA256") {
        return Err(old_signature());
    }
    let Some(authorization) = sigv4::parse_authorization(value) else {
        return Err(refusal(CODE, StatusCode::BAD_REQUEST, "The authorization header is malformed."));
    };
    check_scope(CODE, authorization.scope, region)?;
    check_signed(head.headers, &authorization.signed_headers)
}

fn check_link(head: Head<'_>, credential: &str, region: &str) -> Result<(), Refusal> {
    const CODE: &str = "AuthorizationQueryParametersError";
    let bad = |why: &str| refusal(CODE, StatusCode::BAD_REQUEST, why);
    let scope =
        sigv4::parse_scope(credential).ok_or_else(|| bad("the X-Amz-Credential parameter is malformed"))?;
    check_scope(CODE, scope, region)?;
    let life_s: Option<u64> = parameter(head.query, "X-Amz-Expires").and_then(|e| e.parse().ok());
    if life_s.is_none_or(|s| s > MAX_LINK_LIFE_S) {
        return Err(bad("X-Amz-Expires must be a number of seconds, at most a week"));
    }
    let signed = parameter(head.query, "X-Amz-SignedHeaders").unwrap_or_default();
    check_signed(head.headers, &signed.split(';').collect::<Vec<_>>())
}

fn check_scope(code: &'static str, scope: Scope<'_>, region: &str) -> Result<(), Refusal> {
    if scope.region != region {
        let message = format!(
            "The authorization header is malformed; the region '{}' is wrong; expecting '{region}'",
            scope.region
        );
        let region = Some(region.to_owned());
        return Err(Refusal { code, status: StatusCode::BAD_REQUEST, message, region });
    }
    if scope.service != "s3" {
        let message = format!("incorrect service '{}'. This endpoint belongs to 's3'.", scope.service);
        return Err(refusal(code, StatusCode::BAD_REQUEST, message));
    }
    Ok(())
}

fn check_signed(headers: &HeaderMap, signed: &[&str]) -> Result<(), Refusal> {
    match sigv4::unsigned_header(headers, signed) {
        None => Ok(()),
        Some(name) => {
            let message = format!("There were headers present in the request which were not signed: {name}");
            Err(refusal("AccessDenied", StatusCode::FORBIDDEN, message))
        }
    }
}

fn check_size(head: Head<'_>) -> Result<(), Refusal> {
    let length: Option<u64> = text(head.headers, CONTENT_LENGTH.as_str()).and_then(|v| v.parse().ok());
    let decoded: Option<u64> =
        text(head.headers, "x-amz-decoded-content-length").and_then(|v| v.parse().ok());
    if decoded.or(length).is_some_and(|bytes| bytes > MAX_OBJECT_BYTES) {
        let message = "Your proposed upload exceeds the maximum allowed size";
        return Err(refusal("EntityTooLarge", StatusCode::BAD_REQUEST, message));
    }
    let form =
        text(head.headers, CONTENT_TYPE.as_str()).is_some_and(|t| t.starts_with("multipart/form-data"));
    if *head.method == Method::POST && form {
        let message = "localaws does not implement uploads from HTML forms";
        return Err(refusal("NotImplemented", StatusCode::NOT_IMPLEMENTED, message));
    }
    Ok(())
}

fn old_signature() -> Refusal {
    let message =
        "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.";
    refusal("InvalidRequest", StatusCode::BAD_REQUEST, message)
}

fn refusal(code: &'static str, status: StatusCode, message: impl Into<String>) -> Refusal {
    Refusal { code, status, message: message.into(), region: None }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// The value of a query parameter, percent-decoded.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(n, _)| *n == name).map(|(_, value)| percent_decode(value)).next()
}

fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let hex = (byte == b'%').then(|| tail.split_first_chunk::<2>()).flatten();
        let value =
            hex.and_then(|(h, _)| std::str::from_utf8(h).ok()).and_then(|h| u8::from_str_radix(h, 16).ok());
        match (value, hex) {
            (Some(value), Some((_, after))) => {
                out.push(value);
                rest = after;
            }
            _ => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

impl Refusal {
    /// The refusal as S3 writes it.
    pub(super) fn into_response(self) -> Response<Body> {
        let region =
            self.region.as_deref().map(|r| format!("<Region>{}</Region>", escape(r))).unwrap_or_default();
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>{region}</Error>",
            self.code,
            escape(&self.message)
        );
        let mut response = Response::new(Body::from(xml));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        if let Some(value) = self.region.and_then(|r| HeaderValue::from_str(&r).ok()) {
            headers.insert("x-amz-bucket-region", value);
        }
        response
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
