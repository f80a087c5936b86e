//! Keys that are rotated: by several at once, under load, killed anywhere; and keys that are destroyed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use regions::clock::Clock;
use regions::ids::TenantId;
use tenancy::keys::{Keeper, KeyError, Keys, NOTICE_S, Purpose, Rotation, Stage, Step, SubjectId};
use tenancy::kms::Kms;
use tenancy::sealed::{Column, Sealed};
use tenancy::{APP_ROLE, MIGRATOR_ROLE};
use testkit::TestRegion;
use tokio::task::JoinSet;
use tokio_postgres::Client;
use uuid::Uuid;

use crate::child::{Orders, Victim};
use crate::rig::Rig;

const NAMES: Column = Column::new(16, 1);
/// Most steps a rotation of these tests takes.
const STEPS_MAX: usize = 100;

fn subject(number: u32) -> SubjectId {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    SubjectId::from(bytes)
}

/// As if every process had had the time to learn of the last change.
async fn let_everybody_learn(sql: &Client) {
    let earlier =
        format!("UPDATE keystore.tenant_key SET changed_at = changed_at - interval '{NOTICE_S} seconds'");
    sql.batch_execute(&earlier).await.unwrap();
}

/// Steps to the end; the rows of the product are filled as soon as they are asked for.
async fn to_the_end(keys: &Keys, keeper: &Keeper, sql: &Client, mut rotation: Rotation) -> Rotation {
    for _ in 0..STEPS_MAX {
        let step = match keys.rotation_step(keeper, rotation.clone()).await {
            Ok(step) => step,
            Err(KeyError::Unavailable) => continue,
            Err(error) => panic!("{error} at {rotation:?}"),
        };
        rotation = match step {
            Step::Moved(next) => next,
            Step::Fill(next) => match keys.rotation_filled(keeper, next, (0, None)).await.unwrap() {
                Step::Wait(next) | Step::Moved(next) => {
                    let_everybody_learn(sql).await;
                    next
                }
                Step::Done(end) => return end,
                Step::Fill(next) => panic!("asked to fill again: {next:?}"),
            },
            Step::Wait(next) => {
                let_everybody_learn(sql).await;
                next
            }
            Step::Done(end) => return end,
        };
    }
    panic!("no end after {STEPS_MAX} steps: {rotation:?}");
}

async fn patients(keys: &Keys, tenant: TenantId, count: u32) -> Vec<Sealed> {
    let mut values = Vec::new();
    for number in 0..count {
        let sealer = keys.create_subject(tenant, subject(number)).await.unwrap().sealer();
        values.push(sealer.seal(NAMES, [1; 16], &number.to_be_bytes()).unwrap());
    }
    values
}

async fn all_open(keys: &Keys, tenant: TenantId, values: &[Sealed]) {
    for (number, value) in values.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let sealer = keys.subject_sealer(tenant, subject(number)).await.unwrap();
        assert_eq!(sealer.open(NAMES, [1; 16], value).unwrap().as_slice(), number.to_be_bytes(), "{number}");
    }
}

#[tokio::test]
async fn a_rotated_tenant_key_moves_every_subject_key_and_then_unwraps_none_of_the_old() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let keeper = Keeper::new(&rig.config.key_store).unwrap();
    let tenant = TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    // More than one batch of 200, so that a pass goes on where the last one ended.
    let values = patients(&keys, tenant, 230).await;
    let office = keys.tenant_sealer(tenant).await.unwrap().seal(NAMES, [2; 16], b"Dr Rao").unwrap();
    rig.sql.batch_execute("CREATE TABLE old AS TABLE keystore.subject_key").await.unwrap();

    let rotation = keys.rotate(&keeper, tenant, Purpose::Seal).await.unwrap();
    assert_eq!((rotation.to_version, rotation.stage), (2, Stage::Announced));
    assert_eq!(keys.rotate(&keeper, tenant, Purpose::Seal).await.unwrap().id, rotation.id, "one at a time");
    let waits = keys.rotation_step(&keeper, rotation.clone()).await.unwrap();
    assert!(matches!(waits, Step::Wait(_)), "not before everybody has learned: {waits:?}");
    assert_eq!(keys.tenant_key(tenant, Purpose::Seal).await.unwrap().version(), 1);

    let end = to_the_end(&keys, &keeper, &rig.sql, rotation).await;
    assert_eq!((end.stage, end.done), (Stage::Done, 230));
    all_open(&keys, tenant, &values).await;
    let sealer = keys.tenant_sealer(tenant).await.unwrap();
    assert_eq!(
        sealer.open(NAMES, [2; 16], &office).unwrap().as_slice(),
        b"Dr Rao",
        "what is about nobody opens"
    );
    let status = keeper.status(tenant).await.unwrap();
    let seal: Vec<(u32, &str, u64)> = status
        .iter()
        .filter(|one| one.purpose == "enc")
        .map(|one| (one.version, one.state.as_str(), one.wraps))
        .collect();
    assert_eq!(seal, [(1, "legacy", 0), (2, "active", 230)]);

    // T34: a key store row of before the rotation, put back by somebody who has the old tenant key.
    let put_back = "UPDATE keystore.subject_key k SET wrapped = old.wrapped, tk_version = 1
        FROM old WHERE old.subject = k.subject AND k.subject = $1";
    rig.sql.execute(put_back, &[&subject(3).as_uuid()]).await.unwrap();
    let refused = keys.subject_key(tenant, subject(3)).await.map(|_| ());
    assert_eq!(refused, Err(KeyError::Tampered), "below the floor nothing is unwrapped");
    let added = "INSERT INTO keystore.subject_key SELECT * FROM old WHERE subject = $1";
    rig.sql
        .execute("DELETE FROM keystore.subject_key WHERE subject = $1", &[&subject(3).as_uuid()])
        .await
        .unwrap();
    assert_eq!(rig.sql.execute(added, &[&subject(3).as_uuid()]).await.unwrap(), 0, "nor added");
}

