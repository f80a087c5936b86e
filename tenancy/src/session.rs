//! The life of one transaction on a pooled connection: begin with read-back, commit, roll back, or clean up after a
//! borrower that vanished.

use std::time::Duration;

use deadpool::managed::Object;
use diesel::connection::TransactionDepthChange;
use diesel::prelude::*;
use diesel_async::{
    AnsiTransactionManager, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection, TransactionManager,
};
use futures_util::future::{BoxFuture, join3};
use regions::ids::TenantId;
use uuid::Uuid;

use crate::config::PoolConfig;
use crate::error::{Rejection, TxError};
use crate::names::{RoleName, SchemaName, TenantRef};
use crate::pool::{Lease, PooledConnection};

/// Longest time the clean-up of an abandoned transaction may take, in milliseconds; then its connection is closed.
const CLEAN_UP_MS: u64 = 1_000;
/// First server version that has `transaction_timeout`.
const TRANSACTION_TIMEOUT_SINCE: i32 = 17;

/// A question that shares a round trip with what it is sent behind. It must only read: when that fails, the question may have
/// been put to a session that is nobody's, and its answer is thrown away.
pub(crate) trait Ask<T>:
    for<'c> Fn(&'c AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send + Sync
{
}

impl<T, F> Ask<T> for F where
    F: for<'c> Fn(&'c AsyncPgConnection) -> BoxFuture<'c, QueryResult<T>> + Send + Sync
{
}

/// No question.
pub(crate) fn nothing(_: &AsyncPgConnection) -> BoxFuture<'_, QueryResult<()>> {
    Box::pin(std::future::ready(Ok(())))
}

/// A lease that cannot be forgotten: dropped while a transaction may be open, it cleans up or closes.
pub(crate) struct Held(Option<Lease>);

impl Held {
    pub(crate) fn new(lease: Lease) -> Self {
        Self(Some(lease))
    }

    /// The diesel connection.
    pub(crate) fn connection(&mut self) -> &mut AsyncPgConnection {
        &mut self.pooled().inner
    }

    fn pooled(&mut self) -> &mut PooledConnection {
        match &mut self.0 {
            Some(lease) => &mut lease.connection,
            // Only `close` and `drop` take the lease, and both end this value.
            None => unreachable!("a lease is used after its end"),
        }
    }

    /// Begins the tenant's transaction, proves that it is the tenant's and asks a question in it, in one round trip. The
    /// answer is given only once the proof is there.
    pub(crate) async fn begin<T>(
        &mut self,
        tenant: TenantRef,
        context: &str,
        limits: &PoolConfig,
        ask: &impl Ask<T>,
    ) -> Result<T, TxError> {
        let pooled = self.pooled();
        let batch = begin_batch(tenant.id, context, limits, pooled);
        pooled.phase = crate::pool::Phase::InDoubt;
        let (begun, back, answer) = {
            let shared = &pooled.inner;
            let (mut first, mut second) = (shared, shared);
            join3(run(&mut first, &batch), ReadBack.get_result::<ReadBackRow>(&mut second), ask(shared)).await
        };
        if let Err(error) = begun {
            return Err(self.not_begun(error.into()).await);
        }
        let pooled = self.pooled();
        change_depth(&mut pooled.inner, TransactionDepthChange::IncreaseDepth)?;
        match back {
            Ok(back) => check_read_back(tenant, back)?,
            // The context is good and the shard knows no such tenant.
            Err(diesel::result::Error::NotFound) => return Err(TxError::NotServed),
            Err(error) => return Err(error.into()),
        }
        Ok(answer?)
    }

    /// Why the batch failed: the session was not as new, or the tenant's role is not there. Only asking tells.
    async fn not_begun(&mut self, error: TxError) -> TxError {
        if !matches!(error, TxError::Db(_) | TxError::TimedOut) {
            return error;
        }
        let clean = async {
            self.rollback().await?;
            Ok::<(), TxError>(self.pooled().verify().await?)
        };
        match clean.await {
            Ok(()) => TxError::NotServed,
            Err(_) => {
                self.pooled().phase = crate::pool::Phase::InDoubt;
                TxError::Rejected(Rejection::Dirty)
            }
        }
    }

    /// Commits. A transaction that a swallowed error has already aborted fails here instead of pretending.
    pub(crate) async fn commit(&mut self) -> Result<(), TxError> {
        if depth(self.connection()) != Some(1) {
            return Err(TxError::Rejected(Rejection::Nesting));
        }
        let mut connection = &*self.connection();
        run(&mut connection, "SELECT 1; COMMIT").await?;
        self.ended()
    }

    /// Rolls back.
    pub(crate) async fn rollback(&mut self) -> Result<(), TxError> {
        let mut connection = &*self.connection();
        run(&mut connection, "ROLLBACK").await?;
        self.ended()
    }

    fn ended(&mut self) -> Result<(), TxError> {
        let pooled = self.pooled();
        while depth(&mut pooled.inner).is_some() {
            change_depth(&mut pooled.inner, TransactionDepthChange::DecreaseDepth)?;
        }
        pooled.phase = crate::pool::Phase::Idle;
        Ok(())
    }

