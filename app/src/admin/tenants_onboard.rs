//! `domicile admin tenants onboard`.

use clap::Args;
use regions::ids::Slug;
use regions::region::RegionName;

use super::output::Table;
use super::{Cx, RoleError, tenant_table};
use crate::control::tenants::{self, Created, NewTenant};

/// The new clinic.
#[derive(Args)]
pub(super) struct Onboard {
    /// Its name in host names: 3 to 40 of a-z, 0-9 and single hyphens.
    #[arg(long)]
    slug: Slug,
    /// Its legal name.
    #[arg(long)]
    legal_name: String,
    /// Its home region, for good.
    #[arg(long)]
    region: RegionName,
    /// Who gets the first invitation.
    #[arg(long)]
    first_admin_email: String,
}

pub(super) async fn run(cx: &Cx, args: Onboard) -> Result<Table, RoleError> {
    let new = NewTenant {
        slug: args.slug,
        legal_name: args.legal_name,
        region: args.region,
        first_admin_email: args.first_admin_email,
    };
    let (Created::New(tenant) | Created::Replayed(tenant)) =
        tenants::create(&cx.store, cx.by, new, None).await?;
    Ok(tenant_table(&tenant))
}
