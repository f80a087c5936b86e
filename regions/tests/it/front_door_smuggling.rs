//! Framing with two meanings, upgrades and early answers: refused, closed, and nothing of it reaches a backend.

#![expect(clippy::string_slice, reason = "a test that cannot go on should fail where it stands")]

use crate::front_door_world::{ALPHA, Door, World, exchange, get, get_h2, post, read, text, until};
use http::{Request, StatusCode};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nhost: alpha.us.domicile.test\r\n\r\n";

const LENGTHS: [&str; 20] = [
    "5\r\nContent-Length: 5",
    "5\r\nContent-Length: 6",
    "5\r\ncontent-length: 05",
    "5, 5",
    "5,6",
    "+5",
    "-5",
    "0x5",
    "5 5",
    "",
    "5\t",
    "\t5",
    "5;",
    "5.0",
    "1e1",
    "\u{b}5",
    "5\u{c}",
    "9999999999999999999999",
    "18446744073709551621",
    "five",
];
const CODINGS: [&str; 23] = [
    "chunked\r\nTransfer-Encoding: chunked",
    "chunked\r\nTransfer-Encoding: identity",
    "identity\r\nTransfer-Encoding: chunked",
    "chunked, identity",
    "gzip, chunked",
    "chunked, chunked",
    "identity",
    "gzip",
    "xchunked",
    "chunkedx",
    "chunked;q=1",
    "\tchunked",
    "chunked\t",
    "\u{b}chunked",
    "chunked\u{c}",
    "\"chunked\"",
    "",
    ",chunked",
    "chunked,",
    "chunk\u{e9}d",
    "chunked\r\n identity",
    "\r\n chunked",
    "cHuNkEd, ",
];
const FORMS: [&str; 12] = [
    " {n}: {v}",
    "\t{n}: {v}",
    "{n} : {v}",
    "{n}\t: {v}",
    "{n}\0: {v}",
    "{n}",
    "{n}: {v}\rX: y",
    "{n}: {v}\n",
    "{n}: \0{v}",
    "{n}: {v}\u{7f}",
    "\"{n}\": {v}",
    "{n}\u{a0}: {v}",
];
const OTHERS: [&str; 5] = [
    "Content_Length: 5",
    "Transfer_Encoding: chunked",
    ": 5",
    "Host: alpha.us.domicile.test",
    "Upgrade: h2c\r\nConnection: upgrade",
];

pub(crate) const LINES: [&str; 14] = [
    "GET  /x HTTP/1.1",
    "GET /x HTTP/1.1 ",
    "GET /x HTTP/1.2",
    "GET /x HTTP/2.0",
    "GET /x",
    "get /x HTTP/1.1",
    "GET\t/x HTTP/1.1",
    " GET /x HTTP/1.1",
    "GET /x y HTTP/1.1",
    "\r\nGET /x HTTP/1.1",
    "GET /\u{e9} HTTP/1.1",
    "GET /x http/1.1",
    "PRI * HTTP/2.0",
    "GET http:/x HTTP/1.1",
];
pub(crate) const CHUNKS: [&str; 16] = [
    "5;a=b\r\nhello\r\n0\r\n\r\n",
    "5;\nhello\r\n0\r\n\r\n",
    "5\nhello\r\n0\r\n\r\n",
    "0x5\r\nhello\r\n0\r\n\r\n",
    "+5\r\nhello\r\n0\r\n\r\n",
    " 5\r\nhello\r\n0\r\n\r\n",
    "5 \r\nhello\r\n0\r\n\r\n",
    "5\r\nhelloXX0\r\n\r\n",
    "5\r\nhello\n0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "10000000000000000\r\n",
    "\r\n0\r\n\r\n",
    "g\r\n",
    "0\r\n x: y\r\n\r\n",
    "0\r\nx\r\n\r\n",
    "0\nx: y\r\n\r\n",
];

