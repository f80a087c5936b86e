//! Public keys of programs as JSON web keys (RFC 7517): Ed25519 and P-256, and nothing that is private.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jws::PublicKey;
use crate::error::{AppError, FieldError};

/// Most keys of one program: enough to have the next one in place before the last one goes.
pub const KEYS_MAX: usize = 4;
/// Longest name of a key, in bytes.
const KID_MAX_BYTES: usize = 64;

/// A set of public keys.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySetInput {
    /// One to four keys.
    keys: Vec<JwkInput>,
}

/// A public key as it is registered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JwkInput {
    /// `OKP` or `EC`.
    kty: String,
    /// `Ed25519` or `P-256`.
    crv: String,
    /// The key, or its first coordinate, in base64url.
    x: String,
    /// The second coordinate, with `EC`.
    #[serde(default)]
    y: Option<String>,
    /// A name; the key's thumbprint when there is none.
    #[serde(default)]
    kid: Option<String>,
    /// `sig`, if anything.
    #[serde(default, rename = "use")]
    usage: Option<String>,
    /// `EdDSA` or `ES256`, if anything.
    #[serde(default)]
    alg: Option<String>,
    /// The private part. It is refused: a key whose private part was sent is nobody's secret any more.
    #[serde(default)]
    #[schema(ignore)]
    d: Option<IgnoredAny>,
}

/// A public key as it is kept and shown.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    /// `OKP` or `EC`.
    pub kty: String,
    /// `Ed25519` or `P-256`.
    pub crv: String,
    /// The key, or its first coordinate, in base64url.
    pub x: String,
    /// The second coordinate, with `EC`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub y: Option<String>,
    /// The key's name in its set.
    pub kid: String,
}

impl Jwk {
    /// The key itself; `None` when it is none.
    #[must_use]
    pub fn public_key(&self) -> Option<PublicKey> {
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        match (self.kty.as_str(), self.crv.as_str(), &self.y) {
            ("OKP", "Ed25519", None) => PublicKey::ed25519(&decode(&self.x)?),
            ("EC", "P-256", Some(y)) => PublicKey::p256(&decode(&self.x)?, &decode(y)?),
            _ => None,
        }
    }

    /// The thumbprint (RFC 7638).
    fn thumbprint(&self) -> String {
        let Jwk { crv, kty, x, y, .. } = self;
        let canonical = match y {
            Some(y) => format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}","y":"{y}"}}"#),
            None => format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()))
    }
}

impl JwkInput {
    fn check(self) -> Result<Jwk, (&'static str, &'static str)> {
        let JwkInput { kty, crv, x, y, kid, usage, alg, d } = self;
        if d.is_some() {
            return Err(("/d", "private_key"));
        }
        if usage.is_some_and(|usage| usage != "sig") {
            return Err(("/use", "unknown_value"));
        }
        let mut key = Jwk { kty, crv, x, y, kid: String::new() };
        let public = key.public_key().ok_or(("", "not_ed25519_or_p256"))?;
        if alg.is_some_and(|alg| alg != public.algorithm().name()) {
            return Err(("/alg", "unknown_value"));
        }
        key.kid = kid.unwrap_or_else(|| key.thumbprint());
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if !(1..=KID_MAX_BYTES).contains(&key.kid.len()) || !key.kid.bytes().all(plain) {
            return Err(("/kid", "invalid_value"));
        }
        Ok(key)
    }
}

impl KeySetInput {
    /// The keys, each a public one of a kind that is taken, under names of their own.
    ///
    /// # Errors
    /// The rules that are broken, under `pointer`.
    pub fn check(self, pointer: &str) -> Result<Vec<Jwk>, AppError> {
        if !(1..=KEYS_MAX).contains(&self.keys.len()) {
            return Err(AppError::invalid_field(&format!("{pointer}/keys"), "one_to_four"));
        }
        let mut kept: Vec<Jwk> = Vec::with_capacity(self.keys.len());
        let mut errors = Vec::new();
        for (at, key) in self.keys.into_iter().enumerate() {
            let fault = match key.check() {
                Ok(key) if kept.iter().all(|other| other.kid != key.kid && other.x != key.x) => {
                    kept.push(key);
                    continue;
                }
                Ok(_twice) => ("/kid", "repeated"),
                Err(fault) => fault,
            };
            errors.push(FieldError::new(format!("{pointer}/keys/{at}{}", fault.0), fault.1));
        }
        if errors.is_empty() { Ok(kept) } else { Err(AppError::invalid(errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn check(keys: serde_json::Value) -> Result<Vec<Jwk>, (String, &'static str)> {
        let set: KeySetInput = serde_json::from_value(json!({ "keys": keys })).unwrap();
        set.check("/keys").map_err(|error| (error.errors[0].pointer.clone(), error.errors[0].code))
    }

    #[test]
    fn only_public_keys_of_two_kinds_are_taken() {
        let ed = json!({ "kty": "OKP", "crv": "Ed25519", "x": X });
        let p256 = json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "next",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        });
        let kept = check(json!([ed, p256])).ok().unwrap();
        assert_eq!(kept[0].kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "RFC 8037, appendix A.3");
        assert_eq!(kept[1].kid, "next");
        let with = |base: &serde_json::Value, name: &str, value: &str| {
            let mut key = base.clone();
            key[name] = value.into();
            json!([key])
        };
        for (keys, pointer, code) in [
            (json!([]), "/keys/keys", "one_to_four"),
            (json!([ed, ed, ed, ed, ed]), "/keys/keys", "one_to_four"),
            (json!([ed, ed]), "/keys/keys/1/kid", "repeated"),
            (with(&ed, "d", "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"), "/keys/keys/0/d", "private_key"),
            (with(&ed, "crv", "X25519"), "/keys/keys/0", "not_ed25519_or_p256"),
            (with(&ed, "kty", "RSA"), "/keys/keys/0", "not_ed25519_or_p256"),
            (with(&ed, "kty", "oct"), "/keys/keys/0", "not_ed25519_or_p256"),
            (with(&ed, "x", "AAAA"), "/keys/keys/0", "not_ed25519_or_p256"),
            (with(&p256, "y", X), "/keys/keys/0", "not_ed25519_or_p256"),
            (with(&p256, "crv", "P-384"), "/keys/keys/0", "not_ed25519_or_p256"),
            (with(&p256, "alg", "HS256"), "/keys/keys/0/alg", "unknown_value"),
            (with(&p256, "use", "enc"), "/keys/keys/0/use", "unknown_value"),
            (with(&p256, "kid", "a b"), "/keys/keys/0/kid", "invalid_value"),
        ] {
            assert_eq!(check(keys).err(), Some((pointer.to_owned(), code)));
        }
    }
}
