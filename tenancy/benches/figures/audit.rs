//! The audit log: what an entry costs, how many events a second get from the commit into the log, and finding one patient's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use diesel_async::RunQueryDsl as _;
use regions::clock::Clock;
use regions::ids::ShardId;
use tenancy::SchemaName;
use tenancy::audit::{AuditEntry, Outcome, Unaudited};
use tenancy::audit_log::{About, EVENTS_PAGE_MAX, Sealer, Span, Term, events};
use testkit::TestRegion;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::Size;
use crate::line::{Line, ms, percentile};

const SHARD: ShardId = ShardId(1);
/// Who commits at once.
const WRITERS: u64 = 16;
/// Pause of a sealer that has caught up: a worker's.
const TICK: Duration = Duration::from_secs(1);
/// Longest a hundredth of the events may wait for their place in the log.
const LAG_MAX: Duration = Duration::from_secs(3);
const EVENTS_PER_S: f64 = 5_000.0;
/// Whose history is looked for, and how many events it has.
const HISTORY: (Uuid, i64) = (Uuid::from_u128(0x5ec7), 200);
const HISTORY_MAX: Duration = Duration::from_millis(300);
/// Events among which the target is meant.
const HISTORY_AMONG: i64 = 10_000_000;
/// Times it is looked for.
const LOOKS: u32 = 40;

/// Measures and prints.
pub(crate) async fn measure(size: Size) {
    let region = TestRegion::new().await;
    price(&region, size).await;
    let sealer = Sealer::connect(&region.migrator_config, SHARD, Clock::system()).await.unwrap();
    let mut term = sealer.lead().await.unwrap().unwrap();
    sealer.drain(&mut term).await.unwrap();
    committed_and_sealed(&region, (&sealer, &mut term), size).await;
    sealed_alone(&region, (&sealer, &mut term), size).await;
    history(&region, size).await;
}

/// The same transaction with its entry and without, in turns.
async fn price(region: &TestRegion, size: Size) {
    let write = "INSERT INTO site (id, tenant_id, name, created_at)
        SELECT gen_random_uuid(), tenant_id, 'bench', now() FROM site LIMIT 1";
    for (name, sql) in [
        ("the audit entry's price on a read", "SELECT count(*) FROM site"),
        ("the audit entry's price on a write", write),
    ] {
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..size.transactions {
            for audited in [true, false] {
                let begun = Instant::now();
                let mut tx = region.regional.begin(region.alpha, "bench.price").await.unwrap();
                diesel::sql_query(sql).execute(tx.conn()).await.unwrap();
                if audited {
                    tx.commit(entry(Uuid::from_u128(7)).touches("site")).await.unwrap();
                    with.push(begun.elapsed());
                } else {
                    tx.commit_without_audit(Unaudited::JobProgress).await.unwrap();
                    without.push(begun.elapsed());
                }
            }
        }
        let (median, p99) = (percentile(&mut with, 50), percentile(&mut with, 99));
        let (bare, bare_p99) = (percentile(&mut without, 50), percentile(&mut without, 99));
        Line {
            name,
            figure: format!("a transaction with it: p50 {}, p99 {}", ms(median), ms(p99)),
            against: format!("the same one without: p50 {}, p99 {}", ms(bare), ms(bare_p99)),
            ratio: Some(median.as_secs_f64() / bare.as_secs_f64()),
            reach: "information",
            met: None,
        }
        .print();
    }
}

/// Several who commit, one transaction an event, and one who seals beside them as a worker does.
async fn committed_and_sealed(region: &TestRegion, (sealer, term): (&Sealer, &mut Term), size: Size) {
    let (left, begun) = (Arc::new(AtomicU64::new(WRITERS)), Instant::now());
    let mut writers = Vec::new();
    for _ in 0..WRITERS {
        let (regional, left) = (Arc::clone(&region.regional), Arc::clone(&left));
        let tenants = [region.alpha, region.beta];
        writers.push(tokio::spawn(async move {
            let mut committed = 0_u64;
            for tenant in tenants.iter().cycle() {
                if begun.elapsed() >= size.committing {
                    break;
                }
                let tx = regional.begin(*tenant, "bench.commit").await.unwrap();
                tx.commit(entry(Uuid::from_u128(7))).await.unwrap();
                committed += 1;
            }
            left.fetch_sub(1, Ordering::Release);
            committed
        }));
    }
    // Every event of a batch counts as old as its oldest, which makes the lag look worse than it is.
    let (mut lags, mut sealed) = (Vec::new(), 0);
    loop {
        let over = AtomicU64::load(&left, Ordering::Acquire) == 0;
        let batch = sealer.seal(term).await.unwrap();
        sealed += batch.events;
        lags.extend((0..batch.events).map(|_| Duration::from_millis(batch.oldest_ms)));
        if batch.events == 0 {
            if over {
                break;
            }
            tokio::time::sleep(TICK).await;
        }
    }
    let mut committed = 0;
    for writer in writers {
        committed += writer.await.unwrap();
    }
    assert_eq!(committed, sealed, "nothing is lost on the way");
    let rate = committed as f64 / size.committing.as_secs_f64();
    let lag = percentile(&mut lags, 99);
    Line {
        name: "audit log of a shard: from commit to sealed, one transaction an event",
        figure: format!("{rate:.0} events/s of {WRITERS} writers, seal lag p99 {:.2} s", lag.as_secs_f64()),
        against: "–; the database, the writers and the sealer share two cores".to_owned(),
        ratio: None,
        reach: "≥ 5,000 events/s, lag p99 ≤ 3 s",
        met: size.real.then_some(rate >= EVENTS_PER_S && lag <= LAG_MAX),
    }
    .print();
}

