//! One entry of the log: an event in its clinic's chain, the sealer's own mark, or the beginning of a year.

use crate::codec::{FormatError, Reader, Writer};
use crate::event::EVENT_BYTES_MAX;
use crate::tree::Hash;

/// The first field of an entry.
const LABEL: &str = "domicile-audit-entry-1";
/// Largest entry, in bytes; a bundle gives it a length of two bytes.
const ENTRY_BYTES_MAX: usize = EVENT_BYTES_MAX + 512;

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'a> {
    /// The first entry of a year's log: where the log before it ended. Size 0 and no origin for the very first.
    Epoch {
        /// The origin line of the log before.
        origin: &'a str,
        /// Its last size.
        size: u64,
        /// The root at that size.
        root: Hash,
    },
    /// An event, and its place in its clinic's chain.
    Event {
        /// The clinic.
        tenant: [u8; 16],
        /// Its number in the clinic's chain, from 1 and without a gap.
        tenant_seq: u64,
        /// The leaf hash of the clinic's entry before; zeros for the first.
        tenant_prev: Hash,
        /// The event's bytes.
        event: &'a [u8],
    },
    /// The sealer's mark behind each batch, at least once a minute: that it was alive, when, and what it had sealed.
    Seal {
        /// When, in milliseconds since 1970.
        time_ms: u64,
        /// The sealer's term of office; it only grows.
        fence: u64,
        /// Events since the mark before.
        events: u64,
    },
    /// What came of comparing a process's own count of what it committed with what the log has.
    Tally {
        /// The process.
        instance: [u8; 16],
        /// Its counting period.
        period: u64,
        /// Events the process says it committed.
        stated: u64,
        /// Events the log has.
        found: u64,
        /// `match`, or `mismatch`: events were removed, altered or added between commit and seal.
        verdict: &'a str,
    },
}

impl<'a> Entry<'a> {
    /// The entry's bytes, of which the tree's leaf is the hash.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.bytes(LABEL.as_bytes());
        match self {
            Self::Epoch { origin, size, root } => {
                out.bytes(b"epoch").bytes(origin.as_bytes()).number(*size).bytes(root);
            }
            Self::Event { tenant, tenant_seq, tenant_prev, event } => {
                out.bytes(b"event").bytes(tenant).number(*tenant_seq).bytes(tenant_prev).bytes(event);
            }
            Self::Seal { time_ms, fence, events } => {
                out.bytes(b"seal").number(*time_ms).number(*fence).number(*events);
            }
            Self::Tally { instance, period, stated, found, verdict } => {
                out.bytes(b"tally").bytes(instance).number(*period).number(*stated).number(*found);
                out.bytes(verdict.as_bytes());
            }
        }
        out.finish()
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// [`FormatError`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, FormatError> {
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(FormatError::TooLarge);
        }
        let mut fields = Reader::new(bytes);
        fields.label(LABEL)?;
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_invalid| FormatError::Field);
        let entry = match fields.bytes()? {
            b"epoch" => {
                Self::Epoch { origin: text(fields.bytes()?)?, size: fields.number()?, root: fields.array()? }
            }
            b"event" => Self::Event {
                tenant: fields.array()?,
                tenant_seq: fields.number()?,
                tenant_prev: fields.array()?,
                event: fields.bytes()?,
            },
            b"seal" => {
                Self::Seal { time_ms: fields.number()?, fence: fields.number()?, events: fields.number()? }
            }
            b"tally" => Self::Tally {
                instance: fields.array()?,
                period: fields.number()?,
                stated: fields.number()?,
                found: fields.number()?,
                verdict: text(fields.bytes()?)?,
            },
            _ => return Err(FormatError::Label),
        };
        fields.finish()?;
        Ok(entry)
    }
}
