//! The key-store database: the only SQL that touches wrapped keys, over a small pool of its own.

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, Pool, RecycleError};
use regions::ids::TenantId;
use regions::region::RegionName;
use std::time::{Duration, SystemTime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};
use uuid::Uuid;

use super::{KeyVersion, Purpose, SubjectId};
use crate::config::DbConfig;
use crate::envelope::KeyVersions;
use crate::error::BootError;
use crate::pg::{Connector, PgClient};

/// Connections to the key store.
const CONNECTIONS_MAX: usize = 16;
/// Longest wait for a free connection, in milliseconds.
const WAIT_MS: u64 = 2_000;
/// Longest time for TCP, TLS, log-in and preparing the statements, in milliseconds.
const CREATE_MS: u64 = 5_000;
/// Longest time one statement may take before the connection is given up, in milliseconds.
const STATEMENT_MS: u64 = 3_000;

const SELECT_NOW: &str = "SELECT pg_catalog.clock_timestamp(), max(seq) FROM keystore.erased";
/// Overlaps by more than any transaction that changes a tenant's key takes.
const CHANGED_SINCE: &str = "SELECT pg_catalog.clock_timestamp(), coalesce(array_agg(DISTINCT tenant), '{}') \
     FROM keystore.tenant_key WHERE changed_at > $1::timestamptz - interval '30 seconds'";
const SELECT_REGION: &str = "SELECT region FROM keystore.identity";
const SELECT_TENANT_KEYS: &str = "SELECT version, wrapped, kms_key_arn, ec_version, state = 'active', \
     state <> 'legacy' \
     FROM keystore.tenant_key WHERE tenant = $1 AND purpose = $2 AND state <> 'retired' \
     ORDER BY version DESC LIMIT 64";
const INSERT_TENANT_KEY: &str = "INSERT INTO keystore.tenant_key \
     (tenant, purpose, version, wrapped, kms_key_arn, ec_version, state) \
     VALUES ($1, $2, $3, $4, $5, $6, 'active') ON CONFLICT DO NOTHING";
const SELECT_TOKEN_KEYS: &str = "SELECT version, wrapped, kms_key_arn, ec_version, created_at \
     FROM keystore.token_key ORDER BY version DESC LIMIT 4";
const INSERT_TOKEN_KEY: &str = "INSERT INTO keystore.token_key (version, wrapped, kms_key_arn, ec_version) \
     VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";
const SELECT_SUBJECT_KEYS: &str = "SELECT subject, version, tk_version, wrapped, state = 'active' \
     FROM keystore.subject_key WHERE tenant = $1 AND subject = ANY($2) AND state IN ('active', 'decrypt') \
     ORDER BY subject, state = 'active' DESC, version DESC";
const INSERT_SUBJECT_KEY: &str = "INSERT INTO keystore.subject_key \
     (tenant, subject, version, tk_version, wrapped, state) \
     VALUES ($1, $2, $3, $4, $5, 'active') ON CONFLICT DO NOTHING";

const SELECT_VERSIONS: &str = "SELECT purpose, version, state, created_at, changed_at \
     FROM keystore.tenant_key WHERE tenant = $1 ORDER BY purpose, version DESC LIMIT 200";

/// Why the key store gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoreError {
    /// No connection, no answer in time, or an error of the database.
    Unavailable,
    /// A row that this program cannot have written.
    Malformed,
}

/// A wrapped tenant key.
pub(super) struct TenantKeyRow {
    pub(super) version: u32,
    pub(super) wrapped: Vec<u8>,
    pub(super) kms_key_arn: String,
    pub(super) ec_version: i16,
    pub(super) active: bool,
    /// Whether it may unwrap subject keys.
    pub(super) unwraps: bool,
}

/// A wrapped key that tokens are signed with.
pub(super) struct TokenKeyRow {
    pub(super) version: u32,
    pub(super) wrapped: Vec<u8>,
    pub(super) kms_key_arn: String,
    pub(super) ec_version: i16,
    pub(super) created_at: SystemTime,
}

/// A wrapped subject key.
pub(super) struct SubjectKeyRow {
    pub(super) subject: SubjectId,
    pub(super) versions: KeyVersions,
    pub(super) wrapped: Vec<u8>,
    pub(super) active: bool,
}

/// A connection with its statements prepared.
struct Connection {
    client: PgClient,
    select_tenant_keys: Statement,
    insert_tenant_key: Statement,
    select_subject_keys: Statement,
    insert_subject_key: Statement,
}

struct Manager(Connector);

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = StoreError;

    async fn create(&self) -> Result<Connection, StoreError> {
        let client = self.0.open_driven().await.map_err(|_cause: BootError| StoreError::Unavailable)?;
        Ok(Connection {
            select_tenant_keys: client.prepare(SELECT_TENANT_KEYS).await?,
            insert_tenant_key: client.prepare(INSERT_TENANT_KEY).await?,
            select_subject_keys: client.prepare(SELECT_SUBJECT_KEYS).await?,
            insert_subject_key: client.prepare(INSERT_SUBJECT_KEY).await?,
            client,
        })
    }

    /// No statement here leaves session state behind, and none runs in an explicit transaction.
    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> managed::RecycleResult<StoreError> {
        if connection.client.is_closed() {
            return Err(RecycleError::Backend(StoreError::Unavailable));
        }
        Ok(())
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(_: tokio_postgres::Error) -> Self {
        Self::Unavailable
    }
}

