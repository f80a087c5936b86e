//! Reads the server name out of a TLS ClientHello that may be spread over many reads and many records.

use thiserror::Error;

/// The most bytes of ClientHello (record headers included) that are collected before giving up.
/// Post-quantum key shares need about 1.8 KiB; RFC 8446 allows one handshake message to span records.
pub const HELLO_BYTES_MAX: usize = 16 * 1024;

const RECORD_HEADER_BYTES: usize = 5;
const RECORD_BYTES_MAX: usize = 16 * 1024;
const CONTENT_HANDSHAKE: u8 = 22;
const HANDSHAKE_CLIENT_HELLO: u8 = 1;
const HANDSHAKE_HEADER_BYTES: usize = 4;
const EXTENSION_SERVER_NAME: u16 = 0;
const EXTENSIONS_MAX: usize = 128;
const NAME_BYTES_MAX: usize = 253;

/// Why bytes are not a ClientHello we route by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SniError {
    /// The first record is not a TLS handshake: plain HTTP, a scan, or noise.
    #[error("not a TLS handshake")]
    NotTls,
    /// A length field contradicts another, or a field that must be present is missing.
    #[error("malformed ClientHello")]
    Malformed,
    /// Larger than [`HELLO_BYTES_MAX`].
    #[error("ClientHello too large")]
    TooLarge,
}

/// What the bytes read so far amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The ClientHello is not complete; read more.
    NeedMore,
    /// Complete. The name is lower case and printable ASCII; `None` when the client sent no server name.
    Complete(Option<String>),
}

/// Looks at everything received so far on a connection, from its first byte.
///
/// Reassembles the handshake message across records (RFC 8446, 5.1) and reads `server_name` (RFC 6066, 3).
///
/// # Errors
/// [`SniError`] as soon as it is certain that the bytes can never become an acceptable ClientHello.
pub fn inspect(received: &[u8]) -> Result<Progress, SniError> {
    let mut message = Vec::new();
    let mut rest = received;
    // Each turn consumes a record of at least one byte, and the input is bounded.
    loop {
        match take_record(rest)? {
            None => break,
            Some((payload, after)) => {
                // The usual case, a hello within one record, is read where it lies.
                if rest.len() == received.len()
                    && let Some(name) = parse_if_whole(payload)?
                {
                    return Ok(Progress::Complete(name));
                }
                message.extend_from_slice(payload);
                rest = after;
            }
        }
    }
    // The part of a record that has arrived already tells the kind of message.
    if message.is_empty() {
        check_message_type(received.get(RECORD_HEADER_BYTES..).unwrap_or_default())?;
    }
    match parse_if_whole(&message)? {
        Some(name) => Ok(Progress::Complete(name)),
        None if received.len() >= HELLO_BYTES_MAX => Err(SniError::TooLarge),
        None => Ok(Progress::NeedMore),
    }
}

fn check_message_type(message: &[u8]) -> Result<(), SniError> {
    match message.first() {
        None | Some(&HANDSHAKE_CLIENT_HELLO) => Ok(()),
        Some(_) => Err(SniError::NotTls),
    }
}

type Split<'a> = (&'a [u8], &'a [u8]);

/// The payload of the first whole record and what follows it; `None` while it is incomplete.
fn take_record(bytes: &[u8]) -> Result<Option<Split<'_>>, SniError> {
    match bytes.first() {
        None => return Ok(None),
        Some(&CONTENT_HANDSHAKE) => {}
        Some(_) => return Err(SniError::NotTls),
    }
    match bytes.get(1) {
        None | Some(&3) => {}
        Some(_) => return Err(SniError::NotTls),
    }
    let Some(&[_, _, _, high, low]) = bytes.first_chunk::<RECORD_HEADER_BYTES>() else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length == 0 || length > RECORD_BYTES_MAX {
        return Err(SniError::Malformed);
    }
    let after_header = bytes.get(RECORD_HEADER_BYTES..).unwrap_or_default();
    Ok(after_header.split_at_checked(length))
}

