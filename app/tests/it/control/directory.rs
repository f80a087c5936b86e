//! The directory's log: it survives restarts, and whoever alters it is noticed before anything is signed.

use app::control::log;
use regions::directory::{Directory, Verifier};
use serde_json::json;

use super::support::{TestControl, clinic};

#[tokio::test]
async fn a_restart_keeps_versions_and_chain_and_signs_what_a_verifier_takes() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    admin.post("/platform/v1/tenants", &clinic("lotus", "ap-south-1")).await.expect(201);
    let worker = control.peer("worker.ap-south-1");
    worker.finish(worker.tasks().await[0]["task_id"].as_str().unwrap()).await;
    let before = admin.get("/platform/v1/directory").await.expect(200);
    assert_eq!(before.body["version"], 3);
    let old = control.peer("front-door.us-east-1").get("/feed/v1/snapshot").await.bytes().await.unwrap();

    let control = control.restart().await.unwrap();
    let admin = control.admin().await;
    let after = admin.get("/platform/v1/directory").await.expect(200);
    assert_eq!((&after.body["version"], &after.body["served_version"]), (&json!(3), &json!(3)));
    assert_eq!(after.text("chain"), before.text("chain"));
    let verifier = Verifier::new([&control.public_key]).unwrap();
    let mut directory = Directory::from_snapshot(&old, &verifier).unwrap();
    assert_eq!(directory.head().version, 3);
    let id = admin.get("/platform/v1/tenants").await.expect(200).body["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    admin.command(&id, "suspend", &json!({})).await.expect(200);
    let delta = control
        .peer("front-door.us-east-1")
        .get("/feed/v1/deltas?after=3&wait_ms=5000")
        .await
        .bytes()
        .await
        .unwrap();
    directory.apply_delta(&delta, &verifier).unwrap();
    assert_eq!(directory.head().version, 4);
    assert!(Directory::from_snapshot(&old, &Verifier::new([other_key()]).unwrap()).is_err());

    let page = admin.get("/platform/v1/directory/entries?limit=3").await.expect(200);
    assert_eq!(page.body["next_cursor"], "3");
    let rest = admin.get("/platform/v1/directory/entries?limit=3&cursor=3").await.expect(200);
    assert_eq!(
        (rest.body["items"][0]["state"].clone(), rest.body["items"][0]["slug"].clone()),
        (json!("suspended"), json!("lotus"))
    );
    let verified = log::verify(&control.store().await).await.unwrap();
    assert_eq!((verified.head.version, verified.regions, verified.tenants), (4, 2, 1));
}

fn other_key() -> String {
    regions::directory::Signer::generate("d1".parse().unwrap()).unwrap().0.public_key()
}

/// What somebody with the owner's password could do to the log.
const ATTACKS: [(&str, &str); 6] = [
    (
        "a changed entry",
        "update platform.directory_log set entry = set_byte(entry, 10, get_byte(entry, 10) # 1) where version = 2",
    ),
    (
        "a changed chain",
        "update platform.directory_log set chain = set_byte(chain, 0, get_byte(chain, 0) # 1) where version = 1",
    ),
    ("an entry taken out", "delete from platform.directory_log where version = 2"),
    ("the end cut off", "delete from platform.directory_log where version = 3"),
    (
        "two entries exchanged",
        "update platform.directory_log set version = 100 where version = 1;
         update platform.directory_log set version = 1 where version = 2;
         update platform.directory_log set version = 2 where version = 100",
    ),
    (
        "the head put back",
        "update platform.directory_head set version = 3, chain = decode(repeat('11', 32), 'hex')",
    ),
];

#[tokio::test]
async fn a_log_that_was_altered_is_noticed_at_the_next_start() {
    let mut control = TestControl::start().await;
    let admin = control.with_regions().await;
    admin.post("/platform/v1/regions", &super::support::region("us-west-2", "uw", "US")).await.expect(201);
    let superuser = control.superuser().await;
    superuser.batch_execute("create table public.kept as table platform.directory_log").await.unwrap();
    let original = log::head(&control.store().await).await.unwrap();
    for (what, attack) in ATTACKS {
        let unguarded = format!(
            "set session_replication_role = replica; {attack}; set session_replication_role = origin"
        );
        superuser.batch_execute(&unguarded).await.unwrap();
        let found = log::verify(&control.store().await).await;
        assert!(found.is_err(), "{what} was not noticed by the check");
        let config_file = control.config_file.clone();
        let refused = control.start_another(&config_file).await;
        let sentence = refused.err().unwrap_or_else(|| panic!("it started with {what}")).to_string();
        assert!(sentence.contains("altered"), "{what}: {sentence}");
        let restore = format!(
            "set session_replication_role = replica;
             delete from platform.directory_log; insert into platform.directory_log table public.kept;
             update platform.directory_head set version = {}, chain = decode('{}', 'hex');
             set session_replication_role = origin",
            original.version,
            data_encoding::HEXLOWER.encode(&original.chain)
        );
        superuser.batch_execute(&restore).await.unwrap();
    }
    control = control.restart().await.unwrap();
    // The process that ran all the while goes on with what it verified, and notices what does not continue it.
    let peer = control.peer("front-door.us-east-1");
    superuser
        .batch_execute(
            "insert into platform.directory_log values (4, decode(repeat('00', 32), 'hex'), '\\x01', now())",
        )
        .await
        .unwrap();
    super::support::until("readiness to fail", async || !super::support::is_ready(control.at.admin).await)
        .await;
    assert_eq!(peer.get("/feed/v1/snapshot").await.status().as_u16(), 200);
    assert_eq!(peer.get("/feed/v1/deltas?after=3&wait_ms=0").await.status().as_u16(), 204);
}

