//! The certificate of an erasure: a statement of ids, numbers and times, signed by the region's KMS key, checked offline.
//!
//! The statement is kept as the very text that was signed, so that nobody has to agree on a canonical form of JSON.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tenancy::keys::LedgerEntry;
use tenancy::kms::{KmsError, Signer};

/// What every statement begins with, so that a signature for anything else is none for this.
const PREFIX: &str = "domicile erasure certificate v1\n";
/// Days after which no key-store backup can hold the key: 14 days kept, up to 7 days until the week's epoch key is scheduled
/// for deletion, and the 7 days KMS waits at least.
pub const BACKUPS_GONE_AFTER_DAYS: i64 = 28;
/// Largest certificate that is looked at, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 65_536;

/// What is certified. Ids, words of the product, numbers and times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The ledger's entry: region, tenant, subject, erasure, number and time of the key's destruction.
    pub ledger: LedgerEntry,
    /// The version of the locked object that holds it.
    pub ledger_version: String,
    /// Why.
    pub basis: String,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When a second person agreed.
    pub approved_at: DateTime<Utc>,
    /// Rows that were removed.
    pub rows_removed: i64,
    /// Objects that were removed from S3.
    pub objects_removed: i64,
    /// From when on no backup of the key store can open anything of the patient either.
    pub backups_unreadable_from: DateTime<Utc>,
}

/// A signed statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The statement, as the JSON text that was signed.
    pub statement: String,
    /// ECDSA P-256 over the SHA-256 of the prefix line and the statement; DER, in base64.
    pub signature: String,
    /// The signer's public key: DER `SubjectPublicKeyInfo`, in base64. Compare it with the one the region publishes.
    pub public_key: String,
}

/// Why a certificate is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Not a certificate at all.
    #[error("this is not an erasure certificate")]
    Form,
    /// Made by another key than the expected one.
    #[error("the certificate was made with another key than the one given")]
    Key,
    /// Changed after it was signed.
    #[error("the signature does not fit: the certificate was changed")]
    Signature,
}

/// The first moment at which every backup of the key store that could hold a key destroyed at `at` is itself unreadable.
#[must_use]
pub fn backups_unreadable_from(at: DateTime<Utc>) -> DateTime<Utc> {
    at + TimeDelta::days(BACKUPS_GONE_AFTER_DAYS)
}

impl Certificate {
    /// Signs a statement.
    ///
    /// # Errors
    /// What KMS says.
    pub async fn issue(signer: &Signer, statement: &Statement) -> Result<Certificate, KmsError> {
        let text = serde_json::to_string(statement).map_err(|_unreachable| KmsError::Ciphertext)?;
        let signature = signer.sign(format!("{PREFIX}{text}").as_bytes()).await?;
        Ok(Certificate {
            statement: text,
            signature: STANDARD.encode(signature),
            public_key: STANDARD.encode(signer.public_key_der()),
        })
    }

    /// Reads and checks a certificate with the region's public key (DER `SubjectPublicKeyInfo`). Needs no network.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn verify(text: &str, public_key_der: &[u8]) -> Result<Statement, CertificateError> {
        let form = |_| CertificateError::Form;
        if text.len() > CERTIFICATE_BYTES_MAX {
            return Err(CertificateError::Form);
        }
        let certificate: Certificate = serde_json::from_str(text).map_err(|_cause| CertificateError::Form)?;
        let signature = STANDARD.decode(&certificate.signature).map_err(form)?;
        let claimed = STANDARD.decode(&certificate.public_key).map_err(form)?;
        if claimed != public_key_der {
            return Err(CertificateError::Key);
        }
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key_der)
            .map_err(|_cause| CertificateError::Key)?;
        key.verify_sig(format!("{PREFIX}{}", certificate.statement).as_bytes(), &signature)
            .map_err(|_cause| CertificateError::Signature)?;
        serde_json::from_str(&certificate.statement).map_err(|_cause| CertificateError::Form)
    }
}
