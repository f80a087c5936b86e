//! A small control plane for the tests: a real log, real signatures, and the feed over mutually authenticated
//! TLS.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use regions::directory::feed::FeedConfig;
use regions::directory::{Entry, Head, Log, RegionRecord, Signer, TenantRecord, TenantState};
use regions::ids::{Epoch, ShardId, TenantId};
use regions::region::{Jurisdiction, Region};
use regions::residency::TransitMode;
use regions::tls::{self, Identity};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpSocket;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

pub(crate) const SERVER_NAME: &str = "feed.control.domicile.internal";

/// A certificate authority in a folder.
pub(crate) struct Pki {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new(folder: &Path) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let cert = params.self_signed(&key).unwrap();
        std::fs::create_dir_all(folder).unwrap();
        std::fs::write(folder.join("ca.pem"), cert.pem()).unwrap();
        Self { folder: folder.to_owned(), issuer: Issuer::new(params, key) }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    pub(crate) fn issue(&self, common_name: &str, dns: &[&str]) -> Identity {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = dns.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        let path = |suffix: &str| self.folder.join(format!("{common_name}.{suffix}"));
        std::fs::write(path("pem"), cert.pem()).unwrap();
        std::fs::write(path("key"), key.serialize_pem()).unwrap();
        Identity { cert: path("pem"), key: path("key") }
    }
}

/// The log and its key.
pub(crate) struct Control {
    pub(crate) signer: Signer,
    log: Mutex<Vec<(Head, Entry)>>,
    version: watch::Sender<u64>,
    /// Versions that a delta may start from; older ones get 410.
    pub(crate) oldest_delta: AtomicU64,
    /// Whether it answers at once when there is no news, whatever it was asked.
    pub(crate) impatient: AtomicBool,
    pub(crate) delta_calls: AtomicU64,
    pub(crate) snapshot_calls: AtomicU64,
}

impl Control {
    pub(crate) fn new() -> Self {
        let (signer, _pem) = Signer::generate("dir-1".parse().unwrap()).unwrap();
        Self::with_signer(signer)
    }

    pub(crate) fn with_signer(signer: Signer) -> Self {
        let control = Self {
            signer,
            log: Mutex::default(),
            version: watch::Sender::new(0),
            oldest_delta: AtomicU64::new(0),
            impatient: AtomicBool::new(false),
            delta_calls: AtomicU64::new(0),
            snapshot_calls: AtomicU64::new(0),
        };
        control.append(Entry::Region(region("us-east-1", "us", Jurisdiction::Us)));
        control.append(Entry::Region(region("ap-south-1", "in", Jurisdiction::In)));
        control
    }

    pub(crate) fn append(&self, entry: Entry) -> Head {
        let mut log = self.log.lock().unwrap();
        let before = log.last().map_or(Head::EMPTY, |(head, _)| *head);
        let (head, _bytes) = Log::append(before, &entry);
        log.push((head, entry));
        self.version.send_replace(head.version);
        head
    }

    pub(crate) fn append_tenants(&self, numbers: std::ops::RangeInclusive<u32>) {
        for number in numbers {
            self.append(Entry::Tenant(tenant(number)));
        }
    }

    pub(crate) fn head(&self) -> Head {
        self.log.lock().unwrap().last().map_or(Head::EMPTY, |(head, _)| *head)
    }

    /// The log's last state of each region and tenant, signed.
    pub(crate) fn snapshot(&self) -> Vec<u8> {
        let log = self.log.lock().unwrap();
        let mut current = BTreeMap::new();
        for (_, entry) in log.iter() {
            let key = match entry {
                Entry::Region(record) => record.region.name.to_string(),
                Entry::Tenant(record) => record.id.to_string(),
            };
            current.insert(key, entry.clone());
        }
        self.signer.snapshot(log.last().unwrap().0, current.into_values().collect(), 1)
    }

    pub(crate) fn delta_after(&self, version: u64) -> Vec<u8> {
        let log = self.log.lock().unwrap();
        let skip = usize::try_from(version).unwrap();
        let from = skip.checked_sub(1).map_or(Head::EMPTY, |at| log[at].0);
        let entries: Vec<Entry> = log[skip..].iter().map(|(_, entry)| entry.clone()).collect();
        self.signer.delta(from, &entries, 1)
    }

