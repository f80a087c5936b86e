//! What is read and written of erasures and holds. Every function takes the open transaction.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use uuid::Uuid;

use super::rules::{Basis, Refusal};
use super::tables::{erasure, legal_hold};
use crate::patients::account;
use crate::patients::model::PatientId;
use crate::patients::queries::ERASED;
use crate::patients::tables::patient;
use crate::relationships::tables::relationship;
use crate::store::StoreError;

/// Most requests, and most holds, of one patient that are shown.
const SHOWN_MAX: i64 = 100;

/// A row of `erasure`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = erasure)]
pub struct Erasure {
    /// Id.
    pub id: Uuid,
    /// The patient.
    pub patient_id: Uuid,
    /// Why.
    pub basis: String,
    /// How far it is.
    pub state: String,
    /// Why it was refused.
    pub refusal: Option<String>,
    /// Who asked.
    pub requested_by: Uuid,
    /// When.
    pub requested_at: DateTime<Utc>,
    /// Who agreed, or called it off.
    pub decided_by: Option<Uuid>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// When the key was destroyed.
    pub shredded_at: Option<DateTime<Utc>>,
    /// The number in the ledger.
    pub ledger_seq: Option<i64>,
    /// Rows that were removed.
    pub rows_removed: i64,
    /// Objects in S3 that were removed.
    pub objects_removed: i64,
    /// The signed certificate.
    pub certificate: Option<String>,
}

/// A request to be stored.
pub struct NewErasure {
    /// Which patient.
    pub patient: PatientId,
    /// Why.
    pub basis: Basis,
    /// Set when the law refuses it at once.
    pub refusal: Option<Refusal>,
    /// Who asks.
    pub by: Uuid,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A decision about a request.
pub struct Decision {
    /// The state it moves from.
    pub from: &'static str,
    /// The state it moves to.
    pub to: &'static str,
    /// Who decides.
    pub by: Uuid,
    /// Now.
    pub now: DateTime<Utc>,
}

/// The patient's state and when it was registered, locked until the transaction ends; `None` for an unknown one.
///
/// # Errors
/// What the database says.
pub async fn lock_patient(
    tx: &mut TenantTx,
    id: PatientId,
) -> Result<Option<(String, DateTime<Utc>)>, StoreError> {
    let found = patient::table
        .find(id.uuid())
        .select((patient::state, patient::created_at))
        .for_update()
        .first(tx.conn())
        .await
        .optional();
    Ok(found?)
}

/// Whether there is such a patient, or was.
///
/// # Errors
/// What the database says.
pub async fn is_known(tx: &mut TenantTx, id: PatientId) -> Result<bool, StoreError> {
    let found: Option<Uuid> =
        patient::table.find(id.uuid()).select(patient::id).first(tx.conn()).await.optional()?;
    Ok(found.is_some())
}

impl NewErasure {
    /// Stores the request; a duplicate is refused by a unique index.
    ///
    /// # Errors
    /// What the database says.
    pub async fn insert(&self, tx: &mut TenantTx) -> Result<Uuid, StoreError> {
        let id = crate::auth::invite::new_id();
        let tenant = tx.tenant().as_uuid();
        diesel::insert_into(erasure::table)
            .values((
                erasure::id.eq(id),
                erasure::tenant_id.eq(tenant),
                erasure::patient_id.eq(self.patient.uuid()),
                erasure::basis.eq(self.basis.as_str()),
                erasure::state.eq(if self.refusal.is_some() { "refused" } else { "requested" }),
                erasure::refusal.eq(self.refusal.map(Refusal::as_str)),
                erasure::requested_by.eq(self.by),
                erasure::requested_at.eq(self.now),
            ))
            .execute(tx.conn())
            .await?;
        Ok(id)
    }
}

impl Erasure {
    /// The requests about a patient, the newest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all_of(tx: &mut TenantTx, patient: PatientId) -> Result<Vec<Erasure>, StoreError> {
        Ok(erasure::table
            .filter(erasure::patient_id.eq(patient.uuid()))
            .order((erasure::requested_at.desc(), erasure::id.desc()))
            .limit(SHOWN_MAX)
            .select(Erasure::as_select())
            .load(tx.conn())
            .await?)
    }

