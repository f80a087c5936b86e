//! Reading a PDF from its first byte to its last: every byte belongs to an object, a table, a trailer or a short comment.
//!
//! The cross-reference tables are passed over: they say where a reader should look, and what is read here is what is there.
//! The last object of a number wins, as it does for a reader of a file that was changed by appending.

use std::collections::BTreeMap;

use memchr::memmem;

use super::super::Refusal;
use super::lexer::{Lexer, is_space};
use super::{OBJECTS_MAX, Value};

/// Largest number of an object.
const NUMBER_MAX: u32 = 8_388_607;
/// Most bytes that the compressed objects of one file may unpack to.
const UNPACKED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One indirect object.
#[derive(Debug)]
pub(super) struct Object<'a> {
    pub(super) value: Value<'a>,
    /// The bytes of its stream, as they are stored.
    pub(super) stream: Option<&'a [u8]>,
}

/// A file that was read.
pub(super) struct File<'a> {
    pub(super) objects: BTreeMap<u32, Object<'a>>,
    pub(super) root: u32,
}

/// The unpacked compressed objects, in the order of the file.
pub(super) struct Unpacked(Vec<Vec<u8>>);

/// What the walk over the file hands out, in order.
enum Piece<'a> {
    Object(u32, Object<'a>),
    Trailer(Value<'a>),
}

/// Unpacks the file's object streams (ISO 32000-1, 7.5.7), within a bound on all of them together.
///
/// # Errors
/// [`Refusal`].
pub(super) fn unpack(bytes: &[u8]) -> Result<Unpacked, Refusal> {
    let (mut unpacked, mut left) = (Vec::new(), UNPACKED_BYTES_MAX);
    walk(bytes, |piece| {
        if let Piece::Object(_, Object { value, stream: Some(stream) }) = piece
            && is_packed(&value)
        {
            let plain = inflate(&value, stream, left)?;
            left -= plain.len();
            unpacked.push(plain);
        }
        Ok(())
    })?;
    Ok(Unpacked(unpacked))
}

/// Reads the file.
///
/// # Errors
/// [`Refusal`].
pub(super) fn read<'a>(bytes: &'a [u8], unpacked: &'a Unpacked) -> Result<File<'a>, Refusal> {
    let mut objects = BTreeMap::new();
    let mut root = None;
    let mut packed = unpacked.0.iter();
    walk(bytes, |piece| {
        let trailer = match piece {
            Piece::Trailer(trailer) => trailer,
            Piece::Object(number, object) => {
                if object.stream.is_some() && is_packed(&object.value) {
                    let plain = packed.next().ok_or(Refusal::Malformed)?;
                    return members(&object.value, plain, &mut objects);
                }
                let table = object.value.get(b"Type").is_some_and(|kind| kind.is_name(b"XRef"));
                if !table {
                    objects.insert(number, object);
                    return Ok(());
                }
                object.value
            }
        };
        if trailer.get(b"Encrypt").is_some() {
            return Err(Refusal::PdfEncrypted);
        }
        if let Some(Value::Reference(number)) = trailer.get(b"Root") {
            root = Some(*number);
        }
        Ok(())
    })?;
    if objects.len() > OBJECTS_MAX {
        return Err(Refusal::TooManyPages);
    }
    Ok(File { objects, root: root.ok_or(Refusal::Malformed)? })
}

fn is_packed(value: &Value<'_>) -> bool {
    value.get(b"Type").is_some_and(|kind| kind.is_name(b"ObjStm"))
}

fn inflate(dict: &Value<'_>, stream: &[u8], left: usize) -> Result<Vec<u8>, Refusal> {
    use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_zlib_with_limit};
    let predicted = dict.get(b"DecodeParms").is_some();
    let filter = match dict.get(b"Filter") {
        Some(Value::Array(filters)) if filters.len() == 1 => filters.first(),
        filter => filter,
    };
    match filter {
        None if stream.len() <= left => Ok(stream.to_vec()),
        None => Err(Refusal::ArchiveBomb),
        Some(filter) if filter.is_name(b"FlateDecode") && !predicted => {
            decompress_to_vec_zlib_with_limit(stream, left).map_err(|error| match error.status {
                TINFLStatus::HasMoreOutput => Refusal::ArchiveBomb,
                _ => Refusal::Malformed,
            })
        }
        Some(_) => Err(Refusal::Malformed),
    }
}

/// The objects inside an unpacked object stream.
fn members<'a>(
    dict: &Value<'_>,
    plain: &'a [u8],
    objects: &mut BTreeMap<u32, Object<'a>>,
) -> Result<(), Refusal> {
    let count = dict.get(b"N").and_then(Value::number).ok_or(Refusal::Malformed)?;
    let first = dict.get(b"First").and_then(Value::number).ok_or(Refusal::Malformed)?;
    if count > OBJECTS_MAX {
        return Err(Refusal::TooManyPages);
    }
    let mut index = Lexer::new(plain);
    for _ in 0..count {
        let (Some(number), Some(offset)) = (index.integer()?, index.integer()?) else {
            return Err(Refusal::Malformed);
        };
        let at = usize::try_from(offset).ok().and_then(|offset| first.checked_add(offset));
        let body = at.and_then(|at| plain.get(at..)).ok_or(Refusal::Malformed)?;
        let value = Lexer::new(body).value()?;
        if number == 0 || number > NUMBER_MAX {
            return Err(Refusal::Malformed);
        }
        objects.insert(number, Object { value, stream: None });
    }
    Ok(())
}

