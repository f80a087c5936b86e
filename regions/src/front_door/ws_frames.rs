//! Follows the frame headers of a WebSocket stream, to know where a frame of ours may be put between others (RFC 6455, 5.2).

use super::strict::take;

/// A close frame of a server with status 1012, Service Restart: the client may come back at once.
pub(super) const CLOSE_RESTART: [u8; 4] = [0x88, 2, 0x03, 0xf4];

const OPCODE_CLOSE: u8 = 8;
const MASKED: u8 = 0x80;
const MASK_BYTES: u64 = 4;
/// Two bytes, an extended length of up to eight.
const HEADER_BYTES_MAX: usize = 10;

/// One direction of a WebSocket.
pub(super) struct Frames {
    header: [u8; HEADER_BYTES_MAX],
    header_seen: usize,
    /// Bytes of the present frame behind its length field.
    left_bytes: u64,
    closed: bool,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { header: [0; HEADER_BYTES_MAX], header_seen: 0, left_bytes: 0, closed: false }
    }

    /// Whether a control frame may be written now: the last frame is whole, and it was not a close.
    pub(super) fn may_close(&self) -> bool {
        self.header_seen == 0 && self.left_bytes == 0 && !self.closed
    }

    /// Takes note of what was written.
    pub(super) fn advance(&mut self, written: &[u8]) {
        let mut rest = written;
        // Each turn consumes at least a byte.
        while let [first, tail @ ..] = rest {
            if self.left_bytes > 0 {
                let (taken, left) = take(rest, self.left_bytes);
                self.left_bytes = left;
                rest = rest.get(taken..).unwrap_or_default();
                continue;
            }
            if let Some(slot) = self.header.get_mut(self.header_seen) {
                *slot = *first;
            }
            self.header_seen += 1;
            rest = tail;
            self.finish_header();
        }
    }

    fn finish_header(&mut self) {
        let [kind, length, extended @ ..] = self.header;
        let short = u64::from(length & !MASKED);
        let (header_bytes, payload) = match (self.header_seen, short) {
            (0 | 1, _) => return,
            (_, 126) => {
                let [high, low, ..] = extended;
                (4, u64::from(u16::from_be_bytes([high, low])))
            }
            (_, 127) => (HEADER_BYTES_MAX, u64::from_be_bytes(extended)),
            (_, short) => (2, short),
        };
        if self.header_seen >= header_bytes {
            let mask = if length & MASKED == 0 { 0 } else { MASK_BYTES };
            self.left_bytes = payload.saturating_add(mask);
            self.header_seen = 0;
            self.closed |= kind & 0x0f == OPCODE_CLOSE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, payload: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut out = vec![first];
        match payload {
            0..=125 => out.push(mask | u8::try_from(payload).unwrap()),
            126..=65_535 => {
                out.push(mask | 126);
                out.extend(u16::try_from(payload).unwrap().to_be_bytes());
            }
            _ => {
                out.push(mask | 127);
                out.extend(u64::try_from(payload).unwrap().to_be_bytes());
            }
        }
        out.resize(out.len() + payload + if masked { 4 } else { 0 }, 0x88);
        out
    }

    #[test]
    fn a_boundary_is_after_each_whole_frame_and_nowhere_else() {
        for (payload, masked) in
            [(0, false), (1, false), (125, true), (126, false), (65_535, false), (65_536, true)]
        {
            let wire = frame(0x02, payload, masked);
            let mut frames = Frames::new();
            assert!(frames.may_close());
            for (at, byte) in wire.iter().enumerate() {
                frames.advance(&[*byte]);
                assert_eq!(frames.may_close(), at + 1 == wire.len(), "{payload} bytes, after byte {at}");
            }
            let mut whole = Frames::new();
            whole.advance(&[wire.clone(), wire.clone(), frame(0x81, 3, false)].concat());
            assert!(whole.may_close());
            whole.advance(&wire[..1]);
            assert!(!whole.may_close());
        }
    }

    #[test]
    fn nothing_follows_a_close() {
        let mut frames = Frames::new();
        frames.advance(&CLOSE_RESTART);
        assert!(!frames.may_close());
    }
}
