//! The one layer around everything: is this request meant for here, may it go on, and what does its answer carry.
//!
//! In this order: the route assertion against this process's own region and directory, the host, the method, the rate
//! class; then the handler; then the headers every answer has and the receipt. Each answer to an authentic assertion gets
//! a receipt, errors too; one to anything else gets none, and the front door will not pass it on.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpResponse, web};
use futures_util::FutureExt as _;
use regions::assertion::{self, Assertion, AssertionError, Expected};
use regions::directory::TenantState;
use regions::hosts::canonical_host;
use regions::log::{self, Field};
use regions::receipt::{self, Served};
use regions::trace::{Open, Said, method_name};

use super::json::BodyRead;
use super::rate::RateState;
use crate::app::App;
use crate::auth::csrf;
use crate::ctx::Clinic;
use crate::error::{
    AppError, GONE, METHOD, MISDIRECTED, NOT_ROUTED, SUSPENDED, UNAVAILABLE, UNEXPECTED_BODY,
};
use crate::oauth::well_known;
use crate::portal;
use crate::routes::{Route, Table};

/// Tells a front door the epoch it should have used.
pub const STALE_EPOCH: HeaderName = HeaderName::from_static("domicile-stale-epoch");

/// A request that is meant for here.
#[derive(Clone)]
pub struct Routed {
    /// What the front door stated, checked.
    pub assertion: Arc<Assertion>,
    /// The clinic, from this process's own directory.
    pub clinic: Arc<Clinic>,
    /// The line of the route table, unless the path or method is unknown.
    pub route: Option<&'static Route>,
}

/// A request that is not served, and whether its assertion was authentic.
struct Refused {
    error: AppError,
    assertion: Option<Arc<Assertion>>,
}

impl Refused {
    fn unproven(error: impl Into<AppError>) -> Refused {
        Refused { error: error.into(), assertion: None }
    }
}

/// What is known about the request after it has been handed on.
struct Seen {
    method: Method,
    has_body: bool,
    started: Instant,
    route: Option<&'static Route>,
    /// The matched pattern in its static form.
    pattern: &'static str,
    assertion: Option<Arc<Assertion>>,
    rate: Option<RateState>,
    /// The request's span, where the front door has begun a trace.
    span: Option<Open>,
}

/// The layer.
///
/// # Errors
/// Only with a complete answer inside, after a panic.
pub async fn edge<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(app) = request.app_data::<web::Data<App>>().cloned() else {
        return Err(AppError::internal("app.missing").into());
    };
    let table = request.app_data::<Table>().copied().unwrap_or_default();
    let matched = request.match_pattern().unwrap_or_default();
    let route = table.find(request.method(), &matched);
    let mut seen = Seen {
        method: request.method().clone(),
        has_body: has_body(request.headers()),
        started: Instant::now(),
        route,
        pattern: route
            .map(|route| route.path)
            .or_else(|| portal::pattern(&matched).or_else(|| well_known::pattern(&matched)))
            .unwrap_or("unmatched"),
        assertion: None,
        rate: None,
        span: app.tracer.child(traceparent(request.headers()), &app.clock),
    };
    if let Err(error) = admit(&app, &request, &mut seen) {
        let response = finish(&app, &seen, error.response(seen.request_id()), Some(&error));
        return Ok(request.into_response(response));
    }
    let handled = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    match handled {
        Ok(Ok(response)) => {
            let (request, response) = response.into_parts();
            let error = response.error().and_then(|error| error.as_error::<AppError>()).map(AppError::copy);
            let mut response = match &error {
                Some(error) => error.response(seen.request_id()),
                None => response.map_into_boxed_body(),
            };
            if seen.has_body && request.extensions().get::<BodyRead>().is_none() {
                // What is left of the body was not looked at; the connection must not be taken for another request.
                response.head_mut().set_connection_type(ConnectionType::Close);
            }
            Ok(ServiceResponse::new(request, finish(&app, &seen, response, error.as_ref())))
        }
        Ok(Err(_)) => Err(broken(&app, &seen, "service.error")),
        Err(_panic) => Err(broken(&app, &seen, "panic")),
    }
}

