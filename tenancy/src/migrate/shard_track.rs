//! The shard track: our schemas, the job queue's own migrations, the identity row, and the replaceable files.

use deadpool_postgres::{ManagerConfig, RecyclingMethod, Runtime};
use graphile_worker_database::{Database, Schema};
use tokio_postgres::Client;

use super::files::{Migration, REPLACEABLE_SHARD, hash};
use super::{LOCK_SHARD, LOCK_WAIT_MS, MigrateError, Migrator};
use crate::config::ShardConfig;
use crate::names::OWNER_ROLE;
use crate::pg::{Connector, PgClient};
use crate::shard::pins::check_identity;

/// Schema of the job queue.
const QUEUE_SCHEMA: &str = "graphile_worker";
/// Ledger key of the shard's replaceable files.
const SCOPE_SHARD: &str = "shard";

impl Migrator {
    /// Brings every shard's own schemas up to date. Running it again changes nothing.
    ///
    /// # Errors
    /// [`MigrateError`]; shards already done stay done.
    pub async fn shard_track(&self) -> Result<(), MigrateError> {
        for shard in self.shards() {
            self.migrate_shard(shard).await?;
        }
        Ok(())
    }

    /// Brings the key store's schema up to date.
    ///
    /// # Errors
    /// [`MigrateError`].
    pub async fn key_store(&self) -> Result<(), MigrateError> {
        let config = self.config();
        let connector = Connector::new(&config.key_store, "key_store", "domicile-migrate")?;
        let mut client = connector.open_driven().await?;
        client
            .batch_execute(&format!("SET ROLE {OWNER_ROLE}"))
            .await
            .map_err(|error| MigrateError::sql("opening the key store", &error))?;
        let migrated = crate::keys::migrate(&mut client, config.region).await;
        migrated.map(|_names| ()).map_err(|error| MigrateError::KeyStore(error.to_string()))
    }

    async fn migrate_shard(&self, shard: &ShardConfig) -> Result<(), MigrateError> {
        let connector = self.connector(shard.id)?;
        let mut client = connector.open_driven().await?;
        lock_shard(&client).await?;
        let applied = applied(&client).await?;
        if !applied.is_empty() {
            // Somebody else's shard is not touched at all.
            self.claim(&client, shard).await?;
            check_identity(&client, connector, self.config().region, shard).await?;
        }
        for migration in &self.plan().shard {
            match applied.iter().find(|(version, _)| *version == migration.version) {
                Some((_, checksum)) if *checksum == migration.checksum() => {}
                Some(_) => {
                    return Err(MigrateError::Edited {
                        version: migration.version,
                        name: migration.name.to_owned(),
                    });
                }
                None => apply(&mut client, migration).await?,
            }
        }
        self.claim(&client, shard).await?;
        check_identity(&client, connector, self.config().region, shard).await?;
        queue_migrations(connector).await?;
        replaceable(&mut client).await
    }

    /// The first migrator to come writes which region and shard this is; everybody after compares.
    async fn claim(&self, client: &PgClient, shard: &ShardConfig) -> Result<(), MigrateError> {
        let region = self.config().region.to_string();
        client
            .batch_execute(&format!("SET ROLE {OWNER_ROLE}"))
            .await
            .map_err(|error| MigrateError::sql("claiming the shard", &error))?;
        let claimed = client
            .execute(
                "INSERT INTO meta.identity (region, shard) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                &[&region, &i32::from(shard.id.0)],
            )
            .await;
        claimed.map(|_rows| ()).map_err(|error| MigrateError::sql("claiming the shard", &error))
    }
}

async fn lock_shard(client: &Client) -> Result<(), MigrateError> {
    let sql =
        format!("SET lock_timeout = {LOCK_WAIT_MS}; SELECT pg_catalog.pg_advisory_lock({LOCK_SHARD}, 0)");
    client
        .batch_execute(&sql)
        .await
        .map_err(|error| MigrateError::sql("waiting for another migrator", &error))
}

async fn applied(client: &Client) -> Result<Vec<(i32, String)>, MigrateError> {
    let failed = |error| MigrateError::sql("reading the shard's ledger", &error);
    client.batch_execute(&format!("SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
    let exists = client
        .query_one("SELECT pg_catalog.to_regclass('meta.migration') IS NOT NULL", &[])
        .await
        .map_err(failed)?;
    if !exists.get::<_, bool>(0) {
        return Ok(Vec::new());
    }
    let rows = client
        .query("SELECT version, checksum FROM meta.migration WHERE tenant IS NULL", &[])
        .await
        .map_err(failed)?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn apply(client: &mut PgClient, migration: &Migration) -> Result<(), MigrateError> {
    let failed = |error| MigrateError::sql(format!("shard migration {}", migration.name), &error);
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute(&format!("SET LOCAL ROLE {OWNER_ROLE}")).await.map_err(failed)?;
    transaction.batch_execute(migration.up).await.map_err(failed)?;
    transaction
        .execute(
            "INSERT INTO meta.migration (tenant, version, name, checksum) VALUES (NULL, $1, $2, $3)",
            &[&migration.version, &migration.name, &migration.checksum()],
        )
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// The queue is a library's; its migrations run through the library's own interface, as the owner of the database.
async fn queue_migrations(connector: &Connector) -> Result<(), MigrateError> {
    let failed = |reason: String| MigrateError::Queue(reason);
    let (config, tls) = connector.as_role(OWNER_ROLE).await?;
    let manager = deadpool_postgres::Manager::from_config(
        config,
        tls,
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    let pool = deadpool_postgres::Pool::builder(manager)
        .max_size(1)
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let migrated =
        graphile_worker_migrations::migrate(Database::from(pool.clone()), Schema::from(QUEUE_SCHEMA)).await;
    pool.close();
    migrated.map_err(|error| failed(error.to_string()))
}

async fn replaceable(client: &mut PgClient) -> Result<(), MigrateError> {
    let failed = |error| MigrateError::sql("the shard's replaceable files", &error);
    client.batch_execute(&format!("SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
    // What the files find on the server decides too: the tables of the queue, and the settings there are.
    let around: String = client
        .query_one(
            "SELECT pg_catalog.concat_ws('|', (SELECT coalesce(max(id), 0) FROM graphile_worker.migrations),
                current_setting('server_version_num')::int / 10000)",
            &[],
        )
        .await
        .map_err(failed)?
        .get(0);
    let wanted = hash(REPLACEABLE_SHARD.iter().copied().chain([around.as_str()]));
    let transaction = client.transaction().await.map_err(failed)?;
    let found = transaction
        .query_opt("SELECT hash FROM meta.replaceable WHERE scope = $1", &[&SCOPE_SHARD])
        .await
        .map_err(failed)?;
    if found.is_some_and(|row| row.get::<_, String>(0) == wanted) {
        return Ok(());
    }
    for file in REPLACEABLE_SHARD {
        transaction.batch_execute(file).await.map_err(failed)?;
    }
    transaction
        .execute(
            "INSERT INTO meta.replaceable (scope, hash) VALUES ($1, $2)
             ON CONFLICT (scope) DO UPDATE SET hash = excluded.hash, applied_at = now()",
            &[&SCOPE_SHARD, &wanted],
        )
        .await
        .map_err(failed)?;
    transaction.commit().await.map_err(failed)
}
