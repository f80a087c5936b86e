//! Limits and clocks: each has its own test, and other clients do not notice.

#![expect(clippy::string_slice, reason = "a test that cannot go on should fail where it stands")]

use crate::front_door_world::{ALPHA, Door, World, exchange, get, get_h2, read, text};
use http::{Request, StatusCode};
use regions::front_door::Limits;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Short clocks, each different, so that a test can tell which one rang.
fn impatient(limits: &mut Limits) {
    limits.first_byte_ms = 300;
    limits.handshake_ms = 600;
    limits.head_ms = 500;
    limits.idle_ms = 900;
    limits.body_grace_ms = 400;
    limits.body_bytes_per_s_min = 1_000;
    limits.write_stall_ms = 700;
    limits.requests_per_s_per_address = 0;
}

async fn start(
    world: &World,
    tune: impl FnOnce(&mut Limits),
) -> (Door, std::sync::Arc<crate::front_door_world::Backend>) {
    let backend = world.backend("us").await;
    let mut config = world.config("us", &[backend.address]);
    tune(&mut config.limits);
    (world.start(config).await, backend)
}

/// How long the front door keeps a connection that is read to its end.
async fn closes_after<S: AsyncReadExt + Unpin>(stream: S) -> Duration {
    closes_since(Instant::now(), stream).await
}

