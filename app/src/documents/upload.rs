//! The bytes of an announced document on their way in: in one piece or in parts by number, sealed as they come.
//!
//! No transaction is open while bytes flow. Each part is recorded when S3 has it, so an upload that broke off goes on where
//! it was, by parts, whichever way it began.

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use chrono::DateTime;
use tenancy::audit::Unaudited;
use tenancy::objects::{
    Extent, ObjectCipher, ObjectError, ObjectId, PartError, PartSealer, SealedPart, StoredPart, UploadId,
};
use tenancy::{JobPayload, TenantRef};
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::api::{self, Need, entry, sight};
use super::model::{Document, DocumentId, State, field_bits};
use super::queries;
use super::view::Body;
use crate::call::{Call, Done, roll_back};
use crate::error::{AppError, BODY_BROKEN, BUSY, DOCUMENT_STATE, NOT_FOUND, PARTS_MISSING};
use crate::jobs::INSPECT_DOCUMENT;
use crate::middleware::octets::Octets;

/// Where the bytes of an upload go.
struct Target {
    tenant: TenantRef,
    document: DocumentId,
    row: Uuid,
    object: ObjectId,
    upload: Option<String>,
    extent: Extent,
    cipher: ObjectCipher,
}

/// Finds out where bytes go, if the caller may send them. What follows is recorded when it is done.
async fn target(call: &Call) -> Result<Target, AppError> {
    call.staff(async |ctx, tx| {
        let (document, sealer) = api::find(ctx, tx, call.path("id"), Need::Write).await?;
        check_open(ctx.now(), &document)?;
        let row = document.object.ok_or(DOCUMENT_STATE)?;
        let object = queries::object(tx, row).await?.ok_or(DOCUMENT_STATE)?;
        let extent = Extent::new(document.size_bytes).ok_or_else(|| AppError::internal("document.size"))?;
        let target = Target {
            tenant: ctx.tenant(),
            document: document.id,
            row,
            object: ObjectId::from(row.into_bytes()),
            upload: object.s3_upload.clone(),
            extent,
            cipher: queries::cipher(&sealer, &object)?,
        };
        Done::unaudited(target, Unaudited::UploadProgress)
    })
    .await
}

fn check_open(now: DateTime<chrono::Utc>, document: &Document) -> Result<(), AppError> {
    let in_time = document.purge_after.is_some_and(|end| now < end);
    if document.state.is_open() && in_time { Ok(()) } else { Err(DOCUMENT_STATE.into()) }
}

/// S3's name of the upload, which the first part begins.
async fn begun(call: &Call, target: &Target) -> Result<UploadId, AppError> {
    if let Some(upload) = &target.upload {
        return Ok(UploadId::from_stored(upload.clone()));
    }
    let objects = call.app.regional.objects();
    let mine = objects.begin_upload(target.tenant.id, target.object).await?;
    let mut tx = call.app.regional.begin(target.tenant, "document.upload_begin").await?;
    let first = match queries::remember_upload(&mut tx, target.row, mine.as_str()).await {
        Ok(first) => {
            tx.commit_without_audit(Unaudited::UploadProgress).await?;
            first
        }
        Err(error) => {
            roll_back(tx).await;
            return Err(error.into());
        }
    };
    match first {
        Some(first) if first == mine.as_str() => Ok(mine),
        other => {
            // Another part began it at the same moment, or the document was deleted: this beginning is given up.
            objects.abort_upload(target.tenant.id, (target.object, &mine)).await.unwrap_or_default();
            other.map(UploadId::from_stored).ok_or_else(|| DOCUMENT_STATE.into())
        }
    }
}

/// Seals one part from the body. `carry` is what came with the last piece and belongs to the next part.
async fn receive(
    target: &Target,
    number: u16,
    body: &mut Octets,
    carry: &mut Bytes,
) -> Result<SealedPart, AppError> {
    let mut part = PartSealer::new(&target.cipher, target.extent, number).ok_or(NOT_FOUND)?;
    while part.missing_bytes() > 0 {
        if carry.is_empty() {
            *carry = body.next().await?.ok_or(BODY_BROKEN)?;
        }
        let taken = part.take(carry)?;
        drop(carry.split_to(taken));
    }
    Ok(part.finish()?)
}

impl From<PartError> for AppError {
    fn from(error: PartError) -> AppError {
        match error {
            PartError::TooLong | PartError::TooShort => BODY_BROKEN.into(),
            PartError::Seal(_) => AppError::internal("seal.failed"),
        }
    }
}

