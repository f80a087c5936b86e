//! What browser and server say to each other in a ceremony, the same for a clinic's accounts and for the platform's
//! administrators: the options that go out, the credential that comes back, and how it is checked.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::CHALLENGE_MAX_S;
use super::verify::{self, Expected, Refusal, Registered};

/// Prefix of a passkey's id in the APIs.
const ID_PREFIX: &str = "pky_";
/// Longest text of a user handle that is looked at, in characters: 64 bytes in base64url (section 4, "User Handle").
const USER_HANDLE_MAX_CHARS: usize = 86;

/// What a page hands to the browser. `public_key` is the JSON form of Web Authentication level 3, for
/// `PublicKeyCredential.parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
#[derive(Serialize, ToSchema)]
pub struct CeremonyView {
    /// The options.
    #[schema(value_type = Object)]
    pub public_key: Value,
    /// To be sent back with a sign-in; absent in a session, which needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub handle: Option<String>,
}

/// A new credential, as `PublicKeyCredential.toJSON()` makes it; what is not named here is not looked at.
#[derive(Deserialize, ToSchema)]
pub struct RegistrationInput {
    response: RegistrationResponse,
}

/// The authenticator's part of it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RegistrationResponse {
    /// What the browser signed over, in base64url.
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    /// What the authenticator made, in base64url.
    attestation_object: String,
}

/// An answer to a challenge, as `PublicKeyCredential.toJSON()` makes it; what is not named here is not looked at.
#[derive(Deserialize, ToSchema)]
pub struct AssertionInput {
    /// The credential's id in base64url.
    id: String,
    response: AssertionResponse,
}

/// The authenticator's part of it.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssertionResponse {
    /// What the browser signed over, in base64url.
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    /// What the authenticator says about itself, in base64url.
    authenticator_data: String,
    /// The signature, in base64url.
    signature: String,
    /// Whom the authenticator keeps the credential for, in base64url; the platform's sign-in needs it.
    #[serde(default)]
    user_handle: Option<String>,
}

/// A sign-in with a passkey alone.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeySignInInput {
    /// The handle that came with the options.
    pub handle: String,
    /// The answer.
    pub credential: AssertionInput,
}

/// Where a ceremony belongs.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The page's origin, scheme and port included.
    pub origin: &'a str,
    /// The host, which is the relying party's id.
    pub rp_id: &'a str,
}

/// Whom a new credential is made for.
#[derive(Debug, Clone, Copy)]
pub struct User<'a> {
    /// The user handle.
    pub id: [u8; 16],
    /// What the authenticator shows.
    pub name: &'a str,
}

/// Whether the authenticator must be able to find the credential by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResidentKey {
    /// It may: the credential also serves beside a password.
    Preferred,
    /// It must: the credential is all there is at sign-in.
    Required,
}

/// A passkey's id as the APIs show it.
#[must_use]
pub fn shown_id(id: Uuid) -> String {
    format!("{ID_PREFIX}{}", regions::text::encode_id(id.as_bytes()))
}

/// The id in this text, if it is one.
#[must_use]
pub fn read_id(text: &str) -> Option<Uuid> {
    text.strip_prefix(ID_PREFIX).and_then(regions::text::decode_id).map(Uuid::from_bytes)
}

/// Options for `navigator.credentials.create`; the credentials in `known` are not made twice.
#[must_use]
pub fn creation_options(
    rp_id: &str,
    user: User<'_>,
    challenge: &[u8],
    known: &[Vec<u8>],
    resident: ResidentKey,
) -> Value {
    let algorithms: Vec<Value> =
        verify::ALGORITHMS.iter().map(|alg| json!({ "type": "public-key", "alg": alg })).collect();
    let resident = match resident {
        ResidentKey::Preferred => "preferred",
        ResidentKey::Required => "required",
    };
    json!({
        "rp": { "id": rp_id, "name": "Domicile" },
        "user": { "id": URL_SAFE_NO_PAD.encode(user.id), "name": user.name, "displayName": user.name },
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "pubKeyCredParams": algorithms,
        "timeout": CHALLENGE_MAX_S * 1_000,
        "excludeCredentials": described(known),
        "authenticatorSelection": { "residentKey": resident, "userVerification": "required" },
        "attestation": "none",
    })
}