/// The sealer's own ceiling, with the machine to itself: events that wait already.
async fn sealed_alone(region: &TestRegion, (sealer, term): (&Sealer, &mut Term), size: Size) {
    let tx = region.regional.begin(region.alpha, "bench.commit").await.unwrap();
    tx.commit(entry(Uuid::from_u128(7))).await.unwrap();
    let more = format!(
        "INSERT INTO audit.pending (tenant, event_id, leaf, entry)
         SELECT tenant, gen_random_uuid(), leaf, entry FROM audit.pending, generate_series(2, {})",
        size.waiting
    );
    region.superuser().await.batch_execute(&more).await.unwrap();
    let (begun, mut sealed) = (Instant::now(), 0);
    loop {
        let batch = sealer.seal(term).await.unwrap();
        sealed += batch.events;
        if batch.events == 0 {
            break;
        }
    }
    let sealing = begun.elapsed();
    assert_eq!(sealed, u64::try_from(size.waiting).unwrap());
    let begun = Instant::now();
    let published = sealer.publish().await.unwrap();
    let (publishing, rate) = (begun.elapsed(), sealed as f64 / sealing.as_secs_f64());
    Line {
        name: "audit log of a shard: the sealer alone",
        figure: format!(
            "{sealed} waiting events in {:.1} s, {rate:.0} events/s; {} files published in {:.1} s",
            sealing.as_secs_f64(),
            published.files,
            publishing.as_secs_f64()
        ),
        against: "–".to_owned(),
        ratio: None,
        reach: "≥ 5,000 events/s",
        met: size.real.then_some(rate >= EVENTS_PER_S),
    }
    .print();
}

/// One patient's events among many, as the reports ask for them.
async fn history(region: &TestRegion, size: Size) {
    let begun = Instant::now();
    fill(&region.superuser().await, region, size.events).await;
    eprintln!("{} events were inserted in {:.0} s", size.events, begun.elapsed().as_secs_f64());
    let (mut took, mut found) = (Vec::new(), 0);
    for _ in 0..LOOKS {
        let begun = Instant::now();
        let mut tx = region.regional.begin(region.alpha, "bench.history").await.unwrap();
        let about = About::Subject(HISTORY.0);
        found = events(&mut tx, about, Span::default(), EVENTS_PAGE_MAX).await.unwrap().len();
        tx.commit(entry(Uuid::from_u128(8))).await.unwrap();
        took.push(begun.elapsed());
    }
    assert!(found >= 100, "{found}");
    let (p50, p95) = (percentile(&mut took, 50), percentile(&mut took, 95));
    Line {
        name: "one patient's history in the audit log",
        figure: format!("{found} events among {}: p95 {}, p50 {}", size.events, ms(p95), ms(p50)),
        against: "–".to_owned(),
        ratio: None,
        reach: "≤ 300 ms among 10 M (DOMICILE_BENCH_EVENTS=10000000)",
        // Fewer events say nothing of the target.
        met: (size.real && size.events >= HISTORY_AMONG).then_some(p95 <= HISTORY_MAX),
    }
    .print();
}

/// Rows alone, without their bytes in the log: one a second into the past, twenty of each other patient in a row.
async fn fill(superuser: &Client, region: &TestRegion, among: i64) {
    let ops = SchemaName::ops(region.alpha.id).quoted();
    let (tenant, every) = (region.alpha.id.as_uuid(), (among / HISTORY.1).max(1));
    let sql = format!(
        "SET session_replication_role = replica;
         INSERT INTO {ops}.audit_event (event_id, tenant_id, occurred_at, region, actor_kind, actor_id, action,
            resource_kind, subject_id, purpose, outcome, schema_ver)
         SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - n::bigint * 1000), 12, '0') || '7000'
                || '8' || substr(md5(n::text), 1, 15))::uuid,
            '{tenant}', now() - n * interval '1 second', 'us-east-1', 'staff', md5((n % 977)::text)::uuid,
            'patient.read', 'patient',
            CASE WHEN n % {every} = 0 THEN '{subject}'::uuid ELSE md5((n / 20)::text)::uuid END,
            'TREATMENT', 'allow', 1
         FROM generate_series(1, {among}) n;
         ANALYZE {ops}.audit_event",
        subject = HISTORY.0,
    );
    superuser.batch_execute(&sql).await.unwrap();
}

fn entry(subject: Uuid) -> AuditEntry {
    AuditEntry::new("patient.read", Outcome::Allow)
        .resource("patient", subject.into_bytes())
        .subject(subject.into_bytes())
}
