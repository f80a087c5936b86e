//! Starts a front door from its configuration, hands its sockets to a successor or takes them from a predecessor, and drains.

use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{JoinHandle as ThreadHandle, available_parallelism};
use std::time::Duration;

use http::HeaderValue;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::ServerName;
use thiserror::Error as ThisError;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::Door;
use super::addresses::Addresses;
use super::config::Config;
use super::handoff::{self, Confirmation, Giver, THREADS_MAX};
use super::listen::{self, Sockets};
use super::seats::Seats;
use super::state::Deadlines;
use super::strict::FramingLimits;
use super::worker::{self, Place};
use crate::admin::{Readiness, serve_admin};
use crate::clock::Clock;
use crate::directory::{DirectoryHandle, feed};
use crate::keyring::{HmacKeyring, KeyringError};
use crate::log::{self, Field};
use crate::proxy_protocol::Cidr;
use crate::shutdown::{Shutdown, Trigger};
use crate::tls::{self, Identity, SniResolver, TlsError};
use crate::trace::{TelemetryError, Tracer};

const NAME_BYTES_MAX: usize = 32;
/// A successor serves nothing before it has a directory; without one in this time it gives up and the old process stays.
const DIRECTORY_WAIT: Duration = Duration::from_secs(30);
const READY_DIRECTORY: &str = "directory";
const READY_ACCEPTING: &str = "accepting";

