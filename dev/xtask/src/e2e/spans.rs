//! A collector of traces beside the stack: takes what front door and backend send, and looks whether anybody is named in it.
use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fail::{Attempt, Fail, Outcome};

type Batches = Arc<Mutex<Vec<Bytes>>>;

/// A running collector; it ends when dropped.
pub(super) struct Collector {
    /// Where it listens on loopback.
    pub port: u16,
    batches: Batches,
    task: JoinHandle<()>,
}

/// Everything that may be said of a process or a request.
const KEYS: [&str; 6] = [
    "cloud.region",
    "http.request.method",
    "http.response.status_code",
    "http.route",
    "service.name",
    "service.namespace",
];

impl Collector {
    /// Listens on a port that was free.
    pub(super) async fn start() -> Outcome<Self> {
        let doing = || "start a collector of traces".to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.attempt(doing)?;
        let port = listener.local_addr().attempt(doing)?.port();
        let batches = Batches::default();
        let task = tokio::spawn(accept(listener, batches.clone()));
        Ok(Self { port, batches, task })
    }

    /// Requests went through both processes in one trace, with the backend's `routes`; and nothing names anybody: not one of the
    /// `secrets`, and no key but those that are known.
    pub(super) fn judge(&self, routes: &[&str], secrets: &[String]) -> Outcome<()> {
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let mut spans = Vec::new();
        for batch in batches.iter() {
            let text = String::from_utf8_lossy(batch);
            if let Some(secret) = secrets.iter().find(|secret| text.contains(secret.as_str())) {
                return Err(Fail::new(format!("a trace holds {secret}")));
            }
            let document: Value =
                serde_json::from_slice(batch).attempt(|| "read a batch of spans".to_owned())?;
            for part in list(&document, "/resourceSpans") {
                let resource = attributes(part.pointer("/resource"))?;
                let service = resource.get("service.name").cloned().unwrap_or_default();
                for span in list(part, "/scopeSpans/0/spans") {
                    spans.push((service.clone(), span.clone(), attributes(Some(span))?));
                }
            }
        }
        let parents: HashMap<String, String> = spans
            .iter()
            .filter(|(service, ..)| service == "front-door")
            .map(|(_, span, _)| (field(span, "spanId"), field(span, "traceId")))
            .collect();
        for route in routes {
            let whole = spans.iter().any(|(service, span, said)| {
                service == "backend"
                    && said.get("http.route").is_some_and(|found| found == route)
                    && parents.get(&field(span, "parentSpanId")) == Some(&field(span, "traceId"))
            });
            if !whole {
                let count = spans.len();
                return Err(Fail::new(format!(
                    "of {count} spans none is a backend's for {route} under a front door's"
                )));
            }
        }
        Ok(())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, batches: Batches) {
    while let Ok((stream, _)) = listener.accept().await {
        let batches = batches.clone();
        let service = service_fn(move |request| take(batches.clone(), request));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        // A sender that leaves in the middle is its own affair.
        tokio::spawn(async move { drop(connection.await) });
    }
}

async fn take(batches: Batches, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let known = request.uri().path() == "/v1/traces";
    let body = Limited::new(request.into_body(), BATCH_BYTES_MAX).collect().await;
    let mut response = Response::new(Full::new(Bytes::from_static(b"{}")));
    match body {
        Ok(body) if known => {
            batches.lock().unwrap_or_else(PoisonError::into_inner).push(body.to_bytes());
        }
        _ => *response.status_mut() = hyper::StatusCode::BAD_REQUEST,
    }
    Ok(response)
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn field(span: &Value, name: &str) -> String {
    span.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The attributes of a span or resource; a key that is not known is a failure.
fn attributes(of: Option<&Value>) -> Outcome<HashMap<String, String>> {
    let mut found = HashMap::new();
    for attribute in of.map(|value| list(value, "/attributes")).unwrap_or_default() {
        let key = field(attribute, "key");
        if !KEYS.contains(&key.as_str()) {
            return Err(Fail::new(format!("a trace says {key}, which nobody has looked at")));
        }
        let value = attribute.pointer("/value/stringValue").and_then(Value::as_str);
        found.insert(key, value.unwrap_or_default().to_owned());
    }
    Ok(found)
}

const BATCH_BYTES_MAX: usize = 4 << 20;
