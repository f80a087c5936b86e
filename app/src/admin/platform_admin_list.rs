//! `domicile admin platform-admin list`.

use serde_json::json;

use super::output::Table;
use super::{Cx, RoleError};
use crate::control::admins;

pub(super) async fn run(cx: &Cx) -> Result<Table, RoleError> {
    let mut table = Table::new(&["login", "role", "state", "id", "created_at"]);
    for one in admins::list(&cx.store).await? {
        table.push(vec![
            json!(one.login),
            json!(one.role),
            json!(one.state),
            json!(one.id),
            json!(one.created_at),
        ]);
    }
    Ok(table)
}
