//! Rotating a tenant's key: announced, filled, activated, settled; each step short, safe to repeat, and written down.
//!
//! A new version is announced first: every process learns of it within a minute and can open what it seals, before any
//! process seals with it. Then it is activated; then what hangs on older versions is moved; and when nothing hangs on them and
//! every process has learned that they are old, they are closed. Killed anywhere, the next step goes on from what the key
//! store says.
//!
//! Row-MAC and blind-index keys hang on rows that only the product knows, and the shards must know a context key before anybody
//! mints with it. The product is told when to fill ([`Step::Fill`]) and says how far it is ([`Keys::rotation_filled`]).
//!
//! A blind-index key goes another way round, because a search asks with one version only: rows get tags of both versions before
//! the new one is activated, the old one is closed first, and its tags are taken away when everybody has learned that.

use regions::ids::TenantId;
use uuid::Uuid;

use super::keeper::{Keeper, Session, get, rotation};
use super::store::SubjectKeyRow;
use super::{KeyBytes, KeyError, Keys, Purpose, SubjectId, subjects, tenants};

type Param<'a> = &'a (dyn tokio_postgres::types::ToSql + Sync);

/// How long every process gets to learn of a change of a tenant's keys, in seconds: three of the looks that each takes a
/// minute.
pub const NOTICE_S: u32 = 180;

/// A rotation of one tenant's key of one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Its id.
    pub id: Uuid,
    /// Whose key.
    pub tenant: TenantId,
    /// Which key.
    pub purpose: Purpose,
    /// The version it ends with.
    pub to_version: u32,
    /// How far it is.
    pub stage: Stage,
    /// Keys or rows moved so far.
    pub done: u64,
    /// Where the present pass goes on.
    pub position: Option<Uuid>,
}

/// How far a rotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The new version opens and does not seal.
    Announced,
    /// Blind indexes only: rows get their tags under the new version beside the old ones.
    Filling,
    /// The new version seals; what hangs on older ones is being moved.
    Activated,
    /// One more pass, for what was written with an old version while others were learning; for blind indexes the one that takes
    /// the old version's tags away.
    Settling,
    /// Older versions are closed.
    Done,
}

impl Stage {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Filling => "filling",
            Self::Activated => "activated",
            Self::Settling => "settling",
            Self::Done => "done",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Announced, Self::Filling, Self::Activated, Self::Settling, Self::Done]
            .into_iter()
            .find(|stage| stage.as_str() == word)
    }
}

/// What a step came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Something was moved; step again.
    Moved(Rotation),
    /// The product moves its rows now, from [`Rotation::position`] on.
    Fill(Rotation),
    /// Nothing can be done before [`NOTICE_S`] have passed since the last change.
    Wait(Rotation),
    /// It is over.
    Done(Rotation),
}

impl Keys {
    /// Announces the next version of a tenant's key, or finds the rotation that is under way. However many instances do it at
    /// once, there is one next version and one rotation.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::NotFound`] for a tenant without keys.
    pub async fn rotate(
        &self,
        keeper: &Keeper,
        tenant: TenantId,
        purpose: Purpose,
    ) -> Result<Rotation, KeyError> {
        let session = keeper.session().await?;
        if let Some(running) = running(&session, tenant, purpose).await? {
            return Ok(running);
        }
        let sql = "SELECT max(version), max(version) FILTER (WHERE state = 'next') FROM keystore.tenant_key
            WHERE tenant = $1 AND purpose = $2";
        let row = session.one(sql, &[&tenant.as_uuid(), &purpose.as_str()]).await?;
        let (last, next): (Option<i64>, Option<i64>) = (get(&row, 0)?, get(&row, 1)?);
        let version = next.or(last.map(|last| last.saturating_add(1))).ok_or(KeyError::NotFound)?;
        let to_version = u32::try_from(version).map_err(|_cause| KeyError::NotFound)?;
        if next.is_none() {
            let made = tenants::generate(self, tenant, purpose, to_version).await?;
            let sql = "SELECT keystore.announce_tenant_key($1, $2, $3, $4, $5, $6)";
            let (purpose, arn) = (purpose.as_str(), self.kms.key().to_string());
            // Said no, another instance was faster; its version is the next one and its rotation the one.
            let recipe = tenants::EC_VERSION;
            session.said_yes(sql, &[&tenant.as_uuid(), &purpose, &version, &made, &arn, &recipe]).await?;
        }
        let id = Uuid::from_bytes(regions::random::bytes::<16>());
        let sql = "INSERT INTO keystore.rotation (id, tenant, purpose, to_version, stage)
            VALUES ($1, $2, $3, $4, 'announced') ON CONFLICT DO NOTHING RETURNING id";
        session.all(sql, &[&id, &tenant.as_uuid(), &purpose.as_str(), &version]).await?;
        self.cache.purge(tenant, purpose).await;
        running(&session, tenant, purpose).await?.ok_or(KeyError::NotFound)
    }

