//! The command line: one subcommand a role.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::role::{self, RoleError};

/// A multi-region backend for clinics. One binary, one role a process.
#[derive(Parser)]
#[command(name = "domicile", version)]
struct Cli {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Accepts clients in one region and brings every request home.
    FrontDoor(ConfigFile),
    /// Serves one region's clinics.
    Backend(ConfigFile),
    /// Runs one region's jobs and onboarding steps.
    Worker(ConfigFile),
    /// Serves the platform API and the signed directory.
    Control(ConfigFile),
    /// Brings databases to this version's schema.
    Migrate(crate::admin::MigrateArgs),
    /// Platform administration from the command line.
    Admin(crate::admin::AdminArgs),
    /// Checks the audit log of a region.
    Audit(crate::audit::command::AuditArgs),
    /// Asks a role's admin listener whether it is ready; exit code 0 means yes.
    Healthcheck(HealthcheckArgs),
}

/// Where a role's configuration is.
#[derive(Args)]
pub struct ConfigFile {
    /// The role's TOML file.
    #[arg(long)]
    pub config: PathBuf,
}

#[derive(Args)]
struct HealthcheckArgs {
    /// The admin listener, as `host:port`.
    #[arg(long)]
    admin: String,
}

/// Parses the command line and runs the role; the exit code is 0 when it ended as asked.
pub fn main() -> ExitCode {
    role::silence_panics();
    let role = Cli::parse().role;
    // A verdict has three exit codes of its own.
    if let Role::Audit(args) = role {
        return crate::audit::command::main(args);
    }
    match role::forbid_core_dumps().and_then(|()| run(role)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The only place where the product writes text for a person; nothing can be done if it fails.
            drop(writeln!(std::io::stderr(), "domicile: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role) -> Result<(), RoleError> {
    match role {
        Role::FrontDoor(file) => crate::front_door::run(&file.config),
        Role::Backend(file) => crate::backend::run(&file.config),
        Role::Worker(file) => crate::worker::run(&file.config),
        Role::Control(file) => crate::control::run(&file.config),
        Role::Migrate(args) => crate::admin::migrate(args),
        Role::Admin(args) => crate::admin::run(args),
        Role::Audit(_) => Ok(()),
        Role::Healthcheck(args) => healthcheck(&args.admin),
    }
}

/// One plain HTTP/1.1 request with a deadline; a whole client would be more code than the answer is worth.
fn healthcheck(admin: &str) -> Result<(), RoleError> {
    use std::io::Read as _;
    use std::net::{TcpStream, ToSocketAddrs as _};
    use std::time::Duration;

    const DEADLINE_MS: u64 = 3_000;
    const ANSWER_MAX_BYTES: u64 = 4_096;
    let deadline = Duration::from_millis(DEADLINE_MS);
    let failed = |error: std::io::Error| RoleError::while_doing(&format!("asking {admin}"), &error);
    let address = admin
        .to_socket_addrs()
        .map_err(failed)?
        .next()
        .ok_or_else(|| RoleError::new(format!("{admin} is not an address")))?;
    let mut stream = TcpStream::connect_timeout(&address, deadline).map_err(failed)?;
    stream.set_read_timeout(Some(deadline)).map_err(failed)?;
    stream.set_write_timeout(Some(deadline)).map_err(failed)?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n").map_err(failed)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_MAX_BYTES).read_to_end(&mut answer).map_err(failed)?;
    if answer.starts_with(b"HTTP/1.1 200") {
        Ok(())
    } else {
        Err(RoleError::new(format!("{admin} is not ready")))
    }
}
