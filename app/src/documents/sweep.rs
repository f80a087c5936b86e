//! Removing what nobody needs: uploads that were not ended in time, refused and deleted documents after their time, objects
//! that nothing refers to, old links.
//!
//! An object's row is written before the object and deleted after it, so no failure in between leaves bytes behind.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::log::{self, Field};
use tenancy::audit::{AuditEntry, Outcome, Purpose, Unaudited};
use tenancy::objects::ObjectId;
use tenancy::{Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::model::{DocumentId, State};
use super::queries;
use super::tables::{document, document_link, stored_object};
use crate::call::roll_back;
use crate::erasure::tables::legal_hold;
use crate::store::StoreError;

/// Documents, and objects, that one run removes in one clinic; the rest is for the next run.
const PER_RUN_MAX: i64 = 200;
/// The action in the audit log.
const ACTION: &str = "document.purge";

/// Removes an object and everything S3 has under its name, then its row.
///
/// # Errors
/// A code; the row stays, and with it the next attempt.
pub async fn remove(regional: &Arc<Regional>, tenant: TenantRef, object: Uuid) -> Result<(), &'static str> {
    let id = ObjectId::from(object.into_bytes());
    regional.objects().remove(tenant.id, id).await.map_err(|_logged| "object.not_removed")?;
    let mut tx = regional.begin(tenant, "document.remove_object").await.map_err(|error| error.code())?;
    // Only a row that is to go: the object of a row that was kept meanwhile is not there any more, and that must show.
    let deleted = diesel::delete(stored_object::table.find(object))
        .filter(stored_object::delete_after.is_not_null())
        .execute(tx.conn())
        .await;
    match deleted {
        // The document that had the object has none now, and that is a change of its row.
        Ok(_) => tx.commit(purged(1)).await.map(drop).map_err(|error| error.code()),
        Err(_never_quoted) => {
            roll_back(tx).await;
            Err("object.row_not_removed")
        }
    }
}

/// Cleans up in one clinic. Objects are removed whose time had passed at `now`.
///
/// # Errors
/// A code; what was removed before it stays removed.
pub async fn run(
    regional: &Arc<Regional>,
    tenant: TenantRef,
    now: DateTime<Utc>,
) -> Result<(), &'static str> {
    expire(regional, tenant, now).await?;
    let mut tx = regional.begin(tenant, "job.sweep_documents").await.map_err(|error| error.code())?;
    let doomed: Result<Vec<Uuid>, diesel::result::Error> = async {
        diesel::delete(document_link::table.filter(document_link::expires_at.lt(now)))
            .execute(tx.conn())
            .await?;
        stored_object::table
            .filter(stored_object::delete_after.le(now))
            .order(stored_object::delete_after)
            .limit(PER_RUN_MAX)
            .select(stored_object::id)
            .load(tx.conn())
            .await
    }
    .await;
    let doomed = match doomed {
        Ok(doomed) => doomed,
        Err(_never_quoted) => {
            roll_back(tx).await;
            return Err("sweep.find");
        }
    };
    tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())?;
    let mut failed = None;
    for object in doomed {
        // One that cannot be removed does not keep the others.
        if let Err(code) = remove(regional, tenant, object).await {
            failed = Some(code);
        }
    }
    match failed {
        Some(code) => Err(code),
        None => Ok(()),
    }
}

/// Documents whose bytes go now: their state says so, and their objects may be removed.
async fn expire(regional: &Arc<Regional>, tenant: TenantRef, now: DateTime<Utc>) -> Result<(), &'static str> {
    let mut tx = regional.begin(tenant, "job.expire_documents").await.map_err(|error| error.code())?;
    match expired(&mut tx, now).await {
        Ok(0) => {
            roll_back(tx).await;
            Ok(())
        }
        Ok(count) => {
            tx.commit(purged(count)).await.map_err(|error| error.code())?;
            log::info("documents_purged", &[Field::Tenant(tenant.id)]);
            Ok(())
        }
        Err(_never_quoted) => {
            roll_back(tx).await;
            Err("sweep.expire")
        }
    }
}

/// The entry for some documents whose bytes go.
fn purged(count: u32) -> AuditEntry {
    AuditEntry::new(ACTION, Outcome::Allow)
        .purpose(Purpose::System)
        .resource_kind("document")
        .count(count)
        .touches(queries::TABLE)
}

async fn expired(tx: &mut TenantTx, now: DateTime<Utc>) -> Result<u32, StoreError> {
    let held = legal_hold::table.filter(legal_hold::released_at.is_null()).select(legal_hold::patient_id);
    let over: Vec<(Uuid, i64, Option<Uuid>)> = document::table
        .filter(document::purge_after.le(now))
        // Of a patient under a legal hold nothing goes that was ever part of the record.
        .filter(document::state.ne(State::Deleted.as_str()).or(document::patient_id.ne_all(held)))
        .order(document::purge_after)
        .limit(PER_RUN_MAX)
        .select((document::id, document::version, document::object_id))
        .load(tx.conn())
        .await?;
    let mut count = 0;
    for (id, version, object) in over {
        let id = DocumentId::from(id);
        if !queries::step(tx, id, version, State::Purged, now).await? {
            continue;
        }
        queries::purge_after(tx, id, None).await?;
        if let Some(object) = object {
            queries::doom_object(tx, object, now).await?;
        }
        count += 1;
    }
    Ok(count)
}
