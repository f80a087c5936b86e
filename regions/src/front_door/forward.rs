//! Sends an accepted request to a backend of this region and passes on only an answer that proves where it was made.

use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::task::Poll;

use http::header::HeaderValue;
use http::request::Parts;
use http::response;
use http::{Method, Request, Response, StatusCode};
use hyper::body::{Body, Incoming};

use super::body::{BodyError, RequestBody, ResponseBody, Transfer};
use super::metrics;
use super::pool::{Lease, Want};
use super::refuse::Refusal;
use super::service::Peer;
use super::upgrade::{self, Asked, Upgrade};
use crate::assertion::{self, Assertion};
use crate::directory::{Lookup, Route, TenantState};
use crate::headers::{RECEIPT, REQUEST_ID, ROUTE, STALE_EPOCH, sanitise_response};
use crate::ids::{RequestId, Slug};
use crate::log::{self, Field};
use crate::receipt::{self, Served};

/// How long an assertion is valid; a backend accepts at most 30 s.
const ASSERTION_LIFE_MS: u64 = 15_000;
/// A first attempt, one after a dead connection, one after a stale epoch.
const ATTEMPTS_MAX: usize = 3;

/// An accepted request on its way out.
pub(super) struct Outbound {
    pub(super) head: Parts,
    pub(super) body: RequestBody,
    pub(super) transfer: Rc<Transfer>,
    pub(super) route: Route,
    pub(super) slug: Slug,
    pub(super) request_id: RequestId,
    pub(super) upgrade: Asked,
}

/// What one attempt came to.
enum Attempt {
    Answered(Response<Incoming>, Lease),
    /// The connection died before anything of the request was taken: it may be sent again.
    Unsent(Request<RequestBody>),
    /// The connection, used before, died without an answer: what changes nothing may be sent again.
    Dropped,
    Failed(Refusal),
}

/// The request as it can be sent again, kept only while it has no body.
struct Spare(Option<Parts>);

/// Sends the request; the answer is the client's, or a refusal.
pub(super) async fn send(peer: &Peer, outbound: Outbound) -> Result<Response<ResponseBody>, Refusal> {
    let Outbound { mut head, body, transfer, mut route, slug, request_id, upgrade } = outbound;
    let id_value = HeaderValue::try_from(request_id.to_string()).ok();
    if let Some(value) = &id_value {
        head.headers.insert(REQUEST_ID, value.clone());
    }
    let spare = Spare(body.is_end_stream().then(|| head.clone()));
    let mut assertion = mint(peer, &mut head, &route, request_id)?;
    let mut request = Request::from_parts(head, body);
    let mut want = if upgrade == Asked::WebSocket { Want::Tunnel } else { Want::Any };
    let mut refreshed = false;
    for _ in 0..ATTEMPTS_MAX {
        let lease = peer.core.pool.lease(want).await.map_err(|error| Refusal::unavailable(error.code()))?;
        let (response, lease) = match attempt(lease, request, &transfer).await {
            Attempt::Answered(response, lease) => (response, lease),
            Attempt::Unsent(unsent) => {
                want = want.fresh();
                request = unsent;
                continue;
            }
            Attempt::Dropped => {
                let head = spare.safe().ok_or_else(|| Refusal::unavailable("backend_closed"))?;
                (request, assertion) = again(peer, head, &route, request_id)?;
                want = want.fresh();
                continue;
            }
            Attempt::Failed(refusal) => return Err(refusal),
        };
        if is_stale(&response) {
            if refreshed || transfer.upload_started() {
                return Err(Refusal::unavailable("stale_epoch"));
            }
            refreshed = true;
            route = refresh(peer, &slug).await?;
            let head = spare.any().ok_or_else(|| Refusal::unavailable("stale_epoch"))?;
            (request, assertion) = again(peer, head, &route, request_id)?;
            continue;
        }
        let (mut parts, incoming) = response.into_parts();
        prove(peer, &mut parts, &assertion, request_id)?;
        if let Some(value) = id_value {
            parts.headers.insert(REQUEST_ID, value);
        }
        metrics::SERVED.inc();
        return pass_on(peer, (parts, incoming), lease, transfer, Granted { asked: upgrade, slug, route });
    }
    Err(Refusal::unavailable("backend_closed"))
}

struct Granted {
    asked: Asked,
    slug: Slug,
    route: Route,
}

impl Spare {
    fn any(&self) -> Option<Parts> {
        self.0.clone()
    }

    /// The head, if repeating the request changes nothing (RFC 9110, 9.2.1).
    fn safe(&self) -> Option<Parts> {
        self.0.clone().filter(|head| matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS))
    }
}

fn again(
    peer: &Peer,
    mut head: Parts,
    route: &Route,
    request_id: RequestId,
) -> Result<(Request<RequestBody>, Assertion), Refusal> {
    let assertion = mint(peer, &mut head, route, request_id)?;
    Ok((Request::from_parts(head, RequestBody::Empty), assertion))
}

/// Signs where the request is meant to go, and puts that into its head.
fn mint(peer: &Peer, head: &mut Parts, route: &Route, request_id: RequestId) -> Result<Assertion, Refusal> {
    let door = peer.door();
    let now_ms = door.clock.now_unix_ms();
    let target = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let assertion = Assertion {
        tenant: route.id,
        region: route.region,
        shard: route.shard,
        epoch: route.epoch,
        method: head.method.as_str().to_owned(),
        path_hash: assertion::path_hash(target),
        nonce: assertion::nonce(),
        issued_ms: now_ms,
        expires_ms: now_ms + ASSERTION_LIFE_MS,
        front_door: door.name.clone(),
        request_id,
        client_ip: peer.ip(),
    };
    // The one way to fail is a method longer than any that exists.
    let value = assertion.mint(&door.route_keys).ok().ok_or_else(|| Refusal::bad_request("method"))?;
    head.headers.insert(ROUTE, value);
    Ok(assertion)
}

