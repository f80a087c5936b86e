//! `domicile admin shards add`.

use clap::Args;
use regions::ids::ShardId;
use regions::region::RegionName;

use super::output::Table;
use super::{Cx, RoleError, shards_list};
use crate::control::geography;

/// The new shard.
#[derive(Args)]
pub(super) struct Add {
    /// The region it stands in.
    #[arg(long)]
    region: RegionName,
    /// Its number in that region.
    #[arg(long)]
    id: ShardId,
    /// How many tenants it takes.
    #[arg(long, default_value_t = 1_000)]
    tenants_max: u32,
}

pub(super) async fn run(cx: &Cx, args: Add) -> Result<Table, RoleError> {
    let shard = geography::add_shard(&cx.store, cx.by, args.region, args.id, args.tenants_max).await?;
    let mut table = Table::new(shards_list::COLUMNS);
    table.push(shards_list::row(&shard));
    Ok(table)
}
