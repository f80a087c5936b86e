//! Stops and restarts: what was accepted is answered, and a successor takes over without a refused connection.

use crate::front_door_world::{ALPHA, World, connect, exchange, get, get_h2, post, read, text, until};
use http::StatusCode;
use hyper_util::rt::TokioIo;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_answers_everything_in_flight() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let address = door.client;
    let ca = door.ca.clone();
    let mut waiting = JoinSet::new();
    for number in 0..8 {
        if number % 2 == 0 {
            let mut h1 = door.h1(ALPHA).await;
            waiting.spawn(async move {
                read(h1.send_request(post(ALPHA, "/hold", text("x"))).await.unwrap()).await
            });
        } else {
            let mut h2 = door.h2(ALPHA).await;
            waiting.spawn(async move { read(h2.send_request(get_h2(ALPHA, "/hold")).await.unwrap()).await });
        }
    }
    let mut idle = door.tls(ALPHA, "http/1.1").await.unwrap();
    until("all requests are at the backend", || backend.held.load(Ordering::SeqCst) == 8).await;
    let stopping = tokio::spawn(door.stop());
    // A request on a connection that was idle when the stop began is answered too, and told to go elsewhere next time.
    let request = format!("GET / HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n");
    idle.write_all(request.as_bytes()).await.unwrap();
    let answer = exchange(&mut idle, b"").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let closed = async {
        while connect(address, &ca, ALPHA, "http/1.1").await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), closed).await.expect("new connections are refused");
    backend.release.notify_waiters();
    while let Some(answered) = waiting.join_next().await {
        assert_eq!(answered.unwrap(), (StatusCode::OK, "held".to_owned()));
    }
    stopping.await.unwrap();
}

/// Clients that come back on every answer that closes, and count what went wrong.
async fn load(address: std::net::SocketAddr, ca: PathBuf, stop: Arc<AtomicBool>, served: Arc<AtomicUsize>) {
    while !stop.load(Ordering::SeqCst) {
        let stream = connect(address, &ca, ALPHA, "http/1.1").await.expect("no connection is refused");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        while !stop.load(Ordering::SeqCst) && sender.ready().await.is_ok() {
            let response = sender
                .send_request(post(ALPHA, "/echo", text("0123456789")))
                .await
                .expect("no request is lost");
            let closing = response.headers().get("connection").is_some_and(|value| value == "close");
            assert_eq!(read(response).await, (StatusCode::OK, "0123456789".to_owned()));
            served.fetch_add(1, Ordering::SeqCst);
            if closing {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_under_load_lose_nothing() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let mut config = world.config("us", &[backend.address]);
    config.handoff_socket = world.socket("us");
    let mut door = world.start(config.clone()).await;
    let address = door.client;
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..6 {
        clients.spawn(load(address, door.ca.clone(), stop.clone(), served.clone()));
    }
    for round in 0..5 {
        let target = served.load(Ordering::SeqCst) + 100;
        until("load is served", || served.load(Ordering::SeqCst) >= target).await;
        let successor = world.start(config.clone()).await;
        assert_eq!(successor.client, address, "round {round}: the same sockets");
        let before = std::mem::replace(&mut door, successor);
        // The process before ends by itself, once its connections have gone over.
        tokio::time::timeout(Duration::from_secs(20), before.task).await.expect("the old one ends").unwrap();
    }
    let target = served.load(Ordering::SeqCst) + 100;
    until("load is served", || served.load(Ordering::SeqCst) >= target).await;
    stop.store(true, Ordering::SeqCst);
    while let Some(client) = clients.join_next().await {
        client.unwrap();
    }
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_never_gets_ready_changes_nothing() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let mut config = world.config("us", &[backend.address]);
    config.handoff_socket = world.socket("us");
    let door = world.start(config.clone()).await;
    // One that asks and goes away, and one that speaks something else.
    for greeting in [&b"DOMICIL1"[..], b"GET / HT"] {
        let mut asking = tokio::net::UnixStream::connect(&config.handoff_socket).await.unwrap();
        asking.write_all(greeting).await.unwrap();
        let mut first = [0; 1];
        drop(asking.read(&mut first).await);
        drop(asking);
        let (status, _) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
        assert_eq!(status, StatusCode::OK);
    }
    // A successor with another address is told so, and the running one stays.
    let mut moved = config.clone();
    moved.listen = "127.0.0.2:0".parse().unwrap();
    let (_trigger, shutdown) = regions::shutdown::Shutdown::new();
    let refused =
        regions::front_door::FrontDoor::start(moved, regions::clock::Clock::system(), shutdown).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("other addresses")));
    assert_eq!(
        read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await.0,
        StatusCode::OK
    );
    door.stop().await;
    // A new process without a predecessor at a busy port says so instead of sharing it.
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.listen = taken.local_addr().unwrap();
    let (_trigger, shutdown) = regions::shutdown::Shutdown::new();
    let busy = regions::front_door::FrontDoor::start(config, regions::clock::Clock::system(), shutdown).await;
    assert!(busy.is_err_and(|error| error.to_string().starts_with("listen: ")));
}
