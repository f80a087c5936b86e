//! A whole stack, driven from outside: what a person sees at the right and at the wrong door, and what is left on disk.
//!
//! The scenarios run one after the other on one stack of their own. Each leaves the stack as it found it.
mod canary;
mod doors;
mod faults;
mod private;
mod raw;
mod records;
mod rolling;
mod runbooks;
mod setup;
mod spans;

use std::collections::HashMap;
use std::future::Future;
use std::net::TcpListener;
use std::pin::Pin;
use std::time::Instant;

use crate::fail::{Attempt, Fail, Outcome};
use crate::http::Client;
use crate::layout::Ports;
use crate::pg::binaries::Binaries;
use crate::places::{Checkout, Home};
use crate::portal;
use crate::secrets::random;
use crate::seed::Demo;
use crate::stack::bring_up::bring_up;
use crate::stack::commands::stop_all;
use crate::stack::{Stack, sockets};
use crate::test::tally::Tally;

/// A running stack and who can sign in to it.
pub(crate) struct World {
    /// The stack.
    pub stack: Stack,
    /// Its people.
    pub demo: Demo,
    /// Who is signed in at each clinic's desk: a code works once in 30 seconds, a session as often as one likes.
    pub desks: tokio::sync::Mutex<HashMap<String, Client>>,
    /// Every value this run plants in a record begins with it.
    pub mark: String,
    /// The server's programs, to start a stopped part again.
    pub postgres: Binaries,
}

type Scenario = for<'a> fn(&'a World) -> Pin<Box<dyn Future<Output = Outcome<()>> + 'a>>;

/// In this order: the scans come after everything that could leave a trace, the faults last.
const SCENARIOS: [(&str, Scenario); 22] = [
    ("stack.json has the promised keys", |world| Box::pin(async { setup::stack_json(world) })),
    ("the commands that a start shows work as they stand", |world| {
        Box::pin(async { setup::shown_commands(world) })
    }),
    ("a second start beside a running stack changes nothing", |world| Box::pin(setup::start_again(world))),
    ("a patient is registered, read, corrected, found and listed", |world| {
        Box::pin(records::life_of_a_record(world))
    }),
    ("a session of one region is refused in the other", |world| Box::pin(records::foreign_session(world))),
    ("another region's front door carries the connection home unopened", |world| {
        Box::pin(doors::passthrough(world))
    }),
    ("no front door holds another region's certificate", |world| {
        Box::pin(async { doors::certificates(world) })
    }),
    ("a Host of another region than the SNI is misdirected", |world| Box::pin(doors::misdirected(world))),
    ("a wrong-region request's body is never read", |world| Box::pin(doors::body_unread(world))),
    ("the bare host redirects GET and refuses POST", |world| Box::pin(doors::bare_host(world))),
    ("an unknown clinic is not found", |world| Box::pin(doors::unknown(world))),
    ("a transit matrix that says refuse ends in a TLS alert", |world| {
        Box::pin(doors::refused_transit(world))
    }),
    ("a front door restarts while the control plane is down", |world| Box::pin(faults::control_down(world))),
    ("a front door without a directory says not ready", |world| Box::pin(faults::no_directory(world))),
    ("a region that stops is missing there and nowhere else", |world| Box::pin(faults::region_down(world))),
    ("a rolling update and its rollback lose no request", |world| Box::pin(rolling::update(world))),
    ("no other account can read what the stack keeps", |world| {
        Box::pin(async { private::no_other_account(world) })
    }),
    ("no planted string is readable in any file of either region", |world| {
        Box::pin(canary::no_plaintext(world))
    }),
    ("no record of one region is known in the other", |world| Box::pin(canary::no_foreign_record(world))),
    ("a record's id is nobody's at another clinic", |world| Box::pin(records::foreign_ids(world))),
    ("data survive a stop and a start", |world| Box::pin(setup::survive(world))),
    ("the commands of the runbooks work", |world| Box::pin(runbooks::commands(world))),
];

/// Starts a stack in `home`, runs every scenario, stops the stack and removes what it left.
pub(crate) async fn run(checkout: &Checkout, home: Home, postgres: &Binaries) -> Tally {
    let mut tally = Tally::default();
    println!("\n== end to end");
    let begun = Instant::now();
    match start(checkout, home.clone(), postgres).await {
        Err(fail) => tally.record("the stack comes up", Err(fail)),
        Ok(world) => {
            println!("up after {:.1} s", begun.elapsed().as_secs_f64());
            tally.record("the stack comes up", Ok(Tally::default()));
            for (name, scenario) in SCENARIOS {
                let result = tokio::time::timeout(SCENARIO_WAIT_MAX, scenario(&world)).await;
                let result = result.unwrap_or_else(|_elapsed| Err(Fail::new("it did not finish in time")));
                tally.record(name, result.map(|()| Tally::default()));
            }
            let browsed = portal::test_in_browser(checkout, &world.stack).await;
            tally.record("the portal in a real browser", browsed.map(|()| Tally::default()));
        }
    }
    tally.record("the stack stops", remove_leftovers(checkout, &home).map(|()| Tally::default()));
    tally
}

async fn start(checkout: &Checkout, home: Home, postgres: &Binaries) -> Outcome<World> {
    let stack = at(checkout, home)?;
    let demo = bring_up(&stack, postgres).await?;
    Ok(World { stack, demo, desks: tokio::sync::Mutex::default(), mark: mark()?, postgres: postgres.clone() })
}

/// Letters that no dictionary, log or page of any program holds.
fn mark() -> Outcome<String> {
    let letters = random::<MARK_LETTERS>()?.map(|byte| char::from(b'a' + byte % 26));
    Ok(format!("zqx{}", letters.iter().collect::<String>()))
}

fn at(checkout: &Checkout, home: Home) -> Outcome<Stack> {
    let ports = match Ports::remembered(&home) {
        Some(ports) => ports,
        None => free_ports()?,
    };
    Ok(Stack { root: checkout.root().to_owned(), home, ports, binaries: checkout.binaries()? })
}

/// Stops the stack in `home`, if one runs, and removes the folder: after a run, and after one that was killed.
pub(crate) fn remove_leftovers(checkout: &Checkout, home: &Home) -> Outcome<()> {
    if !home.dir().exists() {
        return Ok(());
    }
    stop_all(&at(checkout, home.clone())?)?;
    sockets::remove(home.dir())?;
    std::fs::remove_dir_all(home.dir()).attempt(|| format!("remove {}", home.dir().display()))
}

/// A base whose whole range is free now.
fn free_ports() -> Outcome<Ports> {
    for base in (BASE_FIRST..BASE_LAST).step_by(100) {
        let ports = Ports::new(base)?;
        let all = crate::stack::ports::all(ports);
        if all.iter().all(|(port, _)| TcpListener::bind(("127.0.0.1", *port)).is_ok()) {
            return Ok(ports);
        }
    }
    Err(Fail::new("No range of free ports was found for the end-to-end stack."))
}

const SCENARIO_WAIT_MAX: std::time::Duration = std::time::Duration::from_secs(180);
const MARK_LETTERS: usize = 12;
const BASE_FIRST: u16 = 21_000;
const BASE_LAST: u16 = 29_000;
