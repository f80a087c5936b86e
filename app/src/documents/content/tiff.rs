//! TIFF and BigTIFF: walked page by page and written again as a plain TIFF with only what changes how the pages look.
//!
//! The format may point anywhere, so what is read is counted: pages, strips, and the bytes they name. What no page points at
//! is not written again, and nothing that somebody chose comes within the first kilobyte, where other formats look for
//! their beginning.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Refusal, image, jpeg};

/// Most pages.
const PAGES_MAX: usize = 2_000;
/// Most entries of one page.
const ENTRIES_MAX: u64 = 512;
/// Most strips or tiles of all pages together.
const STRIPS_MAX: usize = 200_000;
/// Most bytes of one page when it is unpacked.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;
/// Most values of an entry that is not one of [`LONG`].
const VALUES_MAX: u64 = 16;
/// Where the first strip lies in what is written, in bytes.
const DATA_FROM_BYTES: usize = 1_032;

/// Types of values (TIFF 6.0, section 2; `LONG8` from BigTIFF).
const ASCII: u16 = 2;
const SHORT: u16 = 3;
const LONG_VALUE: u16 = 4;
const UNDEFINED: u16 = 7;
const LONG8: u16 = 16;

const WIDTH: u16 = 256;
const LENGTH: u16 = 257;
const BITS_PER_SAMPLE: u16 = 258;
const COMPRESSION: u16 = 259;
const STRIPS: (u16, u16) = (273, 279);
const SAMPLES_PER_PIXEL: u16 = 277;
const TILES: (u16, u16) = (324, 325);
const SUB_IFDS: u16 = 330;
const JPEG_TABLES: u16 = 347;
const ICC_PROFILE: u16 = 34_675;
/// JPEG as it is meant today; the older way, 6, is not read by anybody alike.
const JPEG: u64 = 7;

/// What changes how a page looks, besides where its strips are (TIFF 6.0, sections 8 to 23).
const KEPT: &[u16] = &[
    254,
    WIDTH,
    LENGTH,
    BITS_PER_SAMPLE,
    COMPRESSION,
    262,
    263,
    264,
    265,
    266,
    274,
    SAMPLES_PER_PIXEL,
    278,
    280,
    281,
    282,
    283,
    284,
    290,
    291,
    292,
    293,
    296,
    297,
    301,
    317,
    318,
    319,
    320,
    321,
    322,
    323,
    332,
    338,
    339,
    JPEG_TABLES,
    529,
    530,
    531,
    532,
    ICC_PROFILE,
];
/// Those that are long by nature: curves, palettes, tables, profiles.
const LONG: [u16; 5] = [291, 301, 320, JPEG_TABLES, ICC_PROFILE];
/// None, fax, LZW, JPEG, deflate under both its numbers, and runs of bytes.
const COMPRESSIONS: [u64; 9] = [1, 2, 3, 4, 5, JPEG, 8, 32_773, 32_946];

/// Whether a file says that it is a TIFF.
#[must_use]
pub(super) fn is_tiff(bytes: &[u8]) -> bool {
    File::open(bytes).is_some()
}

/// The pages without metadata.
///
/// # Errors
/// [`Refusal`].
pub(super) fn rewrite(bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
    let file = File::open(bytes).ok_or(Refusal::Malformed)?;
    let mut budget = Budget { strips: STRIPS_MAX, data: bytes.len(), values: bytes.len() };
    let (mut seen, mut at) = (BTreeSet::new(), file.first()?);
    let mut out = Writer::new(file.order);
    while at != 0 {
        if !seen.insert(at) {
            return Err(Refusal::Malformed);
        }
        if seen.len() > PAGES_MAX {
            return Err(Refusal::TooManyPages);
        }
        let (entries, next) = file.entries(at)?;
        out.page(&Page::read(&file, entries, &mut budget)?)?;
        at = next;
    }
    if seen.is_empty() { Err(Refusal::Malformed) } else { Ok(out.bytes) }
}

#[derive(Clone, Copy)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// A number of up to eight bytes.
    fn number(self, bytes: &[u8]) -> u64 {
        let push = |sum: u64, byte: &u8| (sum << 8) | u64::from(*byte);
        match self {
            Order::Little => bytes.iter().rev().fold(0, push),
            Order::Big => bytes.iter().fold(0, push),
        }
    }
}

