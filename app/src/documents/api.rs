//! Documents over HTTP: what is said about them. Their bytes come in `upload` and leave in `download`.

use actix_web::HttpResponse;
use actix_web::http::header;
use chrono::{NaiveDate, TimeDelta};
use serde::Deserialize;
use tenancy::TenantTx;
use tenancy::audit::{AuditEntry, Outcome};
use tenancy::keys::{Purpose, SubjectId};
use tenancy::objects::{Extent, ObjectCipher, ObjectId};
use tenancy::sealed::{Phi, Sealer};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::content::MediaType;
use super::model::{Document, DocumentId, DocumentRow, Kind, State, Words, field_bits};
use super::rules::Sight;
use super::view::{Body, DocumentPage, DocumentView};
use super::{queries, rules, sweep};
use crate::access::{Role, Within, acting_as};
use crate::auth::token::sha256;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::erasure::queries as holds;
use crate::error::{AppError, DOCUMENT_STATE, FORBIDDEN, IDEMPOTENCY_REUSED, NOT_FOUND, STALE, UNDER_HOLD};
use crate::middleware::json::Json;
use crate::paging::{self, PageQuery};
use crate::patients::api::{etag, idempotency_key, if_match, request_hash, to_json};
use crate::patients::cursor::{self, List};
use crate::patients::idempotency::{self, Known};
use crate::patients::model::PatientId;
use crate::patients::tags::Tagger;
use crate::relationships::model::Tie;
use crate::relationships::queries::ask_tie;
use crate::store::{Sealing, StoreError};

/// The announcement of a document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentInput {
    /// What it is for.
    pub kind: Kind,
    /// Title.
    pub title: String,
    /// Notes.
    #[serde(default)]
    pub notes: Option<String>,
    /// The name the file has; it is shown again and used for nothing else.
    #[serde(default)]
    pub file_name: Option<String>,
    /// What it is made of; its bytes must agree.
    pub media_type: MediaType,
    /// Its exact length in bytes.
    pub size_bytes: u64,
    /// SHA-256 of its bytes in hexadecimal; bytes that differ are refused.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The day that the document itself bears.
    #[serde(default)]
    pub dated_on: Option<NaiveDate>,
    /// The document it replaces once it is accepted; If-Match then names that document's version.
    #[serde(default)]
    pub supersedes: Option<String>,
}

/// Corrected words of a document.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordsInput {
    /// Title.
    pub title: String,
    /// Notes.
    #[serde(default)]
    pub notes: Option<String>,
}

/// The role of whoever is asking.
pub(super) fn role(ctx: &Ctx) -> Result<Role, AppError> {
    ctx.actor.map(|actor| actor.role).ok_or_else(|| AppError::internal("call.no_actor"))
}

/// What of a document the caller is shown.
pub(super) fn sight(ctx: &Ctx) -> Result<Sight, AppError> {
    Ok(rules::sight(role(ctx)?))
}

/// An entry about a document.
pub(super) fn entry(ctx: &Ctx, call: &Call, document: &Document) -> AuditEntry {
    ctx.entry(call.action(), Outcome::Allow)
        .resource("document", document.id.bytes())
        .subject(document.patient.bytes())
        .row_version(document.version)
}

pub(super) fn touching(entry: AuditEntry) -> AuditEntry {
    queries::TABLES.into_iter().fold(entry, AuditEntry::touches)
}

/// Whether something is to be read or changed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Only seen.
    Read,
    /// Changed.
    Write,
}

pub(super) fn check_kind(role: Role, kind: Kind, need: Need) -> Result<(), AppError> {
    let allowed = match need {
        Need::Read => rules::may_read(role, kind),
        Need::Write => rules::may_write(role, kind),
    };
    if allowed { Ok(()) } else { Err(AppError::from(FORBIDDEN).denied("kind")) }
}

