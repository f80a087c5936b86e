//! The words and values of PDF (ISO 32000-1, 7.2 and 7.3). Total: any bytes give a value or a refusal, in bounded depth.

use super::super::Refusal;
use super::{OBJECTS_MAX, Value};

/// Deepest nesting of arrays and dictionaries.
const DEPTH_MAX: usize = 64;
/// Longest comment, in bytes; a file that hides another one in a comment needs more.
const COMMENT_BYTES_MAX: usize = 1_024;
/// Most values of one file.
const VALUES_MAX: usize = 20 * OBJECTS_MAX;

#[derive(Clone)]
pub(super) struct Lexer<'a> {
    pub(super) data: &'a [u8],
    pub(super) at: usize,
    values: usize,
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

pub(super) fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !is_delimiter(byte)
}

impl<'a> Lexer<'a> {
    pub(super) fn new(data: &'a [u8]) -> Lexer<'a> {
        Lexer { data, at: 0, values: 0 }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.data.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    /// Goes past spaces and comments.
    pub(super) fn skip(&mut self) -> Result<(), Refusal> {
        loop {
            match self.peek() {
                Some(byte) if is_space(byte) => self.at += 1,
                Some(b'%') => {
                    let comment = self.rest();
                    let length = comment.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    let length = length.unwrap_or(comment.len());
                    if length > COMMENT_BYTES_MAX {
                        return Err(Refusal::Polyglot);
                    }
                    self.at += length;
                }
                _ => return Ok(()),
            }
        }
    }

    /// Takes a word if it is the next one.
    pub(super) fn word(&mut self, word: &[u8]) -> Result<bool, Refusal> {
        self.skip()?;
        let Some(after) = self.rest().strip_prefix(word) else { return Ok(false) };
        if after.first().is_some_and(|byte| is_regular(*byte)) {
            return Ok(false);
        }
        self.at += word.len();
        Ok(true)
    }

    /// Takes an unsigned whole number if it is the next word.
    pub(super) fn integer(&mut self) -> Result<Option<u32>, Refusal> {
        self.skip()?;
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, after) = self.rest().split_at(digits);
        if digits.is_empty() || after.first().is_some_and(|byte| is_regular(*byte)) {
            return Ok(None);
        }
        let Some(number) = std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()) else {
            return Ok(None);
        };
        self.at += digits.len();
        Ok(Some(number))
    }

    pub(super) fn value(&mut self) -> Result<Value<'a>, Refusal> {
        self.value_in(DEPTH_MAX)
    }

    fn value_in(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.values += 1;
        let depth = depth.checked_sub(1).filter(|_| self.values <= VALUES_MAX).ok_or(Refusal::Malformed)?;
        self.skip()?;
        let rest = self.rest();
        match (rest.first().copied(), rest.get(1).copied()) {
            (Some(b'<'), Some(b'<')) => self.dict(depth),
            (Some(b'<'), _) => self.hex_string(),
            (Some(b'('), _) => self.literal_string(),
            (Some(b'['), _) => self.array(depth),
            (Some(b'/'), _) => self.name().map(Value::Name),
            (Some(byte), _) if is_regular(byte) => self.number_or_reference(),
            _ => Err(Refusal::Malformed),
        }
    }

    fn dict(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.at += 2;
        let mut pairs = Vec::new();
        loop {
            self.skip()?;
            if self.rest().starts_with(b">>") {
                self.at += 2;
                return Ok(Value::Dict(pairs));
            }
            let key = self.name()?;
            pairs.push((key, self.value_in(depth)?));
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, Refusal> {
        self.at += 1;
        let mut values = Vec::new();
        loop {
            self.skip()?;
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(Value::Array(values));
            }
            values.push(self.value_in(depth)?);
        }
    }

    fn name(&mut self) -> Result<Vec<u8>, Refusal> {
        let written = self.rest().strip_prefix(b"/").ok_or(Refusal::Malformed)?;
        let length = written.iter().take_while(|byte| is_regular(**byte)).count();
        self.at += 1 + length;
        let mut written = written.iter().take(length).copied();
        let mut name = Vec::with_capacity(length);
        while let Some(byte) = written.next() {
            if byte != b'#' {
                name.push(byte);
                continue;
            }
            let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
            let (high, low) = (digit(written.next()), digit(written.next()));
            let byte = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
            name.push(byte.ok_or(Refusal::Malformed)?);
        }
        Ok(name)
    }

    fn hex_string(&mut self) -> Result<Value<'a>, Refusal> {
        let rest = self.rest();
        let end = rest.iter().position(|byte| *byte == b'>').ok_or(Refusal::Malformed)?;
        let whole = rest.get(..=end).ok_or(Refusal::Malformed)?;
        let digits = whole.get(1..end).unwrap_or_default();
        if !digits.iter().all(|byte| byte.is_ascii_hexdigit() || is_space(*byte)) {
            return Err(Refusal::Malformed);
        }
        self.at += whole.len();
        Ok(Value::Plain(whole))
    }

    fn literal_string(&mut self) -> Result<Value<'a>, Refusal> {
        let rest = self.rest();
        let (mut open, mut escaped) = (0_usize, false);
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'(' => open += 1,
                b')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                let whole = rest.get(..=at).ok_or(Refusal::Malformed)?;
                self.at += whole.len();
                return Ok(Value::Plain(whole));
            }
        }
        Err(Refusal::Malformed)
    }

    fn number_or_reference(&mut self) -> Result<Value<'a>, Refusal> {
        let mut ahead = self.clone();
        if let Some(number) = ahead.integer()?
            && ahead.integer()?.is_some()
            && ahead.word(b"R")?
        {
            self.at = ahead.at;
            return Ok(Value::Reference(number));
        }
        let length = self.rest().iter().take_while(|byte| is_regular(**byte)).count();
        let word = self.rest().get(..length).unwrap_or_default();
        let number = word.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.'));
        if !number && !matches!(word, b"true" | b"false" | b"null") {
            return Err(Refusal::Malformed);
        }
        self.at += length;
        Ok(Value::Plain(word))
    }
}
