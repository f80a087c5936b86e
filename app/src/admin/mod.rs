//! The `admin` and `migrate` commands.

use crate::role::RoleError;

/// Arguments of `domicile migrate`.
#[derive(clap::Args)]
pub struct MigrateArgs {}

/// Arguments of `domicile admin`.
#[derive(clap::Args)]
pub struct AdminArgs {}

/// Brings databases to this version's schema.
///
/// # Errors
/// A sentence for the operator.
pub fn migrate(_args: MigrateArgs) -> Result<(), RoleError> {
    Err(RoleError::new("migrate is not linked yet"))
}

/// Platform administration.
///
/// # Errors
/// A sentence for the operator.
pub fn run(_args: AdminArgs) -> Result<(), RoleError> {
    Err(RoleError::new("admin is not linked yet"))
}
