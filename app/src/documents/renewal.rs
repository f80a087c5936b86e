//! Documents that were accepted, looked at again when the scanner has other signatures than then: in the hourly clean-up, those
//! first that were looked at longest ago.
//!
//! What is found now is quarantined and keeps its bytes, because signatures err and a record is a record; newer signatures that
//! do not find it let it out again.

use std::sync::Arc;

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::log::{self, Field};
use tenancy::audit::{AuditEntry, Outcome, Purpose, Unaudited};
use tenancy::objects::{Extent, Layout, ObjectError, ObjectId, SegmentReader};
use tenancy::{TenantRef, TenantTx};
use uuid::Uuid;

use super::intake::Intake;
use super::model::{Document, DocumentId, State};
use super::queries;
use super::scanner::Found;
use super::tables::document;
use crate::call::roll_back;
use crate::store::StoreError;

/// Documents that one run looks at again in one clinic; the rest is for the next run.
const PER_RUN_MAX: i64 = 200;
/// Bytes after which a run begins no further document.
const BYTES_PER_RUN_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// The action in the audit log.
const ACTION: &str = "document.rescan";
/// The stored refusal of what the scanner found.
const MALWARE: &str = "malware";

/// A document that is due.
struct Due {
    document: Document,
    object: Uuid,
    layout: Layout,
    extent: Extent,
}

