//! What of a patient's record each role is shown, and the answers' types. `tests/ratchets/fields-by-role.txt` is what a
//! server sends to each role.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::contact::{Address, Email, Phone};
use super::identifier::Identifier;
use super::model::{Patient, PatientBrief, Sex, field_bits as bits};
use super::names::HumanName;
use crate::access::{ProxyScope, Role};
use crate::relationships::model::{Standing, Tie};

/// The fields a role is shown, as [`bits`]: what its work needs and no more (45 CFR 164.502(b)).
#[must_use]
pub const fn shown(role: Role) -> u64 {
    match role {
        Role::Physician | Role::Nurse | Role::Receptionist | Role::Patient => bits::RECORD,
        // Stands in for the patient; the numbers of the patient's papers are not needed for that.
        Role::Proxy => bits::RECORD & !bits::IDENTIFIERS,
        // A specimen is told apart by its number; what a result means depends on age and sex.
        Role::LabTechnician => bits::AGE | bits::SEX,
        // What an invoice or a claim carries.
        Role::Billing => bits::NAMES | bits::BIRTH_DATE | bits::MRN | bits::ADDRESSES,
        // To tell whose request it is, and to answer it.
        Role::PrivacyOfficer => {
            bits::NAMES | bits::BIRTH_DATE | bits::MRN | bits::PHONES | bits::EMAILS | bits::ADDRESSES
        }
        Role::MachineClient => bits::NAMES | bits::BIRTH_DATE | bits::SEX | bits::MRN,
        Role::ClinicAdmin => 0,
    }
}

/// Whether a role may ask for identifiers in full.
#[must_use]
pub const fn may_unmask(role: Role) -> bool {
    match role {
        Role::Physician | Role::Nurse => true,
        Role::ClinicAdmin
        | Role::Receptionist
        | Role::LabTechnician
        | Role::Billing
        | Role::PrivacyOfficer
        | Role::Patient
        | Role::Proxy
        | Role::MachineClient => false,
    }
}

/// How identifiers are shown.
#[derive(Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Only their ends.
    #[default]
    Masked,
    /// Whole.
    Full,
}

/// A patient's record, as far as the caller's role is shown it.
#[derive(Serialize, ToSchema)]
pub struct PatientView<'a> {
    /// Opaque id.
    id: String,
    /// Counts the changes; the ETag is made of it.
    version: i64,
    /// When it was registered.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
    /// Names.
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<&'a [HumanName]>,
    /// Birth date.
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_date: Option<NaiveDate>,
    /// Completed years of age, for those who are not shown the birth date.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_years: Option<i32>,
    /// Administrative sex.
    #[serde(skip_serializing_if = "Option::is_none")]
    sex: Option<Sex>,
    /// Phones in E.164.
    #[serde(skip_serializing_if = "Option::is_none")]
    phones: Option<&'a [Phone]>,
    /// E-mail addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    emails: Option<&'a [Email]>,
    /// Postal addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    addresses: Option<&'a [Address]>,
    /// Medical record number; null when the patient has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    mrn: Option<Option<&'a str>>,
    /// Identifiers, masked unless asked for in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    identifiers: Option<Vec<Identifier>>,
}

/// A patient in a list, as far as the caller's role is shown it.
#[derive(Serialize, ToSchema)]
pub struct BriefView<'a> {
    /// Opaque id.
    id: String,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Birth date.
    #[serde(skip_serializing_if = "Option::is_none")]
    birth_date: Option<NaiveDate>,
    /// Medical record number; null when the patient has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    mrn: Option<Option<&'a str>>,
    /// Identifiers, masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    identifiers: Option<&'a [Identifier]>,
    /// How a patient, or somebody who stands in, is tied to the patient; absent for everybody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    standing: Option<StandingView>,
}

/// How somebody looks at a record that is no work.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = StandingTie)]
enum OwnTie {
    /// It is the own one.
    Subject,
    /// It is that of somebody for whom they stand in.
    Proxy,
}

/// How the caller stands to a patient.
#[derive(Serialize, ToSchema)]
#[schema(as = Standing)]
pub struct StandingView {
    /// Whose record it is.
    tie: OwnTie,
    /// What of the record the caller was given.
    scope: Vec<ProxyScope>,
    /// Until when; null until it is ended.
    until: Option<DateTime<Utc>>,
}