#[tokio::test]
async fn a_control_database_put_back_to_an_older_state_is_noticed_and_not_written_to() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201);
    let worker = control.peer("worker.us-east-1");
    let peer = control.peer("front-door.us-east-1");
    let (superuser, store) = (control.superuser().await, control.store().await);
    let kept = log::head(&store).await.unwrap();
    superuser
        .batch_execute(
            "create table public.kept_log as table platform.directory_log;
             create table public.kept_head as table platform.directory_head",
        )
        .await
        .unwrap();
    admin.post("/platform/v1/regions", &super::support::region("us-west-2", "uw", "US")).await.expect(201);
    superuser
        .batch_execute(
            "set session_replication_role = replica;
             delete from platform.directory_log; insert into platform.directory_log table public.kept_log;
             delete from platform.region where name = 'us-west-2';
             update platform.directory_head d set version = k.version, chain = k.chain from public.kept_head k;
             set session_replication_role = origin",
        )
        .await
        .unwrap();
    // Nothing is written, from the first attempt on, and nobody is given work that may be long done.
    let refused = admin.post("/platform/v1/tenants", &clinic("cedar", "us-east-1")).await.expect(503);
    assert_eq!(refused.code(), "directory_log_altered");
    admin.post("/platform/v1/regions", &super::support::region("us-west-2", "uw", "US")).await.expect(503);
    assert_eq!(worker.get("/feed/v1/work?wait_ms=0").await.status().as_u16(), 503);
    super::support::until("readiness to fail", async || !super::support::is_ready(control.at.admin).await)
        .await;
    assert_eq!(log::head(&store).await.unwrap(), kept);
    // What was verified last is still told; people can sign in and look.
    let snapshot = peer.get("/feed/v1/snapshot").await;
    let verifier = Verifier::new([&control.public_key]).unwrap();
    let told = Directory::from_snapshot(&snapshot.bytes().await.unwrap(), &verifier).unwrap();
    assert_eq!(told.head().version, kept.version + 1);
    let looking = control.admin().await;
    let head = looking.get("/platform/v1/directory").await.expect(200);
    assert_eq!(head.body["version"].as_u64(), Some(kept.version));
}

#[tokio::test]
async fn a_tenant_that_the_table_moved_behind_the_logs_back_is_noticed() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    admin.post("/platform/v1/tenants", &clinic("lotus", "ap-south-1")).await.expect(201);
    let worker = control.peer("worker.ap-south-1");
    worker.finish(worker.tasks().await[0]["task_id"].as_str().unwrap()).await;
    log::verify(&control.store().await).await.unwrap();
    let superuser = control.superuser().await;
    let moved = superuser.batch_execute("update platform.tenant set region = 'us-east-1'").await.unwrap_err();
    assert_eq!(moved.code().unwrap().code(), "23001");
    superuser
        .batch_execute(
            "set session_replication_role = replica; update platform.tenant set region = 'us-east-1'",
        )
        .await
        .unwrap();
    assert!(log::verify(&control.store().await).await.is_err());
}

#[tokio::test]
async fn the_feed_goes_on_without_the_database_and_people_are_told() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let peer = control.peer("front-door.us-east-1");
    let name = &control.config.database.database;
    let elsewhere = control.cluster.superuser("postgres").await.unwrap();
    let cut = format!(
        "alter database {name} allow_connections false;
         select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
    );
    elsewhere.batch_execute(&cut).await.unwrap();
    super::support::until("readiness to fail", async || !super::support::is_ready(control.at.admin).await)
        .await;
    let refused = admin.get("/platform/v1/regions").await.expect(503);
    assert_eq!((refused.code(), refused.headers.contains_key("retry-after")), ("unavailable", true));
    let snapshot = peer.get("/feed/v1/snapshot").await;
    assert_eq!(snapshot.status().as_u16(), 200);
    let verifier = Verifier::new([&control.public_key]).unwrap();
    assert_eq!(
        Directory::from_snapshot(&snapshot.bytes().await.unwrap(), &verifier).unwrap().head().version,
        2
    );
    assert_eq!(peer.get("/feed/v1/deltas?after=1&wait_ms=0").await.status().as_u16(), 200);

    elsewhere.batch_execute(&format!("alter database {name} allow_connections true")).await.unwrap();
    super::support::until("readiness", async || super::support::is_ready(control.at.admin).await).await;
    admin.post("/platform/v1/regions", &super::support::region("us-west-2", "uw", "US")).await.expect(201);
    assert_eq!(peer.get("/feed/v1/deltas?after=2&wait_ms=5000").await.status().as_u16(), 200);
}
