//! Looking at a document whose bytes have come: what it is, whether it is clean, and what is kept of it.
//!
//! The job can be killed at any point and run again. It reads the sealed object from its first byte to its last, once; only
//! when everything agrees does the document become readable, and the one it replaces superseded, in one transaction.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::log::{self, Field};
use tenancy::audit::{AuditEntry, Outcome, Purpose, Unaudited};
use tenancy::objects::{Extent, ObjectError, ObjectId, SegmentReader};
use tenancy::sealed::{Phi, Sealer};
use tenancy::{JobPayload, Regional, TenantRef, TenantTx};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::content::{self, HEAD_BYTES, Kept, Refusal, TAIL_BYTES};
use super::model::{Document, DocumentId, ObjectRow, State};
use super::putting::{Putting, Source};
use super::scanner::{Found, Scanner};
use super::tables::document;
use super::{queries, rules, sweep};
use crate::call::roll_back;
use crate::jobs::INSPECT_DOCUMENT;
use crate::jobs::queue::Jobs;
use crate::store::{Sealing, StoreError};

/// The action in the audit log.
const ACTION: &str = "document.inspect";

/// What looking at documents needs.
pub struct Intake<'a> {
    /// The region's data plane.
    pub regional: &'a Arc<Regional>,
    /// The scanner.
    pub scanner: &'a Scanner,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Looks at the document that the payload names.
///
/// # Errors
/// A code; the queue tries again later.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let Some(record) = jobs.tenant(payload, INSPECT_DOCUMENT).await? else { return Ok(()) };
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let id = payload.get("document").map(DocumentId::from).ok_or("document.no_id")?;
    let now = DateTime::<Utc>::from(jobs.clock.now());
    let intake = Intake { regional: &jobs.regional, scanner: &jobs.scanner, now };
    Box::pin(intake.look_at(tenant, id)).await
}

/// A document that waits to be looked at.
pub(super) struct Waiting {
    pub(super) document: Document,
    pub(super) sealer: Sealer,
    pub(super) object: ObjectRow,
    pub(super) extent: Extent,
}

