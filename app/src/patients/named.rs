//! The patient that a request's path names, for the areas that keep something about patients.
//!
//! That the patient is within the caller's reach was seen before a handler runs. Whoever is not there, or was erased, is answered
//! alike.

use tenancy::TenantTx;
use tenancy::keys::{KeyError, SubjectId};
use tenancy::sealed::Sealer;

use super::model::PatientId;
use super::queries::ERASED;
use crate::call::Call;
use crate::ctx::Ctx;
use crate::erasure::queries::lock_patient;
use crate::error::AppError;
use crate::relationships::queries::patient_is_there;

/// The patient's id.
///
/// # Errors
/// `not_found` for what is no id of a patient.
pub fn named(call: &Call) -> Result<PatientId, AppError> {
    PatientId::parse(call.path("id")).ok_or_else(AppError::absent)
}

/// The patient, if there is one.
///
/// # Errors
/// `not_found`, otherwise what the database says.
pub async fn there(call: &Call, tx: &mut TenantTx) -> Result<PatientId, AppError> {
    let patient = named(call)?;
    if patient_is_there(tx, patient.uuid()).await? { Ok(patient) } else { Err(AppError::absent()) }
}

/// The patient, held until the transaction ends: it is neither erased meanwhile nor asked about by two at once.
///
/// # Errors
/// As [`there`].
pub async fn held(call: &Call, tx: &mut TenantTx) -> Result<PatientId, AppError> {
    let patient = named(call)?;
    match lock_patient(tx, patient).await? {
        Some((state, _since)) if state != ERASED => Ok(patient),
        _ => Err(AppError::absent()),
    }
}

/// What a patient's values are sealed and opened with.
///
/// # Errors
/// `not_found` once the patient was erased, otherwise what the key store says.
pub async fn sealer(ctx: &Ctx, patient: PatientId) -> Result<Sealer, AppError> {
    match ctx.keys.subject_sealer(ctx.tenant().id, SubjectId::from(patient.bytes())).await {
        Ok(sealer) => Ok(sealer),
        Err(KeyError::NotFound) => Err(AppError::absent()),
        Err(error) => Err(error.into()),
    }
}
