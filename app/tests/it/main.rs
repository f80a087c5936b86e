//! The crate's one integration test binary: a real backend, real PostgreSQL, real TLS, real AWS SDKs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on stops"
)]

mod clinic;
mod control;
mod support;
