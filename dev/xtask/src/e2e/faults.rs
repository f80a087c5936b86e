//! What goes on when a part is gone: the control plane, a region, a front door's directory.
use std::time::{Duration, Instant};

use crate::e2e::World;
use crate::e2e::raw::ask;
use crate::fail::{Fail, Outcome};
use crate::layout::{BASE, LocalRegion, REGIONS};
use crate::process;
use crate::stack::roles::{CONTROL, Role, process_name};
use crate::stack::wait;

/// With the control plane dead, front doors and backends restart from their last good copy and serve known clinics.
pub(super) async fn control_down(world: &World) -> Outcome<()> {
    let stack = &world.stack;
    if let Some(record) = process::recorded(&stack.home, CONTROL) {
        process::send(&record, rustix::process::Signal::KILL)?;
    }
    stack.stop_process(CONTROL)?;
    let result = restart_and_serve(world).await;
    let control = stack.start_control()?;
    wait::ready(&control, stack.ports.control_admin()).await?;
    result
}

async fn restart_and_serve(world: &World) -> Outcome<()> {
    for region in &REGIONS {
        for role in [Role::Backend, Role::FrontDoor] {
            world.stack.stop_process(&process_name(region, role))?;
            let record = world.stack.start_role(region, role)?;
            world.stack.role_ready(region, role, &record).await?;
        }
    }
    for region in &REGIONS {
        expect_status(world, region, region, 200).await?;
    }
    Ok(())
}

/// A front door that never had a directory answers 503 with `Retry-After`: it knows nobody and guesses nothing.
pub(super) async fn no_directory(world: &World) -> Outcome<()> {
    let stack = &world.stack;
    let [region, _] = &REGIONS;
    let copy = stack.home.data(region.code).join(Role::FrontDoor.name()).join("directory.bin");
    let aside = copy.with_extension("aside");
    stack.stop_process(CONTROL)?;
    stack.stop_process(&process_name(region, Role::FrontDoor))?;
    let moved = std::fs::rename(&copy, &aside);
    let started = stack.start_role(region, Role::FrontDoor);
    let result = match (moved, started) {
        (Ok(()), Ok(record)) => {
            match wait::listens(&record, &[stack.ports.region(region).front_door()]).await {
                Ok(()) => expect_status(world, region, region, 503).await,
                Err(fail) => Err(fail),
            }
        }
        (Err(error), _) => Err(Fail::new(format!("{} could not be moved away: {error}", copy.display()))),
        (_, Err(fail)) => Err(fail),
    };
    stack.stop_process(&process_name(region, Role::FrontDoor))?;
    drop(std::fs::rename(&aside, &copy));
    let control = stack.start_control()?;
    wait::ready(&control, stack.ports.control_admin()).await?;
    let record = stack.start_role(region, Role::FrontDoor)?;
    stack.role_ready(region, Role::FrontDoor, &record).await?;
    result
}

/// The clinics of a region whose backend is gone get 503 with `Retry-After`; the other region notices nothing.
pub(super) async fn region_down(world: &World) -> Outcome<()> {
    let [alive, dead] = &REGIONS;
    world.stack.stop_process(&process_name(dead, Role::Backend))?;
    let result = async {
        expect_status(world, dead, dead, 503).await?;
        // Through the other region's front door as well: nothing fails over across a border.
        expect_status(world, alive, dead, 503).await?;
        expect_status(world, alive, alive, 200).await
    }
    .await;
    let record = world.stack.start_role(dead, Role::Backend)?;
    world.stack.role_ready(dead, Role::Backend, &record).await?;
    expect_status(world, dead, dead, 200).await?;
    result
}

/// Asks for a public page of `clinic_of`'s clinic at `door`'s front door until it answers with `status`.
async fn expect_status(
    world: &World,
    door: &LocalRegion,
    clinic_of: &LocalRegion,
    status: u16,
) -> Outcome<()> {
    let host = format!("{}.{}.{BASE}", clinic_of.clinic.slug, clinic_of.code);
    let port = world.stack.ports.region(door).front_door();
    let request = format!("GET /api/v1/openapi.json HTTP/1.1\r\nhost: {host}");
    let deadline = Instant::now() + STATUS_WAIT_MAX;
    loop {
        let said = match ask(&world.stack.home, port, &host, &request).await {
            Ok(head) if head.status == status => {
                if status == 503 && head.header("retry-after").is_none() {
                    return Err(Fail::new(format!("the 503 of {host} does not say when to come back")));
                }
                return Ok(());
            }
            Ok(head) => format!("status {}", head.status),
            Err(fail) => fail.to_string(),
        };
        if Instant::now() > deadline {
            return Err(Fail::new(format!(
                "{host} at the front door of {}: {said}, not {status}",
                door.name
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}

const STATUS_WAIT_MAX: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(100);
