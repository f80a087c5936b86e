//! What is read and written of documents. Every function takes the open transaction; none begins or ends one.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::{Keys, SubjectId};
use tenancy::objects::{Layout, ObjectCipher, ObjectHeader, ObjectId, StoredPart};
use tenancy::sealed::{Phi, RowFacts, RowMac, SealedRow, Sealer};
use uuid::Uuid;

use super::content::MediaType;
use super::model::{
    Document, DocumentId, DocumentRow, Kind, ObjectRow, PartRow, SEALED, State, TextRow, Words,
};
use super::rules;
use super::tables::{document, document_text, stored_object, stored_part};
use crate::access::{Role, Within};
use crate::patients::model::PatientId;
use crate::registry;
use crate::store::{self, Sealing, StoreError};

/// Tables a change of a document touches; the commit is refused when its audit entry does not name them.
pub const TABLES: [&str; 2] = ["document", "document_text"];
/// The one of them whose row a change of state touches.
pub const TABLE: &str = "document";

impl Words {
    /// Seals the words of a document under its patient's key.
    ///
    /// # Errors
    /// When a value is too long to seal.
    pub fn seal(&self, with: &Sealing<'_>, id: DocumentId, version: i64) -> Result<TextRow, StoreError> {
        let (sealer, row) = (with.sealer, id.bytes());
        let optional = |column, value: &Phi<Option<String>>| {
            value.expose().as_ref().map(|text| store::seal(sealer, column, row, text)).transpose()
        };
        let dated_on = self.dated_on.expose();
        let dated_on =
            dated_on.as_ref().map(|day| store::seal(sealer, registry::DOCUMENT_DATED_ON, row, day));
        let mut sealed = TextRow {
            document_id: id.uuid(),
            tenant_id: sealer.tenant().as_uuid(),
            title: store::seal(sealer, registry::DOCUMENT_TITLE, row, self.title.expose())?,
            notes: optional(registry::DOCUMENT_NOTES, &self.notes)?,
            file_name: optional(registry::DOCUMENT_FILE_NAME, &self.file_name)?,
            sha256: optional(registry::DOCUMENT_SHA256, &self.sha256)?,
            dated_on: dated_on.transpose()?,
            version,
            row_mac: RowMac::from(Vec::new()),
        };
        sealed.row_mac = with.macs.mac(&sealed.facts())?;
        Ok(sealed)
    }
}

impl SealedRow for TextRow {
    fn facts(&self) -> RowFacts<'_> {
        let id = self.document_id.into_bytes();
        let facts = RowFacts::new(registry::DOCUMENT_TITLE.table(), id, id, self.version)
            .sealed(registry::DOCUMENT_TITLE, Some(&self.title))
            .sealed(registry::DOCUMENT_NOTES, self.notes.as_ref())
            .sealed(registry::DOCUMENT_FILE_NAME, self.file_name.as_ref())
            .sealed(registry::DOCUMENT_SHA256, self.sha256.as_ref());
        // Rows that are older than the column have MACs without it. The MAC counts its columns, so one that is emptied is missed.
        match &self.dated_on {
            Some(dated_on) => facts.sealed(registry::DOCUMENT_DATED_ON, Some(dated_on)),
            None => facts,
        }
    }

    fn row_mac(&self) -> &RowMac {
        &self.row_mac
    }
}

impl TextRow {
    fn open(self, with: &Sealing<'_>) -> Result<Words, StoreError> {
        let (this, sealer) = (with.macs.verify(self)?, with.sealer);
        let row = this.document_id.into_bytes();
        let optional = |column, sealed: &Option<_>| {
            sealed.as_ref().map(|sealed| store::open(sealer, column, row, sealed)).transpose().map(Phi::new)
        };
        let dated_on = this.dated_on.as_ref();
        let dated_on = dated_on.map(|day| store::open(sealer, registry::DOCUMENT_DATED_ON, row, day));
        Ok(Words {
            title: Phi::new(store::open(sealer, registry::DOCUMENT_TITLE, row, &this.title)?),
            notes: optional(registry::DOCUMENT_NOTES, &this.notes)?,
            file_name: optional(registry::DOCUMENT_FILE_NAME, &this.file_name)?,
            sha256: optional(registry::DOCUMENT_SHA256, &this.sha256)?,
            dated_on: Phi::new(dated_on.transpose()?),
        })
    }
}

