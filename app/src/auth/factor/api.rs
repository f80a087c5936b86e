//! Second factors over HTTP: proving one, enrolling one, recovery codes, and taking a colleague's lost ones.

use actix_web::HttpResponse;
use actix_web::http::header;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use tenancy::sealed::Verified;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::queries::{self, Attempt, Renewal};
use super::reset::{self, Reset};
use super::{FactorKind, ProvenFactor, recovery, totp};
use crate::access::Assurance;
use crate::auth::api::{Secret, SessionView};
use crate::auth::device;
use crate::auth::notice::{self, NoticeKind};
use crate::auth::passkey::api::PasskeyView;
use crate::auth::passkey::ceremony::AssertionInput;
use crate::auth::passkey::queries::Holder;
use crate::auth::passkey::{self, Purpose};
use crate::auth::token::Token;
use crate::auth::{policy, rules, session};
use crate::call::{Call, Done, sure_enough};
use crate::ctx::{Actor, Ctx};
use crate::error::{AppError, FACTOR_REFUSED, RESET_NOT_YOURS, UNAUTHENTICATED};
use crate::middleware::json::Json;
use crate::registry;
use crate::staff::model::AccountId;
use crate::store::{self, StoreError};

/// What proves a second factor: exactly one of these.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FactorInput {
    /// The six digits an authenticator app shows.
    #[schema(value_type = String)]
    Totp(Secret),
    /// One of the ten recovery codes.
    #[schema(value_type = String)]
    RecoveryCode(Secret),
    /// The answer to a passkey's challenge.
    Passkey(AssertionInput),
}

/// The first code of a new secret.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpConfirmInput {
    /// The six digits an authenticator app shows.
    #[schema(value_type = String)]
    totp: Secret,
}

/// A secret for an authenticator app. It is shown this once.
#[derive(Serialize, ToSchema)]
pub struct TotpSecretView {
    /// The secret in base32, to be typed.
    secret: String,
    /// The same as an `otpauth:` address, to be shown as a QR code.
    uri: String,
    /// Until when its first code must come.
    expires_at: DateTime<Utc>,
}

/// Time-based codes are in force.
#[derive(Serialize, ToSchema)]
pub struct TotpEnrolledView {
    /// The session, which has proven the new factor.
    session: SessionView,
    /// Ten recovery codes, shown this once; empty when the account has some already.
    recovery_codes: Vec<String>,
}

/// Recovery codes. They are shown this once.
#[derive(Serialize, ToSchema)]
pub struct RecoveryCodesView {
    /// Each is good once.
    recovery_codes: Vec<String>,
}

/// The own factors.
#[derive(Serialize, ToSchema)]
pub struct FactorsView {
    /// When time-based codes were enrolled; absent when they are not.
    totp_since: Option<DateTime<Utc>>,
    /// Passkeys, oldest first.
    passkeys: Vec<PasskeyView>,
    /// Recovery codes that are left.
    recovery_codes_left: i64,
}

/// A request to take a colleague's factors.
#[derive(Serialize, ToSchema)]
pub struct ResetView {
    /// Always `asked`: a second person has to ask for the same within 24 hours.
    state: &'static str,
}

/// Proves a second factor: finishes a sign-in, and steps an older session up. The session gets a new token; the cookie and
/// the CSRF token before it are worth nothing any more. After five wrong codes the session ends.
#[utoipa::path(post, path = "/api/v1/sessions/current/factor", tag = "sessions", operation_id = "session.prove",
    request_body = FactorInput,
    responses((status = 200, body = SessionView, description = "Proven; the session is in the new cookie"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "Refused; the same for every reason")))]
