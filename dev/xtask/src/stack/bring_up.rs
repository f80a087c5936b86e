//! Starts a whole stack and returns when every part of it answers.
use std::time::Duration;

use futures_util::future::try_join_all;

use crate::fail::{Attempt, Fail, Outcome};
use crate::layout::{LocalRegion, Ports, REGIONS};
use crate::pg::binaries::Binaries;
use crate::pg::cluster::Cluster;
use crate::pg::owner;
use crate::pki::Pki;
use crate::places::{make_dir, make_passage, write_private};
use crate::process::{self, Record, RunAs};
use crate::seed;
use crate::stack::databases::prepare;
use crate::stack::roles::Role;
use crate::stack::{Stack, configs, describe, migrations, ports, wait};

/// Starts what does not run yet, brings databases up to date, and makes the demo clinics where they are missing.
pub(crate) async fn bring_up(stack: &Stack, postgres: &Binaries) -> Outcome<seed::Demo> {
    check_stands_still(stack)?;
    ports::check(&stack.home, stack.ports)?;
    make_passage(stack.home.dir())?;
    for dir in ["run", "logs", "secrets", "mail", "sms", "pki"] {
        make_dir(&stack.home.dir().join(dir))?;
    }
    make_passage(&stack.home.dir().join("data"))?;
    for region in &REGIONS {
        make_passage(&stack.home.data(region.code))?;
        for dir in ["aws", "front-door", "backend", "worker"] {
            make_dir(&stack.home.data(region.code).join(dir))?;
        }
    }
    remember_ports(stack)?;
    Pki::ensure(&stack.home)?;
    let account = owner::for_clusters_in(stack.home.dir())?;
    start_postgres(stack, postgres, account).await?;
    start_aws(stack).await?;
    configs::write_all(stack)?;
    migrations::run_all(stack).await?;
    let control = stack.start_control()?;
    wait::ready(&control, stack.ports.control_admin()).await?;
    let platform = seed::platform::prepare(stack).await?;
    start_roles(stack).await?;
    let demo = seed::clinics::ensure(stack, &platform).await?;
    describe::write_json(stack, &demo)?;
    Ok(demo)
}

/// The three clusters beside each other: making one is a few seconds of one core and of the disk.
async fn start_postgres(stack: &Stack, binaries: &Binaries, owner: Option<RunAs>) -> Outcome<()> {
    let clusters = clusters(stack, binaries, owner);
    let records = std::thread::scope(|scope| {
        let starting: Vec<_> =
            clusters.iter().map(|cluster| scope.spawn(|| start_cluster(stack, cluster))).collect();
        let broken = |_panic| Err(Fail::new("Starting a PostgreSQL cluster broke off."));
        starting.into_iter().map(|one| one.join().unwrap_or_else(broken)).collect::<Outcome<Vec<_>>>()
    })?;
    try_join_all(clusters.iter().zip(&records).map(async |(cluster, record)| {
        cluster.ready(record).await?;
        prepare(stack, cluster).await
    }))
    .await
    .map(drop)
}

fn start_cluster(stack: &Stack, cluster: &Cluster<'_>) -> Outcome<Record> {
    make_passage(&stack.home.data(cluster.part))?;
    match process::recorded(&stack.home, &cluster.process_name()).filter(process::is_alive) {
        Some(record) => Ok(record),
        None => cluster.start(),
    }
}

/// The stack's three clusters.
pub(crate) fn clusters<'a>(
    stack: &'a Stack,
    binaries: &'a Binaries,
    owner: Option<RunAs>,
) -> Vec<Cluster<'a>> {
    let of = |part, port| Cluster { home: &stack.home, part, port, binaries, owner, extra_settings: "" };
    let mut all = vec![of("control", stack.ports.control_postgres())];
    all.extend(REGIONS.iter().map(|region| of(region.code, stack.ports.region(region).postgres())));
    all
}

async fn start_aws(stack: &Stack) -> Outcome<()> {
    let records: Vec<(&LocalRegion, Record)> = start_in_all_regions(stack, Role::LocalAws)?;
    for (region, record) in records {
        let ports = stack.ports.region(region);
        wait::listens(&record, &[ports.s3(), ports.kms()]).await?;
        wait::holds(&record, "its keys", || configs::has_keys(stack, region)).await?;
    }
    Ok(())
}

async fn start_roles(stack: &Stack) -> Outcome<()> {
    let mut started = Vec::new();
    for role in [Role::Backend, Role::Worker, Role::FrontDoor] {
        started.extend(
            start_in_all_regions(stack, role)?.into_iter().map(|(region, record)| (region, role, record)),
        );
    }
    for (region, role, record) in started {
        stack.role_ready(region, role, &record).await?;
    }
    Ok(())
}

fn start_in_all_regions(stack: &Stack, role: Role) -> Outcome<Vec<(&'static LocalRegion, Record)>> {
    REGIONS.iter().map(|region| Ok((region, stack.start_role(region, role)?))).collect()
}

/// A stack may come up on other ports than it had, but not while parts of it run on those: they would not find each other.
pub(super) fn check_stands_still(stack: &Stack) -> Outcome<()> {
    let remembered = Ports::remembered(&stack.home).filter(|before| before.base() != stack.ports.base());
    let Some(before) = remembered else { return Ok(()) };
    let runs = ports::all(before).into_iter().any(|(_, name)| {
        process::recorded(&stack.home, &name).is_some_and(|record| process::is_alive(&record))
    });
    if !runs {
        return Ok(());
    }
    Err(Fail::new(format!("This stack runs on the ports from {} on.", before.base())).hint(format!(
        "leave it there with DOMICILE_PORT_BASE={}, or move it: make down && DOMICILE_PORT_BASE={} make up",
        before.base(),
        stack.ports.base()
    )))
}

fn remember_ports(stack: &Stack) -> Outcome<()> {
    write_private(&stack.home.run("port-base"), format!("{}\n", stack.ports.base()).as_bytes())
}

/// Runs `program` to its end within a deadline and returns its output, or what it said when it failed.
pub(crate) async fn finish(
    what: &str,
    command: std::process::Command,
    wait_max: Duration,
) -> Outcome<String> {
    let mut command = tokio::process::Command::from(command);
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(wait_max, command.output())
        .await
        .map_err(|_elapsed| Fail::new(format!("{what} did not finish within {} s.", wait_max.as_secs())))?
        .attempt(|| format!("run {what}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Fail::new(format!("{what} failed:\n{}{}", said, complaint.trim())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::places::Home;

    #[test]
    fn a_stack_moves_to_other_ports_only_when_nothing_of_it_runs() {
        let dir = tempfile::tempdir().unwrap();
        let at = |base| Stack {
            root: dir.path().to_owned(),
            home: Home::new(dir.path().join("stack")),
            ports: Ports::new(base).unwrap(),
            binaries: dir.path().to_owned(),
        };
        let old = at(20_000);
        check_stands_still(&old).unwrap();
        remember_ports(&old).unwrap();
        let mut sleeper = process::Daemon::new(std::path::Path::new("sleep"), None);
        sleeper.command.arg("300");
        process::start(&old.home, "us/backend", &old.log_file("us/backend"), sleeper).unwrap();
        check_stands_still(&old).unwrap();
        let said = check_stands_still(&at(30_000)).unwrap_err().to_string();
        assert!(said.contains("runs on the ports from 20000 on"), "{said}");
        assert!(said.contains("make down && DOMICILE_PORT_BASE=30000 make up"), "{said}");
        assert!(old.stop_process("us/backend").unwrap());
        check_stands_still(&at(30_000)).unwrap();
    }
}
