//! Passkeys over HTTP: adding one, removing one, proving one in a session, and signing in with one alone.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use regions::log::{self, Field};
use serde::Serialize;
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::ceremony::{
    AssertionInput, CeremonyView, PasskeySignInInput, RegistrationInput, ResidentKey, Site, User,
    counter_went_back, creation_options, read_id, request_options, shown_id,
};
use super::queries::{self, Holder, PasskeyRow};
use super::verify::{CHALLENGE_BYTES, Refusal};
use super::{PASSKEYS_MAX, Purpose};
use crate::auth::api::{Opened, SessionView, open_session, refuse_sign_in};
use crate::auth::factor::FactorKind;
use crate::auth::factor::api::{new_recovery_codes, renew, sure_enough_to_change, with_cookie};
use crate::auth::factor::queries::{has_factor, recovery_codes_left};
use crate::auth::notice::{self, NoticeKind};
use crate::auth::queries::active_role;
use crate::auth::record;
use crate::auth::token::Token;
use crate::call::{Call, Done, roll_back};
use crate::ctx::Ctx;
use crate::error::{
    AppError, FACTOR_REFUSED, LAST_FACTOR, SIGN_IN_FAILED, TOO_MANY_FACTORS, UNAUTHENTICATED,
};
use crate::middleware::json::Json;
use crate::registry;
use crate::store;

/// A passkey that was added.
#[derive(Serialize, ToSchema)]
pub struct PasskeyAddedView {
    /// Its id.
    id: String,
    /// The session, which has proven it.
    session: SessionView,
    /// Ten recovery codes, shown this once; empty when the account has some already.
    recovery_codes: Vec<String>,
}

/// One of the own passkeys.
#[derive(Serialize, ToSchema)]
pub struct PasskeyView {
    /// Its id.
    id: String,
    /// When it was added.
    created_at: DateTime<Utc>,
    /// When it was used last.
    last_used_at: Option<DateTime<Utc>>,
}

impl From<&PasskeyRow> for PasskeyView {
    fn from(row: &PasskeyRow) -> PasskeyView {
        PasskeyView { id: shown_id(row.id), created_at: row.created_at, last_used_at: row.last_used_at }
    }
}

fn site<'a>(call: &'a Call, origin: &'a str) -> Site<'a> {
    Site { origin, rp_id: call.host() }
}

fn credential_ids(rows: Vec<PasskeyRow>) -> Vec<Vec<u8>> {
    rows.into_iter().map(|row| row.credential_id).collect()
}

/// Begins to add a passkey. An account that has a factor must have proven it within five minutes.
#[utoipa::path(post, path = "/api/v1/me/factors/passkeys/options", tag = "factors", operation_id = "passkey.begin",
    responses((status = 201, body = CeremonyView, description = "Options for navigator.credentials.create")))]
pub async fn begin(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let account = Uuid::from_bytes(actor.account);
            sure_enough_to_change(ctx, tx, account).await?;
            let has = queries::of_account(tx, account).await?;
            let row = record::find(tx, &ctx.keys, account).await?;
            let row = row.ok_or_else(|| AppError::internal("account.missing"))?;
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let email: String = store::open(&sealer, registry::ACCOUNT_EMAIL, actor.account, &row.email)?;
            let challenge = regions::random::bytes::<CHALLENGE_BYTES>();
            let holder = Holder::Session(Uuid::from_bytes(actor.session));
            queries::keep_challenge(tx, holder, Purpose::Register, &challenge, ctx.now()).await?;
            let user = User { id: actor.account, name: &email };
            let known = credential_ids(has);
            let public_key = creation_options(call.host(), user, &challenge, &known, ResidentKey::Preferred);
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account);
            Done::audited(CeremonyView { public_key, handle: None }, entry)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Adds a passkey, which counts as proven in this session.
#[utoipa::path(post, path = "/api/v1/me/factors/passkeys", tag = "factors", operation_id = "passkey.add",
    request_body = RegistrationInput,
    responses((status = 201, body = PasskeyAddedView, description = "Added; the session is in the new cookie"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "Refused")))]
