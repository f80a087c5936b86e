//! What the regions say of their tenants' keys: versions, ages and how far a rotation is. Counts and words; no key, and no way
//! from here to one.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::ids::TenantId;
use regions::region::RegionName;
use uuid::Uuid;

use super::error::ControlError;
use super::store::Store;
use super::tables::{tenant, tenant_key};
use super::tenants;
use super::work::{KEYS_PER_TENANT_MAX, KeyReport, KeyVersion, TENANTS_PER_REPORT_MAX};

/// One version of a tenant's key.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = tenant_key)]
pub struct KeyRow {
    /// Whose.
    pub tenant_id: Uuid,
    /// `enc`, `bidx`, `rowmac` or `ctx`.
    pub purpose: String,
    /// From 1.
    pub version: i64,
    /// `next`, `active`, `decrypt`, `legacy` or `retired`.
    pub state: String,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Stage of the rotation that ends with it.
    pub rotation: Option<String>,
    /// Keys or rows that rotation has moved.
    pub moved: Option<i64>,
    /// When the region said so.
    pub reported_at: DateTime<Utc>,
}

impl KeyRow {
    fn new(said: &KeyVersion, tenant_id: Uuid, now: DateTime<Utc>) -> Self {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let age = TimeDelta::try_seconds(number(said.age_s)).unwrap_or_default();
        Self {
            tenant_id,
            purpose: said.purpose.clone(),
            version: i64::from(said.version),
            state: said.state.clone(),
            made_at: now.checked_sub_signed(age).unwrap_or(now),
            rotation: said.rotation.clone(),
            moved: said.moved.map(number),
            reported_at: now,
        }
    }
}

/// Keeps what a region's worker says of its own tenants; what it says of others is passed over.
///
/// # Errors
/// [`ControlError::Invalid`] for a report that is too large or says what no worker says.
pub async fn report(store: &Store, region: RegionName, report: &KeyReport) -> Result<(), ControlError> {
    let small = report.tenants.len() <= TENANTS_PER_REPORT_MAX
        && report.tenants.iter().all(|tenant| tenant.keys.len() <= KEYS_PER_TENANT_MAX);
    if !small {
        return Err(ControlError::Invalid { field: "tenants", code: "too_many" });
    }
    if !report.tenants.iter().flat_map(|tenant| &tenant.keys).all(is_sensible) {
        return Err(ControlError::Invalid { field: "keys", code: "not_a_key" });
    }
    let mut tx = store.begin().await?;
    let now = tx.now();
    for said in &report.tenants {
        let own: Option<Uuid> = tenant::table
            .find(said.tenant.as_uuid())
            .filter(tenant::region.eq(region.as_str()))
            .select(tenant::id)
            .first(tx.conn()?)
            .await
            .optional()?;
        let Some(id) = own else { continue };
        diesel::delete(tenant_key::table.filter(tenant_key::tenant_id.eq(id))).execute(tx.conn()?).await?;
        let rows: Vec<KeyRow> = said.keys.iter().map(|key| KeyRow::new(key, id, now)).collect();
        diesel::insert_into(tenant_key::table).values(rows).execute(tx.conn()?).await?;
    }
    tx.commit_unaudited().await
}

/// Words of the key store and nothing else, so that no free text comes in this way.
fn is_sensible(key: &KeyVersion) -> bool {
    let stages = ["announced", "filling", "activated", "settling", "done"];
    ["enc", "bidx", "rowmac", "ctx"].contains(&key.purpose.as_str())
        && ["next", "active", "decrypt", "legacy", "retired"].contains(&key.state.as_str())
        && key.rotation.as_deref().is_none_or(|stage| stages.contains(&stage))
}

/// The versions of a tenant's keys, as its region said last.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn of(store: &Store, id: TenantId) -> Result<Vec<KeyRow>, ControlError> {
    let mut tx = store.begin().await?;
    tenants::find_in(&mut tx, id).await?;
    let rows = tenant_key::table
        .filter(tenant_key::tenant_id.eq(id.as_uuid()))
        .order((tenant_key::purpose, tenant_key::version))
        .select(KeyRow::as_select())
        .load(tx.conn()?)
        .await?;
    tx.commit_unaudited().await?;
    Ok(rows)
}
