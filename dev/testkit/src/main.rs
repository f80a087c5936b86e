//! Starts or stops the PostgreSQL cluster that tests share when nobody else provides one.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of the command line talks")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match std::env::args().nth(1).as_deref() {
        Some("start") => testkit::start().map(|cluster| println!("{}", cluster.address())),
        Some("stop") => testkit::stop(),
        _ => Err("usage: testkit start|stop".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
    }
}