/// What is to be done with a document.
enum Verdict {
    /// It is kept; its sum, and the object that holds it when that is another one now.
    Keep { sha256: String, rewritten: Option<(ObjectRow, u64)>, scanned_with: Option<String> },
    /// It is not.
    Refuse(&'static str),
}

/// What one reading of the bytes gave.
struct Reading {
    sha256: String,
    found: Found,
    /// With which signatures; they may have changed meanwhile, then it is looked at again.
    scanned_with: Option<String>,
    /// The whole document, or its ends.
    bytes: Bytes,
}

enum Bytes {
    Whole(Zeroizing<Vec<u8>>),
    Ends { head: Zeroizing<Vec<u8>>, tail: Zeroizing<Vec<u8>> },
}

impl Intake<'_> {
    /// Looks at one document, if it waits for that.
    ///
    /// # Errors
    /// A code, when it cannot be said yet what it is: the scanner or a store does not answer.
    pub async fn look_at(&self, tenant: TenantRef, id: DocumentId) -> Result<(), &'static str> {
        let Some(waiting) = Box::pin(self.waiting(tenant, id)).await? else { return Ok(()) };
        let verdict = match self.read(tenant, &waiting).await {
            Ok(reading) => Box::pin(self.judge(tenant, &waiting, reading)).await?,
            Err(ReadError::Damaged) => Verdict::Refuse("damaged"),
            Err(ReadError::Later(code)) => return Err(code),
        };
        let gone = Box::pin(self.settle(tenant, waiting, verdict)).await?;
        for object in gone {
            // The clean-up does it later if this fails.
            sweep::remove(self.regional, tenant, object).await.unwrap_or_default();
        }
        Ok(())
    }

    async fn waiting(&self, tenant: TenantRef, id: DocumentId) -> Result<Option<Waiting>, &'static str> {
        let mut tx =
            self.regional.begin(tenant, "job.inspect_document").await.map_err(|error| error.code())?;
        let found = async {
            let Some((document, sealer)) = queries::find(&mut tx, self.regional.keys(), id).await? else {
                return Ok(None);
            };
            let (State::Scanning, Some(row)) = (document.state, document.object) else { return Ok(None) };
            let Some(object) = queries::object(&mut tx, row).await? else { return Ok(None) };
            let extent = Extent::new(document.size_bytes).ok_or(StoreError::Shape)?;
            Ok::<Option<Waiting>, StoreError>(Some(Waiting { document, sealer, object, extent }))
        };
        match found.await {
            Ok(found) => {
                tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())?;
                Ok(found)
            }
            Err(_never_quoted) => {
                roll_back(tx).await;
                Err("inspect.find")
            }
        }
    }

    /// Reads the whole object once: sum, scanner, and what the checks need.
    async fn read(&self, tenant: TenantRef, waiting: &Waiting) -> Result<Reading, ReadError> {
        let cipher =
            queries::cipher(&waiting.sealer, &waiting.object).map_err(|_logged| ReadError::Damaged)?;
        let (objects, extent) = (Arc::clone(self.regional.objects()), waiting.extent);
        let at = (tenant.id, ObjectId::from(waiting.object.id.into_bytes()));
        let mut reader = SegmentReader::new(objects, at, cipher, extent, 0..extent.segments());
        let version = self.scanner.version().await;
        let scanned_with = version.map_err(|_no_daemon| ReadError::Later("scanner.unavailable"))?;
        let mut scan =
            self.scanner.begin().await.map_err(|_no_daemon| ReadError::Later("scanner.unavailable"))?;
        let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        let mut bytes = Bytes::empty(waiting.document.media_type.is_read_whole(), extent);
        while let Some(segment) = reader.next().await {
            let segment = segment.map_err(|error| match error {
                ObjectError::Damaged | ObjectError::NotFound => ReadError::Damaged,
                _ => ReadError::Later("object.unavailable"),
            })?;
            hash.update(&segment);
            if let Some(scan) = &mut scan {
                scan.send(&segment).await.map_err(|_no_daemon| ReadError::Later("scanner.unavailable"))?;
            }
            bytes.add(&segment);
        }
        let found = match scan {
            Some(scan) => {
                scan.finish().await.map_err(|_no_daemon| ReadError::Later("scanner.unavailable"))?
            }
            None => Found::Nothing,
        };
        let sha256 = data_encoding::HEXLOWER.encode(hash.finish().as_ref());
        Ok(Reading { sha256, found, scanned_with, bytes })
    }

    async fn judge(
        &self,
        tenant: TenantRef,
        waiting: &Waiting,
        reading: Reading,
    ) -> Result<Verdict, &'static str> {
        match reading.found {
            Found::Nothing => {}
            Found::Malware => return Ok(Verdict::Refuse("malware")),
            Found::TooLarge => return Ok(Verdict::Refuse("too_large_to_scan")),
        }
        let said = waiting.document.words.sha256.expose();
        if said.as_ref().is_some_and(|said| *said != reading.sha256) {
            return Ok(Verdict::Refuse("digest_mismatch"));
        }
        let (declared, scanned_with) = (waiting.document.media_type, reading.scanned_with);
        let kept = match reading.bytes {
            Bytes::Ends { head, tail } => {
                content::check_ends(declared, &head, &tail).map(|()| Kept::Unchanged)
            }
            // Parsing 32 MiB takes a while; the threads of the runtime have other work.
            Bytes::Whole(bytes) => tokio::task::spawn_blocking(move || content::check(declared, &bytes))
                .await
                .unwrap_or(Err(Refusal::Malformed)),
        };
        match kept {
            Err(refusal) => Ok(Verdict::Refuse(refusal.code())),
            Ok(Kept::Unchanged) => {
                let rewritten = match self.wants_direct(tenant, &waiting.document).await? {
                    true => Some(Box::pin(self.put_direct(tenant, waiting, &reading.sha256)).await?),
                    false => None,
                };
                let rewritten = rewritten.map(|object| (object, waiting.document.size_bytes));
                Ok(Verdict::Keep { sha256: reading.sha256, rewritten, scanned_with })
            }
            Ok(Kept::Rewritten(bytes)) => {
                let bytes = Zeroizing::new(bytes);
                let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                let extent = Extent::new(size).ok_or("document.size")?;
                let put = self.putting(tenant);
                let object = Box::pin(put.sealed(&waiting.sealer, extent, Source::Whole(&bytes))).await?;
                Ok(Verdict::Keep { sha256: sha256(&bytes), rewritten: Some((object, size)), scanned_with })
            }
        }
    }

    pub(super) fn putting(&self, tenant: TenantRef) -> Putting<'_> {
        Putting { regional: self.regional, tenant, now: self.now }
    }

    /// Writes the verdict down; the objects that may be removed now.
    async fn settle(
        &self,
        tenant: TenantRef,
        waiting: Waiting,
        verdict: Verdict,
    ) -> Result<Vec<Uuid>, &'static str> {
        let mut tx =
            self.regional.begin(tenant, "job.inspect_document").await.map_err(|error| error.code())?;
        match self.settled(&mut tx, waiting, verdict).await {
            Ok((entry, gone)) => {
                tx.commit(entry).await.map_err(|error| error.code())?;
                Ok(gone)
            }
            Err(_never_quoted) => {
                roll_back(tx).await;
                Err("inspect.settle")
            }
        }
    }

    async fn settled(
        &self,
        tx: &mut TenantTx,
        waiting: Waiting,
        verdict: Verdict,
    ) -> Result<(AuditEntry, Vec<Uuid>), StoreError> {
        let Waiting { mut document, sealer, object, .. } = waiting;
        let (mut gone, mut scanned) = (Vec::new(), None);
        let refusal = match verdict {
            Verdict::Refuse(code) => Some(code),
            Verdict::Keep { sha256, rewritten, scanned_with } => {
                scanned = scanned_with;
                if self.replace_predecessor(tx, &document).await? {
                    document.words.sha256 = Phi::new(Some(sha256));
                    if let Some((row, size)) = rewritten {
                        queries::keep_object(tx, row.id).await?;
                        queries::doom_object(tx, object.id, self.now).await?;
                        gone.push(object.id);
                        document.object = Some(row.id);
                        document.size_bytes = size;
                    }
                    None
                } else {
                    gone.extend(rewritten.map(|(row, _)| row.id));
                    Some("superseded_meanwhile")
                }
            }
        };
        let state = if refusal.is_some() { State::Quarantined } else { State::Current };
        let expected = document.version;
        if !queries::step(tx, document.id, expected, state, self.now).await? {
            // It was deleted meanwhile; what was written for it goes with it.
            return Err(StoreError::Shape);
        }
        let purge_after = refusal.map(|_| self.now + rules::quarantine());
        diesel::update(document::table.find(document.id.uuid()))
            .set((
                document::refusal.eq(refusal),
                document::object_id.eq(document.object),
                document::size_bytes.eq(i64::try_from(document.size_bytes).unwrap_or(i64::MAX)),
                document::purge_after.eq(purge_after),
                document::scanned_at.eq(scanned.as_ref().map(|_| self.now)),
                document::scanned_with.eq(scanned),
            ))
            .execute(tx.conn())
            .await?;
        let macs = self.regional.keys().row_macs(tx.tenant()).await?;
        let with = Sealing { sealer: &sealer, macs: &macs };
        let words = document.words.seal(&with, document.id, expected.saturating_add(1))?;
        queries::set_words(tx, words).await?;
        Ok((self.entry(&document, refusal), gone))
    }

    /// Makes the document that this one replaces a superseded one; `false` when it is not the current one any more.
    async fn replace_predecessor(&self, tx: &mut TenantTx, new: &Document) -> Result<bool, StoreError> {
        let Some(old) = new.supersedes else { return Ok(true) };
        let changed = diesel::update(document::table.find(old.uuid()))
            .filter(document::state.eq(State::Current.as_str()))
            .set((
                document::state.eq(State::Superseded.as_str()),
                document::superseded_by.eq(new.id.uuid()),
                document::version.eq(document::version + 1),
                document::updated_at.eq(self.now),
            ))
            .execute(tx.conn())
            .await?;
        Ok(changed == 1)
    }

    fn entry(&self, document: &Document, refusal: Option<&'static str>) -> AuditEntry {
        let outcome = if refusal.is_some() { Outcome::Deny } else { Outcome::Allow };
        let entry = AuditEntry::new(ACTION, outcome)
            .purpose(Purpose::System)
            .resource("document", document.id.bytes())
            .subject(document.patient.bytes())
            .row_version(document.version.saturating_add(1));
        let entry = queries::TABLES.into_iter().fold(entry, AuditEntry::touches);
        match refusal {
            Some(code) => {
                log::security("document_refused", &[Field::Code(code)]);
                entry.reason(code)
            }
            None => entry,
        }
    }
}

/// Why the bytes could not be read to their end.
enum ReadError {
    /// They are not what was put.
    Damaged,
    /// They may be read later.
    Later(&'static str),
}

impl Bytes {
    fn empty(whole: bool, extent: Extent) -> Bytes {
        if whole {
            let length = usize::try_from(extent.bytes()).unwrap_or_default();
            Bytes::Whole(Zeroizing::new(Vec::with_capacity(length)))
        } else {
            Bytes::Ends { head: Zeroizing::default(), tail: Zeroizing::default() }
        }
    }

    fn add(&mut self, segment: &[u8]) {
        match self {
            Bytes::Whole(bytes) => bytes.extend_from_slice(segment),
            Bytes::Ends { head, tail } => {
                let missing = HEAD_BYTES.saturating_sub(head.len()).min(segment.len());
                head.extend_from_slice(segment.get(..missing).unwrap_or_default());
                tail.extend_from_slice(segment);
                let over = tail.len().saturating_sub(TAIL_BYTES);
                drop(tail.drain(..over));
            }
        }
    }
}

fn sha256(bytes: &[u8]) -> String {
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    data_encoding::HEXLOWER.encode(sum.as_ref())
}
