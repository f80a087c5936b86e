//! What a patient is: ids, the sealed record and the rows it is kept in.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::sealed::{Phi, RowFacts, RowMac, Sealed, SealedRow};
use utoipa::ToSchema;
use uuid::Uuid;

use super::contact::{Address, Email, Phone};
use super::identifier::Identifier;
use super::names::HumanName;
use super::tables::{patient, person, person_tag};
use crate::opaque_id::opaque_id;
use crate::registry;

opaque_id!(
    /// A patient's random id, which says nothing about the person.
    PatientId,
    "pat_",
    random
);

/// Administrative sex.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
    /// Neither, or recorded as a third one.
    Other,
    /// Not known.
    Unknown,
}

/// Who a patient is, checked and in normal form. It does not print.
pub struct Demographics {
    /// One to five names.
    pub names: Phi<Vec<HumanName>>,
    /// Birth date.
    pub birth_date: Phi<NaiveDate>,
    /// Administrative sex.
    pub sex: Phi<Sex>,
    /// Phones in E.164.
    pub phones: Phi<Vec<Phone>>,
    /// E-mail addresses.
    pub emails: Phi<Vec<Email>>,
    /// Postal addresses.
    pub addresses: Phi<Vec<Address>>,
    /// Medical record number.
    pub mrn: Phi<Option<String>>,
    /// Identifiers of the clinic's jurisdiction.
    pub identifiers: Phi<Vec<Identifier>>,
}

/// A patient as the area's functions return it.
pub struct Patient {
    /// Id.
    pub id: PatientId,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// Who it is.
    pub person: Demographics,
    /// MAC of the stored row, for the audit entry; absent until the row is sealed.
    pub row_mac: Option<RowMac>,
}

/// A patient in a list: just enough to tell one from another.
pub struct PatientBrief {
    /// Id.
    pub id: PatientId,
    /// The name to show.
    pub name: Phi<String>,
    /// Birth date.
    pub birth_date: Phi<NaiveDate>,
    /// Medical record number.
    pub mrn: Phi<Option<String>>,
    /// Identifiers, masked.
    pub identifiers: Phi<Vec<Identifier>>,
}

/// Row of `patient`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = patient)]
pub struct PatientRow {
    /// Id.
    pub id: Uuid,
    /// Counts the changes.
    pub version: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Row of `person`, as it is read and written.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = person)]
// An absent value is written as null, so that the text of the insert is always the same and stays prepared.
#[diesel(treat_none_as_null = true, treat_none_as_default_value = false)]
pub struct PersonRow {
    /// The patient.
    pub patient_id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// Sealed names.
    pub names: Sealed,
    /// Sealed birth date.
    pub birth_date: Sealed,
    /// Sealed sex.
    pub sex: Sealed,
    /// Sealed phones.
    pub phones: Option<Sealed>,
    /// Sealed e-mail addresses.
    pub emails: Option<Sealed>,
    /// Sealed postal addresses.
    pub addresses: Option<Sealed>,
    /// Sealed MRN.
    pub mrn: Option<Sealed>,
    /// Sealed identifiers.
    pub identifiers: Option<Sealed>,
    /// The patient's version this row belongs to.
    pub version: i64,
    /// Digest of the tags this patient is found by.
    pub tags_digest: Vec<u8>,
    /// What ties all of the above together.
    pub row_mac: RowMac,
}

impl SealedRow for PersonRow {
    fn facts(&self) -> RowFacts<'_> {
        let id = self.patient_id.into_bytes();
        RowFacts::new(registry::PERSON_NAMES.table(), id, id, self.version)
            .sealed(registry::PERSON_NAMES, Some(&self.names))
            .sealed(registry::PERSON_BIRTH_DATE, Some(&self.birth_date))
            .sealed(registry::PERSON_SEX, Some(&self.sex))
            .sealed(registry::PERSON_PHONES, self.phones.as_ref())
            .sealed(registry::PERSON_EMAILS, self.emails.as_ref())
            .sealed(registry::PERSON_ADDRESSES, self.addresses.as_ref())
            .sealed(registry::PERSON_MRN, self.mrn.as_ref())
            .sealed(registry::PERSON_IDENTIFIERS, self.identifiers.as_ref())
            .bytes(registry::PERSON_TAGS, Some(&self.tags_digest))
    }

    fn row_mac(&self) -> &RowMac {
        &self.row_mac
    }
}

/// Row of `person_tag`.
#[derive(Insertable)]
#[diesel(table_name = person_tag)]
pub struct TagRow {
    /// The patient.
    pub patient_id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// Which index.
    pub index_id: i32,
    /// The keyed tag.
    pub tag: Vec<u8>,
}

/// Which fields an audit entry says were shown or changed; bits are never reused.
pub mod field_bits {
    /// Names.
    pub const NAMES: u64 = 1;
    /// Birth date.
    pub const BIRTH_DATE: u64 = 1 << 1;
    /// Sex.
    pub const SEX: u64 = 1 << 2;
    /// Phones.
    pub const PHONES: u64 = 1 << 3;
    /// E-mail addresses.
    pub const EMAILS: u64 = 1 << 4;
    /// Postal addresses.
    pub const ADDRESSES: u64 = 1 << 5;
    /// MRN.
    pub const MRN: u64 = 1 << 6;
    /// Identifiers, masked or not.
    pub const IDENTIFIERS: u64 = 1 << 7;
    /// Identifiers in full.
    pub const IDENTIFIERS_FULL: u64 = 1 << 8;
    /// Who treats the patient.
    pub const CARE_TEAM: u64 = 1 << 9;
    /// Age in years, in place of the birth date.
    pub const AGE: u64 = 1 << 10;
    /// Ways to reach the patient.
    pub const CONTACT: u64 = PHONES | EMAILS | ADDRESSES;
    /// Everything a record holds, identifiers masked.
    pub const RECORD: u64 = NAMES | BIRTH_DATE | SEX | PHONES | EMAILS | ADDRESSES | MRN | IDENTIFIERS;
    /// What a list shows.
    pub const BRIEF: u64 = NAMES | BIRTH_DATE | MRN | IDENTIFIERS;
}