/// The same, counted from when its clock began.
async fn closes_since<S: AsyncReadExt + Unpin>(start: Instant, mut stream: S) -> Duration {
    let mut sink = [0; 1_024];
    let reading = async { while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {} };
    tokio::time::timeout(Duration::from_secs(10), reading).await.expect("the front door closes");
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_and_slow_openings_are_closed() {
    let world = World::new().await;
    let (door, _backend) = start(&world, impatient).await;
    let silent = closes_after(TcpStream::connect(door.client).await.unwrap()).await;
    assert!((250..600).contains(&silent.as_millis()), "silent: {silent:?}");
    let mut partial = TcpStream::connect(door.client).await.unwrap();
    partial.write_all(&[22, 3, 1]).await.unwrap();
    let partial = closes_after(partial).await;
    assert!((500..1_200).contains(&partial.as_millis()), "half a ClientHello: {partial:?}");
    let mut plain = TcpStream::connect(door.client).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(closes_after(plain).await < Duration::from_millis(250), "not TLS");
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fragmented_client_hello_is_reassembled() {
    let world = World::new().await;
    let (door, _backend) = start(&world, |_| {}).await;
    // A proxy that hands the client's bytes over in small pieces.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let to = door.client;
    tokio::spawn(async move {
        let (near, _) = listener.accept().await.unwrap();
        let far = TcpStream::connect(to).await.unwrap();
        far.set_nodelay(true).unwrap();
        let ((mut near_read, mut near_write), (mut far_read, mut far_write)) =
            (near.into_split(), far.into_split());
        tokio::spawn(async move { drop(tokio::io::copy(&mut far_read, &mut near_write).await) });
        let mut piece = [0; 7];
        while let Ok(count @ 1..) = near_read.read(&mut piece).await {
            far_write.write_all(&piece[..count]).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut stream = crate::front_door_world::connect(address, &door.ca, ALPHA, "http/1.1").await.unwrap();
    let answer = exchange(
        &mut stream,
        format!("GET / HTTP/1.1\r\nhost: {ALPHA}\r\nconnection: close\r\n\r\n").as_bytes(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_heads_idle_connections_and_slow_bodies_are_ended() {
    let world = World::new().await;
    let (door, backend) = start(&world, impatient).await;
    let mut slow_head = door.tls(ALPHA, "http/1.1").await.unwrap();
    let head_began = Instant::now();
    slow_head.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    let idle_began = Instant::now();
    let idle = door.tls(ALPHA, "http/1.1").await.unwrap();
    let idle_h2 = door.tls(ALPHA, "h2").await.unwrap();
    let mut slow_body = door.tls(ALPHA, "http/1.1").await.unwrap();
    let head = format!("POST /sink HTTP/1.1\r\nhost: {ALPHA}\r\ncontent-length: 100000\r\n\r\n");
    slow_body.write_all(head.as_bytes()).await.unwrap();
    let body = async {
        // 100 bytes a second are too few.
        for _ in 0..5 {
            drop(slow_body.write_all(&[b'x'; 10]).await);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        exchange(&mut slow_body, b"").await
    };
    let (head, idle, idle_h2, body) = tokio::join!(
        closes_since(head_began, slow_head),
        closes_since(idle_began, idle),
        closes_since(idle_began, idle_h2),
        body
    );
    assert!((400..850).contains(&head.as_millis()), "head: {head:?}");
    assert!((800..1_700).contains(&idle.as_millis()), "idle: {idle:?}");
    assert!((800..3_000).contains(&idle_h2.as_millis()), "idle h2: {idle_h2:?}");
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
    assert_eq!(backend.count(), 1);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_takes_nothing_is_cut_and_stops_the_backend() {
    let world = World::new().await;
    let (door, backend) = start(&world, impatient).await;
    for alpn in ["http/1.1", "h2"] {
        backend.produced.store(0, std::sync::atomic::Ordering::SeqCst);
        let mut held = None;
        let mut held_h2 = None;
        if alpn == "h2" {
            let mut h2 = door.h2(ALPHA).await;
            held_h2 = Some((h2.send_request(get_h2(ALPHA, "/bytes/1000000000")).await.unwrap(), h2));
        } else {
            let mut stream = door.tls(ALPHA, alpn).await.unwrap();
            stream
                .write_all(format!("GET /bytes/1000000000 HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n").as_bytes())
                .await
                .unwrap();
            held = Some(stream);
        }
        let name = "domicile_front_door_expired_total{deadline=\"write_stall\"}";
        let before = door.metric(name).await;
        let deadline = Instant::now() + Duration::from_secs(10);
        while door.metric(name).await == before {
            assert!(Instant::now() < deadline, "{alpn}: never cut");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let produced = backend.produced.load(std::sync::atomic::Ordering::SeqCst);
        assert!(produced < 32 * 1024 * 1024, "{alpn}: back-pressure let {produced} bytes through");
        drop((held, held_h2));
    }
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_have_a_size_and_a_count() {
    let world = World::new().await;
    let (door, backend) = start(&world, |_| {}).await;
    let fields = |count: usize| "x-y: z\r\n".repeat(count);
    for (count, status) in [(60, 200), (70, 431), (5_000, 431)] {
        let wire = format!("GET / HTTP/1.1\r\nhost: {ALPHA}\r\nconnection: close\r\n{}\r\n", fields(count));
        let answer = door.raw(ALPHA, wire.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{count} fields: {answer}");
    }
    for (bytes, status) in [(30_000, 200), (33_000, 431), (500_000, 431)] {
        let wire = format!(
            "GET / HTTP/1.1\r\nhost: {ALPHA}\r\nconnection: close\r\nx: {}\r\n\r\n",
            "y".repeat(bytes)
        );
        let answer = door.raw(ALPHA, wire.as_bytes()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{bytes} bytes: {}",
            &answer[..answer.len().min(200)]
        );
    }
    for crumbs in [70, 3_000] {
        let mut request = get_h2(ALPHA, "/");
        for crumb in 0..crumbs {
            request.headers_mut().append("cookie", format!("c{crumb}=v").parse().unwrap());
        }
        // Too many fields are answered with 431, or the stream is refused by the protocol's own limit.
        if let Ok(response) = door.h2(ALPHA).await.send_request(request).await {
            assert_eq!(response.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        }
    }
    assert_eq!(backend.count(), 2);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_has_a_rate_and_a_number_of_connections() {
    let world = World::new().await;
    let (door, backend) = start(&world, |limits| {
        limits.requests_per_s_per_address = 1;
        limits.requests_burst_per_address = 5;
        limits.connections_per_address_max = 3;
    })
    .await;
    let mut h1 = door.h1(ALPHA).await;
    for _ in 0..5 {
        h1.ready().await.unwrap();
        assert_eq!(read(h1.send_request(get(ALPHA, "/")).await.unwrap()).await.0, StatusCode::OK);
    }
    h1.ready().await.unwrap();
    let response = h1.send_request(get(ALPHA, "/")).await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(backend.count(), 5);
    drop((response, h1));
    let (mut held, mut refused) = (Vec::new(), 0);
    for _ in 0..8 {
        match door.tls(ALPHA, "http/1.1").await {
            Ok(stream) => held.push(stream),
            Err(_) => refused += 1,
        }
    }
    assert!(held.len() <= 3 && refused >= 5, "{} held, {refused} refused", held.len());
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_413() {
    let world = World::new().await;
    let (door, backend) = start(&world, |limits| limits.body_bytes_max = 1_000).await;
    let wire =
        format!("POST /sink HTTP/1.1\r\nhost: {ALPHA}\r\ncontent-length: 1001\r\n\r\n{}", "x".repeat(1_001));
    assert!(door.raw(ALPHA, wire.as_bytes()).await.starts_with("HTTP/1.1 413 "));
    let wire = format!("POST /sink HTTP/1.1\r\nhost: {ALPHA}\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n");
    assert!(door.raw(ALPHA, wire.as_bytes()).await.starts_with("HTTP/1.1 413 "));
    assert_eq!(backend.count(), 0);
    let request = Request::post(format!("https://{ALPHA}/sink")).body(text(&"x".repeat(1_001))).unwrap();
    assert_eq!(
        door.h2(ALPHA).await.send_request(request).await.unwrap().status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rapid_resets_end_the_connection_and_nobody_else_notices() {
    let world = World::new().await;
    let (door, _backend) = start(&world, |_| {}).await;
    let stream = door.tls(ALPHA, "h2").await.unwrap();
    let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
    let ended = tokio::spawn(connection);
    for _ in 0..20_000 {
        let Ok(mut ready) = sender.ready().await else { break };
        let Ok((response, mut stream)) = ready.send_request(get_h2(ALPHA, "/hold").map(|_| ()), false) else {
            break;
        };
        stream.send_reset(h2::Reason::CANCEL);
        drop(response);
        sender = ready;
        if ended.is_finished() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let outcome =
        tokio::time::timeout(Duration::from_secs(10), ended).await.expect("the flood is ended").unwrap();
    assert!(format!("{outcome:?}").contains("ENHANCE_YOUR_CALM") || outcome.is_err(), "{outcome:?}");
    assert_eq!(
        read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await.0,
        StatusCode::OK
    );
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_connections_do_not_slow_the_others() {
    let world = World::new().await;
    let (door, _backend) = start(&world, |_| {}).await;
    let mut slow = Vec::new();
    for _ in 0..200 {
        let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        slow.push(stream);
    }
    let mut h1 = door.h1(ALPHA).await;
    let start = Instant::now();
    for _ in 0..200 {
        h1.ready().await.unwrap();
        assert_eq!(read(h1.send_request(get(ALPHA, "/")).await.unwrap()).await.0, StatusCode::OK);
    }
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    drop(slow);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backend_that_never_finishes_its_handshake_is_given_up_in_time() {
    let world = World::new().await;
    // It accepts and says nothing.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = world.config("us", &[mute.local_addr().unwrap()]);
    config.limits.connect_ms = 600;
    let door = world.start(config).await;
    let start = Instant::now();
    let (status, body) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("backend_unreachable"), "{body}");
    assert!((550..2_500).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_has_an_end_however_lively_it_is() {
    let world = World::new().await;
    let (door, backend) = start(&world, |limits| {
        limits.total_ms = 1_000;
        limits.body_grace_ms = 400;
        limits.body_bytes_per_s_min = 1;
    })
    .await;
    let name = "domicile_front_door_expired_total{deadline=\"total\"}";
    let before = door.metric(name).await;
    // One that waits for its answer, and one that sends its body just fast enough.
    let mut waiting = door.tls(ALPHA, "http/1.1").await.unwrap();
    waiting.write_all(format!("GET /hold HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n").as_bytes()).await.unwrap();
    let waiting = tokio::spawn(closes_after(waiting));
    let mut lively = door.tls(ALPHA, "http/1.1").await.unwrap();
    let head = format!("POST /sink HTTP/1.1\r\nhost: {ALPHA}\r\ncontent-length: 100000\r\n\r\n");
    lively.write_all(head.as_bytes()).await.unwrap();
    let start = Instant::now();
    let sending = async {
        while lively.write_all(b"still here").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        start.elapsed()
    };
    let lively = tokio::time::timeout(Duration::from_secs(10), sending).await.expect("it is ended");
    assert!((900..3_000).contains(&lively.as_millis()), "lively: {lively:?}");
    let waiting = waiting.await.unwrap();
    assert!((900..3_000).contains(&waiting.as_millis()), "waiting: {waiting:?}");
    assert!(door.metric(name).await >= before + 2);
    backend.release.notify_waiters();
    door.stop().await;
}
