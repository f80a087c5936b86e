//! Answers one request: the verdict from its head alone, then either a refusal or the way to the backend.
//!
//! With HTTP/1 a body stays behind the gate of `strict_io` until the verdict; what shared a TLS record with the head waits there
//! unparsed. With HTTP/2 what a client sends before it sees the refusal lands, unread, in the protocol library's window for
//! the stream and is dropped with the stream's reset. Both are counted as arrived; neither is read.

use std::cell::RefCell;
use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;

use http::header::{CONNECTION, EXPECT, HOST, HeaderMap, HeaderValue, VIA};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body, Incoming};

use super::Door;
use super::body::{RequestBody, ResponseBody, Transfer};
use super::connection::Client;
use super::forward::{self, Outbound};
use super::page::Reader;
use super::refuse::{Closing, Refusal};
use super::state::{ConnectionState, Ticket};
use super::strict::STAND_IN_PATH;
use super::upgrade::{self, Asked};
use super::worker::Core;
use crate::directory::{Lookup, Route};
use crate::headers::{HeaderError, TRACEPARENT, sanitise_request};
use crate::hosts::{HostKind, canonical_host};
use crate::ids::{RequestId, Slug};
use crate::paths::canonical_path;
use crate::residency::{Arrival, Verdict, verdict};
use crate::trace::{self, Context, Open, Said};

/// The client's end of one connection, as its requests see it.
pub(super) struct Peer {
    pub(super) core: Rc<Core>,
    pub(super) state: Rc<ConnectionState>,
    pub(super) client: Client,
    /// The canonical host as a header value, made once.
    pub(super) host_value: HeaderValue,
    /// A `Host` that was not byte for byte the server name, and what it stands for: clients repeat themselves.
    last_other_host: RefCell<Option<(String, HostKind)>>,
}

impl Peer {
    pub(super) fn new(core: Rc<Core>, client: Client, state: Rc<ConnectionState>) -> Self {
        // A canonical host is printable ASCII, so this never falls back.
        let host_value = HeaderValue::from_str(client.host.as_str())
            .unwrap_or_else(|_| HeaderValue::from_static("invalid"));
        Self { core, state, client, host_value, last_other_host: RefCell::new(None) }
    }

    pub(super) fn door(&self) -> &Door {
        &self.core.door
    }

    pub(super) fn ip(&self) -> IpAddr {
        self.client.ip
    }
}

/// The head of a request that this region serves.
struct Accepted {
    /// Goes with the request to where its body is read.
    verdict: Verdict,
    route: Route,
    slug: Slug,
    upgrade: Asked,
}

/// The service that hyper calls. It never fails: a failure is an answer.
pub(super) async fn answer(
    peer: Rc<Peer>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let span = peer.door().tracer.root(&peer.door().clock);
    let method = trace::method_name(request.method().as_str());
    let response = respond(&peer, request, span.as_ref()).await;
    if let Some(span) = span {
        span.finish(Said { method, route: None, status: response.status().as_u16() });
    }
    Ok(response)
}

/// What a refusal has to know of the request that it answers.
struct Asker {
    request_id: RequestId,
    reader: Reader,
    http1: bool,
    had_body: bool,
}