/// Heads whose body length, line ends or fields two servers could read differently.
pub(crate) fn ambiguous_heads() -> Vec<String> {
    let mut heads: Vec<String> = LENGTHS.iter().map(|value| format!("Content-Length: {value}\r\n")).collect();
    heads.extend(CODINGS.iter().map(|value| format!("Transfer-Encoding: {value}\r\n")));
    for coding in ["chunked", "identity", "Chunked", "gzip", "x"] {
        for length in ["0", "5", "6", "100"] {
            heads.push(format!("Content-Length: {length}\r\nTransfer-Encoding: {coding}\r\n"));
            heads.push(format!("Transfer-Encoding: {coding}\r\nContent-Length: {length}\r\n"));
            heads.push(format!("transfer-encoding: {coding}\r\nX: y\r\nCONTENT-LENGTH: {length}\r\n"));
        }
    }
    for (name, value) in
        [("Content-Length", "5"), ("Transfer-Encoding", "chunked"), ("Host", "5"), ("X", "5")]
    {
        heads.extend(
            FORMS.iter().map(|form| format!("{}\r\n", form.replace("{n}", name).replace("{v}", value))),
        );
    }
    heads.extend(OTHERS.iter().map(|line| format!("{line}\r\n")));
    heads
}

async fn refused(door: &Door, wire: &[u8]) {
    let shown = String::from_utf8_lossy(&wire[..wire.len().min(300)]).into_owned();
    let answer = door.raw(ALPHA, wire).await;
    let status = answer.get(9..12).unwrap_or_default();
    assert!(matches!(status, "400" | "405" | "413" | "431"), "{shown:?} got {answer:?}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{shown:?} got two answers: {answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ambiguous_head_gets_through_alone_or_behind_another() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = Arc::new(world.door("us", &[backend.address]).await);
    let heads = ambiguous_heads();
    assert!(heads.len() >= 150, "{}", heads.len());
    let mut tasks = tokio::task::JoinSet::new();
    for part in heads.chunks(heads.len().div_ceil(4)) {
        let (door, part) = (door.clone(), part.to_vec());
        tasks.spawn(async move {
            for head in &part {
                let wire = format!("POST /echo HTTP/1.1\r\nHost: {ALPHA}\r\n{head}\r\n0\r\n\r\n{SMUGGLED}");
                refused(&door, wire.as_bytes()).await;
                // Behind a good request on the same connection: that one is answered, this one is not sent on.
                let behind = format!("GET /first HTTP/1.1\r\nHost: {ALPHA}\r\n\r\n{wire}");
                let answer = door.raw(ALPHA, behind.as_bytes()).await;
                let good = answer.starts_with("HTTP/1.1 200 ") && answer.matches("HTTP/1.1 ").count() == 2;
                assert!(good && answer.contains("HTTP/1.1 400 "), "{head:?} got {answer:?}");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert!(backend.seen().iter().all(|seen| seen.target == "/first"), "nothing else was forwarded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_ambiguous_line_or_chunk_gets_through() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    for line in LINES {
        refused(&door, format!("{line}\r\nHost: {ALPHA}\r\n\r\n{SMUGGLED}").as_bytes()).await;
    }
    refused(&door, format!("GET /x HTTP/1.1\nHost: {ALPHA}\n\n{SMUGGLED}").as_bytes()).await;
    refused(&door, format!("GET /x HTTP/1.1\r\nHost: {ALPHA}\r\n\n{SMUGGLED}").as_bytes()).await;
    refused(
        &door,
        format!("POST /x HTTP/1.0\r\nHost: {ALPHA}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
            .as_bytes(),
    )
    .await;
    for body in CHUNKS {
        let wire = format!(
            "POST /echo HTTP/1.1\r\nHost: {ALPHA}\r\nTransfer-Encoding: chunked\r\n\r\n{body}{SMUGGLED}"
        );
        refused(&door, wire.as_bytes()).await;
    }
    assert_eq!(backend.count(), 0);
    // The same in a later packet: the head is on its way by then, but the body breaks off and nothing follows it.
    for body in CHUNKS {
        let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
        let head =
            format!("POST /sink HTTP/1.1\r\nHost: {ALPHA}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
        let before = backend.count();
        stream.write_all(head.as_bytes()).await.unwrap();
        until("the head arrives", || backend.count() > before).await;
        let answer = exchange(&mut stream, format!("{body}{SMUGGLED}").as_bytes()).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{body:?} got {answer:?}");
    }
    assert!(backend.seen().iter().all(|seen| seen.target == "/sink"));
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_well_formed_requests_are_answered_in_order() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let mut wire = String::new();
    for number in 0..20 {
        wire.push_str(&format!(
            "POST /echo HTTP/1.1\r\nHost: {ALPHA}\r\nContent-Length: 3\r\n\r\nn{number:02}"
        ));
        wire.push_str(&format!("POST /echo HTTP/1.1\r\nHost: {ALPHA}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nc{number:02}\r\n0\r\n\r\n"));
        wire.push_str(&format!("GET /g{number} HTTP/1.1\r\nHost: {ALPHA}\r\n\r\n"));
    }
    wire.push_str(&format!("GET /last HTTP/1.1\r\nHost: {ALPHA}\r\nConnection: close\r\n\r\n"));
    let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
    let mut answer = String::new();
    let (first, rest) = wire.split_at(777);
    stream.write_all(first.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    answer.push_str(&exchange(&mut stream, rest.as_bytes()).await);
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 61, "{answer}");
    let mut at = 0;
    for number in 0..20 {
        for part in [format!("n{number:02}"), format!("c{number:02}")] {
            at += answer[at..].find(&part).unwrap_or_else(|| panic!("{part} is missing or out of order"));
        }
    }
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_answer_never_leaves_a_body_for_the_next_request() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    for _ in 0..20 {
        let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
        let head = format!(
            "POST /early HTTP/1.1\r\nHost: {ALPHA}\r\nContent-Length: {}\r\n\r\n",
            SMUGGLED.len() + 10
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.unwrap();
        assert_eq!(&start, b"HTTP/1.1 200");
        drop(stream.write_all(SMUGGLED.as_bytes()).await);
        drop(stream);
        let (status, body) =
            read(door.h1(ALPHA).await.send_request(get(ALPHA, "/after")).await.unwrap()).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
    }
    assert!(backend.seen().iter().all(|seen| seen.target != "/smuggled"));
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_opens_only_after_the_backends_101() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let handshake = |path: &str| {
        format!(
            "GET {path} HTTP/1.1\r\nHost: {ALPHA}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
    };
    // A backend that does not upgrade: what was sent behind the handshake is not a request, and not a tunnel either.
    let answer = door.raw(ALPHA, format!("{}{SMUGGLED}", handshake("/plain")).as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.matches("HTTP/1.1 ").count() == 1, "{answer}");
    for upgrade in ["h2c", "websocket, h2c", "TLS/1.0"] {
        let wire = format!(
            "GET / HTTP/1.1\r\nHost: {ALPHA}\r\nUpgrade: {upgrade}\r\nConnection: upgrade\r\nHTTP2-Settings: x\r\n\r\n"
        );
        refused(&door, wire.as_bytes()).await;
    }
    let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
    stream.write_all(format!("{}early", handshake("/ws")).as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream.write_all(b" bird").await.unwrap();
    let mut echoed = [0; 10];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(&echoed, b"early bird");
    assert!(backend.seen().iter().all(|seen| seen.target != "/smuggled"));
    // The stop closes the tunnel instead of waiting for it. What was carried here was no WebSocket frame, so none follows it.
    let stopping = tokio::spawn(door.stop());
    assert_eq!(stream.read(&mut echoed).await.unwrap_or(0), 0);
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_http2_body_that_is_not_as_long_as_it_says_is_refused() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let mut h2 = door.h2(ALPHA).await;
    for length in ["2", "10"] {
        let request = Request::post(format!("https://{ALPHA}/sink"))
            .header("content-length", length)
            .body(text("12345"))
            .unwrap();
        let answered = match h2.send_request(request).await {
            Ok(response) => response.status().is_success(),
            Err(_) => false,
        };
        assert!(!answered, "content-length {length} for 5 bytes");
        h2 = door.h2(ALPHA).await;
    }
    for name in ["connection", "transfer-encoding", "upgrade", "keep-alive"] {
        let mut request = get_h2(ALPHA, "/");
        request.headers_mut().insert(name, "chunked".parse().unwrap());
        // hyper's client removes some of these itself; none may reach the backend either way.
        drop(door.h2(ALPHA).await.send_request(request).await);
    }
    assert!(
        backend
            .seen()
            .iter()
            .all(|seen| !seen.headers.contains_key("upgrade") && !seen.headers.contains_key("keep-alive"))
    );
    let (status, body) =
        read(h2.send_request(post(ALPHA, "/sink", text("12345"))).await.unwrap_or_else(|_| panic!("served")))
            .await;
    assert!(status == StatusCode::OK && body == "5" || status == StatusCode::BAD_REQUEST);
    assert!(backend.connections.load(Ordering::SeqCst) > 0);
    door.stop().await;
}
