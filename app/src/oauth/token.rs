//! The token endpoint: how each grant ends in a session, a token and one audit entry.

use actix_web::HttpResponse;
use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;
use tenancy::TenantTx;
use tenancy::audit::Outcome;
use tenancy::keys::TOKEN_MAX_S;
use utoipa::ToSchema;
use uuid::Uuid;

use super::access_token::{self, NewToken};
use super::answer::{OauthError, Refused, TokenErrorView, TokenView};
use super::form::Form;
use super::jws::Unverified;
use super::model::{Client, ClientId, ClientKind};
use super::queries::{self, NewClientSession};
use super::{assertion, bearer, code, refresh};
use crate::access::{Role, Scope};
use crate::auth::api::Secret;
use crate::auth::factor::{FactorKind, ProvenFactor};
use crate::auth::invite::new_id;
use crate::auth::queries as sessions;
use crate::call::{Call, roll_back};
use crate::ctx::{Actor, Ctx};
use crate::error::AppError;
use crate::store::StoreError;

/// The endpoint's path.
pub const PATH: &str = "/api/v1/oauth/token";

/// A request for a token.
#[derive(Deserialize, ToSchema)]
pub struct TokenInput {
    /// `client_credentials`, `authorization_code` or `refresh_token`.
    grant_type: String,
    /// With `client_credentials`: always `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    #[serde(default)]
    client_assertion_type: Option<String>,
    /// With `client_credentials`: a JWT of a registered key, good for five minutes at most and once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    client_assertion: Option<Secret>,
    /// What the token is to do; everything that the client may when it is not there.
    #[serde(default)]
    pub(super) scope: Option<String>,
    /// The client, with the other two grants.
    #[serde(default)]
    pub(super) client_id: Option<String>,
    /// With `authorization_code`: the code.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) code: Option<Secret>,
    /// With `authorization_code`: where the code was sent to, to the letter.
    #[serde(default)]
    pub(super) redirect_uri: Option<String>,
    /// With `authorization_code`: what the challenge was made of (RFC 7636).
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) code_verifier: Option<Secret>,
    /// With `refresh_token`: the token.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) refresh_token: Option<Secret>,
}

/// A session that a grant opened or went on with.
pub struct Granted {
    /// The session, its account and role.
    pub actor: Actor,
    /// The client.
    pub client: ClientId,
    /// Whom the token says it acts for.
    pub subject: String,
    /// What it may do.
    pub scope: Scope,
    /// When the session ends.
    pub until: DateTime<Utc>,
    /// The refresh token that goes with it.
    pub refresh_token: Option<String>,
    /// What is said of it in the log, beside that it was granted.
    pub reason: Option<&'static str>,
}

/// How a grant ends.
pub enum Ended {
    /// There is a token.
    Granted(Box<Granted>),
    /// There is none, and nothing is kept of the transaction.
    Refused(Refused),
    /// There is none, and what the refusal has ended stays ended; with whose account it was.
    Revoked(Refused, Uuid),
}

impl From<Refused> for Ended {
    fn from(refused: Refused) -> Ended {
        Ended::Refused(refused)
    }
}

/// Gives an access token. Programs prove who they are with a key, applications with what their user's browser brought back.
#[utoipa::path(post, path = "/api/v1/oauth/token", tag = "oauth", operation_id = "oauth.token", security(()),
    request_body(content = TokenInput, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, body = TokenView, description = "A token"),
        (status = 400, body = TokenErrorView, description = "None, as RFC 6749, section 5.2 has it")))]
pub async fn give(call: Call, form: Form) -> Result<HttpResponse, AppError> {
    call.check_not_from_a_page()?;
    let ctx = call.anonymous()?;
    let Some(input) = form.read::<TokenInput>() else {
        return refuse(&call, &ctx, None, Refused(OauthError::InvalidRequest, "form")).await;
    };
    let client = claimed(&input);
    // Before a connection is taken, so that a slow KMS holds none.
    let keys = call.app.keys().token_keys().await?;
    let mut tx = call.app.regional.begin_for_caller(ctx.tenant(), call.action()).await?;
    let ended = match Box::pin(grant(&call, &ctx, &mut tx, (&input, client))).await {
        Ok(ended) => ended,
        Err(error) => {
            roll_back(tx).await;
            return Err(error.into());
        }
    };
    let granted = match ended {
        Ended::Granted(granted) => granted,
        Ended::Refused(refused) => {
            roll_back(tx).await;
            return refuse(&call, &ctx, client, refused).await;
        }
        Ended::Revoked(refused, account) => {
            let entry = ctx.entry(call.action(), Outcome::Deny).reason(refused.1);
            tx.commit(entry.resource("account", account.into_bytes())).await?;
            return Ok(refused.0.response());
        }
    };
    let new = NewToken {
        session: Uuid::from_bytes(granted.actor.session),
        client: granted.client,
        subject: &granted.subject,
        scope: &granted.scope,
        until_s: u64::try_from(granted.until.timestamp()).unwrap_or(0),
    };
    let place = bearer::place(&call.app, &ctx.clinic);
    let made = match access_token::mint(&keys, &place, &new, call.app.clock.now_unix_ms()) {
        Ok(made) => made,
        Err(error) => {
            roll_back(tx).await;
            return Err(error.into());
        }
    };
    let by = Ctx { actor: Some(granted.actor), ..ctx };
    let mut entry = by.entry(call.action(), Outcome::Allow).resource("session", granted.actor.session);
    if let Some(reason) = granted.reason {
        entry = entry.reason(reason);
    }
    tx.commit(entry).await?;
    Ok(HttpResponse::Ok().json(TokenView {
        access_token: made.compact,
        token_type: "Bearer",
        expires_in: made.expires_in_s,
        scope: granted.scope.to_string(),
        refresh_token: granted.refresh_token,
    }))
}

