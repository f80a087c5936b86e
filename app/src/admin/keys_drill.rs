//! `domicile admin keys drill`: what would be done if a clinic's keys were compromised, done; with a report.
//!
//! Every key of the tenant is rotated, every patient's key too when asked for, the KMS key rotated, and each step is timed. Nothing
//! is destroyed that is still needed: a drill is safe to run on a living clinic.

use std::time::{Duration, Instant};

use clap::Args;
use regions::ids::TenantId;
use serde_json::json;
use tenancy::keys::{Purpose, Step};

use super::RoleError;
use super::output::Table;
use super::regional::Cx;

/// Time between two looks while nothing can be done, in milliseconds.
const LOOK_MS: u64 = 1_000;
/// Longest wait of one key, in looks: half an hour.
const LOOKS_MAX: u32 = 1_800;

/// Whose keys.
#[derive(Args)]
pub(super) struct Drill {
    /// The tenant's id.
    #[arg(long)]
    tenant: TenantId,
    /// Only announce the rotations; the worker finishes them. Without it the drill stays until all is done.
    #[arg(long)]
    announce_only: bool,
}

pub(super) async fn run(cx: &Cx, args: Drill) -> Result<Table, RoleError> {
    let mut table = Table::new(&["step", "result", "moved", "seconds"]);
    let begun = Instant::now();
    let rotated = cx.keys.rotate_kms_key().await;
    let arn = rotated.map_err(|error| RoleError::while_doing("rotating the KMS key", &error))?;
    table.push(vec![json!("kms key rotated"), json!(arn), json!(0), json!(seconds(begun))]);
    let rotator = cx.rotator().await?;
    let failed = |error: crate::rotation::RotateError| RoleError::while_doing("rotating", &error);
    let purposes = [Purpose::Seal, Purpose::RowMac];
    let mut running = Vec::new();
    // All announced at once: they wait for the same processes to learn.
    for purpose in purposes {
        running.push((purpose, rotator.begin(args.tenant, purpose).await.map_err(failed)?));
    }
    for (purpose, mut rotation) in running {
        let begun = Instant::now();
        let mut looks = 0;
        let mut result = "announced";
        while !args.announce_only && looks < LOOKS_MAX {
            match Box::pin(rotator.advance(rotation.clone())).await.map_err(failed)? {
                Step::Moved(next) | Step::Fill(next) => rotation = next,
                Step::Wait(next) => {
                    rotation = next;
                    looks += 1;
                    tokio::time::sleep(Duration::from_millis(LOOK_MS)).await;
                }
                Step::Done(end) => {
                    rotation = end;
                    result = "rotated, old version closed";
                    break;
                }
            }
        }
        let name = format!("{} key to version {}", purpose.as_str(), rotation.to_version);
        table.push(vec![json!(name), json!(result), json!(rotation.done), json!(seconds(begun))]);
    }
    let open = cx
        .keeper
        .status(args.tenant)
        .await
        .map_err(|error| RoleError::while_doing("reading the key store", &error))?;
    let old = open.iter().filter(|key| key.state == "decrypt").count();
    let verdict =
        if old == 0 { "no old version opens anything but the log" } else { "old versions still open" };
    table.push(vec![json!("verdict"), json!(verdict), json!(old), json!(seconds(begun))]);
    Ok(table)
}

fn seconds(since: Instant) -> f64 {
    (since.elapsed().as_secs_f64() * 10.0).round() / 10.0
}
