//! A birth date that is corrected moves the day a minor comes of age, and with it the end of whoever stands in.

use chrono::NaiveDate;
use tenancy::TenantTx;

use super::queries;
use super::rules::{Age, ends_at};
use crate::ctx::Ctx;
use crate::patients::model::PatientId;
use crate::store::StoreError;

/// Ends earlier whoever would stand in beyond the day on which the patient comes of age by the new date. Nobody is given longer
/// than was recorded.
///
/// # Errors
/// What the database says.
pub async fn follow(
    ctx: &Ctx,
    tx: &mut TenantTx,
    patient: PatientId,
    (before, after): (NaiveDate, NaiveDate),
) -> Result<(), StoreError> {
    let of = |born| Age { born, jurisdiction: ctx.clinic.jurisdiction, now: ctx.now() };
    match ends_at(of(before), of(after)) {
        Some(end) if before != after => queries::shorten(tx, patient.uuid(), end).await,
        _ => Ok(()),
    }
}
