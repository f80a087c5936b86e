//! `domicile admin regions list`.

use regions::directory::RegionRecord;
use serde_json::{Value, json};

use super::output::Table;
use super::{Cx, RoleError};
use crate::control::geography;

pub(super) const COLUMNS: &[&str] =
    &["region", "code", "jurisdiction", "transit", "public_port", "peer_front_door"];

pub(super) async fn run(cx: &Cx) -> Result<Table, RoleError> {
    let mut table = Table::new(COLUMNS);
    for record in geography::regions(&cx.store).await? {
        table.push(row(&record));
    }
    Ok(table)
}

pub(super) fn row(record: &RegionRecord) -> Vec<Value> {
    vec![
        json!(record.region.name),
        json!(record.region.code),
        json!(record.region.jurisdiction.as_str()),
        json!(geography::transit_name(record.transit)),
        json!(record.public_port),
        json!(record.peer_front_door),
    ]
}
