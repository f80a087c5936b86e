//! The clock every part reads the time from, so that a test can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A source of wall-clock time. Cloning is cheap, and clones of a manual clock move together.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<AtomicU64>),
}

/// The handle that moves a manual clock.
#[derive(Clone, Debug)]
pub struct ManualClock {
    unix_ms: Arc<AtomicU64>,
}

impl Clock {
    /// The machine's own clock.
    pub fn system() -> Self {
        Self { source: Source::System }
    }

    /// A clock that stands still at `unix_ms` until its handle moves it.
    pub fn manual(unix_ms: u64) -> (Self, ManualClock) {
        let unix_ms = Arc::new(AtomicU64::new(unix_ms));
        (Self { source: Source::Manual(unix_ms.clone()) }, ManualClock { unix_ms })
    }

    /// Milliseconds since 1970-01-01T00:00:00Z; 0 for a machine clock set before that.
    pub fn now_unix_ms(&self) -> u64 {
        match &self.source {
            Source::System => system_unix_ms(),
            Source::Manual(unix_ms) => unix_ms.load(Ordering::SeqCst),
        }
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub fn now_unix_s(&self) -> u64 {
        self.now_unix_ms() / 1000
    }

    /// The time as the standard library's type.
    pub fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.now_unix_ms())
    }
}

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance_ms(&self, by_ms: u64) {
        self.unix_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Puts the clock at a time, which may be earlier than before.
    pub fn set(&self, unix_ms: u64) {
        self.unix_ms.store(unix_ms, Ordering::SeqCst);
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
fn system_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_move_together() {
        let (clock, hand) = Clock::manual(1_500);
        let other = clock.clone();
        hand.advance_ms(500);
        assert_eq!((clock.now_unix_ms(), other.now_unix_s()), (2_000, 2));
        hand.set(7);
        assert_eq!(other.now(), UNIX_EPOCH + Duration::from_millis(7));
    }

    #[test]
    fn the_system_clock_is_past_2024() {
        assert!(Clock::system().now_unix_s() > 1_704_067_200);
    }
}
