//! Answers that the front door gives itself, from constants and host names only: one RFC 9457 problem for each reason, or a page
//! that says the same to a person.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::body::ResponseBody;
use super::metrics;
use super::page::{self, Reader};
use super::strict::Violation;
use crate::headers::REQUEST_ID;
use crate::ids::RequestId;
use crate::residency::Verdict;

const CLOSE: HeaderValue = HeaderValue::from_static("close");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const HSTS: HeaderName = http::header::STRICT_TRANSPORT_SECURITY;
const HSTS_VALUE: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// One answer of the front door's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    right_host: Option<String>,
    /// The origin of the right host.
    way: Option<String>,
    retry_after_s: Option<u16>,
    location: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, right_host: None, way: None, retry_after_s: None, location: None }
    }

    /// 400.
    pub(super) fn bad_request(code: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "The request has no single meaning.")
    }

    /// 431.
    pub(super) fn head_too_large() -> Self {
        let title = "The request's head is too large.";
        Self::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", title)
    }

    /// 413.
    pub(super) fn body_too_large() -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "The request's body is too large.")
    }

    /// 405.
    pub(super) fn method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not served.")
    }

    /// 408.
    pub(super) fn body_late() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_late", "The request's body came too slowly.")
    }

    /// 429.
    pub(super) fn flood() -> Self {
        let title = "Too many requests from this address.";
        Self { retry_after_s: Some(1), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "address_rate", title) }
    }

    /// 508.
    pub(super) fn looped() -> Self {
        let title = "The request came back to where it has been.";
        Self::new(StatusCode::LOOP_DETECTED, "loop_detected", title)
    }

    /// 502: the backend broke the protocol, or its answer carries no proof of where it was made.
    pub(super) fn bad_gateway(code: &'static str) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, code, "The region's answer cannot be passed on.")
    }

    /// 503: this region cannot answer now, and no other region will.
    pub(super) fn unavailable(code: &'static str) -> Self {
        let title = "The clinic's region cannot answer now.";
        Self { retry_after_s: Some(2), ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, title) }
    }

    /// 504.
    pub(super) fn backend_late() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "backend_late", "The clinic's region did not answer in time.")
    }

    pub(super) fn of_violation(violation: Violation) -> Self {
        match violation {
            Violation::Framing(code) => Self::bad_request(code),
            Violation::HeadTooLarge => Self::head_too_large(),
            Violation::BodyTooLarge => Self::body_too_large(),
            Violation::Method => Self::method(),
        }
    }

    /// The answer to a verdict other than `Serve`, which gives `None`. `origin` makes a host's origin, `target` says what was
    /// asked for there.
    pub(super) fn of_verdict(
        verdict: Verdict,
        origin: impl FnOnce(&str) -> String,
        target: impl FnOnce() -> String,
    ) -> Option<Self> {
        let refusal = match verdict {
            Verdict::Serve(_) => return None,
            Verdict::Redirect308 { right_host } => {
                let title = "This clinic answers at its own host.";
                let way = origin(&right_host);
                let location = Some(format!("{way}{}", target()));
                let moved = Self::new(StatusCode::PERMANENT_REDIRECT, "tenant_host", title);
                Self { location, way: Some(way), right_host: Some(right_host), ..moved }
            }
            Verdict::Misdirected421 { right_host } => {
                let title = "This host is not answered on this connection.";
                let way = right_host.as_deref().map(origin);
                Self { right_host, way, ..Self::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", title) }
            }
            Verdict::Unknown404 => {
                Self::new(StatusCode::NOT_FOUND, "clinic_unknown", "There is no such clinic.")
            }
            Verdict::NotReady503 => Self::unavailable("directory_not_ready"),
            Verdict::Suspended403 => {
                Self::new(StatusCode::FORBIDDEN, "clinic_suspended", "This clinic is suspended.")
            }
            Verdict::Gone410 => Self::new(StatusCode::GONE, "clinic_gone", "This clinic no longer exists."),
            Verdict::BadRequest400(code) => Self::bad_request(code),
        };
        Some(refusal)
    }

    /// The response: a page for a person, the problem for a program. `closing` says whether the HTTP/1 connection ends with it.
    pub(super) fn into_response(
        self,
        reader: Reader,
        request_id: RequestId,
        closing: Closing,
    ) -> Response<ResponseBody> {
        metrics::REFUSED.with_label_values(&[self.code]).inc();
        let (media_type, text) = match reader {
            Reader::Person => (page::HTML, page::text(self.status, self.title, self.way.as_deref())),
            Reader::Program => (PROBLEM_JSON, self.problem(request_id)),
        };
        let mut response = Response::new(ResponseBody::own(Bytes::from(text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, media_type);
        if reader == Reader::Person {
            page::guard(headers);
        }
        headers.insert(CACHE_CONTROL, NO_STORE);
        headers.insert(HSTS, HSTS_VALUE);
        if let Ok(value) = HeaderValue::try_from(request_id.to_string()) {
            headers.insert(REQUEST_ID, value);
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(location) = self.location.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(LOCATION, location);
        }
        if closing == Closing::Yes {
            headers.insert(CONNECTION, CLOSE);
        }
        response
    }

    /// The problem for programs.
    fn problem(&self, request_id: RequestId) -> String {
        let mut problem = serde_json::json!({
            "type": format!("/problems/{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "code": self.code,
            "instance": request_id.to_string(),
        });
        if let (Some(right_host), Some(object)) = (self.right_host.as_deref(), problem.as_object_mut()) {
            object.insert("host".to_owned(), right_host.into());
        }
        problem.to_string()
    }
}

/// Whether the connection ends with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing {
    /// HTTP/1: the rest of what the client sends is not read.
    Yes,
    /// HTTP/2: only the stream ends.
    No,
}
