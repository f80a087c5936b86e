//! TIFF: pages that point anywhere, in a circle, beyond the end or at each other; other files around and inside; and what is
//! kept of a scan. Catalogue entries T66 and T69.

use std::time::{Duration, Instant};

use app::documents::content::{self, Kept, MediaType, Refusal};

use crate::support::{jpeg, tiff, tiff_of, zip};

type Entry<'a> = (u16, u16, u32, &'a [u8]);

const fn entry(tag: u16, kind: u16, count: u32, values: &[u8]) -> Entry<'_> {
    (tag, kind, count, values)
}

/// A page of 8 by 8 grey points.
fn page<'a>() -> Vec<Entry<'a>> {
    vec![
        entry(256, 3, 1, b"\x08\0"),
        entry(257, 3, 1, b"\x08\0"),
        entry(258, 3, 1, b"\x08\0"),
        entry(259, 3, 1, b"\x01\0"),
        entry(262, 3, 1, b"\x01\0"),
    ]
}

/// The same with one entry otherwise.
fn with(other: Entry<'_>) -> Vec<u8> {
    let mut entries = page();
    entries.retain(|one| one.0 != other.0);
    entries.push(other);
    tiff_of(b"II", &[entries], &[0x55; 64])
}

fn kept(file: &[u8]) -> Vec<u8> {
    match content::check(MediaType::Tiff, file) {
        Ok(Kept::Rewritten(kept)) => kept,
        other => panic!("{other:?}"),
    }
}

fn refusal(file: &[u8]) -> Option<Refusal> {
    content::check(MediaType::Tiff, file).err()
}

fn long(file: &[u8], at: usize) -> usize {
    u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize
}

/// Where the entries of each page of a little-endian TIFF are, as a reader of another make walks them.
fn pages(file: &[u8]) -> Vec<Vec<(u16, usize)>> {
    let (mut at, mut pages) = (long(file, 4), Vec::new());
    while at != 0 {
        let count = usize::from(u16::from_le_bytes([file[at], file[at + 1]]));
        let entries = (0..count).map(|n| at + 2 + 12 * n);
        pages.push(entries.map(|e| (u16::from_le_bytes([file[e], file[e + 1]]), e)).collect());
        at = long(file, at + 2 + 12 * count);
    }
    pages
}

#[test]
fn every_page_of_a_scan_is_kept_with_its_points_and_its_way_up_and_nothing_else() {
    let kept = kept(&tiff("Canarymeta"));
    let pages = pages(&kept);
    assert_eq!(pages.len(), 2);
    for page in &pages {
        let tags: Vec<u16> = page.iter().map(|(tag, _)| *tag).collect();
        assert_eq!(tags, [256, 257, 258, 259, 262, 273, 274, 279, 282]);
        let value = |tag| long(&kept, page.iter().find(|entry| entry.0 == tag).unwrap().1 + 8);
        assert_eq!((value(256), value(274), value(279)), (8, 6, 64));
        assert_eq!(kept[value(273)..][..64], [0x55; 64], "the points are what they were");
        assert_eq!(long(&kept, value(282)), 300, "dots per inch");
    }
}

#[test]
fn both_orders_of_bytes_and_long_offsets_are_read() {
    let big: Vec<Entry<'_>> =
        vec![entry(256, 3, 1, b"\0\x08"), entry(257, 4, 1, b"\0\0\0\x08"), entry(262, 3, 1, b"\0\x01")];
    let motorola = kept(&tiff_of(b"MM", &[big], &[0xaa; 8]));
    assert!(motorola.starts_with(b"MM\0*"));
    assert_eq!(content::sniff(&motorola), Ok(MediaType::Tiff));

    // BigTIFF: 16 bytes of head, one page of five entries with values of eight bytes, then the points.
    let mut large = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0\x05\0\0\0\0\0\0\0".to_vec();
    for (tag, value) in [(256_u16, 8_u64), (257, 8), (262, 1), (273, 132), (279, 8)] {
        large.extend(tag.to_le_bytes());
        large.extend(16_u16.to_le_bytes());
        large.extend(1_u64.to_le_bytes());
        large.extend(value.to_le_bytes());
    }
    large.extend([0; 8]);
    assert_eq!(large.len(), 132);
    large.extend([0xf0; 8]);
    let plain = kept(&large);
    assert!(plain.starts_with(b"II*\0"), "a reader of plain TIFF can read it");
    let page = &pages(&plain)[0];
    let value = |tag| long(&plain, page.iter().find(|entry| entry.0 == tag).unwrap().1 + 8);
    assert_eq!(plain[value(273)..][..value(279)], [0xf0; 8]);
    large[4] = 4;
    assert_eq!(refusal(&large), Some(Refusal::Malformed), "offsets of another length");
}

