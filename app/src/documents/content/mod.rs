//! What a document's bytes are, whatever they were said to be: one strict reader a type, which also writes the document again
//! without what it says about its maker. Pure: bytes in, a verdict out.
//!
//! The list is short on purpose. A reader accounts for every byte of a file, so a second file hidden before, behind or
//! between the parts of the first is refused or not written again.

mod dicom;
mod image;
mod jpeg;
mod pdf;
mod plain;
mod png;
mod tiff;
mod zip;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use zip::TAIL_BYTES;

/// Bytes from the beginning that [`sniff`] wants to see.
pub const HEAD_BYTES: usize = 4_096;
/// Largest PDF or image, in bytes; it is read and written again in memory.
const REWRITTEN_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Largest text, in bytes.
const TEXT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The types a clinic may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum MediaType {
    /// PDF.
    #[serde(rename = "application/pdf")]
    Pdf,
    /// JPEG.
    #[serde(rename = "image/jpeg")]
    Jpeg,
    /// PNG.
    #[serde(rename = "image/png")]
    Png,
    /// TIFF and BigTIFF.
    #[serde(rename = "image/tiff")]
    Tiff,
    /// DICOM part 10.
    #[serde(rename = "application/dicom")]
    Dicom,
    /// Text in UTF-8.
    #[serde(rename = "text/plain")]
    Text,
    /// Comma-separated values in UTF-8.
    #[serde(rename = "text/csv")]
    Csv,
}

impl MediaType {
    /// Every type.
    pub const ALL: [MediaType; 7] = [
        MediaType::Pdf,
        MediaType::Jpeg,
        MediaType::Png,
        MediaType::Tiff,
        MediaType::Dicom,
        MediaType::Text,
        MediaType::Csv,
    ];

    /// The name in `Content-Type` and in the row.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            MediaType::Pdf => "application/pdf",
            MediaType::Jpeg => "image/jpeg",
            MediaType::Png => "image/png",
            MediaType::Tiff => "image/tiff",
            MediaType::Dicom => "application/dicom",
            MediaType::Text => "text/plain",
            MediaType::Csv => "text/csv",
        }
    }

    /// The type with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<MediaType> {
        MediaType::ALL.into_iter().find(|media| media.as_str() == name)
    }

    /// What a saved file's name ends with.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            MediaType::Pdf => "pdf",
            MediaType::Jpeg => "jpg",
            MediaType::Png => "png",
            MediaType::Tiff => "tif",
            MediaType::Dicom => "dcm",
            MediaType::Text => "txt",
            MediaType::Csv => "csv",
        }
    }

    /// Largest document of this type, in bytes.
    #[must_use]
    pub const fn bytes_max(self) -> u64 {
        match self {
            MediaType::Pdf | MediaType::Jpeg | MediaType::Png | MediaType::Tiff => REWRITTEN_BYTES_MAX,
            MediaType::Text | MediaType::Csv => TEXT_BYTES_MAX,
            MediaType::Dicom => tenancy::objects::DOCUMENT_BYTES_MAX,
        }
    }

    /// Whether the whole document is read in memory; else only its beginning and end are looked at.
    #[must_use]
    pub const fn is_read_whole(self) -> bool {
        !matches!(self, MediaType::Dicom)
    }
}

/// Why a document is not accepted. The code is stored and shown; none says anything about what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.code())]
pub enum Refusal {
    /// The bytes are of a type that is not kept here, such as an archive or a program.
    TypeNotAllowed,
    /// The bytes are of another type than was said.
    TypeMismatch,
    /// The bytes do not follow the type's own rules.
    Malformed,
    /// Something follows the document's end.
    TrailingData,
    /// The bytes are two files at once.
    Polyglot,
    /// The PDF is encrypted.
    PdfEncrypted,
    /// The PDF runs scripts, starts programs or sends forms.
    PdfActive,
    /// The PDF carries other files.
    PdfEmbedded,
    /// The PDF has too many pages or objects.
    TooManyPages,
    /// The image has too many points.
    ImageTooLarge,
    /// Compressed parts become far larger than they may.
    ArchiveBomb,
    /// The TIFF is packed in a way that is not read here, or holds pictures beside its pages.
    TiffUnsupported,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Refusal; 12] = [
        Refusal::TypeNotAllowed,
        Refusal::TypeMismatch,
        Refusal::Malformed,
        Refusal::TrailingData,
        Refusal::Polyglot,
        Refusal::PdfEncrypted,
        Refusal::PdfActive,
        Refusal::PdfEmbedded,
        Refusal::TooManyPages,
        Refusal::ImageTooLarge,
        Refusal::ArchiveBomb,
        Refusal::TiffUnsupported,
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Refusal::TypeNotAllowed => "type_not_allowed",
            Refusal::TypeMismatch => "type_mismatch",
            Refusal::Malformed => "malformed",
            Refusal::TrailingData => "trailing_data",
            Refusal::Polyglot => "polyglot",
            Refusal::PdfEncrypted => "pdf_encrypted",
            Refusal::PdfActive => "pdf_active",
            Refusal::PdfEmbedded => "pdf_embedded_files",
            Refusal::TooManyPages => "too_many_pages",
            Refusal::ImageTooLarge => "image_too_large",
            Refusal::ArchiveBomb => "archive_bomb",
            Refusal::TiffUnsupported => "tiff_unsupported",
        }
    }
}

