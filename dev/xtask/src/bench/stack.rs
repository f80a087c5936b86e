//! The stack under measurement: release binaries, real directory and keys, and an upstream in place of the backends.
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;

use crate::bench::machine::resident_kib;
use crate::bench::proxies::{self, Proxy, Terminating};
use crate::fail::{Attempt, Fail, Outcome};
use crate::layout::{BASE, LocalRegion, Ports, REGIONS, local};
use crate::pg::binaries::Binaries;
use crate::pki::{Authority, Pki};
use crate::places::{Checkout, Home, make_passage, read_text, write_private};
use crate::process::{self, Daemon};
use crate::stack::bring_up::bring_up;
use crate::stack::commands::stop_all;
use crate::stack::roles::{Role, process_name};
use crate::stack::wait;
use crate::stack::{Stack, sockets};

/// A running stack with measured front doors.
pub(super) struct Bench {
    stack: Stack,
    idle: Vec<(String, u64)>,
    threads: usize,
}

impl Bench {
    /// Starts the stack on free ports, and puts the upstreams in place.
    pub(super) async fn start(checkout: &Checkout, postgres: &Binaries) -> Outcome<Self> {
        let binaries = checkout.binaries()?;
        let home = Home::new(binaries.join("xtask-scratch/bench-stack"));
        let stack = Stack { root: checkout.root().to_owned(), home, ports: free_ports()?, binaries };
        discard(&stack)?;
        make_passage(stack.home.dir())?;
        bring_up(&stack, postgres).await?;
        let idle = idle_memory(&stack);
        for region in &REGIONS {
            use_upstream(&stack, region).await?;
        }
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self { stack, idle, threads })
    }

    /// The stack's folder.
    pub(super) fn home(&self) -> &Home {
        &self.stack.home
    }

    /// Resident memory of each process right after the start, in KiB.
    pub(super) fn idle_memory(&self) -> Vec<(String, u64)> {
        self.idle.clone()
    }

    /// A clinic of the first region.
    pub(super) fn home_host(&self) -> String {
        let [first, _] = &REGIONS;
        format!("{}.{}.{BASE}", first.clinic.slug, first.code)
    }

    /// A clinic of the other region.
    pub(super) fn away_host(&self) -> String {
        let [_, second] = &REGIONS;
        format!("{}.{}.{BASE}", second.clinic.slug, second.code)
    }

    /// The first region's front door, nginx and HAProxy in front of the same upstream.
    pub(super) fn terminating_proxies(&self) -> Outcome<Vec<Proxy>> {
        let [region, _] = &REGIONS;
        let pki = Pki::at(&self.stack.home);
        let ca = pki.authority(Authority::Backend(region.code));
        let server_name = format!("backend.{}.domicile.internal", region.code);
        let parts = || Terminating {
            home: &self.stack.home,
            public: pki.pair(&format!("{}/tenant", region.code)),
            client: pki.pair(&format!("{}/backend-client", region.code)),
            ca: &ca,
            server_name: &server_name,
            upstream: upstream_port(&self.stack, region),
            threads: self.threads,
        };
        let base = self.stack.ports.base() + PROXY_OFFSET;
        Ok(vec![
            self.front_door(region)?,
            proxies::nginx(&parts(), base)?,
            proxies::haproxy(&parts(), base + 1)?,
        ])
    }

    /// The first region's front door and HAProxy, both carrying connections to the second region's front door.
    pub(super) fn tunnelling_proxies(&self) -> Outcome<Vec<Proxy>> {
        let [first, second] = &REGIONS;
        let base = self.stack.ports.base() + PROXY_OFFSET;
        let target = self.stack.ports.region(second).front_door();
        let haproxy = proxies::haproxy_tcp(&self.stack.home, self.threads, (base + 2, target))?;
        Ok(vec![self.front_door(first)?, haproxy])
    }

    /// The first region's front door, started anew.
    pub(super) async fn fresh_front_door(&self) -> Outcome<Proxy> {
        let [region, _] = &REGIONS;
        restart_front_door(&self.stack, region).await?;
        self.front_door(region)
    }

    fn front_door(&self, region: &LocalRegion) -> Outcome<Proxy> {
        let record = process::recorded(&self.stack.home, &process_name(region, Role::FrontDoor))
            .ok_or_else(|| Fail::new("The front door does not run."))?;
        let port = self.stack.ports.region(region).front_door();
        Ok(Proxy { name: "front door", port, pid: record.pid, ours: None })
    }

    /// Stops everything and removes what it left.
    pub(super) fn stop(self) -> Outcome<()> {
        discard(&self.stack)
    }
}

