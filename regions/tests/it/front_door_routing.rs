//! Where requests go: the verdicts, the agreement of names, what is removed and rebuilt, and proof both ways.

use crate::front_door_world::{
    ALPHA, BASE, LOTUS, World, connect, exchange, get, get_h2, post, read, record, text, until,
};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use regions::directory::{Entry, TenantState};
use regions::metrics::FOREIGN_BODY_BYTES;
use regions::residency::TransitMode;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_request_is_served_with_an_assertion_over_both_protocols() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let mut h1 = door.h1(ALPHA).await;
    for _ in 0..3 {
        h1.ready().await.unwrap();
        let (status, body) = read(h1.send_request(get(ALPHA, "/headers?q=1")).await.unwrap()).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
    }
    let mut h2 = door.h2(ALPHA).await;
    let response = h2.send_request(get_h2(ALPHA, "/headers")).await.unwrap();
    assert!(response.headers().contains_key("x-request-id"));
    assert!(!response.headers().contains_key("domicile-receipt"));
    assert_eq!(read(response).await.1, "ok");
    let seen = backend.seen();
    assert_eq!(seen.len(), 4);
    for one in &seen {
        assert_eq!(one.assertion.front_door, "fd-us-1");
        assert_eq!(one.assertion.client_ip, door.client.ip());
        assert_eq!(one.headers["host"], ALPHA);
        assert_eq!(one.headers["via"], "1.1 fd-us-1");
        assert_eq!(one.headers["x-request-id"].to_str().unwrap(), one.assertion.request_id.to_string());
    }
    assert_eq!(seen[0].target, "/headers?q=1");
    assert!(backend.connections.load(Ordering::SeqCst) <= 2, "connections are reused");
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verdict_is_given_from_the_head_and_reads_no_body() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    world.set_region("us", door.peer, 7410, TransitMode::Passthrough);
    until("the region's new port", || {
        door.directory.region("us-east-1".parse().unwrap()).unwrap().public_port == 7410
    })
    .await;
    let before = FOREIGN_BODY_BYTES.get();
    // Server name, Host, status, machine code.
    let cases = [
        ("nobody.us", "nobody.us", 404, "clinic_unknown"),
        ("paused.us", "paused.us", 403, "clinic_suspended"),
        ("gone-now.us", "gone-now.us", 410, "clinic_gone"),
        ("alpha.us", "lotus.in", 421, "wrong_host"),
        ("alpha.us", "paused.us", 421, "wrong_host"),
        ("lotus.us", "lotus.us", 421, "wrong_host"),
        ("alpha", "alpha", 421, "wrong_host"),
        ("lotus", "lotus", 421, "wrong_host"),
        ("alpha.us", "alpha", 421, "wrong_host"),
    ];
    for (sni, host, status, code) in cases {
        let (sni, host) = (format!("{sni}.{BASE}"), format!("{host}.{BASE}"));
        let head = format!(
            "POST /echo HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1000000\r\nexpect: 100-continue\r\n\r\n"
        );
        let mut wire = head.into_bytes();
        wire.extend(vec![b'p'; 100_000]);
        let answer = door.raw(&sni, &wire).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{sni} {host}: {answer}");
        assert!(answer.contains(code) && answer.contains("connection: close"), "{answer}");
        assert!(!answer.contains("100 Continue"), "{answer}");
        let mut h2 = door.h2(&sni).await;
        let request = Request::post(format!("https://{host}/echo")).body(text("phi")).unwrap();
        let (got, body) = read(h2.send_request(request).await.unwrap()).await;
        assert_eq!(got.as_u16(), status, "{body}");
        assert!(body.contains(code), "{body}");
    }
    let answer = door
        .raw(&format!("alpha.us.{BASE}"), format!("GET / HTTP/1.1\r\nhost: {LOTUS}\r\n\r\n").as_bytes())
        .await;
    assert!(answer.contains(&format!("\"host\":\"{LOTUS}\"")), "the right host is named: {answer}");
    let answer = door
        .raw(
            &format!("alpha.{BASE}"),
            format!("GET /a?b=c HTTP/1.1\r\nhost: alpha.{BASE}\r\n\r\n").as_bytes(),
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    assert!(answer.contains(&format!("location: https://{ALPHA}:7410/a?b=c\r\n")), "{answer}");
    assert_eq!(backend.count(), 0);
    assert_eq!(FOREIGN_BODY_BYTES.get(), before);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_directory_everything_is_503() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let mut config = world.config("us", &[backend.address]);
    config.directory.url = "https://127.0.0.1:1".to_owned();
    let door = world.start_bare(config).await;
    let answer = door
        .raw(ALPHA, format!("POST / HTTP/1.1\r\nhost: {ALPHA}\r\ncontent-length: 3\r\n\r\nphi").as_bytes())
        .await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("directory_not_ready") && answer.contains("retry-after:"), "{answer}");
    let mut admin = TcpStream::connect(door.admin).await.unwrap();
    let ready = exchange(&mut admin, b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(ready.starts_with("HTTP/1.1 503 ") && ready.contains("\"directory\":false"), "{ready}");
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_wrong_region_requests_have_no_body_byte_read() {
    const CONNECTIONS: usize = 8;
    const EACH: usize = 12_500;
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = std::sync::Arc::new(world.door("us", &[backend.address]).await);
    let before = FOREIGN_BODY_BYTES.get();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let door = door.clone();
        tasks.spawn(async move {
            let mut h2 = door.h2(ALPHA).await;
            let mut refused = 0;
            while refused < EACH {
                let request =
                    Request::post(format!("https://{LOTUS}/echo")).body(text("synthetic patient")).unwrap();
                // A connection on which too many bodies crossed their refusals is ended; the client opens another.
                if h2.ready().await.is_err() {
                    h2 = door.h2(ALPHA).await;
                }
                if let Ok(response) = h2.send_request(request).await {
                    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
                    refused += 1;
                }
            }
        });
    }
    for _ in 0..2 {
        let door = door.clone();
        tasks.spawn(async move {
            for _ in 0..150 {
                let request = post(LOTUS, "/echo", text("synthetic patient"));
                let response = door.h1(ALPHA).await.send_request(request).await.unwrap();
                assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(FOREIGN_BODY_BYTES.get(), before);
    assert_eq!(door.metric("domicile_foreign_body_bytes_total").await, before);
    assert_eq!(backend.count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_waits_for_the_verdict_and_100_continue_comes_only_when_served() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
    let head =
        format!("POST /echo HTTP/1.1\r\nhost: {ALPHA}\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let closing = format!("helloGET /x HTTP/1.1\r\nhost: {ALPHA}\r\nconnection: close\r\n\r\n");
    let answer = exchange(&mut stream, closing.as_bytes()).await;
    assert!(answer.contains("hello") && answer.ends_with("ok"), "{answer}");
    assert!(!backend.seen()[0].headers.contains_key("expect"));
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_have_one_form_and_must_agree() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let good = [
        format!("host: {ALPHA}\r\n"),
        format!("Host: {ALPHA}:443\r\n"),
        format!("host: {}\r\n", ALPHA.to_uppercase()),
        format!("host: {ALPHA}.\r\n"),
        format!("host: {ALPHA}.:65535\r\n"),
    ];
    for header in &good {
        let answer =
            door.raw(ALPHA, format!("GET / HTTP/1.1\r\n{header}connection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{header}: {answer}");
    }
    let absolute = format!("GET https://{ALPHA}/abs HTTP/1.1\r\nhost: {ALPHA}\r\nconnection: close\r\n\r\n");
    assert!(door.raw(ALPHA, absolute.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert!(backend.seen().iter().all(|seen| seen.headers["host"] == ALPHA), "the canonical host goes on");
    let served = backend.count();
    let bad = [
        (format!("GET / HTTP/1.1\r\nhost: {ALPHA}\r\nhost: {ALPHA}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nhost: {ALPHA}\r\nHost: {LOTUS}\r\n\r\n"), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET https://{LOTUS}/ HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n"), 400),
        (format!("GET https://{ALPHA}:444/ HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nhost: user@{ALPHA}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nhost: {ALPHA}:99999\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nhost: xn--alph-8na.us.{BASE}\r\n\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nhost: alph\u{430}.us.{BASE}\r\n\r\n"), 400),
        ("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\nhost: control.{BASE}\r\n\r\n"), 421),
        ("GET / HTTP/1.1\r\nhost: example.org\r\n\r\n".to_owned(), 421),
    ];
    for (wire, status) in bad {
        let answer = door.raw(ALPHA, wire.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{wire}: {answer}");
    }
    // HTTP/2: the Host field beside a different :authority.
    let mut h2 = door.h2(ALPHA).await;
    let request = Request::get(format!("https://{ALPHA}/")).header("host", LOTUS).body(text("")).unwrap();
    assert_eq!(h2.send_request(request).await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(backend.count(), served);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_reserved_names_and_connection_fields_do_not_cross() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let forged = [
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "forwarded",
        "x-real-ip",
        "x-request-id",
        "domicile-route",
        "x-domicile-tenant",
        "domicile-receipt",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
    ];
    let mut request = get(ALPHA, "/");
    for name in forged {
        request.headers_mut().append(name, "forged".parse().unwrap());
    }
    request.headers_mut().append("connection", "x-hop".parse().unwrap());
    request.headers_mut().append("x-hop", "gone".parse().unwrap());
    request.headers_mut().append("x-kept", "kept".parse().unwrap());
    assert_eq!(door.h1(ALPHA).await.send_request(request).await.unwrap().status(), StatusCode::OK);
    let seen = backend.seen().pop().unwrap();
    assert!(seen.headers.values().all(|value| value != "forged" && value != "gone"), "{:?}", seen.headers);
    assert_eq!(seen.headers["x-kept"], "kept");
    let refused = [
        "connection: domicile-route\r\n",
        "connection: close, host\r\n",
        "connection: authorization\r\n",
        "domicile_route: x\r\n",
        "x_y: z\r\n",
    ];
    for line in refused {
        let answer =
            door.raw(ALPHA, format!("GET / HTTP/1.1\r\nhost: {ALPHA}\r\n{line}\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{line}: {answer}");
    }
    // Trailers, of both protocols, end at the front door.
    let trailers = format!(
        "POST /sink HTTP/1.1\r\nhost: {ALPHA}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n2\r\nhi\r\n0\r\ndomicile-route: x\r\n\r\n"
    );
    assert!(door.raw(ALPHA, trailers.as_bytes()).await.ends_with('2'));
    let mut map = http::HeaderMap::new();
    map.insert("domicile-route", "x".parse().unwrap());
    let frames = [Ok(Frame::data(Bytes::from_static(b"hi"))), Ok(Frame::trailers(map))];
    let body = BoxBody::new(StreamBody::new(futures_util::stream::iter(frames)));
    let request = Request::post(format!("https://{ALPHA}/sink")).body(body).unwrap();
    assert_eq!(read(door.h2(ALPHA).await.send_request(request).await.unwrap()).await.1, "2");
    assert!(backend.seen().iter().all(|seen| seen.headers.get_all("domicile-route").iter().count() == 1));
    let response = door.h1(ALPHA).await.send_request(get(ALPHA, "/leak")).await.unwrap();
    for name in ["domicile-secret", "x-domicile-secret", "keep-alive", "alt-svc", "domicile-receipt"] {
        assert!(!response.headers().contains_key(name), "{name} leaked");
    }
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_have_one_form() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let bad = [
        "/%2e%2e/x",
        "/a/../b",
        "/a%2Fb",
        "/a%252fb",
        "/a;b=c",
        "/a\\b",
        "/a%5Cb",
        "/%c0%af",
        "/a%00",
        "//a",
        "/a//b",
        "/%zz",
        "*",
    ];
    for path in bad {
        let answer =
            door.raw(ALPHA, format!("GET {path} HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    assert_eq!(backend.count(), 0);
    let wire = format!("GET /%61%2Db/%e2%82%ac?x=%2F HTTP/1.1\r\nhost: {ALPHA}\r\nconnection: close\r\n\r\n");
    assert!(door.raw(ALPHA, wire.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(backend.seen()[0].target, "/a-b/%E2%82%AC?x=%2F", "the normalised path goes on");
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_is_508_and_trace_and_connect_are_refused() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let cases = [
        (format!("GET / HTTP/1.1\r\nhost: {ALPHA}\r\nvia: 1.1 other, 1.1 fd-us-1\r\n\r\n"), 508),
        (format!("TRACE / HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n"), 405),
        (format!("CONNECT {ALPHA}:443 HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n"), 405),
    ];
    for (wire, status) in cases {
        let answer = door.raw(ALPHA, wire.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{wire}: {answer}");
    }
    assert_eq!(backend.count(), 0);
    let mut other = get(ALPHA, "/");
    other.headers_mut().insert("via", "1.1 somebody".parse().unwrap());
    assert_eq!(door.h1(ALPHA).await.send_request(other).await.unwrap().status(), StatusCode::OK);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_a_valid_receipt_is_502() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    for path in ["/no-receipt", "/other-receipt", "/route-key-receipt", "/unasked"] {
        let (status, body) = read(door.h1(ALPHA).await.send_request(get(ALPHA, path)).await.unwrap()).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{path}");
        assert!(body.contains("\"code\":") && !body.contains("ok\""), "{body}");
    }
    let (status, _) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_epoch_is_refreshed_and_retried_once() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    backend.epoch_min.store(2, Ordering::SeqCst);
    // The front door's feed has no news: one refresh, one retry, and then an honest 503.
    let (status, body) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{body}");
    assert!(body.contains("stale_epoch"), "{body}");
    assert_eq!(backend.count(), 2);
    world.control.append(Entry::Tenant(record("alpha", "us-east-1", TenantState::Active, 2)));
    let (status, body) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
    assert_eq!(backend.seen().last().unwrap().assertion.epoch.0, 2);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_backend_is_503_and_the_other_one_takes_over() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let door = world.door("us", &[dead]).await;
    let response = door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap();
    assert_eq!(response.headers()["retry-after"], "2");
    let (status, body) = read(response).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("backend_unreachable"), "{body}");
    door.stop().await;
    let door = world.door("us", &[dead, backend.address]).await;
    for _ in 0..6 {
        let (status, _) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
        assert_eq!(status, StatusCode::OK);
    }
    let (status, _) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/drop")).await.unwrap()).await;
    assert!(matches!(status.as_u16(), 502 | 503));
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_clients_and_requests_for_heads_are_served() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let old = door.raw(ALPHA, format!("GET /bytes/5 HTTP/1.0\r\nhost: {ALPHA}\r\n\r\n").as_bytes()).await;
    assert!(old.starts_with("HTTP/1.0 200 ") || old.starts_with("HTTP/1.1 200 "), "{old}");
    assert!(old.ends_with("\r\n\r\nxxxxx") && !old.to_lowercase().contains("chunked"), "{old}");
    let mut h1 = door.h1(ALPHA).await;
    for method in ["HEAD", "OPTIONS", "DELETE", "PATCH", "PUT"] {
        h1.ready().await.unwrap();
        let mut request = get(ALPHA, "/");
        *request.method_mut() = method.parse().unwrap();
        let (status, body) = read(h1.send_request(request).await.unwrap()).await;
        assert_eq!(
            (status, body.as_str()),
            (StatusCode::OK, if method == "HEAD" { "" } else { "ok" }),
            "{method}"
        );
    }
    assert!(backend.connections.load(Ordering::SeqCst) <= 2, "a HEAD leaves its connection usable");
    door.stop().await;
}

/// Copies both ways and keeps what passed.
async fn recorder(
    to: std::net::SocketAddr,
) -> (std::net::SocketAddr, std::sync::Arc<std::sync::Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tape = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let keep = tape.clone();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(to).await.unwrap();
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            tokio::spawn(record_one_way(near_read, far_write, keep.clone()));
            tokio::spawn(record_one_way(far_read, near_write, keep.clone()));
        }
    });
    (address, tape)
}

async fn record_one_way(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    tape: std::sync::Arc<std::sync::Mutex<Vec<u8>>>,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok(count) = from.read(&mut buffer).await {
        // Written down before it is passed on: an answer is never on the tape before what it answers.
        tape.lock().unwrap().extend_from_slice(&buffer[..count]);
        if count == 0 || to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    drop(to.shutdown().await);
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_stream_is_carried_home_unopened_and_served_there() {
    const SECRET: &[u8] = b"Synthetic Patient Asha 1984-02-29";
    let world = World::new().await;
    let (us, india) = (world.backend("us").await, world.backend("in").await);
    let home = world.door("in", &[india.address]).await;
    let (wire, tape) = recorder(home.peer).await;
    world.set_region("in", wire, 443, TransitMode::Passthrough);
    let entry = world.door("us", &[us.address]).await;
    let request = post(LOTUS, "/echo", text(std::str::from_utf8(SECRET).unwrap()));
    let response = entry.h1(LOTUS).await.send_request(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), SECRET);
    assert_eq!(read(entry.h2(LOTUS).await.send_request(get_h2(LOTUS, "/")).await.unwrap()).await.1, "ok");
    assert_eq!((us.count(), india.count()), (0, 2));
    let seen = india.seen();
    assert_eq!(seen[0].assertion.front_door, "fd-in-1", "opened at home only");
    let tape = tape.lock().unwrap().clone();
    assert!(tape.starts_with(b"\r\n\r\n\0\r\nQUIT\n"), "a PROXY v2 header comes first");
    assert!(tape.len() > 2_000 && contains(&tape, LOTUS.as_bytes()), "the server name is what can be read");
    assert!(!contains(&tape, SECRET) && !contains(&tape, b"/echo") && !contains(&tape, b"HTTP/1.1"));
    entry.stop().await;
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_transit_and_unknown_names_end_in_an_alert() {
    let world = World::new().await;
    let (us, india) = (world.backend("us").await, world.backend("in").await);
    let home = world.door("in", &[india.address]).await;
    world.set_region("in", home.peer, 443, TransitMode::Refuse);
    let entry = world.door("us", &[us.address]).await;
    let cases = [
        (LOTUS, "AccessDenied"),
        ("lotus.eu.domicile.test", "UnrecognisedName"),
        ("example.org", "UnrecognisedName"),
        ("control.domicile.test", "UnrecognisedName"),
        ("a.b.us.domicile.test", "UnrecognisedName"),
    ];
    for (host, alert) in cases {
        let error = entry.tls(host, "h2").await.unwrap_err();
        assert!(format!("{error:?}").contains(alert), "{host}: {error:?}");
    }
    assert_eq!((us.count(), india.count()), (0, 0));
    entry.stop().await;
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_region_is_not_replaced_and_the_other_one_does_not_notice() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    world.set_region("in", nobody, 443, TransitMode::Passthrough);
    let door = world.door("us", &[backend.address]).await;
    for _ in 0..20 {
        let error = door.tls(LOTUS, "http/1.1").await.unwrap_err();
        assert!(format!("{error:?}").contains("InternalError"), "{error:?}");
        let (status, _) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
        assert_eq!(status, StatusCode::OK);
    }
    assert_eq!(backend.count(), 20, "nothing of the dead region came here");
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_peer_socket_takes_only_marked_streams_of_its_own_region() {
    let world = World::new().await;
    let (us, india) = (world.backend("us").await, world.backend("in").await);
    let home = world.door("in", &[india.address]).await;
    world.set_region("in", home.peer, 443, TransitMode::Passthrough);
    let door = world.door("us", &[us.address]).await;
    // Without the header nothing is answered.
    assert!(connect(door.peer, &door.ca, ALPHA, "http/1.1").await.is_err());
    // With it, the client's address is the one it names, and a foreign name is not carried a second time.
    for (host, served) in [(ALPHA, true), (LOTUS, false)] {
        let (wire, _tape) = prefixing(door.peer, "203.0.113.9:4711").await;
        let connected = connect(wire, &door.ca, host, "http/1.1").await;
        assert_eq!(connected.is_ok(), served, "{host}");
        if let Ok(mut stream) = connected {
            let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
            assert!(exchange(&mut stream, request.as_bytes()).await.starts_with("HTTP/1.1 200 "));
        }
    }
    assert_eq!(us.seen()[0].assertion.client_ip.to_string(), "203.0.113.9");
    assert_eq!(india.count(), 0);
    door.stop().await;
    home.stop().await;
    let mut config = world.config("us", &[us.address]);
    config.peer_trusted = vec!["10.0.0.0/8".to_owned()];
    let door = world.start(config).await;
    let (wire, _tape) = prefixing(door.peer, "203.0.113.9:4711").await;
    assert!(connect(wire, &door.ca, ALPHA, "http/1.1").await.is_err(), "untrusted peers are not believed");
    door.stop().await;
}

/// A listener that puts a PROXY header in front of what it carries on.
async fn prefixing(to: std::net::SocketAddr, client: &str) -> (std::net::SocketAddr, ()) {
    let header = regions::proxy_protocol::encode(client.parse().unwrap(), to);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect(to).await.unwrap();
            drop(far.write_all(&header).await);
            tokio::spawn(async move { drop(tokio::io::copy_bidirectional(&mut near, &mut far).await) });
        }
    });
    (address, ())
}
