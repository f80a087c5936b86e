//! `domicile admin directory verify`: reads the whole log, checks its chain and compares it with the tenants' table.

use serde_json::json;

use super::output::Table;
use super::{Cx, RoleError};
use crate::control::log;

pub(super) async fn run(cx: &Cx) -> Result<Table, RoleError> {
    let report = log::verify(&cx.store).await?;
    let mut table = Table::new(&["version", "chain", "regions", "tenants"]);
    table.push(vec![
        json!(report.head.version),
        json!(data_encoding::HEXLOWER.encode(&report.head.chain)),
        json!(report.regions),
        json!(report.tenants),
    ]);
    Ok(table)
}