/// The role the caller acts in towards the patient of a document, if tied to that one; an emergency does not reach documents.
async fn check_tie(ctx: &Ctx, tx: &mut TenantTx, patient: PatientId) -> Result<Role, AppError> {
    let (within, role) = (ctx.within(), role(ctx)?);
    if within == Within::Everyone {
        return Ok(role);
    }
    let connection = &*tx.conn();
    let tie = ask_tie(connection, within, patient.uuid()).await.map_err(StoreError::from)?;
    match tie.as_deref().and_then(Tie::parse) {
        None => Err(AppError::absent()),
        Some(Tie::BreakGlass) => Err(AppError::from(FORBIDDEN).denied("break_glass")),
        Some(tie) => Ok(acting_as(role, tie)),
    }
}

/// The document with this id, if it is one of this clinic and the caller may have it.
pub(super) async fn find(
    ctx: &Ctx,
    tx: &mut TenantTx,
    id: &str,
    need: Need,
) -> Result<(Document, Sealer), AppError> {
    let (_, document, sealer) = find_as(ctx, tx, id, need).await?;
    Ok((document, sealer))
}

/// The same, and the context of the role that the caller has towards its patient.
pub(super) async fn find_as(
    ctx: &Ctx,
    tx: &mut TenantTx,
    id: &str,
    need: Need,
) -> Result<(Ctx, Document, Sealer), AppError> {
    // An id that is not one, one of another clinic and one of nothing are answered alike.
    let found = match DocumentId::parse(id) {
        Some(id) => queries::find(tx, &ctx.keys, id).await?,
        None => None,
    };
    let (document, sealer) = found.ok_or_else(AppError::absent)?;
    let role = check_tie(ctx, tx, document.patient).await?;
    if !rules::sight(role).sees(document.state) {
        return Err(AppError::from(NOT_FOUND).denied("not_ready"));
    }
    check_kind(role, document.kind, need)?;
    Ok((ctx.acting_as(role), document, sealer))
}

/// The patient with this id, if it is one of this clinic and within the caller's reach.
async fn find_patient(ctx: &Ctx, tx: &mut TenantTx, id: &str) -> Result<PatientId, AppError> {
    let id = PatientId::parse(id).ok_or_else(AppError::absent)?;
    if queries::reaches(tx, ctx.within(), id).await? { Ok(id) } else { Err(AppError::absent()) }
}

