//! Corrections over HTTP: a patient asks, both sides read, the clinic answers.

use actix_web::HttpResponse;
use chrono::{DateTime, NaiveDate, Utc};
use regions::log::{self, Field};
use serde::{Deserialize, Serialize};
use tenancy::audit::{AuditEntry, Outcome};
use tenancy::sealed::{RowMac, Sealer};
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{Answer, CorrectionId, CorrectionRow, OPEN, Request, State, Verdict};
use super::{queries, rules};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, CORRECTION_ANSWERED, TOO_MANY_CORRECTIONS};
use crate::middleware::json::Json;
use crate::paging::{self, PageQuery};
use crate::patients::cursor::{self, List};
use crate::patients::model::PatientId;
use crate::patients::named::{held, sealer, there};
use crate::registry;
use crate::staff::model::AccountId;
use crate::store;

/// A request to correct the record. Everything in it is sealed under the patient's key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CorrectionInput {
    /// What is wrong, up to 2,000 characters.
    pub what: String,
    /// What it should be, up to 2,000 characters.
    pub wish: String,
}

/// What the clinic answers.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CorrectionAnswerInput)]
pub struct AnswerInput {
    /// What was decided.
    pub verdict: Verdict,
    /// Why, in words that the patient understands, up to 2,000 characters; sealed under the patient's key.
    pub reason: String,
}

/// A request to correct the record.
#[derive(Serialize, ToSchema)]
pub struct CorrectionView {
    /// Id.
    id: String,
    /// Whose record it is about.
    patient: String,
    /// Where it is.
    state: State,
    /// What is wrong.
    what: String,
    /// What it should be.
    wish: String,
    /// When it was made.
    asked_at: DateTime<Utc>,
    /// The day by which the clinic answers: 60 days in the United States (45 CFR 164.526(b)(2)), 90 in India.
    due_on: NaiveDate,
    /// Whether that day is over and there is no answer.
    overdue: bool,
    /// When it was answered.
    answered_at: Option<DateTime<Utc>>,
    /// Why it was answered so.
    reason: Option<String>,
    /// Account id of who asked. Never in an answer to the patient.
    asked_by: Option<String>,
    /// Account id of who answered. Never in an answer to the patient.
    answered_by: Option<String>,
}

/// A page of requests.
#[derive(Serialize, ToSchema)]
pub struct CorrectionPage {
    /// The requests, in the list's own order.
    pub(super) items: Vec<CorrectionView>,
    /// Continues the list; absent at its end.
    pub(super) next_cursor: Option<String>,
}

fn entry(ctx: &Ctx, call: &Call, (patient, id): (PatientId, CorrectionId)) -> AuditEntry {
    ctx.entry(call.action(), Outcome::Allow)
        .resource("correction", id.bytes())
        .subject(patient.bytes())
        .touches(queries::TABLE)
}

/// Asks the clinic to correct the record.
#[utoipa::path(post, path = "/api/v1/patients/{id}/corrections", tag = "corrections", operation_id = "correction.ask",
    request_body = CorrectionInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 201, body = CorrectionView, description = "The clinic is asked"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "Something is missing or too long"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "20 requests wait for an answer")))]
