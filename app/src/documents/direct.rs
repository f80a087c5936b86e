//! Large imaging that a clinic chose to have encrypted by S3 alone: written as such once it was found clean, and never before.

use std::sync::Arc;

use tenancy::TenantRef;
use tenancy::objects::{DirectPart, ObjectCipher, ObjectError, ObjectId, PART_BYTES, SegmentReader};
use zeroize::Zeroizing;

use super::content::MediaType;
use super::intake::{Intake, Waiting};
use super::model::{DIRECT, Document, Kind, ObjectRow};
use super::{policy, queries};
use crate::call::roll_back;

impl Intake<'_> {
    /// Whether the clinic wants this document to be handed out by S3.
    ///
    /// # Errors
    /// A code, when the database does not answer.
    pub(super) async fn wants_direct(
        &self,
        tenant: TenantRef,
        document: &Document,
    ) -> Result<bool, &'static str> {
        if document.kind != Kind::Image || document.media_type != MediaType::Dicom {
            return Ok(false);
        }
        let mut tx =
            self.regional.begin(tenant, "job.inspect_document").await.map_err(|error| error.code())?;
        let from = policy::direct_from_bytes(&mut tx).await;
        roll_back(tx).await;
        let from = from.map_err(|_never_quoted| "inspect.policy")?;
        Ok(from.is_some_and(|from| document.size_bytes >= from))
    }

    /// Puts a document that was found clean once more, as it is, under a new name.
    ///
    /// # Errors
    /// A code; the row of what was begun is there, and the clean-up removes it.
    pub(super) async fn put_direct(
        &self,
        tenant: TenantRef,
        waiting: &Waiting,
        sha256: &str,
    ) -> Result<ObjectRow, &'static str> {
        let (id, extent) = (ObjectId::random(), waiting.extent);
        let (header, _nothing_is_sealed) =
            ObjectCipher::create(&waiting.sealer, id).map_err(|_cause| "seal.failed")?;
        let sealed = queries::new_object(&waiting.sealer, id, &header, extent.bytes(), self.now);
        let row = ObjectRow { mode: DIRECT.to_owned(), ..sealed };
        self.putting(tenant).remember(&row).await?;
        let layout = queries::layout(&waiting.sealer, &waiting.object).map_err(|_logged| "object.damaged")?;
        let (objects, at) =
            (self.regional.objects(), (tenant.id, ObjectId::from(waiting.object.id.into_bytes())));
        let mut reader = SegmentReader::new(Arc::clone(objects), at, layout, extent, 0..extent.segments());
        let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        let unavailable = |_error: ObjectError| "object.unavailable";
        let upload = objects.begin_upload(tenant.id, id).await.map_err(unavailable)?;
        let mut parts = Vec::new();
        for number in 1..=extent.parts() {
            let part = part(&mut reader, extent.part_bytes(number).unwrap_or_default()).await?;
            hash.update(&part);
            let part = DirectPart::new(extent, number, &part).ok_or("document.size")?;
            parts.push(objects.put_part(tenant.id, (id, &upload), number, part).await.map_err(unavailable)?);
        }
        // It is the document that was looked at, or it is not put at all.
        if data_encoding::HEXLOWER.encode(hash.finish().as_ref()) != sha256 {
            return Err("object.damaged");
        }
        objects.complete_upload(tenant.id, (id, &upload), &parts).await.map_err(unavailable)?;
        Ok(row)
    }
}

/// The next part's bytes: whole segments, of which a part has a whole number.
async fn part(reader: &mut SegmentReader, bytes: u64) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let room = usize::try_from(PART_BYTES.min(bytes)).unwrap_or_default();
    let mut part = Zeroizing::new(Vec::with_capacity(room));
    while part.len() < room {
        let segment = reader.next().await.ok_or("object.damaged")?;
        part.extend_from_slice(&segment.map_err(|_error| "object.unavailable")?);
    }
    Ok(part)
}
