//! What an authenticator sends, checked rule by rule (Web Authentication level 3, sections 7.1 and 7.2). Pure: no clock,
//! no database.
//!
//! Attestation is not asked for and not looked at: which model somebody's authenticator is decides nothing here.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::cbor::{self, Item};
use crate::auth::token::same;

/// Random bytes of a challenge (OWASP ASVS 5.0, 6.7.2 asks for 8).
pub const CHALLENGE_BYTES: usize = 32;
/// Longest credential id, in bytes (section 4, "Credential ID").
pub const CREDENTIAL_ID_MAX_BYTES: usize = 1_023;
/// Longest public key, in bytes: the two kinds that are taken have less than 80.
const COSE_KEY_MAX_BYTES: usize = 1_024;
/// Longest of the other byte strings that are looked at, in bytes.
const PART_MAX_BYTES: usize = 16_384;
/// Bytes before the attested credential: hash, flags, counter.
const HEAD_BYTES: usize = 37;
/// Bytes between that head and the credential's id: model and length.
const ATTESTED_HEAD_BYTES: usize = 18;

/// Algorithms that keys may be of, as COSE numbers, best first: Ed25519, then ECDSA on P-256.
pub const ALGORITHMS: [i64; 2] = [-8, -7];

/// Who asks and where: what a browser signs besides the challenge.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The challenge that was given for this ceremony.
    pub challenge: &'a [u8],
    /// The page's origin, scheme and port included.
    pub origin: &'a str,
    /// The host, which is the relying party's id.
    pub rp_id: &'a str,
}

/// Why a credential is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Something does not parse.
    Malformed,
    /// Made for another kind of ceremony.
    Ceremony,
    /// Not the challenge that was given.
    Challenge,
    /// Made for another page.
    Origin,
    /// Made for another relying party.
    RelyingParty,
    /// The authenticator did not see its user, or did not check who it is.
    NotVerified,
    /// A key of a kind that is not taken.
    Algorithm,
    /// The signature is not of this key.
    Signature,
    /// The authenticator keeps the key for somebody else, or says of nobody.
    User,
}

impl Refusal {
    /// The word in the audit log.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::Malformed => "passkey_malformed",
            Refusal::Ceremony => "passkey_ceremony",
            Refusal::Challenge => "passkey_challenge",
            Refusal::Origin => "passkey_origin",
            Refusal::RelyingParty => "passkey_relying_party",
            Refusal::NotVerified => "passkey_not_verified",
            Refusal::Algorithm => "passkey_algorithm",
            Refusal::Signature => "passkey_signature",
            Refusal::User => "passkey_user",
        }
    }
}

/// A new credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its id.
    pub credential_id: Vec<u8>,
    /// Its public key as COSE (RFC 9052), exactly as it was sent.
    pub cose_key: Vec<u8>,
    /// Its counter.
    pub sign_count: u32,
}

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    ceremony: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<String>,
}

/// Checks a new credential.
///
/// # Errors
/// The first rule that is broken.
pub fn registration(
    client_data: &str,
    attestation_object: &str,
    expected: &Expected<'_>,
) -> Result<Registered, Refusal> {
    check_client_data(&bytes(client_data)?, "webauthn.create", expected)?;
    let object = bytes(attestation_object)?;
    let entries = map(&mut object.as_slice())?;
    let data = entries.iter().find_map(|entry| match entry {
        (Item::Text("authData"), Item::Bytes(data)) => Some(*data),
        _ => None,
    });
    let data = data.ok_or(Refusal::Malformed)?;
    let head = Head::read(data, expected.rp_id)?;
    if !head.has_credential {
        return Err(Refusal::Malformed);
    }
    let rest = data.get(HEAD_BYTES..).ok_or(Refusal::Malformed)?;
    let length = rest.get(16..ATTESTED_HEAD_BYTES).ok_or(Refusal::Malformed)?;
    let length = length.iter().fold(0_usize, |sum, byte| sum * 256 + usize::from(*byte));
    if length == 0 || length > CREDENTIAL_ID_MAX_BYTES {
        return Err(Refusal::Malformed);
    }
    let id_end = ATTESTED_HEAD_BYTES + length;
    let credential_id = rest.get(ATTESTED_HEAD_BYTES..id_end).ok_or(Refusal::Malformed)?;
    let tail = rest.get(id_end..).ok_or(Refusal::Malformed)?;
    let mut unread = tail;
    map(&mut unread)?;
    let cose_key = tail.get(..tail.len() - unread.len()).ok_or(Refusal::Malformed)?;
    if cose_key.len() > COSE_KEY_MAX_BYTES {
        return Err(Refusal::Malformed);
    }
    Key::read(cose_key)?;
    Ok(Registered {
        credential_id: credential_id.to_vec(),
        cose_key: cose_key.to_vec(),
        sign_count: head.sign_count,
    })
}

