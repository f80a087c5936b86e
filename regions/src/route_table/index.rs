//! Rows by one key: segments that readers load without waiting and a writer replaces whole.

use super::{Row, RuleError};
use arc_swap::ArcSwap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::marker::PhantomData;
use std::sync::Arc;

/// Rows of a segment, about, as an index is built. A change copies one segment, and a look-up searches one: that many rows lie
/// in a few cache lines, whose misses are nearly all that a look-up takes.
const SEGMENT_ROWS: usize = 16;
/// Segments of the smallest index: one that is built empty holds sixty-five thousand rows before its segments are longer.
const SEGMENTS_MIN: usize = 1 << 12;
/// Segments of the largest index: a million tenants in those of sixteen rows.
const SEGMENTS_MAX: usize = 1 << 16;

/// What an index orders its rows by.
pub(super) trait Key: Copy + Ord + Hash {
    fn of(row: &Row) -> Self;
}

/// Rows in segments by hash, sorted by key inside each. The hash is keyed, so that nobody can plan one
/// crowded segment.
#[derive(Debug)]
pub(super) struct Index<K> {
    hasher: RandomState,
    segments: Box<[ArcSwap<Vec<Row>>]>,
    key: PhantomData<K>,
}

impl<K: Key> Index<K> {
    /// `resolve` says which of two rows with one key stays.
    pub(super) fn build(
        rows: &[Row],
        resolve: fn(&Row, &Row) -> Result<Row, RuleError>,
    ) -> Result<Self, RuleError> {
        let hasher = RandomState::new();
        let count = (rows.len() / SEGMENT_ROWS).clamp(SEGMENTS_MIN, SEGMENTS_MAX);
        let mut segments = vec![Vec::new(); count];
        for row in rows {
            if let Some(segment) = segments.get_mut(segment_of(&hasher, &K::of(row), count)) {
                segment.push(*row);
            }
        }
        let sorted = |mut segment: Vec<Row>| {
            segment.sort_unstable_by_key(K::of);
            let mut unique: Vec<Row> = Vec::with_capacity(segment.len());
            for row in segment {
                match unique.last_mut().filter(|last| K::of(last) == K::of(&row)) {
                    Some(last) => *last = resolve(last, &row)?,
                    None => unique.push(row),
                }
            }
            Ok(ArcSwap::from_pointee(unique))
        };
        let segments = segments.into_iter().map(sorted).collect::<Result<_, _>>()?;
        Ok(Self { hasher, segments, key: PhantomData })
    }

    pub(super) fn get(&self, key: &K) -> Option<Row> {
        let rows = self.segment(key)?.load();
        let at = rows.binary_search_by(|row| K::of(row).cmp(key)).ok()?;
        rows.get(at).copied()
    }

    pub(super) fn put(&self, row: Row) {
        let key = K::of(&row);
        let Some(segment) = self.segment(&key) else { return };
        let old = segment.load();
        let place = old.binary_search_by(|row| K::of(row).cmp(&key));
        let (Ok(at) | Err(at)) = place;
        let mut new = Vec::with_capacity(old.len() + usize::from(place.is_err()));
        new.extend(old.iter().take(at));
        new.push(row);
        new.extend(old.iter().skip(at + usize::from(place.is_ok())));
        segment.store(Arc::new(new));
    }

    /// The rows of each segment, as they are when the iterator reaches it.
    pub(super) fn segments(&self) -> impl Iterator<Item = Arc<Vec<Row>>> + '_ {
        self.segments.iter().map(ArcSwap::load_full)
    }

    fn segment(&self, key: &K) -> Option<&ArcSwap<Vec<Row>>> {
        self.segments.get(segment_of(&self.hasher, key, self.segments.len()))
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let fixed = size_of::<ArcSwap<Vec<Row>>>() + 2 * size_of::<usize>() + size_of::<Vec<Row>>();
        self.segments.iter().map(|segment| fixed + segment.load().capacity() * size_of::<Row>()).sum()
    }
}

fn segment_of<K: Hash>(hasher: &RandomState, key: &K, segments: usize) -> usize {
    let segments = u64::try_from(segments).unwrap_or(1);
    usize::try_from(hasher.hash_one(key) % segments).unwrap_or_default()
}