/// Why a front door does not start.
#[derive(Debug, ThisError)]
pub enum Error {
    /// A field of the configuration cannot work.
    #[error("{field}: {why}")]
    Config {
        /// The field's name in the file.
        field: &'static str,
        /// What would be acceptable.
        why: &'static str,
    },
    /// Certificates or keys of a TLS section.
    #[error("{field}: {source}")]
    Tls {
        /// The section.
        field: &'static str,
        /// What is wrong.
        source: TlsError,
    },
    /// No key for session tickets.
    #[error("cannot make a key for session tickets")]
    Tickets(#[source] rustls::Error),
    /// A keyring of `[route]`.
    #[error("{field}: {source}")]
    Keys {
        /// The field.
        field: &'static str,
        /// What is wrong.
        source: KeyringError,
    },
    /// An address or socket.
    #[error("{field}: {source}")]
    Listen {
        /// The field.
        field: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The directory's configuration.
    #[error("directory: {0}")]
    Feed(#[from] feed::FeedError),
    /// Where traces go.
    #[error("telemetry.{0}")]
    Telemetry(#[from] TelemetryError),
    /// A successor found no directory, neither on disk nor from the feed.
    #[error("no directory was loaded in 30 s; the process before goes on serving")]
    NoDirectory,
}

/// A running front door. Dropping it does not stop it; its shutdown signal does.
pub struct FrontDoor {
    client_address: SocketAddr,
    peer_address: SocketAddr,
    admin_address: SocketAddr,
    directory: DirectoryHandle,
    threads: Vec<ThreadHandle<()>>,
    giver: Arc<Giver>,
    drain: Trigger,
    stop_feed: Trigger,
    stop_admin: Trigger,
    feed: JoinHandle<()>,
    traces: JoinHandle<()>,
    admin: JoinHandle<()>,
    readiness: Readiness,
    shutdown: Shutdown,
}

/// Runs a front door until `shutdown`, or until a successor has taken over.
///
/// # Errors
/// See [`Error`]; all of them are found at the start.
pub async fn run(config: Config, clock: Clock, shutdown: Shutdown) -> Result<(), Error> {
    FrontDoor::start(config, clock, shutdown).await?.finish().await;
    Ok(())
}

impl FrontDoor {
    /// Starts serving. With a process already at `handoff_socket` this one takes its sockets over.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn start(config: Config, clock: Clock, shutdown: Shutdown) -> Result<Self, Error> {
        let threads = thread_count(&config)?;
        let directory = DirectoryHandle::new();
        let (drain, draining) = Shutdown::new();
        let (stop_feed, feed_stopped) = Shutdown::new();
        let (stop_admin, admin_stopped) = Shutdown::new();
        let (tracer, traces) =
            Tracer::start("front-door", config.region, config.telemetry.as_ref(), feed_stopped.clone())?;
        let door = Arc::new(door(&config, clock, directory.clone(), tracer, draining)?);
        let (sockets, confirmation) = acquire(&config, threads)?;
        let feed = start_feed(&config, &directory, feed_stopped);
        if confirmation.is_some() {
            wait_for_directory(&directory).await?;
        }
        let client_address = address_of(sockets.clients.first(), "listen")?;
        let peer_address = address_of(sockets.peers.first(), "peer_listen")?;
        let admin_address = address_of(Some(&sockets.admin), "admin_listen")?;
        let to_give = copies(&sockets)?;
        let readiness = Readiness::new(&[READY_DIRECTORY, READY_ACCEPTING]);
        let admin = start_admin(&sockets, &readiness, admin_stopped)?;
        let threads = start_threads(&door, sockets, threads)?;
        readiness.hold(READY_ACCEPTING);
        // Only now: if anything above fails, the process before keeps its place and can be succeeded again.
        let giver = Giver::new(&config.handoff_socket, to_give).map_err(listen_error("handoff_socket"))?;
        if let Some(confirmation) = confirmation {
            confirmation.send().map_err(listen_error("handoff_socket"))?;
        }
        log::info(
            "front_door_started",
            &[Field::Port(client_address.port()), Field::Pid(std::process::id())],
        );
        let giver = Arc::new(giver);
        Ok(Self {
            client_address,
            peer_address,
            admin_address,
            directory,
            threads,
            giver,
            drain,
            stop_feed,
            stop_admin,
            feed,
            traces,
            admin,
            readiness,
            shutdown,
        })
    }

    /// Where clients connect; tells the port when the configuration says 0.
    pub fn client_address(&self) -> SocketAddr {
        self.client_address
    }

    /// Where other front doors connect.
    pub fn peer_address(&self) -> SocketAddr {
        self.peer_address
    }

    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The directory this front door routes by.
    pub fn directory(&self) -> &DirectoryHandle {
        &self.directory
    }

    /// Serves until the stop, then lets what is in flight finish.
    pub async fn finish(self) {
        let Self {
            directory,
            threads,
            giver,
            drain,
            stop_feed,
            stop_admin,
            feed,
            traces,
            admin,
            readiness,
            shutdown,
            ..
        } = self;
        let succeeded = tokio::select! {
            () = shutdown.wait() => false,
            () = successor(&giver) => true,
            () = hold_when_loaded(directory, readiness.clone()) => false,
        };
        log::info("front_door_draining", &[Field::Pid(std::process::id())]);
        readiness.fail(READY_ACCEPTING);
        if succeeded {
            // The successor answers on the same admin socket.
            stop_admin.trigger();
        } else {
            giver.remove();
        }
        // Its copies of the listening sockets would keep connections waiting that nobody accepts any more.
        drop(giver);
        drain.trigger();
        let joined = spawn_blocking(move || {
            threads.into_iter().map(ThreadHandle::join).filter(Result::is_err).count()
        });
        let failed = joined.await.unwrap_or(1);
        if failed > 0 {
            log::error(
                "front_door_thread_failed",
                &[Field::Count(u64::try_from(failed).unwrap_or(u64::MAX))],
            );
        }
        stop_feed.trigger();
        stop_admin.trigger();
        // All end at the trigger; there is nothing to learn from how.
        let _ended = tokio::join!(feed, traces, admin);
        log::info("front_door_stopped", &[Field::Pid(std::process::id())]);
    }
}

fn config_error(field: &'static str, why: &'static str) -> Error {
    Error::Config { field, why }
}

fn listen_error(field: &'static str) -> impl Fn(io::Error) -> Error {
    move |source| Error::Listen { field, source }
}

fn tls_error(field: &'static str) -> impl Fn(TlsError) -> Error {
    move |source| Error::Tls { field, source }
}

fn thread_count(config: &Config) -> Result<usize, Error> {
    let cores = available_parallelism().map_or(1, usize::from).min(THREADS_MAX);
    match config.threads {
        0 => Ok(cores),
        count if count <= THREADS_MAX => Ok(count),
        _ => Err(config_error("threads", "at most 64")),
    }
}

fn door(
    config: &Config,
    clock: Clock,
    directory: DirectoryHandle,
    tracer: Tracer,
    drain: Shutdown,
) -> Result<Door, Error> {
    let limits = config.limits.clone();
    let resolver = Arc::new(SniResolver::load(&config.tls.certs).map_err(tls_error("tls"))?);
    let mut public = tls::public_server(resolver.clone(), &["h2", "http/1.1"]).map_err(tls_error("tls"))?;
    // Sealed tickets instead of a shared table of sessions: nothing to lock, and nothing to lose when it is full.
    public.ticketer = Ticketer::new().map_err(Error::Tickets)?;
    public.send_tls13_tickets = 1;
    let identity = Identity { cert: config.backend_tls.cert.clone(), key: config.backend_tls.key.clone() };
    let backend = tls::mutual_client(&identity, &config.backend_tls.ca, &["http/1.1"])
        .map_err(tls_error("backend_tls"))?;
    let backend_name = ServerName::try_from(config.backend_tls.server_name.clone())
        .ok()
        .ok_or_else(|| config_error("backend_tls.server_name", "a DNS name"))?;
    if config.backends.is_empty() {
        return Err(config_error("backends", "at least one address of this region"));
    }
    let keys = |field, path: &std::path::Path| {
        HmacKeyring::from_file(path).map_err(|source| Error::Keys { field, source })
    };
    Ok(Door {
        region: config.region,
        base: config.base.clone(),
        via: via(&config.name)?,
        name: config.name.clone(),
        deadlines: Deadlines::new(&limits),
        framing: FramingLimits {
            head_bytes_max: limits.head_bytes_max,
            headers_max: limits.headers_max,
            body_bytes_max: limits.body_bytes_max,
        },
        peer_trusted: trusted(&config.peer_trusted)?,
        directory,
        route_keys: keys("route.keys", &config.route.keys)?,
        receipt_keys: keys("route.receipts", &config.route.receipts)?,
        acceptor: TlsAcceptor::from(Arc::new(public)),
        resolver,
        backends: config.backends.clone(),
        backend_tls: Arc::new(backend),
        backend_name,
        addresses: Arc::new(Addresses::new(&limits)),
        limits,
        clock,
        tracer,
        drain,
    })
}

fn via(name: &str) -> Result<HeaderValue, Error> {
    let wrong = || config_error("name", "1 to 32 bytes of a-z, 0-9, '.' and '-'");
    let plain =
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte));
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !plain {
        return Err(wrong());
    }
    HeaderValue::try_from(format!("1.1 {name}")).ok().ok_or_else(wrong)
}

fn trusted(blocks: &[String]) -> Result<Vec<Cidr>, Error> {
    let wrong = || config_error("peer_trusted", "blocks such as 10.0.0.0/8");
    blocks.iter().map(|text| text.parse().ok().ok_or_else(wrong)).collect()
}

/// Sockets from the process before, if there is one and it listens where this one is to listen; new ones otherwise.
fn acquire(config: &Config, threads: usize) -> Result<(Sockets, Option<Confirmation>), Error> {
    let inherited = handoff::inherit(&config.handoff_socket).map_err(listen_error("handoff_socket"))?;
    if let Some(inherited) = inherited {
        let (sockets, confirmation) = inherited.split();
        if listens_at(&sockets, config) {
            let clients = listen::spread(sockets.clients, threads).map_err(listen_error("listen"))?;
            let peers = listen::spread(sockets.peers, threads).map_err(listen_error("peer_listen"))?;
            return Ok((Sockets { clients, peers, admin: sockets.admin }, Some(confirmation)));
        }
        return Err(config_error(
            "listen",
            "the running front door listens at other addresses; stop it first",
        ));
    }
    let clients = listen::bind(config.listen, threads).map_err(listen_error("listen"))?;
    let peers = listen::bind(config.peer_listen, threads).map_err(listen_error("peer_listen"))?;
    let mut admin = listen::bind(config.admin_listen, 1).map_err(listen_error("admin_listen"))?;
    let admin = admin.pop().ok_or_else(|| config_error("admin_listen", "an address"))?;
    Ok((Sockets { clients, peers, admin }, None))
}

fn listens_at(sockets: &Sockets, config: &Config) -> bool {
    let same = |socket: Option<&std::net::TcpListener>, wanted: SocketAddr| {
        let actual = socket.and_then(|socket| socket.local_addr().ok());
        actual.is_some_and(|actual| actual == wanted || (wanted.port() == 0 && actual.ip() == wanted.ip()))
    };
    same(sockets.clients.first(), config.listen)
        && same(sockets.peers.first(), config.peer_listen)
        && same(Some(&sockets.admin), config.admin_listen)
}

fn copies(sockets: &Sockets) -> Result<Sockets, Error> {
    let copy = |sockets: &[std::net::TcpListener]| -> io::Result<Vec<_>> {
        sockets.iter().map(std::net::TcpListener::try_clone).collect()
    };
    let clients = copy(&sockets.clients).map_err(listen_error("listen"))?;
    let peers = copy(&sockets.peers).map_err(listen_error("peer_listen"))?;
    let admin = sockets.admin.try_clone().map_err(listen_error("admin_listen"))?;
    Ok(Sockets { clients, peers, admin })
}

fn address_of(socket: Option<&std::net::TcpListener>, field: &'static str) -> Result<SocketAddr, Error> {
    let socket = socket.ok_or_else(|| config_error(field, "an address"))?;
    socket.local_addr().map_err(listen_error(field))
}

fn start_feed(config: &Config, directory: &DirectoryHandle, stopped: Shutdown) -> JoinHandle<()> {
    let feed = feed::run(config.directory.clone(), directory.clone(), stopped);
    tokio::spawn(async move {
        if feed.await.is_err() {
            log::error("front_door_feed_config", &[]);
        }
    })
}

fn start_admin(sockets: &Sockets, readiness: &Readiness, stopped: Shutdown) -> Result<JoinHandle<()>, Error> {
    let open = || {
        let socket = sockets.admin.try_clone()?;
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket)
    };
    let listener = open().map_err(listen_error("admin_listen"))?;
    Ok(tokio::spawn(serve_admin(listener, readiness.clone(), stopped)))
}

