//! Onboarding and off-boarding of a tenant in its region: idempotent steps, each recorded, safe to kill and to run twice.
//!
//! The ledger is in the shard's own `meta`, so whichever process comes next finishes what the last one began. A lock
//! held by the session serialises two that come at once; the server frees it when one dies.

mod destroy;
mod steps;

use regions::ids::{ShardId, TenantId};

use crate::error::BootError;
use crate::keys::KeyError;
use crate::migrate::{LOCK_TENANT, LOCK_WAIT_MS, MigrateError, Migrator, tenant_lock_key};
use crate::names::{OWNER_ROLE, TenantRef};
use crate::pg::{PgClient, describe};
use crate::regional::Regional;

/// A step of onboarding, in order. The first six are this crate's; the last two belong to the control plane and the
/// product, which record them here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The ledger row and the two schemas.
    Schemas,
    /// The role that cannot log in.
    Role,
    /// The application may become the role; the role may prove its tenant and enqueue jobs.
    Grants,
    /// The tenant's keys, and its context key in the shard.
    Keys,
    /// The tenant's place in the bucket.
    Bucket,
    /// Tables, row security, triggers; then the tenant is ready.
    Migrate,
    /// The control plane has published the tenant.
    Directory,
    /// The first administrator has been invited.
    Invitation,
}

impl Step {
    /// All steps, in order.
    pub const ALL: [Self; 8] = [
        Self::Schemas,
        Self::Role,
        Self::Grants,
        Self::Keys,
        Self::Bucket,
        Self::Migrate,
        Self::Directory,
        Self::Invitation,
    ];

    /// The word stored in the ledger and sent to the control plane.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Schemas => "schemas",
            Self::Role => "role",
            Self::Grants => "grants",
            Self::Keys => "keys",
            Self::Bucket => "bucket",
            Self::Migrate => "migrate",
            Self::Directory => "directory",
            Self::Invitation => "invitation",
        }
    }

    /// Whether this crate carries the step out, or only records that somebody else did.
    #[must_use]
    pub fn is_regional(self) -> bool {
        !matches!(self, Self::Directory | Self::Invitation)
    }
}

/// What a step found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// This call did it.
    Now,
    /// It had been done.
    Before,
}

/// Why a step did not get done. Running it again is always right.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The shard could not be reached or a statement failed.
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    /// A key could not be made.
    #[error("the tenant's keys: {0}")]
    Keys(#[from] KeyError),
    /// The bucket did not answer.
    #[error("the tenant's place in the bucket")]
    Bucket,
    /// The tenant was off-boarded; its id is never used again.
    #[error("tenant {0} was off-boarded")]
    Destroyed(TenantId),
    /// A step before this one is not done.
    #[error("{0} is not done")]
    OutOfOrder(&'static str),
}

impl ProvisionError {
    pub(crate) fn sql(what: &'static str, error: &tokio_postgres::Error) -> Self {
        Self::Migrate(MigrateError::Sql { what: what.to_owned(), reason: describe(error) })
    }

    /// A stable code for logs and the control plane.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Migrate(_) => "database",
            Self::Keys(_) => "keys",
            Self::Bucket => "bucket",
            Self::Destroyed(_) => "destroyed",
            Self::OutOfOrder(_) => "out_of_order",
        }
    }
}

impl From<BootError> for ProvisionError {
    fn from(error: BootError) -> Self {
        Self::Migrate(error.into())
    }
}

/// Carries out steps for the tenants of one region.
pub struct Provisioner<'a> {
    pub(crate) migrator: &'a Migrator,
    pub(crate) regional: &'a Regional,
    watch: Option<&'a (dyn Fn(Step, Moment) + Sync)>,
}

/// Where in a step a watcher is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The step is recorded as started, nothing is done.
    Started,
    /// It is done, and not yet recorded as done.
    Acted,
    /// It is recorded as done.
    Recorded,
}

impl<'a> Provisioner<'a> {
    /// A provisioner with the migrator's log-in and the region's keys and bucket.
    #[must_use]
    pub fn new(migrator: &'a Migrator, regional: &'a Regional) -> Self {
        Self { migrator, regional, watch: None }
    }

