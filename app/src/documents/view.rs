//! What of a document each caller is shown, and the answers' types.

use actix_web::HttpResponse;
use actix_web::http::header;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use tenancy::objects::{Extent, PART_BYTES};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::content::MediaType;
use super::model::{Document, DocumentId, Kind, State};
use super::rules::Sight;
use crate::error::AppError;
use crate::patients::api::{etag, to_json};

/// How the bytes of an announced document are to be sent.
#[derive(Serialize, ToSchema)]
pub struct UploadView {
    /// Bytes of every part but the last.
    part_bytes: u64,
    /// Number of parts.
    parts: u16,
    /// Numbers of the parts that have come.
    received: Vec<u16>,
    /// When what has come is removed.
    expires_at: Option<DateTime<Utc>>,
}

/// A document.
#[derive(Serialize, ToSchema)]
pub struct DocumentView<'a> {
    /// Opaque id.
    id: String,
    /// The patient.
    patient: String,
    /// Counts the changes; the ETag is made of it.
    version: i64,
    /// What it is for.
    kind: Kind,
    /// What it is made of.
    media_type: MediaType,
    /// Where it is in its life.
    state: State,
    /// Why it was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    /// Bytes.
    size_bytes: u64,
    /// Title.
    title: &'a str,
    /// Notes.
    notes: Option<&'a str>,
    /// The name the file had.
    file_name: Option<&'a str>,
    /// SHA-256 of the bytes in hexadecimal.
    sha256: Option<&'a str>,
    /// The day that the document itself bears.
    dated_on: Option<NaiveDate>,
    /// The document it replaces.
    supersedes: Option<String>,
    /// The document that replaced it.
    superseded_by: Option<String>,
    /// When it was announced.
    created_at: DateTime<Utc>,
    /// When it was last changed.
    updated_at: DateTime<Utc>,
    /// How its bytes are to be sent, while they are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    upload: Option<UploadView>,
}

/// A page of documents.
#[derive(Serialize, ToSchema)]
pub struct DocumentPage<'a> {
    /// The documents, newest first.
    pub(super) items: Vec<DocumentView<'a>>,
    /// Continues the list; absent at its end.
    pub(super) next_cursor: Option<String>,
}

impl<'a> DocumentView<'a> {
    /// A document as far as the caller is shown it.
    #[must_use]
    pub fn of(document: &'a Document, sight: Sight, received: Vec<u16>) -> DocumentView<'a> {
        let words = &document.words;
        let upload =
            Extent::new(document.size_bytes).filter(|_| document.state.is_open()).map(|extent| UploadView {
                part_bytes: PART_BYTES,
                parts: extent.parts(),
                received,
                expires_at: document.purge_after,
            });
        DocumentView {
            id: document.id.to_string(),
            patient: document.patient.to_string(),
            version: document.version,
            kind: document.kind,
            media_type: document.media_type,
            state: document.state,
            refusal: document.refusal.as_deref(),
            size_bytes: document.size_bytes,
            title: words.title.expose(),
            notes: words.notes.expose().as_deref().filter(|_| sight.shows_notes()),
            file_name: words.file_name.expose().as_deref(),
            sha256: words.sha256.expose().as_deref(),
            dated_on: *words.dated_on.expose(),
            supersedes: document.supersedes.map(|id| id.to_string()),
            superseded_by: document.superseded_by.map(|id| id.to_string()),
            created_at: document.created_at,
            updated_at: document.updated_at,
            upload,
        }
    }
}

/// A finished answer body and what its headers need.
pub(super) struct Body {
    pub(super) id: DocumentId,
    pub(super) version: i64,
    pub(super) json: Zeroizing<Vec<u8>>,
}

impl Body {
    pub(super) fn of(document: &Document, sight: Sight, received: Vec<u16>) -> Result<Body, AppError> {
        let json = to_json(&DocumentView::of(document, sight, received))?;
        Ok(Body { id: document.id, version: document.version, json })
    }

    pub(super) fn into_response(self, mut builder: actix_web::HttpResponseBuilder) -> HttpResponse {
        builder
            .insert_header((header::ETAG, etag(self.version)))
            .content_type("application/json")
            .body(self.json.to_vec())
    }
}
