//! The control database's migrations: applied in order by its owner, each in one transaction, with a checksum ledger.

use std::fmt::Write as _;

use tenancy::config::DbConfig;
use tokio_postgres::Client;

use super::store::{self, ConnectError};
use crate::auth::token::sha256;

/// One migration, embedded in the binary.
struct Migration {
    name: &'static str,
    up: &'static str,
    down: &'static str,
}

macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        &[$(Migration {
            name: $name,
            up: include_str!(concat!("../../../migrations/control/", $name, "/up.sql")),
            down: include_str!(concat!("../../../migrations/control/", $name, "/down.sql")),
        }),*]
    };
}

const MIGRATIONS: &[Migration] =
    migrations!["0001_platform", "0002_tenant_keys", "0003_support", "0004_platform_passkeys"];

/// Two migrating processes wait for each other here ("domicile" in ASCII).
const LOCK: i64 = 0x646f_6d69_6369_6c65;

const LEDGER: &str = "\
    create schema if not exists platform_migration;
    create table if not exists platform_migration.applied (
        name text primary key,
        checksum bytea not null,
        applied_at timestamptz not null default clock_timestamp()
    );";

/// Why the control database is not at this version's schema.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The running process's role would be able to change the schema, or its name cannot be written into a grant.
    #[error("database.user must be another role than migrator.user, named in a-z, 0-9 and underscores")]
    Role,
    /// A migration that was applied has another text now.
    #[error("migration {0} was applied with another text; migrations are never edited")]
    Edited(&'static str),
    /// The database has a migration this version does not know.
    #[error("the control database is at a newer version than this binary")]
    Newer,
    /// A migration failed; nothing of it was kept.
    #[error("migration {name} failed ({sqlstate})")]
    Failed {
        /// Which one.
        name: &'static str,
        /// The SQLSTATE, or `connection`.
        sqlstate: String,
    },
}

/// Applies what is missing and returns the names of what it applied.
///
/// # Errors
/// [`MigrateError`].
pub async fn up(owner: &DbConfig, app_role: &str) -> Result<Vec<&'static str>, MigrateError> {
    check_role(owner, app_role)?;
    let (client, connection) = store::open(owner).await?;
    let driver = tokio::spawn(connection);
    let result = apply(&client, app_role).await;
    drop(client);
    driver.abort();
    result
}

/// Takes every migration back, the newest first. Tests use it to show that nothing is left behind.
///
/// # Errors
/// [`MigrateError`].
pub async fn down(owner: &DbConfig) -> Result<(), MigrateError> {
    let (client, connection) = store::open(owner).await?;
    let driver = tokio::spawn(connection);
    let mut script = String::from("begin;\n");
    for migration in MIGRATIONS.iter().rev() {
        script.push_str(migration.down);
    }
    script.push_str("drop schema platform_migration cascade;\ncommit;");
    let result = client.batch_execute(&script).await.map_err(|error| failed("down", &error));
    drop(client);
    driver.abort();
    result
}

async fn apply(client: &Client, app_role: &str) -> Result<Vec<&'static str>, MigrateError> {
    let step = "ledger";
    client.execute("select pg_advisory_lock($1)", &[&LOCK]).await.map_err(|error| failed(step, &error))?;
    client.batch_execute(LEDGER).await.map_err(|error| failed(step, &error))?;
    let rows = client
        .query("select name, checksum from platform_migration.applied order by name", &[])
        .await
        .map_err(|error| failed(step, &error))?;
    let applied: Vec<(String, Vec<u8>)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    if applied.iter().any(|(name, _)| MIGRATIONS.iter().all(|known| known.name != name)) {
        return Err(MigrateError::Newer);
    }
    let mut done = Vec::new();
    for migration in MIGRATIONS {
        let checksum = sha256(b"domicile control migration v1", migration.up.as_bytes());
        match applied.iter().find(|(name, _)| name == migration.name) {
            Some((_, stored)) if stored[..] == checksum => {}
            Some(_) => return Err(MigrateError::Edited(migration.name)),
            None => {
                client
                    .batch_execute(&script(migration, app_role, &checksum))
                    .await
                    .map_err(|error| failed(migration.name, &error))?;
                done.push(migration.name);
            }
        }
    }
    Ok(done)
}

/// The migration and its ledger row in one transaction.
fn script(migration: &Migration, app_role: &str, checksum: &[u8; 32]) -> String {
    let mut sql =
        String::from("begin;\nset local lock_timeout = '5s';\nset local statement_timeout = '60s';\n");
    sql.push_str(&migration.up.replace("{{app}}", app_role));
    // The name is a constant of this file and the checksum hexadecimal: neither can end a literal. Writing to a String
    // does not fail.
    let _written = write!(
        sql,
        "\ninsert into platform_migration.applied (name, checksum) values ('{}', '\\x{}');\ncommit;",
        migration.name,
        data_encoding::HEXLOWER.encode(checksum)
    );
    sql
}

fn check_role(owner: &DbConfig, app_role: &str) -> Result<(), MigrateError> {
    let plain = |name: &str| {
        (1..=63).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if plain(app_role) && owner.user != app_role { Ok(()) } else { Err(MigrateError::Role) }
}

fn failed(name: &'static str, error: &tokio_postgres::Error) -> MigrateError {
    let sqlstate = error.code().map_or_else(|| "connection".to_owned(), |code| code.code().to_owned());
    MigrateError::Failed { name, sqlstate }
}
