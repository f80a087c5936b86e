//! The front door of a region: accepts TLS, reads where a request belongs, serves what is at home here through this region's
//! backends, carries other regions' streams home unopened, and refuses the rest without reading a body byte.
//!
//! One single-threaded runtime per core: a connection lives and dies on one thread, with that thread's backend connections.
//! `worker` accepts, `connection` decides from the ClientHello, `serve` drives hyper, `service` gives the verdict on a head,
//! `forward` talks to the backend, `tunnel` carries what stays closed.

mod addresses;
mod body;
mod config;
mod connection;
mod driven;
mod forward;
mod h2_data;
mod handoff;
mod listen;
mod metrics;
mod page;
mod pool;
mod refuse;
mod run;
mod seats;
mod serve;
mod service;
mod state;
mod strict;
mod strict_io;
mod tunnel;
mod upgrade;
mod upstream;
mod worker;
mod ws_frames;

pub use config::{BackendTls, Config, Limits, PublicTls, RouteKeys};
pub use run::{Error, FrontDoor, run};

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use ::http::HeaderValue;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::directory::DirectoryHandle;
use crate::hosts::BaseDomain;
use crate::keyring::HmacKeyring;
use crate::proxy_protocol::Cidr;
use crate::region::RegionName;
use crate::shutdown::Shutdown;
use crate::tls::SniResolver;
use crate::trace::Tracer;

/// What all threads share; none of it changes after the start but the directory and the address table inside.
struct Door {
    region: RegionName,
    base: BaseDomain,
    name: String,
    via: HeaderValue,
    limits: Limits,
    deadlines: state::Deadlines,
    framing: strict::FramingLimits,
    peer_trusted: Vec<Cidr>,
    directory: DirectoryHandle,
    route_keys: HmacKeyring,
    receipt_keys: HmacKeyring,
    acceptor: TlsAcceptor,
    resolver: Arc<SniResolver>,
    backends: Vec<SocketAddr>,
    backend_tls: Arc<rustls::ClientConfig>,
    backend_name: ServerName<'static>,
    addresses: Arc<addresses::Addresses>,
    clock: Clock,
    tracer: Tracer,
    drain: Shutdown,
}

impl Door {
    /// Whether a peer at `ip` may say in a PROXY header who its client was.
    fn trusts(&self, ip: IpAddr) -> bool {
        self.peer_trusted.iter().any(|block| block.contains(ip))
    }

    /// One thread's pool.
    fn pool(&self) -> Rc<pool::Pool> {
        pool::Pool::new(&self.backends, self.backend_tls.clone(), self.backend_name.clone(), &self.limits)
    }
}
