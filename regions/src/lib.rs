//! Geography and the front door, one module for each word of it.
#![doc = include_str!("../README.md")]

pub mod admin;
pub mod assertion;
pub mod clock;
pub mod directory;
pub mod front_door;
pub mod headers;
pub mod hosts;
pub mod ids;
pub mod keyring;
pub mod log;
pub mod metrics;
pub mod paths;
pub mod proxy_protocol;
pub mod random;
pub mod receipt;
pub mod region;
pub mod residency;
pub mod route_table;
pub mod shutdown;
pub mod sni;
pub mod text;
pub mod tls;
pub mod trace;
mod wire;