/// A page that comes after itself, in one step or in several, ends the reading at once.
#[test]
fn pages_in_a_circle_and_pages_without_end_are_refused_in_bounded_time() {
    let one = tiff_of(b"II", &[page()], &[0x55; 64]);
    let first = long(&one, 4);
    let mut circle = one.clone();
    let link = circle.len() - 4;
    circle[link..].copy_from_slice(&u32::try_from(first).unwrap().to_le_bytes());
    assert_eq!(refusal(&circle), Some(Refusal::Malformed), "a page after itself");
    let mut two = tiff("x");
    let (link, first) = (two.len() - 4, long(&two, 4));
    two[link..].copy_from_slice(&u32::try_from(first).unwrap().to_le_bytes());
    assert_eq!(refusal(&two), Some(Refusal::Malformed), "two pages in a circle");

    let started = Instant::now();
    let many: Vec<Vec<Entry<'_>>> = (0..2_001).map(|_| page()).collect();
    assert_eq!(refusal(&tiff_of(b"II", &many, b"x")), Some(Refusal::TooManyPages));
    // Pages that overlap by a step each: as many as there are bytes.
    let mut steps = b"II*\0\x08\0\0\0".to_vec();
    steps.resize(4 * 1_048_576, 1);
    assert!(refusal(&steps).is_some());
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_tiff_cut_anywhere_is_refused_and_nothing_is_read_beyond_its_end() {
    let file = tiff("Canarymeta");
    for length in 0..file.len() {
        assert!(refusal(&file[..length]).is_some(), "cut to {length} bytes");
    }
    for (other, what) in [
        (entry(256, 3, 1, b"\0\0"), "no width"),
        (entry(256, 2, 1, b"x"), "words for a width"),
        (entry(258, 3, 0, b""), "no value"),
        (entry(258, 99, 1, b"\x08\0"), "a type nobody knows"),
        (entry(301, 3, u32::MAX, b"\0\0\0\x10"), "values beyond the end"),
        (entry(282, 5, 17, b"\0\0\0\0"), "more values than it can mean"),
        (entry(34_675, 2, 4, b"Word"), "words for a profile"),
    ] {
        assert_eq!(refusal(&with(other)), Some(Refusal::Malformed), "{what}");
    }
    // A strip beyond the end, and two pages that name the same strip: together longer than the file.
    let mut beyond = with(entry(256, 3, 1, b"\x08\0"));
    let entry = pages(&beyond)[0].iter().find(|entry| entry.0 == 279).unwrap().1;
    beyond[entry + 8..entry + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(refusal(&beyond), Some(Refusal::Malformed));
    let mut shared = tiff_of(b"II", &[page(), page()], &[0x55; 1_000]);
    let entry = pages(&shared)[1].iter().find(|entry| entry.0 == 273).unwrap().1;
    shared[entry + 8..entry + 12].copy_from_slice(&8_u32.to_le_bytes());
    let entry = pages(&shared)[1].iter().find(|entry| entry.0 == 279).unwrap().1;
    shared[entry + 8..entry + 12].copy_from_slice(&2_000_u32.to_le_bytes());
    assert_eq!(refusal(&shared), Some(Refusal::Malformed), "one strip for several pages");
}

#[test]
fn t66_pages_that_become_far_larger_are_refused_by_their_numbers() {
    let wide = with(entry(256, 4, 1, b"\xff\xff\xff\x7f"));
    assert_eq!(refusal(&wide), Some(Refusal::ImageTooLarge));
    let mut deep = page();
    deep.retain(|entry| ![256, 257, 258].contains(&entry.0));
    deep.extend([
        entry(256, 3, 1, b"\x10\x27"),
        entry(257, 3, 1, b"\x10\x27"),
        entry(258, 3, 1, b"\x40\0"),
        entry(277, 3, 1, b"\x08\0"),
    ]);
    assert_eq!(refusal(&tiff_of(b"II", &[deep], b"x")), Some(Refusal::ArchiveBomb));
    for (other, what) in [
        (entry(259, 3, 1, b"\x06\0"), "JPEG of the old way"),
        (entry(259, 3, 1, b"\x39\x85"), "a packing that is not read here"),
        (entry(330, 4, 1, b"\x08\0\0\0"), "pictures beside the page, as in a raw file of a camera"),
    ] {
        assert_eq!(refusal(&with(other)), Some(Refusal::TiffUnsupported), "{what}");
    }
}

/// Catalogue entry T69: a TIFF may have anything between its parts; none of it is written again.
#[test]
fn t69_other_files_in_a_tiff_are_refused_or_gone() {
    let file = tiff("x");
    let archive = [file.as_slice(), &zip()].concat();
    assert_eq!(refusal(&archive), Some(Refusal::Polyglot), "an archive behind it");
    let script = [file.as_slice(), b"<script>alert(1)</script>"].concat();
    assert!(!kept(&script).windows(8).any(|window| window == b"<script>"));
    // Points that nobody packed are anybody's bytes: where a PDF or a page would begin there is nothing of them.
    let points = [b"%PDF-1.7\n<html>".as_slice(), &[0x55; 49]].concat();
    let hidden = kept(&tiff_of(b"II", &[page()], &points));
    assert!(hidden[8..1_032].iter().all(|byte| *byte == 0));
    let behind = [[0x55; 20].as_slice(), &zip()].concat();
    assert_eq!(
        refusal(&tiff_of(b"II", &[page()], &behind)),
        Some(Refusal::Polyglot),
        "an archive in the points"
    );
    for declared in [MediaType::Pdf, MediaType::Jpeg, MediaType::Text] {
        assert_eq!(content::check(declared, &file), Err(Refusal::TypeMismatch));
    }
    // A JPEG in a page loses what it says about its maker, and must end where it ends.
    let packed = |strip: &[u8]| {
        let mut entries = page();
        entries.retain(|entry| entry.0 != 259);
        entries.push(entry(259, 3, 1, b"\x07\0"));
        tiff_of(b"II", &[entries], strip)
    };
    let inner = kept(&packed(&jpeg("Canarymeta")));
    assert!(!inner.windows(10).any(|window| window == b"Canarymeta"));
    let trailing = [jpeg("x"), b"more".to_vec()].concat();
    assert_eq!(refusal(&packed(&trailing)), Some(Refusal::TrailingData));
}