/// How long the numbers of a file's structure are, in bytes.
#[derive(Clone, Copy)]
struct Sizes {
    /// Of the number of a page's entries.
    entries: u64,
    /// Of an offset, and of a count.
    offset: u64,
}

struct File<'a> {
    bytes: &'a [u8],
    order: Order,
    sizes: Sizes,
}

/// One entry of a page that is kept, with its values as they lie in the file.
struct Entry<'a> {
    tag: u16,
    kind: u16,
    values: Cow<'a, [u8]>,
}

/// What may still be read.
struct Budget {
    strips: usize,
    /// Bytes of strips: they do not overlap, so together they are no longer than the file.
    data: usize,
    /// Bytes of values.
    values: usize,
}

fn take(left: &mut usize, some: usize) -> Result<(), Refusal> {
    *left = left.checked_sub(some).ok_or(Refusal::Malformed)?;
    Ok(())
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Option<File<'a>> {
        let classic = Sizes { entries: 2, offset: 4 };
        let large = Sizes { entries: 8, offset: 8 };
        let (order, sizes) = match bytes.get(..4)? {
            b"II*\0" => (Order::Little, classic),
            b"MM\0*" => (Order::Big, classic),
            b"II+\0" => (Order::Little, large),
            b"MM\0+" => (Order::Big, large),
            _ => return None,
        };
        Some(File { bytes, order, sizes })
    }

    fn at(&self, from: u64, length: u64) -> Result<&'a [u8], Refusal> {
        let end = from.checked_add(length).and_then(|end| usize::try_from(end).ok());
        let from = usize::try_from(from).ok();
        let span = from.zip(end).and_then(|(from, end)| self.bytes.get(from..end));
        span.ok_or(Refusal::Malformed)
    }

    fn number(&self, at: u64, length: u64) -> Result<u64, Refusal> {
        Ok(self.order.number(self.at(at, length)?))
    }

    /// Where the first page is.
    fn first(&self) -> Result<u64, Refusal> {
        if self.sizes.offset == 4 {
            return self.number(4, 4);
        }
        // BigTIFF says how long its offsets are, and leaves two bytes empty.
        if (self.number(4, 2)?, self.number(6, 2)?) != (8, 0) {
            return Err(Refusal::Malformed);
        }
        self.number(8, 8)
    }

    /// The kept entries of the page at `at`, in the order of their tags, and where the next page is.
    fn entries(&self, at: u64) -> Result<(Vec<Entry<'a>>, u64), Refusal> {
        let count = self.number(at, self.sizes.entries)?;
        if count == 0 || count > ENTRIES_MAX {
            return Err(Refusal::Malformed);
        }
        let (first, each) = (at + self.sizes.entries, 4 + 2 * self.sizes.offset);
        let mut entries: Vec<Entry<'a>> = Vec::new();
        for n in 0..count {
            if let Some(entry) = self.entry(first + n * each)? {
                entries.push(entry);
            }
        }
        entries.sort_by_key(|entry| entry.tag);
        if entries.windows(2).any(|two| matches!(two, [one, other] if one.tag == other.tag)) {
            return Err(Refusal::Malformed);
        }
        let next = self.number(first + count * each, self.sizes.offset)?;
        Ok((entries, next))
    }

    fn entry(&self, at: u64) -> Result<Option<Entry<'a>>, Refusal> {
        let short =
            |at| -> Result<u16, Refusal> { Ok(u16::try_from(self.number(at, 2)?).unwrap_or_default()) };
        let (tag, kind) = (short(at)?, short(at + 2)?);
        if tag == SUB_IFDS {
            // Pictures beside the page, such as the one a camera's raw file is about; they would be lost in silence.
            return Err(Refusal::TiffUnsupported);
        }
        let placed = [STRIPS.0, STRIPS.1, TILES.0, TILES.1].contains(&tag);
        if !(placed || KEPT.contains(&tag)) {
            return Ok(None);
        }
        let count = self.number(at + 4, self.sizes.offset)?;
        let length = value_bytes(kind).and_then(|each| each.checked_mul(count)).ok_or(Refusal::Malformed)?;
        let long = placed || LONG.contains(&tag);
        if placed && usize::try_from(count).map_or(true, |count| count > STRIPS_MAX) {
            return Err(Refusal::Malformed);
        }
        let bytes = matches!(tag, JPEG_TABLES | ICC_PROFILE);
        if kind == ASCII || (kind == UNDEFINED) != bytes || count == 0 || (count > VALUES_MAX && !long) {
            return Err(Refusal::Malformed);
        }
        let field = at + 4 + self.sizes.offset;
        let from = if length <= self.sizes.offset { field } else { self.number(field, self.sizes.offset)? };
        Ok(Some(Entry { tag, kind, values: Cow::Borrowed(self.at(from, length)?) }))
    }
}

