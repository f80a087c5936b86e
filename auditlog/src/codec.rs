//! Length-prefixed fields: four bytes of big-endian length, then the bytes; `ff ff ff ff` stands for an absent one.
//!
//! A text made this way can be read in one way only, so that two different events never have the same bytes.

/// The length that stands for an absent field.
const ABSENT: u32 = u32::MAX;
/// Longest field, in bytes.
const FIELD_BYTES_MAX: usize = 1 << 20;

/// Why bytes are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// They end too early, or a length is impossible.
    #[error("the bytes end too early or state an impossible length")]
    Truncated,
    /// Something is left over.
    #[error("bytes are left over at the end")]
    Trailing,
    /// A field that must be there is absent, or has another length or alphabet.
    #[error("a field has not the form it must have")]
    Field,
    /// Another format, or another version of it.
    #[error("another format or version")]
    Label,
    /// More than the format allows.
    #[error("more bytes than the format allows")]
    TooLarge,
}

/// Writes fields.
#[derive(Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn bytes(&mut self, field: &[u8]) -> &mut Self {
        // Longer fields cannot be made: events are bounded long before.
        let length = u32::try_from(field.len()).unwrap_or(ABSENT - 1);
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(field);
        self
    }

    pub(crate) fn optional(&mut self, field: Option<&[u8]>) -> &mut Self {
        match field {
            Some(field) => self.bytes(field),
            None => {
                self.0.extend_from_slice(&ABSENT.to_be_bytes());
                self
            }
        }
    }

    pub(crate) fn number(&mut self, field: u64) -> &mut Self {
        self.bytes(&field.to_be_bytes())
    }

    pub(crate) fn optional_number(&mut self, field: Option<u64>) -> &mut Self {
        let bytes = field.map(u64::to_be_bytes);
        self.optional(bytes.as_ref().map(<[u8; 8]>::as_slice))
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads fields.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn optional(&mut self) -> Result<Option<&'a [u8]>, FormatError> {
        let (length, rest) = self.0.split_first_chunk::<4>().ok_or(FormatError::Truncated)?;
        let length = u32::from_be_bytes(*length);
        if length == ABSENT {
            self.0 = rest;
            return Ok(None);
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= FIELD_BYTES_MAX);
        let length = length.ok_or(FormatError::TooLarge)?;
        let (field, rest) = rest.split_at_checked(length).ok_or(FormatError::Truncated)?;
        self.0 = rest;
        Ok(Some(field))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], FormatError> {
        self.optional()?.ok_or(FormatError::Field)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        self.bytes()?.try_into().map_err(|_length| FormatError::Field)
    }

    pub(crate) fn optional_array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, FormatError> {
        self.optional()?.map(|field| field.try_into().map_err(|_length| FormatError::Field)).transpose()
    }

    pub(crate) fn number(&mut self) -> Result<u64, FormatError> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn optional_number(&mut self) -> Result<Option<u64>, FormatError> {
        Ok(self.optional_array()?.map(u64::from_be_bytes))
    }

    pub(crate) fn text(&mut self) -> Result<String, FormatError> {
        text(self.bytes()?)
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, FormatError> {
        self.optional()?.map(text).transpose()
    }

    pub(crate) fn label(&mut self, label: &str) -> Result<(), FormatError> {
        if self.bytes()? == label.as_bytes() { Ok(()) } else { Err(FormatError::Label) }
    }

    pub(crate) fn finish(self) -> Result<(), FormatError> {
        if self.0.is_empty() { Ok(()) } else { Err(FormatError::Trailing) }
    }
}

fn text(bytes: &[u8]) -> Result<String, FormatError> {
    String::from_utf8(bytes.to_vec()).map_err(|_invalid| FormatError::Field)
}
