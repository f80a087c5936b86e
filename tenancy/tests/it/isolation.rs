//! Tenant A cannot see, change or become tenant B, whatever SQL runs inside its transaction (security.md T01-T07, T11,
//! T13, T15).

use std::time::Duration;

use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use futures_util::future::BoxFuture;
use regions::ids::Epoch;
use tenancy::config::PoolConfig;
use tenancy::{Rejection, RoleName, SchemaName, TenantRef, TxError};
use testkit::TestRegion;

use crate::support::{
    Number, backend, count, entry, execute, id, insert_patient, one_connection, patient, patients, word,
};

/// What an attacker gets to put into a filter: the test-only door that concatenates text, as no code of ours does.
async fn injected(region: &TestRegion, tenant: TenantRef, filter: &str) -> Result<i64, TxError> {
    let mut tx = region.regional.begin(tenant, "test.injected").await.unwrap();
    let outcome = count(&mut tx, &format!("SELECT count(*) AS number FROM patient WHERE {filter}")).await;
    drop(tx);
    outcome
}

#[tokio::test]
async fn a_tenant_sees_its_own_rows_only() {
    let region = TestRegion::with_pool(one_connection()).await;
    for _ in 0..3 {
        patient(&region, region.alpha).await;
    }
    patient(&region, region.beta).await;
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert_eq!(patients(&mut tx).await, 3);
    let first = backend(&mut tx).await;
    tx.rollback().await.unwrap();
    // The same server process, the same text of SQL, another tenant (T11).
    let mut tx = region.regional.begin(region.beta, "test").await.unwrap();
    assert_eq!(backend(&mut tx).await, first, "the pool has one connection");
    assert_eq!(patients(&mut tx).await, 1);
    tx.rollback().await.unwrap();
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert_eq!(patients(&mut tx).await, 3);
}

#[tokio::test]
async fn prepared_statements_are_the_tenants_own() {
    use diesel::prelude::*;
    use diesel_async::RunQueryDsl;
    diesel::table! { patient (id) { id -> Uuid, tenant_id -> Uuid, } }
    let region = TestRegion::with_pool(one_connection()).await;
    patient(&region, region.alpha).await;
    patient(&region, region.beta).await;
    patient(&region, region.beta).await;
    for _ in 0..8 {
        for (tenant, rows) in [(region.alpha, 1), (region.beta, 2)] {
            let mut tx = region.regional.begin(tenant, "test").await.unwrap();
            let ids: Vec<uuid::Uuid> =
                patient::table.select(patient::tenant_id).load(tx.conn()).await.unwrap();
            assert_eq!(ids.len(), rows);
            assert!(ids.iter().all(|found| *found == tenant.id.as_uuid()));
            tx.rollback().await.unwrap();
        }
    }
}

#[tokio::test]
async fn one_select_cannot_change_the_role_and_read_on() {
    let region = TestRegion::new().await;
    patient(&region, region.beta).await;
    let (role, schema) = (RoleName::of(region.beta.id), SchemaName::ops(region.beta.id));
    let attacks = [
        format!("set_config('role', '{role}', true) = '{role}'"),
        format!(
            "true UNION ALL SELECT length(query_to_xml('select * from {schema}.patient', true, true, '')::text)"
        ),
        format!(
            "set_config('role', '{role}', true) = '{role}' AND
             query_to_xml('select * from {schema}.patient', true, true, '') IS NOT NULL"
        ),
        format!("query_to_xml('set role {role}', true, true, '') IS NOT NULL"),
        format!("true UNION ALL SELECT count(*) FROM {schema}.patient"),
        "table_to_xml('pg_class', true, true, '') IS NOT NULL".to_owned(),
        "database_to_xml(true, true, '') IS NOT NULL".to_owned(),
        "cursor_to_xml('c', 1, true, true, '') IS NOT NULL".to_owned(),
        "pg_read_file('postgresql.conf') IS NOT NULL".to_owned(),
        "lo_import('/etc/passwd') > 0".to_owned(),
        "pg_advisory_lock(1) IS NOT NULL".to_owned(),
        "pg_try_advisory_lock(1)".to_owned(),
        "pg_notify('jobs:insert', '') IS NULL".to_owned(),
        "true UNION ALL SELECT count(*) FROM sec.context_key".to_owned(),
        "true UNION ALL SELECT count(*) FROM meta.tenant".to_owned(),
        "true UNION ALL SELECT count(*) FROM graphile_worker._private_jobs".to_owned(),
        "graphile_worker.add_job('x') IS NOT NULL".to_owned(),
        "ts_rewrite('a'::tsquery, 'select ''a''::tsquery, ''b''::tsquery') IS NOT NULL".to_owned(),
    ];
    for attack in attacks {
        let outcome = injected(&region, region.alpha, &attack).await;
        assert!(matches!(outcome, Err(TxError::Db(_))), "{attack}: {outcome:?}");
    }
}

