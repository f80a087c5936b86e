//! `domicile admin directory head`.

use serde_json::json;

use super::output::Table;
use super::{Cx, RoleError};
use crate::control::log;

pub(super) async fn run(cx: &Cx) -> Result<Table, RoleError> {
    let head = log::head(&cx.store).await?;
    let mut table = Table::new(&["version", "chain"]);
    table.push(vec![json!(head.version), json!(data_encoding::HEXLOWER.encode(&head.chain))]);
    Ok(table)
}
