//! A process that is killed in the middle of a transaction leaves nothing of it behind (security.md T10).

use regions::clock::Clock;
use tenancy::config::{PoolConfig, RegionalConfig};
use tenancy::{APP_ROLE, Regional, RoleName};
use testkit::TestRegion;

use crate::child::{Orders, Victim, say};
use crate::support::{
    backend, count, entry, execute, id, insert_patient, one_connection, patient, patients, until, word,
};

/// Where the child is killed: its transaction waiting for it, at work in the server, and waiting for a lock.
const POINTS: [&str; 3] = ["idle in transaction", "in a statement", "at a lock"];
/// Server processes of the application in this shard's database whose transaction is not one of the parent's.
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE usename = 'domicile_app' AND datname = current_database() AND pid <> ALL ($1)";
/// Server processes in the state the point asks for.
const ARRIVED: &str = "SELECT count(*) FROM pg_stat_activity
    WHERE usename = 'domicile_app' AND datname = current_database() AND pid <> ALL ($1)
      AND CASE $2 WHEN 'in a statement' THEN state = 'active' AND query LIKE '%pg_sleep%'
                  WHEN 'at a lock' THEN wait_event_type = 'Lock'
                  ELSE state = 'idle in transaction' END";

/// One connection, and time enough for nothing to end by itself before the kill.
fn patient_pool() -> PoolConfig {
    PoolConfig {
        statement_ms: 60_000,
        lock_ms: 60_000,
        idle_in_transaction_ms: 60_000,
        context_s: 120,
        ..one_connection()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t10_a_killed_process_is_rolled_back_and_its_role_reaches_nobody() {
    let region = TestRegion::with_pool(patient_pool()).await;
    let superuser = region.superuser().await;
    let (alpha, beta) = (region.alpha, region.beta);
    let row = patient(&region, alpha).await;
    for point in POINTS {
        // The parent holds the row the child is to wait for.
        let mut holder = region.regional.begin(alpha, "test.holder").await.unwrap();
        execute(&mut holder, &format!("SELECT 1 FROM patient WHERE id = '{row}' FOR UPDATE")).await.unwrap();
        let own = vec![backend(&mut holder).await];
        let orders = Orders::write(&region, alpha, point);
        let victim =
            tokio::task::spawn_blocking(move || Victim::at("killed::child", &orders, point)).await.unwrap();
        until("the child's transaction in the server", async || {
            superuser.query_one(ARRIVED, &[&own, &point]).await.unwrap().get::<_, i64>(0) == 1
        })
        .await;
        victim.kill();
        until("the end of the child's sessions", async || {
            superuser.query_one(SESSIONS, &[&own]).await.unwrap().get::<_, i64>(0) == 0
        })
        .await;
        holder.rollback().await.unwrap();
        let left: i64 = superuser
            .query_one(
                "SELECT (SELECT count(*) FROM graphile_worker._private_jobs)
                      + (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())",
                &[],
            )
            .await
            .unwrap()
            .get(0);
        assert_eq!(left, 0, "{point}");
        // The next borrowers are who they are, and find what was committed before: no row and no lock of the child.
        let mut tx = region.regional.begin(beta, "test.next").await.unwrap();
        let role = word(&mut tx, "SELECT current_user::text AS word").await.unwrap();
        assert_eq!(role, RoleName::of(beta.id).as_str(), "{point}");
        assert_eq!(patients(&mut tx).await, 0, "{point}");
        tx.rollback().await.unwrap();
        let mut tx = region.regional.begin(alpha, "test.next").await.unwrap();
        assert_eq!(patients(&mut tx).await, 1, "{point}");
        let audited = count(&mut tx, "SELECT count(*) AS number FROM audit_event").await.unwrap();
        assert_eq!(audited, 1, "{point}");
        execute(&mut tx, "SELECT 1 FROM patient FOR UPDATE NOWAIT").await.unwrap();
        tx.rollback().await.unwrap();
    }
}

/// The process that is killed. Run as a test of its own it does nothing.
#[tokio::test]
async fn child() {
    let Some(orders) = Orders::read() else { return };
    let tenant = orders.tenant;
    let config = RegionalConfig { pool: patient_pool(), ..orders.config(APP_ROLE) };
    let regional = Regional::connect(&config, Clock::system()).await.unwrap();
    let row = id();
    let mut tx = regional.begin(tenant, "test.killed").await.unwrap();
    insert_patient(&mut tx, tenant.id, row).await.unwrap();
    tx.enqueue("test.job", tenancy::JobPayload::new(tenant.id).id("patient", row), None).await.unwrap();
    orders.reached("idle in transaction");
    for (point, statement) in
        [("in a statement", "SELECT pg_sleep(60)"), ("at a lock", "UPDATE patient SET version = version + 1")]
    {
        if orders.ends_at(point) {
            // Said before, because nothing can be said during it; the parent looks into the server.
            say(point);
            execute(&mut tx, statement).await.unwrap();
        }
    }
    tx.commit(entry(row)).await.unwrap();
}
