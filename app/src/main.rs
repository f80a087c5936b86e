//! The `domicile` binary: a list of roles, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    app::cli::main()
}
