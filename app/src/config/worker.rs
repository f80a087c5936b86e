//! The worker's configuration.

use std::net::SocketAddr;
use std::path::PathBuf;

use regions::hosts::BaseDomain;
use regions::region::RegionName;
use serde::Deserialize;
use tenancy::config::SnsConfig;

use super::backend::{DirectoryConfig, RegionalPart};
use crate::documents::scanner::ScannerConfig;

/// What `domicile worker` reads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// The one region this process serves.
    pub region: RegionName,
    /// The base domain under which clinics have their addresses.
    pub base: BaseDomain,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub admin_listen: SocketAddr,
    /// The port clients see at the front door; links in mails are made with it.
    pub public_port: u16,
    /// Where the signed directory comes from.
    pub directory: DirectoryConfig,
    /// The region's data plane.
    pub regional: RegionalPart,
    /// How mail leaves.
    pub mail: MailConfig,
    /// How texts to telephones leave.
    pub sms: SmsConfig,
    /// How documents are looked at.
    pub documents: DocumentsConfig,
    /// The login that creates and changes schemas.
    pub migrator: MigratorLogin,
    /// Jobs at once.
    #[serde(default = "jobs_default")]
    pub jobs_max: usize,
}

/// How documents are looked at.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentsConfig {
    /// Whether they are scanned for malware, and by whom; there is no default.
    pub scanner: ScannerConfig,
}

const fn jobs_default() -> usize {
    4
}

/// How mail leaves: into a directory or to a server, never both.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The sender.
    pub from: String,
    /// Write `.eml` files here.
    #[serde(default)]
    pub dir: Option<PathBuf>,
    /// Hand over to this server.
    #[serde(default)]
    pub smtp: Option<SmtpConfig>,
}

/// How texts to telephones leave: into a directory or through the region's SNS, never both.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmsConfig {
    /// Write `.txt` files here.
    #[serde(default)]
    pub dir: Option<PathBuf>,
    /// Hand over to SNS in this process's own region.
    #[serde(default)]
    pub sns: Option<SnsConfig>,
}

/// A mail server that speaks TLS from the first byte or by STARTTLS; there is no plaintext mode.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// Host name, which the certificate must carry.
    pub host: String,
    /// Port; 465 means TLS from the first byte, any other STARTTLS.
    pub port: u16,
    /// File with the one authority whose certificates are good for this server; absent means those of the machine.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// User name; absent means no authentication.
    #[serde(default)]
    pub user: Option<String>,
    /// File that holds the password.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
}

/// The login that creates and changes schemas; only the worker and `migrate` have it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigratorLogin {
    /// Login role.
    pub user: String,
    /// File that holds its password.
    pub password_file: PathBuf,
}