impl From<&Standing> for StandingView {
    fn from(standing: &Standing) -> StandingView {
        let tie = if standing.tie == Tie::Proxy { OwnTie::Proxy } else { OwnTie::Subject };
        StandingView { tie, scope: standing.scope.clone(), until: standing.until }
    }
}

/// A page of patients.
#[derive(Serialize, ToSchema)]
pub struct PatientPage<'a> {
    /// The patients.
    pub items: Vec<BriefView<'a>>,
    /// Continues the list; absent at its end.
    pub next_cursor: Option<String>,
}

/// What a search found.
#[derive(Serialize, ToSchema)]
pub struct SearchResult<'a> {
    /// The patients.
    pub items: Vec<BriefView<'a>>,
    /// Whether there are more than were asked for.
    pub more: bool,
}

impl<'a> PatientView<'a> {
    /// The fields `fields` of a patient at this time.
    #[must_use]
    pub fn of(patient: &'a Patient, fields: u64, now: DateTime<Utc>) -> PatientView<'a> {
        let person = &patient.person;
        let has = |bit: u64| fields & bit != 0;
        let identifiers = person.identifiers.expose().iter();
        PatientView {
            id: patient.id.to_string(),
            version: patient.version,
            created_at: patient.created_at,
            updated_at: patient.updated_at,
            names: has(bits::NAMES).then(|| person.names.expose().as_slice()),
            birth_date: has(bits::BIRTH_DATE).then(|| *person.birth_date.expose()),
            age_years: has(bits::AGE).then(|| age_years(*person.birth_date.expose(), now.date_naive())),
            sex: has(bits::SEX).then(|| *person.sex.expose()),
            phones: has(bits::PHONES).then(|| person.phones.expose().as_slice()),
            emails: has(bits::EMAILS).then(|| person.emails.expose().as_slice()),
            addresses: has(bits::ADDRESSES).then(|| person.addresses.expose().as_slice()),
            mrn: has(bits::MRN).then(|| person.mrn.expose().as_deref()),
            identifiers: has(bits::IDENTIFIERS).then(|| match has(bits::IDENTIFIERS_FULL) {
                true => identifiers.cloned().collect(),
                false => identifiers.map(Identifier::masked).collect(),
            }),
        }
    }
}

impl<'a> BriefView<'a> {
    /// The fields `fields` of a patient, and how the caller stands to that one where it is no work.
    #[must_use]
    pub fn of(patient: &'a PatientBrief, fields: u64, standing: Option<&Standing>) -> BriefView<'a> {
        let has = |bit: u64| fields & bit != 0;
        BriefView {
            id: patient.id.to_string(),
            name: has(bits::NAMES).then(|| patient.name.expose().as_str()),
            birth_date: has(bits::BIRTH_DATE).then(|| *patient.birth_date.expose()),
            mrn: has(bits::MRN).then(|| patient.mrn.expose().as_deref()),
            identifiers: has(bits::IDENTIFIERS).then(|| patient.identifiers.expose().as_slice()),
            standing: standing.map(StandingView::from),
        }
    }
}

/// Completed years between two dates; somebody born on 29 February is a year older on 1 March of other years.
fn age_years(born: NaiveDate, today: NaiveDate) -> i32 {
    let had_birthday = (today.month(), today.day()) >= (born.month(), born.day());
    today.year() - born.year() - i32::from(!had_birthday)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_completed_years() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (born, today, age) in [
            ("1990-02-28", "2026-02-27", 35),
            ("1990-02-28", "2026-02-28", 36),
            ("2000-02-29", "2026-02-28", 25),
            ("2000-02-29", "2026-03-01", 26),
            ("2026-01-01", "2026-01-01", 0),
        ] {
            assert_eq!(age_years(date(born), date(today)), age, "{born} on {today}");
        }
    }

    #[test]
    fn what_is_unmasked_is_shown_at_all_and_the_administrator_is_shown_nothing() {
        for role in Role::ALL {
            assert!(!may_unmask(role) || shown(role) & bits::IDENTIFIERS != 0, "{}", role.as_str());
            assert!(crate::access::may(role, crate::access::Action::PatientRead) == (shown(role) != 0));
        }
    }
}
