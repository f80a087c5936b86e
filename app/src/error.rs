//! One error type for every handler: a public code and sentence for the caller, a private cause for the log.
//!
//! The policy, in one place:
//! no right to know that something exists is 404, known but not allowed is 403, another region's is 421, not ready is 503;
//! every body is RFC 9457 `application/problem+json` with a sentence from this source code, never text from a database,
//! a parser or the caller; the cause is a code, logged once where the response is made.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

/// The media type of every error body (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Seconds a caller is asked to wait when a dependency is away.
const RETRY_AFTER_UNAVAILABLE_S: u32 = 5;

/// What is public about one kind of error: its status, its stable code and its sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// HTTP status.
    pub status: u16,
    /// Stable machine-readable code; clients branch on it.
    pub code: &'static str,
    /// The title a person reads.
    pub title: &'static str,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $status:literal $code:literal $title:literal;)*) => {
        $($(#[$doc])* pub const $name: Kind = Kind { status: $status, code: $code, title: $title };)*
        /// Every kind there is, so that a test can look at all of them.
        pub const KINDS: &[Kind] = &[$($name),*];
    };
}

kinds! {
    /// The body or a parameter breaks a rule; `errors` says where.
    INVALID = 400 "invalid_request" "The request breaks a rule; see errors.";
    /// The body is not JSON.
    NOT_JSON = 400 "not_json" "The body is not valid JSON.";
    /// The cursor was not made by this clinic's server.
    BAD_CURSOR = 400 "bad_cursor" "The cursor is not valid; start again without one.";
    /// The purpose header names no known purpose.
    BAD_PURPOSE = 400 "bad_purpose" "X-Purpose-Of-Use names no known purpose.";
    /// The bytes of a document stopped before its end.
    BODY_BROKEN = 400 "body_incomplete" "The body ended before all bytes had come, or has another length than was announced.";
    /// A request that carries a body where none is allowed.
    UNEXPECTED_BODY = 400 "unexpected_body" "This method takes no body.";
    /// There is no valid session.
    UNAUTHENTICATED = 401 "unauthenticated" "Sign in first.";
    /// The log-in failed; the same for every reason.
    SIGN_IN_FAILED = 401 "sign_in_failed" "The e-mail address or the password is wrong, or the account waits after too many attempts.";
    /// The role may not do this.
    FORBIDDEN = 403 "forbidden" "Your role does not allow this.";
    /// The session has proven a password only.
    SECOND_FACTOR_REQUIRED = 403 "second_factor_required" "Prove a second factor in this session first.";
    /// The session's factor is too old for this.
    STEP_UP_REQUIRED = 403 "step_up_required" "Prove a factor again: this needs one that is at most five minutes old.";
    /// The request did not prove that it comes from this clinic's own pages.
    CSRF = 403 "csrf" "The request does not come from this clinic's own pages.";
    /// The route assertion is missing, altered or expired.
    NOT_ROUTED = 403 "not_routed" "The request did not come through this region's front door.";
    /// The clinic is suspended.
    SUSPENDED = 403 "suspended" "This clinic is suspended.";
    /// Absent, or another clinic's: the caller cannot tell.
    NOT_FOUND = 404 "not_found" "There is nothing here.";
    /// The path exists, the method does not.
    METHOD = 405 "method_not_allowed" "This method is not allowed here.";
    /// The body came too slowly.
    BODY_TOO_SLOW = 408 "body_too_slow" "The body took too long to arrive.";
    /// The MRN belongs to another patient of the clinic.
    MRN_TAKEN = 409 "mrn_taken" "Another patient of this clinic has this MRN.";
    /// The e-mail address already has an account.
    STAFF_EXISTS = 409 "staff_exists" "There is already an account with this e-mail address.";
    /// The code by mail does not sign in.
    CODE_REFUSED = 401 "code_refused" "This code is wrong, used or too old, or was asked for in another browser; ask for a new one.";
    /// The e-mail address is another account's.
    ADDRESS_TAKEN = 409 "address_taken" "Somebody signs in with this e-mail address already.";
    /// A patient has one account.
    PATIENT_HAS_ACCOUNT = 409 "patient_has_account" "The patient signs in with another address; end that access first.";
    /// Somebody stands in for a patient once at a time.
    PROXY_EXISTS = 409 "proxy_exists" "Whoever signs in with this address stands in for the patient already; end that first.";
    /// Nobody stands in for themselves.
    PROXY_IS_PATIENT = 409 "proxy_is_patient" "The patient signs in with this address.";
    /// There are as many as may be written down.
    TOO_MANY_PROXIES = 409 "too_many_proxies" "As many people as may be have stood in for this patient.";
    /// A minor does not end it.
    NOT_OF_AGE = 403 "not_of_age" "Who is not of age cannot end this; ask at the desk of the clinic.";
    /// Without this factor the account would have none.
    LAST_FACTOR = 409 "last_factor" "This is the account's only factor; add another one first.";
    /// The account has as many passkeys as it may.
    TOO_MANY_FACTORS = 409 "too_many_factors" "The account has as many passkeys as it may; remove one first.";
    /// Somebody else has to agree.
    RESET_NOT_YOURS = 409 "reset_not_yours" "Your own factors are reset by somebody else.";
    /// The caller's own account is not the caller's to change.
    OWN_ACCOUNT = 409 "own_account" "Another administrator has to change your own account.";
    /// Emergency access is for patients who are out of reach.
    IN_REACH = 409 "in_reach" "This patient is within your reach already.";
    /// Nobody reviews the own emergency access.
    OWN_ACCESS = 409 "own_access" "Somebody else has to review your own access.";
    /// The account is not in the state that this needs.
    WRONG_STATE = 409 "wrong_state" "The account is not in a state that allows this.";
    /// Every clinic has an open site.
    LAST_SITE = 409 "last_site" "This is the clinic's only open site; add another one or open one again first.";
    /// Whoever registers patients does so at an open site.
    SITES_CLOSED = 409 "sites_closed" "Every site where you work is closed; ask the clinic's administrator to say where you work now.";
    /// The document is in another state than this needs.
    DOCUMENT_STATE = 409 "document_state" "The document is not in a state that allows this.";
    /// The document's bytes were not found clean, or are gone.
    DOCUMENT_NOT_READABLE = 409 "document_not_readable" "The document was not found clean, or its bytes are gone.";
    /// Parts of a document have not come.
    PARTS_MISSING = 409 "parts_missing" "Parts are missing; read the document to see which have come.";
    /// Too many requests to correct one record.
    TOO_MANY_CORRECTIONS = 409 "too_many_corrections" "As many requests as may be open wait for the clinic's answer.";
    /// A request is answered once.
    CORRECTION_ANSWERED = 409 "correction_answered" "This request was answered already.";
    /// There is an open request to erase this patient.
    ERASURE_OPEN = 409 "erasure_open" "There is an open request to erase this patient.";
    /// No request waits for a decision.
    ERASURE_STATE = 409 "erasure_not_waiting" "No request to erase this patient waits for a decision.";
    /// There is no hold to release.
    NO_HOLD = 409 "no_hold" "No legal hold stands.";
    /// Who asks cannot agree.
    SAME_PERSON = 409 "second_person_needed" "A second person must agree to this.";
    /// A legal hold stands.
    UNDER_HOLD = 409 "legal_hold" "A legal hold keeps this record from being erased or deleted.";
    /// A hold stands already.
    HOLD_STANDING = 409 "hold_standing" "A legal hold stands already.";
    /// A support grant is answered once and ends once.
    SUPPORT_OVER = 409 "support_over" "This request of the platform's support was answered already, or is over.";
    /// The clinic was off-boarded.
    GONE = 410 "gone" "This clinic has left.";
    /// The patient's or clinic's key was destroyed.
    KEY_REVOKED = 503 "key_revoked" "The key that protects this record is not usable.";
    /// The record changed since the caller read it.
    STALE = 412 "stale_version" "The record has changed since you read it; read it again.";
    /// The body is larger than the limit.
    TOO_LARGE = 413 "body_too_large" "The body is larger than the limit.";
    /// Only JSON is accepted.
    MEDIA_TYPE = 415 "unsupported_media_type" "Send application/json without a content encoding.";
    /// The bytes of a document came as something else.
    OCTETS_NEEDED = 415 "octet_stream_needed" "Send application/octet-stream without a content encoding.";
    /// The document has no such bytes.
    RANGE = 416 "range_not_satisfiable" "The document has no such range of bytes.";
    /// Another clinic's region, or an older epoch of this one.
    MISDIRECTED = 421 "misdirected" "This request belongs to another place.";
    /// The same Idempotency-Key came with another body.
    IDEMPOTENCY_REUSED = 422 "idempotency_key_reused" "This Idempotency-Key was used for another request.";
    /// The clinic is too large to search by the start of a name alone.
    BIRTH_DATE_NEEDED = 422 "birth_date_needed" "This clinic has too many patients for a search by name alone; add the birth date.";
    /// The invitation is unknown, used or expired.
    INVITATION_INVALID = 422 "invitation_invalid" "The invitation is not valid any more; ask for a new one.";
    /// The code is wrong, was used before, or the account waits; the same for every reason.
    FACTOR_REFUSED = 422 "factor_refused" "The code is wrong or was used, or the account waits after too many attempts.";
    /// The current password is wrong.
    PASSWORD_WRONG = 422 "password_wrong" "The current password is wrong.";
    /// The code does not prove the new address; the same for every reason.
    EMAIL_CODE_REFUSED = 422 "email_code_refused" "This code is wrong, used or too old, or was asked for in another session; ask for a new one.";
    /// The code does not prove the telephone; the same for every reason.
    PHONE_CODE_REFUSED = 422 "phone_code_refused" "This code is wrong, used or too old, or was asked for in another session; ask for a new one.";
    /// The recovery link is unknown, used or expired.
    RECOVERY_INVALID = 422 "recovery_invalid" "The link is not valid any more; ask for a new one.";
    /// If-Match is missing or does not name one version.
    PRECONDITION_NEEDED = 428 "if_match_needed" "Send If-Match with the ETag you read.";
    /// A rate class is used up.
    RATE_LIMITED = 429 "rate_limited" "Too many requests; wait as long as Retry-After says.";
    /// Something broke here; the log knows what.
    INTERNAL = 500 "internal" "Something went wrong here; quote the request id.";
    /// The process is starting or stopping, or a dependency is away.
    UNAVAILABLE = 503 "unavailable" "Not available at the moment.";
    /// The clinic's share of the region's connections is used up, or another request holds what this one needs.
    BUSY = 503 "busy" "Too much is going on in this clinic at the moment; try again.";
    /// The audit log cannot take the entry, so nothing was shown and nothing changed.
    AUDIT_UNAVAILABLE = 503 "audit_unavailable" "The access could not be recorded, so it did not happen.";
}

