//! What is read and written of sites.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use tenancy::TenantTx;
use uuid::Uuid;

use crate::relationships::model::Tie;
use crate::relationships::tables::{account_site, relationship, site};
use crate::store::StoreError;

/// Most sites of a clinic.
pub const SITES_MAX: i64 = 200;

/// The clinic's sites, in the order of their ids.
///
/// # Errors
/// What the database says.
pub async fn all(tx: &mut TenantTx) -> Result<Vec<(Uuid, String)>, StoreError> {
    Ok(site::table.order(site::id).limit(SITES_MAX).select((site::id, site::name)).load(tx.conn()).await?)
}

/// Stores a site.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut TenantTx, id: Uuid, name: &str, now: DateTime<Utc>) -> Result<(), StoreError> {
    let tenant_id = tx.tenant().as_uuid();
    diesel::insert_into(site::table)
        .values((
            site::id.eq(id),
            site::tenant_id.eq(tenant_id),
            site::name.eq(name),
            site::created_at.eq(now),
        ))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Has an account work at these sites and at no other.
///
/// # Errors
/// What the database says.
pub async fn work_at(tx: &mut TenantTx, account: Uuid, sites: &[Uuid]) -> Result<(), StoreError> {
    let tenant_id = tx.tenant().as_uuid();
    diesel::delete(account_site::table.filter(account_site::account_id.eq(account)))
        .execute(tx.conn())
        .await?;
    let rows: Vec<_> = sites
        .iter()
        .map(|site| {
            (
                account_site::account_id.eq(account),
                account_site::site_id.eq(*site),
                account_site::tenant_id.eq(tenant_id),
            )
        })
        .collect();
    diesel::insert_into(account_site::table).values(rows).execute(tx.conn()).await?;
    Ok(())
}

/// Which of these accounts works at which site, in the order of their ids.
///
/// # Errors
/// What the database says.
pub async fn of_accounts(tx: &mut TenantTx, accounts: &[Uuid]) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let most = SITES_MAX.saturating_mul(i64::try_from(accounts.len()).unwrap_or(i64::MAX));
    Ok(account_site::table
        .filter(account_site::account_id.eq_any(accounts))
        .order((account_site::account_id, account_site::site_id))
        .limit(most)
        .select((account_site::account_id, account_site::site_id))
        .load(tx.conn())
        .await?)
}

/// The sites where a patient is registered now.
///
/// # Errors
/// What the database says.
pub async fn of_patient(
    tx: &mut TenantTx,
    patient: Uuid,
    at: DateTime<Utc>,
) -> Result<Vec<Uuid>, StoreError> {
    Ok(relationship::table
        .filter(relationship::patient_id.eq(patient))
        .filter(relationship::kind.eq(Tie::Site.as_str()))
        .filter(relationship::valid_from.le(at))
        .filter(relationship::valid_to.is_null().or(relationship::valid_to.gt(at)))
        .order(relationship::party_id)
        .limit(SITES_MAX)
        .select(relationship::party_id)
        .load(tx.conn())
        .await?)
}
