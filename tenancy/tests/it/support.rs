//! What several test modules need: a patient to write, rows to count, conditions to wait for.

use std::time::{Duration, Instant};

use diesel::sql_types::{BigInt, Integer, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use regions::ids::TenantId;
use tenancy::audit::{ActorKind, AuditEntry, Outcome, Purpose};
use tenancy::config::PoolConfig;
use tenancy::{TenantRef, TenantTx, TxError};
use testkit::TestRegion;
use uuid::Uuid;

/// Longest wait for a condition, in seconds.
const WAIT_S: u64 = 20;

/// Held by the test that keeps every core busy for a minute, and by the one that holds times against a limit: not both at once.
pub(crate) static BUSY: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A pool with one connection, so that every transaction meets what the last one left.
pub(crate) fn one_connection() -> PoolConfig {
    PoolConfig { connections_max: 1, lanes_max: 1, ..PoolConfig::default() }
}

/// A pool with a given number of connections in one lane.
pub(crate) fn connections(count: u32) -> PoolConfig {
    PoolConfig { connections_max: count, lanes_max: 1, ..PoolConfig::default() }
}

/// An audit entry such as the product writes for a changed patient.
pub(crate) fn entry(patient: Uuid) -> AuditEntry {
    AuditEntry::new("patient.create", Outcome::Allow)
        .actor(ActorKind::Staff, [9; 16])
        .resource("patient", patient.into_bytes())
        .subject(patient.into_bytes())
        .purpose(Purpose::Treatment)
        .touches("patient")
}

/// A random id.
pub(crate) fn id() -> Uuid {
    Uuid::from_bytes(regions::random::bytes::<16>())
}

/// Inserts a patient row of `tenant` within the transaction.
pub(crate) async fn insert_patient(tx: &mut TenantTx, tenant: TenantId, id: Uuid) -> Result<(), TxError> {
    diesel::sql_query(
        "INSERT INTO patient (id, tenant_id, state, created_at, updated_at, created_by)
         VALUES ($1, $2, 'active', now(), now(), $1)",
    )
    .bind::<SqlUuid, _>(id)
    .bind::<SqlUuid, _>(tenant.as_uuid())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes a committed patient and returns its id.
pub(crate) async fn patient(region: &TestRegion, tenant: TenantRef) -> Uuid {
    let patient = id();
    let mut tx = region.regional.begin(tenant, "test.patient").await.unwrap();
    insert_patient(&mut tx, tenant.id, patient).await.unwrap();
    tx.commit(entry(patient)).await.unwrap();
    patient
}

/// Patients the transaction can see.
pub(crate) async fn patients(tx: &mut TenantTx) -> i64 {
    count(tx, "SELECT count(*) AS number FROM patient").await.unwrap()
}

#[derive(diesel::QueryableByName)]
pub(crate) struct Number {
    #[diesel(sql_type = BigInt)]
    pub(crate) number: i64,
}

#[derive(diesel::QueryableByName)]
pub(crate) struct Word {
    #[diesel(sql_type = Text)]
    pub(crate) word: String,
}

#[derive(diesel::QueryableByName)]
pub(crate) struct Pid {
    #[diesel(sql_type = Integer)]
    pub(crate) pid: i32,
}

/// Runs SQL text that yields one `number`.
pub(crate) async fn count(tx: &mut TenantTx, sql: &str) -> Result<i64, TxError> {
    Ok(diesel::sql_query(sql).get_result::<Number>(tx.conn()).await?.number)
}

/// Runs SQL text that yields one `word`.
pub(crate) async fn word(tx: &mut TenantTx, sql: &str) -> Result<String, TxError> {
    Ok(diesel::sql_query(sql).get_result::<Word>(tx.conn()).await?.word)
}

/// Runs SQL text.
pub(crate) async fn execute(tx: &mut TenantTx, sql: &str) -> Result<usize, TxError> {
    Ok(diesel::sql_query(sql).execute(tx.conn()).await?)
}

/// Server process behind the transaction.
pub(crate) async fn backend(tx: &mut TenantTx) -> i32 {
    diesel::sql_query("SELECT pg_backend_pid() AS pid").get_result::<Pid>(tx.conn()).await.unwrap().pid
}

/// Waits until `condition` holds.
pub(crate) async fn until<F: AsyncFnMut() -> bool>(what: &str, mut condition: F) {
    let deadline = Instant::now() + Duration::from_secs(WAIT_S);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited {WAIT_S} s for: {what}");
        tokio::task::yield_now().await;
    }
}
