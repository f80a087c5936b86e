//! Patients over HTTP: request and answer types, and one handler a route.

use std::collections::HashMap;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap};
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::{AuditEntry, Outcome};
use tenancy::blind::normalise;
use tenancy::keys::SubjectId;
use tenancy::reach::Reach;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::contact::{Address, Email, Phone};
use super::cursor::{self, List};
use super::idempotency::{self, Known};
use super::identifier::Identifier;
use super::model::{Patient, PatientBrief, PatientId, Sex, field_bits};
use super::names::HumanName;
use super::queries::{self, ChangeError};
use super::rules::{self, Place};
use super::search::{Search, SearchInput};
use super::tags::{self, Tagger};
use super::view::{self, BriefView, PatientPage, PatientView, SearchResult, Shown};
use crate::access::{self, Role};
use crate::auth::token::sha256;
use crate::call::{Call, Done};
use crate::ctx::{Actor, Ctx};
use crate::error::{
    AppError, FORBIDDEN, IDEMPOTENCY_REUSED, MRN_TAKEN, PRECONDITION_NEEDED, SITES_CLOSED, STALE,
};
use crate::middleware::json::Json;
use crate::paging::{self, PageQuery};
use crate::proxies::birthday;
use crate::relationships;
use crate::relationships::model::Standing;
use crate::relationships::queries::{Founding, Joins};
use crate::sites::queries as sites;
use crate::store::{Sealing, StoreError};

/// A registration, or a correction that replaces the whole record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatientInput {
    /// One to five names.
    pub names: Vec<HumanName>,
    /// Birth date.
    pub birth_date: NaiveDate,
    /// Administrative sex.
    pub sex: Sex,
    /// Phones.
    #[serde(default)]
    pub phones: Vec<Phone>,
    /// E-mail addresses.
    #[serde(default)]
    pub emails: Vec<Email>,
    /// Postal addresses.
    #[serde(default)]
    pub addresses: Vec<Address>,
    /// Medical record number; unique in the clinic.
    #[serde(default)]
    pub mrn: Option<String>,
    /// Identifiers of the clinic's region.
    #[serde(default)]
    pub identifiers: Vec<Identifier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadQuery {
    #[serde(default)]
    identifiers: Shown,
}

