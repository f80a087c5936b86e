//! The verified directory in memory: what the feed serves, also while the control database is away.

use std::collections::VecDeque;
use std::sync::Arc;

use actix_web::web::Bytes;
use parking_lot::RwLock;
use regions::clock::Clock;
use regions::directory::{DELTA_MAX_ENTRIES, Entry, Head, Signer};
use regions::region::RegionName;
use tokio::sync::{Mutex, watch};

use super::error::ControlError;
use super::log::{self, Fold};
use super::store::Store;

/// Entries kept for deltas; a process further behind takes a snapshot.
const RECENT_MAX_ENTRIES: usize = DELTA_MAX_ENTRIES;
/// How old a signed snapshot may be when it is handed out again, in milliseconds.
const SNAPSHOT_MAX_AGE_MS: u64 = 10_000;

/// The answer to a process that has a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
    /// It is up to date.
    Nothing,
    /// What it lacks, signed.
    Signed(Bytes),
    /// Its version is none that this process can start from.
    TakeSnapshot,
}

/// The directory of this control process.
pub struct Ledger {
    state: RwLock<State>,
    signer: Signer,
    clock: Clock,
    version: watch::Sender<u64>,
    /// Holds the last signed snapshot; also keeps several callers from signing the same one.
    snapshot: Mutex<Option<Snapshot>>,
    /// Keeps two catch-ups apart, so that each entry is applied once.
    catching_up: Mutex<()>,
}

struct State {
    head: Head,
    fold: Fold,
    /// The newest entries, each with the head before it.
    recent: VecDeque<(Head, Entry)>,
}

struct Snapshot {
    head: Head,
    issued_ms: u64,
    bytes: Bytes,
}

impl Ledger {
    /// Reads and checks the whole log.
    ///
    /// # Errors
    /// [`ControlError::Tampered`] when its chain is broken anywhere: then this process must not sign anything.
    pub async fn load(store: &Store, signer: Signer, clock: Clock) -> Result<Arc<Self>, ControlError> {
        let state = State { head: Head::EMPTY, fold: Fold::default(), recent: VecDeque::new() };
        let ledger = Arc::new(Self {
            state: RwLock::new(state),
            signer,
            clock,
            version: watch::Sender::new(0),
            snapshot: Mutex::new(None),
            catching_up: Mutex::new(()),
        });
        ledger.catch_up(store).await?;
        Ok(ledger)
    }

    /// Takes what others, or this process itself, have appended since. Cancelling it loses nothing.
    ///
    /// # Errors
    /// [`ControlError::Tampered`] when the log does not continue what this process has verified; what it has stays.
    pub async fn catch_up(&self, store: &Store) -> Result<Head, ControlError> {
        let _alone = self.catching_up.lock().await;
        let from = self.head();
        log::follow(store, from, |before, entry| self.apply(before, entry)).await?;
        let head = self.head();
        store.remember_verified(head.version);
        self.version.send_if_modified(|version| {
            let newer = *version < head.version;
            *version = head.version;
            newer
        });
        Ok(head)
    }

    fn apply(&self, before: Head, entry: Entry) -> Result<(), ControlError> {
        let (after, _bytes) = regions::directory::Log::append(before, &entry);
        let mut state = self.state.write();
        state.fold.apply(&entry)?;
        state.head = after;
        state.recent.push_back((before, entry));
        if state.recent.len() > RECENT_MAX_ENTRIES {
            state.recent.pop_front();
        }
        Ok(())
    }

    /// The newest verified version.
    #[must_use]
    pub fn head(&self) -> Head {
        self.state.read().head
    }

    /// Whether the directory names this region.
    #[must_use]
    pub fn has_region(&self, name: RegionName) -> bool {
        self.state.read().fold.regions.contains_key(&name)
    }

    /// The regions that the directory names, by name.
    #[must_use]
    pub fn regions(&self) -> Vec<RegionName> {
        self.state.read().fold.regions.keys().copied().collect()
    }

    /// Tells of every new version.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The public half of the signing key, as verifiers list it.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.signer.public_key()
    }

    /// What a process at version `after` lacks.
    #[must_use]
    pub fn delta(&self, after: u64) -> Delta {
        let (from, entries) = {
            let state = self.state.read();
            if after == state.head.version {
                return Delta::Nothing;
            }
            let Some(oldest) = state.recent.front().map(|(before, _)| before.version) else {
                return Delta::TakeSnapshot;
            };
            let skipped = after.checked_sub(oldest).and_then(|count| usize::try_from(count).ok());
            let Some(skipped) = skipped.filter(|count| *count < state.recent.len()) else {
                return Delta::TakeSnapshot;
            };
            let mut missing = state.recent.iter().skip(skipped);
            let Some((from, first)) = missing.next() else { return Delta::TakeSnapshot };
            let entries: Vec<Entry> = std::iter::once(first)
                .chain(missing.map(|(_, entry)| entry))
                .take(DELTA_MAX_ENTRIES)
                .cloned()
                .collect();
            (*from, entries)
        };
        Delta::Signed(Bytes::from(self.signer.delta(from, &entries, self.clock.now_unix_ms())))
    }

    /// All current entries, signed; none when signing was interrupted. Many front doors that start at once get the same
    /// bytes, and a large directory is encoded beside the threads that answer.
    pub async fn snapshot(self: &Arc<Self>) -> Option<Bytes> {
        let mut cached = self.snapshot.lock().await;
        let now_ms = self.clock.now_unix_ms();
        let head = self.head();
        let fresh = |known: &&Snapshot| {
            known.head == head && now_ms.saturating_sub(known.issued_ms) < SNAPSHOT_MAX_AGE_MS
        };
        if let Some(known) = cached.as_ref().filter(fresh) {
            return Some(known.bytes.clone());
        }
        let ledger = Arc::clone(self);
        let signing = tokio::task::spawn_blocking(move || ledger.sign_snapshot(now_ms));
        let signed = signing.await.ok()?;
        let bytes = signed.bytes.clone();
        *cached = Some(signed);
        Some(bytes)
    }

    fn sign_snapshot(&self, issued_ms: u64) -> Snapshot {
        let (head, entries) = {
            let state = self.state.read();
            (state.head, state.fold.entries())
        };
        Snapshot { head, issued_ms, bytes: Bytes::from(self.signer.snapshot(head, entries, issued_ms)) }
    }
}
