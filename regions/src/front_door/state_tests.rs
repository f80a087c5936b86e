//! The books of one client connection: what is idle, what is late, and who is told.

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

/// Counts how often it was woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

const MS: Duration = Duration::from_millis(1);

fn state() -> Rc<ConnectionState> {
    let limits = Limits {
        head_ms: 100,
        idle_ms: 1_000,
        write_stall_ms: 400,
        total_ms: 5_000,
        response_head_ms: 2_000,
        body_grace_ms: 200,
        body_bytes_per_s_min: 10,
        drain_idle_ms: 50,
        ..Limits::default()
    };
    ConnectionState::new(Deadlines::new(&limits))
}

#[test]
fn an_idle_connection_is_kept_longer_than_one_of_a_stopping_process() {
    let state = state();
    let now = Instant::now();
    assert_eq!((state.expired(now + 900 * MS), state.expired(now + 1_001 * MS)), (None, Some(Expired::Idle)));
    state.drain();
    assert_eq!(state.expired(now + 100 * MS), Some(Expired::Idle));
    let ticket = state.begin();
    assert_eq!(state.expired(now + 300 * MS), None, "a request in flight is not idle");
    assert_eq!(state.expired(now + 5_100 * MS), Some(Expired::Total));
    drop(ticket);
    // The answer sits in our buffers because the client is slow: not idle either, but not for ever.
    state.write_blocked();
    assert_eq!(state.expired(now + 300 * MS), None);
    assert_eq!(state.expired(now + 500 * MS), Some(Expired::Stalled));
}

#[test]
fn each_clock_runs_by_itself() {
    let state = state();
    let now = Instant::now();
    state.head_started();
    assert_eq!(state.expired(now + 150 * MS), Some(Expired::Head));
    state.head_finished();
    let ticket = state.begin();
    ticket.handed_over(1);
    assert_eq!(state.expired(now + 500 * MS), Some(Expired::Stalled));
    ticket.asked();
    assert_eq!(state.expired(now + 500 * MS), None, "the backend's slowness is not the client's");
    assert!(state.next_deadline() <= Instant::now() + 60 * MS, "bodies are looked at in time");
}

#[test]
fn a_late_answer_is_told_once_and_its_clock_can_start_anew() {
    let state = state();
    let ticket = state.begin();
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(bell.clone());
    let cx = Context::from_waker(&waker);
    let rung = || bell.0.load(Ordering::Relaxed);
    ticket.await_answer();
    assert!(ticket.answer_pending(&cx).is_pending());
    assert_eq!(state.expired(Instant::now() + 1_900 * MS), None);
    assert_eq!(rung(), 0, "in time");
    assert_eq!(state.expired(Instant::now() + 2_000 * MS), None, "the connection may stay");
    assert_eq!(rung(), 1);
    assert!(ticket.answer_pending(&cx).is_ready());
    ticket.await_answer();
    assert!(ticket.answer_pending(&cx).is_pending(), "the body was still coming");
    ticket.answered();
    assert_eq!(state.expired(Instant::now() + 4_000 * MS), None);
    assert!(ticket.answer_pending(&cx).is_pending(), "nobody waits any more");
    assert_eq!(rung(), 1);
}

#[test]
fn a_body_earns_its_time_by_its_bytes() {
    let mut exchange = Exchange { body_awaited: Some(Instant::now()), ..Exchange::started_now() };
    let deadlines = state().deadlines;
    exchange.judge_body(Instant::now() + 100 * MS, &deadlines);
    assert!(!exchange.body_late, "grace");
    exchange.body_bytes = 30;
    exchange.judge_body(Instant::now() + 3_000 * MS, &deadlines);
    assert!(!exchange.body_late, "30 bytes at 10 a second");
    exchange.judge_body(Instant::now() + 3_500 * MS, &deadlines);
    assert!(exchange.body_late);
}
