//! The tenant transaction: the one way to a tenant's rows, and leaving it with a commit takes an audit entry.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use auditlog::{EVENT_BYTES_MAX, Event, Hash, event_hash};
use chrono::{DateTime, SubsecRound, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::{BoxFuture, join};
use regions::clock::Clock;
use regions::ids::{Epoch, ShardId, TenantId};
use regions::region::RegionName;
use uuid::Uuid;

use crate::audit::{AuditEntry, AuditId, ENTRIES_PER_COMMIT_MAX, Unaudited};
use crate::audit_log::{Tallies, Ticket};
use crate::context::{Bound, ContextKey};
use crate::error::{Rejection, TxError};
use crate::jobs::JobPayload;
use crate::keys::{Keys, Purpose};
use crate::names::TenantRef;
use crate::reach::Caller;
use crate::schema::audit_event;
use crate::sealed::Column;
use crate::session::{Held, run};

/// Layout version of an audit row.
const AUDIT_SCHEMA_VERSION: i32 = 2;
/// The sealed column of the client's address. Table numbers 1 to 99 belong to this crate, those from 100 to the product.
const AUDIT_CLIENT_IP: Column = Column::new(1, 1);

/// What every transaction of a region shares.
pub(crate) struct TxShared {
    pub(crate) region: RegionName,
    pub(crate) clock: Clock,
    pub(crate) keys: Arc<Keys>,
    pub(crate) commit: Duration,
    /// What this process has committed, counted for each shard.
    pub(crate) tallies: BTreeMap<ShardId, Arc<Tallies>>,
}

/// A transaction of one tenant, already proved to be that tenant's.
///
/// Dropping it without a commit rolls it back: in the background and verified if that is quick, else by closing the
/// connection. Nothing is set on the session, so nothing can be left behind.
pub struct TenantTx {
    pub(crate) held: Held,
    pub(crate) shared: Arc<TxShared>,
    pub(crate) tenant: TenantRef,
    pub(crate) name: &'static str,
    pub(crate) bound: Bound,
}

impl TenantTx {
    /// The connection, inside the transaction, with the tenant's role and schemas.
    pub fn conn(&mut self) -> &mut AsyncPgConnection {
        self.held.connection()
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant.id
    }

    /// The epoch the transaction was begun at.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.tenant.epoch
    }

    /// The transaction's name, for metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// From here on the transaction acts for `caller` and sees what that one reaches.
    ///
    /// # Errors
    /// What the key store or the database says; the transaction is of no use then.
    pub async fn act_as(&mut self, caller: &Caller) -> Result<(), TxError> {
        self.act_as_asking(caller, |_| Box::pin(async { Ok(()) })).await
    }

    /// As [`act_as`](Self::act_as), and asks something as that caller in the same round trip.
    ///
    /// # Errors
    /// As [`act_as`](Self::act_as), or how the question failed.
    pub async fn act_as_asking<T>(
        &mut self,
        caller: &Caller,
        ask: impl for<'c> FnOnce(&'c AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send,
    ) -> Result<T, TxError> {
        let key = self.shared.keys.tenant_key(self.tenant.id, Purpose::Context).await?;
        let context = ContextKey::of(&key).mint(self.tenant.id, self.bound, caller);
        let set = format!("SET LOCAL domicile.context='{context}'");
        let connection: &AsyncPgConnection = self.held.connection();
        let mut first = connection;
        let (set, asked) = join(run(&mut first, &set), ask(connection)).await;
        set?;
        Ok(asked?)
    }

    /// Enqueues a job that becomes visible if and only if this transaction commits.
    ///
    /// # Errors
    /// [`TxError::Rejected`] if the payload names another tenant, otherwise what the database says.
    pub async fn enqueue(
        &mut self,
        job: &'static str,
        payload: JobPayload,
        run_at: Option<SystemTime>,
    ) -> Result<(), TxError> {
        if payload.tenant != self.tenant.id {
            return Err(TxError::Rejected(Rejection::Context));
        }
        let body = serde_json::to_string(&payload)
            .map_err(|error| TxError::Db(diesel::result::Error::SerializationError(Box::new(error))))?;
        let enqueue = Enqueue { job, body, run_at: run_at.map(DateTime::<Utc>::from) };
        enqueue.execute(self.conn()).await?;
        Ok(())
    }

    /// Writes the audit entry and commits.
    ///
    /// # Errors
    /// [`TxError::AuditUnavailable`] if the entry or the commit failed, [`TxError::AuditMissing`] if a patient-data
    /// table was changed that the entry does not name. After any error nothing may be released.
    pub async fn commit(self, entry: AuditEntry) -> Result<AuditId, TxError> {
        let ids = self.commit_many(vec![entry]).await?;
        ids.as_slice().first().copied().ok_or(TxError::AuditUnavailable)
    }

    /// Writes several audit entries and commits.
    ///
    /// # Errors
    /// As [`commit`](Self::commit); also if there is no entry or there are more than [`ENTRIES_PER_COMMIT_MAX`].
    pub async fn commit_many(mut self, entries: Vec<AuditEntry>) -> Result<Vec<AuditId>, TxError> {
        if entries.is_empty() || entries.len() > ENTRIES_PER_COMMIT_MAX {
            return Err(TxError::AuditUnavailable);
        }
        let deadline = self.shared.commit;
        let tallies = self.shared.tallies.get(&self.tenant.shard).ok_or(TxError::AuditUnavailable)?;
        let mut ticket = tallies.begin();
        let written = tokio::time::timeout(deadline, async {
            let rows = self.audit_rows(entries, &ticket).await?;
            let ids = rows.iter().map(|row| AuditId(row.event_id)).collect::<Vec<_>>();
            let leaves = rows.iter().map(|row| row.leaf_hash).collect::<Vec<Hash>>();
            let rows = rows.into_iter().map(|row| row.columns).collect();
            match insert_audit(self.conn(), rows).await {
                Ok(()) => Ok((ids, leaves)),
                Err(_) => Err(TxError::AuditUnavailable),
            }
        })
        .await;
        let (ids, leaves) = match written {
            Ok(Ok(written)) => written,
            Ok(Err(error)) => return Err(error),
            Err(_elapsed) => return Err(TxError::AuditUnavailable),
        };
        ticket.committing(leaves);
        match tokio::time::timeout(deadline, self.held.commit()).await {
            Ok(Ok(())) => {
                ticket.committed();
                Ok(ids)
            }
            // The server said that it did not commit.
            Ok(Err(error @ (TxError::AuditMissing | TxError::AuditUnavailable | TxError::Rejected(_)))) => {
                ticket.refused();
                Err(error)
            }
            // A deferred constraint of the product itself, such as uniqueness, is the caller's to understand.
            Ok(Err(TxError::Db(error))) => {
                if matches!(&error, diesel::result::Error::DatabaseError(..)) {
                    ticket.refused();
                }
                Err(TxError::Db(error))
            }
            // No answer: the events may be there or not, and the ticket says so when it is dropped.
            Ok(Err(_)) | Err(_) => Err(TxError::AuditUnavailable),
        }
    }

    /// Commits without an entry what touched no patient data; the reason is a word in the source, for review.
    ///
    /// # Errors
    /// [`TxError::AuditMissing`] if patient data was changed after all, otherwise what the database says.
    pub async fn commit_without_audit(mut self, _why: Unaudited) -> Result<(), TxError> {
        match tokio::time::timeout(self.shared.commit, self.held.commit()).await {
            Ok(done) => done,
            Err(_elapsed) => Err(TxError::Unavailable),
        }
    }

    /// Rolls back and gives the connection back.
    ///
    /// # Errors
    /// What the database says; the connection is then closed.
    pub async fn rollback(mut self) -> Result<(), TxError> {
        match tokio::time::timeout(self.shared.commit, self.held.rollback()).await {
            Ok(done) => done,
            Err(_elapsed) => Err(TxError::Unavailable),
        }
    }

    async fn audit_rows(
        &self,
        entries: Vec<AuditEntry>,
        ticket: &Ticket,
    ) -> Result<Vec<WrittenRow>, TxError> {
        let now_ms = self.shared.clock.now_unix_ms();
        // PostgreSQL keeps microseconds, and the hash must be of what it keeps.
        let occurred_at = DateTime::<Utc>::from(self.shared.clock.now()).trunc_subsecs(6);
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let event_id = event_id(now_ms);
            let client_ip_sealed = match entry.client_ip {
                Some(ip) => Some(self.seal_ip(event_id, ip).await?),
                None => None,
            };
            let columns = AuditColumns {
                event_id,
                tenant_id: self.tenant.id.as_uuid(),
                occurred_at,
                region: self.shared.region.to_string(),
                actor_kind: entry.actor_kind.as_str().to_owned(),
                actor_id: Uuid::from_bytes(entry.actor),
                session_id: entry.session.map(Uuid::from_bytes),
                request_id: entry.request.map(|id| Uuid::from_bytes(*id.as_bytes())),
                client_ip_sealed,
                action: entry.action.to_owned(),
                resource_kind: entry.resource_kind.to_owned(),
                resource_id: entry.resource.map(Uuid::from_bytes),
                subject_id: entry.subject.map(Uuid::from_bytes),
                purpose: entry.purpose.as_str().to_owned(),
                outcome: entry.outcome.as_str().to_owned(),
                reason: entry.reason.map(str::to_owned),
                fields: entry.fields.cast_signed(),
                row_version: entry.row_version,
                result_count: entry.count.map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
                touched: entry.touched.into_iter().map(Cow::into_owned).collect(),
                schema_ver: AUDIT_SCHEMA_VERSION,
                instance_id: Some(Uuid::from_bytes(ticket.instance())),
                period: Some(i64::try_from(ticket.period()).unwrap_or(i64::MAX)),
                row_mac: entry.row_mac,
                detail_sealed: entry.detail_sealed,
                leaf: None,
                entry: None,
            };
            rows.push(WrittenRow::of(columns)?);
        }
        Ok(rows)
    }

    async fn seal_ip(&self, event: Uuid, ip: IpAddr) -> Result<Vec<u8>, TxError> {
        let sealer = self.shared.keys.tenant_sealer(self.tenant.id).await?;
        let octets = match ip {
            IpAddr::V4(v4) => v4.octets().to_vec(),
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        let sealed = sealer
            .seal(AUDIT_CLIENT_IP, event.into_bytes(), &octets)
            .map_err(|_cause| TxError::AuditUnavailable)?;
        Ok(sealed.into_bytes())
    }
}

