//! The platform API: what every request goes through before its handler, and the handlers, one file an area.

pub mod cookie;
pub mod directory;
pub mod geography;
pub mod openapi;
pub mod problems;
pub mod sessions;
pub mod tenants;

use std::str::FromStr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::future::LocalBoxFuture;
use regions::ids::RequestId;
use regions::log::{self, Field};
use serde::de::DeserializeOwned;

use super::Control;
use super::access::Action;
use super::admins::{self, SignedIn};
use super::audit::{Actor, By};
use crate::auth::csrf;
use crate::auth::token::Token;
use crate::error::{self, AppError};
use crate::middleware::json;
use crate::middleware::limits::{self, BodyError, BodyLimits};
use problems::WRONG_HOST;

/// The request id's header.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Largest body of the platform API, in bytes.
const BODY_MAX_BYTES: usize = 16 * 1024;

/// Who asks, in which request: the first argument of every handler.
pub struct Ctx {
    control: Data<Control>,
    request: RequestId,
    session: Option<(SignedIn, Token)>,
    /// Whether the request may change something: it is safe by method, or proved that it comes from our own pages.
    genuine: Result<(), &'static str>,
    /// The same, for the session's own token.
    bound: Result<(), &'static str>,
}

impl Ctx {
    /// The control plane.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Who acts, for the audit.
    #[must_use]
    pub fn by(&self) -> By {
        let actor = self.session.as_ref().map_or(Actor::Anonymous, |(signed_in, _)| Actor::Admin(signed_in.admin));
        By { actor, request: self.request }
    }

    /// Admits anyone to an action that is open to them.
    ///
    /// # Errors
    /// `csrf` for a change that does not come from our own pages.
    pub fn anyone(&self, action: Action) -> Result<(), AppError> {
        if !action.is_public() {
            return Err(error::UNAUTHENTICATED.into());
        }
        self.genuine.map_err(refused)
    }

    /// Admits a signed-in administrator.
    ///
    /// # Errors
    /// `unauthenticated` without a session, `csrf` for a change without the session's token.
    pub fn allow(&self, action: Action) -> Result<&SignedIn, AppError> {
        self.session(action).map(|(signed_in, _)| signed_in)
    }

    /// As [`Ctx::allow`], with the session's token for those who show or end it.
    ///
    /// # Errors
    /// As [`Ctx::allow`].
    pub fn session(&self, _action: Action) -> Result<(&SignedIn, &Token), AppError> {
        let (signed_in, token) = self.session.as_ref().ok_or(error::UNAUTHENTICATED)?;
        self.genuine.and(self.bound).map_err(refused)?;
        Ok((signed_in, token))
    }
}

fn refused(why: &'static str) -> AppError {
    AppError::from(error::CSRF).because(why)
}

impl FromRequest for Ctx {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let control =
                request.app_data::<Data<Control>>().cloned().ok_or_else(|| AppError::internal("control.missing"))?;
            let headers = request.headers();
            let safe = csrf::is_safe(request.method());
            let genuine = if safe { Ok(()) } else { csrf::check_origin(headers, &control.origins) };
            let session = match cookie::read(headers) {
                Some(token) => admins::session(&control.store, &token).await?.map(|signed_in| (signed_in, token)),
                None => None,
            };
            let bound = match &session {
                Some((signed_in, _)) if !safe => csrf::check_token(headers, &signed_in.csrf_hash),
                _ => Ok(()),
            };
            Ok(Self { control, request: request_id(&request), session, genuine, bound })
        })
    }
}

/// A JSON body of type `T`, within the platform API's limits.
pub struct Json<T>(T);

