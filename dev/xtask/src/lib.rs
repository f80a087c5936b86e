//! Commands for contributors: the local stack, the checks, the benchmarks.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command-line tool for developers: it talks to a terminal and reads its environment and the clock"
)]

mod bench;
mod codes;
mod deps;
mod e2e;
mod fail;
mod http;
mod layout;
mod pg;
mod pki;
mod places;
mod portal;
mod process;
mod secrets;
mod seed;
mod stack;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::fail::{Attempt, Outcome};
use crate::places::Checkout;

#[derive(Parser)]
#[command(
    name = "xtask",
    about = "Domicile's developer commands; `make` targets of the same names call them"
)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Start the local stack: two regions and the control plane.
    Up,
    /// Stop the local stack; its data stay.
    Down,
    /// Stop the local stack and delete its data.
    Reset,
    /// Show what runs and whether it answers.
    Status,
    /// Print the next code of a demo login's authenticator app.
    Code {
        /// The login's e-mail address.
        email: String,
        /// The stack's folder.
        #[arg(long, default_value = ".domicile")]
        stack: std::path::PathBuf,
    },
    /// Follow all logs.
    Logs,
    /// Run everything CI runs.
    Test,
    /// Run only the end-to-end part of the tests.
    E2e,
    /// Check everything under infra/: Terraform, images, manifests, monitoring, pipelines, runbooks.
    Infra(test::infra::Options),
    /// Build the portal, or check it.
    Portal {
        /// What to do.
        #[arg(value_enum)]
        what: portal::What,
    },
    /// Measure against nginx and HAProxy; writes docs/benchmarks.md.
    Bench(bench::Options),
    /// The server that every contender of the benchmark forwards to.
    #[command(hide = true)]
    BenchUpstream(bench::upstream::Upstream),
    /// Write docs/compliance.md: controls, code and tests, from docs/compliance.toml.
    Compliance,
    /// Check what no compiler checks: sizes, words, links, directions, licences.
    Tidy,
}

/// Does what the command line asks for; failures are printed.
pub fn main() -> ExitCode {
    // Two providers are linked in through development dependencies; everything here uses the product's one.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    quiet_when_nobody_reads();
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(fail) => {
            eprintln!("\n{fail}");
            ExitCode::FAILURE
        }
    }
}

/// `make status | head` closes our output early; that is no reason for a backtrace.
fn quiet_when_nobody_reads() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let closed = info.payload().downcast_ref::<String>().is_some_and(|text| text.contains("Broken pipe"));
        if closed {
            std::process::exit(0);
        }
        usual(info);
    }));
}

fn run(task: Task) -> Outcome<ExitCode> {
    let checkout = Checkout::find()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .attempt(|| "start the async runtime".to_owned())?;
    runtime.block_on(async {
        match task {
            Task::Up => stack::commands::up(&checkout).await,
            Task::Down => stack::commands::down(&checkout),
            Task::Reset => stack::commands::reset(&checkout),
            Task::Status => stack::commands::status(&checkout).await,
            Task::Logs => stack::commands::logs(&checkout),
            Task::Code { email, stack } => {
                codes::print(&places::Home::new(checkout.root().join(stack)), &email).await
            }
            Task::Test => test::run(&checkout).await,
            Task::E2e => test::run_e2e(&checkout).await,
            Task::Infra(options) => test::infra::run(&checkout, &options).await,
            Task::Portal { what } => portal::run(&checkout, what).await,
            Task::Bench(options) => bench::run(&checkout, &options).await,
            Task::BenchUpstream(upstream) => {
                bench::upstream::serve(&upstream).await.map(|()| ExitCode::SUCCESS)
            }
            Task::Compliance => tidy::compliance::write(&checkout).map(|()| ExitCode::SUCCESS),
            Task::Tidy => tidy::run(&checkout).map(|_checks| ExitCode::SUCCESS),
        }
    })
}
