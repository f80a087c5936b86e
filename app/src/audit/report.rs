//! Who used a patient's record, in plain words: for the patient, given out by whoever answers for privacy, as data or as a
//! page to print. [`accesses`] is all there is to it; the patient's own page asks the same.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::header;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use tenancy::audit_log::{self, About, Span};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::words::{self, Came, Colleague, Who, Why};
use crate::access::Role;
use crate::auth::record::AccountRow;
use crate::auth::tables::account;
use crate::call::{Call, Done};
use crate::error::AppError;
use crate::paging;
use crate::patients::cursor::{self, List};
use crate::patients::model::PatientId;
use crate::patients::named::there;
use crate::registry;
use crate::store::{self, Sealing, StoreError};

/// Lines of a page when the caller does not say.
const LIMIT_DEFAULT: i64 = 50;
/// Most lines of a page.
const LIMIT_MAX: i64 = 500;
/// Most lines of a report to print; what is older is another one.
const PRINTED_LINES_MAX: usize = 5_000;

/// One use of a record.
#[derive(Serialize, ToSchema)]
pub struct AccessLine {
    /// When.
    at: DateTime<Utc>,
    /// Who did what and why, in a sentence in English. What follows says the same for other languages.
    sentence: String,
    /// Who did it.
    by: Who,
    /// The name of a colleague, as colleagues and patients know them; null for everybody else.
    name: Option<String>,
    /// The colleague's role today; null for everybody else.
    role: Option<Role>,
    /// What was done, as one word; which ones there are is in the list `access-report-words.txt` of the sources.
    did: String,
    /// What for; null where nobody owes a reason, which are the patient and those who stand in.
    purpose: Option<Why>,
    /// What became of it.
    outcome: Came,
    /// Where the next page begins.
    #[serde(skip)]
    event: Uuid,
}

/// A page of uses, from the newest to the oldest.
#[derive(Serialize, ToSchema)]
pub struct AccessReport {
    /// The uses.
    items: Vec<AccessLine>,
    /// Continues the report; absent at its end.
    next_cursor: Option<String>,
}

/// How a report is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReportFormat {
    /// As data, page by page.
    #[default]
    Json,
    /// As text to print, all of it at once.
    Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReportQuery {
    #[serde(default)]
    format: ReportFormat,
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    #[serde(default)]
    limit: Option<i64>,
    #[serde(default)]
    cursor: Option<String>,
}

/// One page of who used a patient's record, the newest use first, and whether there is more.
///
/// It says a colleague's name and role, which a patient sees of the care team too, and nothing else of them: no id, no
/// address, no session.
///
/// # Errors
/// What the database says, or that a name does not open.
pub async fn accesses(
    tx: &mut TenantTx,
    with: &Sealing<'_>,
    patient: PatientId,
    span: Span,
    limit: i64,
) -> Result<(Vec<AccessLine>, bool), StoreError> {
    let mut rows =
        audit_log::events(tx, About::Subject(patient.uuid()), span, limit.saturating_add(1)).await?;
    let more = paging::cut(&mut rows, limit);
    let events: Vec<_> = rows.iter().map(|row| (row.id(), row.occurred_at(), row.to_event())).collect();
    let staff = events.iter().filter(|(_, _, event)| event.actor_kind == "staff");
    let colleagues = colleagues(tx, with, staff.map(|(_, _, event)| Uuid::from_bytes(event.actor))).await?;
    let lines = events.iter().map(|(id, at, event)| {
        let colleague = colleagues.get(&Uuid::from_bytes(event.actor));
        AccessLine {
            at: *at,
            sentence: words::sentence_by(event, colleague),
            by: words::who(event),
            name: colleague.map(|colleague| colleague.name.clone()),
            role: colleague.map(|colleague| colleague.role),
            did: words::did(&event.action),
            purpose: words::why(event),
            outcome: words::came(event),
            event: *id,
        }
    });
    Ok((lines.collect(), more))
}

async fn colleagues(
    tx: &mut TenantTx,
    with: &Sealing<'_>,
    ids: impl Iterator<Item = Uuid>,
) -> Result<BTreeMap<Uuid, Colleague>, StoreError> {
    let mut ids: Vec<Uuid> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let rows: Vec<AccountRow> = account::table
        .filter(account::id.eq_any(&ids))
        .select(AccountRow::as_select())
        .load(tx.conn())
        .await?;
    let open = |row: AccountRow| {
        let row = with.macs.verify(row)?;
        let at = row.id.into_bytes();
        let name: String = store::open(with.sealer, registry::ACCOUNT_DISPLAY_NAME, at, &row.display_name)?;
        Ok((row.id, Colleague { name, role: row.role()? }))
    };
    rows.into_iter().map(open).collect()
}

