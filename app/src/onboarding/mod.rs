//! The worker's onboarding loop: asks the control plane for its region's work, does it step by step, reports each step.
//!
//! The control plane never comes here; this side asks. What is done is recorded in the shard before it is reported, so a
//! worker killed anywhere is followed by one that finds out how far it got, and two at once wait for each other in the
//! shard. A report that was lost is simply made again.

pub mod client;
mod desk;
mod invitation;
mod looks;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use regions::clock::Clock;
use regions::directory::{DirectoryHandle, Lookup};
use regions::log::{self, Field};
use regions::region::RegionName;
use regions::shutdown::Shutdown;
use tenancy::config::{DbConfig, RegionalConfig};
use tenancy::migrate::{MigrateError, Migrator};
use tenancy::provision::{ProvisionError, Provisioner, Step};
use tenancy::{Regional, TenantRef};
use tokio::time::Instant;

use crate::config::MigratorLogin;
use crate::control::work::{Kind, Outcome, Report, Task};
use crate::pins::Pins;
use crate::store::StoreError;
use client::{CallError, WorkClient};
use desk::{Desk, pause};
use looks::Looks;

/// How long the control plane is asked to hold an answer back when there is no work, in milliseconds.
const POLL_WAIT_MS: u64 = 20_000;
/// Time until the control plane is asked again while what it lists is under way or rests, in milliseconds.
const LOOK_AGAIN_MS: u64 = 500;
/// Longest wait for the directory to show a tenant that was just published, in milliseconds.
const PUBLISHED_MAX_MS: u64 = 15_000;

/// What the loop works with. All of it is of one region.
pub struct Onboarding {
    /// The control plane's work.
    pub client: WorkClient,
    /// The region's data plane.
    pub regional: Arc<Regional>,
    /// The login that creates schemas.
    pub migrator: Migrator,
    /// This process's directory.
    pub directory: DirectoryHandle,
    /// The time.
    pub clock: Clock,
    /// Whether what this process holds is of its region; nothing is begun or carried on while it is not.
    pub pinned: Pins,
}

/// Why a step is not done; it will be tried again.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    #[error("the first invitation was not made")]
    Invite(#[from] StoreError),
    #[error("the task names no address for the first invitation")]
    NoAddress,
    #[error("the tenant has not reached this process's directory")]
    NotPublished,
    #[error(transparent)]
    Call(#[from] CallError),
}

impl StepError {
    /// What the control plane and the log are told: a code, never text of a database.
    fn code(&self) -> &'static str {
        match self {
            Self::Provision(error) => error.code(),
            Self::Invite(_) => "invite",
            Self::NoAddress => "no_address",
            Self::NotPublished => "not_published",
            Self::Call(error) => error.code(),
        }
    }
}

impl Onboarding {
    /// Runs until the process stops. A step that is under way then is found unfinished by the next worker.
    pub async fn run(self, shutdown: Shutdown) {
        let looks = Looks::default();
        tokio::select! {
            () = shutdown.wait() => {}
            () = looks.keep(&self.regional) => {}
            () = self.pinned.guard("onboarding.stopped", || self.work(&looks)) => {}
        }
    }

    /// Asks for work and does what is given, several tasks at once, each at its own pace. It does not end.
    async fn work(&self, looks: &Looks) {
        let mut desk = Desk::default();
        let mut running = FuturesUnordered::new();
        let (mut failures, mut ask_at) = (0_u32, Instant::now());
        loop {
            let asked = async {
                tokio::time::sleep_until(ask_at).await;
                self.client.work(POLL_WAIT_MS, &looks.now()).await
            };
            tokio::select! {
                Some((task, ended)) = running.next(), if !running.is_empty() => {
                    match ended {
                        Ok(()) => {
                            desk.done(&task);
                            ask_at = Instant::now();
                        }
                        Err(Reported) => desk.failed(&task, Instant::now()),
                    }
                }
                answer = asked => match answer {
                    Ok(list) => {
                        failures = 0;
                        let listed = !list.tasks.is_empty();
                        for task in desk.take(list.tasks, Instant::now()) {
                            running.push(async move {
                                let ended = self.task(&task).await;
                                (task, ended)
                            });
                        }
                        if listed {
                            // The next answer would come at once and list the same tasks again.
                            ask_at = Instant::now() + Duration::from_millis(LOOK_AGAIN_MS);
                        }
                    }
                    Err(error) => {
                        log::warn("onboarding.no_work", &[Field::Code(error.code())]);
                        failures = failures.saturating_add(1);
                        ask_at = Instant::now() + pause(failures);
                    }
                },
            }
        }
    }

