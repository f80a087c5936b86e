//! No patient data changes or leaves without its audit entry (security.md T41, T42).

use diesel_async::RunQueryDsl;
use tenancy::audit::Unaudited;
use tenancy::{SchemaName, TxError};
use testkit::TestRegion;

use crate::support::{count, entry, execute, id, insert_patient, one_connection, patient, patients, word};

#[tokio::test]
async fn a_commit_that_forgot_its_entry_is_refused() {
    let region = TestRegion::new().await;
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    insert_patient(&mut tx, region.alpha.id, id()).await.unwrap();
    let outcome = tx.commit_without_audit(Unaudited::JobProgress).await;
    assert!(matches!(outcome, Err(TxError::AuditMissing)), "{outcome:?}");
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert_eq!(patients(&mut tx).await, 0, "nothing of it was kept");
}

#[tokio::test]
async fn an_entry_that_names_another_table_does_not_count() {
    let region = TestRegion::new().await;
    let patient = id();
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    insert_patient(&mut tx, region.alpha.id, patient).await.unwrap();
    let sql = format!(
        "INSERT INTO person (patient_id, tenant_id, names, birth_date, sex, row_mac, tags_digest)
         VALUES ('{patient}', '{}', '\\x00', '\\x00', '\\x00', decode(repeat('00', 37), 'hex'), sha256('x'))",
        region.alpha.id.as_uuid()
    );
    execute(&mut tx, &sql).await.unwrap();
    let outcome = tx.commit(entry(patient)).await.map(drop);
    assert!(matches!(outcome, Err(TxError::AuditMissing)), "{outcome:?}");
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    insert_patient(&mut tx, region.alpha.id, patient).await.unwrap();
    execute(&mut tx, &sql).await.unwrap();
    tx.commit(entry(patient).touches("person")).await.unwrap();
}