/// In a table that nobody has analyzed, too: joined with all keys of the clinic, a batch reads all of them for each of its own.
#[tokio::test]
async fn a_batch_reads_the_keys_that_it_moves_and_not_all_of_the_clinic() {
    const BATCH: i64 = 50;
    let region = TestRegion::new().await;
    let sql = region.key_superuser().await;
    let tenant = Uuid::from_u128(0xba7c4);
    let keys = format!(
        "INSERT INTO keystore.tenant_key (tenant, purpose, version, wrapped, kms_key_arn, ec_version, state)
            SELECT '{tenant}', 'enc', version, '\\x00', 'arn:aws:kms:x', 1, CASE version WHEN 1 THEN 'decrypt' ELSE 'active' END
            FROM generate_series(1, 2) version;
        INSERT INTO keystore.subject_key (tenant, subject, version, tk_version, wrapped, state)
            SELECT '{tenant}', md5(number::text)::uuid, 1, 1, '\\xab', 'active' FROM generate_series(1, 3000) number;
        BEGIN"
    );
    sql.batch_execute(&keys).await.unwrap();
    let batch = "WITH batch AS (SELECT * FROM keystore.wrapped_below($1, 2, $2, $3))
        SELECT keystore.rewrap($1, 2, array_agg(subject), array_agg(version), array_agg(wrapped), array_agg(wrapped)) FROM batch";
    let moved: i64 = sql.query_one(batch, &[&tenant, &Uuid::nil(), &BATCH]).await.unwrap().get(0);
    assert_eq!(moved, BATCH);
    let rows = "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables
        WHERE relid = 'keystore.subject_key'::regclass";
    let read: i64 = sql.query_one(rows, &[]).await.unwrap().get(0);
    assert!(read <= 4 * BATCH, "{read} rows were read to move {BATCH}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t33_instances_that_rotate_at_once_end_with_one_active_version() {
    let rig = Rig::new().await;
    let (first, _) = rig.keys().await;
    let tenant = TenantId::random();
    first.ensure_tenant_keys(tenant).await.unwrap();
    let values = patients(&first, tenant, 3).await;
    let mut instances = JoinSet::new();
    for _ in 0..6 {
        let (keys, _) = rig.keys().await;
        let keeper = Keeper::new(&rig.config.key_store).unwrap();
        instances.spawn(async move { keys.rotate(&keeper, tenant, Purpose::Seal).await.unwrap() });
    }
    let rotations = instances.join_all().await;
    assert!(rotations.windows(2).all(|pair| pair[0] == pair[1]), "{rotations:?}");
    let keeper = Keeper::new(&rig.config.key_store).unwrap();
    to_the_end(&first, &keeper, &rig.sql, rotations[0].clone()).await;
    let sql = "SELECT count(*), count(*) FILTER (WHERE state = 'active') FROM keystore.tenant_key WHERE purpose = 'enc'";
    let row = rig.sql.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (2, 1));
    for keys in [&first, &rig.keys().await.0] {
        all_open(keys, tenant, &values).await;
    }
}

