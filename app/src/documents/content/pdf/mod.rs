//! PDF: read object by object from the first byte to the last, judged, and written again without document information, XMP,
//! earlier revisions and whatever nothing refers to.
//!
//! A signed PDF stays as it is, because a signature covers bytes; its metadata stays with it.

mod lexer;
mod reader;
mod writer;

use std::collections::BTreeSet;

use super::{Kept, Refusal};
use reader::{File, Object};

/// Most pages.
const PAGES_MAX: usize = 2_000;
/// Most objects of one file, and most values in all of them.
const OBJECTS_MAX: usize = 200_000;

/// One value (ISO 32000-1, 7.3). Strings and numbers stay as they were written.
#[derive(Debug, Clone, PartialEq)]
enum Value<'a> {
    /// A number, a string with its delimiters, or one of `true`, `false` and `null`.
    Plain(&'a [u8]),
    /// A name, without its slash and with `#` resolved.
    Name(Vec<u8>),
    Array(Vec<Value<'a>>),
    Dict(Vec<(Vec<u8>, Value<'a>)>),
    /// A reference to another object, by its number.
    Reference(u32),
}

impl<'a> Value<'a> {
    fn get(&self, key: &[u8]) -> Option<&Value<'a>> {
        match self {
            Value::Dict(pairs) => pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    fn is_name(&self, wanted: &[u8]) -> bool {
        matches!(self, Value::Name(name) if name == wanted)
    }

    fn number(&self) -> Option<usize> {
        match self {
            Value::Plain(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }
}

/// Checks a PDF and gives what is kept of it.
///
/// # Errors
/// [`Refusal`].
pub(super) fn check(bytes: &[u8]) -> Result<Kept, Refusal> {
    // What compressed objects unpack to lives as long as the values that point into it.
    let unpacked = reader::unpack(bytes)?;
    let file = reader::read(bytes, &unpacked)?;
    let reachable = reachable(&file)?;
    let mut verdict = Verdict::default();
    for number in &reachable {
        if let Some(object) = file.objects.get(number) {
            verdict.look(&object.value)?;
        }
    }
    match (verdict.pages, verdict.signed) {
        (0, _) => Err(Refusal::Malformed),
        (1..=PAGES_MAX, true) => Ok(Kept::Unchanged),
        (1..=PAGES_MAX, false) => Ok(Kept::Rewritten(writer::write(&file, &reachable))),
        _ => Err(Refusal::TooManyPages),
    }
}

/// Entries that are neither followed nor written: they say who made the document, when and with what.
fn is_metadata(key: &[u8]) -> bool {
    matches!(key, b"Metadata" | b"PieceInfo" | b"LastModified")
}

/// The objects that the document is made of, from its root.
fn reachable(file: &File<'_>) -> Result<BTreeSet<u32>, Refusal> {
    let mut found = BTreeSet::new();
    let mut next = vec![file.root];
    while let Some(number) = next.pop() {
        let Some(Object { value, .. }) = file.objects.get(&number) else { continue };
        if found.insert(number) {
            references(value, &mut next);
        }
        if found.len() > OBJECTS_MAX {
            return Err(Refusal::TooManyPages);
        }
    }
    if found.is_empty() { Err(Refusal::Malformed) } else { Ok(found) }
}

fn references(value: &Value<'_>, out: &mut Vec<u32>) {
    match value {
        Value::Reference(number) => out.push(*number),
        Value::Array(values) => values.iter().for_each(|value| references(value, out)),
        Value::Dict(pairs) => {
            pairs.iter().filter(|(key, _)| !is_metadata(key)).for_each(|(_, value)| references(value, out))
        }
        Value::Plain(_) | Value::Name(_) => {}
    }
}

#[derive(Default)]
struct Verdict {
    pages: usize,
    signed: bool,
}

impl Verdict {
    fn look(&mut self, value: &Value<'_>) -> Result<(), Refusal> {
        match value {
            Value::Array(values) => values.iter().try_for_each(|value| self.look(value)),
            Value::Dict(pairs) => {
                self.pages += usize::from(value.get(b"Type").is_some_and(|kind| kind.is_name(b"Page")));
                pairs.iter().try_for_each(|(key, value)| {
                    self.signed |= key == b"ByteRange";
                    judge(key, value)?;
                    self.look(value)
                })
            }
            Value::Plain(_) | Value::Name(_) | Value::Reference(_) => Ok(()),
        }
    }
}

/// What a document for a patient's file has no use for: programs, forms that send, other files inside.
fn judge(key: &[u8], value: &Value<'_>) -> Result<(), Refusal> {
    const ACTIONS: [&[u8]; 8] = [
        b"JavaScript",
        b"Launch",
        b"SubmitForm",
        b"ImportData",
        b"Rendition",
        b"Movie",
        b"Sound",
        b"RichMediaExecute",
    ];
    const EMBEDDED: [&[u8]; 6] =
        [b"EmbeddedFile", b"FileAttachment", b"RichMedia", b"Movie", b"Screen", b"GoToE"];
    match key {
        b"JS" | b"JavaScript" | b"XFA" => Err(Refusal::PdfActive),
        b"EmbeddedFiles" | b"EF" | b"Collection" | b"RichMediaContent" => Err(Refusal::PdfEmbedded),
        b"S" if ACTIONS.iter().any(|action| value.is_name(action)) => Err(Refusal::PdfActive),
        b"S" | b"Type" | b"Subtype" if EMBEDDED.iter().any(|kind| value.is_name(kind)) => {
            Err(Refusal::PdfEmbedded)
        }
        _ => Ok(()),
    }
}
