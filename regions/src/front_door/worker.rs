//! One thread of the front door: its own runtime, its own listening sockets, its own backend connections.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{interval, sleep, timeout};

use super::Door;
use super::connection::{self, Arrived};
use super::metrics;
use super::pool::Pool;
use super::seats::{Arrivals, Handed, Seats};
use crate::log::{self, Field};

/// Pause after a failed accept, for example when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// Connections that wait in the queue when a stop begins are still served, at most this many.
const LAST_ACCEPTS_MAX: usize = 1_024;

/// What everything on one thread shares.
pub(super) struct Core {
    pub(super) door: Arc<Door>,
    pub(super) pool: Rc<Pool>,
    pub(super) drain: Rc<Drain>,
    pub(super) tunnels: Cell<usize>,
    seats: Arc<Seats>,
    /// This thread's place among them.
    index: usize,
    open: Cell<usize>,
    closed: Notify,
}

/// What a thread serves with, beside the door.
pub(super) struct Place {
    /// Its number.
    pub(super) index: usize,
    /// For clients.
    pub(super) clients: StdListener,
    /// For other front doors.
    pub(super) peers: StdListener,
    /// All threads' connections.
    pub(super) seats: Arc<Seats>,
    /// Connections that other threads accepted for this one.
    pub(super) arrivals: Arrivals,
}

/// The stop as one thread sees it: a flag that costs nothing to read, and a wake-up.
#[derive(Default)]
pub(super) struct Drain {
    on: Cell<bool>,
    notify: Notify,
}

impl Drain {
    /// Whether the process is stopping.
    pub(super) fn is_on(&self) -> bool {
        self.on.get()
    }

    /// Returns when the process is stopping.
    pub(super) async fn started(&self) {
        let notified = self.notify.notified();
        if !self.on.get() {
            notified.await;
        }
    }

    fn start(&self) {
        self.on.set(true);
        self.notify.notify_waiters();
    }
}

/// One connection's place in its thread's count.
struct Open(Rc<Core>);

impl Open {
    /// For a connection that has its seat here.
    fn new(core: &Rc<Core>) -> Self {
        core.open.set(core.open.get() + 1);
        metrics::CONNECTIONS.inc();
        Self(core.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::CONNECTIONS.dec();
        self.0.seats.leave(self.0.index);
        self.0.open.set(self.0.open.get().saturating_sub(1));
        if self.0.open.get() == 0 {
            self.0.closed.notify_waiters();
        }
    }
}

/// Starts a thread that serves until the door drains.
///
/// # Errors
/// When the runtime, the thread or the sockets cannot be set up.
pub(super) fn spawn(door: Arc<Door>, place: Place) -> io::Result<JoinHandle<()>> {
    let Place { index, clients, peers, seats, arrivals } = place;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    clients.set_nonblocking(true)?;
    peers.set_nonblocking(true)?;
    let (clients, peers) = {
        let _entered = runtime.enter();
        (TcpListener::from_std(clients)?, TcpListener::from_std(peers)?)
    };
    std::thread::Builder::new().name(format!("front-door-{index}")).spawn(move || {
        let local = LocalSet::new();
        local.block_on(&runtime, async move {
            let core = Rc::new(Core {
                pool: door.pool(),
                drain: Rc::default(),
                tunnels: Cell::new(0),
                seats,
                index,
                open: Cell::new(0),
                closed: Notify::new(),
                door,
            });
            serve(core, clients, peers, arrivals).await;
        });
    })
}

async fn serve(core: Rc<Core>, clients: TcpListener, peers: TcpListener, arrivals: Arrivals) {
    let accepting = async {
        tokio::join!(
            accept(&core, clients, Arrived::Client),
            accept(&core, peers, Arrived::Peer),
            receive(&core, arrivals),
        );
    };
    let stopping = async {
        core.door.drain.wait().await;
        core.drain.start();
    };
    let upkeep = async {
        let mut ticks = interval(SWEEP_EVERY);
        loop {
            ticks.tick().await;
            core.pool.sweep();
        }
    };
    tokio::select! {
        _both = async { tokio::join!(accepting, stopping) } => {}
        () = upkeep => {}
    }
    let patience = Duration::from_millis(core.door.limits.drain_ms);
    if timeout(patience, all_closed(&core)).await.is_err() {
        let cut = u64::try_from(core.open.get()).unwrap_or(u64::MAX);
        log::warn("front_door_drain_cut", &[Field::Count(cut)]);
    }
    core.pool.close_idle();
}

async fn all_closed(core: &Core) {
    loop {
        let closed = core.closed.notified();
        if core.open.get() == 0 {
            return;
        }
        closed.await;
    }
}

async fn accept(core: &Rc<Core>, listener: TcpListener, arrived: Arrived) {
    // Ends with the drain.
    loop {
        tokio::select! {
            biased;
            () = core.drain.started() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => seat(core, stream, from, arrived),
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    for _ in 0..LAST_ACCEPTS_MAX {
        match listener.accept().now_or_never() {
            Some(Ok((stream, from))) => seat(core, stream, from, arrived),
            _ => return,
        }
    }
}

/// Serves what other threads accepted for this one. From the stop on they keep what they accept, so the queue ends.
async fn receive(core: &Rc<Core>, mut arrivals: Arrivals) {
    loop {
        tokio::select! {
            biased;
            () = core.drain.started() => break,
            Some(handed) = arrivals.recv() => take(core, handed),
        }
    }
    arrivals.close();
    while let Some(handed) = arrivals.recv().await {
        take(core, handed);
    }
}

/// Serves a connection here, or lets the thread with the fewest do so.
fn seat(core: &Rc<Core>, stream: tokio::net::TcpStream, from: SocketAddr, arrived: Arrived) {
    let chosen = core.seats.choose(core.index);
    if chosen == core.index {
        start(core, stream, from, arrived);
        return;
    }
    match stream.into_std() {
        Ok(stream) => {
            if let Err(kept) = core.seats.hand(chosen, core.index, Handed { stream, from, arrived }) {
                take(core, kept);
            }
        }
        Err(_) => core.seats.leave(chosen),
    }
}

/// Serves a connection that has its seat here. One that cannot be registered ends, as one that cannot be accepted does.
fn take(core: &Rc<Core>, handed: Handed) {
    match handed.opened() {
        Ok((stream, from, arrived)) => start(core, stream, from, arrived),
        Err(_) => core.seats.leave(core.index),
    }
}

/// The task is bounded by the connection's deadlines, and counted, so that the drain waits for it.
fn start(core: &Rc<Core>, stream: tokio::net::TcpStream, from: SocketAddr, arrived: Arrived) {
    let open = Open::new(core);
    let core = core.clone();
    spawn_local(async move {
        Box::pin(connection::handle(&core, stream, from, arrived)).await;
        drop(open);
    });
}