/// Bytes of one value; `None` for a type that nobody knows.
const fn value_bytes(kind: u16) -> Option<u64> {
    match kind {
        1 | ASCII | 6 | UNDEFINED => Some(1),
        SHORT | 8 => Some(2),
        LONG_VALUE | 9 | 11 => Some(4),
        5 | 10 | 12 | LONG8 => Some(8),
        _ => None,
    }
}

struct Page<'a> {
    /// What is kept but where the strips are, with all numbers as classic TIFF can say them.
    entries: Vec<Entry<'a>>,
    /// The tags of the strips' places and lengths.
    tags: (u16, u16),
    strips: Vec<Cow<'a, [u8]>>,
}

impl<'a> Page<'a> {
    fn read(file: &File<'a>, entries: Vec<Entry<'a>>, budget: &mut Budget) -> Result<Page<'a>, Refusal> {
        let values = |tag: u16| numbers(file.order, &entries, tag);
        let one = |tag: u16, usual: Option<u64>| match values(tag)?.as_slice() {
            [] => usual.ok_or(Refusal::Malformed),
            [first, ..] => Ok(*first),
        };
        let (width, height) = (one(WIDTH, None)?, one(LENGTH, None)?);
        let side = |side: u64| u32::try_from(side).map_err(|_too_long| Refusal::ImageTooLarge);
        image::check_size(side(width)?, side(height)?)?;
        let bits = values(BITS_PER_SAMPLE)?.into_iter().max().unwrap_or(1);
        let point_bits = one(SAMPLES_PER_PIXEL, Some(1))?.saturating_mul(bits);
        if (width * height).saturating_mul(point_bits) / 8 > UNPACKED_BYTES_MAX {
            return Err(Refusal::ArchiveBomb);
        }
        let compression = one(COMPRESSION, Some(1))?;
        if !COMPRESSIONS.contains(&compression) {
            return Err(Refusal::TiffUnsupported);
        }
        let has = |tag: u16| entries.iter().any(|entry| entry.tag == tag);
        let tags = match (has(STRIPS.0), has(TILES.0)) {
            (true, false) => STRIPS,
            (false, true) => TILES,
            (true, true) => return Err(Refusal::Malformed),
            (false, false) => return Err(Refusal::TiffUnsupported),
        };
        let (places, lengths) = (values(tags.0)?, values(tags.1)?);
        if places.len() != lengths.len() {
            return Err(Refusal::Malformed);
        }
        take(&mut budget.strips, places.len())?;
        let mut strips = Vec::with_capacity(places.len());
        for (from, length) in places.into_iter().zip(lengths) {
            let strip = file.at(from, length)?;
            take(&mut budget.data, strip.len())?;
            strips.push(match compression {
                JPEG => Cow::Owned(jpeg::rewrite(strip)?),
                _ => Cow::Borrowed(strip),
            });
        }
        let entries = kept(file.order, entries, budget)?;
        Ok(Page { entries, tags, strips })
    }
}