/// Who used a patient's record, in plain words. The report itself is a use, and is in the next one.
#[utoipa::path(get, path = "/api/v1/patients/{id}/access-report", tag = "audit", operation_id = "audit.access_report",
    params(("id" = String, Path, description = "Patient id"),
        ("format" = Option<ReportFormat>, Query, description = "json by default; text is one page to print, with at most 5,000 uses"),
        ("from" = Option<DateTime<Utc>>, Query, description = "Not before"),
        ("until" = Option<DateTime<Utc>>, Query, description = "Before"),
        ("limit" = Option<u32>, Query, description = "1 to 500, 50 by default; for json"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before; for json")),
    responses((status = 200, description = "A page, or the text", content((AccessReport = "application/json"), (String = "text/plain"))),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let query: ReportQuery = paging::query(call.query())?;
    let limit = match query.limit.unwrap_or(LIMIT_DEFAULT) {
        limit @ 1..=LIMIT_MAX => limit,
        _ => return Err(AppError::invalid_field("", "limit_out_of_range")),
    };
    call.staff(async |ctx, tx| {
        let patient = there(&call, tx).await?;
        let sealer = ctx.keys.tenant_sealer(ctx.tenant().id).await?;
        let macs = ctx.keys.row_macs(ctx.tenant().id).await?;
        let with = Sealing { sealer: &sealer, macs: &macs };
        let older_than = cursor::begin(&sealer, List::AccessReport, query.cursor.as_deref())?;
        let span = Span { from: query.from, until: query.until, older_than };
        let (answer, lines) = match query.format {
            ReportFormat::Json => page(tx, &with, patient, span, limit).await?,
            ReportFormat::Text => {
                let (lines, more) = all(tx, &with, patient, span).await?;
                let head = Head { clinic: call.host(), patient, made_at: ctx.now() };
                (printed(&text(&head, &lines, more)), lines.len())
            }
        };
        let entry = ctx
            .entry(call.action(), Outcome::Allow)
            .resource_kind("audit_event")
            .subject(patient.bytes())
            .count(u32::try_from(lines).unwrap_or(u32::MAX));
        Done::audited(answer, entry)
    })
    .await
}

async fn page(
    tx: &mut TenantTx,
    with: &Sealing<'_>,
    patient: PatientId,
    span: Span,
    limit: i64,
) -> Result<(HttpResponse, usize), AppError> {
    let (items, more) = accesses(tx, with, patient, span, limit).await?;
    let next_cursor = match items.last() {
        Some(last) if more => Some(cursor::write(with.sealer, List::AccessReport, last.event)?),
        _ => None,
    };
    let lines = items.len();
    Ok((HttpResponse::Ok().json(AccessReport { items, next_cursor }), lines))
}

/// All there is, up to [`PRINTED_LINES_MAX`], and whether there is more.
async fn all(
    tx: &mut TenantTx,
    with: &Sealing<'_>,
    patient: PatientId,
    mut span: Span,
) -> Result<(Vec<AccessLine>, bool), StoreError> {
    let mut lines = Vec::new();
    while lines.len() < PRINTED_LINES_MAX {
        let (some, more) = accesses(tx, with, patient, span, LIMIT_MAX).await?;
        span.older_than = some.last().map(|line| line.event);
        lines.extend(some);
        if !more {
            return Ok((lines, false));
        }
    }
    Ok((lines, true))
}

/// What stands above a printed report.
struct Head<'a> {
    clinic: &'a str,
    patient: PatientId,
    made_at: DateTime<Utc>,
}

fn text(head: &Head<'_>, lines: &[AccessLine], more: bool) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!(
        "Who used the record of patient {}\nat {}, as of {} UTC. The newest use comes first.\n\n",
        head.patient,
        head.clinic,
        head.made_at.format("%Y-%m-%d %H:%M")
    ));
    for line in lines {
        text.push_str(&format!("{}  {}\n", line.at.format("%Y-%m-%d %H:%M"), line.sentence));
    }
    match (lines.last(), more) {
        (Some(last), true) => text.push_str(&format!(
            "\nThere are older uses. Ask for the report until {} to see them.\n",
            last.at.format("%Y-%m-%dT%H:%M:%SZ")
        )),
        (Some(_), false) => text.push_str(&format!("\nThat is all: {} uses.\n", lines.len())),
        (None, _) => text.push_str("Nobody used the record in this time.\n"),
    }
    text.push_str(
        "\nTimes are in UTC. A list or a search that showed the patient among others is in the clinic's log as a whole and \
         not in this report. If you have a question about a use, ask the clinic's privacy officer.\n",
    );
    text
}

fn printed(text: &str) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"access-report.txt\""))
        .body(text.to_owned())
}
