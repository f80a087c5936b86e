//! What changes and destroys keys: the key store's functions, called as a role that has nothing else.
//!
//! A backend holds no keeper. The worker and the operator's commands do, through the migrator's log-in, whose sessions
//! become `domicile_keeper` as they are opened.

use std::time::{Duration, SystemTime};

use regions::ids::TenantId;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::store::{SubjectKeyRow, subject_key_row};
use super::{KeyError, Purpose, Rotation, Stage, SubjectId};
use crate::config::DbConfig;
use crate::error::BootError;
use crate::names::KEEPER_ROLE;
use crate::pg::{Connector, PgClient, Resting};

/// Subject keys that one statement puts under another key.
pub(super) const REWRAP_BATCH_MAX: i64 = 50;
/// Longest time one statement may take, in milliseconds.
const STATEMENT_MS: u64 = 30_000;
/// Rotations listed at once.
const ROTATIONS_MAX: i64 = 1_000;

/// One version of a tenant's key, as an operator sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyStatus {
    /// What the key is for.
    pub purpose: &'static str,
    /// Its version.
    pub version: u32,
    /// `next`, `active`, `decrypt`, `legacy` or `retired`.
    pub state: String,
    /// Seconds since it was made.
    pub age_s: u64,
    /// Subject keys it wraps; only for `enc`.
    pub wraps: u64,
}

/// One version of a tenant's key and how far the rotation to it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyProgress {
    /// Whose.
    pub tenant: TenantId,
    /// What the key is for.
    pub purpose: Purpose,
    /// Its version.
    pub version: u32,
    /// `next`, `active`, `decrypt`, `legacy` or `retired`.
    pub state: String,
    /// Seconds since it was made.
    pub age_s: u64,
    /// Stage of the rotation that ends with it, and what that has moved.
    pub rotation: Option<(Stage, u64)>,
}

/// That a subject's key is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erased {
    /// Its number in the region's erasure ledger, from 1.
    pub seq: u64,
    /// When the key was destroyed.
    pub at: SystemTime,
}

/// A way to the key store's functions.
pub struct Keeper {
    connector: Connector,
    resting: Resting,
}

impl Keeper {
    /// Takes the key store's configuration with the migrator's log-in; connects when it is used.
    ///
    /// # Errors
    /// [`BootError`] when the authority's file cannot be used.
    pub fn new(key_store: &DbConfig) -> Result<Self, BootError> {
        let connector = Connector::new(key_store, "key_store", "domicile-keeper")?.becoming(KEEPER_ROLE);
        Ok(Self { connector, resting: Resting::default() })
    }

    pub(super) async fn session(&self) -> Result<Session, KeyError> {
        if let Some(client) = self.resting.take() {
            return Ok(Session(client));
        }
        let client = self.connector.open_driven().await.map_err(|_cause| KeyError::Unavailable)?;
        Ok(Session(client))
    }

    /// Keeps a session for the next use. One in which a statement failed or was given up is not given back.
    pub(super) fn rest(&self, session: Session) {
        self.resting.give(session.0);
    }

