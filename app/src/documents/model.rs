//! What a document is: ids, kinds, states and the rows it is kept in.

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::sealed::{Phi, RowMac, Sealed};
use utoipa::ToSchema;
use uuid::Uuid;

use super::content::MediaType;
use super::tables::{document, document_text, stored_object, stored_part};
use crate::opaque_id::opaque_id;
use crate::patients::model::PatientId;

opaque_id!(
    /// A document's random id, which says nothing about it.
    DocumentId,
    "doc_",
    random
);

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DocumentKind)]
pub enum Kind {
    /// Results of a laboratory.
    LabReport,
    /// A prescription.
    Prescription,
    /// A picture: X-ray, scan, photograph.
    Image,
    /// A letter that refers the patient.
    Referral,
    /// What a hospital wrote at the end of a stay.
    DischargeSummary,
    /// A consent that was signed.
    ConsentForm,
    /// A card or policy of an insurance.
    InsuranceCard,
    /// Anything else.
    Other,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 8] = [
        Kind::LabReport,
        Kind::Prescription,
        Kind::Image,
        Kind::Referral,
        Kind::DischargeSummary,
        Kind::ConsentForm,
        Kind::InsuranceCard,
        Kind::Other,
    ];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::LabReport => "lab_report",
            Kind::Prescription => "prescription",
            Kind::Image => "image",
            Kind::Referral => "referral",
            Kind::DischargeSummary => "discharge_summary",
            Kind::ConsentForm => "consent_form",
            Kind::InsuranceCard => "insurance_card",
            Kind::Other => "other",
        }
    }

    /// The kind with this stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Where a document is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DocumentState)]
pub enum State {
    /// Announced; no byte has come.
    Initiated,
    /// Some parts have come.
    Uploading,
    /// All have come and are being looked at.
    Scanning,
    /// Not accepted; nobody can read it, and its bytes go after a while.
    Quarantined,
    /// Accepted, and the one to use.
    Current,
    /// Accepted, and replaced by another one.
    Superseded,
    /// Taken out of the record; its bytes go at the end of their retention.
    Deleted,
    /// Its bytes are gone.
    Purged,
}

impl State {
    /// Every state.
    pub const ALL: [State; 8] = [
        State::Initiated,
        State::Uploading,
        State::Scanning,
        State::Quarantined,
        State::Current,
        State::Superseded,
        State::Deleted,
        State::Purged,
    ];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Initiated => "initiated",
            State::Uploading => "uploading",
            State::Scanning => "scanning",
            State::Quarantined => "quarantined",
            State::Current => "current",
            State::Superseded => "superseded",
            State::Deleted => "deleted",
            State::Purged => "purged",
        }
    }

    /// The state with this stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether its bytes may be read: only what was found clean.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        matches!(self, State::Current | State::Superseded)
    }

    /// Whether bytes may still come.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, State::Initiated | State::Uploading)
    }
}

/// What a document is called, in clear. It does not print.
pub struct Words {
    /// Title.
    pub title: Phi<String>,
    /// Notes.
    pub notes: Phi<Option<String>>,
    /// The name the file had where it came from; it names nothing here.
    pub file_name: Phi<Option<String>>,
    /// SHA-256 in hexadecimal: the uploader's until the document is accepted, then that of what is kept.
    pub sha256: Phi<Option<String>>,
    /// The day that the document itself bears.
    pub dated_on: Phi<Option<NaiveDate>>,
}

/// A document as the area's functions return it.
pub struct Document {
    /// Id.
    pub id: DocumentId,
    /// The patient it is about.
    pub patient: PatientId,
    /// Counts the changes, from 1.
    pub version: i64,
    /// What it is for.
    pub kind: Kind,
    /// What it is made of.
    pub media_type: MediaType,
    /// Where it is in its life.
    pub state: State,
    /// Why it was not accepted.
    pub refusal: Option<String>,
    /// Bytes.
    pub size_bytes: u64,
    /// The object that holds it.
    pub object: Option<Uuid>,
    /// The document it replaces.
    pub supersedes: Option<DocumentId>,
    /// The document that replaced it.
    pub superseded_by: Option<DocumentId>,
    /// When it was announced.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When its bytes go.
    pub purge_after: Option<DateTime<Utc>>,
    /// What it is called.
    pub words: Words,
}

/// Row of `document`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = document, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]
pub struct DocumentRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub patient_id: Uuid,
    pub version: i64,
    pub kind: String,
    pub media_type: String,
    pub state: String,
    pub refusal: Option<String>,
    pub size_bytes: i64,
    pub object_id: Option<Uuid>,
    pub supersedes: Option<Uuid>,
    pub superseded_by: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub created_by: Uuid,
    pub purge_after: Option<DateTime<Utc>>,
}

/// Row of `document_text`.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = document_text, treat_none_as_null = true, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]
pub struct TextRow {
    pub document_id: Uuid,
    pub tenant_id: Uuid,
    pub title: Sealed,
    pub notes: Option<Sealed>,
    pub file_name: Option<Sealed>,
    pub sha256: Option<Sealed>,
    pub dated_on: Option<Sealed>,
    pub version: i64,
    pub row_mac: RowMac,
}

/// Row of `stored_object`.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = stored_object, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]
pub struct ObjectRow {
    pub id: Uuid,
    pub tenant_id: Uuid,
    pub patient_id: Uuid,
    pub header: Vec<u8>,
    pub size_bytes: i64,
    pub s3_upload: Option<String>,
    pub created_at: DateTime<Utc>,
    pub delete_after: Option<DateTime<Utc>>,
    pub mode: String,
}

impl ObjectRow {
    /// Whether the bytes are encrypted by S3 alone.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.mode == DIRECT
    }
}

/// Stored mode of an object that is sealed under its patient's key.
pub const SEALED: &str = "sealed";
/// Stored mode of an object that S3 alone encrypts.
pub const DIRECT: &str = "direct";

/// Row of `stored_part`.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = stored_part)]
#[expect(missing_docs, reason = "what a column holds is said in migrations/tenant, once")]
pub struct PartRow {
    pub object_id: Uuid,
    pub number: i32,
    pub tenant_id: Uuid,
    pub etag: String,
    pub checksum: String,
}

/// Which fields an audit entry says were shown or changed; bits are never reused.
pub mod field_bits {
    /// Title, notes and file name.
    pub const WORDS: u64 = 1 << 16;
    /// The bytes.
    pub const CONTENT: u64 = 1 << 17;
    /// A part of the bytes.
    pub const CONTENT_RANGE: u64 = 1 << 18;
    /// Title and file name, without the notes.
    pub const NAMES: u64 = 1 << 19;
    /// What it is for and the day it bears.
    pub const FILED: u64 = 1 << 20;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_and_only_clean_documents_are_readable() {
        assert!(Kind::ALL.iter().all(|kind| Kind::parse(kind.as_str()) == Some(*kind)));
        assert!(State::ALL.iter().all(|state| State::parse(state.as_str()) == Some(*state)));
        let readable: Vec<&str> =
            State::ALL.iter().filter(|state| state.is_readable()).map(|state| state.as_str()).collect();
        assert_eq!(readable, ["current", "superseded"]);
        let id = DocumentId::random();
        assert_eq!(DocumentId::parse(&id.to_string()), Some(id));
        assert_eq!(DocumentId::parse(&id.to_string().replace("doc_", "pat_")), None);
    }
}
