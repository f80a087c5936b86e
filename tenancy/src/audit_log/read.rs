//! What a clinic reads of its own log: events by whom they concern, who did them and how they ended, and a receipt for one.

use auditlog::{Entry, Hash, Receipt, TILE_WIDTH, inclusion_proof, leaf_hash};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use regions::log::{self, Field};
use std::collections::HashMap;
use uuid::Uuid;

use super::state::{hashes, unsigned};
use crate::error::TxError;
use crate::schema::audit_event;
use crate::tx::{AuditColumns, TenantTx};

/// Most events of one page.
pub const EVENTS_PAGE_MAX: i64 = 1_000;

/// Which events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// All of them.
    Everything,
    /// Those about one subject's data.
    Subject(Uuid),
    /// What one actor did.
    Actor(Uuid),
    /// What was refused.
    Denied,
    /// Emergency access.
    BreakGlass,
    /// Data of one subject that were given to somebody outside the clinic (45 CFR 164.528).
    Disclosures(Uuid),
}

/// A span of time and where to go on in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Span {
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
    /// Older than this event, which ended the page before.
    pub older_than: Option<Uuid>,
}

/// One page of events, from the newest to the oldest.
///
/// # Errors
/// What the database says.
pub async fn events(
    tx: &mut TenantTx,
    about: About,
    span: Span,
    limit: i64,
) -> Result<Vec<AuditColumns>, TxError> {
    let mut query = audit_event::table
        .order(audit_event::event_id.desc())
        .limit(limit.clamp(1, EVENTS_PAGE_MAX))
        .select(AuditColumns::as_select())
        .into_boxed::<diesel::pg::Pg>();
    query = match about {
        About::Everything => query,
        About::Subject(id) => query.filter(audit_event::subject_id.eq(id)),
        About::Actor(id) => query.filter(audit_event::actor_id.eq(id)),
        About::Denied => query.filter(audit_event::outcome.eq("deny")),
        About::BreakGlass => query.filter(audit_event::purpose.eq("BREAKGLASS")),
        About::Disclosures(id) => query.filter(
            audit_event::subject_id
                .eq(id)
                .and(audit_event::outcome.eq("allow"))
                .and(audit_event::actor_kind.eq("client").or(audit_event::action.eq("disclosure.record"))),
        ),
    };
    // Ids begin with their time in milliseconds (RFC 9562 version 7).
    if let Some(from) = span.from {
        query = query.filter(audit_event::event_id.ge(first_id(from)));
    }
    if let Some(until) = span.until {
        query = query.filter(audit_event::event_id.lt(first_id(until)));
    }
    if let Some(older) = span.older_than {
        query = query.filter(audit_event::event_id.lt(older));
    }
    Ok(query.load(tx.conn()).await?)
}

/// One page of all events from one moment until before another, from the oldest to the newest, after `after`.
///
/// # Errors
/// What the database says.
pub async fn events_in_order(
    tx: &mut TenantTx,
    (from, until): (DateTime<Utc>, DateTime<Utc>),
    after: Option<Uuid>,
    limit: i64,
) -> Result<Vec<AuditColumns>, TxError> {
    Ok(audit_event::table
        .filter(audit_event::event_id.ge(first_id(from)))
        .filter(audit_event::event_id.lt(first_id(until)))
        .filter(audit_event::event_id.gt(after.unwrap_or_default()))
        .order(audit_event::event_id)
        .limit(limit.clamp(1, EVENTS_PAGE_MAX))
        .select(AuditColumns::as_select())
        .load(tx.conn())
        .await?)
}

/// How many times `action` was done about one subject, as the log has it.
///
/// # Errors
/// What the database says.
pub async fn recorded(tx: &mut TenantTx, subject: Uuid, action: &str) -> Result<i64, TxError> {
    Ok(audit_event::table
        .filter(audit_event::subject_id.eq(subject))
        .filter(audit_event::action.eq(action))
        .filter(audit_event::outcome.eq("allow"))
        .count()
        .get_result(tx.conn())
        .await?)
}

/// How far the log of the clinic's shard is, and what of the clinic's own waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogState {
    /// The newest signed checkpoint in the archive; `None` before the first one.
    pub checkpoint: Option<Checkpointed>,
    /// The clinic's events that are committed and not sealed, counted up to 10,000.
    pub waiting: u64,
    /// When the oldest of them was committed.
    pub waiting_since: Option<DateTime<Utc>>,
    /// What came of the last check of the log in the archive; `None` before the first one.
    pub verified: Option<Verified>,
}

/// What came of checking the log that lies in the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// When.
    pub at: DateTime<Utc>,
    /// The year whose log it is.
    pub epoch: i32,
    /// So many entries of it were there when it was last found good.
    pub size: u64,
    /// `verified`, or the kind of the first thing that is wrong, as `audit-verify` calls it.
    pub outcome: String,
    /// The first entry that may be concerned.
    pub first_bad: Option<u64>,
}

/// What a checkpoint states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpointed {
    /// The year whose log it is.
    pub epoch: i32,
    /// Entries of that log, all clinics' of the shard.
    pub size: u64,
    /// The root hash of its tree (RFC 6962).
    pub root: Vec<u8>,
    /// When its last entry was sealed.
    pub sealed_at: DateTime<Utc>,
}