#[tokio::test]
async fn settings_cannot_be_updated_through_their_view() {
    let region = TestRegion::new().await;
    let role = RoleName::of(region.beta.id);
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let sql = format!("UPDATE pg_settings SET setting = '{role}' WHERE name = 'role'");
    assert!(matches!(execute(&mut tx, &sql).await, Err(TxError::Db(_))));
}

#[tokio::test]
async fn even_free_sql_with_another_role_reads_nothing() {
    let region = TestRegion::new().await;
    patient(&region, region.alpha).await;
    patient(&region, region.beta).await;
    // Somebody who may run whole statements can change the role; the proof of the tenant does not follow.
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    execute(&mut tx, &format!("SET LOCAL ROLE {}", RoleName::of(region.beta.id).quoted())).await.unwrap();
    let sql = format!("SELECT count(*) AS number FROM {}.patient", SchemaName::ops(region.beta.id).quoted());
    assert!(matches!(count(&mut tx, &sql).await, Err(TxError::Rejected(Rejection::Context))));
    drop(tx);
    // Without any context there is nothing to see.
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    execute(&mut tx, "SET LOCAL domicile.context = ''").await.unwrap();
    execute(&mut tx, &format!("SET LOCAL ROLE {}", RoleName::of(region.beta.id).quoted())).await.unwrap();
    assert_eq!(count(&mut tx, &sql).await.unwrap(), 0);
}

#[tokio::test]
async fn forged_foreign_expired_and_borrowed_contexts_are_refused() {
    let region = TestRegion::with_pool(one_connection()).await;
    // A row must exist: an empty table is never asked whose it is.
    patient(&region, region.alpha).await;
    let mut tx = region.regional.begin(region.beta, "test").await.unwrap();
    let foreign = word(&mut tx, "SELECT current_setting('domicile.context') AS word").await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let own = word(&mut tx, "SELECT current_setting('domicile.context') AS word").await.unwrap();
    tx.rollback().await.unwrap();
    let (body, mac) = own.rsplit_once('.').unwrap();
    let parts: Vec<&str> = body.split('.').collect();
    let forged = [
        foreign.clone(),
        format!("{}.{}.{}.{mac}", parts[0], "9999999999", parts[2]),
        format!("{}.{}.{}.{mac}", parts[0], parts[1], "1"),
        format!("{body}.{}", "0".repeat(64)),
        format!("{}.{}.{}.{}", foreign.split('.').next().unwrap(), parts[1], parts[2], mac),
        format!("{body}.{}", mac.to_uppercase()),
        body.to_owned(),
        "x".to_owned(),
        "....".to_owned(),
        "ü".repeat(70),
    ];
    for context in forged {
        let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
        execute(&mut tx, &format!("SET LOCAL domicile.context = '{context}'")).await.unwrap();
        let outcome = count(&mut tx, "SELECT count(*) AS number FROM patient").await;
        assert!(matches!(outcome, Err(TxError::Rejected(Rejection::Context))), "{context}: {outcome:?}");
    }
    // A good context of this tenant is worth nothing in another server process.
    let client = region.app_login().await;
    let role = RoleName::of(region.alpha.id).quoted();
    let sql =
        format!("BEGIN; SET LOCAL ROLE {role}; SET LOCAL domicile.context = '{own}'; SELECT sec.tenant()");
    let error = client.batch_execute(&sql).await.unwrap_err();
    assert_eq!(error.code().unwrap().code(), "DM001");
}

