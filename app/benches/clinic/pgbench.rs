//! pgbench as the measure: the SQL of one patient read, captured from the server's log, by as many clients.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

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

/// What one patient read sends to the shard's database.
pub(crate) async fn capture(world: &World, door: &mut FrontDoor, patient: &str) -> Vec<Statement> {
    let superuser = world.region.superuser().await;
    let of = format!("ALTER ROLE domicile_app IN DATABASE {}", world.region.shard_database());
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
    let found = sql::statements(&text);
    let prepared = found.iter().filter(|one| matches!(one, Statement::Prepared(..))).count();
    assert!(prepared >= 4, "session, record, read-back and audit entry were expected in the log:\n{text}");
    found
}

/// pgbench with the script of one request.
pub(crate) struct Pgbench {
    program: PathBuf,
    script: PathBuf,
    environment: Vec<(&'static str, String)>,
    runs: u64,
}

impl Pgbench {
    pub(crate) async fn new(world: &World, statements: &[Statement]) -> Pgbench {
        let superuser = world.region.superuser().await;
        let role = format!("t_{}", world.alpha.tenant.id);
        superuser.batch_execute(&CONTEXT.replace("ROLE", &role)).await.unwrap();
        let script = world.region.dir().join("patient-read.pgbench");
        std::fs::write(&script, sql::script(statements)).unwrap();
        let shard = &world.region.config.shards[0];
        let password = std::fs::read_to_string(&shard.password_file).unwrap();
        let environment = vec![
            ("PGHOST", shard.host.clone()),
            ("PGPORT", shard.port.to_string()),
            ("PGDATABASE", shard.database.clone()),
            ("PGUSER", shard.user.clone()),
            ("PGPASSWORD", password.trim().to_owned()),
            ("PGSSLMODE", "require".to_owned()),
        ];
        Pgbench { program: find(&world.region.cluster.bin_dir), script, environment, runs: 0 }
    }

    /// Transactions a second of `clients` clients.
    pub(crate) async fn run(&mut self, clients: usize, scale: Scale) -> f64 {
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