    /// Takes a rotation one step further.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::Tampered`] when a subject key cannot be moved because it was altered: the old version then
    /// stays open for the others, and the security log names the tenant.
    pub async fn rotation_step(&self, keeper: &Keeper, rotation: Rotation) -> Result<Step, KeyError> {
        let session = keeper.session().await?;
        let step = Box::pin(self.step_in(&session, rotation)).await?;
        keeper.rest(session);
        Ok(step)
    }

    async fn step_in(&self, session: &Session, rotation: Rotation) -> Result<Step, KeyError> {
        match rotation.stage {
            Stage::Announced if rotation.purpose == Purpose::BlindIndex => {
                self.announced_long_enough(session, rotation).await
            }
            // The shards are told of the next context key first; until they are, nothing is activated.
            Stage::Announced if rotation.purpose == Purpose::Context => Ok(Step::Fill(rotation)),
            Stage::Announced => self.activate(session, rotation, Stage::Activated).await,
            Stage::Filling => Ok(Step::Fill(rotation)),
            Stage::Activated | Stage::Settling if rotation.purpose == Purpose::Seal => {
                self.rewrap(session, rotation).await
            }
            Stage::Activated if rotation.purpose == Purpose::BlindIndex => {
                self.close(session, rotation).await
            }
            Stage::Settling if rotation.purpose == Purpose::BlindIndex => {
                self.closed_long_enough(session, rotation).await
            }
            Stage::Activated | Stage::Settling => Ok(Step::Fill(rotation)),
            Stage::Done => Ok(Step::Done(rotation)),
        }
    }

    /// Takes note that the product has moved rows up to `position` (`None`: all of them).
    ///
    /// # Errors
    /// [`KeyError`].
    pub async fn rotation_filled(
        &self,
        keeper: &Keeper,
        rotation: Rotation,
        filled: (u64, Option<Uuid>),
    ) -> Result<Step, KeyError> {
        let session = keeper.session().await?;
        let step = Box::pin(self.filled_in(&session, rotation, filled)).await?;
        keeper.rest(session);
        Ok(step)
    }

    async fn filled_in(
        &self,
        session: &Session,
        mut rotation: Rotation,
        (moved, position): (u64, Option<Uuid>),
    ) -> Result<Step, KeyError> {
        rotation.done = rotation.done.saturating_add(moved);
        rotation.position = position;
        if position.is_some() {
            session.note(&rotation).await?;
            return Ok(Step::Moved(rotation));
        }
        match rotation.stage {
            Stage::Announced | Stage::Filling => self.activate(session, rotation, Stage::Activated).await,
            Stage::Settling if rotation.purpose == Purpose::BlindIndex => {
                rotation.stage = Stage::Done;
                session.note(&rotation).await?;
                Ok(Step::Done(rotation))
            }
            _ => self.settle(session, rotation).await,
        }
    }

    /// Blind indexes are filled once every process writes tags of both versions.
    async fn announced_long_enough(
        &self,
        session: &Session,
        mut rotation: Rotation,
    ) -> Result<Step, KeyError> {
        let sql = "SELECT EXISTS (SELECT FROM keystore.tenant_key WHERE tenant = $1 AND purpose = $2 AND version = $3
            AND changed_at <= clock_timestamp() - make_interval(secs => $4))";
        let (version, notice) = (i64::from(rotation.to_version), f64::from(NOTICE_S));
        let purpose = rotation.purpose.as_str();
        let params: [Param<'_>; 4] = [&rotation.tenant.as_uuid(), &purpose, &version, &notice];
        if !session.said_yes(sql, &params).await? {
            return Ok(Step::Wait(rotation));
        }
        rotation.stage = Stage::Filling;
        session.note(&rotation).await?;
        Ok(Step::Moved(rotation))
    }

