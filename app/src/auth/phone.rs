//! The telephone of an account, where its owner is told of changes besides by mail: asked for with a fresh factor, and proven by a
//! code that goes to the number by SMS and is good for ten minutes, once, in the session that asked.
//!
//! It signs nobody in: whoever gets a number moved to another card would have the account with it (NIST SP 800-63B-4, 3.1.3.3).
//! Several accounts may have one number, so none is looked up, and neither an answer nor its time says who else has it.

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
use super::invite::new_id;
use super::mail_code::{CODE_MAX_S, TRIES_MAX, change_place, code_tags, random_code};
use super::model::account_state;
use super::notice::{self, NoticeKind};
use super::record;
use super::tables::{account_phone, phone_change};
use super::token::same;
use crate::call::{Call, Done};
use crate::ctx::{Actor, Ctx};
use crate::error::{AppError, PHONE_CODE_REFUSED, RATE_LIMITED, UNAUTHENTICATED};
use crate::jobs::SEND_PHONE_CHANGE;
use crate::middleware::json::Json;
use crate::patients::contact;
use crate::registry;
use crate::store::{self, StoreError};

/// Times that an account may ask in an hour: each is a message to somebody who may have nothing to do with the clinic.
const ASKED_PER_HOUR_MAX: i64 = 6;
/// Seconds after which an account that has asked that often is told to come again.
const ASK_AGAIN_S: u32 = 3_600;
/// Digits at its end by which an owner knows a number again; no answer has more of it.
const SHOWN_DIGITS: usize = 4;

/// The own telephone.
#[derive(Serialize, ToSchema)]
pub struct OwnPhoneView {
    /// Its last digits; absent when there is none.
    last_digits: Option<String>,
    /// Since when it is known to be the owner's.
    verified_at: Option<DateTime<Utc>>,
}

/// A telephone to be told at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneAskInput {
    /// The number in E.164. One without a country code belongs to the clinic's country.
    #[schema(value_type = String, example = "+919876543210")]
    phone: Secret,
}

/// What became of it: the same for every number.
#[derive(Serialize, ToSchema)]
pub struct PhoneAskedView {
    /// Until when the code can be entered.
    expires_at: DateTime<Utc>,
}

/// The code that was sent to the number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PhoneCodeInput {
    /// Its digits; spaces and hyphens do not matter.
    #[schema(value_type = String)]
    code: Secret,
}

/// The own telephone, by its last digits.
#[utoipa::path(get, path = "/api/v1/me/phone", tag = "sessions", operation_id = "phone.read",
    responses((status = 200, body = OwnPhoneView, description = "Empty when there is none")))]
pub async fn read(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let found = find(&ctx.keys, tx, Uuid::from_bytes(actor.account)).await?;
            let view = match found {
                Some((number, at)) => {
                    OwnPhoneView { last_digits: Some(last_digits(&number)), verified_at: Some(at) }
                }
                None => OwnPhoneView { last_digits: None, verified_at: None },
            };
            Done::audited(view, ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account))
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

fn last_digits(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(SHOWN_DIGITS);
    number.chars().skip(hidden).collect()
}

/// Asks to be told at a telephone. A code goes there by SMS; one that was asked for before is void. Whatever telephone there is
/// stays until the code comes back.
#[utoipa::path(post, path = "/api/v1/me/phone", tag = "sessions", operation_id = "phone.ask",
    request_body = PhoneAskInput,
    responses((status = 202, body = PhoneAskedView, description = "A code is on its way to the number"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "No telephone number"),
        (status = 429, body = crate::error::Problem, content_type = "application/problem+json", description = "Asked for too often")))]
pub async fn ask(call: Call, Json(input): Json<PhoneAskInput>) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let number = contact::e164(input.phone.expose(), ctx.clinic.jurisdiction)
                .map_err(|code| AppError::invalid_field("/phone", code))?;
            let number = Zeroizing::new(number);
            let expires_at = ctx.now() + Duration::seconds(CODE_MAX_S);
            if !keep_request(ctx, tx, actor, (&number, expires_at)).await? {
                return Err(AppError::from(RATE_LIMITED).retry_after(ASK_AGAIN_S).denied("asked_too_often"));
            }
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account);
            Done::audited(PhoneAskedView { expires_at }, entry)
        })
        .await?;
    Ok(HttpResponse::Accepted().json(view))
}