#[tokio::test]
async fn a_context_expires() {
    let mut pool = one_connection();
    // Whole seconds of the server's clock: one may be over before the beginning is, and a busy machine takes longer.
    pool.context_s = 5;
    let region = TestRegion::with_pool(pool).await;
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    word(&mut tx, "SELECT sec.tenant()::text AS word").await.unwrap();
    let refused = async {
        loop {
            match word(&mut tx, "SELECT sec.tenant()::text AS word").await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => break error,
            }
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(60), refused).await.expect("it never expires");
    assert!(matches!(outcome, TxError::Rejected(Rejection::Context)), "{outcome:?}");
}

#[tokio::test]
async fn without_a_context_every_relation_and_function_is_closed() {
    let region = TestRegion::new().await;
    patient(&region, region.alpha).await;
    let superuser = region.superuser().await;
    let relations = superuser
        .query(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND n.nspname ~ '^(t_|meta|sec|jobs|audit)'",
            &[],
        )
        .await
        .unwrap();
    assert!(relations.len() >= 16);
    let client = region.app_login().await;
    let role = RoleName::of(region.alpha.id).quoted();
    for relation in relations.iter().map(|row| row.get::<_, String>(0)) {
        // As the log-in itself: no right on anything but the shard's identity.
        let rows = client.query(&format!("SELECT * FROM {relation}"), &[]).await;
        assert!(rows.is_err() || relation == "meta.identity", "{relation} is open to the log-in");
        // As the tenant's role without its context: no row of any table.
        client.batch_execute(&format!("BEGIN; SET LOCAL ROLE {role}")).await.unwrap();
        if let Ok(rows) = client.query(&format!("SELECT * FROM {relation}"), &[]).await {
            let is_sequence = relation.ends_with("_seq");
            assert!(rows.is_empty() && !is_sequence, "{relation} is open to the role without a context");
        }
        client.batch_execute("ROLLBACK").await.unwrap();
    }
    client.batch_execute(&format!("BEGIN; SET LOCAL ROLE {role}")).await.unwrap();
    let refused =
        client.batch_execute("SELECT jobs.enqueue('x', '{\"tenant\":\"a\",\"ids\":{}}', NULL)").await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn temporary_tables_cannot_shadow_anything() {
    let region = TestRegion::new().await;
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let made = execute(&mut tx, "CREATE TEMPORARY TABLE context_key (tenant uuid)").await;
    assert!(matches!(made, Err(TxError::Db(_))));
    drop(tx);
    // Even if somebody could make one, the function reads the real table: its search_path ends in pg_temp.
    let superuser = region.superuser().await;
    let database = region.shard_database().to_owned();
    let role = RoleName::of(region.alpha.id);
    superuser.batch_execute(&format!("GRANT TEMPORARY ON DATABASE {database} TO \"{role}\"")).await.unwrap();
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    for table in ["context_key", "tenant", "pg_class"] {
        execute(&mut tx, &format!("CREATE TEMPORARY TABLE {table} (tenant uuid, role_name text)"))
            .await
            .unwrap();
    }
    let tenant = word(&mut tx, "SELECT sec.tenant()::text AS word").await.unwrap();
    assert_eq!(tenant, region.alpha.id.as_uuid().to_string());
}

#[tokio::test]
async fn what_a_borrower_leaves_behind_never_reaches_the_next() {
    let region = TestRegion::with_pool(one_connection()).await;
    let (alpha, beta) = (region.alpha, region.beta);
    let role = RoleName::of(alpha.id).quoted();
    let leavings = [
        format!("SET ROLE {role}"),
        "SET domicile.context = 'x'".to_owned(),
        "SET search_path = pg_temp; SET statement_timeout = 1".to_owned(),
        "COMMIT; BEGIN".to_owned(),
        format!("COMMIT; BEGIN; SET ROLE {role}; SET domicile.context = 'x'"),
        format!("COMMIT; SET ROLE {role}"),
        "COMMIT".to_owned(),
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT; BEGIN".to_owned(),
        "LISTEN secrets; COMMIT; BEGIN".to_owned(),
    ];
    for left in &leavings {
        for end in ["drop", "commit", "rollback"] {
            let mut tx = region.regional.begin(alpha, "test.dirty").await.unwrap();
            for statement in left.split("; ") {
                let _whatever = execute(&mut tx, statement).await;
            }
            match end {
                "drop" => drop(tx),
                "commit" => drop(tx.commit_without_audit(tenancy::audit::Unaudited::JobProgress).await),
                _ => drop(tx.rollback().await),
            }
            let mut tx = region.regional.begin(beta, "test.clean").await.unwrap_or_else(|error| {
                panic!("after `{left}` and {end}: {error:?}");
            });
            let role =
                word(&mut tx, "SELECT current_user::text || ' ' || current_setting('search_path') AS word");
            let (ops, phi) = (SchemaName::ops(beta.id), SchemaName::phi(beta.id));
            assert_eq!(
                role.await.unwrap(),
                format!("{ops} {ops}, {phi}, pg_temp"),
                "after `{left}` and {end}"
            );
            assert_eq!(patients(&mut tx).await, 0);
            let open =
                word(&mut tx, "SELECT (SELECT count(*) FROM pg_cursors WHERE name <> '')::text AS word")
                    .await;
            assert_eq!(open.unwrap(), "0");
            tx.rollback().await.unwrap();
        }
    }
}

/// A question for the round trip that begins a transaction.
fn how_many(connection: &AsyncPgConnection) -> BoxFuture<'_, QueryResult<i64>> {
    use diesel_async::RunQueryDsl as _;
    Box::pin(async move {
        let mut connection = connection;
        let rows = diesel::sql_query("SELECT count(*) AS number FROM patient");
        Ok(rows.get_result::<Number>(&mut connection).await?.number)
    })
}

