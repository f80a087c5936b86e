//! What of a tenant's upkeep the transaction of that tenant may see: its schemas' version, and its own jobs that wait or fail.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel_async::RunQueryDsl;

use crate::error::TxError;
use crate::tx::TenantTx;

/// Jobs of one kind that wait, or that failed last with one code.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct WaitingJobs {
    /// The job's name.
    #[diesel(sql_type = Text)]
    pub job: String,
    /// The code it failed with last; `other` for what is no code; none while it has not failed.
    #[diesel(sql_type = Nullable<Text>)]
    pub code: Option<String>,
    /// How many there are.
    #[diesel(sql_type = BigInt)]
    pub jobs: i64,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = Nullable<Integer>)]
    version: Option<i32>,
}

/// The tenant's own jobs that are in the queue, by name and code; at most a hundred lines. Payloads stay where they are.
///
/// # Errors
/// What the database says.
pub async fn waiting_jobs(tx: &mut TenantTx) -> Result<Vec<WaitingJobs>, TxError> {
    let asked = diesel::sql_query("SELECT job, code, jobs FROM jobs.waiting()");
    Ok(asked.load(tx.conn()).await?)
}

/// The last migration that was applied to the tenant's schemas.
///
/// # Errors
/// What the database says; [`TxError::NotServed`] when the shard knows of none.
pub async fn schema_version(tx: &mut TenantTx) -> Result<i32, TxError> {
    let asked = diesel::sql_query("SELECT version FROM sec.read_back()");
    let row: VersionRow = asked.get_result(tx.conn()).await?;
    row.version.ok_or(TxError::NotServed)
}
