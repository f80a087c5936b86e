//! What a clinic may know of its own keys: which versions there are and since when, and no key.

use std::time::SystemTime;

use regions::ids::TenantId;

use super::{KeyError, Keys, Purpose};

/// One version of a tenant's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyVersion {
    /// What the key is for.
    pub purpose: Purpose,
    /// Its version, from 1.
    pub version: u32,
    /// `next`, `active`, `decrypt`, `legacy` or `retired`.
    pub state: String,
    /// When it was made, by the key store's clock.
    pub made_at: SystemTime,
    /// Since when it is in this state.
    pub changed_at: SystemTime,
}

impl KeyVersion {
    /// Whether a rotation is under way, as far as this version says: it is announced and not in force yet, or another one is
    /// in force and this one still opens what is being moved.
    #[must_use]
    pub fn is_rotating(&self) -> bool {
        matches!(self.state.as_str(), "next" | "decrypt")
    }
}

impl Keys {
    /// The versions of a tenant's keys, in the order of purposes, the newest version of each first; at most 200.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`] when the key store does not answer.
    pub async fn versions(&self, tenant: TenantId) -> Result<Vec<KeyVersion>, KeyError> {
        Ok(self.store.versions(tenant).await?)
    }
}