impl DocumentRow {
    fn open(self, words: Words) -> Result<Document, StoreError> {
        Ok(Document {
            id: self.id.into(),
            patient: self.patient_id.into(),
            version: self.version,
            kind: Kind::parse(&self.kind).ok_or(StoreError::Shape)?,
            media_type: MediaType::parse(&self.media_type).ok_or(StoreError::Shape)?,
            state: State::parse(&self.state).ok_or(StoreError::Shape)?,
            refusal: self.refusal,
            size_bytes: u64::try_from(self.size_bytes).map_err(|_negative| StoreError::Shape)?,
            object: self.object_id,
            supersedes: self.supersedes.map(DocumentId::from),
            superseded_by: self.superseded_by.map(DocumentId::from),
            created_at: self.created_at,
            updated_at: self.updated_at,
            purge_after: self.purge_after,
            words,
        })
    }
}

/// Whether there is such a patient in this clinic, within the caller's reach.
///
/// # Errors
/// What the database says.
pub async fn reaches(tx: &mut TenantTx, within: Within, id: PatientId) -> Result<bool, StoreError> {
    let found = crate::patients::queries::among(tx, within, &[id.uuid()], 1).await?;
    Ok(!found.is_empty())
}

/// Stores a document that was announced, with the object that will hold it.
///
/// # Errors
/// What the database says.
pub async fn insert(
    tx: &mut TenantTx,
    row: DocumentRow,
    words: TextRow,
    object: ObjectRow,
) -> Result<(), StoreError> {
    insert_object(tx, object).await?;
    diesel::insert_into(document::table).values(row).execute(tx.conn()).await?;
    diesel::insert_into(document_text::table).values(words).execute(tx.conn()).await?;
    Ok(())
}

/// The document with this id, if it is one of this clinic, and its patient's sealer.
///
/// # Errors
/// What the database or the key store says.
pub async fn find(
    tx: &mut TenantTx,
    keys: &Keys,
    id: DocumentId,
) -> Result<Option<(Document, Sealer)>, StoreError> {
    let row = document::table
        .inner_join(document_text::table.on(document_text::document_id.eq(document::id)))
        .filter(document::id.eq(id.uuid()))
        .select((DocumentRow::as_select(), TextRow::as_select()))
        .first::<(DocumentRow, TextRow)>(tx.conn())
        .await
        .optional()?;
    let Some((head, words)) = row else { return Ok(None) };
    let sealer = keys.subject_sealer(tx.tenant(), SubjectId::from(head.patient_id)).await?;
    let macs = keys.row_macs(tx.tenant()).await?;
    let words = words.open(&Sealing { sealer: &sealer, macs: &macs })?;
    Ok(Some((head.open(words)?, sealer)))
}

/// Which documents a page is made of, and how many.
pub struct Wanted {
    kinds: Vec<&'static str>,
    states: Vec<&'static str>,
    limit: i64,
}

impl Wanted {
    /// What somebody of this role may be shown, at most `limit` of it.
    #[must_use]
    pub fn of(role: Role, limit: i64) -> Wanted {
        let listed = |state: &State| {
            !matches!(state, State::Deleted | State::Purged) && rules::sight(role).sees(*state)
        };
        Wanted {
            kinds: Kind::ALL
                .into_iter()
                .filter(|kind| rules::may_read(role, *kind))
                .map(Kind::as_str)
                .collect(),
            states: State::ALL.into_iter().filter(listed).map(State::as_str).collect(),
            limit,
        }
    }
}

