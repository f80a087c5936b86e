//! Codes (RFC 6749, 4.1) with their proof of possession (RFC 7636): good for a minute, once, for who asked for them.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use tenancy::TenantTx;
use tenancy::sealed::Sealed;
use uuid::Uuid;

use super::answer::{OauthError, Refused};
use super::model::Client;
use super::queries::NewClientSession;
use super::refresh::{self, Grant};
use super::tables::oauth_code;
use super::token::{Ended, Granted, TokenInput};
use crate::access::Scope;
use crate::auth::factor::ProvenFactor;
use crate::auth::invite::new_id;
use crate::auth::policy;
use crate::auth::queries::{self as sessions, FoundBy, LiveSession};
use crate::auth::tables::session;
use crate::auth::token::{Token, same};
use crate::call::Call;
use crate::ctx::{Actor, Ctx};
use crate::registry;
use crate::staff::model::AccountId;
use crate::store::{self, StoreError};

/// Seconds that a code is good for.
pub const CODE_MAX_S: i64 = 60;
/// Characters that a verifier may have (RFC 7636, 4.1).
const VERIFIER_CHARS: std::ops::RangeInclusive<usize> = 43..=128;

/// What somebody agreed to, as it is sealed with the code.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Where the code was sent to.
    pub redirect_uri: String,
    /// SHA-256 of the verifier, in base64url.
    pub challenge: String,
    /// What was agreed to.
    pub scope: String,
}

/// Keeps a code for who is signed in; its text.
///
/// # Errors
/// What the database or the key store says.
pub async fn keep(
    ctx: &Ctx,
    tx: &mut TenantTx,
    (client, session): (Uuid, Uuid),
    asked: &Asked,
) -> Result<Token, StoreError> {
    let (id, code, tenant_id) = (new_id(), Token::random(), tx.tenant().as_uuid());
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let sealed = store::seal(&sealer, registry::OAUTH_CODE_REQUEST, id.into_bytes(), asked)?;
    diesel::insert_into(oauth_code::table)
        .values((
            oauth_code::id.eq(id),
            oauth_code::tenant_id.eq(tenant_id),
            oauth_code::code_hash.eq(code.hash().as_slice()),
            oauth_code::client_id.eq(client),
            oauth_code::session_id.eq(session),
            oauth_code::request_sealed.eq(sealed),
            oauth_code::expires_at.eq(ctx.now() + Duration::seconds(CODE_MAX_S)),
        ))
        .execute(tx.conn())
        .await?;
    Ok(code)
}

/// A code's row.
struct Found {
    id: Uuid,
    session: Uuid,
    request: Sealed,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    issued: Option<Uuid>,
}

async fn locked(tx: &mut TenantTx, client: Uuid, code: &Token) -> Result<Option<Found>, StoreError> {
    type Row = (Uuid, Uuid, Sealed, DateTime<Utc>, Option<DateTime<Utc>>, Option<Uuid>);
    let found: Option<Row> = oauth_code::table
        .filter(oauth_code::code_hash.eq(code.hash().as_slice()))
        .filter(oauth_code::client_id.eq(client))
        .select((
            oauth_code::id,
            oauth_code::session_id,
            oauth_code::request_sealed,
            oauth_code::expires_at,
            oauth_code::used_at,
            oauth_code::issued,
        ))
        .for_update()
        .first(tx.conn())
        .await
        .optional()?;
    let found = found.map(|(id, session, request, expires_at, used_at, issued)| Found {
        id,
        session,
        request,
        expires_at,
        used_at,
        issued,
    });
    Ok(found)
}

