//! Counts DATA bytes in an HTTP/2 byte stream from its frame headers, so that what arrives for a refused request is known.

use super::strict::take;

/// What a client sends before its first frame (RFC 9113, 3.4).
const PREFACE_BYTES: u64 = 24;
const FRAME_HEADER_BYTES: usize = 9;
const FRAME_TYPE_DATA: u8 = 0;

/// Follows one connection's inbound frames. It judges nothing: that is the protocol library's work.
pub(super) struct DataCounter {
    header: [u8; FRAME_HEADER_BYTES],
    header_seen: usize,
    /// Bytes until the next frame header.
    left_bytes: u64,
    in_data: bool,
}

impl DataCounter {
    pub(super) fn new() -> Self {
        Self { header: [0; FRAME_HEADER_BYTES], header_seen: 0, left_bytes: PREFACE_BYTES, in_data: false }
    }

    /// How many of `bytes`, which follow those of the call before, are the payload of DATA frames, padding included.
    pub(super) fn count(&mut self, bytes: &[u8]) -> u64 {
        let mut rest = bytes;
        let mut data = 0;
        // Each turn consumes at least a byte.
        while !rest.is_empty() {
            if self.left_bytes > 0 {
                let (taken, left) = take(rest, self.left_bytes);
                data += if self.in_data { self.left_bytes - left } else { 0 };
                self.left_bytes = left;
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
            let missing = self.header.get_mut(self.header_seen..).unwrap_or_default();
            let count = missing.len().min(rest.len());
            missing.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            self.header_seen += count;
            rest = rest.get(count..).unwrap_or_default();
            if self.header_seen == FRAME_HEADER_BYTES {
                let [high, middle, low, kind, ..] = self.header;
                self.left_bytes = u64::from(u32::from_be_bytes([0, high, middle, low]));
                self.in_data = kind == FRAME_TYPE_DATA;
                self.header_seen = 0;
            }
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_payload_of_data_frames_counts_however_the_stream_is_cut() {
        let mut wire = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        wire.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
        wire.extend([0, 0, 3, 1, 4, 0, 0, 0, 1, 9, 9, 9]);
        wire.extend([0, 0, 5, 0, 0, 0, 0, 0, 1]);
        wire.extend(b"hello");
        wire.extend([0, 1, 0, 0, 1, 0, 0, 0, 1]);
        wire.extend([7; 256]);
        for step in [1, 2, 9, 10, 300] {
            let mut counter = DataCounter::new();
            let data: u64 = wire.chunks(step).map(|part| counter.count(part)).sum();
            assert_eq!(data, 261, "in pieces of {step}");
        }
    }
}
