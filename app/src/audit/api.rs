//! The clinic's own log over HTTP: who saw a patient, what somebody did, what was refused, and a receipt for each event.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use tenancy::AuditColumns;
use tenancy::audit::Outcome;
use tenancy::audit_log::{self, Proof, Span};
use utoipa::ToSchema;
use uuid::Uuid;

use super::words;
use crate::call::{Call, Done};
use crate::error::{AppError, NOT_FOUND};
use crate::middleware::json::Json;
use crate::patients::cursor::{self, List};
use crate::patients::model::PatientId;
use crate::staff::model::AccountId;
use crate::support::model::PlatformPersonId;

/// Events of a page when the caller does not say.
const LIMIT_DEFAULT: i64 = 50;
/// Most events of a page.
const LIMIT_MAX: i64 = 500;
/// Seconds after which a receipt that is not ready is asked for again.
const RECEIPT_RETRY_S: &str = "10";

/// Which events a search is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// All of them.
    Everything,
    /// Who used one patient's data; `id` is the patient's.
    Patient,
    /// What one staff member did; `id` is the account's.
    Actor,
    /// What was refused.
    Denied,
    /// Emergency access.
    BreakGlass,
    /// Data of one patient that were given to somebody outside the clinic (45 CFR 164.528); `id` is the patient's.
    Disclosures,
}

/// A search of the log.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AuditSearch {
    /// Which events.
    about: About,
    /// Whose, where `about` asks for it.
    #[serde(default)]
    id: Option<String>,
    /// Not before.
    #[serde(default)]
    from: Option<DateTime<Utc>>,
    /// Before.
    #[serde(default)]
    until: Option<DateTime<Utc>>,
    /// Most events, 1 to 500.
    #[serde(default)]
    limit: Option<i64>,
    /// Continues a search.
    #[serde(default)]
    cursor: Option<String>,
}

/// One event.
#[derive(Serialize, ToSchema)]
pub struct EventView {
    /// Opaque id; a receipt is asked for with it.
    id: Uuid,
    /// When.
    occurred_at: DateTime<Utc>,
    /// `staff`, `patient`, `proxy`, `client`, `platform`, `system` or `anonymous`.
    actor_kind: String,
    /// Who, when somebody was signed in.
    actor: Option<String>,
    /// Who of the platform's support, where one of them is concerned: the one who did it, or about whose request it was.
    platform_person: Option<String>,
    /// Under whose approval the platform's support did it.
    approved_by: Option<String>,
    /// What was done.
    action: String,
    /// `allow`, `deny` or `error`.
    outcome: String,
    /// Why it was refused, or what for.
    reason: Option<String>,
    /// Why the data were used.
    purpose: String,
    /// Whose data.
    patient: Option<String>,
    /// The version of the record that was made or seen.
    row_version: Option<i64>,
    /// How many a list showed.
    result_count: Option<i32>,
    /// The same in a sentence that a patient understands.
    sentence: String,
}

/// A page of events, from the newest to the oldest.
#[derive(Serialize, ToSchema)]
pub struct EventPage {
    /// The events.
    items: Vec<EventView>,
    /// Continues the search; absent at its end.
    next_cursor: Option<String>,
}

impl AuditSearch {
    fn limit(&self) -> Result<i64, AppError> {
        match self.limit.unwrap_or(LIMIT_DEFAULT) {
            limit @ 1..=LIMIT_MAX => Ok(limit),
            _ => Err(AppError::invalid_field("/limit", "limit_out_of_range")),
        }
    }

    /// What the search is about, and the patient it is about, for the search's own entry.
    fn about(&self) -> Result<(audit_log::About, Option<PatientId>), AppError> {
        let wrong = || AppError::invalid_field("/id", "id_invalid");
        let patient = || self.id.as_deref().and_then(PatientId::parse).ok_or_else(wrong);
        match self.about {
            About::Patient => {
                let id = patient()?;
                Ok((audit_log::About::Subject(id.uuid()), Some(id)))
            }
            About::Disclosures => {
                let id = patient()?;
                Ok((audit_log::About::Disclosures(id.uuid()), Some(id)))
            }
            About::Actor => {
                let id = self.id.as_deref().and_then(AccountId::parse).ok_or_else(wrong)?;
                Ok((audit_log::About::Actor(Uuid::from_bytes(id.bytes())), None))
            }
            About::Everything | About::Denied | About::BreakGlass if self.id.is_some() => Err(wrong()),
            About::Everything => Ok((audit_log::About::Everything, None)),
            About::Denied => Ok((audit_log::About::Denied, None)),
            About::BreakGlass => Ok((audit_log::About::BreakGlass, None)),
        }
    }
}

