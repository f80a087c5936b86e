//! Brings the databases of the stack to this version's schema, with the product's own command.
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::fail::Outcome;
use crate::layout::REGIONS;
use crate::stack::Stack;
use crate::stack::bring_up::finish;
use crate::stack::roles::{CONTROL, Role, process_name};

/// Migrates the control plane and each region, beside each other: none knows of the others' databases.
pub(crate) async fn run_all(stack: &Stack) -> Outcome<()> {
    let regions = REGIONS.iter().map(|region| (process_name(region, Role::Worker), "region"));
    let all = regions.chain([(CONTROL.to_owned(), "control")]);
    try_join_all(all.map(async |(config_of, track)| migrate(stack, &config_of, track).await)).await.map(drop)
}

async fn migrate(stack: &Stack, config_of: &str, track: &str) -> Outcome<()> {
    let mut command = stack.domicile("migrate", &stack.config_file(config_of));
    command.arg(track);
    finish(&format!("domicile migrate {track} ({config_of})"), command, MIGRATE_WAIT_MAX).await.map(drop)
}

const MIGRATE_WAIT_MAX: Duration = Duration::from_secs(120);
