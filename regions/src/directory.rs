//! The signed list of regions and tenants that front doors and backends hold in memory.
//!
//! The control plane keeps a log of entries ([`Log`]) and signs snapshots and deltas of it ([`Signer`]).
//! Every other process verifies them ([`Verifier`]), keeps the last good state ([`DirectoryHandle`]) in
//! memory and on disk ([`store`]), and asks for news ([`feed`]). What is older, unsigned, altered, or breaks
//! a rule is refused, and the last good state stays.

mod chain;
mod encode;
pub mod feed;
mod feed_client;
mod handle;
mod keeper;
pub mod record;
mod sign;
mod state;
pub mod store;

pub use crate::route_table::Route;
pub use chain::{Head, Log};
pub use encode::{ENTRY_MAX_BYTES, decode, encode};
pub use handle::{DirectoryHandle, Lookup};
pub use record::{Entry, RegionRecord, RuleError, TenantRecord, TenantState};
pub use sign::{
    DELTA_MAX_BYTES, DELTA_MAX_ENTRIES, KeyError, Kind, OpenError, Opened, SNAPSHOT_MAX_BYTES, Signer,
    Verifier,
};
pub use state::{Applied, Directory, RefusedError};