/// The client that a request says it is of.
fn claimed(input: &TokenInput) -> Option<ClientId> {
    match &input.client_assertion {
        Some(proof) => assertion::claimed(&Unverified::parse(proof.expose())?),
        None => ClientId::parse(input.client_id.as_deref()?),
    }
}

/// Records why there is no token, and says so.
async fn refuse(
    call: &Call,
    ctx: &Ctx,
    client: Option<ClientId>,
    Refused(error, reason): Refused,
) -> Result<HttpResponse, AppError> {
    let mut entry = ctx.entry(call.action(), Outcome::Deny).reason(reason);
    if let Some(client) = client {
        entry = entry.resource("oauth_client", client.bytes());
    }
    let tx = call.app.regional.begin_reserved(ctx.tenant(), "oauth.refuse").await?;
    tx.commit(entry).await?;
    Ok(error.response())
}

async fn grant(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    (input, client): (&TokenInput, Option<ClientId>),
) -> Result<Ended, StoreError> {
    let known = match client {
        Some(id) => queries::find(tx, &ctx.keys, id.uuid()).await?,
        None => None,
    };
    let Some(client) = known.filter(|client| client.active) else {
        return Ok(Refused(OauthError::InvalidClient, "client").into());
    };
    match (input.grant_type.as_str(), client.kind) {
        ("client_credentials", ClientKind::Machine) => credentials(call, ctx, tx, (input, client)).await,
        ("authorization_code", ClientKind::Mobile) => {
            Box::pin(code::exchange(call, ctx, tx, (input, client))).await
        }
        ("refresh_token", ClientKind::Mobile) => {
            Box::pin(refresh::renew(call, ctx, tx, (input, client))).await
        }
        ("client_credentials" | "authorization_code" | "refresh_token", _) => {
            Ok(Refused(OauthError::UnauthorizedClient, "grant").into())
        }
        _ => Ok(Refused(OauthError::UnsupportedGrantType, "grant").into()),
    }
}

/// A program's own token (RFC 6749, 4.4), for the key it holds.
async fn credentials(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    (input, client): (&TokenInput, Client),
) -> Result<Ended, StoreError> {
    let unproven = |reason| Ok(Refused(OauthError::InvalidClient, reason).into());
    let own = client.id.to_string();
    if input.client_id.as_ref().is_some_and(|named| *named != own) {
        return unproven("client");
    }
    let proof = input
        .client_assertion
        .as_ref()
        .filter(|_| input.client_assertion_type.as_deref() == Some(assertion::ASSERTION_TYPE));
    let Some(proof) = proof.and_then(|proof| Unverified::parse(proof.expose())) else {
        return unproven("assertion.malformed");
    };
    let endpoint = format!("{}{PATH}", call.origin());
    let now_s = u64::try_from(ctx.now().timestamp()).unwrap_or(0);
    let checked = match assertion::check(&proof, &client, &endpoint, now_s) {
        Ok(checked) => checked,
        Err(reason) => return unproven(reason),
    };
    let (id, account, now) = (new_id(), client.id.uuid(), ctx.now());
    // Locks the account: two requests at once count each other's session.
    if sessions::active_role(tx, &ctx.keys, account).await? != Some(Role::MachineClient) {
        return unproven("not_open");
    }
    let until = DateTime::from_timestamp(i64::try_from(checked.until_s).unwrap_or(i64::MAX), 0);
    let until = until.unwrap_or(DateTime::<Utc>::MAX_UTC);
    if !queries::use_assertion(tx, (account, &checked.jti_hash), until, now).await? {
        return unproven("assertion.used");
    }
    let may = |action| (call.app.policy.may)(Role::MachineClient, action);
    let Some(scope) = wanted(input.scope.as_deref(), &client.settings.scope()) else {
        return Ok(Refused(OauthError::InvalidScope, "scope").into());
    };
    let scope = scope.where_allowed(may);
    if scope.is_empty() {
        return Ok(Refused(OauthError::InvalidScope, "scope").into());
    }
    let factor = ProvenFactor { kind: FactorKind::ClientKey, at: now };
    let until = now + Duration::seconds(i64::try_from(TOKEN_MAX_S).unwrap_or(0));
    let new = NewClientSession { id, client: account, account, now, idle_until: until, until, factor };
    new.insert(tx).await?;
    sessions::end_surplus(tx, account, id, now).await?;
    let actor = Actor {
        account: account.into_bytes(),
        role: Role::MachineClient,
        session: id.into_bytes(),
        factor: Some(factor),
    };
    Ok(Ended::Granted(Box::new(Granted {
        actor,
        client: client.id,
        subject: own,
        scope,
        until,
        refresh_token: None,
        reason: None,
    })))
}

/// What a request asks for of what a client may have; `None` when it is more, or no scope.
#[must_use]
pub fn wanted(asked: Option<&str>, most: &Scope) -> Option<Scope> {
    match asked {
        None => Some(most.clone()),
        Some(text) => Scope::parse(text).filter(|scope| scope.is_within(most)),
    }
}
