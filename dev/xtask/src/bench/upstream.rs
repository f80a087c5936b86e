//! The server that every contender forwards to: mTLS, keep-alive, a fixed body, and the same work for each of them.
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use clap::Args;
use http::HeaderValue;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use regions::assertion::{self, Assertion, Expected};
use regions::clock::Clock;
use regions::ids::{Epoch, RequestId, ShardId};
use regions::keyring::HmacKeyring;
use regions::receipt::{self, Served};
use regions::region::RegionName;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, Semaphore};
use tokio_rustls::TlsAcceptor;

use crate::bench::bulk::{REQUESTS, TOGETHER, Zeros};
use crate::bench::load::PATH;
use crate::fail::{Attempt, Fail, Outcome};

/// Where the upstream listens and whom it believes.
#[derive(Args)]
pub(crate) struct Upstream {
    /// Its address.
    #[arg(long)]
    listen: SocketAddr,
    /// Its certificate, PEM.
    #[arg(long)]
    cert: PathBuf,
    /// Its key, PEM.
    #[arg(long)]
    key: PathBuf,
    /// The authority of the proxies' certificates, PEM.
    #[arg(long)]
    client_ca: PathBuf,
    /// The keys of assertions.
    #[arg(long)]
    route: PathBuf,
    /// The keys of receipts.
    #[arg(long)]
    receipts: PathBuf,
    /// The region it pretends to serve.
    #[arg(long)]
    region: RegionName,
    /// The size of every answer.
    #[arg(long, default_value_t = 1024)]
    body_bytes: usize,
}

type Answer = Either<Full<Bytes>, Zeros>;

struct State {
    route: HmacKeyring,
    receipts: HmacKeyring,
    region: RegionName,
    clock: Clock,
    /// What is checked where no assertion came, and when it was made.
    sample: (HeaderValue, u64),
    body: Bytes,
    /// Requests that are answered only when so many of them are there.
    together: Barrier,
}

/// Serves until it is stopped.
pub(crate) async fn serve(upstream: &Upstream) -> Outcome<()> {
    let acceptor = TlsAcceptor::from(Arc::new(config(upstream)?));
    let keys = |path: &PathBuf| HmacKeyring::from_file(path).attempt(|| format!("read {}", path.display()));
    let (route, clock) = (keys(&upstream.route)?, Clock::system());
    let now_ms = clock.now_unix_ms();
    let state = Arc::new(State {
        sample: (sample(upstream.region, now_ms, &route)?, now_ms),
        route,
        receipts: keys(&upstream.receipts)?,
        region: upstream.region,
        clock,
        body: Bytes::from(vec![b'x'; upstream.body_bytes]),
        together: Barrier::new(REQUESTS),
    });
    let listener =
        TcpListener::bind(upstream.listen).await.attempt(|| format!("listen on {}", upstream.listen))?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let (tcp, _) = listener.accept().await.attempt(|| "accept a connection".to_owned())?;
        let place = Arc::clone(&places).acquire_owned().await.attempt(|| "count a connection".to_owned())?;
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            // A connection that ends badly is the proxy's to count.
            drop(connection(tcp, acceptor, state).await);
            drop(place);
        });
    }
}

async fn connection(tcp: TcpStream, acceptor: TlsAcceptor, state: Arc<State>) -> Outcome<()> {
    let doing = || "serve a connection".to_owned();
    tcp.set_nodelay(true).attempt(doing)?;
    let stream = acceptor.accept(tcp).await.attempt(doing)?;
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(request, &state).await) }
    });
    http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.attempt(doing)
}

/// Takes in a body, and answers with as many bytes as `?bytes=` asks for, or with the usual number. `?together` is answered
/// when all requests of a bulk transfer have come with it.
async fn answer(mut request: http::Request<Incoming>, state: &State) -> http::Response<Answer> {
    // As a backend does: an assertion is good for seconds, a large body takes longer.
    let receipt = served(&request, state);
    if request.uri().query() == Some(TOGETHER) {
        state.together.wait().await;
    }
    let asked = request.uri().query().and_then(|query| query.strip_prefix("bytes=")?.parse().ok());
    let body = match asked {
        Some(bytes) => Either::Right(Zeros::new(bytes)),
        None => Either::Left(Full::new(state.body.clone())),
    };
    // Ends with the body, which the proxy in front limits.
    while let Some(Ok(_frame)) = request.body_mut().frame().await {}
    let mut response = http::Response::new(body);
    match receipt {
        Some(receipt) => drop(response.headers_mut().insert(receipt::HEADER, receipt)),
        None => *response.status_mut() = http::StatusCode::FORBIDDEN,
    }
    response
}

/// The receipt for a request whose assertion is a good one. Checking and signing are a backend's work: an upstream that shares
/// the machine and spared one contender's requests that work would be quicker for it. Where no assertion came, the upstream's
/// own sample is checked in its place.
fn served(request: &http::Request<Incoming>, state: &State) -> Option<HeaderValue> {
    let (sample, made_ms) = &state.sample;
    let (value, now_ms) = match request.headers().get(assertion::HEADER) {
        Some(value) => (value, state.clock.now_unix_ms()),
        None => (sample, *made_ms),
    };
    let expected = Expected {
        method: request.method().as_str(),
        path_and_query: request.uri().path_and_query().map_or("/", |path| path.as_str()),
        now_ms,
        region: state.region,
    };
    let assertion = Assertion::verify(value.as_bytes(), &state.route, &expected).ok()?;
    receipt::mint(&state.receipts, &Served::of(&assertion, 200)).ok()
}

/// An assertion like those that the front door makes for the requests of [`load`](crate::bench::load).
fn sample(region: RegionName, now_ms: u64, keys: &HmacKeyring) -> Outcome<HeaderValue> {
    let assertion = Assertion {
        tenant: [0; 16].into(),
        region,
        shard: ShardId(1),
        epoch: Epoch(1),
        method: "GET".to_owned(),
        path_hash: assertion::path_hash(PATH),
        nonce: assertion::nonce(),
        issued_ms: now_ms,
        expires_ms: now_ms + assertion::LIFETIME_MAX_MS,
        front_door: "fd-us-1".to_owned(),
        request_id: RequestId::random(),
        client_ip: Ipv4Addr::LOCALHOST.into(),
    };
    assertion.mint(keys).attempt(|| "sign the upstream's sample assertion".to_owned())
}

fn config(upstream: &Upstream) -> Outcome<rustls::ServerConfig> {
    let doing = || "set up the upstream's TLS".to_owned();
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&upstream.client_ca).attempt(doing)? {
        roots.add(certificate.attempt(doing)?).attempt(doing)?;
    }
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().attempt(doing)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&upstream.cert).attempt(doing)?.collect();
    let key = PrivateKeyDer::from_pem_file(&upstream.key).attempt(doing)?;
    rustls::ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain.attempt(doing)?, key)
        .map_err(|error| Fail::new(format!("The upstream's certificate does not fit: {error}")))
}

const CONNECTIONS_MAX: usize = 4096;
