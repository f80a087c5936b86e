//! One state of the directory, and the only two ways to the next: a verified snapshot or a verified delta.

use super::chain::Head;
use super::record::{Entry, RegionRecord, RuleError, TenantRecord};
use super::sign::{Kind, OpenError, Opened, Verifier};
use crate::region::{RegionCode, RegionName};
use crate::residency::TransitMatrix;
use crate::route_table::{REGIONS_MAX, RouteTable};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Regions, tenants and the transit matrix at one version. Clones share the tenants.
#[derive(Clone, Debug)]
pub struct Directory {
    head: Head,
    regions: BTreeMap<RegionName, RegionRecord>,
    matrix: Arc<TransitMatrix>,
    table: Arc<RouteTable>,
}

/// What applying a message did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The directory is at a newer version.
    Advanced,
    /// The message says what is known already.
    Unchanged,
}

/// Why a message is refused; the state before it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedError {
    /// It is not authentic.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It breaks a rule of the records.
    #[error(transparent)]
    Rule(#[from] RuleError),
    /// A snapshot came where a delta was expected, or the other way round.
    #[error("the message is of the other kind")]
    Kind,
    /// It is older than what is known.
    #[error("the message is older than what is known")]
    Older,
    /// It starts after what is known; a snapshot is needed.
    #[error("the message does not start where the directory is")]
    Gap,
    /// It has the same version but another history: two logs were signed.
    #[error("the message is of another history")]
    Forked,
}

impl RefusedError {
    /// A machine-readable name for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::Rule(error) => error.code(),
            Self::Kind => "kind",
            Self::Older => "older",
            Self::Gap => "gap",
            Self::Forked => "forked",
        }
    }
}

impl Directory {
    /// The first state, from a snapshot.
    ///
    /// # Errors
    /// See [`RefusedError`].
    pub fn from_snapshot(message: &[u8], verifier: &Verifier) -> Result<Self, RefusedError> {
        Self::from_opened(open(message, verifier, Kind::Snapshot)?)
    }

    /// The state after a snapshot: it must be of the same history's length or longer, and keep every record's
    /// identity.
    ///
    /// # Errors
    /// See [`RefusedError`].
    pub fn apply_snapshot(&mut self, message: &[u8], verifier: &Verifier) -> Result<Applied, RefusedError> {
        let opened = open(message, verifier, Kind::Snapshot)?;
        if opened.to.version < self.head.version {
            return Err(RefusedError::Older);
        }
        if opened.to.version == self.head.version {
            return if opened.to == self.head { Ok(Applied::Unchanged) } else { Err(RefusedError::Forked) };
        }
        let next = Self::from_opened(opened)?;
        next.check_keeps(self)?;
        *self = next;
        Ok(Applied::Advanced)
    }

    /// The state after a delta, which must start exactly here. All of it is applied or nothing.
    ///
    /// # Errors
    /// See [`RefusedError`].
    pub fn apply_delta(&mut self, message: &[u8], verifier: &Verifier) -> Result<Applied, RefusedError> {
        let opened = open(message, verifier, Kind::Delta)?;
        match (opened.from, opened.to) {
            (from, _) if from.version > self.head.version => return Err(RefusedError::Gap),
            (_, to) if to == self.head => return Ok(Applied::Unchanged),
            (from, _) if from.version < self.head.version => return Err(RefusedError::Older),
            (from, _) if from != self.head => return Err(RefusedError::Forked),
            _ => {}
        }
        let mut regions = self.regions.clone();
        let mut batch = self.table.batch();
        for entry in opened.entries {
            match entry {
                Entry::Tenant(tenant) => batch.put_tenant(&tenant)?,
                Entry::Region(record) => {
                    batch.put_region(record.region)?;
                    put_region(&mut regions, record)?;
                }
            }
        }
        batch.commit();
        self.matrix = Arc::new(TransitMatrix::from_regions(regions.values()));
        self.regions = regions;
        self.head = opened.to;
        Ok(Applied::Advanced)
    }

    /// How far this state goes.
    pub fn head(&self) -> Head {
        self.head
    }

    /// The tenants.
    pub fn table(&self) -> &RouteTable {
        &self.table
    }

    /// The transit matrix.
    pub fn matrix(&self) -> &Arc<TransitMatrix> {
        &self.matrix
    }

    /// The regions, by name.
    pub fn regions(&self) -> impl Iterator<Item = &RegionRecord> {
        self.regions.values()
    }

    /// A region.
    pub fn region(&self, name: RegionName) -> Option<&RegionRecord> {
        self.regions.get(&name)
    }

    /// The region that a host name's code means.
    pub fn region_by_code(&self, code: RegionCode) -> Option<&RegionRecord> {
        self.regions.values().find(|record| record.region.code == code)
    }

    fn from_opened(opened: Opened) -> Result<Self, RefusedError> {
        let (mut regions, mut tenants) = (BTreeMap::new(), Vec::with_capacity(opened.entries.len()));
        for entry in opened.entries {
            match entry {
                Entry::Region(record) => put_region(&mut regions, record)?,
                Entry::Tenant(tenant) => tenants.push(tenant),
            }
        }
        let table = RouteTable::build(regions.values().map(|record| record.region), tenants)?;
        let matrix = Arc::new(TransitMatrix::from_regions(regions.values()));
        Ok(Self { head: opened.to, regions, matrix, table: Arc::new(table) })
    }

    /// Checks that this newer state has every record of an older one, unchanged where records may not change.
    fn check_keeps(&self, older: &Self) -> Result<(), RuleError> {
        for record in older.regions.values() {
            self.regions.get(&record.region.name).ok_or(RuleError::Vanished)?.check_beside(record)?;
        }
        for id in older.table.ids() {
            let earlier: TenantRecord = older.table.tenant(&id).ok_or(RuleError::Vanished)?;
            self.table.tenant(&id).ok_or(RuleError::Vanished)?.check_follows(&earlier)?;
        }
        Ok(())
    }
}

fn open(message: &[u8], verifier: &Verifier, kind: Kind) -> Result<Opened, RefusedError> {
    let opened = verifier.open(message)?;
    if opened.kind == kind { Ok(opened) } else { Err(RefusedError::Kind) }
}

fn put_region(
    regions: &mut BTreeMap<RegionName, RegionRecord>,
    record: RegionRecord,
) -> Result<(), RuleError> {
    record.check()?;
    regions.values().try_for_each(|other| record.check_beside(other))?;
    regions.insert(record.region.name, record);
    if regions.len() > REGIONS_MAX { Err(RuleError::RegionBounds) } else { Ok(()) }
}
