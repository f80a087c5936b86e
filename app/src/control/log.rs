//! The directory's log in the control database: appending to it, paging through it, and checking all of it.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::directory::{Entry, Head, Log, RegionRecord, RuleError, TenantRecord, TenantState, decode};
use regions::ids::TenantId;
use regions::region::RegionName;

use super::error::ControlError;
use super::rules::Lifecycle;
use super::store::{ControlTx, Store};
use super::tables::{directory_head, directory_log};
use super::tenants;

/// Longest page of the log that a caller may ask for.
pub const PAGE_MAX: u16 = 100;
/// Entries read at once when the whole log is checked.
const READ_PAGE: u16 = 5_000;

/// One entry with the head that it leads to.
#[derive(Debug, Clone)]
pub struct Line {
    /// Version and chain after the entry.
    pub head: Head,
    /// The entry.
    pub entry: Entry,
}

/// What the log says at one version: the last record of each region and tenant.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    /// Regions by name.
    pub regions: BTreeMap<RegionName, RegionRecord>,
    /// Tenants by id.
    pub tenants: HashMap<TenantId, TenantRecord>,
}

impl Fold {
    /// Takes one more entry, which must follow from what is known.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), RuleError> {
        match entry {
            Entry::Region(record) => {
                record.check()?;
                self.regions.values().try_for_each(|other| record.check_beside(other))?;
                self.regions.insert(record.region.name, record.clone());
            }
            Entry::Tenant(record) => {
                if !self.regions.contains_key(&record.region) {
                    return Err(RuleError::UnknownRegion);
                }
                if let Some(earlier) = self.tenants.get(&record.id) {
                    record.check_follows(earlier)?;
                }
                self.tenants.insert(record.id, *record);
            }
        }
        Ok(())
    }

    /// Every current entry, regions first.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let regions = self.regions.values().cloned().map(Entry::Region);
        regions.chain(self.tenants.values().copied().map(Entry::Tenant)).collect()
    }
}

