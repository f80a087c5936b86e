//! The rows of one table moved, a bounded batch a transaction, each with one audit entry that says how many.

use futures_util::future::BoxFuture;
use tenancy::audit::{AuditEntry, Outcome, Purpose as Why};
use tenancy::{Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::RotateError;
use crate::call::roll_back;
use crate::patients::model::PatientId;
use crate::store::StoreError;

/// Rows one transaction moves.
pub(super) const ROWS_PER_BATCH: i64 = 200;
/// Transactions in which one table of one clinic is moved.
const BATCHES_MAX: usize = 100_000;

/// How many rows a step moved, and the last one when there may be more.
pub(super) type Moved = Result<(u32, Option<Uuid>), StoreError>;

/// Which rows, and what the log says of them.
pub(super) struct Batches<'a> {
    pub(super) regional: &'a Regional,
    pub(super) tenant: TenantRef,
    /// Names the transactions and the entries.
    pub(super) action: &'static str,
    /// What the audit log calls a row.
    pub(super) row: &'static str,
    /// The table, where its changes must be named.
    pub(super) table: &'static str,
    /// Whose rows they are, where they are one patient's.
    pub(super) patient: Option<PatientId>,
}

impl Batches<'_> {
    /// Moves them with a `step` that moves some rows after an id; says how many.
    pub(super) async fn run(
        &self,
        step: impl for<'tx> Fn(&'tx mut TenantTx, Option<Uuid>) -> BoxFuture<'tx, Moved>,
    ) -> Result<u64, RotateError> {
        let (mut moved, mut after) = (0_u64, None);
        for _ in 0..BATCHES_MAX {
            let mut tx = self.regional.begin(self.tenant, self.action).await.map_err(StoreError::Tx)?;
            match step(&mut tx, after).await {
                Ok((changed, last)) => {
                    if changed == 0 {
                        roll_back(tx).await;
                    } else {
                        tx.commit(self.entry(changed)).await.map_err(StoreError::Tx)?;
                    }
                    moved = moved.saturating_add(u64::from(changed));
                    after = last;
                }
                Err(error) => {
                    roll_back(tx).await;
                    return Err(error.into());
                }
            }
            if after.is_none() {
                break;
            }
        }
        Ok(moved)
    }

    fn entry(&self, changed: u32) -> AuditEntry {
        let entry = AuditEntry::new(self.action, Outcome::Allow)
            .resource_kind(self.row)
            .purpose(Why::System)
            .count(changed)
            .touches(self.table);
        match self.patient {
            Some(patient) => entry.subject(patient.bytes()),
            None => entry,
        }
    }
}
