//! Floods of names, frames and resets: bounded memory, an end to the connection, and nobody else notices.

use crate::front_door_world::{ALPHA, BASE, Door, World, connect, get, get_h2, read};
use http::StatusCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Other tests share this process, so a bound on its growth can only be wide; each flood here is much larger.
const GROWTH_MAX_BYTES: u64 = 160 * 1024 * 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = status.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4_096
}

async fn is_served(door: &Door) {
    let (status, _) = read(door.h1(ALPHA).await.send_request(get(ALPHA, "/")).await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut out = vec![length[1], length[2], length[3], kind, flags];
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// A header block without compression state: POST https `path` (RFC 7541, appendix A).
fn block(path: &str) -> Vec<u8> {
    let mut out = vec![0x83, 0x87];
    for (index, value) in [(4, path), (1, ALPHA)] {
        out.push(index);
        out.push(u8::try_from(value.len()).unwrap());
        out.extend(value.as_bytes());
    }
    out
}

async fn raw_h2(door: &Door) -> TlsStream<TcpStream> {
    let mut stream = door.tls(ALPHA, "h2").await.unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.unwrap();
    stream
}

/// What the front door said until it closed.
#[derive(Default)]
struct Said {
    resets: usize,
    goaway_code: Option<u32>,
}

async fn listen(mut from: tokio::io::ReadHalf<TlsStream<TcpStream>>) -> Said {
    let mut said = Said::default();
    let mut header = [0; 9];
    while from.read_exact(&mut header).await.is_ok() {
        let length = usize::try_from(u32::from_be_bytes([0, header[0], header[1], header[2]])).unwrap();
        let mut payload = vec![0; length];
        if from.read_exact(&mut payload).await.is_err() {
            break;
        }
        match header[3] {
            RST_STREAM => said.resets += 1,
            GOAWAY => said.goaway_code = Some(u32::from_be_bytes(payload[4..8].try_into().unwrap())),
            _ => {}
        }
    }
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endless_head_of_continuations_ends_the_connection() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let before = resident_bytes();
    for size in [0, 1, 16_000] {
        let stream = raw_h2(&door).await;
        let (from, mut to) = tokio::io::split(stream);
        let said = tokio::spawn(listen(from));
        to.write_all(&frame(HEADERS, 0, 1, &block("/"))).await.unwrap();
        // A literal field without indexing whose value is as long as the frame allows, again and again.
        let mut field = vec![0; size];
        if size > 4 {
            field[..4].copy_from_slice(&[0, 1, b'x', 0]);
            field.truncate(4);
            field = field.repeat(size / 4);
        }
        let part = frame(CONTINUATION, 0, 1, &field);
        let flood = async {
            let mut sent = 0;
            while sent < 200_000 && to.write_all(&part).await.is_ok() && !said.is_finished() {
                sent += 1;
            }
            sent
        };
        let sent = tokio::time::timeout(Duration::from_secs(30), flood).await.expect("the flood is ended");
        assert!(sent < 200_000, "{size}: the connection took {sent} continuations");
        tokio::time::timeout(Duration::from_secs(10), said).await.expect("closed").unwrap();
    }
    assert!(resident_bytes().saturating_sub(before) < GROWTH_MAX_BYTES, "memory");
    assert_eq!(backend.count(), 0);
    is_served(&door).await;
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn making_us_reset_streams_ends_the_connection() {
    const STREAMS: u32 = 20_000;
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    let before = resident_bytes();
    // What follows the head of a stream that is complete, or whose window overflows: each is an error of that stream.
    let offences = [
        frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()),
        frame(WINDOW_UPDATE, 0, 0, &0_u32.to_be_bytes()),
        frame(DATA, END_STREAM, 0, b"more"),
    ];
    for offence in offences {
        let (from, mut to) = tokio::io::split(raw_h2(&door).await);
        let said = tokio::spawn(listen(from));
        let mut opened = 0;
        for number in 0..STREAMS {
            let stream = number * 2 + 1;
            let mut wire = frame(HEADERS, END_HEADERS | END_STREAM, stream, &block("/hold"));
            let mut bad = offence.clone();
            bad[5..9].copy_from_slice(&stream.to_be_bytes());
            wire.extend(bad);
            if to.write_all(&wire).await.is_err() || said.is_finished() {
                break;
            }
            opened += 1;
            if number % 16 == 0 {
                tokio::task::yield_now().await;
            }
        }
        assert!(opened < STREAMS, "{offence:?}: {opened} streams were taken");
        let said = tokio::time::timeout(Duration::from_secs(10), said).await.expect("closed").unwrap();
        assert!(said.resets <= 1_100, "{} resets", said.resets);
    }
    assert!(resident_bytes().saturating_sub(before) < GROWTH_MAX_BYTES, "memory");
    assert!(backend.held.load(Ordering::SeqCst) < 6_000, "work was done for streams that were gone");
    backend.release.notify_waiters();
    is_served(&door).await;
    door.stop().await;
}

/// Asks for clinics that do not exist, by server name and by `:authority`, until told to stop.
async fn miss_storm(door: Arc<Door>, seed: u64, stop: Arc<AtomicBool>) -> usize {
    let mut asked = 0_usize;
    while !stop.load(Ordering::SeqCst) {
        let host = format!("nobody-{seed}-{asked}.us.{BASE}");
        let stream = connect(door.client, &door.ca, &host, "h2").await.unwrap();
        let (mut sender, connection) = h2::client::handshake(stream).await.unwrap();
        let driver = tokio::spawn(connection);
        for number in 0..50 {
            let name = if number == 0 { host.clone() } else { format!("x{number}-{seed}-{asked}.us.{BASE}") };
            sender = sender.ready().await.unwrap();
            let (response, _) = sender.send_request(get_h2(&name, "/").map(|_| ()), true).unwrap();
            let status = response.await.unwrap().status().as_u16();
            assert_eq!(status, if number == 0 { 404 } else { 421 }, "{name}");
            asked += 1;
        }
        drop(sender);
        driver.abort();
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_unknown_names_takes_no_memory_and_known_clinics_do_not_notice() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = Arc::new(world.door("us", &[backend.address]).await);
    let stop = Arc::new(AtomicBool::new(false));
    let storms: Vec<_> =
        (0..3).map(|seed| tokio::spawn(miss_storm(door.clone(), seed, stop.clone()))).collect();
    let mut known = door.h1(ALPHA).await;
    let mut latencies = Vec::new();
    let (before, until) = (resident_bytes(), Instant::now() + Duration::from_secs(4));
    while Instant::now() < until {
        known.ready().await.unwrap();
        let asked = Instant::now();
        assert_eq!(read(known.send_request(get(ALPHA, "/")).await.unwrap()).await.0, StatusCode::OK);
        latencies.push(asked.elapsed());
    }
    stop.store(true, Ordering::SeqCst);
    let mut misses = 0;
    for storm in storms {
        misses += storm.await.unwrap();
    }
    latencies.sort_unstable();
    let median = latencies[latencies.len() / 2];
    assert!(misses > 500, "only {misses} misses");
    assert!(median < Duration::from_millis(100), "{median:?} for a known clinic");
    assert!(resident_bytes().saturating_sub(before) < GROWTH_MAX_BYTES, "memory after {misses} misses");
    assert_eq!(backend.count(), latencies.len(), "no miss reaches a backend");
    is_served(&door).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_beyond_the_rate_of_its_address_is_answered_without_a_look_up() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let mut config = world.config("us", &[backend.address]);
    config.limits.requests_per_s_per_address = 1;
    config.limits.requests_burst_per_address = 10;
    let door = world.start(config).await;
    let host = format!("nobody.us.{BASE}");
    let mut h2 = door.h2(&host).await;
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(h2.send_request(get_h2(&host, "/")).await.unwrap().status().as_u16());
    }
    let misses = statuses.iter().filter(|status| **status == 404).count();
    assert!((10..=15).contains(&misses), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 404 | 429)), "{statuses:?}");
    door.stop().await;
}