pub(super) struct KeyStore {
    connector: Connector,
    pool: Pool<Manager>,
}

impl KeyStore {
    pub(super) fn new(config: &DbConfig) -> Result<Self, BootError> {
        let connector = Connector::new(config, "key_store", "domicile-keys")?;
        let pool = Pool::builder(Manager(connector.clone()))
            .max_size(CONNECTIONS_MAX)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(Duration::from_millis(WAIT_MS)))
            .create_timeout(Some(Duration::from_millis(CREATE_MS)))
            .build()
            .map_err(|error| BootError::Dependency { field: "key_store", problem: error.to_string() })?;
        Ok(Self { connector, pool })
    }

    /// Reads over a fresh connection which region the key store says it belongs to.
    pub(super) async fn check_region(&self, region: RegionName) -> Result<(), BootError> {
        let client = self.connector.open_driven().await?;
        let row = client
            .query_opt(SELECT_REGION, &[])
            .await
            .map_err(|error| self.connector.failure(&crate::pg::describe(&error)))?;
        let found = row.and_then(|row| row.try_get::<_, String>(0).ok());
        if found.as_deref() == Some(region.as_str()) {
            return Ok(());
        }
        Err(BootError::Pin {
            field: "key_store",
            expected: region.to_string(),
            found: found.unwrap_or_else(|| "a key store of no region".to_owned()),
        })
    }

    /// The key store's clock. Fails on a key store of an older version of this program.
    pub(super) async fn now(&self) -> Result<SystemTime, StoreError> {
        let connection = self.connection().await?;
        get(&connection.client.query_one(SELECT_NOW, &[]).await?, 0)
    }

    /// The number of the last erasure; 0 when there is none.
    pub(super) async fn last_erasure(&self) -> Result<u64, StoreError> {
        let connection = self.connection().await?;
        let last = get::<Option<i64>>(&connection.client.query_one(SELECT_NOW, &[]).await?, 1)?;
        u64::try_from(last.unwrap_or(0)).map_err(|_cause| StoreError::Malformed)
    }

    /// Tenants whose keys changed since then, and the clock of this look.
    pub(super) async fn changed_since(
        &self,
        since: SystemTime,
    ) -> Result<(Vec<TenantId>, SystemTime), StoreError> {
        let connection = self.connection().await?;
        let row = connection.client.query_one(CHANGED_SINCE, &[&since]).await?;
        let tenants = get::<Vec<Uuid>>(&row, 1)?;
        Ok((tenants.into_iter().map(|id| TenantId::from(id.into_bytes())).collect(), get(&row, 0)?))
    }

    /// The versions of a tenant's keys, without the keys.
    pub(super) async fn versions(&self, tenant: TenantId) -> Result<Vec<KeyVersion>, StoreError> {
        let connection = self.connection().await?;
        let rows = connection.client.query(SELECT_VERSIONS, &[&tenant.as_uuid()]).await?;
        rows.iter().map(version_row).collect()
    }

    pub(super) async fn tenant_keys(
        &self,
        tenant: TenantId,
        purpose: Purpose,
    ) -> Result<Vec<TenantKeyRow>, StoreError> {
        let connection = self.connection().await?;
        let (tenant, purpose) = (tenant.as_uuid(), purpose.as_str());
        let rows =
            query(connection, |connection| &connection.select_tenant_keys, &[&tenant, &purpose]).await?;
        rows.iter().map(tenant_key_row).collect()
    }

    /// Adds an active key unless there is one; says whether it did.
    pub(super) async fn insert_tenant_key(
        &self,
        tenant: TenantId,
        purpose: Purpose,
        row: &TenantKeyRow,
    ) -> Result<bool, StoreError> {
        let connection = self.connection().await?;
        let params: [&(dyn ToSql + Sync); 6] = [
            &tenant.as_uuid(),
            &purpose.as_str(),
            &i64::from(row.version),
            &row.wrapped,
            &row.kms_key_arn,
            &row.ec_version,
        ];
        execute(connection, |connection| &connection.insert_tenant_key, &params).await
    }

    /// The last keys that tokens are signed with, the newest first.
    pub(super) async fn token_keys(&self) -> Result<Vec<TokenKeyRow>, StoreError> {
        let connection = self.connection().await?;
        let rows = within(connection.client.query(SELECT_TOKEN_KEYS, &[])).await?;
        rows.iter().map(token_key_row).collect()
    }

    /// Adds the next one unless there is one of this number or the last one is too young.
    pub(super) async fn insert_token_key(
        &self,
        version: u32,
        wrapped: &[u8],
        kms_key_arn: &str,
        ec_version: i16,
    ) -> Result<(), StoreError> {
        let connection = self.connection().await?;
        let version = i64::from(version);
        let params: [&(dyn ToSql + Sync); 4] = [&version, &wrapped, &kms_key_arn, &ec_version];
        within(connection.client.execute(INSERT_TOKEN_KEY, &params)).await.map(drop)
    }

    /// Keys of the subjects that have an active one, sorted by subject, the active version first.
    pub(super) async fn subject_keys(
        &self,
        tenant: TenantId,
        subjects: &[SubjectId],
    ) -> Result<Vec<SubjectKeyRow>, StoreError> {
        let ids: Vec<Uuid> = subjects.iter().map(SubjectId::as_uuid).collect();
        let connection = self.connection().await?;
        let tenant = tenant.as_uuid();
        let rows = query(connection, |connection| &connection.select_subject_keys, &[&tenant, &ids]).await?;
        rows.iter().map(subject_key_row).collect()
    }

    /// Adds an active key unless the version exists or another is active; says whether it did.
    pub(super) async fn insert_subject_key(
        &self,
        tenant: TenantId,
        row: &SubjectKeyRow,
    ) -> Result<bool, StoreError> {
        let connection = self.connection().await?;
        let params: [&(dyn ToSql + Sync); 5] = [
            &tenant.as_uuid(),
            &row.subject.as_uuid(),
            &i32::from(row.versions.subject),
            &i64::from(row.versions.tenant),
            &row.wrapped,
        ];
        execute(connection, |connection| &connection.insert_subject_key, &params).await
    }

    async fn connection(&self) -> Result<Object<Manager>, StoreError> {
        self.pool.get().await.map_err(|_cause| StoreError::Unavailable)
    }
}