async fn respond(peer: &Peer, request: Request<Incoming>, span: Option<&Open>) -> Response<ResponseBody> {
    let ticket = peer.state.begin();
    let (mut parts, incoming) = request.into_parts();
    // Kept from here on, because the head goes to the backend and a refusal may come after that.
    let asker = Asker {
        request_id: RequestId::random(),
        reader: Reader::of(&parts.headers),
        http1: parts.version != Version::HTTP_2,
        had_body: !incoming.is_end_stream(),
    };
    let accepted = match judge(peer, &mut parts) {
        Ok(accepted) => accepted,
        Err(refusal) => {
            // Dropped unread: for HTTP/2 the stream is reset, for HTTP/1 the connection ends after the answer.
            drop(incoming);
            if asker.had_body {
                peer.state.body_refused();
            }
            return refuse(peer, refusal, &asker);
        }
    };
    if asker.had_body
        && let Some(violation) = peer.state.foresee()
    {
        peer.state.set_violation(violation);
        return refuse(peer, Refusal::of_violation(violation), &asker);
    }
    // Only now: what the client sent under this name is gone.
    if let Some(value) = span.map(Open::context).as_ref().and_then(Context::header) {
        parts.headers.insert(TRACEPARENT, value);
    }
    let upgrade = accepted.upgrade == Asked::WebSocket;
    let outbound = accept(peer, ticket, (parts, incoming), accepted, asker.request_id);
    match forward::send(peer, outbound).await {
        Ok(mut response) => {
            let upgraded = response.status() == StatusCode::SWITCHING_PROTOCOLS;
            if asker.http1 && !upgraded && (upgrade || peer.core.drain.is_on()) {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
        Err(refusal) => refuse(peer, refusal, &asker),
    }
}

fn refuse(peer: &Peer, refusal: Refusal, asker: &Asker) -> Response<ResponseBody> {
    if asker.had_body && asker.http1 {
        peer.state.set_linger();
    }
    let closing = if asker.http1 { Closing::Yes } else { Closing::No };
    refusal.into_response(asker.reader, asker.request_id, closing)
}

/// The verdict on a request, from its head alone. No await, no body: what is refused here was not read.
fn judge(peer: &Peer, parts: &mut Parts) -> Result<Accepted, Refusal> {
    if let Some(violation) = peer.state.violation()
        && parts.uri.path() == STAND_IN_PATH
    {
        return Err(Refusal::of_violation(violation));
    }
    if !peer.client.admission.request() {
        return Err(Refusal::flood());
    }
    if parts.method == Method::TRACE {
        return Err(Refusal::method());
    }
    if came_from_here(&parts.headers, &peer.door().name) {
        return Err(Refusal::looped());
    }
    let kind = requested_host(peer, parts)?;
    let lookup = match &kind {
        HostKind::Tenant { slug, .. } | HostKind::Bare { slug } => peer.door().directory.lookup_slug(slug),
        HostKind::Control | HostKind::Other => Lookup::Unknown,
    };
    let arrival = Arrival {
        entry: peer.door().region,
        sni: &peer.client.kind,
        host: &kind,
        method: &parts.method,
        lookup,
    };
    match (verdict(&peer.door().base, &arrival), kind) {
        (verdict @ Verdict::Serve(route), HostKind::Tenant { slug, .. }) => {
            let upgrade = rewrite(peer, parts)?;
            Ok(Accepted { verdict, route, slug, upgrade })
        }
        // Only a tenant host is ever served; anything else would be a mistake in the rules, and is refused.
        (Verdict::Serve(_), _) => Err(Refusal::unavailable("verdict")),
        (verdict, _) => {
            let origin = |host: &str| origin(peer, lookup, host);
            let refusal = Refusal::of_verdict(verdict, origin, || redirect_target(parts));
            Err(refusal.unwrap_or_else(|| Refusal::unavailable("verdict")))
        }
    }
}

/// What the one host of the request stands for. `Host`, `:authority` and an absolute target must agree (RFC 9110, 7.2).
fn requested_host(peer: &Peer, parts: &Parts) -> Result<HostKind, Refusal> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let header = match (hosts.next(), hosts.next()) {
        (_, Some(_)) => return Err(Refusal::bad_request("host_repeated")),
        (Some(value), None) => {
            Some(value.to_str().ok().ok_or_else(|| Refusal::bad_request("host_character"))?)
        }
        (None, None) => None,
    };
    let authority = parts.uri.authority().map(http::uri::Authority::as_str);
    match (authority, header) {
        (None, None) => Err(Refusal::bad_request("host_missing")),
        (Some(one), None) | (None, Some(one)) => host_kind(peer, one),
        (Some(one), Some(other)) => {
            // Two classes that are the same clinic are not enough: another port or spelling may be another server.
            if one.eq_ignore_ascii_case(other) {
                return host_kind(peer, one);
            }
            Err(Refusal::bad_request("host_mismatch"))
        }
    }
}

fn host_kind(peer: &Peer, text: &str) -> Result<HostKind, Refusal> {
    if is_server_name(text, peer.client.host.as_str()) {
        return Ok(peer.client.kind);
    }
    if let Some((known, kind)) = peer.last_other_host.borrow().as_ref()
        && known == text
    {
        return Ok(*kind);
    }
    let host = canonical_host(text).map_err(|error| Refusal::bad_request(error.code()))?;
    let kind = peer.door().base.classify(&host);
    *peer.last_other_host.borrow_mut() = Some((text.to_owned(), kind));
    Ok(kind)
}

/// The common case without parsing: the server name itself, with or without a port.
fn is_server_name(text: &str, server_name: &str) -> bool {
    match text.strip_prefix(server_name) {
        Some("") => true,
        Some(rest) => rest.strip_prefix(':').is_some_and(|port| {
            // `parse` alone would take a sign.
            port.starts_with(|first: char| ('1'..='9').contains(&first)) && port.parse::<u16>().is_ok()
        }),
        None => false,
    }
}

/// Whether our own mark is in `Via` (RFC 9110, 7.6.3): then the request has been here before.
fn came_from_here(headers: &HeaderMap, name: &str) -> bool {
    headers.get_all(VIA).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|hop| {
            let mut words = hop.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
            words.nth(1) == Some(name.as_bytes())
        })
    })
}