/// A page of a patient's documents, newest first.
///
/// # Errors
/// What the database or the key store says.
pub async fn page(
    tx: &mut TenantTx,
    with: &Sealing<'_>,
    wanted: &Wanted,
    after: Option<DocumentId>,
) -> Result<Vec<Document>, StoreError> {
    let patient = Uuid::from_bytes(with.sealer.subject());
    let mut query = document::table
        .inner_join(document_text::table.on(document_text::document_id.eq(document::id)))
        .filter(document::patient_id.eq(patient))
        .filter(document::kind.eq_any(&wanted.kinds))
        .filter(document::state.eq_any(&wanted.states))
        .select((DocumentRow::as_select(), TextRow::as_select()))
        .order((document::created_at.desc(), document::id.desc()))
        .limit(wanted.limit)
        .into_boxed();
    if let Some(after) = after {
        let last: Option<DateTime<Utc>> = document::table
            .find(after.uuid())
            .select(document::created_at)
            .first(tx.conn())
            .await
            .optional()?;
        let Some(at) = last else { return Ok(Vec::new()) };
        let earlier = document::created_at.lt(at);
        query = query.filter(earlier.or(document::created_at.eq(at).and(document::id.lt(after.uuid()))));
    }
    let rows: Vec<(DocumentRow, TextRow)> = query.load(tx.conn()).await?;
    rows.into_iter()
        .map(|(head, words)| {
            let words = words.open(with)?;
            head.open(words)
        })
        .collect()
}

/// Whether bytes are still awaited for a document; it stays so until this transaction ends.
///
/// # Errors
/// What the database says.
pub async fn hold_open(tx: &mut TenantTx, id: DocumentId) -> Result<bool, StoreError> {
    let state: Option<String> = document::table
        .find(id.uuid())
        .select(document::state)
        .for_share()
        .get_result(tx.conn())
        .await
        .optional()?;
    Ok(state.as_deref().and_then(State::parse).is_some_and(State::is_open))
}

/// Stores the row of an object that is to be put.
///
/// # Errors
/// What the database says.
pub async fn insert_object(tx: &mut TenantTx, object: ObjectRow) -> Result<(), StoreError> {
    diesel::insert_into(stored_object::table).values(object).execute(tx.conn()).await?;
    Ok(())
}

/// Replaces the words of a document.
///
/// # Errors
/// What the database says.
pub async fn set_words(tx: &mut TenantTx, words: TextRow) -> Result<(), StoreError> {
    diesel::update(document_text::table.find(words.document_id)).set(words).execute(tx.conn()).await?;
    Ok(())
}

/// Replaces title and notes of the version `expected`; whether it still was that version.
///
/// # Errors
/// What the database says.
pub async fn replace_words(
    tx: &mut TenantTx,
    document: &Document,
    words: TextRow,
    expected: i64,
) -> Result<bool, StoreError> {
    if !step(tx, document.id, expected, document.state, document.updated_at).await? {
        return Ok(false);
    }
    set_words(tx, words).await?;
    Ok(true)
}

/// Replaces the kind, and with the words the date, of the version `expected`; whether it still was that version.
///
/// # Errors
/// What the database says.
pub async fn refile(
    tx: &mut TenantTx,
    document: &Document,
    words: TextRow,
    expected: i64,
) -> Result<bool, StoreError> {
    if !replace_words(tx, document, words, expected).await? {
        return Ok(false);
    }
    diesel::update(document::table.find(document.id.uuid()))
        .set(document::kind.eq(document.kind.as_str()))
        .execute(tx.conn())
        .await?;
    Ok(true)
}

