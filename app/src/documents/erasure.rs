//! What erasing a patient takes from the documents: their words, their bytes, and every unfinished upload.
//!
//! Destroying the patient's key has already made all of it unreadable; this removes it as well. The rows that say that there
//! was a document, of which kind and when, stay for the audit log's sake.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::{Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::model::State;
use super::sweep;
use super::tables::{document, document_text, stored_object};
use crate::patients::model::PatientId;
use crate::store::StoreError;

/// Tables that [`forget`] changes; the commit is refused when its audit entry does not name them.
pub const TABLES: [&str; 2] = super::queries::TABLES;

/// Takes all of a patient's documents out of the record, inside the transaction that erases the patient; the objects
/// that [`remove`] is to be called with after the commit.
///
/// # Errors
/// What the database says.
pub async fn forget(
    tx: &mut TenantTx,
    patient: PatientId,
    now: DateTime<Utc>,
) -> Result<Vec<Uuid>, StoreError> {
    let theirs = document::table.filter(document::patient_id.eq(patient.uuid())).select(document::id);
    diesel::delete(document_text::table.filter(document_text::document_id.eq_any(theirs)))
        .execute(tx.conn())
        .await?;
    diesel::update(document::table.filter(document::patient_id.eq(patient.uuid())))
        .set((
            document::state.eq(State::Purged.as_str()),
            document::purge_after.eq(None::<DateTime<Utc>>),
            document::version.eq(document::version + 1),
            document::updated_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    let objects = diesel::update(stored_object::table.filter(stored_object::patient_id.eq(patient.uuid())))
        .set(stored_object::delete_after.eq(now))
        .returning(stored_object::id)
        .get_results(tx.conn())
        .await?;
    Ok(objects)
}

/// Removes the objects of a patient whose erasure is committed. What fails here is removed by the clean-up.
///
/// # Errors
/// A code, when at least one object is still there.
pub async fn remove(
    regional: &Arc<Regional>,
    tenant: TenantRef,
    objects: &[Uuid],
) -> Result<(), &'static str> {
    let mut ended = Ok(());
    for object in objects {
        if let Err(code) = sweep::remove(regional, tenant, *object).await {
            ended = Err(code);
        }
    }
    ended
}
