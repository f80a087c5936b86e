//! A circuit breaker: after repeated failures calls are refused at once, until one probe succeeds.

/// Failures in a row that open the breaker.
const FAILURES_MAX: u32 = 5;
/// First pause, in milliseconds.
const OPEN_FIRST_MS: u64 = 2_000;
/// Longest pause, in milliseconds.
const OPEN_MAX_MS: u64 = 30_000;
/// A probe that has not come back by then (its caller was cancelled) is forgotten, in milliseconds.
const PROBE_MS: u64 = 10_000;

/// The state for one key. Time is passed in.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    pause_ms: u64,
    open_until_ms: Option<u64>,
    probe_until_ms: Option<u64>,
}

/// Leave to make one call; handed back with its outcome.
#[derive(Debug)]
#[must_use]
pub(super) struct Ticket(());

impl Breaker {
    /// Whether it is open, a probe under way included.
    pub(super) fn is_open(&self) -> bool {
        self.open_until_ms.is_some()
    }

    /// Leave for a call now, or nothing while the breaker is open or a probe is under way.
    pub(super) fn admit(&mut self, now_ms: u64) -> Option<Ticket> {
        let Some(open_until_ms) = self.open_until_ms else { return Some(Ticket(())) };
        // A clock that was set back must not keep the breaker open for longer than its longest pause.
        let waiting = now_ms < open_until_ms && open_until_ms - now_ms <= OPEN_MAX_MS.saturating_mul(2);
        let probing = self.probe_until_ms.is_some_and(|until| now_ms < until && until - now_ms <= PROBE_MS);
        if waiting || probing {
            return None;
        }
        self.probe_until_ms = Some(now_ms.saturating_add(PROBE_MS));
        Some(Ticket(()))
    }

    /// Takes note of an outcome; says whether the breaker has opened by it.
    pub(super) fn settle(&mut self, ticket: Ticket, failed: bool, now_ms: u64) -> bool {
        let Ticket(()) = ticket;
        self.probe_until_ms = None;
        if !failed {
            *self = Self::default();
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures < FAILURES_MAX {
            return false;
        }
        let opened = self.open_until_ms.is_none();
        self.pause_ms = self.pause_ms.saturating_mul(2).clamp(OPEN_FIRST_MS, OPEN_MAX_MS);
        let jitter_ms = u64::from(regions::random::up_to(500));
        self.open_until_ms = Some(now_ms.saturating_add(self.pause_ms).saturating_add(jitter_ms));
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breaker: &mut Breaker, now_ms: u64) -> bool {
        let ticket = breaker.admit(now_ms).unwrap();
        breaker.settle(ticket, true, now_ms)
    }

    #[test]
    fn opens_after_failures_in_a_row_probes_once_and_closes() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            assert!(!fail(&mut breaker, 0));
        }
        let ticket = breaker.admit(0).unwrap();
        assert!(!breaker.settle(ticket, false, 0), "a success starts the count again");
        for call in 1..=5 {
            assert_eq!(fail(&mut breaker, 0), call == 5);
        }
        assert!(breaker.admit(1_999).is_none());
        let probe = breaker.admit(2_600).unwrap();
        assert!(breaker.admit(2_600).is_none(), "one probe at a time");
        assert!(!breaker.settle(probe, true, 2_600), "still open, not opened again");
        assert!(breaker.admit(2_600 + 3_999).is_none(), "the pause has doubled");
        let probe = breaker.admit(2_600 + 4_600).unwrap();
        assert!(!breaker.settle(probe, false, 7_200));
        assert!(breaker.admit(7_200).is_some() && breaker.admit(7_200).is_some());
    }

    #[test]
    fn a_lost_probe_and_a_clock_set_back_do_not_keep_it_open() {
        let mut breaker = Breaker::default();
        for _ in 0..5 {
            let _ = fail(&mut breaker, 1_000_000);
        }
        let _lost = breaker.admit(1_003_000).unwrap();
        assert!(breaker.admit(1_012_999).is_none());
        assert!(breaker.admit(1_013_000).is_some());
        assert!(breaker.admit(1_000).is_some());
    }
}
