//! The crate's one integration test binary.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a test that cannot go on should stop loudly"
)]

mod folder;
mod follow;
mod kit;
mod pack;
mod tree;
mod vectors;
