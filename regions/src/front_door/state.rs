//! What the parts of one client connection know in common: the gate before a body, requests in flight, and deadlines.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::config::Limits;
use super::strict::{Framing, Violation};
use super::upgrade::Upgrade;
use crate::metrics::FOREIGN_BODY_BYTES_ARRIVED;

/// So many bytes of responses wait for the client before no more are read from a backend for it.
const UNFLUSHED_BYTES_MAX: usize = 8 * 1024;

/// Whether bytes after a head may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Nothing stands in the way.
    Open,
    /// A head with a body, or with an upgrade, was passed on; the service has not decided yet, or has refused.
    Shut,
}

/// What came behind a head whose gate is shut. Nothing of it is parsed before the verdict.
pub(super) struct Behind {
    pub(super) framing: Framing,
    pub(super) bytes: BytesMut,
}

/// Body bytes of one connection that came out of TLS, for the count of those that belong to refused requests.
#[derive(Debug, Clone, Copy, Default)]
struct Plaintext {
    arrived_bytes: u64,
    /// Of these, handed to requests that are served.
    taken_bytes: u64,
    /// A request was refused from its head, so that what arrives and is not taken may be its body.
    refused: bool,
}

/// Why a connection is closed by a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expired {
    /// A request head took too long.
    Head,
    /// Nothing was asked for too long.
    Idle,
    /// The client does not take what it asked for.
    Stalled,
    /// One request took too long in all.
    Total,
}

/// Deadlines as durations, so that the hot path does no conversions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write_stall: Duration,
    pub(super) total: Duration,
    pub(super) response_head: Duration,
    pub(super) body_grace: Duration,
    pub(super) body_bytes_per_s_min: u64,
    pub(super) drain_idle: Duration,
}

impl Deadlines {
    pub(super) fn new(limits: &Limits) -> Self {
        let ms = Duration::from_millis;
        Self {
            head: ms(limits.head_ms),
            idle: ms(limits.idle_ms),
            write_stall: ms(limits.write_stall_ms),
            total: ms(limits.total_ms),
            response_head: ms(limits.response_head_ms),
            body_grace: ms(limits.body_grace_ms),
            body_bytes_per_s_min: limits.body_bytes_per_s_min.max(1),
            drain_idle: ms(limits.drain_idle_ms),
        }
    }
}

/// One request in flight.
#[derive(Debug)]
struct Exchange {
    started: Instant,
    /// A part of the response was handed over then, and nothing has asked for the next since.
    handed_over: Option<Instant>,
    /// Somebody waits for the client's body since then.
    body_awaited: Option<Instant>,
    body_waited: Duration,
    body_bytes: u64,
    body_late: bool,
    body_waker: Option<Waker>,
    /// The head of the backend's answer is waited for since then.
    answer_awaited: Option<Instant>,
    answer_late: bool,
    answer_waker: Option<Waker>,
}

/// Shared by the byte stream, the service and the bodies of one connection; never leaves its thread.
pub(super) struct ConnectionState {
    pub(super) deadlines: Deadlines,
    violation: Cell<Option<Violation>>,
    gate: Cell<Gate>,
    gate_waker: RefCell<Option<Waker>>,
    behind: RefCell<Option<Behind>>,
    plaintext: Cell<Plaintext>,
    /// After a 101 the stream is no longer HTTP.
    opaque: Cell<bool>,
    head_since: Cell<Option<Instant>>,
    idle_since: Cell<Instant>,
    write_blocked_since: Cell<Option<Instant>>,
    /// Bytes of responses that were handed over and are not known to have left.
    unflushed_bytes: Cell<usize>,
    /// Bodies of responses that wait until those have left.
    write_wakers: RefCell<Vec<Waker>>,
    /// The clock the process reads; a drain shortens the patience with idle connections.
    draining_since: Cell<Option<Instant>>,
    exchanges: RefCell<Vec<Option<Exchange>>>,
    in_flight: Cell<usize>,
    /// Bytes the client may still be sending after our last answer must be discarded before the socket is closed.
    linger: Cell<bool>,
    /// The backend's side of an upgrade that was answered with 101.
    upgraded: RefCell<Option<Upgrade>>,
}

