//! Carries bytes between two streams without looking at them: another region's TLS connection, or a WebSocket.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::Shutdown as Side;
use std::rc::Rc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep_until;

use super::config::Limits;
use super::worker::Drain;

/// The buffer that all tunnels of a thread share; an idle tunnel holds none.
const SCRATCH_BYTES: usize = 256 * 1024;
const RELAY_BUFFER_BYTES: usize = 16 * 1024;
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
    Nothing,
    End,
}

/// Carries bytes both ways between sockets until both have ended, or neither says anything for too long.
pub(super) async fn carry(one: &TcpStream, other: &TcpStream, patience: Patience, drain: Rc<Drain>) {
    let active = Cell::new(Instant::now());
    // A side that breaks ends both; a side that ends in good order leaves the other its say.
    let both = async { tokio::try_join!(pump(one, other, &active), pump(other, one, &active)) };
    // How a tunnel ended makes no difference to what is left to do.
    tokio::select! {
        _ended = both => {}
        () = silence(&active, patience, drain) => {}
    }
}

/// The same for streams that are not bare sockets. It ends when either side ends.
pub(super) async fn relay<A, B>(one: A, other: B, patience: Patience, drain: Rc<Drain>)
where
    A: AsyncRead + AsyncWrite,
    B: AsyncRead + AsyncWrite,
{
    let active = Cell::new(Instant::now());
    let (mut one_read, mut one_write) = tokio::io::split(one);
    let (mut other_read, mut other_write) = tokio::io::split(other);
    tokio::select! {
        _ended = copy(&mut one_read, &mut other_write, &active) => {}
        _ended = copy(&mut other_read, &mut one_write, &active) => {}
        () = silence(&active, patience, drain.clone()) => {}
        // The peer of a WebSocket is told to come again by its closing; waiting would only delay the stop.
        () = drain.started() => {}
    }
    let closing = async { tokio::join!(one_write.shutdown(), other_write.shutdown()) };
    let _ended = tokio::time::timeout(CLOSING_WAIT, closing).await;
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

async fn pump(from: &TcpStream, to: &TcpStream, active: &Cell<Instant>) -> io::Result<()> {
    // Ends with the stream; every turn waits for readiness.
    loop {
        from.readable().await?;
        match move_some(from, to)? {
            Moved::All => active.set(Instant::now()),
            Moved::Part(rest) => {
                write_rest(to, &rest, active).await?;
            }
            Moved::Nothing => {}
            Moved::End => return SockRef::from(to).shutdown(Side::Write),
        }
    }
}

fn move_some(from: &TcpStream, to: &TcpStream) -> io::Result<Moved> {
    SCRATCH.with_borrow_mut(|scratch| {
        let count = match from.try_read(scratch) {
            Ok(0) => return Ok(Moved::End),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Moved::Nothing),
            Err(error) => return Err(error),
        };
        let read = scratch.get(..count).unwrap_or_default();
        let written = match to.try_write(read) {
            Ok(written) => written,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        match read.get(written..) {
            None | Some([]) => Ok(Moved::All),
            Some(rest) => Ok(Moved::Part(rest.to_vec())),
        }
    })
}

async fn write_rest(to: &TcpStream, rest: &[u8], active: &Cell<Instant>) -> io::Result<()> {
    let mut rest = rest;
    while !rest.is_empty() {
        to.writable().await?;
        match to.try_write(rest) {
            Ok(written) => {
                active.set(Instant::now());
                rest = rest.get(written..).unwrap_or_default();
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn copy<R, W>(from: &mut R, to: &mut W, active: &Cell<Instant>) -> io::Result<()>
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
        to.write_all(buffer.get(..count).unwrap_or_default()).await?;
        to.flush().await?;
        active.set(Instant::now());
    }
}
