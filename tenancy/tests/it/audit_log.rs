//! The log: sealed in order, published to the archive, verified offline, and every way in which somebody with all rights
//! over the database tries to change it (security.md T43 to T46, T50, T52, T73, T75).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use auditlog::verify::{GAP_MAX_S, Kind, Options, Report, SKEW_MAX_S, read_events, verify_folder};
use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Utc};
use localaws::{Fault, FaultKind, Service};
use regions::clock::Clock;
use regions::ids::ShardId;
use tenancy::audit_log::{LogError, Logged, Sealer, Term, check_rows, fetch};
use tenancy::sealed::Sealed;
use tenancy::{SchemaName, TenantRef, TxError};
use testkit::TestRegion;
use uuid::Uuid;

use crate::support::{entry, execute, id, insert_patient};

const SHARD: ShardId = ShardId(1);

/// A region with a sealer.
struct World {
    region: TestRegion,
    sealer: Arc<Sealer>,
}

impl World {
    async fn new() -> Self {
        let region = TestRegion::new().await;
        let sealer = Sealer::connect(&region.migrator_config, SHARD, Clock::system()).await.unwrap();
        Self { region, sealer }
    }

    async fn lead(&self) -> Term {
        self.sealer.lead().await.unwrap().expect("nobody else has the turn")
    }

    async fn events(&self, tenant: TenantRef, count: usize) {
        for _ in 0..count {
            let tx = self.region.regional.begin(tenant, "test").await.unwrap();
            tx.commit(entry(id()).client_ip("192.0.2.1".parse().unwrap())).await.unwrap();
        }
    }

    /// Everything a worker does, once.
    async fn seal_and_publish(&self, term: &mut Term) {
        self.region.regional.publish_tallies().await.unwrap();
        let tallies = self.sealer.tallies().await.unwrap();
        self.sealer.drain(term).await.unwrap();
        self.sealer.compare(term, &tallies).await.unwrap();
        // The mark behind the tallies, which an idle sealer makes within a minute.
        let sql = "UPDATE audit.log SET last_seal_at = last_seal_at - interval '2 minutes'";
        self.region.superuser().await.batch_execute(sql).await.unwrap();
        self.sealer.drain(term).await.unwrap();
        self.sealer.publish().await.unwrap();
    }

    async fn fetched(&self, folder: &Path) -> Report {
        fetch(self.region.regional.archive(), SHARD, folder).await.unwrap();
        let keys = vec![self.sealer.verifier_key().clone()];
        verify_folder(folder, &Options { keys, gap_max_s: GAP_MAX_S, skew_max_s: SKEW_MAX_S }).unwrap()
    }

    fn logged(folder: &Path, tenant: TenantRef) -> Logged {
        let mut logged = BTreeMap::new();
        read_events(folder, |index, event, hash| {
            if event.tenant == tenant.id.as_uuid().into_bytes() {
                logged.insert(Uuid::from_bytes(event.event_id), (index, hash, event));
            }
        })
        .unwrap();
        logged
    }
}

