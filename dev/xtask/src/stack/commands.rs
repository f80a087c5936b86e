//! The commands a person types: up, down, reset, status, logs.
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::deps;
use crate::fail::{Attempt, Fail, Outcome};
use crate::layout::{REGIONS, local};
use crate::pg::cluster::Cluster;
use crate::places::Checkout;
use crate::portal;
use crate::process;
use crate::stack::lock::Lock;
use crate::stack::roles::{CONTROL, Role, in_stop_order, process_name};
use crate::stack::{Stack, bring_up, describe, sockets, wait};

/// Starts the stack and prints where everything is.
pub(crate) async fn up(checkout: &Checkout) -> Outcome<ExitCode> {
    let begun = Instant::now();
    let stack = Stack::of(checkout)?;
    let _lock = Lock::take(&stack.home)?;
    let ran_before = everything_runs(&stack);
    let postgres = deps::ensure_postgres()?;
    portal::ensure_built(checkout).await?;
    let demo = bring_up::bring_up(&stack, &postgres).await?;
    describe::print_table(&stack, &demo);
    if ran_before {
        println!("\nIt was running already. After changing code: make down && make up");
    } else {
        println!("\nUp in {:.1} s. Stop it with `make down`; its data stay.", begun.elapsed().as_secs_f64());
    }
    Ok(ExitCode::SUCCESS)
}

/// Stops every process of the stack.
pub(crate) fn down(checkout: &Checkout) -> Outcome<ExitCode> {
    let stack = Stack::existing(checkout)?;
    if !stack.home.dir().is_dir() {
        println!("There is no stack here: `make up` makes one.");
        return Ok(ExitCode::SUCCESS);
    }
    let _lock = Lock::take(&stack.home)?;
    let stopped = stop_all(&stack)?;
    println!(
        "{stopped} processes stopped; the data are in {}.",
        stack.relative(&stack.home.dir().join("data"))
    );
    Ok(ExitCode::SUCCESS)
}

/// Stops the stack and deletes its folder.
pub(crate) fn reset(checkout: &Checkout) -> Outcome<ExitCode> {
    let stack = Stack::existing(checkout)?;
    if stack.home.dir().is_dir() {
        let _lock = Lock::take(&stack.home)?;
        stop_all(&stack)?;
        delete(&stack)?;
    }
    println!("The local stack and its data are gone. `make up` makes a new one.");
    Ok(ExitCode::SUCCESS)
}

/// Prints each process with its port and whether it answers; the exit code is 0 when all do.
pub(crate) async fn status(checkout: &Checkout) -> Outcome<ExitCode> {
    let stack = Stack::existing(checkout)?;
    let mut all_well = true;
    println!("{:<20} {:<8} {:<18} {:<10} log", "process", "pid", "address", "state");
    for (name, address, answer) in probes(&stack) {
        let record = process::recorded(&stack.home, &name);
        let alive = record.as_ref().is_some_and(process::is_alive);
        let answers = alive
            && match answer {
                Answer::Ready(port) => wait::probe(port).await == Some(200),
                Answer::Accepts(port) => wait::accepts(port).await,
            };
        let state = match (alive, answers) {
            (true, true) => "ready",
            (true, false) => "not ready",
            (false, _) if record.is_some() => "ended",
            (false, _) => "stopped",
        };
        all_well &= answers;
        let pid = record.filter(|_| alive).map_or_else(|| "-".to_owned(), |record| record.pid.to_string());
        let log = stack.relative(&stack.log_file(&name));
        println!("{name:<20} {pid:<8} {:<18} {state:<10} {log}", local(address));
    }
    Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Follows all logs until interrupted.
pub(crate) fn logs(checkout: &Checkout) -> Outcome<ExitCode> {
    let stack = Stack::existing(checkout)?;
    let files: Vec<PathBuf> = probes(&stack)
        .iter()
        .map(|(name, _, _)| stack.log_file(name))
        .filter(|file| file.is_file())
        .collect();
    if files.is_empty() {
        return Err(Fail::new("There are no logs yet.").hint("start the stack with `make up`"));
    }
    let status = Command::new("tail").args(["-n", "20", "-F"]).args(files).status();
    status.attempt(|| "follow the logs with tail".to_owned())?;
    Ok(ExitCode::SUCCESS)
}

/// Stops everything in order; the count is of processes that were running.
pub(crate) fn stop_all(stack: &Stack) -> Outcome<usize> {
    let mut stopped = 0;
    for name in in_stop_order() {
        stopped += usize::from(stack.stop_process(&name)?);
    }
    for part in REGIONS.iter().map(|region| region.code).chain([CONTROL]) {
        stopped += usize::from(Cluster::stop(&stack.home, part)?);
    }
    Ok(stopped)
}

/// Deletes the stack's folder, but only if it looks like one.
pub(crate) fn delete(stack: &Stack) -> Outcome<()> {
    let dir = stack.home.dir();
    if !dir.join("lock").is_file() {
        return Err(Fail::new(format!(
            "{} does not look like a stack's folder; nothing was deleted.",
            dir.display()
        )));
    }
    sockets::remove(dir)?;
    std::fs::remove_dir_all(dir).map_err(|error| {
        Fail::new(format!("Could not delete {}: {error}", dir.display()))
            .hint("files made as root need root: run `make reset` as the user who ran `make up`")
    })
}

/// How to see that a process answers.
enum Answer {
    /// Its admin listener says ready.
    Ready(u16),
    /// It accepts connections.
    Accepts(u16),
}

fn probes(stack: &Stack) -> Vec<(String, u16, Answer)> {
    let ports = stack.ports;
    let postgres = |part: &str, port| (format!("{part}/postgres"), port, Answer::Accepts(port));
    let mut list = vec![
        postgres(CONTROL, ports.control_postgres()),
        (CONTROL.to_owned(), ports.control(), Answer::Ready(ports.control_admin())),
    ];
    for region in &REGIONS {
        let own = ports.region(region);
        let role = |role: Role, port| {
            (process_name(region, role), port, Answer::Ready(stack.admin_port(region, role)))
        };
        list.push(postgres(region.code, own.postgres()));
        list.push((process_name(region, Role::LocalAws), own.s3(), Answer::Accepts(own.s3())));
        list.push(role(Role::Backend, own.backend()));
        list.push(role(Role::Worker, own.worker_admin()));
        list.push(role(Role::FrontDoor, own.front_door()));
    }
    list
}

fn everything_runs(stack: &Stack) -> bool {
    let alive =
        |name: &String| process::recorded(&stack.home, name).is_some_and(|record| process::is_alive(&record));
    probes(stack).iter().all(|(name, _, _)| alive(name))
}
