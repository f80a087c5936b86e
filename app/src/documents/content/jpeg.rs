//! JPEG: walked marker by marker and written again without comments and application data.
//!
//! What remains of the latter is the JFIF header, the colour profile, Adobe's colour transform, and from EXIF the one number
//! that says which way is up.

use super::{Refusal, image};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const COM: u8 = 0xfe;
const APP1: u8 = 0xe1;
/// Most segments before the end; a file of 32 MiB with tiny segments would otherwise take long.
const SEGMENTS_MAX: usize = 20_000;

/// What a stream of markers is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    /// An image.
    Image,
    /// Tables that images elsewhere are made with (ITU T.81, B.5).
    Tables,
}

/// The image without metadata.
///
/// # Errors
/// [`Refusal`].
pub(super) fn rewrite(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    walk(bytes, Stream::Image)
}

/// Tables without metadata.
///
/// # Errors
/// [`Refusal`].
pub(super) fn rewrite_tables(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    walk(bytes, Stream::Tables)
}

fn walk(bytes: &[u8], stream: Stream) -> Result<Vec<u8>, Refusal> {
    let mut reader = Reader { rest: bytes };
    if reader.marker()? != SOI {
        return Err(Refusal::Malformed);
    }
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&[0xff, SOI]);
    let (mut sized, mut turned) = (false, false);
    for _ in 0..SEGMENTS_MAX {
        let marker = reader.marker()?;
        if marker == EOI {
            out.extend_from_slice(&[0xff, EOI]);
            return match (sized == (stream == Stream::Image), reader.rest) {
                (true, []) => Ok(out),
                (true, _) => Err(Refusal::TrailingData),
                (false, _) => Err(Refusal::Malformed),
            };
        }
        let payload = reader.segment()?;
        match marker {
            SOI | 0x00 | 0x01 | 0xd0..=0xd7 => return Err(Refusal::Malformed),
            APP1 => {
                if let Some(orientation) = orientation(payload).filter(|_| !turned) {
                    turned = true;
                    write(&mut out, APP1, &exif(orientation));
                }
            }
            COM => {}
            0xe0..=0xef if !is_kept(marker, payload) => {}
            _ => {
                if is_frame(marker) {
                    check_frame(payload)?;
                    sized = true;
                }
                write(&mut out, marker, payload);
            }
        }
        if marker == SOS {
            out.extend_from_slice(reader.scan());
        }
    }
    Err(Refusal::Malformed)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// The next marker; `0xff` bytes before it are filling (ITU T.81, B.1.1.2).
    fn marker(&mut self) -> Result<u8, Refusal> {
        let after = self.rest.strip_prefix(&[0xff]).ok_or(Refusal::Malformed)?;
        let filling = after.iter().take_while(|byte| **byte == 0xff).count();
        let (marker, rest) = after.get(filling..).and_then(<[u8]>::split_first).ok_or(Refusal::Malformed)?;
        self.rest = rest;
        Ok(*marker)
    }

    fn segment(&mut self) -> Result<&'a [u8], Refusal> {
        let (length, rest) = self.rest.split_first_chunk::<2>().ok_or(Refusal::Malformed)?;
        let length = usize::from(u16::from_be_bytes(*length)).checked_sub(2).ok_or(Refusal::Malformed)?;
        let (payload, rest) = rest.split_at_checked(length).ok_or(Refusal::Malformed)?;
        self.rest = rest;
        Ok(payload)
    }

    /// Compressed data up to the next marker that is not part of it.
    fn scan(&mut self) -> &'a [u8] {
        let end = self
            .rest
            .windows(2)
            .position(|two| matches!(two, [0xff, marker] if !matches!(*marker, 0x00 | 0xff | 0xd0..=0xd7)));
        let (data, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        data
    }
}

fn write(out: &mut Vec<u8>, marker: u8, payload: &[u8]) {
    let length = u16::try_from(payload.len() + 2).unwrap_or(u16::MAX);
    out.extend_from_slice(&[0xff, marker]);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
}

/// JFIF, colour profiles and Adobe's colour transform change how the image looks.
fn is_kept(marker: u8, payload: &[u8]) -> bool {
    match marker {
        0xe0 => payload.starts_with(b"JFIF\0") && payload.len() == 14,
        0xe2 => payload.starts_with(b"ICC_PROFILE\0"),
        0xee => payload.starts_with(b"Adobe") && payload.len() == 12,
        _ => false,
    }
}

fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc)
}

fn check_frame(payload: &[u8]) -> Result<(), Refusal> {
    let [_precision, h1, h0, w1, w0, ..] = payload else { return Err(Refusal::Malformed) };
    let side = |high: &u8, low: &u8| u32::from(u16::from_be_bytes([*high, *low]));
    image::check_size(side(w1, w0), side(h1, h0))
}

/// EXIF's orientation, 2 to 8; 1 is the usual one and need not be said.
fn orientation(payload: &[u8]) -> Option<u8> {
    let tiff = payload.strip_prefix(b"Exif\0\0")?;
    let big = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let two: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big { u16::from_be_bytes(two) } else { u16::from_le_bytes(two) })
    };
    let offset: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
    let offset = if big { u32::from_be_bytes(offset) } else { u32::from_le_bytes(offset) };
    let offset = usize::try_from(offset).ok()?;
    let entries = usize::from(short(offset)?);
    let found =
        (0..entries).map_while(|n| offset.checked_add(2 + 12 * n)).find(|at| short(*at) == Some(0x0112))?;
    u8::try_from(short(found.checked_add(8)?)?).ok().filter(|value| (2..=8).contains(value))
}

/// EXIF with the orientation and nothing else.
fn exif(orientation: u8) -> Vec<u8> {
    let mut out = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    out.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0]);
    out
}
