//! One audit event as bytes: ids, words of ours, numbers and ciphertext, never a patient's data in clear.

use aws_lc_rs::digest::{Context, SHA256};

use crate::codec::{FormatError, Reader, Writer};
use crate::tree::Hash;

/// Largest event, in bytes; a longer list of shown ids goes into several events.
pub const EVENT_BYTES_MAX: usize = 8_192;
/// The first field of an event; the number grows when a field is added.
const LABEL: &str = "domicile-audit-event-1";
/// Most tables one event names.
const TOUCHED_MAX: usize = 16;

/// One audit event. What a subject could be read from is ciphertext, so erasing the subject's key never changes a hash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its id.
    pub event_id: [u8; 16],
    /// The clinic.
    pub tenant: [u8; 16],
    /// The region it happened in.
    pub region: String,
    /// When, by the clock of the process that did it, in microseconds since 1970.
    pub occurred_us: i64,
    /// The process that committed it; its tallies count it.
    pub instance: [u8; 16],
    /// The process's counting period it belongs to.
    pub period: u64,
    /// `staff`, `patient`, `proxy`, `client`, `platform`, `system` or `anonymous`.
    pub actor_kind: String,
    /// The actor; zeros when nobody was signed in.
    pub actor: [u8; 16],
    /// The session.
    pub session: Option<[u8; 16]>,
    /// The request.
    pub request: Option<[u8; 16]>,
    /// The client's address, sealed.
    pub client_ip_sealed: Option<Vec<u8>>,
    /// What was done, such as `patient.read`.
    pub action: String,
    /// What kind of thing it was done to.
    pub resource_kind: String,
    /// Which one.
    pub resource: Option<[u8; 16]>,
    /// Whose data it is.
    pub subject: Option<[u8; 16]>,
    /// Why.
    pub purpose: String,
    /// `allow`, `deny` or `error`.
    pub outcome: String,
    /// A reason code.
    pub reason: Option<String>,
    /// Which fields were shown or changed, as bits.
    pub fields: u64,
    /// The row's version after a change, or as it was read.
    pub row_version: Option<i64>,
    /// The row's MAC at that version.
    pub row_mac: Option<Vec<u8>>,
    /// How many rows a list returned.
    pub result_count: Option<i32>,
    /// The patient-data tables that were changed.
    pub touched: Vec<String>,
    /// What else must be known, such as the ids a list showed, sealed.
    pub detail_sealed: Option<Vec<u8>>,
}

impl Event {
    /// The event's bytes. Equal events have equal bytes and different ones different bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut touched = Writer::default();
        for table in &self.touched {
            touched.bytes(table.as_bytes());
        }
        let mut out = Writer::default();
        out.bytes(LABEL.as_bytes())
            .bytes(&self.event_id)
            .bytes(&self.tenant)
            .bytes(self.region.as_bytes())
            .number(self.occurred_us.cast_unsigned())
            .bytes(&self.instance)
            .number(self.period)
            .bytes(self.actor_kind.as_bytes())
            .bytes(&self.actor)
            .optional(self.session.as_ref().map(<[u8; 16]>::as_slice))
            .optional(self.request.as_ref().map(<[u8; 16]>::as_slice))
            .optional(self.client_ip_sealed.as_deref())
            .bytes(self.action.as_bytes())
            .bytes(self.resource_kind.as_bytes())
            .optional(self.resource.as_ref().map(<[u8; 16]>::as_slice))
            .optional(self.subject.as_ref().map(<[u8; 16]>::as_slice))
            .bytes(self.purpose.as_bytes())
            .bytes(self.outcome.as_bytes())
            .optional(self.reason.as_deref().map(str::as_bytes))
            .number(self.fields)
            .optional_number(self.row_version.map(i64::cast_unsigned))
            .optional(self.row_mac.as_deref())
            .optional_number(self.result_count.map(|count| u64::try_from(count).unwrap_or_default()))
            .bytes(&touched.finish())
            .optional(self.detail_sealed.as_deref());
        out.finish()
    }

    /// Reads an event's bytes.
    ///
    /// # Errors
    /// [`FormatError`] if they are not exactly what [`encode`](Self::encode) makes.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        if bytes.len() > EVENT_BYTES_MAX {
            return Err(FormatError::TooLarge);
        }
        let mut fields = Reader::new(bytes);
        fields.label(LABEL)?;
        let event = Self {
            event_id: fields.array()?,
            tenant: fields.array()?,
            region: fields.text()?,
            occurred_us: fields.number()?.cast_signed(),
            instance: fields.array()?,
            period: fields.number()?,
            actor_kind: fields.text()?,
            actor: fields.array()?,
            session: fields.optional_array()?,
            request: fields.optional_array()?,
            client_ip_sealed: fields.optional()?.map(<[u8]>::to_vec),
            action: fields.text()?,
            resource_kind: fields.text()?,
            resource: fields.optional_array()?,
            subject: fields.optional_array()?,
            purpose: fields.text()?,
            outcome: fields.text()?,
            reason: fields.optional_text()?,
            fields: fields.number()?,
            row_version: fields.optional_number()?.map(u64::cast_signed),
            row_mac: fields.optional()?.map(<[u8]>::to_vec),
            result_count: match fields.optional_number()? {
                Some(count) => Some(i32::try_from(count).map_err(|_large| FormatError::Field)?),
                None => None,
            },
            touched: touched(fields.bytes()?)?,
            detail_sealed: fields.optional()?.map(<[u8]>::to_vec),
        };
        fields.finish()?;
        Ok(event)
    }
}

fn touched(bytes: &[u8]) -> Result<Vec<String>, FormatError> {
    let (mut reader, mut tables) = (Reader::new(bytes), Vec::new());
    let mut used = 0;
    while used < bytes.len() {
        if tables.len() == TOUCHED_MAX {
            return Err(FormatError::TooLarge);
        }
        let table = reader.text()?;
        used += 4 + table.len();
        tables.push(table);
    }
    reader.finish()?;
    Ok(tables)
}

/// What the event's row keeps: SHA-256 of a zero byte and the event's bytes.
#[must_use]
pub fn event_hash(event: &[u8]) -> Hash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(event);
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}
