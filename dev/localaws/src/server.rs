//! Starting and stopping both listeners on a runtime of their own, so that they outlive the test that started them.

use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::faults::{Faults, Service};
use crate::kms::{self, KeyInfo, KeyOptions, KeySpec, Kms};
use crate::s3::{self, BucketOptions, S3};
use crate::sns::{Text, Texts};
use crate::{Config, files, tls};

/// How many connections one listener serves at once.
const MAX_CONNECTIONS: usize = 1024;
/// How long a TLS handshake or a request head may take, in seconds.
const HEAD_TIMEOUT_S: u64 = 15;
/// How long blocking file work may go on after a stop, in seconds.
const STOP_TIMEOUT_S: u64 = 5;
/// The threads of the server's runtime.
const THREADS: usize = 2;

/// The entry point; see [`Server::start`].
#[derive(Debug)]
pub struct Server;

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    s3_addr: SocketAddr,
    kms_addr: SocketAddr,
    scheme: &'static str,
    dir: PathBuf,
    stop: watch::Sender<bool>,
    stopped: Mutex<Option<oneshot::Receiver<()>>>,
}

/// What every connection of a server shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
    pub(crate) kms: Arc<Kms>,
    pub(crate) s3: S3,
    pub(crate) texts: Texts,
}

/// What a request may do to the connection that it came on.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: Option<socket2::Socket>,
    reset: AtomicBool,
}

/// The connection is to be cut without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection was reset by an injected fault")]
pub(crate) struct Cut;

impl Connection {
    /// Marks the connection to be cut with a TCP reset.
    pub(crate) fn reset(&self) -> Cut {
        if let Some(socket) = &self.socket {
            // A linger of zero makes the kernel send RST when the descriptor closes; without it the cut is a plain close.
            let _ = socket.set_linger(Some(Duration::ZERO));
        }
        self.reset.store(true, Ordering::Relaxed);
        Cut
    }

    /// Whether [`Connection::reset`] was called.
    pub(crate) fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }
}

impl Server {
    /// Binds both listeners, loads what is on disk and begins to serve. Works inside and outside a runtime.
    ///
    /// # Errors
    /// When an address is taken, the folder cannot be used or is another server's, a file in it is damaged, or the certificate does not fit.
    pub fn start(config: Config) -> io::Result<Handle> {
        std::fs::create_dir_all(&config.dir)?;
        // Before anything is loaded, because loading removes what no file names: a running server's uploads, too.
        let lock = files::lock_dir(&config.dir)?;
        let clock = Clock::default();
        let kms = Arc::new(Kms::open(&config, clock.clone())?);
        let s3 = S3::open(&config, clock.clone(), Arc::clone(&kms))?;
        let acceptor = config.tls.as_ref().map(|(cert, key)| tls::acceptor(cert, key)).transpose()?;
        let s3_listener = bind(config.s3_listen)?;
        let kms_listener = bind(config.kms_listen)?;
        let (s3_addr, kms_addr) = (s3_listener.local_addr()?, kms_listener.local_addr()?);
        let shared = Arc::new(Shared { faults: Faults::default(), clock, kms, s3, texts: Texts::default() });
        let scheme = if acceptor.is_some() { "https" } else { "http" };
        let (stop, stop_rx) = watch::channel(false);
        let (done, stopped) = oneshot::channel();
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("localaws")
            .enable_all()
            .build()?;
        let listeners =
            Listeners { s3: s3_listener, kms: kms_listener, acceptor, shared: Arc::clone(&shared), lock };
        std::thread::Builder::new().name("localaws-main".into()).spawn(move || {
            run(runtime, listeners, stop_rx);
            let _ = done.send(());
        })?;
        let stopped = Mutex::new(Some(stopped));
        Ok(Handle { shared, s3_addr, kms_addr, scheme, dir: config.dir, stop, stopped })
    }
}

