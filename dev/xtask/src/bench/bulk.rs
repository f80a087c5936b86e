//! Five gibibytes up and five down through the front door, and what its memory does meanwhile.
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1::SendRequest;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::bench::library::Line;
use crate::bench::load::{self, Load, PATH};
use crate::bench::machine::resident_kib;
use crate::fail::{Attempt, Fail, Outcome};

/// A body of a given length that takes no memory to speak of.
pub(super) struct Zeros {
    left: u64,
    chunk: Bytes,
}

impl Zeros {
    /// A body of `bytes`.
    pub(super) fn new(bytes: u64) -> Self {
        Self { left: bytes, chunk: Bytes::from_static(&[0; CHUNK_BYTES]) }
    }
}

impl Body for Zeros {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        if count == 0 {
            return Poll::Ready(None);
        }
        self.left -= u64::try_from(count).unwrap_or(self.left);
        Poll::Ready(Some(Ok(Frame::data(self.chunk.slice(..count)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Which way the bytes go.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// From the client to the upstream.
    Up,
    /// From the upstream to the client.
    Down,
}

/// Moves the bytes one way and compares the process `pid`, which was just started, before and meanwhile.
pub(super) async fn run(load: &Load<'_>, pid: u32, way: Way) -> Outcome<Line> {
    let late = || Fail::new(format!("5 GiB did not get through within {} s.", WAIT_MAX.as_secs()));
    tokio::time::timeout(WAIT_MAX, measure(load, pid, way)).await.map_err(|_elapsed| late())?
}

async fn measure(load: &Load<'_>, pid: u32, way: Way) -> Outcome<Line> {
    let connector = TlsConnector::from(Arc::new(load::config(load.home)?));
    // As many small requests at once: what a request takes that has no body to speak of is not the body's.
    let mut small = JoinSet::new();
    for _ in 0..REQUESTS {
        let mut sender = load::open(&connector, load.port, load.host).await?;
        let host = load.host.to_owned();
        small.spawn(async move { ask(&mut sender, &host, TOGETHER).await.map(|()| sender) });
    }
    let mut senders = Vec::new();
    while let Some(done) = small.join_next().await {
        senders.push(done.attempt(|| "run a small request".to_owned())??);
    }
    let before = resident_kib(pid);
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut sender in senders {
        let host = load.host.to_owned();
        tasks.spawn(async move { move_bytes(&mut sender, &host, way, TOTAL_BYTES / COUNT).await });
    }
    let mut most = before;
    let mut look = tokio::time::interval(LOOK_EVERY);
    while !tasks.is_empty() {
        tokio::select! {
            _ = look.tick() => most = most.max(resident_kib(pid)),
            Some(done) = tasks.join_next() => done.attempt(|| "run a transfer".to_owned())??,
        }
    }
    let tenths_kib = most.saturating_sub(before) * 10 / COUNT;
    let ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    let mib_per_s = TOTAL_BYTES / (1024 * 1024) * 1000 / ms;
    let name = match way {
        Way::Up => "5 GiB up through the front door",
        Way::Down => "5 GiB down through the front door",
    };
    Ok(Line {
        name: format!("{name}, {REQUESTS} requests at once"),
        figure: format!("{}.{} KiB more a request, {mib_per_s} MiB/s", tenths_kib / 10, tenths_kib % 10),
        against: format!("{} MiB with as many small requests in flight", before / 1024),
        ratio: None,
        reach: "≤ 64 KiB more a request".to_owned(),
        met: Some(tenths_kib <= GROWTH_KIB_MAX * 10),
    })
}

/// One small request; the connection is free for the next one afterwards.
async fn ask(sender: &mut SendRequest<Zeros>, host: &str, query: &str) -> Outcome<()> {
    let doing = || "send a small request through the front door".to_owned();
    let request = http::Request::get(format!("{PATH}?{query}")).header("host", host);
    let answer = sender.send_request(request.body(Zeros::new(0)).attempt(doing)?).await.attempt(doing)?;
    let status = answer.status();
    answer.into_body().collect().await.attempt(doing)?;
    if status == http::StatusCode::OK {
        Ok(())
    } else {
        Err(Fail::new(format!("It was answered with {status}.")))
    }
}

async fn move_bytes(sender: &mut SendRequest<Zeros>, host: &str, way: Way, bytes: u64) -> Outcome<()> {
    let doing = || format!("move {bytes} bytes through the front door");
    let (request, body) = match way {
        Way::Up => (http::Request::post(PATH), Zeros::new(bytes)),
        Way::Down => (http::Request::get(format!("{PATH}?bytes={bytes}")), Zeros::new(0)),
    };
    let request = request.header("host", host).body(body).attempt(doing)?;
    let mut answer = sender.send_request(request).await.attempt(doing)?;
    if answer.status() != http::StatusCode::OK {
        return Err(Fail::new(format!("A transfer was answered with {}.", answer.status())));
    }
    let mut received = 0;
    while let Some(frame) = answer.body_mut().frame().await {
        let data = frame.attempt(doing)?.into_data().map_or(0, |data| data.len());
        received += u64::try_from(data).unwrap_or(u64::MAX);
    }
    if matches!(way, Way::Down) && received != bytes {
        return Err(Fail::new(format!("{received} bytes of {bytes} arrived.")));
    }
    Ok(())
}

const TOTAL_BYTES: u64 = 5 << 30;
/// Requests at once.
pub(super) const REQUESTS: usize = 16;
const COUNT: u64 = 16;
/// The query of a request that the upstream answers only when all of them are there.
pub(super) const TOGETHER: &str = "together";
const CHUNK_BYTES: usize = 64 * 1024;
const GROWTH_KIB_MAX: u64 = 64;
const LOOK_EVERY: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(300);