impl Seen {
    fn request_id(&self) -> Option<String> {
        self.assertion.as_ref().map(|assertion| assertion.request_id.to_string())
    }
}

/// The complete answer to a request whose handler did not come back with one.
fn broken(app: &App, seen: &Seen, cause: &'static str) -> actix_web::Error {
    let error = AppError::internal(cause);
    let mut response = finish(app, seen, error.response(seen.request_id()), Some(&error));
    response.head_mut().set_connection_type(ConnectionType::Close);
    actix_web::error::InternalError::from_response(cause, response).into()
}

/// The place in a trace that the front door gave this request; it removes a client's own.
fn traceparent(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get("traceparent").map(HeaderValue::as_bytes)
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

/// Everything that must hold before a handler runs.
fn admit(app: &App, request: &ServiceRequest, seen: &mut Seen) -> Result<(), AppError> {
    let routed = match prove(app, request, seen.route) {
        Ok(routed) => routed,
        Err(refused) => {
            seen.assertion = refused.assertion;
            return Err(refused.error);
        }
    };
    seen.assertion = Some(Arc::clone(&routed.assertion));
    if !app.pinned.are_held() {
        return Err(AppError::from(UNAVAILABLE).because("pins.failed"));
    }
    if matches!(seen.method, Method::TRACE | Method::CONNECT) {
        return Err(METHOD.into());
    }
    if seen.has_body && !matches!(seen.method, Method::POST | Method::PUT | Method::PATCH) {
        return Err(UNEXPECTED_BODY.into());
    }
    if let Some(route) = seen.route {
        let client = routed.assertion.client_ip;
        seen.rate = Some(app.rates.check(route.rate, routed.assertion.tenant, client)?);
    }
    request.extensions_mut().insert(routed);
    Ok(())
}

/// The assertion against this process's own knowledge.
fn prove(app: &App, request: &ServiceRequest, route: Option<&'static Route>) -> Result<Routed, Refused> {
    let path_and_query = request.uri().path_and_query().map_or("/", |both| both.as_str());
    let now_ms = app.clock.now_unix_ms();
    let expected = Expected { method: request.method().as_str(), path_and_query, now_ms, region: app.region };
    let values = request.headers().get_all(header_name()).map(HeaderValue::as_bytes);
    let checked = assertion::sole(values)
        .and_then(|value| Assertion::verify(value, &app.route_keys, &expected))
        .and_then(|assertion| match csrf::is_safe(request.method()) {
            true => Ok(assertion),
            false => app.nonces.accept(&assertion, now_ms).map(|()| assertion),
        });
    let assertion = match checked {
        Ok(assertion) => Arc::new(assertion),
        Err(error) => return Err(Refused::unproven(unproven(error))),
    };
    match place(app, request, &assertion) {
        Ok(clinic) => Ok(Routed { assertion, clinic: Arc::new(clinic), route }),
        Err(error) => Err(Refused { error, assertion: Some(assertion) }),
    }
}

/// actix-web has its own copy of the header name type.
fn header_name() -> HeaderName {
    HeaderName::from_static("domicile-route")
}

fn unproven(error: AssertionError) -> AppError {
    log::security("assertion_refused", &[Field::Code(error.code())]);
    match error {
        AssertionError::Region => AppError::from(MISDIRECTED).because(error.code()),
        AssertionError::Full => AppError::from(UNAVAILABLE).because(error.code()),
        _ => AppError::from(NOT_ROUTED).because(error.code()),
    }
}

/// The clinic of an authentic assertion, if this process serves it under the same epoch on the same shard.
fn place(app: &App, request: &ServiceRequest, assertion: &Assertion) -> Result<Clinic, AppError> {
    let record = app
        .directory
        .tenant(assertion.tenant)
        .ok_or_else(|| AppError::from(UNAVAILABLE).because("tenant.not_in_directory").retry_after(1))?;
    if record.region != app.region {
        return Err(AppError::from(MISDIRECTED).because("tenant.other_region"));
    }
    if assertion.epoch > record.epoch {
        // The front door knows more than this process; its directory will follow within a second.
        return Err(AppError::from(UNAVAILABLE).because("directory.behind").retry_after(1));
    }
    if assertion.epoch < record.epoch || assertion.shard != record.shard {
        let current = HeaderValue::from(record.epoch.0);
        return Err(AppError::from(MISDIRECTED).because("epoch.stale").with_header(STALE_EPOCH, current));
    }
    match record.state {
        TenantState::Active => {}
        TenantState::Suspended => return Err(SUSPENDED.into()),
        TenantState::Offboarded => return Err(GONE.into()),
    }
    let region = app
        .directory
        .region(app.region)
        .ok_or_else(|| AppError::from(UNAVAILABLE).because("region.unknown"))?;
    let region = region.region;
    let host = app.base.tenant_host(&record.slug, &region.code);
    if requested_host(request).is_none_or(|requested| requested != host) {
        return Err(AppError::from(MISDIRECTED).because("host.other"));
    }
    Ok(Clinic { record, jurisdiction: region.jurisdiction, code: region.code, host })
}

/// The one host the request names, in canonical form; HTTP/2 names it in the URI.
fn requested_host(request: &ServiceRequest) -> Option<String> {
    let mut named = request.headers().get_all(header::HOST);
    let text = match (named.next(), named.next()) {
        (Some(one), None) => one.to_str().ok()?.to_owned(),
        (None, _) => request.uri().authority()?.as_str().to_owned(),
        (Some(_), Some(_)) => return None,
    };
    canonical_host(&text).ok().map(|host| host.as_str().to_owned())
}

/// What every answer carries, and the one log line about it.
fn finish(app: &App, seen: &Seen, mut response: HttpResponse, error: Option<&AppError>) -> HttpResponse {
    let status = response.status().as_u16();
    super::secure::write(&mut response);
    if app.leaving.load(Ordering::Relaxed) {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let headers = response.headers_mut();
    if let Some(rate) = seen.rate {
        rate.write(headers);
    }
    if let Some(assertion) = &seen.assertion {
        if let Ok(id) = HeaderValue::from_str(&assertion.request_id.to_string()) {
            headers.insert(HeaderName::from_static("x-request-id"), id);
        }
        let minted = receipt::mint(&app.receipt_keys, &Served::of(assertion, status));
        if let Some(receipt) = minted.ok().and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
            headers.insert(HeaderName::from_static("domicile-receipt"), receipt);
        }
    }
    report(seen, status, error);
    response
}

fn report(seen: &Seen, status: u16, error: Option<&AppError>) {
    let route = seen.pattern;
    let took = seen.started.elapsed();
    let method = method_name(seen.method.as_str());
    super::metrics::REQUESTS
        .with_label_values(&[route, method, status_class(status)])
        .observe(took.as_secs_f64());
    let mut fields = vec![
        Field::Route(route),
        Field::Method(method),
        Field::Status(status),
        Field::DurationUs(u64::try_from(took.as_micros()).unwrap_or(u64::MAX)),
    ];
    if let Some(assertion) = &seen.assertion {
        fields.push(Field::Tenant(assertion.tenant));
        fields.push(Field::RequestId(assertion.request_id));
    }
    if let Some(span) = &seen.span {
        fields.push(Field::Trace(span.trace()));
        span.finish(Said { method, route: Some(route), status });
    }
    if let Some(error) = error {
        fields.push(Field::Code(error.cause.unwrap_or(error.kind.code)));
    }
    if error.and_then(|error| error.cause) == Some("database_refused") {
        // No statement of the product asks for a right it does not have: somebody's text became part of one.
        log::security("database_refused", &fields);
    }
    match status {
        500.. => log::error("request", &fields),
        _ => log::info("request", &fields),
    }
}

fn status_class(status: u16) -> &'static str {
    match status {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
