//! The memory of assertions that were used, so that a request that changes something is not served twice.

use super::{Assertion, AssertionError, LIFETIME_MAX_MS, SKEW_MAX_MS};
use parking_lot::Mutex;
use std::collections::HashSet;

/// Remembers the nonces of requests that change something, so that none is served twice.
///
/// It keeps two generations of nonces and drops the older one when every assertion in it must have expired,
/// by its own high-water mark of time: setting the clock back brings no dropped nonce back to life.
#[derive(Debug)]
pub struct NonceCache {
    nonces_max: usize,
    inner: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    current: HashSet<[u8; 16]>,
    previous: HashSet<[u8; 16]>,
    current_since_ms: u64,
    /// The latest expiry among the current nonces, among the previous, and among the dropped.
    latest_expiry_ms: [u64; 3],
}

/// A nonce is kept at least this long: no accepted assertion is valid longer, whichever way the clocks
/// differ.
const GENERATION_MS: u64 = LIFETIME_MAX_MS + 2 * SKEW_MAX_MS;

impl NonceCache {
    /// A cache for at most `nonces_max` nonces in 40 seconds; when it is full it refuses rather than forgets.
    pub fn new(nonces_max: usize) -> Self {
        Self { nonces_max, inner: Mutex::new(Generations::default()) }
    }

    /// Accepts an assertion's nonce the first time.
    ///
    /// # Errors
    /// [`AssertionError::Replayed`] or [`AssertionError::Full`]; [`AssertionError::Expired`] for one so old
    /// that its nonce may have been dropped, which a clock set back could otherwise revive.
    pub fn accept(&self, assertion: &Assertion, now_ms: u64) -> Result<(), AssertionError> {
        let mut inner = self.inner.lock();
        inner.rotate(now_ms);
        let [current_latest, previous_latest, dropped_latest] = inner.latest_expiry_ms;
        if assertion.expires_ms <= dropped_latest {
            return Err(AssertionError::Expired);
        }
        if inner.previous.contains(&assertion.nonce) || inner.current.contains(&assertion.nonce) {
            return Err(AssertionError::Replayed);
        }
        if inner.current.len() + inner.previous.len() >= self.nonces_max {
            return Err(AssertionError::Full);
        }
        inner.current.insert(assertion.nonce);
        inner.latest_expiry_ms = [current_latest.max(assertion.expires_ms), previous_latest, dropped_latest];
        Ok(())
    }
}

impl Generations {
    fn rotate(&mut self, now_ms: u64) {
        if now_ms < self.current_since_ms.saturating_add(GENERATION_MS) {
            return;
        }
        self.previous = std::mem::take(&mut self.current);
        let [current, previous, dropped] = self.latest_expiry_ms;
        self.latest_expiry_ms = [0, current, dropped.max(previous)];
        self.current_since_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW_MS, assertion};
    use super::*;

    #[test]
    fn a_nonce_is_accepted_once_for_as_long_as_its_assertion_could_be() {
        let cache = NonceCache::new(100);
        // A generation begins earlier, so that it ends while the assertion is still good.
        let early = Assertion { issued_ms: NOW_MS - 30_000, expires_ms: NOW_MS, ..assertion() };
        assert_eq!(cache.accept(&early, NOW_MS - 30_000), Ok(()));
        let first = assertion();
        assert_eq!(cache.accept(&first, NOW_MS), Ok(()));
        let end = NOW_MS + LIFETIME_MAX_MS + SKEW_MAX_MS;
        for now_ms in (NOW_MS..end).step_by(500) {
            assert_eq!(
                cache.accept(&first, now_ms),
                Err(AssertionError::Replayed),
                "at +{}",
                now_ms - NOW_MS
            );
            assert_eq!(cache.accept(&Assertion { expires_ms: now_ms + 1, ..assertion() }, now_ms), Ok(()));
        }
    }

    #[test]
    fn a_clock_set_back_revives_nothing() {
        let cache = NonceCache::new(100);
        let first = assertion();
        assert_eq!(cache.accept(&first, NOW_MS), Ok(()));
        let later = NOW_MS + 10 * GENERATION_MS;
        for step in 0..3 {
            let now_ms = later + step * GENERATION_MS;
            let fresh = Assertion { issued_ms: now_ms, expires_ms: now_ms + LIFETIME_MAX_MS, ..assertion() };
            assert_eq!(cache.accept(&fresh, now_ms), Ok(()));
        }
        assert_eq!(cache.accept(&first, NOW_MS), Err(AssertionError::Expired));
    }

    #[test]
    fn a_full_cache_refuses_rather_than_forgets() {
        let cache = NonceCache::new(2);
        let first = assertion();
        assert_eq!(cache.accept(&first, NOW_MS), Ok(()));
        assert_eq!(cache.accept(&assertion(), NOW_MS), Ok(()));
        assert_eq!(cache.accept(&assertion(), NOW_MS), Err(AssertionError::Full));
        assert_eq!(cache.accept(&first, NOW_MS), Err(AssertionError::Replayed));
    }
}
