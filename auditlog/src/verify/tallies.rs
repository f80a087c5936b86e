//! The processes' own counts, recomputed from the entries while they are read.

use std::collections::{HashMap, HashSet};
use std::io;

use super::folder::Folder;
use super::report::{Kind, LogReport};
use crate::{Hash, Sum, Tally};

/// One process's period: what was stated and what has been found so far.
struct Count {
    place: String,
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

    /// Compares, and reports to the last log what does not agree.
    pub(super) fn finish(self, report: &mut LogReport) {
        let span = (0, report.size);
        for place in self.malformed {
            report.add(Kind::Malformed, span, &place, "not a tally");
        }
        let mut counts: Vec<Count> = self.counts.into_values().collect();
        counts.sort_by(|one, other| one.place.cmp(&other.place));
        for count in counts {
            if (count.found.0, *count.found.1.as_bytes()) == count.stated {
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
        Some(((instance, tally.period), Self { place, key: hash(&tally.key)?, stated, uncertain, found }))
    }
}
