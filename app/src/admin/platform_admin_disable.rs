//! `domicile admin platform-admin disable`.

use clap::Args;
use serde_json::json;

use super::output::Table;
use super::{Cx, RoleError};
use crate::control::admins;

/// Who has left.
#[derive(Args)]
pub(super) struct Disable {
    /// The name they sign in with.
    #[arg(long)]
    login: String,
}

pub(super) async fn run(cx: &Cx, args: Disable) -> Result<Table, RoleError> {
    let id = admins::disable(&cx.store, cx.by, &args.login).await?;
    let mut table = Table::new(&["login", "id", "state"]);
    table.push(vec![json!(args.login), json!(id), json!("disabled")]);
    Ok(table)
}
