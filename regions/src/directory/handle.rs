//! The directory as a running process shares it: one writer, any number of readers on any runtime.

use super::chain::Head;
use super::record::{RegionRecord, TenantRecord};
use super::sign::Verifier;
use super::state::{Applied, Directory, RefusedError};
use crate::ids::{Slug, TenantId};
use crate::metrics;
use crate::region::{RegionCode, RegionName};
use crate::residency::TransitMatrix;
use crate::route_table::Route;
use arc_swap::{ArcSwapOption, Guard};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How long a caller waits for a refresh.
const REFRESH_WAIT_MAX_MS: u64 = 1_000;

/// A process's directory. Clones share one.
#[derive(Clone, Debug, Default)]
pub struct DirectoryHandle {
    shared: Arc<Shared>,
}

/// What the directory says about a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// No directory is loaded; nothing can be said.
    NotReady,
    /// There is no such tenant.
    Unknown,
    /// Where its requests go.
    Found(Route),
}

#[derive(Debug, Default)]
struct Shared {
    current: ArcSwapOption<Directory>,
    writer: Mutex<()>,
    version: watch::Sender<u64>,
    refresh_asked: Notify,
    refreshes: watch::Sender<u64>,
}

impl DirectoryHandle {
    /// A directory that is not loaded yet: every look-up says [`Lookup::NotReady`].
    pub fn new() -> Self {
        Self::default()
    }

    /// What is known about a slug, as text. A text that is no slug is nobody's.
    pub fn lookup(&self, slug: &str) -> Lookup {
        self.find(|directory| slug.parse().ok().and_then(|slug| directory.table().by_slug(&slug)))
    }

    /// What is known about a slug.
    pub fn lookup_slug(&self, slug: &Slug) -> Lookup {
        self.find(|directory| directory.table().by_slug(slug))
    }

    /// What is known about a tenant.
    pub fn by_id(&self, id: TenantId) -> Lookup {
        self.find(|directory| directory.table().by_id(&id))
    }

    /// A tenant's whole record.
    pub fn tenant(&self, id: TenantId) -> Option<TenantRecord> {
        self.read().as_ref()?.table().tenant(&id)
    }

    /// The regions; none when not loaded.
    pub fn regions(&self) -> Vec<RegionRecord> {
        self.read().as_ref().map(|directory| directory.regions().cloned().collect()).unwrap_or_default()
    }

    /// A region.
    pub fn region(&self, name: RegionName) -> Option<RegionRecord> {
        self.read().as_ref()?.region(name).cloned()
    }

    /// The region that a host name's code means.
    pub fn region_by_code(&self, code: RegionCode) -> Option<RegionRecord> {
        self.read().as_ref()?.region_by_code(code).cloned()
    }

    /// The transit matrix; one that refuses everything when not loaded.
    pub fn matrix(&self) -> Arc<TransitMatrix> {
        self.read().as_ref().map(|directory| Arc::clone(directory.matrix())).unwrap_or_default()
    }

    /// How far the directory goes; `None` when not loaded.
    pub fn head(&self) -> Option<Head> {
        self.read().as_ref().map(|directory| directory.head())
    }

    /// Whether a directory is loaded.
    pub fn is_ready(&self) -> bool {
        self.read().is_some()
    }

    /// The state of this moment, for several questions that must agree. Short-lived: do not hold it across an
    /// await.
    pub fn read(&self) -> Guard<Option<Arc<Directory>>> {
        self.shared.current.load()
    }

    /// The version, and its changes; 0 when not loaded.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.version.subscribe()
    }

    /// Applies a snapshot, the first one too.
    ///
    /// # Errors
    /// See [`RefusedError`]; the state before stays.
    pub fn apply_snapshot(&self, message: &[u8], verifier: &Verifier) -> Result<Applied, RefusedError> {
        self.change(|current| match current {
            None => Directory::from_snapshot(message, verifier).map(|first| (first, Applied::Advanced)),
            Some(mut directory) => {
                let applied = directory.apply_snapshot(message, verifier)?;
                Ok((directory, applied))
            }
        })
    }

    /// Applies a delta.
    ///
    /// # Errors
    /// See [`RefusedError`]; the state before stays. Without a state it is [`RefusedError::Gap`].
    pub fn apply_delta(&self, message: &[u8], verifier: &Verifier) -> Result<Applied, RefusedError> {
        self.change(|current| {
            let mut directory = current.ok_or(RefusedError::Gap)?;
            let applied = directory.apply_delta(message, verifier)?;
            Ok((directory, applied))
        })
    }

    /// Asks the feed for news now and waits until it has asked, at most a second. Any number of callers make
    /// one refresh. `false` when the feed did not get through; what was known stays in use.
    pub async fn refresh_now(&self) -> bool {
        let mut refreshes = self.shared.refreshes.subscribe();
        self.shared.refresh_asked.notify_one();
        let done =
            tokio::time::timeout(Duration::from_millis(REFRESH_WAIT_MAX_MS), refreshes.changed()).await;
        matches!(done, Ok(Ok(())))
    }

    /// Returns when someone asked for a refresh; for the feed.
    pub(super) async fn refresh_asked(&self) {
        self.shared.refresh_asked.notified().await;
    }

    /// Returns after the next [`Self::refreshed`]; for the feed.
    pub(super) async fn until_refreshed(&self) {
        // The sender lives as long as this handle, so the only outcome is a change.
        drop(self.shared.refreshes.subscribe().changed().await);
    }

    /// Tells the callers of [`Self::refresh_now`] that the source was asked; for the feed.
    pub(super) fn refreshed(&self) {
        self.shared.refreshes.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn find(&self, ask: impl FnOnce(&Directory) -> Option<Route>) -> Lookup {
        match self.read().as_ref() {
            None => Lookup::NotReady,
            Some(directory) => ask(directory).map_or(Lookup::Unknown, Lookup::Found),
        }
    }

    fn change(
        &self,
        next: impl FnOnce(Option<Directory>) -> Result<(Directory, Applied), RefusedError>,
    ) -> Result<Applied, RefusedError> {
        let _one_writer = self.shared.writer.lock();
        let current = self.shared.current.load_full().map(|directory| Directory::clone(&directory));
        let (directory, applied) = next(current).inspect_err(|refused| {
            metrics::DIRECTORY_REFUSED.with_label_values(&[refused.code()]).inc();
        })?;
        if applied == Applied::Advanced {
            let version = directory.head().version;
            metrics::DIRECTORY_VERSION.set(i64::try_from(version).unwrap_or(i64::MAX));
            metrics::DIRECTORY_TENANTS.set(i64::try_from(directory.table().len()).unwrap_or(i64::MAX));
            self.shared.current.store(Some(Arc::new(directory)));
            self.shared.version.send_replace(version);
        }
        Ok(applied)
    }
}
