//! The feed: who may fetch what, and how fast a change arrives.

use std::time::{Duration, Instant};

use app::control::geography;
use regions::directory::{DirectoryHandle, Lookup, TenantState, feed};
use regions::residency::TransitMode;
use regions::shutdown::Shutdown;
use serde_json::{Value, json};
use testkit::Pki;

use super::support::{PATIENCE, TestControl, clinic, operator, peer_client, until};

#[tokio::test]
async fn a_certificate_decides_what_a_process_may_fetch() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    admin.post("/platform/v1/tenants", &clinic("lotus", "ap-south-1")).await.expect(201);
    let indian = control.peer("worker.ap-south-1");
    let task = indian.tasks().await[0]["task_id"].as_str().unwrap().to_owned();

    for name in ["front-door.us-east-1", "backend.us-east-1", "worker.us-east-1"] {
        let peer = control.peer(name);
        assert_eq!(peer.get("/feed/v1/snapshot").await.status().as_u16(), 200, "{name}");
        assert_eq!(peer.get("/feed/v1/deltas?after=1").await.status().as_u16(), 200, "{name}");
    }
    for name in ["front-door.ap-south-1", "backend.ap-south-1"] {
        let peer = control.peer(name);
        assert_eq!(peer.get("/feed/v1/work").await.status().as_u16(), 403, "{name}");
        peer.report(&task, &json!({"step": "schemas", "state": "done"})).await.expect(403);
    }
    // Another region's worker sees no task of this one, and its reports meet nothing.
    let american = control.peer("worker.us-east-1");
    let seen = american.get("/feed/v1/work").await.text().await.unwrap();
    assert_eq!(seen, "{\"tasks\":[]}");
    american.report(&task, &json!({"step": "schemas", "state": "done"})).await.expect(404);
    for name in
        ["admin.us-east-1", "worker.eu-west-1", "worker", "front-door.us-east-1.evil", "worker.US-EAST-1"]
    {
        let peer = control.peer(name);
        for path in ["/feed/v1/snapshot", "/feed/v1/deltas?after=0", "/feed/v1/work"] {
            assert_eq!(peer.get(path).await.status().as_u16(), 403, "{name} {path}");
        }
    }
    // A certificate of another authority does not get as far as HTTP.
    let foreign = peer_client(&Pki::new(), &control.pki.ca(), "worker.ap-south-1", control.at.feed);
    assert!(foreign.get(indian.url("/feed/v1/work")).send().await.is_err());
    let anonymous = reqwest::Client::builder()
        .tls_backend_preconfigured(regions::tls::client(&control.pki.ca()).unwrap())
        .resolve("feed.control.domicile.internal", control.at.feed)
        .build()
        .unwrap();
    assert!(anonymous.get(indian.url("/feed/v1/snapshot")).send().await.is_err());
    // The platform's own API is not here, nor the feed there.
    assert_eq!(indian.get("/platform/v1/regions").await.status().as_u16(), 404);
    admin.get("/feed/v1/snapshot").await.expect(404);
}

#[tokio::test]
async fn steps_are_taken_in_order_once_and_by_name_only() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let id = admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201).text("id");
    let worker = control.peer("worker.us-east-1");
    let task = worker.tasks().await[0]["task_id"].as_str().unwrap().to_owned();
    worker.report(&task, &json!({"step": "migrate", "state": "done"})).await.expect(409);
    worker.report(&task, &json!({"step": "coffee", "state": "done"})).await.expect(400);
    worker
        .report(&task, &json!({"step": "schemas", "state": "failed", "code": "Text of a database!"}))
        .await
        .expect(400);
    worker
        .report(&task, &json!({"step": "schemas", "state": "failed", "code": "database"}))
        .await
        .expect(204);
    let steps = admin.get(&format!("/platform/v1/tenants/{id}/steps")).await.expect(200);
    assert_eq!(steps.body["items"][0]["state"], "failed");
    assert_eq!(steps.body["items"][0]["code"], "database");
    for _again in 0..2 {
        worker.report(&task, &json!({"step": "schemas", "state": "done"})).await.expect(204);
    }
    let steps = admin.get(&format!("/platform/v1/tenants/{id}/steps")).await.expect(200);
    assert_eq!(
        (steps.body["items"][0]["attempts"].clone(), steps.body["items"][1]["state"].clone()),
        (json!(2), json!("pending"))
    );
    let version = admin.get("/platform/v1/directory").await.expect(200).body["version"].clone();
    worker.finish(&task).await;
    worker.finish(&task).await;
    let after = admin.get("/platform/v1/directory").await.expect(200).body["version"].clone();
    assert_eq!(after.as_u64(), version.as_u64().map(|version| version + 1), "one entry for one tenant");
    worker
        .report("00000000-0000-4000-8000-000000000000", &json!({"step": "schemas", "state": "done"}))
        .await
        .expect(404);
}

