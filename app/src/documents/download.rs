//! The bytes of a clean document on their way out: recorded before the first one leaves, opened segment by segment, and cut
//! off, never silently short, when something is not what it was.

use actix_web::HttpResponse;
use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderMap};
use actix_web::web::Bytes;
use aws_lc_rs::digest;
use futures_util::{Stream, stream};
use regions::log::{self, Field};
use tenancy::audit::{AuditEntry, Outcome};
use tenancy::objects::{Extent, Layout, ObjectError, SegmentReader};
use tenancy::sealed::Sealer;
use tenancy::{Regional, TenantRef, TenantTx};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use std::sync::Arc;

use super::api::{self, Need, entry};
use super::content::MediaType;
use super::links::Disposition;
use super::model::{Document, field_bits};
use super::queries;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, BUSY, DOCUMENT_NOT_READABLE, RANGE};
use crate::portal::Carried;

/// What a picture may do where a browser shows it: nothing, also when somebody opens it as a page.
const PICTURE_POLICY: &str =
    "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/// What a PDF may do where a browser shows it. The viewer is the browser's own, in a place of its own, and Chromium's does not
/// begin under `sandbox` nor find its styles under `default-src`. A PDF that runs anything is not taken in, and a browser that
/// is told to sniff nothing takes it for nothing else.
const PDF_POLICY: &str = "frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Which bytes of a document are asked for, first and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Whole,
    Range(u64, u64),
}

/// A document whose bytes may leave, because that is recorded.
pub(super) struct Released {
    tenant: TenantRef,
    object: Uuid,
    extent: Extent,
    layout: Layout,
    sha256: Option<String>,
    file: String,
    media_type: &'static str,
    /// The policy under which a browser shows it; `None` when it is saved.
    shown_under: Option<&'static str>,
    wanted: Wanted,
    /// What is recorded if the bytes break off.
    broken: AuditEntry,
}

/// Reads a clean document's bytes, whole or one range of them.
#[utoipa::path(get, path = "/api/v1/documents/{id}/content", tag = "documents", operation_id = "document.download",
    params(("id" = String, Path, description = "Document id"), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream", description = "The bytes"),
        (status = 206, body = Vec<u8>, content_type = "application/octet-stream", description = "The range"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "Not found clean, or its bytes are gone"),
        (status = 416, body = crate::error::Problem, content_type = "application/problem+json", description = "No such range")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let place = place(&call)?;
    let released = call
        .staff(async |ctx, tx| {
            let (ctx, document, sealer) = api::find_as(ctx, tx, call.path("id"), Need::Read).await?;
            release(&ctx, tx, &call, (document, sealer, Disposition::Attachment)).await
        })
        .await?;
    Ok(released.into_response(Arc::clone(&call.app.regional), place))
}

/// A place among the downloads of this process.
pub(super) fn place(call: &Call) -> Result<OwnedSemaphorePermit, AppError> {
    let places = Arc::clone(&call.app.passing.downloads);
    let full = |_full| AppError::from(BUSY).because("documents.downloads_full").retry_after(2);
    places.try_acquire_owned().map_err(full)
}

/// Everything that must hold before a byte leaves; the transaction's commit is what releases it.
pub(super) async fn release(
    ctx: &Ctx,
    tx: &mut TenantTx,
    call: &Call,
    (document, sealer, disposition): (Document, Sealer, Disposition),
) -> Result<Done<Released>, AppError> {
    if !document.state.is_readable() {
        return Err(AppError::from(DOCUMENT_NOT_READABLE).denied("not_readable"));
    }
    let row = document.object.ok_or(DOCUMENT_NOT_READABLE)?;
    let object = queries::object(tx, row).await?.ok_or(DOCUMENT_NOT_READABLE)?;
    let extent = Extent::new(document.size_bytes).ok_or_else(|| AppError::internal("document.size"))?;
    let wanted = wanted(call.headers(), document.size_bytes)?;
    let fields = match wanted {
        Wanted::Whole => field_bits::CONTENT,
        Wanted::Range(..) => field_bits::CONTENT_RANGE,
    };
    let entry = entry(ctx, call, &document).fields(fields);
    let broken = ctx
        .entry(call.action(), Outcome::Error)
        .resource("document", document.id.bytes())
        .subject(document.patient.bytes())
        .reason("broken_off");
    let released = Released {
        tenant: ctx.tenant(),
        object: row,
        extent,
        layout: queries::layout(&sealer, &object)?,
        sha256: document.words.sha256.expose().clone(),
        file: file(&document),
        media_type: document.media_type.as_str(),
        shown_under: match disposition {
            Disposition::Attachment => None,
            Disposition::Inline => shown_under(document.media_type),
        },
        wanted,
        broken,
    };
    Done::audited(released, entry)
}