/// Runs a prepared query; a connection that fails or is too slow is closed rather than returned.
async fn query(
    connection: Object<Manager>,
    statement: impl Fn(&Connection) -> &Statement,
    params: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, StoreError> {
    let answer = connection.client.query(statement(&connection), params);
    match tokio::time::timeout(Duration::from_millis(STATEMENT_MS), answer).await {
        Ok(Ok(rows)) => Ok(rows),
        _ => {
            drop(Object::take(connection));
            Err(StoreError::Unavailable)
        }
    }
}

/// As [`query`], for a statement that adds at most one row; says whether it did.
async fn execute(
    connection: Object<Manager>,
    statement: impl Fn(&Connection) -> &Statement,
    params: &[&(dyn ToSql + Sync)],
) -> Result<bool, StoreError> {
    let answer = connection.client.execute(statement(&connection), params);
    match tokio::time::timeout(Duration::from_millis(STATEMENT_MS), answer).await {
        Ok(Ok(added)) => Ok(added == 1),
        _ => {
            drop(Object::take(connection));
            Err(StoreError::Unavailable)
        }
    }
}

/// As long as one statement may take, for those that are too rare to be prepared.
async fn within<T>(answer: impl Future<Output = Result<T, tokio_postgres::Error>>) -> Result<T, StoreError> {
    match tokio::time::timeout(Duration::from_millis(STATEMENT_MS), answer).await {
        Ok(answer) => Ok(answer?),
        Err(_elapsed) => Err(StoreError::Unavailable),
    }
}

fn token_key_row(row: &Row) -> Result<TokenKeyRow, StoreError> {
    Ok(TokenKeyRow {
        version: u32::try_from(get::<i64>(row, 0)?).map_err(|_cause| StoreError::Malformed)?,
        wrapped: get(row, 1)?,
        kms_key_arn: get(row, 2)?,
        ec_version: get(row, 3)?,
        created_at: get(row, 4)?,
    })
}

fn version_row(row: &Row) -> Result<KeyVersion, StoreError> {
    let purpose: String = get(row, 0)?;
    Ok(KeyVersion {
        purpose: Purpose::parse(&purpose).ok_or(StoreError::Malformed)?,
        version: u32::try_from(get::<i64>(row, 1)?).map_err(|_cause| StoreError::Malformed)?,
        state: get(row, 2)?,
        made_at: get(row, 3)?,
        changed_at: get(row, 4)?,
    })
}

fn tenant_key_row(row: &Row) -> Result<TenantKeyRow, StoreError> {
    Ok(TenantKeyRow {
        version: u32::try_from(get::<i64>(row, 0)?).map_err(|_cause| StoreError::Malformed)?,
        wrapped: get(row, 1)?,
        kms_key_arn: get(row, 2)?,
        ec_version: get(row, 3)?,
        active: get(row, 4)?,
        unwraps: get(row, 5)?,
    })
}

pub(super) fn subject_key_row(row: &Row) -> Result<SubjectKeyRow, StoreError> {
    let subject = u16::try_from(get::<i32>(row, 1)?).map_err(|_cause| StoreError::Malformed)?;
    let tenant = u32::try_from(get::<i64>(row, 2)?).map_err(|_cause| StoreError::Malformed)?;
    Ok(SubjectKeyRow {
        subject: SubjectId::from(get::<Uuid>(row, 0)?),
        versions: KeyVersions { tenant, subject },
        wrapped: get(row, 3)?,
        active: get(row, 4)?,
    })
}

fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|_cause: tokio_postgres::Error| StoreError::Malformed)
}
