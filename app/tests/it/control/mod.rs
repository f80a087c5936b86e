//! The control plane through its outside: the platform API, the feed, the command line, and its own database.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests stop a test by panicking"
)]

mod access;
mod cli;
mod directory;
mod feed;
mod onboarding;
mod schema;
mod sessions;
mod support;
mod tenants;
