//! Listening sockets: one of each kind for every thread, so that the kernel spreads the accepting; `seats` then evens out who serves.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

const BACKLOG: i32 = 1024;

/// The sockets of a front door, inherited or new.
#[derive(Debug)]
pub(super) struct Sockets {
    /// For clients, one a thread.
    pub(super) clients: Vec<TcpListener>,
    /// For other front doors, one a thread.
    pub(super) peers: Vec<TcpListener>,
    /// For `/healthz`, `/readyz`, `/metrics`.
    pub(super) admin: TcpListener,
}

/// Opens `count` sockets on `address`; with port 0 all get the port that the first was given.
///
/// # Errors
/// When the address is in use, not ours, or the process may not listen there.
pub(super) fn bind(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    if address.port() != 0 {
        // With SO_REUSEPORT a second front door would silently share the port, so ask without it first.
        drop(open(address, Share::Alone)?);
    }
    let first = open(address, Share::Threads)?;
    let actual = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        // Elsewhere than on Linux SO_REUSEPORT does not spread connections; threads then share one socket.
        let next =
            if cfg!(target_os = "linux") { open(actual, Share::Threads)? } else { clone_first(&sockets)? };
        sockets.push(next);
    }
    Ok(sockets)
}

/// Enough sockets for `count` threads from inherited ones: threads beyond their number share.
pub(super) fn spread(mut sockets: Vec<TcpListener>, count: usize) -> io::Result<Vec<TcpListener>> {
    let inherited = sockets.len();
    for index in inherited..count {
        let shared = sockets.get(index % inherited.max(1)).ok_or(io::ErrorKind::NotFound)?;
        let copy = shared.try_clone()?;
        sockets.push(copy);
    }
    Ok(sockets)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Share {
    Alone,
    Threads,
}

fn open(address: SocketAddr, share: Share) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if share == Share::Threads {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn clone_first(sockets: &[TcpListener]) -> io::Result<TcpListener> {
    sockets.first().ok_or(io::ErrorKind::NotFound)?.try_clone()
}
