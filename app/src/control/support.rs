//! Support grants as the platform sees them: asked for, answered by the clinic in its region, looked under, and over.
//!
//! Nothing here opens anything. An answer is here only because the clinic's region gave it, and goes when the grant is over.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::ids::TenantId;
use regions::region::RegionName;
use uuid::Uuid;

use super::access::Role;
use super::audit::{AuditEntry, By};
use super::error::ControlError;
use super::rules::Lifecycle;
use super::sessions::SignedIn;
use super::store::{ControlTx, Store};
use super::tables::{platform_admin, support_grant, support_look, tenant};
use super::tenants;
use crate::patients::text;
use crate::support::answer::{Answer, What};
use crate::support::model::{
    GrantState, LOOKS_MAX, MINUTES_MAX, MINUTES_MIN, REASON_MAX_CHARS, REASON_MIN_CHARS, UNANSWERED_H,
};
use crate::support::wire::UNSETTLED_MAX;

/// Longest page of grants.
pub const PAGE_MAX: u16 = 100;
/// Grants that are found to be over in one go.
const OVER_PER_LOOK_MAX: i64 = 100;
/// Most open grants of one person; a region takes no more than [`UNSETTLED_MAX`] of all of them.
const OPEN_OF_ONE_MAX: i64 = 1_000;
/// Why a look that nobody had answered failed when its grant was over.
const GRANT_OVER: &str = "grant_over";

/// Whose grants somebody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    All,
    /// Those that one person asked for.
    Of(Uuid),
}

impl Whose {
    /// Administrators see all grants, support the own ones.
    #[must_use]
    pub const fn of(signed_in: &SignedIn) -> Whose {
        match signed_in.role {
            Role::Administrator => Whose::All,
            Role::Support => Whose::Of(signed_in.admin),
        }
    }

    const fn person(self) -> Option<Uuid> {
        match self {
            Whose::All => None,
            Whose::Of(person) => Some(person),
        }
    }
}

/// A grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Its id, the same in the clinic's region.
    pub id: Uuid,
    /// The clinic.
    pub tenant: TenantId,
    /// The clinic's name in host names.
    pub slug: String,
    /// Its home.
    pub region: RegionName,
    /// Who asked.
    pub login: String,
    /// Why.
    pub reason: String,
    /// How long it lasts once it is approved.
    pub minutes: i32,
    /// Where it is.
    pub state: GrantState,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// When the clinic answered.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub ends_at: Option<DateTime<Utc>>,
    /// When it was refused or ended.
    pub over_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = support_grant)]
pub(super) struct GrantRow {
    pub(super) id: Uuid,
    pub(super) tenant_id: Uuid,
    region: String,
    pub(super) asked_by: Uuid,
    pub(super) reason: String,
    pub(super) minutes: i32,
    state: String,
    pub(super) asked_at: DateTime<Utc>,
    pub(super) answered_at: Option<DateTime<Utc>>,
    ends_at: Option<DateTime<Utc>>,
    over_at: Option<DateTime<Utc>>,
    pub(super) settled_at: Option<DateTime<Utc>>,
}

impl GrantRow {
    pub(super) fn state(&self) -> Result<GrantState, ControlError> {
        GrantState::parse(&self.state).ok_or(ControlError::Stored("support grant"))
    }

    pub(super) fn region(&self) -> Result<RegionName, ControlError> {
        self.region.parse().map_err(|_error| ControlError::Stored("support grant"))
    }

    fn grant(self, slug: String, login: String) -> Result<Grant, ControlError> {
        Ok(Grant {
            id: self.id,
            tenant: TenantId::from(self.tenant_id),
            slug,
            region: self.region()?,
            login,
            state: self.state()?,
            reason: self.reason,
            minutes: self.minutes,
            asked_at: self.asked_at,
            answered_at: self.answered_at,
            ends_at: self.ends_at,
            over_at: self.over_at,
        })
    }
}

/// A look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its id.
    pub id: Uuid,
    /// At what.
    pub what: What,
    /// `open`, `done` or `failed`.
    pub state: String,
    /// Why it failed.
    pub code: Option<String>,
    /// What the region answered, while the grant lasts.
    pub answer: Option<Answer>,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// When the region answered.
    pub answered_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = support_look)]
