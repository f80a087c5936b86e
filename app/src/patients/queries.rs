//! What is read and written of patients. Every function takes the open transaction; none begins or ends one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tenancy::TenantTx;
use tenancy::keys::{KeyError, Keys, SubjectId, SubjectKey};
use tenancy::sealed::{
    Column, OpenError, Phi, RowMac, Sealed, SealedRow as _, Sealer, Verified, tags_digest,
};
use uuid::Uuid;

use super::identifier::Identifier;
use super::model::{Demographics, Patient, PatientBrief, PatientId, PatientRow, PersonRow, TagRow};
use super::names::{self, HumanName};
use super::tables::{patient, person, person_tag};
use super::tags::Tag;
use crate::access::Within;
use crate::registry;
use crate::relationships::queries::{Founding, tied};
use crate::store::{self, Sealing, StoreError};

/// Tables a change of a patient touches; the commit is refused when its audit entry does not name them.
pub const TABLES: [&str; 4] = ["patient", "person", "person_tag", "relationship"];

/// State of a patient who is being erased or was: kept as a bare id, and answered like one who is nowhere.
pub const ERASED: &str = "erased";

/// How a change of a patient failed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such patient in this clinic.
    #[error("there is no such patient")]
    Absent,
    /// The patient has another version now.
    #[error("the patient has another version")]
    Stale,
    /// Another patient has the MRN.
    #[error("another patient has the MRN")]
    MrnTaken,
    /// The rest.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<diesel::result::Error> for ChangeError {
    fn from(error: diesel::result::Error) -> ChangeError {
        ChangeError::Store(error.into())
    }
}

fn seal_list<T: Serialize>(
    sealer: &Sealer,
    column: Column,
    row: [u8; 16],
    list: &[T],
) -> Result<Option<Sealed>, StoreError> {
    if list.is_empty() { Ok(None) } else { store::seal(sealer, column, row, &list).map(Some) }
}

fn open_list<T: DeserializeOwned>(
    sealer: &Sealer,
    column: Column,
    row: [u8; 16],
    sealed: Option<&Sealed>,
) -> Result<Vec<T>, StoreError> {
    sealed.map_or(Ok(Vec::new()), |sealed| store::open(sealer, column, row, sealed))
}

impl PersonRow {
    /// Seals a patient's data under the patient's own key, and ties row and tags together.
    fn seal(with: &Sealing<'_>, patient: &Patient, tags: &BTreeSet<Tag>) -> Result<PersonRow, StoreError> {
        let (sealer, person, row) = (with.sealer, &patient.person, patient.id.bytes());
        let mrn = person.mrn.expose().as_ref();
        let mut sealed = PersonRow {
            patient_id: patient.id.uuid(),
            tenant_id: sealer.tenant().as_uuid(),
            names: store::seal(sealer, registry::PERSON_NAMES, row, person.names.expose())?,
            birth_date: store::seal(sealer, registry::PERSON_BIRTH_DATE, row, person.birth_date.expose())?,
            sex: store::seal(sealer, registry::PERSON_SEX, row, person.sex.expose())?,
            phones: seal_list(sealer, registry::PERSON_PHONES, row, person.phones.expose())?,
            emails: seal_list(sealer, registry::PERSON_EMAILS, row, person.emails.expose())?,
            addresses: seal_list(sealer, registry::PERSON_ADDRESSES, row, person.addresses.expose())?,
            mrn: mrn.map(|mrn| store::seal(sealer, registry::PERSON_MRN, row, mrn)).transpose()?,
            identifiers: seal_list(sealer, registry::PERSON_IDENTIFIERS, row, person.identifiers.expose())?,
            version: patient.version,
            tags_digest: tags_digest(tags.iter().map(|tag| (tag.index, tag.tag))).to_vec(),
            row_mac: RowMac::from(Vec::new()),
        };
        sealed.row_mac = with.macs.mac(&sealed.facts())?;
        Ok(sealed)
    }

    /// Opens it.
    ///
    /// # Errors
    /// When a column was altered or moved here from elsewhere.
    pub fn open(this: &Verified<PersonRow>, sealer: &Sealer) -> Result<Demographics, StoreError> {
        let row = this.patient_id.into_bytes();
        let mrn =
            this.mrn.as_ref().map(|mrn| store::open(sealer, registry::PERSON_MRN, row, mrn)).transpose()?;
        Ok(Demographics {
            names: Phi::new(store::open(sealer, registry::PERSON_NAMES, row, &this.names)?),
            birth_date: Phi::new(store::open(sealer, registry::PERSON_BIRTH_DATE, row, &this.birth_date)?),
            sex: Phi::new(store::open(sealer, registry::PERSON_SEX, row, &this.sex)?),
            phones: Phi::new(open_list(sealer, registry::PERSON_PHONES, row, this.phones.as_ref())?),
            emails: Phi::new(open_list(sealer, registry::PERSON_EMAILS, row, this.emails.as_ref())?),
            addresses: Phi::new(open_list(sealer, registry::PERSON_ADDRESSES, row, this.addresses.as_ref())?),
            mrn: Phi::new(mrn),
            identifiers: Phi::new(open_list(
                sealer,
                registry::PERSON_IDENTIFIERS,
                row,
                this.identifiers.as_ref(),
            )?),
        })
    }