#[tokio::test]
async fn an_entry_of_an_earlier_transaction_does_not_count() {
    let region = TestRegion::new().await;
    let row = patient(&region, region.alpha).await;
    for change in [
        format!("UPDATE patient SET state = 'archived' WHERE id = '{row}'"),
        format!("DELETE FROM patient WHERE id = '{row}'"),
    ] {
        let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
        assert_eq!(execute(&mut tx, &change).await.unwrap(), 1);
        let outcome = tx.commit_without_audit(Unaudited::SessionTouch).await;
        assert!(matches!(outcome, Err(TxError::AuditMissing)), "{change}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_entry_that_cannot_be_written_releases_nothing() {
    let region = TestRegion::new().await;
    patient(&region, region.alpha).await;
    let superuser = region.superuser().await;
    let (ops, role) = (SchemaName::ops(region.alpha.id), tenancy::RoleName::of(region.alpha.id));
    superuser
        .batch_execute(&format!("REVOKE ALL ON {}.audit_event FROM {}", ops.quoted(), role.quoted()))
        .await
        .unwrap();
    // A read: its answer is only released by a commit, and there is none.
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert_eq!(patients(&mut tx).await, 1);
    let outcome = tx.commit(entry(id())).await.map(drop);
    assert!(matches!(outcome, Err(TxError::AuditUnavailable)), "{outcome:?}");
    // A write.
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    insert_patient(&mut tx, region.alpha.id, id()).await.unwrap();
    let outcome = tx.commit(entry(id())).await.map(drop);
    assert!(matches!(outcome, Err(TxError::AuditUnavailable)), "{outcome:?}");
    let rows: i64 = superuser
        .query_one(&format!("SELECT count(*) FROM {}.patient", ops.quoted()), &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(rows, 1);
}

#[tokio::test]
async fn a_blocked_audit_table_releases_nothing_and_does_not_hang() {
    let pool = tenancy::config::PoolConfig { lock_ms: 200, ..tenancy::config::PoolConfig::default() };
    let region = TestRegion::with_pool(pool).await;
    let mut superuser = region.superuser().await;
    let lock = superuser.transaction().await.unwrap();
    let table = format!("{}.audit_event", SchemaName::ops(region.alpha.id).quoted());
    lock.batch_execute(&format!("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
    let tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let outcome = tx.commit(entry(id())).await.map(drop);
    assert!(matches!(outcome, Err(TxError::AuditUnavailable)), "{outcome:?}");
}

#[tokio::test]
async fn a_swallowed_error_is_not_reported_as_a_commit() {
    let region = TestRegion::new().await;
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert!(execute(&mut tx, "SELECT 1 / 0").await.is_err());
    assert!(tx.commit_without_audit(Unaudited::IdentityLookup).await.is_err());
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert!(execute(&mut tx, "SELECT 1 / 0").await.is_err());
    assert!(tx.commit(entry(id())).await.is_err());
}

#[tokio::test]
async fn the_log_can_only_grow() {
    let region = TestRegion::new().await;
    patient(&region, region.alpha).await;
    for change in [
        "UPDATE audit_event SET outcome = 'deny'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
        "INSERT INTO audit_event (event_id, xid) VALUES (gen_random_uuid(), '1')",
        "INSERT INTO audit_event (event_id, recorded_at) VALUES (gen_random_uuid(), now())",
        "ALTER TABLE audit_event DISABLE TRIGGER ALL",
        "ALTER TABLE patient DISABLE TRIGGER ALL",
        "SET LOCAL session_replication_role = replica",
    ] {
        let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
        assert!(execute(&mut tx, change).await.is_err(), "{change}");
    }
}

#[tokio::test]
async fn a_row_says_who_what_and_whose_and_seals_the_address() {
    let region = TestRegion::new().await;
    let patient = id();
    let address = "203.0.113.77";
    let tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let written = tx
        .commit(
            entry(patient)
                .client_ip(address.parse().unwrap())
                .session([3; 16])
                .reason("asked")
                .fields(u64::MAX)
                .count(7)
                .row_version(2),
        )
        .await
        .unwrap();
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let sql = format!(
        "SELECT concat_ws('|', region, actor_kind, action, resource_kind, subject_id, purpose, outcome, reason,
            fields, row_version, result_count, touched::text) AS word
         FROM audit_event WHERE event_id = '{}'",
        written.0
    );
    assert_eq!(
        word(&mut tx, &sql).await.unwrap(),
        format!("us-east-1|staff|patient.create|patient|{patient}|TREATMENT|allow|asked|-1|2|7|{{patient}}")
    );
    let sealed = format!(
        "SELECT count(*) AS number FROM audit_event WHERE octet_length(client_ip_sealed) > 16
         AND position('{address}'::bytea IN client_ip_sealed) = 0 AND event_id = '{}'",
        written.0
    );
    assert_eq!(count(&mut tx, &sealed).await.unwrap(), 1);
    let many = tx.commit_many(vec![entry(patient), entry(patient)]).await.unwrap();
    assert_eq!(many.len(), 2);
    let tx = region.regional.begin(region.alpha, "test").await.unwrap();
    assert!(tx.commit_many(Vec::new()).await.is_err());
}

#[tokio::test]
async fn errors_show_no_text_of_the_database() {
    let region = TestRegion::new().await;
    let secret = "Zxq-Canary-Name";
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let error: TxError = diesel::sql_query("SELECT $1::text::int AS number")
        .bind::<diesel::sql_types::Text, _>(secret)
        .execute(tx.conn())
        .await
        .unwrap_err()
        .into();
    assert!(!format!("{error} {error:?}").contains(secret));
    assert!(std::error::Error::source(&error).is_none());
    let log = std::fs::read_to_string(&region.cluster.log).unwrap_or_default();
    assert!(!log.contains(secret), "the server's log has it");
}

#[tokio::test]
async fn the_statement_that_writes_an_entry_is_prepared_once() {
    let region = TestRegion::with_pool(one_connection()).await;
    for with_reason in [false, true, false] {
        let tx = region.regional.begin(region.alpha, "test").await.unwrap();
        let entry = if with_reason { entry(id()).reason("tested") } else { entry(id()) };
        tx.commit(entry).await.unwrap();
    }
    let mut tx = region.regional.begin(region.alpha, "test").await.unwrap();
    let sql = "SELECT count(*) AS number FROM pg_prepared_statements WHERE statement LIKE 'INSERT INTO \"audit_event\"%'";
    assert_eq!(count(&mut tx, sql).await.unwrap(), 1, "whatever it holds, it has the same text");
    tx.commit_many(vec![entry(id()), entry(id())]).await.unwrap();
}
