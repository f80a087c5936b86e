//! Everything a front door needs around it, for real: a control plane, backends that check assertions and mint receipts, clients.

#![expect(
    clippy::string_slice,
    clippy::panic,
    clippy::map_err_ignore,
    reason = "a test that cannot go on should fail where it stands"
)]

use crate::control::{self, Control, Pki};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use regions::assertion::{self, Assertion, Expected};
use regions::clock::Clock;
use regions::directory::{DirectoryHandle, Entry, TenantRecord, TenantState};
use regions::front_door::{Config, FrontDoor};
use regions::ids::{Epoch, ShardId, TenantId};
use regions::keyring::HmacKeyring;
use regions::receipt::{self, Served};
use regions::region::{Jurisdiction, RegionName};
use regions::residency::TransitMode;
use regions::shutdown::{Shutdown, Trigger};
use regions::tls;
use rustls_pki_types::ServerName;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub(crate) const BASE: &str = "domicile.test";
pub(crate) const ALPHA: &str = "alpha.us.domicile.test";
pub(crate) const LOTUS: &str = "lotus.in.domicile.test";
pub(crate) const WAIT: Duration = Duration::from_secs(20);

pub(crate) type Body = BoxBody<Bytes, Infallible>;

/// A control plane, its authority, and the keys of both regions.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) pki: Pki,
    pub(crate) control: Arc<Control>,
    feed: control::Running,
    doors: AtomicUsize,
}

/// A front door that runs until it is stopped or dropped.
pub(crate) struct Door {
    pub(crate) client: SocketAddr,
    pub(crate) peer: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) directory: DirectoryHandle,
    pub(crate) trigger: Trigger,
    pub(crate) task: JoinHandle<()>,
    pub(crate) ca: PathBuf,
}

/// What a backend saw of one request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) target: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) assertion: Assertion,
}

/// A backend of one region.
pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Mutex<Vec<Seen>>,
    pub(crate) connections: AtomicUsize,
    /// Requests of a lower epoch get the stale-epoch answer.
    pub(crate) epoch_min: AtomicU32,
    pub(crate) release: Notify,
    /// Bytes that `/bytes/n` has produced.
    pub(crate) produced: AtomicU64,
    pub(crate) held: AtomicUsize,
    region: RegionName,
    keys: HmacKeyring,
    receipts: HmacKeyring,
}