    /// One statement, after which the session rests.
    async fn ask(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, KeyError> {
        let session = self.session().await?;
        let rows = session.all(sql, params).await?;
        self.rest(session);
        Ok(rows)
    }

    /// Destroys a subject's key for good and says under which number the erasure ledger must have it. Doing it again
    /// changes nothing and gives the same number.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`].
    pub async fn shred(
        &self,
        tenant: TenantId,
        subject: SubjectId,
        erasure: Uuid,
    ) -> Result<Erased, KeyError> {
        self.shred_as(tenant, subject, erasure, None).await
    }

    /// As [`shred`](Self::shred), with the number and time that the ledger has: for a key store that was restored.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`]; [`KeyError::Tampered`] when the key store has the subject under another number.
    pub async fn replay(
        &self,
        tenant: TenantId,
        subject: SubjectId,
        erasure: Uuid,
        entry: Erased,
    ) -> Result<(), KeyError> {
        let erased = self.shred_as(tenant, subject, erasure, Some(entry)).await?;
        if erased.seq == entry.seq { Ok(()) } else { Err(KeyError::Tampered) }
    }

    async fn shred_as(
        &self,
        tenant: TenantId,
        subject: SubjectId,
        erasure: Uuid,
        entry: Option<Erased>,
    ) -> Result<Erased, KeyError> {
        let seq = entry.and_then(|entry| i64::try_from(entry.seq).ok());
        let at = entry.map(|entry| entry.at);
        let session = self.session().await?;
        let params: [&(dyn ToSql + Sync); 5] = [&tenant.as_uuid(), &subject.as_uuid(), &erasure, &seq, &at];
        let sql = "SELECT numbered, since FROM keystore.shred($1, $2, $3, $4, $5)";
        let row = session.one(sql, &params).await?;
        let seq = u64::try_from(get::<i64>(&row, 0)?).map_err(|_cause| KeyError::Tampered)?;
        Ok(Erased { seq, at: get(&row, 1)? })
    }

    /// The number of the last erasure the key store knows; 0 when there is none.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`].
    pub async fn last_erasure(&self) -> Result<u64, KeyError> {
        let rows = self.ask("SELECT coalesce(max(seq), 0) FROM keystore.erased", &[]).await?;
        let row = rows.first().ok_or(KeyError::Unavailable)?;
        u64::try_from(get::<i64>(row, 0)?).map_err(|_cause| KeyError::Tampered)
    }

    /// The versions of a tenant's keys.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`].
    pub async fn status(&self, tenant: TenantId) -> Result<Vec<KeyStatus>, KeyError> {
        let sql = "SELECT k.purpose, k.version, k.state,
                extract(epoch FROM clock_timestamp() - k.created_at)::bigint,
                CASE k.purpose WHEN 'enc' THEN (SELECT count(*) FROM keystore.subject_key s
                    WHERE s.tenant = k.tenant AND s.tk_version = k.version) ELSE 0 END
            FROM keystore.tenant_key k WHERE k.tenant = $1 ORDER BY k.purpose, k.version LIMIT 1000";
        let rows = self.ask(sql, &[&tenant.as_uuid()]).await?;
        rows.iter()
            .map(|row| {
                Ok(KeyStatus {
                    purpose: purpose(row, 0)?.as_str(),
                    version: u32::try_from(get::<i64>(row, 1)?).map_err(|_cause| KeyError::Tampered)?,
                    state: get(row, 2)?,
                    age_s: u64::try_from(get::<i64>(row, 3)?).unwrap_or(0),
                    wraps: u64::try_from(get::<i64>(row, 4)?).unwrap_or(0),
                })
            })
            .collect()
    }

    /// The newest versions of some tenants' keys, at most `each_max` a tenant, with how far their rotations are; nothing is
    /// counted for it. In the order of tenants, purposes and versions.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`].
    pub async fn progress(&self, tenants: &[TenantId], each_max: i64) -> Result<Vec<KeyProgress>, KeyError> {
        let sql = "SELECT tenant, purpose, version, state, age_s, stage, done FROM (
                SELECT k.tenant, k.purpose, k.version, k.state, r.stage, r.done,
                    extract(epoch FROM clock_timestamp() - k.created_at)::bigint AS age_s,
                    row_number() OVER (PARTITION BY k.tenant ORDER BY k.version DESC, k.purpose) AS place
                FROM keystore.tenant_key k LEFT JOIN LATERAL (
                    SELECT r.stage, r.done FROM keystore.rotation r
                    WHERE r.tenant = k.tenant AND r.purpose = k.purpose AND r.to_version = k.version
                    ORDER BY r.started_at DESC LIMIT 1) r ON true
                WHERE k.tenant = ANY ($1)) AS ranked
            WHERE place <= $2 ORDER BY tenant, purpose, version";
        let tenants: Vec<Uuid> = tenants.iter().map(|tenant| tenant.as_uuid()).collect();
        let rows = self.ask(sql, &[&tenants, &each_max]).await?;
        rows.iter()
            .map(|row| {
                let stage: Option<String> = get(row, 5)?;
                let stage = stage.map(|stage| Stage::parse(&stage).ok_or(KeyError::Tampered)).transpose()?;
                let done: Option<i64> = get(row, 6)?;
                Ok(KeyProgress {
                    tenant: TenantId::from(get::<Uuid>(row, 0)?.into_bytes()),
                    purpose: purpose(row, 1)?,
                    version: u32::try_from(get::<i64>(row, 2)?).map_err(|_cause| KeyError::Tampered)?,
                    state: get(row, 3)?,
                    age_s: u64::try_from(get::<i64>(row, 4)?).unwrap_or(0),
                    rotation: stage.zip(done.map(|done| u64::try_from(done).unwrap_or(0))),
                })
            })
            .collect()
    }

