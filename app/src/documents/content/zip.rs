//! Finding a ZIP archive at the end of a file that says it is something else.
//!
//! An archive is read from its end, so it can follow any other file or hide in its last part.

use super::Refusal;

/// Bytes of the end that can hold an archive's end record: 22 and a comment of up to 65,535.
pub const TAIL_BYTES: usize = END_BYTES + 65_535;

const END_BYTES: usize = 22;
const END_MAGIC: &[u8] = b"PK\x05\x06";

/// # Errors
/// [`Refusal::Polyglot`] when the end of `bytes` holds the end record of an archive.
pub(super) fn check_tail(bytes: &[u8]) -> Result<(), Refusal> {
    let tail = bytes.get(bytes.len().saturating_sub(TAIL_BYTES)..).unwrap_or_default();
    let found = tail.windows(END_BYTES).enumerate().any(|(at, record)| {
        let behind = tail.len().saturating_sub(at + END_BYTES);
        record.starts_with(END_MAGIC) && is_end(record, behind)
    });
    if found { Err(Refusal::Polyglot) } else { Ok(()) }
}

/// Whether a record's own numbers make sense; four bytes alone also occur in compressed images.
fn is_end(record: &[u8], behind: usize) -> bool {
    let number = |at: usize| {
        let bytes = record.get(at..at + 2).and_then(|two| two.try_into().ok());
        bytes.map_or(0, u16::from_le_bytes)
    };
    let (disk, first_disk) = (number(4), number(6));
    let (here, all) = (number(8), number(10));
    disk == first_disk && here == all && usize::from(number(20)) <= behind
}
