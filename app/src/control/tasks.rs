//! Tasks for the regions' workers: given by lifecycle moves, reported step by step, each report moving the tenant on.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::directory::{Entry, TenantState};
use regions::ids::TenantId;
use regions::region::RegionName;
use uuid::Uuid;

use super::audit::{Actor, AuditEntry, By};
use super::error::ControlError;
use super::rules::{self, Command, Lifecycle};
use super::store::{ControlTx, Store};
use super::tables::{task, task_step};
use super::tenants::{self, Tenant};
use super::work::{self, Kind, Outcome, Report, Task};
use super::{log, random_uuid};

/// Most tasks one answer to a worker holds; the rest come with its next question.
const TASKS_MAX: i64 = 50;

/// Where a step of a tenant's task stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    /// The task's kind.
    pub kind: Kind,
    /// The step's name.
    pub step: &'static str,
    /// `pending`, `done` or `failed`.
    pub state: &'static str,
    /// Why it failed.
    pub code: Option<String>,
    /// How often it was reported.
    pub attempts: i32,
    /// The last report.
    pub changed_at: Option<DateTime<Utc>>,
}

#[derive(Queryable)]
struct TaskRow {
    id: Uuid,
    kind: String,
    state: String,
}

impl TaskRow {
    fn kind(&self) -> Result<Kind, ControlError> {
        kind_of(&self.kind)
    }
}

fn kind_of(text: &str) -> Result<Kind, ControlError> {
    [Kind::Provision, Kind::Destroy]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or(ControlError::Stored("task kind"))
}

pub(super) async fn give_provision(
    tx: &mut ControlTx,
    to: &Tenant,
    email: String,
) -> Result<(), ControlError> {
    give(tx, to, Kind::Provision, Some(email)).await
}

/// Has the tenant's data destroyed; what was still being built is called off.
pub(super) async fn give_destroy(tx: &mut ControlTx, to: &Tenant) -> Result<(), ControlError> {
    let open: Vec<Uuid> = task::table
        .filter(task::tenant_id.eq(to.id.as_uuid()))
        .filter(task::state.eq("open"))
        .select(task::id)
        .for_update()
        .load(tx.conn()?)
        .await?;
    for id in open {
        close(tx, id).await?;
    }
    give(tx, to, Kind::Destroy, None).await
}

