//! `domicile admin keys rotate`: begins a rotation of a tenant's key, a patient's key or the KMS key, and watches it if asked to.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use regions::clock::Clock;
use regions::ids::TenantId;
use serde_json::json;
use tenancy::keys::{Purpose, Rotation, Step};

use super::RoleError;
use super::output::Table;
use super::regional::Cx;
use crate::patients::model::PatientId;
use crate::rotation::{OldKey, RotateError};

/// Time between two looks while nothing can be done, in milliseconds.
const LOOK_MS: u64 = 1_000;
/// Longest watch, in looks that found nothing to do: one hour.
const LOOKS_MAX: u32 = 3_600;

/// Which key.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Which {
    /// The tenant's key that wraps subject keys and seals what is about nobody.
    Seal,
    /// The tenant's key of row MACs.
    RowMac,
    /// The tenant's key of blind indexes; its rows are tagged anew by the worker.
    BlindIndex,
    /// The tenant's key that proves to the database for whom a transaction is.
    Context,
    /// One patient's own key.
    Subject,
    /// The region's KMS key; nothing stored is rewritten.
    Kms,
}

/// What to rotate.
#[derive(Args)]
pub(super) struct Rotate {
    /// Which key.
    #[arg(long, value_enum)]
    key: Which,
    /// The tenant's id.
    #[arg(long)]
    tenant: Option<TenantId>,
    /// The patient's id, for `--key subject`.
    #[arg(long)]
    patient: Option<String>,
    /// Stay until the rotation is done; the worker goes on with it otherwise.
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(cx: &Cx, args: Rotate) -> Result<Table, RoleError> {
    let purpose = match args.key {
        Which::Seal => Purpose::Seal,
        Which::RowMac => Purpose::RowMac,
        Which::BlindIndex => Purpose::BlindIndex,
        Which::Context => Purpose::Context,
        Which::Subject => return Box::pin(subject(cx, args)).await,
        Which::Kms => return kms(cx).await,
    };
    let tenant = args.tenant.ok_or_else(|| RoleError::new("name the tenant: --tenant ID"))?;
    let rotator = cx.rotator().await?;
    let mut rotation = rotator.begin(tenant, purpose).await.map_err(failed)?;
    let mut looks = 0;
    while args.wait && looks < LOOKS_MAX {
        match Box::pin(rotator.advance(rotation.clone())).await.map_err(failed)? {
            Step::Moved(next) | Step::Fill(next) => rotation = next,
            Step::Wait(next) => {
                rotation = next;
                looks += 1;
                tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
            }
            Step::Done(end) => return Ok(table(&end)),
        }
    }
    Ok(table(&rotation))
}

async fn subject(cx: &Cx, args: Rotate) -> Result<Table, RoleError> {
    let name = args.patient.as_deref().unwrap_or_default();
    let patient =
        PatientId::parse(name).ok_or_else(|| RoleError::new("name the patient: --patient pat_…"))?;
    let tenant = args.tenant.ok_or_else(|| RoleError::new("name the tenant: --tenant ID"))?;
    let now = DateTime::<Utc>::from(Clock::system().now());
    let old = Box::pin(cx.rotator().await?.patient(tenant, patient, now)).await.map_err(failed)?;
    let mut table = Table::new(&["tenant", "old_key", "values_left"]);
    table.push(match old {
        OldKey::Destroyed => vec![json!(tenant), json!("destroyed"), json!(0)],
        OldKey::Kept(left) => vec![json!(tenant), json!("kept"), json!(left)],
    });
    Ok(table)
}

async fn kms(cx: &Cx) -> Result<Table, RoleError> {
    let rotated = cx.keys.rotate_kms_key().await;
    let arn = rotated.map_err(|error| RoleError::while_doing("rotating the KMS key", &error))?;
    let mut table = Table::new(&["kms_key", "rewritten"]);
    table.push(vec![json!(arn), json!(0)]);
    Ok(table)
}

fn table(rotation: &Rotation) -> Table {
    let mut table = Table::new(&["tenant", "purpose", "to_version", "stage", "moved"]);
    table.push(vec![
        json!(rotation.tenant),
        json!(rotation.purpose.as_str()),
        json!(rotation.to_version),
        json!(rotation.stage.as_str()),
        json!(rotation.done),
    ]);
    table
}

fn failed(error: RotateError) -> RoleError {
    RoleError::while_doing("rotating", &error)
}
