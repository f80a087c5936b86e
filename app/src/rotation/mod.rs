//! Rotating keys: what the worker does in the background and an operator's command does while it is watched.
//!
//! The stages are `tenancy::keys`'; this side finds the rows that hang on a key and moves them in bounded batches, each in a
//! transaction of its own with its audit entries. Any number of processes may do it at once, and any may be killed.

mod batches;
mod fill;
mod reseal;
mod retag;
mod subject;
pub mod tell;

pub use subject::OldKey;

use std::sync::Arc;
use std::time::Duration;

use regions::directory::DirectoryHandle;
use regions::ids::TenantId;
use regions::log::{self, Field};
use regions::shutdown::Shutdown;
use tenancy::config::RegionalConfig;
use tenancy::keys::{Keeper, KeyError, Purpose, Rotation, Stage, Step};
use tenancy::migrate::Migrator;
use tenancy::{BootError, Regional, TenantRef};
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use retag::Retag;

use crate::store::StoreError;

/// Time between two batches of the worker, in milliseconds: with some fifty keys in a batch it moves a hundred a second, which a
/// clinic's readers do not notice (`docs/benchmarks.md`). An operator in a hurry has the command, which does not pause.
const BATCH_EVERY_MS: u64 = 500;
/// Rotations that one turn asks for something to move; most of them only wait for every process to have learned of a key.
const ASKED_PER_TURN_MAX: usize = 20;

/// Why a rotation does not go on; trying again is always right.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// The key store, KMS or a stored key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The clinic's rows.
    #[error("the clinic's rows could not be moved: {0}")]
    Rows(#[from] StoreError),
    /// No shard of this region has the clinic.
    #[error("no shard of this region has this clinic")]
    Nowhere,
    /// There is no such patient.
    #[error("there is no such patient in this clinic")]
    NoPatient,
}

/// What rotates.
pub struct Rotator {
    /// The region's data plane.
    pub regional: Arc<Regional>,
    /// The key store's functions.
    pub keeper: Keeper,
    /// Knows which shard has which clinic.
    pub migrator: Migrator,
    /// Knows which law the region is under, which tags depend on; without it, blind-index keys are left to the worker.
    pub directory: Option<DirectoryHandle>,
}

impl Rotator {
    /// Opens the keeper with the migrator's log-in.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn new(
        regional: Arc<Regional>,
        migrator: Migrator,
        as_migrator: &RegionalConfig,
    ) -> Result<Rotator, BootError> {
        let keeper = Keeper::new(&as_migrator.key_store)?;
        Ok(Rotator { regional, keeper, migrator, directory: None })
    }

    /// Begins a rotation, or finds the one that is under way.
    ///
    /// # Errors
    /// [`RotateError`].
    pub async fn begin(&self, tenant: TenantId, purpose: Purpose) -> Result<Rotation, RotateError> {
        Ok(self.regional.keys().rotate(&self.keeper, tenant, purpose).await?)
    }

    /// Takes a rotation one step further, moving rows when it is their turn.
    ///
    /// # Errors
    /// [`RotateError`].
    pub async fn advance(&self, rotation: Rotation) -> Result<Step, RotateError> {
        let keys = self.regional.keys();
        match keys.rotation_step(&self.keeper, rotation).await? {
            Step::Fill(rotation) => {
                let tenant = self.locate(rotation.tenant).await?;
                let Some(moved) = Box::pin(self.fill(tenant, &rotation)).await? else {
                    return Ok(Step::Wait(rotation));
                };
                Ok(keys.rotation_filled(&self.keeper, rotation, moved).await?)
            }
            step => Ok(step),
        }
    }

    /// Moves one batch; how many, and from where the next one goes on. `None` when another process has to do it.
    async fn fill(
        &self,
        tenant: TenantRef,
        rotation: &Rotation,
    ) -> Result<Option<(u64, Option<Uuid>)>, RotateError> {
        match rotation.purpose {
            Purpose::Context => {
                self.tell_shard(tenant, rotation).await?;
                Ok(Some((0, None)))
            }
            Purpose::BlindIndex => {
                let region = self.regional.region();
                let record = self.directory.as_ref().and_then(|directory| directory.region(region));
                let Some(record) = record else { return Ok(None) };
                let retag =
                    Retag { regional: &self.regional, tenant, jurisdiction: record.region.jurisdiction };
                Box::pin(retag.batch(rotation)).await.map(Some)
            }
            Purpose::Seal | Purpose::RowMac => {
                Box::pin(fill::batch(&self.regional, tenant, rotation)).await.map(Some)
            }
        }
    }

    /// Has the clinic's shard accept the next context key, and refuse the older ones when nobody uses them any more.
    async fn tell_shard(&self, tenant: TenantRef, rotation: &Rotation) -> Result<(), RotateError> {
        let told = match rotation.stage {
            Stage::Settling => self.migrator.refuse_older_context_keys(tenant, rotation.to_version).await,
            _ => {
                let keys = self.regional.keys();
                self.migrator.accept_context_key(keys, tenant, rotation.to_version).await
            }
        };
        Ok(told.map_err(|_cause| KeyError::Unavailable)?)
    }

    async fn locate(&self, tenant: TenantId) -> Result<TenantRef, RotateError> {
        let found = self.migrator.locate(tenant).await.map_err(|_cause| KeyError::Unavailable)?;
        found.ok_or(RotateError::Nowhere)
    }

    /// Goes on with every rotation of the region, a batch of one of them at a time, until the process stops.
    pub async fn run(self, shutdown: Shutdown) {
        let mut every = tokio::time::interval(Duration::from_millis(BATCH_EVERY_MS));
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = None;
        loop {
            tokio::select! {
                () = shutdown.wait() => return,
                _ = every.tick() => {}
            }
            if Box::pin(self.turn(&mut last)).await.is_err() {
                log::warn("rotations_not_listed", &[]);
            }
        }
    }

    /// Takes the rotation after `last` that has something to move one step further, so that each has its turn.
    async fn turn(&self, last: &mut Option<Uuid>) -> Result<(), KeyError> {
        let mut rotations = self.keeper.rotations(None).await?;
        let next = rotations.iter().position(|rotation| Some(rotation.id) == *last);
        rotations.rotate_left(next.map_or(0, |at| at + 1));
        for rotation in rotations.into_iter().take(ASKED_PER_TURN_MAX) {
            let tenant = rotation.tenant;
            *last = Some(rotation.id);
            match Box::pin(self.advance(rotation)).await {
                Ok(Step::Wait(_)) => {}
                Ok(Step::Moved(_) | Step::Fill(_)) => break,
                Ok(Step::Done(end)) => {
                    log::info("key_rotated", &[Field::Tenant(tenant), Field::Count(end.done)]);
                    break;
                }
                Err(_never_quoted) => log::warn("rotation_interrupted", &[Field::Tenant(tenant)]),
            }
        }
        Ok(())
    }
}
