//! A key as it is kept on disk, and what its state allows.

use serde::{Deserialize, Serialize};

use super::error::{KmsError, KmsResult};
use super::wire::Blob;

/// What kind of key it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeySpec {
    /// AES-256-GCM, for data keys.
    #[default]
    #[serde(rename = "SYMMETRIC_DEFAULT")]
    Symmetric,
    /// ECDSA over P-256, for signatures.
    #[serde(rename = "ECC_NIST_P256")]
    EccP256,
}

/// Whether a key stays in its region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RegionScope {
    /// It never leaves its region.
    #[default]
    Single,
    /// A multi-Region key (`mrk-`), which Domicile refuses; here so that a test can see the refusal.
    Multi,
}

/// How a key is to be made; the default is a symmetric key of one region.
#[derive(Clone, Debug, Default)]
pub struct KeyOptions {
    /// Its kind.
    pub spec: KeySpec,
    /// Whether it is a multi-Region key.
    pub scope: RegionScope,
    /// Free text.
    pub description: String,
}

/// How a key is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The key id, a UUID (or `mrk-` and 32 digits).
    pub id: String,
    /// The full name with region and account.
    pub arn: String,
}

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    Enabled,
    Disabled,
    PendingDeletion,
}

/// One generation of key bytes: 32 bytes of AES key, or a PKCS#8 document.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Material {
    pub(super) bytes: Blob,
    pub(super) created_ms: u64,
}

/// A key; the last material encrypts, all of them decrypt.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) arn: String,
    pub(super) spec: KeySpec,
    pub(super) description: String,
    pub(super) created_ms: u64,
    pub(super) state: State,
    pub(super) deletion_ms: Option<u64>,
    pub(super) multi_region: bool,
    pub(super) rotation_days: Option<u32>,
    pub(super) on_demand_rotations: u32,
    pub(super) policy: String,
    pub(super) materials: Vec<Material>,
}

impl Key {
    pub(super) fn info(&self) -> KeyInfo {
        KeyInfo { id: self.id.clone(), arn: self.arn.clone() }
    }

    /// Refuses unless the key is enabled.
    pub(super) fn usable(&self) -> KmsResult<()> {
        match self.state {
            State::Enabled => Ok(()),
            State::Disabled => {
                Err(KmsError::refused("DisabledException", format!("{} is disabled.", self.arn)))
            }
            State::PendingDeletion => self.not_pending(),
        }
    }

    /// Refuses when the key is waiting to be deleted.
    pub(super) fn not_pending(&self) -> KmsResult<()> {
        if self.state == State::PendingDeletion {
            let message = format!("{} is pending deletion.", self.arn);
            return Err(KmsError::refused("KMSInvalidStateException", message));
        }
        Ok(())
    }

    /// Refuses a key of another kind.
    pub(super) fn of_spec(&self, spec: KeySpec) -> KmsResult<()> {
        if self.spec == spec {
            return Ok(());
        }
        Err(KmsError::refused(
            "InvalidKeyUsageException",
            format!("{} key usage does not allow this operation.", self.arn),
        ))
    }
}
