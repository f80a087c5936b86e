//! The worker's side of support grants: takes what was asked for, answers looks in the clinic's own transaction, reports what the
//! clinic said.
//!
//! Each round compares what the control plane has with the clinics' own rows and says what differs, so nothing is remembered
//! between two rounds: a worker that was killed anywhere is followed by one that finds the same differences, two at once do the
//! same thing one after the other, and a report that was lost is made again.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use regions::clock::Clock;
use regions::directory::{DirectoryHandle, TenantRecord, TenantState};
use regions::log::{self, Field};
use regions::region::Jurisdiction;
use regions::shutdown::Shutdown;
use tenancy::audit::{AuditEntry, Outcome};
use tenancy::{JobPayload, Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::answer::Answer;
use super::gather::gather;
use super::model::{GrantRow, GrantState, Said};
use super::wire::{GrantReport, GrantTask, LookReport, LookTask};
use super::{queries, tell};
use crate::call::roll_back;
use crate::jobs::SUPPORT_NOTICE;
use crate::onboarding::client::{CallError, WorkClient};
use crate::pins::Pins;
use crate::registry;
use crate::store::{self, StoreError};

/// How long the control plane is asked to hold an answer back when there is no grant, in milliseconds.
const POLL_WAIT_MS: u64 = 20_000;
/// Pause between two rounds, in milliseconds: also a control plane that never waits is not asked without one.
const LOOK_AGAIN_MS: u64 = 1_000;
/// Pause after a round that failed, in milliseconds.
const PAUSE_MS: u64 = 5_000;

/// What is reported of a look under a grant that is not approved, or not any more.
pub const NOT_GRANTED: &str = "not_granted";
/// What is reported of a look that is one too many.
pub const TOO_MANY_LOOKS: &str = "too_many_looks";
/// Why a grant ended by itself, in the clinic's log.
const EXPIRED: &str = "expired";
/// Why a grant ended that support had no more use for.
const GIVEN_BACK: &str = "given_back";

/// What the loop works with. All of it is of one region.
pub struct SupportDesk {
    /// The control plane.
    pub client: WorkClient,
    /// The region's data plane.
    pub regional: Arc<Regional>,
    /// This process's directory.
    pub directory: DirectoryHandle,
    /// The region's time, by which grants end.
    pub clock: Clock,
    /// Whether what this process holds is of its region; nothing is looked at while it is not.
    pub pinned: Pins,
}

/// Why a grant was not seen to; the next round tries again.
#[derive(Debug, thiserror::Error)]
enum DeskError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<tenancy::TxError> for DeskError {
    fn from(error: tenancy::TxError) -> Self {
        DeskError::Store(error.into())
    }
}

impl DeskError {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(error) => code(error),
            Self::Call(error) => error.code(),
        }
    }
}

/// What a failure of the clinic's own side is called; never text of a database.
fn code(error: &StoreError) -> &'static str {
    match error {
        StoreError::Tx(error) => error.code(),
        StoreError::Keys(_) => "key_error",
        StoreError::Seal(_) | StoreError::Open(_) | StoreError::Shape | StoreError::Tag => "stored_value",
    }
}

impl SupportDesk {
    /// Runs until the process stops.
    pub async fn run(self, shutdown: Shutdown) {
        tokio::select! {
            () = shutdown.wait() => {}
            () = self.pinned.guard("support.stopped", || self.rounds()) => {}
        }
    }

