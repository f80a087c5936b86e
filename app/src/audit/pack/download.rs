//! Packs over HTTP: which months there are, and their files, each checked against the signed sums before it leaves.

use actix_web::HttpResponse;
use actix_web::http::header;
use auditlog::Hash;
use auditlog::pack::{PACK_NOTE, PACK_SUMS, parse_sums};
use chrono::{DateTime, NaiveDate, Utc};
use regions::log::{self, Field};
use serde::{Deserialize, Serialize};
use tenancy::archive::ArchiveError;
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::make::{object_name, sha256};
use super::queries::{self, PackRow};
use crate::call::{Call, Done};
use crate::error::{AppError, UNAVAILABLE};
use crate::opaque_id::opaque_id;
use crate::paging;

/// Packs of a page: two years.
const PACKS_PAGE_MAX: i64 = 24;

opaque_id!(
    /// A pack's id in the API.
    PackId,
    "pack_"
);

/// A month's pack.
#[derive(Serialize, ToSchema)]
pub struct PackView {
    /// Id.
    id: String,
    /// First day of the month.
    month: NaiveDate,
    /// Events in it.
    events: i64,
    /// When it was made.
    made_at: DateTime<Utc>,
    /// Its files, in the order of their numbers, from 0.
    files: Vec<String>,
}

/// Packs, the newest month first.
#[derive(Serialize, ToSchema)]
pub struct PackPage {
    /// The packs.
    items: Vec<PackView>,
    /// Ask with `before` for what is older; absent at the end.
    next_before: Option<NaiveDate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PacksQuery {
    #[serde(default)]
    before: Option<NaiveDate>,
}

/// One file of a pack.
enum PackFile {
    /// Kept in the row.
    Held(&'static str, Vec<u8>),
    /// Kept in the archive.
    Archived(String, NaiveDate, Hash),
}

impl PackRow {
    fn sums(&self) -> Result<Vec<(String, Hash)>, AppError> {
        parse_sums(&self.sums).ok_or_else(|| AppError::internal("audit_pack.sums"))
    }

    fn view(&self) -> Result<PackView, AppError> {
        let held = [PACK_NOTE, PACK_SUMS].into_iter().map(str::to_owned);
        Ok(PackView {
            id: PackId::from(self.id).to_string(),
            month: self.month,
            events: self.events,
            made_at: self.made_at,
            files: held.chain(self.sums()?.into_iter().map(|(name, _)| name)).collect(),
        })
    }

    fn file(&self, number: usize) -> Result<Option<PackFile>, AppError> {
        Ok(match number {
            0 => Some(PackFile::Held(PACK_NOTE, self.note.clone().into_bytes())),
            1 => Some(PackFile::Held(PACK_SUMS, self.sums.clone().into_bytes())),
            number => self
                .sums()?
                .into_iter()
                .nth(number - 2)
                .map(|(name, hash)| PackFile::Archived(name, self.month, hash)),
        })
    }
}

/// The packs of the clinic's audit log, the newest month first.
#[utoipa::path(get, path = "/api/v1/audit/packs", tag = "audit", operation_id = "audit_pack.list",
    params(("before" = Option<NaiveDate>, Query, description = "next_before of the page before")),
    responses((status = 200, body = PackPage, description = "Up to 24 packs")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: PacksQuery = paging::query(call.query())?;
    let page = call
        .staff(async |ctx, tx| {
            let mut rows = queries::page(tx, query.before, PACKS_PAGE_MAX + 1).await?;
            let more = paging::cut(&mut rows, PACKS_PAGE_MAX);
            let next_before = rows.last().filter(|_last| more).map(|last| last.month);
            let items = rows.iter().map(PackRow::view).collect::<Result<Vec<_>, _>>()?;
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource_kind("audit_pack").count(count);
            Done::audited(PackPage { items, next_before }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// One file of a pack, by its number. All files of a pack in one folder are what `audit-verify pack` checks offline.
#[utoipa::path(get, path = "/api/v1/audit/packs/{id}/files/{number}", tag = "audit", operation_id = "audit_pack.download",
    params(("id" = String, Path, description = "Pack id"), ("number" = u32, Path, description = "Place in `files`, from 0")),
    responses((status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 503, body = crate::error::Problem, content_type = "application/problem+json", description = "The archive does not answer")))]
pub async fn download(call: Call) -> Result<HttpResponse, AppError> {
    let (file, tenant) = call
        .staff(async |ctx, tx| {
            let id = PackId::parse(call.path("id")).ok_or_else(AppError::absent)?;
            let number: usize = call.path("number").parse().map_err(|_no_number| AppError::absent())?;
            let row = queries::find(tx, Uuid::from_bytes(id.bytes())).await?.ok_or_else(AppError::absent)?;
            let file = row.file(number)?.ok_or_else(AppError::absent)?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("audit_pack", id.bytes());
            Done::audited((file, ctx.tenant()), entry)
        })
        .await?;
    let (name, bytes) = match file {
        PackFile::Held(name, bytes) => (name.to_owned(), bytes),
        PackFile::Archived(name, month, hash) => {
            let object = object_name((tenant.shard, tenant.id), month, &hash);
            let read = call.app.regional.archive().get_first(&object).await;
            let (_, bytes) = read.map_err(|error| match error {
                ArchiveError::Unavailable => AppError::from(UNAVAILABLE).because("archive.unavailable"),
                _ => AppError::internal("archive.failed"),
            })?;
            if sha256(&bytes) != hash {
                log::security("audit_pack_altered", &[Field::Tenant(tenant.id)]);
                return Err(AppError::internal("audit_pack.altered"));
            }
            (name, bytes)
        }
    };
    Ok(HttpResponse::Ok()
        .content_type("application/octet-stream")
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .body(bytes))
}
