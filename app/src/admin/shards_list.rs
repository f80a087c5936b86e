//! `domicile admin shards list`.

use clap::Args;
use regions::region::RegionName;
use serde_json::{Value, json};

use super::output::Table;
use super::{Cx, RoleError};
use crate::control::geography::{self, Shard};

pub(super) const COLUMNS: &[&str] = &["region", "shard", "tenants", "tenants_max", "open"];

/// Of which region.
#[derive(Args)]
pub(super) struct List {
    /// Only this region's.
    #[arg(long)]
    region: Option<RegionName>,
}

pub(super) async fn run(cx: &Cx, args: List) -> Result<Table, RoleError> {
    let mut table = Table::new(COLUMNS);
    for shard in geography::shards(&cx.store, args.region).await? {
        table.push(row(&shard));
    }
    Ok(table)
}

pub(super) fn row(shard: &Shard) -> Vec<Value> {
    vec![
        json!(shard.region),
        json!(shard.id),
        json!(shard.tenants),
        json!(shard.tenants_max),
        json!(shard.open),
    ]
}
