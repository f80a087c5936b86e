//! The control role's configuration. It names one database, its own; there is no field for a region's.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use regions::tls::Identity;
use serde::Deserialize;
use tenancy::config::DbConfig;

/// What `domicile control`, `domicile admin` and `domicile migrate control` read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlConfig {
    /// The base domain; the platform API answers on `control.{base}` only.
    pub base: String,
    /// The platform API's address as browsers write it, for example `https://control.domicile.example`. Requests that
    /// change something must come from this origin.
    pub public_url: String,
    /// Where the platform API listens.
    pub listen: SocketAddr,
    /// Where front doors, backends and workers fetch the directory and their work.
    pub feed_listen: SocketAddr,
    /// Where `/healthz`, `/readyz` and `/metrics` are.
    pub admin_listen: SocketAddr,
    /// The certificate of `control.{base}`.
    pub tls: Identity,
    /// The feed's certificate, and the authority that signed its clients'.
    pub feed_tls: FeedTls,
    /// The control database as the running process sees it.
    pub database: DbConfig,
    /// The role that owns the schema, for `domicile migrate control`. The running process does not read its password.
    pub migrator: MigratorConfig,
    /// The key that signs the directory.
    pub signing: SigningConfig,
    /// How platform administrators sign in; with a passkey only, unless this says more.
    #[serde(default)]
    pub sign_in: SignInWays,
    /// How fast the platform API may be asked.
    #[serde(default)]
    pub limits: ControlLimits,
    /// The folder of the built portal with the platform console; without one this process serves no pages.
    #[serde(default)]
    pub portal_dir: Option<PathBuf>,
}

/// How platform administrators sign in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInWays {
    /// With a passkey.
    #[default]
    Passkey,
    /// With a passkey or a password: for local stacks and their scripts, and for an operator who has to get in while no
    /// passkey can be used.
    PasskeyOrPassword,
}

impl SignInWays {
    /// Whether a password signs in.
    #[must_use]
    pub const fn takes_passwords(self) -> bool {
        matches!(self, Self::PasskeyOrPassword)
    }
}

/// How fast the platform API may be asked.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlLimits {
    /// Requests a minute from one address (of IPv6: one /64) as the listener sees it; what a header says counts nothing.
    pub address_per_min: NonZeroU32,
}

impl Default for ControlLimits {
    /// Twenty a second: more than a console and its scripts need, less than a flood.
    fn default() -> Self {
        Self { address_per_min: NonZeroU32::MIN.saturating_add(1_199) }
    }
}

/// TLS of the feed listener.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeedTls {
    /// The chain, leaf first, in PEM.
    pub cert: PathBuf,
    /// The private key in PEM.
    pub key: PathBuf,
    /// Only clients with a certificate of this authority may connect.
    pub client_ca: PathBuf,
}

impl FeedTls {
    /// The certificate and its key.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { cert: self.cert.clone(), key: self.key.clone() }
    }
}

/// The owner of the schema.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigratorConfig {
    /// Login role.
    pub user: String,
    /// File that holds its password.
    pub password_file: PathBuf,
}

/// The directory's signing key.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningConfig {
    /// Ed25519 private key as PKCS#8.
    pub key_file: PathBuf,
    /// The name under which verifiers hold its public half.
    pub kid: String,
}

impl ControlConfig {
    /// The control database as its owner sees it.
    #[must_use]
    pub fn owner_database(&self) -> DbConfig {
        DbConfig {
            user: self.migrator.user.clone(),
            password_file: self.migrator.password_file.clone(),
            ..self.database.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ControlConfig, SignInWays};

    const EXAMPLE: &str = r#"
        base = "domicile.localhost"
        public_url = "https://control.domicile.localhost:7400"
        listen = "127.0.0.1:7400"
        feed_listen = "127.0.0.1:7401"
        admin_listen = "127.0.0.1:7402"
        [tls]
        cert = "c.pem"
        key = "c.key"
        [feed_tls]
        cert = "f.pem"
        key = "f.key"
        client_ca = "ca.pem"
        [database]
        host = "127.0.0.1"
        port = 7403
        database = "control"
        user = "domicile_control"
        password_file = "p"
        ca = "ca.pem"
        [migrator]
        user = "domicile_control_owner"
        password_file = "q"
        [signing]
        key_file = "s.p8"
        kid = "d1"
    "#;

    #[test]
    fn a_whole_file_is_read_and_an_unknown_field_refused() {
        let config: ControlConfig = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(config.owner_database().user, "domicile_control_owner");
        assert_eq!(config.owner_database().port, config.database.port);
        assert_eq!(config.sign_in, SignInWays::Passkey, "no password unless the file says so");
        let both: ControlConfig =
            toml::from_str(&format!("sign_in = \"passkey_or_password\"\n{EXAMPLE}")).unwrap();
        assert!(both.sign_in.takes_passwords());
        assert!(toml::from_str::<ControlConfig>(&format!("sign_in = \"password\"\n{EXAMPLE}")).is_err());
        for extra in ["region = \"us-east-1\"", "default_region = \"us-east-1\"", "regional = 1"] {
            assert!(toml::from_str::<ControlConfig>(&format!("{extra}\n{EXAMPLE}")).is_err(), "{extra}");
        }
    }
}
