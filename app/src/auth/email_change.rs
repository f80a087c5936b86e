//! Changing the address that somebody signs in with: asked for with a fresh factor, and proven by a code that goes to the new
//! address and is good for ten minutes, once, in the session that asked.
//!
//! Asking writes a row with the sealed address and no more; the worker finds out whether another account has it. So neither the
//! answer nor its time says who else signs in here.

use actix_web::HttpResponse;
use chrono::{DateTime, Duration, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::audit::Outcome;
use tenancy::keys::Keys;
use tenancy::sealed::{Column, Sealed};
use tenancy::{JobPayload, TenantTx};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::api::Secret;
use super::invite::{LoginTags, login_tags, new_id};
use super::mail_code::{CODE_MAX_S, TRIES_MAX, change_place, code_tags, random_code};
use super::notice::{self, NoticeKind};
use super::tables::{account, email_change, recovery, sign_in_code};
use super::token::same;
use super::{queries, record};
use crate::call::{Call, Done};
use crate::ctx::{Actor, Ctx};
use crate::error::{AppError, EMAIL_CODE_REFUSED, RATE_LIMITED, UNAUTHENTICATED};
use crate::jobs::SEND_EMAIL_CHANGE;
use crate::middleware::json::Json;
use crate::patients::contact;
use crate::registry;
use crate::store::{self, StoreError};

/// Times that an account may ask in an hour: each is a mail to somebody who may have nothing to do with the clinic.
const ASKED_PER_HOUR_MAX: i64 = 6;
/// Seconds after which an account that has asked that often is told to come again.
const ASK_AGAIN_S: u32 = 3_600;

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
    let view = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let email = contact::email(input.email.expose())
                .map_err(|code| AppError::invalid_field("/email", code))?;
            let email = Zeroizing::new(email);
            let expires_at = ctx.now() + Duration::seconds(CODE_MAX_S);
            if !keep_request(ctx, tx, actor, (&email, expires_at)).await? {
                return Err(AppError::from(RATE_LIMITED).retry_after(ASK_AGAIN_S).denied("asked_too_often"));
            }
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account);
            Done::audited(EmailAskedView { expires_at }, entry)
        })
        .await?;
    Ok(HttpResponse::Accepted().json(view))
}

/// Keeps what was asked for, in place of what was asked before; false when the account has asked too often.
async fn keep_request(
    ctx: &Ctx,
    tx: &mut TenantTx,
    actor: Actor,
    (email, expires_at): (&str, DateTime<Utc>),
) -> Result<bool, StoreError> {
    let (account, session) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
    // One request of an account after the other, so that many at one moment are counted.
    if record::locked(tx, &ctx.keys, account).await?.is_none() {
        return Ok(false);
    }
    let recent: i64 = email_change::table
        .filter(email_change::account_id.eq(account))
        .filter(email_change::created_at.gt(ctx.now() - Duration::hours(1)))
        .select(count_star())
        .first(tx.conn())
        .await?;
    if recent >= ASKED_PER_HOUR_MAX {
        return Ok(false);
    }
    diesel::update(email_change::table.filter(email_change::account_id.eq(account)))
        .filter(email_change::used_at.is_null())
        .set((email_change::expires_at.eq(ctx.now()), email_change::new_sealed.eq(None::<Sealed>)))
        .execute(tx.conn())
        .await?;
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let (id, tenant_id) = (new_id(), tx.tenant().as_uuid());
    let sealed = store::seal(&sealer, registry::EMAIL_CHANGE_NEW, id.into_bytes(), &email)?;
    diesel::insert_into(email_change::table)
        .values((
            email_change::id.eq(id),
            email_change::tenant_id.eq(tenant_id),
            email_change::account_id.eq(account),
            email_change::session_id.eq(session),
            email_change::new_sealed.eq(sealed),
            email_change::created_at.eq(ctx.now()),
            email_change::expires_at.eq(expires_at),
        ))
        .execute(tx.conn())
        .await?;
    tx.enqueue(SEND_EMAIL_CHANGE, JobPayload::new(tx.tenant()).id("change", id), None).await?;
    Ok(true)
}

