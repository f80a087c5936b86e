//! One PostgreSQL cluster: made whole or not at all, configured as production is, reached over TCP with TLS only.
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::fail::{Attempt, Fail, Outcome};
use crate::pg::binaries::Binaries;
use crate::pg::{owner, sql};
use crate::pki::{Authority, Pki};
use crate::places::{Home, make_dir, read_text, write_private};
use crate::process::{self, Daemon, Record, RunAs, command_as};
use crate::secrets;

/// A cluster of the stack.
pub(crate) struct Cluster<'a> {
    /// The stack it belongs to.
    pub home: &'a Home,
    /// `control`, or the region's code.
    pub part: &'static str,
    /// Its TCP port on loopback.
    pub port: u16,
    /// The server's programs.
    pub binaries: &'a Binaries,
    /// Who runs it.
    pub owner: Option<RunAs>,
    /// Lines added to the server's settings.
    pub extra_settings: &'static str,
}

/// The superuser of every local cluster; only this tool uses it.
pub(crate) const SUPERUSER: &str = "postgres";

impl Cluster<'_> {
    /// The name of the server among the stack's processes.
    pub(crate) fn process_name(&self) -> String {
        format!("{}/postgres", self.part)
    }

    /// The data folder.
    pub(crate) fn data_dir(&self) -> PathBuf {
        self.home.data(self.part).join("postgres")
    }

    /// Where the superuser's password is.
    pub(crate) fn superuser_password_file(&self) -> PathBuf {
        self.home.secrets(&format!("{}/postgres-superuser", self.part))
    }

    /// How to connect to `database` as `user`.
    pub(crate) fn access(&self, database: &str, user: &str, password_file: PathBuf) -> sql::Access {
        let ca = Pki::at(self.home).authority(Authority::Postgres);
        sql::Access {
            port: self.port,
            database: database.to_owned(),
            user: user.to_owned(),
            password_file,
            ca,
        }
    }

    /// How this tool connects to `database`.
    pub(crate) fn superuser_access(&self, database: &str) -> sql::Access {
        self.access(database, SUPERUSER, self.superuser_password_file())
    }

    /// Makes the cluster if there is none, writes its configuration, and starts it.
    pub(crate) fn start(&self) -> Outcome<Record> {
        let dir = self.data_dir();
        if !dir.exists() {
            self.create(&dir)?;
        }
        self.check(&dir)?;
        self.configure(&dir)?;
        let log = self.home.logs(self.part).join("postgres.log");
        let mut daemon = Daemon::new(&self.binaries.dir.join("postgres"), self.owner);
        daemon.command.arg("-D").arg(&dir).current_dir("/").env("LC_ALL", "C").env("TZ", "UTC");
        process::start(self.home, &self.process_name(), &log, daemon)
    }

    /// Waits until the server takes queries, or says why it does not.
    pub(crate) async fn ready(&self, record: &Record) -> Outcome<()> {
        let deadline = Instant::now() + READY_WAIT_MAX;
        loop {
            let Err(error) = sql::connect(&self.superuser_access("postgres")).await.map(drop) else {
                return Ok(());
            };
            if !process::is_alive(record) || Instant::now() > deadline {
                let text = process::tail(&record.log, LOG_LINES_SHOWN);
                return Err(Fail::new(format!(
                    "PostgreSQL for {} does not answer: {error}\n{text}",
                    self.part
                ))
                .hint(format!(
                    "read {}; if the data folder is damaged, `make reset` starts over",
                    record.log.display()
                )));
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// Stops the server with a fast shutdown: sessions end, data are flushed.
    pub(crate) fn stop(home: &Home, part: &str) -> Outcome<bool> {
        process::stop(home, &format!("{part}/postgres"), Signal::INT)
    }

    /// Builds the cluster beside its final place and moves it there, so that an interrupted first start leaves nothing
    /// that looks like a cluster.
    fn create(&self, dir: &Path) -> Outcome<()> {
        let doing = || format!("make the PostgreSQL cluster for {}", self.part);
        let building = dir.with_extension("unfinished");
        if building.exists() {
            std::fs::remove_dir_all(&building).attempt(|| format!("remove {}", building.display()))?;
        }
        make_dir(&building)?;
        owner::give(&building, self.owner)?;
        let password = secrets::ensure_password(&self.superuser_password_file())?;
        let handed_over = self.home.data(self.part).join("postgres-password");
        write_private(&handed_over, password.as_bytes())?;
        owner::give(&handed_over, self.owner)?;
        let mut initdb = command_as(&self.binaries.dir.join("initdb"), self.owner);
        initdb.arg("-D").arg(&building).arg(format!("--username={SUPERUSER}"));
        initdb.arg(format!("--pwfile={}", handed_over.display()));
        initdb.args(["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--data-checksums"]);
        let output = initdb.env("LC_ALL", "C").env("TZ", "UTC").current_dir("/").output().attempt(doing);
        std::fs::remove_file(&handed_over).attempt(|| format!("remove {}", handed_over.display()))?;
        let output = output?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Fail::new(format!("Could not {}: initdb said:\n{}", doing(), said.trim())));
        }
        std::fs::rename(&building, dir).attempt(doing)
    }

    fn check(&self, dir: &Path) -> Outcome<()> {
        let start_over = "`make reset` deletes the local data and starts over";
        let Ok(version) = read_text(&dir.join("PG_VERSION")) else {
            return Err(Fail::new(format!("{} is there but is no PostgreSQL cluster.", dir.display()))
                .hint(start_over));
        };
        if version.trim() != self.binaries.major.to_string() {
            return Err(Fail::new(format!(
                "{} was made by PostgreSQL {}, but the server found here is {}.",
                dir.display(),
                version.trim(),
                self.binaries.major
            ))
            .hint(format!("name the other server's folder in DOMICILE_PG_BIN; or {start_over}")));
        }
        if !owner::owns(self.owner, dir) {
            return Err(Fail::new(format!(
                "{} belongs to another account: the stack was made as root and is now started as an ordinary user, or \
                 the other way round.",
                dir.display()
            ))
            .hint(format!("start it as the user who made it; or {start_over}, as that user")));
        }
        if !self.superuser_password_file().is_file() {
            let lost = self.superuser_password_file();
            return Err(Fail::new(format!(
                "The password of {} is gone ({}).",
                dir.display(),
                lost.display()
            ))
            .hint(start_over));
        }
        Ok(())
    }

    fn configure(&self, dir: &Path) -> Outcome<()> {
        let pair = Pki::at(self.home).pair(&format!("{}/postgres", self.part));
        let copies = [("server.crt", &pair.cert), ("server.key", &pair.key)];
        for (name, from) in copies {
            self.place(&dir.join(name), read_text(from)?.as_bytes())?;
        }
        self.place(&dir.join("pg_hba.conf"), HBA.as_bytes())?;
        let mut settings = format!("port = {}\n{SETTINGS}", self.port);
        settings.push_str(self.extra_settings);
        if self.binaries.major >= 17 {
            settings.push_str("transaction_timeout = '60s'\n");
        }
        // Beside the file that initdb wrote, which holds what it found out about this machine, and read after it.
        self.place(&dir.join("postgresql.auto.conf"), settings.as_bytes())
    }

    fn place(&self, path: &Path, content: &[u8]) -> Outcome<()> {
        write_private(path, content)?;
        owner::give(path, self.owner)
    }
}