impl<T> std::ops::Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = AppError;
    type Future = LocalBoxFuture<'static, Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let typed = json::check_media_type(request.headers());
        let mut payload = payload.take();
        Box::pin(async move {
            typed?;
            let limits = BodyLimits { json_max_bytes: BODY_MAX_BYTES, ..BodyLimits::default() };
            let body = limits::read(&mut payload, limits).await.map_err(|fault| match fault {
                BodyError::TooLarge => AppError::from(error::TOO_LARGE),
                BodyError::TooSlow => error::BODY_TOO_SLOW.into(),
                BodyError::Broken => error::NOT_JSON.into(),
            })?;
            Ok(Self(json::parse(&body)?))
        })
    }
}

/// A value that parses itself, or the problem that names its field.
fn parse<T: FromStr>(pointer: &str, text: &str) -> Result<T, AppError> {
    text.parse().map_err(|_error| AppError::invalid_field(pointer, "invalid_value"))
}

fn request_id(request: &HttpRequest) -> RequestId {
    request.extensions().get::<RequestId>().copied().unwrap_or_else(RequestId::random)
}

/// The outermost layer of the platform API: the request id, the host, one form for every error, the headers that every
/// answer carries, one log line a request.
///
/// # Errors
/// Never; the error type is the one actix-web asks for.
pub async fn envelope<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = RequestId::random();
    request.extensions_mut().insert(id);
    let control = request.app_data::<Data<Control>>().cloned();
    let (head, payload) = request.into_parts();
    let started_ms = control.as_ref().map_or(0, |control| control.clock.now_unix_ms());
    let outcome = if control.as_ref().is_some_and(|control| is_ours(&head, &control.host)) {
        next.call(ServiceRequest::from_parts(head.clone(), payload)).await
    } else {
        Err(AppError::from(WRONG_HOST).into())
    };
    let mut response = match outcome {
        Ok(response) => finish(response, id),
        Err(failure) => failed(&failure, id),
    };
    secure(response.headers_mut(), id);
    let ended_ms = control.as_ref().map_or(0, |control| control.clock.now_unix_ms());
    log::info(
        "request",
        &[
            Field::RequestId(id),
            Field::Status(response.status().as_u16()),
            Field::DurationUs(ended_ms.saturating_sub(started_ms).saturating_mul(1_000)),
        ],
    );
    Ok(ServiceResponse::new(head, response))
}

/// An answer of a handler; one that failed inside the router gets the common form too.
fn finish<B: MessageBody + 'static>(response: ServiceResponse<B>, id: RequestId) -> HttpResponse {
    match response.response().error() {
        Some(failure) => failed(failure, id),
        None => response.into_parts().1.map_into_boxed_body(),
    }
}

fn failed(failure: &actix_web::Error, id: RequestId) -> HttpResponse {
    let Some(problem) = failure.as_error::<AppError>() else {
        // Path and query parameters that are not what the route asks for; their text stays here.
        let status = failure.as_response_error().status_code();
        let kind = if status.is_client_error() { error::INVALID } else { error::INTERNAL };
        return AppError::from(kind).response(Some(id.to_string()));
    };
    if let Some(cause) = problem.cause {
        let fields = [Field::RequestId(id), Field::Status(problem.kind.status), Field::Code(cause)];
        if problem.kind.status >= 500 { log::error("request.failed", &fields) } else { log::warn("request.refused", &fields) }
    }
    problem.response(Some(id.to_string()))
}

/// The platform API answers on its own host only, so that no other host's pages share its origin. A second `Host` is
/// refused by the HTTP parser.
fn is_ours(request: &HttpRequest, host: &str) -> bool {
    let from_header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let named = request.uri().authority().map(|authority| authority.as_str()).or(from_header).unwrap_or_default();
    let bare = named.rsplit_once(':').map_or(named, |(name, port)| {
        if port.bytes().all(|b| b.is_ascii_digit()) { name } else { named }
    });
    bare.eq_ignore_ascii_case(host)
}

fn secure(headers: &mut HeaderMap, id: RequestId) {
    const FIXED: [(HeaderName, &str); 6] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000; includeSubDomains"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in FIXED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
}
