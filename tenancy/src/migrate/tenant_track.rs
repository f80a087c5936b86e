//! The tenant track: which tenants are behind, the canary, the parallel rest, and one tenant's migration.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use parking_lot::Mutex;
use regions::ids::{ShardId, TenantId};
use uuid::Uuid;

use super::files::{Migration, Plan, REPLACEABLE_TENANT, fill};
use super::{LOCK_TENANT, LOCK_WAIT_MS, MigrateError, Migrator, STATE_READY, tenant_lock_key};
use crate::names::OWNER_ROLE;
use crate::pg::PgClient;

/// Failed tenants kept by name in a report; beyond it only their number is known.
const FAILURES_NAMED_MAX: usize = 100;
/// Connections one run may use.
const WORKERS_MAX: usize = 32;

/// How many tenants are migrated at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parallel(pub usize);

impl Default for Parallel {
    fn default() -> Self {
        Self(4)
    }
}

/// What a run did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// Tenants brought up to date by this run.
    pub migrated: usize,
    /// Tenants that failed and keep their old version, the first hundred by name, with a code.
    pub failed: Vec<(TenantId, String)>,
    /// How many failed.
    pub failed_count: usize,
    /// Tenants not attempted, because the canary of their shard failed.
    pub skipped: usize,
}

impl Report {
    /// Whether every tenant is up to date.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed_count == 0 && self.skipped == 0
    }

    fn fail(&mut self, tenant: TenantId, code: String) {
        self.failed_count += 1;
        if self.failed.len() < FAILURES_NAMED_MAX {
            self.failed.push((tenant, code));
        }
    }
}

impl Migrator {
    /// Brings every served tenant up to date: one query per shard says who is behind; the first of them goes alone, and
    /// only if it succeeds do the others follow, in parallel, each failure leaving the others alone.
    ///
    /// # Errors
    /// [`MigrateError`] if a shard cannot be reached; a tenant's failure is in the report instead.
    pub async fn tenants(&self, parallel: Parallel) -> Result<Report, MigrateError> {
        let mut report = Report::default();
        for shard in self.shards() {
            self.tenants_of(shard.id, parallel, &mut report).await?;
        }
        Ok(report)
    }

    async fn tenants_of(
        &self,
        shard: ShardId,
        parallel: Parallel,
        report: &mut Report,
    ) -> Result<(), MigrateError> {
        let behind = self.behind(shard).await?;
        let Some((canary, rest)) = behind.split_first() else { return Ok(()) };
        let mut client = self.client(shard).await?;
        match self.migrate_recorded(&mut client, *canary).await {
            Ok(()) => report.migrated += 1,
            Err(error) => {
                report.fail(*canary, error.to_string());
                report.skipped += rest.len();
                return Ok(());
            }
        }
        drop(client);
        let next = AtomicUsize::new(0);
        let shared = Arc::new(Mutex::new(std::mem::take(report)));
        let workers = parallel.0.clamp(1, WORKERS_MAX).min(rest.len());
        let work = (0..workers).map(|_| self.work(shard, rest, &next, &shared));
        let ended = join_all(work).await;
        *report = std::mem::take(&mut *shared.lock());
        ended.into_iter().collect()
    }

