//! The `domicile` binary: a list of roles, nothing else.

use std::alloc::System;
use std::process::ExitCode;

use zeroizing_alloc::ZeroAlloc;

/// Whatever is freed is wiped: keys and patients' data also pass through buffers of libraries that know nothing of either.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    app::cli::main()
}
