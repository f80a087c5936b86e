//! Making packs: every event of a month into tables, a summary, sums and a signed note.

use std::time::{Duration, SystemTime};

use auditlog::pack::{PACK_FILES_MAX, PACK_SUMS, PackNote, sums_text};
use auditlog::{Hash, VerifierKey};
use chrono::{DateTime, NaiveDate, Utc};
use data_encoding::HEXLOWER;
use regions::ids::{ShardId, TenantId};
use tenancy::archive::ArchiveError;
use tenancy::audit::{AuditEntry, Outcome, Purpose};
use tenancy::audit_log::{self, EVENTS_PAGE_MAX, Sealer, retention_floor_days};
use tenancy::{AuditColumns, Regional, TenantRef};
use uuid::Uuid;

use super::csv;
use super::months::{self, Month};
use super::queries::{self, PackRow};
use super::summary::Summary;
use crate::auth::invite::new_id;
use crate::call::roll_back;

/// Bytes after which a table ends and another one begins; the archive takes 8 MiB at once.
const TABLE_BYTES: usize = 4 * 1_048_576;
/// Pages of events that one run reads; ten million events.
const PAGES_MAX: usize = 10_000;
/// The summary's file.
pub(super) const SUMMARY: &str = "summary.pdf";
/// The action in the audit log.
pub(super) const ACTION: &str = "audit_pack.make";

/// What making packs needs.
pub struct Packer<'a> {
    /// The region's data plane.
    pub regional: &'a Regional,
    /// Whose key signs.
    pub sealer: &'a Sealer,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Where a pack's file lies in the archive: by its own hash, so that the same bytes have the same name.
pub(super) fn object_name((shard, tenant): (ShardId, TenantId), month: NaiveDate, hash: &Hash) -> String {
    let (tenant, hash) = (HEXLOWER.encode(tenant.as_bytes()), HEXLOWER.encode(hash));
    format!("pack/shard-{}/{tenant}/{}/{hash}", shard.0, Month::of(month).text())
}