/// How far the log is.
///
/// # Errors
/// What the database says.
pub async fn state(tx: &mut TenantTx) -> Result<LogState, TxError> {
    let row: StateRow = diesel::sql_query("SELECT * FROM audit.state()").get_result(tx.conn()).await?;
    let checkpoint = match (row.epoch, row.size, row.root, row.sealed_at) {
        (Some(epoch), Some(size), Some(root), Some(sealed_at)) => {
            Some(Checkpointed { epoch, size: unsigned(size), root, sealed_at })
        }
        _ => None,
    };
    let verified: Option<VerifiedRow> =
        diesel::sql_query("SELECT * FROM audit.verified()").get_result(tx.conn()).await.optional()?;
    let verified = verified.map(|found| Verified {
        at: found.checked_at,
        epoch: found.epoch,
        size: unsigned(found.size),
        outcome: found.outcome,
        first_bad: found.first_bad.map(unsigned),
    });
    Ok(LogState { checkpoint, waiting: unsigned(row.waiting), waiting_since: row.waiting_since, verified })
}

#[derive(QueryableByName)]
struct VerifiedRow {
    #[diesel(sql_type = Integer)]
    epoch: i32,
    #[diesel(sql_type = BigInt)]
    size: i64,
    #[diesel(sql_type = Text)]
    outcome: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    first_bad: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    checked_at: DateTime<Utc>,
}

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Nullable<Integer>)]
    epoch: Option<i32>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    root: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    sealed_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    waiting: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    waiting_since: Option<DateTime<Utc>>,
}

fn first_id(time: DateTime<Utc>) -> Uuid {
    let ms = u128::try_from(time.timestamp_millis()).unwrap_or_default();
    Uuid::from_u128(ms << 80)
}

/// What became of asking for a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The clinic has no such event.
    NotFound,
    /// The event is committed; its part of the log is not published yet. Ask again in a few seconds.
    NotYet,
    /// The row is not what was sealed: somebody changed it. A security event was logged.
    Changed,
    /// The receipt.
    Ready(Receipt),
}

/// A receipt for one of the clinic's own events, made anew from its row: it proves that the row is what was sealed.
///
/// # Errors
/// What the database says.
pub async fn receipt(tx: &mut TenantTx, event: Uuid) -> Result<Proof, TxError> {
    let row: Option<AuditColumns> = audit_event::table
        .filter(audit_event::event_id.eq(event))
        .select(AuditColumns::as_select())
        .first(tx.conn())
        .await
        .optional()?;
    let Some(row) = row else { return Ok(Proof::NotFound) };
    let place: Option<PlaceRow> = diesel::sql_query("SELECT * FROM audit.place($1)")
        .bind::<SqlUuid, _>(event)
        .get_result(tx.conn())
        .await
        .optional()?;
    let Some(place) = place else { return Ok(Proof::NotYet) };
    let (Some(size), Some(checkpoint)) = (place.size, place.note) else { return Ok(Proof::NotYet) };
    let (index, size) = (unsigned(place.leaf_index), unsigned(size));
    let mut tiles: HashMap<(u8, u64), Vec<Hash>> = HashMap::new();
    for level in 0..8_u8 {
        let (own, edge) = (index >> (8 * u32::from(level)), size >> (8 * u32::from(level)));
        if edge == 0 {
            break;
        }
        for n in [own / TILE_WIDTH, edge / TILE_WIDTH] {
            let found: HashesRow = diesel::sql_query("SELECT audit.hashes($1, $2, $3) AS hashes")
                .bind::<Integer, _>(place.epoch)
                .bind::<Integer, _>(i32::from(level))
                .bind::<BigInt, _>(super::state::signed(n))
                .get_result(tx.conn())
                .await?;
            tiles.insert((level, n), hashes(&found.hashes.unwrap_or_default()));
        }
    }
    let entry = Entry::Event {
        tenant: row.tenant_id.into_bytes(),
        tenant_seq: unsigned(place.tenant_seq),
        tenant_prev: place.tenant_prev.as_slice().try_into().unwrap_or_default(),
        event: &row.to_event().encode(),
    }
    .encode();
    let sealed = tiles
        .get(&(0, index / TILE_WIDTH))
        .and_then(|tile| usize::try_from(index % TILE_WIDTH).ok().and_then(|offset| tile.get(offset)));
    let proof = inclusion_proof(index, size, |level, n| tiles.get(&(level, n)).map(Vec::as_slice));
    match (sealed, proof) {
        (Some(sealed), Some(proof)) if *sealed == leaf_hash(&entry) => {
            Ok(Proof::Ready(Receipt { entry, index, proof, checkpoint }))
        }
        _ => {
            log::security("audit_row_changed", &[Field::Tenant(tx.tenant())]);
            Ok(Proof::Changed)
        }
    }
}

#[derive(QueryableByName)]
struct PlaceRow {
    #[diesel(sql_type = Integer)]
    epoch: i32,
    #[diesel(sql_type = BigInt)]
    leaf_index: i64,
    #[diesel(sql_type = BigInt)]
    tenant_seq: i64,
    #[diesel(sql_type = Binary)]
    tenant_prev: Vec<u8>,
    #[diesel(sql_type = Nullable<BigInt>)]
    size: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    note: Option<String>,
}

#[derive(QueryableByName)]
struct HashesRow {
    #[diesel(sql_type = Nullable<Binary>)]
    hashes: Option<Vec<u8>>,
}
