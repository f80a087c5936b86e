//! What an owner does with the own account: sees and ends its sessions, changes the password.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::{Outcome, Unaudited};
use tenancy::keys::Keys;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::Secret;
use super::notice::{self, NoticeKind};
use super::tables::session;
use super::{device, queries, record, rules};
use crate::call::{Call, Done};
use crate::error::{AppError, PASSWORD_WRONG, UNAUTHENTICATED};
use crate::middleware::json::Json;
use crate::oauth::consents::{self, ApplicationView};
use crate::staff::model::AccountId;
use crate::store::StoreError;

/// Prefix of a session's id in the API.
const ID_PREFIX: &str = "ses_";

/// One of the own sessions.
#[derive(Serialize, ToSchema)]
pub struct OwnSessionView {
    /// Its id; no secret.
    id: String,
    /// Whether it is the one that asks.
    current: bool,
    /// When it began.
    created_at: DateTime<Utc>,
    /// When it was used last, within half a minute.
    last_seen_at: DateTime<Utc>,
    /// When it ends whatever happens.
    expires_at: DateTime<Utc>,
    /// The kind of factor it proved last; absent when it has proven a password only.
    factor: Option<String>,
    /// The kind of browser that it was opened with: `edge`, `opera`, `samsung`, `firefox`, `chrome`, `safari` or `other`.
    browser: Option<String>,
    /// The kind of system: `android`, `ios`, `windows`, `chromeos`, `macos`, `linux` or `other`.
    system: Option<String>,
    /// The application that was let in, if it is one's; absent when it is a browser's.
    application: Option<ApplicationView>,
}

/// The own live sessions.
#[derive(Serialize, ToSchema)]
pub struct OwnSessionsView {
    /// The newest first.
    items: Vec<OwnSessionView>,
}

/// A change of the own password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordInput {
    /// The password until now.
    #[schema(value_type = String)]
    current: Secret,
    /// The password from now on, at least 15 characters.
    #[schema(value_type = String)]
    new: Secret,
}

/// A session's id in the API.
#[must_use]
pub fn shown_id(id: Uuid) -> String {
    format!("{ID_PREFIX}{}", regions::text::encode_id(id.as_bytes()))
}

/// The session of this id; anything else is nobody's.
#[must_use]
pub fn read_id(text: &str) -> Option<Uuid> {
    text.strip_prefix(ID_PREFIX).and_then(regions::text::decode_id).map(Uuid::from_bytes)
}

/// The own live sessions.
#[utoipa::path(get, path = "/api/v1/me/sessions", tag = "sessions", operation_id = "session.list",
    responses((status = 200, body = OwnSessionsView, description = "The newest first")))]
pub async fn sessions(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let rows = live_sessions(tx, Uuid::from_bytes(actor.account), ctx.now()).await?;
            let clients: Vec<(Uuid, Uuid)> =
                rows.iter().filter_map(|row| row.3.map(|client| (row.0, client))).collect();
            let mut applications = consents::of_sessions(ctx, tx, actor, &clients).await?;
            let view =
                |(id, (created_at, last_seen_at, expires_at), factor, _client, (browser, system)): Row| {
                    OwnSessionView {
                        id: shown_id(id),
                        current: id.into_bytes() == actor.session,
                        created_at,
                        last_seen_at,
                        expires_at,
                        factor,
                        browser,
                        system,
                        application: applications.remove(&id),
                    }
                };
            let items: Vec<OwnSessionView> = rows.into_iter().map(view).collect();
            let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account);
            Done::audited(OwnSessionsView { items }, entry.count(count))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

type Times = (DateTime<Utc>, DateTime<Utc>, DateTime<Utc>);
/// A session's id, when it began, was used last and ends, its factor, its client when it is an application's, and with what kinds of
/// browser and system it was opened.
type Row = (Uuid, Times, Option<String>, Option<Uuid>, (Option<String>, Option<String>));

