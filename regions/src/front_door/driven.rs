//! A backend connection that is driven by the task that waits for it, instead of by a task of its own.
//!
//! A request then crosses from the client's connection to the backend's and back without a turn of the scheduler. Wake-ups of the
//! connection, and of what it sends to its user, are collected by one waker: while the user drives the connection they only ask
//! for another turn, otherwise they wake the user.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures_util::task::AtomicWaker;

/// Turns before others get theirs; one exchange takes three or four.
const TURNS_MAX: usize = 16;

/// Drives `C`, which ends when the connection has ended.
pub(super) struct Driven<C> {
    connection: Option<Pin<Box<C>>>,
    signal: Arc<Signal>,
    waker: Waker,
}

struct Signal {
    notified: AtomicBool,
    driving: AtomicBool,
    user: AtomicWaker,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.notified.store(true, Ordering::Release);
        if !self.driving.load(Ordering::Acquire) {
            self.user.wake();
        }
    }
}

impl<C: Future> Driven<C> {
    /// Without a connection there is nothing to drive: somebody else does, and wake-ups just pass.
    pub(super) fn new(connection: Option<C>) -> Self {
        let signal = Arc::new(Signal {
            notified: AtomicBool::new(true),
            driving: AtomicBool::new(false),
            user: AtomicWaker::new(),
        });
        Self { connection: connection.map(Box::pin), waker: Waker::from(signal.clone()), signal }
    }

    /// Polls for what the caller wants and drives the connection in between, until the one is there or the other stands still.
    pub(super) fn poll_for<T>(
        &mut self,
        cx: &Context<'_>,
        wanted: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        self.signal.user.register(cx.waker());
        self.turn(wanted).unwrap_or_else(|| {
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }

    /// Leaves the connection as it is until somebody drives it again, which it then needs whatever has happened meanwhile.
    pub(super) fn rest(&mut self) {
        self.signal.user.take();
        self.signal.notified.store(true, Ordering::Release);
    }

    /// Drives the connection, as far as it goes now, on nobody's behalf.
    pub(super) fn settle(&mut self) {
        self.signal.user.take();
        // With turns left over or not, whoever uses it next goes on.
        let _rest = self.turn(|_| Poll::<()>::Pending);
    }

    /// What is left of it, for its own task to end in good order.
    pub(super) fn into_connection(self) -> Option<Pin<Box<C>>> {
        self.connection
    }

    /// `None` when there is more to do.
    fn turn<T>(&mut self, mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Option<Poll<T>> {
        let mut own = Context::from_waker(&self.waker);
        self.signal.driving.store(true, Ordering::Release);
        let mut outcome = None;
        for _ in 0..TURNS_MAX {
            if let ready @ Poll::Ready(_) = wanted(&mut own) {
                outcome = Some(ready);
                break;
            }
            if !self.signal.notified.swap(false, Ordering::AcqRel) {
                outcome = Some(Poll::Pending);
                break;
            }
            if let Some(connection) = &mut self.connection
                && connection.as_mut().poll(&mut own).is_ready()
            {
                self.connection = None;
            }
        }
        self.signal.driving.store(false, Ordering::Release);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::future::poll_fn;
    use tokio::sync::{mpsc, oneshot};

    type Question = (u32, oneshot::Sender<u32>);

    /// Answers what comes in, and ends when nobody can ask any more.
    async fn answering(mut questions: mpsc::UnboundedReceiver<Question>) {
        while let Some((number, answer)) = questions.recv().await {
            tokio::task::yield_now().await;
            assert_eq!(answer.send(number + 1), Ok(()));
        }
    }

    #[tokio::test]
    async fn the_user_drives_and_is_woken_for_what_comes_later() {
        let (ask, questions) = mpsc::unbounded_channel();
        let mut driven = Driven::new(Some(answering(questions)));
        for number in 0..100 {
            let (answer, mut answered) = oneshot::channel();
            ask.send((number, answer)).unwrap();
            let got = poll_fn(|cx| driven.poll_for(cx, |own| answered.poll_unpin(own))).await;
            assert_eq!(got, Ok(number + 1));
            driven.settle();
        }
        // Nobody drives it here, so the wake-up of the question must reach the one who waits for the answer.
        let (answer, mut answered) = oneshot::channel();
        let asking = async {
            tokio::task::yield_now().await;
            ask.send((7, answer)).unwrap();
        };
        let waiting = poll_fn(|cx| driven.poll_for(cx, |own| answered.poll_unpin(own)));
        assert_eq!(tokio::join!(waiting, asking).0, Ok(8));
        drop(ask);
        driven.settle();
        assert!(driven.into_connection().is_none(), "it has ended");
    }

    #[tokio::test]
    async fn a_connection_that_always_has_more_to_do_lets_others_run() {
        let restless = poll_fn(|cx| {
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        let mut driven = Driven::new(Some(restless));
        let mut polls = 0;
        let other = async { tokio::task::yield_now().await };
        let waiting = poll_fn(|cx| {
            polls += 1;
            driven.poll_for(cx, |_| if polls > 3 { Poll::Ready(()) } else { Poll::Pending })
        });
        tokio::join!(waiting, other);
    }
}
