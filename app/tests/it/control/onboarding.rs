//! Onboarding end to end: a real control plane, a real region, and worker processes that are killed again and again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regions::ids::{Epoch, ShardId, TenantId};
use serde_json::{Value, json};
use tenancy::TenantRef;
use tenancy::provision::{Moment, Provisioner, Step};
use testkit::TestRegion;

use super::support::{Browser, TestControl, clinic};

/// Longest time for every clinic of the test to be in service.
const ALL_DONE: Duration = Duration::from_secs(120);
const SLUGS: [&str; 7] = ["cedar", "maple", "birch", "aspen", "hazel", "rowan", "lotus"];

/// A worker process; it dies with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Worker {
    fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_domicile"));
        command.args(["worker", "--config"]).arg(config);
        command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local-secret");
        let log =
            std::fs::File::options().create(true).append(true).open(config.with_extension("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        Self(command.spawn().unwrap())
    }

    /// SIGKILL: nothing is flushed, said or finished.
    fn kill(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
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

fn worker_config(control: &TestControl, region: &TestRegion, number: u8) -> PathBuf {
    let (plain, owner) = (&region.config, &region.migrator_config);
    let feed = control.directory_config("worker.us-east-1");
    let mail = control.folder().join("mail");
    std::fs::create_dir_all(&mail).unwrap();
    let database = |db: &tenancy::config::DbConfig| {
        json!({
            "host": db.host, "port": db.port, "database": db.database, "user": db.user,
            "password_file": db.password_file, "ca": db.ca,
        })
    };
    let shards: Vec<Value> = plain
        .shards
        .iter()
        .map(|shard| {
            let mut value = database(&shard.db());
            value["id"] = json!(shard.id);
            value
        })
        .collect();
    let config = json!({
        "region": "us-east-1",
        "base": "domicile.localhost",
        "admin_listen": "127.0.0.1:0",
        "public_port": 7410,
        "directory": {
            "url": feed.url, "ca": feed.ca, "cert": feed.cert, "key": feed.key, "server_name": feed.server_name,
            "keys": feed.keys, "file": control.folder().join(format!("worker-{number}.directory")),
        },
        "regional": {
            "shards": shards,
            "key_store": database(&plain.key_store),
            "kms": { "endpoint": plain.kms.endpoint, "key_id": plain.kms.key_id, "ca": plain.kms.ca },
            "s3": { "endpoint": plain.s3.endpoint, "bucket": plain.s3.bucket, "ca": plain.s3.ca },
        },
        "mail": { "from": "no-reply@domicile.localhost", "dir": mail },
        "migrator": { "user": owner.shards[0].user, "password_file": owner.shards[0].password_file },
    });
    let file = control.folder().join(format!("worker-{number}.toml"));
    std::fs::write(&file, toml::to_string(&toml::Value::try_from(config).unwrap()).unwrap()).unwrap();
    file
}
