//! One log, from its first entry to its newest checkpoint.

use std::collections::{BTreeMap, HashMap};
use std::io;

use super::Options;
use super::folder::Folder;
use super::report::{Kind, LogReport};
use super::tallies::Counts;
use crate::tiles::{Bundle, TILE_WIDTH, bundle_path, tile_path};
use crate::{Entry, Event, Frontier, Hash, SignedNote, event_hash, leaf_hash, tile_root};

/// Most levels of tiles; eight of them hold 2^64 entries.
pub(super) const LEVELS_MAX: u8 = 8;
/// What the exporter writes when the archive holds more versions than it should.
const EXTRA_VERSIONS: &str = "extra-versions.json";

/// Where the parts of a log are read from.
pub(super) trait Parts {
    /// One part; `None` if it is not there.
    fn part(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

impl Parts for Folder {
    fn part(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        self.read(path)
    }
}

impl Parts for BTreeMap<String, Vec<u8>> {
    fn part(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.get(path).cloned())
    }
}

pub(super) fn verify(folder: &Folder, options: &Options, counts: &mut Counts) -> io::Result<LogReport> {
    let mut report = LogReport::default();
    let checkpoints = checkpoints(folder, options, &mut report)?;
    report.checkpoints = checkpoints.len();
    let Some((size, root)) = checkpoints.last_key_value().map(|(size, root)| (*size, *root)) else {
        report.add(
            Kind::Missing,
            (0, 0),
            "checkpoint",
            "there is no good checkpoint, so nothing can be proved",
        );
        return Ok(report);
    };
    (report.size, report.root) = (size, root);
    let mut walk = Walk::new(options, &checkpoints, counts);
    for n in 0..size.div_ceil(TILE_WIDTH) {
        let width = TILE_WIDTH.min(size - n * TILE_WIDTH);
        walk.bundle(folder, (n, width), &mut report)?;
    }
    walk.partial_tiles(folder, &mut report)?;
    walk.finish(&mut report);
    extra_versions(folder, &mut report)?;
    Ok(report)
}

/// What the exporter found on top of what was put first.
pub(super) fn extra_versions(folder: &Folder, report: &mut LogReport) -> io::Result<()> {
    let Some(bytes) = folder.read(EXTRA_VERSIONS)? else { return Ok(()) };
    match serde_json::from_slice::<Vec<String>>(&bytes) {
        Ok(extra) => {
            for name in extra {
                let detail = "somebody put another version or a delete marker on top";
                report.add(Kind::Extra, (0, report.size), &name, detail);
            }
        }
        Err(_malformed) => {
            report.add(Kind::Malformed, (0, report.size), EXTRA_VERSIONS, "not a list of names")
        }
    }
    Ok(())
}

/// The good checkpoints by size; what is wrong with the others is reported.
fn checkpoints(
    folder: &Folder,
    options: &Options,
    report: &mut LogReport,
) -> io::Result<BTreeMap<u64, Hash>> {
    let mut good: BTreeMap<u64, Hash> = BTreeMap::new();
    for name in folder.names("checkpoint")? {
        let place = format!("checkpoint/{name}");
        let Ok(named) = name.parse::<u64>() else {
            report.add(Kind::Extra, (0, 0), &place, "not a checkpoint's name");
            continue;
        };
        let before = good.last_key_value().map_or(0, |(size, _)| *size);
        let span = (before, named.saturating_sub(1));
        let bytes = folder.read(&place)?.unwrap_or_default();
        let opened = SignedNote::parse(&bytes).and_then(|note| note.open(&options.keys));
        match opened {
            Err(error) => report.add(Kind::Signature, span, &place, error.to_string()),
            Ok(checkpoint) if checkpoint.size != named => {
                report.add(Kind::Signature, span, &place, format!("states size {}", checkpoint.size));
            }
            Ok(checkpoint) if !report.origin.is_empty() && checkpoint.origin != report.origin => {
                report.add(Kind::Signature, span, &place, format!("is of the log {}", checkpoint.origin));
            }
            Ok(checkpoint) => {
                report.origin = checkpoint.origin;
                good.insert(checkpoint.size, checkpoint.root);
            }
        }
    }
    Ok(good)
}

/// What is remembered on the way through the log.
pub(super) struct Walk<'a> {
    options: &'a Options,
    checkpoints: &'a BTreeMap<u64, Hash>,
    pub(super) frontier: Frontier,
    /// Hashes of the unfinished tile of each level.
    pub(super) levels: Vec<Vec<Hash>>,
    pub(super) chains: HashMap<[u8; 16], (u64, Hash)>,
    counts: &'a mut Counts,
    events: u64,
    pub(super) since_seal: u64,
    pub(super) last_seal: Option<(u64, u64)>,
    pub(super) last_good: u64,
    broken: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        options: &'a Options,
        checkpoints: &'a BTreeMap<u64, Hash>,
        counts: &'a mut Counts,
    ) -> Self {
        Self {
            options,
            checkpoints,
            frontier: Frontier::default(),
            levels: vec![Vec::new()],
            chains: HashMap::new(),
            counts,
            events: 0,
            since_seal: 0,
            last_seal: None,
            last_good: 0,
            broken: false,
        }
    }

    /// Reads one bundle, the narrowest that is wide enough, and every entry in it.
    pub(super) fn bundle(
        &mut self,
        parts: &dyn Parts,
        (n, width): (u64, u64),
        report: &mut LogReport,
    ) -> io::Result<()> {
        let (first, known) = (n * TILE_WIDTH, self.frontier.size());
        let span = (first, first + width - 1);
        let Some((place, bytes)) = widest(parts, width, |width| bundle_path(n, width))? else {
            report.add(Kind::Missing, span, &bundle_path(n, width), "the entries are missing");
            self.broken = true;
            return Ok(());
        };
        let tile = widest(parts, width, |width| tile_path(0, n, width))?;
        let stated: Vec<Hash> = tile.as_ref().map(|(_, bytes)| hashes(bytes)).unwrap_or_default();
        if tile.is_none() {
            report.add(Kind::Missing, span, &tile_path(0, n, width), "the tile is missing");
        }
        let mut index = first;
        for entry in Bundle::from_bytes(bytes).entries() {
            if index > span.1 {
                if place == bundle_path(n, width) {
                    report.add(Kind::Extra, (index, index), &place, "an entry more than there may be");
                }
                break;
            }
            let Ok(entry) = entry else {
                report.add(Kind::Malformed, (index, span.1), &place, "ends within an entry");
                self.broken = true;
                break;
            };
            let computed = leaf_hash(entry);
            let offset = usize::try_from(index - first).unwrap_or(usize::MAX);
            // The tile's hash goes on into the tree: what is above it says whether the tile itself was altered, and one
            // altered entry is one finding.
            let leaf = stated.get(offset).copied().unwrap_or(computed);
            if leaf != computed {
                let detail = "the entry is not the one that the tile hashes";
                report.add(Kind::Hash, (index, index), &place, detail);
            }
            if index < known {
                // It was verified in a narrower file; in this one it must be the same.
                let before = self.levels.first().and_then(|tile| tile.get(offset));
                if before != Some(&leaf) {
                    report.add(
                        Kind::Hash,
                        (index, index),
                        &place,
                        "the entry is not the one that was here before",
                    );
                }
                index += 1;
                continue;
            }
            self.entry(index, entry, leaf, report);
            self.push(parts, leaf, report)?;
            index += 1;
        }
        if index <= span.1 {
            report.add(Kind::Missing, (index, span.1), &place, "entries are missing at the end");
            self.broken = true;
        }
        Ok(())
    }

    /// Adds a leaf to the tree, compares tiles that are full and checkpoints that are reached.
    fn push(&mut self, parts: &dyn Parts, leaf: Hash, report: &mut LogReport) -> io::Result<()> {
        self.frontier.push(leaf);
        let size = self.frontier.size();
        let mut carry = Some(leaf);
        for level in 0..LEVELS_MAX {
            let Some(hash) = carry.take() else { break };
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::new());
            }
            let Some(tile) = self.levels.get_mut(usize::from(level)) else { break };
            tile.push(hash);
            if u64::try_from(tile.len()).unwrap_or(u64::MAX) == TILE_WIDTH {
                let full = std::mem::take(tile);
                carry = Some(tile_root(&full));
                let covered = TILE_WIDTH.saturating_pow(u32::from(level) + 1);
                let place = tile_path(level, size / covered - 1, TILE_WIDTH);
                let stated = parts.part(&place)?;
                compare_tile(stated, &full, &place, (size - covered, covered / TILE_WIDTH), report);
            }
        }
        if let Some(root) = self.checkpoints.get(&size) {
            if self.broken || *root != self.frontier.root() {
                let detail = "the entries up to here do not give the root that the checkpoint signs";
                report.add(Kind::Root, (self.last_good, size - 1), &crate::checkpoint_path(size), detail);
            } else {
                self.last_good = size;
            }
        }
        Ok(())
    }

    /// The partial tiles at the right edge.
    pub(super) fn partial_tiles(&self, parts: &dyn Parts, report: &mut LogReport) -> io::Result<()> {
        let size = self.frontier.size();
        for (level, tile) in (0..LEVELS_MAX).zip(&self.levels) {
            let width = u64::try_from(tile.len()).unwrap_or(TILE_WIDTH);
            if width == 0 {
                continue;
            }
            let covered = TILE_WIDTH.saturating_pow(u32::from(level) + 1);
            let n = size / covered;
            let span = (n * covered, size.saturating_sub(1));
            match widest(parts, width, |width| tile_path(level, n, width))? {
                Some((place, mut bytes)) => {
                    bytes.truncate(tile.len() * 32);
                    compare_tile(Some(bytes), tile, &place, (n * covered, covered / TILE_WIDTH), report);
                }
                None => report.add(Kind::Missing, span, &tile_path(level, n, width), "the tile is missing"),
            }
        }
        Ok(())
    }

    fn entry(&mut self, index: u64, bytes: &[u8], leaf: Hash, report: &mut LogReport) {
        let at = (index, index);
        match Entry::decode(bytes) {
            Err(error) => report.add(Kind::Malformed, at, "entry", error.to_string()),
            Ok(Entry::Epoch { origin, size, root }) => {
                if index == 0 {
                    report.previous = (size > 0).then(|| (origin.to_owned(), size, root));
                } else {
                    report.add(Kind::Epoch, at, "entry", "a year begins in the middle of a log");
                }
            }
            Ok(Entry::Event { tenant, tenant_seq, tenant_prev, event }) => {
                self.events += 1;
                self.since_seal += 1;
                let clinic = data_encoding::HEXLOWER.encode(&tenant);
                let (seq, head) = self.chains.get(&tenant).copied().unwrap_or((0, [0; 32]));
                if self.chains.contains_key(&tenant) || tenant_seq == 1 {
                    if tenant_seq != seq + 1 {
                        let detail = format!("event {tenant_seq} of the clinic follows event {seq}");
                        report.add(Kind::Chain, at, &clinic, detail);
                    } else if tenant_prev != head {
                        report.add(Kind::Chain, at, &clinic, "the event before it was altered");
                    }
                } else if report.previous.is_none() {
                    report.add(
                        Kind::Chain,
                        at,
                        &clinic,
                        format!("the clinic begins with event {tenant_seq}"),
                    );
                }
                self.chains.insert(tenant, (tenant_seq, leaf));
                match Event::decode(event) {
                    Ok(decoded) if decoded.tenant == tenant => {
                        self.counts.add(decoded.instance, decoded.period, &event_hash(event));
                    }
                    Ok(_) => report.add(Kind::Chain, at, &clinic, "the event is another clinic's"),
                    Err(error) => report.add(Kind::Malformed, at, &clinic, error.to_string()),
                }
            }
            Ok(Entry::Seal { time_ms, fence, events }) => self.seal(index, (time_ms, fence, events), report),
            Ok(Entry::Tally { instance, period, stated, found, verdict }) => {
                self.counts.judged(instance, period);
                if verdict != "match" {
                    let place = format!("{}/{period}", data_encoding::HEXLOWER.encode(&instance));
                    let detail =
                        format!("the process committed {stated} events, the log had {found}: {verdict}");
                    report.add(Kind::Tally, at, &place, detail);
                }
            }
        }
    }

    fn seal(&mut self, index: u64, (time_ms, fence, events): (u64, u64, u64), report: &mut LogReport) {
        if events != self.since_seal {
            let detail = format!("the sealer counted {events} events, here are {}", self.since_seal);
            report.add(Kind::Seal, (index.saturating_sub(self.since_seal), index), "seal", detail);
        }
        if let Some((last_ms, last_fence)) = self.last_seal {
            if fence < last_fence {
                report.add(Kind::Seal, (index, index), "seal", "an earlier sealer wrote behind a later one");
            }
            if time_ms.saturating_sub(last_ms) > self.options.gap_max_s * 1_000 {
                let detail = format!("no mark for {} s", time_ms.saturating_sub(last_ms) / 1_000);
                report.add(Kind::Gap, (index, index), "seal", detail);
            }
            if last_ms.saturating_sub(time_ms) > self.options.skew_max_s * 1_000 {
                let detail = format!("the clock went back by {} s", last_ms.saturating_sub(time_ms) / 1_000);
                report.add(Kind::Seal, (index, index), "seal", detail);
            }
        }
        self.last_seal = Some((time_ms, fence));
        self.since_seal = 0;
    }

    pub(super) fn finish(&self, report: &mut LogReport) {
        report.events = self.events;
        report.tenants = self.chains.len();
        report.last_seal_ms = self.last_seal.map_or(0, |(time_ms, _)| time_ms);
        if self.frontier.size() != report.size && !self.broken {
            let detail =
                format!("{} entries, but the checkpoint signs {}", self.frontier.size(), report.size);
            report.add(Kind::Missing, (self.frontier.size(), report.size), "tile/entries", detail);
        }
        if self.frontier.size() > 0 && self.since_seal > 0 && !self.broken {
            report.add(Kind::Seal, (report.size, report.size), "seal", "the last mark is missing");
        }
    }
}

