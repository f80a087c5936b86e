//! Refresh tokens: each good for one renewal, all of one session a family.
//!
//! An application that sends one request twice, or twenty times at once, gets the same successor for some seconds. Whoever comes
//! with a token that was used before, later or from another address, holds a copy: the family ends, and its owner is told.

use std::net::IpAddr;

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::sealed::Sealed;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::answer::{OauthError, Refused};
use super::model::Client;
use super::tables::oauth_refresh;
use super::token::{Ended, Granted, TokenInput, wanted};
use crate::access::Scope;
use crate::auth::invite::new_id;
use crate::auth::notice::{self, NoticeKind};
use crate::auth::queries::{self as sessions, FoundBy, LiveSession};
use crate::auth::session::seen as session_seen;
use crate::auth::token::Token;
use crate::call::Call;
use crate::ctx::{Actor, Ctx};
use crate::registry;
use crate::staff::model::AccountId;
use crate::store::{self, StoreError};

/// Seconds in which the same request is answered with the same successor.
pub const GRACE_S: i64 = 10;
/// Most refresh tokens of one session: one a minute for as long as the longest session lives.
const FAMILY_MAX: i64 = 720;

/// What a refresh token renews.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// What was agreed to.
    pub scope: String,
}

/// What a used token was answered with.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Successor {
    token: String,
    /// Who was answered.
    address: IpAddr,
}

/// Keeps a new refresh token of a session.
///
/// # Errors
/// What the database or the key store says.
pub async fn issue(ctx: &Ctx, tx: &mut TenantTx, session: Uuid, grant: &Grant) -> Result<Token, StoreError> {
    let (id, token, tenant_id) = (new_id(), Token::random(), tx.tenant().as_uuid());
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let sealed = store::seal(&sealer, registry::OAUTH_REFRESH_GRANT, id.into_bytes(), grant)?;
    diesel::insert_into(oauth_refresh::table)
        .values((
            oauth_refresh::id.eq(id),
            oauth_refresh::tenant_id.eq(tenant_id),
            oauth_refresh::token_hash.eq(token.hash().as_slice()),
            oauth_refresh::session_id.eq(session),
            oauth_refresh::grant_sealed.eq(sealed),
            oauth_refresh::created_at.eq(ctx.now()),
        ))
        .execute(tx.conn())
        .await?;
    Ok(token)
}

/// What the newest refresh token of a session renews; `None` when there is none.
///
/// # Errors
/// What the database or the key store says.
pub async fn granted(ctx: &Ctx, tx: &mut TenantTx, session: Uuid) -> Result<Option<Grant>, StoreError> {
    let newest: Option<(Uuid, Sealed)> = oauth_refresh::table
        .filter(oauth_refresh::session_id.eq(session))
        .order((oauth_refresh::created_at.desc(), oauth_refresh::id.desc()))
        .select((oauth_refresh::id, oauth_refresh::grant_sealed))
        .first(tx.conn())
        .await
        .optional()?;
    let Some((id, sealed)) = newest else { return Ok(None) };
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    store::open(&sealer, registry::OAUTH_REFRESH_GRANT, id.into_bytes(), &sealed).map(Some)
}

type Row = (Uuid, Uuid, Sealed, Option<DateTime<Utc>>, Option<Sealed>);

async fn locked(tx: &mut TenantTx, token: &Token) -> Result<Option<Row>, StoreError> {
    Ok(oauth_refresh::table
        .filter(oauth_refresh::token_hash.eq(token.hash().as_slice()))
        .select((
            oauth_refresh::id,
            oauth_refresh::session_id,
            oauth_refresh::grant_sealed,
            oauth_refresh::used_at,
            oauth_refresh::successor_sealed,
        ))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?)
}

