//! Verification that goes on where an earlier one ended: what it remembers is small, what it reads is what has come since, and the
//! rules are those of a whole one.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::Options;
use super::log::{LEVELS_MAX, Walk};
use super::report::{Kind, LogReport};
use super::tallies::Counts;
use crate::tiles::{TILE_WIDTH, bundle_path, tile_path};
use crate::{Checkpoint, Frontier, Hash};

/// Largest memory as text, in bytes; a clinic takes some 200 of them.
const MEMORY_BYTES_MAX: usize = 8 << 20;

/// How far a log was found good, and what must be remembered to go on from there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    size: u64,
    /// Hashes of the unfinished tile of each level, from the lowest.
    levels: Vec<Vec<Hash>>,
    /// Each clinic's last number and leaf.
    chains: Vec<([u8; 16], u64, Hash)>,
    since_seal: u64,
    last_seal: Option<(u64, u64)>,
    /// What the first entry says of the log before.
    previous: Option<(String, u64, Hash)>,
    /// Where the log before was found to end, if it was looked at.
    before: Option<(String, u64, Hash)>,
}

impl Progress {
    /// Reads a memory; `None` if it does not add up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MEMORY_BYTES_MAX {
            return None;
        }
        let progress: Self = serde_json::from_str(text).ok()?;
        progress.frontier().is_some().then_some(progress)
    }

    /// The memory as text.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Entries that were found good.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree over them.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier().unwrap_or_default().root()
    }

    /// What is remembered at the beginning of the log that follows this one, whose name is `origin` and which was found good
    /// to its end: clinics' chains and the sealer's terms go on.
    #[must_use]
    pub fn following(&self, origin: &str) -> Self {
        Self {
            chains: self.chains.clone(),
            last_seal: self.last_seal,
            before: Some((origin.to_owned(), self.size, self.root())),
            ..Self::default()
        }
    }

    /// Where the next piece of at most `bundles` bundles ends, on the way to a checkpoint of `size`.
    #[must_use]
    pub fn step(&self, bundles: u64, size: u64) -> u64 {
        (self.size / TILE_WIDTH).saturating_add(bundles.max(1)).saturating_mul(TILE_WIDTH).min(size)
    }

    /// The parts that [`verify_on`] reads to come to `until` on the way to a checkpoint of `size`.
    #[must_use]
    pub fn parts(&self, until: u64, size: u64) -> Vec<String> {
        let mut names = Vec::new();
        for n in self.size / TILE_WIDTH..until.div_ceil(TILE_WIDTH) {
            let width = TILE_WIDTH.min(size.saturating_sub(n * TILE_WIDTH));
            names.push(bundle_path(n, width));
            names.push(tile_path(0, n, width));
        }
        let (mut from, mut to) = (self.size / TILE_WIDTH, until / TILE_WIDTH);
        for level in 1..LEVELS_MAX {
            for n in from / TILE_WIDTH..to / TILE_WIDTH {
                names.push(tile_path(level, n, TILE_WIDTH));
            }
            let width = to % TILE_WIDTH;
            if until == size && width > 0 {
                names.push(tile_path(level, to / TILE_WIDTH, width));
            }
            (from, to) = (from / TILE_WIDTH, to / TILE_WIDTH);
        }
        names
    }

    /// The right edge of the tree; `None` if the hashes are not as many as the size needs.
    fn frontier(&self) -> Option<Frontier> {
        let mut below = self.size;
        for hashes in &self.levels {
            if u64::try_from(hashes.len()).ok()? != below % TILE_WIDTH {
                return None;
            }
            below /= TILE_WIDTH;
        }
        if below > 0 {
            return None;
        }
        let mut peaks = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut part = Frontier::default();
            for hash in hashes {
                part.push(*hash);
            }
            peaks.extend_from_slice(part.peaks());
        }
        Frontier::from_parts(self.size, peaks)
    }
}

/// Checks a log from where `progress` ended up to `until`, which [`Progress::step`] gave, on the way to a checkpoint whose
/// signature was checked. Gives what is wrong, and what to remember: it counts only when nothing was wrong on the whole way to a
/// checkpoint, because only that one says what the entries must be.
///
/// Processes' counts reach over what is read here, so only the log's own verdicts on them are looked at.
///
/// # Errors
/// When a part cannot be read; not with parts that are in memory.
pub fn verify_on(
    progress: &Progress,
    (checkpoint, until): (&Checkpoint, u64),
    parts: &BTreeMap<String, Vec<u8>>,
    options: &Options,
) -> io::Result<(LogReport, Progress)> {
    let (from, size) = (progress.size, checkpoint.size);
    let mut report = LogReport {
        origin: checkpoint.origin.clone(),
        size,
        root: checkpoint.root,
        previous: progress.previous.clone(),
        ..LogReport::default()
    };
    let Some(frontier) = progress.frontier() else {
        report.add(Kind::Malformed, (0, from), "memory", "what was remembered does not add up");
        return Ok((report, progress.clone()));
    };
    if size < from || (size == from && checkpoint.root != frontier.root()) {
        let detail = format!("the first {from} entries are not those that were found good before");
        report.add(Kind::Fork, (0, from.saturating_sub(1)), "checkpoint", detail);
        return Ok((report, progress.clone()));
    }
    let (checkpoints, mut counts) = (BTreeMap::from([(size, checkpoint.root)]), Counts::default());
    let mut walk = Walk::new(options, &checkpoints, &mut counts);
    walk.frontier = frontier;
    walk.levels.clone_from(&progress.levels);
    walk.chains = progress.chains.iter().map(|(clinic, seq, head)| (*clinic, (*seq, *head))).collect();
    (walk.since_seal, walk.last_seal, walk.last_good) = (progress.since_seal, progress.last_seal, from);
    for n in from / TILE_WIDTH..until.div_ceil(TILE_WIDTH) {
        let width = TILE_WIDTH.min(size.saturating_sub(n * TILE_WIDTH));
        walk.bundle(parts, (n, width), &mut report)?;
    }
    if until == size {
        walk.partial_tiles(parts, &mut report)?;
        walk.finish(&mut report);
    }
    if let Some(before) = progress.before.as_ref().filter(|_known| from == 0)
        && report.previous.as_ref() != Some(before)
    {
        report.add(Kind::Epoch, (0, 0), &before.0, "the year does not begin where the one before ended");
    }
    report.findings.sort_by_key(|found| found.first_index);
    let mut chains: Vec<_> = walk.chains.iter().map(|(clinic, (seq, head))| (*clinic, *seq, *head)).collect();
    chains.sort_unstable();
    let next = Progress {
        size: walk.frontier.size(),
        levels: walk.levels.clone(),
        chains,
        since_seal: walk.since_seal,
        last_seal: walk.last_seal,
        previous: report.previous.clone(),
        before: progress.before.clone(),
    };
    Ok((report, next))
}
