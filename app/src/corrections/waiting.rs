//! What waits for an answer, of all patients within the caller's reach: the clinic's list of what is due.

use actix_web::HttpResponse;
use tenancy::audit::Outcome;
use tenancy::keys::{KeyError, SubjectId};

use super::api::{CorrectionPage, shown};
use super::queries;
use crate::call::{Call, Done};
use crate::error::AppError;
use crate::paging::{self, PageQuery};
use crate::patients::cursor::{self, List};

/// Lists the requests that wait for an answer, of all patients within reach. An emergency opens one record and not this list.
#[utoipa::path(get, path = "/api/v1/corrections", tag = "corrections", operation_id = "correction.waiting",
    params(("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = CorrectionPage, description = "A page, what is due first before the rest")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PageQuery = paging::query(call.query())?;
    let limit = query.limit()?;
    let page = call
        .staff(async |ctx, tx| {
            let own = ctx.keys.tenant_sealer(ctx.tenant().id).await?;
            let after = cursor::begin(&own, List::WaitingCorrections, query.cursor.as_deref())?;
            let wanted = (ctx.within(), after);
            let mut rows = queries::waiting(tx, &ctx.keys, wanted, limit.saturating_add(1)).await?;
            let next_cursor =
                cursor::end(&own, List::WaitingCorrections, (&mut rows, limit), |last| last.id)?;
            let mut items = Vec::with_capacity(rows.len());
            for row in &rows {
                match ctx.keys.subject_sealer(tx.tenant(), SubjectId::from(row.patient_id)).await {
                    Ok(sealer) => items.push(shown(ctx, &sealer, row)?),
                    // The patient is being erased at this moment: the row goes next.
                    Err(KeyError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("correction").count(count);
            Done::audited(CorrectionPage { items, next_cursor }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}
