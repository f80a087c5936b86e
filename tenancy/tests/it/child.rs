//! A process of its own for what only a process can suffer: it is told where to stop, and killed there.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use regions::ids::{Epoch, ShardId};
use tenancy::TenantRef;
use tenancy::config::{AuditConfig, DbConfig, KmsConfig, PoolConfig, RegionalConfig, S3Config, ShardConfig};
use testkit::TestRegion;

/// The variable that names the file with a child's orders.
const CHILD: &str = "DOMICILE_TEST_CHILD";
/// Longest time a child waits to be killed, in seconds.
const PARKED_S: u64 = 60;

/// A running child, which dies with this value at the latest.
pub(crate) struct Victim(Child);

impl Victim {
    /// Runs the test `name` as a process, and returns when it says that it has come to `point`.
    pub(crate) fn at(name: &str, orders: &Path, point: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, orders)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let victim = Self(child);
        let reached = lines.any(|line| line.is_ok_and(|line| line.trim_end().ends_with(point)));
        assert!(reached, "the child never came to {point}");
        victim
    }

    /// SIGKILL: nothing is rolled back, said or closed by the process itself.
    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        let ended = self.0.wait().unwrap();
        assert!(!ended.success(), "the child ended before it was killed");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _dead_already = self.0.kill();
        let _reaped_already = self.0.wait();
    }
}

/// What a child is to do, where and for whom.
pub(crate) struct Orders {
    values: Vec<String>,
    pub(crate) tenant: TenantRef,
    point: String,
}

impl Orders {
    /// Writes the orders for a child in `region`, and says into which file.
    pub(crate) fn write(region: &TestRegion, tenant: TenantRef, point: &str) -> PathBuf {
        let shard = &region.config.shards[0];
        let values = [
            region.cluster.port.to_string(),
            shard.database.clone(),
            region.key_database().to_owned(),
            shard.ca.display().to_string(),
            region.dir().display().to_string(),
            region.config.kms.endpoint.clone().unwrap(),
            region.config.kms.key_id.clone(),
            region.config.s3.endpoint.clone().unwrap(),
            region.config.s3.bucket.clone(),
            region.config.kms.ca.clone().unwrap().display().to_string(),
            tenant.id.to_string(),
            point.to_owned(),
            region.config.audit.bucket.clone(),
            region.config.audit.signing_key_id.clone(),
        ];
        let file = region.dir().join("child");
        std::fs::write(&file, values.join("\n")).unwrap();
        file
    }

    /// A child's orders; nothing when this process is no child but runs all tests.
    #[expect(clippy::disallowed_methods, reason = "this is how a parent tells its child")]
    pub(crate) fn read() -> Option<Self> {
        let file = std::env::var(CHILD).ok()?;
        let text = std::fs::read_to_string(file).unwrap();
        let values: Vec<String> = text.lines().map(str::to_owned).collect();
        let tenant = TenantRef { id: values[10].parse().unwrap(), shard: ShardId(1), epoch: Epoch(1) };
        let point = values[11].clone();
        Some(Self { values, tenant, point })
    }

    /// The region's configuration with the log-in `user`.
    pub(crate) fn config(&self, user: &str) -> RegionalConfig {
        let value = |at: usize| self.values[at].clone();
        let db = |database: usize| DbConfig {
            host: "127.0.0.1".to_owned(),
            port: self.values[0].parse().unwrap(),
            database: value(database),
            user: user.to_owned(),
            password_file: Path::new(&self.values[4]).join(user),
            ca: value(3).into(),
        };
        let (shard, key_store) = (db(1), db(2));
        RegionalConfig {
            region: "us-east-1".parse().unwrap(),
            shards: vec![ShardConfig {
                id: ShardId(1),
                host: shard.host,
                port: shard.port,
                database: shard.database,
                user: shard.user,
                password_file: shard.password_file,
                ca: shard.ca,
            }],
            key_store,
            kms: KmsConfig { endpoint: Some(value(5)), key_id: value(6), ca: Some(value(9).into()) },
            s3: S3Config { endpoint: Some(value(7)), bucket: value(8), ca: Some(value(9).into()) },
            audit: AuditConfig { bucket: value(12), key_id: value(6), signing_key_id: value(13) },
            pool: PoolConfig::default(),
        }
    }

    /// Says where the child is, and stays there to be killed if that is the point.
    pub(crate) fn reached(&self, point: &str) {
        say(point);
        if self.point == point {
            std::thread::park_timeout(Duration::from_secs(PARKED_S));
        }
    }

    /// Whether this is the point the parent waits for.
    pub(crate) fn ends_at(&self, point: &str) -> bool {
        self.point == point
    }
}

/// Tells the parent where the child is.
#[expect(clippy::print_stdout, reason = "this is how a child tells its parent")]
pub(crate) fn say(point: &str) {
    println!("\n{point}");
}
