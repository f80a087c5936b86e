//! What bodies of any size make a front door hold: a bounded window, whichever way they go. The front door is a process of
//! its own here, so that its memory is nobody else's.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use regions::clock::Clock;
use regions::front_door::FrontDoor;
use regions::shutdown::Shutdown;
use tokio::task::JoinSet;

use crate::front_door_world::{ALPHA, Body, World, connect, get, post, read, until};

/// The variable that names a child's configuration.
const CHILD: &str = "DOMICILE_TEST_FRONT_DOOR";
const LISTENS: &str = "listens on ";
const REQUESTS: usize = 48;
const BODY_BYTES: usize = 2 << 20;
/// The limit for a request in flight.
const GROWTH_KIB_MAX: u64 = 64;

/// A front door in a process of its own; it ends with this value.
struct OwnProcess {
    child: Child,
    client: SocketAddr,
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl OwnProcess {
    fn start(world: &World, backend: SocketAddr) -> Self {
        let file = world.folder.path().join("own-process.toml");
        // The limits come last in that file; this is about memory, so no clock of a busy machine may ring.
        let patient = "first_byte_ms = 60000\nhandshake_ms = 60000\nhead_ms = 60000\nbody_grace_ms = 60000\n";
        std::fs::write(&file, world.config_text("us", &[backend]) + patient).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "front_door_memory::child", "--nocapture"])
            .env(CHILD, file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix(LISTENS)?.parse().ok());
        Self { child, client: address.expect("the front door starts") }
    }

    fn kib(&self, of: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let rest = status.lines().find_map(|line| line.strip_prefix(of)).unwrap();
        rest.split_whitespace().next().unwrap().parse().unwrap()
    }

    /// From here on the kernel's high-water mark starts anew.
    fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }
}

/// Run as a test of its own it does nothing.
#[tokio::test]
#[expect(clippy::print_stdout, clippy::disallowed_methods, reason = "this is how parent and child talk")]
async fn child() {
    let Ok(file) = std::env::var(CHILD) else { return };
    let config = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (_trigger, shutdown) = Shutdown::new();
    let door = FrontDoor::start(config, Clock::system(), shutdown).await.unwrap();
    door.directory().subscribe().wait_for(|version| *version > 0).await.unwrap();
    println!("\n{LISTENS}{}", door.client_address());
    // Until the parent ends it.
    door.finish().await;
}

/// A body that takes no memory here.
fn blocks(bytes: usize) -> Body {
    static BLOCK: [u8; 65_536] = [b'x'; 65_536];
    let parts = futures_util::stream::iter(0..bytes / BLOCK.len());
    BoxBody::new(StreamBody::new(parts.map(|_| Ok(Frame::data(Bytes::from_static(&BLOCK))))))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Up,
    Down,
}

async fn transfer(sender: &mut SendRequest<Body>, way: Way, bytes: usize) {
    let request: Request<Body> = match way {
        Way::Up => {
            let mut request = post(ALPHA, "/sink", blocks(bytes));
            request.headers_mut().insert("content-length", bytes.into());
            request
        }
        Way::Down => get(ALPHA, &format!("/bytes/{bytes}")),
    };
    sender.ready().await.unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    if way == Way::Up {
        assert_eq!(read(answer).await.1, bytes.to_string());
        return;
    }
    let (mut body, mut taken) = (answer.into_body(), 0);
    while let Some(frame) = body.frame().await {
        taken += frame.unwrap().into_data().map_or(0, |data| data.len());
    }
    assert_eq!(taken, bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_any_size_takes_no_more_than_its_window_in_either_direction() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    for way in [Way::Up, Way::Down] {
        let door = OwnProcess::start(&world, backend.address);
        let mut senders = Vec::new();
        for _ in 0..REQUESTS {
            let stream = connect(door.client, &world.pki.ca(), ALPHA, "http/1.1").await.unwrap();
            let (sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            senders.push(sender);
        }
        // As many small requests at once: what a request takes that has no body to speak of is not the body's.
        backend.held.store(0, Ordering::SeqCst);
        let small = senders
            .iter_mut()
            .map(|sender| async { read(sender.send_request(get(ALPHA, "/hold")).await.unwrap()).await });
        let release = async {
            until("all are in flight", || backend.held.load(Ordering::SeqCst) == REQUESTS).await;
            backend.release.notify_waiters();
        };
        let (answers, ()) = tokio::join!(futures_util::future::join_all(small), release);
        assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK));
        let before = door.kib("VmRSS:");
        door.forget_peak();
        let mut all = JoinSet::new();
        for mut sender in senders {
            all.spawn(async move { transfer(&mut sender, way, BODY_BYTES).await });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
        let each = door.kib("VmHWM:").saturating_sub(before) / u64::try_from(REQUESTS).unwrap();
        assert!(each <= GROWTH_KIB_MAX, "{way:?}: {each} KiB more a request of {BODY_BYTES} bytes");
    }
}