    /// One round after the other. It does not end.
    async fn rounds(&self) {
        loop {
            let pause_ms = match Box::pin(self.round(POLL_WAIT_MS)).await {
                Ok(_) => LOOK_AGAIN_MS,
                Err(error) => {
                    log::warn("support.no_grants", &[Field::Code(error.code())]);
                    PAUSE_MS
                }
            };
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    /// Sees to every grant of the region once; how many there were. A clinic whose turn fails keeps no other waiting.
    ///
    /// # Errors
    /// When the control plane does not answer.
    pub async fn round(&self, wait_ms: u64) -> Result<usize, CallError> {
        let list = self.client.support_grants(wait_ms).await?;
        for task in &list.grants {
            if let Err(error) = Box::pin(self.see_to(task)).await {
                let fields = [Field::Tenant(task.tenant), Field::Code(error.code())];
                log::warn("support.grant_waits", &fields);
            }
        }
        Ok(list.grants.len())
    }

    async fn see_to(&self, task: &GrantTask) -> Result<(), DeskError> {
        let known = self.directory.tenant(task.tenant);
        let Some((record, jurisdiction)) = known.and_then(|record| self.own(record)) else {
            // Not ours to look at, or gone: nothing of it will ever be answered here.
            if known.is_some() {
                self.client.report_grant(task.grant, &GrantReport::ended()).await?;
            }
            return Ok(());
        };
        let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
        let report = self.settle(tenant, task).await?;
        if report.state != task.state || report.state.is_over() {
            self.client.report_grant(task.grant, &report).await?;
        }
        if report.state == GrantState::Approved {
            for look in &task.looks {
                let report = Box::pin(self.look(tenant, (task.grant, *look), jurisdiction)).await;
                self.client.report_look(task.grant, look.look, &report).await?;
            }
        }
        Ok(())
    }

    /// A clinic that this region has and has not ended, and its law.
    fn own(&self, record: TenantRecord) -> Option<(TenantRecord, Jurisdiction)> {
        let region = self.directory.region(record.region)?.region;
        let here = record.region == self.regional.region() && record.state != TenantState::Offboarded;
        here.then_some((record, region.jurisdiction))
    }

    /// Brings the clinic's own row to what was asked for; says where the grant is now.
    async fn settle(&self, tenant: TenantRef, task: &GrantTask) -> Result<GrantReport, DeskError> {
        let mut tx = self.regional.begin(tenant, "support.settle").await?;
        match Box::pin(self.settled(&mut tx, task)).await {
            Ok((report, Some(entry))) => {
                tx.commit(entry).await?;
                Ok(report)
            }
            Ok((report, None)) => {
                roll_back(tx).await;
                Ok(report)
            }
            Err(error) => {
                roll_back(tx).await;
                Err(error.into())
            }
        }
    }

    /// Where the grant is, and the entry of what had to be written for that.
    async fn settled(
        &self,
        tx: &mut TenantTx,
        task: &GrantTask,
    ) -> Result<(GrantReport, Option<AuditEntry>), StoreError> {
        let now: DateTime<Utc> = self.clock.now().into();
        let stays = |row: &GrantRow| row.is_over() || !(row.state_at(now).is_over() || task.state.is_over());
        // A lock is a write, and most rounds have nothing to write.
        if let Some(row) = queries::find(tx, task.grant).await?
            && stays(&row)
        {
            return Ok((row.report(now), None));
        }
        let Some(row) = queries::lock(tx, task.grant).await? else {
            if task.state != GrantState::Asked {
                // Given back before it came here; or a database that was restored has lost what was approved, and nothing is opened
                // by what somebody else remembers.
                return Ok((GrantReport::ended(), None));
            }
            let (row, is_new) = self.insert(tx, task, now).await?;
            if is_new {
                let told = JobPayload::new(tx.tenant()).id(tell::PAYLOAD_ID, row.id);
                tx.enqueue(SUPPORT_NOTICE, told, None).await?;
            }
            // Another worker may have been faster.
            return Ok((row.report(now), is_new.then(|| row.entry("support.ask", Outcome::Allow))));
        };
        if stays(&row) {
            return Ok((row.report(now), None));
        }
        queries::end(tx, row.id, None, now).await?;
        let reason = if row.state_at(now).is_over() { EXPIRED } else { GIVEN_BACK };
        let entry = row.entry("support.end", Outcome::Allow).reason(reason);
        Ok((GrantReport { state: GrantState::Ended, ..row.report(now) }, Some(entry)))
    }

    /// Writes down a grant that was asked for. It is the clinic's to answer from then on.
    async fn insert(
        &self,
        tx: &mut TenantTx,
        task: &GrantTask,
        now: DateTime<Utc>,
    ) -> Result<(GrantRow, bool), StoreError> {
        let sealer = self.regional.keys().tenant_sealer(tx.tenant()).await?;
        let said = Said { login: task.login.clone(), reason: task.reason.clone() };
        let row = GrantRow {
            id: task.grant,
            tenant_id: tx.tenant().as_uuid(),
            asked_by: task.asked_by,
            said_sealed: store::seal(&sealer, registry::SUPPORT_SAID, task.grant.into_bytes(), &said)?,
            minutes: task.minutes,
            state: GrantState::Asked.as_str().to_owned(),
            // By this region's clock, by which it also ends when nobody answers.
            asked_at: now,
            answered_by: None,
            answered_at: None,
            ends_at: None,
            ended_at: None,
            ended_by: None,
        };
        let is_new = queries::insert(tx, row.clone()).await?;
        Ok((row, is_new))
    }

    /// Answers one look, or says why not. What is answered was committed together with its entry in the clinic's log.
    async fn look(
        &self,
        tenant: TenantRef,
        (grant, task): (Uuid, LookTask),
        jurisdiction: Jurisdiction,
    ) -> LookReport {
        let failed = |code: &str| LookReport::Failed(code.to_owned());
        let mut tx = match self.regional.begin(tenant, "support.look").await {
            Ok(tx) => tx,
            Err(error) => return failed(error.code()),
        };
        let (row, outcome) = match Box::pin(self.looked(&mut tx, (grant, task), jurisdiction)).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                roll_back(tx).await;
                return failed(NOT_GRANTED);
            }
            Err(error) => {
                roll_back(tx).await;
                return failed(code(&error));
            }
        };
        let entry = match &outcome {
            Ok(_) => row.entry("support.look", Outcome::Allow).reason(task.what.as_str()),
            Err(code) => row.entry("support.look", Outcome::Deny).reason(code),
        };
        match tx.commit(entry).await {
            Ok(_) => outcome.map_or_else(failed, LookReport::Done),
            Err(error) => failed(error.code()),
        }
    }

    /// The grant, locked, and what is answered under it or why nothing is; `None` when the clinic has no such grant.
    async fn looked(
        &self,
        tx: &mut TenantTx,
        (grant, task): (Uuid, LookTask),
        jurisdiction: Jurisdiction,
    ) -> Result<Option<(GrantRow, Result<Answer, &'static str>)>, StoreError> {
        let now: DateTime<Utc> = self.clock.now().into();
        let Some(row) = queries::lock(tx, grant).await? else { return Ok(None) };
        if row.state_at(now) != GrantState::Approved {
            return Ok(Some((row, Err(NOT_GRANTED))));
        }
        if !queries::count_look(tx, row.id, (task.look, task.what), now).await? {
            return Ok(Some((row, Err(TOO_MANY_LOOKS))));
        }
        let answer = gather(tx, self.regional.keys(), (task.what, jurisdiction), now).await?;
        Ok(Some((row, Ok(answer))))
    }
}