/// Appends an entry in the caller's transaction. The head's row is locked, so that versions follow each other without a
/// gap whatever runs at once; whoever sees the entry sees it with the change it reports.
pub(super) async fn append(tx: &mut ControlTx, entry: &Entry) -> Result<Head, ControlError> {
    if let Entry::Region(record) = entry {
        record.check()?;
    }
    let before = stored_head(tx, Lock::Row).await?;
    if before.version < tx.verified_version() {
        return Err(ControlError::Tampered(before.version.saturating_add(1)));
    }
    let (head, bytes) = Log::append(before, entry);
    let version = i64::try_from(head.version).map_err(|_error| ControlError::Stored("directory head"))?;
    let now = tx.now();
    diesel::insert_into(directory_log::table)
        .values((
            directory_log::version.eq(version),
            directory_log::chain.eq(&head.chain[..]),
            directory_log::entry.eq(bytes),
            directory_log::recorded_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await?;
    diesel::update(directory_head::table)
        .set((directory_head::version.eq(version), directory_head::chain.eq(&head.chain[..])))
        .execute(tx.conn()?)
        .await?;
    Ok(head)
}

/// Whether reading the head keeps others from moving it.
enum Lock {
    Row,
    None,
}

async fn stored_head(tx: &mut ControlTx, lock: Lock) -> Result<Head, ControlError> {
    let query = directory_head::table.select((directory_head::version, directory_head::chain));
    let (version, chain): (i64, Vec<u8>) = match lock {
        Lock::Row => query.for_update().first(tx.conn()?).await?,
        Lock::None => query.first(tx.conn()?).await?,
    };
    head_of(version, &chain)
}

fn head_of(version: i64, chain: &[u8]) -> Result<Head, ControlError> {
    let bad = || ControlError::Stored("directory head");
    Ok(Head {
        version: u64::try_from(version).map_err(|_error| bad())?,
        chain: chain.try_into().map_err(|_error| bad())?,
    })
}

/// The end of the log as the database has it.
///
/// # Errors
/// When the database fails.
pub async fn head(store: &Store) -> Result<Head, ControlError> {
    let mut tx = store.begin().await?;
    let head = stored_head(&mut tx, Lock::None).await?;
    tx.commit_unaudited().await?;
    Ok(head)
}

/// Up to `limit` entries after a version, as they are stored: the chain is not checked.
///
/// # Errors
/// [`ControlError::Stored`] for an entry that does not decode.
pub async fn page(store: &Store, after: u64, limit: u16) -> Result<Vec<Line>, ControlError> {
    let mut tx = store.begin().await?;
    let rows = raw_page(&mut tx, after, limit).await?;
    tx.commit_unaudited().await?;
    rows.into_iter()
        .map(|(head, bytes)| {
            let entry = decode(&bytes).ok_or(ControlError::Stored("directory entry"))?;
            Ok(Line { head, entry })
        })
        .collect()
}

async fn raw_page(tx: &mut ControlTx, after: u64, limit: u16) -> Result<Vec<(Head, Vec<u8>)>, ControlError> {
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = directory_log::table
        .filter(directory_log::version.gt(after))
        .order(directory_log::version)
        .limit(i64::from(limit))
        .select((directory_log::version, directory_log::chain, directory_log::entry))
        .load(tx.conn()?)
        .await?;
    rows.into_iter().map(|(version, chain, bytes)| Ok((head_of(version, &chain)?, bytes))).collect()
}

/// Reads what follows `from`, checking that each entry continues the chain, and hands each to `take`
/// with the head before it.
///
/// # Errors
/// [`ControlError::Tampered`] at the first entry that does not continue it, or when the log ends elsewhere than the
/// stored head says.
pub async fn follow(
    store: &Store,
    from: Head,
    mut take: impl FnMut(Head, Entry) -> Result<(), ControlError>,
) -> Result<Head, ControlError> {
    let mut head = from;
    loop {
        let mut tx = store.begin().await?;
        // Read before the page, so that it is never ahead of what the page can show.
        let end = stored_head(&mut tx, Lock::None).await?;
        let rows = raw_page(&mut tx, head.version, READ_PAGE).await?;
        tx.commit_unaudited().await?;
        let (full, tampered) = (rows.len() == usize::from(READ_PAGE), ControlError::Tampered);
        if head.version > end.version {
            // Versions that this process has verified are gone: the database was put back to an older state.
            return Err(tampered(end.version.saturating_add(1)));
        }
        for (stored, bytes) in rows {
            let next = head.after(&bytes);
            if next != stored {
                return Err(tampered(next.version));
            }
            let entry = decode(&bytes).ok_or(tampered(next.version))?;
            take(head, entry)?;
            head = next;
            if head.version == end.version && head.chain != end.chain {
                return Err(tampered(head.version));
            }
        }
        if full {
            continue;
        }
        // A log that was cut short, or one whose head was put back, ends before its head or after it.
        return if head.version >= end.version && (head.version > end.version || head.chain == end.chain) {
            Ok(head)
        } else {
            Err(tampered(head.version.saturating_add(1)))
        };
    }
}

/// What a whole check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The verified end of the log.
    pub head: Head,
    /// Regions it names.
    pub regions: usize,
    /// Tenants it names.
    pub tenants: usize,
}

/// Reads the whole log, checks its chain and its rules, and compares it with the tenants' table.
///
/// # Errors
/// [`ControlError::Tampered`], [`ControlError::Rule`], [`ControlError::Stored`] when log and table disagree.
pub async fn verify(store: &Store) -> Result<Verified, ControlError> {
    let mut fold = Fold::default();
    let head = follow(store, Head::EMPTY, |_, entry| Ok(fold.apply(&entry)?)).await?;
    let mut after = None;
    loop {
        let page = tenants::list(store, after, tenants::PAGE_MAX).await?;
        for tenant in &page {
            let listed = fold.tenants.get(&tenant.id).copied();
            if listed.is_some_and(|record| !agrees(&record, tenant)) {
                return Err(ControlError::Stored("tenant: it differs from the directory"));
            }
        }
        after = page.last().map(|tenant| tenant.id);
        if page.len() < usize::from(tenants::PAGE_MAX) {
            return Ok(Verified { head, regions: fold.regions.len(), tenants: fold.tenants.len() });
        }
    }
}

fn agrees(record: &TenantRecord, tenant: &tenants::Tenant) -> bool {
    let state = match tenant.state {
        // In the directory before the invitation is made, so that it can be made through the tenant's own door.
        Lifecycle::Applied | Lifecycle::Provisioning | Lifecycle::Active => TenantState::Active,
        Lifecycle::Suspended => TenantState::Suspended,
        Lifecycle::Offboarding | Lifecycle::Purged => TenantState::Offboarded,
    };
    *record == tenant.record(state)
}
