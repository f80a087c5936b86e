//! Whether each patient's row is the one that the verified log last saw: at its version, with its MAC.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::audit_log::{Logged, RowsReport};
use tenancy::{Regional, TenantRef, TxError};
use uuid::Uuid;

use crate::patients::tables::{patient, person};

/// Rows read at once.
const PAGE_ROWS_MAX: usize = 1_000;

/// Compares the version of every patient whose last logged change has one.
///
/// # Errors
/// What the database says.
pub async fn check_versions(
    regional: &Regional,
    tenant: TenantRef,
    logged: &Logged,
    report: &mut RowsReport,
) -> Result<(), TxError> {
    let mut last: BTreeMap<Uuid, Last> = BTreeMap::new();
    for (id, (index, _, event)) in logged {
        // Rotating a key gives the sealed half another MAC at the same version, and says so with that half's name alone.
        let touched = |name: &str| event.touched.iter().any(|table| table == name);
        let changed = touched("patient") || (touched("person") && event.resource_kind == "patient");
        if let (true, Some(version), Some(row)) = (changed, event.row_version, event.resource) {
            let now = Last { version, index: *index, event: *id, mac: event.row_mac.clone() };
            let newest = last.entry(Uuid::from_bytes(row)).or_insert_with(|| now.clone());
            if newest.index < now.index {
                *newest = now;
            }
        }
    }
    let ids: Vec<Uuid> = last.keys().copied().collect();
    for chunk in ids.chunks(PAGE_ROWS_MAX) {
        let mut tx = regional.begin(tenant, "audit.rows").await?;
        let rows: Vec<(Uuid, i64, Vec<u8>)> = patient::table
            .inner_join(person::table.on(person::patient_id.eq(patient::id)))
            .filter(patient::id.eq_any(chunk))
            .select((patient::id, patient::version, person::row_mac))
            .load(tx.conn())
            .await?;
        tx.rollback().await?;
        let found: BTreeMap<Uuid, (i64, Vec<u8>)> =
            rows.into_iter().map(|(id, version, mac)| (id, (version, mac))).collect();
        for row in chunk {
            let Some(last) = last.get(row) else { continue };
            report.rows += 1;
            let wrong = match found.get(row) {
                None => Some("the row was removed without an event"),
                Some((held, _)) if *held < last.version => {
                    Some("the row was rolled back behind its last logged version")
                }
                Some((held, mac))
                    if *held == last.version && last.mac.as_ref().is_some_and(|last| last != mac) =>
                {
                    Some("the row is another than the one that was logged")
                }
                Some(_) => None,
            };
            if let Some(what) = wrong {
                report.add(last.event, Some(last.index), what);
            }
        }
    }
    Ok(())
}

/// What the log last saw of a row.
#[derive(Clone)]
struct Last {
    version: i64,
    index: u64,
    event: Uuid,
    mac: Option<Vec<u8>>,
}
