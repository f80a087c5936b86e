//! The PostgreSQL cluster that the tests share: real, hardened like production, but with nothing worth flushing.
use std::net::TcpListener;

use crate::fail::{Attempt, Outcome};
use crate::pg::binaries::Binaries;
use crate::pg::cluster::{Cluster, SUPERUSER};
use crate::pg::owner;
use crate::pki::{Authority, Pki};
use crate::places::{Home, make_passage, read_text};
use crate::stack::roles::CONTROL;

/// A running cluster for tests.
pub(crate) struct TestCluster {
    home: Home,
    port: u16,
    binaries: Binaries,
    password: String,
}

impl TestCluster {
    /// Makes and starts a fresh cluster on a free port.
    pub(crate) async fn start(home: Home, binaries: &Binaries) -> Outcome<Self> {
        Self::start_with(home, binaries, FAST_SETTINGS).await
    }

    /// As [`start`](Self::start), but a commit is on disk before it is answered, as in production: for measurements.
    pub(crate) async fn start_durable(home: Home, binaries: &Binaries) -> Outcome<Self> {
        Self::start_with(home, binaries, DURABLE_SETTINGS).await
    }

    async fn start_with(home: Home, binaries: &Binaries, settings: &'static str) -> Outcome<Self> {
        let free = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
        let port = free.attempt(|| "find a free port".to_owned())?.port();
        make_passage(&home.data(CONTROL))?;
        Pki::ensure(&home)?;
        let cluster = Cluster {
            home: &home,
            part: CONTROL,
            port,
            binaries,
            owner: owner::for_clusters_in(home.dir())?,
            extra_settings: settings,
        };
        let record = cluster.start()?;
        if let Err(fail) = cluster.ready(&record).await {
            Cluster::stop(&home, CONTROL)?;
            return Err(fail);
        }
        let password = read_text(&cluster.superuser_password_file())?;
        Ok(Self { home, port, binaries: binaries.clone(), password })
    }

    /// What the test kit reads to find this cluster.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let ca = Pki::at(&self.home).authority(Authority::Postgres);
        vec![
            ("DOMICILE_TEST_PG", format!("127.0.0.1:{}", self.port)),
            ("DOMICILE_TEST_PG_USER", SUPERUSER.to_owned()),
            ("DOMICILE_TEST_PG_PASSWORD", self.password.trim().to_owned()),
            ("DOMICILE_TEST_PG_CA", ca.display().to_string()),
            ("DOMICILE_TEST_PG_DATA", self.home.data(CONTROL).join("postgres").display().to_string()),
            ("DOMICILE_TEST_PG_LOG", self.home.logs(CONTROL).join("postgres.log").display().to_string()),
            ("DOMICILE_TEST_PG_BIN", self.binaries.dir.display().to_string()),
        ]
    }

    /// Stops the cluster and removes its folder.
    pub(crate) fn stop(self) -> Outcome<()> {
        remove_leftovers(&self.home)
    }
}

/// Stops the cluster in `home`, if one runs, and removes the folder.
pub(crate) fn remove_leftovers(home: &Home) -> Outcome<()> {
    Cluster::stop(home, CONTROL)?;
    if home.dir().exists() {
        std::fs::remove_dir_all(home.dir()).attempt(|| format!("remove {}", home.dir().display()))?;
    }
    Ok(())
}

/// Tests make hundreds of databases and keep none.
const FAST_SETTINGS: &str = "\
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 400
shared_buffers = '128MB'
max_locks_per_transaction = 512
jit = off
wal_level = minimal
max_wal_senders = 0
autovacuum_naptime = '10min'
";

/// The server's own defaults where they matter to a commit, and memory for a clinic of a hundred thousand patients.
const DURABLE_SETTINGS: &str = "\
fsync = on
synchronous_commit = on
full_page_writes = on
shared_buffers = '256MB'
max_wal_size = '2GB'
";
