//! The end of a WebSocket: told to come again when the front door or the clinic stops, and never inside another frame.

use crate::front_door_world::{ALPHA, Door, World, record};
use regions::directory::{Entry, TenantState};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A close frame with status 1012 (RFC 6455, 5.5.1 and the IANA registry).
const RESTART: [u8; 4] = [0x88, 2, 0x03, 0xf4];

/// A tunnel to a backend that sends back what it gets; both directions stand behind `sent`.
async fn tunnel(door: &Door, sent: &[u8]) -> TlsStream<TcpStream> {
    let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
    let handshake = format!(
        "GET /ws HTTP/1.1\r\nHost: {ALPHA}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(handshake.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream.write_all(sent).await.unwrap();
    let mut echoed = vec![0; sent.len()];
    stream.read_exact(&mut echoed).await.unwrap();
    assert_eq!(echoed, sent);
    stream
}

async fn rest(mut stream: TlsStream<TcpStream>) -> Vec<u8> {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut rest)).await;
    read.expect("the tunnel ends").unwrap();
    rest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_closes_websockets_with_1012_between_frames_only() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let whole = tunnel(&door, &[0x82, 3, 1, 2, 3]).await;
    let fresh = tunnel(&door, b"").await;
    let cut = tunnel(&door, &[0x82, 3, 1]).await;
    let closed = tunnel(&door, &[0x88, 2, 0x03, 0xe8]).await;
    let stopping = tokio::spawn(door.stop());
    assert_eq!(rest(whole).await, RESTART, "after a whole frame");
    assert_eq!(rest(fresh).await, RESTART, "before any frame");
    assert_eq!(rest(cut).await, b"", "inside a frame nothing can be said");
    assert_eq!(rest(closed).await, b"", "a closed direction is not closed again");
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clinic_that_is_suspended_has_its_websockets_closed_with_1012() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let stream = tunnel(&door, &[0x81, 2, b'h', b'i']).await;
    world.control.append(Entry::Tenant(record("alpha", "us-east-1", TenantState::Suspended, 1)));
    assert_eq!(rest(stream).await, RESTART);
    assert!(door.metric("domicile_front_door_served_total").await > 0, "the front door itself goes on");
    door.stop().await;
}