/// The policy under which browsers show a type; `None` for what is only ever saved. A document is readable only once its bytes
/// were found to be of this type.
const fn shown_under(media_type: MediaType) -> Option<&'static str> {
    match media_type {
        MediaType::Png | MediaType::Jpeg => Some(PICTURE_POLICY),
        MediaType::Pdf => Some(PDF_POLICY),
        MediaType::Tiff | MediaType::Dicom | MediaType::Text | MediaType::Csv => None,
    }
}

/// A name for the saved file, made of nothing that anybody typed.
pub(super) fn file(document: &Document) -> String {
    let day = document.created_at.format("%Y-%m-%d");
    format!("{}-{day}.{}", document.kind.as_str().replace('_', "-"), document.media_type.extension())
}

/// The one range that is asked for (RFC 9110, 14.2). Several, or another unit, are answered with the whole.
fn wanted(headers: &HeaderMap, size: u64) -> Result<Wanted, AppError> {
    let mut given = headers.get_all(header::RANGE).map(|value| value.to_str().unwrap_or_default());
    let (Some(text), None) = (given.next(), given.next()) else { return Ok(Wanted::Whole) };
    let Some(spec) = text.strip_prefix("bytes=").filter(|spec| !spec.contains(',')) else {
        return Ok(Wanted::Whole);
    };
    // A condition on the bytes: they never change under one id, so whatever was read before is still of them.
    let (first, last) = spec.split_once('-').ok_or(RANGE)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_not_a_number| AppError::from(RANGE));
    let (first, last) = match (first, last) {
        ("", suffix) => (size.saturating_sub(number(suffix)?), size.saturating_sub(1)),
        (first, "") => (number(first)?, size.saturating_sub(1)),
        (first, last) => (number(first)?, number(last)?.min(size.saturating_sub(1))),
    };
    if first <= last && first < size { Ok(Wanted::Range(first, last)) } else { Err(RANGE.into()) }
}

impl Released {
    pub(super) fn into_response(self, regional: Arc<Regional>, place: OwnedSemaphorePermit) -> HttpResponse {
        let size = self.extent.bytes();
        let (mut builder, first, length) = match self.wanted {
            Wanted::Whole => (HttpResponse::Ok(), 0, size),
            Wanted::Range(first, last) => {
                let mut builder = HttpResponse::PartialContent();
                builder.insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
                (builder, first, last - first + 1)
            }
        };
        // A viewer that is told of ranges asks for them one by one, and a link is used up by the first request.
        let (disposition, ranges) =
            if self.shown_under.is_some() { ("inline", "none") } else { ("attachment", "bytes") };
        builder
            .insert_header((header::CONTENT_TYPE, self.media_type))
            .insert_header((header::ACCEPT_RANGES, ranges))
            .insert_header((
                header::CONTENT_DISPOSITION,
                format!("{disposition}; filename=\"{}\"", self.file),
            ));
        let (segments, skip) = self.extent.covering(first, (first + length).saturating_sub(1));
        let at = (self.tenant.id, tenancy::objects::ObjectId::from(self.object.into_bytes()));
        let objects = Arc::clone(regional.objects());
        let whole = self.wanted == Wanted::Whole;
        let flow = Flow {
            reader: SegmentReader::new(objects, at, self.layout, self.extent, segments),
            skip,
            left: length,
            hash: digest::Context::new(&digest::SHA256),
            expected: self.sha256.filter(|_| whole),
            regional,
            tenant: self.tenant,
            broken: self.broken,
            _place: place,
        };
        let response = builder.body(SizedStream::new(length, flow.into_stream()));
        match self.shown_under {
            Some(policy) => Carried::Document(policy).mark(response),
            None => response,
        }
    }
}

