//! Writing a PDF again: the objects that the document is made of, a plain cross-reference table, and a trailer with the root.

use std::collections::BTreeSet;

use super::lexer::is_regular;
use super::reader::File;
use super::{Value, is_metadata};

/// The file with these objects, under the numbers they had.
pub(super) fn write(file: &File<'_>, kept: &BTreeSet<u32>) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places: Vec<(u32, usize)> = Vec::with_capacity(kept.len());
    for number in kept {
        let Some(object) = file.objects.get(number) else { continue };
        places.push((*number, out.len()));
        out.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        match object.stream {
            None => value(&mut out, &object.value),
            Some(stream) => {
                stream_dict(&mut out, &object.value, stream.len());
                out.extend_from_slice(b"\nstream\n");
                out.extend_from_slice(stream);
                out.extend_from_slice(b"\nendstream");
            }
        }
        out.extend_from_slice(b"\nendobj\n");
    }
    let table = out.len();
    out.extend_from_slice(b"xref\n0 1\n0000000000 65535 f \n");
    for run in places.chunk_by(|(left, _), (right, _)| left + 1 == *right) {
        let first = run.first().map_or(0, |(number, _)| *number);
        out.extend_from_slice(format!("{first} {}\n", run.len()).as_bytes());
        for (_, place) in run {
            out.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
        }
    }
    let size = places.last().map_or(1, |(number, _)| number + 1);
    let trailer = format!("trailer\n<</Size {size}/Root {} 0 R>>\nstartxref\n{table}\n%%EOF\n", file.root);
    out.extend_from_slice(trailer.as_bytes());
    out
}

fn value(out: &mut Vec<u8>, written: &Value<'_>) {
    match written {
        Value::Plain(bytes) => out.extend_from_slice(bytes),
        Value::Name(bytes) => name(out, bytes),
        Value::Reference(number) => out.extend_from_slice(format!("{number} 0 R").as_bytes()),
        Value::Array(values) => {
            out.push(b'[');
            for (at, one) in values.iter().enumerate() {
                if at > 0 {
                    out.push(b' ');
                }
                value(out, one);
            }
            out.push(b']');
        }
        Value::Dict(pairs) => dict(out, pairs.iter().filter(|(key, _)| !is_metadata(key))),
    }
}

fn stream_dict(out: &mut Vec<u8>, written: &Value<'_>, length: usize) {
    let pairs = match written {
        Value::Dict(pairs) => pairs.as_slice(),
        _ => &[],
    };
    dict(out, pairs.iter().filter(|(key, _)| key != b"Length" && !is_metadata(key)));
    // Before the `>>` that was just written.
    out.truncate(out.len().saturating_sub(2));
    out.extend_from_slice(format!("/Length {length}>>").as_bytes());
}

fn dict<'v, 'a: 'v>(out: &mut Vec<u8>, pairs: impl Iterator<Item = &'v (Vec<u8>, Value<'a>)>) {
    out.extend_from_slice(b"<<");
    for (key, one) in pairs {
        name(out, key);
        out.push(b' ');
        value(out, one);
    }
    out.extend_from_slice(b">>");
}

fn name(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'/');
    for byte in bytes {
        if is_regular(*byte) && *byte != b'#' && byte.is_ascii_graphic() {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("#{byte:02X}").as_bytes());
        }
    }
}
