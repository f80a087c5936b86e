//! Erasures and legal holds over HTTP.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tenancy::audit::{AuditEntry, Outcome};
use tenancy::{JobPayload, TenantTx};
use utoipa::ToSchema;
use uuid::Uuid;

use super::queries::{self, Decision, Erasure, Hold, NewErasure};
use super::rules::{self, Basis, Refusal};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, ERASURE_OPEN, ERASURE_STATE, HOLD_STANDING, NO_HOLD, SAME_PERSON, UNDER_HOLD};
use crate::middleware::json::Json;
use crate::patients::model::PatientId;
use crate::patients::named::named;
use crate::patients::queries::ERASED;
use crate::staff::model::AccountId;

/// A request to erase a patient.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ErasureInput {
    /// Why.
    pub basis: Basis,
}

/// Why a record must not be erased.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// A law suit, or one to be expected.
    Litigation,
    /// An investigation by the clinic.
    Investigation,
    /// A regulator asks for the record.
    Regulator,
    /// Public health law.
    PublicHealth,
}

impl HoldReason {
    const fn as_str(self) -> &'static str {
        match self {
            HoldReason::Litigation => "litigation",
            HoldReason::Investigation => "investigation",
            HoldReason::Regulator => "regulator",
            HoldReason::PublicHealth => "public_health",
        }
    }
}

/// A hold to be placed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldInput {
    /// Why.
    pub reason: HoldReason,
}

/// An erasure.
#[derive(Serialize, ToSchema)]
pub struct ErasureView {
    /// Id, which the certificate and the ledger name too.
    id: Uuid,
    /// Why.
    basis: String,
    /// `requested`, `refused`, `cancelled`, `approved`, `shredding` or `shredded`.
    state: String,
    /// Why it was refused.
    refusal: Option<String>,
    /// What may be offered instead of what was refused.
    alternatives: Vec<&'static str>,
    /// Who asked.
    requested_by: String,
    /// When.
    requested_at: DateTime<Utc>,
    /// Who agreed, or called it off.
    decided_by: Option<String>,
    /// When.
    decided_at: Option<DateTime<Utc>>,
    /// When the patient's key was destroyed.
    shredded_at: Option<DateTime<Utc>>,
    /// The number in the region's erasure ledger.
    ledger_seq: Option<i64>,
    /// The signed certificate, for `domicile admin erasure verify`.
    #[schema(value_type = Option<Object>)]
    certificate: Option<serde_json::Value>,
}

impl From<Erasure> for ErasureView {
    fn from(row: Erasure) -> ErasureView {
        let account = |id: Uuid| AccountId::from(id).to_string();
        let alternatives = row.refusal.as_deref().and_then(Refusal::parse).map(Refusal::alternatives);
        ErasureView {
            id: row.id,
            basis: row.basis,
            state: row.state,
            alternatives: alternatives.unwrap_or_default().to_vec(),
            refusal: row.refusal,
            requested_by: account(row.requested_by),
            requested_at: row.requested_at,
            decided_by: row.decided_by.map(account),
            decided_at: row.decided_at,
            shredded_at: row.shredded_at,
            ledger_seq: row.ledger_seq,
            certificate: row.certificate.and_then(|text| serde_json::from_str(&text).ok()),
        }
    }
}

/// The requests to erase a patient.
#[derive(Serialize, ToSchema)]
pub struct ErasureList {
    /// The newest first.
    items: Vec<ErasureView>,
}

/// A legal hold.
#[derive(Serialize, ToSchema)]
pub struct HoldView {
    /// Why.
    reason: String,
    /// Who placed it.
    placed_by: String,
    /// When.
    placed_at: DateTime<Utc>,
    /// Who released it; absent while it stands.
    released_by: Option<String>,
    /// When.
    released_at: Option<DateTime<Utc>>,
}

/// The holds of a patient.
#[derive(Serialize, ToSchema)]
pub struct HoldList {
    /// The newest first.
    items: Vec<HoldView>,
}