    /// What a list shows of it.
    fn open_brief(this: &Verified<PersonRow>, sealer: &Sealer) -> Result<PatientBrief, StoreError> {
        let row = this.patient_id.into_bytes();
        let names: Vec<HumanName> = store::open(sealer, registry::PERSON_NAMES, row, &this.names)?;
        let mrn =
            this.mrn.as_ref().map(|mrn| store::open(sealer, registry::PERSON_MRN, row, mrn)).transpose()?;
        let identifiers: Vec<Identifier> =
            open_list(sealer, registry::PERSON_IDENTIFIERS, row, this.identifiers.as_ref())?;
        Ok(PatientBrief {
            id: this.patient_id.into(),
            name: Phi::new(names::display(&names)),
            birth_date: Phi::new(store::open(sealer, registry::PERSON_BIRTH_DATE, row, &this.birth_date)?),
            mrn: Phi::new(mrn),
            identifiers: Phi::new(identifiers.iter().map(Identifier::masked).collect()),
        })
    }
}

impl Patient {
    /// Seals the patient's row; the row's MAC is kept for the audit entry.
    ///
    /// # Errors
    /// When a value is too long to seal.
    pub fn seal(&mut self, with: &Sealing<'_>, tags: &BTreeSet<Tag>) -> Result<PersonRow, StoreError> {
        let row = PersonRow::seal(with, self, tags)?;
        self.row_mac = Some(row.row_mac.clone());
        Ok(row)
    }

    /// Stores a new patient with its tags, after the ties that those who may see it are known by.
    ///
    /// # Errors
    /// [`ChangeError::MrnTaken`], or what the database says.
    pub async fn insert(
        &self,
        tx: &mut TenantTx,
        row: PersonRow,
        tags: &BTreeSet<Tag>,
        founding: &Founding,
    ) -> Result<(), ChangeError> {
        founding.store(tx).await?;
        diesel::insert_into(patient::table)
            .values((
                patient::id.eq(self.id.uuid()),
                patient::tenant_id.eq(row.tenant_id),
                patient::version.eq(self.version),
                patient::state.eq("active"),
                patient::created_at.eq(self.created_at),
                patient::updated_at.eq(self.updated_at),
                patient::created_by.eq(founding.by),
            ))
            .execute(tx.conn())
            .await?;
        diesel::insert_into(person::table).values(row).execute(tx.conn()).await?;
        insert_tags(tx, self.id, tags).await
    }

    /// The patient with this id, if it is one of this clinic. The row, its tags and the key are fetched at the same time.
    ///
    /// # Errors
    /// What the database or the key store says; [`StoreError::Open`] when the row, or the set of its tags, is not what
    /// was stored.
    pub async fn find(
        tx: &mut TenantTx,
        keys: &Arc<Keys>,
        id: PatientId,
    ) -> Result<Option<Patient>, StoreError> {
        let tenant = tx.tenant();
        // Both statements are on the wire before the first answer comes.
        let connection = &*tx.conn();
        let (mut first, mut second) = (connection, connection);
        let row = async {
            patient::table
                .inner_join(person::table.on(person::patient_id.eq(patient::id)))
                .filter(patient::id.eq(id.uuid()))
                .filter(patient::state.ne(ERASED))
                .select((PatientRow::as_select(), PersonRow::as_select()))
                .first::<(PatientRow, PersonRow)>(&mut first)
                .await
                .optional()
        };
        let tags = person_tag::table
            .filter(person_tag::patient_id.eq(id.uuid()))
            .select((person_tag::index_id, person_tag::tag))
            .load::<(i32, Vec<u8>)>(&mut second);
        let key = keys.subject_sealer(tenant, SubjectId::from(id.bytes()));
        let (row, tags, key, macs) = tokio::join!(row, tags, key, keys.row_macs(tenant));
        let Some((head, body)) = row? else { return Ok(None) };
        let body = macs?.verify(body)?;
        if head.version != body.version || !are_the_tags_of(&body, &tags?) {
            tenancy::keys::note_tampered_row(tenant);
            return Err(StoreError::Open(OpenError::Tampered));
        }
        let person = PersonRow::open(&body, &key?)?;
        Ok(Some(Patient {
            id,
            version: head.version,
            created_at: head.created_at,
            updated_at: head.updated_at,
            person,
            row_mac: Some(body.into_inner().row_mac),
        }))
    }

