//! A patient's rows beside the record and the documents, sealed anew under the patient's present key.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt as _;
use tenancy::keys::{Keys, SubjectId};
use tenancy::sealed::SealedRow as _;
use tenancy::{Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::RotateError;
use super::batches::{Batches, Moved, ROWS_PER_BATCH};
use crate::audit::KEYS_RESEAL;
use crate::break_glass::model::BreakGlassRow;
use crate::break_glass::tables::break_glass;
use crate::corrections::model::CorrectionRow;
use crate::corrections::tables::correction;
use crate::disclosures::model::DisclosureRow;
use crate::disclosures::tables::disclosure;
use crate::patients::model::PatientId;
use crate::proxies::model::ProxyRow;
use crate::proxies::tables::proxy;
use crate::registry;
use crate::store::{Sealing, StoreError, renew};

/// The tables with values under a patient's key, as the audit log and the database call them.
#[derive(Clone, Copy)]
enum Table {
    Corrections,
    Disclosures,
    Emergencies,
    Proxies,
}

impl Table {
    const ALL: [Table; 4] = [Table::Corrections, Table::Disclosures, Table::Emergencies, Table::Proxies];

    /// The table's name, which is also what the audit log calls a row.
    const fn name(self) -> &'static str {
        match self {
            Table::Corrections => "correction",
            Table::Disclosures => "disclosure",
            Table::Emergencies => "break_glass",
            Table::Proxies => "proxy",
        }
    }

    /// Seals some rows after `after` anew; how many, and the last one when there may be more.
    async fn batch(
        self,
        tx: &mut TenantTx,
        keys: &Keys,
        (patient, after): (PatientId, Option<Uuid>),
    ) -> Moved {
        let sealer = keys.subject_sealer(tx.tenant(), SubjectId::from(patient.bytes())).await?;
        let macs = keys.row_macs(tx.tenant()).await?;
        let with = Sealing { sealer: &sealer, macs: &macs };
        macro_rules! resealed {
            ($table:ident, $row:ty) => {{
                let rows: Vec<$row> = $table::table
                    .filter($table::patient_id.eq(patient.uuid()))
                    .filter($table::id.gt(after.unwrap_or_default()))
                    .order($table::id)
                    .limit(ROWS_PER_BATCH)
                    .select(<$row>::as_select())
                    .for_update()
                    .load(tx.conn())
                    .await?;
                let full = i64::try_from(rows.len()).is_ok_and(|found| found == ROWS_PER_BATCH);
                let last = rows.last().map(|row| row.id).filter(|_| full);
                let mut changed = 0;
                for row in rows {
                    row.resealed(tx, &with).await?;
                    changed += 1;
                }
                Ok((changed, last))
            }};
        }
        match self {
            Table::Corrections => resealed!(correction, CorrectionRow),
            Table::Disclosures => resealed!(disclosure, DisclosureRow),
            Table::Emergencies => resealed!(break_glass, BreakGlassRow),
            Table::Proxies => resealed!(proxy, ProxyRow),
        }
    }
}

/// A row that can be sealed anew without a change of what it says.
trait Reseal {
    /// Seals and stores it.
    async fn resealed(self, tx: &mut TenantTx, with: &Sealing<'_>) -> Result<(), StoreError>;
}

impl Reseal for CorrectionRow {
    async fn resealed(self, tx: &mut TenantTx, with: &Sealing<'_>) -> Result<(), StoreError> {
        let mut row = with.macs.verify(self)?.into_inner();
        let id = row.id.into_bytes();
        row.request_sealed = renew(with.sealer, registry::CORRECTION_REQUEST, id, &row.request_sealed)?;
        let answer = row.answer_sealed.as_ref();
        row.answer_sealed =
            answer.map(|sealed| renew(with.sealer, registry::CORRECTION_ANSWER, id, sealed)).transpose()?;
        row.row_mac = with.macs.mac(&row.facts())?;
        let set = (
            correction::request_sealed.eq(&row.request_sealed),
            correction::answer_sealed.eq(&row.answer_sealed),
            correction::row_mac.eq(&row.row_mac),
        );
        diesel::update(correction::table.find(row.id)).set(set).execute(tx.conn()).await?;
        Ok(())
    }
}

impl Reseal for DisclosureRow {
    async fn resealed(self, tx: &mut TenantTx, with: &Sealing<'_>) -> Result<(), StoreError> {
        let column = registry::DISCLOSURE_CONTENT;
        let content = renew(with.sealer, column, self.id.into_bytes(), &self.content)?;
        diesel::update(disclosure::table.find(self.id))
            .set(disclosure::content.eq(content))
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}

impl Reseal for ProxyRow {
    async fn resealed(self, tx: &mut TenantTx, with: &Sealing<'_>) -> Result<(), StoreError> {
        let content = renew(with.sealer, registry::PROXY_CONTENT, self.id.into_bytes(), &self.content)?;
        diesel::update(proxy::table.find(self.id)).set(proxy::content.eq(content)).execute(tx.conn()).await?;
        Ok(())
    }
}

impl Reseal for BreakGlassRow {
    async fn resealed(self, tx: &mut TenantTx, with: &Sealing<'_>) -> Result<(), StoreError> {
        let mut row = with.macs.verify(self)?.into_inner();
        let id = row.id.into_bytes();
        row.reason_sealed = renew(with.sealer, registry::BREAK_GLASS_REASON, id, &row.reason_sealed)?;
        let note = row.note_sealed.as_ref();
        row.note_sealed =
            note.map(|sealed| renew(with.sealer, registry::BREAK_GLASS_NOTE, id, sealed)).transpose()?;
        row.row_mac = with.macs.mac(&row.facts())?;
        let set = (
            break_glass::reason_sealed.eq(&row.reason_sealed),
            break_glass::note_sealed.eq(&row.note_sealed),
            break_glass::row_mac.eq(&row.row_mac),
        );
        diesel::update(break_glass::table.find(row.id)).set(set).execute(tx.conn()).await?;
        Ok(())
    }
}

/// Seals every such row of a patient anew.
pub(super) async fn rows(
    regional: &Regional,
    tenant: TenantRef,
    patient: PatientId,
) -> Result<(), RotateError> {
    for table in Table::ALL {
        let batches = Batches {
            regional,
            tenant,
            action: KEYS_RESEAL,
            row: table.name(),
            table: table.name(),
            patient: Some(patient),
        };
        batches
            .run(|tx, after| {
                let keys = Arc::clone(regional.keys());
                async move { table.batch(tx, &keys, (patient, after)).await }.boxed()
            })
            .await?;
    }
    Ok(())
}
