//! Onboarding end to end: a real control plane, a real region, and worker processes that are killed again and again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use app::config::MailConfig;
use app::jobs::SEND_INVITATION;
use app::jobs::mail::Mailer;
use app::jobs::queue::Jobs;
use app::jobs::sms::Texter;
use app::onboarding::Onboarding;
use app::onboarding::client::WorkClient;
use app::pins::Pins;
use app::worker::Queue;
use regions::clock::Clock;
use regions::directory::{DirectoryHandle, feed};
use regions::ids::{Epoch, ShardId, TenantId};
use regions::shutdown::Shutdown;
use rustix::process::{Pid, Signal};
use serde_json::json;
use tenancy::provision::{Moment, Provisioner, Step};
use tenancy::{BootError, JobPayload, TenantRef};
use testkit::TestRegion;

use super::support::{Browser, TestControl, clinic};
use crate::support::regional_part;

/// Longest time for every clinic of the test to be in service.
const ALL_DONE: Duration = Duration::from_secs(120);
const SLUGS: [&str; 7] = ["cedar", "maple", "birch", "aspen", "hazel", "rowan", "lotus"];

/// A worker process; it dies with the test.
pub(crate) struct Worker {
    child: Child,
    log: PathBuf,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Worker {
    pub(crate) fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
        command.args(["worker", "--config"]).arg(config);
        command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local-secret");
        let path = config.with_extension("log");
        let log = std::fs::File::options().create(true).append(true).open(&path).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self { child: command.spawn().unwrap(), log: path }
    }

