//! How patients sign in: a code by mail, good for ten minutes, once, and in the browser that asked for it.
//!
//! Asking writes a row with the sealed address and no more; the worker finds out whether it is a patient's and makes the
//! code. So neither the answer nor its time says who is a patient here. Staff never sign in this way.

use actix_web::HttpResponse;
use actix_web::http::header;
use chrono::{DateTime, Duration, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::audit::{Outcome, Unaudited};
use tenancy::blind::{self, Index, normalise};
use tenancy::keys::Keys;
use tenancy::sealed::Sealed;
use tenancy::{JobPayload, TenantTx};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::api::{Opened, Secret, SessionView, open_session, refuse_sign_in};
use super::factor::{self, FactorKind};
use super::invite::{login_tags, new_id};
use super::model::account_state;
use super::record::AccountRow;
use super::session;
use super::tables::{account, sign_in_code};
use super::token::{Token, same};
use crate::access::Role;
use crate::call::{Call, roll_back};
use crate::ctx::Ctx;
use crate::error::{AppError, CODE_REFUSED};
use crate::jobs::SEND_CODE;
use crate::middleware::json::Json;
use crate::patients::contact;
use crate::registry;
use crate::relationships::queries as ties;
use crate::store::{self, StoreError};

/// Seconds a code is good for.
pub const CODE_MAX_S: i64 = 600;
/// Longest text that is looked at as a code, in characters.
const TYPED_CHARS_MAX: usize = 32;
/// Codes that may be tried after one was asked for.
pub(super) const TRIES_MAX: i32 = 5;
/// Codes of one account in an hour; more requests are not answered with a mail.
const CODES_PER_HOUR_MAX: i64 = 6;
/// Name of the cookie that ties a code to the browser that asked for it.
const COOKIE_NAME: &str = "__Host-domicile-code";

/// Who wants to sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeAskInput {
    /// The e-mail address the clinic knows.
    #[schema(value_type = String)]
    email: Secret,
}

/// What became of it: the same for everybody.
#[derive(Serialize, ToSchema)]
pub struct CodeAskedView {
    /// Until when a code can be entered, if one was sent.
    expires_at: DateTime<Utc>,
}

/// The code of the mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeInput {
    /// Its digits; spaces and hyphens do not matter.
    #[schema(value_type = String)]
    code: Secret,
}

/// Asks for a code by mail. The answer and the time it takes are the same whoever asks.
#[utoipa::path(post, path = "/api/v1/sessions/code", tag = "sessions", operation_id = "session.code", security(()),
    request_body = CodeAskInput,
    responses((status = 202, body = CodeAskedView, description = "If the address is a patient's, a code is on its way")))]
pub async fn ask(call: Call, Json(input): Json<CodeAskInput>) -> Result<HttpResponse, AppError> {
    call.check_origin()?;
    let ctx = call.anonymous()?;
    let email =
        contact::email(input.email.expose()).map_err(|code| AppError::invalid_field("/email", code))?;
    let (handle, expires_at) = (Token::random(), ctx.now() + Duration::seconds(CODE_MAX_S));
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), call.action()).await?;
    match keep_request(&ctx, &mut tx, (&email, &handle, expires_at)).await {
        Ok(()) => drop(tx.commit(ctx.entry(call.action(), Outcome::Allow)).await?),
        Err(error) => {
            roll_back(tx).await;
            return Err(error.into());
        }
    }
    let cookie = Zeroizing::new(format!(
        "{COOKIE_NAME}={}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age={CODE_MAX_S}",
        handle.expose().as_str()
    ));
    Ok(HttpResponse::Accepted()
        .insert_header((header::SET_COOKIE, cookie.as_str()))
        .json(CodeAskedView { expires_at }))
}

async fn keep_request(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (email, handle, expires_at): (&str, &Token, DateTime<Utc>),
) -> Result<(), StoreError> {
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let (id, tenant_id) = (new_id(), tx.tenant().as_uuid());
    let address = store::seal(&sealer, registry::CODE_ADDRESS, id.into_bytes(), &email)?;
    diesel::insert_into(sign_in_code::table)
        .values((
            sign_in_code::id.eq(id),
            sign_in_code::tenant_id.eq(tenant_id),
            sign_in_code::handle_hash.eq(handle.hash().as_slice()),
            sign_in_code::address_sealed.eq(address),
            sign_in_code::created_at.eq(ctx.now()),
            sign_in_code::expires_at.eq(expires_at),
        ))
        .execute(tx.conn())
        .await?;
    tx.enqueue(SEND_CODE, JobPayload::new(tx.tenant()).id("request", id), None).await?;
    Ok(())
}