fn idle_memory(stack: &Stack) -> Vec<(String, u64)> {
    let roles = [Role::FrontDoor, Role::Backend, Role::Worker, Role::LocalAws];
    let [region, _] = &REGIONS;
    let mut names: Vec<String> = roles.iter().map(|role| process_name(region, *role)).collect();
    names.push("control".to_owned());
    let measured = names.into_iter().filter_map(|name| {
        let record = process::recorded(&stack.home, &name)?;
        Some((name, resident_kib(record.pid)))
    });
    measured.collect()
}

/// Starts the region's upstream and restarts its front door in front of it, without the limits on a single address.
async fn use_upstream(stack: &Stack, region: &LocalRegion) -> Outcome<()> {
    let pki = Pki::at(&stack.home);
    let pair = pki.pair(&format!("{}/backend-server", region.code));
    let port = upstream_port(stack, region);
    let mut daemon = Daemon::new(&stack.binaries.join("xtask"), None);
    let command = &mut daemon.command;
    command
        .args(["bench-upstream", "--listen", &local(port), "--region", region.name])
        .current_dir(&stack.root);
    let secret = |kind: &str| stack.home.secrets(&format!("{}/{kind}-keys", region.code));
    let files: [(&str, &Path); 5] = [
        ("--cert", &pair.cert),
        ("--key", &pair.key),
        ("--client-ca", &pki.authority(Authority::Backend(region.code))),
        ("--route", &secret("route")),
        ("--receipts", &secret("receipt")),
    ];
    for (name, path) in files {
        command.arg(name).arg(path);
    }
    let name = format!("{}/upstream", region.code);
    let record = process::start(&stack.home, &name, &stack.log_file(&name), daemon)?;
    wait::listens(&record, &[port]).await?;
    let front_door = process_name(region, Role::FrontDoor);
    let file = stack.config_file(&front_door);
    let mut config: toml::Table = read_text(&file)?.parse().attempt(|| format!("read {}", file.display()))?;
    let changes: Value = serde_json::json!({
        "backends": [local(port)],
        "limits": {
            "requests_per_s_per_address": 0,
            "connections_per_address_max": 4096,
            // The load generator keeps every core busy, so the upstream can be late to accept.
            "connect_ms": 30_000,
        },
    });
    let changes = toml::Table::try_from(changes).attempt(|| "lay out the bench's changes".to_owned())?;
    config.extend(changes);
    write_private(&file, config.to_string().as_bytes())?;
    restart_front_door(stack, region).await
}

async fn restart_front_door(stack: &Stack, region: &LocalRegion) -> Outcome<()> {
    stack.stop_process(&process_name(region, Role::FrontDoor))?;
    let record = stack.start_role(region, Role::FrontDoor)?;
    stack.role_ready(region, Role::FrontDoor, &record).await
}

fn upstream_port(stack: &Stack, region: &LocalRegion) -> u16 {
    stack.ports.region(region).front_door_peer() + 1
}

fn discard(stack: &Stack) -> Outcome<()> {
    for region in &REGIONS {
        stack.stop_process(&format!("{}/upstream", region.code))?;
    }
    for name in ["bench/nginx", "bench/haproxy", "bench/haproxy-tcp"] {
        stack.stop_process(name)?;
    }
    stop_all(stack)?;
    sockets::remove(stack.home.dir())?;
    if stack.home.dir().exists() {
        std::fs::remove_dir_all(stack.home.dir())
            .attempt(|| format!("remove {}", stack.home.dir().display()))?;
    }
    Ok(())
}

fn free_ports() -> Outcome<Ports> {
    for base in (BASE_FIRST..BASE_LAST).step_by(100) {
        if (base..base + 50).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return Ports::new(base);
        }
    }
    Err(Fail::new("No range of free ports was found for the benchmark's stack."))
}

const PROXY_OFFSET: u16 = 40;
const BASE_FIRST: u16 = 21_000;
const BASE_LAST: u16 = 29_000;
