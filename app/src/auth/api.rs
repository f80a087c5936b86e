//! Signing in and out, accepting an invitation, and seeing oneself.

use actix_web::HttpResponse;
use actix_web::http::header;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use tenancy::audit::{ActorKind, Outcome, Unaudited};
use tenancy::keys::Keys;
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::factor::{self, FactorKind, ProvenFactor};
use super::invite::{login_tags, new_id};
use super::password::PasswordError;
use super::queries::{self, Activation, FoundBy, LoginAccount, NewSession};
use super::token::Token;
use super::{agent, device, policy, record, rules, session};
use crate::access::Role;
use crate::call::{Call, Done, roll_back};
use crate::ctx::{Actor, Ctx};
use crate::error::{AppError, INVITATION_INVALID, SIGN_IN_FAILED, UNAUTHENTICATED, UNAVAILABLE};
use crate::middleware::json::Json;
use crate::patients::text;
use crate::registry;
use crate::staff::model::AccountId;
use crate::store::{self, StoreError};

/// Longest e-mail address in a log-in, in bytes.
const EMAIL_MAX_BYTES: usize = 320;
/// Longest name to show, in characters.
pub const DISPLAY_NAME_MAX_CHARS: usize = 100;

/// A secret text of a body. It is wiped when dropped and does not print.
pub struct Secret(Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
        String::deserialize(deserializer).map(|text| Secret(Zeroizing::new(text)))
    }
}

impl Secret {
    /// The text, for the one place that checks it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// A log-in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInInput {
    /// E-mail address.
    email: String,
    /// Password.
    #[schema(value_type = String)]
    password: Secret,
}

/// An invitation being accepted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInput {
    /// The token of the mail.
    #[schema(value_type = String)]
    token: Secret,
    /// The password to set, at least 15 characters.
    #[schema(value_type = String)]
    password: Secret,
    /// The name to show to colleagues.
    #[serde(default)]
    display_name: Option<String>,
}

/// A session as its owner sees it.
#[derive(Serialize, ToSchema)]
pub struct SessionView {
    /// Whose it is.
    account: String,
    /// The role it acts in.
    #[schema(value_type = Role)]
    role: Role,
    /// To be sent as `X-CSRF-Token` with every request that changes something.
    csrf_token: String,
    /// When it ends whatever happens.
    expires_at: DateTime<Utc>,
    /// What has become of its second factor.
    second_factor: SecondFactor,
    /// When a second factor was proven last; what needs a fresh one takes five minutes from here.
    factor_at: Option<DateTime<Utc>>,
}

/// What has become of a session's second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecondFactor {
    /// The account has none: enrol one.
    Enrol,
    /// The account has one: prove it.
    Prove,
    /// It was proven.
    Proven,
}

impl SessionView {
    /// The view of a session that has just proven a factor.
    #[must_use]
    pub fn proven(
        actor: Actor,
        token: &Token,
        expires_at: DateTime<Utc>,
        factor: ProvenFactor,
    ) -> SessionView {
        SessionView {
            account: AccountId::from(Uuid::from_bytes(actor.account)).to_string(),
            role: actor.role,
            csrf_token: token.csrf().expose().to_string(),
            expires_at,
            second_factor: SecondFactor::Proven,
            factor_at: Some(factor.at),
        }
    }
}

async fn to_do(tx: &mut tenancy::TenantTx, account: Uuid) -> Result<SecondFactor, StoreError> {
    Ok(match factor::queries::has_factor(tx, account).await? {
        true => SecondFactor::Prove,
        false => SecondFactor::Enrol,
    })
}

/// The own account.
#[derive(Serialize, ToSchema)]
pub struct MeView {
    /// Account id.
    account: String,
    /// E-mail address.
    email: String,
    /// Name shown to colleagues.
    display_name: String,
    /// Role in the clinic.
    #[schema(value_type = Role)]
    role: Role,
    /// The clinic's name in addresses.
    clinic: String,
    /// The clinic's home region.
    region: String,
    /// Seconds without a request after which a session of this role ends here.
    idle_s: u32,
}

impl From<PasswordError> for AppError {
    fn from(error: PasswordError) -> AppError {
        match error {
            PasswordError::Busy => AppError::from(UNAVAILABLE).because("password.queue_full").retry_after(2),
            PasswordError::Failed => AppError::internal("password.failed"),
        }
    }
}

