//! A process's own count of the audit events it committed, and its way to the archive past the database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use auditlog::{Hash, Sum, Tally, UNCERTAIN_MAX};
use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use regions::ids::ShardId;
use regions::log::{self, Field};
use zeroize::Zeroizing;

use super::shard_folder;
use crate::archive::{Archive, ArchiveError};

/// How often a process states what it committed, in seconds.
pub const TALLY_EVERY_S: u64 = 10;
/// Most periods kept while the archive does not answer; older ones are given up, and that is logged.
const PERIODS_MAX: usize = 10_000;

/// The count of one process for one shard.
pub(crate) struct Tallies {
    instance: [u8; 16],
    key: Zeroizing<[u8; 32]>,
    inner: Mutex<Inner>,
}

struct Inner {
    current: u64,
    periods: BTreeMap<u64, Period>,
}

#[derive(Default)]
struct Period {
    /// Commits under way that have not been answered.
    open: u32,
    count: u64,
    sum: Sum,
    uncertain: Vec<Hash>,
}

impl Tallies {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            instance: regions::random::bytes(),
            key: Zeroizing::new(regions::random::bytes()),
            inner: Mutex::new(Inner { current: 1, periods: BTreeMap::new() }),
        })
    }

    /// The process's id, drawn at its start.
    pub(crate) fn instance(&self) -> [u8; 16] {
        self.instance
    }

    /// Takes part in the current period until the ticket is settled or dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Ticket {
        let mut inner = self.inner.lock();
        let period = inner.current;
        inner.periods.entry(period).or_default().open += 1;
        Ticket { tallies: Arc::clone(self), period, leaves: Vec::new() }
    }

    fn settle(&self, period: u64, leaves: &[Hash], outcome: Outcome) {
        let mut inner = self.inner.lock();
        let Some(found) = inner.periods.get_mut(&period) else { return };
        found.open = found.open.saturating_sub(1);
        match outcome {
            Outcome::Committed => {
                for leaf in leaves {
                    found.sum.add(&self.key, leaf);
                    found.count += 1;
                }
            }
            Outcome::Uncertain => found.uncertain.extend_from_slice(leaves),
            Outcome::Nothing => {}
        }
        let full = found.uncertain.len() >= UNCERTAIN_MAX / 2;
        if full && inner.current == period {
            inner.current += 1;
        }
    }

    /// Ends the current period and gives what can be stated: ended periods in which every commit was answered.
    fn close(&self) -> Vec<Tally> {
        let mut inner = self.inner.lock();
        if inner.periods.contains_key(&inner.current) {
            inner.current += 1;
        }
        while inner.periods.len() > PERIODS_MAX {
            inner.periods.pop_first();
            log::error("audit_tally_given_up", &[]);
        }
        let current = inner.current;
        let ended = inner.periods.iter().filter(|(period, found)| **period < current && found.open == 0);
        let stated = ended.map(|(period, found)| Tally {
            instance: HEXLOWER.encode(&self.instance),
            period: *period,
            key: HEXLOWER.encode(self.key.as_slice()),
            count: found.count,
            sum: HEXLOWER.encode(found.sum.as_bytes()),
            uncertain: found.uncertain.iter().map(|leaf| HEXLOWER.encode(leaf)).collect(),
        });
        stated.collect()
    }

    /// Puts every period that has ended into the archive; says how many.
    pub(crate) async fn publish(
        &self,
        archive: &Archive,
        shard: ShardId,
        now_ms: u64,
        keep: Duration,
    ) -> Result<usize, ArchiveError> {
        let until = SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms) + keep;
        let mut published = 0;
        for tally in self.close() {
            let period = tally.period;
            let name = format!("{}/tally/{now_ms:015}-{}-{period:09}", shard_folder(shard), tally.instance);
            let bytes = serde_json::to_vec(&tally).map_err(|_never| ArchiveError::Damaged)?;
            archive.put_once(&name, &bytes, until).await?;
            self.inner.lock().periods.remove(&period);
            published += 1;
        }
        if published > 0 {
            log::info(
                "audit_tallied",
                &[Field::Shard(shard), Field::Count(u64::try_from(published).unwrap_or(0))],
            );
        }
        Ok(published)
    }
}

#[derive(Clone, Copy)]
enum Outcome {
    Committed,
    Uncertain,
    Nothing,
}

/// One commit's part in the count. Dropped while the commit is under way, its events are of unknown outcome.
pub(crate) struct Ticket {
    tallies: Arc<Tallies>,
    period: u64,
    leaves: Vec<Hash>,
}

impl Ticket {
    pub(crate) fn period(&self) -> u64 {
        self.period
    }

    pub(crate) fn instance(&self) -> [u8; 16] {
        self.tallies.instance()
    }

    /// From here on the events may be committed.
    pub(crate) fn committing(&mut self, leaves: Vec<Hash>) {
        self.leaves = leaves;
    }

    /// They are.
    pub(crate) fn committed(mut self) {
        let leaves = std::mem::take(&mut self.leaves);
        self.tallies.settle(self.period, &leaves, Outcome::Committed);
        self.period = 0;
    }

    /// They certainly are not.
    pub(crate) fn refused(mut self) {
        self.leaves.clear();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let outcome = if self.leaves.is_empty() { Outcome::Nothing } else { Outcome::Uncertain };
        // Periods begin at 1: a ticket that was settled has none.
        self.tallies.settle(self.period, &self.leaves, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_stated_when_every_commit_in_it_was_answered() {
        let tallies = Tallies::new();
        let (mut one, mut two, three) = (tallies.begin(), tallies.begin(), tallies.begin());
        one.committing(vec![[1; 32], [2; 32]]);
        one.committed();
        assert!(tallies.close().is_empty(), "two are under way");
        two.committing(vec![[3; 32]]);
        drop(two);
        three.refused();
        let later = tallies.begin();
        assert_eq!(later.period(), 2);
        let [stated] = <[Tally; 1]>::try_from(tallies.close()).unwrap();
        assert_eq!((stated.period, stated.count, stated.uncertain.len()), (1, 2, 1));
        assert!(stated.agrees(&[[2; 32], [1; 32]]) && stated.agrees(&[[3; 32], [2; 32], [1; 32]]));
        assert!(!stated.agrees(&[[1; 32]]) && !stated.agrees(&[[1; 32], [4; 32]]));
        assert!(!stated.agrees(&[[1; 32], [2; 32], [4; 32]]));
    }
}
