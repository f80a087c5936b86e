//! Onboarding survives being killed anywhere and being run twice, and off-boarding leaves nothing (issue: `kill -9`
//! between any two steps and the next run finishes it; two at once make one tenant).

use std::sync::Arc;

use regions::clock::Clock;
use tenancy::keys::KeyError;
use tenancy::migrate::Migrator;
use tenancy::migrate::Plan;
use tenancy::provision::{Done, Moment, ProvisionError, Provisioner, Step};
use tenancy::{Regional, RoleName, SchemaName, TenantRef, TxError};
use testkit::TestRegion;

use crate::child::{Orders, Victim};
use crate::support::{patient, patients};

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
        (
            "SELECT count(*) FROM meta.migration WHERE tenant = $1",
            i64::from(Plan::embedded().tenant_version()),
        ),
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
            let (orders, at) = (Orders::write(&region, tenant, &point), point.clone());
            let victim = move || Victim::at("provision::child", &orders, &at).kill();
            tokio::task::spawn_blocking(victim).await.unwrap();
            provisioner.run_regional(tenant).await.unwrap_or_else(|error| panic!("{point}: {error}"));
            patient(&region, tenant).await;
            assert_whole(&region, tenant).await;
        }
    }
}

/// The process that is killed; it waits at the point it is to be killed at. Run as a test of its own it does nothing.
#[tokio::test]
async fn child() {
    let Some(orders) = Orders::read() else { return };
    let migrator = Migrator::connect(&orders.config(tenancy::MIGRATOR_ROLE)).await.unwrap();
    let regional = Regional::connect(&orders.config(tenancy::APP_ROLE), Clock::system()).await.unwrap();
    let say = |step: Step, moment: Moment| orders.reached(&format!("{step:?} {moment:?}"));
    Provisioner::new(&migrator, &regional).watched(&say).run_regional(orders.tenant).await.unwrap();
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
    // What somebody learns who compares the log with rows: shard and key store both say that it has ended.
    assert!(migrator.is_destroyed(tenant).await.unwrap());
    assert!(!migrator.is_destroyed(region.alpha).await.unwrap());
    let another = Regional::connect(&region.config, Clock::system()).await.unwrap();
    let outcome = another.begin(tenant, "test").await.map(drop);
    assert!(matches!(outcome, Err(TxError::Keys(KeyError::NotFound))), "{outcome:?}");
    let outcome = provisioner.run_regional(tenant).await;
    assert!(matches!(outcome, Err(ProvisionError::Destroyed(_))), "{outcome:?}");
    assert_eq!(left_of(&region, tenant).await, 0);
    // The neighbours did not notice.
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert_eq!(patients(&mut tx).await, 0);
}

/// A worker was told to build a clinic and has not begun; meanwhile another one destroys it.
#[tokio::test]
async fn a_tenant_given_up_before_its_first_step_is_not_built_by_who_comes_late() {
    let region = TestRegion::new().await;
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let tenant = region.stranger();
    provisioner.destroy(tenant).await.unwrap();
    for step in Step::ALL {
        let outcome = provisioner.run(tenant, step).await;
        assert!(outcome.is_err(), "{step:?}: {outcome:?}");
    }
    let outcome = provisioner.run(tenant, Step::Schemas).await;
    assert!(matches!(outcome, Err(ProvisionError::Destroyed(_))), "{outcome:?}");
    assert_eq!(left_of(&region, tenant).await, 0);
    provisioner.destroy(tenant).await.unwrap();
}

/// Schemas and roles of the tenant.
async fn left_of(region: &TestRegion, tenant: TenantRef) -> i64 {
    let superuser = region.superuser().await;
    superuser
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
        .get(0)
}
