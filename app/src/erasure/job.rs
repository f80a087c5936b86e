//! The destruction itself, step by step. Each step is harmless to repeat, so a job that was killed anywhere is simply run again.
//!
//! Hidden first, so that nobody meets half a patient; then the key, in one transaction of the key store, after which nothing of
//! the patient can be read or written; then the ledger, which makes that final; then the rows and objects, which are noise
//! by now; then the certificate.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use regions::clock::Clock;
use regions::log::{self, Field};
use tenancy::audit::{AuditEntry, Outcome, Purpose};
use tenancy::config::RegionalConfig;
use tenancy::keys::{Erased, Keeper, LedgerEntry, SubjectId, ledger};
use tenancy::kms::Signer;
use tenancy::{BootError, JobPayload, Regional, TenantRef, TenantTx};
use uuid::Uuid;

use super::certificate::{Certificate, Statement, backups_unreadable_from};
use super::queries::{self, Erasure};
use crate::call::roll_back;
use crate::documents;
use crate::jobs::queue::Jobs;
use crate::patients::model::PatientId;
use crate::patients::queries::ERASED;
use crate::store::StoreError;

/// Tables one audit entry names at most.
const TABLES_PER_ENTRY: usize = tenancy::audit::TOUCHED_TABLES_MAX;
/// Erasures that one clean-up of a clinic ends.
const RESUMED_MAX: i64 = 20;
/// Age of an approval after which a clean-up sees to it, in minutes; until then its own job does.
const RESUMED_AFTER_MIN: i64 = 10;

/// What the worker destroys and certifies with; a backend has neither.
pub struct Eraser {
    /// The key store's functions.
    pub keeper: Keeper,
    /// The region's signing key.
    pub signer: Signer,
}

impl Eraser {
    /// Opens both; `as_migrator` is the region's configuration with the migrator's log-in.
    ///
    /// # Errors
    /// [`BootError`] naming the field that is wrong.
    pub async fn connect(as_migrator: &RegionalConfig) -> Result<Eraser, BootError> {
        let signing = &as_migrator.audit.signing_key_id;
        Ok(Eraser {
            keeper: Keeper::new(&as_migrator.key_store)?,
            signer: Signer::connect(as_migrator.region, &as_migrator.kms, signing).await?,
        })
    }
}

/// Runs the erasure that the payload names.
///
/// # Errors
/// A code; running it again goes on where it stopped.
pub async fn run(jobs: &Jobs, payload: &JobPayload) -> Result<(), &'static str> {
    let eraser = jobs.eraser.as_ref().ok_or("erase.no_keeper")?;
    let Some(record) = jobs.tenant(payload, crate::jobs::ERASE_PATIENT).await? else { return Ok(()) };
    let erasure = payload.get("erasure").ok_or("erase.payload")?;
    let tenant = TenantRef { id: record.id, shard: record.shard, epoch: record.epoch };
    let work = Work { regional: &jobs.regional, clock: &jobs.clock, eraser, tenant };
    Box::pin(work.erase(erasure)).await
}

/// Ends what no job sees to any more: one that failed too often, or whose queue was restored.
///
/// # Errors
/// A code; what was ended before it stays ended.
pub async fn resume(jobs: &Jobs, tenant: TenantRef) -> Result<(), &'static str> {
    let Some(eraser) = jobs.eraser.as_ref() else { return Ok(()) };
    let work = Work { regional: &jobs.regional, clock: &jobs.clock, eraser, tenant };
    let before = work.now() - TimeDelta::minutes(RESUMED_AFTER_MIN);
    for erasure in work.unended(Some(before), RESUMED_MAX).await? {
        Box::pin(work.erase(erasure)).await?;
    }
    Ok(())
}

/// What one clinic's erasures are ended with.
pub struct Work<'a> {
    /// The region's data plane.
    pub regional: &'a Arc<Regional>,
    /// Time.
    pub clock: &'a Clock,
    /// What destroys and certifies.
    pub eraser: &'a Eraser,
    /// The clinic.
    pub tenant: TenantRef,
}