    /// Closes the old versions of a blind-index key: searches ask with the active one, and nobody writes tags of them any more.
    async fn close(&self, session: &Session, mut rotation: Rotation) -> Result<Step, KeyError> {
        let notice = i32::try_from(NOTICE_S).unwrap_or(i32::MAX);
        let close = "SELECT keystore.close_older_tenant_keys($1, $2, $3)";
        let purpose = rotation.purpose.as_str();
        if !session.said_yes(close, &[&rotation.tenant.as_uuid(), &purpose, &notice]).await? {
            return Ok(Step::Wait(rotation));
        }
        self.cache.purge(rotation.tenant, rotation.purpose).await;
        rotation.stage = Stage::Settling;
        rotation.position = None;
        session.note(&rotation).await?;
        Ok(Step::Moved(rotation))
    }

    /// Tags of a closed version are taken away once no process writes them any more.
    async fn closed_long_enough(&self, session: &Session, rotation: Rotation) -> Result<Step, KeyError> {
        let sql = "SELECT NOT EXISTS (SELECT FROM keystore.tenant_key WHERE tenant = $1 AND purpose = $2
            AND version < $3 AND changed_at > clock_timestamp() - make_interval(secs => $4))";
        let (version, notice) = (i64::from(rotation.to_version), f64::from(NOTICE_S));
        let purpose = rotation.purpose.as_str();
        let params: [Param<'_>; 4] = [&rotation.tenant.as_uuid(), &purpose, &version, &notice];
        let long_enough = session.said_yes(sql, &params).await?;
        Ok(if long_enough { Step::Fill(rotation) } else { Step::Wait(rotation) })
    }

    async fn activate(
        &self,
        session: &Session,
        mut rotation: Rotation,
        then: Stage,
    ) -> Result<Step, KeyError> {
        let sql = "SELECT keystore.activate_tenant_key($1, $2, $3, $4)";
        let (purpose, version) = (rotation.purpose.as_str(), i64::from(rotation.to_version));
        let notice = i32::try_from(NOTICE_S).unwrap_or(i32::MAX);
        if !session.said_yes(sql, &[&rotation.tenant.as_uuid(), &purpose, &version, &notice]).await? {
            return Ok(Step::Wait(rotation));
        }
        self.cache.purge(rotation.tenant, rotation.purpose).await;
        rotation.stage = then;
        rotation.position = None;
        session.note(&rotation).await?;
        Ok(Step::Moved(rotation))
    }

    /// Moves one batch of subject keys; when there is none left, closes the old versions or waits until it may.
    async fn rewrap(&self, session: &Session, mut rotation: Rotation) -> Result<Step, KeyError> {
        let after = rotation.position.unwrap_or_default();
        let rows = session.wrapped_below(rotation.tenant, rotation.to_version, after).await?;
        if rows.is_empty() {
            rotation.position = None;
            return self.settle(session, rotation).await;
        }
        rotation.position = rows.last().map(|row| row.subject.as_uuid());
        let batch = self.wrap_anew(&rotation, &rows).await?;
        let sql = "SELECT keystore.rewrap($1, $2, $3, $4, $5, $6)";
        let version = i64::from(rotation.to_version);
        let params: [Param<'_>; 6] = [
            &rotation.tenant.as_uuid(),
            &version,
            &batch.subjects,
            &batch.versions,
            &batch.olds,
            &batch.news,
        ];
        let moved: i64 = get(&session.one(sql, &params).await?, 0)?;
        rotation.done = rotation.done.saturating_add(u64::try_from(moved).unwrap_or(0));
        session.note(&rotation).await?;
        Ok(Step::Moved(rotation))
    }

    async fn wrap_anew(&self, rotation: &Rotation, rows: &[SubjectKeyRow]) -> Result<Batch, KeyError> {
        let mut batch = Batch::default();
        for row in rows {
            // One that was altered is left behind and reported; it keeps the old version from being closed.
            let bytes = match subjects::unwrap_bytes(self, rotation.tenant, row).await {
                Ok(bytes) => bytes,
                Err(KeyError::Tampered) => continue,
                Err(error) => return Err(error),
            };
            let of = (row.subject, row.versions.subject);
            let wrapped = subjects::wrap(self, rotation.tenant, of, &bytes).await?;
            if wrapped.versions.tenant != rotation.to_version {
                // This process does not know yet that the version is active; the next step will.
                self.cache.purge(rotation.tenant, Purpose::Seal).await;
                return Err(KeyError::Unavailable);
            }
            batch.subjects.push(row.subject.as_uuid());
            batch.versions.push(i32::from(row.versions.subject));
            batch.olds.push(row.wrapped.clone());
            batch.news.push(wrapped.wrapped);
        }
        Ok(batch)
    }

