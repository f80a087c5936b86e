//! Boot pins of a shard: its own identity row, release, settings and the rights of the login role must all be right.

use regions::region::RegionName;
use tokio_postgres::Row;

use super::settings::{LOG_MIN_MESSAGES, SERVER_SETTINGS, check_release};
use crate::config::ShardConfig;
use crate::error::BootError;
use crate::pg::{Connector, PgClient, describe};

/// What the login role and the server say of themselves, in one row.
const FACTS: &str = "SELECT pg_catalog.current_setting('server_version_num')::int AS version,
    r.rolsuper AS superuser, r.rolbypassrls AS bypass, r.rolinherit AS inherit, r.rolcreaterole AS creates_roles,
    (SELECT s.ssl FROM pg_catalog.pg_stat_ssl s WHERE s.pid = pg_catalog.pg_backend_pid()) AS tls,
    pg_catalog.pg_is_in_recovery() AS standby
    FROM pg_catalog.pg_roles r WHERE r.rolname = session_user";

/// Checks everything about a shard that `domicile_app` can see.
///
/// # Errors
/// [`BootError`] naming the field, setting or right that is wrong.
pub async fn check(region: RegionName, shard: &ShardConfig) -> Result<(), BootError> {
    let connector = Connector::new(&shard.db(), "shards", "domicile-pins")?;
    let client = connector.open_driven().await?;
    check_login(&client, &connector, Login::App).await?;
    check_settings(&client, &connector).await?;
    check_identity(&client, &connector, region, shard).await
}

/// Which of the two logins is expected to be in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    App,
    Migrator,
}

/// The login role may not have a right that undoes row security.
pub(crate) async fn check_login(
    client: &PgClient,
    connector: &Connector,
    login: Login,
) -> Result<(), BootError> {
    let row = client.query_one(FACTS, &[]).await.map_err(|error| connector.failure(&describe(&error)))?;
    check_release(get(&row, "version", connector)?).map_err(|needed| BootError::Pin {
        field: "server_version",
        expected: needed,
        found: row.try_get::<_, i32>("version").map(|found| found.to_string()).unwrap_or_default(),
    })?;
    let mut wrong = vec![
        ("shards.user", "must not be a superuser", get(&row, "superuser", connector)?),
        ("shards.user", "must not have BYPASSRLS", get(&row, "bypass", connector)?),
        ("shards.host", "must be reached over TLS", !get::<bool>(&row, "tls", connector)?),
        ("shards.host", "must be a primary", get(&row, "standby", connector)?),
    ];
    if login == Login::App {
        wrong.push(("shards.user", "must be NOINHERIT", get(&row, "inherit", connector)?));
        wrong.push(("shards.user", "must not have CREATEROLE", get(&row, "creates_roles", connector)?));
    }
    match wrong.into_iter().find(|(_, _, is_wrong)| *is_wrong) {
        None => Ok(()),
        Some((field, problem, _)) => {
            Err(BootError::Setting { field: field.to_owned(), problem: problem.to_owned() })
        }
    }
}

async fn check_settings(client: &PgClient, connector: &Connector) -> Result<(), BootError> {
    let names: Vec<&str> = SERVER_SETTINGS.iter().chain([&LOG_MIN_MESSAGES]).map(|(name, _)| *name).collect();
    let rows = client
        .query("SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY ($1)", &[&names])
        .await
        .map_err(|error| connector.failure(&describe(&error)))?;
    let mut found = std::collections::BTreeMap::new();
    for row in &rows {
        found.insert(get::<String>(row, "name", connector)?, get::<String>(row, "setting", connector)?);
    }
    for (name, wanted) in SERVER_SETTINGS.iter().chain([&LOG_MIN_MESSAGES]) {
        let is = found.get(*name).map_or("absent", String::as_str);
        if is != *wanted {
            return Err(BootError::Setting {
                field: (*name).to_owned(),
                problem: format!("must be {wanted}, is {is}"),
            });
        }
    }
    Ok(())
}

/// The database says which region and shard it is; nobody else's word counts.
pub(crate) async fn check_identity(
    client: &PgClient,
    connector: &Connector,
    region: RegionName,
    shard: &ShardConfig,
) -> Result<(), BootError> {
    let row = client
        .query_opt("SELECT region, shard FROM meta.identity", &[])
        .await
        .map_err(|error| connector.failure(&describe(&error)))?;
    let Some(row) = row else {
        return Err(BootError::Pin {
            field: "shards.database",
            expected: region.to_string(),
            found: "a database without an identity (run the migrations first)".to_owned(),
        });
    };
    let (its_region, its_shard): (String, i32) =
        (get(&row, "region", connector)?, get(&row, "shard", connector)?);
    if its_region != region.to_string() {
        return Err(BootError::Pin { field: "region", expected: region.to_string(), found: its_region });
    }
    if its_shard != i32::from(shard.id.0) {
        return Err(BootError::Pin {
            field: "shards.id",
            expected: shard.id.to_string(),
            found: its_shard.to_string(),
        });
    }
    Ok(())
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: &'static str,
    connector: &Connector,
) -> Result<T, BootError> {
    row.try_get(column).map_err(|error| connector.failure(&describe(&error)))
}
