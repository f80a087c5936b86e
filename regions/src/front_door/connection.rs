//! One connection from its first byte: ClientHello, the transit verdict, then TLS and HTTP here, a tunnel, or an alert.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rustls::ServerConnection;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::server::TlsStream;

use super::addresses::{Admission, Refusal};
use super::metrics;
use super::serve;
use super::tunnel;
use super::worker::Core;
use crate::directory::record::RegionRecord;
use crate::hosts::{CanonicalHost, HostKind, canonical_host};
use crate::proxy_protocol;
use crate::residency::HelloVerdict;
use crate::sni::{self, HELLO_BYTES_MAX};

/// The most that is read before the ClientHello is complete.
const OPENING_BYTES_MAX: usize = HELLO_BYTES_MAX + proxy_protocol::HEADER_BYTES_MAX;
const OPENING_BYTES: usize = 2 * 1024;
/// TLS alert descriptions (RFC 8446, 6.2).
const ALERT_ACCESS_DENIED: u8 = 49;
const ALERT_INTERNAL_ERROR: u8 = 80;
const ALERT_UNRECOGNIZED_NAME: u8 = 112;
const ALERT_WAIT: Duration = Duration::from_millis(500);

/// Which socket a connection came in at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// The public one.
    Client,
    /// The one for other regions' front doors.
    Peer,
}

/// A connection whose ClientHello was read.
struct Opening {
    stream: TcpStream,
    /// Everything read, without a PROXY header.
    hello: Vec<u8>,
    client: SocketAddr,
    local: SocketAddr,
    server_name: Option<String>,
    /// When the handshake must be over.
    deadline: Instant,
}

/// A client whose TLS ends here.
pub(super) struct Client {
    pub(super) ip: IpAddr,
    pub(super) host: CanonicalHost,
    pub(super) kind: HostKind,
    pub(super) admission: Admission,
}

/// What to do with a connection, from its server name alone.
enum Decision {
    Terminate { host: CanonicalHost, kind: HostKind },
    Forward(RegionRecord),
    Refuse { alert: u8, code: &'static str },
}

/// Serves one connection to its end. Nothing is reported: each way to end is counted where it happens.
pub(super) async fn handle(core: &Rc<Core>, stream: TcpStream, from: SocketAddr, arrived: Arrived) {
    if arrived == Arrived::Peer && !core.door.trusts(from.ip()) {
        turn_away("peer_untrusted");
        return;
    }
    // For a stream from another front door the address that counts is the client's, which the PROXY header names.
    let early = match arrived {
        Arrived::Client => match admit(core, from.ip()) {
            Some(admission) => Some(admission),
            None => return,
        },
        Arrived::Peer => None,
    };
    let opening = match open(core, stream, from, arrived).await {
        Ok(opening) => opening,
        Err(code) => return turn_away(code),
    };
    let admission = match early {
        Some(admission) => admission,
        None => match admit(core, opening.client.ip()) {
            Some(admission) => admission,
            None => return,
        },
    };
    match decide(core, opening.server_name.as_deref(), arrived) {
        Decision::Refuse { alert, code } => {
            turn_away(code);
            send_alert(opening.stream, alert).await;
        }
        Decision::Forward(region) => forward(core, opening, &region).await,
        Decision::Terminate { host, kind } => {
            let client = Client { ip: opening.client.ip().to_canonical(), host, kind, admission };
            match timeout_at(opening.deadline, handshake(core, opening)).await {
                Ok(Ok(stream)) => Box::pin(serve::serve(core, stream, client)).await,
                Ok(Err(_)) => turn_away("handshake_failed"),
                Err(_) => turn_away("handshake_late"),
            }
        }
    }
}

fn turn_away(code: &'static str) {
    metrics::TURNED_AWAY.with_label_values(&[code]).inc();
}

fn admit(core: &Core, ip: IpAddr) -> Option<Admission> {
    match core.door.addresses.admit(ip) {
        Ok(admission) => Some(admission),
        Err(Refusal::Total) => {
            turn_away("connections_max");
            None
        }
        Err(Refusal::Address) => {
            turn_away("connections_per_address_max");
            None
        }
    }
}

/// Reads up to and including the ClientHello; opens nothing.
async fn open(
    core: &Core,
    mut stream: TcpStream,
    from: SocketAddr,
    arrived: Arrived,
) -> Result<Opening, &'static str> {
    let limits = &core.door.limits;
    let deadline = Instant::now() + Duration::from_millis(limits.handshake_ms);
    let first_byte = Duration::from_millis(limits.first_byte_ms);
    stream.set_nodelay(true).ok().ok_or("socket")?;
    let local = stream.local_addr().ok().ok_or("socket")?;
    let mut received = Vec::with_capacity(OPENING_BYTES);
    match timeout(first_byte, stream.read_buf(&mut received)).await {
        Err(_) => return Err("first_byte_late"),
        Ok(Ok(1..)) => {}
        Ok(_) => return Err("closed_early"),
    }
    let mut client = (arrived == Arrived::Client).then_some(from);
    // Each turn reads at least a byte; the bytes are bounded, and so is the time.
    loop {
        if client.is_none() {
            client = take_proxy_header(&mut received)?;
        }
        if let Some(client) = client {
            let progress = sni::inspect(&received).map_err(|error| match error {
                sni::SniError::NotTls => "not_tls",
                sni::SniError::Malformed => "hello_malformed",
                sni::SniError::TooLarge => "hello_too_large",
            })?;
            if let sni::Progress::Complete(server_name) = progress {
                return Ok(Opening { stream, hello: received, client, local, server_name, deadline });
            }
        }
        if received.len() >= OPENING_BYTES_MAX {
            return Err("hello_too_large");
        }
        match timeout_at(deadline, stream.read_buf(&mut received)).await {
            Err(_) => return Err("hello_late"),
            Ok(Ok(1..)) => {}
            Ok(_) => return Err("closed_early"),
        }
    }
}