/// Signs in with the code of the mail. Where the account has a second factor, and always for who stands in for somebody,
/// that is asked for next.
#[utoipa::path(post, path = "/api/v1/sessions/code/complete", tag = "sessions", operation_id = "session.create_code", security(()),
    request_body = CodeInput,
    responses((status = 201, body = SessionView, description = "Signed in; the session is in the cookie"),
        (status = 401, body = crate::error::Problem, content_type = "application/problem+json", description = "Wrong, used, too late, or asked for elsewhere")))]
pub async fn complete(call: Call, Json(input): Json<CodeInput>) -> Result<HttpResponse, AppError> {
    call.check_origin()?;
    let ctx = call.anonymous()?;
    let handle = session::cookie_named(call.headers(), COOKIE_NAME).map(|token| token.hash());
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), "session.code_tried").await?;
    let tried = match &handle {
        Some(handle) => try_code(&ctx, &mut tx, (handle, input.code.expose())).await,
        None => Ok(Tried::Refused("handle", None)),
    };
    let tried = match tried {
        // A try is counted also when it fails.
        Ok(tried) => tx.commit_without_audit(Unaudited::IdentityLookup).await.map(|()| tried)?,
        Err(error) => {
            roll_back(tx).await;
            return Err(error.into());
        }
    };
    match tried {
        Tried::Proven { account: id, role, factor } => {
            Box::pin(open_session(&call, ctx, Opened { id, role, factor, device: None })).await
        }
        Tried::Refused(reason, account) => {
            refuse_sign_in(&call, &ctx, account, reason).await?;
            Err(CODE_REFUSED.into())
        }
    }
}

