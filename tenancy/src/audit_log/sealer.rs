//! The sealer of one shard: whose turn it is, and the transaction that turns waiting events into the next part of the log.

use std::sync::Arc;
use std::time::Duration;

use auditlog::VerifierKey;
use regions::clock::Clock;
use regions::ids::ShardId;
use regions::log::{self, Field};
use regions::region::RegionName;

use super::{SEALER_ROLE, epoch_of, log_folder, log_name, retention_floor_days};
use crate::archive::{Archive, ArchiveError};
use crate::config::RegionalConfig;
use crate::error::BootError;
use crate::kms::{KmsError, Signer};
use crate::pg::{Connector, PgClient, Resting, describe};

/// How long a sealer's turn lasts without a batch, in seconds. One that was stopped longer has lost it.
const LEASE_S: i32 = 15;
/// Session settings of a sealer: a stopped process must not hold the log's row for longer than its lease.
const SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '5s'; SET search_path = pg_catalog, pg_temp";

/// Why the log did not go on.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The database did not answer or refused; nothing of the batch is kept.
    #[error("the log's database: {0}")]
    Database(String),
    /// Another sealer has the turn.
    #[error("another sealer has the turn")]
    Fenced,
    /// The database's own state of the log does not add up.
    #[error("the log in the database is damaged")]
    Damaged,
    /// The archive has more of the log than the database: an old backup was restored, or two histories were written.
    /// Nothing is sealed until a person has looked (`docs/runbooks/audit-log.md`).
    #[error("the archive holds a history that the database does not have")]
    Forked,
    /// The archive.
    #[error("the archive: {0}")]
    Archive(ArchiveError),
    /// The key that signs.
    #[error("the signing key: {0}")]
    Signing(#[from] KmsError),
    /// The shard could not be reached.
    #[error(transparent)]
    Boot(#[from] BootError),
}

impl From<tokio_postgres::Error> for LogError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(describe(&error))
    }
}

impl From<ArchiveError> for LogError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Conflict => Self::Forked,
            other => Self::Archive(other),
        }
    }
}

impl LogError {
    /// A stable code for logs and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Database(_) | Self::Boot(_) => "database",
            Self::Fenced => "fenced",
            Self::Damaged => "damaged",
            Self::Forked => "forked",
            Self::Archive(_) => "archive",
            Self::Signing(_) => "signing",
        }
    }
}

/// What one batch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealed {
    /// Events sealed.
    pub events: u64,
    /// The log's size afterwards.
    pub size: u64,
    /// Age of the oldest event of the batch when it was sealed, in milliseconds.
    pub oldest_ms: u64,
}

/// The sealer of one shard.
pub struct Sealer {
    pub(super) connector: Connector,
    pub(super) archive: Archive,
    pub(super) signer: Signer,
    pub(super) key: VerifierKey,
    pub(super) region: RegionName,
    pub(super) shard: ShardId,
    pub(super) clock: Clock,
    resting: Resting,
}

/// One sealer's turn.
pub struct Term {
    pub(super) client: PgClient,
    pub(super) fence: i64,
}

impl Sealer {
    /// Opens the signing key and the archive. `config` must have the migrator's login, which may become the sealer's role.
    ///
    /// # Errors
    /// [`BootError`] naming what is wrong.
    pub async fn connect(
        config: &RegionalConfig,
        shard: ShardId,
        clock: Clock,
    ) -> Result<Arc<Self>, BootError> {
        let found = config.shards.iter().find(|found| found.id == shard);
        let found = found.ok_or_else(|| BootError::Setting {
            field: "shards.id".to_owned(),
            problem: format!("there is no shard {shard}"),
        })?;
        let signer = Signer::connect(config.region, &config.kms, &config.audit.signing_key_id).await?;
        let key =
            VerifierKey::new(&log_name(config.region, shard), signer.public_key_der()).map_err(|error| {
                BootError::Dependency { field: "audit.signing_key_id", problem: error.to_string() }
            })?;
        Ok(Arc::new(Self {
            connector: Connector::new(&found.db(), "shards", "domicile-sealer")?,
            archive: Archive::connect(config).await?,
            signer,
            key,
            region: config.region,
            shard,
            clock,
            resting: Resting::default(),
        }))
    }

    /// The key that whoever checks the log must trust.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a text of another kind than a checkpoint with the log's key: a signed note. Its first line must say what it is.
    ///
    /// # Errors
    /// [`LogError::Signing`].
    pub async fn sign_note(&self, text: &str) -> Result<String, LogError> {
        let signature = self.signer.sign(text.as_bytes()).await?;
        Ok(auditlog::sign_text(text, &self.key, &signature))
    }

    /// How long what is published is kept.
    pub(super) fn kept(&self) -> Duration {
        Duration::from_secs(u64::from(retention_floor_days(self.region)) * 86_400)
    }

    /// A session as the sealer's role: one that rests, else a new one.
    pub(super) async fn session(&self) -> Result<PgClient, LogError> {
        if let Some(client) = self.resting.take() {
            return Ok(client);
        }
        let client = self.connector.open_driven().await?;
        client.batch_execute(&format!("SET ROLE {SEALER_ROLE}; {SESSION}")).await?;
        Ok(client)
    }

    /// Keeps a session for the next one who asks; nothing may be open in it.
    pub(super) fn rest(&self, client: PgClient) {
        self.resting.give(client);
    }

    /// Takes the turn if nobody has it; `None` while somebody does.
    ///
    /// # Errors
    /// [`LogError::Forked`] if the archive is ahead of the database.
    pub async fn lead(&self) -> Result<Option<Term>, LogError> {
        let client = self.session().await?;
        let year = epoch_of(self.clock.now_unix_ms());
        client.execute("INSERT INTO audit.log (epoch) VALUES ($1) ON CONFLICT DO NOTHING", &[&year]).await?;
        let taken = client
            .query_opt(
                "UPDATE audit.log SET fence = fence + 1, lease_until = clock_timestamp() + $1 * interval '1 second'
                 WHERE lease_until < clock_timestamp() RETURNING fence, epoch, size",
                &[&f64::from(LEASE_S)],
            )
            .await?;
        let Some(row) = taken else {
            self.rest(client);
            return Ok(None);
        };
        let (fence, epoch, size) = (row.get(0), row.get(1), row.get::<_, i64>(2));
        self.check_not_behind(epoch, size).await?;
        log::info("audit_sealer_leads", &[Field::Shard(self.shard)]);
        Ok(Some(Term { client, fence }))
    }

    /// A database that is behind its own archive was rolled back. Going on would write a second history.
    async fn check_not_behind(&self, epoch: i32, size: i64) -> Result<(), LogError> {
        let folder = log_folder(self.shard, epoch);
        let own = format!("{folder}/{}", auditlog::checkpoint_path(super::state::unsigned(size)));
        match self.archive.is_anything_after(&format!("{folder}/checkpoint/"), &own).await {
            Ok(false) => Ok(()),
            Ok(true) => {
                log::security("audit_log_rolled_back", &[Field::Shard(self.shard)]);
                Err(LogError::Forked)
            }
            // The archive is away: sealing goes on, and publishing will notice what does not fit.
            Err(ArchiveError::Unavailable) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Term {
    /// Gives the turn up, so that the next sealer need not wait for its end.
    pub async fn resign(self) {
        let ended = "UPDATE audit.log SET lease_until = '-infinity' WHERE fence = $1";
        // Whoever comes next waits for the lease then.
        drop(self.client.execute(ended, &[&self.fence]).await);
    }
}

pub(super) const fn lease_s() -> i32 {
    LEASE_S
}
