//! What is accepted by content and what is not: types, polyglots, bombs, scripts, metadata. Catalogue entries T66 and T69.

use app::documents::content::{self, Kept, MediaType, Refusal};
use proptest::prelude::*;

use crate::support::{dicom, jpeg, pdf, pdf_of, png, tiff, zip};

const WORDS: &str = "Canarymeta";

fn kept(media: MediaType, bytes: &[u8]) -> Vec<u8> {
    match content::check(media, bytes) {
        Ok(Kept::Rewritten(kept)) => kept,
        Ok(Kept::Unchanged) => bytes.to_vec(),
        Err(refusal) => panic!("{}: {}", media.as_str(), refusal.code()),
    }
}

fn refusal(media: MediaType, bytes: &[u8]) -> Option<Refusal> {
    content::check(media, bytes).err()
}

fn holds(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|window| window == words.as_bytes())
}

#[test]
fn metadata_is_gone_and_what_shows_stays() {
    let samples = [
        (MediaType::Jpeg, jpeg(WORDS)),
        (MediaType::Png, png(WORDS)),
        (MediaType::Tiff, tiff(WORDS)),
        (MediaType::Pdf, pdf(WORDS)),
    ];
    for (media, file) in samples {
        assert!(holds(&file, WORDS));
        let kept = kept(media, &file);
        assert!(!holds(&kept, WORDS), "{}", media.as_str());
        assert_eq!(content::sniff(&kept), Ok(media));
        // What was kept is accepted again and stays as it is.
        assert_eq!(content::check(media, &kept), Ok(Kept::Rewritten(kept.clone())), "{}", media.as_str());
    }
    let turned = kept(MediaType::Jpeg, &jpeg(WORDS));
    assert!(holds(&turned, "Exif\0\0MM\0*"), "the orientation stays");
    assert!(turned.windows(12).any(|entry| entry == b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"));
    let report = kept(MediaType::Pdf, &pdf(WORDS));
    assert!(
        holds(&report, "Total cholesterol 180") && !holds(&report, "Producer") && !holds(&report, "Info")
    );
}

#[test]
fn the_declared_type_must_be_the_types_own() {
    let files = [
        (MediaType::Jpeg, jpeg("x")),
        (MediaType::Png, png("x")),
        (MediaType::Tiff, tiff("x")),
        (MediaType::Pdf, pdf("x")),
        (MediaType::Dicom, dicom(0, 1_000)),
        (MediaType::Text, "Blutdruck 120/80, रक्तचाप".as_bytes().to_vec()),
    ];
    for declared in MediaType::ALL {
        for (own, file) in &files {
            let fits = declared == *own || (declared, *own) == (MediaType::Csv, MediaType::Text);
            let expected = if fits { None } else { Some(Refusal::TypeMismatch) };
            assert_eq!(refusal(declared, file), expected, "{} as {}", own.as_str(), declared.as_str());
        }
        for foreign in [
            zip(),
            b"GIF89a\x01\0\x01\0".to_vec(),
            b"MZ\x90\0".to_vec(),
            b"\x7fELF\x02".to_vec(),
            b"\x1f\x8b\x08\0".to_vec(),
        ] {
            assert_eq!(refusal(declared, &foreign), Some(Refusal::TypeNotAllowed));
        }
        for page in ["<html><script>alert(1)</script>", " \n<!DOCTYPE html>", "<svg onload=x>", "{\\rtf1"] {
            assert_eq!(refusal(declared, page.as_bytes()), Some(Refusal::TypeNotAllowed), "{page}");
        }
    }
}

/// Catalogue entry T69: two files in one.
#[test]
fn t69_polyglots_and_trailing_data_are_refused() {
    for (media, file) in
        [(MediaType::Jpeg, jpeg("x")), (MediaType::Png, png("x")), (MediaType::Pdf, pdf("x"))]
    {
        let behind = |more: &[u8]| [file.as_slice(), more].concat();
        let archive = refusal(media, &behind(&zip()));
        assert!(
            matches!(archive, Some(Refusal::TrailingData | Refusal::Polyglot)),
            "{}: {archive:?}",
            media.as_str()
        );
        // What looks like a comment behind a PDF is one, and is not written again.
        for more in [b"<script>alert(1)</script>".as_slice(), b"\0\x01", b"1 0 obj"] {
            let found = refusal(media, &behind(more));
            let expected = [Some(Refusal::TrailingData), Some(Refusal::Malformed)];
            assert!(expected.contains(&found), "{} {more:?}: {found:?}", media.as_str());
        }
        assert!(refusal(media, &[b"junk".as_slice(), &file].concat()).is_some());
    }
    let text = [b"results\n".as_slice(), &zip()].concat();
    assert!(refusal(MediaType::Text, &text).is_some(), "an archive behind a text");
    assert_eq!(
        refusal(MediaType::Dicom, &dicom(b'M', 1_000)),
        Some(Refusal::Polyglot),
        "a program in the preamble"
    );
    let imaging = [dicom(0, 5_000), zip()].concat();
    assert_eq!(
        content::check_ends(MediaType::Dicom, &imaging[..4_096], &imaging[1_000..]),
        Err(Refusal::Polyglot)
    );
    // A page in a comment of an image, or a script between two objects of a PDF, is not written again.
    assert!(!holds(&kept(MediaType::Jpeg, &jpeg("<script>")), "<script>"));
    let commented =
        String::from_utf8(pdf("x")).unwrap().replace("2 0 obj", "%<script>\n2 0 obj").into_bytes();
    assert!(!holds(&kept(MediaType::Pdf, &commented), "<script>"));
    let hidden = format!("%{}\n2 0 obj", "A".repeat(2_000));
    let hidden = String::from_utf8(pdf("x")).unwrap().replace("2 0 obj", &hidden).into_bytes();
    assert_eq!(refusal(MediaType::Pdf, &hidden), Some(Refusal::Polyglot), "a comment that could hold a file");
}

#[test]
fn pdfs_that_act_or_carry_files_or_hide_are_refused() {
    for (root, expected) in [
        ("/OpenAction<</S/JavaScript/JS(app.alert(1))>>", Refusal::PdfActive),
        ("/OpenAction<</S/#4aava#53cript/X 1>>", Refusal::PdfActive),
        ("/OpenAction<</S/Launch/F(cmd.exe)>>", Refusal::PdfActive),
        ("/AA<</WC<</S/SubmitForm/F(http://x)>>>>", Refusal::PdfActive),
        ("/AcroForm<</XFA[]>>", Refusal::PdfActive),
        ("/Names<</EmbeddedFiles<</Names[]>>>>", Refusal::PdfEmbedded),
        ("/Collection<<>>", Refusal::PdfEmbedded),
    ] {
        assert_eq!(refusal(MediaType::Pdf, &pdf_of("x", root)), Some(expected), "{root}");
    }
    let file = String::from_utf8(pdf("x")).unwrap();
    let encrypted = file.replace("/Info 6 0 R", "/Encrypt 6 0 R");
    assert_eq!(refusal(MediaType::Pdf, encrypted.as_bytes()), Some(Refusal::PdfEncrypted));
    let signed = pdf_of("x", "/AcroForm<</Fields[<</FT/Sig/V<</Type/Sig/ByteRange[0 1 2 3]>>>>]>>");
    assert_eq!(content::check(MediaType::Pdf, &signed), Ok(Kept::Unchanged), "a signature covers bytes");
    for broken in ["%PDF-1.7", "%PDF-1.7\n%%EOF", "%PDF-1.7\n1 0 obj\n<<", "%PDF-1.7\n1 0 obj\n(((\nendobj"] {
        assert!(refusal(MediaType::Pdf, broken.as_bytes()).is_some(), "{broken}");
    }
    let deep = pdf_of("x", &format!("/A {}{}", "[".repeat(100), "]".repeat(100)));
    assert_eq!(refusal(MediaType::Pdf, &deep), Some(Refusal::Malformed));
}

/// An object stream of `plain`, compressed, as object 9 of a PDF.
fn with_object_stream(plain: &[u8], count: usize) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(plain, 9);
    let file = pdf("x");
    let at = file.windows(4).position(|window| window == b"xref").unwrap();
    let head = format!(
        "9 0 obj\n<</Type/ObjStm/N {count}/First 5/Filter/FlateDecode/Length {}>>\nstream\n",
        packed.len()
    );
    [&file[..at], head.as_bytes(), &packed, b"\nendstream\nendobj\n", &file[at..]].concat()
}

/// Catalogue entry T66: what becomes large only when it is unpacked.
#[test]
fn t66_bombs_are_refused_before_they_are_unpacked() {
    let bomb = with_object_stream(&vec![b' '; 80 * 1024 * 1024], 1);
    assert!(bomb.len() < 200_000);
    assert_eq!(refusal(MediaType::Pdf, &bomb), Some(Refusal::ArchiveBomb));
    // A script in a compressed object is found like any other: it redefines the root.
    let scripted =
        with_object_stream(b"1 0  <</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(x)>>>>", 1);
    assert_eq!(refusal(MediaType::Pdf, &scripted), Some(Refusal::PdfActive));
    let mut large = png("x");
    large[16..24].copy_from_slice(b"\0\x01\0\0\0\x01\0\0");
    assert_eq!(
        refusal(MediaType::Png, &large),
        Some(Refusal::Malformed),
        "the sum of the chunk does not fit"
    );
    let mut wide = jpeg("x");
    let frame = wide.windows(2).position(|two| two == [0xff, 0xc0]).unwrap();
    wide[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert_eq!(refusal(MediaType::Jpeg, &wide), Some(Refusal::ImageTooLarge));
    let pages = pdf_of("x", &format!("/A[{}]", "<</Type/Page>>".repeat(2_001)));
    assert_eq!(refusal(MediaType::Pdf, &pages), Some(Refusal::TooManyPages));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any file, and any of ours with some bytes changed or its end cut off, gives a verdict and nothing else.
    #[test]
    fn every_file_gets_a_verdict(
        which in 0..6_usize,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        shorten in any::<bool>(),
    ) {
        let mut file = match which {
            0 => jpeg(WORDS),
            1 => png(WORDS),
            2 => pdf(WORDS),
            3 => tiff(WORDS),
            4 => with_object_stream(b"7 0  <</Type/Page>>", 1),
            _ => dicom(0, 300),
        };
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if shorten {
            file.truncate(cut.index(file.len()));
        }
        for media in MediaType::ALL {
            let _ = content::check(media, &file);
        }
    }
}
