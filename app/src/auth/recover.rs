//! Recovery of a forgotten password by a link to the account's own mailbox.
//!
//! Nobody sets a password for somebody else: an administrator can only end sessions and take factors. The request for a
//! mail writes the sealed address and no more; the worker finds out whether anybody has it. So the answer, and the time
//! it takes, say nothing about who has an account. A second factor stays what it was.

use actix_web::HttpResponse;
use chrono::{DateTime, Duration, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Deserialize;
use tenancy::audit::{ActorKind, Outcome};
use tenancy::sealed::Sealed;
use tenancy::{JobPayload, TenantTx};
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::Secret;
use super::invite::{login_tags, new_id};
use super::model::account_state;
use super::notice::{self, NoticeKind};
use super::record::{self, AccountRow};
use super::tables::{account, mail_request, recovery};
use super::token::Token;
use super::{own, rules};
use crate::call::{Call, roll_back};
use crate::ctx::Ctx;
use crate::error::{AppError, RECOVERY_INVALID};
use crate::jobs::SEND_RECOVERY;
use crate::middleware::json::Json;
use crate::patients::contact;
use crate::registry;
use crate::store::{self, StoreError};

/// Seconds a link is good for.
pub const LINK_MAX_S: i64 = 1_800;
/// Links of one account in an hour; more requests are not answered with a mail.
const LINKS_PER_HOUR_MAX: i64 = 3;

/// Who forgot.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverInput {
    /// The e-mail address of the account.
    #[schema(value_type = String)]
    email: Secret,
}

/// A new password, with the token of the mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverCompleteInput {
    /// The token of the mail.
    #[schema(value_type = String)]
    token: Secret,
    /// The password to set, at least 15 characters.
    #[schema(value_type = String)]
    password: Secret,
}

/// Asks for a mail with a link to set a new password. The answer is the same whoever asks for whom.
#[utoipa::path(post, path = "/api/v1/recovery", tag = "sessions", operation_id = "recovery.ask", security(()),
    request_body = RecoverInput,
    responses((status = 202, description = "If there is such an account, its owner gets a mail")))]
pub async fn ask(call: Call, Json(input): Json<RecoverInput>) -> Result<HttpResponse, AppError> {
    call.check_origin()?;
    let ctx = call.anonymous()?;
    let email =
        contact::email(input.email.expose()).map_err(|code| AppError::invalid_field("/email", code))?;
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), call.action()).await?;
    match keep_request(&ctx, &mut tx, &email).await {
        Ok(()) => drop(tx.commit(ctx.entry(call.action(), Outcome::Allow)).await?),
        Err(error) => {
            roll_back(tx).await;
            return Err(error.into());
        }
    }
    Ok(HttpResponse::Accepted().finish())
}

async fn keep_request(ctx: &Ctx, tx: &mut TenantTx, email: &str) -> Result<(), StoreError> {
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let (id, tenant_id) = (new_id(), tx.tenant().as_uuid());
    let address = store::seal(&sealer, registry::MAIL_REQUEST_ADDRESS, id.into_bytes(), &email)?;
    diesel::insert_into(mail_request::table)
        .values((
            mail_request::id.eq(id),
            mail_request::tenant_id.eq(tenant_id),
            mail_request::kind.eq("password"),
            mail_request::address_sealed.eq(address),
            mail_request::created_at.eq(ctx.now()),
        ))
        .execute(tx.conn())
        .await?;
    tx.enqueue(SEND_RECOVERY, JobPayload::new(tx.tenant()).id("request", id), None).await?;
    Ok(())
}

/// Sets a new password with the token of the mail, which works once. Every session ends; a second factor is asked for as
/// before.
#[utoipa::path(post, path = "/api/v1/recovery/complete", tag = "sessions", operation_id = "recovery.complete", security(()),
    request_body = RecoverCompleteInput,
    responses((status = 204, description = "Set; sign in"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "The password breaks a rule"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "The link is not valid any more")))]
pub async fn complete(call: Call, Json(input): Json<RecoverCompleteInput>) -> Result<HttpResponse, AppError> {
    call.check_origin()?;
    let ctx = call.anonymous()?;
    let slug = ctx.clinic.record.slug;
    if let Some(fault) = rules::password_fault(input.password.expose(), slug.as_str()) {
        return Err(AppError::invalid_field("/password", fault));
    }
    let hash = Token::parse(input.token.expose()).map(|token| token.hash());
    if !is_open(&call, &ctx, hash.as_ref()).await? {
        let tx = call.app.regional.begin_reserved(ctx.tenant(), "recovery.refuse").await?;
        tx.commit(ctx.entry(call.action(), Outcome::Deny).reason("token")).await?;
        return Err(RECOVERY_INVALID.into());
    }
    let phc = call.app.passwords.hash(input.password.expose()).await?;
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), call.action()).await?;
    match apply(&mut tx, &ctx.keys, hash.as_ref(), &phc, ctx.now()).await {
        Ok(Some(account)) => {
            let entry = ctx.entry(call.action(), Outcome::Allow);
            let entry = entry.actor(ActorKind::Staff, account.into_bytes());
            tx.commit(entry.resource("account", account.into_bytes())).await?;
            Ok(HttpResponse::NoContent().finish())
        }
        Ok(None) => {
            roll_back(tx).await;
            Err(RECOVERY_INVALID.into())
        }
        Err(error) => {
            roll_back(tx).await;
            Err(error.into())
        }
    }
}

