//! Regions and their shards: listing and adding. Nothing here is ever removed; a shard is closed instead.

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::directory::{Entry, RegionRecord};
use regions::ids::ShardId;
use regions::region::{Region, RegionName};
use regions::residency::TransitMode;

use super::audit::{AuditEntry, By};
use super::error::ControlError;
use super::log;
use super::rules::{self, ShardLoad};
use super::store::{ControlTx, Store};
use super::tables::{region, shard, tenant};

/// Most regions the platform has; a listing is never longer.
const REGIONS_MAX: i64 = 64;
/// Most shards of one region; a listing is never longer.
const SHARDS_MAX: i64 = 1_024;
/// Most tenants a shard may be told to take. The measured bound is about 1,000 schemas a cluster; the rest is head room.
const SHARD_TENANTS_MAX: u32 = 5_000;

/// A shard and how full it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// The region it stands in.
    pub region: RegionName,
    /// Its number.
    pub id: ShardId,
    /// Tenants it has.
    pub tenants: i64,
    /// Tenants it takes.
    pub tenants_max: i64,
    /// Whether it takes new ones.
    pub open: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = region)]
struct RegionRow {
    name: String,
    code: String,
    jurisdiction: String,
    peer_front_door: String,
    public_port: i32,
    transit: String,
}

impl RegionRow {
    fn record(self) -> Result<RegionRecord, ControlError> {
        let bad = || ControlError::Stored("region");
        Ok(RegionRecord {
            region: Region {
                name: self.name.parse().map_err(|_error| bad())?,
                code: self.code.parse().map_err(|_error| bad())?,
                jurisdiction: self.jurisdiction.parse().map_err(|_error| bad())?,
            },
            peer_front_door: self.peer_front_door,
            public_port: u16::try_from(self.public_port).map_err(|_error| bad())?,
            transit: transit_of(&self.transit).map_err(|_error| bad())?,
        })
    }
}

/// Every region, by name.
///
/// # Errors
/// When the database fails.
pub async fn regions(store: &Store) -> Result<Vec<RegionRecord>, ControlError> {
    let mut tx = store.begin().await?;
    let rows: Vec<RegionRow> = region::table
        .select(RegionRow::as_select())
        .order(region::name)
        .limit(REGIONS_MAX)
        .load(tx.conn()?)
        .await?;
    tx.commit_unaudited().await?;
    rows.into_iter().map(RegionRow::record).collect()
}

