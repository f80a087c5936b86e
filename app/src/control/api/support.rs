//! Support grants over HTTP: asking for one, the list, ending, and looking under one.

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::{Path, Query};
use chrono::{DateTime, Utc};
use regions::ids::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Ctx, Json};
use crate::control::access::Action;
use crate::control::support::{self, Grant, Look, PAGE_MAX, Whose};
use crate::error::{self, AppError, Problem};
use crate::support::answer::{AccountCount, Answer, JobCount, Settings, Upkeep, What};
use crate::support::model::{GrantId, GrantState, LookId};

/// Grants a page when the caller does not say.
const PAGE_DEFAULT: u16 = 50;

/// What support asks a clinic for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskBody {
    /// Why, in 10 to 500 characters. The clinic's administrator reads it; it names no patient.
    reason: String,
    /// How long the grant is to last once it is approved, 15 to 480 minutes.
    minutes: i32,
}

/// What support wants to see.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LookBody {
    /// At what.
    what: What,
}

/// A support grant.
#[derive(Serialize, ToSchema)]
pub struct GrantView {
    /// Its id; the clinic sees the same.
    id: String,
    /// The clinic.
    tenant: String,
    /// The clinic's name in host names.
    slug: String,
    /// The clinic's home region, which decides.
    region: String,
    /// Who asked.
    asked_by: String,
    /// Why.
    reason: String,
    /// How long it lasts once it is approved.
    minutes: i32,
    /// Where it is.
    state: GrantState,
    /// When it was asked for.
    asked_at: DateTime<Utc>,
    /// When the clinic answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<DateTime<Utc>>,
    /// When it was refused or ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    over_at: Option<DateTime<Utc>>,
}

impl From<Grant> for GrantView {
    fn from(grant: Grant) -> Self {
        Self {
            id: GrantId::from(grant.id).to_string(),
            tenant: grant.tenant.to_string(),
            slug: grant.slug,
            region: grant.region.to_string(),
            asked_by: grant.login,
            reason: grant.reason,
            minutes: grant.minutes,
            state: grant.state,
            asked_at: grant.asked_at,
            answered_at: grant.answered_at,
            ends_at: grant.ends_at,
            over_at: grant.over_at,
        }
    }
}

/// One page of grants.
#[derive(Serialize, ToSchema)]
pub struct GrantPage {
    /// The newest first.
    items: Vec<GrantView>,
    /// Ask with this for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A grant with what was looked at.
#[derive(Serialize, ToSchema)]
pub struct GrantWithLooks {
    /// The grant.
    grant: GrantView,
    /// The looks, the newest first, without their answers; at most 60.
    looks: Vec<LookView>,
}

/// A look, and one of its four answers when there is one.
#[derive(Serialize, ToSchema)]
pub struct LookView {
    /// Its id.
    id: String,
    /// At what.
    what: What,
    /// `open`, `done` or `failed`.
    state: String,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// When it was asked for.
    asked_at: DateTime<Utc>,
    /// When the region answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_at: Option<DateTime<Utc>>,
    /// How the clinic is set up.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Settings>,
    /// Accounts of its staff by role and state.
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<AccountCount>>,
    /// Jobs that wait or fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    work: Option<Vec<JobCount>>,
    /// Versions, keys and the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    upkeep: Option<Upkeep>,
}

impl From<Look> for LookView {
    fn from(look: Look) -> Self {
        let mut view = Self {
            id: LookId::from(look.id).to_string(),
            what: look.what,
            state: look.state,
            code: look.code,
            asked_at: look.asked_at,
            answered_at: look.answered_at,
            settings: None,
            accounts: None,
            work: None,
            upkeep: None,
        };
        match look.answer {
            None => {}
            Some(Answer::Settings(settings)) => view.settings = Some(settings),
            Some(Answer::Accounts(accounts)) => view.accounts = Some(accounts),
            Some(Answer::Work(work)) => view.work = Some(work),
            Some(Answer::State(upkeep)) => view.upkeep = Some(upkeep),
        }
        view
    }
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct GrantQuery {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100.
    limit: Option<u16>,
}

/// Asks a clinic for a support grant. Its administrator approves or refuses it in the clinic.
#[utoipa::path(post, path = "/platform/v1/tenants/{id}/support-grants", tag = "support", request_body = AskBody,
    params(("id" = String, Path, description = "The tenant's id.")), responses(
    (status = 201, body = GrantView, description = "The clinic is asked."),
    (status = 400, body = Problem),
    (status = 404, body = Problem, description = "No such clinic, or none in service."),
    (status = 409, body = Problem, description = "There is an open one, or there are too many."),
))]
pub async fn ask(ctx: Ctx, id: Path<String>, body: Json<AskBody>) -> Result<HttpResponse, AppError> {
    let signed_in = ctx.allow(Action::SupportAsk)?;
    let tenant: TenantId = id.parse().map_err(|_error| error::NOT_FOUND)?;
    let store = &ctx.control().store;
    let grant = support::ask(store, ctx.by(), signed_in, (tenant, &body.reason, body.minutes)).await?;
    let location = format!("/platform/v1/support-grants/{}", GrantId::from(grant.id));
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(GrantView::from(grant)))
}

