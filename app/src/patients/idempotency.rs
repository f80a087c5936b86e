//! Repeated registrations: the same `Idempotency-Key` from the same account gives the first answer again.
//!
//! The stored answer is sealed under the patient's own key, so that erasing the patient erases it too; the request is
//! remembered by a keyed tag, because a plain hash of a name and a birth date could be guessed.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use tenancy::keys::{Keys, SubjectId};
use tenancy::sealed::{Sealed, Sealer};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::model::PatientId;
use super::tables::idempotency;
use crate::auth::token::sha256;
use crate::registry::IDEMPOTENCY_RESPONSE;
use crate::store::StoreError;

/// Longest `Idempotency-Key`, in bytes.
pub const KEY_MAX_BYTES: usize = 128;
/// Seconds an answer is kept for; the clean-up then deletes it and its key is new again.
pub const KEPT_MAX_S: i64 = 24 * 3_600;
/// Bytes of the patient's id before the sealed answer.
const ID_BYTES: usize = 16;

/// One request that may be repeated.
pub struct Request {
    /// Who asks; another account's key is another key.
    pub account: Uuid,
    /// Hash of the key.
    pub key_hash: [u8; 32],
    /// Keyed hash of the request.
    pub request_hash: Vec<u8>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What is known about a request.
pub enum Known {
    /// It has not been made before; its answer is to be stored with [`Request::store`].
    New,
    /// It was made before.
    Repeated {
        /// The patient that was registered.
        patient: PatientId,
        /// The answer's body.
        body: Zeroizing<Vec<u8>>,
    },
    /// The key was used for another request.
    Conflict,
}

/// The hash of a key.
#[must_use]
pub fn key_hash(key: &str) -> [u8; 32] {
    sha256(b"domicile idempotency v1", key.as_bytes())
}

impl Request {
    /// Claims the key. A second request at the same moment waits here until the first one has committed or failed.
    ///
    /// # Errors
    /// What the database or the key store says.
    pub async fn claim(&self, tx: &mut TenantTx, keys: &Keys) -> Result<Known, StoreError> {
        let tenant = tx.tenant();
        let inserted = diesel::insert_into(idempotency::table)
            .values((
                idempotency::account_id.eq(self.account),
                idempotency::key_hash.eq(self.key_hash.as_slice()),
                idempotency::tenant_id.eq(tenant.as_uuid()),
                idempotency::request_hash.eq(&self.request_hash),
                idempotency::status.eq(0),
                idempotency::response_sealed.eq(Vec::<u8>::new()),
                idempotency::created_at.eq(self.now),
            ))
            .on_conflict_do_nothing()
            .execute(tx.conn())
            .await?;
        if inserted == 1 {
            return Ok(Known::New);
        }
        let (request_hash, stored): (Vec<u8>, Vec<u8>) = idempotency::table
            .find((self.account, self.key_hash.as_slice()))
            .select((idempotency::request_hash, idempotency::response_sealed))
            .first(tx.conn())
            .await?;
        if request_hash != self.request_hash {
            return Ok(Known::Conflict);
        }
        let (id, sealed) = stored.split_first_chunk::<ID_BYTES>().ok_or(StoreError::Shape)?;
        let patient = PatientId::from(Uuid::from_bytes(*id));
        let sealer = keys.subject_sealer(tenant, SubjectId::from(*id)).await?;
        let body = sealer.open(IDEMPOTENCY_RESPONSE, self.row(), &Sealed::from_bytes(sealed.to_vec()))?;
        Ok(Known::Repeated { patient, body })
    }

    /// Stores the answer of a request that [`Request::claim`] found to be new.
    ///
    /// # Errors
    /// What the database says.
    pub async fn store(
        &self,
        tx: &mut TenantTx,
        sealer: &Sealer,
        patient: PatientId,
        body: &[u8],
    ) -> Result<(), StoreError> {
        let sealed = sealer.seal(IDEMPOTENCY_RESPONSE, self.row(), body)?;
        let stored = [patient.bytes().as_slice(), sealed.as_bytes()].concat();
        diesel::update(idempotency::table.find((self.account, self.key_hash.as_slice())))
            .set((idempotency::status.eq(201), idempotency::response_sealed.eq(stored)))
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// The row id a sealed answer is bound to.
    fn row(&self) -> [u8; 16] {
        let input = [self.account.as_bytes().as_slice(), &self.key_hash].concat();
        let hash = sha256(b"domicile idempotency row v1", &input);
        let mut row = [0; 16];
        row.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
        row
    }
}