    /// The request about a patient that waits for a decision; there is one at most.
    ///
    /// # Errors
    /// What the database says.
    pub async fn waiting_of(tx: &mut TenantTx, patient: PatientId) -> Result<Option<Erasure>, StoreError> {
        let found = erasure::table
            .filter(erasure::patient_id.eq(patient.uuid()))
            .filter(erasure::state.eq("requested"))
            .select(Erasure::as_select())
            .first(tx.conn())
            .await
            .optional();
        Ok(found?)
    }

    /// A request by its id.
    ///
    /// # Errors
    /// What the database says.
    pub async fn find(tx: &mut TenantTx, id: Uuid) -> Result<Option<Erasure>, StoreError> {
        let found = erasure::table.find(id).select(Erasure::as_select()).first(tx.conn()).await;
        Ok(found.optional()?)
    }

    /// A request by its id, locked until the transaction ends.
    ///
    /// # Errors
    /// What the database says.
    pub async fn lock(tx: &mut TenantTx, id: Uuid) -> Result<Option<Erasure>, StoreError> {
        let found = erasure::table.find(id).select(Erasure::as_select()).for_update().first(tx.conn()).await;
        Ok(found.optional()?)
    }

    /// Moves it, if it is still where the decision thinks; says whether it was.
    ///
    /// # Errors
    /// What the database says.
    pub async fn decide(&self, tx: &mut TenantTx, decision: &Decision) -> Result<bool, StoreError> {
        let moved = diesel::update(erasure::table.find(self.id))
            .filter(erasure::state.eq(decision.from))
            .set((
                erasure::state.eq(decision.to),
                erasure::decided_by.eq(decision.by),
                erasure::decided_at.eq(decision.now),
            ))
            .execute(tx.conn())
            .await?;
        Ok(moved == 1)
    }

    /// Begins the destruction: from here on nobody finds the patient. Harmless to repeat.
    ///
    /// # Errors
    /// What the database says.
    pub async fn begin_shredding(&self, tx: &mut TenantTx, now: DateTime<Utc>) -> Result<(), StoreError> {
        diesel::update(erasure::table.find(self.id))
            .set(erasure::state.eq("shredding"))
            .execute(tx.conn())
            .await?;
        mark_erased(tx, self.patient_id, now).await
    }

