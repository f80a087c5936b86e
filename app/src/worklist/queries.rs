//! What of the clinic's work has no list of its own, within somebody's reach. Each query carries that reach as a condition;
//! an emergency, which opens one record, brings nothing onto a list.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use uuid::Uuid;

use crate::access::Within;
use crate::documents::model::State;
use crate::documents::tables::document;
use crate::erasure::tables::erasure;
use crate::patients::queries::ERASED;
use crate::patients::tables::patient;
use crate::relationships::queries::tied_for_good;
use crate::store::StoreError;

/// A document that is not in the record, without its words.
#[derive(Queryable)]
pub struct WaitingDocument {
    /// Id.
    pub id: Uuid,
    /// Whose.
    pub patient_id: Uuid,
    /// What it is for, as stored.
    pub kind: String,
    /// Where it is, as stored.
    pub state: String,
    /// Why it was not accepted.
    pub refusal: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Documents of these kinds that were refused and are still kept, or are being looked at, the newest first.
///
/// # Errors
/// What the database says.
pub async fn documents(
    tx: &mut TenantTx,
    within: Within,
    kinds: &[&'static str],
    limit: i64,
) -> Result<Vec<WaitingDocument>, StoreError> {
    let living = patient::table.filter(patient::state.ne(ERASED)).select(patient::id);
    // By its end or by its missing look each has an index; a state alone has none.
    let refused = document::state.eq(State::Quarantined.as_str()).and(document::purge_after.is_not_null());
    let looked_at = document::state.eq(State::Scanning.as_str()).and(document::scanned_at.is_null());
    let mut query = document::table
        .filter(refused.or(looked_at))
        .filter(document::kind.eq_any(kinds))
        .filter(document::patient_id.eq_any(living))
        .order((document::created_at.desc(), document::id.desc()))
        .limit(limit)
        .select((
            document::id,
            document::patient_id,
            document::kind,
            document::state,
            document::refusal,
            document::updated_at,
        ))
        .into_boxed();
    if let Some(tied) = tied_for_good(within) {
        query = query.filter(document::patient_id.eq_any(tied));
    }
    Ok(query.load(tx.conn()).await?)
}

/// A request to erase a patient that nobody has decided about.
#[derive(Queryable)]
pub struct WaitingErasure {
    /// Whom.
    pub patient_id: Uuid,
    /// Why, as stored.
    pub basis: String,
    /// Who asked.
    pub requested_by: Uuid,
    /// When.
    pub requested_at: DateTime<Utc>,
}

/// Requests to erase patients that wait for a decision, the oldest first.
///
/// # Errors
/// What the database says.
pub async fn erasures(
    tx: &mut TenantTx,
    within: Within,
    limit: i64,
) -> Result<Vec<WaitingErasure>, StoreError> {
    let mut query = erasure::table
        .filter(erasure::state.eq("requested"))
        .order((erasure::requested_at, erasure::id))
        .limit(limit)
        .select((erasure::patient_id, erasure::basis, erasure::requested_by, erasure::requested_at))
        .into_boxed();
    if let Some(tied) = tied_for_good(within) {
        query = query.filter(erasure::patient_id.eq_any(tied));
    }
    Ok(query.load(tx.conn()).await?)
}
