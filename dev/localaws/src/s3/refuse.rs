//! Refusals that several operations share.

use std::io;

use http::{HeaderMap, HeaderValue, StatusCode};
use s3s::{S3Error, S3ErrorCode, S3Result};

/// A refusal whose name `s3s` does not know.
pub(super) fn custom(code: &'static str, status: StatusCode, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(status);
    error
}

/// A refusal with one of S3's own names.
pub(super) fn refused(code: S3ErrorCode, message: impl Into<String>) -> S3Error {
    S3Error::with_message(code, message.into())
}

/// A disk failure.
pub(super) fn disk(error: io::Error) -> S3Error {
    S3Error::with_source(S3ErrorCode::InternalError, Box::new(error))
}

/// Something that S3 has and this program does not.
pub(super) fn not_implemented(what: impl std::fmt::Display) -> S3Error {
    S3Error::with_message(S3ErrorCode::NotImplemented, format!("localaws does not implement {what}"))
}

/// Refuses a request that uses a parameter this program would otherwise silently ignore.
pub(super) fn if_present(parameters: &[(&str, bool)]) -> S3Result<()> {
    match parameters.iter().find(|(_, present)| *present) {
        None => Ok(()),
        Some((name, _)) => Err(not_implemented(format!("the parameter {name}"))),
    }
}

/// The answer for a bucket that is in another region: it names the region, and carries no `Location`.
pub(super) fn other_region(bucket: &str, region: &str) -> S3Error {
    let message = format!(
        "The bucket you are attempting to access must be addressed using the specified endpoint: \
         {bucket}.s3.{region}.amazonaws.com"
    );
    let mut error = S3Error::with_message(S3ErrorCode::PermanentRedirect, message);
    error.set_status_code(StatusCode::MOVED_PERMANENTLY);
    if let Ok(value) = HeaderValue::from_str(region) {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-bucket-region", value);
        headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        error.set_headers(headers);
    }
    error
}
