//! The `control` role.

use std::path::Path;

use crate::role::RoleError;

/// Runs until asked to stop.
///
/// # Errors
/// A sentence for the operator.
pub fn run(_config: &Path) -> Result<(), RoleError> {
    Err(RoleError::new("the control plane is not linked yet"))
}
