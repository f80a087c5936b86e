//! The region's erasure ledger: one object-locked entry for each destroyed subject key, numbered without gaps as the key
//! store numbers them. Ids only.
//!
//! A backup of the key store still holds keys that were destroyed after it was taken. The ledger cannot be rolled back with it,
//! so a process refuses a key store that ends before the ledger does, and a restore replays what is missing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use regions::ids::TenantId;
use regions::region::RegionName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Erased, Keeper, KeyError, SubjectId};
use crate::archive::{Archive, ArchiveError, VersionId};

/// How long an entry is kept from everybody, in seconds: ten years, longer than any backup of a clinic.
const KEPT_S: u64 = 10 * 366 * 24 * 3_600;
/// Entries one prefix of three digits less holds.
const ENTRIES_PER_PREFIX: u64 = 1_000;
/// Most entries one replay reads; call it again for more.
pub const REPLAY_ENTRIES_MAX: usize = 100_000;

/// One entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerEntry {
    /// Format, 1.
    pub v: u8,
    /// The region.
    pub region: String,
    /// The entry's number, from 1.
    pub seq: u64,
    /// The tenant.
    pub tenant: Uuid,
    /// The subject whose key was destroyed.
    pub subject: Uuid,
    /// The erasure that destroyed it.
    pub erasure: Uuid,
    /// When, in microseconds since 1970.
    pub erased_us: u64,
}

impl LedgerEntry {
    /// The entry of a destroyed key.
    #[must_use]
    pub fn new(
        region: RegionName,
        tenant: TenantId,
        subject: SubjectId,
        (erasure, erased): (Uuid, Erased),
    ) -> Self {
        let since = erased.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            v: 1,
            region: region.to_string(),
            seq: erased.seq,
            tenant: tenant.as_uuid(),
            subject: subject.as_uuid(),
            erasure,
            erased_us: u64::try_from(since.as_micros()).unwrap_or(u64::MAX),
        }
    }

    fn erased(&self) -> Erased {
        Erased { seq: self.seq, at: UNIX_EPOCH + Duration::from_micros(self.erased_us) }
    }
}

/// The name of an entry.
#[must_use]
pub fn entry_name(seq: u64) -> String {
    format!("erasure/{seq:020}")
}

impl From<ArchiveError> for KeyError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Conflict | ArchiveError::Damaged | ArchiveError::WrongRegion => Self::Tampered,
            ArchiveError::Denied => Self::Revoked,
            ArchiveError::NotFound | ArchiveError::Name | ArchiveError::TooLarge => Self::NotFound,
            ArchiveError::Unavailable => Self::Unavailable,
        }
    }
}

/// Puts an entry where nobody can change it; doing it again gives the same version.
///
/// # Errors
/// [`KeyError::Tampered`] when the number is taken by another entry: the key store was rolled back.
pub async fn append(archive: &Archive, entry: &LedgerEntry, now: SystemTime) -> Result<VersionId, KeyError> {
    let bytes = serde_json::to_vec(entry).map_err(|_unreachable| KeyError::Tampered)?;
    Ok(archive.put_once(&entry_name(entry.seq), &bytes, now + Duration::from_secs(KEPT_S)).await?)
}

/// The first entry after number `known`, if the ledger goes on.
///
/// Numbers are given without gaps and an entry is put seconds after its number was given, so the next thousand or two tell.
///
/// # Errors
/// [`KeyError`].
pub async fn first_after(archive: &Archive, known: u64) -> Result<Option<u64>, KeyError> {
    let next = known.saturating_add(1);
    for block in [next / ENTRIES_PER_PREFIX, (next / ENTRIES_PER_PREFIX).saturating_add(1)] {
        let (versions, _more) = archive.versions(&format!("erasure/{block:017}"), None).await?;
        let numbers = versions.iter().filter_map(|version| number(&version.name));
        if let Some(first) = numbers.filter(|number| *number > known).min() {
            return Ok(Some(first));
        }
    }
    Ok(None)
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix("erasure/").and_then(|digits| digits.parse().ok())
}

/// Every entry of the ledger, in order, at most [`REPLAY_ENTRIES_MAX`].
///
/// # Errors
/// [`KeyError::Tampered`] when an entry is not one of this region.
pub async fn entries(archive: &Archive, region: RegionName) -> Result<Vec<LedgerEntry>, KeyError> {
    let mut names: Vec<String> = Vec::new();
    let mut from = None;
    loop {
        let (page, next) = archive.versions("erasure/", from).await?;
        names.extend(page.into_iter().filter(|one| !one.delete_marker).map(|one| one.name));
        names.dedup();
        match next {
            Some(place) if names.len() < REPLAY_ENTRIES_MAX => from = Some(place),
            _ => break,
        }
    }
    let mut entries = Vec::with_capacity(names.len());
    for name in &names {
        let (_version, bytes) = archive.get_first(name).await?;
        let entry: LedgerEntry = serde_json::from_slice(&bytes).map_err(|_cause| KeyError::Tampered)?;
        if entry.v != 1 || entry.region != region.as_str() || entry_name(entry.seq) != *name {
            return Err(KeyError::Tampered);
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Destroys again, in a key store that was restored, every key that the ledger says was destroyed; says how many entries there
/// were. Doing it again changes nothing.
///
/// # Errors
/// [`KeyError::Tampered`] when an entry is not one of this region or disagrees with the key store.
pub async fn replay(archive: &Archive, keeper: &Keeper, region: RegionName) -> Result<usize, KeyError> {
    let entries = entries(archive, region).await?;
    for entry in &entries {
        let (tenant, subject) = (TenantId::from(entry.tenant.into_bytes()), SubjectId::from(entry.subject));
        keeper.replay(tenant, subject, entry.erasure, entry.erased()).await?;
    }
    Ok(entries.len())
}
