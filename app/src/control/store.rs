//! The control database: a small pool over TLS and the transaction every change goes through.

use std::fs;
use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult, Timeouts};
use diesel_async::pooled_connection::PoolableConnection as _;
use diesel_async::{AnsiTransactionManager, AsyncPgConnection, RunQueryDsl, TransactionManager as _};
use regions::clock::Clock;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tenancy::config::DbConfig;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::audit::AuditEntry;
use super::error::ControlError;
use super::tables::platform_audit;

/// Connections a control process holds. The feed answers from memory, so only the platform API uses them.
const CONNECTIONS_MAX: usize = 8;
/// Longest wait for a connection, in milliseconds.
const WAIT_MS: u64 = 2_000;
/// Longest TCP, TLS and log-in together, in milliseconds.
const CONNECT_MS: u64 = 5_000;
/// Server-side limits of every control connection, in milliseconds.
const SERVER_OPTIONS: &str = "-c statement_timeout=10000 -c lock_timeout=5000 -c idle_in_transaction_session_timeout=10000 \
     -c search_path=pg_catalog -c timezone=UTC";

/// Why the control database could not be reached at start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A file of the configuration cannot be read.
    #[error("database: cannot read {path}")]
    File {
        /// Which one.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The authority's file holds no usable certificate.
    #[error("database.ca: no usable certificate in the file")]
    Authority,
    /// The server refused, or did not answer in time.
    #[error("database: {host}:{port} did not accept the connection")]
    Refused {
        /// Host.
        host: String,
        /// Port.
        port: u16,
        /// Why, if it said so.
        #[source]
        source: Option<tokio_postgres::Error>,
    },
}

/// The control database.
#[derive(Clone)]
pub struct Store {
    pool: Pool<Connector>,
    clock: Clock,
    /// The newest version of the directory that this process has verified; clones share it.
    verified: Arc<AtomicU64>,
}

impl Store {
    /// A pool for `config`; the first connection is made here, so that a wrong configuration shows at start.
    ///
    /// # Errors
    /// [`ConnectError`] with the field at fault.
    pub async fn connect(config: &DbConfig, clock: Clock) -> Result<Self, ConnectError> {
        let (client, connection) = open(config).await?;
        drop((client, connection));
        let wait = Some(Duration::from_millis(WAIT_MS));
        let create = Some(Duration::from_millis(CONNECT_MS));
        let pool = Pool::builder(Connector { config: Arc::new(config.clone()) })
            .max_size(CONNECTIONS_MAX)
            .timeouts(Timeouts { wait, create, recycle: wait })
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|_error| ConnectError::Refused {
                host: config.host.clone(),
                port: config.port,
                source: None,
            })?;
        Ok(Self { pool, clock, verified: Arc::default() })
    }

    /// Opens a transaction. Dropping it without a commit closes its connection, which the server rolls back.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`] when no connection came in time.
    pub async fn begin(&self) -> Result<ControlTx, ControlError> {
        let connection = self.pool.get().await.map_err(|_error| ControlError::Unavailable)?;
        let verified = AtomicU64::load(&self.verified, Ordering::Acquire);
        // The guard stands before `BEGIN` is sent: whoever gives up while it is under way closes the connection too.
        let mut tx = ControlTx { connection: Some(connection), now: self.now(), verified };
        AnsiTransactionManager::begin_transaction(tx.conn()?).await?;
        Ok(tx)
    }

    /// Remembers a version of the directory as verified: from now on nothing is appended to an older one.
    pub(super) fn remember_verified(&self, version: u64) {
        self.verified.fetch_max(version, Ordering::AcqRel);
    }

    /// The time as the database stores it.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(i64::try_from(self.clock.now_unix_ms()).unwrap_or(i64::MAX))
            .unwrap_or_default()
    }
}

/// One transaction on the control database.
pub struct ControlTx {
    connection: Option<Object<Connector>>,
    now: DateTime<Utc>,
    verified: u64,
}

impl ControlTx {
    /// The connection, for queries.
    ///
    /// # Errors
    /// [`ControlError::Unavailable`] after the transaction ended, which the commits' signatures rule out.
    pub fn conn(&mut self) -> Result<&mut AsyncPgConnection, ControlError> {
        self.connection.as_deref_mut().ok_or(ControlError::Unavailable)
    }