impl From<ChangeError> for AppError {
    fn from(error: ChangeError) -> AppError {
        match error {
            ChangeError::Absent => AppError::absent(),
            ChangeError::Stale => STALE.into(),
            ChangeError::MrnTaken => MRN_TAKEN.into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

/// A finished answer body and what its headers need.
struct Body {
    id: PatientId,
    version: i64,
    json: Zeroizing<Vec<u8>>,
}

impl Body {
    fn of(ctx: &Ctx, patient: &Patient, fields: u64) -> Result<Body, AppError> {
        let view = PatientView::of(patient, fields, ctx.now());
        Ok(Body { id: patient.id, version: patient.version, json: to_json(&view)? })
    }

    fn into_response(self, mut builder: actix_web::HttpResponseBuilder) -> HttpResponse {
        builder
            .insert_header((header::ETAG, etag(self.version)))
            .content_type("application/json")
            .body(self.json.to_vec())
    }
}

pub(crate) fn to_json<T: Serialize>(value: &T) -> Result<Zeroizing<Vec<u8>>, AppError> {
    serde_json::to_vec(value).map(Zeroizing::new).map_err(|_unreachable| AppError::internal("answer.json"))
}

/// The strong validator of a version (RFC 9110, 8.8.3).
pub(crate) fn etag(version: i64) -> String {
    format!("\"v{version}\"")
}

/// The one version that `If-Match` names; `*` and weak validators name none (RFC 9110, 13.1.1).
pub(crate) fn if_match(headers: &HeaderMap) -> Result<i64, AppError> {
    let mut given = headers.get_all(header::IF_MATCH);
    let (Some(value), None) = (given.next(), given.next()) else { return Err(PRECONDITION_NEEDED.into()) };
    let text = value.to_str().map_err(|_not_text| AppError::from(PRECONDITION_NEEDED))?.trim();
    if text == "*" || text.contains(',') {
        return Err(PRECONDITION_NEEDED.into());
    }
    let version =
        text.strip_prefix("\"v").and_then(|rest| rest.strip_suffix('"')).and_then(|v| v.parse().ok());
    // A validator that this resource never had matches nothing.
    version.ok_or_else(|| STALE.into())
}

/// The fields of a record that the caller's role is shown.
pub(crate) fn shown(ctx: &Ctx) -> u64 {
    ctx.actor.map_or(0, |actor| view::shown(actor.role))
}

pub(super) fn place(ctx: &Ctx) -> Place {
    // The date in the easternmost time zone, UTC+14: a child born there today is not from the future.
    let today = (ctx.now() + chrono::TimeDelta::hours(14)).date_naive();
    Place { jurisdiction: ctx.clinic.jurisdiction, today }
}

fn entry(ctx: &Ctx, call: &Call, patient: &Patient) -> AuditEntry {
    let entry = ctx
        .entry(call.action(), Outcome::Allow)
        .resource("patient", patient.id.bytes())
        .subject(patient.id.bytes())
        .row_version(patient.version);
    match &patient.row_mac {
        Some(mac) => entry.row_mac(mac),
        None => entry,
    }
}

fn touching(entry: AuditEntry) -> AuditEntry {
    queries::TABLES.into_iter().fold(entry, AuditEntry::touches)
}

/// Registers a patient.
#[utoipa::path(post, path = "/api/v1/patients", tag = "patients", operation_id = "patient.create",
    request_body = PatientInput,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repeated request give the first answer")),
    responses((status = 201, body = PatientView<'static>, description = "Registered"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "A rule is broken"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The MRN is taken")))]
pub async fn create(call: Call, Json(input): Json<RawPatient>) -> Result<HttpResponse, AppError> {
    let key = idempotency_key(call.headers())?;
    let body = call
        .staff(async |ctx, tx| {
            let person = rules::check(input.input, place(ctx)).map_err(AppError::invalid)?;
            let blind = ctx.keys.blind_keys(tx.tenant()).await?;
            let tagger = Tagger { key: blind.active(), jurisdiction: ctx.clinic.jurisdiction };
            let repeated = match &key {
                Some(key) => Some(idempotency::Request {
                    account: Uuid::from_bytes(ctx.account()),
                    key_hash: idempotency::key_hash(key),
                    request_hash: request_hash(&tagger, &input.digest)?,
                    now: ctx.now(),
                }),
                None => None,
            };
            if let Some(request) = &repeated {
                match request.claim(tx, &ctx.keys).await? {
                    Known::New => {}
                    Known::Conflict => return Err(IDEMPOTENCY_REUSED.into()),
                    Known::Repeated { patient, body } => {
                        // Who has lost the patient since gets no copy of the record either.
                        if !relationships::queries::is_tied(tx, ctx.within(), patient.uuid()).await? {
                            return Err(ChangeError::Absent.into());
                        }
                        return replay(ctx, &call, (patient, body));
                    }
                }
            }
            let id = PatientId::random();
            let sealer = ctx.keys.create_subject(tx.tenant(), SubjectId::from(id.bytes())).await?.sealer();
            let now = ctx.now();
            let mut patient =
                Patient { id, version: 1, created_at: now, updated_at: now, person, row_mac: None };
            let tags = tags::carried(&blind, ctx.clinic.jurisdiction, &patient.person)?;
            let macs = ctx.keys.row_macs(tx.tenant()).await?;
            let row = patient.seal(&Sealing { sealer: &sealer, macs: &macs }, &tags)?;
            let founding = founding(ctx, tx, id).await?;
            patient.insert(tx, row, &tags, &founding).await?;
            let body = Body::of(ctx, &patient, shown(ctx))?;
            if let Some(request) = &repeated {
                request.store(tx, &sealer, id, &body.json).await?;
            }
            let entry = touching(entry(ctx, &call, &patient)).fields(shown(ctx));
            Done::audited(body, entry)
        })
        .await?;
    let location = format!("/api/v1/patients/{}", body.id);
    let mut builder = HttpResponse::Created();
    builder.insert_header((header::LOCATION, location));
    Ok(body.into_response(builder))
}

/// Who registers this patient, and where.
async fn founding(ctx: &Ctx, tx: &mut TenantTx, id: PatientId) -> Result<Founding, AppError> {
    let by = Uuid::from_bytes(ctx.account());
    let joins = match ctx.actor.map(|actor| access::reach(actor.role)) {
        Some(Reach::Ties) => Joins::CareTeam,
        Some(Reach::Sites | Reach::Everyone | Reach::Nobody) | None => Joins::Nothing,
    };
    let site = relationships::queries::home_site(tx, by).await?;
    let site = match (site, joins) {
        (Some(site), _) => site,
        // There is always an open one; the clinic's first site has the clinic's own id.
        (None, Joins::CareTeam) => sites::first_open(tx).await?.unwrap_or(tx.tenant().as_uuid()),
        // Registered nowhere, the patient would be out of the registrar's own reach at once.
        (None, Joins::Nothing) => {
            let closed = !sites::of_accounts(tx, &[by]).await?.is_empty();
            let (kind, reason) = if closed { (SITES_CLOSED, "sites_closed") } else { (FORBIDDEN, "no_site") };
            return Err(AppError::from(kind).denied(reason));
        }
    };
    Ok(Founding { patient: id.uuid(), by, joins, site, now: ctx.now() })
}

/// The answer that was given the first time.
fn replay(
    ctx: &Ctx,
    call: &Call,
    (id, json): (PatientId, Zeroizing<Vec<u8>>),
) -> Result<Done<Body>, AppError> {
    let entry = ctx
        .entry(call.action(), Outcome::Allow)
        .resource("patient", id.bytes())
        .subject(id.bytes())
        .reason("repeated")
        .fields(shown(ctx));
    Done::audited(Body { id, version: 1, json }, entry)
}

/// A registration and the digest of its bytes, by which a repeated request is recognised.
pub struct RawPatient {
    input: PatientInput,
    digest: Zeroizing<Vec<u8>>,
}

impl<'de> Deserialize<'de> for RawPatient {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<RawPatient, D::Error> {
        let input = PatientInput::deserialize(deserializer)?;
        let canonical = Zeroizing::new(
            serde_json::to_vec(&(
                (&input.names, input.birth_date, input.sex, &input.phones),
                (&input.emails, &input.addresses, &input.mrn, &input.identifiers),
            ))
            .map_err(serde::de::Error::custom)?,
        );
        let digest = Zeroizing::new(sha256(b"domicile registration v1", &canonical).to_vec());
        Ok(RawPatient { input, digest })
    }
}

/// A keyed tag of the request; the digest alone could be guessed from a name and a birth date.
pub(crate) fn request_hash(tagger: &Tagger<'_>, digest: &[u8]) -> Result<Vec<u8>, AppError> {
    let text = data_encoding::HEXUPPER.encode(digest);
    let value =
        normalise::identifier("request", &text).map_err(|_unreachable| AppError::internal("tag.failed"))?;
    let tag = tenancy::blind::tag(tagger.key, &crate::registry::INDEX_REQUEST, &[&value]);
    tag.map(|tag| tag.to_vec()).map_err(|_unreachable| AppError::internal("tag.failed"))
}

pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, AppError> {
    let mut given = headers.get_all("idempotency-key");
    match (given.next(), given.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().unwrap_or_default();
            let fits = (1..=idempotency::KEY_MAX_BYTES).contains(&text.len());
            if fits {
                Ok(Some(text.to_owned()))
            } else {
                Err(AppError::invalid_field("", "idempotency_key_invalid"))
            }
        }
        _ => Err(AppError::invalid_field("", "idempotency_key_invalid")),
    }
}

/// Reads a patient.
#[utoipa::path(get, path = "/api/v1/patients/{id}", tag = "patients", operation_id = "patient.read",
    params(("id" = String, Path, description = "Patient id"),
        ("identifiers" = Option<Shown>, Query, description = "Show identifiers masked (default) or in full")),
    responses((status = 200, body = PatientView<'static>, description = "The record"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let query: ReadQuery = paging::query(call.query())?;
    let body = call
        .staff(async |ctx, tx| {
            let mut fields = shown(ctx);
            if query.identifiers == Shown::Full {
                if !ctx.actor.is_some_and(|actor| view::may_unmask(actor.role)) {
                    return Err(AppError::from(FORBIDDEN).denied("identifiers_full"));
                }
                fields |= field_bits::IDENTIFIERS_FULL;
            }
            let patient = find(ctx, tx, call.path("id")).await?;
            let entry = entry(ctx, &call, &patient).fields(fields);
            Done::audited(Body::of(ctx, &patient, fields)?, entry)
        })
        .await?;
    let unchanged = call
        .headers()
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag(body.version).as_bytes());
    if unchanged {
        return Ok(HttpResponse::NotModified().insert_header((header::ETAG, etag(body.version))).finish());
    }
    Ok(body.into_response(HttpResponse::Ok()))
}

async fn find(ctx: &Ctx, tx: &mut TenantTx, id: &str) -> Result<Patient, AppError> {
    // An id that is not one, one of another clinic and one of nobody are answered alike.
    let found = match PatientId::parse(id) {
        Some(id) => Patient::find(tx, &ctx.keys, id).await?,
        None => None,
    };
    found.ok_or_else(|| ChangeError::Absent.into())
}

/// Corrects a patient: the body replaces the record of the version that `If-Match` names.
#[utoipa::path(put, path = "/api/v1/patients/{id}", tag = "patients", operation_id = "patient.update",
    request_body = PatientInput,
    params(("id" = String, Path, description = "Patient id"), ("If-Match" = String, Header, description = "ETag of the version read")),
    responses((status = 200, body = PatientView<'static>, description = "Corrected"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 412, body = crate::error::Problem, content_type = "application/problem+json", description = "Changed since"),
        (status = 428, body = crate::error::Problem, content_type = "application/problem+json", description = "If-Match is missing")))]
pub async fn update(call: Call, Json(mut input): Json<PatientInput>) -> Result<HttpResponse, AppError> {
    let expected = if_match(call.headers());
    let body = call
        .staff(async |ctx, tx| {
            let current = find_version(ctx, tx, &call, expected).await?;
            rules::unmask(&mut input.identifiers, current.person.identifiers.expose())
                .map_err(AppError::invalid)?;
            let patient = replace(ctx, tx, &current, input).await?;
            let born = [&current, &patient].map(|version| *version.person.birth_date.expose());
            birthday::follow(ctx, tx, patient.id, born.into()).await?;
            let entry = touching(entry(ctx, &call, &patient)).fields(shown(ctx));
            Done::audited(Body::of(ctx, &patient, shown(ctx))?, entry)
        })
        .await?;
    Ok(body.into_response(HttpResponse::Ok()))
}

/// Ways to reach a patient, which patients and those who stand in for them may correct themselves.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactInput {
    /// Phones.
    phones: Vec<Phone>,
    /// E-mail addresses.
    emails: Vec<Email>,
    /// Postal addresses.
    addresses: Vec<Address>,
}

/// Corrects how a patient is reached, and nothing else of the record.
#[utoipa::path(put, path = "/api/v1/patients/{id}/contact", tag = "patients", operation_id = "patient.contact",
    request_body = ContactInput,
    params(("id" = String, Path, description = "Patient id"), ("If-Match" = String, Header, description = "ETag of the version read")),
    responses((status = 200, body = PatientView<'static>, description = "Corrected"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach"),
        (status = 412, body = crate::error::Problem, content_type = "application/problem+json", description = "Changed since"),
        (status = 428, body = crate::error::Problem, content_type = "application/problem+json", description = "If-Match is missing")))]
pub async fn contact(call: Call, Json(input): Json<ContactInput>) -> Result<HttpResponse, AppError> {
    let expected = if_match(call.headers());
    let body = call
        .staff(async |ctx, tx| {
            let current = find_version(ctx, tx, &call, expected).await?;
            let person = &current.person;
            let input = PatientInput {
                names: person.names.expose().clone(),
                birth_date: *person.birth_date.expose(),
                sex: *person.sex.expose(),
                phones: input.phones,
                emails: input.emails,
                addresses: input.addresses,
                mrn: person.mrn.expose().clone(),
                identifiers: person.identifiers.expose().clone(),
            };
            let patient = replace(ctx, tx, &current, input).await?;
            let entry = touching(entry(ctx, &call, &patient)).fields(field_bits::CONTACT);
            Done::audited(Body::of(ctx, &patient, shown(ctx))?, entry)
        })
        .await?;
    Ok(body.into_response(HttpResponse::Ok()))
}

/// The patient of the path in the version that the caller read.
async fn find_version(
    ctx: &Ctx,
    tx: &mut TenantTx,
    call: &Call,
    expected: Result<i64, AppError>,
) -> Result<Patient, AppError> {
    let current = find(ctx, tx, call.path("id")).await?;
    if current.version == expected? { Ok(current) } else { Err(STALE.into()) }
}

/// Replaces what is stored of a patient; the patient's next version.
async fn replace(
    ctx: &Ctx,
    tx: &mut TenantTx,
    current: &Patient,
    input: PatientInput,
) -> Result<Patient, AppError> {
    let person = rules::check(input, place(ctx)).map_err(AppError::invalid)?;
    let sealer = ctx.keys.subject_sealer(tx.tenant(), SubjectId::from(current.id.bytes())).await?;
    let blind = ctx.keys.blind_keys(tx.tenant()).await?;
    let tags = tags::carried(&blind, ctx.clinic.jurisdiction, &person)?;
    let mut patient = Patient {
        id: current.id,
        version: current.version.saturating_add(1),
        created_at: current.created_at,
        updated_at: ctx.now(),
        person,
        row_mac: None,
    };
    let macs = ctx.keys.row_macs(tx.tenant()).await?;
    let row = patient.seal(&Sealing { sealer: &sealer, macs: &macs }, &tags)?;
    patient.replace(tx, row, &tags, current.version).await?;
    Ok(patient)
}

/// Pages through the clinic's patients.
#[utoipa::path(get, path = "/api/v1/patients", tag = "patients", operation_id = "patient.list",
    params(("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = PatientPage<'static>, description = "A page")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PageQuery = paging::query(call.query())?;
    let limit = query.limit()?;
    let (json, next) = call
        .staff(async |ctx, tx| {
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let after = cursor::begin(&sealer, List::Patients, query.cursor.as_deref())?;
            let mut ids = queries::page(tx, ctx.within(), after, limit.saturating_add(1)).await?;
            let next_cursor = cursor::end(&sealer, List::Patients, (&mut ids, limit), |id| *id)?;
            let found = queries::briefs(tx, &ctx.keys, &ids).await?;
            let standings = standings(ctx, tx, &ids).await?;
            let items = found.iter().map(|one| brief(ctx, one, standings.get(&one.id.uuid()))).collect();
            let json = to_json(&PatientPage { items, next_cursor: next_cursor.clone() })?;
            Done::audited((json, next_cursor), counted(ctx, &call, found.len()))
        })
        .await?;
    let mut builder = HttpResponse::Ok();
    if let Some(next) = next {
        builder.insert_header((
            header::LINK,
            format!("</api/v1/patients?limit={limit}&cursor={next}>; rel=\"next\""),
        ));
    }
    Ok(builder.content_type("application/json").body(json.to_vec()))
}

/// How a patient, or somebody who stands in, is tied to the patients of a page; nothing for everybody else.
async fn standings(
    ctx: &Ctx,
    tx: &mut TenantTx,
    ids: &[Uuid],
) -> Result<HashMap<Uuid, Standing>, StoreError> {
    match ctx.actor.map(|actor| actor.role) {
        Some(Role::Patient | Role::Proxy) => relationships::queries::standings(tx, ctx.within(), ids).await,
        _ => Ok(HashMap::new()),
    }
}

/// A patient in a list, with the fields of the role that the caller has towards that one.
pub(super) fn brief<'a>(ctx: &Ctx, patient: &'a PatientBrief, standing: Option<&Standing>) -> BriefView<'a> {
    let role = |actor: Actor| standing.map_or(actor.role, |one| access::acting_as(actor.role, one.tie));
    let fields = ctx.actor.map_or(0, |actor| view::shown(role(actor)));
    BriefView::of(patient, fields, standing)
}

