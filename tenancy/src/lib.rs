//! The only door to a tenant's data: connections, tenant transactions, keys, objects, audit, provisioning, migration.
#![doc = ""]
#![doc = include_str!("../README.md")]

pub mod archive;
pub mod audit;
pub mod audit_log;
pub mod config;
mod context;
mod erase;
mod error;
mod jobs;
pub mod migrate;
mod names;
mod pg;
mod pool;
pub mod provision;
pub mod reach;
mod regional;
pub mod schema;
mod session;
pub mod shard;
mod tx;
pub mod upkeep;

// Keys, envelope, blind indexes, objects, and texts to telephones.
mod aws;
pub mod blind;
pub mod envelope;
pub mod keys;
pub mod kms;
pub mod objects;
pub mod sealed;
pub mod sms;

pub use error::{BootError, Rejection, TxError};
pub use jobs::{JobPayload, PAYLOAD_IDS_MAX};
pub use names::{
    APP_ROLE, KEEPER_ROLE, MIGRATOR_ROLE, OWNER_ROLE, RoleName, SchemaName, TENANT_GROUP_ROLE, TenantRef,
};
pub use regional::Regional;
pub use tx::{AuditColumns, TenantTx};