/// Support grants, a page at a time: support sees the own ones, administrators all of them.
#[utoipa::path(get, path = "/platform/v1/support-grants", tag = "support", params(GrantQuery), responses(
    (status = 200, body = GrantPage),
    (status = 400, body = Problem),
))]
pub async fn list(ctx: Ctx, query: Query<GrantQuery>) -> Result<HttpResponse, AppError> {
    let whose = Whose::of(ctx.allow(Action::SupportList)?);
    let limit = query.limit.unwrap_or(PAGE_DEFAULT);
    if limit == 0 || limit > PAGE_MAX {
        return Err(AppError::invalid_field("/limit", "out_of_range"));
    }
    let before = match query.cursor.as_deref() {
        Some(text) => Some(GrantId::parse(text).ok_or(error::BAD_CURSOR)?.uuid()),
        None => None,
    };
    let page = support::list(&ctx.control().store, whose, before, limit).await?;
    let last = page.last().filter(|_| page.len() == usize::from(limit));
    let next_cursor = last.map(|grant| GrantId::from(grant.id).to_string());
    let items = page.into_iter().map(GrantView::from).collect();
    Ok(HttpResponse::Ok().json(GrantPage { items, next_cursor }))
}

/// One support grant, and what was looked at under it.
#[utoipa::path(get, path = "/platform/v1/support-grants/{id}", tag = "support",
    params(("id" = String, Path, description = "The grant's id.")), responses(
    (status = 200, body = GrantWithLooks),
    (status = 404, body = Problem),
))]
pub async fn get(ctx: Ctx, id: Path<String>) -> Result<HttpResponse, AppError> {
    let whose = Whose::of(ctx.allow(Action::SupportRead)?);
    let id = GrantId::parse(&id).ok_or(error::NOT_FOUND)?;
    let (grant, looks) = support::get(&ctx.control().store, whose, id.uuid()).await?;
    let looks = looks.into_iter().map(LookView::from).collect();
    Ok(HttpResponse::Ok().json(GrantWithLooks { grant: grant.into(), looks }))
}

/// Ends a support grant. Nothing is answered under it from now on, and what was answered is deleted here.
#[utoipa::path(post, path = "/platform/v1/support-grants/{id}/end", tag = "support",
    params(("id" = String, Path, description = "The grant's id.")), responses(
    (status = 200, body = GrantView, description = "It is over."),
    (status = 404, body = Problem),
))]
pub async fn end(ctx: Ctx, id: Path<String>) -> Result<HttpResponse, AppError> {
    let whose = Whose::of(ctx.allow(Action::SupportEnd)?);
    let id = GrantId::parse(&id).ok_or(error::NOT_FOUND)?;
    let grant = support::end(&ctx.control().store, ctx.by(), whose, id.uuid()).await?;
    Ok(HttpResponse::Ok().json(GrantView::from(grant)))
}

/// Looks at something of the clinic. Its region answers within seconds, unless the grant is over there.
#[utoipa::path(post, path = "/platform/v1/support-grants/{id}/looks", tag = "support", request_body = LookBody,
    params(("id" = String, Path, description = "The grant's id.")), responses(
    (status = 201, body = LookView, description = "The region is asked."),
    (status = 400, body = Problem),
    (status = 404, body = Problem),
    (status = 409, body = Problem, description = "It is not approved or is over, or there were too many looks."),
))]
pub async fn look(ctx: Ctx, id: Path<String>, body: Json<LookBody>) -> Result<HttpResponse, AppError> {
    let signed_in = ctx.allow(Action::SupportLook)?;
    let id = GrantId::parse(&id).ok_or(error::NOT_FOUND)?;
    let look = support::look(&ctx.control().store, ctx.by(), signed_in, (id.uuid(), body.what)).await?;
    let location = format!("/platform/v1/support-grants/{id}/looks/{}", LookId::from(look.id));
    Ok(HttpResponse::Created().insert_header((header::LOCATION, location)).json(LookView::from(look)))
}

/// What the region answered to the own look.
#[utoipa::path(get, path = "/platform/v1/support-grants/{id}/looks/{look}", tag = "support",
    params(("id" = String, Path, description = "The grant's id."), ("look" = String, Path, description = "The look's id.")), responses(
    (status = 200, body = LookView),
    (status = 404, body = Problem),
))]
pub async fn answer(ctx: Ctx, path: Path<(String, String)>) -> Result<HttpResponse, AppError> {
    let signed_in = ctx.allow(Action::SupportAnswer)?;
    let grant = GrantId::parse(&path.0).ok_or(error::NOT_FOUND)?;
    let look = LookId::parse(&path.1).ok_or(error::NOT_FOUND)?;
    let look = support::answer(&ctx.control().store, signed_in, (grant.uuid(), look.uuid())).await?;
    Ok(HttpResponse::Ok().json(LookView::from(look)))
}