pub async fn prove(call: Call, Json(input): Json<FactorInput>) -> Result<HttpResponse, AppError> {
    let token = Token::random();
    let proven = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let (account, session) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
            let taken = match queries::charge_attempt(tx, account, session, ctx.now()).await? {
                Attempt::Waits => None,
                Attempt::Open => take(&call, ctx, tx, actor, &input).await?,
            };
            let Some(kind) = taken else { return refused(&call, ctx, tx, session).await };
            if kind == FactorKind::RecoveryCode {
                notice::enqueue(tx, account, NoticeKind::RecoveryUsed, ctx.now()).await?;
            }
            let known = device::know(tx, account, device::from_cookie(call.headers()), ctx.now()).await?;
            let view = renew(&call, ctx, tx, (actor, &token, kind)).await?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("session", actor.session);
            Done::audited(Some((view, known)), entry.reason(kind.as_str()))
        })
        .await?;
    match proven {
        Some((view, known)) => {
            let mut response = with_cookie(HttpResponse::Ok(), &token);
            if let Some(known) = known {
                response.append_header((header::SET_COOKIE, device::cookie(&known).as_str()));
            }
            Ok(response.json(view))
        }
        None => Err(FACTOR_REFUSED.into()),
    }
}

/// The kind of factor that the input proves, which is used up by that.
async fn take(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    actor: Actor,
    input: &FactorInput,
) -> Result<Option<FactorKind>, AppError> {
    let account = Uuid::from_bytes(actor.account);
    match input {
        FactorInput::Totp(code) => {
            let Some(sealed) =
                queries::totp_of(tx, &ctx.keys, account).await?.and_then(|row| row.into_inner().secret)
            else {
                return Ok(None);
            };
            let Some(step) = step_of(ctx, tx, account, (&sealed, code)).await? else { return Ok(None) };
            Ok(queries::take_step(tx, account, step).await?.then_some(FactorKind::Totp))
        }
        FactorInput::RecoveryCode(code) => {
            let Some(hash) = recovery::hash_of(code.expose()) else { return Ok(None) };
            let taken = queries::take_recovery_code(tx, account, &hash, ctx.now()).await?;
            Ok(taken.then_some(FactorKind::RecoveryCode))
        }
        FactorInput::Passkey(answer) => {
            let asked = (Holder::Session(Uuid::from_bytes(actor.session)), Purpose::Prove);
            let owner = passkey::api::take(call, ctx, tx, asked, answer).await?;
            Ok((owner == Ok(account)).then_some(FactorKind::Passkey))
        }
    }
}

async fn step_of(
    ctx: &Ctx,
    tx: &TenantTx,
    account: Uuid,
    (sealed, code): (&tenancy::sealed::Sealed, &Secret),
) -> Result<Option<i64>, StoreError> {
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let secret: Zeroizing<String> =
        Zeroizing::new(store::open(&sealer, registry::ACCOUNT_TOTP, account.into_bytes(), sealed)?);
    let now_s = u64::try_from(ctx.now().timestamp()).unwrap_or(0);
    let step = totp::step_of(&secret, code.expose(), now_s);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// The attempt stays counted, and the fifth one ends the session.
async fn refused<T>(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    session: Uuid,
) -> Result<Done<Option<T>>, AppError> {
    queries::end_when_exhausted(tx, session, ctx.now()).await?;
    let entry = ctx.entry(call.action(), Outcome::Deny).resource("session", session.into_bytes());
    Done::audited(None, entry.reason("code"))
}

/// Renews the caller's session with what it proved; its view.
///
/// # Errors
/// When the database does not answer.
pub async fn renew(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    (actor, token, kind): (Actor, &Token, FactorKind),
) -> Result<SessionView, AppError> {
    let (session, account) = (Uuid::from_bytes(actor.session), Uuid::from_bytes(actor.account));
    let (now, limits) = (ctx.now(), policy::in_force_for(tx, call.app.session, actor.role).await?);
    let renewal = Renewal { session, account, token, kind, now, limits };
    let ends = renewal.store(tx).await?;
    Ok(SessionView::proven(actor, token, ends, ProvenFactor { kind, at: now }))
}

/// An answer that gives the session's new token.
pub fn with_cookie(
    mut builder: actix_web::HttpResponseBuilder,
    token: &Token,
) -> actix_web::HttpResponseBuilder {
    builder.insert_header((header::SET_COOKIE, session::cookie(token).as_str()));
    builder
}

/// The own factors.
#[utoipa::path(get, path = "/api/v1/me/factors", tag = "factors", operation_id = "factor.list",
    responses((status = 200, body = FactorsView, description = "What the account has")))]