/// Adds a region and tells the directory.
///
/// # Errors
/// [`ControlError::Exists`] when its name or code is in use, [`ControlError::Invalid`] for an address that is none.
pub async fn add_region(store: &Store, by: By, record: RegionRecord) -> Result<RegionRecord, ControlError> {
    peer_address(&record.peer_front_door)?;
    let mut tx = store.begin().await?;
    let count: i64 = region::table.count().get_result(tx.conn()?).await?;
    if count >= REGIONS_MAX {
        return Err(ControlError::Invalid { field: "name", code: "too_many_regions" });
    }
    let now = tx.now();
    diesel::insert_into(region::table)
        .values((
            region::name.eq(record.region.name.as_str()),
            region::code.eq(record.region.code.as_str()),
            region::jurisdiction.eq(record.region.jurisdiction.as_str()),
            region::peer_front_door.eq(&record.peer_front_door),
            region::public_port.eq(i32::from(record.public_port)),
            region::transit.eq(transit_name(record.transit)),
            region::created_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await
        .map_err(|error| ControlError::from(error).when_duplicate(ControlError::Exists("region")))?;
    log::append(&mut tx, &Entry::Region(record.clone())).await?;
    tx.commit(AuditEntry::allowed(by, "region.add").region(record.region.name)).await?;
    Ok(record)
}

/// Sets how streams for a region's tenants are treated elsewhere: carried home unopened, or refused.
///
/// # Errors
/// [`ControlError::NotFound`] for a region that is not there.
pub async fn set_transit(
    store: &Store,
    by: By,
    name: RegionName,
    transit: TransitMode,
) -> Result<RegionRecord, ControlError> {
    let mut tx = store.begin().await?;
    let row: Option<RegionRow> = diesel::update(region::table.filter(region::name.eq(name.as_str())))
        .set(region::transit.eq(transit_name(transit)))
        .returning(RegionRow::as_returning())
        .get_result(tx.conn()?)
        .await
        .optional()?;
    let record = row.ok_or(ControlError::NotFound("region"))?.record()?;
    log::append(&mut tx, &Entry::Region(record.clone())).await?;
    tx.commit(AuditEntry::allowed(by, "region.transit").region(name)).await?;
    Ok(record)
}

/// Where a region's front door is reached.
#[derive(Debug, Clone)]
pub struct FrontDoorAddress {
    /// `host:port` for streams from other front doors.
    pub peer: String,
    /// The port clients use.
    pub public_port: u16,
}

/// Tells everybody that a region's front door is reached elsewhere from now on. The region itself stays what it is.
///
/// # Errors
/// [`ControlError::NotFound`] for a region that is not there, [`ControlError::Invalid`] for an address that is none.
pub async fn move_front_door(
    store: &Store,
    by: By,
    name: RegionName,
    to: FrontDoorAddress,
) -> Result<RegionRecord, ControlError> {
    peer_address(&to.peer)?;
    let mut tx = store.begin().await?;
    let row: Option<RegionRow> = diesel::update(region::table.filter(region::name.eq(name.as_str())))
        .set((region::peer_front_door.eq(&to.peer), region::public_port.eq(i32::from(to.public_port))))
        .returning(RegionRow::as_returning())
        .get_result(tx.conn()?)
        .await
        .optional()?;
    let record = row.ok_or(ControlError::NotFound("region"))?.record()?;
    log::append(&mut tx, &Entry::Region(record.clone())).await?;
    tx.commit(AuditEntry::allowed(by, "region.move").region(name)).await?;
    Ok(record)
}

/// Every shard, of one region or of all, with its load.
///
/// # Errors
/// [`ControlError::NotFound`] for a region that is not there.
pub async fn shards(store: &Store, of: Option<RegionName>) -> Result<Vec<Shard>, ControlError> {
    let mut tx = store.begin().await?;
    if let Some(name) = of {
        region_exists(&mut tx, name).await?;
    }
    let found = load_shards(&mut tx, of).await?;
    tx.commit_unaudited().await?;
    Ok(found)
}

/// Adds a shard to a region. The database itself is made and migrated by its operators first; the region's worker
/// refuses a task for a shard that its configuration does not name.
///
/// # Errors
/// [`ControlError::NotFound`] for an unknown region, [`ControlError::Exists`] for a number in use,
/// [`ControlError::Invalid`] for a size out of bounds.
pub async fn add_shard(
    store: &Store,
    by: By,
    in_region: RegionName,
    id: ShardId,
    tenants_max: u32,
) -> Result<Shard, ControlError> {
    if tenants_max == 0 || tenants_max > SHARD_TENANTS_MAX {
        return Err(ControlError::Invalid { field: "tenants_max", code: "out_of_range" });
    }
    if id.0 == 0 {
        return Err(ControlError::Invalid { field: "id", code: "out_of_range" });
    }
    let mut tx = store.begin().await?;
    region_exists(&mut tx, in_region).await?;
    let now = tx.now();
    diesel::insert_into(shard::table)
        .values((
            shard::region.eq(in_region.as_str()),
            shard::id.eq(i32::from(id.0)),
            shard::tenants_max.eq(i32::try_from(tenants_max).unwrap_or(i32::MAX)),
            shard::state.eq("open"),
            shard::created_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await
        .map_err(|error| ControlError::from(error).when_duplicate(ControlError::Exists("shard")))?;
    tx.commit(AuditEntry::allowed(by, "shard.add").shard(in_region, id.0)).await?;
    Ok(Shard { region: in_region, id, tenants: 0, tenants_max: i64::from(tenants_max), open: true })
}

/// Chooses the shard of a new tenant. The region's shards stay locked until the transaction ends, so that two tenants
/// placed at once cannot both take the last room.
pub(super) async fn place(tx: &mut ControlTx, in_region: RegionName) -> Result<ShardId, ControlError> {
    region_exists(tx, in_region).await?;
    let _locked: Vec<i32> = shard::table
        .filter(shard::region.eq(in_region.as_str()))
        .select(shard::id)
        .order(shard::id)
        .for_update()
        .load(tx.conn()?)
        .await?;
    let loads: Vec<ShardLoad> = load_shards(tx, Some(in_region))
        .await?
        .into_iter()
        .filter(|shard| shard.open)
        .map(|shard| ShardLoad { shard: shard.id, tenants: shard.tenants, tenants_max: shard.tenants_max })
        .collect();
    rules::place(&loads)
}

async fn region_exists(tx: &mut ControlTx, name: RegionName) -> Result<(), ControlError> {
    let found: Option<String> =
        region::table.find(name.as_str()).select(region::name).first(tx.conn()?).await.optional()?;
    found.map(drop).ok_or(ControlError::NotFound("region"))
}

async fn load_shards(tx: &mut ControlTx, of: Option<RegionName>) -> Result<Vec<Shard>, ControlError> {
    let mut query = shard::table
        .select((shard::region, shard::id, shard::tenants_max, shard::state))
        .order((shard::region, shard::id))
        .limit(SHARDS_MAX)
        .into_boxed();
    if let Some(name) = of {
        query = query.filter(shard::region.eq(name.to_string()));
    }
    let rows: Vec<(String, i32, i32, String)> = query.load(tx.conn()?).await?;
    let counts: Vec<(String, i32, i64)> = tenant::table
        .filter(tenant::state.ne("purged"))
        .group_by((tenant::region, tenant::shard))
        .select((tenant::region, tenant::shard, diesel::dsl::count_star()))
        .load(tx.conn()?)
        .await?;
    rows.into_iter()
        .map(|(in_region, id, tenants_max, state)| {
            let tenants = counts
                .iter()
                .find(|(name, number, _)| *name == in_region && *number == id)
                .map_or(0, |(_, _, count)| *count);
            Ok(Shard {
                region: in_region.parse().map_err(|_error| ControlError::Stored("region"))?,
                id: ShardId(u16::try_from(id).map_err(|_error| ControlError::Stored("shard"))?),
                tenants,
                tenants_max: i64::from(tenants_max),
                open: state == "open",
            })
        })
        .collect()
}

/// A transit mode as it is stored and shown.
#[must_use]
pub const fn transit_name(mode: TransitMode) -> &'static str {
    match mode {
        TransitMode::Passthrough => "passthrough",
        TransitMode::Refuse => "refuse",
    }
}

/// The transit mode of this name.
///
/// # Errors
/// [`ControlError::Invalid`] on `transit`.
pub fn transit_of(name: &str) -> Result<TransitMode, ControlError> {
    [TransitMode::Passthrough, TransitMode::Refuse]
        .into_iter()
        .find(|mode| transit_name(*mode) == name)
        .ok_or(ControlError::Invalid { field: "transit", code: "invalid_value" })
}

/// A `host:port` that front doors of other regions can connect to.
fn peer_address(text: &str) -> Result<(), ControlError> {
    let invalid = ControlError::Invalid { field: "peer_front_door", code: "not_host_and_port" };
    match text.rsplit_once(':') {
        Some((host, port))
            if !host.is_empty()
                && host.len() <= 253
                && host
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'[' | b']' | b':'))
                && port.parse::<u16>().is_ok_and(|port| port != 0) =>
        {
            Ok(())
        }
        _ => Err(invalid),
    }
}

#[cfg(test)]
mod tests {
    use super::peer_address;

    #[test]
    fn a_peer_is_a_host_and_a_port() {
        for good in ["127.0.0.1:7418", "fd.us.example:443", "[::1]:1"] {
            assert!(peer_address(good).is_ok(), "{good}");
        }
        for bad in
            ["", "host", "host:", ":1", "host:0", "host:70000", "ho st:1", "user@host:1", "http://host:1"]
        {
            assert!(peer_address(bad).is_err(), "{bad}");
        }
    }
}