    /// Replaces what is stored of a patient of version `expected` by this, whose version is one greater.
    ///
    /// # Errors
    /// [`ChangeError::Stale`], [`ChangeError::MrnTaken`], or what the database says.
    pub async fn replace(
        &self,
        tx: &mut TenantTx,
        row: PersonRow,
        tags: &BTreeSet<Tag>,
        expected: i64,
    ) -> Result<(), ChangeError> {
        let changed = diesel::update(patient::table.find(self.id.uuid()))
            .filter(patient::version.eq(expected))
            .set((patient::version.eq(self.version), patient::updated_at.eq(self.updated_at)))
            .execute(tx.conn())
            .await?;
        if changed == 0 {
            return Err(ChangeError::Stale);
        }
        diesel::update(person::table.find(self.id.uuid())).set(row).execute(tx.conn()).await?;
        diesel::delete(person_tag::table.filter(person_tag::patient_id.eq(self.id.uuid())))
            .execute(tx.conn())
            .await?;
        insert_tags(tx, self.id, tags).await
    }
}

/// Whether these are the tags that were stored with the row, no more and no fewer.
fn are_the_tags_of(row: &PersonRow, tags: &[(i32, Vec<u8>)]) -> bool {
    // A tag of another form than ours was not stored by us, so it may not be passed over.
    let found: Option<Vec<_>> = tags
        .iter()
        .map(|(index, tag)| Some((u32::try_from(*index).ok()?, <[u8; 16]>::try_from(tag.as_slice()).ok()?)))
        .collect();
    found.is_some_and(|found| tags_digest(found).as_slice() == row.tags_digest.as_slice())
}

pub(super) async fn insert_tags(
    tx: &mut TenantTx,
    id: PatientId,
    tags: &BTreeSet<Tag>,
) -> Result<(), ChangeError> {
    let tenant_id = tx.tenant().as_uuid();
    let rows: Vec<TagRow> = tags
        .iter()
        .map(|tag| TagRow {
            patient_id: id.uuid(),
            tenant_id,
            index_id: index_id(tag.index),
            tag: tag.tag.to_vec(),
        })
        .collect();
    let inserted = diesel::insert_into(person_tag::table).values(rows).execute(tx.conn()).await;
    match inserted.map_err(StoreError::from) {
        Ok(_) => Ok(()),
        // The only unique tags are those of MRNs.
        Err(error) if error.is_duplicate() => Err(ChangeError::MrnTaken),
        Err(error) => Err(error.into()),
    }
}

fn index_id(index: u32) -> i32 {
    i32::try_from(index).unwrap_or(i32::MAX)
}

/// Patients within reach that carry all of these tags, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn with_tags(
    tx: &mut TenantTx,
    within: Within,
    tags: &[Tag],
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let mut found: Option<Vec<Uuid>> = None;
    for tag in tags {
        let mut query = person_tag::table
            .inner_join(patient::table.on(patient::id.eq(person_tag::patient_id)))
            .filter(patient::state.ne(ERASED))
            .filter(person_tag::index_id.eq(index_id(tag.index)))
            .filter(person_tag::tag.eq(tag.tag.as_slice()))
            .select(person_tag::patient_id)
            .into_boxed();
        if let Some(among) = found.take() {
            query = query.filter(person_tag::patient_id.eq_any(among));
        }
        if let Some(tied) = tied(within) {
            query = query.filter(person_tag::patient_id.eq_any(tied));
        }
        found = Some(query.order(person_tag::patient_id).limit(limit).load(tx.conn()).await?);
    }
    Ok(found.unwrap_or_default())
}

/// Patients within reach, one or more times each, that carry any of these tags; at most `limit` of what is carried.
///
/// # Errors
/// What the database says.
pub async fn with_any_tag(
    tx: &mut TenantTx,
    within: Within,
    tags: &[Tag],
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    // A tag of one index is that of nothing in another one: the index is part of what is keyed.
    let indexes: Vec<i32> = tags.iter().map(|tag| index_id(tag.index)).collect();
    let keyed: Vec<Vec<u8>> = tags.iter().map(|tag| tag.tag.to_vec()).collect();
    let mut query = person_tag::table
        .inner_join(patient::table.on(patient::id.eq(person_tag::patient_id)))
        .filter(patient::state.ne(ERASED))
        .filter(person_tag::index_id.eq_any(indexes))
        .filter(person_tag::tag.eq_any(keyed))
        .select(person_tag::patient_id)
        .into_boxed();
    if let Some(tied) = tied(within) {
        query = query.filter(person_tag::patient_id.eq_any(tied));
    }
    Ok(query.order(person_tag::patient_id).limit(limit).load(tx.conn()).await?)
}

