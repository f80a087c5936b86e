//! Sends finished spans to the region's collector: OTLP over HTTP in its JSON form, in batches, and never in a request's way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use http::{Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use super::{LOST, Span, TelemetryConfig, TelemetryError};
use crate::log::{self, Field};
use crate::region::RegionName;
use crate::shutdown::Shutdown;
use crate::tls;

const BATCH_SPANS_MAX: usize = 512;
/// Batches sent in one round: the whole queue.
const BATCHES_MAX: usize = 8;
const EXPORT_EVERY: Duration = Duration::from_secs(1);
/// Time to connect, send a batch and read the status.
const EXPORT_MAX: Duration = Duration::from_secs(3);
const ANSWER_HEAD_BYTES_MAX: usize = 16 * 1024;
/// OTLP's numbers: a span of a server, and a status that is an error.
const KIND_SERVER: u8 = 2;
const STATUS_ERROR: u8 = 2;

/// Where spans go, and who sends them.
pub(super) struct Collector {
    authority: String,
    reach: Reach,
    role: &'static str,
    region: RegionName,
}

enum Reach {
    Loopback(SocketAddr),
    Tls(Arc<ClientConfig>, ServerName<'static>),
}

impl Collector {
    pub(super) fn new(
        config: &TelemetryConfig,
        role: &'static str,
        region: RegionName,
    ) -> Result<Self, TelemetryError> {
        let uri: Uri = config.otlp_endpoint.parse().ok().ok_or(TelemetryError::Endpoint)?;
        let authority = uri.authority().cloned().ok_or(TelemetryError::Endpoint)?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        if !bare || authority.port_u16().is_none() || authority.as_str().contains('@') {
            return Err(TelemetryError::Endpoint);
        }
        let reach = match uri.scheme_str() {
            Some("http") => {
                let address: Option<SocketAddr> = authority.as_str().parse().ok();
                // Nothing leaves the machine in clear, not even this.
                let own = address.filter(|address| address.ip().is_loopback());
                Reach::Loopback(own.ok_or(TelemetryError::Endpoint)?)
            }
            Some("https") => {
                let ca = config.ca.as_deref().ok_or(TelemetryError::Authority)?;
                let name = ServerName::try_from(authority.host().to_owned()).ok();
                Reach::Tls(Arc::new(tls::client(ca)?), name.ok_or(TelemetryError::Endpoint)?)
            }
            _ => return Err(TelemetryError::Endpoint),
        };
        Ok(Self { authority: authority.to_string(), reach, role, region })
    }

    /// Whether the collector took the batch.
    async fn send(&self, batch: &[Span]) -> bool {
        let body = Bytes::from(self.document(batch).to_string());
        let sending = async {
            match &self.reach {
                Reach::Loopback(address) => {
                    let stream = TcpStream::connect(address).await.ok()?;
                    post(stream, &self.authority, body).await
                }
                Reach::Tls(config, name) => {
                    let stream = TcpStream::connect(&self.authority).await.ok()?;
                    let stream =
                        TlsConnector::from(config.clone()).connect(name.clone(), stream).await.ok()?;
                    post(stream, &self.authority, body).await
                }
            }
        };
        tokio::time::timeout(EXPORT_MAX, sending).await.ok().flatten() == Some(StatusCode::OK)
    }

    fn document(&self, batch: &[Span]) -> Value {
        let resource = json!({ "attributes": [
            text("service.namespace", "domicile"),
            text("service.name", self.role),
            text("cloud.region", &self.region.to_string()),
        ] });
        let spans: Vec<Value> = batch.iter().map(span).collect();
        let scoped = json!([{ "scope": { "name": "domicile" }, "spans": spans }]);
        json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": scoped }] })
    }
}

async fn post<S>(stream: S, authority: &str, body: Bytes) -> Option<StatusCode>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(ANSWER_HEAD_BYTES_MAX)
        .handshake(TokioIo::new(stream))
        .await
        .ok()?;
    let driver = tokio::spawn(async move { drop(connection.await) });
    let request = Request::post("/v1/traces")
        .header(header::HOST, authority)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body));
    let answered = match request {
        Ok(request) => sender.send_request(request).await.ok(),
        Err(_) => None,
    };
    driver.abort();
    answered.map(|response| response.status())
}

/// Sends what waits, once a second, until the stop; then once more.
pub(super) async fn run(mut waiting: mpsc::Receiver<Span>, collector: Collector, shutdown: Shutdown) {
    let mut reached = true;
    loop {
        let stopping = tokio::select! {
            () = shutdown.wait() => true,
            () = tokio::time::sleep(EXPORT_EVERY) => false,
        };
        for _ in 0..BATCHES_MAX {
            let batch = next_batch(&mut waiting);
            if batch.is_empty() {
                break;
            }
            let taken = collector.send(&batch).await;
            if !taken {
                LOST.inc_by(count(&batch));
            }
            if taken != reached {
                reached = taken;
                if taken {
                    log::info("trace_collector_back", &[]);
                } else {
                    log::warn("trace_collector_lost", &[Field::Count(count(&batch))]);
                }
            }
            if !taken {
                break;
            }
        }
        if stopping {
            return;
        }
    }
}

