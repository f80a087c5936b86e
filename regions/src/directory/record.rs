//! What the directory records: a region, a tenant, and the rules a change of either must keep.

use crate::ids::{Epoch, ShardId, Slug, TenantId};
use crate::region::{Region, RegionName};
use crate::residency::TransitMode;
use serde::{Deserialize, Serialize};

/// Longest address of a region's front door, in bytes: a host name, a colon and a port.
pub const PEER_MAX_BYTES: usize = 255;

/// A region and how to reach its front door from the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionRecord {
    /// Name, code and jurisdiction; they never change.
    pub region: Region,
    /// `host:port` where this region's front door takes streams that other front doors carry to it.
    pub peer_front_door: String,
    /// The port in links to this region's hosts.
    pub public_port: u16,
    /// Whether other regions' front doors may carry unopened streams to this one.
    pub transit: TransitMode,
}

/// A clinic and where it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantRecord {
    /// Names the clinic for ever; its schemas are called after it.
    pub id: TenantId,
    /// The clinic's name in host names; it never changes either.
    pub slug: Slug,
    /// Home region; it never changes.
    pub region: RegionName,
    /// The cluster inside the region; it may change, with a greater epoch.
    pub shard: ShardId,
    /// Whether requests are served.
    pub state: TenantState,
    /// Grows with every change of placement.
    pub epoch: Epoch,
}

/// Whether a tenant's requests are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// Served.
    Active,
    /// Refused with 403 until resumed.
    Suspended,
    /// Refused with 410 for ever. Its slug may name another clinic one day, its id never.
    Offboarded,
}

/// One line of the directory's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A region was added, or how it is reached changed.
    Region(RegionRecord),
    /// A tenant was added, or its shard, state or epoch changed.
    Tenant(TenantRecord),
}

/// Why an entry may not follow what is known already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A tenant's region would change.
    #[error("a tenant's region never changes")]
    RegionChanged,
    /// A tenant's slug would change.
    #[error("a tenant's slug never changes")]
    SlugChanged,
    /// A tenant's epoch would shrink, or its shard change without a greater epoch.
    #[error("a tenant's epoch only grows, and a new shard needs a greater one")]
    EpochNotGreater,
    /// An off-boarded tenant would come back.
    #[error("an off-boarded tenant does not come back")]
    Offboarded,
    /// Two tenants that are not off-boarded would share a slug.
    #[error("the slug belongs to another tenant")]
    SlugTaken,
    /// A tenant would live in a region that is not recorded.
    #[error("the tenant's region is not in the directory")]
    UnknownRegion,
    /// A region's code or jurisdiction would change, or two regions would share a code.
    #[error("a region's code and jurisdiction never change, and no two regions share a code")]
    RegionIdentity,
    /// A tenant or region is there twice, or out of order, in a snapshot.
    #[error("a record is repeated or out of order")]
    Repeated,
    /// A tenant or region that was known is missing from a newer snapshot; leaving is a record, not an
    /// absence.
    #[error("a record vanished")]
    Vanished,
    /// More than 255 regions, or an address that is empty or too long.
    #[error("the region record is out of bounds")]
    RegionBounds,
}

impl RuleError {
    /// A machine-readable name for logs, metrics and problem bodies.
    pub fn code(self) -> &'static str {
        match self {
            Self::RegionChanged => "region_changed",
            Self::SlugChanged => "slug_changed",
            Self::EpochNotGreater => "epoch_not_greater",
            Self::Offboarded => "offboarded",
            Self::SlugTaken => "slug_taken",
            Self::UnknownRegion => "unknown_region",
            Self::RegionIdentity => "region_identity",
            Self::Repeated => "repeated",
            Self::Vanished => "vanished",
            Self::RegionBounds => "region_bounds",
        }
    }
}

impl TenantRecord {
    /// Checks that this record may replace `earlier`, a record of the same id.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check_follows(&self, earlier: &Self) -> Result<(), RuleError> {
        if self.region != earlier.region {
            return Err(RuleError::RegionChanged);
        }
        if self.slug != earlier.slug {
            return Err(RuleError::SlugChanged);
        }
        if earlier.state == TenantState::Offboarded && self.state != TenantState::Offboarded {
            return Err(RuleError::Offboarded);
        }
        let moved = self.shard != earlier.shard;
        if self.epoch < earlier.epoch || (moved && self.epoch == earlier.epoch) {
            return Err(RuleError::EpochNotGreater);
        }
        Ok(())
    }
}

impl RegionRecord {
    /// Checks the record by itself.
    ///
    /// # Errors
    /// [`RuleError::RegionBounds`].
    pub fn check(&self) -> Result<(), RuleError> {
        let good = (1..=PEER_MAX_BYTES).contains(&self.peer_front_door.len()) && self.public_port != 0;
        if good { Ok(()) } else { Err(RuleError::RegionBounds) }
    }

    /// Checks that this record may stand beside `other`, or replace it if it has the same name.
    ///
    /// # Errors
    /// [`RuleError::RegionIdentity`].
    pub fn check_beside(&self, other: &Self) -> Result<(), RuleError> {
        let good = match self.region.name == other.region.name {
            true => self.region == other.region,
            false => self.region.code != other.region.code,
        };
        if good { Ok(()) } else { Err(RuleError::RegionIdentity) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantRecord {
        TenantRecord {
            id: TenantId::from([7; 16]),
            slug: "lotus".parse().unwrap(),
            region: "ap-south-1".parse().unwrap(),
            shard: ShardId(1),
            state: TenantState::Active,
            epoch: Epoch(3),
        }
    }

    #[test]
    fn a_tenant_keeps_its_region_slug_and_direction() {
        let earlier = tenant();
        let offboarded = TenantRecord { state: TenantState::Offboarded, ..earlier };
        for (later, earlier, expected) in [
            (earlier, earlier, Ok(())),
            (TenantRecord { state: TenantState::Suspended, ..earlier }, earlier, Ok(())),
            (TenantRecord { shard: ShardId(2), epoch: Epoch(4), ..earlier }, earlier, Ok(())),
            (TenantRecord { shard: ShardId(2), ..earlier }, earlier, Err(RuleError::EpochNotGreater)),
            (TenantRecord { epoch: Epoch(2), ..earlier }, earlier, Err(RuleError::EpochNotGreater)),
            (
                TenantRecord { slug: "locus".parse().unwrap(), ..earlier },
                earlier,
                Err(RuleError::SlugChanged),
            ),
            (
                TenantRecord { region: "us-east-1".parse().unwrap(), epoch: Epoch(9), ..earlier },
                earlier,
                Err(RuleError::RegionChanged),
            ),
            (TenantRecord { epoch: Epoch(9), ..earlier }, offboarded, Err(RuleError::Offboarded)),
        ] {
            assert_eq!(later.check_follows(&earlier), expected, "{later:?} after {earlier:?}");
        }
    }
}
