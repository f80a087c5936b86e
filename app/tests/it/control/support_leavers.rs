//! What is left of the support grants of somebody who leaves the platform.

use app::control::admins;

use super::support::operator;
use super::support_grants::{Lockbox, SUPPORT};

#[tokio::test(flavor = "multi_thread")]
async fn the_grants_of_whoever_leaves_end_with_the_account() {
    let lockbox = Lockbox::new().await;
    let alpha = &lockbox.world.alpha;
    let (grant, admin) = lockbox.approved().await;
    lockbox.looked(&grant, "settings").await;
    assert_eq!(lockbox.answers_kept().await, 1);
    let store = lockbox.control.store().await;
    admins::disable(&store, operator(), SUPPORT).await.unwrap();
    assert_eq!(lockbox.answers_kept().await, 0, "at once, before the region hears of it");
    lockbox.round().await;
    assert_eq!(lockbox.listed(alpha, &admin).await[0]["state"], "ended");
}
