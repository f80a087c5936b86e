//! The front door's configuration file: addresses, certificates, keys and every limit with its default.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::directory::feed::FeedConfig;
use crate::hosts::BaseDomain;
use crate::region::RegionName;
use crate::tls::Identity;
use crate::trace::TelemetryConfig;

/// Everything a front door is told. There is deliberately no default region or default backend in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The region this front door stands in; requests of other regions' tenants are never served here.
    pub region: RegionName,
    /// The base domain, e.g. `domicile.example`.
    pub base: BaseDomain,
    /// This front door's name, at most 32 bytes of `a-z 0-9 . -`; part of the assertion and of the hop marker.
    pub name: String,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where other regions' front doors connect with unopened streams.
    pub peer_listen: SocketAddr,
    /// Blocks of addresses from which a stream with a PROXY header is accepted at all.
    pub peer_trusted: Vec<String>,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub admin_listen: SocketAddr,
    /// The socket at which a successor process asks for the listening sockets.
    pub handoff_socket: PathBuf,
    /// Threads, each with its own runtime, listening socket and backend pool; 0 means one for each core.
    #[serde(default)]
    pub threads: usize,
    /// This region's backends.
    pub backends: Vec<SocketAddr>,
    /// Certificates shown to clients.
    pub tls: PublicTls,
    /// How this front door proves itself to the backends, and they to it.
    pub backend_tls: BackendTls,
    /// Where the signed directory comes from.
    pub directory: FeedConfig,
    /// Keys of assertions and receipts.
    pub route: RouteKeys,
    /// Where traces go; nowhere without it.
    #[serde(default)]
    pub telemetry: Option<TelemetryConfig>,
    /// Limits and deadlines.
    #[serde(default)]
    pub limits: Limits,
}

/// Certificates for the tenant hosts of this region and for bare hosts. No other region's certificate belongs here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublicTls {
    /// Chosen by the server name, wildcards included.
    pub certs: Vec<Identity>,
}

/// mTLS towards the backends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackendTls {
    /// The authority that issues backends' certificates.
    pub ca: PathBuf,
    /// This front door's certificate chain.
    pub cert: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// The name every backend's certificate must carry.
    pub server_name: String,
}

/// Files with HMAC keyrings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteKeys {
    /// Keys that sign assertions.
    pub keys: PathBuf,
    /// Keys that verify receipts.
    pub receipts: PathBuf,
}

/// Every limit and deadline. Names carry the unit.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// From accepting a connection to its first byte.
    pub first_byte_ms: u64,
    /// From accepting a connection to the end of the TLS handshake.
    pub handshake_ms: u64,
    /// From the first to the last byte of a request head.
    pub head_ms: u64,
    /// Between requests, and before the first.
    pub idle_ms: u64,
    /// From asking for a backend connection to having one.
    pub connect_ms: u64,
    /// From the end of the request to the head of the backend's response.
    pub response_head_ms: u64,
    /// How long a client may hold back its body before the minimum rate applies.
    pub body_grace_ms: u64,
    /// The rate at which a body must arrive while somebody waits for it.
    pub body_bytes_per_s_min: u64,
    /// How long a client may take nothing of a response that is there.
    pub write_stall_ms: u64,
    /// The whole of one request and its response.
    pub total_ms: u64,
    /// How long a tunnel (another region's stream, a WebSocket) may carry nothing.
    pub tunnel_idle_ms: u64,
    /// The same while the process stops: then a silent tunnel is taken to be between requests.
    pub drain_tunnel_idle_ms: u64,
    /// How long a stopping process waits for what is in flight.
    pub drain_ms: u64,
    /// How long a stopping process keeps idle connections, so that the next request gets an answer with `close`.
    pub drain_idle_ms: u64,
    /// Bytes of one request head.
    pub head_bytes_max: usize,
    /// Header fields of one request.
    pub headers_max: usize,
    /// Bytes of one request body.
    pub body_bytes_max: u64,
    /// Connections in total.
    pub connections_max: usize,
    /// Connections from one address (IPv6: one /64).
    pub connections_per_address_max: u32,
    /// Requests per second from one address; 0 switches the limit off.
    pub requests_per_s_per_address: u32,
    /// How many requests an address may be ahead of its rate.
    pub requests_burst_per_address: u32,
    /// Addresses remembered after their last connection closed.
    pub addresses_max: usize,
    /// HTTP/2 streams at once on a connection.
    pub h2_streams_max: u32,
    /// HTTP/2 window of a stream.
    pub h2_stream_window_bytes: u32,
    /// HTTP/2 window of a connection.
    pub h2_connection_window_bytes: u32,
    /// HTTP/2 streams that the client reset before they were accepted.
    pub h2_pending_resets_max: usize,
    /// HTTP/2 streams that we had to reset because of the client's errors.
    pub h2_error_resets_max: usize,
    /// Idle backend connections kept by each thread.
    pub backend_idle_per_thread_max: usize,
    /// Backend connections of each thread; more requests get 503.
    pub backend_connections_per_thread_max: usize,
    /// How long an idle backend connection is kept; shorter than the backends' own keep-alive.
    pub backend_idle_ms: u64,
    /// Tunnels of each thread.
    pub tunnels_per_thread_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_byte_ms: 1_000,
            handshake_ms: 5_000,
            head_ms: 5_000,
            idle_ms: 60_000,
            connect_ms: 3_000,
            response_head_ms: 60_000,
            body_grace_ms: 5_000,
            body_bytes_per_s_min: 1_024,
            write_stall_ms: 30_000,
            total_ms: 3_600_000,
            tunnel_idle_ms: 300_000,
            drain_tunnel_idle_ms: 10_000,
            drain_ms: 30_000,
            drain_idle_ms: 3_000,
            head_bytes_max: 32 * 1024,
            headers_max: 64,
            body_bytes_max: 16 << 30,
            connections_max: 20_000,
            connections_per_address_max: 512,
            requests_per_s_per_address: 500,
            requests_burst_per_address: 2_000,
            addresses_max: 100_000,
            h2_streams_max: 100,
            h2_stream_window_bytes: 256 * 1024,
            h2_connection_window_bytes: 1024 * 1024,
            h2_pending_resets_max: 20,
            h2_error_resets_max: 512,
            backend_idle_per_thread_max: 128,
            backend_connections_per_thread_max: 1_024,
            backend_idle_ms: 10_000,
            tunnels_per_thread_max: 4_096,
        }
    }
}
