//! DICOM part 10 files: the preamble and the file meta group. The images themselves are for viewers.
//!
//! The data elements name the patient. They are kept: a viewer matches the study to the patient by them, and the whole file
//! is sealed under that patient's key.

use super::Refusal;

/// Bytes before the magic word. They may hold another file's head, so that one file opens as two; here they are zeros.
const PREAMBLE_BYTES: usize = 128;
const MAGIC: &[u8] = b"DICM";
/// The first element of the file meta group: its length, tag (0002,0000) with the value representation `UL`.
const FIRST_ELEMENT: &[u8] = b"\x02\0\0\0UL\x04\0";

pub(super) fn is_dicom(bytes: &[u8]) -> bool {
    bytes.get(PREAMBLE_BYTES..).is_some_and(|rest| rest.starts_with(MAGIC))
}

/// # Errors
/// [`Refusal`].
pub(super) fn check(head: &[u8]) -> Result<(), Refusal> {
    let (preamble, rest) = head.split_at_checked(PREAMBLE_BYTES).ok_or(Refusal::Malformed)?;
    let elements = rest.strip_prefix(MAGIC).ok_or(Refusal::Malformed)?;
    if preamble.iter().any(|byte| *byte != 0) {
        return Err(Refusal::Polyglot);
    }
    if elements.starts_with(FIRST_ELEMENT) { Ok(()) } else { Err(Refusal::Malformed) }
}