    /// Stores that the key is destroyed, and how much is gone with it.
    ///
    /// # Errors
    /// What the database says.
    pub async fn note_destroyed(&self, tx: &mut TenantTx) -> Result<(), StoreError> {
        diesel::update(erasure::table.find(self.id))
            .set((
                erasure::shredded_at.eq(self.shredded_at),
                erasure::ledger_seq.eq(self.ledger_seq),
                erasure::rows_removed.eq(self.rows_removed),
                erasure::objects_removed.eq(self.objects_removed),
            ))
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// Ends it with its certificate; says whether nobody had before.
    ///
    /// # Errors
    /// What the database says.
    pub async fn end(&self, tx: &mut TenantTx, certificate: &str) -> Result<bool, StoreError> {
        let ended = diesel::update(erasure::table.find(self.id))
            .filter(erasure::state.eq("shredding"))
            .set((erasure::state.eq("shredded"), erasure::certificate.eq(certificate)))
            .execute(tx.conn())
            .await?;
        Ok(ended == 1)
    }
}

/// From here on the patient is found by nobody. Harmless to repeat.
///
/// # Errors
/// What the database says.
pub async fn mark_erased(tx: &mut TenantTx, patient: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    // A new version tells every process that holds names in memory to drop this one.
    diesel::update(patient::table.find(patient))
        .filter(patient::state.ne(ERASED))
        .set((
            patient::state.eq(ERASED),
            patient::version.eq(patient::version + 1),
            patient::updated_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Erasures that were agreed to, before `before` if that is given, and are not at their end, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn unended(
    tx: &mut TenantTx,
    before: Option<DateTime<Utc>>,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let mut query = erasure::table
        .filter(erasure::state.eq_any(["approved", "shredding"]))
        .order(erasure::decided_at)
        .limit(limit)
        .select(erasure::id)
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(erasure::decided_at.lt(before));
    }
    Ok(query.load(tx.conn()).await?)
}

/// Removes who was tied to an erased patient, and the accounts by which only that patient, or somebody who stood in for that
/// patient alone, signed in; says how many ties there were.
///
/// # Errors
/// What the database or the key store says.
pub async fn remove_ties(
    tx: &mut TenantTx,
    keys: &Keys,
    patient: PatientId,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    account::forget(tx, keys, patient, now).await?;
    let theirs = relationship::table.filter(relationship::patient_id.eq(patient.uuid()));
    let removed = diesel::delete(theirs).execute(tx.conn()).await?;
    Ok(i64::try_from(removed).unwrap_or(i64::MAX))
}

/// A row of `legal_hold`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = legal_hold)]
pub struct Hold {
    /// Why.
    pub reason: String,
    /// Who placed it.
    pub placed_by: Uuid,
    /// When.
    pub placed_at: DateTime<Utc>,
    /// Who released it.
    pub released_by: Option<Uuid>,
    /// When.
    pub released_at: Option<DateTime<Utc>>,
}

/// A patient's holds, the newest first.
///
/// # Errors
/// What the database says.
pub async fn holds(tx: &mut TenantTx, id: PatientId) -> Result<Vec<Hold>, StoreError> {
    Ok(legal_hold::table
        .filter(legal_hold::patient_id.eq(id.uuid()))
        .order(legal_hold::placed_at.desc())
        .limit(SHOWN_MAX)
        .select(Hold::as_select())
        .load(tx.conn())
        .await?)
}

/// Whether a hold stands.
///
/// # Errors
/// What the database says.
pub async fn is_held(tx: &mut TenantTx, patient: Uuid) -> Result<bool, StoreError> {
    let standing = legal_hold::table
        .filter(legal_hold::patient_id.eq(patient))
        .filter(legal_hold::released_at.is_null())
        .select(legal_hold::id)
        .first::<Uuid>(tx.conn())
        .await
        .optional()?;
    Ok(standing.is_some())
}

/// As [`is_held`], and so it stays until the transaction ends.
///
/// # Errors
/// What the database says.
pub async fn is_held_until_commit(tx: &mut TenantTx, id: PatientId) -> Result<bool, StoreError> {
    let _whoever_places_a_hold_waits: Option<Uuid> =
        patient::table.find(id.uuid()).select(patient::id).for_share().first(tx.conn()).await.optional()?;
    is_held(tx, id.uuid()).await
}

/// Places a hold on a patient whose row is locked; a second one while one stands is refused by a unique index. An approval that
/// was given before has lapsed with it: when the hold is gone, somebody agrees again.
///
/// # Errors
/// What the database says.
pub async fn place_hold(
    tx: &mut TenantTx,
    patient: PatientId,
    reason: &'static str,
    (by, now): (Uuid, DateTime<Utc>),
) -> Result<(), StoreError> {
    let tenant = tx.tenant().as_uuid();
    diesel::insert_into(legal_hold::table)
        .values((
            legal_hold::id.eq(crate::auth::invite::new_id()),
            legal_hold::tenant_id.eq(tenant),
            legal_hold::patient_id.eq(patient.uuid()),
            legal_hold::reason.eq(reason),
            legal_hold::placed_by.eq(by),
            legal_hold::placed_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    diesel::update(erasure::table.filter(erasure::patient_id.eq(patient.uuid())))
        .filter(erasure::state.eq("approved"))
        .set((
            erasure::state.eq("requested"),
            erasure::decided_by.eq(None::<Uuid>),
            erasure::decided_at.eq(None::<DateTime<Utc>>),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Releases the standing hold; says whether there was one.
///
/// # Errors
/// What the database says.
pub async fn release_hold(
    tx: &mut TenantTx,
    patient: PatientId,
    (by, now): (Uuid, DateTime<Utc>),
) -> Result<bool, StoreError> {
    let released = diesel::update(legal_hold::table)
        .filter(legal_hold::patient_id.eq(patient.uuid()))
        .filter(legal_hold::released_at.is_null())
        .set((legal_hold::released_by.eq(by), legal_hold::released_at.eq(now)))
        .execute(tx.conn())
        .await?;
    Ok(released == 1)
}
