//! Configuration: one TOML file a role, read once at start. No field has a default region, and none names a second one.

mod backend;
mod control;
mod worker;

use std::path::{Path, PathBuf};

pub use backend::{
    BackendConfig, DirectoryConfig, ListenTls, PasswordConfig, RegionalPart, RouteConfig, SessionConfig,
};
pub use control::{ControlConfig, FeedTls, MigratorConfig, SignInWays, SigningConfig};
pub use worker::{DocumentsConfig, MailConfig, MigratorLogin, SmsConfig, SmtpConfig, WorkerConfig};

/// Largest configuration file, in bytes.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Why a configuration file cannot be used. The sentence names the file and, for a wrong field, the field.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is too large to be a configuration.
    #[error("{path} is larger than a configuration can be")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// A field is missing, unknown or of the wrong form.
    #[error("{path}: {reason}")]
    Field {
        /// Which file.
        path: PathBuf,
        /// What the parser says; a configuration holds no secret, only names of files that do.
        reason: String,
    },
}

/// Reads a role's file into its type; an unknown field is an error.
///
/// # Errors
/// See [`ConfigError`].
pub fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let fail = |source| ConfigError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(fail)?.len() > FILE_MAX_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned() });
    }
    let text = std::fs::read_to_string(path).map_err(fail)?;
    parse(&text).map_err(|reason| ConfigError::Field { path: path.to_owned(), reason })
}

fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKEND: &str = r#"
region = "us-east-1"
base = "domicile.localhost"
listen = "127.0.0.1:7412"
admin_listen = "127.0.0.1:7413"
public_port = 7410
[tls]
cert = "a.pem"
key = "a.key"
client_ca = "ca.pem"
[directory]
url = "https://127.0.0.1:7401"
ca = "ca.pem"
cert = "b.pem"
key = "b.key"
server_name = "feed.control.domicile.internal"
keys = ["k1:AAAA"]
file = "directory.bin"
[route]
keys = "route.keys"
receipts = "receipt.keys"
[regional]
shards = [{ id = 1, host = "localhost", port = 7415, database = "shard", user = "domicile_app", password_file = "p", ca = "ca.pem" }]
key_store = { host = "localhost", port = 7415, database = "keys", user = "domicile_keys", password_file = "p", ca = "ca.pem" }
kms = { endpoint = "https://127.0.0.1:7417", key_id = "arn:aws:kms:us-east-1:000000000000:key/x", ca = "ca.pem" }
s3 = { endpoint = "https://127.0.0.1:7416", bucket = "b", ca = "ca.pem" }
audit = { bucket = "a", key_id = "arn:aws:kms:us-east-1:000000000000:key/x", signing_key_id = "arn:aws:kms:us-east-1:000000000000:key/y" }
[session]
idle_s = 900
absolute_s = 43200
"#;

    #[test]
    fn a_backend_file_reads_and_its_region_reaches_the_data_plane() {
        let config: BackendConfig = parse(BACKEND).unwrap();
        assert_eq!(config.regional.of(config.region).region.to_string(), "us-east-1");
        assert_eq!(config.public_port, 7410);
    }

    #[test]
    fn a_missing_region_an_unknown_field_and_a_second_region_are_refused() {
        let without = BACKEND.replace("region = \"us-east-1\"\n", "");
        assert!(parse::<BackendConfig>(&without).err().unwrap().contains("region"));
        let unknown = BACKEND.replace("[session]", "[session]\nidle_minutes = 3");
        assert!(parse::<BackendConfig>(&unknown).err().unwrap().contains("idle_minutes"));
        let second = BACKEND.replace("[regional]", "[regional]\nregion = \"ap-south-1\"");
        assert!(parse::<BackendConfig>(&second).err().unwrap().contains("region"));
    }
}