    /// The time of this transaction.
    #[must_use]
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// The newest version of the directory that this process had verified when the transaction began.
    pub(super) const fn verified_version(&self) -> u64 {
        self.verified
    }

    /// Writes the audit entry and commits both together.
    ///
    /// # Errors
    /// When the entry or the commit fails; then nothing was changed.
    pub async fn commit(mut self, entry: AuditEntry) -> Result<(), ControlError> {
        let row = entry.row(self.now);
        diesel::insert_into(platform_audit::table).values(row).execute(self.conn()?).await?;
        self.end().await
    }

    /// Commits what changes nothing that anybody must answer for: reads, and the time a session was last used.
    ///
    /// # Errors
    /// When the commit fails.
    pub async fn commit_unaudited(self) -> Result<(), ControlError> {
        self.end().await
    }

    async fn end(mut self) -> Result<(), ControlError> {
        AnsiTransactionManager::commit_transaction(self.conn()?).await?;
        // Only a connection that committed goes back to the pool.
        drop(self.connection.take());
        Ok(())
    }
}

impl Drop for ControlTx {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            // Closing the socket makes the server roll back and release its locks at once, also when a handler was
            // cancelled in the middle of a query.
            drop(Object::take(connection));
        }
    }
}

/// Opens connections for the pool.
pub struct Connector {
    config: Arc<DbConfig>,
}

impl Manager for Connector {
    type Type = AsyncPgConnection;
    type Error = ConnectError;

    async fn create(&self) -> Result<AsyncPgConnection, ConnectError> {
        let (client, connection) = open(&self.config).await?;
        AsyncPgConnection::try_from_client_and_connection(client, connection).await.map_err(|_error| {
            ConnectError::Refused { host: self.config.host.clone(), port: self.config.port, source: None }
        })
    }

    async fn recycle(&self, connection: &mut AsyncPgConnection, _: &Metrics) -> RecycleResult<ConnectError> {
        if connection.is_broken() {
            return Err(RecycleError::message("closed, or inside a transaction"));
        }
        diesel::select(1_i32.into_sql::<diesel::sql_types::Integer>())
            .execute(connection)
            .await
            .map(drop)
            .map_err(|_error| RecycleError::message("the connection no longer answers"))
    }
}

use diesel::IntoSql as _;

/// A raw client and its driver; the caller drives the connection.
pub type Raw = (
    tokio_postgres::Client,
    tokio_postgres::Connection<
        tokio_postgres::Socket,
        <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>>::Stream,
    >,
);

/// Opens one connection over TLS 1.3; the server's certificate must be signed by the configured authority and name the
/// configured host.
///
/// # Errors
/// [`ConnectError`] with the field at fault.
pub async fn open(config: &DbConfig) -> Result<Raw, ConnectError> {
    let refused = |source| ConnectError::Refused { host: config.host.clone(), port: config.port, source };
    let password = fs::read_to_string(&config.password_file)
        .map_err(|source| ConnectError::File { path: config.password_file.display().to_string(), source })?;
    let mut options = tokio_postgres::Config::new();
    options
        .host(&config.host)
        .port(config.port)
        .dbname(&config.database)
        .user(&config.user)
        .password(password.trim_end())
        .options(SERVER_OPTIONS)
        .application_name("domicile-control")
        .ssl_mode(tokio_postgres::config::SslMode::Require)
        .connect_timeout(Duration::from_millis(CONNECT_MS));
    let connector = MakeRustlsConnect::new(client_tls(config)?);
    tokio::time::timeout(Duration::from_millis(CONNECT_MS), options.connect(connector))
        .await
        .map_err(|_elapsed| refused(None))?
        .map_err(|error| refused(Some(error)))
}

fn client_tls(config: &DbConfig) -> Result<rustls::ClientConfig, ConnectError> {
    let file = fs::File::open(&config.ca)
        .map_err(|source| ConnectError::File { path: config.ca.display().to_string(), source })?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_reader_iter(BufReader::new(file)) {
        let certificate = certificate.map_err(|_error| ConnectError::Authority)?;
        roots.add(certificate).map_err(|_error| ConnectError::Authority)?;
    }
    if roots.is_empty() {
        return Err(ConnectError::Authority);
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    Ok(rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_error| ConnectError::Authority)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
