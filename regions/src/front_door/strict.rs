//! The framing of an HTTP/1 byte stream, judged before hyper sees a byte of it: one meaning or a refusal (RFC 9112).

/// The path of the stand-in request that takes the place of a refused one; only ever answered when a violation is recorded.
pub(super) const STAND_IN_PATH: &str = "/.domicile-refused";

/// What hyper reads instead of bytes that have no single meaning; it keeps answers to pipelined requests in order.
pub(super) const STAND_IN: &[u8] =
    b"GET /.domicile-refused HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n";

const TRAILER_BYTES_MAX: usize = 4096;
const CHUNK_SIZE_DIGITS_MAX: usize = 12;
const CONTENT_LENGTH_DIGITS_MAX: usize = 15;

/// Why the stream is refused, as the answer's status and machine code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// More than one reading is possible: 400.
    Framing(&'static str),
    /// More header bytes or fields than the limits allow: 431.
    HeadTooLarge,
    /// CONNECT: 405.
    Method,
    /// An announced body over the limit: 413.
    BodyTooLarge,
}

/// The limits of [`Framing`].
#[derive(Debug, Clone, Copy)]
pub(super) struct FramingLimits {
    pub(super) head_bytes_max: usize,
    pub(super) headers_max: usize,
    pub(super) body_bytes_max: u64,
}

/// What follows the bytes that [`Framing::scan`] accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Scan the rest of the input.
    Again,
    /// Nothing more can be said until more bytes arrive.
    NeedMore,
    /// A head was accepted whose body, or whose upgraded stream, follows; the caller decides whether it may be read.
    Gate,
    /// Refuse; the bytes from here on must not be passed on.
    Refuse(Violation),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head { scanned: usize },
    Body { left_bytes: u64 },
    ChunkSize,
    ChunkData { left_bytes: u64 },
    ChunkEnd,
    Trailers { seen_bytes: usize },
    Upgrading,
}

/// Follows one connection's requests through heads, bodies, chunks and trailers.
#[derive(Debug, Clone)]
pub(super) struct Framing {
    state: State,
    limits: FramingLimits,
    body_seen_bytes: u64,
}

impl Framing {
    pub(super) fn new(limits: FramingLimits) -> Self {
        Self { state: State::Head { scanned: 0 }, limits, body_seen_bytes: 0 }
    }

    /// Whether the stream stands at the start of a request head.
    pub(super) fn at_head(&self) -> bool {
        matches!(self.state, State::Head { .. })
    }

    /// Judges `input`, which starts where the accepted bytes of the call before ended.
    /// Returns how many bytes may be passed on, and what comes after them.
    pub(super) fn scan(&mut self, input: &[u8]) -> (usize, Next) {
        if input.is_empty() {
            return (0, Next::NeedMore);
        }
        match self.state {
            State::Head { scanned } => self.scan_head(input, scanned),
            State::Body { left_bytes } => {
                let (taken, left_bytes) = take(input, left_bytes);
                self.state =
                    if left_bytes == 0 { State::Head { scanned: 0 } } else { State::Body { left_bytes } };
                (taken, Next::Again)
            }
            State::ChunkSize => self.scan_chunk_size(input),
            State::ChunkData { left_bytes } => {
                let (taken, left_bytes) = take(input, left_bytes);
                self.state = if left_bytes == 0 { State::ChunkEnd } else { State::ChunkData { left_bytes } };
                (taken, Next::Again)
            }
            State::ChunkEnd => match input {
                [b'\r', b'\n', ..] => {
                    self.state = State::ChunkSize;
                    (2, Next::Again)
                }
                [b'\r'] => (0, Next::NeedMore),
                _ => (0, refuse("chunk_end")),
            },
            State::Trailers { seen_bytes } => self.scan_trailer(input, seen_bytes),
            State::Upgrading => (0, Next::NeedMore),
        }
    }

    /// Looks ahead in what has arrived of a body without consuming it, so that a request whose body is already known
    /// to be malformed is refused before its head is acted on. To be asked only once the request is known to be served.
    pub(super) fn foresee(&self, rest: &[u8]) -> Option<Violation> {
        let mut ahead = self.clone();
        let mut rest = rest;
        while !ahead.at_head() {
            match ahead.scan(rest) {
                (_, Next::Refuse(violation)) => return Some(violation),
                (taken, Next::Again) => rest = rest.get(taken..).unwrap_or_default(),
                (_, Next::NeedMore | Next::Gate) => return None,
            }
        }
        None
    }