/// TLS and a password for everyone; no local sockets, whose paths have a length limit that deep checkouts exceed.
const HBA: &str = "hostssl all all 127.0.0.1/32 scram-sha-256\n";

/// What production must set too (a backend that finds it otherwise does not start): no statement and no value in any
/// log, TLS 1.3, row security on; and idle transactions ended.
const SETTINGS: &str = "\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
shared_buffers = '64MB'
max_wal_size = '512MB'
timezone = 'UTC'
log_timezone = 'UTC'
ssl = on
ssl_cert_file = 'server.crt'
ssl_key_file = 'server.key'
ssl_min_protocol_version = 'TLSv1.3'
password_encryption = 'scram-sha-256'
row_security = on
log_destination = 'stderr'
logging_collector = off
log_statement = 'none'
log_min_error_statement = 'panic'
log_error_verbosity = 'terse'
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_min_duration_statement = -1
log_min_duration_sample = -1
log_transaction_sample_rate = 0
log_min_messages = 'fatal'
debug_print_parse = off
debug_print_plan = off
debug_print_rewritten = off
idle_in_transaction_session_timeout = '10s'
";

const READY_WAIT_MAX: Duration = Duration::from_secs(30);
const READY_POLL: Duration = Duration::from_millis(50);
const LOG_LINES_SHOWN: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(prepare: impl FnOnce(&Path)) -> String {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().to_owned());
        let binaries = Binaries { dir: PathBuf::from("/nowhere"), major: 17 };
        let cluster = Cluster {
            home: &home,
            part: "us",
            port: 1,
            binaries: &binaries,
            owner: None,
            extra_settings: "",
        };
        make_dir(&cluster.data_dir()).unwrap();
        prepare(&cluster.data_dir());
        cluster.start().map(|record| record.pid).unwrap_err().to_string()
    }

    fn version(dir: &Path, version: &str) {
        std::fs::write(dir.join("PG_VERSION"), version).unwrap();
    }

    #[test]
    fn a_data_folder_that_is_no_whole_cluster_is_left_alone_and_named() {
        let said = refusal(|dir| std::fs::write(dir.join("base"), "").unwrap());
        assert!(said.contains("data/us/postgres is there but is no PostgreSQL cluster"), "{said}");
        assert!(said.contains("`make reset` deletes the local data and starts over"), "{said}");
    }

    #[test]
    fn a_cluster_of_another_version_is_not_touched() {
        let said = refusal(|dir| version(dir, "15\n"));
        assert!(said.contains("was made by PostgreSQL 15, but the server found here is 17"), "{said}");
    }

    #[test]
    fn a_cluster_whose_password_is_lost_says_so() {
        let said = refusal(|dir| version(dir, "17\n"));
        assert!(said.contains("The password of"), "{said}");
    }

    #[test]
    fn what_an_interrupted_first_start_left_is_built_anew() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().to_owned());
        let binaries = Binaries { dir: PathBuf::from("/nowhere"), major: 17 };
        let cluster = Cluster {
            home: &home,
            part: "us",
            port: 1,
            binaries: &binaries,
            owner: None,
            extra_settings: "",
        };
        let unfinished = cluster.data_dir().with_extension("unfinished");
        make_dir(&unfinished).unwrap();
        std::fs::write(unfinished.join("half"), "").unwrap();
        // There is no initdb to run here; what matters is that nothing of the half remains, nor looks like a whole.
        assert!(cluster.start().is_err());
        assert!(!unfinished.join("half").exists());
        assert!(!cluster.data_dir().exists());
        assert!(!home.data("us").join("postgres-password").exists());
    }
}