async fn live_sessions(
    tx: &mut TenantTx,
    account_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Vec<Row>, StoreError> {
    Ok(session::table
        .filter(session::account_id.eq(account_id))
        .filter(session::revoked_at.is_null())
        .filter(session::idle_expires_at.gt(now))
        .filter(session::absolute_expires_at.gt(now))
        .order((session::created_at.desc(), session::id))
        .limit(rules::SESSIONS_MAX)
        .select((
            session::id,
            (session::created_at, session::last_seen_at, session::absolute_expires_at),
            session::factor,
            session::client_id,
            (session::browser, session::system),
        ))
        .load(tx.conn())
        .await?)
}

/// Ends one of the own sessions; of an application also the codes that it has not used.
#[utoipa::path(delete, path = "/api/v1/me/sessions/{id}", tag = "sessions", operation_id = "session.revoke",
    params(("id" = String, Path, description = "Session id")),
    responses((status = 204, description = "Ended"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not the caller's")))]
pub async fn revoke(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let id = read_id(call.path("id")).ok_or_else(AppError::absent)?;
        let account = Uuid::from_bytes(ctx.account());
        let mine = session::table
            .find(id)
            .filter(session::account_id.eq(account))
            .filter(session::revoked_at.is_null());
        let client: Option<Option<Uuid>> = mine
            .select(session::client_id)
            .for_update()
            .first(tx.conn())
            .await
            .optional()
            .map_err(StoreError::from)?;
        let client = client.ok_or_else(AppError::absent)?;
        queries::end_session(tx, id, ctx.now()).await?;
        if let Some(client) = client {
            consents::take_back_codes(tx, (account, client)).await?;
        }
        Done::audited((), ctx.entry(call.action(), Outcome::Allow).resource("session", id.into_bytes()))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Ends every session of a staff member.
#[utoipa::path(post, path = "/api/v1/staff/{id}/sessions/end", tag = "staff", operation_id = "staff.end_sessions",
    params(("id" = String, Path, description = "Account id")),
    responses((status = 204, description = "Ended"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's")))]
pub async fn end_staff_sessions(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let id = AccountId::parse(call.path("id")).ok_or_else(AppError::absent)?;
        if record::find(tx, &ctx.keys, id.uuid()).await?.is_none() {
            return Err(AppError::absent());
        }
        let ended = queries::end_sessions(tx, id.uuid(), None, ctx.now()).await?;
        let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", id.bytes());
        Done::audited((), entry.count(u32::try_from(ended).unwrap_or(u32::MAX)))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Changes the own password. Every other session ends, no device is known any more, and the owner is told by mail.
#[utoipa::path(put, path = "/api/v1/me/password", tag = "sessions", operation_id = "password.change",
    request_body = PasswordInput,
    responses((status = 204, description = "Changed"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "The new password breaks a rule"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "The current password is wrong")))]
pub async fn change_password(call: Call, Json(input): Json<PasswordInput>) -> Result<HttpResponse, AppError> {
    // The hashes are computed between two transactions: none of them holds a connection while a core is busy.
    let (stored, slug) = call
        .staff(async |ctx, tx| {
            let mine = record::find(tx, &ctx.keys, Uuid::from_bytes(ctx.account())).await?;
            let stored = mine.and_then(|row| row.into_inner().password_phc);
            Done::unaudited((stored, ctx.clinic.record.slug), Unaudited::IdentityLookup)
        })
        .await?;
    if let Some(fault) = rules::password_fault(input.new.expose(), slug.as_str()) {
        return Err(AppError::invalid_field("/new", fault));
    }
    let matches = call.app.passwords.verify(input.current.expose(), stored).await?;
    let phc = match matches {
        true => Some(call.app.passwords.hash(input.new.expose()).await?),
        false => None,
    };
    call.staff(async |ctx, tx| {
        let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
        let Some(phc) = phc else { return Err(AppError::from(PASSWORD_WRONG).denied("password")) };
        let (id, keep) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
        set_password(tx, &ctx.keys, id, (&phc, Some(keep)), ctx.now()).await?;
        Done::audited((), ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sets a password that the account's owner chose; ends the other sessions, forgets devices, tells the owner.
///
/// # Errors
/// When the database does not answer.
pub async fn set_password(
    tx: &mut TenantTx,
    keys: &Keys,
    id: Uuid,
    (phc, keep): (&str, Option<Uuid>),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(row) = record::locked(tx, keys, id).await? else { return Ok(()) };
    let mut row = row.into_inner();
    row.password_phc = Some(phc.to_owned());
    row.save(tx, keys, now).await?;
    queries::forget_failures(tx, id).await?;
    queries::end_sessions(tx, id, keep, now).await?;
    device::forget_all(tx, id).await?;
    notice::enqueue(tx, id, NoticeKind::PasswordChanged, now).await
}
