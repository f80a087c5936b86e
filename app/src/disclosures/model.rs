//! What a disclosure is: its id, what is sealed of it, and the row it is kept in.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::sealed::Sealed;
use utoipa::ToSchema;
use uuid::Uuid;

use super::tables::disclosure;

use crate::opaque_id::opaque_id;

/// Rows are never changed, so each has its first version for ever.
pub const VERSION: i64 = 1;

opaque_id!(
    /// A disclosure's id in the API. It begins with the time it was written down, so ids are in that order.
    DisclosureId,
    "dis_",
    ordered
);

/// What data were given for (45 CFR 164.512, and what 164.528 does not ask for but a clinic may write down).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisclosurePurpose {
    /// Required by law.
    RequiredByLaw,
    /// Public health authorities.
    PublicHealth,
    /// Abuse, neglect or domestic violence.
    AbuseReport,
    /// Supervision of health care.
    HealthOversight,
    /// A court or administrative tribunal.
    Judicial,
    /// The police or another law enforcement official.
    LawEnforcement,
    /// A coroner, medical examiner or funeral director.
    Decedent,
    /// Donation of organs or tissue.
    OrganDonation,
    /// Research without the patient's own authorisation.
    Research,
    /// A serious threat to health or safety.
    ThreatToSafety,
    /// Functions of government, such as the military.
    Government,
    /// Compensation of workers.
    WorkersCompensation,
    /// The patient agreed to it.
    Authorised,
    /// Treatment somewhere else.
    Treatment,
    /// Payment.
    Payment,
    /// It should not have happened.
    Impermissible,
    /// Anything else; the statement says what.
    Other,
}

impl DisclosurePurpose {
    /// Whether an agency may ask that the patient is not told for a time (45 CFR 164.528(a)(2)).
    #[must_use]
    pub const fn may_be_withheld(self) -> bool {
        matches!(self, DisclosurePurpose::HealthOversight | DisclosurePurpose::LawEnforcement)
    }
}

/// What is sealed of a disclosure. It does not print.
#[derive(Serialize, Deserialize)]
pub struct Content {
    /// Who got the data.
    pub recipient: String,
    /// Where the recipient is.
    pub address: Option<String>,
    /// What for.
    pub purpose: DisclosurePurpose,
    /// Which data.
    pub description: String,
    /// The purpose in a sentence, or where the written request is.
    pub statement: String,
    /// When; the first time, if there were several.
    pub disclosed_on: NaiveDate,
    /// The last time, if there were several.
    pub last_on: Option<NaiveDate>,
    /// How often, if more than once.
    pub times: Option<u32>,
    /// The patient is not told before this day, because an agency asked for it.
    pub withheld_until: Option<NaiveDate>,
    /// Who wrote it down.
    pub recorded_by: Uuid,
    /// When, in microseconds since 1970.
    pub recorded_us: i64,
}

/// A row, as it is written and read.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = disclosure)]
pub struct DisclosureRow {
    /// Id.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// Whose data.
    pub patient_id: Uuid,
    /// Who wrote it down.
    pub recorded_by: Uuid,
    /// When it was written down.
    pub recorded_at: DateTime<Utc>,
    /// The rest, and the two above once more, sealed under the patient's key and bound to this row and patient.
    pub content: Sealed,
}
