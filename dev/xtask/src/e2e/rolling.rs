//! A rolling update, forth and back: other processes take over under load, on an expanded schema, and every request is answered.
//!
//! The next version sends traces, which are looked at when it is over.
use std::cell::Cell;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::e2e::World;
use crate::e2e::raw::Door;
use crate::e2e::records::{self, desk};
use crate::e2e::spans::Collector;
use crate::fail::{Attempt, Fail, Outcome};
use crate::http::{Call, Client};
use crate::layout::{LocalRegion, REGIONS, local};
use crate::pg::sql;
use crate::places::{make_dir, read_text, write_private};
use crate::process::{self, Record};
use crate::stack::bring_up::clusters;
use crate::stack::databases::SHARD_DATABASE;
use crate::stack::roles::{Role, process_name};
use crate::stack::{Stack, wait};

/// What is counted while the update runs.
#[derive(Default)]
struct Load {
    answered: Cell<u32>,
    over: Cell<bool>,
}

/// Expands the schema, brings the next version up beside the old one, lets the old one go, and then does all of it the other
/// way round, as a rollback does. Clients ask all the time, some on connections they keep, and none may notice.
pub(super) async fn update(world: &World) -> Outcome<()> {
    let [region, _] = &REGIONS;
    let clinic = world.demo.clinics.first().ok_or_else(|| Fail::new("there is no demo clinic"))?;
    let staff = desk(world, clinic).await?;
    let collector = Collector::start().await?;
    let load = Load::default();
    let asking = async {
        let kept =
            async { keep_asking(&staff, &load).await.map_err(|fail| named("a signed-in client", &fail)) };
        let fresh = async {
            open_and_ask(world, region, &clinic.host, &load)
                .await
                .map_err(|fail| named("a new connection", &fail))
        };
        tokio::try_join!(kept, fresh)
    };
    let rolling = async {
        let result = roll(world, region, &load, collector.port).await;
        load.over.set(true);
        result
    };
    let (asked, rolled) = tokio::join!(asking, rolling);
    let cleaned = leave_as_found(world, region).await;
    rolled?;
    asked.map_err(|fail| named("a request was lost in the update", &fail))?;
    cleaned?;
    let mut secrets = records::ids(world, clinic).await?;
    secrets.extend([clinic.slug.clone(), SOUGHT.to_owned(), world.mark.clone(), "pat_".to_owned()]);
    secrets.extend(clinic.logins.iter().map(|login| login.email.clone()));
    collector.judge(&[ME, SEARCH], &secrets)?;
    println!("{} requests were answered while both versions took over from each other", load.answered.get());
    Ok(())
}

fn named(what: &str, fail: &Fail) -> Fail {
    Fail::new(format!("{what}: {fail}"))
}

