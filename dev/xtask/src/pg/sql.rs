//! Connections of this tool to the local clusters, over TLS that trusts only the stack's own authority.
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::fail::{Attempt, Fail, Outcome};
use crate::places::read_text;

/// What it takes to connect.
#[derive(Clone)]
pub(crate) struct Access {
    /// The port on loopback.
    pub port: u16,
    /// The database.
    pub database: String,
    /// The login role.
    pub user: String,
    /// The file with its password.
    pub password_file: PathBuf,
    /// The authority of the server's certificate, PEM.
    pub ca: PathBuf,
}

/// Opens a connection; it closes when the client is dropped.
pub(crate) async fn connect(access: &Access) -> Outcome<Client> {
    let doing = || format!("connect to database {} on port {}", access.database, access.port);
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&access.ca).attempt(doing)? {
        roots.add(certificate.attempt(doing)?).attempt(doing)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .attempt(doing)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(access.port).user(&access.user).dbname(&access.database);
    config.password(read_text(&access.password_file)?.trim()).connect_timeout(CONNECT_TIMEOUT);
    config.ssl_mode(tokio_postgres::config::SslMode::Require).application_name("xtask");
    let (client, connection) = config.connect(MakeRustlsConnect::new(tls)).await.attempt(doing)?;
    // The task ends when the client is dropped; its error reaches the caller through the client's next query.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

/// Runs statements that return nothing of interest.
pub(crate) async fn run(client: &Client, statements: &str) -> Outcome<()> {
    client.batch_execute(statements).await.map_err(|error| {
        let reason = error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned());
        let first = statements.lines().next().unwrap_or_default();
        Fail::new(format!("PostgreSQL refused `{first}`: {reason}"))
    })
}

/// Creates a database owned by `owner` unless it is there.
pub(crate) async fn ensure_database(client: &Client, name: &str, owner: &str) -> Outcome<()> {
    let doing = || format!("look for the database {name}");
    let found =
        client.query_opt("select 1 from pg_database where datname = $1", &[&name]).await.attempt(doing)?;
    if found.is_some() {
        return Ok(());
    }
    run(client, &format!("create database {name} owner {owner} template template0 encoding 'UTF8'")).await
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
