//! Tenants: creating one exactly once, listing them, and moving them through their lifecycle.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::directory::{Entry, TenantRecord, TenantState};
use regions::ids::{Epoch, ShardId, Slug, TenantId};
use regions::region::RegionName;
use uuid::Uuid;

use super::audit::{Actor, AuditEntry, By};
use super::error::ControlError;
use super::rules::{self, Command, Lifecycle, SLUG_QUARANTINE_DAYS};
use super::store::{ControlTx, Store};
use super::tables::{idempotency, tenant, tenant_slug};
use super::{geography, log, tasks};

/// Longest page of tenants.
pub const PAGE_MAX: u16 = 100;
/// Days an idempotency key is remembered.
const IDEMPOTENCY_DAYS: i64 = 7;

/// A tenant as the control plane knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id; with the epoch it is what every region checks.
    pub id: TenantId,
    /// Its name in host names.
    pub slug: Slug,
    /// The clinic's legal name.
    pub legal_name: String,
    /// Its home.
    pub region: RegionName,
    /// The shard it lives on.
    pub shard: ShardId,
    /// The placement's epoch.
    pub epoch: Epoch,
    /// Where it is in its lifecycle.
    pub state: Lifecycle,
    /// Grows with each change.
    pub version: i64,
    /// When it applied.
    pub created_at: DateTime<Utc>,
    /// Its last change.
    pub updated_at: DateTime<Utc>,
}

/// What onboarding asks for.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// The wanted slug.
    pub slug: Slug,
    /// The clinic's legal name.
    pub legal_name: String,
    /// The home region; there is no default and no later change.
    pub region: RegionName,
    /// Who gets the first invitation.
    pub first_admin_email: String,
}

/// A caller's promise that the same key means the same request.
#[derive(Debug, Clone, Copy)]
pub struct Idempotency {
    /// SHA-256 of the key.
    pub key_hash: [u8; 32],
    /// SHA-256 of the request.
    pub request_hash: [u8; 32],
}