pub(crate) fn record(slug: &str, region: &str, state: TenantState, epoch: u32) -> TenantRecord {
    let mut id = [0; 16];
    id[..slug.len()].copy_from_slice(slug.as_bytes());
    TenantRecord {
        id: TenantId::from(id),
        slug: slug.parse().unwrap(),
        region: region.parse().unwrap(),
        shard: ShardId(1),
        state,
        epoch: Epoch(epoch),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::new(&folder.path().join("pki"));
        let control = Arc::new(Control::new());
        for (slug, region) in [
            ("alpha", "us-east-1"),
            ("lotus", "ap-south-1"),
            ("paused", "us-east-1"),
            ("gone-now", "us-east-1"),
        ] {
            control.append(Entry::Tenant(record(slug, region, TenantState::Active, 1)));
        }
        control.append(Entry::Tenant(record("paused", "us-east-1", TenantState::Suspended, 2)));
        control.append(Entry::Tenant(record("gone-now", "us-east-1", TenantState::Offboarded, 2)));
        let feed = control::serve(control.clone(), &pki, 0).await;
        for code in ["us", "in"] {
            for name in ["route", "receipt"] {
                let line = HmacKeyring::generate_line(format!("{name}-{code}").parse().unwrap());
                std::fs::write(folder.path().join(format!("{code}.{name}.keys")), line.as_bytes()).unwrap();
            }
        }
        Self { folder, pki, control, feed, doors: AtomicUsize::new(0) }
    }

    fn keys(&self, code: &str, name: &str) -> PathBuf {
        self.folder.path().join(format!("{code}.{name}.keys"))
    }

    pub(crate) fn socket(&self, code: &str) -> PathBuf {
        self.folder.path().join(format!("{code}.sock"))
    }

    /// Tells all front doors where a region's streams go, and whether they may.
    pub(crate) fn set_region(&self, code: &str, peer: SocketAddr, public_port: u16, transit: TransitMode) {
        let (name, jurisdiction) = region_of(code);
        let mut record = control::region(name, code, jurisdiction);
        record.peer_front_door = peer.to_string();
        record.public_port = public_port;
        record.transit = transit;
        self.control.append(Entry::Region(record));
    }

    pub(crate) fn config(&self, code: &str, backends: &[SocketAddr]) -> Config {
        toml::from_str(&self.config_text(code, backends)).unwrap()
    }

    /// The configuration as a file has it.
    pub(crate) fn config_text(&self, code: &str, backends: &[SocketAddr]) -> String {
        let number = self.doors.fetch_add(1, Ordering::Relaxed);
        let (region, _) = region_of(code);
        let tenant = self.pki.issue(&format!("public-{code}-{number}"), &[&format!("*.{code}.{BASE}")]);
        let bare = self.pki.issue(&format!("bare-{code}-{number}"), &[&format!("*.{BASE}")]);
        let own = self.pki.issue(&format!("front-door.{region}"), &["front-door.internal"]);
        format!(
            r#"
            region = "{region}"
            base = "{BASE}"
            name = "fd-{code}-1"
            listen = "127.0.0.1:0"
            peer_listen = "127.0.0.1:0"
            peer_trusted = ["127.0.0.1/32"]
            admin_listen = "127.0.0.1:0"
            handoff_socket = "{socket}"
            threads = 2
            backends = [{backends}]
            [tls]
            certs = [{{ cert = "{}", key = "{}" }}, {{ cert = "{}", key = "{}" }}]
            [backend_tls]
            ca = "{ca}"
            cert = "{own_cert}"
            key = "{own_key}"
            server_name = "backend.{code}.domicile.internal"
            [directory]
            url = "https://127.0.0.1:{feed}"
            ca = "{ca}"
            cert = "{own_cert}"
            key = "{own_key}"
            server_name = "{feed_name}"
            keys = ["{directory_key}"]
            file = "{file}"
            [route]
            keys = "{route}"
            receipts = "{receipts}"
            [limits]
            requests_per_s_per_address = 0
            connections_per_address_max = 20000
            drain_idle_ms = 1000
            "#,
            tenant.cert.display(),
            tenant.key.display(),
            bare.cert.display(),
            bare.key.display(),
            socket = self.folder.path().join(format!("{code}-{number}.sock")).display(),
            backends = backends.iter().map(|address| format!("\"{address}\"")).collect::<Vec<_>>().join(","),
            ca = self.pki.ca().display(),
            own_cert = own.cert.display(),
            own_key = own.key.display(),
            feed = self.feed.port,
            feed_name = control::SERVER_NAME,
            directory_key = self.control.signer.public_key(),
            file = self.folder.path().join(format!("directory-{code}-{number}.bin")).display(),
            route = self.keys(code, "route").display(),
            receipts = self.keys(code, "receipt").display(),
        )
    }

    /// A front door of the region, with its directory loaded.
    pub(crate) async fn door(&self, code: &str, backends: &[SocketAddr]) -> Door {
        self.start(self.config(code, backends)).await
    }

    pub(crate) async fn start(&self, config: Config) -> Door {
        let door = self.start_bare(config).await;
        let mut versions = door.directory.subscribe();
        let version = self.control.head().version;
        tokio::time::timeout(WAIT, versions.wait_for(|now| *now >= version)).await.unwrap().unwrap();
        door
    }

    /// A front door that may have no directory yet.
    pub(crate) async fn start_bare(&self, config: Config) -> Door {
        let (trigger, shutdown) = Shutdown::new();
        let door = FrontDoor::start(config, Clock::system(), shutdown).await.unwrap();
        Door {
            client: door.client_address(),
            peer: door.peer_address(),
            admin: door.admin_address(),
            directory: door.directory().clone(),
            trigger,
            task: tokio::spawn(door.finish()),
            ca: self.pki.ca(),
        }
    }

    pub(crate) async fn backend(&self, code: &str) -> Arc<Backend> {
        let (region, _) = region_of(code);
        let identity =
            self.pki.issue(&format!("backend.{region}"), &[&format!("backend.{code}.domicile.internal")]);
        let config = tls::mutual_server(&identity, &self.pki.ca(), &["http/1.1"]).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let backend = Arc::new(Backend {
            address: listener.local_addr().unwrap(),
            seen: Mutex::default(),
            connections: AtomicUsize::new(0),
            epoch_min: AtomicU32::new(0),
            release: Notify::new(),
            produced: AtomicU64::new(0),
            held: AtomicUsize::new(0),
            region: region.parse().unwrap(),
            keys: HmacKeyring::from_file(&self.keys(code, "route")).unwrap(),
            receipts: HmacKeyring::from_file(&self.keys(code, "receipt")).unwrap(),
        });
        tokio::spawn(backend.clone().accept(listener, acceptor));
        backend
    }
}

