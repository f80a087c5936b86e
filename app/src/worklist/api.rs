//! The worklist over HTTP: what waits for the caller and has no list of its own, and the patients who came last.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::Serialize;
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::queries::{self, WaitingDocument, WaitingErasure};
use crate::access::Action;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::documents::model::{DocumentId, Kind, State};
use crate::documents::rules;
use crate::error::{AppError, UNAUTHENTICATED};
use crate::paging;
use crate::patients::api::{shown, to_json};
use crate::patients::model::{PatientId, field_bits};
use crate::patients::queries as patients;
use crate::patients::view::BriefView;
use crate::relationships::queries as ties;
use crate::store::StoreError;

/// Most of each kind that is shown.
const EACH_MAX: i64 = 20;
/// Most patients that are shown.
const PATIENTS_MAX: i64 = 8;

/// A document that was refused, or is not known to be good yet.
#[derive(Serialize, ToSchema)]
pub struct WaitingDocumentView {
    /// Document id.
    id: String,
    /// Whose.
    patient: String,
    /// What it is for.
    kind: Kind,
    /// `quarantined` or `scanning`.
    state: State,
    /// Why it was not accepted.
    refusal: Option<String>,
    /// Since when.
    since: DateTime<Utc>,
}

/// A request to erase a patient that waits for the one who answers for privacy.
#[derive(Serialize, ToSchema)]
pub struct WaitingErasureView {
    /// Whom.
    patient: String,
    /// Why.
    basis: String,
    /// When it was asked for.
    requested_at: DateTime<Utc>,
    /// Whether the caller asked for it: then somebody else agrees.
    own: bool,
}

/// What waits for the caller. Emergencies and corrections have lists of their own.
#[derive(Serialize, ToSchema)]
pub struct WorklistView<'a> {
    /// The patients who became the caller's last, the last one first; none for who works for sites or the whole clinic.
    patients: Vec<BriefView<'a>>,
    /// Documents of kinds that the caller writes, the newest first, at most 20.
    documents: Vec<WaitingDocumentView>,
    /// Whether there are more documents.
    more_documents: bool,
    /// Requests to erase, for who decides about them, the oldest first, at most 20.
    erasures: Vec<WaitingErasureView>,
    /// Whether there are more requests.
    more_erasures: bool,
}

impl WaitingDocumentView {
    fn of(row: WaitingDocument) -> Result<WaitingDocumentView, StoreError> {
        Ok(WaitingDocumentView {
            id: DocumentId::from(row.id).to_string(),
            patient: PatientId::from(row.patient_id).to_string(),
            kind: Kind::parse(&row.kind).ok_or(StoreError::Shape)?,
            state: State::parse(&row.state).ok_or(StoreError::Shape)?,
            refusal: row.refusal,
            since: row.since,
        })
    }
}

impl WaitingErasureView {
    fn of(row: WaitingErasure, me: Uuid) -> WaitingErasureView {
        WaitingErasureView {
            patient: PatientId::from(row.patient_id).to_string(),
            basis: row.basis,
            requested_at: row.requested_at,
            own: row.requested_by == me,
        }
    }
}

/// Shows what waits for the caller, of patients within reach and nobody else.
#[utoipa::path(get, path = "/api/v1/worklist", tag = "worklist", operation_id = "worklist.read",
    responses((status = 200, body = WorklistView<'static>, description = "What waits")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let json = call
        .staff(async |ctx, tx| {
            let role = ctx.actor.ok_or(UNAUTHENTICATED)?.role;
            let (within, limit) = (ctx.within(), EACH_MAX.saturating_add(1));
            let kinds: Vec<&'static str> = Kind::ALL
                .into_iter()
                .filter(|kind| rules::may_write(role, *kind))
                .map(Kind::as_str)
                .collect();
            let mut documents = match kinds.is_empty() {
                true => Vec::new(),
                false => queries::documents(tx, within, &kinds, limit).await?,
            };
            let mut erasures = match (ctx.policy.may)(role, Action::ErasureApprove) {
                true => queries::erasures(tx, within, limit).await?,
                false => Vec::new(),
            };
            let more_documents = paging::cut(&mut documents, EACH_MAX);
            let more_erasures = paging::cut(&mut erasures, EACH_MAX);
            let newest = match (ctx.policy.may)(role, Action::PatientList) {
                true => newest(ctx, tx).await?,
                false => Vec::new(),
            };
            let found = patients::briefs(tx, &ctx.keys, &newest).await?;
            let me = Uuid::from_bytes(ctx.account());
            let view = WorklistView {
                patients: found.iter().map(|one| BriefView::of(one, shown(ctx), None)).collect(),
                documents: documents
                    .into_iter()
                    .map(WaitingDocumentView::of)
                    .collect::<Result<Vec<_>, _>>()?,
                more_documents,
                erasures: erasures.into_iter().map(|row| WaitingErasureView::of(row, me)).collect(),
                more_erasures,
            };
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource_kind("patient")
                .fields(field_bits::BRIEF & shown(ctx))
                .count(u32::try_from(found.len()).unwrap_or(u32::MAX));
            Done::audited(to_json(&view)?, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(json.to_vec()))
}

/// The patients who became the caller's last and are there, the last one first.
async fn newest(ctx: &Ctx, tx: &mut tenancy::TenantTx) -> Result<Vec<Uuid>, StoreError> {
    let mut newest = ties::newest_of_ones_own(tx, ctx.within(), PATIENTS_MAX).await?;
    let there = patients::among(tx, ctx.within(), &newest, PATIENTS_MAX).await?;
    newest.retain(|id| there.contains(id));
    Ok(newest)
}
