//! Tenants over HTTP.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Path, Query};
use chrono::{DateTime, Utc};
use regions::ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::problems::NOT_CONFIRMED;
use super::{Ctx, Json, parse};
use crate::auth::token::sha256;
use crate::control::access::Action;
use crate::control::error::ControlError;
use crate::control::keys::{self, KeyRow};
use crate::control::tasks::{self, StepView};
use crate::control::tenants::{self, Created, Idempotency, NewTenant, PAGE_MAX, Seen, Tenant};
use crate::error::{self, AppError, Problem};

/// Tenants a page when the caller does not say.
const PAGE_DEFAULT: u16 = 50;
/// Longest idempotency key, in bytes.
const KEY_MAX_BYTES: usize = 128;

/// A clinic to be taken on.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTenantBody {
    /// Its name in host names: 3 to 40 of `a-z 0-9 -`.
    slug: String,
    /// Its legal name.
    legal_name: String,
    /// Its home region, for good.
    region: String,
    /// Who gets the first invitation. It is forgotten here when the invitation was made.
    first_admin_email: String,
}

/// A tenant.
#[derive(Serialize, ToSchema)]
pub struct TenantView {
    /// 26 characters; never reused.
    id: String,
    /// Its name in host names.
    slug: String,
    /// Its legal name.
    legal_name: String,
    /// Its home region.
    region: String,
    /// Its shard there.
    shard: u16,
    /// `applied`, `provisioning`, `active`, `suspended`, `offboarding` or `purged`.
    state: &'static str,
    /// The placement's epoch.
    epoch: u32,
    /// Also the ETag.
    version: i64,
    /// When it applied.
    created_at: DateTime<Utc>,
    /// Its last change.
    updated_at: DateTime<Utc>,
}

impl From<&Tenant> for TenantView {
    fn from(tenant: &Tenant) -> Self {
        Self {
            id: tenant.id.to_string(),
            slug: tenant.slug.to_string(),
            legal_name: tenant.legal_name.clone(),
            region: tenant.region.to_string(),
            shard: tenant.shard.0,
            state: tenant.state.as_str(),
            epoch: tenant.epoch.0,
            version: tenant.version,
            created_at: tenant.created_at,
            updated_at: tenant.updated_at,
        }
    }
}

/// One page of tenants.
#[derive(Serialize, ToSchema)]
pub struct TenantPage {
    /// In no meaningful order.
    items: Vec<TenantView>,
    /// Ask with this for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100.
    limit: Option<u16>,
}

/// One step of a tenant's onboarding or end.
#[derive(Serialize, ToSchema)]
pub struct StepBody {
    /// `provision` or `destroy`.
    task: &'static str,
    /// The step's name.
    step: &'static str,
    /// `pending`, `done` or `failed`; a failed step is tried again.
    state: &'static str,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// How often it was reported.
    attempts: i32,
    /// The last report.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_at: Option<DateTime<Utc>>,
}

impl From<StepView> for StepBody {
    fn from(view: StepView) -> Self {
        Self {
            task: view.kind.as_str(),
            step: view.step,
            state: view.state,
            code: view.code,
            attempts: view.attempts,
            changed_at: view.changed_at,
        }
    }
}

/// Every step.
#[derive(Serialize, ToSchema)]
pub struct StepList {
    /// In order.
    items: Vec<StepBody>,
}

/// One version of a tenant's key.
#[derive(Serialize, ToSchema)]
pub struct KeyBody {
    /// `enc` wraps patients' keys, `bidx` makes search tags, `rowmac` ties rows together, `ctx` proves whose transaction it is.
    purpose: String,
    /// From 1.
    version: i64,
    /// `next`, `active`, `decrypt`, `legacy` or `retired`.
    state: String,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// `announced`, `filling`, `activated`, `settling` or `done`: the rotation that ends with this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation: Option<String>,
    /// Keys or rows that rotation has moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved: Option<i64>,
    /// When the region said so; it does every two minutes.
    reported_at: DateTime<Utc>,
}

/// The versions of a tenant's keys.
#[derive(Serialize, ToSchema)]
pub struct KeyList {
    /// By purpose and version; empty until the region has reported.
    items: Vec<KeyBody>,
}

impl From<KeyRow> for KeyBody {
    fn from(row: KeyRow) -> Self {
        Self {
            purpose: row.purpose,
            version: row.version,
            state: row.state,
            made_at: row.made_at,
            rotation: row.rotation,
            moved: row.moved,
            reported_at: row.reported_at,
        }
    }
}

