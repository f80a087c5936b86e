//! A strict local S3 and KMS, and SNS for texts, that the real AWS SDKs talk to, for development and tests.
//!
//! Where AWS refuses, this refuses: wrong region, expired link, disabled key, other encryption context, shortened
//! retention, wrong checksum. What it does not know it answers with a clear "not implemented", never with a guess.

mod admin;
mod clock;
mod faults;
mod files;
mod kms;
mod random;
mod s3;
mod server;
mod sigv4;
mod sns;
mod tls;

pub use faults::{Fault, FaultKind, Faults, Service};
pub use kms::{KeyInfo, KeyOptions, KeySpec, RegionScope};
pub use s3::BucketOptions;
pub use server::{Handle, Server};
pub use sns::Text;

use std::net::SocketAddr;
use std::path::PathBuf;

/// The one access key id that is accepted, for every service.
pub const ACCESS_KEY_ID: &str = "local";
/// The secret of [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "local-secret";
/// The account that owns every bucket and key unless the configuration says otherwise.
pub const ACCOUNT: &str = "000000000000";

/// What a [`Server`] is started with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The one region that both services are in, for example `ap-south-1`.
    pub region: String,
    /// The folder that keeps buckets (`s3/`) and keys (`kms/`); made when missing.
    pub dir: PathBuf,
    /// Where S3 listens; port 0 takes a free one.
    pub s3_listen: SocketAddr,
    /// Where KMS, SNS and the admin endpoint listen; port 0 takes a free one.
    pub kms_listen: SocketAddr,
    /// Certificate chain and private key in PEM; plain HTTP when absent.
    pub tls: Option<(String, String)>,
    /// The twelve-digit account number, usually [`ACCOUNT`].
    pub account: String,
}
