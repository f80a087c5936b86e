//! Brings the databases of the stack to this version's schema, with the product's own command.
use std::time::Duration;

use crate::fail::Outcome;
use crate::layout::REGIONS;
use crate::stack::Stack;
use crate::stack::bring_up::finish;
use crate::stack::roles::{CONTROL, Role, process_name};

/// Migrates the control plane, then each region.
pub(crate) async fn run_all(stack: &Stack) -> Outcome<()> {
    migrate(stack, CONTROL, "control").await?;
    for region in &REGIONS {
        migrate(stack, &process_name(region, Role::Worker), "region").await?;
    }
    Ok(())
}

async fn migrate(stack: &Stack, config_of: &str, track: &str) -> Outcome<()> {
    let mut command = stack.domicile("migrate", &stack.config_file(config_of));
    command.arg(track);
    finish(&format!("domicile migrate {track} ({config_of})"), command, MIGRATE_WAIT_MAX).await.map(drop)
}

const MIGRATE_WAIT_MAX: Duration = Duration::from_secs(120);
