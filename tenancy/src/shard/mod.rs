//! One PostgreSQL cluster of a region: how it is set up, and the checks a process makes before it trusts it.

pub mod bootstrap;
pub mod pins;
pub mod settings;
