//! PostgreSQL clusters of the local stack: finding the server's programs, making a cluster, starting and stopping it.
pub(crate) mod binaries;
pub(crate) mod cluster;
pub(crate) mod owner;
pub(crate) mod sql;
