//! Compact JSON web signatures (RFC 7515) over aws-lc-rs: two algorithms, chosen by the key and never by what was sent.
//!
//! Only what is used here is read: three parts, a header of known members, one signature. Whatever else a header can say (another
//! key, a chain, a critical extension, no algorithm at all) makes it malformed.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest compact form that is looked at, in bytes.
pub const COMPACT_MAX_BYTES: usize = 4_096;

/// A signature algorithm that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518, 3.4).
    Es256,
}

impl Algorithm {
    /// The name in headers and metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::EdDsa => "EdDSA",
            Algorithm::Es256 => "ES256",
        }
    }
}

/// A public key, and with it the one algorithm that its signatures are checked by.
pub struct PublicKey {
    algorithm: Algorithm,
    key: ParsedPublicKey,
}

impl PublicKey {
    /// An Ed25519 key from its 32 bytes.
    #[must_use]
    pub fn ed25519(x: &[u8]) -> Option<PublicKey> {
        let key = ParsedPublicKey::new(&ED25519, x).ok().filter(|_| x.len() == 32)?;
        Some(PublicKey { algorithm: Algorithm::EdDsa, key })
    }

    /// A P-256 key from its two coordinates; `None` when they are no point of the curve.
    #[must_use]
    pub fn p256(x: &[u8], y: &[u8]) -> Option<PublicKey> {
        if x.len() != 32 || y.len() != 32 {
            return None;
        }
        let point = [&[4_u8], x, y].concat();
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).ok()?;
        Some(PublicKey { algorithm: Algorithm::Es256, key })
    }

    /// The algorithm of its signatures.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

/// What a header may say. Members that are not here, twice there or of another type make it malformed.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The algorithm's name.
    pub alg: String,
    /// What kind of token it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typ: Option<String>,
    /// Which key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
}

/// A compact form taken apart, whose signature has not been checked.
pub struct Unverified<'a> {
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
    signed: &'a str,
}

impl<'a> Unverified<'a> {
    /// Takes a compact form apart.
    #[must_use]
    pub fn parse(compact: &'a str) -> Option<Unverified<'a>> {
        if compact.len() > COMPACT_MAX_BYTES {
            return None;
        }
        let (signed, signature) = compact.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        if payload.contains('.') {
            return None;
        }
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
        Some(Unverified { header, payload: decode(payload)?, signature: decode(signature)?, signed })
    }

    /// What the header says. It decides nothing but which of the known keys is tried.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The payload before the signature was checked, to find out whose key to check it with and for nothing else.
    #[must_use]
    pub fn peek<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.payload).ok()
    }

    /// The payload, if it was signed by this key and the header names the key's own algorithm.
    #[must_use]
    pub fn verify<T: DeserializeOwned>(&self, key: &PublicKey) -> Option<T> {
        if self.header.alg != key.algorithm.name() {
            return None;
        }
        key.key.verify_sig(self.signed.as_bytes(), &self.signature).ok()?;
        self.peek()
    }
}

/// Signs `payload`; `sign` gives the signature of the header's algorithm.
///
/// # Errors
/// What `sign` fails with. A payload that is no JSON gives an empty one, which nobody accepts.
pub fn sign<T: Serialize, E>(
    header: &Header,
    payload: &T,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    let part = |json: serde_json::Result<Vec<u8>>| URL_SAFE_NO_PAD.encode(json.unwrap_or_default());
    let signed = format!("{}.{}", part(serde_json::to_vec(header)), part(serde_json::to_vec(payload)));
    let signature = sign(signed.as_bytes())?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::Ed25519KeyPair;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).unwrap()
    }

    /// RFC 8037, appendix A.4: what the example key signs, by ourselves and as printed there.
    #[test]
    fn ed25519_signs_as_in_rfc_8037() {
        let pair = Ed25519KeyPair::from_seed_unchecked(&bytes("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
            .unwrap();
        let printed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.\
            hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        let (signed, signature) = printed.rsplit_once('.').unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(pair.sign(signed.as_bytes())), signature);
        let key = PublicKey::ed25519(&bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")).unwrap();
        key.key.verify_sig(signed.as_bytes(), &bytes(signature)).unwrap();
    }

    /// RFC 7515, appendix A.3: the signature printed there is taken, and by no other key or algorithm.
    #[test]
    fn es256_is_checked_as_in_rfc_7515() {
        let printed = "eyJhbGciOiJFUzI1NiJ9.\
            eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.\
            DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let x = bytes("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        let y = bytes("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let key = PublicKey::p256(&x, &y).unwrap();
        let parsed = Unverified::parse(printed).unwrap();
        let claims: serde_json::Value = parsed.verify(&key).unwrap();
        assert_eq!(claims["iss"], "joe");
        assert!(PublicKey::p256(&y, &x).is_none(), "no point of the curve");
        let other = PublicKey::ed25519(&bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")).unwrap();
        assert!(parsed.verify::<serde_json::Value>(&other).is_none());
        let altered = printed.replace("DtEh", "DtEi");
        assert!(Unverified::parse(&altered).unwrap().verify::<serde_json::Value>(&key).is_none());
    }

    #[test]
    fn what_is_no_compact_form_of_ours_is_not_taken_apart() {
        let part = |json: &str| URL_SAFE_NO_PAD.encode(json);
        let with = |header: &str| format!("{}.{}.AA", part(header), part("{}"));
        assert!(Unverified::parse(&with(r#"{"alg":"EdDSA"}"#)).is_some());
        for header in [
            r#"{}"#,
            r#"{"alg":"EdDSA","alg":"none"}"#,
            r#"{"alg":"EdDSA","crit":["exp"]}"#,
            r#"{"alg":"EdDSA","jku":"https://evil.example/keys"}"#,
            r#"{"alg":"EdDSA","jwk":{"kty":"OKP"}}"#,
            r#"{"alg":["EdDSA"]}"#,
        ] {
            assert!(Unverified::parse(&with(header)).is_none(), "{header}");
        }
        let whole = with(r#"{"alg":"EdDSA"}"#);
        for broken in [
            String::new(),
            "..".to_owned(),
            format!("{whole}.AA"),
            format!(".{whole}"),
            format!("{whole}="),
            format!(" {whole}"),
            whole.replace("AA", "AB"),
            "a".repeat(COMPACT_MAX_BYTES + 1),
        ] {
            assert!(Unverified::parse(&broken).is_none(), "{broken}");
        }
    }
}
