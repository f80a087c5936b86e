//! The right door, the other door, and every wrong way to knock.
use std::time::{Duration, Instant};

use serde_json::json;

use crate::e2e::World;
use crate::e2e::raw::{Door, ask};
use crate::fail::{Fail, Outcome};
use crate::http::Call;
use crate::layout::{BASE, LocalRegion, REGIONS};
use crate::places::read_text;
use crate::seed::platform;

/// The clinics' hosts with their own and the other region.
fn crossings() -> [(String, &'static LocalRegion, &'static LocalRegion); 2] {
    let [us, india] = &REGIONS;
    let host = |region: &LocalRegion| format!("{}.{}.{BASE}", region.clinic.slug, region.code);
    [(host(us), us, india), (host(india), india, us)]
}

fn front_door(world: &World, region: &LocalRegion) -> u16 {
    world.stack.ports.region(region).front_door()
}

/// Each clinic is reached through the other region's front door, with the same certificate as at home.
pub(super) async fn passthrough(world: &World) -> Outcome<()> {
    let home = &world.stack.home;
    for (host, own, other) in crossings() {
        let request = format!("GET /api/v1/openapi.json HTTP/1.1\r\nhost: {host}");
        ask(home, front_door(world, other), &host, &request).await?.must_be(200)?;
        let at_home = Door::open(home, front_door(world, own), &host).await?.certificate();
        let away = Door::open(home, front_door(world, other), &host).await?.certificate();
        if at_home.is_none() || at_home != away {
            return Err(Fail::new(format!(
                "{host} shows another certificate through the other region's front door"
            )));
        }
    }
    Ok(())
}

/// The other region's keys are nowhere in a region's configuration: its tenants' connections cannot be opened there.
pub(super) fn certificates(world: &World) -> Outcome<()> {
    for (host, own, other) in crossings() {
        let config = read_text(&world.stack.config_file(&format!("{}/front-door", other.code)))?;
        let keys_of = |region: &LocalRegion| format!("/pki/{}/", region.code);
        if !config.contains(&keys_of(other)) {
            return Err(Fail::new(format!("the configuration of {} does not name its own keys", other.name)));
        }
        if config.contains(&keys_of(own)) {
            return Err(Fail::new(format!(
                "the front door of {} can open connections for {host}",
                other.name
            )));
        }
    }
    Ok(())
}

/// SNI of this region, Host of another: 421 that names the right host.
pub(super) async fn misdirected(world: &World) -> Outcome<()> {
    let home = &world.stack.home;
    for (host, _, other) in crossings() {
        let sni = format!("{}.{}.{BASE}", other.clinic.slug, other.code);
        let request = format!("GET /api/v1/me HTTP/1.1\r\nhost: {host}");
        let mut door = Door::open(home, front_door(world, other), &sni).await?;
        door.send(format!("{request}\r\n\r\n").as_bytes()).await?;
        let head = door.head().await?;
        let body = door.body(head.must_be(421)?).await?;
        if !body.contains(&host) {
            return Err(Fail::new(format!("the 421 does not say where {host} is: {body}")));
        }
    }
    Ok(())
}

/// A POST that announces a body and expects `100-continue` gets its verdict before any byte of the body is asked for.
pub(super) async fn body_unread(world: &World) -> Outcome<()> {
    let home = &world.stack.home;
    for (host, _, other) in crossings() {
        let sni = format!("{}.{}.{BASE}", other.clinic.slug, other.code);
        let request = format!(
            "POST /api/v1/patients HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
             content-length: 1048576\r\nexpect: 100-continue"
        );
        ask(home, front_door(world, other), &sni, &request).await?.must_be(421)?;
        let admin = world.stack.ports.region(other).front_door_admin();
        let metrics = metrics(admin).await?;
        let counters: Vec<&str> =
            metrics.lines().filter(|line| line.starts_with("domicile_foreign_body_bytes_total")).collect();
        if counters.is_empty() || counters.iter().any(|line| !line.ends_with(" 0")) {
            return Err(Fail::new(format!(
                "the foreign-body counter of {} is not 0: {counters:?}",
                other.name
            )));
        }
    }
    Ok(())
}

