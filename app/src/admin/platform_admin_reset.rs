//! `domicile admin platform-admin reset`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::Table;
use super::platform_admin_create::{hash, password};
use super::{Cx, RoleError};
use crate::control::admins;

/// Whose password.
#[derive(Args)]
pub(super) struct Reset {
    /// The name they sign in with.
    #[arg(long)]
    login: String,
    /// File with the new password; without it one is generated and printed once.
    #[arg(long)]
    password_file: Option<PathBuf>,
}

pub(super) async fn run(cx: &Cx, args: Reset) -> Result<Table, RoleError> {
    let (password, shown) = password(&args.login, args.password_file.as_deref())?;
    let phc = hash(&password).await?;
    let id = admins::reset(&cx.store, cx.by, &args.login, phc).await?;
    let mut table = Table::new(&["login", "id", "password"]);
    table.push(vec![json!(args.login), json!(id), shown]);
    Ok(table)
}