/// Signs in with a password, which opens a session of ten minutes: enough to prove a second factor or to enrol the first.
/// Every failure has one answer and takes as long as any other.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "sessions", operation_id = "session.create", security(()),
    request_body = SignInInput,
    responses((status = 201, body = SessionView, description = "Signed in; the session is in the cookie"),
        (status = 401, body = crate::error::Problem, content_type = "application/problem+json", description = "Not signed in"),
        (status = 503, body = crate::error::Problem, content_type = "application/problem+json", description = "Too many log-ins at once")))]
pub async fn sign_in(call: Call, Json(input): Json<SignInInput>) -> Result<HttpResponse, AppError> {
    call.check_origin()?;
    let ctx = call.anonymous()?;
    let account = charge(&call, &ctx, &input.email).await?;
    let may_try = account.as_ref().filter(|account| account.open);
    let stored = may_try.and_then(|account| account.password_phc.clone());
    let matches = call.app.passwords.verify(&input.password.0, stored).await?;
    match account {
        Some(account) if matches && account.open => {
            let (id, role, device) = (account.id, account.role, account.device);
            Box::pin(open_session(&call, ctx, Opened { id, role, factor: None, device })).await
        }
        account => {
            let reason = match &account {
                None => "unknown",
                Some(account) if !account.open => "not_open",
                Some(_) => "password",
            };
            refuse_sign_in(&call, &ctx, account.map(|account| account.id), reason).await?;
            Err(SIGN_IN_FAILED.into())
        }
    }
}

/// Looks the account up and charges it the attempt before the password is checked.
async fn charge(call: &Call, ctx: &Ctx, email: &str) -> Result<Option<LoginAccount>, AppError> {
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), "session.charge").await?;
    let email: String = email.chars().take(EMAIL_MAX_BYTES).collect();
    let charged = match login_tags(&ctx.keys, tx.tenant(), &email).await {
        Ok(tags) => {
            let shown = device::from_cookie(call.headers()).map(|token| token.hash());
            queries::charge_attempt(&mut tx, &ctx.keys, (&tags, shown), ctx.now()).await
        }
        // What is no address has no account.
        Err(StoreError::Tag) => Ok(None),
        Err(error) => Err(error),
    };
    match charged {
        Ok(account) => {
            tx.commit_without_audit(Unaudited::IdentityLookup).await?;
            Ok(account)
        }
        Err(error) => {
            roll_back(tx).await;
            Err(error.into())
        }
    }
}

/// Records why a log-in was refused.
///
/// # Errors
/// When it cannot be recorded.
pub async fn refuse_sign_in(
    call: &Call,
    ctx: &Ctx,
    account: Option<Uuid>,
    reason: &'static str,
) -> Result<(), AppError> {
    let mut entry = ctx.entry(call.action(), Outcome::Deny).reason(reason);
    if let Some(account) = account {
        entry = entry.resource("account", account.into_bytes());
    }
    let tx = call.app.regional.begin_reserved(ctx.tenant(), "session.refuse").await?;
    tx.commit(entry).await?;
    Ok(())
}

/// Whose session is to be opened, and how.
pub struct Opened {
    /// The account.
    pub id: Uuid,
    /// Its role.
    pub role: Role,
    /// The factor that was proven already; none after a password.
    pub factor: Option<FactorKind>,
    /// The known device that signs in; its count starts again instead of the account's.
    pub device: Option<[u8; 32]>,
}

/// Opens a session and gives its cookie.
///
/// # Errors
/// When the database does not answer.
pub async fn open_session(call: &Call, mut ctx: Ctx, opened: Opened) -> Result<HttpResponse, AppError> {
    let (token, id, now) = (Token::random(), new_id(), ctx.now());
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), call.action()).await?;
    let limits = match policy::in_force_for(&mut tx, call.app.session, opened.role).await {
        Ok(limits) => limits,
        Err(error) => {
            roll_back(tx).await;
            return Err(error.into());
        }
    };
    let life_s = match opened.factor {
        Some(_) => i64::from(limits.absolute_s),
        None => rules::PASSWORD_ONLY_MAX_S.min(i64::from(limits.absolute_s)),
    };
    let absolute = now + Duration::seconds(life_s);
    let with = agent::of(call.headers());
    let new = NewSession {
        id,
        tenant_id: ctx.tenant().id.as_uuid(),
        token_hash: token.hash().to_vec(),
        account_id: opened.id,
        csrf_hash: token.csrf().hash().to_vec(),
        created_at: now,
        last_seen_at: now,
        idle_expires_at: now + Duration::seconds(i64::from(limits.idle_s)),
        absolute_expires_at: absolute,
        factor: opened.factor.map(FactorKind::as_str),
        factor_at: opened.factor.map(|_| now),
        browser: Some(with.browser),
        system: Some(with.system),
    };
    let second_factor = match store_session(&mut tx, &ctx.keys, new, &opened).await {
        Ok(second_factor) => second_factor,
        Err(error) => {
            roll_back(tx).await;
            return Err(error.into());
        }
    };
    let factor = opened.factor.map(|kind| ProvenFactor { kind, at: now });
    ctx.actor =
        Some(Actor { account: opened.id.into_bytes(), role: opened.role, session: id.into_bytes(), factor });
    tx.commit(ctx.entry(call.action(), Outcome::Allow).resource("session", id.into_bytes())).await?;
    let view = SessionView {
        account: AccountId::from(opened.id).to_string(),
        role: opened.role,
        csrf_token: token.csrf().expose().to_string(),
        expires_at: absolute,
        second_factor,
        factor_at: factor.map(|factor| factor.at),
    };
    Ok(HttpResponse::Created()
        .insert_header((header::SET_COOKIE, session::cookie(&token).as_str()))
        .json(view))
}

