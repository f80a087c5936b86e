//! What is read and written of ties. [`tied`] is the condition that every query about patients carries.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::dsl::exists;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::BoxFuture;
use tenancy::TenantTx;
use tenancy::keys::Keys;
use tenancy::sealed::Verified;
use uuid::Uuid;

use super::model::{NewTie, Standing, Tie};
use super::tables::{account_site, relationship, site};
use crate::access::{ProxyScope, Within};
use crate::auth::invite::new_id;
use crate::auth::record::AccountRow;
use crate::auth::tables::account;
use crate::patients::queries::ERASED;
use crate::patients::tables::patient;
use crate::store::StoreError;

/// Ties of one patient that are looked at together.
const TIES_MAX: i64 = 500;
/// Ties of one account to one patient that are looked at together.
const TIES_EACH: i64 = 4;

/// Ids of patients, as a condition.
pub type TiedIds = relationship::BoxedQuery<'static, Pg, sql_types::Uuid>;

/// The patients within somebody's reach; `None` when that is the whole clinic.
#[must_use]
pub fn tied(within: Within) -> Option<TiedIds> {
    valid(within).map(|ties| ties.select(relationship::patient_id))
}

/// As [`tied`], without those whom an emergency alone ties: it opens one record and no list of them.
#[must_use]
pub fn tied_for_good(within: Within) -> Option<TiedIds> {
    valid(within).map(|ties| {
        ties.filter(relationship::kind.ne(Tie::BreakGlass.as_str())).select(relationship::patient_id)
    })
}

type Ties = relationship::BoxedQuery<'static, Pg>;

/// The ties that count for somebody now; `None` when everybody is within reach.
fn valid(within: Within) -> Option<Ties> {
    let (ties, at) = match within {
        Within::Everyone => return None,
        // No party has this id.
        Within::Nobody => (
            relationship::table.into_boxed::<Pg>().filter(relationship::party_id.eq(Uuid::nil())),
            DateTime::UNIX_EPOCH,
        ),
        Within::Ties(account, at, needs) => {
            let own =
                relationship::table.into_boxed().filter(relationship::party_id.eq(Uuid::from_bytes(account)));
            (given(own, needs), at)
        }
        Within::Sites(account, at) => {
            let sites = account_site::table
                .filter(account_site::account_id.eq(Uuid::from_bytes(account)))
                .select(account_site::site_id);
            (relationship::table.into_boxed().filter(relationship::party_id.eq_any(sites)), at)
        }
    };
    Some(
        ties.filter(relationship::valid_from.le(at))
            .filter(relationship::valid_to.is_null().or(relationship::valid_to.gt(at))),
    )
}

/// Of the ties by which somebody stands in, those that give all of this.
fn given(ties: Ties, needs: &[ProxyScope]) -> Ties {
    if needs.is_empty() {
        return ties;
    }
    let needs: Vec<&'static str> = needs.iter().map(|scope| scope.as_str()).collect();
    ties.filter(relationship::kind.ne(Tie::Proxy.as_str()).or(relationship::scope.contains(needs)))
}

/// How somebody stands to each of some patients now.
///
/// # Errors
/// What the database says, or [`StoreError::Shape`] when a tie is of no known kind.
pub async fn standings(
    tx: &mut TenantTx,
    within: Within,
    patients: &[Uuid],
) -> Result<HashMap<Uuid, Standing>, StoreError> {
    type Row = (Uuid, String, Vec<String>, Option<DateTime<Utc>>);
    let Some(ties) = valid(within) else { return Ok(HashMap::new()) };
    let rows: Vec<Row> = ties
        .filter(relationship::patient_id.eq_any(patients.to_vec()))
        .limit(TIES_MAX)
        .select((relationship::patient_id, relationship::kind, relationship::scope, relationship::valid_to))
        .load(tx.conn())
        .await?;
    rows.into_iter()
        .map(|(patient, kind, scope, until)| {
            let tie = Tie::parse(&kind).ok_or(StoreError::Shape)?;
            let scope = match tie {
                Tie::Proxy => scope.iter().filter_map(|name| ProxyScope::parse(name)).collect(),
                Tie::Member | Tie::Site | Tie::Subject | Tie::BreakGlass => ProxyScope::ALL.to_vec(),
            };
            Ok((patient, Standing { tie, scope, until }))
        })
        .collect()
}

