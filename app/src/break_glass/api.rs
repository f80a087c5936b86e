//! Emergency access over HTTP: starting, ending, the open reviews, and reviewing.

use actix_web::HttpResponse;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tenancy::audit::{Outcome, Purpose};
use tenancy::keys::{KeyError, Purpose as KeyPurpose, SubjectId};
use tenancy::reach::Caller;
use tenancy::sealed::{RowMac, Verified};
use tenancy::{JobPayload, TenantTx};
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{
    BreakGlassId, BreakGlassRow, MINUTES_MAX, REASON_MIN_CHARS, REVIEW_DUE_H, ReasonCode, TEXT_MAX_CHARS,
    Verdict,
};
use super::{notice, queries};
use crate::access::Within;
use crate::auth::invite::new_id;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, IN_REACH, OWN_ACCESS};
use crate::jobs::BREAK_GLASS_NOTICE;
use crate::middleware::json::Json;
use crate::paging::{self, PageQuery};
use crate::patients::cursor::{self, List};
use crate::patients::model::PatientId;
use crate::patients::tags::Tagger;
use crate::patients::{queries as patients, text};
use crate::registry;
use crate::relationships::queries as ties;
use crate::staff::model::AccountId;
use crate::store;

/// What an emergency is about: exactly one of `patient` and `mrn`, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartInput {
    /// Patient id.
    #[serde(default)]
    patient: Option<String>,
    /// Medical record number, as on the patient's wrist.
    #[serde(default)]
    mrn: Option<String>,
    /// Kind of reason.
    reason_code: ReasonCode,
    /// The reason in a sentence of 10 to 500 characters; sealed under the patient's key.
    reason: String,
    /// Minutes, 1 to 60; 60 when absent.
    #[serde(default)]
    minutes: Option<i64>,
}

/// An emergency that began.
#[derive(Serialize, ToSchema)]
pub struct StartedView {
    /// Id.
    id: String,
    /// The one patient.
    patient: String,
    /// When it ends by itself.
    expires_at: DateTime<Utc>,
}

/// An emergency that waits for its review.
#[derive(Serialize, ToSchema)]
pub struct OpenReview {
    /// Id.
    id: String,
    /// The patient.
    patient: String,
    /// Who.
    account: String,
    /// Kind of reason.
    #[schema(value_type = ReasonCode)]
    reason_code: String,
    /// The reason in words.
    reason: String,
    /// Since when.
    started_at: DateTime<Utc>,
    /// When it ended or ends.
    until: DateTime<Utc>,
    /// Whether it has waited longer than 72 hours.
    overdue: bool,
}

/// A page of open reviews.
#[derive(Serialize, ToSchema)]
pub struct OpenReviews {
    /// The reviews.
    items: Vec<OpenReview>,
    /// Continues the list; absent at its end.
    next_cursor: Option<String>,
}

/// A review.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewInput {
    /// What it came to.
    verdict: Verdict,
    /// Why, in 10 to 500 characters; sealed under the patient's key.
    note: String,
}

fn sentence(typed: &str, pointer: &str) -> Result<String, AppError> {
    let clean = text::clean(typed, TEXT_MAX_CHARS).map_err(|code| AppError::invalid_field(pointer, code))?;
    if clean.chars().count() < REASON_MIN_CHARS {
        return Err(AppError::invalid_field(pointer, "too_short"));
    }
    Ok(clean)
}