fn next_batch(waiting: &mut mpsc::Receiver<Span>) -> Vec<Span> {
    let mut batch = Vec::new();
    while batch.len() < BATCH_SPANS_MAX
        && let Ok(span) = waiting.try_recv()
    {
        batch.push(span);
    }
    batch
}

fn count(batch: &[Span]) -> u64 {
    u64::try_from(batch.len()).unwrap_or(u64::MAX)
}

/// A span in OTLP's JSON: ids in hexadecimal, 64-bit numbers as text.
fn span(span: &Span) -> Value {
    let said = span.said;
    let name = match said.route {
        Some(route) => format!("{} {route}", said.method),
        None => said.method.to_owned(),
    };
    let mut attributes = vec![
        text("http.request.method", said.method),
        json!({ "key": "http.response.status_code", "value": { "intValue": said.status.to_string() } }),
    ];
    attributes.extend(said.route.map(|route| text("http.route", route)));
    let mut value = json!({
        "traceId": span.context.trace.to_string(),
        "spanId": HEXLOWER.encode(&span.context.span),
        "name": name,
        "kind": KIND_SERVER,
        "startTimeUnixNano": span.started_unix_ns.to_string(),
        "endTimeUnixNano": span.ended_unix_ns.to_string(),
        "attributes": attributes,
    });
    if let Some(fields) = value.as_object_mut() {
        if let Some(parent) = span.parent {
            fields.insert("parentSpanId".to_owned(), HEXLOWER.encode(&parent).into());
        }
        if said.status >= 500 {
            fields.insert("status".to_owned(), json!({ "code": STATUS_ERROR }));
        }
    }
    value
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Context, Said};

    fn config(otlp_endpoint: &str) -> TelemetryConfig {
        TelemetryConfig { otlp_endpoint: otlp_endpoint.to_owned(), ca: None, sampled_per_mille: 1_000 }
    }

    fn collector(otlp_endpoint: &str) -> Result<Collector, String> {
        let region = "us-east-1".parse().unwrap();
        Collector::new(&config(otlp_endpoint), "backend", region).map_err(|error| error.to_string())
    }

    #[test]
    fn a_collector_in_clear_is_on_this_machine_and_any_other_has_an_authority() {
        assert!(collector("http://127.0.0.1:4318").is_ok() && collector("http://[::1]:4318/").is_ok());
        for wrong in [
            "http://10.0.0.1:4318",
            "http://collector:4318",
            "http://127.0.0.1",
            "http://127.0.0.1:4318/v1/traces",
            "http://u:p@127.0.0.1:4318",
            "grpc://127.0.0.1:4317",
            "",
        ] {
            let said = collector(wrong).err().unwrap_or_default();
            assert!(said.starts_with("otlp_endpoint: write https://"), "{wrong}: {said}");
        }
        let said = collector("https://collector.us.domicile.internal:4318").err().unwrap_or_default();
        assert!(said.starts_with("ca: "), "{said}");
    }

    #[test]
    fn a_span_is_written_as_otlp_asks() {
        let parent = Context::parse(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        let span = Span {
            context: Context { span: [1; 8], ..parent },
            parent: Some(parent.span),
            started_unix_ns: 1_700_000_000_000_000_000,
            ended_unix_ns: 1_700_000_000_002_000_000,
            said: Said { method: "GET", route: Some("/api/v1/patients/{id}"), status: 503 },
        };
        let document = collector("http://127.0.0.1:4318").unwrap().document(&[span]);
        let expected = json!({ "resourceSpans": [{
            "resource": { "attributes": [
                { "key": "service.namespace", "value": { "stringValue": "domicile" } },
                { "key": "service.name", "value": { "stringValue": "backend" } },
                { "key": "cloud.region", "value": { "stringValue": "us-east-1" } },
            ] },
            "scopeSpans": [{ "scope": { "name": "domicile" }, "spans": [{
                "traceId": "0af7651916cd43dd8448eb211c80319c",
                "spanId": "0101010101010101",
                "parentSpanId": "b7ad6b7169203331",
                "name": "GET /api/v1/patients/{id}",
                "kind": 2,
                "startTimeUnixNano": "1700000000000000000",
                "endTimeUnixNano": "1700000000002000000",
                "attributes": [
                    { "key": "http.request.method", "value": { "stringValue": "GET" } },
                    { "key": "http.response.status_code", "value": { "intValue": "503" } },
                    { "key": "http.route", "value": { "stringValue": "/api/v1/patients/{id}" } },
                ],
                "status": { "code": 2 },
            }] }],
        }] });
        assert_eq!(document, expected);
    }
}
