//! Builds the answers to looks, from tables of accounts, sites, settings, jobs, keys and the log, and from no other.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use regions::region::Jurisdiction;
use tenancy::keys::Keys;
use tenancy::{TenantTx, audit_log, upkeep};

use super::answer::{AccountCount, Answer, JobCount, KeyState, LINES_MAX, Settings, Upkeep, What, is_word};
use crate::access::Role;
use crate::auth::tables::{account, session_policy};
use crate::documents::policy;
use crate::relationships::tables::site;
use crate::store::StoreError;

/// What is answered to a look, as it is at this moment.
///
/// # Errors
/// What the database or the key store says.
pub async fn gather(
    tx: &mut TenantTx,
    keys: &Keys,
    (what, jurisdiction): (What, Jurisdiction),
    now: DateTime<Utc>,
) -> Result<Answer, StoreError> {
    Ok(match what {
        What::Settings => Answer::Settings(settings(tx, jurisdiction).await?),
        What::Accounts => Answer::Accounts(accounts(tx).await?),
        What::Work => Answer::Work(work(tx).await?),
        What::State => Answer::State(state(tx, keys, now).await?),
    })
}

async fn settings(tx: &mut TenantTx, jurisdiction: Jurisdiction) -> Result<Settings, StoreError> {
    let columns = (session_policy::idle_s, session_policy::absolute_s);
    let own: Option<(i32, i32)> = session_policy::table.select(columns).first(tx.conn()).await.optional()?;
    let sites: i64 = site::table.count().get_result(tx.conn()).await?;
    Ok(Settings {
        jurisdiction: jurisdiction.as_str().to_owned(),
        session_idle_s: own.map(|(idle_s, _)| number(i64::from(idle_s))),
        session_absolute_s: own.map(|(_, absolute_s)| number(i64::from(absolute_s))),
        direct_imaging: policy::direct_from_bytes(tx).await?.is_some(),
        sites: number(sites),
    })
}

/// Of staff alone: how many patients sign in is not told.
async fn accounts(tx: &mut TenantTx) -> Result<Vec<AccountCount>, StoreError> {
    let staff: BTreeSet<&str> =
        Role::ALL.into_iter().filter(|role| role.is_staff()).map(Role::as_str).collect();
    let counted: Vec<(String, String, i64)> = account::table
        .filter(account::role.eq_any(staff))
        .group_by((account::role, account::state))
        .order((account::role, account::state))
        .limit(lines_max())
        .select((account::role, account::state, diesel::dsl::count_star()))
        .load(tx.conn())
        .await?;
    let line = |(role, state, accounts)| AccountCount { role, state, accounts: number(accounts) };
    Ok(counted.into_iter().map(line).collect())
}

async fn work(tx: &mut TenantTx) -> Result<Vec<JobCount>, StoreError> {
    let waiting = upkeep::waiting_jobs(tx).await?;
    // What is no word of ours is left out: somebody else put it there.
    let words = waiting
        .into_iter()
        .filter(|line| is_word(&line.job) && line.code.as_deref().is_none_or(is_word))
        .take(LINES_MAX);
    Ok(words.map(|line| JobCount { job: line.job, code: line.code, jobs: number(line.jobs) }).collect())
}

async fn state(tx: &mut TenantTx, keys: &Keys, now: DateTime<Utc>) -> Result<Upkeep, StoreError> {
    let log = audit_log::state(tx).await?;
    let versions = keys.versions(tx.tenant()).await?;
    let since = |at: DateTime<Utc>| number((now - at).num_seconds());
    let key = |one: tenancy::keys::KeyVersion| KeyState {
        purpose: one.purpose.as_str().to_owned(),
        version: one.version,
        state: one.state,
    };
    Ok(Upkeep {
        schema_version: number(i64::from(upkeep::schema_version(tx).await?)),
        epoch: tx.epoch().0,
        keys: versions.into_iter().take(LINES_MAX).map(key).collect(),
        log_waiting: u32::try_from(log.waiting).unwrap_or(u32::MAX),
        log_lag_s: log.waiting_since.map_or(0, since),
        log_sealed_s: log.checkpoint.map(|newest| since(newest.sealed_at)),
    })
}

fn lines_max() -> i64 {
    i64::try_from(LINES_MAX).unwrap_or(i64::MAX)
}

/// A count or a span of seconds as it is shown: never below nothing.
fn number(value: i64) -> u32 {
    u32::try_from(value.max(0)).unwrap_or(u32::MAX)
}
