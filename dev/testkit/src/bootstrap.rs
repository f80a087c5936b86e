//! What a superuser does once in a cluster and once in each database, through the product's own SQL.

use tenancy::shard::bootstrap;
use tokio_postgres::Client;

/// Password of `domicile_app` in test clusters, which listen on loopback only.
pub(crate) const APP_PASSWORD: &str = "domicile-test-app";
/// Password of `domicile_migrator` in test clusters.
pub(crate) const MIGRATOR_PASSWORD: &str = "domicile-test-migrator";

/// Makes the cluster's roles.
pub(crate) async fn roles(superuser: &Client) -> Result<(), String> {
    let sql = bootstrap::cluster_sql(APP_PASSWORD, MIGRATOR_PASSWORD);
    superuser.batch_execute(&sql).await.map_err(|error| format!("roles: {error:?}"))
}

/// Takes away, inside `database`, what must not belong to everyone.
pub(crate) async fn rights(inside: &Client, database: &str) -> Result<(), String> {
    let sql = bootstrap::database_sql(database).ok_or_else(|| format!("{database} is not a plain name"))?;
    inside.batch_execute(&sql).await.map_err(|error| format!("rights of {database}: {error:?}"))
}