pub(super) fn sha256(bytes: &[u8]) -> Hash {
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut hash = Hash::default();
    hash.iter_mut().zip(sum.as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

impl Packer<'_> {
    /// Makes the packs of a clinic that are due and missing; how many.
    ///
    /// # Errors
    /// A code; what was made stays, and doing it again goes on.
    pub async fn make_missing(&self, tenant: TenantRef) -> Result<usize, &'static str> {
        let due = months::due(self.now);
        let Some(first) = due.first() else { return Ok(0) };
        let mut tx = self.regional.begin(tenant, "job.audit_pack").await.map_err(|error| error.code())?;
        let made = queries::months_since(&mut tx, first.first_day()).await;
        roll_back(tx).await;
        let made = made.map_err(|_never_quoted| "audit_pack.months")?;
        let mut packs = 0;
        for month in due.into_iter().filter(|month| !made.contains(&month.first_day())) {
            packs += usize::from(Box::pin(self.make(tenant, month)).await?);
        }
        Ok(packs)
    }

    /// Makes one month's pack; `false` when nothing happened in it or somebody else made it meanwhile.
    async fn make(&self, tenant: TenantRef, month: Month) -> Result<bool, &'static str> {
        let mut writing = Writing::default();
        let mut after = None;
        for _ in 0..PAGES_MAX {
            let page = self.page(tenant, month, after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id());
            for row in &page {
                let event = row.to_event();
                writing.summary.add(&event);
                writing.table.push_str(&csv::line(&event));
                if writing.table.len() >= TABLE_BYTES {
                    self.end_table(tenant, month, &mut writing).await?;
                }
            }
            if page.len() < usize::try_from(EVENTS_PAGE_MAX).unwrap_or(usize::MAX) {
                break;
            }
        }
        if writing.summary.events() == 0 {
            return Ok(false);
        }
        // A month that is larger than one run reads has no end that could be signed.
        let complete = match after {
            Some(after) => self.page(tenant, month, Some(after)).await?.is_empty(),
            None => true,
        };
        if !complete {
            return Err("audit_pack.too_large");
        }
        self.end_table(tenant, month, &mut writing).await?;
        let region = self.regional.region().to_string();
        let pdf = writing.summary.to_pdf(&region, tenant.id.as_bytes(), &month.text());
        self.put(tenant, month, (SUMMARY.to_owned(), &pdf), &mut writing.files).await?;
        let sums = sums_text(writing.files.iter().map(|(name, hash)| (name.as_str(), hash)));
        self.put(tenant, month, (PACK_SUMS.to_owned(), sums.as_bytes()), &mut Vec::new()).await?;
        let note = PackNote {
            region,
            tenant: *tenant.id.as_bytes(),
            month: month.text(),
            events: writing.summary.events(),
            sums: sha256(sums.as_bytes()),
        };
        let signed = self.sign(tenant, month, &note).await?;
        self.keep(tenant, month, (note.events, signed, sums)).await
    }

    async fn page(
        &self,
        tenant: TenantRef,
        month: Month,
        after: Option<Uuid>,
    ) -> Result<Vec<AuditColumns>, &'static str> {
        // A transaction a page: nothing waits for a long one, and a month that is over does not change.
        let mut tx = self.regional.begin(tenant, "job.audit_pack").await.map_err(|error| error.code())?;
        let page = audit_log::events_in_order(&mut tx, month.span(), after, EVENTS_PAGE_MAX).await;
        roll_back(tx).await;
        page.map_err(|error| error.code())
    }

    async fn end_table(
        &self,
        tenant: TenantRef,
        month: Month,
        writing: &mut Writing,
    ) -> Result<(), &'static str> {
        if writing.table.is_empty() {
            return Ok(());
        }
        let name = format!("events-{:04}.csv", writing.files.len() + 1);
        let table = format!("{}{}", csv::HEAD, std::mem::take(&mut writing.table));
        self.put(tenant, month, (name, table.as_bytes()), &mut writing.files).await
    }

    async fn put(
        &self,
        tenant: TenantRef,
        month: Month,
        (name, bytes): (String, &[u8]),
        files: &mut Vec<(String, Hash)>,
    ) -> Result<(), &'static str> {
        if files.len() >= PACK_FILES_MAX {
            return Err("audit_pack.too_large");
        }
        let hash = sha256(bytes);
        let object = object_name((tenant.shard, tenant.id), month.first_day(), &hash);
        self.regional.archive().put_once(&object, bytes, self.until()).await.map_err(archive_code)?;
        files.push((name, hash));
        Ok(())
    }

    /// Signs, and keeps the note beside the files. A signature is another each time, so one that is there already stays.
    async fn sign(&self, tenant: TenantRef, month: Month, note: &PackNote) -> Result<String, &'static str> {
        let text = note.to_text();
        let signed = self.sealer.sign_note(&text).await.map_err(|error| error.code())?;
        let place = (tenant.shard, tenant.id);
        let name = format!("{}.note", object_name(place, month.first_day(), &sha256(text.as_bytes())));
        let archive = self.regional.archive();
        match archive.put_once(&name, signed.as_bytes(), self.until()).await {
            Ok(_version) => Ok(signed),
            Err(ArchiveError::Conflict) => {
                let (_, held) = archive.get_first(&name).await.map_err(archive_code)?;
                let keys: [VerifierKey; 1] = [self.sealer.verifier_key().clone()];
                match PackNote::open(&held, &keys) {
                    Ok(other) if other == *note => {
                        String::from_utf8(held).map_err(|_not_text| "audit_pack.note")
                    }
                    _ => Err("audit_pack.note"),
                }
            }
            Err(error) => Err(archive_code(error)),
        }
    }

    async fn keep(
        &self,
        tenant: TenantRef,
        month: Month,
        (events, note, sums): (u64, String, String),
    ) -> Result<bool, &'static str> {
        let row = PackRow {
            id: new_id(),
            tenant_id: tenant.id.as_uuid(),
            month: month.first_day(),
            events: i64::try_from(events).unwrap_or(i64::MAX),
            note,
            sums,
            made_at: self.now,
        };
        let mut tx = self.regional.begin(tenant, "job.audit_pack").await.map_err(|error| error.code())?;
        match queries::insert(&mut tx, &row).await {
            Ok(true) => {
                let entry = AuditEntry::new(ACTION, Outcome::Allow)
                    .purpose(Purpose::System)
                    .resource("audit_pack", row.id.into_bytes())
                    .count(u32::try_from(events).unwrap_or(u32::MAX));
                tx.commit(entry).await.map_err(|error| error.code())?;
                Ok(true)
            }
            Ok(false) => {
                roll_back(tx).await;
                Ok(false)
            }
            Err(_never_quoted) => {
                roll_back(tx).await;
                Err("audit_pack.keep")
            }
        }
    }

    fn until(&self) -> SystemTime {
        let days = u64::from(retention_floor_days(self.regional.region()));
        SystemTime::from(self.now) + Duration::from_secs(days * 86_400)
    }
}

/// A pack while it is made.
#[derive(Default)]
struct Writing {
    summary: Summary,
    /// Lines of the table that is not put yet.
    table: String,
    files: Vec<(String, Hash)>,
}

fn archive_code(error: ArchiveError) -> &'static str {
    match error {
        ArchiveError::Unavailable => "archive.unavailable",
        ArchiveError::Denied => "archive.denied",
        ArchiveError::Conflict => "archive.conflict",
        _ => "archive.failed",
    }
}
