//! Changing the address that somebody signs in with: asked for with a fresh factor, and proven by a code that goes to the new
//! address and is good for ten minutes, once, in the session that asked.
//!
//! Asking writes a row with the sealed address and no more; the worker finds out whether another account has it. So neither the
//! answer nor its time says who else signs in here.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::api::Secret;
use super::invite::{LoginTags, login_tags};
use super::notice::{self, NoticeKind};
use super::proven_change::{Change, Tried};
use super::tables::{account, recovery, sign_in_code};
use super::{queries, record};
use crate::call::Call;
use crate::ctx::{Actor, Ctx};
use crate::error::AppError;
use crate::middleware::json::Json;
use crate::patients::contact;
use crate::registry;
use crate::store::{self, StoreError};

/// Another address to sign in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailAskInput {
    /// The new e-mail address.
    #[schema(value_type = String)]
    email: Secret,
}

/// What became of it: the same for every address.
#[derive(Serialize, ToSchema)]
pub struct EmailAskedView {
    /// Until when a code can be entered, if one was sent.
    expires_at: DateTime<Utc>,
}

/// The code of the mail to the new address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailCodeInput {
    /// Its digits; spaces and hyphens do not matter.
    #[schema(value_type = String)]
    code: Secret,
}

/// Asks to sign in with another e-mail address. A code goes there; one that was asked for before is void. The answer is the same
/// whether or not another account has the address.
#[utoipa::path(post, path = "/api/v1/me/email", tag = "sessions", operation_id = "email.ask",
    request_body = EmailAskInput,
    responses((status = 202, body = EmailAskedView, description = "If nobody signs in with the address, a code is on its way there"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "No e-mail address"),
        (status = 429, body = crate::error::Problem, content_type = "application/problem+json", description = "Asked for too often")))]
pub async fn ask(call: Call, Json(input): Json<EmailAskInput>) -> Result<HttpResponse, AppError> {
    let expires_at = Change::Email.ask(&call, |_ctx| contact::email(input.email.expose())).await?;
    Ok(HttpResponse::Accepted().json(EmailAskedView { expires_at }))
}

/// Signs in with the new address from now on, with the code that was sent there. Every other session ends, codes and links that
/// went to the old address are void, and both addresses are told by mail.
#[utoipa::path(post, path = "/api/v1/me/email/confirm", tag = "sessions", operation_id = "email.change",
    request_body = EmailCodeInput,
    responses((status = 204, description = "Changed"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "Wrong, used, too late, or asked for in another session; the same for every reason")))]
pub async fn confirm(call: Call, Json(input): Json<EmailCodeInput>) -> Result<HttpResponse, AppError> {
    Change::Email.confirm(&call, input.code.expose()).await
}

/// Gives the account its new address, if nobody has it yet, and takes back what the old one was trusted with.
pub(super) async fn apply(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (change, actor): (Uuid, Actor),
    new: &str,
) -> Result<Tried, StoreError> {
    let (account, now) = (Uuid::from_bytes(actor.account), ctx.now());
    let tags = login_tags(&ctx.keys, tx.tenant(), new).await?;
    if is_somebodys(tx, &tags).await? {
        return Ok(Err("address_taken"));
    }
    let Some(own) = record::locked(tx, &ctx.keys, account).await? else { return Ok(Err("not_open")) };
    let mut own = own.into_inner();
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let old: String = store::open(&sealer, registry::ACCOUNT_EMAIL, actor.account, &own.email)?;
    let old = Zeroizing::new(old);
    own.email = store::seal(&sealer, registry::ACCOUNT_EMAIL, actor.account, &new)?;
    own.login_tag = tags.odd;
    own.login_tag_even = tags.even;
    own.save(tx, &ctx.keys, now).await?;
    Change::Email.done(ctx, tx, change, Some(old.as_str())).await?;
    queries::end_sessions(tx, account, Some(Uuid::from_bytes(actor.session)), now).await?;
    void_mails(tx, account, now).await?;
    notice::enqueue(tx, account, NoticeKind::EmailChanged, now).await?;
    Ok(Ok(()))
}

/// Whoever reads the old mailbox comes in with nothing that lies there.
async fn void_mails(tx: &mut TenantTx, account: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(sign_in_code::table.filter(sign_in_code::account_id.eq(account)))
        .filter(sign_in_code::used_at.is_null())
        .set(sign_in_code::used_at.eq(now))
        .execute(tx.conn())
        .await?;
    diesel::update(recovery::table.filter(recovery::account_id.eq(account)))
        .filter(recovery::used_at.is_null())
        .set(recovery::used_at.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether an account has the address of these tags.
pub(super) async fn is_somebodys(tx: &mut TenantTx, tags: &LoginTags) -> Result<bool, StoreError> {
    let found: Option<Uuid> =
        account::table.filter(tags.asked()).select(account::id).first(tx.conn()).await.optional()?;
    Ok(found.is_some())
}