async fn is_open(call: &Call, ctx: &Ctx, hash: Option<&[u8; 32]>) -> Result<bool, AppError> {
    let Some(hash) = hash else { return Ok(false) };
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), "recovery.look_up").await?;
    let found: Result<i64, _> = recovery::table
        .filter(recovery::token_hash.eq(hash.as_slice()))
        .filter(recovery::used_at.is_null())
        .filter(recovery::expires_at.gt(ctx.now()))
        .select(count_star())
        .first(tx.conn())
        .await;
    roll_back(tx).await;
    Ok(found.map_err(StoreError::from)? == 1)
}

async fn apply(
    tx: &mut TenantTx,
    keys: &tenancy::keys::Keys,
    hash: Option<&[u8; 32]>,
    phc: &str,
    now: DateTime<Utc>,
) -> Result<Option<Uuid>, StoreError> {
    let Some(hash) = hash else { return Ok(None) };
    let taken: Option<Uuid> = diesel::update(recovery::table)
        .filter(recovery::token_hash.eq(hash.as_slice()))
        .filter(recovery::used_at.is_null())
        .filter(recovery::expires_at.gt(now))
        .set(recovery::used_at.eq(now))
        .returning(recovery::account_id)
        .get_result(tx.conn())
        .await
        .optional()?;
    let Some(id) = taken else { return Ok(None) };
    let open = record::locked(tx, keys, id).await?.is_some_and(|row| row.state == account_state::ACTIVE);
    if !open {
        return Ok(None);
    }
    own::set_password(tx, keys, id, (phc, None), now).await?;
    // Other links that are under way are void.
    diesel::update(recovery::table.filter(recovery::account_id.eq(id)))
        .filter(recovery::used_at.is_null())
        .set(recovery::used_at.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(Some(id))
}

/// Whom a request turns out to be for, and where to write to.
pub struct Wanted {
    /// The account.
    pub account: Uuid,
    /// Its address, as the account has it.
    pub email: Sealed,
}

/// Looks a request's address up, keeps a link for its account and has its telephone told; `None` when nobody has it, it was done, or the account
/// has had its mails of this hour.
///
/// # Errors
/// When the database or the key store does not answer.
pub async fn prepare(
    keys: &tenancy::keys::Keys,
    tx: &mut TenantTx,
    (request, token): (Uuid, &Token),
    now: DateTime<Utc>,
) -> Result<Option<Wanted>, StoreError> {
    let address: Option<Sealed> = diesel::update(mail_request::table.find(request))
        .filter(mail_request::done_at.is_null())
        .set(mail_request::done_at.eq(now))
        .returning(mail_request::address_sealed)
        .get_result(tx.conn())
        .await
        .optional()?;
    let Some(address) = address else { return Ok(None) };
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    let column = registry::MAIL_REQUEST_ADDRESS;
    let email =
        zeroize::Zeroizing::new(store::open::<String>(&sealer, column, request.into_bytes(), &address)?);
    let tags = login_tags(keys, tx.tenant(), &email).await?;
    let found: Option<AccountRow> = account::table
        .filter(tags.asked())
        .filter(account::state.eq(account_state::ACTIVE))
        .filter(account::password_phc.is_not_null())
        .select(AccountRow::as_select())
        .first(tx.conn())
        .await
        .optional()?;
    let Some(row) = found else { return Ok(None) };
    let AccountRow { id, email, .. } = keys.row_macs(tx.tenant()).await?.verify(row)?.into_inner();
    let recent: i64 = recovery::table
        .filter(recovery::account_id.eq(id))
        .filter(recovery::created_at.gt(now - Duration::hours(1)))
        .select(count_star())
        .first(tx.conn())
        .await?;
    if recent >= LINKS_PER_HOUR_MAX {
        return Ok(None);
    }
    let tenant_id = tx.tenant().as_uuid();
    diesel::insert_into(recovery::table)
        .values((
            recovery::id.eq(new_id()),
            recovery::tenant_id.eq(tenant_id),
            recovery::account_id.eq(id),
            recovery::token_hash.eq(token.hash().as_slice()),
            recovery::created_at.eq(now),
            recovery::expires_at.eq(now + Duration::seconds(LINK_MAX_S)),
        ))
        .execute(tx.conn())
        .await?;
    notice::enqueue_text(tx, id, NoticeKind::RecoveryAsked, now).await?;
    Ok(Some(Wanted { account: id, email }))
}