/// Clinics whose building fails for good fill a page of the worker's list; one that comes later is offered all the same, and
/// each of the others comes round again.
#[tokio::test]
async fn tasks_that_fail_for_good_keep_no_other_waiting_and_take_turns() {
    const PAGE: usize = 50;
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let worker = control.peer("worker.us-east-1");
    let ids = |tasks: &[Value]| -> Vec<String> {
        tasks.iter().map(|task| task["task_id"].as_str().unwrap().to_owned()).collect()
    };
    let fail = async |tasks: &[String]| {
        for task in tasks {
            control.clock.advance_ms(1_000);
            let failed = json!({"step": "schemas", "state": "failed", "code": "database"});
            worker.report(task, &failed).await.expect(204);
        }
    };
    // No two of these look alike.
    const LETTERS: [char; 8] = ['b', 'c', 'd', 'f', 'h', 'k', 'p', 'x'];
    for number in 0..PAGE {
        control.clock.advance_ms(1_000);
        let slug = format!("poisoned-{}{}", LETTERS[number / 8], LETTERS[number % 8]);
        admin.post("/platform/v1/tenants", &clinic(&slug, "us-east-1")).await.expect(201);
    }
    let poisoned = ids(&worker.tasks().await);
    assert_eq!(poisoned.len(), PAGE);
    fail(&poisoned).await;
    admin.post("/platform/v1/tenants", &clinic("healthy", "us-east-1")).await.expect(201);
    let listed = worker.tasks().await;
    assert_eq!((listed.len(), &listed[0]["slug"]), (PAGE, &json!("healthy")));
    let listed = ids(&listed);
    assert_eq!(listed[1..], poisoned[..PAGE - 1], "then who has waited longest");
    fail(&listed).await;
    assert_eq!(ids(&worker.tasks().await)[0], poisoned[PAGE - 1], "the one that had no room is first now");
}

#[tokio::test]
async fn the_first_administrators_address_is_forgotten_with_the_invitation() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201);
    let worker = control.peer("worker.us-east-1");
    let task = worker.tasks().await[0]["task_id"].as_str().unwrap().to_owned();
    let superuser = control.superuser().await;
    let kept = "select count(*) from platform.task where first_admin_email is not null";
    assert_eq!(superuser.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 1);
    worker.finish(&task).await;
    assert_eq!(superuser.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 0);
    let tables = "select table_name::text from information_schema.tables where table_schema = 'platform'";
    for row in superuser.query(tables, &[]).await.unwrap() {
        let table: String = row.get(0);
        let found = format!("select count(*) from platform.{table} t where t::text like '%first.admin%'");
        assert_eq!(superuser.query_one(&found, &[]).await.unwrap().get::<_, i64>(0), 0, "{table}");
    }
}

#[tokio::test]
async fn a_change_reaches_a_following_process_within_a_second() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let handle = DirectoryHandle::new();
    let (trigger, shutdown) = Shutdown::new();
    let following =
        tokio::spawn(feed::run(control.directory_config("front-door.us-east-1"), handle.clone(), shutdown));
    let mut versions = handle.subscribe();
    tokio::time::timeout(PATIENCE, versions.wait_for(|version| *version == 2)).await.unwrap().unwrap();
    assert_eq!(handle.lookup("lotus"), Lookup::Unknown);

    let id = admin.post("/platform/v1/tenants", &clinic("lotus", "ap-south-1")).await.expect(201).text("id");
    let worker = control.peer("worker.ap-south-1");
    let task = worker.tasks().await[0]["task_id"].as_str().unwrap().to_owned();
    for step in ["schemas", "role", "grants", "keys", "bucket"] {
        worker.report(&task, &json!({"step": step, "state": "done"})).await.expect(204);
    }
    let began = Instant::now();
    worker.report(&task, &json!({"step": "migrate", "state": "done"})).await.expect(204);
    versions.wait_for(|version| *version == 3).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    worker.finish(&task).await;
    let Lookup::Found(route) = handle.lookup("lotus") else { panic!("not there") };
    assert_eq!((route.region.as_str(), route.state), ("ap-south-1", TenantState::Active));

    let commands = [
        ("suspend", TenantState::Suspended),
        ("resume", TenantState::Active),
        ("offboard", TenantState::Offboarded),
    ];
    for (verb, state) in commands {
        let began = Instant::now();
        let body = if verb == "offboard" { json!({"confirm_slug": "lotus"}) } else { json!({}) };
        admin.command(&id, verb, &body).await.expect(200);
        until("the change", async || matches!(handle.by_id(id.parse().unwrap()), Lookup::Found(route) if route.state == state)).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{verb}: {:?}", began.elapsed());
    }

    // Another process of the control plane, such as the command line, changes something: the database tells this one.
    let other = control.store().await;
    let before = *versions.borrow_and_update();
    let began = Instant::now();
    geography::set_transit(&other, operator(), "ap-south-1".parse().unwrap(), TransitMode::Refuse)
        .await
        .unwrap();
    versions.wait_for(|version| *version == before + 1).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    trigger.trigger();
    following.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_waiting_process_is_let_go_in_time_and_one_from_the_future_is_sent_for_a_snapshot() {
    let control = TestControl::start().await;
    control.with_regions().await;
    let peer = control.peer("front-door.us-east-1");
    let began = Instant::now();
    assert_eq!(peer.get("/feed/v1/deltas?after=2&wait_ms=300").await.status().as_u16(), 204);
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(peer.get("/feed/v1/deltas?after=99&wait_ms=0").await.status().as_u16(), 410);
    for bad in ["", "?after=x", "?after=-1", "?after=0&more=1"] {
        assert_eq!(peer.get(&format!("/feed/v1/deltas{bad}")).await.status().as_u16(), 400, "{bad}");
    }
    // A stop does not wait for the longest poll.
    let waiting =
        tokio::spawn(
            async move { peer.get("/feed/v1/deltas?after=2&wait_ms=30000").await.status().as_u16() },
        );
    let began = Instant::now();
    let again = control.restart().await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!([204, 200].contains(&waiting.await.unwrap_or(204)));
    drop(again);
}