pub async fn ask(call: Call, Json(input): Json<CorrectionInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let patient = held(&call, tx).await?;
            let who = (Uuid::from_bytes(ctx.account()), ctx.now());
            let request = rules::request(&input, ctx.clinic.jurisdiction, who)?;
            if queries::open_count(tx, patient.uuid()).await? >= rules::OPEN_MAX {
                return Err(TOO_MANY_CORRECTIONS.into());
            }
            let (sealer, id) = (sealer(ctx, patient).await?, CorrectionId::new(ctx.now()));
            let mut row = CorrectionRow {
                id: id.uuid(),
                tenant_id: tx.tenant().as_uuid(),
                patient_id: patient.uuid(),
                state: OPEN.to_owned(),
                request_sealed: store::seal(&sealer, registry::CORRECTION_REQUEST, id.bytes(), &request)?,
                asked_at: ctx.now(),
                answer_sealed: None,
                answered_at: None,
                version: 1,
                row_mac: RowMac::from(Vec::new()),
            };
            queries::insert(tx, &ctx.keys, &mut row).await?;
            Done::audited(view(ctx, &row, request, None), entry(ctx, &call, (patient, id)))
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Lists a patient's requests to correct the record, with what the clinic answered.
#[utoipa::path(get, path = "/api/v1/patients/{id}/corrections", tag = "corrections", operation_id = "correction.list",
    params(("id" = String, Path, description = "Patient id"),
        ("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = CorrectionPage, description = "A page, the last one first"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PageQuery = paging::query(call.query())?;
    let limit = query.limit()?;
    let page = call
        .staff(async |ctx, tx| {
            let patient = there(&call, tx).await?;
            let own = ctx.keys.tenant_sealer(ctx.tenant().id).await?;
            let before = cursor::begin(&own, List::Corrections, query.cursor.as_deref())?;
            let mut rows =
                queries::page(tx, &ctx.keys, (patient.uuid(), before), limit.saturating_add(1)).await?;
            let next_cursor = cursor::end(&own, List::Corrections, (&mut rows, limit), |last| last.id)?;
            let sealer = sealer(ctx, patient).await?;
            let items: Result<Vec<CorrectionView>, AppError> =
                rows.iter().map(|row| shown(ctx, &sealer, row)).collect();
            let items = items?;
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource_kind("correction")
                .subject(patient.bytes())
                .count(count);
            Done::audited(CorrectionPage { items, next_cursor }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Answers a request, once. Correcting the record itself is done with the record's own routes.
#[utoipa::path(post, path = "/api/v1/patients/{id}/corrections/{correction}/answer", tag = "corrections",
    operation_id = "correction.answer", request_body = AnswerInput,
    params(("id" = String, Path, description = "Patient id"), ("correction" = String, Path, description = "Id of the request")),
    responses((status = 200, body = CorrectionView, description = "The patient sees the answer"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "There is no reason"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "Answered already")))]
pub async fn answer(call: Call, Json(input): Json<AnswerInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let patient = held(&call, tx).await?;
            let id = CorrectionId::parse(call.path("correction")).ok_or_else(AppError::absent)?;
            let found = queries::lock(tx, &ctx.keys, (patient.uuid(), id.uuid())).await?;
            let row = found.ok_or_else(AppError::absent)?;
            let answer = rules::answer(&input, (Uuid::from_bytes(ctx.account()), ctx.now()))?;
            if row.state != OPEN {
                return Err(CORRECTION_ANSWERED.into());
            }
            let sealer = sealer(ctx, patient).await?;
            let sealed = store::seal(&sealer, registry::CORRECTION_ANSWER, id.bytes(), &answer)?;
            let row = queries::answer(tx, &ctx.keys, row, (answer.verdict, sealed), ctx.now()).await?;
            let entry = entry(ctx, &call, (patient, id)).reason(answer.verdict.as_str());
            Done::audited(shown(ctx, &sealer, &row)?, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Opens a row, unless its times in clear are not what was sealed; the row's MAC covers the rest.
pub(super) fn shown(ctx: &Ctx, sealer: &Sealer, row: &CorrectionRow) -> Result<CorrectionView, AppError> {
    let id = row.id.into_bytes();
    let request: Request = store::open(sealer, registry::CORRECTION_REQUEST, id, &row.request_sealed)?;
    let answer: Option<Answer> = match &row.answer_sealed {
        Some(sealed) => Some(store::open(sealer, registry::CORRECTION_ANSWER, id, sealed)?),
        None => None,
    };
    let said = (request.asked_us, answer.as_ref().map(|answer| answer.answered_us));
    let stored = (row.asked_at.timestamp_micros(), row.answered_at.map(|at| at.timestamp_micros()));
    if said != stored {
        log::security("correction_altered", &[Field::Tenant(ctx.tenant().id)]);
        return Err(AppError::internal("correction.altered"));
    }
    Ok(view(ctx, row, request, answer))
}

fn view(ctx: &Ctx, row: &CorrectionRow, request: Request, answer: Option<Answer>) -> CorrectionView {
    let by_staff = ctx.actor.is_some_and(|actor| actor.role.is_staff());
    let account = |id: Uuid| by_staff.then(|| AccountId::from(id).to_string());
    let state = match answer.as_ref().map(|answer| answer.verdict) {
        None => State::Open,
        Some(Verdict::Accepted) => State::Accepted,
        Some(Verdict::Denied) => State::Denied,
    };
    CorrectionView {
        id: CorrectionId::from(row.id).to_string(),
        patient: PatientId::from(row.patient_id).to_string(),
        state,
        asked_at: row.asked_at,
        due_on: request.due_on,
        overdue: state == State::Open && ctx.now().date_naive() > request.due_on,
        answered_at: row.answered_at,
        asked_by: account(request.asked_by),
        answered_by: answer.as_ref().and_then(|answer| account(answer.answered_by)),
        what: request.what,
        wish: request.wish,
        reason: answer.map(|answer| answer.reason),
    }
}
