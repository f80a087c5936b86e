//! Standing in over HTTP: the clinic records it, both sides see it, and either ends it.

use actix_web::HttpResponse;
use chrono::{DateTime, NaiveDate, Utc};
use regions::log::{self, Field};
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::{AuditEntry, Outcome};
use tenancy::sealed::Sealer;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{Content, Kind, Proof, ProxyId, ProxyRow, State, TieRow};
use super::rules::{Age, Checked, PROXIES_MAX};
use super::{queries, rules};
use crate::access::{ProxyScope, Role};
use crate::auth::invite::login_tags;
use crate::auth::notice::{self, NoticeKind};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{ADDRESS_TAKEN, AppError, NOT_OF_AGE, PROXY_EXISTS, PROXY_IS_PATIENT, TOO_MANY_PROXIES};
use crate::middleware::json::Json;
use crate::patients::account;
use crate::patients::model::{Patient, PatientId};
use crate::patients::named::{held, named, sealer};
use crate::registry;
use crate::relationships::model::{NewTie, Tie};
use crate::relationships::queries as ties;
use crate::staff::model::AccountId;
use crate::store;

/// Somebody who is to stand in for a patient. Why, who and what was shown is sealed under the patient's key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProxyInput {
    /// Why.
    pub kind: Kind,
    /// The name, up to 100 characters, as on the paper that was shown.
    pub name: String,
    /// The e-mail address that codes to sign in go to.
    pub email: String,
    /// What was shown for it.
    pub proof: Proof,
    /// What of the record is given, at least one.
    pub scope: Vec<ProxyScope>,
    /// The day it begins; now when absent.
    #[serde(default)]
    pub from: Option<NaiveDate>,
    /// The day it ends, with the beginning of that day in the clinic's country; `ends_by` of the list at the latest.
    pub until: NaiveDate,
}

/// Somebody who stands in for a patient, or stood in.
#[derive(Serialize, ToSchema)]
pub struct ProxyView {
    /// Id.
    id: String,
    /// Why.
    kind: Kind,
    /// The name.
    name: String,
    /// What of the record they were given.
    scope: Vec<ProxyScope>,
    /// Since when.
    from: DateTime<Utc>,
    /// Until when.
    until: DateTime<Utc>,
    /// Whether it holds.
    state: State,
    /// When it was recorded.
    recorded_at: DateTime<Utc>,
    /// The address they sign in with. Never in an answer to the patient.
    email: Option<String>,
    /// What was shown. Never in an answer to the patient.
    proof: Option<Proof>,
    /// Account id of who recorded it. Never in an answer to the patient.
    recorded_by: Option<String>,
}

/// Everybody who stands in for a patient or stood in.
#[derive(Serialize, ToSchema)]
pub struct ProxyList {
    /// They, the one recorded last first.
    items: Vec<ProxyView>,
    /// Whether the patient is of age, so that no parent stands in any more.
    of_age: bool,
    /// The last day on which somebody who is recorded now may end: the day a minor comes of age, or five years from now.
    ends_by: NaiveDate,
}

async fn age(ctx: &Ctx, tx: &mut TenantTx, patient: PatientId) -> Result<Age, AppError> {
    let found = Patient::find(tx, &ctx.keys, patient).await?.ok_or_else(AppError::absent)?;
    let born = *found.person.birth_date.expose();
    Ok(Age { born, jurisdiction: ctx.clinic.jurisdiction, now: ctx.now() })
}

fn entry(ctx: &Ctx, call: &Call, (patient, id): (PatientId, ProxyId)) -> AuditEntry {
    ctx.entry(call.action(), Outcome::Allow).resource("proxy", id.bytes()).subject(patient.bytes())
}