pub async fn list(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let account = Uuid::from_bytes(ctx.account());
            let totp_since = queries::totp_of(tx, &ctx.keys, account).await?.and_then(|row| row.enrolled_at);
            let passkeys = passkey::queries::of_account(tx, account).await?;
            let passkeys = passkeys.iter().map(PasskeyView::from).collect();
            let recovery_codes_left = queries::recovery_codes_left(tx, account).await?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", account.into_bytes());
            Done::audited(FactorsView { totp_since, passkeys, recovery_codes_left }, entry)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Begins to enrol an authenticator app. What was enrolled before stays in force until the new one's first code. An account
/// that has a factor must have proven it within five minutes.
#[utoipa::path(post, path = "/api/v1/me/factors/totp", tag = "factors", operation_id = "totp.enrol",
    responses((status = 201, body = TotpSecretView, description = "A secret that waits for its first code")))]
pub async fn enrol(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let account = Uuid::from_bytes(ctx.account());
            sure_enough_to_change(ctx, tx, account).await?;
            let secret = totp::new_secret();
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let row = account.into_bytes();
            let sealed = store::seal(&sealer, registry::ACCOUNT_TOTP, row, &secret.as_str())?;
            queries::keep_pending(tx, &ctx.keys, account, sealed, ctx.now()).await?;
            let view = TotpSecretView {
                secret: secret.to_string(),
                uri: totp::enrolment_uri(&secret, &ctx.clinic.host).to_string(),
                expires_at: ctx.now() + Duration::seconds(rules::ENROLMENT_MAX_S),
            };
            Done::audited(view, ctx.entry(call.action(), Outcome::Allow).resource("account", row))
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Whoever has a factor shows it before changing any; the first one may be enrolled with the password alone.
///
/// # Errors
/// `second_factor_required` or `step_up_required`.
pub async fn sure_enough_to_change(ctx: &Ctx, tx: &mut TenantTx, account: Uuid) -> Result<(), AppError> {
    match queries::has_factor(tx, account).await? {
        true => sure_enough(Assurance::StepUp, ctx),
        false => Ok(()),
    }
}

/// Puts an authenticator app in force with its first code, which counts as proven and works no second time.
#[utoipa::path(post, path = "/api/v1/me/factors/totp/confirm", tag = "factors", operation_id = "totp.confirm",
    request_body = TotpConfirmInput,
    responses((status = 200, body = TotpEnrolledView, description = "In force; the session is in the new cookie"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "Refused; the same for every reason")))]
pub async fn confirm(call: Call, Json(input): Json<TotpConfirmInput>) -> Result<HttpResponse, AppError> {
    let token = Token::random();
    let enrolled = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let (account, session) = (Uuid::from_bytes(actor.account), Uuid::from_bytes(actor.session));
            sure_enough_to_change(ctx, tx, account).await?;
            let step = match queries::charge_attempt(tx, account, session, ctx.now()).await? {
                Attempt::Waits => None,
                Attempt::Open => pending_step(ctx, tx, account, &input.totp).await?,
            };
            let Some(step) = step else { return refused(&call, ctx, tx, session).await };
            queries::put_in_force(tx, &ctx.keys, account, step, ctx.now()).await?;
            let recovery_codes = match queries::recovery_codes_left(tx, account).await? {
                0 => new_recovery_codes(ctx, tx, account).await?,
                _ => Vec::new(),
            };
            notice::enqueue(tx, account, NoticeKind::TotpEnrolled, ctx.now()).await?;
            let session = renew(&call, ctx, tx, (actor, &token, FactorKind::Totp)).await?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", actor.account);
            Done::audited(Some(TotpEnrolledView { session, recovery_codes }), entry)
        })
        .await?;
    match enrolled {
        Some(view) => Ok(with_cookie(HttpResponse::Ok(), &token).json(view)),
        None => Err(FACTOR_REFUSED.into()),
    }
}

