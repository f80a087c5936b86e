//! What a request to correct the record is: its id, what is sealed of it, and the rows it is kept in.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::sealed::{RowFacts, RowMac, Sealed, SealedRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::tables::correction;
use crate::registry;

/// Prefix of a request's id in the API.
const ID_PREFIX: &str = "cor_";
/// The stored state of a request that waits for its answer.
pub const OPEN: &str = "open";

/// A request's id in the API. It begins with the time it was made, so ids are in that order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorrectionId(Uuid);

impl CorrectionId {
    /// A new id of this moment (RFC 9562 version 7).
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> CorrectionId {
        let ms = u64::try_from(now.timestamp_millis()).unwrap_or_default();
        CorrectionId(uuid::Builder::from_unix_timestamp_millis(ms, &regions::random::bytes()).into_uuid())
    }

    /// The id in its API form; anything else is nothing's id.
    #[must_use]
    pub fn parse(text: &str) -> Option<CorrectionId> {
        let bytes = text.strip_prefix(ID_PREFIX).and_then(regions::text::decode_id)?;
        Some(CorrectionId(Uuid::from_bytes(bytes)))
    }

    /// The id as PostgreSQL sees it.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// The id's bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

impl From<Uuid> for CorrectionId {
    fn from(id: Uuid) -> CorrectionId {
        CorrectionId(id)
    }
}

impl fmt::Display for CorrectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ID_PREFIX}{}", regions::text::encode_id(self.0.as_bytes()))
    }
}

/// What the clinic decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CorrectionVerdict)]
pub enum Verdict {
    /// The record is corrected.
    Accepted,
    /// The record stays as it is; the reason says why.
    Denied,
}

impl Verdict {
    /// The stored name, also in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Accepted => "accepted",
            Verdict::Denied => "denied",
        }
    }
}

/// Where a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = CorrectionState)]
pub enum State {
    /// It waits for its answer.
    Open,
    /// The record is corrected.
    Accepted,
    /// The record stays as it is.
    Denied,
}

/// What is sealed of a request. It does not print.
#[derive(Serialize, Deserialize)]
pub struct Request {
    /// What is wrong.
    pub what: String,
    /// What it should be.
    pub wish: String,
    /// The day by which the clinic must have answered.
    pub due_on: NaiveDate,
    /// The account that asked.
    pub asked_by: Uuid,
    /// When, in microseconds since 1970.
    pub asked_us: i64,
}

/// What is sealed of an answer. It does not print.
#[derive(Serialize, Deserialize)]
pub struct Answer {
    /// What was decided.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// The account that answered.
    pub answered_by: Uuid,
    /// When, in microseconds since 1970.
    pub answered_us: i64,
}

/// A row, as it is written and read. What is in clear is sealed once more, so that a row that was altered is noticed.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = correction, treat_none_as_default_value = false)]
pub struct CorrectionRow {
    /// Id.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// Whose record.
    pub patient_id: Uuid,
    /// Whether it is open, or what was decided, as stored.
    pub state: String,
    /// [`Request`], sealed under the patient's key.
    pub request_sealed: Sealed,
    /// When it was made.
    pub asked_at: DateTime<Utc>,
    /// [`Answer`], sealed under the patient's key.
    pub answer_sealed: Option<Sealed>,
    /// When it was answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// 1, and 2 once it was answered.
    pub version: i64,
    /// What ties request, answer and state together.
    pub row_mac: RowMac,
}

impl SealedRow for CorrectionRow {
    fn facts(&self) -> RowFacts<'_> {
        let (id, patient) = (self.id.into_bytes(), self.patient_id.into_bytes());
        RowFacts::new(registry::CORRECTION_REQUEST.table(), id, patient, self.version)
            .sealed(registry::CORRECTION_REQUEST, Some(&self.request_sealed))
            .sealed(registry::CORRECTION_ANSWER, self.answer_sealed.as_ref())
            .bytes(registry::CORRECTION_STATE, Some(self.state.as_bytes()))
    }

    fn row_mac(&self) -> &RowMac {
        &self.row_mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_text_form_and_says_its_order() {
        let at = |ms| CorrectionId::new(DateTime::from_timestamp_millis(ms).unwrap());
        let id = at(1_800_000_000_000);
        assert_eq!(CorrectionId::parse(&id.to_string()), Some(id));
        assert_eq!(CorrectionId::parse(&id.to_string().replace("cor_", "dis_")), None);
        assert!(id.uuid() < at(1_800_000_000_001).uuid());
    }
}