/// Another process reads and makes patients all the time, with the versions it has cached.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t34_under_load_nothing_fails_while_a_key_is_rotated() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    let values = patients(&keys, tenant, 40).await;
    let stop = Arc::new(AtomicBool::new(false));
    let (other, _) = rig.keys().await;
    let load = tokio::spawn({
        let (values, stop) = (values.clone(), Arc::clone(&stop));
        async move {
            let mut made = 1_000;
            while !stop.load(Ordering::Relaxed) {
                all_open(&other, tenant, &values[..10]).await;
                other.create_subject(tenant, subject(made)).await.unwrap();
                made += 1;
                other.notice_changes().await.unwrap();
            }
            made
        }
    });
    let keeper = Keeper::new(&rig.config.key_store).unwrap();
    let rotation = keys.rotate(&keeper, tenant, Purpose::Seal).await.unwrap();
    let end = to_the_end(&keys, &keeper, &rig.sql, rotation).await;
    stop.store(true, Ordering::Relaxed);
    let made = load.await.unwrap();
    assert_eq!(end.stage, Stage::Done);
    all_open(&keys, tenant, &values).await;
    for number in 1_000..made {
        keys.subject_key(tenant, subject(number)).await.unwrap();
    }
}

#[tokio::test]
async fn a_stale_process_cannot_wrap_under_a_closed_version() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    let (stale, _) = rig.keys().await;
    stale.tenant_sealer(tenant).await.unwrap();
    let keeper = Keeper::new(&rig.config.key_store).unwrap();
    let rotation = keys.rotate(&keeper, tenant, Purpose::Seal).await.unwrap();
    to_the_end(&keys, &keeper, &rig.sql, rotation).await;
    stale.create_subject(tenant, subject(1)).await.unwrap();
    let sql = "SELECT tk_version FROM keystore.subject_key";
    assert_eq!(
        rig.sql.query_one(sql, &[]).await.unwrap().get::<_, i64>(0),
        2,
        "it was told, and read the keys anew"
    );
}

#[tokio::test]
async fn other_purposes_are_filled_by_the_product_and_then_retired() {
    for purpose in [Purpose::RowMac, Purpose::BlindIndex] {
        let rig = Rig::new().await;
        let (keys, _) = rig.keys().await;
        let keeper = Keeper::new(&rig.config.key_store).unwrap();
        let tenant = TenantId::random();
        keys.ensure_tenant_keys(tenant).await.unwrap();
        let rotation = keys.rotate(&keeper, tenant, purpose).await.unwrap();
        let end = to_the_end(&keys, &keeper, &rig.sql, rotation).await;
        assert_eq!(end.stage, Stage::Done);
        let status = keeper.status(tenant).await.unwrap();
        let states: Vec<(u32, &str)> = status
            .iter()
            .filter(|one| one.purpose == purpose.as_str())
            .map(|one| (one.version, one.state.as_str()))
            .collect();
        assert_eq!(states, [(1, "retired"), (2, "active")]);
        assert_eq!(keys.tenant_key(tenant, purpose).await.unwrap().version(), 2);
    }
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let keeper = Keeper::new(&rig.config.key_store).unwrap();
    let nobody = keys.rotate(&keeper, TenantId::random(), Purpose::Seal).await;
    assert_eq!(nobody, Err(KeyError::NotFound));
}

#[tokio::test]
async fn a_subjects_new_key_seals_and_the_old_one_opens_until_it_is_dropped() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let keeper = Keeper::new(&rig.config.key_store).unwrap();
    let tenant = TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    let old = keys
        .create_subject(tenant, subject(1))
        .await
        .unwrap()
        .sealer()
        .seal(NAMES, [1; 16], b"Asha")
        .unwrap();
    for _again in 0..2 {
        keys.rotate_subject(&keeper, tenant, subject(1)).await.unwrap();
    }
    let key = keys.subject_key(tenant, subject(1)).await.unwrap();
    assert_eq!((key.version(), key.opens_older()), (2, true));
    assert_eq!(key.sealer().open(NAMES, [1; 16], &old).unwrap().as_slice(), b"Asha");
    let new = key.sealer().seal(NAMES, [1; 16], b"Asha").unwrap();
    assert_eq!(keys.drop_older_subject_versions(&keeper, tenant, subject(1)).await, Ok(1));
    let key = keys.subject_key(tenant, subject(1)).await.unwrap();
    assert!(key.sealer().open(NAMES, [1; 16], &old).is_err());
    assert_eq!(key.sealer().open(NAMES, [1; 16], &new).unwrap().as_slice(), b"Asha");
}