/// Signs in with the new address from now on, with the code that was sent there. Every other session ends, codes and links that
/// went to the old address are void, and both addresses are told by mail.
#[utoipa::path(post, path = "/api/v1/me/email/confirm", tag = "sessions", operation_id = "email.change",
    request_body = EmailCodeInput,
    responses((status = 204, description = "Changed"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "Wrong, used, too late, or asked for in another session; the same for every reason")))]
pub async fn confirm(call: Call, Json(input): Json<EmailCodeInput>) -> Result<HttpResponse, AppError> {
    let changed = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let entry = |outcome| ctx.entry(call.action(), outcome).resource("account", actor.account);
            match try_code(ctx, tx, actor, input.code.expose()).await {
                Ok(Tried::Changed) => Done::audited(true, entry(Outcome::Allow)),
                // A try is counted also when it fails.
                Ok(Tried::Refused(reason)) => Done::audited(false, entry(Outcome::Deny).reason(reason)),
                // Somebody else was given the address since it was looked up.
                Err(error) if error.is_duplicate() => {
                    Err(AppError::from(EMAIL_CODE_REFUSED).denied("address_taken"))
                }
                Err(error) => Err(error.into()),
            }
        })
        .await?;
    match changed {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(EMAIL_CODE_REFUSED.into()),
    }
}

