//! Measures the route table at a million tenants, while deltas come in, and prints one line of JSON for `make
//! bench`.

#![expect(clippy::print_stdout, reason = "the result of a benchmark is its output")]

use regions::directory::{RuleError, TenantRecord, TenantState};
use regions::ids::{Epoch, ShardId, Slug, TenantId};
use regions::random;
use regions::region::{Jurisdiction, Region};
use regions::route_table::RouteTable;
use std::error::Error;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const TENANTS: u32 = 1_000_000;
const LOOKUPS: u32 = 2_000_000;
/// Pause between changes, so that the writer is busy but does not own a core.
const CHANGE_EVERY: Duration = Duration::from_micros(100);

fn main() -> Result<(), Box<dyn Error>> {
    let resident_before = resident_bytes()?;
    let started = Instant::now();
    let table = RouteTable::build(regions()?, tenants()?)?;
    let load_ms = started.elapsed().as_millis();
    let resident = resident_bytes()?.saturating_sub(resident_before);
    let (stop, changes) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut nanoseconds = std::thread::scope(|scope| -> Result<Vec<u64>, Box<dyn Error>> {
        let writer = scope.spawn(|| change(&table, &stop, &changes));
        let measured = look_up(&table);
        stop.store(true, Ordering::Relaxed);
        writer.join().ok().ok_or("the writer panicked")??;
        measured
    })?;
    nanoseconds.sort_unstable();
    let percentile = |per_mille: usize| nanoseconds.get(nanoseconds.len() * per_mille / 1000).copied();
    let result = serde_json::json!({
        "bench": "route_table",
        "tenants": TENANTS,
        "lookups": LOOKUPS,
        "changes_meanwhile": changes.into_inner(),
        "p50_ns": percentile(500),
        "p99_ns": percentile(990),
        "p999_ns": percentile(999),
        "heap_bytes_per_tenant": table.heap_bytes() / usize::try_from(TENANTS)?,
        "resident_bytes_per_tenant": resident / u64::from(TENANTS),
        "load_ms": load_ms,
    });
    println!("{result}");
    Ok(())
}

/// Looks slugs up in random order, each with its own clock reading; every tenth is unknown.
fn look_up(table: &RouteTable) -> Result<Vec<u64>, Box<dyn Error>> {
    let mut nanoseconds = Vec::with_capacity(usize::try_from(LOOKUPS)?);
    for round in 0..LOOKUPS {
        let unknown = round % 10 == 0;
        let slug = slug(random::up_to(TENANTS - 1) + if unknown { TENANTS } else { 0 })?;
        let asked = Instant::now();
        let found = table.by_slug(&slug);
        nanoseconds.push(u64::try_from(asked.elapsed().as_nanos())?);
        if found.is_none() != unknown {
            return Err("a look-up gave the wrong answer".into());
        }
    }
    Ok(nanoseconds)
}

fn change(table: &RouteTable, stop: &AtomicBool, changes: &AtomicU64) -> Result<(), RuleError> {
    while !stop.load(Ordering::Relaxed) {
        let id = id(random::up_to(TENANTS - 1));
        if let Some(record) = table.tenant(&id) {
            let mut batch = table.batch();
            batch
                .put_tenant(&TenantRecord { epoch: record.epoch.next().unwrap_or(record.epoch), ..record })?;
            batch.commit();
            changes.fetch_add(1, Ordering::Relaxed);
        }
        std::thread::sleep(CHANGE_EVERY);
    }
    Ok(())
}

fn regions() -> Result<[Region; 2], Box<dyn Error>> {
    let us = Region { name: "us-east-1".parse()?, code: "us".parse()?, jurisdiction: Jurisdiction::Us };
    let india = Region { name: "ap-south-1".parse()?, code: "in".parse()?, jurisdiction: Jurisdiction::In };
    Ok([us, india])
}

fn tenants() -> Result<impl Iterator<Item = TenantRecord>, Box<dyn Error>> {
    let names = regions()?.map(|region| region.name);
    let record = move |number: u32| {
        let region = if number.is_multiple_of(2) { names.first() } else { names.last() };
        let (slug, region) = (slug(number).ok()?, *region?);
        let (shard, state, epoch) = (ShardId(1), TenantState::Active, Epoch::FIRST);
        Some(TenantRecord { id: id(number), slug, region, shard, state, epoch })
    };
    Ok((0..TENANTS).filter_map(record))
}

fn id(number: u32) -> TenantId {
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    TenantId::from(bytes)
}

fn slug(number: u32) -> Result<Slug, Box<dyn Error>> {
    Ok(format!("clinic-of-a-usual-length-{number}").parse()?)
}

/// Resident memory from `/proc`; 0 where there is none, as on macOS.
fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return Ok(0) };
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no resident size")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024)
}
