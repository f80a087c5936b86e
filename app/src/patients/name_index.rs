//! Names of one clinic's patients in memory, for searches by the start of a name.
//!
//! A sealed name cannot be searched by its beginning, and a tag for each beginning would show how often each occurs. So a
//! backend opens a small clinic's names on demand, keeps them for ten idle minutes under a bound, and before each search
//! reads which patients changed since, by any instance. A clinic above the bound is asked for the birth date.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use regions::ids::{Epoch, TenantId};
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::reach::Caller;
use tokio::sync::Mutex;
use uuid::Uuid;
use zeroize::Zeroize as _;

use super::names::HumanName;
use super::{queries, tags};
use crate::access::Within;
use crate::store::StoreError;

/// Patients above which a clinic's names are not held.
pub const PATIENTS_MAX: usize = 20_000;
/// Memory of all clinics' names together, in bytes.
const MEMORY_MAX_BYTES: u64 = 64 << 20;
/// Time without a search after which a clinic's names are wiped, in seconds.
const IDLE_MAX_S: u64 = 600;
/// Candidates asked at once whether they are within the caller's reach.
const REACH_BATCH: usize = 1_000;
/// Names opened between two looks at whether the caller is still there.
const OPEN_BATCH: usize = 500;
/// How far back changes are read again, in seconds: longer than any transaction and any difference of clocks.
const OVERLAP_S: i64 = 120;
/// Bytes a word costs beside its letters, roughly.
const WORD_OVERHEAD_BYTES: usize = 96;

/// A word of a name. It is wiped when dropped and does not print.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Word(String);

impl Drop for Word {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

struct Entry {
    version: i64,
    /// The words of each of the patient's names.
    names: Vec<Vec<Word>>,
}

/// One clinic's names.
#[derive(Default)]
struct NameIndex {
    words: BTreeSet<(Word, Uuid)>,
    patients: HashMap<Uuid, Entry>,
    read_until: Option<DateTime<Utc>>,
    bytes: usize,
}

/// The names of the clinics that were searched lately. The key holds the epoch, so a clinic that moved is read anew.
#[derive(Clone)]
pub struct NameIndexes {
    clinics: Cache<(TenantId, Epoch), Clinic>,
    patients_max: usize,
}

#[derive(Clone)]
struct Clinic {
    index: Arc<Mutex<NameIndex>>,
    bytes: u32,
}

/// Who searches.
pub struct Asker<'a> {
    /// The region's keys.
    pub keys: &'a Arc<Keys>,
    /// What row security is told.
    pub caller: Caller,
    /// The condition that the search carries.
    pub within: Within,
}

/// What a search by the start of a name found.
pub enum Found {
    /// These patients, in order of their ids.
    Patients(Vec<Uuid>),
    /// The clinic is too large for this search.
    TooManyPatients,
}

impl Default for NameIndexes {
    fn default() -> Self {
        NameIndexes::new(PATIENTS_MAX)
    }
}

impl NameIndexes {
    /// Names of clinics with at most `patients_max` patients.
    #[must_use]
    pub fn new(patients_max: usize) -> NameIndexes {
        let clinics = Cache::builder()
            .max_capacity(MEMORY_MAX_BYTES)
            .weigher(|_, clinic: &Clinic| clinic.bytes.max(1_024))
            .time_to_idle(Duration::from_secs(IDLE_MAX_S))
            .build();
        NameIndexes { clinics, patients_max }
    }

    /// Patients within the caller's reach one of whose names has a word for each given one, each beginning like it.
    ///
    /// The names in memory are the whole clinic's and belong to no caller, so the transaction acts for the platform while
    /// it reads what changed, and for the caller again before anybody is found.
    ///
    /// # Errors
    /// What the database or the key store says.
    pub async fn search(
        &self,
        tx: &mut TenantTx,
        asker: &Asker<'_>,
        beginnings: &[String],
        limit: usize,
    ) -> Result<Found, StoreError> {
        let key = (tx.tenant(), tx.epoch());
        let fresh = async { Clinic { index: Arc::default(), bytes: 0 } };
        let clinic = self.clinics.get_with(key, fresh).await;
        let mut index = clinic.index.lock().await;
        tx.act_as(&Caller::system(asker.caller.at_us)).await?;
        let held = index.refresh(tx, asker.keys, self.patients_max).await?;
        tx.act_as(&asker.caller).await?;
        if !held {
            drop(index);
            self.clinics.invalidate(&key).await;
            return Ok(Found::TooManyPatients);
        }
        let candidates = index.find(beginnings);
        let bytes = u32::try_from(index.bytes).unwrap_or(u32::MAX);
        drop(index);
        if bytes != clinic.bytes {
            // Putting it back is what makes the cache weigh it again.
            self.clinics.insert(key, Clinic { index: clinic.index, bytes }).await;
        }
        Ok(Found::Patients(within_reach(tx, asker.within, &candidates, limit).await?))
    }

    /// Wipes what has been idle too long; otherwise that happens with the next search.
    pub async fn sweep(&self) {
        self.clinics.run_pending_tasks().await;
    }
}