/// Keeps what was asked for, in place of what was asked before; false when the account has asked too often.
async fn keep_request(
    ctx: &Ctx,
    tx: &mut TenantTx,
    actor: Actor,
    (number, expires_at): (&str, DateTime<Utc>),
) -> Result<bool, StoreError> {
    let (account, session) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
    // One request of an account after the other, so that many at one moment are counted.
    if record::locked(tx, &ctx.keys, account).await?.is_none() {
        return Ok(false);
    }
    let recent: i64 = phone_change::table
        .filter(phone_change::account_id.eq(account))
        .filter(phone_change::created_at.gt(ctx.now() - Duration::hours(1)))
        .select(count_star())
        .first(tx.conn())
        .await?;
    if recent >= ASKED_PER_HOUR_MAX {
        return Ok(false);
    }
    void_requests(tx, account, ctx.now()).await?;
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let (id, tenant_id) = (new_id(), tx.tenant().as_uuid());
    let sealed = store::seal(&sealer, registry::PHONE_CHANGE_NEW, id.into_bytes(), &number)?;
    diesel::insert_into(phone_change::table)
        .values((
            phone_change::id.eq(id),
            phone_change::tenant_id.eq(tenant_id),
            phone_change::account_id.eq(account),
            phone_change::session_id.eq(session),
            phone_change::new_sealed.eq(sealed),
            phone_change::created_at.eq(ctx.now()),
            phone_change::expires_at.eq(expires_at),
        ))
        .execute(tx.conn())
        .await?;
    tx.enqueue(SEND_PHONE_CHANGE, JobPayload::new(tx.tenant()).id("change", id), None).await?;
    Ok(true)
}

/// No code that was sent before is good any more.
async fn void_requests(tx: &mut TenantTx, account: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(phone_change::table.filter(phone_change::account_id.eq(account)))
        .filter(phone_change::used_at.is_null())
        .set((phone_change::expires_at.eq(now), phone_change::new_sealed.eq(None::<Sealed>)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Is told at the number from now on, with the code that was sent there. The e-mail address and both numbers are told.
#[utoipa::path(post, path = "/api/v1/me/phone/confirm", tag = "sessions", operation_id = "phone.set",
    request_body = PhoneCodeInput,
    responses((status = 204, description = "It is the account's telephone"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "Wrong, used, too late, or asked for in another session; the same for every reason")))]
pub async fn confirm(call: Call, Json(input): Json<PhoneCodeInput>) -> Result<HttpResponse, AppError> {
    let set = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let entry = |outcome| ctx.entry(call.action(), outcome).resource("account", actor.account);
            match try_code(ctx, tx, actor, input.code.expose()).await? {
                Tried::Set => Done::audited(true, entry(Outcome::Allow)),
                // A try is counted also when it fails.
                Tried::Refused(reason) => Done::audited(false, entry(Outcome::Deny).reason(reason)),
            }
        })
        .await?;
    match set {
        true => Ok(HttpResponse::NoContent().finish()),
        false => Err(PHONE_CODE_REFUSED.into()),
    }
}

