//! Backups of the key store that stop opening by themselves, restores that bring no erased patient back, and what a clinic
//! is shown of its keys.
//!
//! A backup is a `pg_dump` of the key store's schemas, sealed in segments under a data key that the week's epoch key in KMS wraps.
//! Backups are kept for 14 days; then the week's key is scheduled for deletion. A restore replays the region's erasure ledger
//! before anything may use the key store: a process refuses one that ends before the ledger does.

mod backup;
mod format;
mod restore;
pub mod status;

pub use backup::{Made, expire, make};
pub use restore::{Restored, restore};

use std::path::PathBuf;

/// Days a backup is kept.
pub const KEPT_DAYS: i64 = 14;
/// How a backup's file ends.
pub const EXTENSION: &str = "hcb";

/// Why a backup or a restore did not happen.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file or a pipe.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `pg_dump` or `pg_restore` failed; nothing of the database is in its exit code.
    #[error(
        "{program} failed with {status}; is it of the server's version, and was the role's password right?"
    )]
    Program {
        /// Which program.
        program: &'static str,
        /// How it ended.
        status: String,
    },
    /// KMS said no, or nothing.
    #[error("the week's epoch key: {0}")]
    Kms(#[from] tenancy::kms::KmsError),
    /// The key store or the ledger.
    #[error("the key store or the erasure ledger: {0}")]
    Key(#[from] tenancy::keys::KeyError),
    /// Not a backup of this region, or altered.
    #[error("the file is not a whole, unaltered key-store backup of this region")]
    Form,
    /// The configuration names something wrong.
    #[error(transparent)]
    Boot(#[from] tenancy::BootError),
}

impl BackupError {
    fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> BackupError {
        let path = path.into();
        move |source| BackupError::Io { path, source }
    }
}
