//! Data keys, encryption and decryption.

use serde::Deserialize;
use serde_json::{Value, json};

use super::blob;
use super::error::{KmsError, KmsResult};
use super::key::{Key, KeySpec};
use super::store::{Access, Keys, Kms, Names};
use super::wire::{Blob, Context};
use crate::random;

/// The longest plaintext that `Encrypt` takes, in bytes.
const MAX_PLAINTEXT_BYTES: usize = 4096;
/// The longest data key, in bytes.
const MAX_DATA_KEY_BYTES: usize = 1024;
/// The longest ciphertext blob, in bytes.
const MAX_CIPHERTEXT_BYTES: usize = 6144;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct GenerateDataKey {
    key_id: String,
    #[serde(default)]
    encryption_context: Context,
    key_spec: Option<String>,
    number_of_bytes: Option<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Encrypt {
    key_id: String,
    plaintext: Blob,
    #[serde(default)]
    encryption_context: Context,
    encryption_algorithm: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Decrypt {
    ciphertext_blob: Blob,
    key_id: Option<String>,
    #[serde(default)]
    encryption_context: Context,
    encryption_algorithm: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct ReEncrypt {
    ciphertext_blob: Blob,
    source_key_id: Option<String>,
    #[serde(default)]
    source_encryption_context: Context,
    source_encryption_algorithm: Option<String>,
    destination_key_id: String,
    #[serde(default)]
    destination_encryption_context: Context,
    destination_encryption_algorithm: Option<String>,
}

/// A ciphertext with all that is needed to open it.
struct Sealed<'a> {
    blob: &'a Blob,
    key_id: Option<&'a str>,
    context: &'a Context,
    operation: &'static str,
}

impl Kms {
    pub(super) fn generate_data_key(&self, request: GenerateDataKey) -> KmsResult<Value> {
        let (arn, plaintext, sealed) = self.new_data_key(&request, "GenerateDataKey")?;
        Ok(json!({"KeyId": arn, "Plaintext": plaintext, "CiphertextBlob": sealed}))
    }

    pub(super) fn generate_data_key_without_plaintext(&self, request: GenerateDataKey) -> KmsResult<Value> {
        let (arn, _, sealed) = self.new_data_key(&request, "GenerateDataKeyWithoutPlaintext")?;
        Ok(json!({"KeyId": arn, "CiphertextBlob": sealed}))
    }

    pub(super) fn encrypt(&self, request: Encrypt) -> KmsResult<Value> {
        check_algorithm(request.encryption_algorithm.as_deref())?;
        if !(1..=MAX_PLAINTEXT_BYTES).contains(&request.plaintext.0.len()) {
            return Err(KmsError::validation("Plaintext is 1 to 4096 bytes long"));
        }
        let access =
            Access { operation: "Encrypt", names: Names::WithAliases, context: &request.encryption_context };
        self.with(|keys| {
            let key = self.symmetric(keys, &request.key_id, access)?;
            let sealed = Blob(blob::seal(key, &request.encryption_context, &request.plaintext.0)?);
            Ok(json!({"KeyId": key.arn, "CiphertextBlob": sealed, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}))
        })
    }

    pub(super) fn decrypt(&self, request: Decrypt) -> KmsResult<Value> {
        check_algorithm(request.encryption_algorithm.as_deref())?;
        self.with(|keys| {
            let sealed = Sealed {
                blob: &request.ciphertext_blob,
                key_id: request.key_id.as_deref(),
                context: &request.encryption_context,
                operation: "Decrypt",
            };
            let (key, plaintext) = self.unseal(keys, &sealed)?;
            Ok(json!({
                "KeyId": key.arn, "Plaintext": Blob(plaintext), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"
            }))
        })
    }

    pub(super) fn re_encrypt(&self, request: ReEncrypt) -> KmsResult<Value> {
        check_algorithm(request.source_encryption_algorithm.as_deref())?;
        check_algorithm(request.destination_encryption_algorithm.as_deref())?;
        let context = &request.destination_encryption_context;
        let access = Access { operation: "ReEncryptTo", names: Names::WithAliases, context };
        self.with(|keys| {
            let sealed = Sealed {
                blob: &request.ciphertext_blob,
                key_id: request.source_key_id.as_deref(),
                context: &request.source_encryption_context,
                operation: "ReEncryptFrom",
            };
            let (source, plaintext) = self.unseal(keys, &sealed)?;
            let target = self.symmetric(keys, &request.destination_key_id, access)?;
            let sealed = Blob(blob::seal(target, context, &plaintext)?);
            Ok(json!({
                "CiphertextBlob": sealed, "SourceKeyId": source.arn, "KeyId": target.arn,
                "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT", "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT"
            }))
        })
    }

    fn new_data_key(
        &self,
        request: &GenerateDataKey,
        operation: &'static str,
    ) -> KmsResult<(String, Blob, Blob)> {
        let length = match (request.key_spec.as_deref(), request.number_of_bytes) {
            (Some("AES_256"), None) => 32,
            (Some("AES_128"), None) => 16,
            (None, Some(n)) if (1..=MAX_DATA_KEY_BYTES).contains(&n) => n,
            _ => {
                return Err(KmsError::validation(
                    "give either KeySpec AES_256 or AES_128, or NumberOfBytes 1 to 1024",
                ));
            }
        };
        let mut plaintext = vec![0; length];
        random::fill(&mut plaintext)?;
        let access = Access { operation, names: Names::WithAliases, context: &request.encryption_context };
        self.with(|keys| {
            let key = self.symmetric(keys, &request.key_id, access)?;
            let sealed = blob::seal(key, &request.encryption_context, &plaintext)?;
            Ok((key.arn.clone(), Blob(plaintext), Blob(sealed)))
        })
    }

    fn symmetric<'k>(&self, keys: &'k Keys, given: &str, access: Access<'_>) -> KmsResult<&'k Key> {
        let key = self.find(keys, given, access)?;
        key.usable()?;
        key.of_spec(KeySpec::Symmetric)?;
        Ok(key)
    }

    /// Opens a ciphertext: the key that sealed it is found from the blob, and must be the one that was named, if any.
    fn unseal<'k>(&self, keys: &'k Keys, sealed: &Sealed<'_>) -> KmsResult<(&'k Key, Vec<u8>)> {
        if sealed.blob.0.len() > MAX_CIPHERTEXT_BYTES {
            return Err(KmsError::validation("CiphertextBlob is at most 6144 bytes long"));
        }
        let access =
            Access { operation: sealed.operation, names: Names::WithAliases, context: sealed.context };
        let named = sealed.key_id.map(|given| self.symmetric(keys, given, access)).transpose()?;
        let parsed = blob::parse(&sealed.blob.0)?;
        if named.is_some_and(|key| key.id != parsed.key_id) {
            let message =
                "The key ID in the request does not identify a CMK that can perform this operation.";
            return Err(KmsError::refused("IncorrectKeyException", message));
        }
        // A blob of a key that is not here, for example of another region's, says no more than a damaged one.
        if !keys.keys.contains_key(parsed.key_id) {
            return Err(KmsError::invalid_ciphertext());
        }
        let key = self.symmetric(keys, parsed.key_id, access)?;
        let plaintext = blob::open(key, sealed.context, &parsed)?;
        Ok((key, plaintext))
    }
}

fn check_algorithm(algorithm: Option<&str>) -> KmsResult<()> {
    match algorithm {
        None | Some("SYMMETRIC_DEFAULT") => Ok(()),
        Some(other) => Err(KmsError::not_implemented(format!("the encryption algorithm {other}"))),
    }
}