    async fn work(
        &self,
        shard: ShardId,
        tenants: &[TenantId],
        next: &AtomicUsize,
        report: &Mutex<Report>,
    ) -> Result<(), MigrateError> {
        let mut client = self.client(shard).await?;
        while let Some(tenant) = tenants.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = self.migrate_recorded(&mut client, *tenant).await;
            let mut report = report.lock();
            match outcome {
                Ok(()) => report.migrated += 1,
                Err(error) => report.fail(*tenant, error.to_string()),
            }
        }
        Ok(())
    }

    async fn behind(&self, shard: ShardId) -> Result<Vec<TenantId>, MigrateError> {
        let failed = |error| MigrateError::sql("reading which tenants are behind", &error);
        let client = self.client(shard).await?;
        client.batch_execute(&format!("SET ROLE {OWNER_ROLE}")).await.map_err(failed)?;
        let rows = client
            .query(
                "SELECT id FROM meta.tenant
                 WHERE state = $1 AND (version < $2 OR replaceable <> $3) ORDER BY id",
                &[&STATE_READY, &self.plan().tenant_version(), &Plan::tenant_replaceable()],
            )
            .await
            .map_err(failed)?;
        Ok(rows.iter().map(|row| TenantId::from(row.get::<_, Uuid>(0))).collect())
    }

    /// Migrates one tenant and writes down why if it fails.
    async fn migrate_recorded(&self, client: &mut PgClient, tenant: TenantId) -> Result<(), MigrateError> {
        let outcome = self.migrate_tenant(client, tenant).await;
        if let Err(error) = &outcome {
            let code = error.to_string();
            // The record is a help for the operator; that it cannot be written must not hide the failure itself.
            let _recorded = client.batch_execute(&format!("ROLLBACK; SET ROLE {OWNER_ROLE}")).await.and(
                client
                    .execute(
                        "UPDATE meta.tenant SET error_code = $2, updated_at = now() WHERE id = $1",
                        &[&tenant.as_uuid(), &code],
                    )
                    .await,
            );
        }
        outcome
    }

    /// Applies what one tenant lacks, each migration in a transaction with its ledger row, then the replaceable files.
    pub(crate) async fn migrate_tenant(
        &self,
        client: &mut PgClient,
        tenant: TenantId,
    ) -> Result<(), MigrateError> {
        let failed = |error| MigrateError::sql("the tenant's ledger", &error);
        client
            .batch_execute(&format!("RESET ROLE; SET lock_timeout = {LOCK_WAIT_MS}; SET ROLE {OWNER_ROLE}"))
            .await
            .map_err(failed)?;
        let rows = client
            .query("SELECT version, checksum FROM meta.migration WHERE tenant = $1", &[&tenant.as_uuid()])
            .await
            .map_err(failed)?;
        for migration in &self.plan().tenant {
            let found = rows.iter().find(|row| row.get::<_, i32>(0) == migration.version);
            match found {
                Some(row) if row.get::<_, String>(1) == migration.checksum() => {}
                Some(_) => {
                    return Err(MigrateError::Edited {
                        version: migration.version,
                        name: migration.name.to_owned(),
                    });
                }
                None => apply(client, tenant, migration).await?,
            }
        }
        self.replaceable(client, tenant).await
    }

    async fn replaceable(&self, client: &mut PgClient, tenant: TenantId) -> Result<(), MigrateError> {
        let failed = |error| MigrateError::sql("the tenant's replaceable files", &error);
        let transaction = client.transaction().await.map_err(failed)?;
        let lock = lock_tenant(tenant);
        transaction.batch_execute(&lock).await.map_err(failed)?;
        let same = transaction
            .query_opt(
                "SELECT FROM meta.tenant WHERE id = $1 AND replaceable = $2",
                &[&tenant.as_uuid(), &Plan::tenant_replaceable()],
            )
            .await
            .map_err(failed)?;
        if same.is_some() {
            transaction.batch_execute("SET LOCAL domicile.rules_kept = on").await.map_err(failed)?;
        }
        for file in REPLACEABLE_TENANT {
            transaction.batch_execute(&fill(file, tenant)).await.map_err(failed)?;
        }
        let fingerprint = super::drift::fingerprint(&transaction, tenant).await?;
        let changed = transaction
            .execute(
                "UPDATE meta.tenant SET replaceable = $2, fingerprint = $3, error_code = NULL, updated_at = now()
                 WHERE id = $1",
                &[&tenant.as_uuid(), &Plan::tenant_replaceable(), &fingerprint],
            )
            .await
            .map_err(failed)?;
        if changed != 1 {
            return Err(MigrateError::UnknownTenant(tenant));
        }
        transaction.commit().await.map_err(failed)
    }
}

/// SQL that waits for the tenant's lock until the end of the transaction.
pub(crate) fn lock_tenant(tenant: TenantId) -> String {
    format!("SELECT pg_catalog.pg_advisory_xact_lock({LOCK_TENANT}, {})", tenant_lock_key(tenant))
}

async fn apply(client: &mut PgClient, tenant: TenantId, migration: &Migration) -> Result<(), MigrateError> {
    let failed = |error| MigrateError::sql(format!("tenant migration {}", migration.name), &error);
    let transaction = client.transaction().await.map_err(failed)?;
    transaction.batch_execute(&lock_tenant(tenant)).await.map_err(failed)?;
    // The ledger row goes first: somebody who was faster makes this a conflict before any object is touched.
    let fresh = transaction
        .execute(
            "INSERT INTO meta.migration (tenant, version, name, checksum) VALUES ($1, $2, $3, $4)
             ON CONFLICT DO NOTHING",
            &[&tenant.as_uuid(), &migration.version, &migration.name, &migration.checksum()],
        )
        .await
        .map_err(failed)?;
    if fresh == 1 {
        transaction.batch_execute(&fill(migration.up, tenant)).await.map_err(failed)?;
        transaction
            .execute(
                "UPDATE meta.tenant SET version = $2, updated_at = now() WHERE id = $1 AND version < $2",
                &[&tenant.as_uuid(), &migration.version],
            )
            .await
            .map_err(failed)?;
    }
    transaction.commit().await.map_err(failed)
}