    /// Carries one task to its end.
    ///
    /// # Errors
    /// The step that failed was reported and logged here; the next round goes on with it.
    async fn task(&self, task: &Task) -> Result<(), Reported> {
        match task.kind {
            Kind::Provision => {
                for step in Step::ALL {
                    let outcome = self.provision(task, step).await;
                    self.report(task, step.as_str(), outcome).await?;
                }
                log::info("onboarding.done", &[Field::Tenant(task.tenant)]);
            }
            Kind::Destroy => {
                let provisioner = Provisioner::new(&self.migrator, &self.regional);
                let outcome = provisioner.destroy(tenant_of(task)).await.map_err(StepError::from);
                self.report(task, "destroy", outcome).await?;
                log::info("offboarding.done", &[Field::Tenant(task.tenant)]);
            }
        }
        Ok(())
    }

    /// One step of onboarding; done before counts as done.
    async fn provision(&self, task: &Task, step: Step) -> Result<(), StepError> {
        let tenant = tenant_of(task);
        match step {
            Step::Directory => self.published(tenant).await?,
            Step::Invitation => {
                let address = task.first_admin_email.as_deref().ok_or(StepError::NoAddress)?;
                invitation::ensure(self, tenant, address).await?;
            }
            Step::Schemas | Step::Role | Step::Grants | Step::Keys | Step::Bucket | Step::Migrate => {}
        }
        let provisioner = Provisioner::new(&self.migrator, &self.regional);
        let done = provisioner.run(tenant, step).await?;
        log::info(
            "onboarding.step",
            &[
                Field::Tenant(task.tenant),
                Field::Step(step.as_str()),
                Field::Code(match done {
                    tenancy::provision::Done::Now => "now",
                    tenancy::provision::Done::Before => "before",
                }),
            ],
        );
        Ok(())
    }

    /// Waits until this process's own directory has the tenant where the task says: what the front doors follow has it
    /// then too.
    async fn published(&self, tenant: TenantRef) -> Result<(), StepError> {
        let mut versions = self.directory.subscribe();
        let shown = || match self.directory.by_id(tenant.id) {
            Lookup::Found(route) => route.shard == tenant.shard && route.epoch == tenant.epoch,
            Lookup::NotReady | Lookup::Unknown => false,
        };
        let waiting = async {
            while !shown() {
                if versions.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        match tokio::time::timeout(Duration::from_millis(PUBLISHED_MAX_MS), waiting).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(StepError::NotPublished),
        }
    }

    /// Tells the control plane how a step ended.
    async fn report(
        &self,
        task: &Task,
        step: &'static str,
        outcome: Result<(), StepError>,
    ) -> Result<(), Reported> {
        let report = Report {
            step: step.to_owned(),
            state: if outcome.is_ok() { Outcome::Done } else { Outcome::Failed },
            code: outcome.as_ref().err().map(|error| error.code().to_owned()),
        };
        let told = self.client.report(task.task_id, &report).await;
        let failure = outcome.err().or(told.err().map(StepError::from));
        let Some(failure) = failure else { return Ok(()) };
        let fields = [Field::Tenant(task.tenant), Field::Step(step), Field::Code(failure.code())];
        log::error("onboarding.step_failed", &fields);
        Err(Reported)
    }
}

/// A failure that was reported and logged.
struct Reported;

fn tenant_of(task: &Task) -> TenantRef {
    TenantRef { id: task.tenant, shard: task.shard, epoch: task.epoch }
}

/// The region's data plane as the migrator reaches it.
#[must_use]
pub fn as_migrator(config: &RegionalConfig, login: &MigratorLogin) -> RegionalConfig {
    let mut config = config.clone();
    for shard in &mut config.shards {
        shard.user.clone_from(&login.user);
        shard.password_file.clone_from(&login.password_file);
    }
    config.key_store =
        DbConfig { user: login.user.clone(), password_file: login.password_file.clone(), ..config.key_store };
    config
}

/// Connects as the migrator.
///
/// # Errors
/// See [`MigrateError`].
pub async fn migrator(config: &RegionalConfig, login: &MigratorLogin) -> Result<Migrator, MigrateError> {
    Migrator::connect(&as_migrator(config, login)).await
}

impl Onboarding {
    /// The region this process works for.
    #[must_use]
    pub fn region(&self) -> RegionName {
        self.regional.region()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::work::PROVISION_PLAN;

    #[test]
    fn both_sides_name_the_same_steps_in_the_same_order() {
        assert_eq!(Step::ALL.map(Step::as_str), PROVISION_PLAN);
    }
}
