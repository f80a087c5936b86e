//! Copies a shard's logs out of the archive into a folder that `audit-verify` checks without a network.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::{StreamExt, TryStreamExt, stream};
use regions::ids::ShardId;

use super::shard_folder;
use crate::archive::{Archive, ArchiveError, Version};

/// Objects read at once.
const READS_MAX: usize = 8;

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The archive.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The folder cannot be written.
    #[error("the folder cannot be written: {0}")]
    Folder(#[from] std::io::Error),
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fetched {
    /// Files.
    pub files: usize,
    /// Versions and delete markers that somebody put on top of one; they are listed in `extra-versions.json`.
    pub extra: usize,
}

/// Copies the first version of each object of the shard's logs that is not in the folder yet.
///
/// # Errors
/// [`FetchError`]; what was copied stays, and the next call goes on.
pub async fn fetch(archive: &Archive, shard: ShardId, folder: &Path) -> Result<Fetched, FetchError> {
    let root = format!("{}/", shard_folder(shard));
    let mut names: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    let mut from = None;
    loop {
        let (page, next) = archive.versions(&root, from).await?;
        for version in page {
            names.entry(version.name.clone()).or_default().push(version);
        }
        match next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    let mut fetched = Fetched::default();
    let mut extra: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut firsts = Vec::new();
    for (name, versions) in &names {
        let place = name.strip_prefix(&root).unwrap_or(name);
        // Within a name the newest comes first.
        if let Some(first) = versions.iter().rev().find(|version| !version.delete_marker) {
            firsts.push((place, first));
        }
        if versions.len() > 1 {
            // A year's own go into its folder, those of tallies and keys into the shard's.
            let first = place.split('/').next().unwrap_or_default();
            let log = if first.bytes().all(|byte| byte.is_ascii_digit()) { first } else { "" };
            extra.entry(log).or_default().push(place);
            fetched.extra += versions.len() - 1;
        }
    }
    let copies = stream::iter(firsts).map(|(place, first)| copy(archive, folder.join(place), first));
    let mut copies = copies.buffer_unordered(READS_MAX);
    while copies.try_next().await?.is_some() {
        fetched.files += 1;
    }
    for (log, places) in extra {
        let text = serde_json::to_vec(&places).map_err(std::io::Error::other)?;
        tokio::fs::create_dir_all(folder.join(log)).await?;
        tokio::fs::write(folder.join(log).join("extra-versions.json"), text).await?;
    }
    Ok(fetched)
}

async fn copy(archive: &Archive, file: std::path::PathBuf, first: &Version) -> Result<(), FetchError> {
    if tokio::fs::metadata(&file).await.is_ok_and(|found| found.len() == first.bytes) {
        return Ok(());
    }
    let bytes = archive.get(&first.name, &first.id).await?;
    if let Some(parent) = file.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    Ok(tokio::fs::write(file, bytes).await?)
}
