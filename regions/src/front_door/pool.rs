//! One thread's connections to the backends of its own region: bounded, authenticated both ways, reused when drained.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::body::RequestBody;
use super::config::Limits;
use super::driven::Driven;
use super::metrics;
use super::upstream::{Upstream, UpstreamIo};
use crate::log::{self, Field};

/// After a failed connect a backend is left alone this long, so that a dead one is not stormed.
const RETRY_AFTER_FAILURE: Duration = Duration::from_millis(200);
/// What one TLS connection may hold that its peer has not taken yet. A larger answer goes out in more records; nothing waits
/// longer for that.
pub(super) const TLS_UNSENT_BYTES_MAX: usize = 8 * 1024;
/// hyper's read and write buffers of a backend connection: one TLS record (RFC 8446, 5.1).
const BUFFER_BYTES_MAX: usize = 16 * 1024;
/// How long the good-bye to an idle backend connection may take.
const RETIRE_WAIT: Duration = Duration::from_millis(500);

/// The backends of this region as one thread reaches them.
pub(super) struct Pool {
    backends: Vec<Backend>,
    tls: TlsConnector,
    server_name: ServerName<'static>,
    idle_max: usize,
    open_max: usize,
    idle_for: Duration,
    /// The time for a connect, divided by the backends that may have to be tried.
    connect_for_each: Duration,
    open: Cell<usize>,
    next: Cell<usize>,
    idle: RefCell<Vec<Idle>>,
}

struct Backend {
    address: SocketAddr,
    failed_at: Cell<Option<Instant>>,
}

struct Idle {
    connection: Connected,
    since: Instant,
}

type BackendConnection = Connection<TokioIo<UpstreamIo<TlsStream<TcpStream>>>, RequestBody>;

struct Connected {
    sender: SendRequest<RequestBody>,
    driven: Driven<BackendConnection>,
    upstream: Arc<Upstream>,
    place: Place,
}

/// What opening a connection gives.
type Opened = (SendRequest<RequestBody>, Driven<BackendConnection>, Arc<Upstream>);

/// One of the connections a thread may have, from before it is opened; counts itself out when dropped.
struct Place {
    pool: Rc<Pool>,
}

/// A backend connection in use by one request.
pub(super) struct Lease {
    connection: Connected,
    reused: bool,
}

/// Why there is no backend connection. The caller answers 503: there is no other region to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum PoolError {
    /// No backend accepted a connection in time.
    #[error("no backend is reachable")]
    Unreachable,
    /// This thread has as many backend connections as it may have.
    #[error("all backend connections are in use")]
    Full,
}

impl PoolError {
    /// A machine-readable name for the answer.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "backend_unreachable",
            Self::Full => "backend_full",
        }
    }
}

/// Which connections will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// An idle one, or a new one.
    Any,
    /// A new one, after an idle one turned out dead.
    Fresh,
    /// A new one that may become a tunnel.
    Tunnel,
}

impl Want {
    /// For another attempt.
    pub(super) fn fresh(self) -> Self {
        if self == Self::Tunnel { self } else { Self::Fresh }
    }
}

impl Pool {
    pub(super) fn new(
        backends: &[SocketAddr],
        tls: Arc<rustls::ClientConfig>,
        server_name: ServerName<'static>,
        limits: &Limits,
    ) -> Rc<Self> {
        let backends = backends
            .iter()
            .map(|&address| Backend { address, failed_at: Cell::new(None) })
            .collect::<Vec<_>>();
        let tries = u64::try_from(backends.len()).unwrap_or(1).max(1);
        Rc::new(Self {
            backends,
            tls: TlsConnector::from(tls),
            server_name,
            idle_max: limits.backend_idle_per_thread_max,
            open_max: limits.backend_connections_per_thread_max,
            idle_for: Duration::from_millis(limits.backend_idle_ms),
            connect_for_each: Duration::from_millis(limits.connect_ms / tries),
            open: Cell::new(0),
            next: Cell::new(0),
            idle: RefCell::new(Vec::new()),
        })
    }

    /// An authenticated connection to a backend of this region.
    pub(super) async fn lease(self: &Rc<Self>, want: Want) -> Result<Lease, PoolError> {
        if want == Want::Any
            && let Some(connection) = self.take_idle()
        {
            return Ok(Lease { connection, reused: true });
        }
        let connection = self.connect_any(want).await?;
        Ok(Lease { connection, reused: false })
    }

    /// Closes what has been idle too long; called now and then by the thread.
    pub(super) fn sweep(&self) {
        let stale: Vec<Idle> = {
            let mut idle = self.idle.borrow_mut();
            let fresh =
                idle.iter().position(|entry| entry.since.elapsed() < self.idle_for).unwrap_or(idle.len());
            idle.drain(..fresh).collect()
        };
        stale.into_iter().for_each(|entry| entry.connection.retire());
    }

    /// Closes every idle connection.
    pub(super) fn close_idle(&self) {
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        idle.into_iter().for_each(|entry| entry.connection.retire());
    }

    fn take_idle(&self) -> Option<Connected> {
        // Each turn removes an entry. The last one in is the likeliest to be alive.
        loop {
            let mut entry = self.idle.borrow_mut().pop()?;
            // Nobody drove it meanwhile: now is when it notices that the backend has closed.
            entry.connection.driven.settle();
            if entry.connection.sender.is_ready() && entry.since.elapsed() < self.idle_for {
                return Some(entry.connection);
            }
            entry.connection.retire();
        }
    }