/// What one look came to.
enum Seen {
    Clean,
    Malware,
    /// It cannot be said: the daemon's limit is below its length by now, or its bytes are damaged, which every reader is told.
    Nothing(&'static str),
}

/// Looks again at what was accepted under other signatures; how many documents were looked at. Without a scanner, and while it
/// does not answer, nothing is done.
///
/// # Errors
/// A code, when the scanner or a store went away meanwhile; what was done stays done.
pub async fn run(intake: &Intake<'_>, tenant: TenantRef) -> Result<usize, &'static str> {
    let Ok(Some(version)) = intake.scanner.version().await else { return Ok(0) };
    let (mut seen, mut bytes) = (0, 0_u64);
    for id in due(intake, tenant, &version).await? {
        if bytes >= BYTES_PER_RUN_MAX {
            break;
        }
        let Some(due) = Box::pin(find(intake, tenant, id)).await? else { continue };
        bytes = bytes.saturating_add(due.extent.bytes());
        let (document, found) = Box::pin(look(intake, tenant, due)).await?;
        Box::pin(settle(intake, tenant, (document, found), &version)).await?;
        seen += 1;
    }
    Ok(seen)
}

async fn due(intake: &Intake<'_>, tenant: TenantRef, version: &str) -> Result<Vec<DocumentId>, &'static str> {
    let mut tx = intake.regional.begin(tenant, "job.renew_scans").await.map_err(|error| error.code())?;
    let accepted = document::state.eq_any([State::Current.as_str(), State::Superseded.as_str()]);
    let quarantined_later = document::state
        .eq(State::Quarantined.as_str())
        .and(document::refusal.is_not_distinct_from(MALWARE))
        .and(document::purge_after.is_null());
    let found: Result<Vec<Uuid>, _> = document::table
        .filter(accepted.or(quarantined_later))
        .filter(document::scanned_with.is_distinct_from(version))
        .order((document::scanned_at.asc().nulls_first(), document::id))
        .limit(PER_RUN_MAX)
        .select(document::id)
        .load(tx.conn())
        .await;
    roll_back(tx).await;
    found.map(|ids| ids.into_iter().map(DocumentId::from).collect()).map_err(|_never_quoted| "rescan.find")
}

async fn find(intake: &Intake<'_>, tenant: TenantRef, id: DocumentId) -> Result<Option<Due>, &'static str> {
    let mut tx = intake.regional.begin(tenant, "job.renew_scans").await.map_err(|error| error.code())?;
    let found = async {
        let Some((document, sealer)) = queries::find(&mut tx, intake.regional.keys(), id).await? else {
            return Ok(None);
        };
        let Some(row) = document.object.filter(|_| is_due(&document)) else { return Ok(None) };
        let Some(object) = queries::object(&mut tx, row).await? else { return Ok(None) };
        let extent = Extent::new(document.size_bytes).ok_or(StoreError::Shape)?;
        let layout = queries::layout(&sealer, &object)?;
        Ok::<Option<Due>, StoreError>(Some(Due { document, object: row, layout, extent }))
    };
    match found.await {
        Ok(found) => {
            tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())?;
            Ok(found)
        }
        Err(_never_quoted) => {
            roll_back(tx).await;
            Err("rescan.find")
        }
    }
}

/// Whether it may be read, or was quarantined after it had been accepted.
fn is_due(document: &Document) -> bool {
    document.state.is_readable() || is_quarantined_later(document)
}

fn is_quarantined_later(document: &Document) -> bool {
    document.state == State::Quarantined
        && document.purge_after.is_none()
        && document.refusal.as_deref() == Some(MALWARE)
}

async fn look(intake: &Intake<'_>, tenant: TenantRef, due: Due) -> Result<(Document, Seen), &'static str> {
    let Due { document, object, layout, extent } = due;
    let objects = Arc::clone(intake.regional.objects());
    let at = (tenant.id, ObjectId::from(object.into_bytes()));
    let mut reader = SegmentReader::new(objects, at, layout, extent, 0..extent.segments());
    let away = |_no_daemon| "scanner.unavailable";
    let Some(mut scan) = intake.scanner.begin().await.map_err(away)? else {
        return Err("scanner.unavailable");
    };
    while let Some(segment) = reader.next().await {
        match segment {
            Ok(segment) => scan.send(&segment).await.map_err(away)?,
            Err(ObjectError::Damaged | ObjectError::NotFound) => {
                return Ok((document, Seen::Nothing("damaged")));
            }
            Err(_later) => return Err("object.unavailable"),
        }
    }
    let seen = match scan.finish().await.map_err(away)? {
        Found::Nothing => Seen::Clean,
        Found::Malware => Seen::Malware,
        Found::TooLarge => Seen::Nothing("too_large_to_scan"),
    };
    Ok((document, seen))
}

async fn settle(
    intake: &Intake<'_>,
    tenant: TenantRef,
    (document, seen): (Document, Seen),
    version: &str,
) -> Result<(), &'static str> {
    let mut tx = intake.regional.begin(tenant, "job.renew_scans").await.map_err(|error| error.code())?;
    match settled(&mut tx, intake, (&document, &seen), version).await {
        Ok(Some(entry)) => tx.commit(entry).await.map(drop).map_err(|error| error.code()),
        Ok(None) => {
            // It was changed meanwhile; the next run finds it as it is then.
            roll_back(tx).await;
            Ok(())
        }
        Err(_never_quoted) => {
            roll_back(tx).await;
            Err("rescan.settle")
        }
    }
}

async fn settled(
    tx: &mut TenantTx,
    intake: &Intake<'_>,
    (was, seen): (&Document, &Seen),
    version: &str,
) -> Result<Option<AuditEntry>, StoreError> {
    let (state, refusal) = match seen {
        Seen::Malware => (State::Quarantined, Some(MALWARE)),
        Seen::Clean if is_quarantined_later(was) && was.superseded_by.is_some() => (State::Superseded, None),
        Seen::Clean if is_quarantined_later(was) => (State::Current, None),
        Seen::Clean | Seen::Nothing(_) => (was.state, was.refusal.as_deref()),
    };
    let mut now_at = was.version;
    if state != was.state {
        if !queries::step(tx, was.id, was.version, state, intake.now).await? {
            return Ok(None);
        }
        now_at = now_at.saturating_add(1);
    }
    let changed = diesel::update(document::table.find(was.id.uuid()))
        .filter(document::version.eq(now_at))
        .set((
            document::refusal.eq(refusal),
            document::scanned_at.eq(intake.now),
            document::scanned_with.eq(version),
        ))
        .execute(tx.conn())
        .await?;
    let outcome = match seen {
        Seen::Clean => Outcome::Allow,
        Seen::Malware => Outcome::Deny,
        Seen::Nothing(_) => Outcome::Error,
    };
    let entry = AuditEntry::new(ACTION, outcome)
        .purpose(Purpose::System)
        .resource("document", was.id.bytes())
        .subject(was.patient.bytes())
        .row_version(now_at)
        .touches(queries::TABLE);
    let entry = match seen {
        Seen::Clean => entry,
        Seen::Malware => {
            log::security("document_refused", &[Field::Code(MALWARE)]);
            entry.reason(MALWARE)
        }
        Seen::Nothing(code) => {
            log::error("document_not_scanned", &[Field::Code(code)]);
            entry.reason(code)
        }
    };
    Ok((changed == 1).then_some(entry))
}
