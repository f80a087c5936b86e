//! Random bytes for ids, nonces, tokens and jitter, from the one cryptographic library.

use std::cell::RefCell;
use zeroize::Zeroize;

/// Bytes of an id or a nonce.
const ID_BYTES: usize = 16;
/// Bytes drawn ahead by each thread that makes ids: one call of the generator costs as much as hashing a kilobyte.
const AHEAD_BYTES: usize = 64 * ID_BYTES;

thread_local! {
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { bytes: [0; AHEAD_BYTES], left_bytes: 0 }) };
}

/// Random bytes that were drawn and not yet given out.
struct Ahead {
    bytes: [u8; AHEAD_BYTES],
    left_bytes: usize,
}

/// Fills `out` with unpredictable bytes.
///
/// A process that cannot get randomness must not go on: every nonce and token would be guessable. It aborts,
/// which AWS-LC itself does first in practice, so that no caller has to handle a failure that cannot be
/// handled.
pub fn fill(out: &mut [u8]) {
    if aws_lc_rs::rand::fill(out).is_err() {
        std::process::abort();
    }
}

/// `N` unpredictable bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    fill(&mut out);
    out
}

/// 16 unpredictable bytes for an id or a nonce, drawn ahead in batches. Keys and tokens are drawn with [`bytes()`], which
/// leaves no copy behind.
pub fn id() -> [u8; ID_BYTES] {
    AHEAD.try_with(|ahead| ahead.borrow_mut().take()).unwrap_or_else(|_| bytes())
}

impl Ahead {
    fn take(&mut self) -> [u8; ID_BYTES] {
        if self.left_bytes < ID_BYTES {
            fill(&mut self.bytes);
            self.left_bytes = AHEAD_BYTES;
        }
        self.left_bytes -= ID_BYTES;
        let mut out = [0; ID_BYTES];
        if let Some(next) = self.bytes.get_mut(self.left_bytes..self.left_bytes + ID_BYTES) {
            out.copy_from_slice(next);
            next.zeroize();
        }
        out
    }
}

/// An unpredictable number in `0..=max`, for jitter. Its bias is below 2⁻³² for any `max` that fits in 32
/// bits.
pub fn up_to(max: u32) -> u32 {
    let wide = u64::from_le_bytes(bytes());
    u32::try_from(wide % (u64::from(max) + 1)).unwrap_or(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_drawn_ahead_are_given_out_once_and_leave_nothing_behind() {
        let threads: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..500).map(|_| id()).collect::<Vec<_>>())).collect();
        let mut all: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 2_000);
        let mut ahead = Ahead { bytes: [0; AHEAD_BYTES], left_bytes: 0 };
        let taken = ahead.take();
        assert_ne!(taken, [0; ID_BYTES]);
        assert_eq!(ahead.bytes[ahead.left_bytes..], [0; ID_BYTES]);
    }

    #[test]
    fn two_draws_differ_and_jitter_stays_in_range() {
        assert_ne!(bytes::<16>(), bytes::<16>());
        assert!((0..1_000).all(|_| up_to(7) <= 7));
        assert_eq!(up_to(0), 0);
    }
}
