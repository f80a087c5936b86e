//! The route table at a million tenants: runs its own measurement in `regions` and reads what it prints.
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;

use crate::bench::library::Line;
use crate::fail::{Attempt, Fail, Outcome};
use crate::places::Checkout;
use crate::stack::bring_up::finish;

/// What `regions/examples/route_bench.rs` prints.
#[derive(Deserialize)]
struct Measured {
    tenants: u64,
    changes_meanwhile: u64,
    p50_ns: u64,
    p99_ns: u64,
    heap_bytes_per_tenant: u64,
    resident_bytes_per_tenant: u64,
}

/// Builds and runs it, optimised.
pub(super) async fn run(checkout: &Checkout) -> Outcome<Vec<Line>> {
    let mut command = Command::new("cargo");
    let arguments = ["run", "--release", "--locked", "--package", "regions", "--example", "route_bench"];
    command.args(arguments).current_dir(checkout.root());
    let said = finish("the measurement of the route table", command, WAIT_MAX).await?;
    let line = said.lines().rev().find(|line| line.starts_with('{'));
    let line = line.ok_or_else(|| Fail::new("the measurement of the route table printed no result"))?;
    let found: Measured =
        serde_json::from_str(line).attempt(|| "read the route table's result".to_owned())?;
    let tenants = format!("{} tenants, {} changes meanwhile", found.tenants, found.changes_meanwhile);
    // The heap is what the table says of itself, the other what the process grew by: the larger one counts.
    let bytes = found.heap_bytes_per_tenant.max(found.resident_bytes_per_tenant);
    Ok(vec![
        Line {
            name: format!("route look-up, {tenants}"),
            figure: format!("p50 {} ns, p99 {} ns", found.p50_ns, found.p99_ns),
            against: String::new(),
            ratio: None,
            reach: "p99 ≤ 5 µs".to_owned(),
            met: Some(found.p99_ns <= P99_NS_MAX),
        },
        Line {
            name: "memory of the route table a tenant".to_owned(),
            figure: format!("{bytes} B"),
            against: String::new(),
            ratio: None,
            reach: "≤ 200 B".to_owned(),
            met: Some(bytes <= TENANT_BYTES_MAX),
        },
    ])
}

const P99_NS_MAX: u64 = 5_000;
const TENANT_BYTES_MAX: u64 = 200;
const WAIT_MAX: Duration = Duration::from_secs(15 * 60);