/// `None` while the handshake message is incomplete.
fn parse_if_whole(message: &[u8]) -> Result<Option<Option<String>>, SniError> {
    check_message_type(message)?;
    let Some(&[_, a, b, c]) = message.first_chunk::<HANDSHAKE_HEADER_BYTES>() else { return Ok(None) };
    let length = u32::from_be_bytes([0, a, b, c]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > HELLO_BYTES_MAX {
        return Err(SniError::TooLarge);
    }
    let body = message.get(HANDSHAKE_HEADER_BYTES..).unwrap_or_default();
    match body.get(..length) {
        None => Ok(None),
        Some(hello) => server_name(hello).map(Some),
    }
}

/// Walks legacy_version, random, session id, cipher suites and compression to the extensions (RFC 8446, 4.1.2).
fn server_name(hello: &[u8]) -> Result<Option<String>, SniError> {
    let mut cursor = Cursor(hello);
    cursor.take(2 + 32)?;
    cursor.vector_u8()?;
    cursor.vector_u16()?;
    cursor.vector_u8()?;
    if cursor.0.is_empty() {
        return Ok(None);
    }
    let mut extensions = Cursor(cursor.vector_u16()?);
    let mut found = None;
    for _ in 0..EXTENSIONS_MAX {
        if extensions.0.is_empty() {
            return Ok(found);
        }
        let kind = extensions.u16()?;
        let data = extensions.vector_u16()?;
        if kind == EXTENSION_SERVER_NAME {
            if found.is_some() {
                return Err(SniError::Malformed);
            }
            found = Some(host_name(data)?);
        }
    }
    Err(SniError::Malformed)
}

fn host_name(extension: &[u8]) -> Result<String, SniError> {
    let mut list = Cursor(Cursor(extension).vector_u16()?);
    let kind = list.u8()?;
    let name = list.vector_u16()?;
    // RFC 6066 allows one name of each type and only host_name (0) was ever defined.
    let acceptable = kind == 0
        && list.0.is_empty()
        && !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.iter().all(u8::is_ascii_graphic);
    if !acceptable {
        return Err(SniError::Malformed);
    }
    Ok(name.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect())
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], SniError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(SniError::Malformed)?;
        self.0 = tail;
        Ok(head)
    }

    fn u8(&mut self) -> Result<u8, SniError> {
        self.take(1)?.first().copied().ok_or(SniError::Malformed)
    }

    fn u16(&mut self) -> Result<u16, SniError> {
        Ok(u16::from_be_bytes([self.u8()?, self.u8()?]))
    }

    fn vector_u8(&mut self) -> Result<&'a [u8], SniError> {
        let length = self.u8()?;
        self.take(usize::from(length))
    }

    fn vector_u16(&mut self) -> Result<&'a [u8], SniError> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(name: &str, padding: usize) -> Vec<u8> {
        let mut sni = vec![0, 0];
        let list = u16::try_from(name.len() + 3).unwrap();
        let whole = list + 2;
        sni.extend(whole.to_be_bytes());
        sni.extend(list.to_be_bytes());
        sni.push(0);
        sni.extend(u16::try_from(name.len()).unwrap().to_be_bytes());
        sni.extend(name.as_bytes());
        // A key share as large as X25519MLKEM768 sends, in front of the name.
        let mut extensions = vec![0, 51];
        extensions.extend(u16::try_from(padding).unwrap().to_be_bytes());
        extensions.extend(vec![7; padding]);
        extensions.extend(sni);
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1];
        message.extend(&u32::try_from(body.len()).unwrap().to_be_bytes()[1..]);
        message.extend(body);
        message
    }

    fn records(message: &[u8], record_bytes: usize) -> Vec<u8> {
        message
            .chunks(record_bytes)
            .flat_map(|chunk| {
                let mut record = vec![22, 3, 1];
                record.extend(u16::try_from(chunk.len()).unwrap().to_be_bytes());
                record.extend(chunk);
                record
            })
            .collect()
    }

    #[test]
    fn reads_the_name_across_records_and_reads() {
        for record_bytes in [1, 3, 5, 100, 1400, 16_000] {
            let wire = records(&handshake("Lotus.IN.domicile.example", 1700), record_bytes);
            for end in 0..wire.len() {
                assert_eq!(
                    inspect(&wire[..end]),
                    Ok(Progress::NeedMore),
                    "record {record_bytes} prefix {end}"
                );
            }
            let done = Ok(Progress::Complete(Some("lotus.in.domicile.example".to_owned())));
            assert_eq!(inspect(&wire), done);
        }
    }

    #[test]
    fn refuses_what_is_not_a_hello() {
        assert_eq!(inspect(b"GET / HTTP/1.1\r\n"), Err(SniError::NotTls));
        assert_eq!(inspect(&[22, 2]), Err(SniError::NotTls));
        assert_eq!(inspect(&[22, 3, 1, 0, 0]), Err(SniError::Malformed));
        assert_eq!(inspect(&[22, 3, 1, 0, 4, 2]), Err(SniError::NotTls));
        assert_eq!(inspect(&[22, 3, 1, 0, 4, 1, 1, 0, 0]), Err(SniError::TooLarge));
        assert_eq!(inspect(&records(&handshake("bad name", 0), 900)), Err(SniError::Malformed));
        let mut truncated = handshake("a.b", 0);
        truncated[3] -= 1;
        assert_eq!(inspect(&records(&truncated, 900)), Err(SniError::Malformed));
    }

    #[test]
    fn a_hello_that_never_ends_is_refused_at_the_limit() {
        let wire = records(&[1, 0, 0x3f, 0xff].into_iter().chain(vec![0; 16_300]).collect::<Vec<u8>>(), 64);
        let cut = wire.get(..HELLO_BYTES_MAX).unwrap();
        assert_eq!(inspect(cut), Err(SniError::TooLarge));
    }

    #[test]
    fn any_bytes_never_panic() {
        let wire = records(&handshake("a.b", 20), 40);
        for index in 0..wire.len() {
            for value in 0..=255 {
                let mut mutated = wire.clone();
                mutated[index] = value;
                let _ = inspect(&mutated);
            }
        }
    }
}
