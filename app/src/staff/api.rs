//! Staff over HTTP: the list, and inviting.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::AccountId;
use crate::access::Role;
use crate::auth::api::clean_display_name;
use crate::auth::invite::{Invite, Invited};
use crate::auth::queries::{self, Listed};
use crate::auth::rules;
use crate::call::{Call, Done};
use crate::error::{AppError, STAFF_EXISTS};
use crate::middleware::json::Json;
use crate::paging::{self, PageQuery};
use crate::patients::contact;
use crate::patients::cursor::{self, List};
use crate::registry;
use crate::sites::model::SiteId;
use crate::sites::queries as sites;
use crate::store::{self, StoreError};

/// Whom to invite.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteInput {
    /// E-mail address; it becomes the log-in name.
    email: String,
    /// Name shown to colleagues.
    display_name: String,
    /// Role in the clinic.
    role: Role,
}

/// A staff member.
#[derive(Serialize, ToSchema)]
pub struct StaffView {
    /// Account id.
    account: String,
    /// E-mail address.
    email: String,
    /// Name shown to colleagues.
    display_name: String,
    /// Role in the clinic.
    #[schema(value_type = Role)]
    role: String,
    /// `invited`, `active` or `disabled`.
    state: String,
    /// Whether the account takes no password any more after too many wrong ones; unlocking it opens it.
    locked: bool,
    /// Ids of the sites where they work.
    sites: Vec<String>,
    /// When the account was made.
    created_at: DateTime<Utc>,
}

/// A page of staff.
#[derive(Serialize, ToSchema)]
pub struct StaffPage {
    /// The staff.
    items: Vec<StaffView>,
    /// Continues the list; absent at its end.
    next_cursor: Option<String>,
}

/// An invitation that was made.
#[derive(Serialize, ToSchema)]
pub struct InvitedView {
    /// The account that waits for its owner.
    account: String,
    /// Always `invited`.
    state: &'static str,
}

impl StaffView {
    fn open(
        listed: &Listed,
        at: &[(Uuid, Uuid)],
        sealer: &tenancy::sealed::Sealer,
    ) -> Result<StaffView, StoreError> {
        let row = &listed.row;
        let id = row.id.into_bytes();
        let own = at.iter().filter(|(account, _)| *account == row.id);
        Ok(StaffView {
            account: AccountId::from(row.id).to_string(),
            email: store::open(sealer, registry::ACCOUNT_EMAIL, id, &row.email)?,
            display_name: store::open(sealer, registry::ACCOUNT_DISPLAY_NAME, id, &row.display_name)?,
            role: row.role.clone(),
            state: row.state.clone(),
            locked: Role::parse(&row.role).is_some_and(|role| rules::is_locked(role, listed.failed_count)),
            sites: own.map(|(_, site)| SiteId::from(*site).to_string()).collect(),
            created_at: listed.created_at,
        })
    }
}

/// Pages through the clinic's staff.
#[utoipa::path(get, path = "/api/v1/staff", tag = "staff", operation_id = "staff.list",
    params(("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = StaffPage, description = "A page")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PageQuery = paging::query(call.query())?;
    let limit = query.limit()?;
    let page = call
        .staff(async |ctx, tx| {
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let after = cursor::begin(&sealer, List::Staff, query.cursor.as_deref())?;
            let mut rows = queries::accounts(tx, &ctx.keys, after, limit.saturating_add(1)).await?;
            let next_cursor = cursor::end(&sealer, List::Staff, (&mut rows, limit), |last| last.row.id)?;
            let accounts: Vec<Uuid> = rows.iter().map(|one| one.row.id).collect();
            let at = sites::of_accounts(tx, &accounts).await?;
            let items =
                rows.iter().map(|row| StaffView::open(row, &at, &sealer)).collect::<Result<Vec<_>, _>>()?;
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("account").count(count);
            Done::audited(StaffPage { items, next_cursor }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Invites a staff member; the mail goes out by the region's worker. Somebody who has not accepted yet is invited again:
/// what was sent before is worth nothing then.
#[utoipa::path(post, path = "/api/v1/staff", tag = "staff", operation_id = "staff.invite",
    request_body = InviteInput,
    responses((status = 201, body = InvitedView, description = "Invited"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "There is an account with this address")))]
pub async fn invite(call: Call, Json(input): Json<InviteInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            super::change::staff_role(input.role)?;
            let email =
                contact::email(&input.email).map_err(|code| AppError::invalid_field("/email", code))?;
            let display_name = clean_display_name(&input.display_name)?;
            let invite =
                Invite { email: &email, display_name: &display_name, role: input.role, now: ctx.now() };
            let entry = ctx.entry(call.action(), Outcome::Allow);
            let (account, entry) = match invite.store(tx, &ctx.keys).await {
                Ok(Invited::New { account, .. }) => (account, entry),
                Ok(Invited::Exists { account }) => match invite.repeat(tx, &ctx.keys, account).await? {
                    Some(_invitation) => (account, entry.reason("repeated")),
                    None => return Err(STAFF_EXISTS.into()),
                },
                Err(error) if error.is_duplicate() => return Err(STAFF_EXISTS.into()),
                Err(error) => return Err(error.into()),
            };
            let view = InvitedView { account: AccountId::from(account).to_string(), state: "invited" };
            Done::audited(view, entry.resource("account", account.into_bytes()))
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Opens an account again that takes no password after too many wrong ones.
#[utoipa::path(post, path = "/api/v1/staff/{id}/unlock", tag = "staff", operation_id = "staff.unlock",
    params(("id" = String, Path, description = "Account id")),
    responses((status = 204, description = "The account takes a password again"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn unlock(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let id = AccountId::parse(call.path("id")).ok_or_else(AppError::absent)?;
        if !queries::forget_failures(tx, id.uuid()).await? {
            return Err(AppError::absent());
        }
        Done::audited((), ctx.entry(call.action(), Outcome::Allow).resource("account", id.bytes()))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}