/// Writes the rows. One row, the common case, is a statement of fixed text, which stays prepared on its connection;
/// several together are planned anew each time.
async fn insert_audit(connection: &mut AsyncPgConnection, rows: Vec<AuditColumns>) -> QueryResult<()> {
    let into = diesel::insert_into(audit_event::table);
    match <[AuditColumns; 1]>::try_from(rows) {
        Ok([row]) => into.values(row).execute(connection).await?,
        Err(rows) => into.values(rows).execute(connection).await?,
    };
    Ok(())
}

/// A time-ordered id (RFC 9562 version 7) from our own clock and randomness.
fn event_id(now_ms: u64) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now_ms, &regions::random::bytes::<10>()).into_uuid()
}

/// A row with its bytes and their hash, before it is written.
struct WrittenRow {
    event_id: Uuid,
    leaf_hash: Hash,
    columns: AuditColumns,
}

impl WrittenRow {
    fn of(mut columns: AuditColumns) -> Result<Self, TxError> {
        let bytes = columns.to_event().encode();
        if bytes.len() > EVENT_BYTES_MAX {
            return Err(TxError::AuditUnavailable);
        }
        let leaf_hash = event_hash(&bytes);
        columns.leaf = Some(leaf_hash.to_vec());
        columns.entry = Some(bytes);
        Ok(Self { event_id: columns.event_id, leaf_hash, columns })
    }
}

