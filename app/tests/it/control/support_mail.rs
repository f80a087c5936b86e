//! The clinic's administrators are mailed when the platform's support asks, from the region's worker to the letter.

use std::path::{Path, PathBuf};

use app::access::Role;
use app::jobs::queue;
use app::staff::model::AccountId;
use regions::shutdown::Shutdown;

use super::support::until;
use super::support_grants::{Lockbox, REASON, SUPPORT};
use crate::clinic::jobs::{jobs, mails};
use crate::support::Actor;

/// Name and payload of the jobs that wait.
async fn waiting(lockbox: &Lockbox) -> Vec<(String, String)> {
    let sql = "SELECT t.identifier, j.payload::text FROM graphile_worker._private_jobs j
        JOIN graphile_worker._private_tasks t ON t.id = j.task_id ORDER BY j.id";
    let rows = lockbox.world.region.superuser().await.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Lets the region's queue do what waits; the letters, with their long lines put together again.
async fn letters(lockbox: &Lockbox, dir: &Path) -> Vec<String> {
    let (trigger, shutdown) = Shutdown::new();
    let shard = &lockbox.world.region.config.shards[0];
    let worker = queue::open(shard, jobs(&lockbox.world, dir), 2, shutdown).await.unwrap();
    let running = tokio::spawn(async move { worker.run().await.is_ok() });
    until("the end of the jobs", async || waiting(lockbox).await.is_empty()).await;
    trigger.trigger();
    assert!(running.await.unwrap());
    let read =
        |path: PathBuf| std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=");
    mails(dir).into_iter().map(read).collect()
}

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
    let jobs = waiting(&lockbox).await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(jobs[0].0, "support_notice");
    for said in [REASON, SUPPORT] {
        assert!(!jobs[0].1.contains(said), "a payload holds ids only: {jobs:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let letters = letters(&lockbox, dir.path()).await;
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
    assert_eq!(waiting(&lockbox).await.len(), 1, "the mail has not left yet");
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(letters(&lockbox, dir.path()).await, Vec::<String>::new());
}
