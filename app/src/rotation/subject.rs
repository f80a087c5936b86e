//! One patient under a new key: an incident's remedy. Whatever is sealed under the old one is sealed anew, in tables and in S3, and the
//! old key destroyed when nothing is left under it.

use chrono::{DateTime, Utc};
use regions::ids::TenantId;
use tenancy::audit::{AuditEntry, Outcome, Purpose};
use tenancy::keys::SubjectId;
use tenancy::{TenantRef, TenantTx};

use super::{RotateError, Rotator};
use crate::audit::KEYS_RESEAL;
use crate::call::roll_back;
use crate::documents::reseal::Reseal;
use crate::patients::model::PatientId;
use crate::patients::refill;
use crate::store::StoreError;

/// What became of a patient's old key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKey {
    /// Nothing was left under it, and it was destroyed.
    Destroyed,
    /// So many stored values and objects are still sealed under it, so it still opens: an upload is under way or waits for its
    /// scan, an object could not be read, or a row was changed meanwhile. Rotating again when that is over destroys it.
    Kept(u64),
}

impl Rotator {
    /// Gives a patient a new key. Killed anywhere, doing it again goes on. A download of a document that is under way breaks off.
    ///
    /// # Errors
    /// [`RotateError`].
    pub async fn patient(
        &self,
        tenant: TenantId,
        patient: PatientId,
        now: DateTime<Utc>,
    ) -> Result<OldKey, RotateError> {
        let (keys, subject) = (self.regional.keys(), SubjectId::from(patient.bytes()));
        let place = self.locate(tenant).await?;
        keys.rotate_subject(&self.keeper, tenant, subject).await?;
        self.reseal(place, patient).await?;
        super::reseal::rows(&self.regional, place, patient).await?;
        let documents = Reseal { regional: &self.regional, tenant: place, patient, now };
        Box::pin(documents.all()).await?;
        let version = keys.subject_key(tenant, subject).await?.version();
        let mut tx = self.regional.begin(place, KEYS_RESEAL).await.map_err(StoreError::Tx)?;
        let left = tx.values_sealed_before(patient.uuid(), version).await.map_err(StoreError::Tx);
        roll_back(tx).await;
        match u64::try_from(left?).unwrap_or(0) {
            0 => {
                keys.drop_older_subject_versions(&self.keeper, tenant, subject).await?;
                Ok(OldKey::Destroyed)
            }
            left => Ok(OldKey::Kept(left)),
        }
    }

    async fn reseal(&self, place: TenantRef, patient: PatientId) -> Result<(), RotateError> {
        let mut tx: TenantTx = self.regional.begin(place, KEYS_RESEAL).await.map_err(StoreError::Tx)?;
        let resealed = refill::reseal(&mut tx, self.regional.keys(), patient).await;
        let (version, mac) = match resealed {
            Ok(Some(done)) => done,
            Ok(None) => {
                roll_back(tx).await;
                return Err(RotateError::NoPatient);
            }
            Err(error) => {
                roll_back(tx).await;
                return Err(error.into());
            }
        };
        let entry = AuditEntry::new(KEYS_RESEAL, Outcome::Allow)
            .resource("patient", patient.bytes())
            .subject(patient.bytes())
            .purpose(Purpose::System)
            .row_version(version)
            .row_mac(&mac)
            .touches("patient")
            .touches("person");
        tx.commit(entry).await.map_err(StoreError::Tx)?;
        Ok(())
    }
}