/// Exchanges a code for a session of the application.
///
/// # Errors
/// What the database or the key store says.
pub async fn exchange(
    call: &Call,
    ctx: &Ctx,
    tx: &mut TenantTx,
    (input, client): (&TokenInput, Client),
) -> Result<Ended, StoreError> {
    let invalid = |reason| Ok(Refused(OauthError::InvalidGrant, reason).into());
    let Some(code) = input.code.as_ref().and_then(|code| Token::parse(code.expose())) else {
        return invalid("code");
    };
    let Some(found) = locked(tx, client.id.uuid(), &code).await? else { return invalid("code") };
    if found.used_at.is_some() {
        return reused(ctx, tx, &found).await;
    }
    if found.expires_at <= ctx.now() {
        return invalid("code_over");
    }
    let sealer = ctx.keys.tenant_sealer(tx.tenant()).await?;
    let asked: Asked =
        store::open(&sealer, registry::OAUTH_CODE_REQUEST, found.id.into_bytes(), &found.request)?;
    if input.redirect_uri.as_deref() != Some(asked.redirect_uri.as_str()) {
        return invalid("redirect_uri");
    }
    let verifier = input.code_verifier.as_ref().map(|verifier| verifier.expose());
    if !verifier.is_some_and(|verifier| proves(verifier, &asked.challenge)) {
        return invalid("code_verifier");
    }
    let live = sessions::live_session(tx, &ctx.keys, FoundBy::Browser(found.session), ctx.now()).await?;
    let Some((live, factor)) = live.and_then(|live| live.factor.map(|factor| (live, factor))) else {
        return invalid("code_session");
    };
    let may = |action| (call.app.policy.may)(live.role, action);
    let scope = Scope::parse(&asked.scope).unwrap_or_default().and(&client.settings.scope());
    let scope = scope.where_allowed(may);
    if scope.is_empty() {
        return Ok(Refused(OauthError::InvalidScope, "scope").into());
    }
    // Locks the account: two sessions that are opened at once count each other.
    if sessions::active_role(tx, &ctx.keys, live.account).await? != Some(live.role) {
        return invalid("code_session");
    }
    let session = Opening { call, ctx, client: client.id.uuid(), live: &live, factor };
    let (id, until) = session.open(tx).await?;
    let grant = Grant { scope: scope.to_string() };
    let refresh_token = refresh::issue(ctx, tx, id, &grant).await?.expose().to_string();
    diesel::update(oauth_code::table.find(found.id))
        .set((oauth_code::used_at.eq(ctx.now()), oauth_code::issued.eq(id)))
        .execute(tx.conn())
        .await?;
    let actor = Actor {
        account: live.account.into_bytes(),
        role: live.role,
        session: id.into_bytes(),
        factor: Some(factor),
    };
    Ok(Ended::Granted(Box::new(Granted {
        actor,
        client: client.id,
        subject: AccountId::from(live.account).to_string(),
        scope,
        until,
        refresh_token: Some(refresh_token),
        reason: Some("code"),
    })))
}

/// A session of an application that is to be opened beside a person's own.
struct Opening<'a> {
    call: &'a Call,
    ctx: &'a Ctx,
    client: Uuid,
    /// The person's session in the browser.
    live: &'a LiveSession,
    /// What that has proven; the new one has proven no more.
    factor: ProvenFactor,
}

impl Opening<'_> {
    /// Opens it; its id and when it ends.
    async fn open(self, tx: &mut TenantTx) -> Result<(Uuid, DateTime<Utc>), StoreError> {
        let (id, now, account) = (new_id(), self.ctx.now(), self.live.account);
        let limits = policy::in_force_for(tx, self.call.app.session, self.live.role).await?;
        let until = now + Duration::seconds(i64::from(limits.absolute_s));
        let idle_until = now + Duration::seconds(i64::from(limits.idle_s));
        let (client, factor) = (self.client, self.factor);
        NewClientSession { id, client, account, now, idle_until, until, factor }.insert(tx).await?;
        sessions::end_surplus(tx, account, id, now).await?;
        Ok((id, until))
    }
}

/// A code that comes twice was seen by somebody else: what it opened is closed (RFC 6749, 4.1.2).
async fn reused(ctx: &Ctx, tx: &mut TenantTx, found: &Found) -> Result<Ended, StoreError> {
    if let Some(issued) = found.issued {
        sessions::end_session(tx, issued, ctx.now()).await?;
    }
    let whose = session::table.find(found.session).select(session::account_id);
    let account: Uuid = whose.first(tx.conn()).await?;
    Ok(Ended::Revoked(Refused(OauthError::InvalidGrant, "code_reused"), account))
}

/// Whether a verifier is what the challenge was made of (RFC 7636, 4.6, method `S256`).
fn proves(verifier: &str, challenge: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let hashed = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
    VERIFIER_CHARS.contains(&verifier.len())
        && verifier.bytes().all(plain)
        && same(hashed.as_bytes(), challenge.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::proves;

    /// RFC 7636, appendix B.
    #[test]
    fn the_verifier_of_rfc_7636_proves_its_challenge_and_no_other() {
        let (verifier, challenge) =
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
        assert!(proves(verifier, challenge));
        assert!(!proves(&verifier.replace('d', "e"), challenge));
        assert!(!proves(challenge, challenge), "not the method `plain`");
        assert!(!proves("short", challenge));
    }
}
