//! Catalogue entry T64: requests that two parsers could read in two ways, as bytes on the wire.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::support::World;

/// Sends bytes and reads until the server closes; the status line and whether it closed by itself.
async fn exchange(world: &World, bytes: &str) -> (String, bool) {
    let tcp = TcpStream::connect(world.address).await.unwrap();
    let name = "backend.us.domicile.internal".try_into().unwrap();
    let mut stream = TlsConnector::from(Arc::clone(&world.tls)).connect(name, tcp).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut answer)).await;
    (String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned(), read.is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_framing_is_refused_and_the_connection_closed() {
    let world = World::new().await;
    let host = &world.alpha.host;
    for (attack, headers) in [
        ("length and chunks", "content-length: 5\r\ntransfer-encoding: chunked\r\n"),
        ("two lengths", "content-length: 5\r\ncontent-length: 6\r\n"),
        ("a signed length", "content-length: +5\r\n"),
        ("a list of lengths", "content-length: 5, 5\r\n"),
        ("a space before the colon", "transfer-encoding : chunked\r\n"),
        ("an unknown coding", "transfer-encoding: xchunked\r\n"),
        ("two codings", "transfer-encoding: gzip, chunked\r\n"),
        ("a folded line", "x-a: b\r\n c\r\ncontent-length: 5\r\n"),
        ("NUL in a value", "x-a: b\0c\r\ncontent-length: 5\r\n"),
    ] {
        let bytes = format!("POST /api/v1/sessions HTTP/1.1\r\nhost: {host}\r\n{headers}\r\nhello");
        let (status, closed) = exchange(&world, &bytes).await;
        assert_eq!((status.as_str(), closed), ("HTTP/1.1 400 Bad Request", true), "{attack}");
    }
    let smuggled = format!(
        "POST /api/v1/sessions HTTP/1.1\r\nhost: {host}\r\ncontent-length: 60\r\n\r\nGET /api/v1/openapi.json HTTP/1.1\r\nhost: {host}\r\n\r\n"
    );
    let (status, closed) = exchange(&world, &smuggled).await;
    assert_eq!(
        (status.as_str(), closed),
        ("HTTP/1.1 403 Forbidden", true),
        "an unread body ends the connection"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_without_a_certificate_of_this_region_gets_in() {
    let world = World::new().await;
    let other = testkit::Pki::new();
    let stranger = other.client("front-door.us-east-1");
    let identity = regions::tls::Identity { cert: stranger.cert.clone(), key: stranger.key.clone() };
    let tls = regions::tls::mutual_client(&identity, &world.ca(), &["http/1.1"]).unwrap();
    let tcp = TcpStream::connect(world.address).await.unwrap();
    let name = "backend.us.domicile.internal".try_into().unwrap();
    let refused = async {
        let mut stream = TlsConnector::from(Arc::new(tls)).connect(name, tcp).await?;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await
    };
    assert!(refused.await.is_err(), "TLS 1.3 tells a client with the first read");
}