/// Goes over the whole file once.
fn walk<'a>(bytes: &'a [u8], mut each: impl FnMut(Piece<'a>) -> Result<(), Refusal>) -> Result<(), Refusal> {
    let mut lexer = Lexer::new(bytes);
    let mut pieces = 0_usize;
    let mut ended = false;
    loop {
        lexer.skip()?;
        if lexer.rest().is_empty() {
            break;
        }
        // Behind the last `%%EOF` only another revision may follow.
        ended = false;
        pieces += 1;
        if pieces > 2 * OBJECTS_MAX {
            return Err(Refusal::TooManyPages);
        }
        if lexer.word(b"xref")? {
            table(&mut lexer)?;
        } else if lexer.word(b"trailer")? {
            each(Piece::Trailer(lexer.value()?))?;
        } else if lexer.word(b"startxref")? {
            lexer.integer()?.ok_or(Refusal::TrailingData)?;
            end(&mut lexer)?;
            ended = true;
        } else {
            let object = object(&mut lexer).map_err(|refusal| match (refusal, ended_before(&lexer)) {
                (Refusal::Malformed, true) => Refusal::TrailingData,
                (refusal, _) => refusal,
            })?;
            each(Piece::Object(object.0, object.1))?;
        }
    }
    if ended { Ok(()) } else { Err(Refusal::Malformed) }
}

/// Whether an end of file lies before this place: what stands here then follows a whole document.
fn ended_before(lexer: &Lexer<'_>) -> bool {
    lexer.data.get(..lexer.at).is_some_and(|before| memmem::rfind(before, b"%%EOF").is_some())
}

/// `%%EOF`, which is a comment to the lexer.
fn end(lexer: &mut Lexer<'_>) -> Result<(), Refusal> {
    while lexer.rest().first().is_some_and(|byte| is_space(*byte)) {
        lexer.at += 1;
    }
    let after = lexer.rest().strip_prefix(b"%%EOF").ok_or(Refusal::Malformed)?;
    if after.first().is_some_and(|byte| !is_space(*byte)) {
        return Err(Refusal::TrailingData);
    }
    lexer.at += b"%%EOF".len();
    Ok(())
}

/// A cross-reference table: sections of a head and lines of 20 bytes, of which only the form is looked at.
fn table(lexer: &mut Lexer<'_>) -> Result<(), Refusal> {
    for _ in 0..OBJECTS_MAX {
        let mut ahead = lexer.clone();
        let (Some(_first), Some(count)) = (ahead.integer()?, ahead.integer()?) else { return Ok(()) };
        for _ in 0..count {
            let line = (ahead.integer()?, ahead.integer()?);
            if line.0.is_none() || line.1.is_none() || !(ahead.word(b"n")? || ahead.word(b"f")?) {
                return Err(Refusal::Malformed);
            }
        }
        lexer.at = ahead.at;
    }
    Err(Refusal::Malformed)
}

fn object<'a>(lexer: &mut Lexer<'a>) -> Result<(u32, Object<'a>), Refusal> {
    let number = lexer.integer()?.ok_or(Refusal::Malformed)?;
    let generation = lexer.integer()?.ok_or(Refusal::Malformed)?;
    if !lexer.word(b"obj")? || number == 0 || number > NUMBER_MAX || generation > 65_535 {
        return Err(Refusal::Malformed);
    }
    let value = lexer.value()?;
    let stream = if lexer.word(b"stream")? { Some(stream(lexer, &value)?) } else { None };
    if !lexer.word(b"endobj")? {
        return Err(Refusal::Malformed);
    }
    Ok((number, Object { value, stream }))
}

/// The bytes of a stream: as many as its dictionary says, if its end follows there, else up to its end.
fn stream<'a>(lexer: &mut Lexer<'a>, dict: &Value<'_>) -> Result<&'a [u8], Refusal> {
    let data = lexer.rest();
    let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n")).ok_or(Refusal::Malformed)?;
    lexer.at = lexer.data.len() - data.len();
    let said = match dict.get(b"Length") {
        Some(Value::Reference(number)) => length_elsewhere(lexer.data, *number),
        Some(value) => value.number(),
        None => None,
    };
    let length = said.filter(|length| ends_at(data, *length)).or_else(|| {
        let end = memmem::find(data, b"endstream")?;
        let before = data.get(..end)?;
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        Some(before.strip_suffix(b"\r").unwrap_or(before).len())
    });
    let length = length.ok_or(Refusal::Malformed)?;
    let (stream, _) = data.split_at_checked(length).ok_or(Refusal::Malformed)?;
    lexer.at += length;
    // Not `skip`: a stream's last line may look like a comment, and the space before the word is all there is.
    while lexer.rest().first().is_some_and(|byte| is_space(*byte)) {
        lexer.at += 1;
    }
    if lexer.word(b"endstream")? { Ok(stream) } else { Err(Refusal::Malformed) }
}

fn ends_at(data: &[u8], length: usize) -> bool {
    let after = data.get(length..).unwrap_or_default();
    let after = after.strip_prefix(b"\r").unwrap_or(after);
    after.strip_prefix(b"\n").unwrap_or(after).starts_with(b"endstream")
}

/// A length that is an object of its own, which mostly stands behind the stream.
fn length_elsewhere(data: &[u8], number: u32) -> Option<usize> {
    let head = format!("\n{number} 0 obj");
    let head_cr = format!("\r{number} 0 obj");
    let at = memmem::rfind(data, head.as_bytes()).or_else(|| memmem::rfind(data, head_cr.as_bytes()))?;
    let mut lexer = Lexer::new(data.get(at + head.len()..)?);
    usize::try_from(lexer.integer().ok()??).ok()
}
