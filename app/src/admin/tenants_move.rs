//! `domicile admin tenants suspend`, `resume` and `offboard`: the lifecycle moves an operator makes.

use clap::Args;

use super::output::Table;
use super::{Cx, RoleError, tenant, tenant_table};
use crate::control::tenants::{self, Seen};

/// Which tenant.
#[derive(Args)]
pub(super) struct Which {
    /// Its slug or id.
    tenant: String,
}

/// Which tenant, twice.
#[derive(Args)]
pub(super) struct Offboard {
    /// Its slug or id.
    tenant: String,
    /// Its slug again: what follows cannot be undone.
    #[arg(long)]
    confirm: String,
}

pub(super) async fn suspend(cx: &Cx, which: Which) -> Result<Table, RoleError> {
    let found = tenant(cx, &which.tenant).await?;
    Ok(tenant_table(&tenants::suspend(&cx.store, cx.by, found.id, Seen::Any).await?))
}

pub(super) async fn resume(cx: &Cx, which: Which) -> Result<Table, RoleError> {
    let found = tenant(cx, &which.tenant).await?;
    Ok(tenant_table(&tenants::resume(&cx.store, cx.by, found.id, Seen::Any).await?))
}

pub(super) async fn offboard(cx: &Cx, args: Offboard) -> Result<Table, RoleError> {
    let found = tenant(cx, &args.tenant).await?;
    if found.slug.as_str() != args.confirm {
        return Err(RoleError::new("--confirm must repeat the tenant's slug; nothing was changed"));
    }
    Ok(tenant_table(&tenants::offboard(&cx.store, cx.by, found.id, Seen::Any).await?))
}
