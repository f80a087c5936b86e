//! What is read and written of emergency access.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::sealed::{Sealed, SealedRow as _, Verified};
use uuid::Uuid;

use super::model::{BreakGlassRow, Verdict};
use super::tables::break_glass;
use crate::relationships::model::{NewTie, Tie};
use crate::relationships::queries as ties;
use crate::relationships::tables::relationship;
use crate::store::StoreError;

impl BreakGlassRow {
    /// Ties the account to the patient for as long as the emergency lasts.
    ///
    /// # Errors
    /// What the database says.
    pub async fn tie(&self, tx: &mut TenantTx) -> Result<(), StoreError> {
        let tie = NewTie {
            id: self.id,
            tenant_id: self.tenant_id,
            patient_id: self.patient_id,
            party_id: self.account_id,
            kind: Tie::BreakGlass.as_str(),
            founding: false,
            valid_from: self.started_at,
            valid_to: Some(self.expires_at),
            created_at: self.started_at,
            created_by: self.account_id,
            scope: Vec::new(),
        };
        ties::insert(tx, tie).await
    }

    /// Stores it with its MAC, after the tie.
    ///
    /// # Errors
    /// What the database or the key store says.
    pub async fn insert(mut self, tx: &mut TenantTx, keys: &Keys) -> Result<(), StoreError> {
        self.row_mac = keys.row_macs(tx.tenant()).await?.mac(&self.facts())?;
        diesel::insert_into(break_glass::table).values(self).execute(tx.conn()).await?;
        Ok(())
    }
}

/// Ends somebody's own emergency now. The patient it was about; `None` when there is none that lasts.
///
/// # Errors
/// What the database says.
pub async fn end(
    tx: &mut TenantTx,
    (id, account_id): (Uuid, Uuid),
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, StoreError> {
    let patient: Option<Uuid> = diesel::update(break_glass::table.find(id))
        .filter(break_glass::account_id.eq(account_id))
        .filter(break_glass::ended_at.is_null())
        .filter(break_glass::expires_at.gt(now))
        .set(break_glass::ended_at.eq(now))
        .returning(break_glass::patient_id)
        .get_result(tx.conn())
        .await
        .optional()?;
    if patient.is_some() {
        diesel::update(relationship::table.find(id))
            .set(relationship::valid_to.eq(now))
            .execute(tx.conn())
            .await?;
    }
    Ok(patient)
}

/// Emergencies that nobody has reviewed, the oldest first, after `after`.
///
/// # Errors
/// [`StoreError::Open`] when a row is not what was stored, otherwise what the database or the key store says.
pub async fn unreviewed(
    tx: &mut TenantTx,
    keys: &Keys,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Verified<BreakGlassRow>>, StoreError> {
    let rows: Vec<BreakGlassRow> = break_glass::table
        .filter(break_glass::reviewed_at.is_null())
        .filter(break_glass::id.gt(after.unwrap_or_default()))
        .order(break_glass::id)
        .limit(limit)
        .select(BreakGlassRow::as_select())
        .load(tx.conn())
        .await?;
    let macs = keys.row_macs(tx.tenant()).await?;
    Ok(rows.into_iter().map(|row| macs.verify(row)).collect::<Result<_, _>>()?)
}

/// An emergency that waits for its review, locked.
///
/// # Errors
/// As [`unreviewed`].
pub async fn lock_unreviewed(
    tx: &mut TenantTx,
    keys: &Keys,
    id: Uuid,
) -> Result<Option<Verified<BreakGlassRow>>, StoreError> {
    let found: Option<BreakGlassRow> = break_glass::table
        .find(id)
        .filter(break_glass::reviewed_at.is_null())
        .select(BreakGlassRow::as_select())
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some(row) = found else { return Ok(None) };
    Ok(Some(keys.row_macs(tx.tenant()).await?.verify(row)?))
}

/// Writes down what a review came to.
///
/// # Errors
/// What the database says.
pub async fn review(
    tx: &mut TenantTx,
    keys: &Keys,
    mut row: BreakGlassRow,
    (by, verdict, note): (Uuid, Verdict, Sealed),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    row.verdict = Some(verdict.as_str().to_owned());
    row.note_sealed = Some(note);
    row.version = row.version.saturating_add(1);
    row.row_mac = keys.row_macs(tx.tenant()).await?.mac(&row.facts())?;
    diesel::update(break_glass::table.find(row.id))
        .set((
            break_glass::reviewed_by.eq(by),
            break_glass::reviewed_at.eq(now),
            break_glass::verdict.eq(row.verdict),
            break_glass::note_sealed.eq(row.note_sealed),
            break_glass::version.eq(row.version),
            break_glass::row_mac.eq(row.row_mac),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether an emergency waits for its review, and whether anybody was told of it.
///
/// # Errors
/// What the database says.
pub async fn standing(
    tx: &mut TenantTx,
    id: Uuid,
) -> Result<Option<(Option<DateTime<Utc>>, Option<DateTime<Utc>>)>, StoreError> {
    Ok(break_glass::table
        .find(id)
        .select((break_glass::told_at, break_glass::reviewed_at))
        .first(tx.conn())
        .await
        .optional()?)
}

/// Writes down that the clinic was told.
///
/// # Errors
/// What the database says.
pub async fn told(tx: &mut TenantTx, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(break_glass::table.find(id))
        .filter(break_glass::told_at.is_null())
        .set(break_glass::told_at.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}