/// Records that bytes have come, if the document is still open.
async fn record(call: &Call, target: &Target, part: Option<&StoredPart>, parts: u32) -> Result<(), AppError> {
    call.staff(async |ctx, tx| {
        if !queries::hold_open(tx, target.document).await? {
            return Err(DOCUMENT_STATE.into());
        }
        let (mut document, _) = api::find(ctx, tx, call.path("id"), Need::Write).await?;
        if let Some(part) = part {
            queries::remember_part(tx, target.row, part).await?;
        }
        let mut entry = entry(ctx, call, &document).fields(field_bits::CONTENT).count(parts);
        if document.state == State::Initiated {
            let stepped =
                queries::step(tx, document.id, document.version, State::Uploading, ctx.now()).await?;
            document.version = document.version.saturating_add(i64::from(stepped));
            entry = entry.row_version(document.version).touches(queries::TABLE);
        }
        Done::audited((), entry)
    })
    .await
}

/// Sends one part, over an earlier one of its number.
#[utoipa::path(put, path = "/api/v1/documents/{id}/parts/{number}", tag = "documents", operation_id = "document.part",
    params(("id" = String, Path, description = "Document id"), ("number" = u16, Path, description = "Number of the part, from 1")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204, description = "The part has come"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "No such document or part"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "No bytes are awaited"),
        (status = 413, body = crate::error::Problem, content_type = "application/problem+json", description = "Longer than the part")))]
pub async fn put_part(call: Call, mut body: Octets) -> Result<HttpResponse, AppError> {
    let target = target(&call).await?;
    let number: u16 = call.path("number").parse().map_err(|_not_a_number| AppError::from(NOT_FOUND))?;
    body.check(target.extent.part_bytes(number).ok_or(NOT_FOUND)?)?;
    let _place = call.app.passing.uploads.try_acquire().map_err(|_full| busy())?;
    let upload = begun(&call, &target).await?;
    let mut carry = Bytes::new();
    let part = receive(&target, number, &mut body, &mut carry).await?;
    if !carry.is_empty() {
        return Err(crate::error::TOO_LARGE.into());
    }
    body.end().await?;
    let objects = call.app.regional.objects();
    let stored = objects.put_part(target.tenant.id, (target.object, &upload), number, part).await?;
    record(&call, &target, Some(&stored), 1).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends all bytes in one piece.
#[utoipa::path(put, path = "/api/v1/documents/{id}/content", tag = "documents", operation_id = "document.upload",
    params(("id" = String, Path, description = "Document id")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204, description = "All bytes have come; complete the document"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "No such document"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "No bytes are awaited"),
        (status = 413, body = crate::error::Problem, content_type = "application/problem+json", description = "Longer than was announced")))]
