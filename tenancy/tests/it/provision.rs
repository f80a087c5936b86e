//! Onboarding survives being killed anywhere and being run twice, and off-boarding leaves nothing (issue: `kill -9`
//! between any two steps and the next run finishes it; two at once make one tenant).

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use regions::clock::Clock;
use regions::ids::{Epoch, ShardId, TenantId};
use tenancy::migrate::Migrator;
use tenancy::provision::{Done, Moment, ProvisionError, Provisioner, Step};
use tenancy::{Regional, RoleName, SchemaName, TenantRef, TxError};
use testkit::TestRegion;

use crate::support::{patient, patients};

/// The file that hands a child the region to work in.
const CHILD: &str = "DOMICILE_TEST_PROVISION";

#[tokio::test]
async fn a_tenant_can_be_used_as_soon_as_it_is_ready() {
    let region = TestRegion::new().await;
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let tenant = region.stranger();
    for step in Step::ALL {
        assert_eq!(provisioner.next(tenant).await.unwrap(), Some(step));
        let before = region.regional.begin(tenant, "test").await.map(drop);
        assert!(before.is_err() || step > Step::Migrate, "served before {step:?}");
        assert_eq!(provisioner.run(tenant, step).await.unwrap(), Done::Now);
        assert_eq!(provisioner.run(tenant, step).await.unwrap(), Done::Before);
    }
    assert_eq!(provisioner.next(tenant).await.unwrap(), None);
    patient(&region, tenant).await;
    assert_eq!(migrator.lint().await.unwrap(), []);
    assert_eq!(migrator.drift().await.unwrap(), []);
    provisioner.destroy(tenant).await.unwrap();
}

