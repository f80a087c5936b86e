//! Migrations: canary first, a failing tenant alone, resumed, drift and bad catalogs found (security.md T05, T76).

use tenancy::migrate::{Migrator, Parallel, Plan};
use tenancy::provision::Provisioner;
use tenancy::{SchemaName, TenantRef, TxError};
use testkit::TestRegion;

use crate::support::{count, patient};

const UP: &str = "CREATE TABLE {{ops}}.probe (id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'))";
const DOWN: &str = "DROP TABLE {{ops}}.probe";

async fn extended(region: &TestRegion) -> Migrator {
    Migrator::with_plan(&region.migrator_config, Plan::embedded().and_tenant("probe", UP, DOWN))
        .await
        .unwrap()
}

/// More tenants than alpha and beta; their roles outlive the region's databases, so a test destroys them at its end.
async fn more(region: &TestRegion, how_many: usize) -> Vec<TenantRef> {
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let mut tenants = Vec::new();
    for _ in 0..how_many {
        let tenant = region.stranger();
        provisioner.run_regional(tenant).await.unwrap();
        tenants.push(tenant);
    }
    tenants
}

async fn destroy(region: &TestRegion, tenants: Vec<TenantRef>) {
    let migrator = region.migrator().await;
    for tenant in tenants {
        Provisioner::new(&migrator, &region.regional).destroy(tenant).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_to_do_does_nothing() {
    let region = TestRegion::new().await;
    let migrator = region.migrator().await;
    migrator.shard_track().await.unwrap();
    migrator.key_store().await.unwrap();
    let report = migrator.tenants(Parallel::default()).await.unwrap();
    assert!(report.is_complete());
    assert_eq!(report.migrated, 0);
    assert_eq!(migrator.drift().await.unwrap(), []);
    assert_eq!(migrator.lint().await.unwrap(), []);
}

#[tokio::test]
async fn a_failing_tenant_does_not_stop_the_others_and_is_resumed() {
    let region = TestRegion::new().await;
    let tenants = Box::pin(more(&region, 4)).await;
    let superuser = region.superuser().await;
    // The last in order of id, so that it is not the canary; something of its own is in the way.
    let mut all: Vec<TenantRef> = tenants.iter().copied().chain([region.alpha, region.beta]).collect();
    all.sort_by_key(|tenant| tenant.id.as_uuid());
    let bad = *all.last().unwrap();
    let obstacle = format!("{}.probe", SchemaName::ops(bad.id).quoted());
    superuser.batch_execute(&format!("CREATE TABLE {obstacle} (x int)")).await.unwrap();
    let migrator = extended(&region).await;
    let report = migrator.tenants(Parallel(3)).await.unwrap();
    assert_eq!((report.migrated, report.failed_count, report.skipped), (5, 1, 0), "{report:?}");
    assert_eq!(report.failed[0].0, bad.id);
    assert!(report.failed[0].1.contains("42P07"), "{report:?}");
    let recorded: Option<String> = superuser
        .query_one("SELECT error_code FROM meta.tenant WHERE id = $1", &[&bad.id.as_uuid()])
        .await
        .unwrap()
        .get(0);
    assert!(recorded.unwrap().contains("42P07"));
    // Whole at its old version: the program that needs no more than that still serves it.
    patient(&region, bad).await;
    superuser.batch_execute(&format!("DROP TABLE {obstacle}")).await.unwrap();
    let report = migrator.tenants(Parallel(3)).await.unwrap();
    assert_eq!((report.migrated, report.failed_count), (1, 0));
    assert_eq!(migrator.drift().await.unwrap(), []);
    assert_eq!(migrator.lint().await.unwrap(), []);
    for tenant in all {
        let mut tx = region.regional.begin(tenant, "test").await.unwrap();
        assert_eq!(count(&mut tx, "SELECT count(*) AS number FROM probe").await.unwrap(), 0);
    }
    destroy(&region, tenants).await;
}

#[tokio::test]
async fn a_failing_canary_stops_the_run() {
    let region = TestRegion::new().await;
    let superuser = region.superuser().await;
    let canary = [region.alpha, region.beta].into_iter().min_by_key(|tenant| tenant.id.as_uuid()).unwrap();
    let obstacle = format!("{}.probe", SchemaName::ops(canary.id).quoted());
    superuser.batch_execute(&format!("CREATE TABLE {obstacle} (x int)")).await.unwrap();
    let report = extended(&region).await.tenants(Parallel::default()).await.unwrap();
    assert_eq!((report.migrated, report.failed_count, report.skipped), (0, 1, 1));
    assert!(!report.is_complete());
}

#[tokio::test]
async fn two_migrators_at_once_do_each_thing_once() {
    let region = TestRegion::new().await;
    let tenants = Box::pin(more(&region, 3)).await;
    let (one, two) = (extended(&region).await, extended(&region).await);
    let (first, second) = tokio::join!(one.tenants(Parallel(2)), two.tenants(Parallel(2)));
    assert!(first.unwrap().is_complete());
    assert!(second.unwrap().is_complete());
    assert_eq!(one.drift().await.unwrap(), []);
    destroy(&region, tenants).await;
}

#[tokio::test]
async fn a_tenant_behind_is_not_served() {
    let region = TestRegion::new().await;
    let superuser = region.superuser().await;
    let behind = "UPDATE meta.tenant SET version = version - 1 WHERE id = $1";
    superuser.execute(behind, &[&region.alpha.id.as_uuid()]).await.unwrap();
    let outcome = region.regional.begin(region.alpha, "test").await.map(drop);
    assert!(matches!(outcome, Err(TxError::NotServed)), "{outcome:?}");
    patient(&region, region.beta).await;
}

#[tokio::test]
async fn up_then_down_leaves_nothing_behind() {
    let region = TestRegion::new().await;
    let migrator = extended(&region).await;
    migrator.tenants(Parallel::default()).await.unwrap();
    let superuser = region.superuser().await;
    for tenant in [region.alpha, region.beta] {
        let (ops, phi) = (SchemaName::ops(tenant.id).quoted(), SchemaName::phi(tenant.id).quoted());
        for migration in migrator.plan().tenant_migrations().iter().rev() {
            let down = migration.down.replace("{{ops}}", &ops).replace("{{phi}}", &phi);
            superuser.batch_execute(&down).await.unwrap();
        }
        let left: i64 = superuser
            .query_one(
                "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname IN ($1, $2)",
                &[&SchemaName::ops(tenant.id).as_str(), &SchemaName::phi(tenant.id).as_str()],
            )
            .await
            .unwrap()
            .get(0);
        assert_eq!(left, 0);
    }
}

/// Making every table's rules anew is a third of a second of each tenant: they stay where they were, and the catalog is as if they
/// had been made last.
#[tokio::test]
async fn a_migration_makes_rules_for_what_it_changes_and_leaves_the_others() {
    let region = TestRegion::new().await;
    let superuser = region.superuser().await;
    let ops = SchemaName::ops(region.alpha.id).quoted();
    let rules = format!(
        "SELECT string_agg(polrelid::regclass || ' ' || polname || ' ' || oid, ', ' ORDER BY oid) FROM pg_policy
         WHERE polrelid IN ('{ops}.patient'::regclass, '{ops}.relationship'::regclass, '{ops}.account'::regclass)"
    );
    let before: String = superuser.query_one(&rules, &[]).await.unwrap().get(0);
    let up = "CREATE TABLE {{phi}}.probe (id uuid PRIMARY KEY, patient_id uuid NOT NULL,
                  tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'));
              ALTER TABLE {{ops}}.site ADD COLUMN patient_id uuid;
              ALTER TABLE {{ops}}.idempotency NO FORCE ROW LEVEL SECURITY;
              ALTER TABLE {{phi}}.person DISABLE TRIGGER USER;
              CREATE TABLE {{ops}}.other (id uuid PRIMARY KEY, tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'))";
    let down =
        "DROP TABLE {{phi}}.probe; DROP TABLE {{ops}}.other; ALTER TABLE {{ops}}.site DROP COLUMN patient_id";
    let plan = Plan::embedded().and_tenant("probe", up, down);
    let migrator = Migrator::with_plan(&region.migrator_config, plan).await.unwrap();
    let report = migrator.tenants(Parallel::default()).await.unwrap();
    assert!(report.is_complete() && report.migrated == 2, "{report:?}");
    assert_eq!(superuser.query_one(&rules, &[]).await.unwrap().get::<_, String>(0), before);
    assert_eq!(migrator.drift().await.unwrap(), []);
    assert_eq!(migrator.lint().await.unwrap(), []);
    // Rules of another version are made anew for every table.
    superuser.batch_execute("UPDATE meta.tenant SET replaceable = 'older'").await.unwrap();
    assert_eq!(migrator.tenants(Parallel::default()).await.unwrap().migrated, 2);
    assert_ne!(superuser.query_one(&rules, &[]).await.unwrap().get::<_, String>(0), before);
    assert_eq!(migrator.drift().await.unwrap(), []);
}

#[tokio::test]
async fn drift_of_any_kind_is_found() {
    let region = TestRegion::new().await;
    let migrator = region.migrator().await;
    let superuser = region.superuser().await;
    let (ops, phi) = (SchemaName::ops(region.alpha.id).quoted(), SchemaName::phi(region.alpha.id).quoted());
    let role = tenancy::RoleName::of(region.alpha.id).quoted();
    for (change, back) in [
        (format!("ALTER TABLE {ops}.patient ADD note text"), format!("ALTER TABLE {ops}.patient DROP note")),
        (format!("DROP INDEX {phi}.person_tag_patient"), String::new()),
        (
            format!("ALTER TABLE {ops}.account ALTER failed_count SET DEFAULT 1"),
            format!("ALTER TABLE {ops}.account ALTER failed_count SET DEFAULT 0"),
        ),
        (
            format!("ALTER TABLE {ops}.patient DISABLE TRIGGER audit_required"),
            format!("ALTER TABLE {ops}.patient ENABLE TRIGGER audit_required"),
        ),
        (
            format!("GRANT UPDATE ON {ops}.audit_event TO {role}"),
            format!("REVOKE UPDATE ON {ops}.audit_event FROM {role}"),
        ),
    ] {
        superuser.batch_execute(&change).await.unwrap();
        let drift = migrator.drift().await.unwrap();
        assert_eq!(drift.len(), 1, "{change}: {drift:?}");
        assert_eq!(drift[0].tenant, region.alpha.id);
        if back.is_empty() {
            break;
        }
        superuser.batch_execute(&back).await.unwrap();
        assert_eq!(migrator.drift().await.unwrap(), [], "{back}");
    }
}

#[tokio::test]
async fn every_bad_object_makes_the_lint_speak() {
    let region = TestRegion::new().await;
    let migrator = region.migrator().await;
    let mut superuser = region.superuser().await;
    let ops = SchemaName::ops(region.alpha.id).quoted();
    let other = tenancy::RoleName::of(region.beta.id).quoted();
    assert_eq!(migrator.lint().await.unwrap(), []);
    for bad in [
        format!("CREATE TABLE {ops}.loose (id int)"),
        format!("ALTER TABLE {ops}.patient NO FORCE ROW LEVEL SECURITY"),
        format!("ALTER TABLE {ops}.patient DISABLE ROW LEVEL SECURITY"),
        format!("CREATE POLICY wide ON {ops}.patient USING (true)"),
        format!("DROP POLICY tenant_only ON {ops}.patient"),
        format!("ALTER TABLE {ops}.patient DROP CONSTRAINT patient_tenant_id_check"),
        format!("ALTER TABLE {ops}.patient DISABLE TRIGGER audit_required"),
        format!("GRANT SELECT ON {ops}.patient TO {other}"),
        format!("GRANT SELECT ON {ops}.patient TO PUBLIC"),
        format!("GRANT DELETE ON {ops}.audit_event TO {}", tenancy::RoleName::of(region.alpha.id).quoted()),
        format!("CREATE VIEW {ops}.all_patients AS SELECT * FROM {ops}.patient"),
        format!("CREATE TYPE {ops}.mood AS ENUM ('a')"),
        "CREATE FUNCTION sec.leak() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'".to_owned(),
        "GRANT EXECUTE ON FUNCTION sec.tenant() TO PUBLIC".to_owned(),
        "GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO PUBLIC".to_owned(),
        "GRANT SELECT ON sec.context_key TO domicile_app".to_owned(),
        "GRANT USAGE ON SCHEMA public TO PUBLIC".to_owned(),
        format!("GRANT TEMPORARY ON DATABASE {} TO PUBLIC", region.shard_database()),
        "CREATE SCHEMA t_nobody".to_owned(),
    ] {
        let made = superuser.transaction().await.unwrap();
        made.batch_execute(&bad).await.unwrap_or_else(|error| panic!("{bad}: {error:?}"));
        made.commit().await.unwrap();
        let findings = migrator.lint().await.unwrap();
        assert!(!findings.is_empty(), "{bad}");
        undo(&superuser, &bad, &ops).await;
    }
}

/// Takes one bad object away again, so that the next is found for its own sake.
async fn undo(superuser: &tokio_postgres::Client, bad: &str, ops: &str) {
    let words: Vec<&str> = bad.split_whitespace().collect();
    let sql = match (words[0], words[1]) {
        ("CREATE", "TABLE") => format!("DROP TABLE {ops}.loose"),
        ("CREATE", "POLICY") => format!("DROP POLICY wide ON {ops}.patient"),
        ("CREATE", "VIEW") => format!("DROP VIEW {ops}.all_patients"),
        ("CREATE", "TYPE") => format!("DROP TYPE {ops}.mood"),
        ("CREATE", "FUNCTION") => "DROP FUNCTION sec.leak()".to_owned(),
        ("CREATE", _) => "DROP SCHEMA t_nobody".to_owned(),
        ("GRANT", _) => bad.replacen("GRANT", "REVOKE", 1).replacen(" TO ", " FROM ", 1),
        ("DROP", _) => format!(
            "CREATE POLICY tenant_only ON {ops}.patient USING (tenant_id = (SELECT sec.tenant()))
             WITH CHECK (tenant_id = (SELECT sec.tenant()))"
        ),
        _ if bad.contains("NO FORCE") => bad.replace("NO FORCE", "FORCE"),
        _ if bad.contains("DISABLE") => bad.replace("DISABLE", "ENABLE"),
        _ => return,
    };
    superuser.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}
