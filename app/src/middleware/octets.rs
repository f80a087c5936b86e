//! Bodies that are a document's bytes: handed on piece by piece as they come, never held whole, and cut when they come too
//! slowly. Only handlers that ask for this take such a body; every other route keeps its own small limit.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use futures_util::StreamExt as _;
use std::future::{Ready, ready};
use tokio::time::Instant;

use super::json::BodyRead;
use crate::error::{AppError, BODY_BROKEN, BODY_TOO_SLOW, OCTETS_NEEDED, TOO_LARGE};

/// Time before the minimum rate counts, in milliseconds.
const GRACE_MS: u64 = 10_000;
/// Fewest bytes a second after that; 5 GiB then take four days at most, and an upload's own end is earlier.
const RATE_MIN_BYTES_S: u64 = 16_384;

/// A body of bytes. Nothing of it is read before it is asked for.
pub struct Octets {
    request: HttpRequest,
    payload: Payload,
    started: Option<Instant>,
    received_bytes: u64,
}

impl FromRequest for Octets {
    type Error = AppError;
    type Future = Ready<Result<Octets, AppError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        ready(Ok(Octets { request, payload, started: None, received_bytes: 0 }))
    }
}

impl Octets {
    /// Refuses a body that is not plain bytes, or that says it has another length than it must have.
    ///
    /// # Errors
    /// `octet_stream_needed`, `body_too_large`, or `body_incomplete`.
    pub fn check(&self, expected_bytes: u64) -> Result<(), AppError> {
        let headers = self.request.headers();
        let mut types = headers.get_all(CONTENT_TYPE).map(|value| value.as_bytes());
        let plain = types.next() == Some(b"application/octet-stream") && types.next().is_none();
        if !plain || headers.contains_key(CONTENT_ENCODING) {
            return Err(OCTETS_NEEDED.into());
        }
        let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match said {
            Some(said) if said > expected_bytes => Err(TOO_LARGE.into()),
            Some(said) if said < expected_bytes => Err(BODY_BROKEN.into()),
            _ => Ok(()),
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// `body_too_slow`, or `body_incomplete` when the connection broke.
    pub async fn next(&mut self) -> Result<Option<Bytes>, AppError> {
        let started = *self.started.get_or_insert_with(Instant::now);
        let earned_ms = self.received_bytes.saturating_mul(1_000) / RATE_MIN_BYTES_S;
        let deadline = started + Duration::from_millis(GRACE_MS.saturating_add(earned_ms));
        match tokio::time::timeout_at(deadline, self.payload.next()).await {
            Err(_elapsed) => Err(BODY_TOO_SLOW.into()),
            Ok(Some(Err(_broken))) => Err(BODY_BROKEN.into()),
            Ok(Some(Ok(piece))) => {
                let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
                self.received_bytes = self.received_bytes.saturating_add(length);
                Ok(Some(piece))
            }
            Ok(None) => {
                self.request.extensions_mut().insert(BodyRead);
                Ok(None)
            }
        }
    }

    /// Requires that nothing follows.
    ///
    /// # Errors
    /// `body_too_large`.
    pub async fn end(&mut self) -> Result<(), AppError> {
        while let Some(piece) = self.next().await? {
            if !piece.is_empty() {
                return Err(TOO_LARGE.into());
            }
        }
        Ok(())
    }
}
