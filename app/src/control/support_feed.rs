//! Support grants between the control plane and the regions: what a region's worker is told, and what is taken from it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::ids::TenantId;
use regions::region::RegionName;
use uuid::Uuid;

use super::audit::{Actor, AuditEntry, By};
use super::error::ControlError;
use super::store::{ControlTx, Store};
use super::support::{GrantRow, close, expire};
use super::tables::{platform_admin, support_grant, support_look};
use crate::support::answer::{What, is_word};
use crate::support::model::{GrantState, LOOKS_MAX};
use crate::support::wire::{
    GrantList, GrantReport, GrantTask, LOOKS_PER_ANSWER_MAX, LookReport, LookTask, UNSETTLED_MAX,
};

/// Every grant of a region that is not settled, with what is to be looked at under it.
///
/// # Errors
/// When the database fails.
pub async fn open(store: &Store, region: RegionName) -> Result<GrantList, ControlError> {
    let mut tx = store.begin().await?;
    expire(&mut tx).await?;
    let rows: Vec<(GrantRow, String)> = support_grant::table
        .inner_join(platform_admin::table)
        .filter(support_grant::region.eq(region.as_str()))
        .filter(support_grant::settled_at.is_null())
        .order(support_grant::id)
        .limit(UNSETTLED_MAX)
        .select((GrantRow::as_select(), platform_admin::login))
        .load(tx.conn()?)
        .await?;
    let ids: Vec<Uuid> = rows.iter().map(|(row, _)| row.id).collect();
    let mut looks = open_looks(&mut tx, &ids).await?;
    tx.commit_unaudited().await?;
    let task = |(row, login): (GrantRow, String)| {
        Ok(GrantTask {
            grant: row.id,
            tenant: TenantId::from(row.tenant_id),
            asked_by: row.asked_by,
            login,
            state: row.state()?,
            reason: row.reason,
            minutes: row.minutes,
            asked_at: row.asked_at,
            looks: looks.remove(&row.id).unwrap_or_default(),
        })
    };
    Ok(GrantList { grants: rows.into_iter().map(task).collect::<Result<_, ControlError>>()? })
}

async fn open_looks(
    tx: &mut ControlTx,
    grants: &[Uuid],
) -> Result<BTreeMap<Uuid, Vec<LookTask>>, ControlError> {
    let rows: Vec<(Uuid, Uuid, String)> = support_look::table
        .filter(support_look::grant_id.eq_any(grants))
        .filter(support_look::state.eq("open"))
        .order(support_look::id)
        .limit(UNSETTLED_MAX.saturating_mul(LOOKS_MAX))
        .select((support_look::grant_id, support_look::id, support_look::what))
        .load(tx.conn()?)
        .await?;
    let mut looks: BTreeMap<Uuid, Vec<LookTask>> = BTreeMap::new();
    for (grant, look, what) in rows {
        let what = What::parse(&what).ok_or(ControlError::Stored("support look"))?;
        let of_grant = looks.entry(grant).or_default();
        if of_grant.len() < LOOKS_PER_ANSWER_MAX {
            of_grant.push(LookTask { look, what });
        }
    }
    Ok(looks)
}

/// Takes what a region says of its own grant. What was said before changes nothing, so a worker that died before it read the answer
/// says it again.
///
/// # Errors
/// [`ControlError::NotFound`] for another region's grant or none, [`ControlError::Invalid`] for a time that does not fit it.
pub async fn report(store: &Store, by: By, id: Uuid, report: &GrantReport) -> Result<(), ControlError> {
    let mut tx = store.begin().await?;
    let (row, region) = own(&mut tx, by, id).await?;
    let state = row.state()?;
    let action = match report.state {
        GrantState::Asked => return tx.commit_unaudited().await,
        GrantState::Approved => "support.approved",
        GrantState::Refused => "support.refused",
        GrantState::Ended => "support.ended",
    };
    let is_news = !state.is_over() && state != report.state;
    if is_news && report.state == GrantState::Approved {
        approve(&mut tx, &row, report).await?;
    } else if is_news {
        close(&mut tx, &[id], report.state).await?;
    }
    if report.state.is_over() && row.settled_at.is_none() {
        let now = tx.now();
        diesel::update(support_grant::table.find(id))
            .set((
                support_grant::settled_at.eq(now),
                support_grant::answered_at.eq(report.answered_at.or(row.answered_at)),
            ))
            .execute(tx.conn()?)
            .await?;
    }
    if is_news {
        tx.commit(AuditEntry::allowed(by, action).grant(id, region)).await
    } else {
        tx.commit_unaudited().await
    }
}

