//! What a witness does: it remembers how far each log had come and with which root, and accepts only growth of that very log.
//! Whoever holds the signing key can sign another history; who has a witness's memory sees that it is another one.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use data_encoding::HEXLOWER;

use super::Options;
use super::folder::{Folder, verify_folder};
use super::report::{Kind, Report};
use crate::tiles::{Bundle, TILE_WIDTH, bundle_path};
use crate::tree::{Frontier, Hash, leaf_hash};

/// Most logs that one memory names: fifty years of two shards.
const LOGS_MAX: usize = 100;

/// How far each log had come when it was last found good: size and root by origin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<String, (u64, Hash)>);

impl Seen {
    /// Reads a memory: one line a log with origin, size and root in hexadecimal. `None` if a line is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut seen = BTreeMap::new();
        for line in text.lines() {
            let mut parts = line.split(' ');
            let (origin, size, root) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
            let root: Hash = HEXLOWER.decode(root.as_bytes()).ok()?.try_into().ok()?;
            let new = !origin.is_empty() && seen.insert(origin.to_owned(), (size, root)).is_none();
            if !new || parts.next().is_some() || seen.len() > LOGS_MAX {
                return None;
            }
        }
        Some(Self(seen))
    }

    /// The memory as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        let line = |(origin, (size, root)): (&String, &(u64, Hash))| {
            format!("{origin} {size} {}\n", HEXLOWER.encode(root))
        };
        self.0.iter().map(line).collect()
    }
}

/// Checks every log in `root`, and that each that was seen before is still there, no shorter, and the same as far as it was
/// seen. The memory to keep: the old one if anything is wrong.
///
/// # Errors
/// As [`verify_folder`].
pub fn verify_seen(root: &Path, options: &Options, seen: &Seen) -> io::Result<(Report, Seen)> {
    let mut report = verify_folder(root, options)?;
    let (mut newest, mut missing) = (seen.clone(), seen.0.clone());
    for log in &mut report.logs {
        newest.0.insert(log.origin.clone(), (log.size, log.root));
        let Some((size, was)) = missing.remove(&log.origin) else { continue };
        if log.size < size {
            let detail =
                format!("the log had {size} entries when it was last seen, and has {} now", log.size);
            log.add(Kind::Fork, (log.size, size.saturating_sub(1)), "witness", detail);
        } else if root_at(&root.join(&log.folder), log.size, size)? != Some(was) {
            let detail = format!("the first {size} entries are not those that were seen before");
            log.add(Kind::Fork, (0, size.saturating_sub(1)), "witness", detail);
        }
    }
    for (origin, (size, _)) in missing {
        if let Some(log) = report.logs.first_mut() {
            log.add(
                Kind::Missing,
                (0, size.saturating_sub(1)),
                &origin,
                "a log that was seen before is not there",
            );
        }
    }
    report.ok = report.logs.iter().all(|log| log.findings.is_empty());
    let keep = if report.ok { newest } else { seen.clone() };
    Ok((report, keep))
}

/// The root of the first `at` of a log's `size` entries; `None` if the copy has fewer.
fn root_at(folder: &Path, size: u64, at: u64) -> io::Result<Option<Hash>> {
    let (folder, mut frontier) = (Folder::new(folder), Frontier::default());
    for n in 0..at.div_ceil(TILE_WIDTH) {
        let width = TILE_WIDTH.min(size.saturating_sub(n * TILE_WIDTH));
        let bytes = folder.read(&bundle_path(n, width))?.unwrap_or_default();
        for entry in Bundle::from_bytes(bytes).entries().flatten() {
            if frontier.size() < at {
                frontier.push(leaf_hash(entry));
            }
        }
    }
    Ok((frontier.size() == at).then(|| frontier.root()))
}
