//! WebSocket: which requests may ask for it, and the tunnel after the backend's 101.

use std::rc::Rc;
use std::time::Duration;

use http::header::{CONNECTION, HOST, HeaderMap, HeaderName, SEC_WEBSOCKET_KEY, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method, Version};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};

use super::pool::Lease;
use super::tunnel;
use super::worker::Core;
use crate::directory::{Lookup, Route};
use crate::ids::Slug;

/// How often a tunnel asks whether its tenant is still served here under the same epoch.
const RECHECK_EVERY: Duration = Duration::from_secs(5);
const HANDSHAKE_WAIT: Duration = Duration::from_secs(5);
const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// The backend's side of an accepted upgrade.
pub(super) struct Upgrade {
    pub(super) backend: OnUpgrade,
    /// Keeps the backend connection counted while the tunnel lives.
    pub(super) lease: Lease,
    pub(super) slug: Slug,
    pub(super) route: Route,
}

/// What a request's `Upgrade` header amounts to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// No upgrade.
    No,
    /// A well-formed WebSocket handshake (RFC 6455, 4.1).
    WebSocket,
    /// Any other upgrade, h2c among them, or a malformed one.
    Refused,
}

/// Judges the head, before hop-by-hop fields are removed from it.
pub(super) fn asked(parts: &Parts) -> Asked {
    let headers = &parts.headers;
    if !headers.contains_key(UPGRADE) {
        return if headers.contains_key(HeaderName::from_static("http2-settings")) {
            Asked::Refused
        } else {
            Asked::No
        };
    }
    let one_protocol = headers.get_all(UPGRADE).iter().count() == 1;
    let websocket =
        headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let named = headers.get_all(CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    });
    let well_formed = parts.method == Method::GET
        && parts.version == Version::HTTP_11
        && headers.contains_key(SEC_WEBSOCKET_KEY)
        && headers.contains_key(HOST);
    if one_protocol && websocket && named && well_formed { Asked::WebSocket } else { Asked::Refused }
}

/// Puts back the two hop-by-hop fields that make an upgrade, towards the backend and towards the client.
pub(super) fn mark(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, WEBSOCKET);
}

/// Carries the tunnel until an end closes it, the tenant is no longer served here, or the process stops.
pub(super) async fn run<S: AsyncRead + AsyncWrite>(core: &Rc<Core>, client: S, upgrade: Upgrade) {
    let Ok(Ok(backend)) = timeout(HANDSHAKE_WAIT, upgrade.backend).await else { return };
    let patience = tunnel::Patience::new(&core.door.limits);
    let over = no_longer_served(core, upgrade.slug, upgrade.route);
    tunnel::relay(client, TokioIo::new(backend), patience, core.drain.clone(), over).await;
    drop(upgrade.lease);
}

async fn no_longer_served(core: &Rc<Core>, slug: Slug, route: Route) {
    loop {
        sleep(RECHECK_EVERY).await;
        if core.door.directory.lookup(slug.as_str()) != Lookup::Found(route) {
            return;
        }
    }
}