#[tokio::test]
async fn a_question_sent_with_the_beginning_is_never_answered_by_what_a_borrower_left() {
    let region = TestRegion::with_pool(one_connection()).await;
    let (alpha, beta) = (region.alpha, region.beta);
    patient(&region, alpha).await;
    // The whole of a proven transaction stays on the session: the question, coming behind a beginning that fails, is
    // answered with a row of the other clinic.
    let mut tx = region.regional.begin(alpha, "test.dirty").await.unwrap();
    let dirty = backend(&mut tx).await;
    assert_eq!(patients(&mut tx).await, 1);
    let context = word(&mut tx, "SELECT current_setting('domicile.context') AS word").await.unwrap();
    let (role, ops) = (RoleName::of(alpha.id).quoted(), SchemaName::ops(alpha.id).quoted());
    for keep in [
        format!("SET domicile.context = '{context}'"),
        format!("SET search_path = {ops}"),
        format!("SET ROLE {role}"),
    ] {
        execute(&mut tx, &keep).await.unwrap();
    }
    tx.commit_without_audit(tenancy::audit::Unaudited::JobProgress).await.unwrap();
    let asked = region.regional.begin_for_caller_asking(beta, "test.asking", how_many).await;
    let (mut tx, number) = asked.unwrap();
    assert_eq!(number, 0);
    assert_ne!(backend(&mut tx).await, dirty, "the session was lent again");
    tx.rollback().await.unwrap();
    // A question that fails takes its transaction with it, and the session serves the next one.
    let outcome = region.regional.begin_for_caller_asking(beta, "test.asking", |connection| {
        Box::pin(async move {
            let mut connection = connection;
            let nowhere = diesel::sql_query("SELECT 1 FROM nowhere");
            diesel_async::RunQueryDsl::execute(nowhere, &mut connection).await
        })
    });
    let outcome = outcome.await.map(drop);
    assert!(matches!(outcome, Err(TxError::Db(_))), "{outcome:?}");
    patient(&region, beta).await;
}

