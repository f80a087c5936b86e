//! Putting bytes of a document under a new name: its row first, then the sealed parts, then one object of them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tenancy::audit::Unaudited;
use tenancy::objects::{Extent, ObjectCipher, ObjectError, ObjectId, PartSealer, SegmentReader};
use tenancy::sealed::Sealer;
use tenancy::{Regional, TenantRef};

use super::model::ObjectRow;
use super::queries;
use crate::call::roll_back;

/// Where the bytes come from.
pub(super) enum Source<'a> {
    /// From memory; what of it has not been put yet.
    Whole(&'a [u8]),
    /// From another object.
    Object(Box<SegmentReader>),
}

impl Source<'_> {
    /// Fills a part, which has a whole number of segments.
    async fn fill(&mut self, part: &mut PartSealer<'_>) -> Result<(), &'static str> {
        match self {
            Source::Whole(rest) => {
                let taken = part.take(rest).map_err(|_cause| "seal.failed")?;
                *rest = rest.get(taken..).unwrap_or_default();
            }
            Source::Object(reader) => {
                while part.missing_bytes() > 0 {
                    let segment = reader.next().await.ok_or("object.damaged")?.map_err(code)?;
                    if part.take(&segment).map_err(|_cause| "seal.failed")? != segment.len() {
                        return Err("object.damaged");
                    }
                }
            }
        }
        Ok(())
    }
}

/// What putting needs.
pub(super) struct Putting<'a> {
    pub(super) regional: &'a Arc<Regional>,
    pub(super) tenant: TenantRef,
    pub(super) now: DateTime<Utc>,
}

impl Putting<'_> {
    /// Puts bytes, sealed under the sealer's present key; the row of the object they are in. It is to be kept in the transaction
    /// that points a document at it, and is removed by the clean-up otherwise.
    ///
    /// # Errors
    /// A code.
    pub(super) async fn sealed(
        &self,
        sealer: &Sealer,
        extent: Extent,
        mut source: Source<'_>,
    ) -> Result<ObjectRow, &'static str> {
        let id = ObjectId::random();
        let (header, cipher) = ObjectCipher::create(sealer, id).map_err(|_cause| "seal.failed")?;
        let row = queries::new_object(sealer, id, &header, extent.bytes(), self.now);
        self.remember(&row).await?;
        let (objects, tenant) = (self.regional.objects(), self.tenant.id);
        let upload = objects.begin_upload(tenant, id).await.map_err(code)?;
        let mut parts = Vec::new();
        for number in 1..=extent.parts() {
            let mut part = PartSealer::new(&cipher, extent, number).ok_or("document.size")?;
            source.fill(&mut part).await?;
            let part = part.finish().map_err(|_cause| "seal.failed")?;
            parts.push(objects.put_part(tenant, (id, &upload), number, part).await.map_err(code)?);
        }
        objects.complete_upload(tenant, (id, &upload), &parts).await.map_err(code)?;
        Ok(row)
    }

    /// Stores an object's row, which comes before the object, so that the clean-up knows it whatever happens to its writer.
    ///
    /// # Errors
    /// A code.
    pub(super) async fn remember(&self, row: &ObjectRow) -> Result<(), &'static str> {
        let mut tx = self.regional.begin(self.tenant, "document.put").await.map_err(|error| error.code())?;
        match queries::insert_object(&mut tx, row.clone()).await {
            Ok(()) => tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code()),
            Err(_never_quoted) => {
                roll_back(tx).await;
                Err("object.row_not_stored")
            }
        }
    }
}

/// Whether an object is not what was put, or may be read later.
fn code(error: ObjectError) -> &'static str {
    match error {
        ObjectError::Damaged | ObjectError::NotFound => "object.damaged",
        _ => "object.unavailable",
    }
}