/// What became of a code that was tried.
enum Tried {
    /// It was the one that was sent.
    Proven {
        account: Uuid,
        role: Role,
        /// What the session has proven by it; nothing where the account has a stronger factor.
        factor: Option<FactorKind>,
    },
    /// It was not, for the reason in the log.
    Refused(&'static str, Option<Uuid>),
}

async fn try_code(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (handle, typed): (&[u8; 32], &str),
) -> Result<Tried, StoreError> {
    type Row = (Uuid, Option<Uuid>, Option<Vec<u8>>, i32, DateTime<Utc>, Option<DateTime<Utc>>);
    let found: Option<Row> = sign_in_code::table
        .filter(sign_in_code::handle_hash.eq(handle.as_slice()))
        .select((
            sign_in_code::id,
            sign_in_code::account_id,
            sign_in_code::code_tag,
            sign_in_code::tries,
            sign_in_code::expires_at,
            sign_in_code::used_at,
        ))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    // As much is computed where there is no code as where there is one.
    let tags = code_tags(&ctx.keys, tx, (&registry::INDEX_CODE, handle), typed).await?;
    let Some((id, account, expected, tries, expires_at, used_at)) = found else {
        return Ok(Tried::Refused("handle", None));
    };
    if used_at.is_some() || expires_at <= ctx.now() || tries >= TRIES_MAX {
        return Ok(Tried::Refused("code_over", account));
    }
    let right = expected.is_some_and(|expected| tags.iter().any(|tag| same(&expected, tag)));
    diesel::update(sign_in_code::table.find(id))
        .set((sign_in_code::tries.eq(tries + 1), sign_in_code::used_at.eq(right.then(|| ctx.now()))))
        .execute(tx.conn())
        .await?;
    let Some(account) = account.filter(|_| right) else { return Ok(Tried::Refused("code", account)) };
    let role = match super::queries::active_role(tx, &ctx.keys, account).await? {
        Some(role @ (Role::Patient | Role::Proxy)) => role,
        _ => return Ok(Tried::Refused("not_open", Some(account))),
    };
    let enough = role == Role::Patient
        && !factor::queries::has_factor(tx, account).await?
        && !ties::stands_in(tx, account, ctx.now()).await?;
    Ok(Tried::Proven { account, role, factor: enough.then_some(FactorKind::MailCode) })
}

/// The tags of a code in one browser or session, under each key that may have been the active one when it was made, the active
/// one's first; none for what can be no code.
///
/// # Errors
/// What the key store says.
pub(super) async fn code_tags(
    keys: &Keys,
    tx: &TenantTx,
    (index, handle): (&Index, &[u8; 32]),
    typed: &str,
) -> Result<Vec<[u8; 16]>, StoreError> {
    let blind = keys.blind_keys(tx.tenant()).await?;
    let handle = data_encoding::HEXLOWER.encode(handle);
    let typed: Zeroizing<String> = Zeroizing::new(typed.chars().take(TYPED_CHARS_MAX).collect());
    let Ok(value) = normalise::identifier(&handle, &typed) else { return Ok(Vec::new()) };
    let tag = |key| blind::tag(key, index, &[&value]).map_err(|_failed| StoreError::Tag);
    blind.all().map(tag).collect()
}

/// Whom a request turns out to be for.
pub struct Wanted {
    /// The account.
    pub account: Uuid,
    /// Its address, as the account has it.
    pub email: Sealed,
    /// The code.
    pub code: Zeroizing<String>,
    /// The address that was asked for, as the request had it.
    pub asked: Sealed,
}

/// Looks a request's address up and makes a code for its account; `None` when no patient has it, it was done, or the account
/// has had its codes of this hour.
///
/// # Errors
/// When the database or the key store does not answer.
pub async fn prepare(
    keys: &Keys,
    tx: &mut TenantTx,
    request: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Wanted>, StoreError> {
    let row = sign_in_code::table.find(request);
    let found: Option<(Option<Sealed>, Vec<u8>)> = row
        .filter(sign_in_code::expires_at.gt(now))
        .select((sign_in_code::address_sealed, sign_in_code::handle_hash))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let Some((Some(asked), handle)) = found else { return Ok(None) };
    diesel::update(row).set(sign_in_code::address_sealed.eq(None::<Sealed>)).execute(tx.conn()).await?;
    let sealer = keys.tenant_sealer(tx.tenant()).await?;
    let email: String = store::open(&sealer, registry::CODE_ADDRESS, request.into_bytes(), &asked)?;
    let email = Zeroizing::new(email);
    let tags = login_tags(keys, tx.tenant(), &email).await?;
    let found: Option<AccountRow> = account::table
        .filter(tags.asked())
        .filter(account::state.eq(account_state::ACTIVE))
        .filter(account::role.eq_any([Role::Patient.as_str(), Role::Proxy.as_str()]))
        .select(AccountRow::as_select())
        .first(tx.conn())
        .await
        .optional()?;
    let Some(found) = found else { return Ok(None) };
    let AccountRow { id, email, .. } = keys.row_macs(tx.tenant()).await?.verify(found)?.into_inner();
    let recent: i64 = sign_in_code::table
        .filter(sign_in_code::account_id.eq(id))
        .filter(sign_in_code::created_at.gt(now - Duration::hours(1)))
        .select(count_star())
        .first(tx.conn())
        .await?;
    if recent >= CODES_PER_HOUR_MAX {
        return Ok(None);
    }
    let code = random_code();
    let handle: [u8; 32] = handle.as_slice().try_into().map_err(|_not_a_hash| StoreError::Shape)?;
    let tags = code_tags(keys, tx, (&registry::INDEX_CODE, &handle), &code).await?;
    let tag = tags.as_slice().first().ok_or(StoreError::Tag)?;
    diesel::update(row)
        .set((sign_in_code::account_id.eq(id), sign_in_code::code_tag.eq(tag.as_slice())))
        .execute(tx.conn())
        .await?;
    Ok(Some(Wanted { account: id, email, code, asked }))
}

/// Puts a request back as it was asked, because its code was not handed over. What is prepared next is another code, while the
/// request is good; one that was made void meanwhile stays so.
///
/// # Errors
/// When the database does not answer.
pub async fn put_back(tx: &mut TenantTx, request: Uuid, asked: Sealed) -> Result<(), StoreError> {
    diesel::update(sign_in_code::table.find(request))
        .filter(sign_in_code::used_at.is_null())
        .set((
            sign_in_code::address_sealed.eq(asked),
            sign_in_code::account_id.eq(None::<Uuid>),
            sign_in_code::code_tag.eq(None::<Vec<u8>>),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Eight random digits, each as likely as the others.
pub(super) fn random_code() -> Zeroizing<String> {
    // The remainder of 64 random bits is uneven by less than one part in 10^11.
    let number = u64::from_be_bytes(regions::random::bytes()) % 100_000_000;
    Zeroizing::new(format!("{number:08}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_eight_digits_and_is_another_each_time() {
        let codes: std::collections::BTreeSet<String> = (0..100).map(|_| random_code().to_string()).collect();
        assert!(codes.len() > 95);
        assert!(codes.iter().all(|code| code.len() == 8 && code.bytes().all(|c| c.is_ascii_digit())));
    }
}
