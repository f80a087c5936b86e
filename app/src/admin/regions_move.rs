//! `domicile admin regions move`.

use clap::Args;
use regions::region::RegionName;

use super::output::Table;
use super::{Cx, RoleError, regions_list};
use crate::control::geography::{self, FrontDoorAddress};

/// Which region's front door, and where it is now.
#[derive(Args)]
pub(super) struct Move {
    /// The region.
    #[arg(long)]
    region: RegionName,
    /// `host:port` where its front door accepts streams from other front doors.
    #[arg(long)]
    peer_front_door: String,
    /// The port clients use.
    #[arg(long)]
    public_port: u16,
}

pub(super) async fn run(cx: &Cx, args: Move) -> Result<Table, RoleError> {
    let to = FrontDoorAddress { peer: args.peer_front_door, public_port: args.public_port };
    let record = geography::move_front_door(&cx.store, cx.by, args.region, to).await?;
    let mut table = Table::new(regions_list::COLUMNS);
    table.push(regions_list::row(&record));
    Ok(table)
}