/// Whether an account stands in for anybody now.
///
/// # Errors
/// What the database says.
pub async fn stands_in(tx: &mut TenantTx, account: Uuid, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let now = relationship::table
        .filter(relationship::party_id.eq(account))
        .filter(relationship::kind.eq(Tie::Proxy.as_str()))
        .filter(relationship::valid_from.le(at))
        .filter(relationship::valid_to.gt(at));
    Ok(diesel::select(exists(now)).get_result(tx.conn()).await?)
}

/// Whether an account stands in for anybody but this patient, now or later.
///
/// # Errors
/// What the database says.
pub async fn will_stand_in(
    tx: &mut TenantTx,
    (account, patient): (Uuid, Uuid),
    at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let ties = relationship::table
        .filter(relationship::party_id.eq(account))
        .filter(relationship::patient_id.ne(patient))
        .filter(relationship::kind.eq(Tie::Proxy.as_str()))
        .filter(relationship::valid_to.gt(at))
        .filter(relationship::valid_to.gt(relationship::valid_from.nullable()));
    Ok(diesel::select(exists(ties)).get_result(tx.conn()).await?)
}

/// How somebody is tied to a patient now, asked on a connection that is about to act as that one.
pub fn ask_tie(
    connection: &AsyncPgConnection,
    within: Within,
    patient: Uuid,
) -> BoxFuture<'_, QueryResult<Option<String>>> {
    Box::pin(async move {
        let Some(ties) = valid(within) else { return Ok(None) };
        let mut connection = connection;
        ties.filter(relationship::patient_id.eq(patient))
            // An emergency counts only where there is no other tie.
            .order((relationship::kind.eq(Tie::BreakGlass.as_str()), relationship::kind))
            .select(relationship::kind)
            .first(&mut connection)
            .await
            .optional()
    })
}

/// Whether a patient is within somebody's reach now.
///
/// # Errors
/// What the database says.
pub async fn is_tied(tx: &mut TenantTx, within: Within, patient: Uuid) -> Result<bool, StoreError> {
    if within == Within::Everyone {
        return Ok(true);
    }
    Ok(ask_tie(tx.conn(), within, patient).await?.is_some())
}

/// The patients whom ties of the account's own brought into reach last, the last one first, at most `limit`; nobody for who
/// reaches patients in another way. An emergency brings nobody.
///
/// # Errors
/// What the database says.
pub async fn newest_of_ones_own(
    tx: &mut TenantTx,
    within: Within,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let (Within::Ties(..), Some(ties)) = (within, valid(within)) else { return Ok(Vec::new()) };
    let ids: Vec<Uuid> = ties
        .filter(relationship::kind.ne(Tie::BreakGlass.as_str()))
        .order((relationship::valid_from.desc(), relationship::id.desc()))
        // One patient may have several ties to one account, as somebody who left and came back.
        .limit(limit.saturating_mul(TIES_EACH))
        .select(relationship::patient_id)
        .load(tx.conn())
        .await?;
    let mut newest = Vec::new();
    for id in ids {
        if !newest.contains(&id) {
            newest.push(id);
        }
    }
    newest.truncate(usize::try_from(limit).unwrap_or_default());
    Ok(newest)
}

/// Who registers a patient, where.
pub struct Founding {
    /// The patient.
    pub patient: Uuid,
    /// The account.
    pub by: Uuid,
    /// Whether the account becomes the first member of the care team.
    pub joins: Joins,
    /// The site: the first open one of the account's, or the clinic's first open one.
    pub site: Uuid,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Whether who registers a patient becomes a member of the care team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joins {
    /// They treat.
    CareTeam,
    /// They only register.
    Nothing,
}

impl Founding {
    /// Stores the ties of a patient who is about to be stored.
    ///
    /// # Errors
    /// What the database says.
    pub async fn store(&self, tx: &mut TenantTx) -> Result<(), StoreError> {
        let first = self.joins == Joins::CareTeam;
        if first {
            self.tie(tx, (self.by, Tie::Member, true)).await?;
        }
        self.tie(tx, (self.site, Tie::Site, !first)).await
    }