fn start_threads(door: &Arc<Door>, sockets: Sockets, count: usize) -> Result<Vec<ThreadHandle<()>>, Error> {
    // A successor with fewer threads must still empty every inherited queue, so there may be more sockets than asked for.
    let mut threads = Vec::with_capacity(count);
    let (seats, arrivals) = Seats::new(sockets.clients.len().min(sockets.peers.len()));
    let seats = Arc::new(seats);
    let listeners = sockets.clients.into_iter().zip(sockets.peers);
    for (index, ((clients, peers), arrivals)) in listeners.zip(arrivals).enumerate() {
        let place = Place { index, clients, peers, seats: seats.clone(), arrivals };
        threads.push(worker::spawn(door.clone(), place).map_err(listen_error("threads"))?);
    }
    Ok(threads)
}

async fn wait_for_directory(directory: &DirectoryHandle) -> Result<(), Error> {
    let mut versions = directory.subscribe();
    let loaded = async {
        while !directory.is_ready() {
            if versions.changed().await.is_err() {
                return;
            }
        }
    };
    timeout(DIRECTORY_WAIT, loaded).await.ok().ok_or(Error::NoDirectory)
}

/// Tells the readiness probe when the directory is there. It never returns: readiness is not a reason to stop.
async fn hold_when_loaded(directory: DirectoryHandle, readiness: Readiness) {
    let mut versions = directory.subscribe();
    while !directory.is_ready() {
        if versions.changed().await.is_err() {
            break;
        }
    }
    readiness.hold(READY_DIRECTORY);
    std::future::pending().await
}

/// Returns when a successor has taken the sockets and serves.
async fn successor(giver: &Arc<Giver>) {
    let Ok(listener) = giver.watch().and_then(UnixListener::from_std) else {
        return std::future::pending().await;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Ok(true) = offer(giver, stream).await {
                    return;
                }
                log::warn("front_door_handoff_failed", &[]);
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn offer(giver: &Arc<Giver>, stream: tokio::net::UnixStream) -> io::Result<bool> {
    let own = rustix::process::geteuid().as_raw();
    if stream.peer_cred()?.uid() != own {
        return Ok(false);
    }
    let stream: UnixStream = stream.into_std()?;
    let giver = giver.clone();
    let given = spawn_blocking(move || giver.give(stream)).await.map_err(io::Error::other)?;
    Ok(given.is_ok())
}
