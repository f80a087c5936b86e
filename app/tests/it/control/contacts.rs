//! How the platform sees regions and shards: by what their processes say when they come, and as unknown until they do.

use app::control::contacts::{HEALTHY_MAX_MS, LATE_MAX_MS};
use app::control::work::SHARDS_PER_LOOK_MAX;
use app::control::{self, Listeners};
use app::onboarding::client::WorkClient;
use regions::clock::Clock;
use regions::shutdown::Shutdown;
use serde_json::{Value, json};

use super::support::{Browser, Peer, START_MS, TestControl, peer_client, until};

/// What the platform shows of a role of a region.
async fn held(admin: &Browser, region: &str, role: &str) -> Value {
    let head = admin.get("/platform/v1/directory").await.expect(200).body;
    let items = head["held"].as_array().unwrap();
    items.iter().find(|one| one["region"] == region && one["role"] == role).unwrap().clone()
}

/// What the platform calls a region.
async fn health(admin: &Browser, region: &str) -> Value {
    let regions = admin.get("/platform/v1/regions").await.expect(200).body;
    let items = regions["items"].as_array().unwrap();
    items.iter().find(|one| one["name"] == region).unwrap()["health"].clone()
}

/// What the platform calls the first shard of a region, and when it was looked at.
async fn shard(admin: &Browser, region: &str) -> (Value, Value) {
    let shards = admin.get(&format!("/platform/v1/shards?region={region}")).await.expect(200).body;
    (shards["items"][0]["health"].clone(), shards["items"][0]["checked_s"].clone())
}

/// Asks what is new after a version, to the end, so that the connection stays.
async fn ask(peer: &Peer, after: u64) {
    let answer = peer.get(&format!("/feed/v1/deltas?after={after}&wait_ms=0")).await;
    assert!(answer.status().is_success());
    answer.bytes().await.unwrap();
}

#[tokio::test]
async fn a_region_is_unknown_until_it_is_heard_then_current_or_behind_late_and_silent() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let unheard = json!({"region": "us-east-1", "role": "front_door", "health": "unknown", "processes": 0});
    assert_eq!(held(&admin, "us-east-1", "front_door").await, unheard);
    assert_eq!(health(&admin, "us-east-1").await, "unknown");

    let door = control.peer("front-door.us-east-1");
    ask(&door, 1).await;
    let behind = json!({
        "region": "us-east-1", "role": "front_door", "health": "healthy",
        "version": 1, "behind": 1, "processes": 1, "heard_s": 0,
    });
    assert_eq!(held(&admin, "us-east-1", "front_door").await, behind);
    // One that is up to date does not hide the one that is not, until that one is gone.
    let current = control.peer("front-door.us-east-1");
    ask(&current, 2).await;
    let both = held(&admin, "us-east-1", "front_door").await;
    assert_eq!((&both["version"], &both["processes"]), (&json!(1), &json!(2)));
    drop(door);
    until("the connection to be gone", async || {
        held(&admin, "us-east-1", "front_door").await["version"] == 2
    })
    .await;
    assert_eq!(held(&admin, "us-east-1", "front_door").await["behind"], 0);

    assert_eq!(health(&admin, "us-east-1").await, "unknown", "of two roles nothing is known");
    let (backend, worker) = (control.peer("backend.us-east-1"), control.peer("worker.us-east-1"));
    ask(&backend, 2).await;
    // A process without a directory asks for all of it; which version it has is known when it asks what comes after.
    worker.get("/feed/v1/snapshot").await.bytes().await.unwrap();
    let empty = held(&admin, "us-east-1", "worker").await;
    assert_eq!((&empty["health"], &empty["version"]), (&json!("healthy"), &Value::Null));
    assert_eq!(health(&admin, "us-east-1").await, "healthy");
    assert_eq!(health(&admin, "ap-south-1").await, "unknown");

    control.clock.advance_ms(HEALTHY_MAX_MS + 1);
    assert_eq!(health(&admin, "us-east-1").await, "late");
    for peer in [&current, &backend] {
        ask(peer, 2).await;
    }
    assert_eq!(health(&admin, "us-east-1").await, "late", "as its worst role");
    control.clock.advance_ms(LATE_MAX_MS + 1);
    let silent = held(&admin, "us-east-1", "front_door").await;
    let shown = (&silent["health"], &silent["version"], &silent["processes"], &silent["heard_s"]);
    assert_eq!(shown, (&json!("silent"), &json!(2), &json!(0), &json!(LATE_MAX_MS / 1_000)));
    assert_eq!(health(&admin, "us-east-1").await, "silent");
}

