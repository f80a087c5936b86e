//! What the image readers share.

use super::Refusal;

/// Most points of an image: one hundred million, a scan of A2 at 600 dots per inch.
const POINTS_MAX: u64 = 100_000_000;

/// Refuses an image without points or with too many, before anybody unpacks it.
///
/// # Errors
/// [`Refusal`].
pub(super) fn check_size(width: u32, height: u32) -> Result<(), Refusal> {
    match u64::from(width) * u64::from(height) {
        0 => Err(Refusal::Malformed),
        1..=POINTS_MAX => Ok(()),
        _ => Err(Refusal::ImageTooLarge),
    }
}
