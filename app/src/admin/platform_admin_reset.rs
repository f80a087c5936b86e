//! `domicile admin platform-admin reset`.

use clap::Args;

use super::output::Table;
use super::platform_admin_create::Way;
use super::{Cx, RoleError};
use crate::control::admins;

/// Who begins anew.
#[derive(Args)]
pub(super) struct Reset {
    /// The name they sign in with.
    #[arg(long)]
    login: String,
    #[command(flatten)]
    way: Way,
}

pub(super) async fn run(cx: &Cx, args: Reset) -> Result<Table, RoleError> {
    let start = args.way.start(cx, &args.login).await?;
    let id = admins::reset(&cx.store, cx.by, &args.login, &start.first).await?;
    Ok(start.again(&args.login, id))
}