/// Any region answers the bare host: GET with 308 to the clinic's own host, everything else with 421.
pub(super) async fn bare_host(world: &World) -> Outcome<()> {
    let home = &world.stack.home;
    for (host, own, _) in crossings() {
        let bare = format!("{}.{BASE}", own.clinic.slug);
        for region in &REGIONS {
            let port = front_door(world, region);
            let head = ask(home, port, &bare, &format!("GET /records HTTP/1.1\r\nhost: {bare}")).await?;
            let location = head.must_be(308)?.header("location").unwrap_or_default();
            let expected = format!("https://{host}:{}/", front_door(world, own));
            if !location.starts_with(&expected) {
                return Err(Fail::new(format!("{bare} redirects to {location}, not to {expected}…")));
            }
            let post = format!("POST /api/v1/sessions HTTP/1.1\r\nhost: {bare}\r\ncontent-length: 2");
            ask(home, port, &bare, &post).await?.must_be(421)?;
        }
    }
    Ok(())
}

/// A clinic that nobody onboarded does not exist, in its region and as a bare host.
pub(super) async fn unknown(world: &World) -> Outcome<()> {
    let home = &world.stack.home;
    for region in &REGIONS {
        let port = front_door(world, region);
        for host in [format!("nobody-here.{}.{BASE}", region.code), format!("nobody-here.{BASE}")] {
            ask(home, port, &host, &format!("GET / HTTP/1.1\r\nhost: {host}")).await?.must_be(404)?;
        }
    }
    Ok(())
}

/// With the matrix set to `refuse` the connection ends in a TLS alert; set back, it is carried home again.
pub(super) async fn refused_transit(world: &World) -> Outcome<()> {
    let (host, own, other) = crossings().into_iter().last().ok_or_else(|| Fail::new("no crossing"))?;
    set_transit(world, own, "refuse").await?;
    let refused = wait_for(world, &host, other, false).await;
    set_transit(world, own, "passthrough").await?;
    let said = refused?;
    if !said.to_lowercase().contains("alert") {
        return Err(Fail::new(format!("the refused connection ended without a TLS alert: {said}")));
    }
    wait_for(world, &host, other, true).await.map(drop)
}

/// Waits until a connection through `region`'s front door opens, or no longer does; returns why it did not.
async fn wait_for(world: &World, host: &str, region: &LocalRegion, opens: bool) -> Outcome<String> {
    let deadline = Instant::now() + CHANGE_WAIT_MAX;
    loop {
        let said = match Door::open(&world.stack.home, front_door(world, region), host).await {
            Ok(_) if opens => return Ok(String::new()),
            Err(fail) if !opens => return Ok(fail.to_string()),
            Ok(_) => "the connection still opens".to_owned(),
            Err(fail) => fail.to_string(),
        };
        if Instant::now() > deadline {
            return Err(Fail::new(format!("the changed matrix did not reach the front door: {said}")));
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn set_transit(world: &World, region: &LocalRegion, mode: &str) -> Outcome<()> {
    let platform = platform::prepare(&world.stack).await?;
    let path = format!("/platform/v1/regions/{}/transit", region.name);
    platform.client.expect(Call::put(&path, &json!({ "transit": mode }))).await.map(drop)
}

/// What a process says about itself.
pub(super) async fn metrics(admin_port: u16) -> Outcome<String> {
    use crate::fail::Attempt;
    let doing = || format!("read the metrics on port {admin_port}");
    let url = format!("http://127.0.0.1:{admin_port}/metrics");
    reqwest::get(url).await.attempt(doing)?.text().await.attempt(doing)
}

const CHANGE_WAIT_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);