impl From<Hold> for HoldView {
    fn from(row: Hold) -> HoldView {
        let account = |id: Uuid| AccountId::from(id).to_string();
        HoldView {
            reason: row.reason,
            placed_by: account(row.placed_by),
            placed_at: row.placed_at,
            released_by: row.released_by.map(account),
            released_at: row.released_at,
        }
    }
}

/// The patient of the path, who may be erased.
async fn known(call: &Call, tx: &mut TenantTx) -> Result<PatientId, AppError> {
    let id = named(call)?;
    if queries::is_known(tx, id).await? { Ok(id) } else { Err(AppError::absent()) }
}

/// The patient of the path and the time of registration, locked, for what only makes sense of one who is not erased.
async fn living(call: &Call, tx: &mut TenantTx) -> Result<(PatientId, DateTime<Utc>), AppError> {
    let id = named(call)?;
    let (state, since) = queries::lock_patient(tx, id).await?.ok_or_else(AppError::absent)?;
    if state == ERASED { Err(AppError::absent()) } else { Ok((id, since)) }
}

fn entry(ctx: &Ctx, call: &Call, patient: PatientId) -> AuditEntry {
    ctx.entry(call.action(), Outcome::Allow)
        .resource("patient", patient.bytes())
        .subject(patient.bytes())
        .purpose(tenancy::audit::Purpose::Operations)
}

/// The request that waits for a decision.
async fn waiting(tx: &mut TenantTx, patient: PatientId) -> Result<Erasure, AppError> {
    Erasure::waiting_of(tx, patient).await?.ok_or_else(|| ERASURE_STATE.into())
}

/// A request as it is stored now.
async fn view(tx: &mut TenantTx, id: Uuid) -> Result<ErasureView, AppError> {
    Ok(Erasure::find(tx, id).await?.ok_or_else(AppError::absent)?.into())
}

/// Asks for a patient to be erased. What the law refuses is stored as refused, with its reason and what may be offered instead.
#[utoipa::path(post, path = "/api/v1/patients/{id}/erasures", tag = "erasure", operation_id = "erasure.request",
    request_body = ErasureInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 201, body = ErasureView, description = "Requested, or refused with the reason"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "There is an open request")))]
pub async fn request(call: Call, Json(input): Json<ErasureInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let (id, since) = living(&call, tx).await?;
            let refusal = rules::decide(ctx.clinic.jurisdiction, input.basis, (since, ctx.now()));
            let new = NewErasure {
                patient: id,
                basis: input.basis,
                refusal,
                by: Uuid::from_bytes(ctx.account()),
                now: ctx.now(),
            };
            let made = match new.insert(tx).await {
                Ok(made) => made,
                Err(error) if error.is_duplicate() => return Err(ERASURE_OPEN.into()),
                Err(error) => return Err(error.into()),
            };
            let entry = entry(ctx, &call, id);
            let entry = refusal.map_or(entry.clone(), |refusal| entry.reason(refusal.as_str()));
            Done::audited(view(tx, made).await?, entry)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Lists the requests about a patient, also after the patient was erased: the certificate is in the last one.
#[utoipa::path(get, path = "/api/v1/patients/{id}/erasures", tag = "erasure", operation_id = "erasure.read",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 200, body = ErasureList, description = "The requests"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let list = call
        .staff(async |ctx, tx| {
            let id = known(&call, tx).await?;
            let items: Vec<ErasureView> =
                Erasure::all_of(tx, id).await?.into_iter().map(ErasureView::from).collect();
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            Done::audited(ErasureList { items }, entry(ctx, &call, id).count(count))
        })
        .await?;
    Ok(HttpResponse::Ok().json(list))
}