#[tokio::test]
async fn a_shredded_key_is_gone_for_good_and_keeps_its_number() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let keeper = Keeper::new(&rig.config.key_store).unwrap();
    let tenant = TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    patients(&keys, tenant, 3).await;
    let erasure = Uuid::from_bytes([1; 16]);
    assert_eq!(keeper.last_erasure().await, Ok(0));
    let first = keeper.shred(tenant, subject(0), erasure).await.unwrap();
    let second = keeper.shred(tenant, subject(1), erasure).await.unwrap();
    assert_eq!((first.seq, second.seq), (1, 2));
    assert_eq!(keeper.shred(tenant, subject(0), erasure).await, Ok(first), "done again it changes nothing");
    assert_eq!(keeper.last_erasure().await, Ok(2));
    for number in [0, 1] {
        assert_eq!(keys.subject_key(tenant, subject(number)).await.map(|_| ()), Err(KeyError::NotFound));
        let again = keys.create_subject(tenant, subject(number)).await.map(|_| ());
        assert_eq!(again, Err(KeyError::NotFound), "an erased person's id is not given away");
    }
    keys.subject_key(tenant, subject(2)).await.unwrap();
    let left = rig.sql.query_one("SELECT count(*) FROM keystore.subject_key", &[]).await.unwrap();
    assert_eq!(left.get::<_, i64>(0), 1);
    assert_eq!(
        keeper.replay(tenant, subject(2), erasure, tenancy::keys::Erased { seq: 9, at: first.at }).await,
        Ok(())
    );
    assert_eq!(
        keeper.shred(tenant, subject(5), erasure).await.unwrap().seq,
        10,
        "numbers go on after the ledger's"
    );
    let other =
        keeper.replay(tenant, subject(0), erasure, tenancy::keys::Erased { seq: 3, at: first.at }).await;
    assert_eq!(other, Err(KeyError::Tampered), "the ledger and the key store disagree");
}

/// Where the child is killed: before each step, and in the middle of moving.
const POINTS: [&str; 4] = ["announced", "activated", "moving", "settling"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t34_a_rotation_killed_at_any_step_is_ended_by_the_next_process() {
    let region = TestRegion::new().await;
    let sql = region.key_superuser().await;
    let tenant = region.alpha;
    let keys = Arc::clone(region.regional.keys());
    let values = patients(&keys, tenant.id, 12).await;
    let keeper = Keeper::new(&region.migrator_config.key_store).unwrap();
    for (round, point) in POINTS.into_iter().enumerate() {
        let orders = Orders::write(&region, tenant, point);
        let victim =
            tokio::task::spawn_blocking(move || Victim::at("rotation::child", &orders, point)).await.unwrap();
        victim.kill();
        let rotation = keys.rotate(&keeper, tenant.id, Purpose::Seal).await.unwrap();
        assert_eq!(rotation.to_version, u32::try_from(round + 2).unwrap(), "the killed one's, not another");
        keys.notice_changes().await.unwrap();
        to_the_end(&keys, &keeper, &sql, rotation).await;
        keys.notice_changes().await.unwrap();
        all_open(&keys, tenant.id, &values).await;
        let wraps = sql
            .query_one("SELECT min(tk_version), max(tk_version) FROM keystore.subject_key", &[])
            .await
            .unwrap();
        let version = i64::try_from(round + 2).unwrap();
        assert_eq!((wraps.get::<_, i64>(0), wraps.get::<_, i64>(1)), (version, version), "{point}");
    }
}

/// The process that is killed. Run as a test of its own it does nothing.
#[tokio::test]
async fn child() {
    let Some(orders) = Orders::read() else { return };
    let (config, as_migrator) = (orders.config(APP_ROLE), orders.config(MIGRATOR_ROLE));
    let kms = Kms::connect(config.region, &config.kms).await.unwrap();
    let keys = Keys::connect(&config, kms, Clock::system()).await.unwrap();
    let keeper = Keeper::new(&as_migrator.key_store).unwrap();
    let mut rotation = keys.rotate(&keeper, orders.tenant.id, Purpose::Seal).await.unwrap();
    orders.reached("announced");
    // The parent's superuser is not here: a session of the owner lets time pass.
    let owner = as_migrator.key_store.clone();
    let clock =
        testkit::cluster().login(&owner.database, MIGRATOR_ROLE, "domicile-test-migrator").await.unwrap();
    clock.batch_execute("SET ROLE domicile_owner").await.unwrap();
    for _ in 0..STEPS_MAX {
        rotation = match keys.rotation_step(&keeper, rotation).await.unwrap() {
            Step::Moved(next) | Step::Fill(next) => {
                let point = match (next.stage, next.position) {
                    (Stage::Activated, None) => "activated",
                    (Stage::Activated, Some(_)) => "moving",
                    _ => next.stage.as_str(),
                };
                orders.reached(point);
                next
            }
            Step::Wait(next) => {
                let_everybody_learn(&clock).await;
                next
            }
            Step::Done(_) => return,
        };
    }
}
