//! The colleagues who treat, over HTTP, by name: for those who put somebody into a care team. No address and no state.

use actix_web::HttpResponse;
use serde::Serialize;
use tenancy::audit::Outcome;
use tenancy::sealed::Sealer;
use utoipa::ToSchema;

use super::model::AccountId;
use super::queries;
use crate::access::Role;
use crate::auth::record::AccountRow;
use crate::call::{Call, Done};
use crate::error::AppError;
use crate::paging::{self, PageQuery};
use crate::patients::cursor::{self, List};
use crate::registry;
use crate::store::{self, StoreError};

/// A colleague who treats.
#[derive(Serialize, ToSchema)]
pub struct ColleagueView {
    /// Account id.
    account: String,
    /// Name shown to colleagues and patients.
    display_name: String,
    /// Role in the clinic.
    role: Role,
}

/// A page of colleagues.
#[derive(Serialize, ToSchema)]
pub struct ColleaguePage {
    /// The colleagues.
    items: Vec<ColleagueView>,
    /// Continues the list; absent at its end.
    next_cursor: Option<String>,
}

impl ColleagueView {
    fn open(row: &AccountRow, sealer: &Sealer) -> Result<ColleagueView, StoreError> {
        let id = row.id.into_bytes();
        Ok(ColleagueView {
            account: AccountId::from(row.id).to_string(),
            display_name: store::open(sealer, registry::ACCOUNT_DISPLAY_NAME, id, &row.display_name)?,
            role: row.role()?,
        })
    }
}

/// Pages through the colleagues whose accounts are open and who can be in a care team.
#[utoipa::path(get, path = "/api/v1/colleagues", tag = "care teams", operation_id = "colleague.list",
    params(("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = ColleaguePage, description = "A page")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PageQuery = paging::query(call.query())?;
    let limit = query.limit()?;
    let page = call
        .staff(async |ctx, tx| {
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let after = cursor::begin(&sealer, List::Colleagues, query.cursor.as_deref())?;
            let mut rows = queries::who_treat(tx, &ctx.keys, after, limit.saturating_add(1)).await?;
            let next_cursor = cursor::end(&sealer, List::Colleagues, (&mut rows, limit), |last| last.id)?;
            let items =
                rows.iter().map(|row| ColleagueView::open(row, &sealer)).collect::<Result<Vec<_>, _>>()?;
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("account").count(count);
            Done::audited(ColleaguePage { items, next_cursor }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}
