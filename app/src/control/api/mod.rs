//! The platform API: what every request goes through before its handler, and the handlers, one file an area.

pub mod cookie;
pub mod directory;
pub mod enrolments;
pub mod geography;
pub mod openapi;
pub mod passkeys;
pub mod problems;
pub mod sessions;
pub mod support;
pub mod tenants;

use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::str::FromStr;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use regions::ids::RequestId;
use regions::log::{self, Field};
use serde::de::DeserializeOwned;

use super::Control;
use super::access::{Action, may};
use super::admins;
use super::audit::{Actor, By};
use super::routes::{self, PlatformRoute};
use super::sessions::SignedIn;
use crate::access::Assurance;
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

/// Who asks, in which request: the first argument of every handler. It exists only for requests that may go on.
#[derive(Clone)]
pub struct Ctx {
    inner: Rc<Inner>,
}

struct Inner {
    control: Data<Control>,
    request: RequestId,
    action: Action,
    session: Option<(SignedIn, Token)>,
    /// SHA-256 of the session's token that came with a request to sign in.
    replaces: Option<[u8; 32]>,
}

impl Ctx {
    /// Decides from the head alone whether a request may go on: for a route that is not public there must be a session of somebody
    /// whose role allows the action, and a change must come from our own pages and, with a session, carry its token.
    async fn admit(
        control: Data<Control>,
        request: &ServiceRequest,
        id: RequestId,
        action: Action,
    ) -> Result<Self, AppError> {
        let headers = request.headers();
        let safe = csrf::is_safe(request.method());
        let refused = |why: &'static str| AppError::from(error::CSRF).because(why);
        let (session, replaces) = match cookie::read(headers) {
            // A sign-in begins a new session whatever the old one was.
            Some(token) if action.is_public() => (None, Some(token.hash())),
            Some(token) => {
                let found = super::sessions::session(&control.store, &token, control.sign_in).await?;
                (found.map(|signed_in| (signed_in, token)), None)
            }
            None => (None, None),
        };
        if session.is_none() && !action.is_public() {
            return Err(error::UNAUTHENTICATED.into());
        }
        if !safe {
            csrf::check_origin(headers, &control.origins).map_err(refused)?;
            if let Some((signed_in, _)) = &session {
                csrf::check_token(headers, &signed_in.csrf_hash).map_err(refused)?;
            }
            // Signing in and out goes on, so that somebody can look.
            let to_look = matches!(
                action,
                Action::SessionCreate
                    | Action::SessionChallenge
                    | Action::SessionCreatePasskey
                    | Action::SessionEnd
            );
            if !to_look {
                control.check_log().await?;
            }
        }
        if let Some((signed_in, _)) = &session
            && !may(signed_in.role, action)
        {
            admins::refused(&control.store, By { actor: Actor::Admin(signed_in.admin), request: id }, action)
                .await?;
            return Err(error::FORBIDDEN.into());
        }
        Ok(Self { inner: Rc::new(Inner { control, request: id, action, session, replaces }) })
    }

    /// The control plane.
    #[must_use]
    pub fn control(&self) -> &Control {
        &self.inner.control
    }

    /// Who acts, for the audit.
    #[must_use]
    pub fn by(&self) -> By {
        let session = self.inner.session.as_ref();
        let actor = session.map_or(Actor::Anonymous, |(signed_in, _)| Actor::Admin(signed_in.admin));
        By { actor, request: self.inner.request }
    }

    /// Admits anyone to an action that is open to them.
    ///
    /// # Errors
    /// When the route table names another action for this route, or one that is not open.
    pub fn anyone(&self, action: Action) -> Result<(), AppError> {
        if action == self.inner.action && action.is_public() {
            Ok(())
        } else {
            Err(AppError::internal("route.action"))
        }
    }

    /// Admits a signed-in administrator.
    ///
    /// # Errors
    /// `unauthenticated` without a session; an internal error when the route table names another action for this route.
    pub fn allow(&self, action: Action) -> Result<&SignedIn, AppError> {
        self.session(action).map(|(signed_in, _)| signed_in)
    }

    /// As [`Ctx::allow`], for what changes how somebody signs in and what cannot be undone: what the session proved is at most five minutes old.
    ///
    /// # Errors
    /// As [`Ctx::allow`], and `step_up_required`.
    pub fn allow_fresh(&self, action: Action) -> Result<&SignedIn, AppError> {
        let signed_in = self.allow(action)?;
        let now = self.control().store.now();
        Assurance::StepUp
            .check(signed_in.proven_at, now)
            .map_err(|_unsure| AppError::from(error::STEP_UP_REQUIRED))?;
        Ok(signed_in)
    }