/// Checks that the owner of a key answers now. The authenticator's counter, which says nothing by itself: synchronised
/// passkeys always send 0.
///
/// # Errors
/// The first rule that is broken.
pub fn assertion(
    [client_data, authenticator_data, signature]: [&str; 3],
    cose_key: &[u8],
    expected: &Expected<'_>,
) -> Result<u32, Refusal> {
    let client_data = bytes(client_data)?;
    check_client_data(&client_data, "webauthn.get", expected)?;
    let mut signed = bytes(authenticator_data)?;
    let head = Head::read(&signed, expected.rp_id)?;
    signed.extend_from_slice(digest(&SHA256, &client_data).as_ref());
    Key::read(cose_key)?.verify(&signed, &bytes(signature)?)?;
    Ok(head.sign_count)
}

fn check_client_data(json: &[u8], ceremony: &str, expected: &Expected<'_>) -> Result<(), Refusal> {
    let data: ClientData = serde_json::from_slice(json).map_err(|_quotes| Refusal::Malformed)?;
    if data.ceremony != ceremony {
        return Err(Refusal::Ceremony);
    }
    if !same(&bytes(&data.challenge)?, expected.challenge) {
        return Err(Refusal::Challenge);
    }
    if data.origin != expected.origin || data.cross_origin || data.top_origin.is_some() {
        return Err(Refusal::Origin);
    }
    Ok(())
}

/// The fixed part of authenticator data (section 6.1), after its rules.
struct Head {
    has_credential: bool,
    sign_count: u32,
}

impl Head {
    fn read(data: &[u8], rp_id: &str) -> Result<Head, Refusal> {
        const USER_PRESENT: u8 = 1;
        const USER_VERIFIED: u8 = 1 << 2;
        const MAY_BE_BACKED_UP: u8 = 1 << 3;
        const BACKED_UP: u8 = 1 << 4;
        const HAS_CREDENTIAL: u8 = 1 << 6;
        let hash = data.get(..32).ok_or(Refusal::Malformed)?;
        let flags = *data.get(32).ok_or(Refusal::Malformed)?;
        let count = data.get(33..HEAD_BYTES).ok_or(Refusal::Malformed)?;
        if !same(hash, digest(&SHA256, rp_id.as_bytes()).as_ref()) {
            return Err(Refusal::RelyingParty);
        }
        if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
            return Err(Refusal::NotVerified);
        }
        if flags & BACKED_UP != 0 && flags & MAY_BE_BACKED_UP == 0 {
            return Err(Refusal::Malformed);
        }
        let sign_count = count.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
        Ok(Head { has_credential: flags & HAS_CREDENTIAL != 0, sign_count })
    }
}

/// A public key of one of [`ALGORITHMS`], in the form its verification takes.
enum Key {
    Ed25519(Vec<u8>),
    P256(Vec<u8>),
}

impl Key {
    fn read(cose: &[u8]) -> Result<Key, Refusal> {
        let entries = map(&mut &*cose)?;
        let at = |label: i64| {
            let mut found = entries.iter().filter(|(key, _)| *key == Item::Integer(label));
            match (found.next(), found.next()) {
                (Some((_, value)), None) => Some(value),
                _ => None,
            }
        };
        let number = |label| match at(label) {
            Some(Item::Integer(number)) => Some(*number),
            _ => None,
        };
        let part = |label| match at(label) {
            Some(Item::Bytes(bytes)) if bytes.len() == 32 => Ok(*bytes),
            _ => Err(Refusal::Malformed),
        };
        // Key type, algorithm and curve must belong together (RFC 9053, sections 2 and 7).
        match (number(1), number(3), number(-1)) {
            (Some(1), Some(-8), Some(6)) => Ok(Key::Ed25519(part(-2)?.to_vec())),
            (Some(2), Some(-7), Some(1)) => Ok(Key::P256([&[4], part(-2)?, part(-3)?].concat())),
            _ => Err(Refusal::Algorithm),
        }
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let verified = match self {
            Key::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Key::P256(key) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key).verify(message, signature),
        };
        verified.map_err(|_unspecified| Refusal::Signature)
    }
}

fn map<'a>(from: &mut &'a [u8]) -> Result<Vec<(Item<'a>, Item<'a>)>, Refusal> {
    match cbor::read(from) {
        Some(Item::Map(entries)) => Ok(entries),
        _ => Err(Refusal::Malformed),
    }
}

fn bytes(text: &str) -> Result<Vec<u8>, Refusal> {
    if text.len() > PART_MAX_BYTES {
        return Err(Refusal::Malformed);
    }
    URL_SAFE_NO_PAD.decode(text).map_err(|_quotes| Refusal::Malformed)
}