    /// Tells `watch` about each moment of each step.
    #[must_use]
    pub fn watched(mut self, watch: &'a (dyn Fn(Step, Moment) + Sync)) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Carries out one step, or finds it done. The steps this crate does not carry out are only recorded.
    ///
    /// # Errors
    /// [`ProvisionError`]; running the step again is always right.
    pub async fn run(&self, tenant: TenantRef, step: Step) -> Result<Done, ProvisionError> {
        let mut client = self.lock(tenant).await?;
        self.run_locked(&mut client, tenant, step).await
    }

    /// Carries out every step of the region that is not done, in order.
    ///
    /// # Errors
    /// [`ProvisionError`] of the first step that failed; those before it stay done.
    pub async fn run_regional(&self, tenant: TenantRef) -> Result<(), ProvisionError> {
        let mut client = self.lock(tenant).await?;
        for step in Step::ALL.into_iter().filter(|step| step.is_regional()) {
            self.run_locked(&mut client, tenant, step).await?;
        }
        Ok(())
    }

    /// The first step that is not done, or none.
    ///
    /// # Errors
    /// [`ProvisionError`] if the shard cannot be read.
    pub async fn next(&self, tenant: TenantRef) -> Result<Option<Step>, ProvisionError> {
        let client = self.owner(tenant.shard).await?;
        for step in Step::ALL {
            if !is_done(&client, tenant.id, step).await? {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    async fn run_locked(
        &self,
        client: &mut PgClient,
        tenant: TenantRef,
        step: Step,
    ) -> Result<Done, ProvisionError> {
        if is_done(client, tenant.id, step).await? {
            return Ok(Done::Before);
        }
        for earlier in Step::ALL.into_iter().take_while(|earlier| *earlier < step) {
            if !is_done(client, tenant.id, earlier).await? {
                return Err(ProvisionError::OutOfOrder(earlier.as_str()));
            }
        }
        record(client, tenant.id, step, "started").await?;
        self.tell(step, Moment::Started);
        Box::pin(self.act(client, tenant, step)).await?;
        self.tell(step, Moment::Acted);
        record(client, tenant.id, step, "done").await?;
        self.tell(step, Moment::Recorded);
        Ok(Done::Now)
    }

    fn tell(&self, step: Step, moment: Moment) {
        if let Some(watch) = self.watch {
            watch(step, moment);
        }
    }

    /// A connection that holds the tenant's lock until it closes.
    pub(crate) async fn lock(&self, tenant: TenantRef) -> Result<PgClient, ProvisionError> {
        let client = self.owner(tenant.shard).await?;
        let lock = format!(
            "SET lock_timeout = {LOCK_WAIT_MS}; SELECT pg_catalog.pg_advisory_lock({LOCK_TENANT}, {})",
            tenant_lock_key(tenant.id)
        );
        client
            .batch_execute(&lock)
            .await
            .map_err(|error| ProvisionError::sql("waiting for another provisioner", &error))?;
        Ok(client)
    }

    async fn owner(&self, shard: ShardId) -> Result<PgClient, ProvisionError> {
        let client = self.migrator.client(shard).await?;
        client
            .batch_execute(&format!("SET ROLE {OWNER_ROLE}"))
            .await
            .map_err(|error| ProvisionError::sql("opening the ledger", &error))?;
        Ok(client)
    }
}

async fn is_done(client: &PgClient, tenant: TenantId, step: Step) -> Result<bool, ProvisionError> {
    let row = client
        .query_opt(
            "SELECT FROM meta.provision_step WHERE tenant = $1 AND step = $2 AND state = 'done'",
            &[&tenant.as_uuid(), &step.as_str()],
        )
        .await
        .map_err(|error| ProvisionError::sql("reading the ledger", &error))?;
    Ok(row.is_some())
}

async fn record(client: &PgClient, tenant: TenantId, step: Step, state: &str) -> Result<(), ProvisionError> {
    let recorded = client
        .execute(
            "INSERT INTO meta.provision_step AS s (tenant, step, state) VALUES ($1, $2, $3)
             ON CONFLICT (tenant, step) DO UPDATE
             SET state = excluded.state, updated_at = now(),
                 attempts = s.attempts + CASE WHEN excluded.state = 'started' THEN 1 ELSE 0 END",
            &[&tenant.as_uuid(), &step.as_str(), &state],
        )
        .await;
    recorded.map(|_rows| ()).map_err(|error| ProvisionError::sql("writing the ledger", &error))
}
