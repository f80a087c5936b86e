//! `domicile admin regions transit`.

use clap::Args;
use regions::region::RegionName;
use regions::residency::TransitMode;

use super::output::Table;
use super::{Cx, RoleError, regions_list};
use crate::control::geography;

/// Which region, and how.
#[derive(Args)]
pub(super) struct Transit {
    /// The region whose tenants are meant.
    #[arg(long)]
    region: RegionName,
    /// `passthrough`: carry the unopened stream home; `refuse`: end it with a TLS alert.
    #[arg(long, value_parser = geography::transit_of)]
    mode: TransitMode,
}

pub(super) async fn run(cx: &Cx, args: Transit) -> Result<Table, RoleError> {
    let record = geography::set_transit(&cx.store, cx.by, args.region, args.mode).await?;
    let mut table = Table::new(regions_list::COLUMNS);
    table.push(regions_list::row(&record));
    Ok(table)
}