    /// Forgets the log's end, as a control plane restored from an old backup has.
    pub(crate) fn roll_back_to(&self, version: usize) {
        self.log.lock().unwrap().truncate(version);
        self.version.send_replace(u64::try_from(version).unwrap());
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let uri = request.uri();
        let query = |name: &str| -> u64 {
            let pairs = uri.query().unwrap_or_default().split('&');
            pairs
                .filter_map(|pair| pair.split_once('='))
                .find(|(key, _)| *key == name)
                .map_or(0, |(_, v)| v.parse().unwrap())
        };
        let (status, body) = match uri.path() {
            "/feed/v1/snapshot" => {
                self.snapshot_calls.fetch_add(1, Ordering::SeqCst);
                (StatusCode::OK, self.snapshot())
            }
            "/feed/v1/deltas" => {
                self.delta_calls.fetch_add(1, Ordering::SeqCst);
                self.news(query("after"), query("wait_ms")).await
            }
            _ => (StatusCode::NOT_FOUND, Vec::new()),
        };
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status;
        response
    }

    async fn news(&self, after: u64, wait_ms: u64) -> (StatusCode, Vec<u8>) {
        if after < self.oldest_delta.load(Ordering::SeqCst) || after > self.head().version {
            return (StatusCode::GONE, Vec::new());
        }
        let wait_ms = if self.impatient.load(Ordering::SeqCst) { 0 } else { wait_ms };
        let mut version = self.version.subscribe();
        let waited =
            tokio::time::timeout(Duration::from_millis(wait_ms), version.wait_for(|v| *v > after)).await;
        match waited.is_ok() {
            true => (StatusCode::OK, self.delta_after(after)),
            false => (StatusCode::NO_CONTENT, Vec::new()),
        }
    }
}

/// A control plane that listens; dropping it cuts every connection.
pub(crate) struct Running {
    pub(crate) port: u16,
    _tasks: JoinSet<()>,
}

/// A bound socket that does not listen: its port is refused to clients and given to nobody else meanwhile.
pub(crate) fn reserve() -> (TcpSocket, u16) {
    let socket = shared_socket(0);
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn shared_socket(port: u16) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(([127, 0, 0, 1], port).into()).unwrap();
    socket
}

pub(crate) async fn serve(control: Arc<Control>, pki: &Pki, port: u16) -> Running {
    let identity = pki.issue("feed", &[SERVER_NAME]);
    let config = tls::mutual_server(&identity, &pki.ca(), &["http/1.1"]).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = shared_socket(port).listen(128).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (control, acceptor) = (control.clone(), acceptor.clone());
            connections.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(|request| {
                    let control = control.clone();
                    async move { Ok::<_, std::convert::Infallible>(control.answer(request).await) }
                });
                let io = TokioIo::new(stream);
                drop(hyper::server::conn::http1::Builder::new().serve_connection(io, service).await);
            });
        }
    });
    Running { port, _tasks: tasks }
}

pub(crate) fn feed_config(pki: &Pki, control: &Control, port: u16, file: &Path) -> FeedConfig {
    let identity = pki.issue("front-door.us-east-1", &["front-door.us.domicile.internal"]);
    FeedConfig {
        url: format!("https://127.0.0.1:{port}"),
        ca: pki.ca(),
        cert: identity.cert,
        key: identity.key,
        server_name: SERVER_NAME.into(),
        keys: vec![control.signer.public_key()],
        file: file.to_owned(),
    }
}

pub(crate) fn region(name: &str, code: &str, jurisdiction: Jurisdiction) -> RegionRecord {
    RegionRecord {
        region: Region { name: name.parse().unwrap(), code: code.parse().unwrap(), jurisdiction },
        peer_front_door: "127.0.0.1:20001".into(),
        public_port: 443,
        transit: TransitMode::Passthrough,
    }
}

pub(crate) fn tenant(number: u32) -> TenantRecord {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    TenantRecord {
        id: TenantId::from(id),
        slug: format!("clinic-{number}").parse().unwrap(),
        region: if number.is_multiple_of(2) { "us-east-1" } else { "ap-south-1" }.parse().unwrap(),
        shard: ShardId(1),
        state: TenantState::Active,
        epoch: Epoch(1),
    }
}