/// Announces a document: what it is, and how long it will be.
#[utoipa::path(post, path = "/api/v1/patients/{id}/documents", tag = "documents", operation_id = "document.create",
    request_body = DocumentInput,
    params(("id" = String, Path, description = "Patient id"),
        ("If-Match" = Option<String>, Header, description = "ETag of the document that is replaced"),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request give the first answer")),
    responses((status = 201, body = DocumentView<'static>, description = "Announced; send its bytes"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "A rule is broken"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "No such patient here")))]
pub async fn create(call: Call, Json(input): Json<DocumentInput>) -> Result<HttpResponse, AppError> {
    let key = idempotency_key(call.headers())?;
    let body = call
        .staff(async |ctx, tx| {
            let patient = find_patient(ctx, tx, call.path("id")).await?;
            let (words, extent) = rules::check(&input, ctx.now().date_naive()).map_err(AppError::invalid)?;
            check_kind(role(ctx)?, input.kind, Need::Write)?;
            let repeated = match &key {
                Some(key) => Some(repeatable(ctx, tx, key, &digest(patient, &input)?).await?),
                None => None,
            };
            if let Some(request) = &repeated {
                match request.claim(tx, &ctx.keys).await? {
                    Known::New => {}
                    Known::Conflict => return Err(IDEMPOTENCY_REUSED.into()),
                    Known::Repeated { patient, body } => return replay(ctx, &call, patient, body),
                }
            }
            let supersedes = replaced(ctx, tx, &call, (patient, &input)).await?;
            let sealer = ctx.keys.subject_sealer(tx.tenant(), SubjectId::from(patient.bytes())).await?;
            let announced = Announced { patient, words, extent, supersedes };
            let document = announced.insert(ctx, tx, &sealer, &input).await?;
            let body = Body::of(&document, sight(ctx)?, Vec::new())?;
            if let Some(request) = &repeated {
                request.store(tx, &sealer, patient, &body.json).await?;
            }
            Done::audited(body, touching(entry(ctx, &call, &document)).fields(field_bits::WORDS))
        })
        .await?;
    let mut builder = HttpResponse::Created();
    builder.insert_header((header::LOCATION, format!("/api/v1/documents/{}", body.id)));
    Ok(body.into_response(builder))
}

/// A document that is about to be stored.
struct Announced {
    patient: PatientId,
    words: Words,
    extent: Extent,
    supersedes: Option<DocumentId>,
}

impl Announced {
    async fn insert(
        self,
        ctx: &Ctx,
        tx: &mut TenantTx,
        sealer: &Sealer,
        input: &DocumentInput,
    ) -> Result<Document, AppError> {
        let (id, object, now) = (DocumentId::random(), ObjectId::random(), ctx.now());
        let (header, _cipher) = ObjectCipher::create(sealer, object).map_err(StoreError::Seal)?;
        let object = queries::new_object(sealer, object, &header, self.extent.bytes(), now);
        let ends = now + TimeDelta::hours(rules::UPLOAD_MAX_H);
        let row = DocumentRow {
            id: id.uuid(),
            tenant_id: tx.tenant().as_uuid(),
            patient_id: self.patient.uuid(),
            version: 1,
            kind: input.kind.as_str().to_owned(),
            media_type: input.media_type.as_str().to_owned(),
            state: State::Initiated.as_str().to_owned(),
            refusal: None,
            size_bytes: object.size_bytes,
            object_id: Some(object.id),
            supersedes: self.supersedes.map(DocumentId::uuid),
            superseded_by: None,
            created_at: now,
            updated_at: now,
            created_by: Uuid::from_bytes(ctx.account()),
            purge_after: Some(ends),
        };
        let document = Document {
            id,
            patient: self.patient,
            version: 1,
            kind: input.kind,
            media_type: input.media_type,
            state: State::Initiated,
            refusal: None,
            size_bytes: self.extent.bytes(),
            object: Some(object.id),
            supersedes: self.supersedes,
            superseded_by: None,
            created_at: now,
            updated_at: now,
            purge_after: Some(ends),
            words: self.words,
        };
        let macs = ctx.keys.row_macs(tx.tenant()).await?;
        let words = document.words.seal(&Sealing { sealer, macs: &macs }, id, 1)?;
        queries::insert(tx, row, words, object).await?;
        Ok(document)
    }
}

/// The document that is to be replaced: of the same patient, current, and of the version the caller read.
async fn replaced(
    ctx: &Ctx,
    tx: &mut TenantTx,
    call: &Call,
    (patient, input): (PatientId, &DocumentInput),
) -> Result<Option<DocumentId>, AppError> {
    let Some(id) = &input.supersedes else { return Ok(None) };
    let (old, _) = find(ctx, tx, id, Need::Write).await?;
    let expected = if_match(call.headers())?;
    if old.patient != patient {
        return Err(AppError::absent());
    }
    if old.version != expected {
        return Err(STALE.into());
    }
    if old.state != State::Current {
        return Err(DOCUMENT_STATE.into());
    }
    Ok(Some(old.id))
}

async fn repeatable(
    ctx: &Ctx,
    tx: &mut TenantTx,
    key: &str,
    digest: &[u8],
) -> Result<idempotency::Request, AppError> {
    let blind = ctx.keys.tenant_key(tx.tenant(), Purpose::BlindIndex).await?;
    let tagger = Tagger { key: &blind, jurisdiction: ctx.clinic.jurisdiction };
    Ok(idempotency::Request {
        account: Uuid::from_bytes(ctx.account()),
        key_hash: idempotency::key_hash(key),
        request_hash: request_hash(&tagger, digest)?,
        now: ctx.now(),
    })
}

fn digest(patient: PatientId, input: &DocumentInput) -> Result<Zeroizing<Vec<u8>>, AppError> {
    let canonical = to_json(&(
        (patient.to_string(), input.kind, &input.title, &input.notes, &input.file_name),
        (input.media_type, input.size_bytes, &input.sha256, &input.dated_on, &input.supersedes),
    ))?;
    Ok(Zeroizing::new(sha256(b"domicile document v1", &canonical).to_vec()))
}

/// The answer that was given the first time.
fn replay(
    ctx: &Ctx,
    call: &Call,
    patient: PatientId,
    json: Zeroizing<Vec<u8>>,
) -> Result<Done<Body>, AppError> {
    #[derive(Deserialize)]
    struct Answered {
        id: String,
    }
    let answered: Option<Answered> = serde_json::from_slice(&json).ok();
    // The key may have been used for a registration; then it was another request.
    let id = answered.and_then(|answered| DocumentId::parse(&answered.id)).ok_or(IDEMPOTENCY_REUSED)?;
    let entry = ctx
        .entry(call.action(), Outcome::Allow)
        .resource("document", id.bytes())
        .subject(patient.bytes())
        .reason("repeated")
        .fields(field_bits::WORDS);
    Done::audited(Body { id, version: 1, json }, entry)
}

/// Lists a patient's documents of the kinds that the caller may see.
#[utoipa::path(get, path = "/api/v1/patients/{id}/documents", tag = "documents", operation_id = "document.list",
    params(("id" = String, Path, description = "Patient id"),
        ("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = DocumentPage<'static>, description = "A page, newest first"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "No such patient here")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PageQuery = paging::query(call.query())?;
    let limit = query.limit()?;
    let (json, next) = call
        .staff(async |ctx, tx| {
            let patient = find_patient(ctx, tx, call.path("id")).await?;
            let (role, clinic) = (role(ctx)?, ctx.keys.tenant_sealer(tx.tenant()).await?);
            let sight = rules::sight(role);
            let after =
                cursor::begin(&clinic, List::Documents, query.cursor.as_deref())?.map(DocumentId::from);
            let wanted = queries::Wanted::of(role, limit.saturating_add(1));
            let sealer = ctx.keys.subject_sealer(tx.tenant(), SubjectId::from(patient.bytes())).await?;
            let macs = ctx.keys.row_macs(tx.tenant()).await?;
            let with = Sealing { sealer: &sealer, macs: &macs };
            let mut found = queries::page(tx, &with, &wanted, after).await?;
            let next_cursor =
                cursor::end(&clinic, List::Documents, (&mut found, limit), |last| last.id.uuid())?;
            let items = found.iter().map(|one| DocumentView::of(one, sight, Vec::new())).collect();
            let json = to_json(&DocumentPage { items, next_cursor: next_cursor.clone() })?;
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource("patient", patient.bytes())
                .subject(patient.bytes())
                .fields(sight.fields())
                .count(u32::try_from(found.len()).unwrap_or(u32::MAX));
            Done::audited((json, next_cursor.map(|next| (patient, next))), entry)
        })
        .await?;
    let mut builder = HttpResponse::Ok();
    if let Some((patient, next)) = next {
        let link =
            format!("</api/v1/patients/{patient}/documents?limit={limit}&cursor={next}>; rel=\"next\"");
        builder.insert_header((header::LINK, link));
    }
    Ok(builder.content_type("application/json").body(json.to_vec()))
}

/// Reads what is said about a document; while its bytes are missing, which parts have come.
#[utoipa::path(get, path = "/api/v1/documents/{id}", tag = "documents", operation_id = "document.read",
    params(("id" = String, Path, description = "Document id")),
    responses((status = 200, body = DocumentView<'static>, description = "The document"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let body = call
        .staff(async |ctx, tx| {
            let (ctx, document, _) = find_as(ctx, tx, call.path("id"), Need::Read).await?;
            let received = match document.object.filter(|_| document.state.is_open()) {
                Some(object) => queries::parts(tx, object).await?,
                None => Vec::new(),
            };
            let received = received.into_iter().map(|part| part.number).collect();
            let sight = sight(&ctx)?;
            let entry = entry(&ctx, &call, &document).fields(sight.fields());
            Done::audited(Body::of(&document, sight, received)?, entry)
        })
        .await?;
    let known = call.headers().get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == etag(body.version).as_bytes()) {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag(body.version))).finish());
    }
    Ok(body.into_response(HttpResponse::Ok()))
}

/// Corrects title and notes of the version that `If-Match` names.
#[utoipa::path(put, path = "/api/v1/documents/{id}", tag = "documents", operation_id = "document.update",
    request_body = WordsInput,
    params(("id" = String, Path, description = "Document id"), ("If-Match" = String, Header, description = "ETag of the version read")),
    responses((status = 200, body = DocumentView<'static>, description = "Corrected"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 412, body = crate::error::Problem, content_type = "application/problem+json", description = "Changed since"),
        (status = 428, body = crate::error::Problem, content_type = "application/problem+json", description = "If-Match is missing")))]