async fn attempt(mut lease: Lease, request: Request<RequestBody>, transfer: &Transfer) -> Attempt {
    let reused = lease.reused();
    transfer.leaves_on(lease.upstream());
    let ticket = &transfer.ticket;
    ticket.await_answer();
    let mut sending = std::pin::pin!(lease.sender().try_send_request(request));
    // The clock is the client connection's own, which needs no timer for each request. It starts anew while the body is still
    // coming; the body has its own.
    let sent = poll_fn(|cx| match lease.poll_for(cx, |own| sending.as_mut().poll(own)) {
        Poll::Ready(sent) => Poll::Ready(Some(sent)),
        Poll::Pending if ticket.answer_pending(cx).is_pending() => Poll::Pending,
        Poll::Pending if transfer.upload_done() => Poll::Ready(None),
        Poll::Pending => {
            ticket.await_answer();
            ticket.answer_pending(cx).map(|()| None)
        }
    })
    .await;
    ticket.answered();
    match sent {
        None => Attempt::Failed(Refusal::backend_late()),
        Some(Ok(response)) => Attempt::Answered(response, lease),
        Some(Err(mut failed)) => match failed.take_message() {
            Some(request) => Attempt::Unsent(request),
            None => blame(failed.into_error(), reused, transfer),
        },
    }
}

fn blame(error: hyper::Error, reused: bool, transfer: &Transfer) -> Attempt {
    let body_error =
        std::error::Error::source(&error).and_then(|source| source.downcast_ref::<BodyError>()).copied();
    let refusal = match body_error {
        Some(BodyError::Late) => Refusal::body_late(),
        Some(BodyError::TooLarge) => Refusal::body_too_large(),
        Some(BodyError::Client) => broken_body(transfer),
        Some(BodyError::Foreign) => Refusal::unavailable("verdict"),
        Some(BodyError::Backend) | None if reused => return Attempt::Dropped,
        Some(BodyError::Backend) | None => Refusal::bad_gateway("backend_closed"),
    };
    Attempt::Failed(refusal)
}

/// The client's body ended early: because it was malformed, or because the client left.
fn broken_body(transfer: &Transfer) -> Refusal {
    match transfer.ticket.state().violation() {
        Some(violation) => Refusal::of_violation(violation),
        None => Refusal::bad_request("body_broken_off"),
    }
}

fn is_stale(response: &Response<Incoming>) -> bool {
    response.status() == StatusCode::MISDIRECTED_REQUEST && response.headers().contains_key(STALE_EPOCH)
}

/// Asks for news once, and looks the tenant up again.
async fn refresh(peer: &Peer, slug: &Slug) -> Result<Route, Refusal> {
    let directory = &peer.door().directory;
    if !directory.refresh_now().await {
        log::warn("front_door_refresh_failed", &[]);
    }
    match directory.lookup_slug(slug) {
        Lookup::Found(route) if route.region == peer.door().region && route.state == TenantState::Active => {
            Ok(route)
        }
        _ => Err(Refusal::unavailable("stale_epoch")),
    }
}

/// Checks and removes the receipt, and everything else that is not for the client.
fn prove(
    peer: &Peer,
    parts: &mut response::Parts,
    assertion: &Assertion,
    request_id: RequestId,
) -> Result<(), Refusal> {
    let meant = Served::of(assertion, parts.status.as_u16());
    let mut values = parts.headers.get_all(RECEIPT).iter();
    let result = match (values.next(), values.next()) {
        (None, _) => Err("receipt_missing"),
        (Some(_), Some(_)) => Err("receipt_repeated"),
        (Some(value), None) => receipt::verify(value.as_bytes(), &peer.door().receipt_keys, &meant)
            .map_err(receipt::ReceiptError::code),
    };
    if let Err(code) = result {
        metrics::RECEIPTS_BAD.with_label_values(&[code]).inc();
        let fields = [
            Field::Code(code),
            Field::Tenant(assertion.tenant),
            Field::RequestId(request_id),
            Field::Status(parts.status.as_u16()),
        ];
        log::security("front_door_receipt", &fields);
        return Err(Refusal::bad_gateway(code));
    }
    sanitise_response(&mut parts.headers).map_err(|error| Refusal::bad_gateway(error.code()))
}

fn pass_on(
    peer: &Peer,
    (mut parts, incoming): (response::Parts, Incoming),
    lease: Lease,
    transfer: Rc<Transfer>,
    granted: Granted,
) -> Result<Response<ResponseBody>, Refusal> {
    if parts.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(Response::from_parts(parts, ResponseBody::streaming(incoming, lease, transfer)));
    }
    // Only a 101 that was asked for opens a tunnel; any other would let the backend speak past the rules.
    let backend = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    match (granted.asked, backend) {
        (Asked::WebSocket, Some(backend)) => {
            upgrade::mark(&mut parts.headers);
            peer.state.set_upgraded(Upgrade { backend, lease, slug: granted.slug, route: granted.route });
            Ok(Response::from_parts(parts, ResponseBody::empty()))
        }
        _ => Err(Refusal::bad_gateway("upgrade_unasked")),
    }
}
