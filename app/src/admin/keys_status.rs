//! `domicile admin keys status`: versions, ages and rotations of a region's keys. Counts and ids only.

use clap::Args;
use regions::ids::TenantId;
use serde_json::json;
use tenancy::keys::Rotation;

use super::RoleError;
use super::output::Table;
use super::regional::Cx;

/// Tenants read at once.
const TENANTS_PER_PAGE: i64 = 500;
/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// Whose keys.
#[derive(Args)]
pub(super) struct Status {
    /// One tenant's id; all of the region's tenants when absent.
    #[arg(long)]
    tenant: Option<TenantId>,
}

pub(super) async fn run(cx: &Cx, args: Status) -> Result<Table, RoleError> {
    let mut table = Table::new(&[
        "tenant",
        "purpose",
        "version",
        "state",
        "age_days",
        "subject_keys",
        "rotation",
        "moved",
    ]);
    if let Some(tenant) = args.tenant {
        add(cx, tenant, &mut table).await?;
        return Ok(table);
    }
    let mut after = None;
    loop {
        let page = cx.keeper.tenants(after, TENANTS_PER_PAGE).await.map_err(failed)?;
        let Some(last) = page.last().copied() else { return Ok(table) };
        for tenant in page {
            add(cx, tenant, &mut table).await?;
        }
        after = Some(last);
    }
}

async fn add(cx: &Cx, tenant: TenantId, table: &mut Table) -> Result<(), RoleError> {
    let rotations = cx.keeper.rotations(Some(tenant)).await.map_err(failed)?;
    for key in cx.keeper.status(tenant).await.map_err(failed)? {
        let of = |one: &&Rotation| one.purpose.as_str() == key.purpose && one.to_version == key.version;
        let rotation = rotations.iter().find(of);
        table.push(vec![
            json!(tenant),
            json!(key.purpose),
            json!(key.version),
            json!(key.state),
            json!(key.age_s / DAY_S),
            json!(key.wraps),
            json!(rotation.map(|one| one.stage.as_str())),
            json!(rotation.map(|one| one.done)),
        ]);
    }
    Ok(())
}

fn failed(error: tenancy::keys::KeyError) -> RoleError {
    RoleError::while_doing("reading the key store", &error)
}