impl ConnectionState {
    pub(super) fn new(deadlines: Deadlines) -> Rc<Self> {
        Rc::new(Self {
            deadlines,
            violation: Cell::new(None),
            gate: Cell::new(Gate::Open),
            gate_waker: RefCell::new(None),
            behind: RefCell::new(None),
            plaintext: Cell::default(),
            opaque: Cell::new(false),
            head_since: Cell::new(None),
            idle_since: Cell::new(Instant::now()),
            write_blocked_since: Cell::new(None),
            unflushed_bytes: Cell::new(0),
            write_wakers: RefCell::new(Vec::new()),
            draining_since: Cell::new(None),
            exchanges: RefCell::new(Vec::new()),
            in_flight: Cell::new(0),
            linger: Cell::new(false),
            upgraded: RefCell::new(None),
        })
    }

    pub(super) fn violation(&self) -> Option<Violation> {
        self.violation.get()
    }

    pub(super) fn set_violation(&self, violation: Violation) {
        self.violation.set(Some(violation));
        self.linger.set(true);
    }

    pub(super) fn gate(&self) -> Gate {
        self.gate.get()
    }

    pub(super) fn shut_gate(&self) {
        self.gate.set(Gate::Shut);
    }

    /// Lets the body behind the gate through: called once the verdict is that this region serves the request.
    pub(super) fn open_gate(&self) {
        self.gate.set(Gate::Open);
        if let Some(waker) = self.gate_waker.borrow_mut().take() {
            waker.wake();
        }
    }

    pub(super) fn await_gate(&self, cx: &Context<'_>) {
        *self.gate_waker.borrow_mut() = Some(cx.waker().clone());
    }

    pub(super) fn park(&self, behind: Behind) {
        *self.behind.borrow_mut() = Some(behind);
    }

    pub(super) fn unpark(&self) -> Option<Behind> {
        self.behind.borrow_mut().take()
    }

    /// What is already known to be wrong with the body of a request that is served.
    pub(super) fn foresee(&self) -> Option<Violation> {
        let behind = self.behind.borrow();
        behind.as_ref().and_then(|behind| behind.framing.foresee(&behind.bytes))
    }

    /// Body bytes came out of TLS, whoever they are for.
    pub(super) fn data_arrived(&self, bytes: u64) {
        let plaintext = self.plaintext.get();
        let arrived_bytes = plaintext.arrived_bytes.saturating_add(bytes);
        self.plaintext.set(Plaintext { arrived_bytes, ..plaintext });
    }

    fn data_taken(&self, bytes: u64) {
        let plaintext = self.plaintext.get();
        let taken_bytes = plaintext.taken_bytes.saturating_add(bytes);
        self.plaintext.set(Plaintext { taken_bytes, ..plaintext });
    }

    /// A request with a body was refused from its head; over HTTP/1 what came behind that head is parked here.
    pub(super) fn body_refused(&self) {
        let parked = self.behind.borrow().as_ref().map_or(0, |behind| behind.bytes.len());
        self.data_arrived(u64::try_from(parked).unwrap_or(u64::MAX));
        self.plaintext.set(Plaintext { refused: true, ..self.plaintext.get() });
    }

    /// Whether a request of this connection had its body refused.
    pub(super) fn has_refused_a_body(&self) -> bool {
        self.plaintext.get().refused
    }

    /// Counts what arrived and was for no request that is served. Without requests in flight the difference is exact but
    /// for bodies that broke off, which are counted too: the number may be too high, never too low.
    fn settle(&self) {
        let plaintext = self.plaintext.get();
        if plaintext.refused {
            FOREIGN_BODY_BYTES_ARRIVED.inc_by(plaintext.arrived_bytes.saturating_sub(plaintext.taken_bytes));
        }
        self.plaintext.set(Plaintext { refused: plaintext.refused, ..Plaintext::default() });
    }

    pub(super) fn is_opaque(&self) -> bool {
        self.opaque.get()
    }

    fn set_opaque(&self) {
        self.opaque.set(true);
        self.open_gate();
    }

    pub(super) fn set_linger(&self) {
        self.linger.set(true);
    }

    pub(super) fn linger(&self) -> bool {
        self.linger.get()
    }

