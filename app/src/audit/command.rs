//! `domicile audit`: the log's verifier key, a copy of the log, and its verification, with the rows if asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use auditlog::VerifierKey;
use auditlog::verify::{GAP_MAX_S, Options, Report, SKEW_MAX_S, read_events, verify_folder};
use clap::{Args, Subcommand};
use regions::clock::Clock;
use regions::ids::{Epoch, ShardId, TenantId};
use serde_json::{Value, json};
use tenancy::audit_log::{Logged, RowsError, RowsReport, Sealer, check_rows, fetch};
use tenancy::keys::KeyError;
use tenancy::{Regional, TenantRef, TxError};
use uuid::Uuid;

use super::rows::check_versions;
use crate::config::WorkerConfig;
use crate::onboarding;
use crate::role::{self, RoleError};

/// Arguments of `domicile audit`.
#[derive(Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints the key that whoever checks the log must trust.
    Key(Place),
    /// Copies a shard's logs out of the archive into a folder.
    Fetch(FetchArgs),
    /// Copies a shard's logs and checks them. Exit code 0: good; 1: not good; 2: could not be checked.
    Verify(VerifyArgs),
}

#[derive(Args)]
struct Place {
    /// The TOML file of the region's worker.
    #[arg(long)]
    config: PathBuf,
    /// Which shard.
    #[arg(long, default_value_t = 1)]
    shard: u16,
}

#[derive(Args)]
struct FetchArgs {
    #[command(flatten)]
    place: Place,
    /// Where to.
    #[arg(long)]
    to: PathBuf,
}

#[derive(Args)]
struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// Where the copy goes; what is there already is not copied again.
    #[arg(long)]
    to: PathBuf,
    /// A verifier key to trust instead of the one that KMS holds now.
    #[arg(long)]
    key: Vec<String>,
    /// Compare the database's rows with the log, too.
    #[arg(long)]
    rows: bool,
    /// Longest time without a mark of the sealer, in seconds.
    #[arg(long, default_value_t = GAP_MAX_S)]
    gap_max_s: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs one command; says 0, 1 or 2.
#[must_use]
pub fn main(args: AuditArgs) -> ExitCode {
    let ran = role::runtime(1).and_then(|runtime| runtime.block_on(run(args.command)));
    let (text, code) = match ran {
        Ok((text, true)) => (text, 0),
        Ok((text, false)) => (text, 1),
        Err(error) => {
            drop(writeln!(std::io::stderr(), "domicile: {error}"));
            return ExitCode::from(2);
        }
    };
    if std::io::stdout().write_all(text.as_bytes()).is_err() {
        ExitCode::from(2)
    } else {
        ExitCode::from(code)
    }
}

async fn run(command: Command) -> Result<(String, bool), RoleError> {
    match command {
        Command::Key(place) => {
            let config: WorkerConfig = role::load(&place.config)?;
            Ok((format!("{}\n", key(&config, ShardId(place.shard)).await?.to_text()), true))
        }
        Command::Fetch(args) => {
            let config: WorkerConfig = role::load(&args.place.config)?;
            let regional = regional(&config).await?;
            let fetched = fetch(regional.archive(), ShardId(args.place.shard), &args.to).await;
            let fetched = fetched.map_err(|error| RoleError::while_doing("copying the log", &error))?;
            Ok((format!("{} files, {} extra versions\n", fetched.files, fetched.extra), fetched.extra == 0))
        }
        Command::Verify(args) => Box::pin(verify(args)).await,
    }
}

async fn verify(args: VerifyArgs) -> Result<(String, bool), RoleError> {
    let config: WorkerConfig = role::load(&args.place.config)?;
    let shard = ShardId(args.place.shard);
    let regional = regional(&config).await?;
    let mut keys = Vec::new();
    for text in &args.key {
        keys.push(VerifierKey::parse(text).map_err(|error| RoleError::while_doing("--key", &error))?);
    }
    if keys.is_empty() {
        keys.push(key(&config, shard).await?);
    }
    fetch(regional.archive(), shard, &args.to)
        .await
        .map_err(|error| RoleError::while_doing("copying the log", &error))?;
    let options = Options { keys, gap_max_s: args.gap_max_s, skew_max_s: SKEW_MAX_S };
    let report = verify_folder(&args.to, &options)
        .map_err(|error| RoleError::while_doing("reading the copy", &error))?;
    let rows = if args.rows { rows(&config, &regional, shard, &args.to).await? } else { BTreeMap::new() };
    let ok = report.ok && rows.values().all(|found| found.findings.is_empty());
    let text = if args.json { as_json(&report, &rows, ok) } else { as_text(&report, &rows, ok) };
    Ok((text, ok))
}

