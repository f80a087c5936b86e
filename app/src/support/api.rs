//! Support grants over HTTP, for who answers for the clinic: the list with what was looked at, approving, refusing, ending.

use actix_web::HttpResponse;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tenancy::TenantTx;
use tenancy::audit::{AuditEntry, Outcome};
use tenancy::sealed::Sealer;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::What;
use super::model::{GrantId, GrantRow, GrantState, LookRow, PlatformPersonId, Said};
use super::queries;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, SUPPORT_OVER};
use crate::paging::{self, PageQuery};
use crate::patients::cursor::{self, List};
use crate::registry;
use crate::staff::model::AccountId;
use crate::store;

/// Something that was looked at.
#[derive(Serialize, ToSchema)]
pub struct SupportLookView {
    /// At what.
    what: What,
    /// When.
    looked_at: DateTime<Utc>,
}

/// A support grant.
#[derive(Serialize, ToSchema)]
pub struct SupportGrantView {
    /// Id.
    id: String,
    /// Who of the platform asks, as the log names them.
    platform_person: String,
    /// The name they sign in with there.
    login: String,
    /// Why they ask.
    reason: String,
    /// How long it lasts once it is approved.
    minutes: i32,
    /// Where it is.
    state: GrantState,
    /// When it was asked for.
    asked_at: DateTime<Utc>,
    /// Who of the clinic answered.
    answered_by: Option<String>,
    /// When.
    answered_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    ends_at: Option<DateTime<Utc>>,
    /// When it ended.
    ended_at: Option<DateTime<Utc>>,
    /// What was looked at under it, the newest first; at most 60.
    looks: Vec<SupportLookView>,
}

/// A page of support grants.
#[derive(Serialize, ToSchema)]
pub struct SupportGrantPage {
    /// The newest first.
    items: Vec<SupportGrantView>,
    /// Continues the list; absent at its end.
    next_cursor: Option<String>,
}

/// What the clinic did with a grant.
#[derive(Serialize, ToSchema)]
pub struct SupportAnswered {
    /// Where it is now.
    state: GrantState,
    /// When it ends by itself, if it was approved.
    ends_at: Option<DateTime<Utc>>,
}