/// The columns of an audit event, as written and as read back.
// An absent value is written as null and not as `DEFAULT`: the text of the statement does not depend on it then.
#[derive(Debug, Clone, Insertable, Queryable, Selectable)]
#[diesel(table_name = audit_event, treat_none_as_default_value = false)]
pub struct AuditColumns {
    pub(crate) event_id: Uuid,
    pub(crate) tenant_id: Uuid,
    pub(crate) occurred_at: DateTime<Utc>,
    pub(crate) region: String,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: Uuid,
    pub(crate) session_id: Option<Uuid>,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) client_ip_sealed: Option<Vec<u8>>,
    pub(crate) action: String,
    pub(crate) resource_kind: String,
    pub(crate) resource_id: Option<Uuid>,
    pub(crate) subject_id: Option<Uuid>,
    pub(crate) purpose: String,
    pub(crate) outcome: String,
    pub(crate) reason: Option<String>,
    pub(crate) fields: i64,
    pub(crate) row_version: Option<i64>,
    pub(crate) result_count: Option<i32>,
    pub(crate) touched: Vec<String>,
    pub(crate) schema_ver: i32,
    pub(crate) instance_id: Option<Uuid>,
    pub(crate) period: Option<i64>,
    pub(crate) row_mac: Option<Vec<u8>>,
    pub(crate) detail_sealed: Option<Vec<u8>>,
    pub(crate) leaf: Option<Vec<u8>>,
    pub(crate) entry: Option<Vec<u8>>,
}

