//! Two thousand silent sockets beside slow heads, slow bodies and slow readers: each is cut by its clock, and nobody else
//! notices (catalogue entry T65).

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::client::TlsStream;

use crate::front_door_world::{ALPHA, Door, World, get, read};

const SILENT: usize = 2_000;
const HEADS: usize = 50;
const BODIES: usize = 20;
const READERS: usize = 5;
/// What a slow reader asks for, in bytes: an export.
const EXPORT_BYTES: usize = 50_000_000;
/// A byte in half a second.
const TRICKLE: Duration = Duration::from_millis(500);
/// Every clock of the front door in this test is shorter; they begin when the last socket is open.
const CUT_MAX: Duration = Duration::from_secs(30);
/// Requests of an honest client beside the slow ones, and as many elsewhere.
const HONEST: usize = 200;

/// How long an honest client's requests take at two front doors, in turns, so that what else the machine does meets both
/// alike. Sorted.
async fn honest(doors: [&Door; 2]) -> [Vec<Duration>; 2] {
    let mut took = [Vec::new(), Vec::new()];
    let mut clients = [doors[0].h1(ALPHA).await, doors[1].h1(ALPHA).await];
    for _ in 0..HONEST {
        for (client, took) in clients.iter_mut().zip(&mut took) {
            client.ready().await.unwrap();
            let asked = Instant::now();
            assert_eq!(
                read(client.send_request(get(ALPHA, "/")).await.unwrap()).await.0,
                http::StatusCode::OK
            );
            took.push(asked.elapsed());
        }
    }
    took.iter_mut().for_each(|took| took.sort_unstable());
    took
}

/// What is left of a connection that is written to, a byte at a time, until it ends.
async fn trickle(mut stream: TlsStream<TcpStream>, start: String) -> String {
    stream.write_all(start.as_bytes()).await.unwrap();
    let (mut from, mut to) = tokio::io::split(stream);
    let writing = tokio::spawn(async move {
        while to.write_all(b"x").await.is_ok() {
            tokio::time::sleep(TRICKLE).await;
        }
    });
    let mut answer = Vec::new();
    drop(from.read_to_end(&mut answer).await);
    writing.abort();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t65_two_thousand_silent_sockets_and_slow_ones_are_cut_and_nobody_else_notices() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let mut config = world.config("us", &[backend.address]);
    let limits = &mut config.limits;
    (limits.first_byte_ms, limits.head_ms, limits.body_grace_ms) = (15_000, 8_000, 8_000);
    (limits.write_stall_ms, limits.idle_ms) = (8_000, 60_000);
    let door = world.start(config).await;
    let other = world.door("us", &[backend.address]).await;

    let mut silent = Vec::new();
    for _ in 0..SILENT {
        silent.push(TcpStream::connect(door.client).await.unwrap());
    }
    let mut slow = JoinSet::new();
    for _ in 0..HEADS {
        let start = format!("GET / HTTP/1.1\r\nhost: {ALPHA}\r\nx: ");
        slow.spawn(trickle(door.tls(ALPHA, "http/1.1").await.unwrap(), start));
    }
    for _ in 0..BODIES {
        let start = format!("POST /sink HTTP/1.1\r\nhost: {ALPHA}\r\ncontent-length: 100000\r\n\r\n");
        slow.spawn(trickle(door.tls(ALPHA, "http/1.1").await.unwrap(), start));
    }
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
        let ask = format!("GET /bytes/{EXPORT_BYTES} HTTP/1.1\r\nhost: {ALPHA}\r\n\r\n");
        stream.write_all(ask.as_bytes()).await.unwrap();
        readers.push(stream);
    }
    let open = door.metric("domicile_front_door_connections").await;
    assert!(open >= u64::try_from(SILENT).unwrap(), "{open} connections are open");
    let [beside, alone] = honest([&door, &other]).await;
    for at in [HONEST / 2, HONEST * 9 / 10] {
        let (beside, alone) = (beside[at], alone[at]);
        assert!(beside < alone * 2, "number {at} of {HONEST}: {beside:?} beside them, {alone:?} elsewhere");
    }

    let cut = async {
        let mut byte = [0; 1];
        for mut stream in silent {
            assert_eq!(stream.read(&mut byte).await.unwrap_or(0), 0);
        }
        let mut late = 0;
        while let Some(answer) = slow.join_next().await {
            late += usize::from(answer.unwrap().starts_with("HTTP/1.1 408 "));
        }
        assert_eq!(late, BODIES, "slow bodies are told why");
        for mut stream in readers {
            // What was under way arrives; the rest never does.
            let mut taken = Vec::new();
            drop(stream.read_to_end(&mut taken).await);
            assert!(taken.len() < EXPORT_BYTES, "{} bytes of the export", taken.len());
        }
    };
    tokio::time::timeout(CUT_MAX, cut).await.expect("every clock rings");
    door.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_may_take_longer_than_the_answer_to_it() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let mut config = world.config("us", &[backend.address]);
    config.limits.response_head_ms = 100;
    let door = world.start(config).await;
    let mut stream = door.tls(ALPHA, "http/1.1").await.unwrap();
    let head =
        format!("POST /sink HTTP/1.1\r\nhost: {ALPHA}\r\ncontent-length: 3\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..3 {
        tokio::time::sleep(TRICKLE).await;
        stream.write_all(b"x").await.unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    door.stop().await;
}
