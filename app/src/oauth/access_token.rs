//! Access tokens (RFC 9068): what they say, how they are made, and every check that needs no database.

use serde::{Deserialize, Serialize};
use tenancy::keys::{KeyError, TOKEN_MAX_S, TokenKeys};
use uuid::Uuid;

use super::jws::{self, Algorithm, Header, PublicKey, Unverified};
use super::model::ClientId;
use crate::access::Scope;
use crate::auth::own;
use crate::auth::token::Token;

/// The kind of token in the header (RFC 9068, 2.1).
const TYP: &str = "at+jwt";
/// Seconds that clocks of one region may differ.
const SKEW_S: u64 = 5;

/// The claims, all of which are ours: another one, or one of them twice, makes the token no token of this region.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    scope: String,
    sid: String,
    jti: String,
    iat: u64,
    nbf: u64,
    exp: u64,
}

/// Where tokens are made and for whom.
#[derive(Debug, Clone)]
pub struct Place {
    /// The region's issuer.
    pub issuer: String,
    /// The clinic's own address.
    pub audience: String,
}

/// What a token says once it has been checked.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The session it hangs on.
    pub session: Uuid,
    /// The client it was given to.
    pub client: Uuid,
    /// What it may do.
    pub scope: Scope,
}

/// What a new token says.
pub struct NewToken<'a> {
    /// The session it hangs on.
    pub session: Uuid,
    /// The client it is given to.
    pub client: ClientId,
    /// Whom it acts for.
    pub subject: &'a str,
    /// What it may do.
    pub scope: &'a Scope,
    /// When it ends, in seconds since 1970; no later than the session, and cut to the longest life of a token.
    pub until_s: u64,
}

/// A token that was made.
pub struct Made {
    /// The token.
    pub compact: String,
    /// Seconds it is good for.
    pub expires_in_s: u64,
}

/// Makes a token.
///
/// # Errors
/// When the region has no key to sign with.
pub fn mint(keys: &TokenKeys, place: &Place, new: &NewToken<'_>, now_ms: u64) -> Result<Made, KeyError> {
    let key = keys.signing(now_ms).ok_or(KeyError::NotFound)?;
    let now_s = now_ms / 1_000;
    let expires_in_s = new.until_s.saturating_sub(now_s).min(TOKEN_MAX_S);
    let header = Header {
        alg: Algorithm::EdDsa.name().to_owned(),
        typ: Some(TYP.to_owned()),
        kid: Some(key.kid().to_owned()),
    };
    let claims = Claims {
        iss: place.issuer.clone(),
        aud: place.audience.clone(),
        sub: new.subject.to_owned(),
        client_id: new.client.to_string(),
        scope: new.scope.to_string(),
        sid: own::shown_id(new.session),
        jti: Token::random().expose().to_string(),
        iat: now_s,
        nbf: now_s,
        exp: now_s.saturating_add(expires_in_s),
    };
    let compact = jws::sign(&header, &claims, |message| key.sign(message))?;
    Ok(Made { compact, expires_in_s })
}

/// Checks a token against the region's own keys, the place and the time.
///
/// # Errors
/// What is wrong, as a code for the audit log; the caller learns only that it is.
pub fn verify(keys: &TokenKeys, place: &Place, compact: &str, now_ms: u64) -> Result<Shown, &'static str> {
    let token = Unverified::parse(compact).ok_or("token.malformed")?;
    let Header { alg, typ, kid } = token.header();
    if alg != Algorithm::EdDsa.name() {
        return Err("token.algorithm");
    }
    if typ.as_deref() != Some(TYP) {
        return Err("token.type");
    }
    let kid = kid.as_deref().ok_or("token.key")?;
    let key = keys.named(kid, now_ms).ok_or("token.key")?;
    let key = PublicKey::ed25519(key.public_key()).ok_or("token.key")?;
    // Signed by us, and then of the one form we give.
    let claims: Claims = token.verify(&key).ok_or("token.signature")?;
    let now_s = now_ms / 1_000;
    if claims.iss != place.issuer {
        return Err("token.issuer");
    }
    if claims.aud != place.audience {
        return Err("token.audience");
    }
    if claims.exp.saturating_add(SKEW_S) <= now_s {
        return Err("token.expired");
    }
    if claims.nbf > now_s.saturating_add(SKEW_S) || claims.iat > now_s.saturating_add(SKEW_S) {
        return Err("token.not_yet");
    }
    if claims.exp.saturating_sub(claims.iat) > TOKEN_MAX_S {
        return Err("token.too_long");
    }
    let (session, client) = (own::read_id(&claims.sid), ClientId::parse(&claims.client_id));
    match (session, client, Scope::parse(&claims.scope)) {
        (Some(session), Some(client), Some(scope)) => Ok(Shown { session, client: client.uuid(), scope }),
        _ => Err("token.claims"),
    }
}
