//! Which thread serves a new connection: the one with the fewest, whichever accepted it.
//!
//! The kernel spreads connections over the threads' listening sockets by a hash, which is chance: of 64 connections on two
//! threads one thread has 36 or more every third time, and all of them wait longer than those of the other thread. A
//! connection therefore moves once, before its first byte is read, to the thread that has the fewest.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::connection::Arrived;

/// Connections on their way to one thread at once; with more, the thread that accepted one keeps it.
const HANDED_MAX: usize = 256;

/// A connection that another thread accepted.
pub(super) struct Handed {
    pub(super) stream: TcpStream,
    pub(super) from: SocketAddr,
    pub(super) arrived: Arrived,
}

/// The connections that come to one thread from the others.
pub(super) type Arrivals = mpsc::Receiver<Handed>;

/// The threads' numbers of connections, and the ways to hand one over.
pub(super) struct Seats(Vec<Seat>);

struct Seat {
    /// Served there, or on their way there.
    taken: AtomicUsize,
    queue: mpsc::Sender<Handed>,
}

impl Seats {
    /// A seat for each of `count` threads, and what each receives.
    pub(super) fn new(count: usize) -> (Self, Vec<Arrivals>) {
        let (seats, arrivals) = (0..count)
            .map(|_| {
                let (queue, arrivals) = mpsc::channel(HANDED_MAX);
                (Seat { taken: AtomicUsize::new(0), queue }, arrivals)
            })
            .unzip();
        (Self(seats), arrivals)
    }

    /// Takes a place for a connection that thread `own` accepted, with the thread that has the fewest: its own if none has
    /// fewer. Every place is given back with [`leave`](Self::leave).
    pub(super) fn choose(&self, own: usize) -> usize {
        let mut best = (self.taken(own), own);
        for index in 0..self.0.len() {
            let taken = self.taken(index);
            if taken < best.0 {
                best = (taken, index);
            }
        }
        self.take(best.1);
        best.1
    }

    /// Hands a connection to the thread that was chosen for it; one that takes none any more, or has too many waiting, is
    /// passed over and the connection comes back, with its place on thread `own`.
    ///
    /// # Errors
    /// The connection that `own` is to serve.
    pub(super) fn hand(&self, to: usize, own: usize, handed: Handed) -> Result<(), Handed> {
        let sent = match self.0.get(to) {
            Some(seat) => seat.queue.try_send(handed).map_err(mpsc::error::TrySendError::into_inner),
            None => Err(handed),
        };
        sent.inspect_err(|_| {
            self.leave(to);
            self.take(own);
        })
    }

    /// Gives a place back.
    pub(super) fn leave(&self, index: usize) {
        if let Some(seat) = self.0.get(index) {
            seat.taken.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn take(&self, index: usize) {
        if let Some(seat) = self.0.get(index) {
            seat.taken.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn taken(&self, index: usize) -> usize {
        self.0.get(index).map_or(usize::MAX, |seat| seat.taken.load(Ordering::Relaxed))
    }
}

impl Handed {
    /// The connection as this thread's runtime reads it.
    ///
    /// # Errors
    /// When it cannot be registered, for want of memory.
    pub(super) fn opened(self) -> io::Result<(tokio::net::TcpStream, SocketAddr, Arrived)> {
        Ok((tokio::net::TcpStream::from_std(self.stream)?, self.from, self.arrived))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn connection() -> Handed {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        Handed { stream: TcpStream::connect(address).unwrap(), from: address, arrived: Arrived::Client }
    }

    #[test]
    fn every_thread_has_as_many_connections_though_one_accepts_them_all() {
        let (seats, _arrivals) = Seats::new(4);
        for _ in 0..64 {
            seats.choose(2);
        }
        assert_eq!([0, 1, 2, 3].map(|index| seats.taken(index)), [16; 4]);
        // Those of one thread end; new ones take their places.
        (0..5).for_each(|_| seats.leave(1));
        assert!((0..5).all(|_| seats.choose(0) == 1));
        assert_eq!(seats.choose(3), 3, "nobody has fewer");
    }

    #[test]
    fn a_connection_stays_where_it_was_accepted_when_the_other_thread_takes_none() {
        let (seats, mut arrivals) = Seats::new(2);
        for _ in 0..HANDED_MAX {
            seats.take(1);
            assert!(seats.hand(1, 0, connection()).is_ok());
        }
        seats.take(1);
        assert!(seats.hand(1, 0, connection()).is_err(), "too many wait");
        assert_eq!((seats.taken(0), seats.taken(1)), (1, HANDED_MAX));
        // A thread that stops takes what was handed to it, and nothing more.
        arrivals[1].close();
        seats.take(1);
        assert!(seats.hand(1, 0, connection()).is_err());
        assert_eq!(std::iter::from_fn(|| arrivals[1].try_recv().ok()).count(), HANDED_MAX);
    }
}
