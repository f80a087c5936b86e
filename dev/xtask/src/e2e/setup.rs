//! The stack as a newcomer and their scripts see it: its description, a second start, a stop and a start.
use std::process::Command;

use serde_json::Value;

use crate::deps::ensure_program;
use crate::e2e::{World, records};
use crate::fail::{Attempt, Fail, Outcome};
use crate::layout::REGIONS;
use crate::places::read_text;
use crate::stack::bring_up::bring_up;
use crate::stack::commands::stop_all;
use crate::stack::describe;

/// The keys that scripts rely on, as JSON pointers; `0` stands for every element.
const PROMISED: [&str; 35] = [
    "/base",
    "/ca",
    "/control/url",
    "/control/logins",
    "/regions/0/region",
    "/regions/0/code",
    "/regions/0/front_door",
    "/regions/0/front_door_admin",
    "/regions/0/backend",
    "/regions/0/backend_admin",
    "/regions/0/postgres/host",
    "/regions/0/postgres/port",
    "/regions/0/postgres/data_dir",
    "/regions/0/postgres/databases/0",
    "/regions/0/s3/endpoint",
    "/regions/0/s3/dir",
    "/regions/0/kms/endpoint",
    "/regions/0/kms/dir",
    "/regions/0/logs/0",
    "/regions/0/pids",
    "/regions/1/region",
    "/regions/1/pids",
    "/tenants/0/slug",
    "/tenants/0/region",
    "/tenants/0/host",
    "/tenants/0/url",
    "/tenants/0/logins/0/role",
    "/tenants/0/logins/0/email",
    "/tenants/0/logins/0/password",
    "/tenants/0/logins/0/totp_secret",
    "/tenants/1/slug",
    "/tenants/1/logins/0/role",
    "/control/logins/0/email",
    "/control/logins/0/password",
    "/control/logins/1/email",
];

/// All promised keys are there, paths exist, and processes run.
pub(super) fn stack_json(world: &World) -> Outcome<()> {
    let text = read_text(&world.stack.home.stack_json())?;
    let value: Value = serde_json::from_str(&text).attempt(|| "read stack.json".to_owned())?;
    for pointer in PROMISED {
        if value.pointer(pointer).is_none_or(Value::is_null) {
            return Err(Fail::new(format!("stack.json has no {pointer}")));
        }
    }
    let regions = value.get("regions").and_then(Value::as_array).cloned().unwrap_or_default();
    for region in &regions {
        for pointer in ["/postgres/data_dir", "/s3/dir", "/kms/dir", "/logs/0"] {
            let path = region.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            if !world.stack.root.join(path).exists() {
                return Err(Fail::new(format!("stack.json names {path}, which is not there")));
            }
        }
        let pids = region.get("pids").and_then(Value::as_object).cloned().unwrap_or_default();
        if pids.len() < 5 || pids.values().any(|pid| pid.as_u64().is_none()) {
            return Err(Fail::new(format!("stack.json does not name every process: {pids:?}")));
        }
    }
    Ok(())
}

/// Starting a running stack leaves every process alone.
pub(super) async fn start_again(world: &World) -> Outcome<()> {
    let before = pids(world)?;
    bring_up(&world.stack, &world.postgres).await?;
    if pids(world)? == before { Ok(()) } else { Err(Fail::new("a second start replaced running processes")) }
}

/// After a stop and a start the same patients are there.
pub(super) async fn survive(world: &World) -> Outcome<()> {
    let mut before = Vec::new();
    for clinic in &world.demo.clinics {
        before.push(records::ids(world, clinic).await?);
    }
    stop_all(&world.stack)?;
    bring_up(&world.stack, &world.postgres).await?;
    for (clinic, ids) in world.demo.clinics.iter().zip(before) {
        if ids.is_empty() || records::ids(world, clinic).await? != ids {
            return Err(Fail::new(format!("the patients of {} did not survive", clinic.slug)));
        }
    }
    Ok(())
}

/// The commands that `make up` shows do what it says, as they stand there.
pub(super) fn shown_commands(world: &World) -> Outcome<()> {
    ensure_program("curl", "curl")?;
    let commands = describe::things_to_try(&world.stack, &world.demo);
    let expected =
        ["\"csrf_token\":", "\"second_factor\":\"proven\"", "\"items\":[{", "\"items\":[{", "\"id\":\"pat_"];
    if commands.len() != expected.len() {
        return Err(Fail::new(format!("there are {} commands to try", commands.len())));
    }
    for (command, expected) in commands.iter().zip(expected) {
        let output = Command::new("sh").args(["-c", command]).current_dir(&world.stack.root).output();
        let output = output.attempt(|| "start a shell".to_owned())?;
        let said = String::from_utf8_lossy(&output.stdout);
        if !said.contains(expected) {
            let complaint = String::from_utf8_lossy(&output.stderr);
            return Err(Fail::new(format!("`{command}` says {said}{complaint} and not {expected}")));
        }
    }
    Ok(())
}

fn pids(world: &World) -> Outcome<Vec<Value>> {
    let text = read_text(&world.stack.home.stack_json())?;
    let value: Value = serde_json::from_str(&text).attempt(|| "read stack.json".to_owned())?;
    Ok((0..REGIONS.len())
        .filter_map(|index| value.pointer(&format!("/regions/{index}/pids")).cloned())
        .collect())
}
