//! What the letters and the texts of a proven change have in common: what is due is looked up and recorded before it is handed over,
//! and what became of it is kept afterwards.
//!
//! A code is made and sent once: if it cannot be handed over its owner asks again.

use chrono::{DateTime, Utc};
use regions::directory::TenantRecord;
use tenancy::audit::Unaudited;
use tenancy::{JobPayload, TenantRef};
use uuid::Uuid;

use super::queue::Jobs;
use crate::audit;
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

    /// Names the message: the same for every copy of one, and another for the second of a change.
    pub(super) fn id(&self) -> String {
        let change = regions::text::encode_id(self.change.as_bytes());
        match self.wanted.what {
            What::Code(_) | What::Taken => change,
            What::Gone(_) => format!("{change}.old"),
        }
    }

    /// Keeps what became of the message: the old one is told until it was, which may be twice.
    ///
    /// # Errors
    /// A code; the queue tries again later.
    pub(super) async fn end(self, jobs: &Jobs, sent: Result<(), &'static str>) -> Result<(), &'static str> {
        sent?;
        let What::Gone(_) = self.wanted.what else { return Ok(()) };
        let Names { change, told, not_told, .. } = *self.names;
        let mut tx = jobs.regional.begin(self.tenant, told).await.map_err(|error| error.code())?;
        if change.told(&mut tx, self.change).await.is_err() {
            roll_back(tx).await;
            return Err(not_told);
        }
        tx.commit_without_audit(Unaudited::JobProgress).await.map_err(|error| error.code())
    }
}
