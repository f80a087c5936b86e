//! PNG: walked chunk by chunk and written again with only the chunks that change how the image looks.

use super::{Refusal, image};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// Most chunks; a file of 32 MiB with empty chunks would otherwise take long.
const CHUNKS_MAX: usize = 100_000;
/// Critical chunks, transparency, and how colours are meant (PNG, third edition, 11.3).
const KEPT: [&[u8; 4]; 12] = [
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"pHYs",
    b"bKGD",
];

/// The image without metadata.
///
/// # Errors
/// [`Refusal`].
pub(super) fn rewrite(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(Refusal::Malformed)?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(SIGNATURE);
    let mut data = false;
    for number in 0..CHUNKS_MAX {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(Refusal::Malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_too_long| Refusal::Malformed)?;
        let (covered, after) =
            length.checked_add(4).and_then(|n| after.split_at_checked(n)).ok_or(Refusal::Malformed)?;
        let (sum, after) = after.split_first_chunk::<4>().ok_or(Refusal::Malformed)?;
        let (kind, payload) = covered.split_first_chunk::<4>().ok_or(Refusal::Malformed)?;
        if u32::from_be_bytes(*sum) != crc32(covered) || (number == 0) != (kind == b"IHDR") {
            return Err(Refusal::Malformed);
        }
        let whole = rest.get(..length.saturating_add(12)).ok_or(Refusal::Malformed)?;
        rest = after;
        if kind == b"IHDR" {
            check_header(payload)?;
        }
        data |= kind == b"IDAT";
        if KEPT.contains(&kind) {
            out.extend_from_slice(whole);
        } else if kind.first().is_some_and(u8::is_ascii_uppercase) {
            // A critical chunk that nobody knows: the image cannot be shown without understanding it.
            return Err(Refusal::Malformed);
        }
        if kind == b"IEND" {
            return match (data && payload.is_empty(), rest) {
                (true, []) => Ok(out),
                (true, _) => Err(Refusal::TrailingData),
                (false, _) => Err(Refusal::Malformed),
            };
        }
    }
    Err(Refusal::Malformed)
}

fn check_header(payload: &[u8]) -> Result<(), Refusal> {
    let (width, rest) = payload.split_first_chunk::<4>().ok_or(Refusal::Malformed)?;
    let (height, rest) = rest.split_first_chunk::<4>().ok_or(Refusal::Malformed)?;
    if rest.len() != 5 {
        return Err(Refusal::Malformed);
    }
    image::check_size(u32::from_be_bytes(*width), u32::from_be_bytes(*height))
}

/// The checksum of PNG chunks (ISO 3309), four bits at a time.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 16] = [
        0x0000_0000,
        0x1db7_1064,
        0x3b6e_20c8,
        0x26d9_30ac,
        0x76dc_4190,
        0x6b6b_51f4,
        0x4db2_6158,
        0x5005_713c,
        0xedb8_8320,
        0xf00f_9344,
        0xd6d6_a3e8,
        0xcb61_b38c,
        0x9b64_c2b0,
        0x86d3_d2d4,
        0xa00a_e278,
        0xbdbd_f21c,
    ];
    let step = |sum: u32, bits: u32| {
        let at = usize::try_from((sum ^ bits) & 15).unwrap_or_default();
        TABLE.get(at).copied().unwrap_or_default() ^ (sum >> 4)
    };
    !bytes.iter().fold(!0, |sum, byte| step(step(sum, u32::from(*byte)), u32::from(*byte >> 4)))
}