/// Searches the clinic's patients by exactly one criterion.
#[utoipa::path(post, path = "/api/v1/patients/search", tag = "patients", operation_id = "patient.search",
    request_body = SearchInput,
    responses((status = 200, body = SearchResult<'static>, description = "What was found"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "Not exactly one criterion"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "The clinic is too large; add the birth date")))]
pub async fn search(call: Call, Json(input): Json<SearchInput>) -> Result<HttpResponse, AppError> {
    let json = call
        .staff(async |ctx, tx| {
            let limit = input.limit()?;
            let criterion = input.criterion()?;
            // Who is not shown a field does not find out by searching for what is in it.
            if criterion.looks_at() & !shown(ctx) != 0 {
                return Err(AppError::from(FORBIDDEN).denied("criterion"));
            }
            let search = Search { ctx, names: &call.app.names, limit };
            let mut ids = search.run(tx, criterion).await?;
            let more = ids.len() > limit;
            ids.truncate(limit);
            let found = queries::briefs(tx, &ctx.keys, &ids).await?;
            let items = found.iter().map(|one| brief(ctx, one, None)).collect();
            Done::audited(to_json(&SearchResult { items, more })?, counted(ctx, &call, found.len()))
        })
        .await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(json.to_vec()))
}

/// The one entry of a list or search, with its count.
pub(super) fn counted(ctx: &Ctx, call: &Call, rows: usize) -> AuditEntry {
    ctx.entry(call.action(), Outcome::Allow)
        .resource_kind("patient")
        .fields(field_bits::BRIEF & shown(ctx))
        .count(u32::try_from(rows).unwrap_or(u32::MAX))
}