/// Pages through the platform's requests to see the clinic's operational state, and what came of them.
#[utoipa::path(get, path = "/api/v1/support-grants", tag = "support access", operation_id = "support.list",
    params(("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = SupportGrantPage, description = "A page")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PageQuery = paging::query(call.query())?;
    let limit = query.limit()?;
    let page = call
        .staff(async |ctx, tx| {
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let after = cursor::begin(&sealer, List::SupportGrants, query.cursor.as_deref())?;
            let mut rows = queries::page(tx, after, limit.saturating_add(1)).await?;
            let next_cursor = cursor::end(&sealer, List::SupportGrants, (&mut rows, limit), |last| last.id)?;
            let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
            let looks = queries::looks(tx, &ids).await?;
            let views = rows.into_iter().map(|row| view(ctx, &sealer, row, &looks));
            let items = views.collect::<Result<Vec<_>, AppError>>()?;
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("support_grant").count(count);
            Done::audited(SupportGrantPage { items, next_cursor }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

fn view(ctx: &Ctx, sealer: &Sealer, row: GrantRow, looks: &[LookRow]) -> Result<SupportGrantView, AppError> {
    let said: Said = store::open(sealer, registry::SUPPORT_SAID, row.id.into_bytes(), &row.said_sealed)?;
    let own = looks.iter().filter(|look| look.grant_id == row.id);
    let looked = |look: &LookRow| {
        What::parse(&look.what).map(|what| SupportLookView { what, looked_at: look.looked_at })
    };
    Ok(SupportGrantView {
        id: GrantId::from(row.id).to_string(),
        platform_person: PlatformPersonId::from(row.asked_by).to_string(),
        login: said.login,
        reason: said.reason,
        minutes: row.minutes,
        state: row.state_at(ctx.now()),
        asked_at: row.asked_at,
        answered_by: row.answered_by.map(|account| AccountId::from(account).to_string()),
        answered_at: row.answered_at,
        ends_at: row.ends_at,
        ended_at: row.ended_at,
        looks: own.filter_map(looked).collect(),
    })
}

/// Lets the platform's support see the clinic's operational state, for as long as was asked for and not a minute longer.
#[utoipa::path(post, path = "/api/v1/support-grants/{id}/approve", tag = "support access", operation_id = "support.approve",
    params(("id" = String, Path, description = "Grant id")),
    responses((status = 200, body = SupportAnswered, description = "Approved"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "It does not wait for an answer any more")))]
pub async fn approve(call: Call) -> Result<HttpResponse, AppError> {
    let answered = call
        .staff(async |ctx, tx| {
            let row = waiting(&call, ctx, tx).await?;
            let now = ctx.now();
            let ends_at = Some(now + TimeDelta::minutes(i64::from(row.minutes)));
            let by = Uuid::from_bytes(ctx.account());
            queries::answer(tx, row.id, (GrantState::Approved, by), (now, ends_at)).await?;
            Done::audited(
                SupportAnswered { state: GrantState::Approved, ends_at },
                entry(ctx, call.action(), &row),
            )
        })
        .await?;
    Ok(HttpResponse::Ok().json(answered))
}

/// Refuses it. Support sees nothing, and can ask again.
#[utoipa::path(post, path = "/api/v1/support-grants/{id}/refuse", tag = "support access", operation_id = "support.refuse",
    params(("id" = String, Path, description = "Grant id")),
    responses((status = 200, body = SupportAnswered, description = "Refused"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "It does not wait for an answer any more")))]
pub async fn refuse(call: Call) -> Result<HttpResponse, AppError> {
    let answered = call
        .staff(async |ctx, tx| {
            let row = waiting(&call, ctx, tx).await?;
            let by = Uuid::from_bytes(ctx.account());
            queries::answer(tx, row.id, (GrantState::Refused, by), (ctx.now(), None)).await?;
            Done::audited(
                SupportAnswered { state: GrantState::Refused, ends_at: None },
                entry(ctx, call.action(), &row),
            )
        })
        .await?;
    Ok(HttpResponse::Ok().json(answered))
}

/// Ends it before its time, from this moment on.
#[utoipa::path(post, path = "/api/v1/support-grants/{id}/end", tag = "support access", operation_id = "support.end",
    params(("id" = String, Path, description = "Grant id")),
    responses((status = 200, body = SupportAnswered, description = "Ended"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "It is over already")))]
pub async fn end(call: Call) -> Result<HttpResponse, AppError> {
    let answered = call
        .staff(async |ctx, tx| {
            let row = named(&call, tx).await?;
            if row.state_at(ctx.now()).is_over() {
                return Err(SUPPORT_OVER.into());
            }
            queries::end(tx, row.id, Some(Uuid::from_bytes(ctx.account())), ctx.now()).await?;
            let answered = SupportAnswered { state: GrantState::Ended, ends_at: row.ends_at };
            Done::audited(answered, entry(ctx, call.action(), &row))
        })
        .await?;
    Ok(HttpResponse::Ok().json(answered))
}

/// The grant that the path names, locked.
async fn named(call: &Call, tx: &mut TenantTx) -> Result<GrantRow, AppError> {
    let id = GrantId::parse(call.path("id")).ok_or_else(AppError::absent)?;
    queries::lock(tx, id.uuid()).await?.ok_or_else(AppError::absent)
}

/// The grant that the path names, while it waits for an answer.
async fn waiting(call: &Call, ctx: &Ctx, tx: &mut TenantTx) -> Result<GrantRow, AppError> {
    let row = named(call, tx).await?;
    if row.state_at(ctx.now()) == GrantState::Asked { Ok(row) } else { Err(SUPPORT_OVER.into()) }
}

/// An entry about what somebody of the clinic does with a grant: the account is its actor, and who of the platform asked is what it
/// was done about, so that each entry names both.
fn entry(ctx: &Ctx, action: &'static str, row: &GrantRow) -> AuditEntry {
    ctx.entry(action, Outcome::Allow).resource("platform_person", row.asked_by.into_bytes())
}
