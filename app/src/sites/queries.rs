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

/// A site.
#[derive(Queryable, Selectable)]
#[diesel(table_name = site)]
pub struct SiteRow {
    /// Id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Since when it takes nobody new; `None` while it is open.
    pub closed_at: Option<DateTime<Utc>>,
}

/// The clinic's sites, in the order of their ids.
///
/// # Errors
/// What the database says.
pub async fn all(tx: &mut TenantTx) -> Result<Vec<SiteRow>, StoreError> {
    let rows = site::table.order(site::id).limit(SITES_MAX).select(SiteRow::as_select());
    Ok(rows.load(tx.conn()).await?)
}

/// The same, and nobody else's to change until the transaction ends: so one of them stays open, also when two people close
/// different ones at the same moment.
///
/// # Errors
/// What the database says.
pub async fn locked(tx: &mut TenantTx) -> Result<Vec<SiteRow>, StoreError> {
    let rows = site::table.order(site::id).limit(SITES_MAX).select(SiteRow::as_select());
    Ok(rows.for_no_key_update().load(tx.conn()).await?)
}

/// The open site that has been there longest: where somebody begins for whom nobody has said where.
///
/// # Errors
/// What the database says.
pub async fn first_open(tx: &mut TenantTx) -> Result<Option<Uuid>, StoreError> {
    let open = site::table.filter(site::closed_at.is_null()).order((site::created_at, site::id));
    Ok(open.select(site::id).first(tx.conn()).await.optional()?)
}

/// Gives a site another name.
///
/// # Errors
/// What the database says.
pub async fn rename(tx: &mut TenantTx, id: Uuid, name: &str) -> Result<(), StoreError> {
    diesel::update(site::table.find(id)).set(site::name.eq(name)).execute(tx.conn()).await?;
    Ok(())
}

/// Closes a site as of a time, or opens it again.
///
/// # Errors
/// What the database says.
pub async fn set_closed(
    tx: &mut TenantTx,
    id: Uuid,
    closed_at: Option<DateTime<Utc>>,
) -> Result<(), StoreError> {
    diesel::update(site::table.find(id)).set(site::closed_at.eq(closed_at)).execute(tx.conn()).await?;
    Ok(())
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