impl Work<'_> {
    /// Takes one erasure to its end, from wherever it is.
    ///
    /// # Errors
    /// A code; doing it again goes on.
    pub async fn erase(&self, erasure: Uuid) -> Result<(), &'static str> {
        let Some(found) = self.hide(erasure).await? else { return Ok(()) };
        let subject = SubjectId::from(found.patient_id);
        let erased = self.eraser.keeper.shred(self.tenant.id, subject, erasure).await;
        let erased = erased.map_err(|_cause| "erase.key")?;
        let entry = LedgerEntry::new(self.regional.region(), self.tenant.id, subject, (erasure, erased));
        let version = ledger::append(self.regional.archive(), &entry, self.clock.now()).await;
        let version = version.map_err(|_cause| "erase.ledger")?;
        let (found, objects) = Box::pin(self.remove_rows(&found, erased)).await?;
        Box::pin(documents::erasure::remove(self.regional, self.tenant, &objects)).await?;
        Box::pin(self.certify(&found, entry, version.as_str().to_owned())).await?;
        log::info("patient_erased", &[Field::Tenant(self.tenant.id), Field::Count(erased.seq)]);
        Ok(())
    }

    /// Erasures that were agreed to, before `before` if that is given, and are not at their end, at most `limit`.
    ///
    /// # Errors
    /// A code.
    pub async fn unended(
        &self,
        before: Option<DateTime<Utc>>,
        limit: i64,
    ) -> Result<Vec<Uuid>, &'static str> {
        let mut tx = self.regional.begin(self.tenant, "erasure.list").await.map_err(|error| error.code())?;
        let unended = queries::unended(&mut tx, before, limit).await;
        roll_back(tx).await;
        unended.map_err(|_never_quoted| "erase.database")
    }

    /// Takes a patient whose key is destroyed out of a database that was restored; says whether there was anything.
    ///
    /// # Errors
    /// A code; doing it again goes on.
    pub async fn take_out(&self, patient: Uuid) -> Result<bool, &'static str> {
        let (id, now) = (PatientId::from(patient), self.now());
        let taken = self.in_transaction("erasure.replay", async |tx| {
            let Some((state, _since)) = queries::lock_patient(tx, id).await? else { return Ok(None) };
            if state == ERASED {
                return Ok(None);
            }
            queries::mark_erased(tx, patient, now).await?;
            let objects = documents::erasure::forget(tx, id, now).await?;
            let (_removed, tables) = tx.erase_rows(patient).await.map_err(StoreError::Tx)?;
            queries::remove_ties(tx, self.regional.keys(), id, now).await?;
            Ok(Some((objects, entries("erasure.replay", patient, tables))))
        });
        let Some(objects) = taken.await? else { return Ok(false) };
        documents::erasure::remove(self.regional, self.tenant, &objects).await?;
        Ok(true)
    }

    /// The patient and the documents are found by nobody from here on. `None` when there is nothing to do.
    async fn hide(&self, erasure: Uuid) -> Result<Option<Erasure>, &'static str> {
        let now = self.now();
        self.in_transaction("erasure.shred", async |tx| {
            let Some(found) = Erasure::find(tx, erasure).await? else { return Ok(None) };
            let patient = PatientId::from(found.patient_id);
            // The patient before the request, as everybody who changes either takes them: a hold comes before this or after.
            queries::lock_patient(tx, patient).await?;
            let Some(found) = Erasure::lock(tx, erasure).await? else { return Ok(None) };
            let held = found.state == "approved" && queries::is_held(tx, found.patient_id).await?;
            if held || !matches!(found.state.as_str(), "approved" | "shredding") {
                return Ok(None);
            }
            found.begin_shredding(tx, now).await?;
            documents::erasure::forget(tx, patient, now).await?;
            let entry = entry("erasure.shred", found.patient_id).touches("patient");
            let entry = documents::erasure::TABLES.into_iter().fold(entry, AuditEntry::touches);
            Ok(Some((found, vec![entry])))
        })
        .await
    }

    /// Removes the rows, and says which objects are to go.
    async fn remove_rows(
        &self,
        erasure: &Erasure,
        erased: Erased,
    ) -> Result<(Erasure, Vec<Uuid>), &'static str> {
        let at = DateTime::<Utc>::from(erased.at);
        let seq = i64::try_from(erased.seq).map_err(|_cause| "erase.number")?;
        let (patient, now) = (PatientId::from(erasure.patient_id), self.now());
        let done = self.in_transaction("erasure.rows", async |tx| {
            let Some(mut found) = Erasure::lock(tx, erasure.id).await? else { return Ok(None) };
            // Again: somebody may have been writing while the patient was hidden, and nobody can any more.
            let objects = documents::erasure::forget(tx, patient, now).await?;
            let (removed, tables) = tx.erase_rows(erasure.patient_id).await.map_err(StoreError::Tx)?;
            let ties = queries::remove_ties(tx, self.regional.keys(), patient, now).await?;
            found.shredded_at = Some(at);
            found.ledger_seq = Some(seq);
            found.rows_removed = found.rows_removed.saturating_add(removed).saturating_add(ties);
            found.objects_removed = found.objects_removed.max(count(&objects));
            found.note_destroyed(tx).await?;
            let entries = entries("erasure.rows", erasure.patient_id, tables);
            Ok(Some(((found, objects), entries)))
        });
        done.await?.ok_or("erase.absent")
    }

    async fn certify(
        &self,
        erasure: &Erasure,
        ledger: LedgerEntry,
        ledger_version: String,
    ) -> Result<(), &'static str> {
        let at = erasure.shredded_at.ok_or("erase.order")?;
        let statement = Statement {
            ledger,
            ledger_version,
            basis: erasure.basis.clone(),
            requested_at: erasure.requested_at,
            approved_at: erasure.decided_at.ok_or("erase.order")?,
            rows_removed: erasure.rows_removed,
            objects_removed: erasure.objects_removed,
            backups_unreadable_from: backups_unreadable_from(at),
        };
        let certificate = Certificate::issue(&self.eraser.signer, &statement).await;
        let certificate = certificate.map_err(|_cause| "erase.sign")?;
        let text = serde_json::to_string(&certificate).map_err(|_unreachable| "erase.json")?;
        let ended = self.in_transaction("erasure.end", async |tx| {
            // Another process may have ended it meanwhile; there is one certificate.
            let ended = erasure.end(tx, &text).await?;
            Ok(ended.then(|| ((), vec![entry("erasure.end", erasure.patient_id)])))
        });
        ended.await.map(drop)
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::<Utc>::from(self.clock.now())
    }

    /// Does `work` in a transaction of its own and commits it with its entries; `None` from `work` rolls back.
    async fn in_transaction<T>(
        &self,
        name: &'static str,
        work: impl AsyncFnOnce(&mut TenantTx) -> Result<Option<(T, Vec<AuditEntry>)>, StoreError>,
    ) -> Result<Option<T>, &'static str> {
        let mut tx = self.regional.begin(self.tenant, name).await.map_err(|error| error.code())?;
        match work(&mut tx).await {
            Ok(Some((value, entries))) => {
                tx.commit_many(entries).await.map_err(|error| error.code())?;
                Ok(Some(value))
            }
            Ok(None) => {
                roll_back(tx).await;
                Ok(None)
            }
            Err(_never_quoted) => {
                roll_back(tx).await;
                Err("erase.database")
            }
        }
    }
}

fn count(ids: &[Uuid]) -> i64 {
    i64::try_from(ids.len()).unwrap_or(i64::MAX)
}

/// An entry for each so many tables that rows were taken out of.
fn entries(action: &'static str, patient: Uuid, mut tables: Vec<String>) -> Vec<AuditEntry> {
    tables.extend(documents::erasure::TABLES.map(str::to_owned));
    tables.extend(["patient", "relationship"].map(str::to_owned));
    let named = |tables: &[String]| tables.iter().cloned().fold(entry(action, patient), AuditEntry::touches);
    tables.chunks(TABLES_PER_ENTRY).map(named).collect()
}

fn entry(action: &'static str, patient: Uuid) -> AuditEntry {
    let patient = patient.into_bytes();
    AuditEntry::new(action, Outcome::Allow)
        .resource("patient", patient)
        .subject(patient)
        .purpose(Purpose::System)
}
