//! The random value of a seal, and a look that the generator does not give one twice.
//!
//! Two values under one key and one random value would give their difference away, and with it the key of GCM's tags. A
//! generator that works never repeats 192 bits; one that is stuck, or runs in a short circle, is noticed here before the second
//! value is sealed. A machine that was copied while it ran is not: each copy remembers only its own (docs/crypto.md).

use std::cell::RefCell;

use super::{RANDOM_BYTES, SealError};

/// Random values that a thread remembers, the last ones it used.
const REMEMBERED: usize = 64;

thread_local! {
    static USED: RefCell<Used> = const { RefCell::new(Used { last: [[0; RANDOM_BYTES]; REMEMBERED], next: 0 }) };
}

struct Used {
    last: [[u8; RANDOM_BYTES]; REMEMBERED],
    next: usize,
}

impl Used {
    /// Remembers a value in place of the oldest; `false` when it was used already.
    fn remember(&mut self, random: [u8; RANDOM_BYTES]) -> bool {
        if self.last.contains(&random) {
            return false;
        }
        if let Some(oldest) = self.last.get_mut(self.next) {
            *oldest = random;
        }
        self.next = (self.next + 1) % REMEMBERED;
        true
    }
}

/// What `generator` gives, if this thread has not just used it. All zeros, which a broken one likes to give, count as used.
///
/// # Errors
/// [`SealError::RandomRepeats`]; a security event has been logged.
pub(crate) fn random(
    generator: impl FnOnce() -> [u8; RANDOM_BYTES],
) -> Result<[u8; RANDOM_BYTES], SealError> {
    let random = generator();
    let is_new = USED.try_with(|used| used.borrow_mut().remember(random)).unwrap_or(true);
    if is_new {
        return Ok(random);
    }
    crate::keys::events::random_repeats();
    Err(SealError::RandomRepeats)
}
