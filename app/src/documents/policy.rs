//! From which size on a clinic has imaging encrypted and handed out by S3 alone. It is off until the clinic's administrator
//! chooses it, and what it costs is in docs/documents.md.

use actix_web::HttpResponse;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use tenancy::objects::DOCUMENT_BYTES_MAX;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{DIRECT, SEALED};
use super::tables::document_policy;
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::AppError;
use crate::middleware::json::Json;
use crate::store::StoreError;

/// Smallest size that can be chosen, in bytes: what is smaller passes a backend in no time.
pub const DIRECT_MIN_BYTES: u64 = 16 * 1024 * 1024;

/// How a clinic keeps documents.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentPolicy {
    /// DICOM images from this size in bytes on, 16 MiB to 5 GiB, are encrypted by S3 alone and handed out by a link of S3
    /// that asks for no session; null when none are. It counts for what is accepted from now on.
    direct_imaging_from_bytes: Option<u64>,
}

/// The size from which on imaging is direct; `None` when the clinic has not chosen it.
///
/// # Errors
/// When the database does not answer.
pub async fn direct_from_bytes(tx: &mut TenantTx) -> Result<Option<u64>, StoreError> {
    let chosen: Option<Option<i64>> = document_policy::table
        .select(document_policy::direct_from_bytes)
        .first(tx.conn())
        .await
        .optional()?;
    chosen.flatten().map(|bytes| u64::try_from(bytes).map_err(|_negative| StoreError::Shape)).transpose()
}

/// How this clinic keeps documents.
#[utoipa::path(get, path = "/api/v1/settings/documents", tag = "documents", operation_id = "document_policy.read",
    responses((status = 200, body = DocumentPolicy, description = "What holds now")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let view = DocumentPolicy { direct_imaging_from_bytes: direct_from_bytes(tx).await? };
            Done::audited(view, ctx.entry(call.action(), Outcome::Allow))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Chooses how the clinic keeps large imaging.
#[utoipa::path(put, path = "/api/v1/settings/documents", tag = "documents", operation_id = "document_policy.change",
    request_body = DocumentPolicy,
    responses((status = 200, body = DocumentPolicy, description = "What holds from now on"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "Too small or too large")))]
pub async fn change(call: Call, Json(input): Json<DocumentPolicy>) -> Result<HttpResponse, AppError> {
    let from = input.direct_imaging_from_bytes;
    if from.is_some_and(|bytes| !(DIRECT_MIN_BYTES..=DOCUMENT_BYTES_MAX).contains(&bytes)) {
        return Err(AppError::invalid_field("/direct_imaging_from_bytes", "out_of_range"));
    }
    call.staff(async |ctx, tx| {
        store(ctx, tx, from).await?;
        let mode = if from.is_some() { DIRECT } else { SEALED };
        Done::audited((), ctx.entry(call.action(), Outcome::Allow).reason(mode))
    })
    .await?;
    Ok(HttpResponse::Ok().json(input))
}

async fn store(ctx: &Ctx, tx: &mut TenantTx, from: Option<u64>) -> Result<(), StoreError> {
    let bytes = from.map(|bytes| i64::try_from(bytes).map_err(|_too_large| StoreError::Shape)).transpose()?;
    let tenant_id = tx.tenant().as_uuid();
    let values = (
        document_policy::direct_from_bytes.eq(bytes),
        document_policy::updated_at.eq(ctx.now()),
        document_policy::updated_by.eq(Uuid::from_bytes(ctx.account())),
    );
    diesel::insert_into(document_policy::table)
        .values((document_policy::tenant_id.eq(tenant_id), values))
        .on_conflict(document_policy::tenant_id)
        .do_update()
        .set(values)
        .execute(tx.conn())
        .await?;
    Ok(())
}
