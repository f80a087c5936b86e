//! Many tenants on one shard: making one more, migrating when nothing is to do, migrating all, and memory meanwhile.
//!
//! `cargo bench -p tenancy --bench tenants` measures with a thousand; without `--bench`, as `cargo test` runs it, or with
//! `--quick`, a few prove that the harness works. Each result is one line of JSON.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark stops loudly and prints what it measured"
)]

use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl as _;
use futures_util::{StreamExt as _, stream};
use tenancy::TenantRef;
use tenancy::config::PoolConfig;
use tenancy::migrate::{Migrator, Parallel, Plan};
use tenancy::provision::Provisioner;
use testkit::TestRegion;

const TENANTS: usize = 1_000;
const TENANTS_QUICK: usize = 4;
/// The last ones made, whose slowest counts as "one more".
const LAST: usize = 20;
/// Tenants removed at once in the end.
const REMOVED_AT_ONCE: usize = 4;
/// What this process may grow by while it works on all of them, in KiB.
const GROWTH_KIB: u64 = 16 * 1_024;
/// What a server process may hold for itself after it has served every tenant of a full shard, in KiB.
const VISITED_KIB_MAX: u64 = 400_000_000 / 1_024;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let asked = |name: &str| arguments.iter().any(|argument| argument == name);
    let real = asked("--bench") && !asked("--quick");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(measure(if real { TENANTS } else { TENANTS_QUICK }, real));
}

async fn measure(count: usize, real: bool) {
    let one = PoolConfig { connections_max: 1, lanes_max: 1, ..PoolConfig::default() };
    let region = TestRegion::with_pool(one).await;
    let migrator = region.migrator().await;
    let provisioner = Provisioner::new(&migrator, &region.regional);
    let (mut tenants, mut took) = (Vec::new(), Vec::new());
    let mut before = 0;
    for number in 0..count {
        let tenant = region.stranger();
        let begun = Instant::now();
        provisioner.run_regional(tenant).await.unwrap();
        took.push(begun.elapsed());
        tenants.push(tenant);
        if number == count / 10 {
            // Everything that is allocated once has been by now.
            before = resident_kib("self", "VmRSS:");
        }
    }
    let last = took.iter().rev().take(LAST).max().copied().unwrap_or_default();
    let first = took.iter().take(LAST).max().copied().unwrap_or_default();
    let line = Line { count, real, reach: "≤ 2 s", limit: Duration::from_secs(2) };
    line.print("making one more tenant", last, &format!("the first ones: {}", seconds(first)));

    let begun = Instant::now();
    assert_eq!(migrator.tenants(Parallel::default()).await.unwrap().migrated, 0);
    let line = Line { count, real, reach: "≤ 10 s", limit: Duration::from_secs(10) };
    line.print("a migration with nothing to do", begun.elapsed(), "–");

    let (up, down) = ("ALTER TABLE {{ops}}.patient ADD COLUMN probe text", "SELECT 1");
    let plan = Plan::embedded().and_tenant("probe", up, down);
    let extended = Migrator::with_plan(&region.migrator_config, plan).await.unwrap();
    let begun = Instant::now();
    let report = extended.tenants(Parallel::default()).await.unwrap();
    assert!(report.is_complete() && report.migrated == count + 2, "{report:?}");
    let line = Line { count, real, reach: "≤ 2 min", limit: Duration::from_secs(120) };
    line.print("one additive migration of all", begun.elapsed(), "–");

    memory(before, resident_kib("self", "VmRSS:"), count, real);
    visit(&region, &tenants, real).await;
    remove(&provisioner, &tenants).await;
}

/// One connection reads every table of every tenant; what the server process behind it keeps of them is bounded only by the
/// connection's lifetime.
async fn visit(region: &TestRegion, tenants: &[TenantRef], real: bool) {
    let tables = "SELECT string_agg(format('SELECT count(*) FROM %I', table_name), ' UNION ALL ') AS word
        FROM information_schema.tables
        WHERE table_schema = ANY (current_schemas(false)) AND table_type = 'BASE TABLE'";
    let (mut first, mut last) = (0, 0);
    for tenant in [region.alpha].iter().chain(tenants) {
        let mut tx = region.regional.begin(*tenant, "bench.visit").await.unwrap();
        let found = diesel::sql_query(tables).get_result::<Word>(tx.conn()).await.unwrap();
        let all = format!(
            "SELECT pg_backend_pid()::text AS word FROM (SELECT count(*) FROM ({}) AS each) AS all_of_them",
            found.word
        );
        let pid = diesel::sql_query(all).get_result::<Word>(tx.conn()).await.unwrap().word;
        tx.rollback().await.unwrap();
        last = resident_kib(&pid, "RssAnon:");
        if first == 0 {
            first = last;
        }
    }
    let each = last.saturating_sub(first) / u64::try_from(tenants.len()).unwrap();
    let figure =
        format!("{} MB after visiting {} tenants, {each} KiB each", last * 1_024 / 1_000_000, tenants.len());
    let against = format!("{} MB after the first", first * 1_024 / 1_000_000);
    let met = real.then_some(last <= VISITED_KIB_MAX);
    print(
        "own memory of one PostgreSQL process with a connection that visits them all",
        &figure,
        (&against, "≤ 400 MB"),
        met,
    );
}

#[derive(diesel::QueryableByName)]
struct Word {
    #[diesel(sql_type = diesel::sql_types::Text)]
    word: String,
}

/// Roles belong to the whole cluster and would outlive the region's databases.
async fn remove(provisioner: &Provisioner<'_>, tenants: &[TenantRef]) {
    let begun = Instant::now();
    let removed = stream::iter(tenants).map(|tenant| provisioner.destroy(*tenant));
    let results: Vec<_> = removed.buffer_unordered(REMOVED_AT_ONCE).collect().await;
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    eprintln!("{} tenants off-boarded in {}", tenants.len(), seconds(begun.elapsed()));
}

struct Line {
    count: usize,
    real: bool,
    reach: &'static str,
    limit: Duration,
}

impl Line {
    fn print(&self, name: &str, took: Duration, against: &str) {
        let met = self.real.then_some(took <= self.limit);
        print(name, &format!("{} among {} tenants", seconds(took), self.count), (against, self.reach), met);
    }
}

fn memory(before: u64, after: u64, count: usize, real: bool) {
    let met = real.then_some(after.saturating_sub(before) <= GROWTH_KIB);
    let figure = format!("{} MiB resident after all {count} were made and migrated", after / 1_024);
    let against = format!("{} MiB after the first tenth", before / 1_024);
    print("memory of the migrating process", &figure, (&against, "flat"), met);
}

fn print(name: &str, figure: &str, (against, reach): (&str, &str), met: Option<bool>) {
    let line = serde_json::json!({ "name": name, "figure": figure, "against": against, "ratio": null,
        "reach": reach, "met": met });
    println!("{line}");
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Memory of a process in KiB as a line of its status says, 0 where the kernel does not.
fn resident_kib(process: &str, line: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let rest = status.lines().find_map(|other| other.strip_prefix(line)).unwrap_or_default();
    rest.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
}
