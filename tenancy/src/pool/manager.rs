//! Makes connections and decides whether one may be lent again. A connection in doubt is closed, never repaired.

use std::collections::HashSet;
use std::time::Duration;

use deadpool::managed::{Metrics, RecycleError, RecycleResult};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::PoolableConnection;
use regions::ids::TenantId;
use tokio::time::Instant;

use crate::error::BootError;
use crate::pg::Connector;

/// Whether the last borrower is known to have left a connection as it found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// New, or its last transaction is known to have ended.
    Idle,
    /// A transaction was begun and its end has not been seen.
    InDoubt,
}

/// A connection and what the pool knows of it.
pub(crate) struct PooledConnection {
    pub(crate) inner: AsyncPgConnection,
    pub(crate) phase: Phase,
    /// The server process, which the tenant context names.
    pub(crate) pid: i32,
    /// Major version of the server.
    pub(crate) server_major: i32,
    /// Refuses, in one round trip, a session that is not as new: nobody's role, no context, no transaction, no open
    /// cursor, and every setting as it was when the connection was made. Must be the first statement of a simple query:
    /// there `now()` equals `statement_timestamp()` unless a transaction was already open.
    pub(crate) verify: String,
    /// The database's clock when the connection was made, in seconds since 1970.
    database_s: u64,
    /// Tenants it was lent for.
    pub(crate) served: HashSet<TenantId>,
    made: Instant,
}

/// When a connection ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Life {
    pub(crate) longest: Duration,
    pub(crate) tenants_max: usize,
}

impl PooledConnection {
    /// The database's clock now, in seconds since 1970, carried forward by a clock that cannot be set. Contexts expire
    /// on the database's clock, so a wrong clock on this host neither extends nor shortens them.
    pub(crate) fn database_now_s(&self) -> u64 {
        self.database_s.saturating_add(self.made.elapsed().as_secs())
    }

    /// Asks the server whether the session is as new.
    pub(crate) async fn verify(&mut self) -> Result<(), diesel::result::Error> {
        crate::session::run(&mut &self.inner, &self.verify).await
    }
}

/// Makes and checks the connections of one lane.
pub(crate) struct Manager {
    connector: Connector,
    life: Life,
}

impl Manager {
    pub(crate) fn new(connector: Connector, life: Life) -> Self {
        Self { connector, life }
    }
}

impl deadpool::managed::Manager for Manager {
    type Type = PooledConnection;
    type Error = BootError;

    async fn create(&self) -> Result<PooledConnection, BootError> {
        let (client, connection) = self.connector.open().await?;
        let mut inner = AsyncPgConnection::try_from_client_and_connection(client, connection)
            .await
            .map_err(|_database_text| self.connector.failure("the session could not be set up"))?;
        let facts = facts::load(&mut inner)
            .await
            .map_err(|_database_text| self.connector.failure("the session could not be inspected"))?;
        Ok(PooledConnection {
            inner,
            phase: Phase::Idle,
            pid: facts.pid,
            server_major: facts.server_version / 10_000,
            verify: format!("SELECT sec.assert_clean(sec.session_settings(), '{}')", facts.settings),
            database_s: u64::try_from(facts.now_s).unwrap_or(0),
            served: HashSet::new(),
            made: Instant::now(),
        })
    }

    async fn recycle(&self, held: &mut PooledConnection, _: &Metrics) -> RecycleResult<BootError> {
        if held.phase != Phase::Idle {
            return Err(RecycleError::message("its last transaction was not seen to end"));
        }
        if held.inner.is_broken() {
            return Err(RecycleError::message("closed, or inside a transaction"));
        }
        if held.made.elapsed() >= self.life.longest || held.served.len() >= self.life.tenants_max {
            return Err(RecycleError::message("at the end of its life"));
        }
        // The session itself is verified by the first statement of the batch that begins the next transaction: later
        // than here, immediately before use, and without a round trip of its own.
        Ok(())
    }
}

mod facts {
    //! What a new connection asks its server once.

    use diesel::sql_types::{BigInt, Integer, Text};
    use diesel_async::{AsyncPgConnection, RunQueryDsl};

    #[derive(diesel::QueryableByName)]
    pub(super) struct Facts {
        #[diesel(sql_type = Integer)]
        pub(super) pid: i32,
        #[diesel(sql_type = Integer)]
        pub(super) server_version: i32,
        #[diesel(sql_type = BigInt)]
        pub(super) now_s: i64,
        /// Hash of the session's settings, in hexadecimal digits. Kept here, where no borrower reaches it.
        #[diesel(sql_type = Text)]
        pub(super) settings: String,
    }

    pub(super) async fn load(connection: &mut AsyncPgConnection) -> diesel::QueryResult<Facts> {
        diesel::sql_query(
            "SELECT pg_catalog.pg_backend_pid() AS pid, \
             pg_catalog.current_setting('server_version_num')::int AS server_version, \
             pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp()))::bigint AS now_s, \
             sec.session_settings() AS settings",
        )
        .get_result(connection)
        .await
    }
}