/// Searches the log. The search itself is recorded.
#[utoipa::path(post, path = "/api/v1/audit/search", tag = "audit", operation_id = "audit.search",
    request_body = AuditSearch,
    responses((status = 200, description = "The events", body = EventPage),
              (status = 400, description = "A field is not as it must be")))]
pub async fn search(call: Call, Json(input): Json<AuditSearch>) -> Result<HttpResponse, AppError> {
    let (limit, (about, patient)) = (input.limit()?, input.about()?);
    let page = call
        .staff(async |ctx, tx| {
            let sealer = ctx.keys.tenant_sealer(ctx.tenant().id).await?;
            let older_than = cursor::begin(&sealer, List::Audit, input.cursor.as_deref())?;
            let span = Span { from: input.from, until: input.until, older_than };
            let mut events = audit_log::events(tx, about, span, limit + 1).await?;
            let next_cursor = cursor::end(&sealer, List::Audit, (&mut events, limit), |last| last.id())?;
            let count = u32::try_from(events.len()).unwrap_or(u32::MAX);
            let mut entry =
                ctx.entry(call.action(), Outcome::Allow).resource_kind("audit_event").count(count);
            if let Some(patient) = patient {
                entry = entry.subject(patient.bytes());
            }
            let items = events.iter().map(view).collect();
            Done::audited(EventPage { items, next_cursor }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(page))
}

/// Gives a receipt: proof that one event is in the log, to be checked offline with `audit-verify receipt`.
#[utoipa::path(get, path = "/api/v1/audit/events/{id}/receipt", tag = "audit", operation_id = "audit.receipt",
    params(("id" = String, Path, description = "The event")),
    responses((status = 200, description = "The receipt, as text (C2SP tlog-proof)"),
              (status = 202, description = "The event is not sealed yet; ask again after Retry-After"),
              (status = 404, description = "The clinic has no such event")))]
pub async fn receipt(call: Call) -> Result<HttpResponse, AppError> {
    let event = Uuid::try_parse(call.path("id")).unwrap_or_default();
    let proof = call
        .staff(async |ctx, tx| {
            let proof = audit_log::receipt(tx, event).await?;
            if proof == Proof::NotFound {
                return Err(AppError::absent());
            }
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("audit_event", event.into_bytes());
            Done::audited(proof, entry)
        })
        .await?;
    match proof {
        Proof::Ready(receipt) => {
            Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(receipt.to_text()))
        }
        Proof::NotYet => {
            Ok(HttpResponse::Accepted().insert_header(("retry-after", RECEIPT_RETRY_S)).finish())
        }
        Proof::NotFound => Err(NOT_FOUND.into()),
        Proof::Changed => Err(AppError::internal("audit.row_changed")),
    }
}

fn view(row: &AuditColumns) -> EventView {
    let event = row.to_event();
    let account = |id: [u8; 16]| AccountId::from(Uuid::from_bytes(id)).to_string();
    let person = |id: [u8; 16]| PlatformPersonId::from(Uuid::from_bytes(id)).to_string();
    let (actor, platform_person, approved_by) =
        match (event.actor_kind.as_str(), event.resource_kind.as_str()) {
            ("staff", "platform_person") => (Some(account(event.actor)), event.resource.map(person), None),
            ("staff", _) => (Some(account(event.actor)), None, None),
            ("platform", "account") => (None, Some(person(event.actor)), event.resource.map(account)),
            ("platform", _) => (None, Some(person(event.actor)), None),
            _ => (None, None, None),
        };
    EventView {
        id: row.id(),
        occurred_at: row.occurred_at(),
        actor,
        platform_person,
        approved_by,
        sentence: words::sentence(&event),
        patient: event.subject.map(|id| PatientId::from(Uuid::from_bytes(id)).to_string()),
        actor_kind: event.actor_kind,
        action: event.action,
        outcome: event.outcome,
        reason: event.reason,
        purpose: event.purpose,
        row_version: event.row_version,
        result_count: event.result_count,
    }
}