/// Moves a document of version `expected` to a state; whether it still was that version.
///
/// # Errors
/// What the database says.
pub async fn step(
    tx: &mut TenantTx,
    id: DocumentId,
    expected: i64,
    state: State,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let changed = diesel::update(document::table.find(id.uuid()))
        .filter(document::version.eq(expected))
        .set((
            document::state.eq(state.as_str()),
            document::version.eq(expected.saturating_add(1)),
            document::updated_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(changed == 1)
}

/// When a document's bytes go, or that they stay.
///
/// # Errors
/// What the database says.
pub async fn purge_after(
    tx: &mut TenantTx,
    id: DocumentId,
    at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    diesel::update(document::table.find(id.uuid()))
        .set(document::purge_after.eq(at))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The object with this id.
///
/// # Errors
/// What the database says.
pub async fn object(tx: &mut TenantTx, id: Uuid) -> Result<Option<ObjectRow>, StoreError> {
    let found = stored_object::table.find(id).select(ObjectRow::as_select()).first(tx.conn()).await;
    Ok(found.optional()?)
}

/// The key of a stored object.
///
/// # Errors
/// When the header was altered or the key is not there.
pub fn cipher(sealer: &Sealer, object: &ObjectRow) -> Result<ObjectCipher, StoreError> {
    let header = ObjectHeader::parse(&object.header)?;
    Ok(ObjectCipher::open(sealer, ObjectId::from(object.id.into_bytes()), &header)?)
}

/// How an object lies in S3. The header of a direct object seals nothing but says, under the patient's key, whose it is: a row
/// that was pointed at another patient's object is noticed before anybody has a link to it.
///
/// # Errors
/// When the header was altered or the key is not there.
pub fn layout(sealer: &Sealer, object: &ObjectRow) -> Result<Layout, StoreError> {
    let cipher = cipher(sealer, object)?;
    Ok(if object.is_direct() { Layout::Direct } else { Layout::Sealed(cipher) })
}

/// Remembers S3's name of an upload that was begun; the one that was remembered first.
///
/// # Errors
/// What the database says.
pub async fn remember_upload(
    tx: &mut TenantTx,
    object: Uuid,
    upload: &str,
) -> Result<Option<String>, StoreError> {
    diesel::update(stored_object::table.find(object))
        .filter(stored_object::s3_upload.is_null())
        .set(stored_object::s3_upload.eq(upload))
        .execute(tx.conn())
        .await?;
    let first: Option<Option<String>> = stored_object::table
        .find(object)
        .select(stored_object::s3_upload)
        .first(tx.conn())
        .await
        .optional()?;
    Ok(first.flatten())
}

/// Remembers a part that S3 has taken, over an earlier one of its number.
///
/// # Errors
/// What the database says.
pub async fn remember_part(tx: &mut TenantTx, object: Uuid, part: &StoredPart) -> Result<(), StoreError> {
    let row = PartRow {
        object_id: object,
        number: i32::from(part.number),
        tenant_id: tx.tenant().as_uuid(),
        etag: part.etag.clone(),
        checksum: part.checksum.clone(),
    };
    let replaced = (stored_part::etag.eq(part.etag.clone()), stored_part::checksum.eq(part.checksum.clone()));
    diesel::insert_into(stored_part::table)
        .values(row)
        .on_conflict((stored_part::object_id, stored_part::number))
        .do_update()
        .set(replaced)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The parts that S3 has, in order.
///
/// # Errors
/// What the database says.
pub async fn parts(tx: &mut TenantTx, object: Uuid) -> Result<Vec<StoredPart>, StoreError> {
    let rows: Vec<PartRow> = stored_part::table
        .filter(stored_part::object_id.eq(object))
        .order(stored_part::number)
        .select(PartRow::as_select())
        .load(tx.conn())
        .await?;
    let part = |row: PartRow| {
        let number = u16::try_from(row.number).map_err(|_out_of_range| StoreError::Shape)?;
        Ok(StoredPart { number, etag: row.etag, checksum: row.checksum })
    };
    rows.into_iter().map(part).collect()
}

/// The parts are one object now: it stays, and its parts need no more names.
///
/// # Errors
/// What the database says.
pub async fn keep_object(tx: &mut TenantTx, object: Uuid) -> Result<bool, StoreError> {
    let kept = diesel::update(stored_object::table.find(object))
        .set((
            stored_object::delete_after.eq(None::<DateTime<Utc>>),
            stored_object::s3_upload.eq(None::<String>),
        ))
        .execute(tx.conn())
        .await?;
    diesel::delete(stored_part::table.filter(stored_part::object_id.eq(object))).execute(tx.conn()).await?;
    Ok(kept == 1)
}

/// From now on the object may be removed.
///
/// # Errors
/// What the database says.
pub async fn doom_object(tx: &mut TenantTx, object: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
    diesel::update(stored_object::table.find(object))
        .set(stored_object::delete_after.eq(now))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A row for an object that is to be put.
#[must_use]
pub fn new_object(
    sealer: &Sealer,
    id: ObjectId,
    header: &ObjectHeader,
    size_bytes: u64,
    now: DateTime<Utc>,
) -> ObjectRow {
    ObjectRow {
        id: Uuid::from_bytes(*id.as_bytes()),
        tenant_id: sealer.tenant().as_uuid(),
        patient_id: Uuid::from_bytes(sealer.subject()),
        header: header.to_bytes(),
        size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
        s3_upload: None,
        created_at: now,
        delete_after: Some(now + TimeDelta::hours(rules::UPLOAD_MAX_H)),
        mode: SEALED.to_owned(),
    }
}