/// Renews an application's access.
///
/// # Errors
/// What the database or the key store says.
pub async fn renew(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    (input, client): (&TokenInput, Client),
) -> Result<Ended, StoreError> {
    let invalid = |reason| Ok(Refused(OauthError::InvalidGrant, reason).into());
    let Some(token) = input.refresh_token.as_ref().and_then(|token| Token::parse(token.expose())) else {
        return invalid("refresh");
    };
    let Some((id, session, sealed, used_at, successor)) = locked(tx, &token).await? else {
        return invalid("refresh");
    };
    let live =
        sessions::live_session(tx, &ctx.keys, FoundBy::Client(session, client.id.uuid()), ctx.now()).await?;
    let Some(live) = live else { return invalid("refresh_session") };
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let grant: Grant = store::open(&sealer, registry::OAUTH_REFRESH_GRANT, id.into_bytes(), &sealed)?;
    let (next, reason) = match (used_at, successor) {
        (Some(at), Some(successor)) => {
            let column = registry::OAUTH_REFRESH_SUCCESSOR;
            let successor: Successor = store::open(&sealer, column, id.into_bytes(), &successor)?;
            let in_time = ctx.now() - at <= Duration::seconds(GRACE_S);
            if !in_time || successor.address != ctx.client_ip {
                return reused(ctx, tx, &live).await;
            }
            (Zeroizing::new(successor.token), "repeated")
        }
        _ => {
            if family(tx, session).await? >= FAMILY_MAX {
                return invalid("refresh_too_many");
            }
            (rotate(ctx, tx, (id, session), &grant).await?, "refresh")
        }
    };
    let granted = Scope::parse(&grant.scope).unwrap_or_default().and(&client.settings.scope());
    let Some(scope) = wanted(input.scope.as_deref(), &granted) else {
        return Ok(Refused(OauthError::InvalidScope, "scope").into());
    };
    let scope = scope.where_allowed(|action| (call.app.policy.may)(live.role, action));
    if scope.is_empty() {
        return Ok(Refused(OauthError::InvalidScope, "scope").into());
    }
    session_seen(tx, &live, &call.app).await?;
    let actor = Actor {
        account: live.account.into_bytes(),
        role: live.role,
        session: session.into_bytes(),
        factor: live.factor,
    };
    Ok(Ended::Granted(Box::new(Granted {
        actor,
        client: client.id,
        subject: AccountId::from(live.account).to_string(),
        scope,
        until: live.absolute_expires_at,
        refresh_token: Some(next.to_string()),
        reason: Some(reason),
    })))
}

/// The next token of the family, kept with the one it follows so that a repetition is answered alike.
async fn rotate(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (id, session): (Uuid, Uuid),
    grant: &Grant,
) -> Result<Zeroizing<String>, StoreError> {
    let token = issue(ctx, tx, session, grant).await?.expose();
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let successor = Successor { token: token.to_string(), address: ctx.client_ip };
    let sealed = store::seal(&sealer, registry::OAUTH_REFRESH_SUCCESSOR, id.into_bytes(), &successor)?;
    diesel::update(oauth_refresh::table.find(id))
        .set((oauth_refresh::used_at.eq(ctx.now()), oauth_refresh::successor_sealed.eq(sealed)))
        .execute(tx.conn())
        .await?;
    Ok(token)
}

async fn family(tx: &mut TenantTx, session: Uuid) -> Result<i64, StoreError> {
    let members = oauth_refresh::table.filter(oauth_refresh::session_id.eq(session));
    Ok(members.count().get_result(tx.conn()).await?)
}

/// Ends the family and tells whose it was.
async fn reused(ctx: &Ctx, tx: &mut TenantTx, live: &LiveSession) -> Result<Ended, StoreError> {
    sessions::end_session(tx, live.id, ctx.now()).await?;
    notice::enqueue(tx, live.account, NoticeKind::RefreshReused, ctx.now()).await?;
    Ok(Ended::Revoked(Refused(OauthError::InvalidGrant, "refresh_reused"), live.account))
}
