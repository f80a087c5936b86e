//! The invitation's mail, from the queue to the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::access::Role;
use app::config::MailConfig;
use app::jobs::mail::Mailer;
use app::jobs::queue::{self, Jobs};
use regions::shutdown::Shutdown;
use serde_json::json;

use crate::support::World;

fn jobs(world: &World, dir: &Path) -> Arc<Jobs> {
    let config =
        MailConfig { from: "no-reply@domicile.example".into(), dir: Some(dir.to_owned()), smtp: None };
    Arc::new(Jobs {
        regional: Arc::clone(&world.region.regional),
        directory: world.app.directory.clone(),
        base: world.app.base.clone(),
        public_port: world.app.public_port,
        mailer: Mailer::new(&config).unwrap(),
        clock: world.app.clock.clone(),
    })
}

fn mails(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect()
}

async fn wait_for(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done().await {
        assert!(Instant::now() < deadline, "{what} did not happen");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_mailed_accepted_and_not_mailed_again() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let invite = json!({ "email": "joy@example.com", "display_name": "Joy", "role": "nurse" });
    world.ask(&world.alpha, "POST", "/api/v1/staff").by(&admin).json(&invite).send().await.expect(201);
    let dir = tempfile::tempdir().unwrap();
    let jobs = jobs(&world, dir.path());
    let (trigger, shutdown) = Shutdown::new();
    let worker = queue::open(&world.region.config.shards[0], Arc::clone(&jobs), 2, shutdown).await.unwrap();
    let running = tokio::spawn(async move { worker.run().await.is_ok() });
    let superuser = world.region.superuser().await;
    wait_for("the job's end", async || {
        let left =
            superuser.query_one("SELECT count(*) FROM graphile_worker._private_jobs", &[]).await.unwrap();
        left.get::<_, i64>(0) == 0
    })
    .await;
    trigger.trigger();
    assert!(running.await.unwrap());

    let found = mails(dir.path());
    assert_eq!(found.len(), 1);
    let text = std::fs::read_to_string(&found[0]).unwrap().replace("=\r\n", "").replace("=3D", "=");
    assert!(text.contains("To: joy@example.com") && text.contains(&world.alpha.origin()), "{text}");
    let token: String = text.split_once("#token=").unwrap().1.chars().take(43).collect();
    let accept = json!({ "token": token, "password": "correct horse battery" });
    world.ask(&world.alpha, "POST", "/api/v1/invitations/accept").json(&accept).send().await.expect(204);

    // The queue may run a job twice; the second time there is nothing to send.
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let row =
        superuser.query_one(format!("SELECT id, state FROM {ops}.invitation").as_str(), &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(1), "accepted");
    let payload = tenancy::JobPayload::new(world.alpha.tenant.id).id("invitation", row.get(0));
    app::jobs::send_invitation::run(&jobs, &payload).await.unwrap();
    assert_eq!(mails(dir.path()).len(), 1);
}
