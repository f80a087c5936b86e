//! Connecting to PostgreSQL: TLS with our own authority, SCRAM, a deadline, and session options set at log-in.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::DbConfig;
use crate::error::BootError;

/// Longest time for TCP, TLS and log-in of a connection outside the pool, in milliseconds.
const CONNECT_MS: u64 = 5_000;

/// A half-open connection: the client and the task-to-be that drives it.
pub(crate) type Parts = (Client, Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

/// Options every session starts with. The server notices a client that went away, so that a cancelled request does
/// not keep a statement running; `row_security` fails loudly rather than filtering for a role that bypasses it.
const SESSION_OPTIONS: &str = "-c client_connection_check_interval=1000 -c row_security=on";

/// How to open connections to one database; checked once, used for each connection.
#[derive(Clone)]
pub(crate) struct Connector {
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
    password_file: std::path::PathBuf,
    target: String,
    field: &'static str,
    connect: Duration,
}

impl Connector {
    /// Reads the authority's certificates; `field` names the configuration part in errors.
    pub(crate) fn new(db: &DbConfig, field: &'static str, application: &str) -> Result<Self, BootError> {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&db.host)
            .port(db.port)
            .dbname(&db.database)
            .user(&db.user)
            .application_name(application)
            .options(SESSION_OPTIONS)
            .ssl_mode(SslMode::Require)
            .connect_timeout(Duration::from_millis(CONNECT_MS));
        Ok(Self {
            config,
            tls: MakeRustlsConnect::new(tls_config(&db.ca, field)?),
            password_file: db.password_file.clone(),
            target: format!("{}:{}/{}", db.host, db.port, db.database),
            field,
            connect: Duration::from_millis(CONNECT_MS),
        })
    }

    /// Bounds TCP, TLS and log-in together.
    pub(crate) fn with_deadline(mut self, connect: Duration) -> Self {
        self.connect = connect;
        self
    }

    /// Sessions that start as `role`, which the log-in must be a member of.
    pub(crate) fn becoming(mut self, role: &str) -> Self {
        self.config.options(format!("{SESSION_OPTIONS} -c role={role}"));
        self
    }

    /// Opens one connection. The password is read each time, so that rotating it needs no restart.
    pub(crate) async fn open(&self) -> Result<Parts, BootError> {
        let config = self.with_password().await?;
        match tokio::time::timeout(self.connect, config.connect(self.tls.clone())).await {
            Ok(Ok(parts)) => Ok(parts),
            Ok(Err(error)) => Err(self.failure(&describe(&error))),
            Err(_elapsed) => Err(self.failure("no answer in time")),
        }
    }

    async fn with_password(&self) -> Result<tokio_postgres::Config, BootError> {
        let password = tokio::fs::read(&self.password_file).await.map_err(|error| BootError::File {
            field: "password_file",
            path: self.password_file.display().to_string(),
            reason: error.kind().to_string(),
        })?;
        let mut config = self.config.clone();
        config.password(password.trim_ascii_end());
        Ok(config)
    }

    /// Opens a connection that drives itself until it is dropped.
    pub(crate) async fn open_driven(&self) -> Result<PgClient, BootError> {
        let (client, connection) = self.open().await?;
        let driver = tokio::spawn(async move {
            // An error here reaches the caller through the client's next statement.
            let _ended = connection.await;
        });
        Ok(PgClient { client, driver })
    }

    /// Parameters for a library that connects by itself, with sessions that start as `role`.
    pub(crate) async fn as_role(
        &self,
        role: &str,
    ) -> Result<(tokio_postgres::Config, MakeRustlsConnect), BootError> {
        let mut config = self.with_password().await?;
        config.options(format!("{SESSION_OPTIONS} -c role={role}"));
        Ok((config, self.tls.clone()))
    }

    /// An error that names the configuration field and the server.
    pub(crate) fn failure(&self, reason: &str) -> BootError {
        BootError::Connect { field: self.field, target: self.target.clone(), reason: reason.to_owned() }
    }
}

/// A connection outside the pool; its driving task ends with it.
pub(crate) struct PgClient {
    client: Client,
    driver: tokio::task::JoinHandle<()>,
}

impl Deref for PgClient {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for PgClient {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Drop for PgClient {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Sessions that are at rest between two uses: a log-in each time would be a handshake and 4,096 rounds of HMAC. Whoever gives
/// one back has nothing open in it.
#[derive(Default)]
pub(crate) struct Resting(Mutex<Vec<PgClient>>);

impl Resting {
    /// One that is still connected.
    pub(crate) fn take(&self) -> Option<PgClient> {
        let mut resting = self.0.lock();
        while let Some(client) = resting.pop() {
            if !client.is_closed() {
                return Some(client);
            }
        }
        None
    }

    /// Keeps one for whoever asks next; there are as many as were ever in use at once.
    pub(crate) fn give(&self, client: PgClient) {
        self.0.lock().push(client);
    }
}

/// What may be said of a failure: the SQLSTATE, or the kind of transport error. Never the server's message.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("SQLSTATE {}", db.code().code());
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

fn tls_config(ca: &Path, field: &'static str) -> Result<rustls::ClientConfig, BootError> {
    let failed = |reason: String| BootError::File { field, path: ca.display().to_string(), reason };
    let mut roots = rustls::RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(ca).map_err(|error| failed(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(failed("holds no certificate".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| failed(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
