//! `domicile admin`: platform administration from the command line, on the control database.
//!
//! One file a command. Each runs the same function as the platform API, so that rules, audit and directory are the
//! same; what differs is who acts: an operator with the control plane's configuration instead of a signed-in person.

mod directory_head;
mod directory_verify;
mod erasure_resume;
mod erasure_verify;
mod keys_drill;
mod keys_rotate;
mod keys_status;
mod keystore_backup;
mod output;
mod platform_admin_create;
mod platform_admin_disable;
mod platform_admin_list;
mod platform_admin_reset;
mod regional;
mod regions_add;
mod regions_list;
mod regions_move;
mod regions_transit;
mod shards_add;
mod shards_list;
mod tenants_list;
mod tenants_move;
mod tenants_onboard;
mod tenants_steps;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use regions::clock::Clock;
use regions::ids::{RequestId, Slug, TenantId};
use serde_json::{Value, json};

use crate::config::{ControlConfig, SignInWays};
use crate::control::audit::{Actor, By};
use crate::control::error::ControlError;
use crate::control::store::Store;
use crate::control::tenants::{self, Tenant};
use crate::role::{self, RoleError};

pub use crate::migrate::{MigrateArgs, run as migrate};
use output::{Format, Table};

/// Arguments of `domicile admin`.
#[derive(Args)]
pub struct AdminArgs {
    /// The control plane's TOML file; for `keys` and `keystore`, the region's worker file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Print JSON instead of aligned text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    area: Area,
}

#[derive(Subcommand)]
enum Area {
    /// People who run the platform.
    #[command(subcommand)]
    PlatformAdmin(PlatformAdmin),
    /// Regions tenants can live in.
    #[command(subcommand)]
    Regions(Regions),
    /// Database clusters of a region.
    #[command(subcommand)]
    Shards(Shards),
    /// Clinics.
    #[command(subcommand)]
    Tenants(Tenants),
    /// The signed directory.
    #[command(subcommand)]
    Directory(Directory),
    /// A region's keys. `--config` names the region's worker file.
    #[command(subcommand)]
    Keys(Keys),
    /// A region's key store: backups, and putting one back. `--config` names the region's worker file.
    #[command(subcommand)]
    Keystore(keystore_backup::KeyStore),
    /// Erasures of patients. `--config` names the region's worker file; `verify` needs none.
    #[command(subcommand)]
    Erasure(Erasure),
}

#[derive(Subcommand)]
enum Erasure {
    /// Ends at once every erasure of the region that two people agreed to.
    Resume,
    /// In clinics' databases that were restored, takes out again what the ledger says was erased.
    Replay,
    /// Checks a certificate. Needs no configuration and no network.
    Verify(erasure_verify::Verify),
}

#[derive(Subcommand)]
enum Keys {
    /// Shows versions, ages, and what is under way.
    Status(keys_status::Status),
    /// Rotates a key.
    Rotate(keys_rotate::Rotate),
    /// Does for one clinic what would be done if its keys were known to somebody, and reports each step.
    Drill(keys_drill::Drill),
    /// Prints the public key that signs the region's certificates, in PEM.
    Public,
}

#[derive(Subcommand)]
enum PlatformAdmin {
    /// Makes an administrator.
    Create(platform_admin_create::Create),
    /// Shows who has an account, what for, and whether it is open.
    List,
    /// Lets an administrator begin anew: ends sessions, password and passkeys, and opens the account.
    Reset(platform_admin_reset::Reset),
    /// Closes the account of somebody who has left, and ends their sessions. `reset` opens it again.
    Disable(platform_admin_disable::Disable),
}

#[derive(Subcommand)]
enum Regions {
    /// Shows every region.
    List,
    /// Adds a region.
    Add(regions_add::Add),
    /// Says where a region's front door is reached from now on.
    Move(regions_move::Move),
    /// Says how other regions' front doors treat connections for this region's tenants.
    Transit(regions_transit::Transit),
}

#[derive(Subcommand)]
enum Shards {
    /// Shows shards and how full they are.
    List(shards_list::List),
    /// Adds a shard to a region.
    Add(shards_add::Add),
}

#[derive(Subcommand)]
enum Tenants {
    /// Shows every tenant.
    List,
    /// Takes a clinic on.
    Onboard(tenants_onboard::Onboard),
    /// Stops serving a tenant.
    Suspend(tenants_move::Which),
    /// Serves a suspended tenant again.
    Resume(tenants_move::Which),
    /// Ends a tenant and has its keys and data destroyed.
    Offboard(tenants_move::Offboard),
    /// Shows the steps of a tenant's onboarding or end.
    Steps(tenants_steps::Steps),
}

#[derive(Subcommand)]
enum Directory {
    /// Shows the newest version and its chain.
    Head,
    /// Reads the whole log and checks its chain.
    Verify,
}

/// What a command works with.
struct Cx {
    store: Store,
    by: By,
    format: Format,
    /// The console's address.
    public_url: String,
    /// How administrators sign in.
    sign_in: SignInWays,
}