    pub(super) fn set_upgraded(&self, upgrade: Upgrade) {
        *self.upgraded.borrow_mut() = Some(upgrade);
        self.set_opaque();
    }

    pub(super) fn take_upgraded(&self) -> Option<Upgrade> {
        self.upgraded.borrow_mut().take()
    }

    pub(super) fn head_started(&self) {
        if self.head_since.get().is_none() {
            self.head_since.set(Some(Instant::now()));
        }
    }

    pub(super) fn head_finished(&self) {
        self.head_since.set(None);
    }

    pub(super) fn write_blocked(&self) {
        if self.write_blocked_since.get().is_none() {
            self.write_blocked_since.set(Some(Instant::now()));
        }
    }

    pub(super) fn write_advanced(&self) {
        if self.write_blocked_since.take().is_some() && self.in_flight.get() == 0 {
            self.idle_since.set(Instant::now());
        }
    }

    /// Everything that was written has left for the client.
    pub(super) fn flushed(&self) {
        self.unflushed_bytes.set(0);
        if !self.write_wakers.borrow().is_empty() {
            self.write_wakers.take().into_iter().for_each(Waker::wake);
        }
    }

    /// Pending while enough of a response waits for the client: what is read for it meanwhile would only wait in memory.
    pub(super) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        if self.unflushed_bytes.get() < UNFLUSHED_BYTES_MAX {
            return Poll::Ready(());
        }
        let mut wakers = self.write_wakers.borrow_mut();
        if !wakers.iter().any(|known| known.will_wake(cx.waker())) {
            wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The process is stopping: from now on idle connections are kept only briefly.
    pub(super) fn drain(&self) {
        if self.draining_since.get().is_none() {
            self.draining_since.set(Some(Instant::now()));
        }
    }

    /// Registers a request; the ticket ends it when dropped.
    pub(super) fn begin(self: &Rc<Self>) -> Ticket {
        let exchange = Exchange::started_now();
        let mut exchanges = self.exchanges.borrow_mut();
        self.in_flight.set(self.in_flight.get() + 1);
        let slot = exchanges.iter().position(Option::is_none).unwrap_or(exchanges.len());
        match exchanges.get_mut(slot) {
            Some(free) => *free = Some(exchange),
            None => exchanges.push(Some(exchange)),
        }
        Ticket { state: self.clone(), slot }
    }

    /// Nothing is being answered, and the last answer has left: a slow client may still be taking it from our buffers.
    fn is_idle(&self) -> bool {
        self.in_flight.get() == 0 && self.write_blocked_since.get().is_none()
    }

    /// The next moment at which [`Self::expired`] can say something new.
    pub(super) fn next_deadline(&self) -> Instant {
        let deadlines = &self.deadlines;
        let mut next = match (self.is_idle(), self.draining_since.get()) {
            (true, Some(since)) => since.max(self.idle_since.get()) + deadlines.drain_idle,
            (true, None) => self.idle_since.get() + deadlines.idle,
            // With requests in flight their own clocks are looked at this often.
            _ => {
                Instant::now()
                    + deadlines.write_stall.min(deadlines.body_grace).min(deadlines.response_head) / 4
            }
        };
        if let Some(since) = self.head_since.get() {
            next = next.min(since + deadlines.head);
        }
        if let Some(since) = self.write_blocked_since.get() {
            next = next.min(since + deadlines.write_stall);
        }
        next
    }

    /// What has run out at `now`. Late bodies are told to their readers, so that the answer can be 408, and late answers to those
    /// who wait for them, for a 504.
    pub(super) fn expired(&self, now: Instant) -> Option<Expired> {
        let deadlines = &self.deadlines;
        let over = |since: Option<Instant>, limit: Duration| since.is_some_and(|since| now >= since + limit);
        if over(self.head_since.get(), deadlines.head) {
            return Some(Expired::Head);
        }
        if over(self.write_blocked_since.get(), deadlines.write_stall) {
            return Some(Expired::Stalled);
        }
        if self.is_idle() {
            let since = self.idle_since.get();
            let idle = over(Some(since), deadlines.idle);
            let drained = over(self.draining_since.get().map(|start| start.max(since)), deadlines.drain_idle);
            return (idle || drained).then_some(Expired::Idle);
        }
        let mut exchanges = self.exchanges.borrow_mut();
        for exchange in exchanges.iter_mut().flatten() {
            if over(Some(exchange.started), deadlines.total) {
                return Some(Expired::Total);
            }
            if over(exchange.handed_over, deadlines.write_stall) {
                return Some(Expired::Stalled);
            }
            exchange.judge_body(now, deadlines);
            if over(exchange.answer_awaited, deadlines.response_head) {
                exchange.answer_late = true;
                exchange.answer_waker.take().into_iter().for_each(Waker::wake);
            }
        }
        None
    }
}

impl Exchange {
    fn started_now() -> Self {
        Self {
            started: Instant::now(),
            handed_over: None,
            body_awaited: None,
            body_waited: Duration::ZERO,
            body_bytes: 0,
            body_late: false,
            body_waker: None,
            answer_awaited: None,
            answer_late: false,
            answer_waker: None,
        }
    }

