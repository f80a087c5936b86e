//! One batch of a clinic's rows put under a new row-MAC key.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt as _;
use tenancy::audit::{AuditEntry, ENTRIES_PER_COMMIT_MAX, Outcome, Purpose as Why};
use tenancy::keys::{Keys, Rotation};
use tenancy::sealed::SealedRow as _;
use tenancy::{Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::RotateError;
use super::batches::{Batches, Moved, ROWS_PER_BATCH};
use crate::auth::factor::queries::TotpRow;
use crate::auth::record::AccountRow;
use crate::auth::tables::{account, totp};
use crate::break_glass::model::BreakGlassRow;
use crate::break_glass::tables::break_glass;
use crate::call::roll_back;
use crate::corrections::model::CorrectionRow;
use crate::corrections::tables::correction;
use crate::documents::model::TextRow;
use crate::documents::tables::document_text;
use crate::oauth::model::ClientRow;
use crate::oauth::tables::oauth_client;
use crate::patients::refill;
use crate::store::StoreError;

/// Patients one transaction moves; each leaves an entry of its own.
const PATIENTS_PER_BATCH: usize = ENTRIES_PER_COMMIT_MAX;

/// The tables beside the patients' whose rows have a MAC.
#[derive(Clone, Copy)]
enum Table {
    Accounts,
    Totp,
    Emergencies,
    Documents,
    Corrections,
    Clients,
}

impl Table {
    const ALL: [Table; 6] = [
        Table::Accounts,
        Table::Totp,
        Table::Emergencies,
        Table::Documents,
        Table::Corrections,
        Table::Clients,
    ];

    /// What the audit log calls a row.
    const fn row(self) -> &'static str {
        match self {
            Table::Accounts | Table::Totp => "account",
            Table::Emergencies => "break_glass",
            Table::Documents => "document",
            Table::Corrections => "correction",
            Table::Clients => "oauth_client",
        }
    }

    /// The table's name where its changes must be named.
    const fn name(self) -> &'static str {
        match self {
            Table::Accounts => "account",
            Table::Totp => "totp",
            Table::Emergencies => "break_glass",
            Table::Documents => "document_text",
            Table::Corrections => "correction",
            Table::Clients => "oauth_client",
        }
    }

    /// Moves some rows after `after`; how many, and the last one when there may be more.
    async fn batch(self, tx: &mut TenantTx, keys: &Keys, after: Option<Uuid>) -> Moved {
        let macs = keys.row_macs(tx.tenant()).await?;
        macro_rules! moved {
            ($table:ident, $key:ident, $row:ty) => {{
                let rows: Vec<$row> = $table::table
                    .filter($table::$key.gt(after.unwrap_or_default()))
                    .order($table::$key)
                    .limit(ROWS_PER_BATCH)
                    .select(<$row>::as_select())
                    .for_update()
                    .load(tx.conn())
                    .await?;
                let full = i64::try_from(rows.len()).is_ok_and(|found| found == ROWS_PER_BATCH);
                let last = rows.last().map(|row| row.$key).filter(|_| full);
                let mut changed = 0;
                for row in rows {
                    let row = macs.verify(row)?;
                    if macs.is_current(&row.row_mac) {
                        continue;
                    }
                    let mac = macs.mac(&row.facts())?;
                    diesel::update($table::table.find(row.$key))
                        .set($table::row_mac.eq(&mac))
                        .execute(tx.conn())
                        .await?;
                    changed += 1;
                }
                Ok((changed, last))
            }};
        }
        match self {
            Table::Accounts => moved!(account, id, AccountRow),
            Table::Totp => moved!(totp, account_id, TotpRow),
            Table::Emergencies => moved!(break_glass, id, BreakGlassRow),
            Table::Documents => moved!(document_text, document_id, TextRow),
            Table::Corrections => moved!(correction, id, CorrectionRow),
            Table::Clients => moved!(oauth_client, id, ClientRow),
        }
    }
}

/// Moves the rows that are no patient's own; says how many.
async fn others(regional: &Regional, tenant: TenantRef) -> Result<u64, RotateError> {
    let mut moved = 0_u64;
    for table in Table::ALL {
        let batches = Batches {
            regional,
            tenant,
            action: "keys.fill",
            row: table.row(),
            table: table.name(),
            patient: None,
        };
        let count = batches
            .run(|tx, after| {
                let keys = Arc::clone(regional.keys());
                async move { table.batch(tx, &keys, after).await }.boxed()
            })
            .await?;
        moved = moved.saturating_add(count);
    }
    Ok(moved)
}

/// Moves the patients after the rotation's position, and before the first of them every other row that has a MAC; says how many,
/// and from where the next batch goes on (`None` at the end).
pub(super) async fn batch(
    regional: &Regional,
    tenant: TenantRef,
    rotation: &Rotation,
) -> Result<(u64, Option<Uuid>), RotateError> {
    let others = match rotation.position {
        None => others(regional, tenant).await?,
        Some(_) => 0,
    };
    let mut tx = regional.begin(tenant, "keys.fill").await.map_err(StoreError::Tx)?;
    match moved(&mut tx, regional, rotation).await {
        Ok((entries, position)) if entries.is_empty() => {
            roll_back(tx).await;
            Ok((others, position))
        }
        Ok((entries, position)) => {
            let count = others.saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX));
            tx.commit_many(entries).await.map_err(StoreError::Tx)?;
            Ok((count, position))
        }
        Err(error) => {
            roll_back(tx).await;
            Err(error.into())
        }
    }
}

async fn moved(
    tx: &mut TenantTx,
    regional: &Regional,
    rotation: &Rotation,
) -> Result<(Vec<AuditEntry>, Option<Uuid>), StoreError> {
    let limit = i64::try_from(PATIENTS_PER_BATCH).unwrap_or(i64::MAX);
    let ids = refill::page(tx, rotation.position, limit).await?;
    let position = (ids.len() == PATIENTS_PER_BATCH).then(|| ids.last().copied()).flatten();
    let mut entries = Vec::with_capacity(ids.len());
    for id in ids {
        let Some((version, mac)) = refill::remac(tx, regional.keys(), id).await? else { continue };
        entries.push(
            AuditEntry::new("keys.fill", Outcome::Allow)
                .resource("patient", id.into_bytes())
                .subject(id.into_bytes())
                .purpose(Why::System)
                .row_version(version)
                .row_mac(&mac)
                .touches("person"),
        );
    }
    Ok((entries, position))
}
