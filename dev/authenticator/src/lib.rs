//! A software authenticator (Web Authentication level 3, section 6, with the browser's part of section 5): makes
//! credentials and answers challenges as JSON, as `PublicKeyCredential.toJSON()` does.
//!
//! It shares nothing with the server's verification: it writes CBOR by hand where the server reads it with a library.
//! A test can make it lie; every lie is a field of [`Lies`].

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Bytes of a credential's id.
const ID_BYTES: usize = 32;
/// User present, user verified.
const SEEN_AND_VERIFIED: u8 = 0b101;

/// What the authenticator could not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed(pub &'static str);

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Failed {}

/// What a test has the authenticator, or the browser around it, say that is not so.
#[derive(Debug, Clone, Default)]
pub struct Lies {
    /// Another origin than the page's.
    pub origin: Option<String>,
    /// Another relying party than the options name.
    pub rp_id: Option<String>,
    /// Another challenge than the options hold, in base64url.
    pub challenge: Option<String>,
    /// Another kind of ceremony.
    pub ceremony: Option<String>,
    /// Other flags than "present and verified".
    pub flags: Option<u8>,
    /// Another counter.
    pub count: Option<u32>,
    /// Another user handle than the one it was made for, in base64url; empty for none.
    pub user_handle: Option<String>,
}

/// One credential and the authenticator that holds it.
pub struct Authenticator {
    pkcs8: Vec<u8>,
    key: EcdsaKeyPair,
    id: Vec<u8>,
    count: u32,
    /// Whom it was made for, in base64url.
    user: Option<String>,
    /// What it says that is not so; nothing at first.
    pub lies: Lies,
}

impl Authenticator {
    /// A new credential.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new() -> Result<Authenticator, Failed> {
        let random = SystemRandom::new();
        let mut id = vec![0; ID_BYTES];
        random.fill(&mut id).map_err(|_unspecified| Failed("no randomness"))?;
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(|_unspecified| Failed("no key was made"))?;
        Authenticator::load(document.as_ref(), &id)
    }

    /// The credential that [`Authenticator::save`] wrote.
    ///
    /// # Errors
    /// When it is none.
    pub fn load(pkcs8: &[u8], id: &[u8]) -> Result<Authenticator, Failed> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8)
            .map_err(|_rejected| Failed("this is no P-256 key"))?;
        let (pkcs8, id) = (pkcs8.to_vec(), id.to_vec());
        Ok(Authenticator { pkcs8, key, id, count: 0, user: None, lies: Lies::default() })
    }

    /// The private key (PKCS#8, DER) and the credential's id.
    #[must_use]
    pub fn save(&self) -> (&[u8], &[u8]) {
        (&self.pkcs8, &self.id)
    }

    /// What `navigator.credentials.create` would give a page at `origin` for these options.
    ///
    /// # Errors
    /// When the options are not what the standard says.
    pub fn create(&mut self, options: &Value, origin: &str) -> Result<Value, Failed> {
        let rp_id = text(options, "/rp/id")?;
        self.user = Some(text(options, "/user/id")?.to_owned());
        let client_data = self.client_data("webauthn.create", text(options, "/challenge")?, origin);
        let mut data = self.head(rp_id, SEEN_AND_VERIFIED | 0b0100_0000);
        data.extend([0; 16]);
        data.extend(
            u16::try_from(self.id.len()).map_err(|_too_long| Failed("the id is too long"))?.to_be_bytes(),
        );
        data.extend(&self.id);
        data.extend(self.cose_key()?);
        // {"fmt": "none", "attStmt": {}, "authData": data}, keys in the order of the canonical form.
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.push(0x64);
        object.extend(b"none");
        object.push(0x67);
        object.extend(b"attStmt");
        object.extend([0xa0, 0x68]);
        object.extend(b"authData");
        object.push(0x59);
        object.extend(u16::try_from(data.len()).map_err(|_too_long| Failed("too long"))?.to_be_bytes());
        object.extend(&data);
        Ok(self.credential(json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "attestationObject": URL_SAFE_NO_PAD.encode(object),
            "transports": ["internal"],
        })))
    }

    /// What `navigator.credentials.get` would give a page at `origin` for these options.
    ///
    /// # Errors
    /// When the options are not what the standard says.
    pub fn get(&mut self, options: &Value, origin: &str) -> Result<Value, Failed> {
        self.count += 1;
        let client_data = self.client_data("webauthn.get", text(options, "/challenge")?, origin);
        let data = self.head(text(options, "/rpId")?, SEEN_AND_VERIFIED);
        let mut signed = data.clone();
        signed.extend(digest(&SHA256, client_data.as_bytes()).as_ref());
        let signature = self
            .key
            .sign(&SystemRandom::new(), &signed)
            .map_err(|_unspecified| Failed("nothing was signed"))?;
        Ok(self.credential(json!({
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "signature": URL_SAFE_NO_PAD.encode(signature.as_ref()),
            "userHandle": self.user_handle(),
        })))
    }

    fn user_handle(&self) -> Option<&str> {
        self.lies.user_handle.as_deref().or(self.user.as_deref()).filter(|handle| !handle.is_empty())
    }

    fn credential(&self, response: Value) -> Value {
        let id = URL_SAFE_NO_PAD.encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "response": response,
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
        })
    }

    fn client_data(&self, ceremony: &str, challenge: &str, origin: &str) -> String {
        json!({
            "type": self.lies.ceremony.as_deref().unwrap_or(ceremony),
            "challenge": self.lies.challenge.as_deref().unwrap_or(challenge),
            "origin": self.lies.origin.as_deref().unwrap_or(origin),
            "crossOrigin": false,
        })
        .to_string()
    }

    fn head(&self, rp_id: &str, flags: u8) -> Vec<u8> {
        let rp_id = self.lies.rp_id.as_deref().unwrap_or(rp_id);
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(self.lies.flags.unwrap_or(flags));
        data.extend(self.lies.count.unwrap_or(self.count).to_be_bytes());
        data
    }

    /// {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053, section 7.1).
    fn cose_key(&self) -> Result<Vec<u8>, Failed> {
        let point = self.key.public_key().as_ref();
        let (x, y) = point.get(1..33).zip(point.get(33..65)).ok_or(Failed("the key has no point"))?;
        let mut out = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        out.extend(x);
        out.extend([0x22, 0x58, 0x20]);
        out.extend(y);
        Ok(out)
    }
}

fn text<'a>(options: &'a Value, pointer: &str) -> Result<&'a str, Failed> {
    options.pointer(pointer).and_then(Value::as_str).ok_or(Failed("the options lack a text they must have"))
}
