//! The crate's one integration test binary.

mod envelope;
mod keys;
mod objects;
mod rig;
