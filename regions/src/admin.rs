//! The admin listener every process has: liveness, readiness and metrics, on its own address.

use crate::metrics;
use crate::shutdown::Shutdown;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Most connections served at once; further ones wait in the listener's queue.
const CONNECTIONS_MAX: usize = 32;
/// Time for a request head to arrive.
const HEAD_MAX_MS: u64 = 5_000;
/// Time for a whole connection; a scraper reconnects.
const CONNECTION_MAX_MS: u64 = 60_000;
/// Pause after a failed accept, for example when the process is out of file descriptors.
const ACCEPT_PAUSE_MS: u64 = 50;

/// The named conditions that must all hold before a process wants traffic. Clones share one set.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    conditions: Arc<Mutex<BTreeMap<&'static str, bool>>>,
    degraded: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Readiness {
    /// A set whose conditions do not hold yet.
    pub fn new(names: &[&'static str]) -> Self {
        let conditions = names.iter().map(|name| (*name, false)).collect();
        Self { conditions: Arc::new(Mutex::new(conditions)), degraded: Arc::default() }
    }

    /// Says that a part works, but less well than it should: the process stays ready, and says so.
    pub fn degrade(&self, name: &'static str) {
        self.degraded.lock().insert(name);
    }

    /// Says that a part works as it should again.
    pub fn recover(&self, name: &'static str) {
        self.degraded.lock().remove(name);
    }

    /// Says that a condition holds; a name not seen before joins the set.
    pub fn hold(&self, name: &'static str) {
        self.conditions.lock().insert(name, true);
    }

    /// Says that a condition does not hold.
    pub fn fail(&self, name: &'static str) {
        self.conditions.lock().insert(name, false);
    }

    /// Whether all conditions hold.
    pub fn is_ready(&self) -> bool {
        self.conditions.lock().values().all(|holds| *holds)
    }

    fn to_json(&self) -> String {
        let (conditions, degraded) = (self.conditions.lock().clone(), self.degraded.lock().clone());
        serde_json::json!({ "ready": self.is_ready(), "conditions": conditions, "degraded": degraded })
            .to_string()
    }
}

/// Serves `/healthz`, `/readyz` and `/metrics` until shutdown, then drops what is still open.
pub async fn serve_admin(listener: TcpListener, readiness: Readiness, shutdown: Shutdown) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = shutdown.wait() => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve_connection(stream, readiness.clone()))),
                Err(_) => tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await,
            },
        }
    }
}

async fn serve_connection(stream: TcpStream, readiness: Readiness) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = answer(request.method(), request.uri().path(), &readiness);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(HEAD_MAX_MS))
        .serve_connection(TokioIo::new(stream), service);
    // A broken or slow scraper is its own problem; nothing here depends on how the connection ended.
    drop(tokio::time::timeout(Duration::from_millis(CONNECTION_MAX_MS), connection).await);
}

fn answer(method: &Method, path: &str, readiness: &Readiness) -> Response<Full<Bytes>> {
    if method != Method::GET {
        return reply(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET\n".to_owned());
    }
    match path {
        "/healthz" => reply(StatusCode::OK, "text/plain", "ok\n".to_owned()),
        "/readyz" if readiness.is_ready() => reply(StatusCode::OK, "application/json", readiness.to_json()),
        "/readyz" => reply(StatusCode::SERVICE_UNAVAILABLE, "application/json", readiness.to_json()),
        "/metrics" => reply(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", metrics::render()),
        _ => reply(StatusCode::NOT_FOUND, "text/plain", "healthz, readyz, metrics\n".to_owned()),
    }
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn get(port: u16, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn readiness_follows_its_conditions_and_shutdown_ends_the_listener() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let readiness = Readiness::new(&["directory", "pins"]);
        let (trigger, shutdown) = Shutdown::new();
        let server = tokio::spawn(serve_admin(listener, readiness.clone(), shutdown));

        assert!(get(port, "/healthz").await.starts_with("HTTP/1.1 200"));
        readiness.hold("pins");
        let not_ready = get(port, "/readyz").await;
        assert!(
            not_ready.starts_with("HTTP/1.1 503") && not_ready.contains(r#""directory":false"#),
            "{not_ready}"
        );
        readiness.hold("directory");
        assert!(get(port, "/readyz").await.starts_with("HTTP/1.1 200"));
        readiness.degrade("kms");
        let degraded = get(port, "/readyz").await;
        assert!(
            degraded.starts_with("HTTP/1.1 200") && degraded.contains(r#""degraded":["kms"]"#),
            "{degraded}"
        );
        readiness.recover("kms");
        assert!(get(port, "/readyz").await.contains(r#""degraded":[]"#));
        readiness.fail("pins");
        assert!(get(port, "/readyz").await.starts_with("HTTP/1.1 503"));
        assert!(get(port, "/metrics").await.contains("\ndomicile_foreign_body_bytes_total "));
        assert!(get(port, "/other").await.starts_with("HTTP/1.1 404"));

        trigger.trigger();
        server.await.unwrap();
    }
}
