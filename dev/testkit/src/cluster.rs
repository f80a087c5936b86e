//! The PostgreSQL cluster of the tests: named by `cargo xtask test`, else started here and shared by every process.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

/// A running cluster and the superuser's way in.
#[derive(Debug, Clone)]
pub struct TestCluster {
    /// Host, always loopback.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Superuser.
    pub user: String,
    /// The superuser's password.
    pub password: String,
    /// PEM file of the authority of the server's certificate.
    pub ca: PathBuf,
    /// The data folder, for scans.
    pub data_dir: PathBuf,
    /// The server's log file, for scans.
    pub log: PathBuf,
    /// The folder of `pgbench` and `psql`.
    pub bin_dir: PathBuf,
}

impl TestCluster {
    /// The cluster that `DOMICILE_TEST_PG` names, else the one of this checkout, started if need be.
    ///
    /// # Panics
    /// If there is none and none can be started; the message says what to do.
    #[must_use]
    pub fn shared() -> Self {
        match Self::from_environment() {
            Some(cluster) => cluster,
            None => crate::own_cluster::ensure().unwrap_or_else(|sentence| panic!("{sentence}")),
        }
    }

    /// `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn from_environment() -> Option<Self> {
        let address = variable("DOMICILE_TEST_PG")?;
        let (host, port) = address.rsplit_once(':')?;
        Some(Self {
            host: host.to_owned(),
            port: port.parse().ok()?,
            user: variable("DOMICILE_TEST_PG_USER").unwrap_or_else(|| "postgres".to_owned()),
            password: variable("DOMICILE_TEST_PG_PASSWORD")?,
            ca: variable("DOMICILE_TEST_PG_CA")?.into(),
            data_dir: variable("DOMICILE_TEST_PG_DATA").unwrap_or_default().into(),
            log: variable("DOMICILE_TEST_PG_LOG").unwrap_or_default().into(),
            bin_dir: variable("DOMICILE_TEST_PG_BIN").unwrap_or_default().into(),
        })
    }

    /// A superuser's connection, for setting up and for attacks.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn superuser(&self, database: &str) -> Result<Client, String> {
        self.login(database, &self.user, &self.password).await
    }

    /// A connection of any role.
    ///
    /// # Errors
    /// What the driver says.
    pub async fn login(&self, database: &str, user: &str, password: &str) -> Result<Client, String> {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(user)
            .password(password)
            .dbname(database)
            .ssl_mode(tokio_postgres::config::SslMode::Require);
        let tls = MakeRustlsConnect::new(self.tls()?);
        let (client, connection) =
            config.connect(tls).await.map_err(|error| format!("{database}: {error:?}"))?;
        tokio::spawn(async move {
            let _ended = connection.await;
        });
        Ok(client)
    }

    fn tls(&self) -> Result<rustls::ClientConfig, String> {
        let mut roots = rustls::RootCertStore::empty();
        let file = CertificateDer::pem_file_iter(&self.ca)
            .map_err(|error| format!("{}: {error}", self.ca.display()))?;
        for certificate in file {
            roots.add(certificate.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|error| error.to_string())?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

#[expect(clippy::disallowed_methods, reason = "the test runner names its cluster in the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
