//! Regions and shards over HTTP.

use actix_web::HttpResponse;
use actix_web::web::{Path, Query};
use regions::directory::RegionRecord;
use regions::ids::ShardId;
use regions::region::{Region, RegionName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Ctx, Json, parse};
use crate::control::access::Action;
use crate::control::contacts::{Contacts, Health};
use crate::control::geography::{self, Shard, transit_name, transit_of};
use crate::error::{AppError, Problem};

/// A region.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionBody {
    /// Its name, for example `us-east-1`.
    name: String,
    /// Its label in host names, for example `us`.
    code: String,
    /// `US` or `IN`.
    jurisdiction: String,
    /// `host:port` where its front door accepts streams from other front doors.
    peer_front_door: String,
    /// The port clients use.
    public_port: u16,
    /// `passthrough` or `refuse`: what other regions' front doors do with connections for its tenants.
    transit: String,
}

impl From<RegionRecord> for RegionBody {
    fn from(record: RegionRecord) -> Self {
        Self {
            name: record.region.name.to_string(),
            code: record.region.code.to_string(),
            jurisdiction: record.region.jurisdiction.as_str().to_owned(),
            peer_front_door: record.peer_front_door,
            public_port: record.public_port,
            transit: transit_name(record.transit).to_owned(),
        }
    }
}

impl RegionBody {
    fn record(&self) -> Result<RegionRecord, AppError> {
        Ok(RegionRecord {
            region: Region {
                name: parse("/name", &self.name)?,
                code: parse("/code", &self.code)?,
                jurisdiction: parse("/jurisdiction", &self.jurisdiction)?,
            },
            peer_front_door: self.peer_front_door.clone(),
            public_port: self.public_port,
            transit: transit_of(&self.transit)?,
        })
    }
}

/// A region and how it is.
#[derive(Serialize, ToSchema)]
pub struct RegionView {
    /// Its name, for example `us-east-1`.
    name: String,
    /// Its label in host names, for example `us`.
    code: String,
    /// `US` or `IN`.
    jurisdiction: String,
    /// `host:port` where its front door accepts streams from other front doors.
    peer_front_door: String,
    /// The port clients use.
    public_port: u16,
    /// `passthrough` or `refuse`: what other regions' front doors do with connections for its tenants.
    transit: String,
    /// `healthy`, `late`, `silent` or `unknown`: as the worst of its front doors, backends and workers, by when each last asked the
    /// control plane for the directory: 60 s ago at most, 180 s at most, longer, never since the control plane's process started.
    health: &'static str,
}

impl RegionView {
    fn new(record: RegionRecord, health: Health) -> Self {
        let RegionBody { name, code, jurisdiction, peer_front_door, public_port, transit } = record.into();
        Self { name, code, jurisdiction, peer_front_door, public_port, transit, health: health.as_str() }
    }
}

/// How other regions treat a region's connections.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransitBody {
    /// `passthrough` or `refuse`.
    transit: String,
}

/// All regions.
#[derive(Serialize, ToSchema)]
pub struct RegionList {
    /// By name.
    items: Vec<RegionView>,
}

/// A shard, how full it is, and how it is.
#[derive(Serialize, ToSchema)]
pub struct ShardView {
    /// The region it stands in.
    region: String,
    /// Its number.
    id: u16,
    /// Tenants it has.
    tenants: i64,
    /// Tenants it takes.
    tenants_max: i64,
    /// Whether it takes new ones.
    open: bool,
    /// `healthy` when it answered its region's worker as the shard that it should be, `down` when not; `late` or `silent` when the
    /// worker's last look is more than 60 s or 180 s ago; `unknown` when none was reported since the control plane's process started.
    health: &'static str,
    /// Seconds since that look; absent when none was reported.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_s: Option<u64>,
}

impl ShardView {
    fn new(shard: &Shard, contacts: &Contacts) -> Self {
        let contact = contacts.shard(shard.region, shard.id);
        Self {
            region: shard.region.to_string(),
            id: shard.id.0,
            tenants: shard.tenants,
            tenants_max: shard.tenants_max,
            open: shard.open,
            health: contact.health.as_str(),
            checked_s: contact.checked_s,
        }
    }
}