impl AuditColumns {
    /// The event's id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.event_id
    }

    /// When it happened, by the clock of the process that did it.
    #[must_use]
    pub fn occurred_at(&self) -> DateTime<Utc> {
        self.occurred_at
    }

    /// The event that the columns are of; its bytes are what was hashed.
    #[must_use]
    pub fn to_event(&self) -> Event {
        let bytes = |id: &Option<Uuid>| id.map(Uuid::into_bytes);
        Event {
            event_id: self.event_id.into_bytes(),
            tenant: self.tenant_id.into_bytes(),
            region: self.region.clone(),
            occurred_us: self.occurred_at.timestamp_micros(),
            instance: bytes(&self.instance_id).unwrap_or_default(),
            period: self.period.and_then(|period| u64::try_from(period).ok()).unwrap_or_default(),
            actor_kind: self.actor_kind.clone(),
            actor: self.actor_id.into_bytes(),
            session: bytes(&self.session_id),
            request: bytes(&self.request_id),
            client_ip_sealed: self.client_ip_sealed.clone(),
            action: self.action.clone(),
            resource_kind: self.resource_kind.clone(),
            resource: bytes(&self.resource_id),
            subject: bytes(&self.subject_id),
            purpose: self.purpose.clone(),
            outcome: self.outcome.clone(),
            reason: self.reason.clone(),
            fields: self.fields.cast_unsigned(),
            row_version: self.row_version,
            row_mac: self.row_mac.clone(),
            result_count: self.result_count,
            touched: self.touched.clone(),
            detail_sealed: self.detail_sealed.clone(),
        }
    }
}

/// `SELECT jobs.enqueue(task, payload, run_at)` as a statement that is prepared once a connection.
#[derive(diesel::query_builder::QueryId)]
struct Enqueue {
    job: &'static str,
    body: String,
    run_at: Option<DateTime<Utc>>,
}

impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for Enqueue {
    fn walk_ast<'b>(
        &'b self,
        mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
    ) -> QueryResult<()> {
        use diesel::sql_types::{Nullable, Text, Timestamptz};
        out.push_sql("SELECT jobs.enqueue(");
        out.push_bind_param::<Text, _>(self.job)?;
        out.push_sql(", ");
        out.push_bind_param::<Text, _>(&self.body)?;
        out.push_sql(", ");
        out.push_bind_param::<Nullable<Timestamptz>, _>(&self.run_at)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<Conn> diesel::query_dsl::RunQueryDsl<Conn> for Enqueue {}
