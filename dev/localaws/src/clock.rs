//! The server's time, which a test may move forward past a retention or a deletion date.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall-clock time plus an offset; clones share the offset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    ahead_ms: Arc<AtomicU64>,
}

impl Clock {
    /// Milliseconds since 1970, including the offset.
    pub(crate) fn now_ms(&self) -> u64 {
        real_ms().saturating_add(self.ahead_ms.load(Ordering::Relaxed))
    }

    /// Moves this clock forward; signatures keep being judged by real time, because the clients' clocks do not move.
    pub(crate) fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

/// Real milliseconds since 1970.
pub(crate) fn real_ms() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "this module is the one place of this program that reads the time"
    )]
    let now = SystemTime::now();
    ms_of(now)
}

/// A `SystemTime` as milliseconds since 1970; 0 for anything earlier.
pub(crate) fn ms_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds since 1970 as a `SystemTime`.
pub(crate) fn time_of(unix_ms: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(unix_ms)
}