async fn pending_step(
    ctx: &Ctx,
    tx: &mut TenantTx,
    account: Uuid,
    code: &Secret,
) -> Result<Option<i64>, StoreError> {
    let row = queries::totp_of(tx, &ctx.keys, account).await?.map(Verified::into_inner);
    let Some((sealed, at)) = row.and_then(|row| row.pending.zip(row.pending_at)) else { return Ok(None) };
    if ctx.now() - at > Duration::seconds(rules::ENROLMENT_MAX_S) {
        return Ok(None);
    }
    step_of(ctx, tx, account, (&sealed, code)).await
}

/// Makes ten recovery codes and stores their hashes; the ones before are gone.
///
/// # Errors
/// When the database does not answer.
pub async fn new_recovery_codes(
    ctx: &Ctx,
    tx: &mut TenantTx,
    account: Uuid,
) -> Result<Vec<String>, StoreError> {
    let codes: Vec<Zeroizing<String>> = (0..recovery::CODES).map(|_| recovery::new_code()).collect();
    let hashes: Vec<[u8; 32]> = codes.iter().filter_map(|code| recovery::hash_of(code)).collect();
    queries::replace_recovery_codes(tx, account, &hashes, ctx.now()).await?;
    Ok(codes.iter().map(|code| code.to_string()).collect())
}

/// Makes ten new recovery codes; the ones before are void.
#[utoipa::path(post, path = "/api/v1/me/factors/recovery-codes", tag = "factors", operation_id = "recovery.renew",
    responses((status = 201, body = RecoveryCodesView, description = "Shown this once")))]
pub async fn renew_recovery_codes(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let account = Uuid::from_bytes(ctx.account());
            let recovery_codes = new_recovery_codes(ctx, tx, account).await?;
            notice::enqueue(tx, account, NoticeKind::RecoveryRenewed, ctx.now()).await?;
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", account.into_bytes());
            Done::audited(RecoveryCodesView { recovery_codes }, entry)
        })
        .await?;
    Ok(HttpResponse::Created().json(view))
}

/// Takes a colleague's lost factors and ends their sessions; they enrol new ones at their next sign-in and are told by
/// mail. For those who could do it to others, a second person must ask for the same within 24 hours.
#[utoipa::path(post, path = "/api/v1/staff/{id}/factors/reset", tag = "staff", operation_id = "factor.reset",
    params(("id" = String, Path, description = "Account id")),
    responses((status = 204, description = "Done"),
        (status = 202, body = ResetView, description = "A second person has to agree"),
        (status = 404, body = crate::error::Problem, content_type = "application/problem+json", description = "Absent, or not this clinic's"),
        (status = 409, body = crate::error::Problem, content_type = "application/problem+json", description = "The own account")))]
pub async fn reset(call: Call) -> Result<HttpResponse, AppError> {
    let done = call
        .staff(async |ctx, tx| {
            let id = AccountId::parse(call.path("id")).ok_or_else(AppError::absent)?;
            let done =
                reset::run(tx, &ctx.keys, id.uuid(), Uuid::from_bytes(ctx.account()), ctx.now()).await?;
            let reason = match done {
                Reset::Absent => return Err(AppError::absent()),
                Reset::Own => return Err(AppError::from(RESET_NOT_YOURS).denied("own_account")),
                Reset::Asked => "asked",
                Reset::Done => "done",
            };
            let entry = ctx.entry(call.action(), Outcome::Allow).resource("account", id.bytes());
            Done::audited(done, entry.reason(reason))
        })
        .await?;
    Ok(match done {
        Reset::Asked => HttpResponse::Accepted().json(ResetView { state: "asked" }),
        Reset::Done | Reset::Absent | Reset::Own => HttpResponse::NoContent().finish(),
    })
}