    /// What it and its predecessors with the same configuration have said.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGKILL: nothing is flushed, said or finished.
    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn clinics_are_onboarded_once_whatever_is_killed() {
    let control = TestControl::start().await;
    let region = TestRegion::new().await;
    let admin = control.with_regions().await;
    let mut tenants = BTreeMap::new();
    for slug in SLUGS {
        let id = admin.post("/platform/v1/tenants", &clinic(slug, "us-east-1")).await.expect(201).text("id");
        tenants.insert(slug, id);
    }
    // One worker died in the middle of each step: the work is done, the ledger does not say so, nobody was told.
    let regional_steps = Step::ALL.into_iter().filter(|step| step.is_regional());
    for (slug, step) in SLUGS.into_iter().zip(regional_steps) {
        die_in(&region, tenants[slug].parse().unwrap(), step).await;
    }

    let files = [0, 1].map(|number| worker_config(&control, &region, number));
    let mut workers = files.each_ref().map(|file| Worker::start(file));
    let deadline = Instant::now() + ALL_DONE;
    let (mut seen, mut kills) = (0, 0);
    loop {
        let (active, done) = progress(&admin, &tenants).await;
        if active == SLUGS.len() {
            break;
        }
        // Each time something got done, one of the two is killed and another takes its place.
        if done > seen && kills < 12 {
            let victim = kills % 2;
            workers[victim].kill();
            workers[victim] = Worker::start(&files[victim]);
            (seen, kills) = (done, kills + 1);
        }
        assert!(
            Instant::now() < deadline,
            "{active} of {} after {done} steps and {kills} kills",
            SLUGS.len()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(kills >= 3, "only {kills} workers were killed: the test proves little");

    let shard = region.superuser().await;
    for (slug, id) in &tenants {
        let count = async |sql: &str| {
            shard.query_one(&sql.replace("{t}", &format!("t_{id}")), &[]).await.unwrap().get::<_, i64>(0)
        };
        assert_eq!(
            count("select count(*) from {t}.account where state = 'invited' and role = 'clinic_admin'").await,
            1,
            "{slug}"
        );
        assert_eq!(count("select count(*) from {t}.account").await, 1, "{slug}");
        assert_eq!(count("select count(*) from {t}.invitation").await, 1, "{slug}");
        assert_eq!(
            count("select count(*) from {t}.audit_event where action = 'staff.invite'").await,
            1,
            "{slug}"
        );
        let steps = admin.get(&format!("/platform/v1/tenants/{id}/steps")).await.expect(200);
        assert!(steps.body["items"].as_array().unwrap().iter().all(|step| step["state"] == "done"), "{slug}");
    }
    let directory = admin.get("/platform/v1/directory/entries?limit=100").await.expect(200);
    let listed =
        directory.body["items"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "tenant").count();
    assert_eq!(listed, SLUGS.len(), "each clinic was published once");
    mails_arrive(&control).await;
    let kept = "select count(*) from platform.task where first_admin_email is not null or state <> 'done'";
    assert_eq!(control.superuser().await.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 0);

    offboarding_takes_everything(&admin, &region, &tenants["lotus"]).await;
}

/// How often the last step of a tenant's onboarding was reported.
async fn invitations(admin: &Browser, id: &str) -> i64 {
    let steps = admin.get(&format!("/platform/v1/tenants/{id}/steps")).await.expect(200);
    let steps = steps.body["items"].as_array().unwrap();
    steps.iter().find(|step| step["step"] == "invitation").unwrap()["attempts"].as_i64().unwrap()
}

async fn state(admin: &Browser, id: &str) -> String {
    admin.get(&format!("/platform/v1/tenants/{id}")).await.expect(200).text("state")
}

#[tokio::test]
async fn a_clinic_that_cannot_be_built_delays_no_other_and_can_be_given_up() {
    let control = TestControl::start().await;
    let region = TestRegion::new().await;
    let admin = control.with_regions().await;
    let make = async |slug: &str| {
        admin.post("/platform/v1/tenants", &clinic(slug, "us-east-1")).await.expect(201).text("id")
    };
    let poisoned = make("lotus").await;
    // As an older version of the control plane would have taken it.
    let sql = "update platform.task set first_admin_email = '\"a b\"@lotus.example'";
    assert_eq!(control.superuser().await.execute(sql, &[]).await.unwrap(), 1);
    let _worker = Worker::start(&worker_config(&control, &region, 0));
    super::support::until("six failures", async || invitations(&admin, &poisoned).await >= 6).await;
    let healthy = make("cedar").await;
    super::support::until("the other clinic", async || state(&admin, &healthy).await == "active").await;
    assert_eq!(invitations(&admin, &poisoned).await, 6, "the other one did not wait for its next failure");

    admin.command(&poisoned, "offboard", &json!({"confirm_slug": "lotus"})).await.expect(200);
    super::support::until("the end", async || state(&admin, &poisoned).await == "purged").await;
    let left = format!("select count(*) from pg_namespace where nspname like 't_{poisoned}%'");
    assert_eq!(region.superuser().await.query_one(&left, &[]).await.unwrap().get::<_, i64>(0), 0);
}

/// Runs a tenant's steps as a worker would, up to `last`, and dies when that step is done but not recorded.
async fn die_in(region: &TestRegion, id: TenantId, last: Step) {
    let tenant = TenantRef { id, shard: ShardId(1), epoch: Epoch(1) };
    let (migrator, regional) = (region.migrator().await, region.regional.clone());
    let died = tokio::spawn(async move {
        let watch =
            move |step: Step, moment: Moment| assert!(step != last || moment != Moment::Acted, "killed here");
        let provisioner = Provisioner::new(&migrator, &regional).watched(&watch);
        for step in Step::ALL {
            provisioner.run(tenant, step).await.unwrap();
        }
    });
    assert!(died.await.unwrap_err().is_panic());
}

/// Tenants in service, and steps that are done.
async fn progress(admin: &Browser, tenants: &BTreeMap<&str, String>) -> (usize, usize) {
    let page = admin.get("/platform/v1/tenants").await.expect(200);
    let active =
        page.body["items"].as_array().unwrap().iter().filter(|tenant| tenant["state"] == "active").count();
    let mut done = 0;
    for id in tenants.values() {
        let steps = admin.get(&format!("/platform/v1/tenants/{id}/steps")).await.expect(200);
        done += steps.body["items"].as_array().unwrap().iter().filter(|step| step["state"] == "done").count();
    }
    (active, done)
}

async fn mails_arrive(control: &TestControl) {
    let folder = control.folder().join("mail");
    super::support::until("the mails", async || {
        let texts: Vec<String> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
            .collect();
        SLUGS
            .iter()
            .all(|slug| texts.iter().any(|text| text.contains(&format!("first.admin@{slug}.example"))))
    })
    .await;
}

async fn offboarding_takes_everything(admin: &Browser, region: &TestRegion, id: &str) {
    admin.command(id, "offboard", &json!({"confirm_slug": "lotus"})).await.expect(200);
    super::support::until("the end of the clinic", async || {
        admin.get(&format!("/platform/v1/tenants/{id}")).await.expect(200).text("state") == "purged"
    })
    .await;
    let shard = region.superuser().await;
    let left = format!("select count(*) from pg_namespace where nspname like 't_{id}%'");
    assert_eq!(shard.query_one(&left, &[]).await.unwrap().get::<_, i64>(0), 0);
    let tenant: TenantId = id.parse().unwrap();
    let keys = region.key_superuser().await;
    let wrapped = "select count(*) from keystore.tenant_key where tenant = $1";
    assert_eq!(keys.query_one(wrapped, &[&tenant.as_uuid()]).await.unwrap().get::<_, i64>(0), 0);
}

pub(crate) fn worker_config(control: &TestControl, region: &TestRegion, number: u8) -> PathBuf {
    let owner = &region.migrator_config;
    let feed = control.directory_config("worker.us-east-1");
    let mail = control.folder().join("mail");
    std::fs::create_dir_all(&mail).unwrap();
    let config = json!({
        "region": "us-east-1",
        "base": "domicile.localhost",
        "admin_listen": "127.0.0.1:0",
        "public_port": 7410,
        "directory": {
            "url": feed.url, "ca": feed.ca, "cert": feed.cert, "key": feed.key, "server_name": feed.server_name,
            "keys": feed.keys, "file": control.folder().join(format!("worker-{number}.directory")),
        },
        "regional": regional_part(region),
        "mail": { "from": "no-reply@domicile.localhost", "dir": mail },
        "sms": { "dir": mail },
        "documents": { "scanner": { "policy": "off" } },
        "migrator": { "user": owner.shards[0].user, "password_file": owner.shards[0].password_file },
    });
    let file = control.folder().join(format!("worker-{number}.toml"));
    std::fs::write(&file, toml::to_string(&toml::Value::try_from(config).unwrap()).unwrap()).unwrap();
    file
}

fn jobs(control: &TestControl, region: &TestRegion, directory: &DirectoryHandle) -> Arc<Jobs> {
    let mail = MailConfig { from: "a@b.example".into(), dir: Some(control.folder().to_owned()), smtp: None };
    Arc::new(Jobs {
        regional: Arc::clone(&region.regional),
        directory: directory.clone(),
        base: "domicile.localhost".parse().unwrap(),
        public_port: 7410,
        mailer: Mailer::new(&mail).unwrap(),
        texter: Texter::in_directory(control.folder()).unwrap(),
        scanner: app::documents::scanner::Scanner::Off,
        signers: std::collections::HashMap::new(),
        clock: Clock::system(),
        eraser: None,
    })
}

/// A worker that finds its database to be another region's takes no job and builds no clinic, until it is right again.
#[tokio::test]
async fn a_worker_whose_pins_failed_does_nothing() {
    let control = TestControl::start().await;
    let region = TestRegion::new().await;
    let admin = control.with_regions().await;
    let directory = DirectoryHandle::new();
    let (trigger, shutdown) = Shutdown::new();
    let config = control.directory_config("worker.us-east-1");
    let client = WorkClient::new(&config).unwrap();
    let following = tokio::spawn(feed::run(config, directory.clone(), shutdown.clone()));
    let pins = Pins::default();
    let moved = || BootError::Pin { field: "region", expected: String::new(), found: String::new() };
    pins.judge(&Err(moved()));
    let queue =
        Queue::open(region.config.shards[0].clone(), jobs(&control, &region, &directory), 2).await.unwrap();
    let queue = tokio::spawn(queue.run(pins.clone(), shutdown.clone()));
    let onboarding = Onboarding {
        client,
        regional: Arc::clone(&region.regional),
        migrator: region.migrator().await,
        directory,
        clock: Clock::system(),
        pinned: pins.clone(),
    };
    let onboarding = tokio::spawn(onboarding.run(shutdown));

    let id = admin.post("/platform/v1/tenants", &clinic("cedar", "us-east-1")).await.expect(201).text("id");
    let superuser = region.superuser().await;
    let enqueue = async || {
        // The clinic is in no directory here, so the job fails: what counts is whether it was tried.
        let mut tx = region.regional.begin(region.alpha, "test.job").await.unwrap();
        tx.enqueue(
            SEND_INVITATION,
            JobPayload::new(region.alpha.id).id("invitation", uuid::Uuid::nil()),
            None,
        )
        .await
        .unwrap();
        tx.commit(app::audit::by_system("test.job")).await.unwrap();
    };
    let untried = async || {
        let sql = "select count(*) from graphile_worker._private_jobs where attempts = 0";
        superuser.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    let nothing_done = async |jobs: i64| {
        let something = async {
            while untried().await == jobs && state(&admin, &id).await == "provisioning" {
                tokio::task::yield_now().await;
            }
        };
        // Four times the longest pause between two looks for a job.
        tokio::time::timeout(Duration::from_secs(2), something).await.is_err()
    };
    enqueue().await;
    assert!(nothing_done(1).await, "a job was tried, or the clinic is in service");
    let steps = admin.get(&format!("/platform/v1/tenants/{id}/steps")).await.expect(200);
    assert!(steps.body["items"].as_array().unwrap().iter().all(|step| step["attempts"] == 0));

    pins.judge(&Ok(()));
    super::support::until("the clinic", async || state(&admin, &id).await == "active").await;
    super::support::until("the job's first attempt", async || untried().await == 0).await;

    pins.judge(&Err(moved()));
    let connected = "select count(*) from pg_stat_activity where application_name = 'domicile-queue' and datname = current_database()";
    super::support::until("the queue's end", async || {
        superuser.query_one(connected, &[]).await.unwrap().get::<_, i64>(0) == 0
    })
    .await;
    enqueue().await;
    let tried = async { while untried().await == 1 {} };
    assert!(tokio::time::timeout(Duration::from_secs(2), tried).await.is_err());
    trigger.trigger();
    let (queue, onboarding, following) = tokio::join!(queue, onboarding, following);
    assert!(queue.is_ok() && onboarding.is_ok() && following.is_ok());
}
