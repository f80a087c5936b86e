//! Drift: whether each tenant's part of the catalog is what the files make, no more and no less.
//!
//! The reference is not a stored value that could have drifted too: it is made from the files, in a transaction that
//! builds a tenant nobody has and is rolled back.

use regions::ids::{ShardId, TenantId};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::files::{REPLACEABLE_TENANT, fill, hash};
use super::{MigrateError, Migrator, STATE_READY};
use crate::names::{OWNER_ROLE, RoleName, SchemaName};
use crate::pg::PgClient;

/// A tenant whose schemas differ from what the files make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The shard.
    pub shard: ShardId,
    /// The tenant.
    pub tenant: TenantId,
    /// Lines of the catalog that are only in the files (`-`) or only in the tenant (`+`), at most ten.
    pub differences: Vec<String>,
}

/// Differences named per tenant.
const DIFFERENCES_MAX: usize = 10;

/// One line for each object, column, constraint, index, trigger, policy, right and function of the two schemas.
const CATALOG: &str = include_str!("catalog.sql");

/// Each object is looked up by its index. PostgreSQL takes two schemas for half of the catalog and would read all of it, every
/// other tenant's too: 179 ms of a tenant among 400, 62 ms so. Nor is the statement, which is costly by such guesses alone,
/// compiled first.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
    SET LOCAL enable_mergejoin = off; SET LOCAL jit = off";

impl Migrator {
    /// Compares every served tenant with what the files make.
    ///
    /// # Errors
    /// [`MigrateError`] if a shard cannot be read.
    pub async fn drift(&self) -> Result<Vec<Drift>, MigrateError> {
        let mut drifted = Vec::new();
        for shard in self.shards() {
            let mut client = self.client(shard.id).await?;
            let reference = self.reference(&mut client).await?;
            for tenant in served(&client).await? {
                let failed = |error| MigrateError::sql("reading the tenant's catalog", &error);
                let transaction = client.transaction().await.map_err(failed)?;
                let found = catalog(&transaction, tenant).await?;
                transaction.rollback().await.map_err(failed)?;
                let mut differences = differences(&reference, &found);
                if !differences.is_empty() {
                    differences.truncate(DIFFERENCES_MAX);
                    drifted.push(Drift { shard: shard.id, tenant, differences });
                }
            }
        }
        Ok(drifted)
    }

    /// The catalog a tenant should have, made from the files and rolled back.
    async fn reference(&self, client: &mut PgClient) -> Result<Vec<String>, MigrateError> {
        let failed = |error| MigrateError::sql("making the reference tenant", &error);
        let nobody = TenantId::random();
        let (role, ops, phi) = (RoleName::of(nobody), SchemaName::ops(nobody), SchemaName::phi(nobody));
        client.batch_execute("RESET ROLE").await.map_err(failed)?;
        let transaction = client.transaction().await.map_err(failed)?;
        let made = format!(
            "CREATE ROLE {} NOLOGIN; SET LOCAL ROLE {OWNER_ROLE}; CREATE SCHEMA {}; CREATE SCHEMA {}",
            role.quoted(),
            ops.quoted(),
            phi.quoted()
        );
        transaction.batch_execute(&made).await.map_err(failed)?;
        let files = self.plan().tenant.iter().map(|one| one.up).chain(REPLACEABLE_TENANT.iter().copied());
        for file in files {
            transaction.batch_execute(&fill(file, nobody)).await.map_err(failed)?;
        }
        let reference = catalog(&transaction, nobody).await?;
        transaction.rollback().await.map_err(failed)?;
        Ok(reference)
    }
}

/// Hash of the tenant's part of the catalog, with its own names taken out.
pub(crate) async fn fingerprint(
    transaction: &Transaction<'_>,
    tenant: TenantId,
) -> Result<String, MigrateError> {
    let lines = catalog(transaction, tenant).await?;
    Ok(hash(lines.iter().map(String::as_str)))
}

/// To be read last in a transaction, which plans as [`BY_INDEX`] says from here on.
async fn catalog(transaction: &Transaction<'_>, tenant: TenantId) -> Result<Vec<String>, MigrateError> {
    let failed = |error| MigrateError::sql("reading the tenant's catalog", &error);
    let (ops, phi) = (SchemaName::ops(tenant), SchemaName::phi(tenant));
    transaction.batch_execute(BY_INDEX).await.map_err(failed)?;
    let rows = transaction.query(CATALOG, &[&ops.as_str(), &phi.as_str()]).await.map_err(failed)?;
    let (id, uuid) = (tenant.to_string(), tenant.as_uuid().to_string());
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| row.get::<_, String>(0).replace(&id, "TENANT").replace(&uuid, "UUID"))
        .collect();
    lines.sort_unstable();
    Ok(lines)
}

async fn served(client: &PgClient) -> Result<Vec<TenantId>, MigrateError> {
    let failed = |error| MigrateError::sql("reading the tenants", &error);
    client.batch_execute(&format!("RESET ROLE; SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
    let rows = client
        .query("SELECT id FROM meta.tenant WHERE state = $1 ORDER BY id", &[&STATE_READY])
        .await
        .map_err(failed)?;
    Ok(rows.iter().map(|row| TenantId::from(row.get::<_, Uuid>(0))).collect())
}

fn differences(reference: &[String], found: &[String]) -> Vec<String> {
    let only = |from: &[String], other: &[String], sign: char| -> Vec<String> {
        from.iter()
            .filter(|line| other.binary_search(line).is_err())
            .map(|line| format!("{sign} {line}"))
            .collect()
    };
    let mut all = only(reference, found, '-');
    all.extend(only(found, reference, '+'));
    all
}
