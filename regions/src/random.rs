//! Random bytes for ids, nonces, tokens and jitter, from the one cryptographic library.

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
    fn two_draws_differ_and_jitter_stays_in_range() {
        assert_ne!(bytes::<16>(), bytes::<16>());
        assert!((0..1_000).all(|_| up_to(7) <= 7));
        assert_eq!(up_to(0), 0);
    }
}
