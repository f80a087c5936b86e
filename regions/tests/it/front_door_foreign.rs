//! Bodies of refused requests: what arrives with the head is counted, not parsed and not read.

use crate::front_door_world::{ALPHA, LOTUS, World, exchange, post, read, text};
use http::{Request, StatusCode};
use regions::metrics::{FOREIGN_BODY_BYTES, FOREIGN_BODY_BYTES_ARRIVED};
use std::time::Duration;

/// The metric is one for the process, in which other tests refuse bodies too: it can only be waited for.
async fn arrived(more_than: u64) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while FOREIGN_BODY_BYTES_ARRIVED.get() < more_than {
        assert!(tokio::time::Instant::now() < deadline, "the bytes that arrived were not counted");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_shares_a_record_with_a_refused_head_is_counted_as_arrived_and_not_as_read() {
    const BODY_BYTES: usize = 3_000_000;
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let read_before = FOREIGN_BODY_BYTES.get();
    // More than any other test refuses at once would be needed to take this for somebody else's.
    let before = FOREIGN_BODY_BYTES_ARRIVED.get();
    let head = format!("POST /echo HTTP/1.1\r\nhost: {LOTUS}\r\ncontent-length: 9000\r\n\r\n");
    let wire = [head.as_bytes(), &[b'p'; 9_000]].concat();
    let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
    assert!(exchange(&mut stream, &wire).await.starts_with("HTTP/1.1 421 "));
    arrived(before + 9_000).await;
    let before = FOREIGN_BODY_BYTES_ARRIVED.get();
    let mut sent = 0;
    while sent < BODY_BYTES {
        let mut h2 = door.h2(ALPHA).await;
        let request = Request::post(format!("https://{LOTUS}/echo")).body(text(&"p".repeat(60_000))).unwrap();
        if let Ok(response) = h2.send_request(request).await {
            assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
        }
        sent += 60_000;
    }
    // At least the first frame of each: the client sends until it sees the refusal.
    arrived(before + 16_000).await;
    assert_eq!(FOREIGN_BODY_BYTES.get(), read_before);
    assert!(door.metric("domicile_foreign_body_bytes_arrived_total").await > 0);
    assert_eq!(backend.count(), 0);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_not_parsed_before_the_verdict() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    for (host, status) in [(LOTUS, 421), (ALPHA, 400)] {
        let wire = format!(
            "POST /echo HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\nnot a chunk\r\n"
        );
        let answer = door.raw(ALPHA, wire.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
    assert_eq!(backend.count(), 0, "at home a body that is known to be malformed is not sent on either");
    let (status, body) =
        read(door.h1(ALPHA).await.send_request(post(ALPHA, "/echo", text("hello"))).await.unwrap()).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "hello"));
    door.stop().await;
}