#[tokio::test]
async fn steps_are_taken_in_order() {
    let region = TestRegion::new().await;
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let outcome = provisioner.run(region.stranger(), Step::Migrate).await;
    assert!(matches!(outcome, Err(ProvisionError::OutOfOrder("schemas"))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_make_one_tenant() {
    let region = Arc::new(TestRegion::new().await);
    let tenant = region.stranger();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let region = Arc::clone(&region);
        tasks.spawn(async move {
            let migrator = region.migrator().await;
            Provisioner::new(&migrator, &region.regional).run_regional(tenant).await
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap().unwrap();
    }
    patient(&region, tenant).await;
    assert_whole(&region, tenant).await;
}

/// One tenant, its tables once, its keys once, no drift.
async fn assert_whole(region: &TestRegion, tenant: TenantRef) {
    let migrator = region.migrator().await;
    assert_eq!(migrator.lint().await.unwrap(), []);
    assert_eq!(migrator.drift().await.unwrap(), []);
    let superuser = region.superuser().await;
    let id = tenant.id.as_uuid();
    for (sql, expected) in [
        ("SELECT count(*) FROM meta.tenant WHERE id = $1 AND state = 'ready'", 1_i64),
        ("SELECT count(*) FROM sec.context_key WHERE tenant = $1", 1),
        ("SELECT count(*) FROM meta.migration WHERE tenant = $1", 1),
        ("SELECT count(*) FROM meta.provision_step WHERE tenant = $1 AND state = 'done'", 6),
    ] {
        let found: i64 = superuser.query_one(sql, &[&id]).await.unwrap().get(0);
        assert_eq!(found, expected, "{sql}");
    }
    let keys = region.key_superuser().await;
    let sql = "SELECT count(*) FROM keystore.tenant_key WHERE tenant = $1";
    assert_eq!(keys.query_one(sql, &[&id]).await.unwrap().get::<_, i64>(0), 4, "one key for each purpose");
    Provisioner::new(&migrator, &region.regional).destroy(tenant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_the_next_run_finishes() {
    let region = TestRegion::new().await;
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    for step in Step::ALL.into_iter().filter(|step| step.is_regional()) {
        for moment in [Moment::Started, Moment::Acted, Moment::Recorded] {
            let tenant = region.stranger();
            let point = format!("{step:?} {moment:?}");
            let (config, at) = (region.dir().join("child.json"), point.clone());
            std::fs::write(&config, child_config(&region, tenant, &point)).unwrap();
            tokio::task::spawn_blocking(move || kill_child_at(&config, &at)).await.unwrap();
            provisioner.run_regional(tenant).await.unwrap_or_else(|error| panic!("{point}: {error}"));
            patient(&region, tenant).await;
            assert_whole(&region, tenant).await;
        }
    }
}

/// Runs the child until it says that it has come to `point`, then kills it without warning.
fn kill_child_at(config: &std::path::Path, point: &str) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "provision::child", "--nocapture"])
        .env(CHILD, config)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reached = lines.any(|line| line.is_ok_and(|line| line.trim_end().ends_with(point)));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reached, "the child never came to {point}");
}

fn child_config(region: &TestRegion, tenant: TenantRef, point: &str) -> String {
    let shard = &region.config.shards[0];
    let values = [
        region.cluster.port.to_string(),
        shard.database.clone(),
        region.key_database().to_owned(),
        shard.ca.display().to_string(),
        region.dir().display().to_string(),
        region.config.kms.endpoint.clone().unwrap(),
        region.config.kms.key_id.clone(),
        region.config.s3.endpoint.clone().unwrap(),
        region.config.s3.bucket.clone(),
        region.config.kms.ca.clone().unwrap().display().to_string(),
        tenant.id.to_string(),
        point.to_owned(),
    ];
    values.join("\n")
}

/// The process that is killed; it waits at the point it is to be killed at. Run without its file, as a test, it does nothing.
#[tokio::test]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "this is how a parent and a child talk")]
async fn child() {
    let Ok(file) = std::env::var(CHILD) else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let value: Vec<&str> = text.lines().collect();
    let config = |user: &str| tenancy::config::RegionalConfig {
        region: "us-east-1".parse().unwrap(),
        shards: vec![tenancy::config::ShardConfig {
            id: ShardId(1),
            host: "127.0.0.1".to_owned(),
            port: value[0].parse().unwrap(),
            database: value[1].to_owned(),
            user: user.to_owned(),
            password_file: std::path::Path::new(value[4]).join(user),
            ca: value[3].into(),
        }],
        key_store: tenancy::config::DbConfig {
            host: "127.0.0.1".to_owned(),
            port: value[0].parse().unwrap(),
            database: value[2].to_owned(),
            user: user.to_owned(),
            password_file: std::path::Path::new(value[4]).join(user),
            ca: value[3].into(),
        },
        kms: tenancy::config::KmsConfig {
            endpoint: Some(value[5].to_owned()),
            key_id: value[6].to_owned(),
            ca: Some(value[9].into()),
        },
        s3: tenancy::config::S3Config {
            endpoint: Some(value[7].to_owned()),
            bucket: value[8].to_owned(),
            ca: Some(value[9].into()),
        },
        pool: tenancy::config::PoolConfig::default(),
    };
    let id: TenantId = value[10].parse().unwrap();
    let tenant = TenantRef { id, shard: ShardId(1), epoch: Epoch(1) };
    let migrator = Migrator::connect(&config(tenancy::MIGRATOR_ROLE)).await.unwrap();
    let regional = Regional::connect(&config(tenancy::APP_ROLE), Clock::system()).await.unwrap();
    let say = |step: Step, moment: Moment| {
        println!("\n{step:?} {moment:?}");
        if value[11] == format!("{step:?} {moment:?}") {
            // Until it is killed.
            std::thread::park_timeout(std::time::Duration::from_secs(60));
        }
    };
    Provisioner::new(&migrator, &regional).watched(&say).run_regional(tenant).await.unwrap();
}

#[tokio::test]
async fn an_offboarded_tenant_is_gone_for_good() {
    let region = TestRegion::new().await;
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let tenant = region.stranger();
    provisioner.run_regional(tenant).await.unwrap();
    patient(&region, tenant).await;
    provisioner.destroy(tenant).await.unwrap();
    provisioner.destroy(tenant).await.unwrap();
    let outcome = region.regional.begin(tenant, "test").await.map(drop);
    assert!(matches!(outcome, Err(TxError::Keys(_) | TxError::NotServed)), "{outcome:?}");
    let outcome = provisioner.run_regional(tenant).await;
    assert!(matches!(outcome, Err(ProvisionError::Destroyed(_))), "{outcome:?}");
    let superuser = region.superuser().await;
    let left: i64 = superuser
        .query_one(
            "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname IN ($1, $2))
                  + (SELECT count(*) FROM pg_roles WHERE rolname = $3)",
            &[
                &SchemaName::ops(tenant.id).as_str(),
                &SchemaName::phi(tenant.id).as_str(),
                &RoleName::of(tenant.id).as_str(),
            ],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0);
    // The neighbours did not notice.
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert_eq!(patients(&mut tx).await, 0);
}