    /// Tenants that have keys, in order, after `after`; at most `limit`.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`].
    pub async fn tenants(&self, after: Option<TenantId>, limit: i64) -> Result<Vec<TenantId>, KeyError> {
        let sql =
            "SELECT DISTINCT tenant FROM keystore.tenant_key WHERE tenant > $1 ORDER BY tenant LIMIT $2";
        let after = after.map_or(Uuid::nil(), |tenant| tenant.as_uuid());
        let rows = self.ask(sql, &[&after, &limit]).await?;
        rows.iter().map(|row| Ok(TenantId::from(get::<Uuid>(row, 0)?.into_bytes()))).collect()
    }

    /// Rotations that are not done, the oldest first; or, of one tenant, all there were.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`].
    pub async fn rotations(&self, of: Option<TenantId>) -> Result<Vec<Rotation>, KeyError> {
        let sql = "SELECT id, tenant, purpose, to_version, stage, done, position FROM keystore.rotation
            WHERE CASE WHEN $1::uuid IS NULL THEN stage <> 'done' ELSE tenant = $1 END ORDER BY started_at LIMIT $2";
        let of = of.map(|tenant| tenant.as_uuid());
        let rows = self.ask(sql, &[&of, &ROTATIONS_MAX]).await?;
        rows.iter().map(rotation).collect()
    }
}

/// One open session of the keeper.
pub(super) struct Session(PgClient);

impl Session {
    pub(super) async fn one(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Row, KeyError> {
        self.all(sql, params).await?.into_iter().next().ok_or(KeyError::Unavailable)
    }

    pub(super) async fn all(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, KeyError> {
        let answer = self.0.query(sql, params);
        match tokio::time::timeout(Duration::from_millis(STATEMENT_MS), answer).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(_)) | Err(_) => Err(KeyError::Unavailable),
        }
    }

    /// Whether a function that answers yes or no said yes.
    pub(super) async fn said_yes(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<bool, KeyError> {
        get(&self.one(sql, params).await?, 0)
    }

    /// Writes down how far a rotation has come.
    pub(super) async fn note(&self, rotation: &Rotation) -> Result<(), KeyError> {
        let sql = "UPDATE keystore.rotation SET stage = $2, done = $3, position = $4, changed_at = clock_timestamp()
            WHERE id = $1 AND stage <> 'done' RETURNING id";
        let done = i64::try_from(rotation.done).unwrap_or(i64::MAX);
        let stage = rotation.stage.as_str();
        self.all(sql, &[&rotation.id, &stage, &done, &rotation.position]).await.map(drop)
    }

    /// Subject keys of a tenant that an older version than `version` wraps.
    pub(super) async fn wrapped_below(
        &self,
        tenant: TenantId,
        version: u32,
        after: Uuid,
    ) -> Result<Vec<SubjectKeyRow>, KeyError> {
        let sql = "SELECT subject, version, tk_version, wrapped, active FROM keystore.wrapped_below($1, $2, $3, $4)";
        let version = i64::from(version);
        let rows = self.all(sql, &[&tenant.as_uuid(), &version, &after, &REWRAP_BATCH_MAX]).await?;
        rows.iter().map(|row| subject_key_row(row).map_err(KeyError::from)).collect()
    }
}

fn purpose(row: &Row, column: usize) -> Result<Purpose, KeyError> {
    let name: String = get(row, column)?;
    Purpose::parse(&name).ok_or(KeyError::Tampered)
}

pub(super) fn rotation(row: &Row) -> Result<Rotation, KeyError> {
    let stage: String = get(row, 4)?;
    Ok(Rotation {
        id: get(row, 0)?,
        tenant: TenantId::from(get::<Uuid>(row, 1)?.into_bytes()),
        purpose: purpose(row, 2)?,
        to_version: u32::try_from(get::<i64>(row, 3)?).map_err(|_cause| KeyError::Tampered)?,
        stage: Stage::parse(&stage).ok_or(KeyError::Tampered)?,
        done: u64::try_from(get::<i64>(row, 5)?).unwrap_or(0),
        position: get(row, 6)?,
    })
}

pub(super) fn get<'a, T: tokio_postgres::types::FromSql<'a>>(
    row: &'a Row,
    column: usize,
) -> Result<T, KeyError> {
    row.try_get(column).map_err(|_cause: tokio_postgres::Error| KeyError::Tampered)
}