    fn scan_head(&mut self, input: &[u8], scanned: usize) -> (usize, Next) {
        let window = input.get(..input.len().min(self.limits.head_bytes_max)).unwrap_or_default();
        // Three bytes back: the terminator may have been cut anywhere.
        let from = scanned.saturating_sub(3);
        let Some(end) = memchr::memmem::find(window.get(from..).unwrap_or_default(), b"\r\n\r\n") else {
            if window.len() == self.limits.head_bytes_max {
                return (0, Next::Refuse(Violation::HeadTooLarge));
            }
            self.state = State::Head { scanned: input.len() };
            return match early_violation(window, scanned) {
                Some(violation) => (0, Next::Refuse(violation)),
                None => (0, Next::NeedMore),
            };
        };
        let length = from + end + 4;
        let head = window.get(..length).unwrap_or_default();
        match Head::read(head, &self.limits) {
            Err(violation) => (0, Next::Refuse(violation)),
            Ok(parsed) => {
                self.body_seen_bytes = 0;
                self.state = parsed.next;
                let next = if self.at_head() { Next::Again } else { Next::Gate };
                (length, next)
            }
        }
    }

    fn scan_chunk_size(&mut self, input: &[u8]) -> (usize, Next) {
        let digits =
            input.iter().take(CHUNK_SIZE_DIGITS_MAX + 1).take_while(|byte| byte.is_ascii_hexdigit()).count();
        if digits > CHUNK_SIZE_DIGITS_MAX {
            return (0, refuse("chunk_size"));
        }
        // No extension is defined that a recipient must understand, and their parsing differs between servers.
        match input.get(digits..).unwrap_or_default() {
            [] | [b'\r'] if digits > 0 || input.is_empty() => (0, Next::NeedMore),
            [b'\r', b'\n', ..] if digits > 0 => {
                let size = input
                    .get(..digits)
                    .and_then(|text| std::str::from_utf8(text).ok())
                    .and_then(|text| u64::from_str_radix(text, 16).ok())
                    .unwrap_or(u64::MAX);
                self.body_seen_bytes = self.body_seen_bytes.saturating_add(size);
                if self.body_seen_bytes > self.limits.body_bytes_max {
                    return (0, Next::Refuse(Violation::BodyTooLarge));
                }
                self.state = if size == 0 {
                    State::Trailers { seen_bytes: 0 }
                } else {
                    State::ChunkData { left_bytes: size }
                };
                (digits + 2, Next::Again)
            }
            _ => (0, refuse("chunk_size")),
        }
    }

    fn scan_trailer(&mut self, input: &[u8], seen_bytes: usize) -> (usize, Next) {
        let Some(end) = memchr::memchr(b'\n', input) else {
            if seen_bytes + input.len() > TRAILER_BYTES_MAX {
                return (0, Next::Refuse(Violation::HeadTooLarge));
            }
            return (0, Next::NeedMore);
        };
        let Some(line) = input.get(..end).and_then(|line| line.strip_suffix(b"\r")) else {
            return (0, refuse("bare_lf"));
        };
        let seen_bytes = seen_bytes + end + 1;
        if seen_bytes > TRAILER_BYTES_MAX {
            return (0, Next::Refuse(Violation::HeadTooLarge));
        }
        if line.is_empty() {
            self.state = State::Head { scanned: 0 };
        } else if split_field(line).is_none() {
            return (0, refuse("trailer"));
        } else {
            self.state = State::Trailers { seen_bytes };
        }
        (end + 1, Next::Again)
    }
}

fn refuse(code: &'static str) -> Next {
    Next::Refuse(Violation::Framing(code))
}

/// How many bytes of `input` belong to the next `left_bytes`, and how many are still to come.
pub(super) fn take(input: &[u8], left_bytes: u64) -> (usize, u64) {
    let available = u64::try_from(input.len()).unwrap_or(u64::MAX);
    let taken = left_bytes.min(available);
    (usize::try_from(taken).unwrap_or(input.len()), left_bytes - taken)
}

/// A violation that an incomplete head already shows: a line that does not end in CRLF. Such a head may never end in
/// the way we look for, while another server would take it as complete. Looks at what came after `scanned` bytes.
fn early_violation(head: &[u8], scanned: usize) -> Option<Violation> {
    let fresh = head.get(scanned..)?;
    let bare =
        |newline: usize| (scanned + newline).checked_sub(1).and_then(|at| head.get(at)) != Some(&b'\r');
    memchr::memchr_iter(b'\n', fresh).any(bare).then_some(Violation::Framing("bare_lf"))
}

struct Head {
    next: State,
}

#[derive(Default)]
struct Fields {
    count: usize,
    hosts: usize,
    content_length: Option<u64>,
    chunked: bool,
    upgrade: bool,
}

