//! `domicile admin regions add`.

use clap::Args;
use regions::directory::RegionRecord;
use regions::region::{Jurisdiction, Region, RegionCode, RegionName};
use regions::residency::TransitMode;

use super::output::Table;
use super::{Cx, RoleError, regions_list};
use crate::control::geography;

/// The new region.
#[derive(Args)]
pub(super) struct Add {
    /// Its name, for example `us-east-1`.
    #[arg(long)]
    name: RegionName,
    /// Its label in host names, for example `us`.
    #[arg(long)]
    code: RegionCode,
    /// `US` or `IN`.
    #[arg(long)]
    jurisdiction: Jurisdiction,
    /// `host:port` where its front door accepts streams from other front doors.
    #[arg(long)]
    peer_front_door: String,
    /// The port clients use.
    #[arg(long)]
    public_port: u16,
    /// What other regions' front doors do with connections for its tenants: `passthrough` or `refuse`.
    #[arg(long, value_parser = geography::transit_of)]
    transit: TransitMode,
}

pub(super) async fn run(cx: &Cx, args: Add) -> Result<Table, RoleError> {
    let record = RegionRecord {
        region: Region { name: args.name, code: args.code, jurisdiction: args.jurisdiction },
        peer_front_door: args.peer_front_door,
        public_port: args.public_port,
        transit: args.transit,
    };
    let record = geography::add_region(&cx.store, cx.by, record).await?;
    let mut table = Table::new(regions_list::COLUMNS);
    table.push(regions_list::row(&record));
    Ok(table)
}