/// Agrees to a request that somebody else made; the destruction begins at once and cannot be undone.
#[utoipa::path(post, path = "/api/v1/patients/{id}/erasures/approve", tag = "erasure", operation_id = "erasure.approve",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 202, body = ErasureView, description = "Approved; done within seconds"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "No request waits, it is the caller's own, or a legal hold stands")))]
pub async fn approve(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let (id, _) = living(&call, tx).await?;
            let found = waiting(tx, id).await?;
            let by = Uuid::from_bytes(ctx.account());
            if found.requested_by == by {
                return Err(AppError::from(SAME_PERSON).denied("same_person"));
            }
            if queries::is_held(tx, id.uuid()).await? {
                return Err(AppError::from(UNDER_HOLD).denied("legal_hold"));
            }
            let decision = Decision { from: "requested", to: "approved", by, now: ctx.now() };
            if !found.decide(tx, &decision).await? {
                return Err(ERASURE_STATE.into());
            }
            let payload = JobPayload::new(tx.tenant()).id("erasure", found.id);
            tx.enqueue(crate::jobs::ERASE_PATIENT, payload, None).await?;
            Done::audited(view(tx, found.id).await?, entry(ctx, &call, id))
        })
        .await?;
    Ok(HttpResponse::Accepted().json(view))
}

/// Calls a request off that nobody has agreed to yet.
#[utoipa::path(post, path = "/api/v1/patients/{id}/erasures/cancel", tag = "erasure", operation_id = "erasure.cancel",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 200, body = ErasureView, description = "Cancelled"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "No request waits")))]
pub async fn cancel(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let (id, _) = living(&call, tx).await?;
            let found = waiting(tx, id).await?;
            let by = Uuid::from_bytes(ctx.account());
            let decision = Decision { from: "requested", to: "cancelled", by, now: ctx.now() };
            if !found.decide(tx, &decision).await? {
                return Err(ERASURE_STATE.into());
            }
            Done::audited(view(tx, found.id).await?, entry(ctx, &call, id))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Lists a patient's legal holds.
#[utoipa::path(get, path = "/api/v1/patients/{id}/holds", tag = "erasure", operation_id = "legal_hold.list",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 200, body = HoldList, description = "The holds"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn list_holds(call: Call) -> Result<HttpResponse, AppError> {
    let list = call
        .staff(async |ctx, tx| {
            let id = known(&call, tx).await?;
            let items: Vec<HoldView> =
                queries::holds(tx, id).await?.into_iter().map(HoldView::from).collect();
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            Done::audited(HoldList { items }, entry(ctx, &call, id).count(count))
        })
        .await?;
    Ok(HttpResponse::Ok().json(list))
}

/// Places a legal hold: the patient cannot be erased until it is released.
#[utoipa::path(post, path = "/api/v1/patients/{id}/holds", tag = "erasure", operation_id = "legal_hold.place",
    request_body = HoldInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 201, description = "Placed"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "A hold stands already")))]
pub async fn place_hold(call: Call, Json(input): Json<HoldInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let (id, _) = living(&call, tx).await?;
        let by = (Uuid::from_bytes(ctx.account()), ctx.now());
        match queries::place_hold(tx, id, input.reason.as_str(), by).await {
            Ok(()) => {}
            Err(error) if error.is_duplicate() => return Err(HOLD_STANDING.into()),
            Err(error) => return Err(error.into()),
        }
        Done::audited((), entry(ctx, &call, id).reason(input.reason.as_str()))
    })
    .await?;
    Ok(HttpResponse::Created().finish())
}

/// Releases the standing hold.
#[utoipa::path(post, path = "/api/v1/patients/{id}/holds/release", tag = "erasure", operation_id = "legal_hold.release",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 204, description = "Released"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "No hold stands")))]
pub async fn release_hold(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let (id, _) = living(&call, tx).await?;
        let by = (Uuid::from_bytes(ctx.account()), ctx.now());
        if !queries::release_hold(tx, id, by).await? {
            return Err(NO_HOLD.into());
        }
        Done::audited((), entry(ctx, &call, id))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