/// What is kept of an accepted document.
#[derive(Debug, PartialEq, Eq)]
pub enum Kept {
    /// The bytes as they came.
    Unchanged,
    /// The same document written again, without metadata.
    Rewritten(Vec<u8>),
}

/// Checks a document that is read whole.
///
/// # Errors
/// [`Refusal`].
pub fn check(declared: MediaType, bytes: &[u8]) -> Result<Kept, Refusal> {
    agree(declared, sniff(bytes)?)?;
    let kept = match declared {
        MediaType::Pdf => pdf::check(bytes)?,
        MediaType::Jpeg => Kept::Rewritten(jpeg::rewrite(bytes)?),
        MediaType::Png => Kept::Rewritten(png::rewrite(bytes)?),
        MediaType::Tiff => {
            // What is behind the last page is not written again; an archive there was put there on purpose.
            zip::check_tail(bytes)?;
            Kept::Rewritten(tiff::rewrite(bytes)?)
        }
        MediaType::Text | MediaType::Csv => plain::check(bytes).map(|()| Kept::Unchanged)?,
        MediaType::Dicom => dicom::check(bytes).map(|()| Kept::Unchanged)?,
    };
    match &kept {
        Kept::Unchanged => zip::check_tail(bytes)?,
        Kept::Rewritten(bytes) => zip::check_tail(bytes)?,
    }
    Ok(kept)
}

/// Checks a document of which only the beginning (at least [`HEAD_BYTES`], or all) and the end ([`TAIL_BYTES`], or all) are
/// at hand.
///
/// # Errors
/// [`Refusal`].
pub fn check_ends(declared: MediaType, head: &[u8], tail: &[u8]) -> Result<(), Refusal> {
    agree(declared, sniff(head)?)?;
    if declared == MediaType::Dicom {
        dicom::check(head)?;
    }
    zip::check_tail(tail)
}

fn agree(declared: MediaType, found: MediaType) -> Result<(), Refusal> {
    let text = declared == MediaType::Csv && found == MediaType::Text;
    if declared == found || text { Ok(()) } else { Err(Refusal::TypeMismatch) }
}

/// Beginnings of what is not kept here, so that the answer can say so.
const FOREIGN: [&[u8]; 13] = [
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"GIF8",
    b"MZ",
    b"\x7fELF",
    b"\xcf\xfa\xed\xfe",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    b"#!",
];

/// The type by content.
///
/// # Errors
/// [`Refusal::TypeNotAllowed`].
pub fn sniff(bytes: &[u8]) -> Result<MediaType, Refusal> {
    if bytes.starts_with(b"%PDF-") {
        return Ok(MediaType::Pdf);
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Ok(MediaType::Jpeg);
    }
    if bytes.starts_with(png::SIGNATURE) {
        return Ok(MediaType::Png);
    }
    if tiff::is_tiff(bytes) {
        return Ok(MediaType::Tiff);
    }
    if dicom::is_dicom(bytes) {
        return Ok(MediaType::Dicom);
    }
    let head = bytes.get(..HEAD_BYTES.min(bytes.len())).unwrap_or_default();
    if FOREIGN.iter().any(|beginning| bytes.starts_with(beginning)) || !plain::is_text(head) {
        return Err(Refusal::TypeNotAllowed);
    }
    Ok(MediaType::Text)
}
