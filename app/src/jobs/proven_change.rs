//! What the letters and the texts of a proven change have in common: what is due is looked up and recorded before it is handed over,
//! and what became of it is kept afterwards.
//!
//! A code that could not be handed over is taken back, and the queue's next attempt makes another, while the request is good. If the
//! process ends in between its owner asks again.

use chrono::{DateTime, Utc};
use regions::directory::TenantRecord;
use tenancy::audit::Unaudited;
use tenancy::{JobPayload, TenantRef};
use uuid::Uuid;

use super::queue::Jobs;
use crate::audit;
use crate::auth::invite::new_id;
use crate::auth::proven_change::{Change, Wanted, What};
use crate::call::roll_back;

/// What the transactions, the entry and the failures of one change are called.
pub(super) struct Names {
    pub(super) change: Change,
    pub(super) sends: &'static str,
    pub(super) told: &'static str,
    pub(super) entry: &'static str,
    pub(super) not_prepared: &'static str,
    pub(super) not_told: &'static str,
}

/// A message that is recorded and waits to be handed over.
pub(super) struct Sending {
    names: &'static Names,
    tenant: TenantRef,
    change: Uuid,
    /// The clinic.
    pub(super) record: TenantRecord,
    /// The message.
    pub(super) wanted: Wanted,
}

impl Sending {
    /// What the payload's change needs now; `None` when it needs nothing.
    ///
    /// # Errors
    /// A code; the queue tries again later.
    pub(super) async fn begin(
        jobs: &Jobs,
        payload: &JobPayload,
        names: &'static Names,
    ) -> Result<Option<Sending>, &'static str> {
        let change = payload.get("change").ok_or("payload.no_change")?;
        let Some(record) = jobs.tenant(payload, names.change.job()).await? else { return Ok(None) };
        let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
        let now = DateTime::<Utc>::from(jobs.clock.now());
        let mut tx = jobs.regional.begin(tenant, names.sends).await.map_err(|error| error.code())?;
        let wanted = match names.change.prepare(jobs.regional.keys(), &mut tx, change, now).await {
            Ok(Some(wanted)) => wanted,
            Ok(None) => {
                tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())?;
                return Ok(None);
            }
            Err(_logged_as_code) => {
                roll_back(tx).await;
                return Err(names.not_prepared);
            }
        };
        let entry = audit::by_system(names.entry).resource("account", wanted.account.into_bytes());
        tx.commit(entry).await.map_err(|error| error.code())?;
        Ok(Some(Sending { names, tenant, change, record, wanted }))
    }

    /// Names the message: the same for every copy of one, and another for each code, since a mailbox may drop what has a known name.
    pub(super) fn id(&self) -> String {
        let change = regions::text::encode_id(self.change.as_bytes());
        match self.wanted.what {
            What::Code(_) => regions::text::encode_id(new_id().as_bytes()),
            What::Taken => change,
            What::Gone(_) => format!("{change}.old"),
        }
    }

    /// Keeps what became of the message: a code is sent once, everything else until it was told, which may be twice.
    ///
    /// # Errors
    /// A code; the queue tries again later.
    pub(super) async fn end(self, jobs: &Jobs, sent: Result<(), &'static str>) -> Result<(), &'static str> {
        let Names { change, told, not_told, .. } = *self.names;
        let is_code = matches!(self.wanted.what, What::Code(_));
        if is_code == sent.is_ok() {
            return sent;
        }
        let name = if is_code { "job.code_taken_back" } else { told };
        let mut tx = jobs.regional.begin(self.tenant, name).await.map_err(|error| error.code())?;
        let kept = match is_code {
            true => change.take_back(&mut tx, self.change).await,
            false => change.told(&mut tx, self.change).await,
        };
        if kept.is_err() {
            roll_back(tx).await;
            return sent.and(Err(not_told));
        }
        tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())?;
        sent
    }
}
