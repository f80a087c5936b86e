//! Takes messages into the directory and keeps the last good copy of it on disk in step.

use super::handle::DirectoryHandle;
use super::sign::Verifier;
use super::state::{Applied, RefusedError};
use super::store;
use crate::log::{self, Field};
use parking_lot::Mutex;
use std::io;
use std::path::PathBuf;

/// A directory and its copy. Its calls verify, and wait for the disk, so they do not belong on a runtime's
/// thread.
#[derive(Debug)]
pub(super) struct Keeper {
    file: PathBuf,
    verifier: Verifier,
    directory: DirectoryHandle,
    /// Locked from applying a message until it is on disk, so that the disk has them in the order they were
    /// applied.
    copy: Mutex<CopyState>,
}

/// Whether the copy on disk is in step with the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CopyState {
    /// Deltas may be appended.
    InStep,
    /// Only a snapshot helps: there is no copy yet, its end is torn, or the disk failed. So many deltas were
    /// left out since.
    Behind { deltas: u32 },
}

/// While the disk fails, a snapshot is asked for at the first delta and then at each such number of them.
const SNAPSHOT_RETRY_DELTAS: u32 = 100;

/// What to ask the source for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// What comes after the version at hand.
    News,
    /// A snapshot: the delta does not fit, or the deltas on disk have grown.
    Snapshot,
}

impl Keeper {
    pub(super) fn new(file: PathBuf, verifier: Verifier, directory: DirectoryHandle) -> Self {
        Self { file, verifier, directory, copy: Mutex::new(CopyState::Behind { deltas: 0 }) }
    }

    /// Takes the copy into an empty directory. Each message is verified as if it came from the feed.
    pub(super) fn load_last_good(&self) {
        let stored = match store::load(&self.file) {
            Ok(None) => return,
            Ok(Some(stored)) => stored,
            Err(_) => return log::error("directory_copy_unreadable", &[]),
        };
        if let Err(refused) = self.directory.apply_snapshot(&stored.snapshot, &self.verifier) {
            return log::security("directory_copy_refused", &[Field::Code(refused.code())]);
        }
        let mut fits = !stored.torn;
        for delta in &stored.deltas {
            match self.directory.apply_delta(delta, &self.verifier) {
                // Older ones are from before the snapshot, when a crash kept them from being removed.
                Ok(_) | Err(RefusedError::Older) => {}
                Err(refused) => {
                    log::security("directory_copy_refused", &[Field::Code(refused.code())]);
                    fits = false;
                    break;
                }
            }
        }
        if fits {
            *self.copy.lock() = CopyState::InStep;
        }
        self.loaded("directory_copy");
    }

    pub(super) fn take_snapshot(&self, snapshot: &[u8]) -> Result<(), RefusedError> {
        let mut copy = self.copy.lock();
        if self.directory.apply_snapshot(snapshot, &self.verifier)? == Applied::Advanced {
            self.loaded("directory_snapshot");
        }
        // An unchanged one is saved too: it replaces deltas that have grown, and a copy that could not be
        // written before.
        match (report_unwritten(store::save(&self.file, snapshot)), *copy) {
            (Some(()), _) => *copy = CopyState::InStep,
            (None, CopyState::InStep) => *copy = CopyState::Behind { deltas: 1 },
            (None, CopyState::Behind { .. }) => {}
        }
        Ok(())
    }

    pub(super) fn take_delta(&self, delta: &[u8]) -> Result<Next, RefusedError> {
        let mut copy = self.copy.lock();
        match self.directory.apply_delta(delta, &self.verifier) {
            Ok(Applied::Unchanged) => Ok(Next::News),
            Ok(Applied::Advanced) => {
                self.loaded("directory_delta");
                Ok(self.keep(&mut copy, delta))
            }
            Err(RefusedError::Gap | RefusedError::Older) => Ok(Next::Snapshot),
            Err(refused) => Err(refused),
        }
    }

    fn keep(&self, copy: &mut CopyState, delta: &[u8]) -> Next {
        if *copy == CopyState::InStep {
            match report_unwritten(store::append(&self.file, delta)) {
                Some(bytes) if bytes < store::DELTAS_COMPACT_BYTES => return Next::News,
                Some(_) => return Next::Snapshot,
                None => *copy = CopyState::Behind { deltas: 0 },
            }
        }
        let CopyState::Behind { deltas } = copy else { return Next::News };
        let due = deltas.is_multiple_of(SNAPSHOT_RETRY_DELTAS);
        *deltas = deltas.wrapping_add(1);
        if due { Next::Snapshot } else { Next::News }
    }

    fn loaded(&self, code: &'static str) {
        let version = self.directory.head().map_or(0, |head| head.version);
        log::info(code, &[Field::Version(version)]);
    }
}

/// A copy that cannot be written is no reason to stop serving, but the next start may need it.
fn report_unwritten<T>(written: io::Result<T>) -> Option<T> {
    written.inspect_err(|_| log::error("directory_copy_not_written", &[])).ok()
}