impl Head {
    fn read(head: &[u8], limits: &FramingLimits) -> Result<Self, Violation> {
        // The blank line that ends the head stays out of the line-by-line walk.
        let block = head.get(..head.len().saturating_sub(2)).unwrap_or_default();
        let mut fields = Fields::default();
        let mut old_version = false;
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', block) {
            let line = block.get(start..newline).unwrap_or_default();
            let line = line.strip_suffix(b"\r").ok_or(Violation::Framing("bare_lf"))?;
            if start == 0 {
                old_version = read_request_line(line)?;
            } else {
                fields.read(line)?;
                if fields.count > limits.headers_max {
                    return Err(Violation::HeadTooLarge);
                }
            }
            start = newline + 1;
        }
        fields.decide(old_version, limits)
    }
}

impl Fields {
    fn read(&mut self, line: &[u8]) -> Result<(), Violation> {
        self.count += 1;
        let (name, value) = split_field(line).ok_or(Violation::Framing("field_line"))?;
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => self.hosts += 1,
            7 if name.eq_ignore_ascii_case(b"upgrade") => self.upgrade = true,
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.content_length.is_some() {
                    return Err(Violation::Framing("content_length"));
                }
                self.content_length = Some(read_length(value).ok_or(Violation::Framing("content_length"))?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Violation::Framing("transfer_encoding"));
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn decide(&self, old_version: bool, limits: &FramingLimits) -> Result<Head, Violation> {
        if self.hosts != 1 {
            return Err(Violation::Framing("host"));
        }
        if self.chunked && (self.content_length.is_some() || old_version) {
            return Err(Violation::Framing("transfer_encoding"));
        }
        let length = self.content_length.unwrap_or(0);
        if length > limits.body_bytes_max {
            return Err(Violation::BodyTooLarge);
        }
        if self.upgrade && (self.chunked || length > 0 || old_version) {
            return Err(Violation::Framing("upgrade_with_body"));
        }
        let next = if self.upgrade {
            State::Upgrading
        } else if self.chunked {
            State::ChunkSize
        } else if length > 0 {
            State::Body { left_bytes: length }
        } else {
            State::Head { scanned: 0 }
        };
        Ok(Head { next })
    }
}

/// Whether the version is HTTP/1.0. Exactly `METHOD SP target SP HTTP/1.x` (RFC 9112, 3).
fn read_request_line(line: &[u8]) -> Result<bool, Violation> {
    let malformed = Violation::Framing("request_line");
    let (front, old_version) = if let Some(front) = line.strip_suffix(b" HTTP/1.1") {
        (front, false)
    } else {
        (line.strip_suffix(b" HTTP/1.0").ok_or(malformed)?, true)
    };
    let space = memchr::memchr(b' ', front).ok_or(malformed)?;
    let (method, target) =
        (front.get(..space).unwrap_or_default(), front.get(space + 1..).unwrap_or_default());
    if method.is_empty() || !method.iter().all(u8::is_ascii_uppercase) {
        return Err(malformed);
    }
    if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(malformed);
    }
    if method == b"CONNECT" {
        return Err(Violation::Method);
    }
    Ok(old_version)
}

/// Name and value of a field line. No folding, no blank around the name, no control byte in the value; spaces around
/// the value are not part of it, tabs are refused there because implementations differ in trimming them.
fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?;
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return None;
    }
    let value = line.get(colon + 1..)?;
    let value = trim_spaces(value);
    if value.iter().any(|&byte| byte < b' ' || byte == 0x7f) {
        return None;
    }
    Some((name, value))
}

fn trim_spaces(mut value: &[u8]) -> &[u8] {
    while let Some(rest) = value.strip_prefix(b" ") {
        value = rest;
    }
    while let Some(rest) = value.strip_suffix(b" ") {
        value = rest;
    }
    value
}

/// `tchar` of RFC 9110, 5.6.2, by table: it runs over every name byte of every request.
fn is_token(byte: u8) -> bool {
    const TABLE: [bool; 256] = token_table();
    TABLE.get(usize::from(byte)).copied().unwrap_or(false)
}

const fn token_table() -> [bool; 256] {
    let mut table = [false; 256];
    let allowed = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut rest: &[u8] = allowed;
    while let [byte, tail @ ..] = rest {
        let mut index = 0;
        let mut value = 0_u8;
        while value < *byte {
            value += 1;
            index += 1;
        }
        let (_, tail_table) = table.split_at_mut(index);
        if let [first, ..] = tail_table {
            *first = true;
        }
        rest = tail;
    }
    table
}

fn read_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > CONTENT_LENGTH_DIGITS_MAX {
        return None;
    }
    value.iter().try_fold(0_u64, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
}

#[cfg(test)]
#[path = "strict_tests.rs"]
mod tests;
