//! `domicile admin keystore backup|expire|restore|replay`: the key store's own backups, and the ledger after them.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use regions::clock::Clock;
use serde_json::json;
use tenancy::archive::Archive;
use tenancy::keys::ledger;

use super::RoleError;
use super::output::Table;
use super::regional::Cx;
use crate::keystore::{self, BackupError};

/// What to do with the key store.
#[derive(Subcommand)]
pub(super) enum KeyStore {
    /// Makes a backup under this week's epoch key.
    Backup(Backup),
    /// Removes backups older than 14 days, and schedules the keys of weeks without one for deletion.
    Expire(Expire),
    /// Replaces the key store by a backup and replays the erasure ledger. Stop the region's backends and workers first.
    Restore(Restore),
    /// Replays the erasure ledger into a key store that was restored by other means.
    Replay,
}

/// Where the backup goes.
#[derive(Args)]
pub(super) struct Backup {
    /// The folder of backups.
    #[arg(long)]
    to: PathBuf,
    /// The folder of `pg_dump`; the search path when absent.
    #[arg(long)]
    programs: Option<PathBuf>,
}

/// Which backups are looked at.
#[derive(Args)]
pub(super) struct Expire {
    /// The folder of backups.
    #[arg(long)]
    dir: PathBuf,
}

/// Which backup is put back.
#[derive(Args)]
pub(super) struct Restore {
    /// The backup.
    #[arg(long)]
    from: PathBuf,
    /// The folder of `pg_restore`; the search path when absent.
    #[arg(long)]
    programs: Option<PathBuf>,
}

pub(super) async fn run(cx: &Cx, what: KeyStore) -> Result<Table, RoleError> {
    let now = DateTime::<Utc>::from(Clock::system().now());
    match what {
        KeyStore::Backup(args) => {
            let programs = args.programs.unwrap_or_default();
            let made = keystore::make(&cx.as_migrator, (&args.to, &programs), now).await.map_err(failed)?;
            let mut table = Table::new(&["file", "bytes", "week", "last_erasure"]);
            table.push(vec![
                json!(made.file.display().to_string()),
                json!(made.bytes),
                json!(made.week),
                json!(made.last_erasure),
            ]);
            Ok(table)
        }
        KeyStore::Expire(args) => {
            let (files, keys) = keystore::expire(&cx.as_migrator, &args.dir, now).await.map_err(failed)?;
            let mut table = Table::new(&["backups_removed", "keys_retired"]);
            table.push(vec![json!(files), json!(keys)]);
            Ok(table)
        }
        KeyStore::Restore(args) => {
            let programs = args.programs.unwrap_or_default();
            let done = keystore::restore(&cx.as_migrator, (&args.from, &programs)).await.map_err(failed)?;
            let mut table = Table::new(&["bytes", "backup_ends", "replayed", "key_store_ends"]);
            table.push(vec![
                json!(done.bytes),
                json!(done.backup_ends),
                json!(done.replayed),
                json!(done.key_store_ends),
            ]);
            Ok(table)
        }
        KeyStore::Replay => {
            let archive = Archive::connect(&cx.as_migrator)
                .await
                .map_err(|error| RoleError::while_doing("opening the archive", &error))?;
            let replayed = ledger::replay(&archive, &cx.keeper, cx.as_migrator.region)
                .await
                .map_err(|error| RoleError::while_doing("replaying the erasure ledger", &error))?;
            let mut table = Table::new(&["replayed"]);
            table.push(vec![json!(replayed)]);
            Ok(table)
        }
    }
}

fn failed(error: BackupError) -> RoleError {
    RoleError::new(error.to_string())
}
