//! Putting a backup back, and the erasures that came after it.

use std::path::Path;
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tenancy::archive::Archive;
use tenancy::config::RegionalConfig;
use tenancy::keys::{Keeper, ledger};
use tenancy::kms::{KeyArn, Kms, Week};
use tokio::io::BufReader;

use super::BackupError;
use super::backup::{OWNER, ended, program};
use super::format::{self, Segments};

/// What a restore did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Bytes of the dump.
    pub bytes: u64,
    /// The last erasure that the backup knew of.
    pub backup_ends: u64,
    /// Entries of the ledger that were replayed.
    pub replayed: usize,
    /// The last erasure that the key store knows of now.
    pub key_store_ends: u64,
}

/// Replaces the key store by what a backup holds, in one transaction, then replays the erasure ledger. No backend or worker starts
/// in between: each refuses a key store that ends before the ledger.
///
/// # Errors
/// [`BackupError`]; the key store is what it was, or what the backup holds, and doing it again is right.
pub async fn restore(
    config: &RegionalConfig,
    (file, programs): (&Path, &Path),
) -> Result<Restored, BackupError> {
    // Before anything is changed: without the ledger there is no restore.
    let archive = Archive::connect(config).await?;
    let kms = Kms::connect(config.region, &config.kms).await?;
    let io = || BackupError::io(file);
    let mut from = BufReader::new(tokio::fs::File::open(file).await.map_err(io())?);
    let (header, header_bytes) = format::read_header(&mut from).await.map_err(io())?;
    if header.region != config.region.as_str() {
        return Err(BackupError::Form);
    }
    let week = Week::parse(&header.week).ok_or(BackupError::Form)?;
    let epoch = KeyArn::parse(&header.epoch_key, config.region).map_err(|_cause| BackupError::Form)?;
    let wrapped = STANDARD.decode(&header.wrapped).map_err(|_cause| BackupError::Form)?;
    let key = kms.unwrap_backup_key(&epoch, &week, &wrapped).await?;
    let segments = Segments::new(&key, &header_bytes).map_err(io())?;

    let mut command = program(programs, "pg_restore", &config.key_store)?;
    command
        .args(["--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--no-owner"])
        .arg(format!("--role={OWNER}"));
    let mut child = command.stdin(Stdio::piped()).spawn().map_err(BackupError::io("pg_restore"))?;
    let mut into = child.stdin.take().ok_or(BackupError::Form)?;
    let opened = segments.open(&mut from, &mut into).await;
    if opened.is_err() {
        // Before the input ends: what was read so far must not be committed.
        child.kill().await.map_err(BackupError::io("pg_restore"))?;
    }
    drop(into);
    let bytes = opened.map_err(io())?;
    ended(&mut child, "pg_restore").await?;

    let keeper = Keeper::new(&config.key_store)?;
    let replayed = ledger::replay(&archive, &keeper, config.region).await?;
    let key_store_ends = keeper.last_erasure().await?;
    Ok(Restored { bytes, backup_ends: header.last_erasure, replayed, key_store_ends })
}