pub async fn update(call: Call, Json(input): Json<WordsInput>) -> Result<HttpResponse, AppError> {
    let expected = if_match(call.headers());
    let body = call
        .staff(async |ctx, tx| {
            let (mut document, sealer) = find(ctx, tx, call.path("id"), Need::Write).await?;
            let expected = expected?;
            if document.version != expected {
                return Err(STALE.into());
            }
            if matches!(document.state, State::Deleted | State::Purged) {
                return Err(DOCUMENT_STATE.into());
            }
            let (title, notes) = rules::check_words(&input).map_err(AppError::invalid)?;
            document.words.title = Phi::new(title);
            document.words.notes = Phi::new(notes);
            document.version = expected.saturating_add(1);
            document.updated_at = ctx.now();
            let macs = ctx.keys.row_macs(tx.tenant()).await?;
            let with = Sealing { sealer: &sealer, macs: &macs };
            let words = document.words.seal(&with, document.id, document.version)?;
            if !queries::replace_words(tx, &document, words, expected).await? {
                return Err(STALE.into());
            }
            let entry = touching(entry(ctx, &call, &document)).fields(field_bits::WORDS);
            Done::audited(Body::of(&document, sight(ctx)?, Vec::new())?, entry)
        })
        .await?;
    Ok(body.into_response(HttpResponse::Ok()))
}

