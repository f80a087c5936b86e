//! The processes of the stack other than PostgreSQL: what each is called, how it starts, how to see that it answers.
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use crate::fail::Outcome;
use crate::layout::{LocalRegion, REGIONS, local};
use crate::process::{self, Daemon, Record};
use crate::stack::{Stack, configs, wait};

/// A kind of process that each region has once.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The local S3 and KMS.
    LocalAws,
    /// Accepts clients.
    FrontDoor,
    /// Serves the region's clinics.
    Backend,
    /// Runs the region's jobs.
    Worker,
}

impl Role {
    /// The name in process names, file names and the binary's subcommands.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LocalAws => "localaws",
            Self::FrontDoor => "front-door",
            Self::Backend => "backend",
            Self::Worker => "worker",
        }
    }
}

/// The control plane's name among the stack's processes.
pub(crate) const CONTROL: &str = "control";

/// The name of a region's process.
pub(crate) fn process_name(region: &LocalRegion, role: Role) -> String {
    format!("{}/{}", region.code, role.name())
}

/// All processes in the order in which they stop: what takes requests first, what holds data last.
pub(crate) fn in_stop_order() -> Vec<String> {
    let mut names = Vec::new();
    for role in [Role::FrontDoor, Role::Worker, Role::Backend] {
        names.extend(REGIONS.iter().map(|region| process_name(region, role)));
    }
    names.push(CONTROL.to_owned());
    names.extend(REGIONS.iter().map(|region| process_name(region, Role::LocalAws)));
    names
}

impl Stack {
    /// Starts a region's process unless it runs already.
    pub(crate) fn start_role(&self, region: &LocalRegion, role: Role) -> Outcome<Record> {
        let name = process_name(region, role);
        let log = self.log_file(&name);
        let daemon = match role {
            Role::LocalAws => self.localaws(region),
            Role::FrontDoor | Role::Backend | Role::Worker => self.role(role.name(), &name),
        };
        self.start_unless_running(&name, log, daemon)
    }

    /// Starts a role under a name of its own, with that name's configuration.
    pub(crate) fn start_with(&self, role: Role, name: &str) -> Outcome<Record> {
        self.start_unless_running(name, self.log_file(name), self.role(role.name(), name))
    }

    /// Starts the control plane unless it runs already.
    pub(crate) fn start_control(&self) -> Outcome<Record> {
        self.start_unless_running(CONTROL, self.log_file(CONTROL), self.role(CONTROL, CONTROL))
    }

    /// Stops one process of the stack.
    pub(crate) fn stop_process(&self, name: &str) -> Outcome<bool> {
        process::stop(&self.home, name, Signal::TERM)
    }

    /// Waits until a region's process answers.
    pub(crate) async fn role_ready(&self, region: &LocalRegion, role: Role, record: &Record) -> Outcome<()> {
        wait::ready(record, self.admin_port(region, role)).await
    }

    /// The port that says whether a region's process is ready.
    pub(crate) fn admin_port(&self, region: &LocalRegion, role: Role) -> u16 {
        let ports = self.ports.region(region);
        match role {
            Role::LocalAws => ports.kms(),
            Role::FrontDoor => ports.front_door_admin(),
            Role::Backend => ports.backend_admin(),
            Role::Worker => ports.worker_admin(),
        }
    }

    /// Where the configuration of a process is.
    pub(crate) fn config_file(&self, name: &str) -> PathBuf {
        self.home.run(&format!("{name}.toml"))
    }

    /// Where the output of a process goes.
    pub(crate) fn log_file(&self, name: &str) -> PathBuf {
        let (part, role) = name.split_once('/').unwrap_or((name, name));
        self.home.logs(part).join(format!("{role}.log"))
    }

    /// The product's binary with a subcommand, in an environment that holds only what it needs: no proxy, profile or
    /// credential of the person's own shell reaches it.
    pub(crate) fn domicile(&self, subcommand: &str, config: &Path) -> Command {
        let mut command = process::private_command(&self.binaries.join("domicile"));
        self.prepare(&mut command, subcommand, config);
        command
    }

    /// A role of the product's binary, the same way.
    fn role(&self, subcommand: &str, name: &str) -> Daemon {
        let mut daemon = Daemon::new(&self.binaries.join("domicile"), None);
        self.prepare(&mut daemon.command, subcommand, &self.config_file(name));
        daemon
    }

    fn prepare(&self, command: &mut Command, subcommand: &str, config: &Path) {
        command.arg(subcommand).arg("--config").arg(config).current_dir(&self.root);
        clean_environment(command);
        command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local-secret");
        command.env("AWS_EC2_METADATA_DISABLED", "true");
    }

    fn localaws(&self, region: &LocalRegion) -> Daemon {
        let ports = self.ports.region(region);
        let pair = self.home.pki(&format!("{}/aws.pem", region.code));
        let mut daemon = Daemon::new(&self.binaries.join("localaws"), None);
        let command = &mut daemon.command;
        command.args(["--region", region.name, "--s3", &local(ports.s3()), "--kms", &local(ports.kms())]);
        command.arg("--dir").arg(self.home.data(region.code).join("aws"));
        command.arg("--cert").arg(&pair).arg("--key").arg(pair.with_extension("key")).current_dir(&self.root);
        command.args(["--ensure-bucket", &configs::bucket(region), "--ensure-key-alias", "alias/domicile"]);
        command.args(["--ensure-bucket", &format!("{}:locked", configs::archive(region))]);
        command.args(["--ensure-signing-alias", "alias/domicile-audit"]);
        clean_environment(command);
        daemon
    }

    fn start_unless_running(&self, name: &str, log: PathBuf, daemon: Daemon) -> Outcome<Record> {
        match process::recorded(&self.home, name) {
            Some(record) if process::is_alive(&record) => Ok(record),
            _ => process::start(&self.home, name, &log, daemon),
        }
    }
}

fn clean_environment(command: &mut Command) {
    command.env_clear().env("PATH", "/usr/bin:/bin").env("TZ", "UTC").env("RUST_BACKTRACE", "0");
    if let Some(home) = std::env::var_os("HOME") {
        command.env("HOME", home);
    }
}
