//! `domicile migrate`: brings the control database or a region's databases to this version's schema.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tenancy::migrate::{Parallel, Report};

use crate::config::{ControlConfig, WorkerConfig};
use crate::control::migrations;
use crate::onboarding;
use crate::role::{self, RoleError};

/// Tenants that failed and are named.
const FAILED_SHOWN_MAX: usize = 20;

/// Arguments of `domicile migrate`.
#[derive(Args)]
pub struct MigrateArgs {
    /// The TOML file of the control plane, or of the region's worker.
    #[arg(long)]
    config: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The control database.
    Control,
    /// A region: its key store, its shards, then every tenant, the canary first.
    Region,
}

/// Applies what is missing.
///
/// # Errors
/// A sentence for the operator.
pub fn run(args: MigrateArgs) -> Result<(), RoleError> {
    role::runtime(0)?.block_on(async {
        match args.what {
            What::Control => control(&args.config).await,
            What::Region => region(&args.config).await,
        }
    })
}

async fn control(path: &Path) -> Result<(), RoleError> {
    let config: ControlConfig = role::load(path)?;
    migrations::up(&config.owner_database(), &config.database.user)
        .await
        .map(drop)
        .map_err(|error| RoleError::while_doing("migrating the control database", &error))
}

async fn region(path: &Path) -> Result<(), RoleError> {
    let config: WorkerConfig = role::load(path)?;
    let failed = |error| RoleError::while_doing("migrating the region", &error);
    let regional = config.regional.of(config.region);
    let migrator = onboarding::migrator(&regional, &config.migrator).await.map_err(failed)?;
    migrator.key_store().await.map_err(failed)?;
    migrator.shard_track().await.map_err(failed)?;
    let report = migrator.tenants(Parallel::default()).await.map_err(failed)?;
    if report.is_complete() {
        return Ok(());
    }
    Err(RoleError::new(incomplete(&report)))
}

/// What an operator has to know when some tenants are behind: which, why, and that nothing of them was changed.
fn incomplete(report: &Report) -> String {
    let Report { migrated, failed_count, skipped, .. } = report;
    let mut text = format!(
        "not every tenant was migrated: {migrated} were, {failed_count} failed, {skipped} were not tried because the first one \
         of their shard failed. They keep their version and work on. Put right what is said below, then run it again."
    );
    for (tenant, code) in report.failed.iter().take(FAILED_SHOWN_MAX) {
        text.push_str(&format!("\n  {tenant}: {code}"));
    }
    text
}
