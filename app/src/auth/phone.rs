//! The telephone of an account, where its owner is told of changes besides by mail: asked for with a fresh factor, and proven by a
//! code that goes to the number by SMS and is good for ten minutes, once, in the session that asked.
//!
//! It signs nobody in: whoever gets a number moved to another card would have the account with it (NIST SP 800-63B-4, 3.1.3.3).
//! Several accounts may have one number, so none is looked up, and neither an answer nor its time says who else has it.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use tenancy::keys::Keys;
use tenancy::sealed::Sealed;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::api::Secret;
use super::invite::new_id;
use super::model::account_state;
use super::notice::{self, NoticeKind};
use super::proven_change::{Change, Tried};
use super::record;
use super::tables::{account_phone, phone_change};
use crate::call::{Call, Done};
use crate::ctx::{Actor, Ctx};
use crate::error::{AppError, UNAUTHENTICATED};
use crate::middleware::json::Json;
use crate::patients::contact;
use crate::registry;
use crate::store::{self, StoreError};

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
    let expires_at =
        Change::Phone.ask(&call, |ctx| contact::e164(input.phone.expose(), ctx.clinic.jurisdiction)).await?;
    Ok(HttpResponse::Accepted().json(PhoneAskedView { expires_at }))
}

/// Is told at the number from now on, with the code that was sent there. The e-mail address and both numbers are told.
#[utoipa::path(post, path = "/api/v1/me/phone/confirm", tag = "sessions", operation_id = "phone.set",
    request_body = PhoneCodeInput,
    responses((status = 204, description = "It is the account's telephone"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "Wrong, used, too late, or asked for in another session; the same for every reason")))]
pub async fn confirm(call: Call, Json(input): Json<PhoneCodeInput>) -> Result<HttpResponse, AppError> {
    Change::Phone.confirm(&call, input.code.expose()).await
}

/// Gives the account its telephone, and has the one before told.
pub(super) async fn apply(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (change, actor): (Uuid, Actor),
    new: &str,
) -> Result<Tried, StoreError> {
    let (account, now) = (Uuid::from_bytes(actor.account), ctx.now());
    // Whoever closes the account meanwhile has taken its telephone.
    let own = record::locked(tx, &ctx.keys, account).await?;
    if own.is_none_or(|own| own.state != account_state::ACTIVE) {
        return Ok(Err("not_open"));
    }
    let before = find(&ctx.keys, tx, account).await?.map(|(before, _at)| before);
    let old = before.filter(|before| before.as_str() != new);
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let sealed = store::seal(&sealer, registry::ACCOUNT_PHONE, actor.account, &new)?;
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
    Change::Phone.done(ctx, tx, change, old.as_deref().map(String::as_str)).await?;
    notice::enqueue(tx, account, NoticeKind::PhoneSet, now).await?;
    Ok(Ok(()))
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
    Change::Phone.void(ctx, tx, account).await?;
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
    Change::Phone.enqueue(tx, id).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_number_no_more_than_its_end_is_shown() {
        assert_eq!(last_digits("+919876543210"), "3210");
        assert_eq!(last_digits("+1"), "+1", "no number is that short");
    }
}