/// Reads and searches on a kept connection until the update is over; each answer must be a success. A search is a POST, which
/// nobody on the way may send a second time when a connection breaks under it.
async fn keep_asking(staff: &Client, load: &Load) -> Outcome<()> {
    let search = json!({ "mrn": SOUGHT });
    while !load.over.get() {
        staff.expect(Call::get(ME)).await?;
        staff.expect(Call::post(SEARCH, &search)).await?;
        load.answered.set(load.answered.get() + 2);
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

/// Opens a connection for each request; whoever accepts it, the answer says who is asking: nobody.
async fn open_and_ask(world: &World, region: &LocalRegion, host: &str, load: &Load) -> Outcome<()> {
    let port = world.stack.ports.region(region).front_door();
    while !load.over.get() {
        let mut door = Door::open(&world.stack.home, port, host).await?;
        door.send(format!("GET {ME} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await?;
        door.head().await?.must_be(401)?;
        load.answered.set(load.answered.get() + 1);
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

async fn roll(world: &World, region: &LocalRegion, load: &Load, collector: u16) -> Outcome<()> {
    let next = next_version(&world.stack)?;
    // Nothing below waits without letting the clients go on.
    settle(load).await?;
    alter(world, region, "add column expanded_by_the_next_version text", 1).await?;
    settle(load).await?;

    // Forth: the next backend, a front door that knows both, then the old backend goes.
    write_next_configs(&world.stack, region, collector)?;
    let backend = next.start_next(region, Role::Backend)?;
    wait::ready(&backend, NEXT_BACKEND_ADMIN.of(&world.stack, region)).await?;
    let before = running(&world.stack, &process_name(region, Role::FrontDoor))?;
    next.start_next(region, Role::FrontDoor)?;
    ended(&before).await?;
    settle(load).await?;
    let before = running(&world.stack, &process_name(region, Role::Backend))?;
    process::send(&before, Signal::TERM)?;
    ended(&before).await?;
    settle(load).await?;

    // Back: the same the other way round, on the schema that the next version left.
    let backend = world.stack.start_role(region, Role::Backend)?;
    world.stack.role_ready(region, Role::Backend, &backend).await?;
    settle(load).await?;
    let before = running(&world.stack, &next_name(region, Role::Backend))?;
    process::send(&before, Signal::TERM)?;
    ended(&before).await?;
    settle(load).await?;
    let before = running(&world.stack, &next_name(region, Role::FrontDoor))?;
    world.stack.start_role(region, Role::FrontDoor)?;
    ended(&before).await?;
    settle(load).await?;
    alter(world, region, "drop column expanded_by_the_next_version", -1).await
}

/// Stops what the update started and starts what it stopped, also when it broke off in the middle.
async fn leave_as_found(world: &World, region: &LocalRegion) -> Outcome<()> {
    for role in [Role::FrontDoor, Role::Backend] {
        let record = world.stack.start_role(region, role)?;
        world.stack.role_ready(region, role, &record).await?;
        process::stop(&world.stack.home, &next_name(region, role), Signal::TERM)?;
    }
    let folder = version_folder(&world.stack);
    std::fs::remove_dir_all(&folder).attempt(|| format!("remove {}", folder.display()))
}

/// The same stack with the program of another version: the one that [`OTHER_VERSION`] names, as a release's pipeline has the
/// last one, or else a copy of this one in another file.
fn next_version(stack: &Stack) -> Outcome<Stack> {
    let folder = version_folder(stack);
    make_dir(&folder)?;
    let other = std::env::var_os(OTHER_VERSION).map(PathBuf::from);
    let from = other.unwrap_or_else(|| stack.binaries.join("domicile"));
    let to = folder.join("domicile");
    std::fs::copy(&from, &to).attempt(|| format!("copy {} ({OTHER_VERSION} names it)", from.display()))?;
    let private = std::fs::Permissions::from_mode(PROGRAM_MODE);
    std::fs::set_permissions(&to, private).attempt(|| format!("close {}", to.display()))?;
    println!("the other version is {}", from.display());
    Ok(Stack { root: stack.root.clone(), home: stack.home.clone(), ports: stack.ports, binaries: folder })
}

fn version_folder(stack: &Stack) -> PathBuf {
    stack.home.run("next-version")
}

/// Waits until clients were answered some more times: whatever was just done has met requests.
async fn settle(load: &Load) -> Outcome<()> {
    let (wanted, deadline) = (load.answered.get() + SETTLED_AFTER, Instant::now() + SETTLE_WAIT_MAX);
    while load.answered.get() < wanted {
        if Instant::now() > deadline {
            return Err(Fail::new("clients are no longer answered"));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

/// Changes tables that every request of the load reads or writes, for every clinic of the region, as an expanding migration does:
/// short, or not at all. Every clinic is then `steps` versions further than this program knows.
async fn alter(world: &World, region: &LocalRegion, change: &str, steps: i32) -> Outcome<()> {
    let all = clusters(&world.stack, &world.postgres, None);
    let cluster = all.iter().find(|cluster| cluster.part == region.code);
    let cluster = cluster.ok_or_else(|| Fail::new("the region has no cluster"))?;
    let client = sql::connect(&cluster.superuser_access(SHARD_DATABASE)).await?;
    let find = "select format('%I.%I', table_schema, table_name) from information_schema.tables \
                where table_schema like 't\\_%' and table_name in ('patient', 'session')";
    let tables = client.query(find, &[]).await.attempt(|| "list the clinics' tables".to_owned())?;
    if tables.is_empty() {
        return Err(Fail::new("no clinic of the region has the tables that are asked for"));
    }
    for table in tables {
        let table: String = table.get(0);
        sql::run(&client, &format!("set lock_timeout = '5s'; alter table {table} {change}")).await?;
    }
    sql::run(&client, &format!("update meta.tenant set version = version + {steps} where state = 'ready'"))
        .await
}

/// A port of the region that no other process of the stack has.
struct SparePort(u16);

impl SparePort {
    fn of(&self, stack: &Stack, region: &LocalRegion) -> u16 {
        stack.ports.region(region).front_door_peer() + self.0 + if region.code == "us" { 30 } else { 40 }
    }
}

const NEXT_BACKEND: SparePort = SparePort(0);
const NEXT_BACKEND_ADMIN: SparePort = SparePort(1);

/// The next backend listens beside the old one; the next front door knows both; both send a span of every request.
fn write_next_configs(stack: &Stack, region: &LocalRegion, collector: u16) -> Outcome<()> {
    let mut telemetry = toml::Table::new();
    telemetry.insert("otlp_endpoint".to_owned(), format!("http://{}", local(collector)).into());
    telemetry.insert("sampled_per_mille".to_owned(), toml::Value::Integer(1_000));
    let (next, old) = (local(NEXT_BACKEND.of(stack, region)), local(stack.ports.region(region).backend()));
    let directory = stack.home.data(region.code).join("next-directory.bin").display().to_string();
    edit(stack, region, Role::Backend, |table| {
        table.insert("telemetry".to_owned(), toml::Value::Table(telemetry.clone()));
        table.insert("listen".to_owned(), next.clone().into());
        table.insert("admin_listen".to_owned(), local(NEXT_BACKEND_ADMIN.of(stack, region)).into());
        if let Some(part) = table.get_mut("directory").and_then(toml::Value::as_table_mut) {
            part.insert("file".to_owned(), directory.clone().into());
        }
    })?;
    edit(stack, region, Role::FrontDoor, |table| {
        table.insert("telemetry".to_owned(), toml::Value::Table(telemetry.clone()));
        table
            .insert("backends".to_owned(), toml::Value::Array(vec![old.clone().into(), next.clone().into()]));
    })
}

fn edit(
    stack: &Stack,
    region: &LocalRegion,
    role: Role,
    change: impl FnOnce(&mut toml::Table),
) -> Outcome<()> {
    let path = stack.config_file(&process_name(region, role));
    let mut table: toml::Table = read_text(&path)?.parse().attempt(|| format!("read {}", path.display()))?;
    change(&mut table);
    write_private(&stack.config_file(&next_name(region, role)), table.to_string().as_bytes())
}

fn next_name(region: &LocalRegion, role: Role) -> String {
    format!("{}-next", process_name(region, role))
}

fn running(stack: &Stack, name: &str) -> Outcome<Record> {
    let record = process::recorded(&stack.home, name).filter(process::is_alive);
    record.ok_or_else(|| Fail::new(format!("{name} does not run")))
}

/// Waits until a process that was relieved has drained and ended.
async fn ended(record: &Record) -> Outcome<()> {
    let deadline = Instant::now() + DRAIN_WAIT_MAX;
    while process::is_alive(record) {
        if Instant::now() > deadline {
            return Err(Fail::new(format!("{} was relieved and does not end", record.name)));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
    Ok(())
}

impl Stack {
    /// Starts a region's process beside the one that runs, with the configuration of the next version.
    fn start_next(&self, region: &LocalRegion, role: Role) -> Outcome<Record> {
        self.start_with(role, &next_name(region, role))
    }
}

const ME: &str = "/api/v1/me";
const SEARCH: &str = "/api/v1/patients/search";
/// A record number that is asked for and that nobody has.
const SOUGHT: &str = "NOBODY-HAS-THIS";
/// The environment variable with the path of another version's `domicile`.
const OTHER_VERSION: &str = "DOMICILE_OTHER_VERSION";
/// To be executed by this account and seen by no other.
const PROGRAM_MODE: u32 = 0o700;
const ASK_EVERY: Duration = Duration::from_millis(15);
const SETTLED_AFTER: u32 = 20;
const SETTLE_WAIT_MAX: Duration = Duration::from_secs(60);
const DRAIN_WAIT_MAX: Duration = Duration::from_secs(60);
