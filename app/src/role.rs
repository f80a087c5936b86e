//! What every role of the binary shares: how it fails to start, its runtime, and what it does with a panic.

use std::path::Path;

use regions::log::{self, Field};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::config::ConfigError;

/// Why a role stopped, as one sentence for the operator. It never holds a secret or a patient's data.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RoleError(String);

impl RoleError {
    /// A failure described by a sentence that says what to do.
    pub fn new(sentence: impl Into<String>) -> RoleError {
        RoleError(sentence.into())
    }

    /// A failure of `what`, with the reason its source gives.
    pub fn while_doing(what: &str, source: &dyn std::error::Error) -> RoleError {
        RoleError(format!("{what}: {source}"))
    }
}

impl From<ConfigError> for RoleError {
    fn from(error: ConfigError) -> RoleError {
        RoleError(error.to_string())
    }
}

/// A multi-threaded runtime with one thread a core, or `threads` when that is not zero.
///
/// # Errors
/// When the operating system refuses the threads.
pub fn runtime(threads: usize) -> Result<tokio::runtime::Runtime, RoleError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if threads > 0 {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().map_err(|error| RoleError::while_doing("starting the runtime", &error))
}

/// Replaces the default panic message, which prints the panic's text (that may hold patient data) to standard error,
/// by a log line with the source line only.
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|info| {
        let line = info.location().map_or(0, std::panic::Location::line);
        log::error("panic", &[Field::Code("panic"), Field::Count(u64::from(line))]);
    }));
}

/// Forbids core dumps, for good: a file with the memory of a process would hold patients' data and keys in clear.
///
/// # Errors
/// When the operating system refuses; the role must not start then.
pub fn forbid_core_dumps() -> Result<(), RoleError> {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none)
        .map_err(|error| RoleError::while_doing("forbidding core dumps", &error))?;
    not_dumpable()
}

/// No other process of this user may attach to this one or read its memory (`prctl(PR_SET_DUMPABLE)`).
#[cfg(target_os = "linux")]
fn not_dumpable() -> Result<(), RoleError> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| RoleError::while_doing("forbidding others to read this process's memory", &error))
}

#[cfg(not(target_os = "linux"))]
fn not_dumpable() -> Result<(), RoleError> {
    Ok(())
}

/// Reads a role's configuration file into its type.
///
/// # Errors
/// A sentence that names the file and the field.
pub fn load<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, RoleError> {
    Ok(crate::config::read(path)?)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn t40_a_process_can_neither_be_dumped_nor_read_by_others() {
        forbid_core_dumps().unwrap();
        let behavior = rustix::process::dumpable_behavior().unwrap();
        assert_eq!(behavior, rustix::process::DumpableBehavior::NotDumpable);
        let core = rustix::process::getrlimit(Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
    }
}