    /// Nothing is left to move: closes the old versions, once everybody has learned that they are old.
    async fn settle(&self, session: &Session, mut rotation: Rotation) -> Result<Step, KeyError> {
        let (tenant, purpose) = (rotation.tenant.as_uuid(), rotation.purpose.as_str());
        let settled = "SELECT EXISTS (SELECT FROM keystore.tenant_key WHERE tenant = $1 AND purpose = $2
            AND state = 'active' AND changed_at <= clock_timestamp() - make_interval(secs => $3))";
        if !session.said_yes(settled, &[&tenant, &purpose, &f64::from(NOTICE_S)]).await? {
            session.note(&rotation).await?;
            return Ok(Step::Wait(rotation));
        }
        if rotation.stage != Stage::Settling {
            rotation.stage = Stage::Settling;
            session.note(&rotation).await?;
            return Ok(Step::Moved(rotation));
        }
        let notice = i32::try_from(NOTICE_S).unwrap_or(i32::MAX);
        let close = "SELECT keystore.close_older_tenant_keys($1, $2, $3)";
        if !session.said_yes(close, &[&tenant, &purpose, &notice]).await? {
            return Err(KeyError::Tampered);
        }
        self.cache.purge(rotation.tenant, rotation.purpose).await;
        rotation.stage = Stage::Done;
        session.note(&rotation).await?;
        Ok(Step::Done(rotation))
    }

    /// Gives a subject a new key, which seals from now on; the one before opens until
    /// [`drop_older_subject_versions`](Self::drop_older_subject_versions). A rotation that was begun and not ended is found.
    ///
    /// # Errors
    /// [`KeyError`]; [`KeyError::NotFound`] for a subject without a key.
    pub async fn rotate_subject(
        &self,
        keeper: &Keeper,
        tenant: TenantId,
        subject: SubjectId,
    ) -> Result<(), KeyError> {
        let key = self.subject_key(tenant, subject).await?;
        if key.opens_older() {
            return Ok(());
        }
        let version = key.version().checked_add(1).ok_or(KeyError::NotFound)?;
        let bytes = KeyBytes::random();
        let row = subjects::wrap(self, tenant, (subject, version), &bytes).await?;
        let sql = "SELECT keystore.add_subject_version($1, $2, $3, $4, $5)";
        let (version, tk) = (i32::from(version), i64::from(row.versions.tenant));
        let params: [Param<'_>; 5] = [&tenant.as_uuid(), &subject.as_uuid(), &version, &tk, &row.wrapped];
        // Said no, another instance has just done it.
        keeper.session().await?.said_yes(sql, &params).await.map(drop)
    }

    /// Destroys the versions of a subject's key that only open. The caller has seen that nothing is sealed under them.
    ///
    /// # Errors
    /// [`KeyError::Unavailable`].
    pub async fn drop_older_subject_versions(
        &self,
        keeper: &Keeper,
        tenant: TenantId,
        subject: SubjectId,
    ) -> Result<u64, KeyError> {
        let sql = "SELECT keystore.drop_older_subject_versions($1, $2)";
        let row = keeper.session().await?.one(sql, &[&tenant.as_uuid(), &subject.as_uuid()]).await?;
        Ok(u64::try_from(get::<i64>(&row, 0)?).unwrap_or(0))
    }
}

/// Subject keys on their way under another key.
#[derive(Default)]
struct Batch {
    subjects: Vec<Uuid>,
    versions: Vec<i32>,
    olds: Vec<Vec<u8>>,
    news: Vec<Vec<u8>>,
}

async fn running(
    session: &Session,
    tenant: TenantId,
    purpose: Purpose,
) -> Result<Option<Rotation>, KeyError> {
    let sql = "SELECT id, tenant, purpose, to_version, stage, done, position FROM keystore.rotation
        WHERE tenant = $1 AND purpose = $2 AND stage <> 'done'";
    let rows = session.all(sql, &[&tenant.as_uuid(), &purpose.as_str()]).await?;
    rows.first().map(rotation).transpose()
}
