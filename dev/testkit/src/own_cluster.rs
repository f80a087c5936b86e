//! A cluster of this checkout's own, for a plain `cargo test`: made fresh, shared through a locked file, stopped when
//! nobody has used it for a while.

use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::cluster::{TestCluster, variable};
use crate::pki::Pki;

/// Longest time for a server to accept its first connection, in seconds.
const START_S: u64 = 30;
/// A cluster nobody is connected to for this long is stopped, in seconds.
const IDLE_S: u64 = 300;
/// Where distributions put PostgreSQL, newest first when sorted in reverse.
const PLACES: &[&str] =
    &["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr/local/pgsql", "/usr/pgsql"];

/// What the next process needs to find the cluster.
#[derive(Serialize, Deserialize)]
struct Record {
    port: u16,
    pid: u32,
    password: String,
    dir: PathBuf,
    bin_dir: PathBuf,
}

impl Record {
    fn cluster(self) -> TestCluster {
        TestCluster {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            user: "postgres".to_owned(),
            password: self.password,
            ca: self.dir.join("ca.pem"),
            data_dir: self.dir.join("data"),
            log: self.dir.join("postgres.log"),
            bin_dir: self.bin_dir,
        }
    }
}

/// The running cluster of this checkout, or a new one.
pub(crate) fn ensure() -> Result<TestCluster, String> {
    let root = root();
    let _lock = lock(&root)?;
    if let Some(record) = read(&root)
        && is_up(record.port, record.pid)
    {
        return Ok(record.cluster());
    }
    let record = start(&root)?;
    let text = serde_json::to_string(&record).map_err(|error| error.to_string())?;
    write_private(&root.join("cluster.json"), &text, None)?;
    Ok(record.cluster())
}

