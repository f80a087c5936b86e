//! What a request to correct the record is: its id, what is sealed of it, and the rows it is kept in.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::sealed::{RowFacts, RowMac, Sealed, SealedRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::tables::correction;
use crate::opaque_id::opaque_id;
use crate::registry;

/// The stored state of a request that waits for its answer.
pub const OPEN: &str = "open";

opaque_id!(
    /// A request's id in the API. It begins with the time it was made, so ids are in that order.
    CorrectionId,
    "cor_",
    ordered
);

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