/// What became of a code that was tried.
enum Tried {
    /// The account has the telephone.
    Set,
    /// It has not, for the reason in the log.
    Refused(&'static str),
}

async fn try_code(ctx: &Ctx, tx: &mut TenantTx, actor: Actor, typed: &str) -> Result<Tried, StoreError> {
    type Row = (Uuid, Option<Sealed>, Option<Vec<u8>>, i32);
    let (account, session) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
    let found: Option<Row> = phone_change::table
        .filter(phone_change::session_id.eq(session))
        .filter(phone_change::account_id.eq(account))
        .filter(phone_change::used_at.is_null())
        .filter(phone_change::expires_at.gt(ctx.now()))
        .select((phone_change::id, phone_change::new_sealed, phone_change::code_tag, phone_change::tries))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((change, new, expected, tries)) = found else { return Ok(Tried::Refused("no_request")) };
    if tries >= TRIES_MAX {
        return Ok(Tried::Refused("tries"));
    }
    let place = change_place(session, change);
    let tags = code_tags(&ctx.keys, tx, (&registry::INDEX_PHONE_CODE, &place), typed).await?;
    let right = expected.is_some_and(|expected| tags.iter().any(|tag| same(&expected, tag)));
    diesel::update(phone_change::table.find(change))
        .set((phone_change::tries.eq(tries + 1), phone_change::used_at.eq(right.then(|| ctx.now()))))
        .execute(tx.conn())
        .await?;
    match new.filter(|_| right) {
        Some(new) => apply(ctx, tx, (change, actor), &new).await,
        None => Ok(Tried::Refused("code")),
    }
}

/// Gives the account its telephone, and has the one before told.
async fn apply(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (change, actor): (Uuid, Actor),
    new: &Sealed,
) -> Result<Tried, StoreError> {
    let (account, now) = (Uuid::from_bytes(actor.account), ctx.now());
    // Whoever closes the account meanwhile has taken its telephone.
    let own = record::locked(tx, &ctx.keys, account).await?;
    if own.is_none_or(|own| own.state != account_state::ACTIVE) {
        return Ok(Tried::Refused("not_open"));
    }
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let number: String = store::open(&sealer, registry::PHONE_CHANGE_NEW, change.into_bytes(), new)?;
    let number = Zeroizing::new(number);
    let before = find(&ctx.keys, tx, account).await?.map(|(before, _at)| before);
    let old = before
        .filter(|before| **before != *number)
        .map(|before| store::seal(&sealer, registry::PHONE_CHANGE_OLD, change.into_bytes(), &*before))
        .transpose()?;
    let is_told = old.is_some();
    let sealed = store::seal(&sealer, registry::ACCOUNT_PHONE, actor.account, &*number)?;
    let tenant_id = tx.tenant().as_uuid();
    diesel::insert_into(account_phone::table)
        .values((
            account_phone::account_id.eq(account),
            account_phone::tenant_id.eq(tenant_id),
            account_phone::number_sealed.eq(&sealed),
            account_phone::verified_at.eq(now),
        ))
        .on_conflict(account_phone::account_id)
        .do_update()
        .set((account_phone::number_sealed.eq(&sealed), account_phone::verified_at.eq(now)))
        .execute(tx.conn())
        .await?;
    diesel::update(phone_change::table.find(change))
        .set((phone_change::new_sealed.eq(None::<Sealed>), phone_change::old_sealed.eq(old)))
        .execute(tx.conn())
        .await?;
    if is_told {
        tx.enqueue(SEND_PHONE_CHANGE, JobPayload::new(tx.tenant()).id("change", change), None).await?;
    }
    notice::enqueue(tx, account, NoticeKind::PhoneSet, now).await?;
    Ok(Tried::Set)
}

/// Is told at no telephone any more. The e-mail address and the number are told so. Without one this does nothing.
#[utoipa::path(delete, path = "/api/v1/me/phone", tag = "sessions", operation_id = "phone.remove",
    responses((status = 204, description = "The account has no telephone")))]
