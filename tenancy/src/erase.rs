//! Removing everything of one patient from a clinic's sealed half, in whatever tables it has.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::TxError;
use crate::tx::TenantTx;

#[derive(QueryableByName)]
struct Removed {
    #[diesel(sql_type = BigInt)]
    removed: i64,
    #[diesel(sql_type = Array<Text>)]
    tables: Vec<String>,
}

#[derive(QueryableByName)]
struct Left {
    #[diesel(sql_type = BigInt)]
    values: i64,
}

impl TenantTx {
    /// Removes every row about a patient from the sealed half; says how many, and of which tables, which the audit entry
    /// must name. Doing it again removes nothing.
    ///
    /// # Errors
    /// What the database says.
    pub async fn erase_rows(&mut self, patient: Uuid) -> Result<(i64, Vec<String>), TxError> {
        let sql = diesel::sql_query("SELECT removed, tables FROM erase_rows($1)");
        let found: Removed = sql.bind::<diesel::sql_types::Uuid, _>(patient).get_result(self.conn()).await?;
        Ok((found.removed, found.tables))
    }

    /// How many stored values of a patient are still sealed under a version of the patient's key below `version`.
    ///
    /// # Errors
    /// What the database says.
    pub async fn values_sealed_before(&mut self, patient: Uuid, version: u16) -> Result<i64, TxError> {
        let sql = diesel::sql_query("SELECT sealed_before($1, $2) AS values");
        let left: Left = sql
            .bind::<diesel::sql_types::Uuid, _>(patient)
            .bind::<diesel::sql_types::Integer, _>(i32::from(version))
            .get_result(self.conn())
            .await?;
        Ok(left.values)
    }
}