/// The caller means it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OffboardBody {
    /// The tenant's slug again.
    confirm_slug: String,
}

/// Tenants, a page at a time.
#[utoipa::path(get, path = "/platform/v1/tenants", tag = "tenants", params(PageQuery), responses(
    (status = 200, body = TenantPage),
    (status = 400, body = Problem),
))]
pub async fn list(ctx: Ctx, query: Query<PageQuery>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::TenantList)?;
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if limit == 0 || limit > PAGE_MAX {
        return Err(AppError::invalid_field("/limit", "out_of_range"));
    }
    let after: Option<TenantId> =
        query.cursor.as_deref().map(str::parse).transpose().map_err(|_error| error::BAD_CURSOR)?;
    let page = tenants::list(&ctx.control().store, after, limit).await?;
    let next_cursor =
        page.last().filter(|_| page.len() == usize::from(limit)).map(|tenant| tenant.id.to_string());
    let mut response = HttpResponse::Ok();
    if let Some(cursor) = &next_cursor {
        let link = format!("</platform/v1/tenants?cursor={cursor}&limit={limit}>; rel=\"next\"");
        response.insert_header((header::LINK, link));
    }
    Ok(response.json(TenantPage { items: page.iter().map(TenantView::from).collect(), next_cursor }))
}

/// Takes a clinic on. Its region's worker then builds it; see its steps.
#[utoipa::path(post, path = "/platform/v1/tenants", tag = "tenants", request_body = NewTenantBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key with the same body makes one tenant.")),
    responses(
    (status = 201, body = TenantView, description = "Made now, or by an earlier request with the same key."),
    (status = 400, body = Problem),
    (status = 409, body = Problem, description = "The slug cannot be had, or the region is full."),
    (status = 422, body = Problem, description = "The key was used for another request."),
))]
pub async fn create(
    ctx: Ctx,
    request: HttpRequest,
    body: Json<NewTenantBody>,
) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::TenantCreate)?;
    let new = NewTenant {
        slug: parse("/slug", &body.slug)?,
        legal_name: body.legal_name.clone(),
        region: parse("/region", &body.region)?,
        first_admin_email: body.first_admin_email.clone(),
    };
    let key = idempotency(&request, &body)?;
    let created =
        tenants::create(&ctx.control().store, ctx.by(), new, key).await.map_err(|error| match error {
            ControlError::NotFound(_) => AppError::invalid_field("/region", "unknown_region"),
            other => other.into(),
        })?;
    let (Created::New(tenant) | Created::Replayed(tenant)) = created;
    let location = format!("/platform/v1/tenants/{}", tenant.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .insert_header((header::ETAG, etag(&tenant)))
        .json(TenantView::from(&tenant)))
}

/// One tenant.
#[utoipa::path(get, path = "/platform/v1/tenants/{id}", tag = "tenants",
    params(("id" = String, Path, description = "The tenant's id.")), responses(
    (status = 200, body = TenantView),
    (status = 404, body = Problem),
))]
pub async fn get(ctx: Ctx, id: Path<String>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::TenantRead)?;
    let tenant = tenants::get(&ctx.control().store, tenant_id(&id)?).await?;
    Ok(shown(&tenant))
}

/// The steps of a tenant's onboarding, and of its end.
#[utoipa::path(get, path = "/platform/v1/tenants/{id}/steps", tag = "tenants",
    params(("id" = String, Path, description = "The tenant's id.")), responses(
    (status = 200, body = StepList),
    (status = 404, body = Problem),
))]
pub async fn steps(ctx: Ctx, id: Path<String>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::TenantSteps)?;
    let steps = tasks::steps(&ctx.control().store, tenant_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(StepList { items: steps.into_iter().map(StepBody::from).collect() }))
}

/// The versions, ages and rotations of a tenant's keys, as its region said last. No key is known here.
#[utoipa::path(get, path = "/platform/v1/tenants/{id}/keys", tag = "tenants",
    params(("id" = String, Path, description = "The tenant's id.")), responses(
    (status = 200, body = KeyList),
    (status = 404, body = Problem),
))]
pub async fn keys(ctx: Ctx, id: Path<String>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::TenantKeys)?;
    let rows = keys::of(&ctx.control().store, tenant_id(&id)?).await?;
    Ok(HttpResponse::Ok().json(KeyList { items: rows.into_iter().map(KeyBody::from).collect() }))
}