    /// Closes the connection instead of giving it back.
    pub(crate) fn close(mut self) {
        if let Some(lease) = self.0.take() {
            drop(Object::take(lease.connection));
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(lease) = self.0.take() else { return };
        if lease.connection.phase == crate::pool::Phase::Idle {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            drop(Object::take(lease.connection));
            return;
        };
        // Bounded: one task a pooled connection at most, because each holds one, and each has a deadline. The tenant's
        // permit is held until the end, so that abandoning slow statements does not stretch its share.
        runtime.spawn(clean_up(lease));
    }
}

/// Rolls an abandoned transaction back and verifies the session, or closes the connection.
async fn clean_up(lease: Lease) {
    let mut held = Held(Some(lease));
    let cleaned = tokio::time::timeout(Duration::from_millis(CLEAN_UP_MS), async {
        held.rollback().await?;
        held.pooled().phase = crate::pool::Phase::InDoubt;
        held.pooled().verify().await?;
        held.ended()
    })
    .await;
    match cleaned {
        Ok(Ok(())) => drop(held),
        Ok(Err(_)) | Err(_) => held.close(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is where tenancy sets up, ends and verifies a transaction"
)]
pub(crate) async fn run(connection: &mut &AsyncPgConnection, sql: &str) -> QueryResult<()> {
    connection.batch_execute(sql).await
}

/// Everything a tenant transaction sets, and all of it `LOCAL`. The first statement refuses a session that is not as
/// new; as part of a simple query it also sees a transaction left open.
fn begin_batch(tenant: TenantId, context: &str, limits: &PoolConfig, session: &PooledConnection) -> String {
    let (role, ops, phi) = (RoleName::of(tenant), SchemaName::ops(tenant), SchemaName::phi(tenant));
    let transaction_timeout = if session.server_major >= TRANSACTION_TIMEOUT_SINCE {
        format!("SET LOCAL transaction_timeout={}; ", limits.context_s.saturating_mul(1_000))
    } else {
        String::new()
    };
    format!(
        "{verify}; BEGIN; SET LOCAL ROLE {role}; SET LOCAL search_path={ops},{phi},pg_temp; \
         SET LOCAL statement_timeout={statement}; SET LOCAL lock_timeout={lock}; \
         SET LOCAL idle_in_transaction_session_timeout={idle}; {transaction_timeout}\
         SET LOCAL domicile.context='{context}'",
        verify = session.verify,
        role = role.quoted(),
        ops = ops.quoted(),
        phi = phi.quoted(),
        statement = limits.statement_ms,
        lock = limits.lock_ms,
        idle = limits.idle_in_transaction_ms,
    )
}

/// What the server says it has set, asked in the same round trip.
#[derive(diesel::query_builder::QueryId)]
struct ReadBack;

type ReadBackRow = (String, Vec<String>, Option<Uuid>, Option<i32>, Option<i32>, Option<String>);

impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for ReadBack {
    fn walk_ast<'b>(
        &'b self,
        mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
    ) -> QueryResult<()> {
        out.push_sql(
            "SELECT current_user::pg_catalog.text, pg_catalog.current_schemas(false)::pg_catalog.text[], \
             back.tenant, back.epoch, back.version, back.state FROM sec.read_back() back",
        );
        Ok(())
    }
}

impl diesel::query_builder::Query for ReadBack {
    type SqlType = (
        diesel::sql_types::Text,
        diesel::sql_types::Array<diesel::sql_types::Text>,
        diesel::sql_types::Nullable<diesel::sql_types::Uuid>,
        diesel::sql_types::Nullable<diesel::sql_types::Integer>,
        diesel::sql_types::Nullable<diesel::sql_types::Integer>,
        diesel::sql_types::Nullable<diesel::sql_types::Text>,
    );
}

impl<Conn> diesel::query_dsl::RunQueryDsl<Conn> for ReadBack {}

fn check_read_back(tenant: TenantRef, back: ReadBackRow) -> Result<(), TxError> {
    let (role, schemas, id, epoch, version, state) = back;
    let (ops, phi) = (SchemaName::ops(tenant.id), SchemaName::phi(tenant.id));
    let same = role == RoleName::of(tenant.id).as_str()
        && schemas.iter().map(String::as_str).eq([ops.as_str(), phi.as_str()])
        && id == Some(tenant.id.as_uuid());
    if !same {
        return Err(TxError::Rejected(Rejection::ReadBack));
    }
    let fence = epoch.and_then(|epoch| u32::try_from(epoch).ok()).ok_or(TxError::NotServed)?;
    if tenant.epoch.0 < fence {
        return Err(TxError::StaleEpoch);
    }
    let ready = state.as_deref() == Some(crate::migrate::STATE_READY)
        && version.is_some_and(|version| version >= crate::migrate::tenant_version_required());
    if ready { Ok(()) } else { Err(TxError::NotServed) }
}

/// How many transactions and savepoints diesel believes to be open; `None` outside a transaction.
fn depth(connection: &mut AsyncPgConnection) -> Option<u32> {
    let status = AnsiTransactionManager::transaction_manager_status_mut(connection);
    let state = status.transaction_state().ok()?;
    state.transaction_depth().map(std::num::NonZeroU32::get)
}

/// Tells diesel what the batch has done, so that its own bookkeeping stays true.
fn change_depth(connection: &mut AsyncPgConnection, change: TransactionDepthChange) -> QueryResult<()> {
    let status = AnsiTransactionManager::transaction_manager_status_mut(connection);
    status.transaction_state()?.change_transaction_depth(change)
}
