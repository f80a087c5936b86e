//! Reasons, verdicts, and the rows of emergency access.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::sealed::{RowFacts, RowMac, Sealed, SealedRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::tables::break_glass;
use crate::opaque_id::opaque_id;
use crate::registry;

/// Longest emergency, in minutes (45 CFR 164.312(a)(2)(ii) asks for a procedure, not for a length).
pub const MINUTES_MAX: i64 = 60;
/// Hours until an emergency that nobody has reviewed is told again.
pub const REVIEW_DUE_H: i64 = 72;
/// Fewest characters of the reason: a sentence, not a full stop.
pub const REASON_MIN_CHARS: usize = 10;
/// Most characters of the reason and of the review's note.
pub const TEXT_MAX_CHARS: usize = 500;
opaque_id!(
    /// An emergency's id in the API.
    BreakGlassId,
    "brk_"
);

/// Why somebody reaches for a patient who is not theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReasonCode {
    /// The patient's life or health is in danger.
    Emergency,
    /// The colleague who treats the patient cannot be reached.
    Covering,
    /// Somebody else's safety is in danger.
    Safety,
}

impl ReasonCode {
    /// The stored name, also in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ReasonCode::Emergency => "emergency",
            ReasonCode::Covering => "covering",
            ReasonCode::Safety => "safety",
        }
    }
}

/// What the review came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was needed.
    Justified,
    /// It was not; an incident is to be opened.
    Violation,
}

impl Verdict {
    /// The stored name, also in the audit log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Justified => "justified",
            Verdict::Violation => "violation",
        }
    }
}

/// An emergency, as it is stored.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = break_glass, treat_none_as_default_value = false)]
pub struct BreakGlassRow {
    /// Id; the tie to the patient has the same.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// The one patient.
    pub patient_id: Uuid,
    /// Who.
    pub account_id: Uuid,
    /// Why, as stored.
    pub reason_code: String,
    /// Why, in words, sealed under the patient's key.
    pub reason_sealed: Sealed,
    /// Since when.
    pub started_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// When it was ended before that.
    pub ended_at: Option<DateTime<Utc>>,
    /// What the review came to, as stored.
    pub verdict: Option<String>,
    /// The reviewer's words, sealed under the patient's key.
    pub note_sealed: Option<Sealed>,
    /// 1, and 2 after the review.
    pub version: i64,
    /// What ties the reason, the verdict and the note together.
    pub row_mac: RowMac,
}

impl SealedRow for BreakGlassRow {
    fn facts(&self) -> RowFacts<'_> {
        let (id, patient) = (self.id.into_bytes(), self.patient_id.into_bytes());
        RowFacts::new(registry::BREAK_GLASS_REASON.table(), id, patient, self.version)
            .sealed(registry::BREAK_GLASS_REASON, Some(&self.reason_sealed))
            .sealed(registry::BREAK_GLASS_NOTE, self.note_sealed.as_ref())
            .bytes(registry::BREAK_GLASS_CODE, Some(self.reason_code.as_bytes()))
            .bytes(registry::BREAK_GLASS_VERDICT, self.verdict.as_deref().map(str::as_bytes))
    }

    fn row_mac(&self) -> &RowMac {
        &self.row_mac
    }
}