async fn regional(config: &WorkerConfig) -> Result<std::sync::Arc<Regional>, RoleError> {
    Regional::connect(&config.regional.of(config.region), Clock::system())
        .await
        .map_err(|error| RoleError::while_doing("opening the region", &error))
}

async fn key(config: &WorkerConfig, shard: ShardId) -> Result<VerifierKey, RoleError> {
    let regional = onboarding::as_migrator(&config.regional.of(config.region), &config.migrator);
    let sealer = Sealer::connect(&regional, shard, Clock::system())
        .await
        .map_err(|error| RoleError::while_doing("opening the signing key", &error))?;
    Ok(sealer.verifier_key().clone())
}

/// Compares the rows of every clinic that the log knows. Those of a clinic that was ended are gone; that it was, shard and key store
/// must agree on.
async fn rows(
    config: &WorkerConfig,
    regional: &Regional,
    shard: ShardId,
    folder: &Path,
) -> Result<BTreeMap<TenantId, RowsReport>, RoleError> {
    let mut tenants = BTreeSet::new();
    read_events(folder, |_, event, _| {
        tenants.insert(event.tenant);
    })
    .map_err(|error| RoleError::while_doing("reading the copy", &error))?;
    let mut reports = BTreeMap::new();
    for tenant in tenants {
        // One clinic at a time, so that memory holds the log of one.
        let mut logged = Logged::new();
        read_events(folder, |index, event, hash| {
            if event.tenant == tenant {
                logged.insert(Uuid::from_bytes(event.event_id), (index, hash, event));
            }
        })
        .map_err(|error| RoleError::while_doing("reading the copy", &error))?;
        // The newest epoch there can be: an operator is not routed.
        let tenant = TenantRef { id: TenantId::from(tenant), shard, epoch: Epoch(u32::MAX) };
        let mut report = match check_rows(regional, tenant, &logged).await {
            Err(RowsError::Tx(TxError::Keys(KeyError::NotFound))) if is_destroyed(config, tenant).await? => {
                reports.insert(tenant.id, RowsReport { destroyed: true, ..RowsReport::default() });
                continue;
            }
            checked => checked.map_err(|error| RoleError::while_doing("comparing rows", &error))?,
        };
        check_versions(regional, tenant, &logged, &mut report)
            .await
            .map_err(|error| RoleError::while_doing("comparing rows", &error))?;
        reports.insert(tenant.id, report);
    }
    Ok(reports)
}

async fn is_destroyed(config: &WorkerConfig, tenant: TenantRef) -> Result<bool, RoleError> {
    let failed = |error| RoleError::while_doing("asking the shard for the clinic", &error);
    let migrator = onboarding::migrator(&config.regional.of(config.region), &config.migrator).await;
    migrator.map_err(failed)?.is_destroyed(tenant).await.map_err(failed)
}

fn as_json(report: &Report, rows: &BTreeMap<TenantId, RowsReport>, ok: bool) -> String {
    let rows: Vec<Value> = rows
        .iter()
        .map(|(tenant, found)| {
            let findings: Vec<Value> = found
                .findings
                .iter()
                .map(
                    |finding| json!({ "event": finding.event, "index": finding.index, "what": finding.what }),
                )
                .collect();
            json!({ "tenant": tenant.to_string(), "events": found.events, "rows": found.rows,
                "destroyed": found.destroyed, "findings": findings })
        })
        .collect();
    format!("{:#}\n", json!({ "ok": ok, "logs": report.logs, "rows": rows }))
}

fn as_text(report: &Report, rows: &BTreeMap<TenantId, RowsReport>, ok: bool) -> String {
    let mut text = report.to_text();
    for (tenant, found) in rows {
        if found.destroyed {
            text.push_str(&format!("clinic {tenant}: ended, its rows are destroyed\n"));
            continue;
        }
        text.push_str(&format!(
            "clinic {tenant}: {} events and {} rows compared\n",
            found.events, found.rows
        ));
        for finding in &found.findings {
            let place = finding.index.map_or("no entry".to_owned(), |index| format!("entry {index}"));
            text.push_str(&format!("  row at {place} (event {}): {}\n", finding.event, finding.what));
        }
    }
    if !rows.is_empty() {
        text.push_str(if ok { "rows good\n" } else { "NOT good\n" });
    }
    text
}
