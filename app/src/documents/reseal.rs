//! A patient's documents sealed anew under the patient's present key: their words, and their bytes under a new name.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::log::{self, Field};
use tenancy::audit::{AuditEntry, Outcome, Purpose, Unaudited};
use tenancy::keys::SubjectId;
use tenancy::objects::{Extent, ObjectCipher, ObjectHeader, ObjectId, SegmentReader};
use tenancy::sealed::Sealer;
use tenancy::{Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::model::{Document, DocumentId, ObjectRow, State};
use super::putting::{Putting, Source};
use super::tables::{document, stored_object};
use super::{queries, sweep};
use crate::audit::KEYS_RESEAL;
use crate::call::roll_back;
use crate::patients::model::PatientId;
use crate::store::{Sealing, StoreError};

/// Documents looked up at once.
const PER_PAGE: i64 = 200;
/// Pages of one patient.
const PAGES_MAX: usize = 10_000;

/// What sealing documents anew needs.
pub struct Reseal<'a> {
    /// The region's data plane.
    pub regional: &'a Arc<Regional>,
    /// The clinic.
    pub tenant: TenantRef,
    /// Whose documents.
    pub patient: PatientId,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A document whose bytes no upload changes any more.
struct Settled {
    document: Document,
    sealer: Sealer,
    /// Its object, unless that is under the present key.
    object: Option<ObjectRow>,
}

/// What was made of a document's object.
enum Renewed {
    /// It has none, or one under the present key.
    Nothing,
    /// The bytes are S3's to encrypt; only the row says, under the patient's key, whose they are.
    Header(Uuid, ObjectHeader),
    /// Another one instead of this one.
    Object(Uuid, ObjectRow),
}

impl Reseal<'_> {
    /// Seals them anew. One that cannot be is told to the log, keeps its key, and does not keep the others.
    ///
    /// # Errors
    /// When the documents cannot be listed.
    pub async fn all(&self) -> Result<(), StoreError> {
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let ids = self.page(after).await?;
            for id in &ids {
                if let Err(code) = Box::pin(self.one(DocumentId::from(*id))).await {
                    log::warn("document_not_resealed", &[Field::Tenant(self.tenant.id), Field::Code(code)]);
                }
            }
            let full = i64::try_from(ids.len()).is_ok_and(|found| found == PER_PAGE);
            after = ids.last().copied().filter(|_| full);
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }

    async fn page(&self, after: Option<Uuid>) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.regional.begin(self.tenant, KEYS_RESEAL).await?;
        let found = document::table
            .filter(document::patient_id.eq(self.patient.uuid()))
            .filter(document::id.gt(after.unwrap_or_default()))
            .order(document::id)
            .limit(PER_PAGE)
            .select(document::id)
            .load(tx.conn())
            .await;
        roll_back(tx).await;
        Ok(found?)
    }

    async fn one(&self, id: DocumentId) -> Result<(), &'static str> {
        let Some(settled) = Box::pin(self.find(id)).await? else { return Ok(()) };
        let renewed = Box::pin(self.renew(&settled)).await?;
        let old = match &renewed {
            Renewed::Object(old, _) => Some(*old),
            Renewed::Nothing | Renewed::Header(..) => None,
        };
        Box::pin(self.settle(settled, renewed)).await?;
        match old {
            // The clean-up does it later if this fails.
            Some(old) => sweep::remove(self.regional, self.tenant, old).await,
            None => Ok(()),
        }
    }

    async fn find(&self, id: DocumentId) -> Result<Option<Settled>, &'static str> {
        let mut tx = self.regional.begin(self.tenant, KEYS_RESEAL).await.map_err(|error| error.code())?;
        match self.found(&mut tx, id).await {
            Ok(found) => {
                tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())?;
                Ok(found)
            }
            Err(_never_quoted) => {
                roll_back(tx).await;
                Err("reseal.find")
            }
        }
    }

    async fn found(&self, tx: &mut TenantTx, id: DocumentId) -> Result<Option<Settled>, StoreError> {
        let keys = self.regional.keys();
        let Some((document, sealer)) = queries::find(tx, keys, id).await? else { return Ok(None) };
        if document.state.is_open() || document.state == State::Scanning {
            return Ok(None);
        }
        let Some(row) = document.object else { return Ok(Some(Settled { document, sealer, object: None })) };
        let object = queries::object(tx, row).await?.ok_or(StoreError::Shape)?;
        let subject = SubjectId::from(self.patient.bytes());
        let present = keys.subject_key(self.tenant.id, subject).await?.version();
        let older = ObjectHeader::parse(&object.header)?.versions().subject != present;
        Ok(Some(Settled { document, sealer, object: older.then_some(object) }))
    }

    async fn renew(&self, settled: &Settled) -> Result<Renewed, &'static str> {
        let Some(object) = &settled.object else { return Ok(Renewed::Nothing) };
        let id = ObjectId::from(object.id.into_bytes());
        let layout = queries::layout(&settled.sealer, object).map_err(|_logged| "object.damaged")?;
        if object.is_direct() {
            let (header, _nothing_is_sealed) =
                ObjectCipher::create(&settled.sealer, id).map_err(|_cause| "seal.failed")?;
            return Ok(Renewed::Header(object.id, header));
        }
        let extent = Extent::new(settled.document.size_bytes).ok_or("document.size")?;
        let objects = Arc::clone(self.regional.objects());
        let reader = SegmentReader::new(objects, (self.tenant.id, id), layout, extent, 0..extent.segments());
        let putting = Putting { regional: self.regional, tenant: self.tenant, now: self.now };
        let source = Source::Object(Box::new(reader));
        let row = Box::pin(putting.sealed(&settled.sealer, extent, source)).await?;
        Ok(Renewed::Object(object.id, row))
    }

    async fn settle(&self, settled: Settled, renewed: Renewed) -> Result<(), &'static str> {
        let mut tx = self.regional.begin(self.tenant, KEYS_RESEAL).await.map_err(|error| error.code())?;
        match self.settled(&mut tx, &settled, renewed).await {
            Ok(Some(entry)) => tx.commit(entry).await.map(drop).map_err(|error| error.code()),
            Ok(None) => {
                roll_back(tx).await;
                Err("reseal.changed_meanwhile")
            }
            Err(_never_quoted) => {
                roll_back(tx).await;
                Err("reseal.settle")
            }
        }
    }

    async fn settled(
        &self,
        tx: &mut TenantTx,
        settled: &Settled,
        renewed: Renewed,
    ) -> Result<Option<AuditEntry>, StoreError> {
        let Settled { document, sealer, .. } = settled;
        let macs = self.regional.keys().row_macs(tx.tenant()).await?;
        let version = document.version.saturating_add(1);
        let words = document.words.seal(&Sealing { sealer, macs: &macs }, document.id, version)?;
        if !queries::replace_words(tx, document, words, document.version).await? {
            return Ok(None);
        }
        match renewed {
            Renewed::Nothing => {}
            Renewed::Header(id, header) => {
                diesel::update(stored_object::table.find(id))
                    .set(stored_object::header.eq(header.to_bytes()))
                    .execute(tx.conn())
                    .await?;
            }
            Renewed::Object(old, row) => {
                queries::keep_object(tx, row.id).await?;
                queries::doom_object(tx, old, self.now).await?;
                diesel::update(document::table.find(document.id.uuid()))
                    .set(document::object_id.eq(row.id))
                    .execute(tx.conn())
                    .await?;
            }
        }
        let entry = AuditEntry::new(KEYS_RESEAL, Outcome::Allow)
            .purpose(Purpose::System)
            .resource("document", document.id.bytes())
            .subject(self.patient.bytes())
            .row_version(version);
        Ok(Some(queries::TABLES.into_iter().fold(entry, AuditEntry::touches)))
    }
}