#[tokio::test]
async fn a_session_with_a_setting_left_behind_is_closed() {
    let region = TestRegion::with_pool(one_connection()).await;
    let (alpha, beta) = (region.alpha, region.beta);
    let visit = async |tenant: TenantRef, statement: &str| {
        let mut tx = region.regional.begin(tenant, "test.setting").await.unwrap();
        let pid = backend(&mut tx).await;
        execute(&mut tx, statement).await.unwrap();
        tx.commit_without_audit(tenancy::audit::Unaudited::JobProgress).await.unwrap();
        pid
    };
    assert_eq!(visit(alpha, "SELECT 1").await, visit(beta, "SELECT 1").await, "a clean session is kept");
    for left in [
        "default_transaction_read_only = on",
        "default_transaction_isolation = 'serializable'",
        "TimeZone = 'Asia/Kolkata'",
        "DateStyle = 'German'",
        "statement_timeout = 60000",
        "lock_timeout = 60000",
        "statement_timeout = 1",
        "idle_session_timeout = 60000",
        "search_path = pg_catalog, public",
        "row_security = off",
        "synchronous_commit = 'local'",
        "log_parameter_max_length_on_error = -1",
        "debug_print_parse = on",
        "client_min_messages = 'debug5'",
        "enable_indexscan = off",
        "work_mem = '64kB'",
        "gin_fuzzy_search_limit = 1",
        "application_name = 'somebody'",
    ] {
        let dirty = visit(alpha, &format!("SET {left}")).await;
        assert_ne!(visit(beta, "SELECT 1").await, dirty, "the session with {left} was lent again");
    }
}