/// Runs one command.
///
/// # Errors
/// A sentence for the operator.
pub fn run(args: AdminArgs) -> Result<(), RoleError> {
    let format = if args.json { Format::Json } else { Format::Text };
    let config =
        || args.config.as_deref().ok_or_else(|| RoleError::new("name the configuration: --config FILE"));
    let table = match args.area {
        Area::Erasure(Erasure::Verify(verify)) => erasure_verify::run(&verify)?,
        Area::Erasure(erasure) => {
            let config = config()?;
            let work = async {
                let cx = regional::Cx::open(config).await?;
                match erasure {
                    Erasure::Replay => Box::pin(erasure_resume::replay(&cx)).await,
                    Erasure::Resume | Erasure::Verify(_) => Box::pin(erasure_resume::resume(&cx)).await,
                }
            };
            role::runtime(1)?.block_on(Box::pin(work))?
        }
        Area::Keys(keys) => {
            let config = config()?;
            let done = role::runtime(1)?.block_on(Box::pin(on_keys(config, keys)))?;
            let Some(table) = done else { return Ok(()) };
            table
        }
        Area::Keystore(what) => {
            let config = config()?;
            let work = async { keystore_backup::run(&regional::Cx::open(config).await?, what).await };
            role::runtime(1)?.block_on(Box::pin(work))?
        }
        area => {
            let config = config()?;
            role::runtime(1)?.block_on(Box::pin(on_control(config, format, area)))?
        }
    };
    show(format, &table)
}

async fn on_control(config: &Path, format: Format, area: Area) -> Result<Table, RoleError> {
    let config: ControlConfig = role::load(config)?;
    let store = Store::connect(&config.database, Clock::system())
        .await
        .map_err(|error| RoleError::while_doing("connecting", &error))?;
    let by = By { actor: Actor::Operator, request: RequestId::random() };
    let ControlConfig { public_url, sign_in, .. } = config;
    dispatch(&Cx { store, by, format, public_url, sign_in }, area).await
}

/// A command on a region's keys; nothing is left to print when it printed by itself.
async fn on_keys(config: &Path, keys: Keys) -> Result<Option<Table>, RoleError> {
    let cx = regional::Cx::open(config).await?;
    match keys {
        Keys::Status(args) => keys_status::run(&cx, args).await.map(Some),
        Keys::Rotate(args) => Box::pin(keys_rotate::run(&cx, args)).await.map(Some),
        Keys::Drill(args) => Box::pin(keys_drill::run(&cx, args)).await.map(Some),
        Keys::Public => {
            let pem = erasure_verify::public_key(&cx).await?;
            std::io::Write::write_all(&mut std::io::stdout().lock(), pem.as_bytes())
                .map_err(|error| RoleError::while_doing("printing", &error))?;
            Ok(None)
        }
    }
}

async fn dispatch(cx: &Cx, area: Area) -> Result<Table, RoleError> {
    match area {
        Area::PlatformAdmin(PlatformAdmin::Create(args)) => platform_admin_create::run(cx, args).await,
        Area::PlatformAdmin(PlatformAdmin::List) => platform_admin_list::run(cx).await,
        Area::PlatformAdmin(PlatformAdmin::Disable(args)) => platform_admin_disable::run(cx, args).await,
        Area::PlatformAdmin(PlatformAdmin::Reset(args)) => platform_admin_reset::run(cx, args).await,
        Area::Regions(Regions::List) => regions_list::run(cx).await,
        Area::Regions(Regions::Add(args)) => regions_add::run(cx, args).await,
        Area::Regions(Regions::Move(args)) => regions_move::run(cx, args).await,
        Area::Regions(Regions::Transit(args)) => regions_transit::run(cx, args).await,
        Area::Shards(Shards::List(args)) => shards_list::run(cx, args).await,
        Area::Shards(Shards::Add(args)) => shards_add::run(cx, args).await,
        Area::Tenants(Tenants::List) => tenants_list::run(cx).await,
        Area::Tenants(Tenants::Onboard(args)) => tenants_onboard::run(cx, args).await,
        Area::Tenants(Tenants::Suspend(args)) => tenants_move::suspend(cx, args).await,
        Area::Tenants(Tenants::Resume(args)) => tenants_move::resume(cx, args).await,
        Area::Tenants(Tenants::Offboard(args)) => tenants_move::offboard(cx, args).await,
        Area::Tenants(Tenants::Steps(args)) => tenants_steps::run(cx, args).await,
        Area::Directory(Directory::Head) => directory_head::run(cx).await,
        Area::Directory(Directory::Verify) => directory_verify::run(cx).await,
        Area::Keys(_) | Area::Keystore(_) | Area::Erasure(_) => {
            Err(RoleError::new("not a command of the control plane"))
        }
    }
}

fn print(cx: &Cx, table: &Table) -> Result<(), RoleError> {
    show(cx.format, table)
}

fn show(format: Format, table: &Table) -> Result<(), RoleError> {
    table
        .print(format, &mut std::io::stdout().lock())
        .map_err(|error| RoleError::while_doing("printing", &error))
}

impl From<ControlError> for RoleError {
    fn from(error: ControlError) -> Self {
        Self::new(error.to_string())
    }
}

/// The tenant named by an id or by the slug it holds.
async fn tenant(cx: &Cx, name: &str) -> Result<Tenant, RoleError> {
    if let Ok(id) = name.parse::<TenantId>() {
        return Ok(tenants::get(&cx.store, id).await?);
    }
    let slug: Slug = name.parse().map_err(|_error| RoleError::new("name a tenant by its slug or its id"))?;
    Ok(tenants::by_slug(&cx.store, &slug).await?)
}

const TENANT_COLUMNS: &[&str] = &["slug", "id", "region", "shard", "state", "legal_name", "version"];

fn tenant_row(tenant: &Tenant) -> Vec<Value> {
    vec![
        json!(tenant.slug),
        json!(tenant.id),
        json!(tenant.region),
        json!(tenant.shard),
        json!(tenant.state.as_str()),
        json!(tenant.legal_name),
        json!(tenant.version),
    ]
}

fn tenant_table(tenant: &Tenant) -> Table {
    let mut table = Table::new(TENANT_COLUMNS);
    table.push(tenant_row(tenant));
    table
}
