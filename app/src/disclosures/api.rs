//! Disclosures over HTTP: writing one down, and the accounting of them.

use actix_web::HttpResponse;
use chrono::{DateTime, NaiveDate, Utc};
use regions::log::{self, Field};
use serde::{Deserialize, Serialize};
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{Content, DisclosureId, DisclosurePurpose, DisclosureRow, VERSION};
use super::{queries, rules};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::AppError;
use crate::middleware::json::Json;
use crate::paging::{self, LIMIT_MAX};
use crate::patients::cursor::{self, List};
use crate::patients::model::PatientId;
use crate::patients::named::{sealer, there};
use crate::registry;
use crate::staff::model::AccountId;
use crate::store;

/// Disclosures of a page when the caller does not say.
const LIMIT_DEFAULT: i64 = 50;

/// A disclosure. Everything in it is sealed under the patient's key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DisclosureInput {
    /// Who got the data: a person or an organisation, up to 200 characters.
    pub recipient: String,
    /// Where the recipient is, if known, up to 300 characters.
    #[serde(default)]
    pub address: Option<String>,
    /// What for.
    pub purpose: DisclosurePurpose,
    /// Which data, in up to 500 characters.
    pub description: String,
    /// The purpose in a sentence, or where the written request is, up to 500 characters.
    pub statement: String,
    /// When; the first time, if there were several.
    pub disclosed_on: NaiveDate,
    /// The last time, if the same recipient got data for the same purpose several times; with `times`.
    #[serde(default)]
    pub last_on: Option<NaiveDate>,
    /// How often, from 2; with `last_on`.
    #[serde(default)]
    pub times: Option<u32>,
    /// The patient is not told before this day, because a law enforcement official or an oversight agency asked for it.
    #[serde(default)]
    pub withheld_until: Option<NaiveDate>,
}

/// A disclosure that was written down.
#[derive(Serialize, ToSchema)]
pub struct DisclosureMade {
    /// Id.
    id: String,
}

/// A disclosure in an accounting.
#[derive(Serialize, ToSchema)]
pub struct DisclosureView {
    /// Id.
    id: String,
    /// Who got the data.
    recipient: String,
    /// Where the recipient is.
    address: Option<String>,
    /// What for.
    purpose: DisclosurePurpose,
    /// Which data.
    description: String,
    /// The purpose in a sentence.
    statement: String,
    /// When, or the first time.
    disclosed_on: NaiveDate,
    /// The last time, if there were several.
    last_on: Option<NaiveDate>,
    /// How often, if more than once.
    times: Option<u32>,
    /// The patient must not be told before this day. Never in an answer to the patient.
    withheld_until: Option<NaiveDate>,
    /// When it was written down.
    recorded_at: DateTime<Utc>,
    /// Account id of who wrote it down. Never in an answer to the patient.
    recorded_by: Option<String>,
}

/// An accounting of disclosures.
#[derive(Serialize, ToSchema)]
pub struct Accounting {
    /// From which day on.
    from: NaiveDate,
    /// Whether there are as many as the audit log says there must be. When not, ask for a verification of the log.
    complete: bool,
    /// The disclosures of this page, the one written down last first; there may be fewer than asked for, even none.
    items: Vec<DisclosureView>,
    /// Continues the accounting; absent at its end.
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountingQuery {
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default)]
    from: Option<NaiveDate>,
}