/// One broken rule: where, as a JSON pointer (RFC 6901) into the request body, and which. Never the value itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// JSON pointer into the request body.
    pub pointer: String,
    /// Stable code of the rule.
    pub code: &'static str,
}

impl FieldError {
    /// A broken rule at a pointer that the caller built from known field names and positions only.
    pub fn new(pointer: impl Into<String>, code: &'static str) -> FieldError {
        FieldError { pointer: pointer.into(), code }
    }
}

/// The body of every error (RFC 9457).
#[derive(Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the kind means, as a sentence.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: &'static str,
    /// The request id, to quote to the clinic's administrator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The broken rules, when the kind is about the body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// What a handler fails with. It is one pointer wide, because almost every function here returns it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.kind.code)]
pub struct AppError(Box<Details>);

/// What an error is made of.
#[derive(Debug, Clone)]
pub struct Details {
    /// The public part.
    pub kind: Kind,
    /// Broken rules, for [`INVALID`].
    pub errors: Vec<FieldError>,
    /// The private cause: a code for the log. It is not text, so it cannot carry a patient's data.
    pub cause: Option<&'static str>,
    /// Why the access was denied, when the denial must leave its own audit entry.
    pub denial: Option<&'static str>,
    /// Seconds for `Retry-After`.
    pub retry_after_s: Option<u32>,
    /// One more header, such as the current epoch.
    pub header: Option<(HeaderName, HeaderValue)>,
}

