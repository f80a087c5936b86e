//! The crate's one integration test binary: a real backend, real PostgreSQL, real TLS, real AWS SDKs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::as_conversions,
    reason = "a test that cannot go on stops"
)]
#![expect(
    clippy::large_futures,
    clippy::too_many_lines,
    reason = "a test tells one story in one piece, and nothing waits for its stack"
)]

mod clinic;
mod control;
mod support;