impl NameIndex {
    /// Reads what changed since the last time. False when the clinic is too large.
    async fn refresh(&mut self, tx: &mut TenantTx, keys: &Arc<Keys>, max: usize) -> Result<bool, StoreError> {
        let since = self.read_until.unwrap_or(DateTime::UNIX_EPOCH);
        let heads_max = i64::try_from(max).unwrap_or(i64::MAX).saturating_add(1);
        let heads = queries::changed_since(tx, since, heads_max).await?;
        if heads.len() > max {
            return Ok(false);
        }
        let changed: Vec<(Uuid, i64)> = heads
            .iter()
            .filter(|(id, version, _)| self.patients.get(id).is_none_or(|entry| entry.version != *version))
            .map(|(id, version, _)| (*id, *version))
            .collect();
        for batch in changed.chunks(OPEN_BATCH) {
            let versions: HashMap<Uuid, i64> = batch.iter().copied().collect();
            let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
            // One that has no names any more was erased since.
            ids.iter().for_each(|id| self.remove(*id));
            for (id, names) in queries::names_of(tx, keys, &ids).await? {
                self.put(id, versions.get(&id).copied().unwrap_or_default(), names.expose());
            }
        }
        if self.patients.len() > max {
            return Ok(false);
        }
        if let Some((_, _, latest)) = heads.last() {
            self.read_until = Some(*latest - TimeDelta::seconds(OVERLAP_S));
        }
        Ok(true)
    }

    fn put(&mut self, id: Uuid, version: i64, names: &[HumanName]) {
        self.remove(id);
        let names: Vec<Vec<Word>> =
            names.iter().map(|name| tags::words_of(name).into_iter().map(Word).collect()).collect();
        for word in names.iter().flatten() {
            self.bytes = self.bytes.saturating_add(cost(word));
            self.words.insert((word.clone(), id));
        }
        self.patients.insert(id, Entry { version, names });
    }

    fn remove(&mut self, id: Uuid) {
        let Some(entry) = self.patients.remove(&id) else { return };
        for word in entry.names.into_iter().flatten() {
            self.bytes = self.bytes.saturating_sub(cost(&word));
            self.words.remove(&(word, id));
        }
    }

    fn find(&self, beginnings: &[String]) -> Vec<Uuid> {
        // The longest beginning has the fewest candidates.
        let Some(longest) = beginnings.iter().max_by_key(|beginning| beginning.len()) else {
            return Vec::new();
        };
        let from = (Word(longest.clone()), Uuid::nil());
        let candidates: BTreeSet<Uuid> = self
            .words
            .range(from..)
            .take_while(|(word, _)| word.0.starts_with(longest.as_str()))
            .map(|(_, id)| *id)
            .collect();
        candidates.into_iter().filter(|id| self.matches(*id, beginnings)).collect()
    }

    fn matches(&self, id: Uuid, beginnings: &[String]) -> bool {
        self.patients.get(&id).is_some_and(|entry| {
            entry.names.iter().any(|name| name_begins(name.iter().map(|word| word.0.as_str()), beginnings))
        })
    }
}

/// The first `limit` of these patients, in the order of their ids, that the caller reaches. The loop is bounded by the
/// patients that a clinic in memory may have.
async fn within_reach(
    tx: &mut TenantTx,
    within: Within,
    candidates: &[Uuid],
    limit: usize,
) -> Result<Vec<Uuid>, StoreError> {
    let mut found = Vec::new();
    for batch in candidates.chunks(REACH_BATCH) {
        let left = i64::try_from(limit.saturating_sub(found.len())).unwrap_or(i64::MAX);
        found.extend(queries::among(tx, within, batch, left).await?);
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

fn cost(word: &Word) -> usize {
    word.0.len().saturating_mul(2).saturating_add(WORD_OVERHEAD_BYTES)
}

/// Whether a name has a word for each beginning; one word answers one beginning.
pub fn name_begins<'a>(words: impl Iterator<Item = &'a str>, beginnings: &[String]) -> bool {
    let mut left: Vec<&str> = words.collect();
    // The longest first, or "a" would take the word that only "asha" can use.
    let mut ordered: Vec<&String> = beginnings.iter().collect();
    ordered.sort_by_key(|beginning| std::cmp::Reverse(beginning.len()));
    ordered.into_iter().all(|beginning| {
        let at = left.iter().position(|word| word.starts_with(beginning.as_str()));
        at.map(|at| left.swap_remove(at)).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patients::names::NameUse;

    fn name(given: &[&str], family: &str) -> HumanName {
        HumanName {
            usage: NameUse::Official,
            prefix: None,
            given: given.iter().map(|part| (*part).to_owned()).collect(),
            family: Some(family.to_owned()),
        }
    }

    fn find(index: &NameIndex, text: &str) -> usize {
        index.find(&tags::words(text)).len()
    }

    #[test]
    fn beginnings_match_words_in_any_order_and_script() {
        let mut index = NameIndex::default();
        let (priya, asha) = (Uuid::from_u128(1), Uuid::from_u128(2));
        index.put(priya, 1, &[name(&["Priya"], "Sharma"), name(&["प्रिया"], "शर्मा")]);
        index.put(asha, 1, &[name(&["Asha", "Rani"], "O’Brien")]);
        for text in ["pri", "SHAR", "sharma pri", "Priya Sharma", "प्रि", "obri", "asha r"] {
            assert_eq!(find(&index, text), 1, "{text}");
        }
        for text in ["riya", "priya priya", "priya शर्मा", "priya o", "x"] {
            assert_eq!(find(&index, text), 0, "{text}");
        }
        assert_eq!(index.find(&tags::words("a")), vec![asha]);
    }

    #[test]
    fn a_changed_name_replaces_the_old_one_and_the_size_returns() {
        let mut index = NameIndex::default();
        let id = Uuid::from_u128(7);
        index.put(id, 1, &[name(&["Maria"], "Garcia")]);
        index.put(id, 2, &[name(&["Maria"], "Lopez")]);
        assert_eq!((find(&index, "garcia"), find(&index, "lopez")), (0, 1));
        index.remove(id);
        assert_eq!((index.words.len(), index.bytes), (0, 0));
    }
}
