//! Passkeys over HTTP: adding one, removing one, proving one in a session, and signing in with one alone.

use actix_web::HttpResponse;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use regions::log::{self, Field};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use utoipa::ToSchema;
use uuid::Uuid;

use super::queries::{self, Holder, PasskeyRow};
use super::verify::{self, CHALLENGE_BYTES, Expected, Refusal};
use super::{CHALLENGE_MAX_S, PASSKEYS_MAX, Purpose};
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

/// Prefix of a passkey's id in the API.
const ID_PREFIX: &str = "pky_";

/// What a page hands to the browser. `public_key` is the JSON form of Web Authentication level 3, for
/// `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
#[derive(Serialize, ToSchema)]
pub struct CeremonyView {
    /// The options.
    #[schema(value_type = Object)]
    public_key: Value,
    /// To be sent back with a sign-in; absent in a session, which needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<String>,
}

/// A new credential, as `PublicKeyCredential.toJSON()` makes it; what is not named here is not looked at.
#[derive(Deserialize, ToSchema)]
pub struct RegistrationInput {
    response: RegistrationResponse,
}

/// The authenticator's part of it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationResponse {
    /// What the browser signed over, in base64url.
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    /// What the authenticator made, in base64url.
    attestation_object: String,
}

/// An answer to a challenge, as `PublicKeyCredential.toJSON()` makes it; what is not named here is not looked at.
#[derive(Deserialize, ToSchema)]
pub struct AssertionInput {
    /// The credential's id in base64url.
    id: String,
    response: AssertionResponse,
}

/// The authenticator's part of it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssertionResponse {
    /// What the browser signed over, in base64url.
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    /// What the authenticator says about itself, in base64url.
    authenticator_data: String,
    /// The signature, in base64url.
    signature: String,
}

/// A sign-in with a passkey alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignInInput {
    /// The handle that came with the options.
    handle: String,
    /// The answer.
    credential: AssertionInput,
}

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

fn shown_id(id: Uuid) -> String {
    format!("{ID_PREFIX}{}", regions::text::encode_id(id.as_bytes()))
}

fn read_id(text: &str) -> Option<Uuid> {
    text.strip_prefix(ID_PREFIX).and_then(regions::text::decode_id).map(Uuid::from_bytes)
}

fn described(id: &[u8]) -> Value {
    json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(id) })
}

fn request_options(call: &Call, challenge: &[u8], allowed: &[PasskeyRow]) -> Value {
    json!({
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "rpId": call.host(),
        "timeout": CHALLENGE_MAX_S * 1_000,
        "userVerification": "required",
        "allowCredentials": allowed.iter().map(|row| described(&row.credential_id)).collect::<Vec<_>>(),
    })
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
            let algorithms: Vec<Value> =
                verify::ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
            let public_key = json!({
                "rp": { "id": call.host(), "name": "Domicile" },
                "user": { "id": URL_SAFE_NO_PAD.encode(actor.account), "name": email, "displayName": email },
                "challenge": URL_SAFE_NO_PAD.encode(challenge),
                "pubKeyCredParams": algorithms,
                "timeout": CHALLENGE_MAX_S * 1_000,
                "excludeCredentials": has.iter().map(|row| described(&row.credential_id)).collect::<Vec<_>>(),
                "authenticatorSelection": { "residentKey": "preferred", "userVerification": "required" },
                "attestation": "none",
            });
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
            let sent = &input.response;
            let checked = checked(&call, challenge.as_deref(), |expected| {
                verify::registration(&sent.client_data_json, &sent.attestation_object, expected)
            });
            let registered = match checked {
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

fn checked<T>(
    call: &Call,
    challenge: Option<&[u8]>,
    check: impl FnOnce(&Expected<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let challenge = challenge.ok_or(Refusal::Challenge)?;
    check(&Expected { challenge, origin: &call.origin(), rp_id: call.host() })
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
            let view =
                CeremonyView { public_key: request_options(&call, &challenge, &allowed), handle: None };
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
    let Ok(id) = URL_SAFE_NO_PAD.decode(&input.id) else { return Ok(Err(Refusal::Malformed)) };
    if id.len() > verify::CREDENTIAL_ID_MAX_BYTES {
        return Ok(Err(Refusal::Malformed));
    }
    let Some(row) = queries::by_credential(tx, &id).await? else { return Ok(Err(Refusal::Signature)) };
    let sent = &input.response;
    let parts = [sent.client_data_json.as_str(), &sent.authenticator_data, &sent.signature];
    let count = match checked(call, challenge.as_deref(), |expected| {
        verify::assertion(parts, &row.cose_key, expected)
    }) {
        Ok(count) => count,
        Err(refusal) => return Ok(Err(refusal)),
    };
    // A counter that goes back may be a copied key or a synchronised one: somebody should look, nobody is locked out.
    if (count > 0 || row.sign_count > 0) && i64::from(count) <= row.sign_count {
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
    let public_key = request_options(&call, &challenge, &[]);
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