fn kinds(report: &Report) -> Vec<Kind> {
    let mut kinds: Vec<Kind> =
        report.logs.iter().flat_map(|log| &log.findings).map(|found| found.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn events_are_sealed_published_and_verified_offline() {
    let world = World::new().await;
    let mut term = world.lead().await;
    assert!(world.sealer.lead().await.unwrap().is_none(), "one sealer at a time");
    for _ in 0..3 {
        world.events(world.region.alpha, 5).await;
        world.events(world.region.beta, 2).await;
        world.seal_and_publish(&mut term).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let report = world.fetched(folder.path()).await;
    assert!(report.ok, "{}", report.to_text());
    let log = &report.logs[0];
    assert_eq!(
        (log.events, log.tenants, log.checkpoints, log.tallies),
        (21, 2, 3, 3),
        "{}",
        report.to_text()
    );
    assert!(log.origin.starts_with("audit.us-east-1.domicile/shard-1/20"));
    for tenant in [world.region.alpha, world.region.beta] {
        let logged = World::logged(folder.path(), tenant);
        let rows = check_rows(&world.region.regional, tenant, &logged).await.unwrap();
        assert_eq!((rows.findings.len(), rows.events), (0, u64::try_from(logged.len()).unwrap()));
    }
    let left: i64 = world
        .region
        .superuser()
        .await
        .query_one("SELECT count(*) FROM audit.pending", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn t43_a_thousand_forgeries_by_a_superuser_are_all_found_and_named() {
    let world = World::new().await;
    let mut term = world.lead().await;
    world.events(world.region.alpha, 24).await;
    world.seal_and_publish(&mut term).await;
    let folder = tempfile::tempdir().unwrap();
    assert!(world.fetched(folder.path()).await.ok);
    let logged = World::logged(folder.path(), world.region.alpha);
    let order: BTreeMap<u64, Uuid> = logged.iter().map(|(id, (index, _, _))| (*index, *id)).collect();
    let order: Vec<(u64, Uuid)> = order.into_iter().collect();
    let table = format!("{}.audit_event", SchemaName::ops(world.region.alpha.id).quoted());
    let superuser = world.region.superuser().await;
    let sql =
        format!("SET session_replication_role = replica; CREATE TEMP TABLE kept AS SELECT * FROM {table}");
    superuser.batch_execute(&sql).await.unwrap();
    // Xorshift (Marsaglia): the same forgeries each time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut below = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(limit).unwrap()).unwrap()
    };
    for seed in 0..1_000 {
        let at = below(order.len());
        let (index, event) = order[at];
        let other = order[(at + 1 + below(order.len() - 1)) % order.len()];
        let columns = [
            "outcome = 'deny'",
            "actor_id = gen_random_uuid()",
            "subject_id = gen_random_uuid()",
            "action = 'patient.list'",
            "occurred_at = occurred_at - interval '1 hour'",
            "purpose = 'PAYMENT'",
            "fields = fields + 1",
            "row_version = coalesce(row_version, 0) + 1",
            "touched = '{}'",
            "reason = 'x'",
            "client_ip_sealed = '\\x00'",
            "client_ip_sealed = NULL",
            "session_id = gen_random_uuid()",
            "result_count = 9",
            "row_mac = '\\x01'",
            "detail_sealed = '\\x01'",
            "leaf = sha256('x')",
            "instance_id = gen_random_uuid()",
            "period = period + 1",
            "resource_id = NULL",
            "region = 'ap-south-1'",
        ];
        let (forgery, first) = match below(6) {
            0 | 1 => {
                let column = columns[below(columns.len())];
                (format!("UPDATE {table} SET {column} WHERE event_id = '{event}'"), Some(index))
            }
            2 => (format!("DELETE FROM {table} WHERE event_id = '{event}'"), Some(index)),
            // Two events change places: each has the other's content under its own id.
            3 => {
                let sql = format!(
                    "UPDATE {table} a SET occurred_at = b.occurred_at, resource_id = b.resource_id,
                        subject_id = b.subject_id, leaf = b.leaf, client_ip_sealed = b.client_ip_sealed
                     FROM kept b WHERE (a.event_id, b.event_id) IN (('{event}', '{}'), ('{}', '{event}'))",
                    other.1, other.1
                );
                (sql, Some(index.min(other.0)))
            }
            // Back-dated: an event that never was, with everything but a place in the log.
            4 => {
                let sql = format!(
                    "INSERT INTO {table} (event_id, tenant_id, occurred_at, region, actor_kind, actor_id, action,
                        resource_kind, purpose, outcome, schema_ver, leaf)
                     SELECT gen_random_uuid(), tenant_id, occurred_at - interval '1 day', region, actor_kind, actor_id,
                        action, resource_kind, purpose, outcome, schema_ver, leaf
                     FROM kept WHERE event_id = '{event}'"
                );
                (sql, None)
            }
            // The tail, or everything.
            _ => (format!("DELETE FROM {table} WHERE event_id >= '{event}'"), {
                order.iter().filter(|(_, id)| *id >= event).map(|(index, _)| *index).min()
            }),
        };
        superuser.batch_execute(&forgery).await.unwrap();
        let rows = check_rows(&world.region.regional, world.region.alpha, &logged).await.unwrap();
        assert!(!rows.findings.is_empty(), "seed {seed} was not found: {forgery}");
        let named = rows.findings.iter().filter_map(|found| found.index).min();
        assert_eq!(named, first, "seed {seed}: {forgery}");
        let restore =
            format!("DELETE FROM {table}; INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM kept");
        superuser.batch_execute(&restore).await.unwrap();
    }
    let rows = check_rows(&world.region.regional, world.region.alpha, &logged).await.unwrap();
    assert_eq!(rows.findings, [], "and what was restored is good again");
}

#[tokio::test]
async fn t44_events_deleted_before_they_are_sealed_are_missed_by_the_process_that_committed_them() {
    let world = World::new().await;
    let mut term = world.lead().await;
    world.events(world.region.alpha, 4).await;
    let ops = SchemaName::ops(world.region.alpha.id);
    let sql = format!(
        "SET session_replication_role = replica;
         DELETE FROM {}.audit_event WHERE event_id = (SELECT event_id FROM audit.pending ORDER BY id LIMIT 1);
         DELETE FROM audit.pending WHERE id = (SELECT min(id) FROM audit.pending)",
        ops.quoted()
    );
    world.region.superuser().await.batch_execute(&sql).await.unwrap();
    world.seal_and_publish(&mut term).await;
    let folder = tempfile::tempdir().unwrap();
    let report = world.fetched(folder.path()).await;
    assert_eq!(kinds(&report), [Kind::Tally], "{}", report.to_text());
    // An event that no process committed is found the same way.
    let world = World::new().await;
    let mut term = world.lead().await;
    world.events(world.region.alpha, 2).await;
    let sql = "INSERT INTO audit.pending (tenant, event_id, leaf, entry)
               SELECT tenant, gen_random_uuid(), leaf, entry FROM audit.pending LIMIT 1";
    world.region.superuser().await.batch_execute(sql).await.unwrap();
    world.seal_and_publish(&mut term).await;
    let folder = tempfile::tempdir().unwrap();
    assert!(kinds(&world.fetched(folder.path()).await).contains(&Kind::Tally));
}

#[tokio::test]
async fn t45_a_sealer_that_slept_through_its_lease_changes_nothing() {
    let world = World::new().await;
    let mut first = world.lead().await;
    world.events(world.region.alpha, 3).await;
    world.sealer.drain(&mut first).await.unwrap();
    // It is stopped here, and its lease runs out.
    let expire = "UPDATE audit.log SET lease_until = '-infinity'";
    world.region.superuser().await.batch_execute(expire).await.unwrap();
    let other = Sealer::connect(&world.region.migrator_config, SHARD, Clock::system()).await.unwrap();
    let mut second = other.lead().await.unwrap().unwrap();
    world.events(world.region.alpha, 3).await;
    assert!(matches!(world.sealer.seal(&mut first).await, Err(LogError::Fenced)), "it goes on, too late");
    other.drain(&mut second).await.unwrap();
    assert!(matches!(world.sealer.seal(&mut first).await, Err(LogError::Fenced)));
    // Both publish at once: the same history.
    let (one, two) = tokio::join!(world.sealer.publish(), other.publish());
    assert_eq!(one.unwrap().size.max(two.unwrap().size), 9);
    let folder = tempfile::tempdir().unwrap();
    let report = world.fetched(folder.path()).await;
    assert!(report.ok, "{}", report.to_text());
    assert_eq!(report.logs[0].events, 6);
}

#[tokio::test]
async fn t46_a_sealer_killed_at_any_step_is_followed_by_one_that_does_the_rest() {
    let world = World::new().await;
    let mut term = world.lead().await;
    world.events(world.region.alpha, 3).await;
    world.sealer.drain(&mut term).await.unwrap();
    // Between the database's commit and each put to the archive in turn.
    for put in 0..3_u32 {
        for _ in 0..put {
            let let_pass = FaultKind::Latency { ms: 0 };
            let operation = Some("PutObject".to_owned());
            world.region.aws.faults().inject(Fault {
                service: Service::S3,
                operation,
                kind: let_pass,
                times: Some(1),
            });
        }
        let kind = FaultKind::Status { code: 500 };
        let operation = Some("PutObject".to_owned());
        world.region.aws.faults().inject(Fault { service: Service::S3, operation, kind, times: Some(16) });
        assert!(world.sealer.publish().await.is_err(), "put {put}");
        world.region.aws.faults().clear();
    }
    world.sealer.publish().await.unwrap();
    // Between the put of the checkpoint and its mark in the database.
    let forget = "UPDATE audit.checkpoint SET version = NULL, note = NULL";
    world.region.superuser().await.batch_execute(forget).await.unwrap();
    assert_eq!(world.sealer.publish().await.unwrap().size, 5);
    // Within the batch's transaction: the connection is gone, nothing of it is kept.
    world.events(world.region.beta, 2).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = 'domicile-sealer' AND datname = current_database()";
    world.region.superuser().await.batch_execute(kill).await.unwrap();
    assert!(world.sealer.seal(&mut term).await.is_err());
    let expire = "UPDATE audit.log SET lease_until = '-infinity'";
    world.region.superuser().await.batch_execute(expire).await.unwrap();
    let mut next = world.lead().await;
    world.seal_and_publish(&mut next).await;
    let folder = tempfile::tempdir().unwrap();
    let report = world.fetched(folder.path()).await;
    assert!(report.ok, "{}", report.to_text());
    assert_eq!(report.logs[0].events, 5);
}

#[tokio::test]
async fn t50_a_silent_archive_slows_no_commit_and_what_waited_is_published_in_order() {
    let world = World::new().await;
    let mut term = world.lead().await;
    world.events(world.region.alpha, 1).await;
    world.seal_and_publish(&mut term).await;
    world.region.aws.faults().s3(FaultKind::Hang);
    let publishing = {
        let sealer = Arc::clone(&world.sealer);
        tokio::spawn(async move { sealer.publish().await })
    };
    let begun = std::time::Instant::now();
    for _ in 0..5 {
        world.events(world.region.alpha, 2).await;
        world.sealer.drain(&mut term).await.unwrap();
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
    drop(publishing.await.unwrap());
    assert!(world.sealer.publish().await.is_err());
    assert!(world.region.regional.publish_tallies().await.is_err());
    world.region.aws.faults().clear();
    world.seal_and_publish(&mut term).await;
    let folder = tempfile::tempdir().unwrap();
    let report = world.fetched(folder.path()).await;
    assert!(report.ok, "{}", report.to_text());
    assert_eq!((report.logs[0].events, report.logs[0].tallies), (11, 2));
}

#[tokio::test]
async fn when_sealing_is_too_far_behind_patients_are_read_and_not_changed() {
    let world = World::new().await;
    let mut term = world.lead().await;
    world.events(world.region.alpha, 1).await;
    let age = "UPDATE audit.pending SET recorded_at = recorded_at - interval '16 minutes'";
    world.region.superuser().await.batch_execute(age).await.unwrap();
    let write = async || {
        let (row, mut tx) = (id(), world.region.regional.begin(world.region.alpha, "test").await.unwrap());
        insert_patient(&mut tx, world.region.alpha.id, row).await.unwrap();
        tx.commit(entry(row)).await.map(drop)
    };
    assert!(matches!(write().await, Err(TxError::AuditUnavailable)));
    world.events(world.region.alpha, 1).await;
    world.sealer.drain(&mut term).await.unwrap();
    write().await.unwrap();
}

#[tokio::test]
async fn t75_a_database_rolled_back_behind_its_archive_is_not_sealed_again() {
    let world = World::new().await;
    let mut term = world.lead().await;
    world.events(world.region.alpha, 2).await;
    world.seal_and_publish(&mut term).await;
    term.resign().await;
    let restore =
        "UPDATE audit.log SET size = 0, peaks = ''; TRUNCATE audit.checkpoint, audit.tile, audit.bundle";
    world.region.superuser().await.batch_execute(restore).await.unwrap();
    assert!(matches!(world.sealer.lead().await, Err(LogError::Forked)));
}

#[tokio::test]
async fn t52_an_event_that_is_too_large_is_refused_and_none_is_taken_without_its_bytes() {
    let world = World::new().await;
    let tx = world.region.regional.begin(world.region.alpha, "test").await.unwrap();
    let detail = Sealed::from_bytes(vec![7; 8_192]);
    assert!(matches!(tx.commit(entry(id()).detail(detail)).await, Err(TxError::AuditUnavailable)));
    let tx = world.region.regional.begin(world.region.alpha, "test").await.unwrap();
    let detail = Sealed::from_bytes(vec![7; 7_000]);
    tx.commit(entry(id()).detail(detail)).await.unwrap();
    // The tenant's own role can neither see what waits nor add a row that the log would not know.
    for sql in [
        "SELECT * FROM audit.pending",
        "DELETE FROM audit.pending",
        "SELECT * FROM audit.sealed",
        "INSERT INTO audit_event (event_id, tenant_id, occurred_at, region, actor_kind, actor_id, action, resource_kind,
            purpose, outcome, schema_ver) VALUES (gen_random_uuid(), sec.tenant(), now(), 'us-east-1', 'staff',
            gen_random_uuid(), 'patient.read', 'patient', 'TREATMENT', 'allow', 2)",
    ] {
        let mut tx = world.region.regional.begin(world.region.alpha, "test").await.unwrap();
        assert!(execute(&mut tx, sql).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn what_comes_into_the_archive_is_checked_from_where_the_last_check_ended() {
    let world = World::new().await;
    let mut term = world.lead().await;
    assert_eq!(world.sealer.check().await.unwrap(), None, "nothing is published yet");
    let superuser = world.region.superuser().await;
    // Within a bundle, to within the next one, and within that.
    for count in [5, 260, 3] {
        world.events(world.region.alpha, count).await;
        world.events(world.region.beta, 2).await;
        world.seal_and_publish(&mut term).await;
        let folder = tempfile::tempdir().unwrap();
        let whole = world.fetched(folder.path()).await;
        assert!(whole.ok, "{}", whole.to_text());
        let checked = world.sealer.check().await.unwrap().unwrap();
        assert_eq!(
            (checked.size, checked.fault),
            (whole.logs[0].size, None),
            "the verdict of a whole verification"
        );
        assert_eq!(world.sealer.check().await.unwrap(), Some(checked), "nothing new is as good as before");
    }
    // A memory that somebody wrote into is not believed; the check begins anew.
    let forge = "UPDATE audit.verification SET memory = replace(memory, '\"size\":', '\"size\":9')";
    superuser.batch_execute(forge).await.unwrap();
    let checked = world.sealer.check().await.unwrap().unwrap();
    assert!(checked.size > 270 && checked.fault.is_none(), "{checked:?}");
}

#[tokio::test]
async fn what_is_wrong_in_the_archive_is_said_at_each_check_until_it_is_mended() {
    let world = World::new().await;
    let mut term = world.lead().await;
    world.events(world.region.alpha, 5).await;
    world.seal_and_publish(&mut term).await;
    let good = world.sealer.check().await.unwrap().unwrap();
    assert_eq!(good.fault, None);
    // A superuser alters what was sealed, and the sealer publishes it with what comes next.
    let superuser = world.region.superuser().await;
    let forge = "UPDATE audit.tile SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 0";
    superuser.batch_execute(forge).await.unwrap();
    world.events(world.region.alpha, 2).await;
    world.seal_and_publish(&mut term).await;
    for _ in 0..2 {
        let bad = world.sealer.check().await.unwrap().unwrap();
        assert_eq!((bad.size, bad.fault), (good.size, Some(("hash", 0))));
    }
    let kept =
        superuser.query_one("SELECT outcome, first_bad, size FROM audit.verification", &[]).await.unwrap();
    let kept: (String, Option<i64>, i64) = (kept.get(0), kept.get(1), kept.get(2));
    assert_eq!(kept, ("hash".to_owned(), Some(0), i64::try_from(good.size).unwrap()));
    // An archive that does not answer changes nothing of what was found.
    world.region.aws.faults().s3(FaultKind::Status { code: 503 });
    assert!(matches!(world.sealer.check().await, Err(LogError::Archive(_))));
    world.region.aws.faults().clear();
    superuser.batch_execute(forge).await.unwrap();
    world.events(world.region.alpha, 1).await;
    world.seal_and_publish(&mut term).await;
    let mended = world.sealer.check().await.unwrap().unwrap();
    assert!(mended.fault.is_none() && mended.size > good.size, "{mended:?}");
}

#[tokio::test]
async fn a_check_goes_on_into_the_next_year_and_a_year_ends_behind_its_last_mark() {
    let region = TestRegion::new().await;
    let year = DateTime::<Utc>::from(Clock::system().now()).year();
    let new_year = NaiveDate::from_ymd_opt(year + 1, 1, 1).unwrap().and_time(NaiveTime::MIN).and_utc();
    let new_year_ms = u64::try_from(new_year.timestamp_millis()).unwrap();
    let (clock, manual) = Clock::manual(new_year_ms - 30_000);
    let sealer = Sealer::connect(&region.migrator_config, SHARD, clock).await.unwrap();
    let world = World { region, sealer };
    let mut term = world.lead().await;
    world.events(world.region.alpha, 3).await;
    world.region.regional.publish_tallies().await.unwrap();
    let tallies = world.sealer.tallies().await.unwrap();
    world.sealer.drain(&mut term).await.unwrap();
    world.sealer.publish().await.unwrap();
    let old = world.sealer.check().await.unwrap().unwrap();
    assert_eq!((old.epoch, old.fault), (year, None));
    // The year ends before there is another mark.
    world.sealer.compare(&mut term, &tallies).await.unwrap();
    manual.advance_ms(60_000);
    world.events(world.region.alpha, 2).await;
    world.sealer.drain(&mut term).await.unwrap();
    world.sealer.publish().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let whole = world.fetched(folder.path()).await;
    assert!(whole.ok && whole.logs.len() == 2, "{}", whole.to_text());
    let end = world.sealer.check().await.unwrap().unwrap();
    assert_eq!((end.epoch, end.size, end.fault), (year, old.size + 1, None), "first the old one to its end");
    let new = world.sealer.check().await.unwrap().unwrap();
    assert_eq!((new.epoch, new.size, new.fault), (year + 1, whole.logs[1].size, None));
}

/// What could hold a person's data in clear is a text, and every text of the log is a word of ours.
#[tokio::test]
async fn no_column_of_the_log_can_hold_a_patients_data_in_clear() {
    let world = World::new().await;
    let superuser = world.region.superuser().await;
    let table = format!("{}.audit_event", SchemaName::ops(world.region.alpha.id).quoted());
    let columns = superuser
        .query(
            "SELECT a.attname::text, format_type(a.atttypid, NULL), EXISTS (
                SELECT FROM pg_constraint k
                WHERE k.conrelid = a.attrelid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
                  AND pg_get_constraintdef(k.oid) ~ '\\^\\[a-z\\]|= ANY')
             FROM pg_attribute a
             WHERE a.attnum > 0 AND NOT a.attisdropped AND (a.attrelid = $1::text::regclass
                OR a.attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'audit'::regnamespace AND relkind = 'r'))",
            &[&table],
        )
        .await
        .unwrap();
    let mut open = Vec::new();
    for column in &columns {
        let (name, kind, closed): (String, String, bool) = (column.get(0), column.get(1), column.get(2));
        match kind.as_str() {
            "uuid" | "bigint" | "integer" | "boolean" | "xid8" | "timestamp with time zone" => {}
            // Hashes, ciphertext and MACs by their names; `entry` and `entries` are events, encoded.
            "bytea" => assert!(
                ["sealed", "leaf", "mac", "hash", "head", "peaks", "prev", "root", "entr"]
                    .iter()
                    .any(|word| name.contains(word)),
                "{name}"
            ),
            _ if closed => {}
            _ => open.push(name),
        }
    }
    open.sort();
    // The region's name, tables' names, of a checkpoint its note and version, and the numbers and hashes that a check remembers.
    assert_eq!(open, ["memory", "note", "region", "touched", "version"]);
}
