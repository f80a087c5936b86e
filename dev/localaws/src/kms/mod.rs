//! The key service: the JSON 1.1 protocol of AWS KMS over keys that are files in one folder.

mod blob;
mod data;
mod error;
mod http_api;
mod key;
mod lifecycle;
mod policy;
mod policy_ops;
mod signing;
mod store;
mod wire;

pub use key::{KeyInfo, KeyOptions, KeySpec, RegionScope};

pub(crate) use http_api::answer;
pub(crate) use store::{Kms, SseKeyError};
pub(crate) use wire::Context;