/// Records somebody who stands in for a patient, who can sign in with a code by mail and a second step from then on. They and the
/// patient are told by mail.
#[utoipa::path(post, path = "/api/v1/patients/{id}/proxies", tag = "proxies", operation_id = "proxy.record",
    request_body = ProxyInput, params(("id" = String, Path, description = "Patient id")),
    responses((status = 201, body = ProxyView, description = "They stand in"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "Something is missing, or the end is too late"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The address is the patient's own or a colleague's, or stands in already")))]
pub async fn record(call: Call, Json(input): Json<ProxyInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let patient = held(&call, tx).await?;
            let checked = rules::check(&input, age(ctx, tx, patient).await?)?;
            if queries::count(tx, patient.uuid()).await? >= PROXIES_MAX {
                return Err(TOO_MANY_PROXIES.into());
            }
            let own = account::own_account(tx, ctx, patient).await?;
            let account = account_of(ctx, tx, (patient, own), &checked.email).await?;
            let (id, content) = (ProxyId::new(ctx.now()), content(ctx, checked, account));
            let tie = store_all(ctx, tx, (patient, id), &content).await?;
            notice::enqueue(tx, account, NoticeKind::ProxyOpened, ctx.now()).await?;
            if let Some(own) = own {
                notice::enqueue(tx, own, NoticeKind::ProxyRecorded, ctx.now()).await?;
            }
            let entry =
                queries::TABLES.into_iter().fold(entry(ctx, &call, (patient, id)), AuditEntry::touches);
            Done::audited(view(ctx, (id, ctx.now()), content, &tie), entry)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// The account of this address, made now if there is none. Patients and those who stand in for others keep the one they have.
async fn account_of(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (patient, own): (PatientId, Option<Uuid>),
    email: &str,
) -> Result<Uuid, AppError> {
    let tags = login_tags(&ctx.keys, tx.tenant(), email).await?;
    match account::known(tx, &ctx.keys, &tags).await? {
        None => account::make(tx, ctx, (Role::Proxy, email, tags)).await,
        Some((id, _)) if own == Some(id) => Err(PROXY_IS_PATIENT.into()),
        Some((id, Role::Patient | Role::Proxy)) => {
            match queries::stands_in_for(tx, (id, patient.uuid()), ctx.now()).await? {
                true => Err(PROXY_EXISTS.into()),
                false => Ok(id),
            }
        }
        Some(_staff) => Err(ADDRESS_TAKEN.into()),
    }
}

fn content(ctx: &Ctx, checked: Checked, account: Uuid) -> Content {
    Content {
        kind: checked.kind,
        name: checked.name,
        email: checked.email,
        proof: checked.proof,
        scope: checked.scope,
        account,
        from_us: checked.from.timestamp_micros(),
        until_us: checked.until.timestamp_micros(),
        recorded_by: Uuid::from_bytes(ctx.account()),
        recorded_us: ctx.now().timestamp_micros(),
    }
}

/// Stores the tie and what is known of it; the tie as it is in clear.
async fn store_all(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (patient, id): (PatientId, ProxyId),
    content: &Content,
) -> Result<TieRow, AppError> {
    let at = |us| DateTime::from_timestamp_micros(us).ok_or_else(|| AppError::internal("proxy.time"));
    let (from, until) = (at(content.from_us)?, at(content.until_us)?);
    let scope: Vec<&'static str> = content.scope.iter().map(|scope| scope.as_str()).collect();
    let tie = NewTie {
        id: id.uuid(),
        tenant_id: tx.tenant().as_uuid(),
        patient_id: patient.uuid(),
        party_id: content.account,
        kind: Tie::Proxy.as_str(),
        founding: false,
        valid_from: from,
        valid_to: Some(until),
        created_at: ctx.now(),
        created_by: content.recorded_by,
        scope: scope.clone(),
    };
    ties::insert(tx, tie).await?;
    let row = ProxyRow {
        id: id.uuid(),
        tenant_id: tx.tenant().as_uuid(),
        patient_id: patient.uuid(),
        recorded_at: ctx.now(),
        content: store::seal(&sealer(ctx, patient).await?, registry::PROXY_CONTENT, id.bytes(), content)?,
    };
    queries::insert(tx, &row).await?;
    let scope = scope.into_iter().map(str::to_owned).collect();
    Ok(TieRow { account: content.account, scope, valid_from: from, valid_to: Some(until) })
}

/// Lists who stands in for a patient, and who stood in.
#[utoipa::path(get, path = "/api/v1/patients/{id}/proxies", tag = "proxies", operation_id = "proxy.list",
    params(("id" = String, Path, description = "Patient id")),
    responses((status = 200, body = ProxyList, description = "At most 100, the one recorded last first"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let list = call
        .staff(async |ctx, tx| {
            let patient = named(&call)?;
            let age = age(ctx, tx, patient).await?;
            let sealer = sealer(ctx, patient).await?;
            let rows = queries::all(tx, patient.uuid()).await?;
            let items: Result<Vec<ProxyView>, AppError> =
                rows.iter().map(|(row, tie)| shown(ctx, &sealer, row, tie)).collect();
            let items = items?;
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .resource_kind("proxy")
                .subject(patient.bytes())
                .count(u32::try_from(items.len()).unwrap_or(u32::MAX));
            Done::audited(ProxyList { items, of_age: age.is_of_age(), ends_by: age.ends_by() }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(list))
}

/// Ends that somebody stands in, from the next request on. Ending it again changes nothing.
#[utoipa::path(post, path = "/api/v1/patients/{id}/proxies/{proxy}/end", tag = "proxies", operation_id = "proxy.end",
    params(("id" = String, Path, description = "Patient id"), ("proxy" = String, Path, description = "Id of the standing in")),
    responses((status = 204, description = "They stand in no more"),
        (status = 403, body = crate::error::Problem, content_type = "application/problem+json", description = "A patient who is not of age does not end it"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or out of reach")))]
pub async fn end(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let patient = held(&call, tx).await?;
        let id = ProxyId::parse(call.path("proxy")).ok_or_else(AppError::absent)?;
        let tie = queries::lock(tx, (patient.uuid(), id.uuid())).await?.ok_or_else(AppError::absent)?;
        let by_staff = ctx.actor.is_some_and(|actor| actor.role.is_staff());
        if !by_staff && !age(ctx, tx, patient).await?.is_of_age() {
            return Err(AppError::from(NOT_OF_AGE).denied("not_of_age"));
        }
        let entry = entry(ctx, &call, (patient, id));
        if tie.state(ctx.now()) == State::Ended {
            return Done::audited((), entry.reason("repeated"));
        }
        queries::end(tx, (id.uuid(), &tie), ctx.now()).await?;
        account::forget_idle_proxy(tx, &ctx.keys, (tie.account, patient), ctx.now()).await?;
        Done::audited((), entry.touches("relationship"))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Opens a row, unless its tie is not the one that was sealed.
fn shown(ctx: &Ctx, sealer: &Sealer, row: &ProxyRow, tie: &TieRow) -> Result<ProxyView, AppError> {
    let content: Content = store::open(sealer, registry::PROXY_CONTENT, row.id.into_bytes(), &row.content)?;
    if !tie.is_of(&content) || content.recorded_us != row.recorded_at.timestamp_micros() {
        log::security("proxy_altered", &[Field::Tenant(ctx.tenant().id)]);
        return Err(AppError::internal("proxy.altered"));
    }
    Ok(view(ctx, (row.id.into(), row.recorded_at), content, tie))
}

fn view(ctx: &Ctx, (id, recorded_at): (ProxyId, DateTime<Utc>), content: Content, tie: &TieRow) -> ProxyView {
    let by_staff = ctx.actor.is_some_and(|actor| actor.role.is_staff());
    ProxyView {
        id: id.to_string(),
        kind: content.kind,
        name: content.name,
        scope: content.scope,
        from: tie.valid_from,
        until: tie.valid_to.unwrap_or(tie.valid_from),
        state: tie.state(ctx.now()),
        recorded_at,
        email: by_staff.then_some(content.email),
        proof: by_staff.then_some(content.proof),
        recorded_by: by_staff.then(|| AccountId::from(content.recorded_by).to_string()),
    }
}