async fn give(
    tx: &mut ControlTx,
    to: &Tenant,
    kind: Kind,
    email: Option<String>,
) -> Result<(), ControlError> {
    let now = tx.now();
    diesel::insert_into(task::table)
        .values((
            task::id.eq(random_uuid()),
            task::tenant_id.eq(to.id.as_uuid()),
            task::region.eq(to.region.as_str()),
            task::kind.eq(kind.as_str()),
            task::state.eq("open"),
            task::first_admin_email.eq(email),
            task::created_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}

/// The open tasks of one region: those that did not fail at their last step, the oldest first; then the others, the one
/// that has waited longest since it failed first. Tasks that fail for good take turns behind those that can be done.
///
/// # Errors
/// When the database fails.
pub async fn open(store: &Store, region: RegionName) -> Result<Vec<Task>, ControlError> {
    let mut tx = store.begin().await?;
    let failed_at = task_step::table
        .filter(task_step::task_id.eq(task::id))
        .filter(task_step::state.eq("failed"))
        .select(diesel::dsl::max(task_step::changed_at))
        .single_value();
    let rows: Vec<(Uuid, String, Option<String>, Uuid)> = task::table
        .filter(task::region.eq(region.as_str()))
        .filter(task::state.eq("open"))
        .order((failed_at.asc().nulls_first(), task::created_at, task::id))
        .limit(TASKS_MAX)
        .select((task::id, task::kind, task::first_admin_email, task::tenant_id))
        .load(tx.conn()?)
        .await?;
    let mut tasks = Vec::with_capacity(rows.len());
    for (task_id, kind, first_admin_email, tenant_id) in rows {
        let tenant = tenants::find_in(&mut tx, TenantId::from(tenant_id)).await?;
        tasks.push(Task {
            task_id,
            kind: kind_of(&kind)?,
            tenant: tenant.id,
            slug: tenant.slug,
            legal_name: tenant.legal_name,
            shard: tenant.shard,
            epoch: tenant.epoch,
            first_admin_email,
        });
    }
    tx.commit_unaudited().await?;
    Ok(tasks)
}

/// Takes a worker's report. A report that was taken before changes nothing, so a worker that died before it read the
/// answer repeats it safely.
///
/// # Errors
/// [`ControlError::NotFound`] for a task of another region or none, [`ControlError::OutOfOrder`],
/// [`ControlError::Invalid`].
pub async fn report(store: &Store, by: By, task_id: Uuid, report: &Report) -> Result<(), ControlError> {
    let Actor::Worker(region) = by.actor else { return Err(ControlError::NotFound("task")) };
    let mut tx = store.begin().await?;
    // Another region's task is as absent as one that never was.
    let owner: Option<Uuid> = task::table
        .find(task_id)
        .filter(task::region.eq(region.as_str()))
        .select(task::tenant_id)
        .first(tx.conn()?)
        .await
        .optional()?;
    // The tenant before the task, in the order that lifecycle commands lock them.
    let tenant = TenantId::from(owner.ok_or(ControlError::NotFound("task"))?);
    let found = tenants::lock(&mut tx, tenant).await?;
    let row: TaskRow = task::table
        .find(task_id)
        .select((task::id, task::kind, task::state))
        .for_update()
        .first(tx.conn()?)
        .await?;
    let kind = row.kind()?;
    let done = done_steps(&mut tx, row.id).await?;
    let step = rules::accept_step(kind.plan(), done.len(), &report.step)?;
    if done.iter().any(|name| name == step) {
        return tx.commit_unaudited().await;
    }
    if row.state == "done" {
        // It was called off before this step: the worker must go no further with it.
        return Err(ControlError::NotFound("task"));
    }
    record(&mut tx, row.id, step, report).await?;
    let entry = match report.state {
        Outcome::Failed => AuditEntry::denied(by, "task.step", "step_failed"),
        Outcome::Done => AuditEntry::allowed(by, "task.step"),
    };
    let entry = entry.tenant(found.id, found.region);
    if report.state == Outcome::Done {
        advance(&mut tx, &row, step, found).await?;
    }
    tx.commit(entry).await
}

/// What follows from a step that is done.
async fn advance(
    tx: &mut ControlTx,
    row: &TaskRow,
    step: &'static str,
    found: Tenant,
) -> Result<(), ControlError> {
    match (row.kind()?, step) {
        (Kind::Provision, work::BEFORE_DIRECTORY) => {
            log::append(tx, &Entry::Tenant(found.record(TenantState::Active))).await?;
            let done = Report { step: work::DIRECTORY.to_owned(), state: Outcome::Done, code: None };
            record(tx, row.id, work::DIRECTORY, &done).await
        }
        (Kind::Provision, work::INVITATION) => {
            close(tx, row.id).await?;
            tenants::step(tx, found, Command::Activate).await.map(drop)
        }
        (Kind::Destroy, _) => {
            close(tx, row.id).await?;
            tenants::step(tx, found, Command::Purge).await.map(drop)
        }
        (Kind::Provision, _) => Ok(()),
    }
}

/// Ends a task. The first administrator's address goes with it: nothing of a person stays here.
async fn close(tx: &mut ControlTx, id: Uuid) -> Result<(), ControlError> {
    let now = tx.now();
    diesel::update(task::table.find(id))
        .set((task::state.eq("done"), task::done_at.eq(now), task::first_admin_email.eq(None::<String>)))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}

async fn record(
    tx: &mut ControlTx,
    id: Uuid,
    step: &'static str,
    report: &Report,
) -> Result<(), ControlError> {
    let now = tx.now();
    let state = match report.state {
        Outcome::Done => "done",
        Outcome::Failed => "failed",
    };
    let code = report.code.as_deref().filter(|_| report.state == Outcome::Failed);
    if code.is_some_and(|code| !is_code(code)) {
        return Err(ControlError::Invalid { field: "code", code: "not_a_code" });
    }
    diesel::insert_into(task_step::table)
        .values((
            task_step::task_id.eq(id),
            task_step::step.eq(step),
            task_step::state.eq(state),
            task_step::code.eq(code),
            task_step::attempts.eq(1),
            task_step::changed_at.eq(now),
        ))
        .on_conflict((task_step::task_id, task_step::step))
        .do_update()
        .set((
            task_step::state.eq(state),
            task_step::code.eq(code),
            task_step::attempts.eq(task_step::attempts + 1),
            task_step::changed_at.eq(now),
        ))
        .execute(tx.conn()?)
        .await?;
    Ok(())
}

/// Step, state, code, attempts and time of a report.
type Reported = (String, String, Option<String>, i32, DateTime<Utc>);

/// Every step of a tenant's tasks, in the order of the plan.
///
/// # Errors
/// [`ControlError::NotFound`].
pub async fn steps(store: &Store, id: TenantId) -> Result<Vec<StepView>, ControlError> {
    let mut tx = store.begin().await?;
    tenants::find_in(&mut tx, id).await?;
    let given: Vec<(Uuid, String)> = task::table
        .filter(task::tenant_id.eq(id.as_uuid()))
        .order((task::created_at, task::id))
        .select((task::id, task::kind))
        .load(tx.conn()?)
        .await?;
    let mut views = Vec::new();
    for (task_id, kind) in given {
        let reported: Vec<Reported> = task_step::table
            .filter(task_step::task_id.eq(task_id))
            .select((
                task_step::step,
                task_step::state,
                task_step::code,
                task_step::attempts,
                task_step::changed_at,
            ))
            .load(tx.conn()?)
            .await?;
        let kind = kind_of(&kind)?;
        for step in kind.plan().iter().copied() {
            let report = reported.iter().find(|(name, ..)| name == step);
            views.push(StepView {
                kind,
                step,
                state: match report.map(|(_, state, ..)| state.as_str()) {
                    None => "pending",
                    Some("done") => "done",
                    Some(_) => "failed",
                },
                code: report.and_then(|(_, _, code, ..)| code.clone()),
                attempts: report.map_or(0, |(_, _, _, attempts, _)| *attempts),
                changed_at: report.map(|(.., changed_at)| *changed_at),
            });
        }
    }
    tx.commit_unaudited().await?;
    Ok(views)
}

/// Whether a tenant's tasks are all done.
#[must_use]
pub fn is_settled(state: Lifecycle) -> bool {
    !matches!(state, Lifecycle::Applied | Lifecycle::Provisioning | Lifecycle::Offboarding)
}

async fn done_steps(tx: &mut ControlTx, id: Uuid) -> Result<Vec<String>, ControlError> {
    Ok(task_step::table
        .filter(task_step::task_id.eq(id))
        .filter(task_step::state.eq("done"))
        .select(task_step::step)
        .load(tx.conn()?)
        .await?)
}

fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-'))
}