impl Handle {
    /// The S3 endpoint with its scheme, an IP address and the port.
    pub fn s3_endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.s3_addr)
    }

    /// The KMS endpoint with its scheme, an IP address and the port.
    pub fn kms_endpoint(&self) -> String {
        format!("{}://{}", self.scheme, self.kms_addr)
    }

    /// Where S3 listens.
    pub fn s3_addr(&self) -> SocketAddr {
        self.s3_addr
    }

    /// Where KMS listens.
    pub fn kms_addr(&self) -> SocketAddr {
        self.kms_addr
    }

    /// The folder that holds the buckets.
    pub fn s3_dir(&self) -> PathBuf {
        self.dir.join("s3")
    }

    /// The folder that holds the keys.
    pub fn kms_dir(&self) -> PathBuf {
        self.dir.join("kms")
    }

    /// Fault injection and call counters.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How often a KMS operation was called, for example `Decrypt`.
    pub fn kms_calls(&self, operation: &str) -> u64 {
        self.shared.faults.calls(Service::Kms, operation)
    }

    /// How often an S3 operation was called with a valid signature, for example `PutObject`.
    pub fn s3_calls(&self, operation: &str) -> u64 {
        self.shared.faults.calls(Service::S3, operation)
    }

    /// The texts that SNS has taken since the start, the oldest first; they are kept in memory only, 1,024 at most.
    pub fn texts(&self) -> Vec<Text> {
        self.shared.texts.all()
    }

    /// Moves retention and deletion dates nearer by moving the server's clock; signatures keep to real time.
    pub fn advance_clock(&self, by: Duration) {
        self.shared.clock.advance(by);
    }

    /// Makes a key without going through the network.
    ///
    /// # Errors
    /// When the key cannot be written to disk.
    pub fn create_key(&self, options: KeyOptions) -> io::Result<KeyInfo> {
        self.shared.kms.create(options)
    }

    /// The key behind an alias; makes a symmetric single-region key and the alias when they are missing.
    ///
    /// # Errors
    /// When the alias is not of the form `alias/name` or cannot be written to disk.
    pub fn ensure_key_alias(&self, alias: &str) -> io::Result<KeyInfo> {
        self.ensure_key_alias_of(alias, KeySpec::Symmetric)
    }

    /// The key behind an alias; makes a single-region key of this kind and the alias when they are missing.
    ///
    /// # Errors
    /// When the alias is not of the form `alias/name`, names a key of another kind, or cannot be written to disk.
    pub fn ensure_key_alias_of(&self, alias: &str, spec: KeySpec) -> io::Result<KeyInfo> {
        self.shared.kms.ensure_alias(alias, spec)
    }

    /// Makes a bucket unless it is there.
    ///
    /// # Errors
    /// When the name is not a bucket name, it exists with other options, or it cannot be written to disk.
    pub fn ensure_bucket(&self, name: &str, options: BucketOptions) -> io::Result<()> {
        self.shared.s3.ensure_bucket(name, options)
    }

    /// Writes a key's ARN to `kms/key-arn` (or to `kms/signing-key-arn`), from where a launcher puts it into configurations.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_key_arn(&self, arn: &str, spec: KeySpec) -> io::Result<()> {
        let name = match spec {
            KeySpec::Symmetric => "key-arn",
            KeySpec::EccP256 => "signing-key-arn",
        };
        files::write_atomic(&self.kms_dir().join(name), format!("{arn}\n").as_bytes())
    }

    /// Stops both listeners, cuts open connections and waits until the ports are free. A second call returns at once.
    pub async fn shutdown(&self) {
        let _ = self.stop.send(true);
        let stopped = self.stopped.lock().take();
        if let Some(stopped) = stopped {
            let _ = stopped.await;
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

struct Listeners {
    s3: TcpListener,
    kms: TcpListener,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
    lock: File,
}

/// What one listener's connections need.
#[derive(Clone)]
struct Site {
    service: Service,
    acceptor: Option<TlsAcceptor>,
    shared: Arc<Shared>,
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)
        .map_err(|e| io::Error::new(e.kind(), format!("cannot listen on {address}: {e}")))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn run(runtime: Runtime, listeners: Listeners, stop: watch::Receiver<bool>) {
    let Listeners { s3, kms, acceptor, shared, lock } = listeners;
    let site = |service| Site { service, acceptor: acceptor.clone(), shared: Arc::clone(&shared) };
    runtime.block_on(async {
        tokio::join!(
            accept(s3, site(Service::S3), stop.clone()),
            accept(kms, site(Service::Kms), stop.clone())
        );
    });
    runtime.shutdown_timeout(Duration::from_secs(STOP_TIMEOUT_S));
    drop(lock);
}

async fn accept(listener: TcpListener, site: Site, mut stop: watch::Receiver<bool>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        tokio::select! {
            _ = stop.wait_for(|stopping| *stopping) => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    site.shared.faults.count_connection(site.service);
                    let site = site.clone();
                    connections.spawn(async move {
                        serve(stream, site).await;
                        drop(slot);
                    });
                }
                // Out of file descriptors, most likely; waiting lets some connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
        }
    }
}

async fn serve(stream: TcpStream, site: Site) {
    let _ = stream.set_nodelay(true);
    let socket = socket2::SockRef::from(&stream).try_clone().ok();
    let connection = Arc::new(Connection { socket, reset: AtomicBool::new(false) });
    let deadline = Duration::from_secs(HEAD_TIMEOUT_S);
    match &site.acceptor {
        None => serve_http(stream, &site, connection).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(deadline, acceptor.accept(stream)).await {
                serve_http(stream, &site, connection).await;
            }
        }
    }
}

async fn serve_http<S>(stream: S, site: &Site, connection: Arc<Connection>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request: http::Request<Incoming>| {
        let (site, connection) = (site.clone(), Arc::clone(&connection));
        async move {
            match site.service {
                Service::S3 => s3::answer(&site.shared, &connection, request).await,
                Service::Kms | Service::Sns => kms::answer(&site.shared, &connection, request).await,
            }
        }
    });
    // An error here is a client that went away or a connection that was cut on purpose: nobody is left to tell.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_TIMEOUT_S))
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