/// Stops the cluster and removes its files.
pub(crate) fn stop() -> Result<(), String> {
    let root = root();
    let _lock = lock(&root)?;
    if let Some(record) = read(&root) {
        if is_up(record.port, record.pid) {
            let owner = Owner::of_servers()?;
            let mut command = owner.command(&record.bin_dir.join("pg_ctl"));
            run(command.arg("stop").arg("-m").arg("fast").arg("-w").arg("-D").arg(record.dir.join("data")))?;
        }
        let _gone = std::fs::remove_dir_all(&record.dir);
    }
    let _gone = std::fs::remove_file(root.join("cluster.json"));
    for entry in std::fs::read_dir(&root).into_iter().flatten().flatten() {
        // The local AWS state of templates, worth nothing without the cluster's databases.
        if entry.file_name().to_string_lossy().starts_with("aws-") {
            let _gone = std::fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

/// `target/testkit` of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/testkit")
}

fn lock(root: &Path) -> Result<File, String> {
    let told = |error: std::io::Error| format!("{}: {error}", root.display());
    std::fs::create_dir_all(root).map_err(told)?;
    let file = File::create(root.join("cluster.lock")).map_err(told)?;
    file.lock().map_err(told)?;
    Ok(file)
}

fn read(root: &Path) -> Option<Record> {
    serde_json::from_str(&std::fs::read_to_string(root.join("cluster.json")).ok()?).ok()
}

fn is_up(port: u16, pid: u32) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        && Command::new("kill")
            .args(["-0", &pid.to_string()])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

fn start(root: &Path) -> Result<Record, String> {
    let bin_dir = find_binaries()?;
    let owner = Owner::of_servers()?;
    let dir = owner.folder(root)?;
    let data = dir.join("data");
    let password = hex(&regions::random::bytes::<16>());
    let password_file = dir.join("superuser");
    write_private(&password_file, &password, Some(&owner))?;
    let mut initdb = owner.command(&bin_dir.join("initdb"));
    run(initdb
        .arg("-D")
        .arg(&data)
        .args(["-U", "postgres", "-E", "UTF8", "--locale=C", "-N", "-A", "scram-sha-256", "--pwfile"])
        .arg(&password_file))?;
    certificates(&dir, &owner)?;
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|free| free.local_addr())
        .map_err(|e| e.to_string())?
        .port();
    write_private(&data.join("postgresql.auto.conf"), &settings(&dir, port), Some(&owner))?;
    let rules = "local all all scram-sha-256\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    write_private(&data.join("pg_hba.conf"), rules, Some(&owner))?;
    let log = File::create(dir.join("postgres.log")).map_err(|error| error.to_string())?;
    let errors = log.try_clone().map_err(|error| error.to_string())?;
    let mut postgres = owner.command(&bin_dir.join("postgres"));
    let child = postgres
        .arg("-D")
        .arg(&data)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("postgres does not start: {error}"))?;
    let pid = child.id();
    let deadline = Instant::now() + Duration::from_secs(START_S);
    while !is_ready(&owner, &bin_dir, &dir, port) {
        if Instant::now() > deadline {
            return Err(format!(
                "PostgreSQL does not answer; its log is {}",
                dir.join("postgres.log").display()
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let record = Record { port, pid, password, dir, bin_dir };
    watch(&record, &owner)?;
    Ok(record)
}

fn is_ready(owner: &Owner, bin_dir: &Path, dir: &Path, port: u16) -> bool {
    owner
        .command(&bin_dir.join("pg_isready"))
        .args(["-q", "-p", &port.to_string(), "-h"])
        .arg(dir)
        .status()
        .is_ok_and(|status| status.success())
}

/// Leaves behind a small loop that stops the server when nobody has been connected for a while.
fn watch(record: &Record, owner: &Owner) -> Result<(), String> {
    let script = format!(
        "idle=0; while kill -0 {pid} 2>/dev/null; do sleep 10; \
         n=$(\"$BIN/psql\" -h \"$DIR\" -p {port} -U postgres -d postgres -tAc \
         \"select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()\" \
         2>/dev/null); \
         if [ \"$n\" = 0 ]; then idle=$((idle + 10)); else idle=0; fi; \
         if [ $idle -ge {IDLE_S} ]; then \"$BIN/pg_ctl\" stop -m fast -D \"$DIR/data\"; exit; fi; done",
        pid = record.pid,
        port = record.port,
    );
    let mut shell = owner.command(Path::new("/bin/sh"));
    shell
        .arg("-c")
        .arg(script)
        .env("BIN", &record.bin_dir)
        .env("DIR", &record.dir)
        .env("PGPASSWORD", &record.password)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map(|_child| ())
        .map_err(|error| format!("the idle watch does not start: {error}"))
}

fn settings(dir: &Path, port: u16) -> String {
    let hardened = tenancy::shard::settings::SERVER_SETTINGS
        .iter()
        .chain(tenancy::shard::settings::HIDDEN_SETTINGS)
        .chain([&tenancy::shard::settings::LOG_MIN_MESSAGES])
        .map(|(name, value)| format!("{name} = '{value}'\n"))
        .collect::<String>();
    let dir = dir.display();
    format!(
        "{hardened}listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{dir}'\n\
         ssl_cert_file = '{dir}/server.crt'\nssl_key_file = '{dir}/server.key'\n\
         fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nwal_level = minimal\nmax_wal_senders = 0\n\
         max_connections = 400\nshared_buffers = '128MB'\nmax_locks_per_transaction = 512\nautovacuum_naptime = '5min'\n\
         jit = off\n"
    )
}

fn certificates(dir: &Path, owner: &Owner) -> Result<(), String> {
    let pki = Pki::new();
    let server = pki.server(&["localhost", "127.0.0.1"]);
    write_private(&dir.join("server.crt"), &server.cert_pem, Some(owner))?;
    write_private(&dir.join("server.key"), &server.key_pem, Some(owner))?;
    std::fs::write(dir.join("ca.pem"), pki.ca_pem()).map_err(|error| error.to_string())
}

/// The folder of `initdb` and `postgres`: the distribution's, Homebrew's, or that of the search path.
fn find_binaries() -> Result<PathBuf, String> {
    let mut found = Vec::new();
    for place in PLACES {
        for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
            let named = entry.file_name().to_string_lossy().contains("postgresql");
            let versioned = entry.file_name().to_string_lossy().parse::<u32>().is_ok();
            if named || versioned {
                found.push(entry.path().join("bin"));
            }
        }
        found.push(Path::new(place).join("bin"));
    }
    found.sort();
    found.reverse();
    let path = variable("PATH").unwrap_or_default();
    found.extend(path.split(':').map(PathBuf::from));
    found.into_iter().find(|dir| dir.join("initdb").is_file() && dir.join("postgres").is_file()).ok_or_else(
        || {
            "PostgreSQL 15 or newer is not installed: `apt install postgresql`, `brew install postgresql@16`"
                .to_owned()
        },
    )
}

/// Who the server runs as: us, or the `postgres` user when we are root, because PostgreSQL refuses root.
struct Owner {
    ids: Option<(u32, u32)>,
}

impl Owner {
    fn of_servers() -> Result<Self, String> {
        let output = Command::new("id").arg("-u").output().map_err(|error| error.to_string())?;
        if String::from_utf8_lossy(&output.stdout).trim() != "0" {
            return Ok(Self { ids: None });
        }
        let users = std::fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
        let ids = ["postgres", "nobody"].iter().find_map(|name| {
            let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
            let mut fields = line.split(':').skip(2);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        match ids {
            Some(ids) => Ok(Self { ids: Some(ids) }),
            None => Err("PostgreSQL refuses to run as root and there is no user `postgres`".to_owned()),
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/");
        if let Some((user, group)) = self.ids {
            command.uid(user).gid(group);
        }
        command
    }

    /// A fresh folder the server's user can reach and nobody else can read.
    fn folder(&self, root: &Path) -> Result<PathBuf, String> {
        let told = |error: std::io::Error| format!("the cluster's folder: {error}");
        let root = root.canonicalize().map_err(told)?;
        let mut dir = root.join("pg");
        let reachable = self.command(Path::new("/usr/bin/test")).arg("-x").arg(&root).status();
        // A Unix socket's path is at most about 100 bytes, and a checkout under a private home is closed to others.
        if dir.as_os_str().len() > 70 || !reachable.is_ok_and(|status| status.success()) {
            dir = std::env::temp_dir().join(format!("domicile-testkit-{}", std::process::id()));
        }
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(told)?;
        }
        std::fs::create_dir_all(&dir).map_err(told)?;
        std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(0o755)).map_err(told)?;
        if let Some((user, group)) = self.ids {
            chown(&dir, Some(user), Some(group)).map_err(told)?;
        }
        Ok(dir)
    }
}

fn write_private(path: &Path, text: &str, owner: Option<&Owner>) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(told)?;
    file.write_all(text.as_bytes()).map_err(told)?;
    match owner.and_then(|owner| owner.ids) {
        Some((user, group)) => chown(path, Some(user), Some(group)).map_err(told),
        None => Ok(()),
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
