#![doc = include_str!("../README.md")]
//! Crate root: the modules of geography, routing and the front door, one folder or file each.

pub mod admin;
pub mod assertion;
pub mod clock;
pub mod directory;
pub mod headers;
pub mod front_door;
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
mod wire;
