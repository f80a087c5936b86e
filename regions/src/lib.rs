#![doc = include_str!("../README.md")]
//! Crate root: the modules of geography, routing and the front door, one folder or file each.

pub mod admin;
pub mod clock;
pub mod hosts;
pub mod ids;
pub mod keyring;
pub mod log;
pub mod metrics;
pub mod random;
pub mod region;
pub mod shutdown;
pub mod text;
pub mod tls;
