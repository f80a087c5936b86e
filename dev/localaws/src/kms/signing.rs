//! Signatures with ECDSA over P-256, and the public key that verifies them offline.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{KmsError, KmsResult};
use super::key::{Key, KeySpec};
use super::lifecycle::OneKey;
use super::store::{Access, Keys, Kms, Names};
use super::wire::{Blob, Context};

/// The longest message that is signed as it is, in bytes.
const MAX_MESSAGE_BYTES: usize = 4096;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Sign {
    key_id: String,
    message: Blob,
    message_type: Option<String>,
    signing_algorithm: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Verify {
    key_id: String,
    message: Blob,
    message_type: Option<String>,
    signing_algorithm: String,
    signature: Blob,
}

impl Kms {
    pub(super) fn sign(&self, request: Sign) -> KmsResult<Value> {
        check_algorithm(&request.signing_algorithm)?;
        let digest = digest_of(&request.message, request.message_type.as_deref())?;
        self.with(|keys| {
            let key = self.signing_key(keys, &request.key_id, "Sign")?;
            let signature = pair(key)?.sign_digest(&digest).map_err(|e| KmsError::internal(e.to_string()))?;
            Ok(json!({
                "KeyId": key.arn, "Signature": Blob(signature.as_ref().to_vec()), "SigningAlgorithm": "ECDSA_SHA_256"
            }))
        })
    }

    pub(super) fn verify(&self, request: Verify) -> KmsResult<Value> {
        check_algorithm(&request.signing_algorithm)?;
        let digest = digest_of(&request.message, request.message_type.as_deref())?;
        self.with(|keys| {
            let key = self.signing_key(keys, &request.key_id, "Verify")?;
            let pair = pair(key)?;
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, pair.public_key().as_ref());
            match public.verify_digest(&digest, &request.signature.0) {
                Ok(()) => Ok(json!({
                    "KeyId": key.arn, "SignatureValid": true, "SigningAlgorithm": "ECDSA_SHA_256"
                })),
                Err(_) => Err(KmsError::refused("KMSInvalidSignatureException", "")),
            }
        })
    }

    pub(super) fn get_public_key(&self, request: OneKey) -> KmsResult<Value> {
        self.with(|keys| {
            let key = self.signing_key(keys, &request.key_id, "GetPublicKey")?;
            let pair = pair(key)?;
            let der = pair.public_key().as_der().map_err(|e| KmsError::internal(e.to_string()))?;
            Ok(json!({
                "KeyId": key.arn, "PublicKey": Blob(der.as_ref().to_vec()), "KeySpec": key.spec,
                "CustomerMasterKeySpec": key.spec, "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": ["ECDSA_SHA_256"]
            }))
        })
    }

    fn signing_key<'k>(&self, keys: &'k Keys, given: &str, operation: &'static str) -> KmsResult<&'k Key> {
        let context = Context::new();
        let key =
            self.find(keys, given, Access { operation, names: Names::WithAliases, context: &context })?;
        key.usable()?;
        key.of_spec(KeySpec::EccP256)?;
        Ok(key)
    }
}

fn pair(key: &Key) -> KmsResult<EcdsaKeyPair> {
    let material = key.materials.last().ok_or_else(|| KmsError::internal("the key has no material"))?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &material.bytes.0)
        .map_err(|e| KmsError::internal(e.to_string()))
}

fn check_algorithm(algorithm: &str) -> KmsResult<()> {
    if algorithm == "ECDSA_SHA_256" {
        return Ok(());
    }
    Err(KmsError::refused("InvalidKeyUsageException", format!("the key does not sign with {algorithm}")))
}

fn digest_of(message: &Blob, message_type: Option<&str>) -> KmsResult<Digest> {
    match message_type.unwrap_or("RAW") {
        "RAW" if (1..=MAX_MESSAGE_BYTES).contains(&message.0.len()) => {
            Ok(digest::digest(&digest::SHA256, &message.0))
        }
        "RAW" => Err(KmsError::validation("Message is 1 to 4096 bytes long")),
        "DIGEST" => Digest::import_less_safe(&message.0, &digest::SHA256)
            .ok()
            .ok_or_else(|| KmsError::validation("Digest is invalid length for algorithm ECDSA_SHA_256.")),
        other => Err(KmsError::not_implemented(format!("the message type {other}"))),
    }
}