pub async fn put_content(call: Call, mut body: Octets) -> Result<HttpResponse, AppError> {
    let target = target(&call).await?;
    body.check(target.extent.bytes())?;
    let _place = call.app.passing.uploads.try_acquire().map_err(|_full| busy())?;
    let upload = begun(&call, &target).await?;
    let mut carry = Bytes::new();
    let mut sending: Option<AbortOnDropHandle<Result<StoredPart, ObjectError>>> = None;
    for number in 1..=target.extent.parts() {
        let part = receive(&target, number, &mut body, &mut carry).await?;
        // One part is under way while the next one comes in; a third would be memory.
        if let Some(before) = sending.take() {
            remember(&call, &target, before).await?;
        }
        let (objects, upload) = (std::sync::Arc::clone(call.app.regional.objects()), upload.clone());
        let (tenant, object) = (target.tenant.id, target.object);
        let task =
            tokio::spawn(async move { objects.put_part(tenant, (object, &upload), number, part).await });
        sending = Some(AbortOnDropHandle::new(task));
    }
    if let Some(last) = sending.take() {
        remember(&call, &target, last).await?;
    }
    if !carry.is_empty() {
        return Err(crate::error::TOO_LARGE.into());
    }
    body.end().await?;
    record(&call, &target, None, u32::from(target.extent.parts())).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn remember(
    call: &Call,
    target: &Target,
    sending: AbortOnDropHandle<Result<StoredPart, ObjectError>>,
) -> Result<(), AppError> {
    let part = sending.await.map_err(|_cancelled| AppError::internal("document.part_cancelled"))??;
    let mut tx = call.app.regional.begin(target.tenant, "document.part").await?;
    let done = async {
        let open = queries::hold_open(&mut tx, target.document).await?;
        if open {
            queries::remember_part(&mut tx, target.row, &part).await?;
        }
        Ok::<bool, crate::store::StoreError>(open)
    }
    .await;
    match done {
        Ok(true) => Ok(tx.commit_without_audit(Unaudited::UploadProgress).await?),
        Ok(false) => {
            roll_back(tx).await;
            Err(DOCUMENT_STATE.into())
        }
        Err(error) => {
            roll_back(tx).await;
            Err(error.into())
        }
    }
}

fn busy() -> AppError {
    AppError::from(BUSY).because("documents.uploads_full").retry_after(2)
}

/// What is needed to complete a document, or that there is nothing to do any more.
enum Completing {
    Parts(Box<Target>, Vec<StoredPart>),
    Done(Body),
}

/// Ends an upload: all bytes have come, and the document is looked at. Doing it again changes nothing.
#[utoipa::path(post, path = "/api/v1/documents/{id}/complete", tag = "documents", operation_id = "document.complete",
    params(("id" = String, Path, description = "Document id")),
    responses((status = 202, body = super::view::DocumentView<'static>, description = "It is being looked at"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "No such document"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "Parts are missing, or no upload is open")))]
pub async fn complete(call: Call) -> Result<HttpResponse, AppError> {
    let (target, parts) = match completing(&call).await? {
        Completing::Done(body) => return Ok(body.into_response(HttpResponse::Accepted())),
        Completing::Parts(target, parts) => (target, parts),
    };
    let objects = call.app.regional.objects();
    let upload = UploadId::from_stored(target.upload.clone().ok_or(PARTS_MISSING)?);
    let completed = objects.complete_upload(target.tenant.id, (target.object, &upload), &parts).await;
    match completed {
        Ok(()) => {}
        Err(ObjectError::Damaged) => return Err(PARTS_MISSING.into()),
        Err(ObjectError::NotFound) => {
            // An earlier try may have got this far and no further.
            let stored = objects.stored_bytes(target.tenant.id, target.object).await?;
            if stored != Some(target.extent.stored_bytes()) {
                return Err(PARTS_MISSING.into());
            }
        }
        Err(error) => return Err(error.into()),
    }
    let body = call
        .staff(async |ctx, tx| {
            let (mut document, _) = api::find(ctx, tx, call.path("id"), Need::Write).await?;
            check_open(ctx.now(), &document)?;
            let stepped =
                queries::step(tx, document.id, document.version, State::Scanning, ctx.now()).await?;
            if !stepped || !queries::keep_object(tx, target.row).await? {
                return Err(DOCUMENT_STATE.into());
            }
            queries::purge_after(tx, document.id, None).await?;
            let payload = JobPayload::new(tx.tenant()).id("document", document.id.uuid());
            tx.enqueue(INSPECT_DOCUMENT, payload, None).await?;
            document.version = document.version.saturating_add(1);
            document.state = State::Scanning;
            document.purge_after = None;
            let entry = entry(ctx, &call, &document).touches(queries::TABLE);
            Done::audited(Body::of(&document, sight(ctx)?, Vec::new())?, entry)
        })
        .await?;
    Ok(body.into_response(HttpResponse::Accepted()))
}

async fn completing(call: &Call) -> Result<Completing, AppError> {
    call.staff(async |ctx, tx| {
        let (document, sealer) = api::find(ctx, tx, call.path("id"), Need::Write).await?;
        if !document.state.is_open() {
            if matches!(document.state, State::Deleted | State::Purged) {
                return Err(DOCUMENT_STATE.into());
            }
            let entry = entry(ctx, call, &document).reason("repeated");
            return Done::audited(Completing::Done(Body::of(&document, sight(ctx)?, Vec::new())?), entry);
        }
        check_open(ctx.now(), &document)?;
        let row = document.object.ok_or(DOCUMENT_STATE)?;
        let object = queries::object(tx, row).await?.ok_or(DOCUMENT_STATE)?;
        let extent = Extent::new(document.size_bytes).ok_or_else(|| AppError::internal("document.size"))?;
        let parts = queries::parts(tx, row).await?;
        if parts.len() != usize::from(extent.parts()) {
            return Err(PARTS_MISSING.into());
        }
        let target = Target {
            tenant: ctx.tenant(),
            document: document.id,
            row,
            object: ObjectId::from(row.into_bytes()),
            upload: object.s3_upload.clone(),
            extent,
            cipher: queries::cipher(&sealer, &object)?,
        };
        Done::unaudited(Completing::Parts(Box::new(target), parts), Unaudited::UploadProgress)
    })
    .await
}
