//! `domicile migrate`: brings the control database or a region's databases to this version's schema.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::ControlConfig;
use crate::control::migrations;
use crate::role::{self, RoleError};

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
}

/// Applies what is missing.
///
/// # Errors
/// A sentence for the operator.
pub fn run(args: MigrateArgs) -> Result<(), RoleError> {
    role::runtime(1)?.block_on(async {
        match args.what {
            What::Control => control(&args.config).await,
        }
    })
}

async fn control(path: &std::path::Path) -> Result<(), RoleError> {
    let config: ControlConfig = role::load(path)?;
    migrations::up(&config.owner_database(), &config.database.user)
        .await
        .map(drop)
        .map_err(|error| RoleError::while_doing("migrating the control database", &error))
}