/// Stops serving a tenant: its address answers 403.
#[utoipa::path(post, path = "/platform/v1/tenants/{id}/suspend", tag = "tenants",
    params(("id" = String, Path, description = "The tenant's id."), ("If-Match" = String, Header, description = "The ETag read.")),
    responses(
    (status = 200, body = TenantView),
    (status = 409, body = Problem, description = "Not from this state."),
    (status = 412, body = Problem),
    (status = 428, body = Problem),
))]
pub async fn suspend(ctx: Ctx, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::TenantSuspend)?;
    let seen = if_match(&request)?;
    let tenant = tenants::suspend(&ctx.control().store, ctx.by(), tenant_id(&id)?, seen).await?;
    ctx.control().publish().await;
    Ok(shown(&tenant))
}

/// Serves a suspended tenant again.
#[utoipa::path(post, path = "/platform/v1/tenants/{id}/resume", tag = "tenants",
    params(("id" = String, Path, description = "The tenant's id."), ("If-Match" = String, Header, description = "The ETag read.")),
    responses(
    (status = 200, body = TenantView),
    (status = 409, body = Problem, description = "Not from this state."),
    (status = 412, body = Problem),
    (status = 428, body = Problem),
))]
pub async fn resume(ctx: Ctx, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::TenantResume)?;
    let seen = if_match(&request)?;
    let tenant = tenants::resume(&ctx.control().store, ctx.by(), tenant_id(&id)?, seen).await?;
    ctx.control().publish().await;
    Ok(shown(&tenant))
}

/// Ends a tenant: its address answers 410, and its region's worker destroys its keys and data. It cannot be undone, so whoever does
/// it has signed in within five minutes.
#[utoipa::path(post, path = "/platform/v1/tenants/{id}/offboard", tag = "tenants", request_body = OffboardBody,
    params(("id" = String, Path, description = "The tenant's id."), ("If-Match" = String, Header, description = "The ETag read.")),
    responses(
    (status = 200, body = TenantView),
    (status = 409, body = Problem, description = "Not from this state."),
    (status = 412, body = Problem),
    (status = 403, body = Problem, description = "Signed in more than five minutes ago (`step_up_required`), or not from the platform's own pages."),
    (status = 422, body = Problem, description = "The slug was not repeated."),
    (status = 428, body = Problem),
))]
pub async fn offboard(
    ctx: Ctx,
    request: HttpRequest,
    id: Path<String>,
    body: Json<OffboardBody>,
) -> Result<HttpResponse, AppError> {
    ctx.allow_fresh(Action::TenantOffboard)?;
    let (seen, id) = (if_match(&request)?, tenant_id(&id)?);
    let store = &ctx.control().store;
    if tenants::get(store, id).await?.slug.as_str() != body.confirm_slug {
        return Err(NOT_CONFIRMED.into());
    }
    let tenant = tenants::offboard(store, ctx.by(), id, seen).await?;
    ctx.control().publish().await;
    Ok(shown(&tenant))
}

fn shown(tenant: &Tenant) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, etag(tenant))).json(TenantView::from(tenant))
}

fn etag(tenant: &Tenant) -> String {
    format!("\"{}\"", tenant.version)
}

/// An id that is none is as absent as one that nobody has.
fn tenant_id(text: &str) -> Result<TenantId, AppError> {
    text.parse().map_err(|_error| error::NOT_FOUND.into())
}

/// The one version that the caller has read (RFC 9110 section 13.1.1); `*` and lists say too little.
fn if_match(request: &HttpRequest) -> Result<Seen, AppError> {
    let mut values = request.headers().get_all(header::IF_MATCH);
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(error::PRECONDITION_NEEDED.into());
    };
    let text = value.to_str().unwrap_or_default();
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted
        .and_then(|number| number.parse().ok())
        .map(Seen::Version)
        .ok_or_else(|| error::PRECONDITION_NEEDED.into())
}

fn idempotency(request: &HttpRequest, body: &NewTenantBody) -> Result<Option<Idempotency>, AppError> {
    let mut values = request.headers().get_all("idempotency-key");
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.as_bytes();
    if values.next().is_some() || key.is_empty() || key.len() > KEY_MAX_BYTES {
        return Err(AppError::invalid_field("/idempotency-key", "not_a_key"));
    }
    let request = serde_json::to_vec(body).map_err(|_error| AppError::internal("idempotency_hash"))?;
    Ok(Some(Idempotency {
        key_hash: sha256(b"domicile platform idempotency key v1", key),
        request_hash: sha256(b"domicile platform tenant create v1", &request),
    }))
}
