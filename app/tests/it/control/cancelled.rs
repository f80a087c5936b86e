//! A request that is given up anywhere in a control transaction leaves no connection that is broken or inside one.

use std::future::{Future as _, poll_fn};
use std::task::Poll;

use super::support::TestControl;

/// Polls after which a transaction is given up; beginning and ending one takes fewer.
const POLLS_MAX: u32 = 40;

#[tokio::test]
async fn a_control_transaction_given_up_at_any_poll_leaves_a_clean_pool() {
    let control = TestControl::start().await;
    let store = control.store().await;
    store.begin().await.unwrap().commit_unaudited().await.unwrap();
    let mut given_up = 0;
    for polls in 0..POLLS_MAX {
        let mut work = Box::pin(async { store.begin().await.unwrap().commit_unaudited().await });
        let mut left = polls;
        let ended = poll_fn(|cx| {
            if left == 0 {
                return Poll::Ready(false);
            }
            left -= 1;
            work.as_mut().poll(cx).map(|_| true)
        })
        .await;
        given_up += u32::from(!ended);
        drop(work);
        // The next borrower begins and commits: its connection is neither broken nor inside a transaction.
        store.begin().await.unwrap().commit_unaudited().await.unwrap();
    }
    assert!(given_up > 2, "{given_up} of {POLLS_MAX} were given up");
}
