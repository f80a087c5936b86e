//! A copied folder: finds the logs in it, checks each, and that each year begins where the one before ended.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::report::{Kind, LogReport, Report};
use super::{Options, log};

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
    let mut logs = Vec::new();
    for folder in found {
        let name = folder.strip_prefix(root).unwrap_or(&folder).display().to_string();
        let mut report = log::verify(&Folder::new(&folder), options)?;
        report.folder = if name.is_empty() { ".".to_owned() } else { name };
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
