//! The crate's one integration test binary.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::too_many_lines,
    reason = "a test that cannot go on should stop loudly"
)]

mod archive;
mod audit;
mod audit_log;
mod boot;
mod cancel;
mod child;
mod documents;
mod envelope;
mod isolation;
mod keys;
mod killed;
mod migrate;
mod noisy;
mod objects;
mod provision;
mod rig;
mod rotation;
mod scale;
mod support;
mod token_keys;