pub async fn remove(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
        let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account);
        match take_away(ctx, tx, actor).await? {
            true => Done::audited((), entry),
            false => Done::audited((), entry.reason("repeated")),
        }
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Takes the account's telephone and what was asked for; false when it had none.
async fn take_away(ctx: &Ctx, tx: &mut TenantTx, actor: Actor) -> Result<bool, StoreError> {
    let (account, now) = (Uuid::from_bytes(actor.account), ctx.now());
    record::locked(tx, &ctx.keys, account).await?;
    void_requests(tx, account, now).await?;
    let Some((number, _at)) = find(&ctx.keys, tx, account).await? else { return Ok(false) };
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let (id, tenant_id) = (new_id(), tx.tenant().as_uuid());
    let old = store::seal(&sealer, registry::PHONE_CHANGE_OLD, id.into_bytes(), &*number)?;
    diesel::insert_into(phone_change::table)
        .values((
            phone_change::id.eq(id),
            phone_change::tenant_id.eq(tenant_id),
            phone_change::account_id.eq(account),
            phone_change::session_id.eq(Uuid::from_bytes(actor.session)),
            phone_change::old_sealed.eq(old),
            phone_change::created_at.eq(now),
            phone_change::expires_at.eq(now),
            phone_change::used_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    diesel::delete(account_phone::table.find(account)).execute(tx.conn()).await?;
    tx.enqueue(SEND_PHONE_CHANGE, JobPayload::new(tx.tenant()).id("change", id), None).await?;
    notice::enqueue(tx, account, NoticeKind::PhoneRemoved, now).await?;
    Ok(true)
}

/// Removes the telephone of an account that is closed, and what was asked for, without a word to anybody.
///
/// # Errors
/// When the database does not answer.
pub async fn forget(tx: &mut TenantTx, account: Uuid) -> Result<(), StoreError> {
    diesel::delete(account_phone::table.find(account)).execute(tx.conn()).await?;
    diesel::delete(phone_change::table.filter(phone_change::account_id.eq(account)))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether an account has a telephone.
///
/// # Errors
/// When the database does not answer.
pub async fn has(tx: &mut TenantTx, account: Uuid) -> Result<bool, StoreError> {
    let found: Option<Uuid> = account_phone::table
        .find(account)
        .select(account_phone::account_id)
        .first(tx.conn())
        .await
        .optional()?;
    Ok(found.is_some())
}

/// An account's telephone in E.164, and since when it is known to be the owner's.
///
/// # Errors
/// When the database or the key store does not answer, or the number is another account's.
pub async fn find(
    keys: &Keys,
    tx: &mut TenantTx,
    account: Uuid,
) -> Result<Option<(Zeroizing<String>, DateTime<Utc>)>, StoreError> {
    let found: Option<(Sealed, DateTime<Utc>)> = account_phone::table
        .find(account)
        .select((account_phone::number_sealed, account_phone::verified_at))
        .first(tx.conn())
        .await
        .optional()?;
    let Some((sealed, at)) = found else { return Ok(None) };
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    let number: String = store::open(&sealer, registry::ACCOUNT_PHONE, account.into_bytes(), &sealed)?;
    Ok(Some((Zeroizing::new(number), at)))
}

/// A message that a change needs now.
pub struct Wanted {
    /// Whose telephone it is about.
    pub account: Uuid,
    /// To which number.
    pub to: Zeroizing<String>,
    /// What it says.
    pub what: What,
}

/// What a message says.
pub enum What {
    /// To the new number: this code proves it.
    Code(Zeroizing<String>),
    /// To the old number: it is the account's no more, since this time.
    Gone(DateTime<Utc>),
}

/// Looks up what a change needs: a code for the new number, and once it was changed or removed a word to the old one. `None` when
/// that is done, or it is too late.
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
    let row = phone_change::table.find(change);
    let found: Option<Row> = row
        .select((
            phone_change::account_id,
            phone_change::session_id,
            phone_change::new_sealed,
            phone_change::old_sealed,
            phone_change::code_tag,
            (phone_change::expires_at, phone_change::used_at),
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
        let to = open(registry::PHONE_CHANGE_OLD, old)?;
        return Ok(Some(Wanted { account, to, what: What::Gone(at) }));
    }
    let waits = used_at.is_none() && tag.is_none() && expires_at > now;
    let Some(new) = new.filter(|_| waits) else { return Ok(None) };
    let to = open(registry::PHONE_CHANGE_NEW, &new)?;
    let code = random_code();
    let place = change_place(session, change);
    let tags = code_tags(keys, tx, (&registry::INDEX_PHONE_CODE, &place), &code).await?;
    let tag = tags.as_slice().first().ok_or(StoreError::Tag)?;
    diesel::update(row).set(phone_change::code_tag.eq(tag.as_slice())).execute(tx.conn()).await?;
    Ok(Some(Wanted { account, to, what: What::Code(code) }))
}

/// Forgets the old number, once it was told.
///
/// # Errors
/// When the database does not answer.
pub async fn told(tx: &mut TenantTx, change: Uuid) -> Result<(), StoreError> {
    diesel::update(phone_change::table.find(change))
        .set(phone_change::old_sealed.eq(None::<Sealed>))
        .execute(tx.conn())
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_number_no_more_than_its_end_is_shown() {
        assert_eq!(last_digits("+919876543210"), "3210");
        assert_eq!(last_digits("+1"), "+1", "no number is that short");
    }
}
