//! The clinic's administrators are mailed when the platform's support asks, from the region's worker to the letter.

use app::access::Role;
use app::staff::model::AccountId;

use super::support_grants::{Lockbox, REASON, SUPPORT};
use crate::clinic::jobs::{letters, waiting};
use crate::support::Actor;

fn address(actor: &Actor) -> String {
    format!("To: staff-{}@example.com", actor.account)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clinics_administrators_are_mailed_when_support_asks() {
    let lockbox = Lockbox::new().await;
    let (world, alpha) = (&lockbox.world, &lockbox.world.alpha);
    let told = [world.staff(alpha, Role::ClinicAdmin).await, world.staff(alpha, Role::ClinicAdmin).await];
    let gone = world.staff(alpha, Role::ClinicAdmin).await;
    let close = format!("/api/v1/staff/{}/deactivate", AccountId::from(gone.account));
    world.ask(alpha, "POST", &close).by(&told[0]).send().await.expect(204);
    world.staff(alpha, Role::Physician).await;
    world.staff(&world.beta, Role::ClinicAdmin).await;

    lockbox.asked(alpha).await;
    // The worker sees the grant again in each of its rounds.
    lockbox.round().await;
    let jobs = waiting(&lockbox.world).await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(jobs[0].0, "support_notice");
    for said in [REASON, SUPPORT] {
        assert!(!jobs[0].1.contains(said), "a payload holds ids only: {jobs:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let letters = letters(&lockbox.world, dir.path()).await;
    assert_eq!(letters.len(), 2, "{letters:?}");
    for administrator in &told {
        let one = letters.iter().find(|letter| letter.contains(&address(administrator))).unwrap();
        let link = format!("{}/clinic/support-access", alpha.origin());
        assert!(one.contains(&link), "{one}");
        for said in [REASON, SUPPORT, "Reminders"] {
            assert!(!one.contains(said), "{said} is for who has signed in: {one}");
        }
    }
    world.ask(alpha, "GET", "/clinic/support-access").send().await.expect(200);
    let log = world.audit(alpha).await;
    let tells: Vec<_> = log.iter().filter(|entry| entry.0 == "support.tell").collect();
    assert_eq!(tells.len(), 1, "{tells:?}");
    assert_eq!((tells[0].1.as_str(), tells[0].3), ("allow", Some(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_mailed_of_what_is_answered_already() {
    let lockbox = Lockbox::new().await;
    let alpha = &lockbox.world.alpha;
    let administrator = lockbox.world.staff(alpha, Role::ClinicAdmin).await;
    let grant = lockbox.asked(alpha).await;
    assert_eq!(lockbox.answer((alpha, &administrator), &grant, "refuse").await.0, 200);
    assert_eq!(waiting(&lockbox.world).await.len(), 1, "the mail has not left yet");
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(letters(&lockbox.world, dir.path()).await, Vec::<String>::new());
}