async fn approve(tx: &mut ControlTx, row: &GrantRow, report: &GrantReport) -> Result<(), ControlError> {
    let (Some(answered_at), Some(ends_at)) = (report.answered_at, report.ends_at) else {
        return Err(ControlError::Invalid { field: "ends_at", code: "required" });
    };
    if ends_at <= answered_at || ends_at - answered_at > TimeDelta::minutes(i64::from(row.minutes)) {
        return Err(ControlError::Invalid { field: "ends_at", code: "out_of_range" });
    }
    diesel::update(support_grant::table.find(row.id))
        .set((
            support_grant::state.eq(GrantState::Approved.as_str()),
            support_grant::answered_at.eq(answered_at),
            support_grant::ends_at.eq(ends_at),
        ))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}

/// Takes what came of a look under the region's own grant; the first report counts. An answer that comes when the grant is over is
/// not kept.
///
/// # Errors
/// [`ControlError::NotFound`], [`ControlError::Invalid`] for an answer to another question or one that is no numbers and words.
pub async fn report_look(
    store: &Store,
    by: By,
    (grant, id): (Uuid, Uuid),
    report: &LookReport,
) -> Result<(), ControlError> {
    let mut tx = store.begin().await?;
    let (row, region) = own(&mut tx, by, grant).await?;
    let found: Option<(String, String)> = support_look::table
        .find(id)
        .filter(support_look::grant_id.eq(grant))
        .select((support_look::what, support_look::state))
        .for_update()
        .first(tx.conn()?)
        .await
        .optional()?;
    let (what, state) = found.ok_or(ControlError::NotFound("look"))?;
    let what = What::parse(&what).ok_or(ControlError::Stored("support look"))?;
    let bad = ControlError::Invalid { field: "answer", code: "not_an_answer" };
    let (answer, code) = match report {
        LookReport::Done(answer) if answer.what() == what && answer.is_sensible() => {
            (Some(serde_json::to_value(answer).map_err(|_error| bad)?), None)
        }
        LookReport::Failed(code) if is_word(code) => (None, Some(code.as_str())),
        LookReport::Done(_) | LookReport::Failed(_) => return Err(bad),
    };
    if state != "open" || row.state()? != GrantState::Approved {
        return tx.commit_unaudited().await;
    }
    let now = tx.now();
    diesel::update(support_look::table.find(id))
        .set((
            support_look::state.eq(if code.is_some() { "failed" } else { "done" }),
            support_look::code.eq(code),
            support_look::answer.eq(answer),
            support_look::answered_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await?;
    let entry = match report {
        LookReport::Done(_) => AuditEntry::allowed(by, "support.looked").reason(what.as_str()),
        LookReport::Failed(_) => AuditEntry::denied(by, "support.looked", what.as_str()),
    };
    tx.commit(entry.grant(grant, region)).await
}

/// The grant of the worker's own region, locked; another region's is as absent as one that never was.
async fn own(tx: &mut ControlTx, by: By, id: Uuid) -> Result<(GrantRow, RegionName), ControlError> {
    let Actor::Worker(region) = by.actor else { return Err(ControlError::NotFound("support grant")) };
    let row: Option<GrantRow> = support_grant::table
        .find(id)
        .filter(support_grant::region.eq(region.as_str()))
        .select(GrantRow::as_select())
        .for_update()
        .first(tx.conn()?)
        .await
        .optional()?;
    Ok((row.ok_or(ControlError::NotFound("support grant"))?, region))
}