/// Bytes on their way out.
struct Flow {
    reader: SegmentReader,
    skip: usize,
    left: u64,
    hash: digest::Context,
    /// The sum of the whole document, when the whole is sent.
    expected: Option<String>,
    regional: Arc<Regional>,
    tenant: TenantRef,
    broken: AuditEntry,
    _place: OwnedSemaphorePermit,
}

impl Flow {
    fn into_stream(self) -> impl Stream<Item = Result<Bytes, ObjectError>> {
        stream::unfold(Some(self), |flow| async move {
            let mut flow = flow?;
            match flow.next().await? {
                Ok(bytes) => Some((Ok(bytes), Some(flow))),
                Err(error) => {
                    flow.break_off(error);
                    // The connection is cut: fewer bytes than were announced is what tells the caller.
                    Some((Err(error), None))
                }
            }
        })
    }

    async fn next(&mut self) -> Option<Result<Bytes, ObjectError>> {
        if self.left == 0 {
            return None;
        }
        let segment = match self.reader.next().await {
            Some(Ok(segment)) => segment,
            Some(Err(error)) => return Some(Err(error)),
            None => return Some(Err(ObjectError::Damaged)),
        };
        self.hash.update(&segment);
        let whole = Bytes::from_owner(segment);
        let skipped = whole.slice(std::mem::take(&mut self.skip).min(whole.len())..);
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(skipped.len());
        let bytes = skipped.slice(..length);
        self.left -= u64::try_from(length).unwrap_or_default();
        if self.left == 0 && !self.is_right() {
            return Some(Err(ObjectError::Damaged));
        }
        Some(Ok(bytes))
    }

    /// Whether everything that was read has the sum that is sealed in the row. The last segment waits for this.
    fn is_right(&self) -> bool {
        let Some(expected) = &self.expected else { return true };
        let sum = data_encoding::HEXLOWER.encode(self.hash.clone().finish().as_ref());
        crate::auth::token::same(sum.as_bytes(), expected.as_bytes())
    }

    fn break_off(self, error: ObjectError) {
        let code = match error {
            ObjectError::Damaged => "document_damaged",
            _ => "document_broken_off",
        };
        match error {
            ObjectError::Damaged => log::security(code, &[Field::Tenant(self.tenant.id)]),
            _ => log::error(code, &[Field::Tenant(self.tenant.id)]),
        }
        let Flow { regional, tenant, broken, .. } = self;
        tokio::spawn(async move {
            let recorded = match regional.begin_reserved(tenant, "document.broken_off").await {
                Ok(tx) => tx.commit(broken).await.map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = recorded {
                log::error("audit_not_written", &[Field::Code(error.code()), Field::Tenant(tenant.id)]);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    fn asked(range: &str) -> Result<Wanted, u16> {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, HeaderValue::from_str(range).unwrap());
        wanted(&headers, 100).map_err(|error| error.kind.status)
    }

    #[test]
    fn one_range_is_understood_and_a_range_that_is_not_there_is_416() {
        assert_eq!(asked("bytes=0-0"), Ok(Wanted::Range(0, 0)));
        assert_eq!(asked("bytes=10-"), Ok(Wanted::Range(10, 99)));
        assert_eq!(asked("bytes=-5"), Ok(Wanted::Range(95, 99)));
        assert_eq!(asked("bytes=-500"), Ok(Wanted::Range(0, 99)));
        assert_eq!(asked("bytes=90-500"), Ok(Wanted::Range(90, 99)));
        for whole in ["bytes=0-1,5-6", "lines=1-2"] {
            assert_eq!(asked(whole), Ok(Wanted::Whole), "{whole}");
        }
        for nothing in ["bytes=100-", "bytes=9-3", "bytes=-", "bytes=a-b", "bytes=-0", "bytes=5"] {
            assert_eq!(asked(nothing), Err(416), "{nothing}");
        }
    }
}