/// Stores a session. The account's row is locked first, so that two log-ins at once count each other's session.
async fn store_session(
    tx: &mut tenancy::TenantTx,
    keys: &Keys,
    new: NewSession,
    opened: &Opened,
) -> Result<SecondFactor, StoreError> {
    let (id, now) = (new.id, new.created_at);
    queries::active_role(tx, keys, opened.id).await?;
    match (&opened.device, opened.factor) {
        (Some(hash), _) => device::forget_failures(tx, opened.id, hash).await?,
        // A passkey says nothing about who guesses passwords.
        (None, Some(_)) => {}
        (None, None) => drop(queries::forget_failures(tx, opened.id).await?),
    }
    new.insert(tx).await?;
    queries::end_surplus(tx, opened.id, id, now).await?;
    match opened.factor {
        Some(_) => Ok(SecondFactor::Proven),
        None => to_do(tx, opened.id).await,
    }
}

/// Turns an invitation into an active account with a password. The token works once.
#[utoipa::path(post, path = "/api/v1/invitations/accept", tag = "sessions", operation_id = "invitation.accept", security(()),
    request_body = AcceptInput,
    responses((status = 204, description = "The account is active; sign in"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "The password breaks a rule"),
        (status = 422, body = crate::error::Problem, content_type = "application/problem+json", description = "The invitation is not valid any more")))]
pub async fn accept_invitation(call: Call, Json(input): Json<AcceptInput>) -> Result<HttpResponse, AppError> {
    call.check_origin()?;
    let mut ctx = call.anonymous()?;
    let slug = ctx.clinic.record.slug;
    if let Some(fault) = rules::password_fault(&input.password.0, slug.as_str()) {
        return Err(AppError::invalid_field("/password", fault));
    }
    let display_name = match &input.display_name {
        Some(name) => Some(clean_display_name(name)?),
        None => None,
    };
    let hash = Token::parse(&input.token.0).map(|token| token.hash());
    if !is_open(&call, &ctx, hash.as_ref()).await? {
        let tx = call.app.regional.begin_reserved(ctx.tenant(), "invitation.refuse").await?;
        tx.commit(ctx.entry(call.action(), Outcome::Deny).reason("token")).await?;
        return Err(INVITATION_INVALID.into());
    }
    let phc = call.app.passwords.hash(&input.password.0).await?;
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), call.action()).await?;
    let taken = match hash {
        Some(hash) => activate(&mut tx, &ctx, (&hash, &phc, display_name.as_deref())).await,
        None => Ok(None),
    };
    match taken {
        Ok(Some(account)) => {
            ctx.purpose = tenancy::audit::Purpose::Operations;
            let entry = ctx
                .entry(call.action(), Outcome::Allow)
                .actor(ActorKind::Staff, account.into_bytes())
                .resource("account", account.into_bytes());
            tx.commit(entry).await?;
            Ok(HttpResponse::NoContent().finish())
        }
        Ok(None) => {
            roll_back(tx).await;
            Err(INVITATION_INVALID.into())
        }
        Err(error) => {
            roll_back(tx).await;
            Err(error.into())
        }
    }
}

/// A name to show in normal form.
///
/// # Errors
/// When it is empty, too long or has characters that do not belong into a name.
pub fn clean_display_name(name: &str) -> Result<String, AppError> {
    text::clean(name, DISPLAY_NAME_MAX_CHARS).map_err(|code| AppError::invalid_field("/display_name", code))
}

