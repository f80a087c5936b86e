//! pgbench as the measure: the SQL of one patient read, captured from the server's log, by as many clients.
//!
//! A read asks two databases, the shard and the key store, and pgbench knows one. Each has its own runs, and what a read takes
//! of the machine is the sum of both.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tenancy::config::DbConfig;
use tokio::process::Command;
use tokio_postgres::Client;

use crate::Scale;
use crate::load::FrontDoor;
use crate::sql::{self, Statement};
use crate::world::World;

/// Settings of one role that make the server log each statement with its values, for the length of one request.
const LOGGED: [&str; 4] = [
    "log_statement = 'all'",
    "log_min_messages = 'log'",
    "log_parameter_max_length = -1",
    "log_error_verbosity = 'default'",
];

/// A context for the session that asks, made from the key the shard holds: what the backend does for itself.
const CONTEXT: &str = "
CREATE SCHEMA bench;
CREATE FUNCTION bench.context() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE body text; k record;
BEGIN
    SELECT * INTO k FROM sec.context_key WHERE role_name = 'ROLE';
    body := substr(k.role_name, 3) || '.' || (extract(epoch FROM now())::bigint + 7200) || '.' || pg_backend_pid();
    RETURN body || '.' || encode(sha256(k.outer_block || sha256(k.inner_block
        || convert_to('domicile-context-1|' || body, 'UTF8'))), 'hex');
END $$;
GRANT USAGE ON SCHEMA bench TO domicile_app;
GRANT EXECUTE ON FUNCTION bench.context() TO domicile_app;";

/// Ends the application's sessions, so that new ones have new settings, and waits until they are gone.
pub(crate) async fn end_sessions(world: &World, superuser: &Client) {
    let sql = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
         WHERE usename = 'domicile_app' AND datname IN ('{}', '{}')",
        world.region.shard_database(),
        world.region.key_database()
    );
    superuser.batch_execute(&sql).await.unwrap();
}

/// What one patient read sends to a database, one after the other.
async fn capture(world: &World, door: &mut FrontDoor, patient: &str, database: &str) -> Vec<Statement> {
    let superuser = world.region.superuser().await;
    let of = format!("ALTER ROLE domicile_app IN DATABASE {database}");
    for setting in LOGGED {
        superuser.batch_execute(&format!("{of} SET {setting}")).await.unwrap();
    }
    end_sessions(world, &superuser).await;
    // One connection, its statements prepared: what it does now is what it does ever after.
    for _ in 0..3 {
        door.read(patient).await;
    }
    let log = &world.region.cluster.log;
    let before = std::fs::metadata(log).unwrap().len();
    door.read(patient).await;
    let skip = usize::try_from(before).unwrap();
    let bytes = std::fs::read(log).unwrap();
    let text = String::from_utf8_lossy(&bytes[skip..]).into_owned();
    superuser.batch_execute(&format!("{of} RESET ALL")).await.unwrap();
    end_sessions(world, &superuser).await;
    sql::statements(&text)
}

/// How many statements with values there are.
fn prepared(statements: &[Statement]) -> usize {
    statements.iter().filter(|one| matches!(one, Statement::Prepared(..))).count()
}

/// pgbench with what one patient read asks the shard and the key store.
pub(crate) struct Pgbench {
    shard: Script,
    keys: Script,
}

impl Pgbench {
    /// Captures what a read sends to each of the two.
    pub(crate) async fn new(world: &World, door: &mut FrontDoor, patient: &str) -> Pgbench {
        let superuser = world.region.superuser().await;
        let role = format!("t_{}", world.alpha.tenant.id);
        superuser.batch_execute(&CONTEXT.replace("ROLE", &role)).await.unwrap();
        let (shard, keys) = (&world.region.config.shards[0].db(), &world.region.config.key_store);
        let of_shard = capture(world, door, patient, &shard.database).await;
        assert!(prepared(&of_shard) >= 4, "session, record, read-back and audit entry: {of_shard:?}");
        let of_keys = capture(world, door, patient, &keys.database).await;
        assert_eq!((prepared(&of_keys), of_keys.len()), (1, 1), "the patient's key: {of_keys:?}");
        Pgbench {
            shard: Script::new(world, shard, "patient-read", &sql::script(&of_shard)),
            keys: Script::new(world, keys, "patient-key", &sql::script_of_keys(&of_keys)),
        }
    }

    /// Reads a second by `clients` clients: of the shard, of the key store, and of both after each other.
    pub(crate) async fn run(&mut self, clients: usize, scale: Scale) -> Rates {
        let shard = self.shard.run(clients, scale).await;
        let keys = self.keys.run(clients, scale).await;
        Rates { shard, keys, both: (shard.recip() + keys.recip()).recip() }
    }
}

/// What pgbench reached, in transactions a second.
pub(crate) struct Rates {
    pub(crate) shard: f64,
    pub(crate) keys: f64,
    pub(crate) both: f64,
}

/// pgbench with one script on one database.
struct Script {
    program: PathBuf,
    script: PathBuf,
    environment: Vec<(&'static str, String)>,
    runs: u64,
}

impl Script {
    fn new(world: &World, database: &DbConfig, name: &str, text: &str) -> Script {
        let script = world.region.dir().join(format!("{name}.pgbench"));
        std::fs::write(&script, text).unwrap();
        let password = std::fs::read_to_string(&database.password_file).unwrap();
        let environment = vec![
            ("PGHOST", database.host.clone()),
            ("PGPORT", database.port.to_string()),
            ("PGDATABASE", database.database.clone()),
            ("PGUSER", database.user.clone()),
            ("PGPASSWORD", password.trim().to_owned()),
            ("PGSSLMODE", "require".to_owned()),
        ];
        Script { program: find(&world.region.cluster.bin_dir), script, environment, runs: 0 }
    }

    /// Transactions a second of `clients` clients.
    async fn run(&mut self, clients: usize, scale: Scale) -> f64 {
        self.runs += 1;
        let base = 100_000_000_000 + self.runs * 1_000_000_000;
        let seconds = scale.each.max(Duration::from_secs(1)).as_secs();
        let output = Command::new(&self.program)
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .args(["--no-vacuum", "--protocol=simple", "--jobs=2", "-D", "known=0"])
            .args(["-D", &format!("base={base}"), "--client", &clients.to_string()])
            .args(["--time", &seconds.to_string(), "--file"])
            .arg(&self.script)
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let (said, errors) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && !errors.contains("ERROR"), "pgbench: {said}{errors}");
        let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")).unwrap_or_default();
        tps.split(' ').next().unwrap_or_default().parse().unwrap()
    }
}

fn find(dir: &Path) -> PathBuf {
    let beside = dir.join("pgbench");
    if beside.is_file() { beside } else { PathBuf::from("pgbench") }
}