    async fn connect_any(self: &Rc<Self>, want: Want) -> Result<Connected, PoolError> {
        let place = self.take_place()?;
        let count = self.backends.len();
        let start = self.next.get();
        self.next.set(start.wrapping_add(1));
        for turn in 0..count {
            let index = start.wrapping_add(turn) % count.max(1);
            let Some(backend) = self.backends.get(index) else { continue };
            if backend.failed_at.get().is_some_and(|at| at.elapsed() < RETRY_AFTER_FAILURE) {
                continue;
            }
            match timeout(self.connect_for_each, self.connect(backend.address, want)).await {
                Ok(Some((sender, driven, upstream))) => {
                    if backend.failed_at.take().is_some() {
                        log::info("front_door_backend_back", &[Field::Port(backend.address.port())]);
                    }
                    metrics::BACKEND_REACHABLE.set(1);
                    metrics::BACKEND_CONNECTS.with_label_values(&["connected"]).inc();
                    return Ok(Connected { sender, driven, upstream, place });
                }
                Ok(None) | Err(_) => {
                    if backend.failed_at.replace(Some(Instant::now())).is_none() {
                        log::warn("front_door_backend_lost", &[Field::Port(backend.address.port())]);
                    }
                    metrics::BACKEND_CONNECTS.with_label_values(&["failed"]).inc();
                }
            }
        }
        metrics::BACKEND_REACHABLE.set(0);
        Err(PoolError::Unreachable)
    }

    fn take_place(self: &Rc<Self>) -> Result<Place, PoolError> {
        if self.open.get() >= self.open_max {
            // Room taken by idle connections is not room that is needed.
            self.close_idle();
        }
        if self.open.get() >= self.open_max {
            return Err(PoolError::Full);
        }
        self.open.set(self.open.get() + 1);
        Ok(Place { pool: self.clone() })
    }

    async fn connect(&self, address: SocketAddr, want: Want) -> Option<Opened> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut stream: TlsStream<TcpStream> =
            self.tls.connect(self.server_name.clone(), stream).await.ok()?;
        stream.get_mut().1.set_buffer_limit(Some(TLS_UNSENT_BYTES_MAX));
        let upstream = Arc::<Upstream>::default();
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(BUFFER_BYTES_MAX)
            .handshake(TokioIo::new(UpstreamIo::new(stream, upstream.clone())))
            .await
            .ok()?;
        if want != Want::Tunnel {
            return Some((sender, Driven::new(Some(connection)), upstream));
        }
        // Ends when its sender is dropped, which the pool's bounds and every request's deadline see to.
        spawn_local(async move { drop(connection.with_upgrades().await) });
        Some((sender, Driven::new(None), upstream))
    }
}

impl Lease {
    /// Where requests are sent.
    pub(super) fn sender(&mut self) -> &mut SendRequest<RequestBody> {
        &mut self.connection.sender
    }

    /// Whether the backend takes what is sent.
    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.connection.upstream
    }

    /// Whether the connection carried a request before: then the backend may have closed it in the meantime.
    pub(super) fn reused(&self) -> bool {
        self.reused
    }

    /// Polls for something that the connection brings, driving it.
    pub(super) fn poll_for<T>(
        &mut self,
        cx: &Context<'_>,
        wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.connection.driven.poll_for(cx, wanted)
    }

    /// For the next request. Call it only when request and response have ended completely.
    pub(super) fn give_back(self) {
        let Connected { sender, upstream, place, .. } = &self.connection;
        if sender.is_closed() {
            return;
        }
        if !upstream.is_blocked() {
            self.connection.park();
        } else if place.pool.idle.borrow().len() < place.pool.idle_max {
            // The end of the request is still leaving.
            spawn_local(self.park_when_ready());
        }
    }

    async fn park_when_ready(self) {
        let Connected { mut sender, mut driven, upstream, place } = self.connection;
        let patience = place.pool.connect_for_each;
        let ready = poll_fn(|cx| driven.poll_for(cx, |own| sender.poll_ready(own)));
        if matches!(timeout(patience, ready).await, Ok(Ok(()))) {
            Connected { sender, driven, upstream, place }.park();
        }
    }
}

impl Connected {
    /// Who takes it next drives it first. Driven now, hyper would look for more to read while the answer is still on its way to
    /// the client, in the buffer that it came in: it would make another one for each request.
    fn park(mut self) {
        self.driven.rest();
        let pool = self.place.pool.clone();
        let mut idle = pool.idle.borrow_mut();
        if idle.len() < pool.idle_max {
            idle.push(Idle { connection: self, since: Instant::now() });
        } else {
            drop(idle);
            self.retire();
        }
    }

    /// Closes it in good order, which takes a write.
    fn retire(self) {
        let Self { sender, driven, place, .. } = self;
        drop(sender);
        if let Some(connection) = driven.into_connection() {
            spawn_local(async move {
                drop(timeout(RETIRE_WAIT, connection).await);
                drop(place);
            });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pool.open.set(self.pool.open.get().saturating_sub(1));
    }
}