struct LookRow {
    id: Uuid,
    what: String,
    state: String,
    code: Option<String>,
    answer: Option<serde_json::Value>,
    asked_at: DateTime<Utc>,
    answered_at: Option<DateTime<Utc>>,
}

impl LookRow {
    fn look(self) -> Result<Look, ControlError> {
        let bad = || ControlError::Stored("support look");
        Ok(Look {
            id: self.id,
            what: What::parse(&self.what).ok_or_else(bad)?,
            state: self.state,
            code: self.code,
            answer: self.answer.map(serde_json::from_value).transpose().map_err(|_error| bad())?,
            asked_at: self.asked_at,
            answered_at: self.answered_at,
        })
    }
}

/// Asks the clinic for a grant. Its administrator finds it within seconds.
///
/// # Errors
/// [`ControlError::Invalid`] for a reason or a time that breaks a rule, [`ControlError::NotFound`] for a clinic that is not there or
/// not in service, [`ControlError::Exists`] when this person has an open one of this clinic, [`ControlError::TooMany`].
pub async fn ask(
    store: &Store,
    by: By,
    signed_in: &SignedIn,
    (id, reason, minutes): (TenantId, &str, i32),
) -> Result<Grant, ControlError> {
    let reason = sentence(reason)?;
    if !(MINUTES_MIN..=MINUTES_MAX).contains(&minutes) {
        return Err(ControlError::Invalid { field: "minutes", code: "out_of_range" });
    }
    let mut tx = store.begin().await?;
    let found = tenants::lock(&mut tx, id).await?;
    if !matches!(found.state, Lifecycle::Active | Lifecycle::Suspended) {
        return Err(ControlError::NotFound("tenant"));
    }
    expire(&mut tx).await?;
    let unsettled: i64 = support_grant::table
        .filter(support_grant::region.eq(found.region.as_str()))
        .filter(support_grant::settled_at.is_null())
        .count()
        .get_result(tx.conn()?)
        .await?;
    if unsettled >= UNSETTLED_MAX {
        return Err(ControlError::TooMany("support grants"));
    }
    let now = tx.now();
    let row: GrantRow = diesel::insert_into(support_grant::table)
        .values((
            support_grant::id.eq(ordered_id(now)),
            support_grant::tenant_id.eq(id.as_uuid()),
            support_grant::region.eq(found.region.as_str()),
            support_grant::asked_by.eq(signed_in.admin),
            support_grant::reason.eq(reason),
            support_grant::minutes.eq(minutes),
            support_grant::state.eq(GrantState::Asked.as_str()),
            support_grant::asked_at.eq(now),
        ))
        .returning(GrantRow::as_returning())
        .get_result(tx.conn()?)
        .await
        .map_err(|error| ControlError::from(error).when_duplicate(ControlError::Exists("grant")))?;
    let entry = AuditEntry::allowed(by, "support.ask").grant(row.id, found.region);
    let grant = row.grant(found.slug.to_string(), signed_in.login.clone())?;
    tx.commit(entry).await?;
    Ok(grant)
}

/// Up to `limit` grants, the newest first, older than `before`.
///
/// # Errors
/// When the database fails.
pub async fn list(
    store: &Store,
    whose: Whose,
    before: Option<Uuid>,
    limit: u16,
) -> Result<Vec<Grant>, ControlError> {
    let mut tx = store.begin().await?;
    expire(&mut tx).await?;
    let mut query = support_grant::table
        .inner_join(tenant::table)
        .inner_join(platform_admin::table)
        .filter(support_grant::id.lt(before.unwrap_or(Uuid::max())))
        .select((GrantRow::as_select(), tenant::slug, platform_admin::login))
        .order(support_grant::id.desc())
        .limit(i64::from(limit.clamp(1, PAGE_MAX)))
        .into_boxed();
    if let Some(person) = whose.person() {
        query = query.filter(support_grant::asked_by.eq(person));
    }
    let rows: Vec<(GrantRow, String, String)> = query.load(tx.conn()?).await?;
    tx.commit_unaudited().await?;
    rows.into_iter().map(|(row, slug, login)| row.grant(slug, login)).collect()
}

