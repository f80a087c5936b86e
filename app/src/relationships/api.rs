//! The care team over HTTP: who is in it, joining it and leaving it.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tenancy::audit::{AuditEntry, Outcome};
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{NewTie, Tie};
use super::queries::{self, Member};
use crate::access::{self, Role};
use crate::auth::invite::new_id;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::AppError;
use crate::middleware::json::Json;
use crate::patients::model::{PatientId, field_bits};
use crate::patients::named::named;
use crate::registry;
use crate::staff::model::AccountId;
use crate::staff::queries as accounts;
use crate::store::{self, StoreError};

/// The table a change of ties touches.
const TABLE: &str = "relationship";

/// Who joins a care team.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinInput {
    /// Account id of a physician or nurse.
    account: String,
    /// From when on; now when absent.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Until when; until it is ended when absent.
    #[serde(default)]
    until: Option<DateTime<Utc>>,
}

/// Who leaves it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveInput {
    /// Account id.
    account: String,
}

/// A member of a care team.
#[derive(Serialize, ToSchema)]
pub struct MemberView {
    /// Account id.
    account: String,
    /// Name shown to colleagues and patients.
    display_name: String,
    /// Role in the clinic.
    #[schema(value_type = Role)]
    role: String,
    /// Since when.
    from: DateTime<Utc>,
    /// Until when.
    until: Option<DateTime<Utc>>,
}

/// A care team.
#[derive(Serialize, ToSchema)]
pub struct CareTeam {
    /// The members, in the order of joining.
    items: Vec<MemberView>,
}

impl MemberView {
    fn open(member: &Member, sealer: &tenancy::sealed::Sealer) -> Result<MemberView, StoreError> {
        let account = &member.account;
        let row = account.id.into_bytes();
        Ok(MemberView {
            account: AccountId::from(account.id).to_string(),
            display_name: store::open(sealer, registry::ACCOUNT_DISPLAY_NAME, row, &account.display_name)?,
            role: account.role.clone(),
            from: member.valid_from,
            until: member.valid_to,
        })
    }
}

fn entry(ctx: &Ctx, call: &Call, patient: PatientId) -> AuditEntry {
    ctx.entry(call.action(), Outcome::Allow).subject(patient.bytes())
}

/// Who treats a patient.
#[utoipa::path(get, path = "/api/v1/patients/{id}/care-team", tag = "care teams", operation_id = "care_team.read",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 200, body = CareTeam, description = "The team now and later"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn care_team(call: Call) -> Result<HttpResponse, AppError> {
    let team = call
        .staff(async |ctx, tx| {
            let patient = named(&call)?;
            if !queries::patient_is_there(tx, patient.uuid()).await? {
                return Err(AppError::absent());
            }
            let members = queries::care_team(tx, &ctx.keys, patient.uuid(), ctx.now()).await?;
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let items = members
                .iter()
                .map(|member| MemberView::open(member, &sealer))
                .collect::<Result<Vec<_>, _>>()?;
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = entry(ctx, &call, patient)
                .resource("patient", patient.bytes())
                .fields(field_bits::CARE_TEAM)
                .count(count);
            Done::audited(CareTeam { items }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(team))
}

/// Adds a physician or nurse to a patient's care team. Adding a member again changes nothing.
#[utoipa::path(post, path = "/api/v1/patients/{id}/care-team", tag = "care teams", operation_id = "care_team.join",
    request_body = JoinInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 204, description = "A member within these dates"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "Nobody who treats, or dates in the wrong order"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn join(call: Call, Json(input): Json<JoinInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let patient = named(&call)?;
        if !queries::patient_is_there(tx, patient.uuid()).await? {
            return Err(AppError::absent());
        }
        let unknown = || AppError::invalid_field("/account", "nobody_who_treats");
        let account = AccountId::parse(&input.account).ok_or_else(unknown)?;
        match accounts::lock(tx, account.uuid()).await? {
            Some((_, role)) if access::may_join_care_teams(role) => {}
            Some(_) | None => return Err(unknown()),
        }
        let from = input.from.unwrap_or_else(|| ctx.now());
        if input.until.is_some_and(|until| until <= from) {
            return Err(AppError::invalid_field("/until", "not_after_from"));
        }
        let entry = entry(ctx, &call, patient).resource("account", account.bytes());
        let team = queries::care_team(tx, &ctx.keys, patient.uuid(), ctx.now()).await?;
        let joined = |member: &Member| {
            member.account.id == account.uuid() && member.valid_from <= from && member.valid_to == input.until
        };
        if team.iter().any(joined) {
            return Done::audited((), entry.reason("repeated"));
        }
        let tie = NewTie {
            id: new_id(),
            tenant_id: tx.tenant().as_uuid(),
            patient_id: patient.uuid(),
            party_id: account.uuid(),
            kind: Tie::Member.as_str(),
            founding: false,
            valid_from: from,
            valid_to: input.until,
            created_at: ctx.now(),
            created_by: Uuid::from_bytes(ctx.account()),
            scope: Vec::new(),
        };
        queries::insert(tx, tie).await?;
        Done::audited((), entry.touches(TABLE))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends a membership of a patient's care team, from the next request on.
#[utoipa::path(post, path = "/api/v1/patients/{id}/care-team/end", tag = "care teams", operation_id = "care_team.leave",
    request_body = LeaveInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 204, description = "No member any more"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, out of reach, or no member")))]
pub async fn leave(call: Call, Json(input): Json<LeaveInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let patient = named(&call)?;
        let nobody = || AppError::invalid_field("/account", "no_account_id");
        let account = AccountId::parse(&input.account).ok_or_else(nobody)?;
        let tie = (patient.uuid(), account.uuid(), Tie::Member);
        if queries::end(tx, tie, ctx.now()).await? == 0 {
            return Err(AppError::absent());
        }
        Done::audited((), entry(ctx, &call, patient).resource("account", account.bytes()).touches(TABLE))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