pub async fn add(call: Call, Json(input): Json<RegistrationInput>) -> Result<HttpResponse, AppError> {
    let token = Token::random();
    let added = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let account = Uuid::from_bytes(actor.account);
            sure_enough_to_change(ctx, tx, account).await?;
            let holder = Holder::Session(Uuid::from_bytes(actor.session));
            let challenge = queries::take_challenge(tx, holder, Purpose::Register, ctx.now()).await?;
            let registered = match input.check(challenge.as_deref(), site(&call, &call.origin())) {
                Ok(registered) => registered,
                Err(refusal) => {
                    let entry = ctx.entry(call.action(), Outcome::Deny).resource("account", actor.account);
                    return Done::audited(None, entry.reason(refusal.code()));
                }
            };
            if queries::count(tx, account).await? >= PASSKEYS_MAX {
                return Err(TOO_MANY_FACTORS.into());
            }
            let id = match queries::add(tx, account, &registered, ctx.now()).await {
                Err(error) if error.is_duplicate() => {
                    return Err(AppError::from(FACTOR_REFUSED).denied("passkey_known"));
                }
                other => other?,
            };
            let recovery_codes = match recovery_codes_left(tx, account).await? {
                0 => new_recovery_codes(ctx, tx, account).await?,
                _ => Vec::new(),
            };
            notice::enqueue(tx, account, NoticeKind::PasskeyAdded, ctx.now()).await?;
            let session = renew(&call, ctx, tx, (actor, &token, FactorKind::Passkey)).await?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("passkey", id.into_bytes());
            Done::audited(Some(PasskeyAddedView { id: shown_id(id), session, recovery_codes }), entry)
        })
        .await?;
    match added {
        Some(view) => Ok(with_cookie(HttpResponse::Created(), &token).json(view)),
        None => Err(FACTOR_REFUSED.into()),
    }
}

/// Removes one of the own passkeys, unless it is the account's only factor.
#[utoipa::path(delete, path = "/api/v1/me/factors/passkeys/{id}", tag = "factors", operation_id = "passkey.remove",
    params(("id" = String, Path, description = "Passkey id")),
    responses((status = 204, description = "Removed"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not the caller's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The only factor")))]
pub async fn remove(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let account = Uuid::from_bytes(ctx.account());
        let id = read_id(call.path("id")).ok_or_else(AppError::absent)?;
        if !queries::remove(tx, account, id).await? {
            return Err(AppError::absent());
        }
        if !has_factor(tx, account).await? {
            return Err(LAST_FACTOR.into());
        }
        notice::enqueue(tx, account, NoticeKind::PasskeyRemoved, ctx.now()).await?;
        Done::audited((), ctx.entry(call.action(), Outcome::Allow).resource("passkey", id.into_bytes()))
    })
    .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Begins to prove a passkey in the own session; the answer goes to `POST /api/v1/sessions/current/factor`.
#[utoipa::path(post, path = "/api/v1/sessions/current/factor/options", tag = "sessions", operation_id = "passkey.challenge",
    responses((status = 201, body = CeremonyView, description = "Options for navigator.credentials.get")))]