/// The numbers of an entry; none when it is not there.
fn numbers(order: Order, entries: &[Entry<'_>], tag: u16) -> Result<Vec<u64>, Refusal> {
    let Some(entry) = entries.iter().find(|entry| entry.tag == tag) else { return Ok(Vec::new()) };
    if !matches!(entry.kind, SHORT | LONG_VALUE | LONG8) {
        return Err(Refusal::Malformed);
    }
    let each =
        value_bytes(entry.kind).and_then(|each| usize::try_from(each).ok()).ok_or(Refusal::Malformed)?;
    Ok(entry.values.chunks_exact(each).map(|value| order.number(value)).collect())
}

/// Entries without those that say where strips are; tables of JPEG without what they may carry besides.
fn kept<'a>(order: Order, entries: Vec<Entry<'a>>, budget: &mut Budget) -> Result<Vec<Entry<'a>>, Refusal> {
    let mut out = Vec::with_capacity(entries.len());
    for mut entry in entries {
        if [STRIPS.0, STRIPS.1, TILES.0, TILES.1].contains(&entry.tag) {
            continue;
        }
        take(&mut budget.values, entry.values.len())?;
        if entry.tag == JPEG_TABLES {
            entry.values = Cow::Owned(jpeg::rewrite_tables(&entry.values)?);
        }
        if entry.kind == LONG8 {
            let mut narrow = Vec::with_capacity(entry.values.len() / 2);
            for value in entry.values.chunks_exact(8) {
                let value = u32::try_from(order.number(value)).map_err(|_too_large| Refusal::Malformed)?;
                narrow.extend_from_slice(&long(order, value));
            }
            entry.values = Cow::Owned(narrow);
            entry.kind = LONG_VALUE;
        }
        out.push(entry);
    }
    Ok(out)
}

const fn long(order: Order, value: u32) -> [u8; 4] {
    match order {
        Order::Little => value.to_le_bytes(),
        Order::Big => value.to_be_bytes(),
    }
}

const fn short(order: Order, value: u16) -> [u8; 2] {
    match order {
        Order::Little => value.to_le_bytes(),
        Order::Big => value.to_be_bytes(),
    }
}

/// Writes a classic TIFF: strips, then the values of each page, then the page.
struct Writer {
    order: Order,
    bytes: Vec<u8>,
    /// Where the offset of the next page is to be written.
    link: usize,
}

impl Writer {
    fn new(order: Order) -> Writer {
        let magic = match order {
            Order::Little => b"II*\0",
            Order::Big => b"MM\0*",
        };
        let mut bytes = magic.to_vec();
        bytes.resize(DATA_FROM_BYTES, 0);
        Writer { order, bytes, link: 4 }
    }

    /// Puts bytes at an even place; where that is.
    fn put(&mut self, bytes: &[u8]) -> Result<u32, Refusal> {
        if self.bytes.len() % 2 == 1 {
            self.bytes.push(0);
        }
        let at = u32::try_from(self.bytes.len()).map_err(|_too_long| Refusal::Malformed)?;
        self.bytes.extend_from_slice(bytes);
        Ok(at)
    }

    fn page(&mut self, page: &Page<'_>) -> Result<(), Refusal> {
        let (mut places, mut lengths) = (Vec::new(), Vec::new());
        for strip in &page.strips {
            let length = u32::try_from(strip.len()).map_err(|_too_long| Refusal::Malformed)?;
            let place = self.put(strip)?;
            places.extend_from_slice(&long(self.order, place));
            lengths.extend_from_slice(&long(self.order, length));
        }
        let mut entries: Vec<(u16, u16, &[u8])> =
            page.entries.iter().map(|entry| (entry.tag, entry.kind, &*entry.values)).collect();
        entries.push((page.tags.0, LONG_VALUE, &places));
        entries.push((page.tags.1, LONG_VALUE, &lengths));
        entries.sort_by_key(|(tag, ..)| *tag);
        let mut ifd = Vec::new();
        let count = u16::try_from(entries.len()).map_err(|_too_many| Refusal::Malformed)?;
        ifd.extend_from_slice(&short(self.order, count));
        for (tag, kind, values) in entries {
            let each = value_bytes(kind).and_then(|each| usize::try_from(each).ok()).unwrap_or(1);
            let count = u32::try_from(values.len() / each).map_err(|_too_many| Refusal::Malformed)?;
            ifd.extend_from_slice(&short(self.order, tag));
            ifd.extend_from_slice(&short(self.order, kind));
            ifd.extend_from_slice(&long(self.order, count));
            if values.len() <= 4 {
                let mut field = values.to_vec();
                field.resize(4, 0);
                ifd.extend_from_slice(&field);
            } else {
                let place = self.put(values)?;
                ifd.extend_from_slice(&long(self.order, place));
            }
        }
        ifd.extend_from_slice(&[0; 4]);
        let at = self.put(&ifd)?;
        let link = self.link..self.link.saturating_add(4);
        let place = self.bytes.get_mut(link).ok_or(Refusal::Malformed)?;
        place.copy_from_slice(&long(self.order, at));
        self.link = self.bytes.len().saturating_sub(4);
        Ok(())
    }
}
