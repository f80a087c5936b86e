//! The processes' own counts, recomputed from the entries while they are read.
//!
//! A count reaches the archive past the log, so a copy may hold one whose last events were not published when it was made. It
//! is compared when the log itself has compared it, all its events being before that entry, and in any case when it is older
//! than the log's end by more than marks may lie apart.

use std::collections::{HashMap, HashSet};
use std::io;

use super::Options;
use super::folder::Folder;
use super::report::{Kind, LogReport};
use crate::{Hash, Sum, Tally};

/// One process's period: what was stated and what has been found so far.
struct Count {
    place: String,
    /// When it was stated, in milliseconds since 1970.
    stated_ms: u64,
    /// Whether the log has compared it.
    judged: bool,
    key: [u8; 32],
    stated: (u64, Hash),
    uncertain: HashSet<Hash>,
    found: (u64, Sum),
}

/// All that processes have stated about the logs of one shard.
#[derive(Default)]
pub(super) struct Counts {
    counts: HashMap<([u8; 16], u64), Count>,
    malformed: Vec<String>,
}

impl Counts {
    /// Reads the tallies in `folder`.
    pub(super) fn load(&mut self, folder: &Folder) -> io::Result<()> {
        for name in folder.names("tally")? {
            let place = format!("tally/{name}");
            let bytes = folder.read(&place)?.unwrap_or_default();
            match serde_json::from_slice::<Tally>(&bytes)
                .ok()
                .and_then(|tally| Count::of(place.clone(), &tally))
            {
                // A tally that was put twice states the same; the first counts.
                Some((of, count)) => drop(self.counts.entry(of).or_insert(count)),
                None => self.malformed.push(place),
            }
        }
        Ok(())
    }

    /// Counts one event of the log.
    pub(super) fn add(&mut self, instance: [u8; 16], period: u64, event: &Hash) {
        if let Some(count) = self.counts.get_mut(&(instance, period))
            && !count.uncertain.contains(event)
        {
            count.found.0 += 1;
            count.found.1.add(&count.key, event);
        }
    }

    /// The log says that it has compared a count, so every event of it lies before.
    pub(super) fn judged(&mut self, instance: [u8; 16], period: u64) {
        if let Some(count) = self.counts.get_mut(&(instance, period)) {
            count.judged = true;
        }
    }

    /// Compares, and reports to the last log what does not agree.
    pub(super) fn finish(self, options: &Options, report: &mut LogReport) {
        let span = (0, report.size);
        for place in self.malformed {
            report.add(Kind::Malformed, span, &place, "not a tally");
        }
        let mut counts: Vec<Count> = self.counts.into_values().collect();
        counts.sort_by(|one, other| one.place.cmp(&other.place));
        let old_ms = report.last_seal_ms.saturating_sub(options.gap_max_s.saturating_mul(1_000));
        for count in counts {
            // Of a log without an end nothing is younger.
            if !count.judged && report.last_seal_ms > 0 && count.stated_ms > old_ms {
                report.tallies_waiting += 1;
            } else if (count.found.0, *count.found.1.as_bytes()) == count.stated {
                report.tallies += 1;
            } else {
                let (stated, found) = (count.stated.0, count.found.0);
                let detail = format!("the process committed {stated} events, the log has {found} or others");
                report.add(Kind::Tally, span, &count.place, detail);
            }
        }
    }
}

impl Count {
    fn of(place: String, tally: &Tally) -> Option<(([u8; 16], u64), Self)> {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
        let hash = |text: &str| -> Option<Hash> { hex(text)?.try_into().ok() };
        let instance: [u8; 16] = hex(&tally.instance)?.try_into().ok()?;
        let uncertain = tally.uncertain.iter().map(|text| hash(text)).collect::<Option<_>>()?;
        let stated = (tally.count, hash(&tally.sum)?);
        let found = (0, Sum::default());
        let (key, stated_ms) = (hash(&tally.key)?, stated_ms(&place));
        let count = Self { place, stated_ms, judged: false, key, stated, uncertain, found };
        Some(((instance, tally.period), count))
    }
}

/// The time in a name `tally/<time>-<process>-<period>`; a name without one is as old as can be, so nothing hides by its name.
fn stated_ms(place: &str) -> u64 {
    let name = place.rsplit('/').next().unwrap_or_default();
    name.split('-').next().and_then(|time| time.parse().ok()).unwrap_or(0)
}