    fn judge_body(&mut self, now: Instant, deadlines: &Deadlines) {
        let Some(since) = self.body_awaited else { return };
        let waited = self.body_waited + now.saturating_duration_since(since);
        let earned = Duration::from_secs(self.body_bytes / deadlines.body_bytes_per_s_min);
        if waited >= deadlines.body_grace + earned {
            self.body_late = true;
            if let Some(waker) = self.body_waker.take() {
                waker.wake();
            }
        }
    }
}

/// One request's place in its connection's books.
pub(super) struct Ticket {
    state: Rc<ConnectionState>,
    slot: usize,
}

impl Ticket {
    pub(super) fn state(&self) -> &Rc<ConnectionState> {
        &self.state
    }

    fn with<R>(&self, change: impl FnOnce(&mut Exchange) -> R) -> Option<R> {
        self.state.exchanges.borrow_mut().get_mut(self.slot).and_then(Option::as_mut).map(change)
    }

    /// Somebody polled the client's body and there was nothing. `Ready` means that it is late beyond the minimum rate.
    pub(super) fn body_pending(&self, cx: &Context<'_>) -> Poll<()> {
        let late = self.with(|exchange| {
            if exchange.body_awaited.is_none() {
                exchange.body_awaited = Some(Instant::now());
            }
            exchange.body_waker = Some(cx.waker().clone());
            exchange.body_late
        });
        if late == Some(true) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// From now on the head of the backend's answer is waited for.
    pub(super) fn await_answer(&self) {
        self.with(|exchange| {
            exchange.answer_awaited = Some(Instant::now());
            exchange.answer_late = false;
        });
    }

    /// Somebody polled for the backend's answer and there was none. `Ready` means that it is late.
    pub(super) fn answer_pending(&self, cx: &Context<'_>) -> Poll<()> {
        let late = self.with(|exchange| {
            if !exchange.answer_waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
                exchange.answer_waker = Some(cx.waker().clone());
            }
            exchange.answer_late
        });
        if late == Some(true) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The backend has answered, or never will.
    pub(super) fn answered(&self) {
        self.with(|exchange| {
            exchange.answer_awaited = None;
            exchange.answer_waker = None;
        });
    }

    /// A part of the client's body arrived.
    pub(super) fn body_arrived(&self, bytes: usize) {
        self.state.data_taken(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.with(|exchange| {
            if let Some(since) = exchange.body_awaited.take() {
                exchange.body_waited += since.elapsed();
            }
            exchange.body_bytes =
                exchange.body_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        });
    }

    /// A part of the response went to the client's side.
    pub(super) fn handed_over(&self, bytes: usize) {
        self.state.unflushed_bytes.set(self.state.unflushed_bytes.get().saturating_add(bytes));
        self.with(|exchange| exchange.handed_over = Some(Instant::now()));
    }

    /// The client's side is waiting for us.
    pub(super) fn asked(&self) {
        self.with(|exchange| exchange.handed_over = None);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(slot) = self.state.exchanges.borrow_mut().get_mut(self.slot) {
            *slot = None;
        }
        let left = self.state.in_flight.get().saturating_sub(1);
        self.state.in_flight.set(left);
        if left == 0 {
            self.state.idle_since.set(Instant::now());
            self.state.settle();
        }
    }
}

impl Drop for ConnectionState {
    fn drop(&mut self) {
        self.settle();
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
