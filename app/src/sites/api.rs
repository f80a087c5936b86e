//! Sites over HTTP: the list, a new one, who works where, and where a patient is registered.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::SiteId;
use super::queries::{self, SiteRow};
use crate::auth::invite::new_id;
use crate::call::{Call, Done};
use crate::error::AppError;
use crate::middleware::json::Json;
use crate::patients::named::there;
use crate::patients::text;
use crate::relationships::model::{NewTie, Tie};
use crate::relationships::queries as ties;
use crate::staff::model::AccountId;
use crate::staff::queries as accounts;

/// Longest name of a site, in characters.
const NAME_MAX_CHARS: usize = 100;
/// Most sites of one person or patient.
const CHOSEN_MAX: usize = 50;

/// A site as it is typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SiteInput {
    /// Its name.
    name: String,
}

impl SiteInput {
    /// The name in normal form.
    pub(super) fn clean(&self) -> Result<String, AppError> {
        text::clean(&self.name, NAME_MAX_CHARS).map_err(|code| AppError::invalid_field("/name", code))
    }
}

/// A choice of sites.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SitesInput {
    /// Site ids, at least one.
    sites: Vec<String>,
}

/// A site.
#[derive(Serialize, ToSchema)]
pub struct SiteView {
    /// Site id.
    id: String,
    /// Its name.
    name: String,
    /// Since when it takes nobody new; absent while it is open.
    closed_at: Option<DateTime<Utc>>,
}

impl From<SiteRow> for SiteView {
    fn from(row: SiteRow) -> SiteView {
        SiteView { id: SiteId::from(row.id).to_string(), name: row.name, closed_at: row.closed_at }
    }
}

/// The clinic's sites.
#[derive(Serialize, ToSchema)]
pub struct SiteList {
    /// The sites.
    items: Vec<SiteView>,
}

/// Where a patient is registered.
#[derive(Serialize, ToSchema)]
pub struct RegisteredAt {
    /// Site ids.
    sites: Vec<String>,
}

/// The sites that are named in `/sites`, each of which is one of the clinic's, and open unless it was chosen before.
///
/// # Errors
/// None or too many, one that is not there, or one that takes nobody new.
pub async fn chosen(
    tx: &mut TenantTx,
    named: &[String],
    before: &BTreeSet<Uuid>,
) -> Result<BTreeSet<Uuid>, AppError> {
    if named.is_empty() || named.len() > CHOSEN_MAX {
        return Err(AppError::invalid_field("/sites", "one_to_fifty"));
    }
    let known: BTreeMap<Uuid, bool> =
        queries::all(tx).await?.into_iter().map(|row| (row.id, row.closed_at.is_none())).collect();
    let mut chosen = BTreeSet::new();
    for (at, text) in named.iter().enumerate() {
        let fault = |code| AppError::invalid_field(&format!("/sites/{at}"), code);
        let site = SiteId::parse(text).map(SiteId::uuid).ok_or_else(|| fault("unknown_site"))?;
        let open = *known.get(&site).ok_or_else(|| fault("unknown_site"))?;
        if !open && !before.contains(&site) {
            return Err(fault("closed_site"));
        }
        chosen.insert(site);
    }
    Ok(chosen)
}

/// Where the clinic works.
#[utoipa::path(get, path = "/api/v1/sites", tag = "sites", operation_id = "site.list",
    responses((status = 200, body = SiteList, description = "The sites")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let list = call
        .staff(async |ctx, tx| {
            let items: Vec<SiteView> = queries::all(tx).await?.into_iter().map(SiteView::from).collect();
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("site").count(count);
            Done::audited(SiteList { items }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(list))
}

/// Adds a site.
#[utoipa::path(post, path = "/api/v1/sites", tag = "sites", operation_id = "site.create", request_body = SiteInput,
    responses((status = 201, body = SiteView, description = "Added"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "No name, or too many sites")))]
pub async fn create(call: Call, Json(input): Json<SiteInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let name = input.clean()?;
            let there = queries::all(tx).await?.len();
            if i64::try_from(there).unwrap_or(i64::MAX) >= queries::SITES_MAX {
                return Err(AppError::invalid_field("", "too_many_sites"));
            }
            let id = new_id();
            queries::insert(tx, id, &name, ctx.now()).await?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("site", id.into_bytes());
            Done::audited(SiteView::from(SiteRow { id, name, closed_at: None }), entry)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Has a staff member work at these sites and at no other, from the next request on.
#[utoipa::path(put, path = "/api/v1/staff/{id}/sites", tag = "sites", operation_id = "staff.sites",
    request_body = SitesInput, params(("id" = String, Path, description = "Account id")),
    responses((status = 204, description = "Works there"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn assign(call: Call, Json(input): Json<SitesInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let account = AccountId::parse(call.path("id")).ok_or_else(AppError::absent)?;
        accounts::lock(tx, account.uuid()).await?.ok_or_else(AppError::absent)?;
        let before = queries::of_accounts(tx, &[account.uuid()]).await?;
        let before: BTreeSet<Uuid> = before.into_iter().map(|(_, site)| site).collect();
        let sites: Vec<Uuid> = chosen(tx, &input.sites, &before).await?.into_iter().collect();
        queries::work_at(tx, account.uuid(), &sites).await?;
        let count = u32::try_from(sites.len()).unwrap_or(u32::MAX);
        let entry =
            ctx.entry(call.action(), Outcome::Allow).resource("account", account.bytes()).count(count);
        Done::audited((), entry)
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Where a patient is registered.
#[utoipa::path(get, path = "/api/v1/patients/{id}/sites", tag = "sites", operation_id = "patient.sites_read",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 200, body = RegisteredAt, description = "The sites, closed ones among them"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn registered(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let patient = there(&call, tx).await?;
            let ids = queries::of_patient(tx, patient.uuid(), ctx.now()).await?;
            let sites: Vec<String> = ids.into_iter().map(|id| SiteId::from(id).to_string()).collect();
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource("patient", patient.bytes())
                .subject(patient.bytes())
                .count(u32::try_from(sites.len()).unwrap_or(u32::MAX));
            Done::audited(RegisteredAt { sites }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Registers a patient at these sites and at no other.
#[utoipa::path(put, path = "/api/v1/patients/{id}/sites", tag = "sites", operation_id = "patient.sites",
    request_body = SitesInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 204, description = "Registered there"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn register(call: Call, Json(input): Json<SitesInput>) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let patient = there(&call, tx).await?;
        let there: BTreeSet<Uuid> =
            queries::of_patient(tx, patient.uuid(), ctx.now()).await?.into_iter().collect();
        let wanted = chosen(tx, &input.sites, &there).await?;
        for site in wanted.difference(&there) {
            let tie = NewTie {
                id: new_id(),
                tenant_id: tx.tenant().as_uuid(),
                patient_id: patient.uuid(),
                party_id: *site,
                kind: Tie::Site.as_str(),
                founding: false,
                valid_from: ctx.now(),
                valid_to: None,
                created_at: ctx.now(),
                created_by: Uuid::from_bytes(ctx.account()),
                scope: Vec::new(),
            };
            ties::insert(tx, tie).await?;
        }
        for site in there.difference(&wanted) {
            ties::end(tx, (patient.uuid(), *site, Tie::Site), ctx.now()).await?;
        }
        let entry = ctx
            .entry(call.action(), Outcome::Allow)
            .resource("patient", patient.bytes())
            .subject(patient.bytes())
            .count(u32::try_from(wanted.len()).unwrap_or(u32::MAX));
        let changed = wanted != there;
        Done::audited((), if changed { entry.touches("relationship") } else { entry.reason("repeated") })
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
