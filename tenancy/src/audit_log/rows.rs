//! Compares a clinic's audit rows with the log that was verified: events that were changed, removed or added.

use std::collections::BTreeMap;

use auditlog::{Event, Hash, event_hash};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::TxError;
use crate::names::TenantRef;
use crate::regional::Regional;
use crate::schema::audit_event;
use crate::tx::AuditColumns;

/// Rows read at once.
const PAGE_ROWS_MAX: i64 = 1_000;
/// Most findings kept.
const FINDINGS_MAX: usize = 1_000;
/// How long after its commit an event may not be published yet, in seconds; a younger one is not missed.
const UNPUBLISHED_S: i64 = 120;

/// Why rows could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The clinic's rows cannot be read.
    #[error("the clinic's rows cannot be read: {0}")]
    Tx(#[from] TxError),
}

/// One row that is not what the log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowFinding {
    /// The event, or the one that last changed the row.
    pub event: Uuid,
    /// Its place in the log; `None` for an event the log does not have.
    pub index: Option<u64>,
    /// What is wrong, in a few words.
    pub what: &'static str,
}

/// What comparing found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowsReport {
    /// Events compared.
    pub events: u64,
    /// Rows of patient data compared with the version that the log knows.
    pub rows: u64,
    /// What is wrong.
    pub findings: Vec<RowFinding>,
    /// Whether the clinic was ended and its rows destroyed with its keys: there is nothing to compare the log with.
    pub destroyed: bool,
}

/// An event of the verified log: its place, its hash, and the bytes.
pub type Logged = BTreeMap<Uuid, (u64, Hash, Event)>;

/// Compares one clinic's events with `logged`, which must come from a log that
/// was verified.
///
/// # Errors
/// [`RowsError`].
pub async fn check_rows(
    regional: &Regional,
    tenant: TenantRef,
    logged: &Logged,
) -> Result<RowsReport, RowsError> {
    let mut report = RowsReport::default();
    let mut seen = std::collections::BTreeSet::new();
    let now = DateTime::<Utc>::from(regional.clock().now());
    let mut after = Uuid::nil();
    loop {
        let mut tx = regional.begin(tenant, "audit.rows").await?;
        let page: Vec<AuditColumns> = audit_event::table
            .filter(audit_event::event_id.gt(after))
            .order(audit_event::event_id.asc())
            .limit(PAGE_ROWS_MAX)
            .select(AuditColumns::as_select())
            .load(tx.conn())
            .await
            .map_err(TxError::from)?;
        tx.rollback().await?;
        let Some(last) = page.last() else { break };
        after = last.event_id;
        for row in &page {
            report.events += 1;
            seen.insert(row.event_id);
            let hash = event_hash(&row.to_event().encode());
            let stored: Option<&[u8]> = row.leaf.as_deref();
            match logged.get(&row.event_id) {
                Some((index, logged, _)) if *logged != hash || stored != Some(logged.as_slice()) => {
                    report.add(row.event_id, Some(*index), "the event's row was changed");
                }
                Some(_) => {}
                None if (now - row.occurred_at).num_seconds() > UNPUBLISHED_S => {
                    report.add(row.event_id, None, "the event is in the table and not in the log");
                }
                None => {}
            }
        }
    }
    for (id, (index, _, _)) in logged {
        if !seen.contains(id) {
            report.add(*id, Some(*index), "the event's row was removed");
        }
    }
    report.findings.sort_by_key(|found| found.index.unwrap_or(u64::MAX));
    Ok(report)
}

impl RowsReport {
    /// Adds a finding; beyond a thousand they are not kept.
    pub fn add(&mut self, event: Uuid, index: Option<u64>, what: &'static str) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(RowFinding { event, index, what });
        }
    }
}
