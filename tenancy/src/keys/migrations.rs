//! The key store's own migrations, embedded, with a ledger that refuses a changed one.

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use regions::region::RegionName;
use tokio_postgres::Client;

/// One migration of the key store.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Folder name in `migrations/keys/`.
    pub name: &'static str,
    /// What applying it does.
    pub up: &'static str,
    /// What taking it back does.
    pub down: &'static str,
}

/// All migrations of the key store, in order.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_keystore",
        up: include_str!("../../../migrations/keys/0001_keystore/up.sql"),
        down: include_str!("../../../migrations/keys/0001_keystore/down.sql"),
    },
    Migration {
        name: "0002_life",
        up: include_str!("../../../migrations/keys/0002_life/up.sql"),
        down: include_str!("../../../migrations/keys/0002_life/down.sql"),
    },
    Migration {
        name: "0003_context_rotation",
        up: include_str!("../../../migrations/keys/0003_context_rotation/up.sql"),
        down: include_str!("../../../migrations/keys/0003_context_rotation/down.sql"),
    },
    Migration {
        name: "0004_token_keys",
        up: include_str!("../../../migrations/keys/0004_token_keys/up.sql"),
        down: include_str!("../../../migrations/keys/0004_token_keys/down.sql"),
    },
    Migration {
        name: "0005_steady_plans",
        up: include_str!("../../../migrations/keys/0005_steady_plans/up.sql"),
        down: include_str!("../../../migrations/keys/0005_steady_plans/down.sql"),
    },
];

/// Key of the advisory lock that lets one migrator work at a time.
const LOCK: i64 = 0x6b65_7973_746f_7265;

const LEDGER: &str = "CREATE SCHEMA IF NOT EXISTS keystore_ledger;
    CREATE TABLE IF NOT EXISTS keystore_ledger.migration (
    name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())";

/// Why the key store could not be migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A migration was changed after it had been applied.
    #[error("migration {0} differs from what was applied")]
    Changed(&'static str),
    /// The database is another region's.
    #[error("the key store belongs to {0}")]
    Region(String),
    /// A statement failed. There are no patients in this database, so its message may be shown to an operator.
    #[error("the key store could not be migrated")]
    Db(#[from] tokio_postgres::Error),
}

/// Applies what is missing, each migration in its own transaction, and writes down which region the store is for.
/// Safe to run again and from two places at once.
///
/// # Errors
/// [`MigrateError`].
pub async fn migrate(client: &mut Client, region: RegionName) -> Result<Vec<&'static str>, MigrateError> {
    let mut applied = Vec::new();
    for migration in MIGRATIONS {
        let transaction = client.transaction().await?;
        transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
        transaction.batch_execute(LEDGER).await?;
        let sha256 = HEXLOWER.encode(digest::digest(&digest::SHA256, migration.up.as_bytes()).as_ref());
        let known = transaction
            .query_opt("SELECT sha256 FROM keystore_ledger.migration WHERE name = $1", &[&migration.name])
            .await?;
        if let Some(row) = known {
            if row.try_get::<_, String>(0)? != sha256 {
                return Err(MigrateError::Changed(migration.name));
            }
            transaction.commit().await?;
            continue;
        }
        transaction.batch_execute(migration.up).await?;
        transaction
            .execute(
                "INSERT INTO keystore_ledger.migration (name, sha256) VALUES ($1, $2)",
                &[&migration.name, &sha256],
            )
            .await?;
        transaction.commit().await?;
        applied.push(migration.name);
    }
    client
        .execute(
            "INSERT INTO keystore.identity (region) VALUES ($1) ON CONFLICT DO NOTHING",
            &[&region.as_str()],
        )
        .await?;
    let row = client.query_one("SELECT region FROM keystore.identity", &[]).await?;
    let found: String = row.try_get(0)?;
    if found == region.as_str() { Ok(applied) } else { Err(MigrateError::Region(found)) }
}