/// Whether a creation made the tenant or met an earlier one with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// This call made it.
    New(Tenant),
    /// An earlier call with this key made it.
    Replayed(Tenant),
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = tenant)]
struct TenantRow {
    id: Uuid,
    slug: String,
    legal_name: String,
    region: String,
    shard: i32,
    epoch: i64,
    state: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TenantRow {
    fn tenant(self) -> Result<Tenant, ControlError> {
        let bad = || ControlError::Stored("tenant");
        Ok(Tenant {
            id: TenantId::from(self.id),
            slug: self.slug.parse().map_err(|_error| bad())?,
            legal_name: self.legal_name,
            region: self.region.parse().map_err(|_error| bad())?,
            shard: ShardId(u16::try_from(self.shard).map_err(|_error| bad())?),
            epoch: Epoch(u32::try_from(self.epoch).map_err(|_error| bad())?),
            state: self.state.parse()?,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

impl Tenant {
    /// The directory's view, for the states that it shows.
    #[must_use]
    pub fn record(&self, state: TenantState) -> TenantRecord {
        TenantRecord {
            id: self.id,
            slug: self.slug,
            region: self.region,
            shard: self.shard,
            state,
            epoch: self.epoch,
        }
    }
}

/// Takes a clinic on: reserves the slug, places it and gives its region's worker the task.
///
/// # Errors
/// [`ControlError::SlugTaken`], [`ControlError::NoCapacity`], [`ControlError::NotFound`] for an unknown region,
/// [`ControlError::KeyReused`], [`ControlError::Invalid`].
pub async fn create(
    store: &Store,
    by: By,
    new: NewTenant,
    key: Option<Idempotency>,
) -> Result<Created, ControlError> {
    let legal_name = rules::legal_name(&new.legal_name)?;
    let email = rules::email(&new.first_admin_email)?;
    let mut tx = store.begin().await?;
    let id = TenantId::random();
    if let (Some(key), Actor::Admin(admin)) = (key, by.actor)
        && let Some(earlier) = claim_key(&mut tx, admin, key, id).await?
    {
        let tenant = find_in(&mut tx, earlier).await?;
        tx.commit_unaudited().await?;
        return Ok(Created::Replayed(tenant));
    }
    let shard = geography::place(&mut tx, new.region).await?;
    let now = tx.now();
    let row: TenantRow = diesel::insert_into(tenant::table)
        .values((
            tenant::id.eq(id.as_uuid()),
            tenant::slug.eq(new.slug.as_str()),
            tenant::legal_name.eq(&legal_name),
            tenant::region.eq(new.region.as_str()),
            tenant::shard.eq(i32::from(shard.0)),
            tenant::epoch.eq(1),
            tenant::state.eq(Lifecycle::Applied.as_str()),
            tenant::version.eq(1),
            (tenant::created_at.eq(now), tenant::updated_at.eq(now)),
        ))
        .returning(TenantRow::as_returning())
        .get_result(tx.conn()?)
        .await?;
    take_slug(&mut tx, &new.slug, id).await?;
    let tenant = step(&mut tx, row.tenant()?, Command::Provision).await?;
    tasks::give_provision(&mut tx, &tenant, email).await?;
    tx.commit(AuditEntry::allowed(by, "tenant.create").tenant(tenant.id, tenant.region)).await?;
    Ok(Created::New(tenant))
}

/// One tenant.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn get(store: &Store, id: TenantId) -> Result<Tenant, ControlError> {
    let mut tx = store.begin().await?;
    let found = find_in(&mut tx, id).await?;
    tx.commit_unaudited().await?;
    Ok(found)
}

/// The tenant that holds a slug at present.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn by_slug(store: &Store, slug: &Slug) -> Result<Tenant, ControlError> {
    let mut tx = store.begin().await?;
    let holder: Option<Uuid> = tenant_slug::table
        .find(slug.as_str())
        .select(tenant_slug::tenant_id)
        .first(tx.conn()?)
        .await
        .optional()?;
    let found = find_in(&mut tx, TenantId::from(holder.ok_or(ControlError::NotFound("tenant"))?)).await?;
    tx.commit_unaudited().await?;
    Ok(found)
}

/// Up to `limit` tenants by id, after `after`; ids are random, so the order says nothing.
///
/// # Errors
/// When the database fails.
pub async fn list(store: &Store, after: Option<TenantId>, limit: u16) -> Result<Vec<Tenant>, ControlError> {
    let mut tx = store.begin().await?;
    let mut query = tenant::table
        .select(TenantRow::as_select())
        .order(tenant::id)
        .limit(i64::from(limit.clamp(1, PAGE_MAX)))
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(tenant::id.gt(after.as_uuid()));
    }
    let rows: Vec<TenantRow> = query.load(tx.conn()?).await?;
    tx.commit_unaudited().await?;
    rows.into_iter().map(TenantRow::tenant).collect()
}

/// Stops serving a tenant: front doors answer 403 as soon as the entry reaches them.
///
/// # Errors
/// [`ControlError::Illegal`], [`ControlError::Stale`], [`ControlError::NotFound`].
pub async fn suspend(store: &Store, by: By, id: TenantId, seen: Seen) -> Result<Tenant, ControlError> {
    command(store, by, (id, seen), Command::Suspend).await
}

/// Serves a suspended tenant again.
///
/// # Errors
/// As [`suspend`].
pub async fn resume(store: &Store, by: By, id: TenantId, seen: Seen) -> Result<Tenant, ControlError> {
    command(store, by, (id, seen), Command::Resume).await
}

/// Ends a tenant: 410 from now on, and its region's worker destroys its keys and data.
///
/// # Errors
/// As [`suspend`].
pub async fn offboard(store: &Store, by: By, id: TenantId, seen: Seen) -> Result<Tenant, ControlError> {
    command(store, by, (id, seen), Command::Offboard).await
}

/// Which version a caller has read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// This one; a change since then refuses the command.
    Version(i64),
    /// The lifecycle alone decides: the command line shows nothing it could be stale against.
    Any,
}

async fn command(
    store: &Store,
    by: By,
    (id, seen): (TenantId, Seen),
    command: Command,
) -> Result<Tenant, ControlError> {
    let mut tx = store.begin().await?;
    let found = lock(&mut tx, id).await?;
    if seen != Seen::Any && seen != Seen::Version(found.version) {
        return Err(ControlError::Stale);
    }
    let tenant = step(&mut tx, found, command).await?;
    let (action, listed) = match command {
        Command::Suspend => ("tenant.suspend", Some(TenantState::Suspended)),
        Command::Resume => ("tenant.resume", Some(TenantState::Active)),
        Command::Offboard => ("tenant.offboard", Some(TenantState::Offboarded)),
        Command::Provision | Command::Activate | Command::Purge => ("tenant.change", None),
    };
    if let Some(state) = listed {
        log::append(&mut tx, &Entry::Tenant(tenant.record(state))).await?;
    }
    if command == Command::Offboard {
        tasks::give_destroy(&mut tx, &tenant).await?;
    }
    tx.commit(AuditEntry::allowed(by, action).tenant(tenant.id, tenant.region)).await?;
    Ok(tenant)
}

/// Applies one lifecycle move to a locked or new tenant.
pub(super) async fn step(
    tx: &mut ControlTx,
    found: Tenant,
    command: Command,
) -> Result<Tenant, ControlError> {
    let to = found.state.after(command)?;
    let now = tx.now();
    let row: TenantRow = diesel::update(tenant::table.find(found.id.as_uuid()))
        .set((
            tenant::state.eq(to.as_str()),
            tenant::version.eq(found.version.saturating_add(1)),
            tenant::updated_at.eq(now),
            tenant::purged_at.eq((to == Lifecycle::Purged).then_some(now)),
        ))
        .returning(TenantRow::as_returning())
        .get_result(tx.conn()?)
        .await?;
    row.tenant()
}

/// Reads a tenant and keeps others from changing it until the transaction ends.
pub(super) async fn lock(tx: &mut ControlTx, id: TenantId) -> Result<Tenant, ControlError> {
    let row: Option<TenantRow> = tenant::table
        .find(id.as_uuid())
        .select(TenantRow::as_select())
        .for_update()
        .first(tx.conn()?)
        .await
        .optional()?;
    row.ok_or(ControlError::NotFound("tenant"))?.tenant()
}

pub(super) async fn find_in(tx: &mut ControlTx, id: TenantId) -> Result<Tenant, ControlError> {
    let row: Option<TenantRow> =
        tenant::table.find(id.as_uuid()).select(TenantRow::as_select()).first(tx.conn()?).await.optional()?;
    row.ok_or(ControlError::NotFound("tenant"))?.tenant()
}

/// Gives the slug to a tenant, or refuses. A second creation of the same or a look-alike slug waits here for the first
/// one's end, because both insert the same unique key.
async fn take_slug(tx: &mut ControlTx, slug: &Slug, id: TenantId) -> Result<(), ControlError> {
    let now = tx.now();
    let rested_since = now - Duration::days(SLUG_QUARANTINE_DAYS);
    let skeleton = slug.skeleton();
    // A purged holder's row makes room once it has rested. The new tenant has a new id: nothing is inherited.
    let taken = diesel::update(
        tenant_slug::table.filter(tenant_slug::slug.eq(slug.as_str())).filter(
            tenant_slug::tenant_id
                .eq_any(tenant::table.filter(tenant::purged_at.lt(rested_since)).select(tenant::id)),
        ),
    )
    .set((tenant_slug::tenant_id.eq(id.as_uuid()), tenant_slug::taken_at.eq(now)))
    .execute(tx.conn()?)
    .await?;
    if taken == 1 {
        return Ok(());
    }
    diesel::insert_into(tenant_slug::table)
        .values((
            tenant_slug::slug.eq(slug.as_str()),
            tenant_slug::skeleton.eq(skeleton),
            tenant_slug::tenant_id.eq(id.as_uuid()),
            tenant_slug::taken_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await
        .map_err(|error| ControlError::from(error).when_duplicate(ControlError::SlugTaken))?;
    Ok(())
}

/// Remembers the key for the tenant about to be made, or says which tenant an earlier request with it made.
async fn claim_key(
    tx: &mut ControlTx,
    admin: Uuid,
    key: Idempotency,
    id: TenantId,
) -> Result<Option<TenantId>, ControlError> {
    let now = tx.now();
    diesel::delete(
        idempotency::table
            .filter(idempotency::admin_id.eq(admin))
            .filter(idempotency::created_at.lt(now - Duration::days(IDEMPOTENCY_DAYS))),
    )
    .execute(tx.conn()?)
    .await?;
    let inserted = diesel::insert_into(idempotency::table)
        .values((
            idempotency::admin_id.eq(admin),
            idempotency::key_hash.eq(&key.key_hash[..]),
            idempotency::request_hash.eq(&key.request_hash[..]),
            idempotency::tenant_id.eq(id.as_uuid()),
            idempotency::created_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .execute(tx.conn()?)
        .await?;
    if inserted == 1 {
        return Ok(None);
    }
    let (request_hash, earlier): (Vec<u8>, Uuid) = idempotency::table
        .find((admin, &key.key_hash[..]))
        .select((idempotency::request_hash, idempotency::tenant_id))
        .first(tx.conn()?)
        .await?;
    if request_hash == key.request_hash {
        Ok(Some(TenantId::from(earlier)))
    } else {
        Err(ControlError::KeyReused)
    }
}