/// A page of the ids of patients within reach after `after`.
///
/// # Errors
/// What the database says.
pub async fn page(
    tx: &mut TenantTx,
    within: Within,
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let mut query = patient::table
        .filter(patient::id.gt(after.unwrap_or_default()))
        .filter(patient::state.ne(ERASED))
        .order(patient::id)
        .limit(limit)
        .select(patient::id)
        .into_boxed();
    if let Some(tied) = tied(within) {
        query = query.filter(patient::id.eq_any(tied));
    }
    Ok(query.load(tx.conn()).await?)
}

/// Those of these patients that are within reach, in the order of their ids, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn among(
    tx: &mut TenantTx,
    within: Within,
    ids: &[Uuid],
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let mut query = patient::table
        .filter(patient::id.eq_any(ids))
        .filter(patient::state.ne(ERASED))
        .order(patient::id)
        .limit(limit)
        .select(patient::id)
        .into_boxed();
    if let Some(tied) = tied(within) {
        query = query.filter(patient::id.eq_any(tied));
    }
    Ok(query.load(tx.conn()).await?)
}

/// What a list shows of these patients, in the order of the ids given.
///
/// # Errors
/// What the database or the key store says.
pub async fn briefs(
    tx: &mut TenantTx,
    keys: &Arc<Keys>,
    ids: &[Uuid],
) -> Result<Vec<PatientBrief>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let tenant = tx.tenant();
    let subjects: Vec<SubjectId> = ids.iter().copied().map(SubjectId::from).collect();
    let rows = verified(tx, keys, ids);
    let (rows, found) = tokio::join!(rows, keys.subject_keys(tenant, &subjects));
    let (rows, found) = (rows?, found?);
    let by_id: HashMap<Uuid, &Verified<PersonRow>> = rows.iter().map(|row| (row.patient_id, row)).collect();
    ids.iter()
        .filter_map(|id| by_id.get(id))
        .map(|row| PersonRow::open_brief(row, &key_of(&found, row.patient_id)?.sealer()))
        .collect()
}

/// The rows of these patients, each checked.
async fn verified(
    tx: &mut TenantTx,
    keys: &Keys,
    ids: &[Uuid],
) -> Result<Vec<Verified<PersonRow>>, StoreError> {
    let macs = keys.row_macs(tx.tenant()).await?;
    let rows: Vec<PersonRow> = person::table
        .inner_join(patient::table.on(patient::id.eq(person::patient_id)))
        .filter(person::patient_id.eq_any(ids))
        .filter(patient::state.ne(ERASED))
        .select(PersonRow::as_select())
        .load(tx.conn())
        .await?;
    rows.into_iter().map(|row| macs.verify(row).map_err(StoreError::Open)).collect()
}

/// A row whose key is gone is not left out of a list in silence: what is shown would look complete.
fn key_of(keys: &HashMap<SubjectId, Arc<SubjectKey>>, id: Uuid) -> Result<&Arc<SubjectKey>, StoreError> {
    keys.get(&SubjectId::from(id)).ok_or(StoreError::Keys(KeyError::NotFound))
}

/// How many patients the clinic has, counted up to `max`.
///
/// # Errors
/// What the database says.
pub async fn count_up_to(tx: &mut TenantTx, max: i64) -> Result<i64, StoreError> {
    let ids: Vec<Uuid> = patient::table
        .filter(patient::state.ne(ERASED))
        .select(patient::id)
        .limit(max)
        .load(tx.conn())
        .await?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}

/// Ids and versions of patients changed since `since`, oldest change first, at most `limit`.
///
/// # Errors
/// What the database says.
pub async fn changed_since(
    tx: &mut TenantTx,
    since: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<(Uuid, i64, DateTime<Utc>)>, StoreError> {
    Ok(patient::table
        .filter(patient::updated_at.ge(since))
        .order((patient::updated_at, patient::id))
        .limit(limit)
        .select((patient::id, patient::version, patient::updated_at))
        .load(tx.conn())
        .await?)
}

/// The names of these patients.
///
/// # Errors
/// What the database or the key store says.
pub async fn names_of(
    tx: &mut TenantTx,
    keys: &Arc<Keys>,
    ids: &[Uuid],
) -> Result<Vec<(Uuid, Phi<Vec<HumanName>>)>, StoreError> {
    let tenant = tx.tenant();
    let subjects: Vec<SubjectId> = ids.iter().copied().map(SubjectId::from).collect();
    let rows = verified(tx, keys, ids);
    let (rows, found) = tokio::join!(rows, keys.subject_keys(tenant, &subjects));
    let (rows, found) = (rows?, found?);
    rows.iter()
        .map(|row| {
            let (id, sealer) = (row.patient_id, key_of(&found, row.patient_id)?.sealer());
            let names = store::open(&sealer, registry::PERSON_NAMES, id.into_bytes(), &row.names)?;
            Ok((id, Phi::new(names)))
        })
        .collect()
}