/// The file of exactly this width, else the full one, else the next wider partial one.
fn widest(
    parts: &dyn Parts,
    width: u64,
    path: impl Fn(u64) -> String,
) -> io::Result<Option<(String, Vec<u8>)>> {
    for candidate in std::iter::once(width).chain((width + 1..=TILE_WIDTH).rev()) {
        let place = path(candidate);
        if let Some(bytes) = parts.part(&place)? {
            return Ok(Some((place, bytes)));
        }
    }
    Ok(None)
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect()
}

/// Compares a tile with what lies below it, and names the first part that differs. `(first, each)` are the first entry
/// below it and how many entries lie below each of its hashes.
fn compare_tile(
    stated: Option<Vec<u8>>,
    computed: &[Hash],
    place: &str,
    (first, each): (u64, u64),
    report: &mut LogReport,
) {
    let wide = u64::try_from(computed.len()).unwrap_or(TILE_WIDTH);
    let Some(stated) = stated.map(|bytes| hashes(&bytes)) else {
        report.add(Kind::Missing, (first, first + wide * each - 1), place, "the tile is missing");
        return;
    };
    let mut differing = (0_u64..).zip(computed).filter(|(offset, hash)| {
        usize::try_from(*offset).is_ok_and(|offset| stated.get(offset) != Some(hash))
    });
    if let Some((offset, _)) = differing.next() {
        let from = first + offset * each;
        report.add(
            Kind::Hash,
            (from, from + each - 1),
            place,
            "the tile is not what the tiles below it give",
        );
    } else if stated.len() != computed.len() {
        report.add(Kind::Extra, (first, first + wide * each - 1), place, "the tile has hashes too many");
    }
}
