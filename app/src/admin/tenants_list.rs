//! `domicile admin tenants list`.

use super::output::Table;
use super::{Cx, RoleError, TENANT_COLUMNS, tenant_row};
use crate::control::tenants::{self, PAGE_MAX};

/// Most pages one listing reads; a platform of more tenants is paged through the API.
const PAGES_MAX: usize = 1_000;

pub(super) async fn run(cx: &Cx) -> Result<Table, RoleError> {
    let mut table = Table::new(TENANT_COLUMNS);
    let mut after = None;
    for _page in 0..PAGES_MAX {
        let page = tenants::list(&cx.store, after, PAGE_MAX).await?;
        for tenant in &page {
            table.push(tenant_row(tenant));
        }
        after = page.last().map(|tenant| tenant.id);
        if page.len() < usize::from(PAGE_MAX) {
            break;
        }
    }
    Ok(table)
}
