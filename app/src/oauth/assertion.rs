//! A program's proof of who it is: `private_key_jwt` (RFC 7523, section 3), checked rule by rule. Pure: no clock, no database.

use serde::Deserialize;

use super::jws::Unverified;
use super::model::{Client, ClientId};
use crate::auth::token::sha256;

/// What a form says when it carries such a proof.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Longest time that an assertion may still be good for, in seconds.
pub const LIFE_MAX_S: u64 = 300;
/// Seconds that a program's clock may differ.
const SKEW_S: u64 = 5;
/// Longest name of an assertion, in bytes.
const JTI_MAX_BYTES: usize = 256;

/// What is read of the claims; others are the program's own business.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: u64,
    #[serde(default)]
    nbf: Option<u64>,
    #[serde(default)]
    iat: Option<u64>,
    jti: String,
}

/// For whom it is: one place. A list of several would be good elsewhere too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    List([String; 1]),
}

/// Whose it says it is.
#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

/// An assertion that is good, once.
#[derive(Debug, PartialEq, Eq)]
pub struct Checked {
    /// What tells it from the program's other ones.
    pub jti_hash: [u8; 32],
    /// Until when it has to be remembered, in seconds since 1970.
    pub until_s: u64,
}

/// The client that an assertion says it is of, before anything of it was checked.
#[must_use]
pub fn claimed(assertion: &Unverified<'_>) -> Option<ClientId> {
    ClientId::parse(&assertion.peek::<Issuer>()?.iss)
}

/// Whether an assertion is this client's, for this token endpoint, now.
///
/// # Errors
/// What is wrong, as a code for the audit log.
pub fn check(
    assertion: &Unverified<'_>,
    client: &Client,
    endpoint: &str,
    now_s: u64,
) -> Result<Checked, &'static str> {
    let header = assertion.header();
    let typ = header.typ.as_deref().unwrap_or("JWT");
    // An access token or anything else with a type of its own is no proof of who somebody is.
    if !typ.eq_ignore_ascii_case("JWT") && typ != "client-authentication+jwt" {
        return Err("assertion.type");
    }
    let named = |kid: &str| header.kid.as_deref().is_none_or(|wanted| wanted == kid);
    let keys = client.settings.keys.iter().filter(|key| named(&key.kid));
    let claims = keys.filter_map(|key| key.public_key()).find_map(|key| assertion.verify::<Claims>(&key));
    let claims = claims.ok_or("assertion.signature")?;
    let own = client.id.to_string();
    if claims.iss != own || claims.sub != own {
        return Err("assertion.issuer");
    }
    let (Audience::One(audience) | Audience::List([audience])) = &claims.aud;
    if audience != endpoint {
        return Err("assertion.audience");
    }
    if claims.exp.saturating_add(SKEW_S) <= now_s {
        return Err("assertion.expired");
    }
    let latest = now_s.saturating_add(SKEW_S);
    if claims.exp > latest.saturating_add(LIFE_MAX_S) {
        return Err("assertion.too_long");
    }
    if claims.nbf.is_some_and(|nbf| nbf > latest) || claims.iat.is_some_and(|iat| iat > latest) {
        return Err("assertion.not_yet");
    }
    if !(1..=JTI_MAX_BYTES).contains(&claims.jti.len()) {
        return Err("assertion.jti");
    }
    let jti_hash = sha256(b"domicile assertion v1", claims.jti.as_bytes());
    Ok(Checked { jti_hash, until_s: claims.exp.saturating_add(SKEW_S) })
}