/// Writes down that a patient's data were given to somebody outside the clinic.
#[utoipa::path(post, path = "/api/v1/patients/{id}/disclosures", tag = "disclosures", operation_id = "disclosure.record",
    request_body = DisclosureInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 201, body = DisclosureMade, description = "Written down; it cannot be changed"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "Something is missing, or a day is not possible"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn record(call: Call, Json(input): Json<DisclosureInput>) -> Result<HttpResponse, AppError> {
    let made = call
        .staff(async |ctx, tx| {
            let patient = there(&call, tx).await?;
            let content = rules::content(input, (Uuid::from_bytes(ctx.account()), ctx.now()))?;
            let sealer = sealer(ctx, patient).await?;
            let id = DisclosureId::new(ctx.now());
            let row = DisclosureRow {
                id: id.uuid(),
                tenant_id: tx.tenant().as_uuid(),
                patient_id: patient.uuid(),
                recorded_by: content.recorded_by,
                recorded_at: ctx.now(),
                content: store::seal(&sealer, registry::DISCLOSURE_CONTENT, id.bytes(), &content)?,
            };
            queries::insert(tx, &row).await?;
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource("disclosure", id.bytes())
                .subject(patient.bytes())
                .row_version(VERSION)
                .touches("disclosure");
            Done::audited(DisclosureMade { id: id.to_string() }, entry)
        })
        .await?;
    Ok(HttpResponse::Created().json(made))
}

/// To whom a patient's data were given in the last six years, or since a day.
#[utoipa::path(get, path = "/api/v1/patients/{id}/disclosures", tag = "disclosures", operation_id = "disclosure.list",
    params(("id" = String, Path, description = "Patient id"),
        ("from" = Option<NaiveDate>, Query, description = "Since this day; six years ago by default"),
        ("limit" = Option<u32>, Query, description = "1 to 100, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = Accounting, description = "A page"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let query: AccountingQuery = paging::query(call.query())?;
    let limit = match query.limit.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => limit,
        _ => return Err(AppError::invalid_field("", "limit_out_of_range")),
    };
    let page = call
        .staff(async |ctx, tx| {
            let patient = there(&call, tx).await?;
            let (today, own) = (ctx.now().date_naive(), ctx.keys.tenant_sealer(ctx.tenant().id).await?);
            let before = cursor::begin(&own, List::Disclosures, query.cursor.as_deref())?;
            let complete = queries::is_complete(tx, patient.uuid()).await?;
            if !complete {
                log::security("disclosures_incomplete", &[Field::Tenant(tx.tenant())]);
            }
            let mut rows = queries::page(tx, patient.uuid(), before, limit.saturating_add(1)).await?;
            let next_cursor = cursor::end(&own, List::Disclosures, (&mut rows, limit), |last| last.id)?;
            let from = query.from.unwrap_or_else(|| rules::accounted_from(today));
            let items = open(ctx, rows, (patient, from, today)).await?;
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource_kind("disclosure")
                .subject(patient.bytes())
                .count(count);
            Done::audited(Accounting { from, complete, items, next_cursor }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

async fn open(
    ctx: &Ctx,
    rows: Vec<DisclosureRow>,
    (patient, from, today): (PatientId, NaiveDate, NaiveDate),
) -> Result<Vec<DisclosureView>, AppError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let by_staff = ctx.actor.is_some_and(|actor| actor.role.is_staff());
    let sealer = sealer(ctx, patient).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let content: Content =
            store::open(&sealer, registry::DISCLOSURE_CONTENT, row.id.into_bytes(), &row.content)?;
        if (content.recorded_by, content.recorded_us) != (row.recorded_by, row.recorded_at.timestamp_micros())
        {
            log::security("disclosure_altered", &[Field::Tenant(ctx.tenant().id)]);
            return Err(AppError::internal("disclosure.altered"));
        }
        if rules::is_accounted(&content, from) && (by_staff || rules::may_be_told(&content, today)) {
            items.push(view(row, content, by_staff));
        }
    }
    Ok(items)
}

fn view(row: DisclosureRow, content: Content, by_staff: bool) -> DisclosureView {
    DisclosureView {
        id: DisclosureId::from(row.id).to_string(),
        recipient: content.recipient,
        address: content.address,
        purpose: content.purpose,
        description: content.description,
        statement: content.statement,
        disclosed_on: content.disclosed_on,
        last_on: content.last_on,
        times: content.times,
        withheld_until: content.withheld_until.filter(|_day| by_staff),
        recorded_at: row.recorded_at,
        recorded_by: by_staff.then(|| AccountId::from(row.recorded_by).to_string()),
    }
}