#[tokio::test]
async fn a_shard_is_what_its_own_regions_worker_says_and_unknown_until_it_does() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let new = json!({"region": "us-east-1", "id": 2, "tenants_max": 100});
    let made = admin.post("/platform/v1/shards", &new).await.expect(201);
    assert_eq!((made.text("health").as_str(), &made.body["checked_s"]), ("unknown", &Value::Null));
    assert_eq!(shard(&admin, "us-east-1").await, (json!("unknown"), Value::Null));

    let worker = control.peer("worker.us-east-1");
    let tell = async |shards: &str| {
        worker.get(&format!("/feed/v1/work?wait_ms=0&shards={shards}")).await.status().as_u16()
    };
    // A number that no shard of the region has is nobody's.
    assert_eq!(tell("1.up.5,9.up.0").await, 200);
    assert_eq!(shard(&admin, "us-east-1").await, (json!("healthy"), json!(5)));
    assert_eq!(shard(&admin, "ap-south-1").await, (json!("unknown"), Value::Null));
    let items = admin.get("/platform/v1/shards?region=us-east-1").await.expect(200).body["items"].clone();
    assert_eq!(items[1]["health"], "unknown", "of this one the worker said nothing");
    assert_eq!(tell("1.down.0").await, 200);
    assert_eq!(shard(&admin, "us-east-1").await, (json!("down"), json!(0)));
    assert_eq!(tell("").await, 200);
    assert_eq!(shard(&admin, "us-east-1").await, (json!("down"), json!(0)));

    let many = ["1.up.0"; SHARDS_PER_LOOK_MAX + 1].join(",");
    for bad in ["1", "1.well.0", "x.up.0", "1.up.-1", many.as_str()] {
        assert_eq!(tell(bad).await, 400, "{bad}");
    }
    let backend = control.peer("backend.us-east-1");
    assert_eq!(backend.get("/feed/v1/work?wait_ms=0&shards=1.up.0").await.status().as_u16(), 403);
    assert_eq!(shard(&admin, "us-east-1").await, (json!("down"), json!(0)));

    // The worker's own client says it in the same words.
    let client = WorkClient::new(&control.directory_config("worker.us-east-1")).unwrap();
    let look = app::control::work::ShardLook { shard: regions::ids::ShardId(1), answers: true, age_s: 3 };
    assert!(client.work(0, &[look]).await.unwrap().tasks.is_empty());
    assert_eq!(shard(&admin, "us-east-1").await, (json!("healthy"), json!(3)));
    control.clock.advance_ms(HEALTHY_MAX_MS);
    assert_eq!(shard(&admin, "us-east-1").await.0, "late");
    control.clock.advance_ms(LATE_MAX_MS);
    assert_eq!(shard(&admin, "us-east-1").await.0, "silent");
}

#[tokio::test]
async fn what_one_process_of_the_control_plane_hears_the_others_show() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let (trigger, shutdown) = Shutdown::new();
    let listeners = Listeners::bind(&control.config).unwrap();
    let (feed, config) = (listeners.addresses().unwrap().feed, control.config.clone());
    let (clock, _time) = Clock::manual(START_MS);
    let serving = tokio::spawn(async move { control::serve(&config, listeners, clock, shutdown).await });

    let http = peer_client(&control.pki, &control.pki.ca(), "worker.us-east-1", feed);
    let url = |path: &str| format!("https://feed.control.domicile.internal:{}{path}", feed.port());
    let ask = async |path: &str| http.get(url(path)).send().await.is_ok_and(|it| it.status().is_success());
    until("the other process to answer", async || ask("/feed/v1/deltas?after=2&wait_ms=0").await).await;
    assert!(ask("/feed/v1/work?wait_ms=0&shards=1.up.0").await);
    until("this one to show it", async || held(&admin, "us-east-1", "worker").await["version"] == 2).await;
    until("the shard too", async || shard(&admin, "us-east-1").await.0 == "healthy").await;
    trigger.trigger();
    serving.await.unwrap().unwrap();
}
