//! Correcting what a document is for and the day it bears: what it is filed under, where title and notes are its words.

use actix_web::HttpResponse;
use chrono::NaiveDate;
use serde::Deserialize;
use tenancy::sealed::Phi;
use utoipa::ToSchema;

use super::api::{Need, check_kind, entry, find_as, role, sight, touching};
use super::model::{Kind, State, field_bits};
use super::view::{Body, DocumentView};
use super::{queries, rules};
use crate::call::{Call, Done};
use crate::error::{AppError, DOCUMENT_STATE, STALE};
use crate::middleware::json::Json;
use crate::patients::api::if_match;
use crate::store::Sealing;

/// What a document is filed under, the whole of it: without a day it bears none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FilingInput {
    /// What it is for.
    kind: Kind,
    /// The day that the document itself bears.
    #[serde(default)]
    dated_on: Option<NaiveDate>,
}

/// Corrects kind and day of the version that `If-Match` names, for who may write both kinds; words and bytes stay.
#[utoipa::path(patch, path = "/api/v1/documents/{id}", tag = "documents", operation_id = "document.refile",
    request_body = FilingInput,
    params(("id" = String, Path, description = "Document id"), ("If-Match" = String, Header, description = "ETag of the version read")),
    responses((status = 200, body = DocumentView<'static>, description = "Corrected"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "The day is none that a document can bear"),
        (status = 403, body = crate::error::Problem, content_type = "application/problem+json", description = "Not a kind that the caller may write"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 412, body = crate::error::Problem, content_type = "application/problem+json", description = "Changed since"),
        (status = 428, body = crate::error::Problem, content_type = "application/problem+json", description = "If-Match is missing")))]
pub async fn refile(call: Call, Json(input): Json<FilingInput>) -> Result<HttpResponse, AppError> {
    let expected = if_match(call.headers());
    let body = call
        .staff(async |ctx, tx| {
            let (acting, mut document, sealer) = find_as(ctx, tx, call.path("id"), Need::Write).await?;
            // Nobody puts a document where they could not have put it themselves.
            check_kind(role(&acting)?, input.kind, Need::Write)?;
            let expected = expected?;
            if document.version != expected {
                return Err(STALE.into());
            }
            if matches!(document.state, State::Deleted | State::Purged) {
                return Err(DOCUMENT_STATE.into());
            }
            if let Some(fault) = rules::date_fault(input.dated_on, ctx.now().date_naive()) {
                return Err(AppError::invalid(vec![fault]));
            }
            document.kind = input.kind;
            document.words.dated_on = Phi::new(input.dated_on);
            document.version = expected.saturating_add(1);
            document.updated_at = ctx.now();
            let macs = ctx.keys.row_macs(tx.tenant()).await?;
            let with = Sealing { sealer: &sealer, macs: &macs };
            let words = document.words.seal(&with, document.id, document.version)?;
            if !queries::refile(tx, &document, words, expected).await? {
                return Err(STALE.into());
            }
            // The answer shows the words too.
            let shown = field_bits::FILED | field_bits::WORDS;
            let entry = touching(entry(ctx, &call, &document)).fields(shown);
            Done::audited(Body::of(&document, sight(&acting)?, Vec::new())?, entry)
        })
        .await?;
    Ok(body.into_response(HttpResponse::Ok()))
}