fn take_proxy_header(received: &mut Vec<u8>) -> Result<Option<SocketAddr>, &'static str> {
    match proxy_protocol::inspect(received) {
        Ok(proxy_protocol::Progress::NeedMore) => Ok(None),
        Ok(proxy_protocol::Progress::Complete { client, consumed }) => {
            received.drain(..consumed);
            Ok(Some(client))
        }
        Err(_) => Err("proxy_header"),
    }
}

fn decide(core: &Core, server_name: Option<&str>, arrived: Arrived) -> Decision {
    let door = &core.door;
    let refuse = |code| Decision::Refuse { alert: ALERT_UNRECOGNIZED_NAME, code };
    let Some(host) = server_name.and_then(|name| canonical_host(name).ok()) else {
        return refuse("sni_missing");
    };
    let kind = door.base.classify(&host);
    match door.directory.matrix().hello(door.region, Some(&kind)) {
        HelloVerdict::Terminate if door.resolver.find(host.as_str()).is_some() => {
            Decision::Terminate { host, kind }
        }
        HelloVerdict::Terminate => refuse("no_certificate"),
        // A stream that one front door forwarded is never forwarded again, whatever the directories say.
        HelloVerdict::Forward(_) if arrived == Arrived::Peer => {
            Decision::Refuse { alert: ALERT_ACCESS_DENIED, code: "forwarded_twice" }
        }
        HelloVerdict::Forward(home) => match door.directory.region(home) {
            Some(record) => Decision::Forward(record),
            None => refuse("region_unknown"),
        },
        HelloVerdict::RefuseTls("transit_refused") => {
            Decision::Refuse { alert: ALERT_ACCESS_DENIED, code: "transit_refused" }
        }
        HelloVerdict::RefuseTls(code) => refuse(code),
    }
}

/// A fatal alert in clear, as a server may send before it has chosen keys (RFC 8446, 5.1).
async fn send_alert(mut stream: TcpStream, description: u8) {
    let alert = [21, 3, 3, 0, 2, 2, description];
    let sending = async {
        stream.write_all(&alert).await?;
        stream.shutdown().await?;
        // Until the client has closed: a reset, caused by bytes we never read, could overtake the alert.
        let mut rest = [0; 512];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    drop(timeout(ALERT_WAIT, sending).await);
}

/// Carries the stream, unopened, to the other region's front door.
async fn forward(core: &Rc<Core>, mut opening: Opening, region: &RegionRecord) {
    if core.tunnels.get() >= core.door.limits.tunnels_per_thread_max {
        return turn_away("tunnels_max");
    }
    core.tunnels.set(core.tunnels.get() + 1);
    let connect = Duration::from_millis(core.door.limits.connect_ms);
    match timeout(connect, reach(region, &opening)).await {
        Ok(Ok(mut peer)) => {
            metrics::PASSED_THROUGH.inc();
            let patience = tunnel::Patience::new(&core.door.limits);
            tunnel::carry(&mut opening.stream, &mut peer, patience, core.drain.clone()).await;
        }
        // The region is down. Nobody else has the key to answer for it, so the client sees the connection end.
        Ok(Err(_)) | Err(_) => {
            turn_away("region_unreachable");
            send_alert(opening.stream, ALERT_INTERNAL_ERROR).await;
        }
    }
    core.tunnels.set(core.tunnels.get().saturating_sub(1));
}

async fn reach(region: &RegionRecord, opening: &Opening) -> io::Result<TcpStream> {
    let mut peer = TcpStream::connect(region.peer_front_door.as_str()).await?;
    peer.set_nodelay(true)?;
    let mut start = proxy_protocol::encode(opening.client, opening.local);
    start.extend_from_slice(&opening.hello);
    peer.write_all(&start).await?;
    Ok(peer)
}

async fn handshake(core: &Core, opening: Opening) -> io::Result<TlsStream<TcpStream>> {
    let Opening { stream, hello, .. } = opening;
    core.door.acceptor.accept_with(stream, |tls| feed(tls, &hello)).await
}

/// Gives rustls what was read from the socket before it.
fn feed(tls: &mut ServerConnection, hello: &[u8]) {
    let mut rest = hello;
    while !rest.is_empty() {
        // An error stays in the connection, which answers with the fitting alert in the handshake that follows.
        let read = tls.read_tls(&mut rest).unwrap_or(0);
        if tls.process_new_packets().is_err() || read == 0 {
            return;
        }
    }
}