/// What became of a code that was tried.
enum Tried {
    /// The account has the new address.
    Changed,
    /// It has not, for the reason in the log.
    Refused(&'static str),
}

async fn try_code(ctx: &Ctx, tx: &mut TenantTx, actor: Actor, typed: &str) -> Result<Tried, StoreError> {
    type Row = (Uuid, Option<Sealed>, Option<Vec<u8>>, i32);
    let (account, session) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
    let found: Option<Row> = email_change::table
        .filter(email_change::session_id.eq(session))
        .filter(email_change::account_id.eq(account))
        .filter(email_change::used_at.is_null())
        .filter(email_change::expires_at.gt(ctx.now()))
        .select((email_change::id, email_change::new_sealed, email_change::code_tag, email_change::tries))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((change, new, expected, tries)) = found else { return Ok(Tried::Refused("no_request")) };
    // As much is computed where no code was sent as where there is one.
    let place = change_place(session, change);
    let tags = code_tags(&ctx.keys, tx, (&registry::INDEX_EMAIL_CODE, &place), typed).await?;
    if tries >= TRIES_MAX {
        return Ok(Tried::Refused("tries"));
    }
    let right = expected.is_some_and(|expected| tags.iter().any(|tag| same(&expected, tag)));
    diesel::update(email_change::table.find(change))
        .set((email_change::tries.eq(tries + 1), email_change::used_at.eq(right.then(|| ctx.now()))))
        .execute(tx.conn())
        .await?;
    match new.filter(|_| right) {
        Some(new) => apply(ctx, tx, (change, actor), &new).await,
        None => Ok(Tried::Refused("code")),
    }
}

/// Gives the account its new address, if nobody has it yet, and takes back what the old one was trusted with.
async fn apply(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (change, actor): (Uuid, Actor),
    new: &Sealed,
) -> Result<Tried, StoreError> {
    let (account, now) = (Uuid::from_bytes(actor.account), ctx.now());
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let email: String = store::open(&sealer, registry::EMAIL_CHANGE_NEW, change.into_bytes(), new)?;
    let email = Zeroizing::new(email);
    let tags = login_tags(&ctx.keys, tx.tenant(), &email).await?;
    if is_somebodys(tx, &tags).await? {
        return Ok(Tried::Refused("address_taken"));
    }
    let Some(own) = record::locked(tx, &ctx.keys, account).await? else {
        return Ok(Tried::Refused("not_open"));
    };
    let mut own = own.into_inner();
    let old: String = store::open(&sealer, registry::ACCOUNT_EMAIL, actor.account, &own.email)?;
    let old = Zeroizing::new(old);
    let old = store::seal(&sealer, registry::EMAIL_CHANGE_OLD, change.into_bytes(), &*old)?;
    own.email = store::seal(&sealer, registry::ACCOUNT_EMAIL, actor.account, &*email)?;
    own.login_tag = tags.odd;
    own.login_tag_even = tags.even;
    own.save(tx, &ctx.keys, now).await?;
    diesel::update(email_change::table.find(change))
        .set((email_change::new_sealed.eq(None::<Sealed>), email_change::old_sealed.eq(Some(old))))
        .execute(tx.conn())
        .await?;
    queries::end_sessions(tx, account, Some(Uuid::from_bytes(actor.session)), now).await?;
    void_mails(tx, account, now).await?;
    tx.enqueue(SEND_EMAIL_CHANGE, JobPayload::new(tx.tenant()).id("change", change), None).await?;
    notice::enqueue(tx, account, NoticeKind::EmailChanged, now).await?;
    Ok(Tried::Changed)
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

async fn is_somebodys(tx: &mut TenantTx, tags: &LoginTags) -> Result<bool, StoreError> {
    let found: Option<Uuid> =
        account::table.filter(tags.asked()).select(account::id).first(tx.conn()).await.optional()?;
    Ok(found.is_some())
}

/// A letter that a change needs now.
pub struct Wanted {
    /// Whose address it is about.
    pub account: Uuid,
    /// To whom.
    pub to: Zeroizing<String>,
    /// What it says.
    pub what: What,
}

/// What a letter says.
pub enum What {
    /// To the new address: this code proves it.
    Code(Zeroizing<String>),
    /// To an address that is an account's already: somebody asked, and nothing was changed.
    Taken,
    /// To the old address: it was changed at this time.
    Changed(DateTime<Utc>),
}

/// Looks up what a change needs: a code where the new address is nobody's, and once it was changed a word to the old one. `None`
/// when that is done, or it is too late.
///
/// # Errors
/// When the database or the key store does not answer.
pub async fn prepare(
    keys: &Keys,
    tx: &mut TenantTx,
    change: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Wanted>, StoreError> {
    type Times = (DateTime<Utc>, Option<DateTime<Utc>>);
    type Row = (Uuid, Uuid, Option<Sealed>, Option<Sealed>, Option<Vec<u8>>, Times);
    let row = email_change::table.find(change);
    let found: Option<Row> = row
        .select((
            email_change::account_id,
            email_change::session_id,
            email_change::new_sealed,
            email_change::old_sealed,
            email_change::code_tag,
            (email_change::expires_at, email_change::used_at),
        ))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((account, session, new, old, tag, (expires_at, used_at))) = found else { return Ok(None) };
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    let open = |column: Column, sealed: &Sealed| -> Result<Zeroizing<String>, StoreError> {
        Ok(Zeroizing::new(store::open(&sealer, column, change.into_bytes(), sealed)?))
    };
    if let (Some(old), Some(at)) = (&old, used_at) {
        let to = open(registry::EMAIL_CHANGE_OLD, old)?;
        return Ok(Some(Wanted { account, to, what: What::Changed(at) }));
    }
    let waits = used_at.is_none() && tag.is_none() && expires_at > now;
    let Some(new) = new.filter(|_| waits) else { return Ok(None) };
    let to = open(registry::EMAIL_CHANGE_NEW, &new)?;
    let tags = login_tags(keys, tx.tenant(), &to).await?;
    if is_somebodys(tx, &tags).await? {
        // Without the address a second run finds nothing to do, and no code is right.
        diesel::update(row).set(email_change::new_sealed.eq(None::<Sealed>)).execute(tx.conn()).await?;
        return Ok(Some(Wanted { account, to, what: What::Taken }));
    }
    let code = random_code();
    let place = change_place(session, change);
    let tags = code_tags(keys, tx, (&registry::INDEX_EMAIL_CODE, &place), &code).await?;
    let tag = tags.as_slice().first().ok_or(StoreError::Tag)?;
    diesel::update(row).set(email_change::code_tag.eq(tag.as_slice())).execute(tx.conn()).await?;
    Ok(Some(Wanted { account, to, what: What::Code(code) }))
}

/// Forgets the old address, once it was told.
///
/// # Errors
/// When the database does not answer.
pub async fn told(tx: &mut TenantTx, change: Uuid) -> Result<(), StoreError> {
    diesel::update(email_change::table.find(change))
        .set(email_change::old_sealed.eq(None::<Sealed>))
        .execute(tx.conn())
        .await?;
    Ok(())
}
