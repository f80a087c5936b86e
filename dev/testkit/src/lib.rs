//! Test databases, certificates and regions for the tests of every crate; never shipped.
//!
//! Nothing here stands in for a database, a certificate or an AWS service: each is real, only local and short-lived.

#![expect(clippy::panic, clippy::expect_used, reason = "a test that cannot be set up should stop loudly")]

mod bootstrap;
pub mod clamd;
mod cluster;
mod copy;
mod own_cluster;
mod pki;
mod region;
mod template;

pub use cluster::TestCluster;
pub use pki::{Issued, Pki};
pub use region::{Geography, TestRegion};

/// The cluster all tests of this machine share; started if `cargo xtask test` has not named one.
///
/// # Panics
/// If PostgreSQL is not installed or does not start; the message says what to do.
pub fn cluster() -> TestCluster {
    TestCluster::shared()
}

/// Starts the shared cluster and leaves it running, for the `testkit` program.
///
/// # Errors
/// A sentence saying what to do.
pub fn start() -> Result<TestCluster, String> {
    own_cluster::ensure()
}

/// Stops the shared cluster and removes its files.
///
/// # Errors
/// A sentence saying what went wrong.
pub fn stop() -> Result<(), String> {
    own_cluster::stop()
}
