//! Large bodies both ways: whole, with back-pressure, and in bounded memory.

use crate::front_door_world::{ALPHA, Body, World, get, get_h2, post, read};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const BYTES: u64 = 96 * 1024 * 1024;
const GROWTH_MAX_BYTES: u64 = 24 * 1024 * 1024;

/// Memory of this process, which here is client, front door and backend together.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

fn upload(bytes: u64) -> Body {
    static BLOCK: [u8; 32_768] = [b'u'; 32_768];
    let parts = futures_util::stream::unfold(bytes, |left| async move {
        let size = usize::try_from(left.min(32_768)).unwrap();
        (size > 0).then(|| {
            (Ok(Frame::data(Bytes::from_static(&BLOCK[..size]))), left - u64::try_from(size).unwrap())
        })
    });
    BoxBody::new(StreamBody::new(parts))
}

async fn count(response: http::Response<hyper::body::Incoming>) -> u64 {
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body();
    let mut total = 0;
    while let Some(frame) = body.frame().await {
        total += u64::try_from(frame.unwrap().into_data().unwrap().len()).unwrap();
    }
    total
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_pass_whole_in_bounded_memory() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    assert_eq!(
        read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await.0,
        StatusCode::OK
    );
    let before = resident_bytes();
    let path = format!("/bytes/{BYTES}");
    assert_eq!(count(door.h1(ALPHA).await.send_request(get(ALPHA, &path)).await.unwrap()).await, BYTES);
    assert_eq!(count(door.h2(ALPHA).await.send_request(get_h2(ALPHA, &path)).await.unwrap()).await, BYTES);
    let chunked = post(ALPHA, "/sink", upload(BYTES));
    assert_eq!(read(door.h1(ALPHA).await.send_request(chunked).await.unwrap()).await.1, BYTES.to_string());
    let mut sized = post(ALPHA, "/sink", upload(BYTES));
    sized.headers_mut().insert("content-length", BYTES.into());
    assert_eq!(read(door.h1(ALPHA).await.send_request(sized).await.unwrap()).await.1, BYTES.to_string());
    let h2 = Request::post(format!("https://{ALPHA}/sink")).body(upload(BYTES)).unwrap();
    assert_eq!(read(door.h2(ALPHA).await.send_request(h2).await.unwrap()).await.1, BYTES.to_string());
    let echo = post(ALPHA, "/echo", upload(BYTES));
    assert_eq!(count(door.h1(ALPHA).await.send_request(echo).await.unwrap()).await, BYTES);
    let growth = resident_bytes().saturating_sub(before);
    // Other tests share the process; 576 MiB passed, so anything that buffers a body shows.
    assert!(growth < GROWTH_MAX_BYTES * 4, "memory grew by {growth} bytes");
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_is_not_read_faster_than_the_backend_takes_it() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
    let head = format!("POST /hold HTTP/1.1\r\nhost: {ALPHA}\r\ncontent-length: 200000000\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let block = vec![b'x'; 65_536];
    let mut taken = 0_usize;
    // Once every buffer on the way is full, nothing more goes out.
    while let Ok(written) = tokio::time::timeout(Duration::from_millis(500), stream.write(&block)).await {
        taken += written.unwrap();
        assert!(taken < 40 * 1024 * 1024, "somebody buffers");
    }
    drop(stream);
    backend.release.notify_waiters();
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_takes_its_backend_connection_with_it() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    for _ in 0..10 {
        let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
        stream
            .write_all(format!("GET /bytes/1000000000 HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        let mut some = vec![0; 100_000];
        stream.read_exact(&mut some).await.unwrap();
        drop(stream);
        // The next answer is whole: the half-read one's connection was not reused.
        let (status, body) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "ok"));
    }
    door.stop().await;
}
