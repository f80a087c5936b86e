//! Making a backup, and letting old ones go together with the key that opens them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use tenancy::config::{DbConfig, RegionalConfig};
use tenancy::keys::Keeper;
use tenancy::kms::{Kms, Week};
use tokio::io::{AsyncWriteExt as _, BufWriter};
use tokio::process::Command;

use super::format::{self, Header, Segments};
use super::{BackupError, EXTENSION, KEPT_DAYS};

/// Schemas of the key store.
pub(super) const SCHEMAS: [&str; 2] = ["keystore", "keystore_ledger"];
/// The role that owns them.
pub(super) const OWNER: &str = tenancy::OWNER_ROLE;
/// Most files of one folder that are looked at.
const FILES_MAX: usize = 100_000;

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Where it is.
    pub file: PathBuf,
    /// Bytes of the dump.
    pub bytes: u64,
    /// The week whose key opens it.
    pub week: String,
    /// The last erasure it knows of.
    pub last_erasure: u64,
}

/// Makes a backup in `dir`. The configuration is the region's with the migrator's log-in; `programs` is the folder of `pg_dump`.
///
/// # Errors
/// [`BackupError`]; a file that was begun is removed.
pub async fn make(
    config: &RegionalConfig,
    (dir, programs): (&Path, &Path),
    now: DateTime<Utc>,
) -> Result<Made, BackupError> {
    let kms = Kms::connect(config.region, &config.kms).await?;
    let week = Week::of(now);
    let epoch = kms.ensure_epoch_key(&week).await?;
    let data = kms.generate_for_backup(&epoch, &week).await?;
    let last_erasure = Keeper::new(&config.key_store)?.last_erasure().await?;
    let made_ms = u64::try_from(now.timestamp_millis()).unwrap_or(0);
    let header = Header {
        region: config.region.to_string(),
        week: week.as_str().to_owned(),
        epoch_key: epoch.to_string(),
        wrapped: STANDARD.encode(&data.wrapped),
        made_ms,
        last_erasure,
    };
    let header = serde_json::to_vec(&header).map_err(|_unreachable| BackupError::Form)?;
    let file = dir.join(format!("keystore-{}-{made_ms}.{EXTENSION}", week.as_str()));
    let part = file.with_extension("part");
    let written = async {
        let segments = Segments::new(&data.plaintext, &header).map_err(BackupError::io(&part))?;
        write(config, (&part, programs), &header, segments).await
    };
    match written.await {
        Ok(bytes) => {
            tokio::fs::rename(&part, &file).await.map_err(BackupError::io(&file))?;
            Ok(Made { file, bytes, week: week.as_str().to_owned(), last_erasure })
        }
        Err(error) => {
            let _absent_or_removed_by_hand = tokio::fs::remove_file(&part).await;
            Err(error)
        }
    }
}

async fn write(
    config: &RegionalConfig,
    (part, programs): (&Path, &Path),
    header: &[u8],
    segments: Segments,
) -> Result<u64, BackupError> {
    let file = tokio::fs::File::create(part).await.map_err(BackupError::io(part))?;
    let mut file = BufWriter::new(file);
    format::write_header(&mut file, header).await.map_err(BackupError::io(part))?;
    let mut dump = program(programs, "pg_dump", &config.key_store)?;
    dump.args(["--format=custom", "--compress=0"]).arg(format!("--role={OWNER}"));
    for schema in SCHEMAS {
        dump.arg(format!("--schema={schema}"));
    }
    let mut child = dump.stdout(Stdio::piped()).spawn().map_err(BackupError::io("pg_dump"))?;
    let mut text = child.stdout.take().ok_or(BackupError::Form)?;
    let bytes = segments.seal(&mut text, &mut file).await.map_err(BackupError::io(part))?;
    ended(&mut child, "pg_dump").await?;
    file.flush().await.map_err(BackupError::io(part))?;
    file.get_ref().sync_all().await.map_err(BackupError::io(part))?;
    Ok(bytes)
}

/// One of PostgreSQL's programs on a database, over verified TLS. The password is in the child's environment, not on its command line.
pub(super) fn program(programs: &Path, name: &'static str, db: &DbConfig) -> Result<Command, BackupError> {
    let password = std::fs::read_to_string(&db.password_file).map_err(BackupError::io(&db.password_file))?;
    let mut command = Command::new(programs.join(name));
    command
        .env("PGPASSWORD", password.trim_end())
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", &db.ca)
        .env("PGCONNECT_TIMEOUT", "5")
        .arg(format!("--host={}", db.host))
        .arg(format!("--port={}", db.port))
        .arg(format!("--username={}", db.user))
        .arg(format!("--dbname={}", db.database))
        .arg("--no-password")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    Ok(command)
}

pub(super) async fn ended(
    child: &mut tokio::process::Child,
    program: &'static str,
) -> Result<(), BackupError> {
    let status = child.wait().await.map_err(BackupError::io(program))?;
    if status.success() { Ok(()) } else { Err(BackupError::Program { program, status: status.to_string() }) }
}

/// Removes the backups in `dir` that are older than [`KEPT_DAYS`], and schedules the keys of weeks without a backup for deletion;
/// says how many files and keys went.
///
/// # Errors
/// [`BackupError`]; doing it again goes on.
pub async fn expire(
    config: &RegionalConfig,
    dir: &Path,
    now: DateTime<Utc>,
) -> Result<(usize, usize), BackupError> {
    let kms = Kms::connect(config.region, &config.kms).await?;
    let before = now - TimeDelta::days(KEPT_DAYS);
    let mut entries = tokio::fs::read_dir(dir).await.map_err(BackupError::io(dir))?;
    let (mut removed, mut kept) = (0, Vec::new());
    for _ in 0..FILES_MAX {
        let Some(entry) = entries.next_entry().await.map_err(BackupError::io(dir))? else { break };
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((week, made)) = parts(&name) else { continue };
        if made < before {
            tokio::fs::remove_file(entry.path()).await.map_err(BackupError::io(entry.path()))?;
            removed += 1;
        } else {
            kept.push(week);
        }
    }
    let mut retired = 0;
    // A year of weeks behind the oldest that may have a backup: what an expiry that did not run for months left over.
    for back in 0..52 {
        let week = Week::of(before - TimeDelta::weeks(back + 1));
        if kept.contains(&week) {
            continue;
        }
        if let Some(key) = kms.epoch_key(&week).await? {
            kms.retire_epoch_key(&key).await?;
            retired += 1;
        }
    }
    Ok((removed, retired))
}

/// Week and time in a backup's name.
fn parts(name: &str) -> Option<(Week, DateTime<Utc>)> {
    let rest = name.strip_prefix("keystore-")?.strip_suffix(&format!(".{EXTENSION}"))?;
    let (week, made) = rest.split_once('-')?;
    Some((Week::parse(week)?, DateTime::from_timestamp_millis(made.parse().ok()?)?))
}
