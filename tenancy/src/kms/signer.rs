//! Signatures by a KMS key that never leaves KMS: ECDSA over P-256, for the checkpoints of the audit log.

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{KeySpec, KeyState, KeyUsageType, MessageType, SigningAlgorithmSpec};
use regions::region::RegionName;

use super::{CallFor, KeyArn, KmsError, LIMITS, classify, count};
use crate::aws::{Site, Target};
use crate::config::KmsConfig;
use crate::error::BootError;

/// Longest message that KMS hashes itself, in bytes; a checkpoint has about 200.
const MESSAGE_BYTES_MAX: usize = 4_096;
/// The configuration field, for messages.
const FIELD: &str = "audit.signing_key_id";

/// The signing key of a region's audit log.
pub struct Signer {
    client: Client,
    key: KeyArn,
    public: Vec<u8>,
}

impl Signer {
    /// Opens the client, checks that the key is an enabled single-Region P-256 signing key, and fetches its public half.
    ///
    /// # Errors
    /// [`BootError`] naming `audit.signing_key_id`, `kms.endpoint` or `kms.ca`.
    pub async fn connect(region: RegionName, kms: &KmsConfig, key_id: &str) -> Result<Self, BootError> {
        let key = KeyArn::pinned_field(key_id, region, FIELD)?;
        let target = Target {
            region,
            endpoint: kms.endpoint.as_deref(),
            ca: kms.ca.as_deref(),
            fields: ("kms.endpoint", "kms.ca"),
        };
        let site = Site::new(&target, &LIMITS).await?;
        let mut builder = aws_sdk_kms::Config::builder()
            .behavior_version(site.behavior)
            .region(site.region)
            .http_client(site.http)
            .credentials_provider(site.credentials)
            .retry_config(site.retry)
            .timeout_config(site.timeout);
        builder.set_endpoint_url(site.endpoint);
        let mut signer = Self { client: Client::from_conf(builder.build()), key, public: Vec::new() };
        signer.check().await?;
        let answer = signer.client.get_public_key().key_id(signer.key.as_str()).send().await;
        let answer = answer.map_err(|error| boot_error(classify(&error)))?;
        signer.public = answer.public_key.map(Blob::into_inner).unwrap_or_default();
        Ok(signer)
    }

    /// Asks KMS whether the key is still what it must be.
    ///
    /// # Errors
    /// [`BootError::Pin`] if it is not, [`BootError::Dependency`] when KMS does not answer.
    pub async fn check(&self) -> Result<(), BootError> {
        let answer = self.client.describe_key().key_id(self.key.as_str()).send().await;
        let described = answer.map_err(|error| boot_error(classify(&error)))?;
        let metadata = described.key_metadata().ok_or_else(|| pin("a key", "nothing"))?;
        if metadata.arn() != Some(self.key.as_str()) || metadata.multi_region() != Some(false) {
            return Err(pin(self.key.as_str(), "another key, or a multi-Region one"));
        }
        if metadata.key_usage() != Some(&KeyUsageType::SignVerify)
            || metadata.key_spec() != Some(&KeySpec::EccNistP256)
        {
            return Err(pin("an ECC_NIST_P256 signing key", "another kind of key"));
        }
        if metadata.key_state() != Some(&KeyState::Enabled) {
            return Err(pin("an enabled key", metadata.key_state().map_or("no state", KeyState::as_str)));
        }
        Ok(())
    }

    /// The public key as a DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn public_key_der(&self) -> &[u8] {
        &self.public
    }

    /// Signs `message` (at most 4,096 bytes) with ECDSA over its SHA-256; the signature is DER.
    ///
    /// # Errors
    /// [`KmsError`].
    pub async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KmsError> {
        if message.is_empty() || message.len() > MESSAGE_BYTES_MAX {
            return Err(KmsError::Ciphertext);
        }
        let answer = self
            .client
            .sign()
            .key_id(self.key.as_str())
            .message(Blob::new(message))
            .message_type(MessageType::Raw)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await;
        let result = match answer {
            Ok(answer) => answer.signature.map(Blob::into_inner).ok_or(KmsError::Ciphertext),
            Err(error) => Err(classify(&error)),
        };
        count("sign", CallFor::Evidence, result.as_ref().err());
        result
    }
}

fn pin(expected: &str, found: &str) -> BootError {
    BootError::Pin { field: FIELD, expected: expected.to_owned(), found: found.to_owned() }
}

fn boot_error(error: KmsError) -> BootError {
    let problem = match error {
        KmsError::KeyUnusable => return pin("an enabled key", "no such key"),
        KmsError::Denied => "this process may not use the key",
        KmsError::Ciphertext | KmsError::Unavailable => "KMS does not answer",
    };
    BootError::Dependency { field: FIELD, problem: problem.to_owned() }
}
