//! A clinic's rows given the tags of the blind-index keys there are now: both versions' while a key is rotated, one's afterwards.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::FutureExt as _;
use regions::region::Jurisdiction;
use tenancy::audit::{AuditEntry, ENTRIES_PER_COMMIT_MAX, Outcome, Purpose as Why};
use tenancy::keys::{Keys, Purpose, Rotation, Stage};
use tenancy::{Regional, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::RotateError;
use super::batches::{Batches, Moved, ROWS_PER_BATCH};
use crate::auth::invite::login_tags;
use crate::auth::record::AccountRow;
use crate::auth::tables::account;
use crate::call::roll_back;
use crate::patients::refill;
use crate::registry;
use crate::store::{self, StoreError};

/// Patients one transaction moves; each leaves an entry of its own.
const PATIENTS_PER_BATCH: usize = ENTRIES_PER_COMMIT_MAX;

/// What rows are tagged anew with.
pub(super) struct Retag<'a> {
    pub(super) regional: &'a Regional,
    pub(super) tenant: TenantRef,
    /// Decides how a telephone number without a country is read.
    pub(super) jurisdiction: Jurisdiction,
}

impl Retag<'_> {
    /// Moves the patients after the rotation's position, and before the first of them all accounts; says how many, and from
    /// where the next batch goes on (`None` at the end).
    pub(super) async fn batch(&self, rotation: &Rotation) -> Result<(u64, Option<Uuid>), RotateError> {
        let keys = self.regional.keys();
        if rotation.stage == Stage::Filling {
            // A process that does not know the new version yet would find that nothing is missing.
            keys.tenant_key_version(self.tenant.id, Purpose::BlindIndex, rotation.to_version).await?;
        }
        let mut moved = 0;
        if rotation.position.is_none() {
            moved = self.accounts().await?;
        }
        let mut tx = self.regional.begin(self.tenant, "keys.retag").await.map_err(StoreError::Tx)?;
        match self.patients(&mut tx, rotation.position).await {
            Ok((entries, position)) if entries.is_empty() => {
                roll_back(tx).await;
                Ok((moved, position))
            }
            Ok((entries, position)) => {
                moved = moved.saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX));
                tx.commit_many(entries).await.map_err(StoreError::Tx)?;
                Ok((moved, position))
            }
            Err(error) => {
                roll_back(tx).await;
                Err(error.into())
            }
        }
    }

    async fn patients(
        &self,
        tx: &mut TenantTx,
        after: Option<Uuid>,
    ) -> Result<(Vec<AuditEntry>, Option<Uuid>), StoreError> {
        let limit = i64::try_from(PATIENTS_PER_BATCH).unwrap_or(i64::MAX);
        let ids = refill::page(tx, after, limit).await?;
        let position = (ids.len() == PATIENTS_PER_BATCH).then(|| ids.last().copied()).flatten();
        let mut entries = Vec::with_capacity(ids.len());
        for id in ids {
            let retagged = refill::retag(tx, self.regional.keys(), self.jurisdiction, id).await?;
            let Some((version, mac)) = retagged else { continue };
            entries.push(
                AuditEntry::new("keys.retag", Outcome::Allow)
                    .resource("patient", id.into_bytes())
                    .subject(id.into_bytes())
                    .purpose(Why::System)
                    .row_version(version)
                    .row_mac(&mac)
                    .touches("person")
                    .touches("person_tag"),
            );
        }
        Ok((entries, position))
    }

    /// Moves the clinic's accounts; says how many.
    async fn accounts(&self) -> Result<u64, RotateError> {
        let (regional, tenant) = (self.regional, self.tenant);
        let batches = Batches {
            regional,
            tenant,
            action: "keys.retag",
            row: "account",
            table: "account",
            patient: None,
        };
        batches
            .run(|tx, after| {
                let keys = Arc::clone(regional.keys());
                async move { retag_accounts(tx, &keys, after).await }.boxed()
            })
            .await
    }
}

/// Moves some accounts after `after`; how many, and the last one when there may be more.
async fn retag_accounts(tx: &mut TenantTx, keys: &Keys, after: Option<Uuid>) -> Moved {
    let rows: Vec<AccountRow> = account::table
        .filter(account::id.gt(after.unwrap_or_default()))
        .order(account::id)
        .limit(ROWS_PER_BATCH)
        .select(AccountRow::as_select())
        .for_update()
        .load(tx.conn())
        .await?;
    let full = i64::try_from(rows.len()).is_ok_and(|found| found == ROWS_PER_BATCH);
    let last = rows.last().map(|row| row.id).filter(|_| full);
    let (sealer, macs) = (keys.tenant_sealer(tx.tenant()).await?, keys.row_macs(tx.tenant()).await?);
    let mut changed = 0;
    for row in rows {
        let mut row = macs.verify(row)?.into_inner();
        let email: String = store::open(&sealer, registry::ACCOUNT_EMAIL, row.id.into_bytes(), &row.email)?;
        let email = Zeroizing::new(email);
        let tags = login_tags(keys, tx.tenant(), &email).await?;
        if (&tags.odd, &tags.even) == (&row.login_tag, &row.login_tag_even) {
            continue;
        }
        (row.login_tag, row.login_tag_even) = (tags.odd, tags.even);
        row.keep(tx, keys).await?;
        changed += 1;
    }
    Ok((changed, last))
}
