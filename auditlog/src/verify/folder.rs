//! A copied folder: finds the logs in it, checks each, and that each year begins where the one before ended.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::report::{Kind, LogReport, Report};
use super::tallies::Counts;
use super::{Options, log};
use crate::tiles::Bundle;
use crate::{Entry, Event, Hash, event_hash};

/// Deepest folder that is looked into.
const DEPTH_MAX: usize = 6;
/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// A folder with one log in it.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// A file in it; `None` if it is not there.
    ///
    /// # Errors
    /// When it cannot be read or is larger than any part of a log.
    pub fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let file = self.root.join(path);
        match std::fs::metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
            Ok(found) if found.len() > FILE_BYTES_MAX => {
                Err(io::Error::other(format!("{path} is too large")))
            }
            Ok(_) => std::fs::read(file).map(Some),
        }
    }

    /// Names in a folder of it, sorted; empty if there is no such folder.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.root.join(path)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

/// Checks every log in `root`.
///
/// # Errors
/// When a file cannot be read, or there is no log at all: then nothing was checked.
pub fn verify_folder(root: &Path, options: &Options) -> io::Result<Report> {
    let mut found = Vec::new();
    find(root, 0, &mut found)?;
    if found.is_empty() {
        return Err(io::Error::other(format!("no log in {}: no folder has `checkpoint`", root.display())));
    }
    found.sort();
    let mut logs: Vec<LogReport> = Vec::new();
    let mut counts = Counts::default();
    let mut last_above: Option<PathBuf> = None;
    let mut folders = found.into_iter().peekable();
    while let Some(folder) = folders.next() {
        counts.load(&Folder::new(&folder))?;
        // The tallies of a shard lie beside its years, because a period may end in the year after it began.
        let above = folder.parent().filter(|above| above.starts_with(root)).map(Path::to_owned);
        if let Some(above) = above.as_ref().filter(|above| last_above.as_ref() != Some(above)) {
            counts.load(&Folder::new(above))?;
        }
        let name = folder.strip_prefix(root).unwrap_or(&folder).display().to_string();
        let mut report = log::verify(&Folder::new(&folder), options, &mut counts)?;
        report.folder = if name.is_empty() { ".".to_owned() } else { name };
        if folders.peek().is_none_or(|next| next.parent() != folder.parent()) {
            std::mem::take(&mut counts).finish(options, &mut report);
            if let Some(above) = &above {
                log::extra_versions(&Folder::new(above), &mut report)?;
            }
        }
        last_above = above;
        report.findings.sort_by_key(|found| found.first_index);
        logs.push(report);
    }
    check_years(&mut logs);
    let ok = logs.iter().all(|log| log.findings.is_empty());
    Ok(Report { ok, logs })
}

fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if folder.join("checkpoint").is_dir() {
        found.push(folder.to_owned());
        return Ok(());
    }
    if depth == DEPTH_MAX || !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, depth + 1, found)?;
        }
    }
    Ok(())
}

/// A log whose predecessor is in the folder must begin where that one ended.
fn check_years(logs: &mut [LogReport]) {
    let ends: BTreeMap<String, (u64, crate::Hash)> =
        logs.iter().map(|log| (log.origin.clone(), (log.size, log.root))).collect();
    for log in logs {
        let Some((origin, size, root)) = log.previous.clone() else { continue };
        match ends.get(&origin) {
            Some(end) if *end == (size, root) => {}
            Some((ended, _)) => {
                let detail =
                    format!("begins behind {size} entries of {origin}, which has {ended} or another root");
                log.add(Kind::Epoch, (0, 0), &origin, detail);
            }
            // The year before was not copied; its receipts and checkpoints can still be checked against this one.
            None => {}
        }
    }
}

/// Gives every event in `root` with its place in its log and its hash, in order; the folder must have been verified.
///
/// # Errors
/// When a file cannot be read.
pub fn read_events(root: &Path, mut each: impl FnMut(u64, Event, Hash)) -> io::Result<()> {
    let mut found = Vec::new();
    find(root, 0, &mut found)?;
    found.sort();
    for log in found {
        let folder = Folder::new(&log);
        let newest = folder.names("checkpoint")?.last().and_then(|name| name.parse::<u64>().ok());
        let size = newest.unwrap_or_default();
        for n in 0..size.div_ceil(crate::TILE_WIDTH) {
            let first = n * crate::TILE_WIDTH;
            let width = crate::TILE_WIDTH.min(size - first);
            let bytes = folder.read(&crate::bundle_path(n, width))?.unwrap_or_default();
            for (index, entry) in (first..).zip(Bundle::from_bytes(bytes).entries()) {
                let Ok(Ok(Entry::Event { event, .. })) = entry.map(Entry::decode) else { continue };
                if let Ok(decoded) = Event::decode(event) {
                    each(index, decoded, event_hash(event));
                }
            }
        }
    }
    Ok(())
}
