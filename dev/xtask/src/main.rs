//! The contributors' program; what it does is in the library beside it, which rustdoc reads and a program's code it would not.
use std::process::ExitCode;

fn main() -> ExitCode {
    xtask::main()
}