impl std::ops::Deref for AppError {
    type Target = Details;

    fn deref(&self) -> &Details {
        &self.0
    }
}

impl From<Kind> for AppError {
    fn from(kind: Kind) -> AppError {
        let retry_after_s = match kind.status {
            503 => Some(RETRY_AFTER_UNAVAILABLE_S),
            _ => None,
        };
        AppError(Box::new(Details {
            kind,
            errors: Vec::new(),
            cause: None,
            denial: None,
            retry_after_s,
            header: None,
        }))
    }
}

impl AppError {
    /// Broken rules in the body.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> AppError {
        let mut error = AppError::from(INVALID);
        error.0.errors = errors;
        error
    }

    /// One broken rule in the body.
    #[must_use]
    pub fn invalid_field(pointer: &str, code: &'static str) -> AppError {
        AppError::invalid(vec![FieldError::new(pointer, code)])
    }

    /// What is asked for is not there, or is not the caller's to know of: one answer, and the denial is recorded.
    #[must_use]
    pub fn absent() -> AppError {
        AppError::from(NOT_FOUND).denied("absent")
    }

    /// An internal failure with a cause for the log.
    #[must_use]
    pub fn internal(cause: &'static str) -> AppError {
        AppError::from(INTERNAL).because(cause)
    }

    /// The same error with a cause for the log.
    #[must_use]
    pub fn because(mut self, cause: &'static str) -> AppError {
        self.0.cause = Some(cause);
        self
    }

    /// The same error, whose denial is recorded in the audit log with this reason.
    #[must_use]
    pub fn denied(mut self, reason: &'static str) -> AppError {
        self.0.denial = Some(reason);
        self
    }

    /// The same error with a `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> AppError {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// The same error with one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> AppError {
        self.0.header = Some((name, value));
        self
    }

    /// The same error again; the layer around the handlers gives it the request id.
    #[must_use]
    pub fn copy(&self) -> AppError {
        AppError(self.0.clone())
    }

    /// The response, with the request id as the problem's instance.
    #[must_use]
    pub fn response(&self, request_id: Option<String>) -> HttpResponse {
        let problem = Problem {
            kind: format!("/problems/{}", self.kind.code),
            title: self.kind.title,
            status: self.kind.status,
            code: self.kind.code,
            instance: request_id,
            errors: self.errors.clone(),
        };
        let mut builder = HttpResponse::build(self.status_code());
        builder.insert_header((header::CONTENT_TYPE, PROBLEM_JSON));
        if let Some(seconds) = self.retry_after_s {
            builder.insert_header((header::RETRY_AFTER, seconds));
        }
        if let Some((name, value)) = &self.header {
            builder.insert_header((name.clone(), value.clone()));
        }
        builder.body(serde_json::to_vec(&problem).unwrap_or_default())
    }
}

impl ResponseError for AppError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}