/// One grant and what was looked at under it, the newest first and without the answers.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn get(store: &Store, whose: Whose, id: Uuid) -> Result<(Grant, Vec<Look>), ControlError> {
    let mut tx = store.begin().await?;
    expire(&mut tx).await?;
    let grant = find(&mut tx, whose, id).await?;
    let rows: Vec<LookRow> = support_look::table
        .filter(support_look::grant_id.eq(id))
        .order(support_look::id.desc())
        .limit(LOOKS_MAX)
        .select(LookRow::as_select())
        .load(tx.conn()?)
        .await?;
    tx.commit_unaudited().await?;
    let bare = |row: LookRow| LookRow { answer: None, ..row }.look();
    Ok((grant, rows.into_iter().map(bare).collect::<Result<_, _>>()?))
}

/// Ends a grant, here at once and in the region as soon as its worker hears of it. One that is over stays as it is.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn end(store: &Store, by: By, whose: Whose, id: Uuid) -> Result<Grant, ControlError> {
    let mut tx = store.begin().await?;
    let (row, region) = lock(&mut tx, whose, id).await?;
    if row.state()?.is_over() {
        let grant = find(&mut tx, whose, id).await?;
        tx.commit_unaudited().await?;
        return Ok(grant);
    }
    close(&mut tx, &[id], GrantState::Ended).await?;
    let grant = find(&mut tx, whose, id).await?;
    tx.commit(AuditEntry::allowed(by, "support.end").grant(id, region)).await?;
    Ok(grant)
}

/// Asks the region to look at something under an approved grant.
///
/// # Errors
/// [`ControlError::NotFound`], [`ControlError::NotGranted`] for one that is not approved or is over, [`ControlError::TooMany`].
pub async fn look(
    store: &Store,
    by: By,
    signed_in: &SignedIn,
    (id, what): (Uuid, What),
) -> Result<Look, ControlError> {
    let mut tx = store.begin().await?;
    expire(&mut tx).await?;
    let (row, region) = lock(&mut tx, Whose::Of(signed_in.admin), id).await?;
    if row.state()? != GrantState::Approved {
        // What was found to be over stays so.
        tx.commit_unaudited().await?;
        return Err(ControlError::NotGranted);
    }
    let looks: i64 =
        support_look::table.filter(support_look::grant_id.eq(id)).count().get_result(tx.conn()?).await?;
    if looks >= LOOKS_MAX {
        return Err(ControlError::TooMany("looks"));
    }
    let now = tx.now();
    let row: LookRow = diesel::insert_into(support_look::table)
        .values((
            support_look::id.eq(ordered_id(now)),
            support_look::grant_id.eq(id),
            support_look::what.eq(what.as_str()),
            support_look::state.eq("open"),
            support_look::asked_at.eq(now),
        ))
        .returning(LookRow::as_returning())
        .get_result(tx.conn()?)
        .await?;
    let entry = AuditEntry::allowed(by, "support.look").grant(id, region).reason(what.as_str());
    tx.commit(entry).await?;
    row.look()
}

/// What the region answered to the own look.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn answer(
    store: &Store,
    signed_in: &SignedIn,
    (id, look): (Uuid, Uuid),
) -> Result<Look, ControlError> {
    let mut tx = store.begin().await?;
    expire(&mut tx).await?;
    find(&mut tx, Whose::Of(signed_in.admin), id).await?;
    let row: Option<LookRow> = support_look::table
        .find(look)
        .filter(support_look::grant_id.eq(id))
        .select(LookRow::as_select())
        .first(tx.conn()?)
        .await
        .optional()?;
    tx.commit_unaudited().await?;
    row.ok_or(ControlError::NotFound("look"))?.look()
}

async fn find(tx: &mut ControlTx, whose: Whose, id: Uuid) -> Result<Grant, ControlError> {
    let found: Option<(GrantRow, String, String)> = support_grant::table
        .inner_join(tenant::table)
        .inner_join(platform_admin::table)
        .filter(support_grant::id.eq(id))
        .select((GrantRow::as_select(), tenant::slug, platform_admin::login))
        .first(tx.conn()?)
        .await
        .optional()?;
    let is_theirs = |row: &GrantRow| whose.person().is_none_or(|person| person == row.asked_by);
    let (row, slug, login) =
        found.filter(|(row, ..)| is_theirs(row)).ok_or(ControlError::NotFound("support grant"))?;
    row.grant(slug, login)
}