fn region_of(code: &str) -> (&'static str, Jurisdiction) {
    match code {
        "us" => ("us-east-1", Jurisdiction::Us),
        "in" => ("ap-south-1", Jurisdiction::In),
        other => panic!("{other} is no region of these tests"),
    }
}

impl Backend {
    async fn accept(self: Arc<Self>, listener: TcpListener, acceptor: TlsAcceptor) {
        while let Ok((stream, _)) = listener.accept().await {
            let (backend, acceptor) = (self.clone(), acceptor.clone());
            tokio::spawn(async move {
                stream.set_nodelay(true).unwrap();
                let Ok(stream) = acceptor.accept(stream).await else { return };
                backend.connections.fetch_add(1, Ordering::SeqCst);
                let service = service_fn(|request| backend.clone().answer(request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                drop(connection.with_upgrades().await);
            });
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    async fn answer(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Body>, &'static str> {
        let values = request.headers().get_all(assertion::HEADER);
        let value =
            assertion::sole(values.iter().map(http::HeaderValue::as_bytes)).map_err(|_| "assertion")?;
        let target = request.uri().path_and_query().unwrap().as_str().to_owned();
        let expected = Expected {
            method: request.method().as_str(),
            path_and_query: &target,
            now_ms: Clock::system().now_unix_ms(),
            region: self.region,
        };
        let assertion = Assertion::verify(value, &self.keys, &expected).map_err(|error| error.code())?;
        let seen =
            Seen { target: target.clone(), headers: request.headers().clone(), assertion: assertion.clone() };
        self.seen.lock().unwrap().push(seen);
        let wanted = self.epoch_min.load(Ordering::SeqCst);
        if assertion.epoch.0 < wanted {
            let stale = Response::builder().status(StatusCode::MISDIRECTED_REQUEST);
            return Ok(stale.header("domicile-stale-epoch", wanted).body(text("stale")).unwrap());
        }
        let mut response = self.clone().route(request, &target).await?;
        let served = Served::of(&assertion, response.status().as_u16());
        match target.as_str() {
            "/no-receipt" => {}
            "/other-receipt" => {
                let other = Served { status: 201, ..served };
                response
                    .headers_mut()
                    .insert(receipt::HEADER, receipt::mint(&self.receipts, &other).unwrap());
            }
            "/route-key-receipt" => {
                response.headers_mut().insert(receipt::HEADER, receipt::mint(&self.keys, &served).unwrap());
            }
            _ => {
                response
                    .headers_mut()
                    .insert(receipt::HEADER, receipt::mint(&self.receipts, &served).unwrap());
            }
        }
        Ok(response)
    }

    async fn route(
        self: Arc<Self>,
        request: Request<Incoming>,
        target: &str,
    ) -> Result<Response<Body>, &'static str> {
        let path = target.split('?').next().unwrap();
        match path {
            "/echo" => {
                let body = request.into_body().map_frame(|frame| frame);
                let stream = body.into_data_stream().filter_map(|part| async move { part.ok() });
                Ok(Response::new(BoxBody::new(StreamBody::new(stream.map(|part| Ok(Frame::data(part)))))))
            }
            "/sink" => {
                let mut count = 0_usize;
                let mut stream = request.into_body().into_data_stream();
                while let Some(part) = stream.next().await {
                    count += part.map_err(|_| "body")?.len();
                }
                Ok(Response::new(text(&count.to_string())))
            }
            "/early" => Ok(Response::new(text("early"))),
            "/drop" => Err("dropped on purpose"),
            "/hold" => {
                let mut released = std::pin::pin!(self.release.notified());
                // Whoever sees it held may release it at once.
                released.as_mut().enable();
                self.held.fetch_add(1, Ordering::SeqCst);
                released.await;
                Ok(Response::new(text("held")))
            }
            "/leak" => Ok(Response::builder()
                .header("domicile-secret", "x")
                .header("x-domicile-secret", "x")
                .header("keep-alive", "timeout=5")
                .header("alt-svc", "h3=\":443\"")
                .body(text("leak"))
                .unwrap()),
            "/ws" => Ok(websocket(request)),
            "/unasked" => {
                let switching = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
                Ok(switching
                    .header("upgrade", "websocket")
                    .header("connection", "upgrade")
                    .body(text(""))
                    .unwrap())
            }
            _ if path.starts_with("/bytes/") => {
                Ok(Response::new(self.bytes(path["/bytes/".len()..].parse().unwrap())))
            }
            _ => Ok(Response::new(text("ok"))),
        }
    }

    fn bytes(self: Arc<Self>, total: u64) -> Body {
        static BLOCK: [u8; 65_536] = [b'x'; 65_536];
        let parts = futures_util::stream::unfold(total, move |left| {
            let backend = self.clone();
            async move {
                let size = usize::try_from(left.min(65_536)).unwrap();
                (size > 0).then(|| {
                    backend.produced.fetch_add(u64::try_from(size).unwrap(), Ordering::SeqCst);
                    (Ok(Frame::data(Bytes::from_static(&BLOCK[..size]))), left - u64::try_from(size).unwrap())
                })
            }
        });
        BoxBody::new(StreamBody::new(parts))
    }
}

fn websocket(request: Request<Incoming>) -> Response<Body> {
    tokio::spawn(async move {
        let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
        let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
        drop(tokio::io::copy(&mut read, &mut write).await);
    });
    let switching = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
    switching.header("upgrade", "websocket").header("connection", "upgrade").body(text("")).unwrap()
}

pub(crate) fn text(content: &str) -> Body {
    BoxBody::new(Full::new(Bytes::copy_from_slice(content.as_bytes())))
}

impl Door {
    /// Asks to stop and waits until it has.
    pub(crate) async fn stop(self) {
        self.trigger.trigger();
        tokio::time::timeout(WAIT, self.task).await.expect("the front door stops").unwrap();
    }

    pub(crate) async fn tls(&self, host: &str, alpn: &str) -> std::io::Result<TlsStream<TcpStream>> {
        connect(self.client, &self.ca, host, alpn).await
    }

    /// Sends bytes over HTTP/1 and returns everything that comes back until the front door closes.
    pub(crate) async fn raw(&self, host: &str, bytes: &[u8]) -> String {
        let mut stream = self.tls(host, "http/1.1").await.unwrap();
        exchange(&mut stream, bytes).await
    }

    pub(crate) async fn h1(&self, host: &str) -> hyper::client::conn::http1::SendRequest<Body> {
        let stream = self.tls(host, "http/1.1").await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection.with_upgrades());
        sender
    }

    pub(crate) async fn h2(&self, host: &str) -> hyper::client::conn::http2::SendRequest<Body> {
        let stream = self.tls(host, "h2").await.unwrap();
        let (sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.trim().parse().unwrap())
    }
}

pub(crate) async fn connect(
    address: SocketAddr,
    ca: &std::path::Path,
    host: &str,
    alpn: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut config = tls::client(ca).unwrap();
    config.alpn_protocols = vec![alpn.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Writes, then reads to the end; a reset at the end counts as an end.
pub(crate) async fn exchange<S>(stream: &mut S, bytes: &[u8]) -> String
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let talk = async {
        drop(stream.write_all(bytes).await);
        drop(stream.flush().await);
        let mut answer = Vec::new();
        let mut buffer = vec![0; 16_384];
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 {
                break;
            }
            answer.extend_from_slice(&buffer[..count]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    };
    let answered = tokio::time::timeout(WAIT, talk).await;
    answered.unwrap_or_else(|_| panic!("no answer and close for {}", String::from_utf8_lossy(bytes)))
}

pub(crate) fn get(host: &str, target: &str) -> Request<Body> {
    Request::builder()
        .uri(target)
        .header("host", host)
        .body(BoxBody::new(http_body_util::Empty::new()))
        .unwrap()
}

pub(crate) fn get_h2(host: &str, target: &str) -> Request<Body> {
    let uri = format!("https://{host}{target}");
    Request::builder().uri(uri).body(BoxBody::new(http_body_util::Empty::new())).unwrap()
}

pub(crate) fn post(host: &str, target: &str, content: Body) -> Request<Body> {
    Request::builder().method("POST").uri(target).header("host", host).body(content).unwrap()
}

pub(crate) async fn read(response: Response<Incoming>) -> (StatusCode, String) {
    let status = response.status();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8_lossy(&bytes).into_owned())
}

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + WAIT;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "{what} did not happen");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
