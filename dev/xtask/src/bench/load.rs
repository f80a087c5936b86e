//! Keep-alive clients over TLS 1.3, one request at a time each, with a latency histogram.
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Empty};
use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep_until;
use tokio_rustls::TlsConnector;

use crate::fail::{Attempt, Fail, Outcome};
use crate::pki::{Authority, Pki};
use crate::places::Home;

/// What is asked of whom.
pub(super) struct Load<'a> {
    /// The stack whose authority is trusted.
    pub home: &'a Home,
    /// The proxy's port.
    pub port: u16,
    /// The clinic's host.
    pub host: &'a str,
    /// Connections.
    pub clients: usize,
}

/// One measured stretch.
#[derive(Clone, Copy)]
pub(super) struct Sample {
    /// Requests answered a second.
    pub per_second: u64,
    /// Median latency in microseconds.
    pub p50_us: u64,
    /// 99th percentile in microseconds.
    pub p99_us: u64,
    /// The proxy's processor time a request, in nanoseconds.
    pub cpu_ns: u64,
}

impl Sample {
    /// The sample in words.
    pub(super) fn line(&self) -> String {
        format!(
            "{:>7} requests/s   p50 {:>6} µs   p99 {:>6} µs   processor {:>6} ns a request",
            self.per_second, self.p50_us, self.p99_us, self.cpu_ns
        )
    }
}

type Latencies = Histogram<u64>;

impl Load<'_> {
    /// Keeps all clients busy for a warm-up and then for what is measured. They are connected before that and stay so: a handshake
    /// takes as much of both sides as dozens of requests. `cpu_ns` is the proxy's processor time so far.
    pub(super) async fn run(
        &self,
        (warm_up, measured): (Duration, Duration),
        cpu_ns: impl Fn() -> u64,
    ) -> Outcome<Sample> {
        let connector = TlsConnector::from(Arc::new(config(self.home)?));
        // All at once, as after a restart of what they were connected to.
        let mut opening: JoinSet<_> = (0..self.clients)
            .map(|_| {
                let (connector, port, host) = (connector.clone(), self.port, self.host.to_owned());
                async move { open(&connector, port, &host).await }
            })
            .collect();
        let mut senders = Vec::with_capacity(self.clients);
        while let Some(opened) = opening.join_next().await {
            senders.push(opened.attempt(|| "open a connection".to_owned())??);
        }
        let from = Instant::now() + warm_up;
        let until = from + measured;
        let asked = Arc::new(Asked { port: self.port, host: self.host.to_owned(), from, until });
        let mut tasks: JoinSet<_> =
            senders.into_iter().map(|sender| client(sender, Arc::clone(&asked))).collect();
        sleep_until(from.into()).await;
        let before = cpu_ns();
        sleep_until(until.into()).await;
        let spent = cpu_ns().saturating_sub(before);
        let mut all = histogram()?;
        while let Some(done) = tasks.join_next().await {
            let latencies = done.attempt(|| "run a client".to_owned())??;
            all.add(latencies).attempt(|| "add up latencies".to_owned())?;
        }
        let measured_ms = u64::try_from(measured.as_millis()).unwrap_or(u64::MAX).max(1);
        Ok(Sample {
            per_second: all.len() * 1000 / measured_ms,
            p50_us: all.value_at_quantile(0.50),
            p99_us: all.value_at_quantile(0.99),
            cpu_ns: spent / all.len().max(1),
        })
    }
}

/// What every client asks, and when that counts.
struct Asked {
    port: u16,
    host: String,
    from: Instant,
    until: Instant,
}

/// Asks until the end; what was sent before the beginning is not counted.
async fn client(mut sender: SendRequest<Empty<Bytes>>, asked: Arc<Asked>) -> Outcome<Latencies> {
    let Asked { port, host, from, until } = asked.as_ref();
    let doing = || format!("ask port {port} for {host}");
    let mut latencies = histogram()?;
    loop {
        let sent = Instant::now();
        if sent >= *until {
            return Ok(latencies);
        }
        let request = http::Request::get(PATH).header("host", host).body(Empty::<Bytes>::new());
        let answer = sender.send_request(request.attempt(doing)?).await.attempt(doing)?;
        let status = answer.status();
        if status != http::StatusCode::OK {
            // The problem in the body names the reason.
            let body = answer.into_body().collect().await.map(http_body_util::Collected::to_bytes);
            let said = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
            return Err(Fail::new(format!("{host} on port {port} answered with {status}: {said}")));
        }
        answer.into_body().collect().await.attempt(doing)?;
        if sent >= *from {
            let micros = u64::try_from(sent.elapsed().as_micros()).unwrap_or(LATENCY_US_MAX);
            latencies.saturating_record(micros);
        }
    }
}

/// A connection of its own, which ends when its sender is dropped.
pub(super) async fn open<B>(connector: &TlsConnector, port: u16, host: &str) -> Outcome<SendRequest<B>>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let doing = || format!("connect to port {port} for {host}");
    let tcp = TcpStream::connect(("127.0.0.1", port)).await.attempt(doing)?;
    tcp.set_nodelay(true).attempt(doing)?;
    let name = ServerName::try_from(host.to_owned()).attempt(doing)?;
    let stream = connector.connect(name, tcp).await.attempt(doing)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.attempt(doing)?;
    // How the connection ends is told to the request on it.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn histogram() -> Outcome<Latencies> {
    Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).attempt(|| "make a histogram".to_owned())
}

/// TLS 1.3 that trusts the stack's own authority.
pub(super) fn config(home: &Home) -> Outcome<rustls::ClientConfig> {
    let doing = || "set up TLS".to_owned();
    let mut roots = rustls::RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(Pki::at(home).authority(Authority::Public)).attempt(doing)?
    {
        roots.add(certificate.attempt(doing)?).attempt(doing)?;
    }
    let builder = rustls::ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS13]);
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// What is asked for.
pub(super) const PATH: &str = "/api/v1/bench";
const LATENCY_US_MAX: u64 = 60_000_000;