pub async fn challenge(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let allowed = queries::of_account(tx, Uuid::from_bytes(actor.account)).await?;
            let challenge = regions::random::bytes::<CHALLENGE_BYTES>();
            let holder = Holder::Session(Uuid::from_bytes(actor.session));
            queries::keep_challenge(tx, holder, Purpose::Prove, &challenge, ctx.now()).await?;
            let public_key = request_options(call.host(), &challenge, &credential_ids(allowed));
            let view = CeremonyView { public_key, handle: None };
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("session", actor.session);
            Done::audited(view, entry)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// The account whose passkey answers this holder's challenge. The challenge is used up either way.
///
/// # Errors
/// What the database says.
pub async fn take(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    (holder, purpose): (Holder, Purpose),
    input: &AssertionInput,
) -> Result<Result<Uuid, Refusal>, AppError> {
    let challenge = queries::take_challenge(tx, holder, purpose, ctx.now()).await?;
    let id = match input.credential_id() {
        Ok(id) => id,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Some(row) = queries::by_credential(tx, &id).await? else { return Ok(Err(Refusal::Signature)) };
    let count = match input.check(challenge.as_deref(), &row.cose_key, site(call, &call.origin())) {
        Ok(count) => count,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if counter_went_back(row.sign_count, count) {
        log::security("passkey_counter", &[Field::Tenant(tx.tenant()), Field::RequestId(ctx.request_id)]);
    }
    queries::used(tx, row.id, count, ctx.now()).await?;
    Ok(Ok(row.account))
}

/// Begins a sign-in with a passkey alone. It names no account and says nothing about any.
#[utoipa::path(post, path = "/api/v1/sessions/passkey/options", tag = "sessions", operation_id = "session.challenge", security(()),
    responses((status = 201, body = CeremonyView, description = "Options for navigator.credentials.get, and a handle to send back")))]
pub async fn sign_in_options(call: Call) -> Result<HttpResponse, AppError> {
    call.check_origin()?;
    let ctx = call.anonymous()?;
    let (handle, challenge) = (Token::random(), regions::random::bytes::<CHALLENGE_BYTES>());
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), call.action()).await?;
    let holder = Holder::Handle(handle.hash());
    let kept = queries::keep_challenge(&mut tx, holder, Purpose::SignIn, &challenge, ctx.now()).await;
    if let Err(error) = kept {
        roll_back(tx).await;
        return Err(error.into());
    }
    tx.commit(ctx.entry(call.action(), Outcome::Allow)).await?;
    let public_key = request_options(call.host(), &challenge, &[]);
    let handle = Some(handle.expose().to_string());
    Ok(HttpResponse::Created().json(CeremonyView { public_key, handle }))
}

/// Signs in with a passkey alone: it shows that its owner has it and was checked by it, which is two factors.
#[utoipa::path(post, path = "/api/v1/sessions/passkey", tag = "sessions", operation_id = "session.create_passkey", security(()),
    request_body = PasskeySignInInput,
    responses((status = 201, body = SessionView, description = "Signed in; the session is in the cookie"),
        (status = 401, body = crate::error::Problem, content_type = "application/problem+json", description = "Not signed in")))]
pub async fn sign_in(call: Call, Json(input): Json<PasskeySignInInput>) -> Result<HttpResponse, AppError> {
    call.check_origin()?;
    let ctx = call.anonymous()?;
    let Some(handle) = Token::parse(&input.handle) else {
        refuse_sign_in(&call, &ctx, None, "handle").await?;
        return Err(SIGN_IN_FAILED.into());
    };
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), "session.passkey").await?;
    let asked = (Holder::Handle(handle.hash()), Purpose::SignIn);
    let found = async {
        let taken = take(&call, &ctx, &mut tx, asked, &input.credential).await?;
        Ok::<_, AppError>(match taken {
            Ok(account) => {
                let role = active_role(&mut tx, &ctx.keys, account).await?;
                role.map(|role| (account, role)).ok_or("not_open")
            }
            Err(refusal) => Err(refusal.code()),
        })
    };
    match found.await {
        // The challenge is gone with this commit, whatever follows.
        Ok(Ok((id, role))) => {
            tx.commit_without_audit(tenancy::audit::Unaudited::IdentityLookup).await?;
            let opened = Opened { id, role, factor: Some(FactorKind::Passkey), device: None };
            Box::pin(open_session(&call, ctx, opened)).await
        }
        Ok(Err(reason)) => {
            tx.commit_without_audit(tenancy::audit::Unaudited::IdentityLookup).await?;
            refuse_sign_in(&call, &ctx, None, reason).await?;
            Err(SIGN_IN_FAILED.into())
        }
        Err(error) => {
            roll_back(tx).await;
            Err(error)
        }
    }
}