async fn is_open(call: &Call, ctx: &Ctx, hash: Option<&[u8; 32]>) -> Result<bool, AppError> {
    let Some(hash) = hash else { return Ok(false) };
    let mut tx = call.app.regional.begin_reserved(ctx.tenant(), "invitation.look_up").await?;
    let open = queries::invitation_is_open(&mut tx, hash, ctx.now()).await;
    roll_back(tx).await;
    Ok(open?)
}

async fn activate(
    tx: &mut tenancy::TenantTx,
    ctx: &Ctx,
    (hash, phc, display_name): (&[u8; 32], &str, Option<&str>),
) -> Result<Option<Uuid>, StoreError> {
    let Some(account) = queries::take_invitation(tx, hash, ctx.now()).await? else { return Ok(None) };
    let sealed = match display_name {
        Some(name) => {
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            Some(store::seal(&sealer, registry::ACCOUNT_DISPLAY_NAME, account.into_bytes(), &name)?)
        }
        None => None,
    };
    let activation = Activation { account, password_phc: phc, display_name: sealed, now: ctx.now() };
    Ok(activation.apply(tx, &ctx.keys).await?.then_some(account))
}

/// The own session, with its token against cross-site requests.
#[utoipa::path(get, path = "/api/v1/sessions/current", tag = "sessions", operation_id = "session.read",
    responses((status = 200, body = SessionView, description = "The session"),
        (status = 401, body = crate::error::Problem, content_type = "application/problem+json", description = "No session")))]
pub async fn read_session(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let token = session::from_cookie(call.headers()).ok_or(UNAUTHENTICATED)?;
            let found =
                queries::live_session(tx, &ctx.keys, FoundBy::Cookie(token.hash()), ctx.now()).await?;
            let live = found.ok_or(UNAUTHENTICATED)?;
            let view = SessionView {
                account: AccountId::from(live.account).to_string(),
                role: live.role,
                csrf_token: token.csrf().expose().to_string(),
                expires_at: live.absolute_expires_at,
                second_factor: match live.factor {
                    Some(_) => SecondFactor::Proven,
                    None => to_do(tx, live.account).await?,
                },
                factor_at: live.factor.map(|factor| factor.at),
            };
            Done::unaudited(view, Unaudited::SessionTouch)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}

/// Signs out: the session ends here and the browser is told to forget what it kept.
#[utoipa::path(delete, path = "/api/v1/sessions/current", tag = "sessions", operation_id = "session.end",
    responses((status = 204, description = "Signed out"),
        (status = 401, body = crate::error::Problem, content_type = "application/problem+json", description = "No session")))]
pub async fn sign_out(call: Call) -> Result<HttpResponse, AppError> {
    call.staff(async |ctx, tx| {
        let id = ctx.actor.map(|actor| actor.session).ok_or(UNAUTHENTICATED)?;
        queries::end_session(tx, Uuid::from_bytes(id), ctx.now()).await?;
        Done::audited((), ctx.entry(call.action(), Outcome::Allow).resource("session", id))
    })
    .await?;
    if call.is_bearer() {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(HttpResponse::NoContent()
        .insert_header((header::SET_COOKIE, session::cookie_end()))
        .insert_header(("clear-site-data", "\"cache\", \"cookies\", \"storage\""))
        .finish())
}

/// The own account.
#[utoipa::path(get, path = "/api/v1/me", tag = "staff", operation_id = "me.read",
    responses((status = 200, body = MeView, description = "The account"),
        (status = 401, body = crate::error::Problem, content_type = "application/problem+json", description = "No session")))]
pub async fn read_me(call: Call) -> Result<HttpResponse, AppError> {
    let view = call
        .staff(async |ctx, tx| {
            let actor = ctx.actor.ok_or(UNAUTHENTICATED)?;
            let id = Uuid::from_bytes(actor.account);
            let row = record::find(tx, &ctx.keys, id).await?;
            let row = row.ok_or_else(|| AppError::internal("account.missing"))?;
            let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
            let view = MeView {
                account: AccountId::from(id).to_string(),
                email: store::open(&sealer, registry::ACCOUNT_EMAIL, actor.account, &row.email)?,
                display_name: store::open(
                    &sealer,
                    registry::ACCOUNT_DISPLAY_NAME,
                    actor.account,
                    &row.display_name,
                )?,
                role: actor.role,
                clinic: ctx.clinic.record.slug.to_string(),
                region: ctx.clinic.record.region.to_string(),
                idle_s: policy::in_force_for(tx, call.app.session, actor.role).await?.idle_s,
            };
            Done::unaudited(view, Unaudited::IdentityLookup)
        })
        .await?;
    Ok(HttpResponse::Ok().json(view))
}