/// A new shard.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewShard {
    /// The region it stands in.
    region: String,
    /// Its number in that region.
    id: u16,
    /// How many tenants it takes.
    tenants_max: u32,
}

/// Shards.
#[derive(Serialize, ToSchema)]
pub struct ShardList {
    /// By region and number.
    items: Vec<ShardView>,
}

/// Which shards.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ShardQuery {
    /// Only this region's.
    region: Option<String>,
}

/// Every region, and how it is.
#[utoipa::path(get, path = "/platform/v1/regions", tag = "regions", responses(
    (status = 200, body = RegionList),
    (status = 401, body = Problem),
))]
pub async fn regions(ctx: Ctx) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::RegionList)?;
    let control = ctx.control();
    let view = |record: RegionRecord| {
        let health = control.contacts.region(record.region.name);
        RegionView::new(record, health)
    };
    let items = geography::regions(&control.store).await?.into_iter().map(view).collect();
    Ok(HttpResponse::Ok().json(RegionList { items }))
}

/// Adds a region.
#[utoipa::path(post, path = "/platform/v1/regions", tag = "regions", request_body = RegionBody, responses(
    (status = 201, body = RegionBody),
    (status = 400, body = Problem),
    (status = 409, body = Problem, description = "The name or the code is in use."),
))]
pub async fn add_region(ctx: Ctx, body: Json<RegionBody>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::RegionAdd)?;
    let record = geography::add_region(&ctx.control().store, ctx.by(), body.record()?).await?;
    ctx.control().publish().await;
    Ok(HttpResponse::Created().json(RegionBody::from(record)))
}

/// Sets how other regions' front doors treat connections for a region's tenants.
#[utoipa::path(put, path = "/platform/v1/regions/{name}/transit", tag = "regions", request_body = TransitBody,
    params(("name" = String, Path, description = "The region's name.")), responses(
    (status = 200, body = RegionBody),
    (status = 404, body = Problem),
))]
pub async fn set_transit(
    ctx: Ctx,
    name: Path<String>,
    body: Json<TransitBody>,
) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::RegionTransit)?;
    let name: RegionName = name.parse().map_err(|_error| crate::error::NOT_FOUND)?;
    let transit = transit_of(&body.transit)?;
    let record = geography::set_transit(&ctx.control().store, ctx.by(), name, transit).await?;
    ctx.control().publish().await;
    Ok(HttpResponse::Ok().json(RegionBody::from(record)))
}

/// Shards, how full they are, and how they are.
#[utoipa::path(get, path = "/platform/v1/shards", tag = "shards", params(ShardQuery), responses(
    (status = 200, body = ShardList),
    (status = 404, body = Problem, description = "No such region."),
))]
pub async fn shards(ctx: Ctx, query: Query<ShardQuery>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::ShardList)?;
    let of = query.region.as_deref().map(str::parse).transpose().map_err(|_error| crate::error::NOT_FOUND)?;
    let control = ctx.control();
    let found = geography::shards(&control.store, of).await?;
    let items = found.iter().map(|shard| ShardView::new(shard, &control.contacts)).collect();
    Ok(HttpResponse::Ok().json(ShardList { items }))
}

/// Adds a shard to a region.
#[utoipa::path(post, path = "/platform/v1/shards", tag = "shards", request_body = NewShard, responses(
    (status = 201, body = ShardView),
    (status = 400, body = Problem),
    (status = 404, body = Problem, description = "No such region."),
    (status = 409, body = Problem, description = "The number is in use."),
))]
pub async fn add_shard(ctx: Ctx, body: Json<NewShard>) -> Result<HttpResponse, AppError> {
    ctx.allow(Action::ShardAdd)?;
    let region = parse("/region", &body.region)?;
    let shard =
        geography::add_shard(&ctx.control().store, ctx.by(), region, ShardId(body.id), body.tenants_max)
            .await?;
    Ok(HttpResponse::Created().json(ShardView::new(&shard, &ctx.control().contacts)))
}
