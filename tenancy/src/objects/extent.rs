//! The arithmetic of a document's segments and parts: how many there are, how long each is and where it lies.

use std::ops::Range;

use super::sealing::{Position, SEGMENT_BYTES, SEGMENT_OVERHEAD_BYTES};

/// Largest document, in bytes of plaintext: 5 GiB.
pub const DOCUMENT_BYTES_MAX: u64 = 5 * 1024 * 1024 * 1024;
/// Segments of every part but the last. S3 takes parts from 5 MiB on.
pub const PART_SEGMENTS: u32 = 8;
/// Plaintext of every part but the last, in bytes: 8 MiB.
pub const PART_BYTES: u64 = 8 * SEGMENT_U64;

const SEGMENT_U64: u64 = 1_048_576;
const OVERHEAD_U64: u64 = 28;
const _: () = assert!(SEGMENT_BYTES == 1_048_576 && SEGMENT_OVERHEAD_BYTES == 28);

/// How long a document is. Everything else about its layout follows from that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent(u64);

impl Extent {
    /// A document of this many bytes; `None` beyond [`DOCUMENT_BYTES_MAX`].
    #[must_use]
    pub const fn new(bytes: u64) -> Option<Self> {
        if bytes <= DOCUMENT_BYTES_MAX { Some(Self(bytes)) } else { None }
    }

    /// Bytes of plaintext.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Whether there is no byte in it; one empty segment says so then.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Number of segments, at least 1.
    #[must_use]
    pub fn segments(self) -> u32 {
        narrow(self.0.div_ceil(SEGMENT_U64)).max(1)
    }

    /// Number of parts, at least 1.
    #[must_use]
    pub fn parts(self) -> u16 {
        u16::try_from(self.segments().div_ceil(PART_SEGMENTS)).unwrap_or(u16::MAX)
    }

    /// Bytes stored in S3 for the whole document.
    #[must_use]
    pub fn stored_bytes(self) -> u64 {
        self.0 + OVERHEAD_U64 * u64::from(self.segments())
    }

    /// Plaintext of one segment, in bytes; 0 for one that is not there.
    #[must_use]
    pub fn segment_bytes(self, segment: u32) -> usize {
        let begins = u64::from(segment) * SEGMENT_U64;
        usize::try_from(self.0.saturating_sub(begins).min(SEGMENT_U64)).unwrap_or(SEGMENT_BYTES)
    }

    /// Where a segment stands.
    #[must_use]
    pub fn position(self, segment: u32) -> Position {
        if segment.saturating_add(1) == self.segments() { Position::Last } else { Position::Inner }
    }

    /// Plaintext of part `number`, from 1, in bytes; `None` for one that is not there.
    #[must_use]
    pub fn part_bytes(self, number: u16) -> Option<u64> {
        let before = u64::from(number.checked_sub(1)?) * PART_BYTES;
        (number <= self.parts()).then(|| self.0.saturating_sub(before).min(PART_BYTES))
    }

    /// First segment of part `number`; `None` for one that is not there.
    #[must_use]
    pub fn part_segment(self, number: u16) -> Option<u32> {
        let before = u32::from(number.checked_sub(1)?) * PART_SEGMENTS;
        (number <= self.parts()).then_some(before)
    }

    /// Stored bytes of part `number`; `None` for one that is not there.
    #[must_use]
    pub fn part_stored_bytes(self, number: u16) -> Option<usize> {
        let first = self.part_segment(number)?;
        let segments = self.segments().saturating_sub(first).min(PART_SEGMENTS);
        usize::try_from(self.part_bytes(number)? + OVERHEAD_U64 * u64::from(segments)).ok()
    }

    /// Where the stored bytes of some segments lie, as first and last byte (RFC 9110, 14.1.2); `None` for none.
    #[must_use]
    pub fn stored_range(self, segments: &Range<u32>) -> Option<(u64, u64)> {
        let stride = SEGMENT_U64 + OVERHEAD_U64;
        let end = (u64::from(segments.end) * stride).min(self.stored_bytes());
        let first = u64::from(segments.start) * stride;
        (segments.start < segments.end && first < end).then(|| (first, end - 1))
    }

    /// Where the bytes of some segments lie that are stored as they are, as first and last byte; `None` for none.
    #[must_use]
    pub fn direct_range(self, segments: &Range<u32>) -> Option<(u64, u64)> {
        let end = (u64::from(segments.end) * SEGMENT_U64).min(self.0);
        let first = u64::from(segments.start) * SEGMENT_U64;
        (segments.start < segments.end && first < end).then(|| (first, end - 1))
    }

    /// The segments that hold the bytes `first` to `last`, and how many bytes to leave out at the beginning.
    #[must_use]
    pub fn covering(self, first: u64, last: u64) -> (Range<u32>, usize) {
        let (from, to) = (first / SEGMENT_U64, last / SEGMENT_U64);
        let skip = usize::try_from(first % SEGMENT_U64).unwrap_or_default();
        (narrow(from)..narrow(to).saturating_add(1).min(self.segments()), skip)
    }
}

/// A count that [`DOCUMENT_BYTES_MAX`] keeps far below the type's largest.
fn narrow(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_edges_are_where_they_should_be() {
        let of = |bytes| Extent::new(bytes).unwrap();
        for (bytes, segments, parts) in [
            (0, 1, 1),
            (1, 1, 1),
            (SEGMENT_U64, 1, 1),
            (SEGMENT_U64 + 1, 2, 1),
            (PART_BYTES, 8, 1),
            (PART_BYTES + 1, 9, 2),
            (DOCUMENT_BYTES_MAX, 5_120, 640),
        ] {
            assert_eq!((of(bytes).segments(), of(bytes).parts()), (segments, parts), "{bytes}");
        }
        assert_eq!(Extent::new(DOCUMENT_BYTES_MAX + 1), None);
        assert_eq!(of(0).stored_range(&(0..1)), Some((0, 27)));
        assert_eq!(of(5).part_bytes(0), None);
        assert_eq!(of(5).part_bytes(2), None);
    }

    proptest! {
        #[test]
        fn parts_and_segments_add_up(bytes in 0..=DOCUMENT_BYTES_MAX) {
            let extent = Extent::new(bytes).unwrap();
            let parts = 1..=extent.parts();
            prop_assert_eq!(parts.clone().map(|n| extent.part_bytes(n).unwrap()).sum::<u64>(), bytes);
            let stored: u64 = parts.map(|n| extent.part_stored_bytes(n).unwrap()).map(|bytes| u64::try_from(bytes).unwrap()).sum();
            prop_assert_eq!(stored, extent.stored_bytes());
            let last = extent.segments() - 1;
            prop_assert_eq!(extent.position(last), Position::Last);
            prop_assert_eq!(extent.stored_range(&(last..last + 1)).unwrap().1 + 1, extent.stored_bytes());
            prop_assert_eq!(extent.segment_bytes(extent.segments()), 0);
        }

        #[test]
        fn a_range_of_bytes_is_covered_and_no_more(bytes in 1..=40 * SEGMENT_U64, a in any::<u64>(), b in any::<u64>()) {
            let (first, last) = { let (a, b) = (a % bytes, b % bytes); (a.min(b), a.max(b)) };
            let (segments, skip) = Extent::new(bytes).unwrap().covering(first, last);
            prop_assert_eq!(u64::from(segments.start) * SEGMENT_U64 + u64::try_from(skip).unwrap(), first);
            prop_assert_eq!(u64::from(segments.end - 1), last / SEGMENT_U64);
        }
    }
}
