//! The crate's one integration test binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop loudly"
)]

mod audit;
mod boot;
mod cancel;
mod envelope;
mod isolation;
mod keys;
mod migrate;
mod objects;
mod provision;
mod rig;
mod scale;
mod support;