#[tokio::test]
async fn even_a_pool_of_nothing_but_changed_sessions_serves_the_next_request() {
    // As after a reload of the server's configuration, which changes the settings of every session there is.
    const SESSIONS: u32 = 8;
    let region = TestRegion::with_pool(PoolConfig {
        tenant_transactions_max: SESSIONS,
        ..crate::support::connections(SESSIONS)
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..SESSIONS {
        let mut tx = region.regional.begin(region.alpha, "test.changed").await.unwrap();
        execute(&mut tx, "SET work_mem = '64kB'").await.unwrap();
        open.push(tx);
    }
    for tx in open {
        tx.commit_without_audit(tenancy::audit::Unaudited::JobProgress).await.unwrap();
    }
    patient(&region, region.beta).await;
}

#[tokio::test]
async fn rows_of_another_tenant_cannot_be_stored() {
    let region = TestRegion::new().await;
    // Mass assignment: the tenant of the row is not the transaction's.
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let stored = insert_patient(&mut tx, region.beta.id, id()).await;
    assert!(matches!(stored, Err(TxError::Db(_))));
    drop(tx);
    // A wrong search path: the schema refuses even its owner's superuser.
    let superuser = region.superuser().await;
    let sql = format!(
        "INSERT INTO {}.patient (id, tenant_id, state, created_at, updated_at, created_by)
         VALUES ($1, $2, 'active', now(), now(), $1)",
        SchemaName::ops(region.alpha.id).quoted()
    );
    let stored = superuser.execute(&sql, &[&id(), &region.beta.id.as_uuid()]).await.unwrap_err();
    assert_eq!(stored.code().unwrap().code(), "23514", "the constant check refuses");
}

#[tokio::test]
async fn an_error_based_oracle_sees_its_own_rows_only() {
    let region = TestRegion::new().await;
    patient(&region, region.beta).await;
    // Evaluated for a foreign row this would divide by zero.
    let filter = format!("1 / (CASE WHEN tenant_id = '{}' THEN 0 ELSE 1 END) = 1", region.beta.id.as_uuid());
    assert_eq!(injected(&region, region.alpha, &filter).await.unwrap(), 0);
    // Forced on the other schema it is refused, not evaluated.
    let schema = SchemaName::ops(region.beta.id).quoted();
    let outcome =
        injected(&region, region.alpha, &format!("EXISTS (SELECT 1 / 0 FROM {schema}.patient)")).await;
    let text = format!("{outcome:?}");
    assert!(matches!(outcome, Err(TxError::Db(_))), "{text}");
    assert!(!text.contains("division"), "{text}");
}

#[tokio::test]
async fn an_old_epoch_a_wrong_shard_and_a_stranger_are_refused() {
    let region = TestRegion::new().await;
    let superuser = region.superuser().await;
    superuser
        .execute("UPDATE meta.tenant SET epoch = 3 WHERE id = $1", &[&region.alpha.id.as_uuid()])
        .await
        .unwrap();
    let outcome = region.regional.begin(region.alpha, "test").await.map(drop);
    assert!(matches!(outcome, Err(TxError::StaleEpoch)), "{outcome:?}");
    let newer = TenantRef { epoch: Epoch(4), ..region.alpha };
    region.regional.begin(newer, "test").await.unwrap().rollback().await.unwrap();
    let elsewhere = TenantRef { shard: regions::ids::ShardId(9), ..region.beta };
    let outcome = region.regional.begin(elsewhere, "test").await.map(drop);
    assert!(matches!(outcome, Err(TxError::Rejected(Rejection::Shard))), "{outcome:?}");
    let outcome = region.regional.begin(region.stranger(), "test").await.map(drop);
    assert!(matches!(outcome, Err(TxError::Keys(_))), "{outcome:?}");
}

#[tokio::test]
async fn jobs_carry_ids_of_their_own_tenant_and_commit_with_the_transaction() {
    let region = TestRegion::new().await;
    let superuser = region.superuser().await;
    let jobs = async || -> i64 {
        superuser.query_one("SELECT count(*) FROM graphile_worker._private_jobs", &[]).await.unwrap().get(0)
    };
    let payload = tenancy::JobPayload::new(region.alpha.id).id("invitation", id());
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    tx.enqueue("invitation.send", payload.clone(), None).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(jobs().await, 0);
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    tx.enqueue("invitation.send", payload, None).await.unwrap();
    tx.commit(entry(id())).await.unwrap();
    assert_eq!(jobs().await, 1);
    // The worker's log-in, and only it, takes jobs from the queue.
    let worker = region.app_login().await;
    let taken = worker
        .query_one(
            "UPDATE graphile_worker._private_jobs SET attempts = 1 RETURNING payload ->> 'tenant'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(taken.get::<_, String>(0), region.alpha.id.to_string());
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let foreign = tx.enqueue("invitation.send", tenancy::JobPayload::new(region.beta.id), None).await;
    assert!(matches!(foreign, Err(TxError::Rejected(Rejection::Context))));
    for refused in [
        format!("{{\"tenant\":\"{}\",\"ids\":{{}}}}", region.beta.id),
        format!("{{\"tenant\":\"{}\",\"ids\":{{\"name\":\"Asha Rao\"}}}}", region.alpha.id),
        format!("{{\"tenant\":\"{}\",\"ids\":{{}},\"note\":\"x\"}}", region.alpha.id),
        "[]".to_owned(),
    ] {
        let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
        let sql = format!("SELECT jobs.enqueue('invitation.send', '{refused}', NULL)");
        assert!(execute(&mut tx, &sql).await.is_err(), "{refused}");
    }
}