    /// SHA-256 of the token of the session that a sign-in takes the place of.
    #[must_use]
    pub fn replaces(&self) -> Option<[u8; 32]> {
        self.inner.replaces
    }

    /// As [`Ctx::allow`], with the session's token for those who show or end it.
    ///
    /// # Errors
    /// As [`Ctx::allow`].
    pub fn session(&self, action: Action) -> Result<(&SignedIn, &Token), AppError> {
        if action != self.inner.action {
            return Err(AppError::internal("route.action"));
        }
        let (signed_in, token) = self.inner.session.as_ref().ok_or(error::UNAUTHENTICATED)?;
        Ok((signed_in, token))
    }
}

impl FromRequest for Ctx {
    type Error = AppError;
    type Future = Ready<Result<Self, AppError>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(request.extensions().get::<Self>().cloned().ok_or_else(|| AppError::internal("route.ctx")))
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

/// The outermost layer of the platform API: the request id, the host, who may go on, one form for every error, the
/// headers that every answer carries, one log line a request.
///
/// # Errors
/// Only with a complete answer inside.
pub async fn envelope<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let id = RequestId::random();
    let Some(control) = request.app_data::<Data<Control>>().cloned() else {
        return Err(AppError::internal("control.missing").into());
    };
    let started_ms = control.clock.now_unix_ms();
    let route = request.match_pattern().and_then(|pattern| routes::find(request.method(), &pattern));
    if let Err(problem) = admit(&control, &request, id, route).await {
        let refused = failed(&problem.into(), id);
        let done = Done { id, route, took_ms: control.clock.now_unix_ms().saturating_sub(started_ms) };
        return Ok(request.into_response(done.close(refused)));
    }
    let handled = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let done = Done { id, route, took_ms: control.clock.now_unix_ms().saturating_sub(started_ms) };
    match handled {
        Ok(Ok(response)) => {
            let (head, response) = response.into_parts();
            let response = match response.error() {
                Some(failure) => failed(failure, id),
                None => response.map_into_boxed_body(),
            };
            Ok(ServiceResponse::new(head, done.close(response)))
        }
        Ok(Err(failure)) => Err(done.broken(&failure)),
        Err(_panic) => Err(done.broken(&AppError::internal("panic").into())),
    }
}

/// A request that has its answer.
struct Done {
    id: RequestId,
    route: Option<&'static PlatformRoute>,
    took_ms: u64,
}

impl Done {
    /// The complete answer to a request whose handler did not come back with one.
    fn broken(&self, failure: &actix_web::Error) -> actix_web::Error {
        let response = self.close(failed(failure, self.id));
        actix_web::error::InternalError::from_response("service", response).into()
    }

    /// Gives the answer the headers that every answer has, and writes the one log line.
    fn close(&self, mut response: HttpResponse) -> HttpResponse {
        secure(&mut response, self.id);
        log::info(
            "request",
            &[
                Field::RequestId(self.id),
                Field::Route(self.route.map_or("unmatched", |route| route.path)),
                Field::Status(response.status().as_u16()),
                Field::DurationUs(self.took_ms.saturating_mul(1_000)),
            ],
        );
        response
    }
}

async fn admit(
    control: &Data<Control>,
    request: &ServiceRequest,
    id: RequestId,
    route: Option<&'static PlatformRoute>,
) -> Result<(), AppError> {
    // The address of the connection, never one that a header claims; all without one share a budget.
    let client = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    control.floods.check(client)?;
    if !is_ours(request, &control.host) {
        return Err(WRONG_HOST.into());
    }
    // An unknown path or method goes on to its 404 or 405, which look at nothing.
    if let Some(route) = route {
        let ctx = Ctx::admit(Data::clone(control), request, id, route.action).await?;
        request.extensions_mut().insert(ctx);
    }
    Ok(())
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
        if problem.kind.status >= 500 {
            log::error("request.failed", &fields)
        } else {
            log::warn("request.refused", &fields)
        }
    }
    problem.response(Some(id.to_string()))
}

/// The platform API answers on its own host only, so that no other host's pages share its origin. A second `Host` is
/// refused by the HTTP parser.
fn is_ours(request: &ServiceRequest, host: &str) -> bool {
    let from_header = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let named =
        request.uri().authority().map(|authority| authority.as_str()).or(from_header).unwrap_or_default();
    let bare = named
        .rsplit_once(':')
        .map_or(named, |(name, port)| if port.bytes().all(|b| b.is_ascii_digit()) { name } else { named });
    bare.eq_ignore_ascii_case(host)
}

fn secure(response: &mut HttpResponse, id: RequestId) {
    crate::middleware::secure::write(response);
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
}
