//! `domicile admin tenants steps`: where a tenant's onboarding or end stands, once or until it is settled.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::output::Table;
use super::{Cx, RoleError, print, tenant};
use crate::control::tasks::{self, StepView};
use crate::control::tenants;

/// Time between two looks, in milliseconds.
const LOOK_MS: u64 = 250;
/// Longest watch, in looks: ten minutes.
const LOOKS_MAX: u32 = 2_400;

/// Of which tenant.
#[derive(Args)]
pub(super) struct Steps {
    /// Its slug or id.
    tenant: String,
    /// Print each change until every step is done; ends with an error after ten minutes.
    #[arg(long)]
    watch: bool,
}

pub(super) async fn run(cx: &Cx, args: Steps) -> Result<Table, RoleError> {
    let id = tenant(cx, &args.tenant).await?.id;
    let mut shown = tasks::steps(&cx.store, id).await?;
    if !args.watch {
        return Ok(table(&shown));
    }
    for _look in 0..LOOKS_MAX {
        if tasks::is_settled(tenants::get(&cx.store, id).await?.state) {
            return Ok(table(&tasks::steps(&cx.store, id).await?));
        }
        tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
        let now = tasks::steps(&cx.store, id).await?;
        if now != shown {
            print(cx, &table(&now))?;
            shown = now;
        }
    }
    Err(RoleError::new("not settled after ten minutes; is the region's worker running?"))
}

fn table(steps: &[StepView]) -> Table {
    let mut table = Table::new(&["task", "step", "state", "attempts", "code", "changed_at"]);
    for step in steps {
        table.push(vec![
            json!(step.kind.as_str()),
            json!(step.step),
            json!(step.state),
            json!(step.attempts),
            json!(step.code),
            json!(step.changed_at.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))),
        ]);
    }
    table
}