/// The patient that is meant.
async fn whom(ctx: &Ctx, tx: &mut TenantTx, input: &StartInput) -> Result<Uuid, AppError> {
    match (&input.patient, &input.mrn) {
        (Some(id), None) => Ok(PatientId::parse(id).ok_or_else(AppError::absent)?.uuid()),
        (None, Some(mrn)) => {
            let key = ctx.keys.tenant_key(tx.tenant(), KeyPurpose::BlindIndex).await?;
            let tagger = Tagger { key: &key, jurisdiction: ctx.clinic.jurisdiction };
            let tag = tagger.mrn(mrn).map_err(|_not_one| AppError::invalid_field("/mrn", "invalid_value"))?;
            // The patient is out of the caller's reach, or there would be no need.
            tx.act_as(&Caller::system(ctx.now().timestamp_micros())).await?;
            let found = patients::with_tags(tx, Within::Everyone, &[tag], 1).await?;
            tx.act_as(&ctx.caller()).await?;
            found.first().copied().ok_or_else(AppError::absent)
        }
        _ => Err(AppError::invalid_field("", "exactly_one_of_patient_and_mrn")),
    }
}

/// Starts emergency access to one patient who is not the caller's.
#[utoipa::path(post, path = "/api/v1/break-glass", tag = "emergency access", operation_id = "break_glass.start",
    request_body = StartInput,
    responses((status = 201, body = StartedView, description = "The patient is within reach until it ends"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "No reason, or not one patient"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The patient is within reach already")))]
pub async fn start(call: Call, Json(input): Json<StartInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let reason = sentence(&input.reason, "/reason")?;
            let minutes = input.minutes.unwrap_or(MINUTES_MAX);
            if !(1..=MINUTES_MAX).contains(&minutes) {
                return Err(AppError::invalid_field("/minutes", "out_of_range"));
            }
            let patient = whom(ctx, tx, &input).await?;
            if ties::is_tied(tx, ctx.within(), patient).await? {
                return Err(IN_REACH.into());
            }
            let (id, now) = (new_id(), ctx.now());
            let expires_at = now + TimeDelta::minutes(minutes);
            let subject = SubjectId::from(patient.into_bytes());
            let sealer = match ctx.keys.subject_sealer(tx.tenant(), subject).await {
                Ok(sealer) => sealer,
                Err(KeyError::NotFound) => return Err(AppError::absent()),
                Err(error) => return Err(error.into()),
            };
            let column = registry::BREAK_GLASS_REASON;
            let new = BreakGlassRow {
                id,
                tenant_id: tx.tenant().as_uuid(),
                patient_id: patient,
                account_id: Uuid::from_bytes(ctx.account()),
                reason_code: input.reason_code.as_str().to_owned(),
                reason_sealed: store::seal(&sealer, column, id.into_bytes(), &reason)?,
                started_at: now,
                expires_at,
                ended_at: None,
                verdict: None,
                note_sealed: None,
                version: 1,
                row_mac: RowMac::from(Vec::new()),
            };
            new.tie(tx).await?;
            if !ties::patient_is_there(tx, patient).await? {
                return Err(AppError::absent());
            }
            new.insert(tx, &ctx.keys).await?;
            let payload = || JobPayload::new(ctx.tenant().id).id(notice::PAYLOAD_ID, id);
            tx.enqueue(BREAK_GLASS_NOTICE, payload(), None).await?;
            let due = now + TimeDelta::hours(REVIEW_DUE_H);
            tx.enqueue(BREAK_GLASS_NOTICE, payload(), Some(due.into())).await?;
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .purpose(Purpose::BreakGlass)
                .resource("break_glass", id.into_bytes())
                .subject(patient.into_bytes())
                .reason(input.reason_code.as_str())
                .touches("relationship")
                .touches("break_glass");
            let view = StartedView {
                id: BreakGlassId::from(id).to_string(),
                patient: PatientId::from(patient).to_string(),
                expires_at,
            };
            Done::audited(view, entry)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Ends the caller's own emergency access before its time.
#[utoipa::path(post, path = "/api/v1/break-glass/{id}/end", tag = "emergency access", operation_id = "break_glass.end",
    params(("id" = String, Path, description = "Emergency id")),
    responses((status = 204, description = "The patient is out of reach again"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, somebody else's, or over")))]
pub async fn end(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let id = BreakGlassId::parse(call.path("id")).ok_or_else(AppError::absent)?;
        let own = (id.uuid(), Uuid::from_bytes(ctx.account()));
        let patient = queries::end(tx, own, ctx.now()).await?.ok_or_else(AppError::absent)?;
        let entry = ctx
            .entry(call.action(), Outcome::Allow)
            .purpose(Purpose::BreakGlass)
            .resource("break_glass", id.bytes())
            .subject(patient.into_bytes())
            .touches("relationship")
            .touches("break_glass");
        Done::audited((), entry)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Pages through emergencies that nobody has reviewed.
#[utoipa::path(get, path = "/api/v1/break-glass", tag = "emergency access", operation_id = "break_glass.list",
    params(("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = OpenReviews, description = "A page")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PageQuery = paging::query(call.query())?;
    let limit = query.limit()?;
    let page = call
        .staff(async |ctx, tx| {
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let after = cursor::begin(&sealer, List::BreakGlass, query.cursor.as_deref())?;
            let mut rows = queries::unreviewed(tx, &ctx.keys, after, limit.saturating_add(1)).await?;
            let next_cursor = cursor::end(&sealer, List::BreakGlass, (&mut rows, limit), |last| last.id)?;
            let mut items = Vec::with_capacity(rows.len());
            for row in &rows {
                items.push(open(ctx, tx, row).await?);
            }
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("break_glass").count(count);
            Done::audited(OpenReviews { items, next_cursor }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

async fn open(ctx: &Ctx, tx: &TenantTx, row: &Verified<BreakGlassRow>) -> Result<OpenReview, AppError> {
    let subject = SubjectId::from(row.patient_id.into_bytes());
    let sealer = ctx.keys.subject_sealer(tx.tenant(), subject).await?;
    let reason = store::open(&sealer, registry::BREAK_GLASS_REASON, row.id.into_bytes(), &row.reason_sealed)?;
    Ok(OpenReview {
        id: BreakGlassId::from(row.id).to_string(),
        patient: PatientId::from(row.patient_id).to_string(),
        account: AccountId::from(row.account_id).to_string(),
        reason_code: row.reason_code.clone(),
        reason,
        started_at: row.started_at,
        until: row.ended_at.unwrap_or(row.expires_at),
        overdue: ctx.now() - row.started_at > TimeDelta::hours(REVIEW_DUE_H),
    })
}

/// Reviews somebody else's emergency access; it stays open until this is done.
#[utoipa::path(post, path = "/api/v1/break-glass/{id}/review", tag = "emergency access", operation_id = "break_glass.review",
    request_body = ReviewInput, params(("id" = String, Path, description = "Emergency id")),
    responses((status = 204, description = "Reviewed"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or reviewed already"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The caller's own access")))]
pub async fn review(call: Call, Json(input): Json<ReviewInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let id = BreakGlassId::parse(call.path("id")).ok_or_else(AppError::absent)?;
        let row = queries::lock_unreviewed(tx, &ctx.keys, id.uuid()).await?.ok_or_else(AppError::absent)?;
        let note = sentence(&input.note, "/note")?;
        let by = Uuid::from_bytes(ctx.account());
        if row.account_id == by {
            return Err(AppError::from(OWN_ACCESS).denied("own_access"));
        }
        let subject = SubjectId::from(row.patient_id.into_bytes());
        let sealer = ctx.keys.subject_sealer(tx.tenant(), subject).await?;
        let note = store::seal(&sealer, registry::BREAK_GLASS_NOTE, id.bytes(), &note)?;
        let patient = row.patient_id.into_bytes();
        queries::review(tx, &ctx.keys, row.into_inner(), (by, input.verdict, note), ctx.now()).await?;
        let entry = ctx
            .entry(call.action(), Outcome::Allow)
            .resource("break_glass", id.bytes())
            .subject(patient)
            .reason(input.verdict.as_str())
            .touches("break_glass");
        Done::audited((), entry)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