async fn lock(tx: &mut ControlTx, whose: Whose, id: Uuid) -> Result<(GrantRow, RegionName), ControlError> {
    let found: Option<GrantRow> = support_grant::table
        .find(id)
        .select(GrantRow::as_select())
        .for_update()
        .first(tx.conn()?)
        .await
        .optional()?;
    let is_theirs = |row: &GrantRow| whose.person().is_none_or(|person| person == row.asked_by);
    let row = found.filter(is_theirs).ok_or(ControlError::NotFound("support grant"))?;
    let region = row.region()?;
    Ok((row, region))
}

/// Ends what has had its time, or waited too long, by this clock. The region ends it by its own, and decides; this is so that no
/// answer stays here when a region is silent.
pub(super) async fn expire(tx: &mut ControlTx) -> Result<(), ControlError> {
    let now = tx.now();
    let unanswered = support_grant::state
        .eq(GrantState::Asked.as_str())
        .and(support_grant::asked_at.le(now - TimeDelta::hours(UNANSWERED_H)));
    let had_its_time = support_grant::state
        .eq(GrantState::Approved.as_str())
        .and(support_grant::ends_at.le(now).assume_not_null());
    let over: Vec<Uuid> = support_grant::table
        .filter(unanswered.or(had_its_time))
        .order(support_grant::id)
        .limit(OVER_PER_LOOK_MAX)
        .select(support_grant::id)
        .for_update()
        .skip_locked()
        .load(tx.conn()?)
        .await?;
    close(tx, &over, GrantState::Ended).await
}

/// Ends the open grants of somebody who leaves. Their regions end them with the next round.
pub(super) async fn end_all_of(tx: &mut ControlTx, person: Uuid) -> Result<(), ControlError> {
    let open = [GrantState::Asked, GrantState::Approved].map(GrantState::as_str);
    let grants: Vec<Uuid> = support_grant::table
        .filter(support_grant::asked_by.eq(person))
        .filter(support_grant::state.eq_any(open))
        .order(support_grant::id)
        .limit(OPEN_OF_ONE_MAX)
        .select(support_grant::id)
        .for_update()
        .load(tx.conn()?)
        .await?;
    close(tx, &grants, GrantState::Ended).await
}

/// Has locked open grants be over: their answers go, and what nobody has answered fails.
pub(super) async fn close(
    tx: &mut ControlTx,
    grants: &[Uuid],
    state: GrantState,
) -> Result<(), ControlError> {
    if grants.is_empty() {
        return Ok(());
    }
    let now = tx.now();
    diesel::update(support_grant::table.filter(support_grant::id.eq_any(grants)))
        .set((support_grant::state.eq(state.as_str()), support_grant::over_at.eq(now)))
        .execute(tx.conn()?)
        .await?;
    let looks = || support_look::table.filter(support_look::grant_id.eq_any(grants));
    diesel::update(looks().filter(support_look::answer.is_not_null()))
        .set(support_look::answer.eq(None::<serde_json::Value>))
        .execute(tx.conn()?)
        .await?;
    diesel::update(looks().filter(support_look::state.eq("open")))
        .set((
            support_look::state.eq("failed"),
            support_look::code.eq(GRANT_OVER),
            support_look::answered_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}

/// A reason of 10 to 500 characters in one form, with nothing invisible.
fn sentence(typed: &str) -> Result<String, ControlError> {
    let invalid = |code| ControlError::Invalid { field: "reason", code };
    let clean = text::clean(typed, REASON_MAX_CHARS).map_err(invalid)?;
    if clean.chars().count() < REASON_MIN_CHARS {
        return Err(invalid("too_short"));
    }
    Ok(clean)
}

/// An id that begins with its time (RFC 9562 version 7), so that the newest is the greatest.
fn ordered_id(now: DateTime<Utc>) -> Uuid {
    let ms = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    uuid::Builder::from_unix_timestamp_millis(ms, &regions::random::bytes::<10>()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn a_reason_is_a_sentence() {
        assert_eq!(sentence("  The  report job\nfails. ").unwrap(), "The report job fails.");
        for bad in ["", "too short", "a\u{0}bcdefghijklmn", &"x".repeat(501)] {
            assert!(sentence(bad).is_err(), "{bad:?}");
        }
    }
}
