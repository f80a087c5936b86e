//! Traces of a front door: a span for each request, the backend told to go on with it, and nothing in it of who asked for what.

use crate::front_door_world::{ALPHA, LOTUS, World, get, read, text};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use regions::trace::TelemetryConfig;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const FOREIGN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A collector that keeps what it is sent.
async fn collector() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let received = Arc::<Mutex<Vec<String>>>::default();
    let kept = received.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let kept = kept.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let kept = kept.clone();
                async move {
                    let path = request.uri().path().to_owned();
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    kept.lock().unwrap().push(format!("{path} {}", String::from_utf8_lossy(&body)));
                    Ok::<_, Infallible>(Response::new(text("{}")))
                }
            });
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    (address, received)
}

/// A request with everything by which a client could write into traces.
fn nosy() -> Request<crate::front_door_world::Body> {
    let mut request = get(ALPHA, "/of/Jane?name=Jane");
    request.headers_mut().insert("traceparent", HeaderValue::from_static(FOREIGN));
    request.headers_mut().insert("tracestate", HeaderValue::from_static("vendor=Jane"));
    request.headers_mut().insert("baggage", HeaderValue::from_static("patient=Jane"));
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trace_begins_at_the_front_door_and_names_neither_clinic_nor_client() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let (address, received) = collector().await;
    let mut config = world.config("us", &[backend.address]);
    config.telemetry = Some(TelemetryConfig {
        otlp_endpoint: format!("http://{address}"),
        ca: None,
        sampled_per_mille: 1_000,
    });
    let door = world.start(config).await;
    let mut h1 = door.h1(ALPHA).await;
    assert_eq!(read(h1.send_request(nosy()).await.unwrap()).await.0, StatusCode::OK);
    let refused = door.raw(ALPHA, format!("GET /Jane HTTP/1.1\r\nhost: {LOTUS}\r\n\r\n").as_bytes()).await;
    assert!(refused.starts_with("HTTP/1.1 421 "), "{refused}");
    drop(h1);
    // A stop sends what waits.
    door.stop().await;

    let seen = backend.seen().pop().unwrap();
    let told = seen.headers.get("traceparent").unwrap().to_str().unwrap();
    let told: Vec<_> = told.split('-').collect();
    assert_eq!((told[0], told[3]), ("00", "01"));
    assert!(seen.headers.get("tracestate").is_none() && seen.headers.get("baggage").is_none());
    let sent = received.lock().unwrap().concat();
    assert!(sent.starts_with("/v1/traces "), "{sent}");
    assert!(sent.contains(&format!("\"traceId\":\"{}\"", told[1])), "{sent}");
    assert!(sent.contains(&format!("\"spanId\":\"{}\"", told[2])), "{sent}");
    for status in ["200", "421"] {
        assert!(sent.contains(&format!("{{\"intValue\":\"{status}\"}}")), "{status}: {sent}");
    }
    let ids = [seen.assertion.tenant.to_string(), seen.assertion.request_id.to_string()];
    let foreign: Vec<_> = FOREIGN.split('-').collect();
    for secret in ["Jane", "alpha", "lotus", "127.0.0.1", &ids[0], &ids[1], foreign[1], foreign[2]] {
        assert!(!sent.contains(secret), "{secret} is in {sent}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_no_trace_reaches_a_backend() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let mut h1 = door.h1(ALPHA).await;
    assert_eq!(read(h1.send_request(nosy()).await.unwrap()).await.0, StatusCode::OK);
    let seen = backend.seen().pop().unwrap();
    assert!(["traceparent", "tracestate", "baggage"].iter().all(|name| seen.headers.get(*name).is_none()));
    drop(h1);
    door.stop().await;
}