    async fn tie(
        &self,
        tx: &mut TenantTx,
        (party_id, kind, founding): (Uuid, Tie, bool),
    ) -> Result<(), StoreError> {
        let new = NewTie {
            id: new_id(),
            tenant_id: tx.tenant().as_uuid(),
            patient_id: self.patient,
            party_id,
            kind: kind.as_str(),
            founding,
            valid_from: self.now,
            valid_to: None,
            created_at: self.now,
            created_by: self.by,
            scope: Vec::new(),
        };
        diesel::insert_into(relationship::table).values(new).execute(tx.conn()).await?;
        Ok(())
    }
}

/// The open site a principal registers patients at, of several the first.
///
/// # Errors
/// What the database says.
pub async fn home_site(tx: &mut TenantTx, account: Uuid) -> Result<Option<Uuid>, StoreError> {
    Ok(account_site::table
        .inner_join(site::table.on(site::id.eq(account_site::site_id)))
        .filter(account_site::account_id.eq(account))
        .filter(site::closed_at.is_null())
        .order(account_site::site_id)
        .select(account_site::site_id)
        .first(tx.conn())
        .await
        .optional()?)
}

/// A member of a care team.
pub struct Member {
    /// The account.
    pub account: Verified<AccountRow>,
    /// Since when.
    pub valid_from: DateTime<Utc>,
    /// Until when.
    pub valid_to: Option<DateTime<Utc>>,
}

/// The care team of a patient as of now and later, in the order of joining.
///
/// # Errors
/// What the database says.
pub async fn care_team(
    tx: &mut TenantTx,
    keys: &Keys,
    patient_id: Uuid,
    at: DateTime<Utc>,
) -> Result<Vec<Member>, StoreError> {
    let rows: Vec<(AccountRow, DateTime<Utc>, Option<DateTime<Utc>>)> = relationship::table
        // The patient's own row is asked for too, so that its rules of reach hold for the team.
        .inner_join(patient::table.on(patient::id.eq(relationship::patient_id)))
        .inner_join(account::table.on(account::id.eq(relationship::party_id)))
        .filter(relationship::patient_id.eq(patient_id))
        .filter(relationship::kind.eq(Tie::Member.as_str()))
        .filter(relationship::valid_to.is_null().or(relationship::valid_to.gt(at)))
        .order((relationship::valid_from, account::id))
        .limit(TIES_MAX)
        .select((AccountRow::as_select(), relationship::valid_from, relationship::valid_to))
        .load(tx.conn())
        .await?;
    let macs = keys.row_macs(tx.tenant()).await?;
    rows.into_iter()
        .map(|(row, valid_from, valid_to)| Ok(Member { account: macs.verify(row)?, valid_from, valid_to }))
        .collect()
}

/// Whether a patient is there for this transaction.
///
/// # Errors
/// What the database says.
pub async fn patient_is_there(tx: &mut TenantTx, id: Uuid) -> Result<bool, StoreError> {
    let found: Option<Uuid> = patient::table
        .find(id)
        .filter(patient::state.ne(ERASED))
        .select(patient::id)
        .first(tx.conn())
        .await
        .optional()?;
    Ok(found.is_some())
}

/// Stores a tie.
///
/// # Errors
/// What the database says.
pub async fn insert(tx: &mut TenantTx, tie: NewTie) -> Result<(), StoreError> {
    diesel::insert_into(relationship::table).values(tie).execute(tx.conn()).await?;
    Ok(())
}

/// Ends the ties of a kind between a patient and a party; how many there were.
///
/// # Errors
/// What the database says.
pub async fn end(
    tx: &mut TenantTx,
    (patient_id, party_id, kind): (Uuid, Uuid, Tie),
    now: DateTime<Utc>,
) -> Result<usize, StoreError> {
    let open = relationship::table
        .filter(relationship::patient_id.eq(patient_id))
        .filter(relationship::party_id.eq(party_id))
        .filter(relationship::kind.eq(kind.as_str()))
        .filter(relationship::valid_to.is_null().or(relationship::valid_to.gt(now)));
    // What has not begun ends where it would have begun.
    let (past, future): (Vec<Uuid>, Vec<Uuid>) = {
        let rows: Vec<(Uuid, DateTime<Utc>)> =
            open.limit(TIES_MAX).select((relationship::id, relationship::valid_from)).load(tx.conn()).await?;
        let (past, future): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, from)| *from <= now);
        (past.into_iter().map(|row| row.0).collect(), future.into_iter().map(|row| row.0).collect())
    };
    let ended = past.len() + future.len();
    diesel::update(relationship::table.filter(relationship::id.eq_any(past)))
        .set(relationship::valid_to.eq(now))
        .execute(tx.conn())
        .await?;
    diesel::update(relationship::table.filter(relationship::id.eq_any(future)))
        .set(relationship::valid_to.eq(relationship::valid_from.nullable()))
        .execute(tx.conn())
        .await?;
    Ok(ended)
}
