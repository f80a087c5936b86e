//! Carries bytes between two streams without looking at them: another region's TLS connection, or a WebSocket.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::time::sleep_until;

use super::config::Limits;
use super::worker::Drain;
use super::ws_frames::{CLOSE_RESTART, Frames};

/// The buffer that all tunnels of a thread share; an idle tunnel holds none.
const SCRATCH_BYTES: usize = 256 * 1024;
const RELAY_BUFFER_BYTES: usize = 16 * 1024;
/// What a client may still send after the end of its WebSocket.
const DISCARDED_BYTES_MAX: usize = 4 * 1024 * 1024;
const CLOSING_WAIT: Duration = Duration::from_secs(2);

thread_local! {
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH_BYTES]);
}

/// How long a tunnel may be silent.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    idle: Duration,
    /// While the process stops, a tunnel this long without traffic is taken to be between requests.
    draining: Duration,
}

impl Patience {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            idle: Duration::from_millis(limits.tunnel_idle_ms),
            draining: Duration::from_millis(limits.drain_tunnel_idle_ms),
        }
    }
}

/// What one attempt to move bytes came to.
enum Moved {
    All,
    /// The receiver is full; these bytes are still to be written.
    Part(Vec<u8>),
    End,
}

/// Carries bytes both ways between sockets until both have ended, or neither says anything for too long.
pub(super) async fn carry(one: &mut TcpStream, other: &mut TcpStream, patience: Patience, drain: Rc<Drain>) {
    let active = Cell::new(Instant::now());
    let ((from_one, to_one), (from_other, to_other)) = (one.split(), other.split());
    // A side that breaks ends both; a side that ends in good order leaves the other its say.
    let both =
        async { tokio::try_join!(pump(from_one, to_other, &active), pump(from_other, to_one, &active)) };
    // How a tunnel ended makes no difference to what is left to do.
    tokio::select! {
        _ended = both => {}
        () = silence(&active, patience, drain) => {}
    }
}

/// Carries a WebSocket until either side ends it, it is silent for too long, or `over` returns. In the last case the client
/// is told to come again (close status 1012), if the last frame it was sent is whole; a frame cannot be put inside another.
pub(super) async fn relay<A, B>(
    client: A,
    backend: B,
    patience: Patience,
    drain: Rc<Drain>,
    over: impl Future<Output = ()>,
) where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let active = Cell::new(Instant::now());
    let frames = RefCell::new(Frames::new());
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_backend, mut to_backend) = tokio::io::split(backend);
    let ended = tokio::select! {
        _ended = copy(&mut from_client, &mut to_backend, |_| active.set(Instant::now())) => Ended::ByItself,
        _ended = copy(&mut from_backend, &mut to_client, |written| {
            active.set(Instant::now());
            frames.borrow_mut().advance(written);
        }) => Ended::ByItself,
        () = silence(&active, patience, drain.clone()) => Ended::ByUs,
        () = drain.started() => Ended::ByUs,
        () = over => Ended::ByUs,
    };
    let may_close = ended == Ended::ByUs && frames.borrow().may_close();
    let farewell = async {
        if may_close {
            to_client.write_all(&CLOSE_RESTART).await?;
        }
        to_client.shutdown().await?;
        if may_close {
            // Until the client has closed too: a reset, caused by bytes we never read, could overtake the frame.
            discard(&mut from_client).await?;
        }
        io::Result::Ok(())
    };
    let closing = async { tokio::join!(farewell, to_backend.shutdown()) };
    let _ended = tokio::time::timeout(CLOSING_WAIT, closing).await;
}

/// Who ended a WebSocket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    ByItself,
    ByUs,
}

async fn discard<R: AsyncRead + Unpin>(from: &mut R) -> io::Result<()> {
    let mut buffer = vec![0; RELAY_BUFFER_BYTES];
    let mut left = DISCARDED_BYTES_MAX;
    while left > 0 {
        match from.read(&mut buffer).await? {
            0 => return Ok(()),
            count => left = left.saturating_sub(count),
        }
    }
    Ok(())
}

/// Returns when nothing was carried for as long as `patience` allows.
async fn silence(active: &Cell<Instant>, patience: Patience, drain: Rc<Drain>) {
    // Each turn sleeps until the earliest moment at which the answer can change.
    loop {
        let quiet = if drain.is_on() { patience.idle.min(patience.draining) } else { patience.idle };
        let until = active.get() + quiet;
        if Instant::now() >= until {
            return;
        }
        let started =
            async { if drain.is_on() { std::future::pending().await } else { drain.started().await } };
        tokio::select! {
            () = sleep_until(until.into()) => {}
            () = started => {}
        }
    }
}

async fn pump(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, active: &Cell<Instant>) -> io::Result<()> {
    // Ends with the stream; every turn waits for bytes.
    loop {
        match poll_fn(|context| move_some(context, &mut from, &mut to)).await? {
            Moved::All => active.set(Instant::now()),
            Moved::Part(rest) => write_rest(&mut to, &rest, active).await?,
            Moved::End => return to.shutdown().await,
        }
    }
}

/// Reads by polling and not by trying: a read that does not fill the buffer then says that there is nothing more, and the next
/// turn does not ask the kernel for it, which it would twice for each request that is carried.
fn move_some(
    context: &mut Context<'_>,
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
) -> Poll<io::Result<Moved>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let mut buffer = ReadBuf::new(scratch);
        ready!(Pin::new(from).poll_read(context, &mut buffer))?;
        let read = buffer.filled();
        if read.is_empty() {
            return Poll::Ready(Ok(Moved::End));
        }
        let written = match Pin::new(to).poll_write(context, read) {
            Poll::Ready(written) => written?,
            Poll::Pending => 0,
        };
        Poll::Ready(Ok(match read.get(written..) {
            None | Some([]) => Moved::All,
            Some(rest) => Moved::Part(rest.to_vec()),
        }))
    })
}

async fn write_rest(to: &mut WriteHalf<'_>, rest: &[u8], active: &Cell<Instant>) -> io::Result<()> {
    let mut rest = rest;
    while !rest.is_empty() {
        let written = to.write(rest).await?;
        active.set(Instant::now());
        rest = rest.get(written..).unwrap_or_default();
    }
    Ok(())
}

/// Tells `note` of all that was written, piece by piece, so that what it knows is right wherever the copy is dropped.
async fn copy<R, W>(from: &mut R, to: &mut W, note: impl Fn(&[u8])) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; RELAY_BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let mut rest = buffer.get(..count).unwrap_or_default();
        while !rest.is_empty() {
            let (written, unwritten) = rest.split_at_checked(to.write(rest).await?).unwrap_or((rest, &[]));
            if written.is_empty() {
                return Err(io::ErrorKind::WriteZero.into());
            }
            note(written);
            rest = unwritten;
        }
        to.flush().await?;
    }
}