/// Makes the head what the backend may see: canonical path, no field of the connection or the client's claims.
fn rewrite(peer: &Peer, parts: &mut Parts) -> Result<Asked, Refusal> {
    let upgrade = upgrade::asked(parts);
    if upgrade == Asked::Refused {
        return Err(Refusal::bad_request("upgrade_refused"));
    }
    let target = canonical_target(parts)?;
    sanitise_request(&mut parts.headers).map_err(|error| match error {
        HeaderError::TooMany | HeaderError::TooLarge => Refusal::head_too_large(),
        other => Refusal::bad_request(other.code()),
    })?;
    // 100-continue is between the client and us: reading the body is what answers it.
    parts.headers.remove(EXPECT);
    parts.headers.insert(HOST, peer.host_value.clone());
    parts.headers.insert(VIA, peer.door().via.clone());
    if upgrade == Asked::WebSocket {
        upgrade::mark(&mut parts.headers);
    }
    parts.uri = Uri::from(target);
    parts.version = Version::HTTP_11;
    parts.extensions.clear();
    Ok(upgrade)
}

fn canonical_target(parts: &Parts) -> Result<PathAndQuery, Refusal> {
    let missing = || Refusal::bad_request("path_not_absolute");
    let given = parts.uri.path_and_query().ok_or_else(missing)?;
    let path = canonical_path(given.path()).map_err(|error| Refusal::bad_request(error.code()))?;
    if path.as_str() == given.path() {
        return Ok(given.clone());
    }
    let text = match given.query() {
        Some(query) => format!("{}?{query}", path.as_str()),
        None => path.as_str().to_owned(),
    };
    PathAndQuery::try_from(text).ok().ok_or_else(missing)
}

/// Where the clinic that was looked up answers, with its region's public port.
fn origin(peer: &Peer, lookup: Lookup, host: &str) -> String {
    let port = match lookup {
        Lookup::Found(route) => {
            peer.door().directory.region(route.region).map_or(443, |record| record.public_port)
        }
        Lookup::NotReady | Lookup::Unknown => 443,
    };
    if port == 443 { format!("https://{host}") } else { format!("https://{host}:{port}") }
}

fn redirect_target(parts: &Parts) -> String {
    // A path with a second meaning is not repeated to the client.
    canonical_target(parts).map_or_else(|_| "/".to_owned(), |target| target.as_str().to_owned())
}

fn accept(
    peer: &Peer,
    ticket: Ticket,
    (head, incoming): (Parts, Incoming),
    accepted: Accepted,
    request_id: RequestId,
) -> Outbound {
    let transfer = Transfer::new(ticket, &accepted.verdict, peer.door().region);
    let body = RequestBody::new(incoming, &transfer, peer.door().limits.body_bytes_max);
    if !body.is_end_stream() {
        // From here on, and not before, body bytes may be read.
        peer.state.open_gate();
    }
    let Accepted { route, slug, upgrade, .. } = accepted;
    Outbound { head, body, transfer, route, slug, request_id, upgrade }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_way_accepts_only_the_server_name_and_a_port() {
        for good in ["a.us.example", "a.us.example:443", "a.us.example:1", "a.us.example:65000"] {
            assert!(is_server_name(good, "a.us.example"), "{good}");
        }
        for other in [
            "a.us.example.",
            "A.us.example",
            "a.us.example:",
            "a.us.example:0",
            "a.us.example:123456",
            "a.us.example:65536",
            "a.us.example:+1",
            "a.us.examplex",
            "b.us.example",
            "a.us.example:4a",
        ] {
            assert!(!is_server_name(other, "a.us.example"), "{other}");
        }
    }

    #[test]
    fn only_our_own_mark_is_a_loop() {
        let via = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(VIA, HeaderValue::from_static(text));
            came_from_here(&headers, "fd-us-1")
        };
        assert!(via("1.1 fd-us-1") && via("1.0 proxy, 1.1  fd-us-1 (x)"));
        assert!(!via("1.1 fd-us-10") && !via("1.1 proxy") && !via("fd-us-1"));
    }
}