/// Options for `navigator.credentials.get`; without a credential in `allowed`, the authenticator offers what it finds.
#[must_use]
pub fn request_options(rp_id: &str, challenge: &[u8], allowed: &[Vec<u8>]) -> Value {
    json!({
        "challenge": URL_SAFE_NO_PAD.encode(challenge),
        "rpId": rp_id,
        "timeout": CHALLENGE_MAX_S * 1_000,
        "userVerification": "required",
        "allowCredentials": described(allowed),
    })
}

fn described(ids: &[Vec<u8>]) -> Vec<Value> {
    ids.iter().map(|id| json!({ "type": "public-key", "id": URL_SAFE_NO_PAD.encode(id) })).collect()
}

impl RegistrationInput {
    /// The new credential, if it answers `challenge` for this site.
    ///
    /// # Errors
    /// The first rule that is broken; without a challenge that still stands, that.
    pub fn check(&self, challenge: Option<&[u8]>, site: Site<'_>) -> Result<Registered, Refusal> {
        let sent = &self.response;
        verify::registration(&sent.client_data_json, &sent.attestation_object, &expected(challenge, site)?)
    }
}

impl AssertionInput {
    /// The credential's id.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] when it is none.
    pub fn credential_id(&self) -> Result<Vec<u8>, Refusal> {
        let id = URL_SAFE_NO_PAD.decode(&self.id).map_err(|_quotes| Refusal::Malformed)?;
        if id.len() > verify::CREDENTIAL_ID_MAX_BYTES { Err(Refusal::Malformed) } else { Ok(id) }
    }

    /// The counter, if the key answered `challenge` for this site.
    ///
    /// # Errors
    /// The first rule that is broken; without a challenge that still stands, that.
    pub fn check(&self, challenge: Option<&[u8]>, cose_key: &[u8], site: Site<'_>) -> Result<u32, Refusal> {
        let sent = &self.response;
        let parts = [sent.client_data_json.as_str(), &sent.authenticator_data, &sent.signature];
        verify::assertion(parts, cose_key, &expected(challenge, site)?)
    }

    /// That the authenticator keeps the credential for this user: asked where nobody said before who signs in
    /// (section 7.2, step 6).
    ///
    /// # Errors
    /// [`Refusal::User`].
    pub fn check_user(&self, id: [u8; 16]) -> Result<(), Refusal> {
        let sent = self.response.user_handle.as_deref().filter(|text| text.len() <= USER_HANDLE_MAX_CHARS);
        let sent = sent.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        if sent.as_deref() == Some(id.as_slice()) { Ok(()) } else { Err(Refusal::User) }
    }
}

fn expected<'a>(challenge: Option<&'a [u8]>, site: Site<'a>) -> Result<Expected<'a>, Refusal> {
    let challenge = challenge.ok_or(Refusal::Challenge)?;
    Ok(Expected { challenge, origin: site.origin, rp_id: site.rp_id })
}

/// Whether a counter went back, which a copied key shows and a synchronised one too: somebody should look, nobody is locked
/// out. Synchronised keys always send 0.
#[must_use]
pub fn counter_went_back(before: i64, now: u32) -> bool {
    (now > 0 || before > 0) && i64::from(now) <= before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_looked_at_where_there_is_one() {
        for (before, now, back) in [(0, 0, false), (0, 1, false), (1, 2, false), (2, 2, true), (2, 0, true)] {
            assert_eq!(counter_went_back(before, now), back, "{before} {now}");
        }
    }

    #[test]
    fn a_user_handle_is_the_whole_id_or_nobodys() {
        let id = [7_u8; 16];
        let sent = |handle: Value| -> AssertionInput {
            serde_json::from_value(json!({ "id": "AA", "response": {
                "clientDataJSON": "", "authenticatorData": "", "signature": "", "userHandle": handle,
            }}))
            .unwrap()
        };
        assert_eq!(sent(json!(URL_SAFE_NO_PAD.encode(id))).check_user(id), Ok(()));
        for other in [
            json!(null),
            json!(""),
            json!("!"),
            json!(URL_SAFE_NO_PAD.encode([8_u8; 16])),
            json!("A".repeat(87)),
        ] {
            assert_eq!(sent(other.clone()).check_user(id), Err(Refusal::User), "{other}");
        }
    }
}