/// Takes a document out of the record. One whose bytes are still coming is given up and leaves nothing.
#[utoipa::path(delete, path = "/api/v1/documents/{id}", tag = "documents", operation_id = "document.delete",
    params(("id" = String, Path, description = "Document id"), ("If-Match" = String, Header, description = "ETag of the version read")),
    responses((status = 204, description = "Deleted"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "Deleted already"),
        (status = 412, body = crate::error::Problem, content_type = "application/problem+json", description = "Changed since"),
        (status = 428, body = crate::error::Problem, content_type = "application/problem+json", description = "If-Match is missing")))]
pub async fn delete(call: Call) -> Result<HttpResponse, AppError> {
    let expected = if_match(call.headers());
    let (tenant, doomed) = call
        .staff(async |ctx, tx| {
            let (document, _) = find(ctx, tx, call.path("id"), Need::Write).await?;
            let expected = expected?;
            if holds::is_held_until_commit(tx, document.patient).await? {
                return Err(AppError::from(UNDER_HOLD).denied("legal_hold"));
            }
            let (state, purge_after) = match document.state {
                State::Initiated | State::Uploading | State::Scanning | State::Quarantined => {
                    (State::Purged, None)
                }
                State::Current | State::Superseded => (State::Deleted, Some(ctx.now() + rules::deletion())),
                State::Deleted | State::Purged => return Err(DOCUMENT_STATE.into()),
            };
            if !queries::step(tx, document.id, expected, state, ctx.now()).await? {
                return Err(STALE.into());
            }
            queries::purge_after(tx, document.id, purge_after).await?;
            let doomed = document.object.filter(|_| state == State::Purged);
            if let Some(object) = doomed {
                queries::doom_object(tx, object, ctx.now()).await?;
            }
            let entry = entry(ctx, &call, &document).row_version(expected.saturating_add(1));
            Done::audited((ctx.tenant(), doomed), entry.touches(queries::TABLE).reason(state.as_str()))
        })
        .await?;
    if let Some(object) = doomed {
        // The clean-up does it later if this fails.
        sweep::remove(&call.app.regional, tenant, object).await.unwrap_or_default();
    }
    Ok(HttpResponse::NoContent().finish())
}
