//! What reaches a handler: assertions, hosts, methods, bodies, rates.

use std::sync::atomic::Ordering;
use std::time::Duration;

use app::access::Role;
use app::middleware::limits::BodyLimits;
use app::middleware::rate::Budget;
use regions::directory::{TenantRecord, TenantState};
use regions::ids::{Epoch, ShardId};
use serde_json::json;

use crate::support::{Options, World, patient};

#[tokio::test(flavor = "multi_thread")]
async fn only_an_authentic_fresh_and_fitting_assertion_is_served() {
    let world = World::new().await;
    let actor = world.staff(&world.alpha, Role::Receptionist).await;
    let ask = || world.ask(&world.alpha, "GET", "/api/v1/me").by(&actor);
    ask().send().await.expect(200);
    let refused = (403, "not_routed".to_owned());
    assert_eq!(ask().unasserted().send().await.outcome(), refused, "none");
    let again = ask().minted();
    assert_eq!(ask().header("domicile-route", &again).send().await.outcome(), refused, "two");
    let mut forged = again.clone().into_bytes();
    forged[10] = if forged[10] == b'A' { b'B' } else { b'A' };
    let forged = String::from_utf8(forged).unwrap();
    assert_eq!(
        ask().unasserted().header("domicile-route", &forged).send().await.outcome(),
        refused,
        "forged"
    );
    assert_eq!(ask().unasserted().header("domicile-route", "x").send().await.outcome(), refused, "nonsense");
    let now = world.now_ms();
    assert_eq!(
        ask().stating(|a| a.expires_ms = now + 31_000).send().await.outcome(),
        refused,
        "lives too long"
    );
    assert_eq!(
        ask().stating(|a| (a.issued_ms, a.expires_ms) = (now - 40_000, now - 20_000)).send().await.outcome(),
        refused,
        "expired"
    );
    assert_eq!(
        ask().stating(|a| (a.issued_ms, a.expires_ms) = (now + 9_000, now + 19_000)).send().await.outcome(),
        refused,
        "from the future"
    );
    assert_eq!(ask().stating(|a| a.method = "PUT".into()).send().await.outcome(), refused, "another method");
    assert_eq!(ask().stating(|a| a.path_hash = [0; 16]).send().await.outcome(), refused, "another path");
    let elsewhere = ask().stating(|a| a.region = "ap-south-1".parse().unwrap());
    assert_eq!(elsewhere.send().await.outcome(), (421, "misdirected".into()), "another region");
    let stranger = ask().stating(|a| a.tenant = regions::ids::TenantId::random());
    assert_eq!(stranger.send().await.outcome(), (503, "unavailable".into()), "nobody's tenant");
    let other = world.beta.tenant.id;
    assert_eq!(
        ask().stating(|a| a.tenant = other).send().await.outcome(),
        (421, "misdirected".into()),
        "host of alpha"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_was_asked_to_stop_serves_on_and_closes_each_connection_after_its_answer() {
    let world = World::new().await;
    let actor = world.staff(&world.alpha, Role::Receptionist).await;
    let ask = || world.ask(&world.alpha, "GET", "/api/v1/me").by(&actor);
    assert_eq!(ask().send().await.expect(200).headers.get("connection"), None);
    world.app.leaving.store(true, Ordering::Relaxed);
    assert_eq!(ask().send().await.expect(200).header("connection"), "close");
    // Refusals too: a connection that stays open is one that the front door uses again.
    let refused = ask().unasserted().send().await;
    assert_eq!((refused.outcome().0, refused.header("connection")), (403, "close".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assertion_changes_something_once() {
    let world = World::new().await;
    let actor = world.staff(&world.alpha, Role::Receptionist).await;
    let ask = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&actor).json(&patient("Once", "O-1"));
    let stolen = ask.minted();
    ask.send().await.expect(201);
    let replay = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&actor).json(&patient("Once", "O-2"));
    let answer = replay.unasserted().header("domicile-route", &stolen).send().await;
    assert_eq!(answer.outcome(), (403, "not_routed".into()));
    let list = world.ask(&world.alpha, "GET", "/api/v1/patients").by(&actor).send().await.expect(200);
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_epoch_is_told_the_current_one_and_states_are_kept() {
    let world = World::new().await;
    let ask = || world.ask(&world.alpha, "GET", "/api/v1/openapi.json");
    let ahead = ask().stating(|a| a.epoch = Epoch(a.epoch.0 + 1));
    assert_eq!(ahead.send().await.outcome(), (503, "unavailable".into()), "this process is behind");
    let moved = ask().stating(|a| a.shard = ShardId(9));
    assert_eq!(moved.send().await.outcome(), (421, "misdirected".into()));
    let next = World::next_epoch(&world.alpha);
    world.publish(next);
    let stale = ask().send().await;
    assert_eq!(stale.outcome(), (421, "misdirected".into()));
    assert_eq!(stale.header("domicile-stale-epoch"), next.epoch.to_string());
    let current = ask().stating(|a| a.epoch = next.epoch);
    current.send().await.expect(200);
    world.publish(TenantRecord { state: TenantState::Suspended, ..next });
    let ask = || world.ask(&world.alpha, "GET", "/api/v1/openapi.json").stating(|a| a.epoch = next.epoch);
    assert_eq!(ask().send().await.outcome(), (403, "suspended".into()));
    world.publish(TenantRecord { state: TenantState::Offboarded, ..next });
    assert_eq!(ask().send().await.outcome(), (410, "gone".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_methods_and_paths() {
    let world = World::new().await;
    let ask = |method: &str, path: &str| world.ask(&world.alpha, method, path);
    for host in
        [&world.beta.host, "alpha-clinic.in.domicile.localhost", "control.domicile.localhost", "127.0.0.1"]
    {
        let answer = ask("GET", "/api/v1/openapi.json").header("host", host).send().await;
        assert_eq!(answer.outcome(), (421, "misdirected".into()), "{host}");
    }
    let shouted = world.alpha.host.to_uppercase();
    ask("GET", "/api/v1/openapi.json").header("host", &shouted).send().await.expect(200);
    assert_eq!(ask("TRACE", "/api/v1/me").send().await.outcome(), (405, "method_not_allowed".into()));
    assert_eq!(ask("PATCH", "/api/v1/me").send().await.outcome(), (405, "method_not_allowed".into()));
    for path in ["/api/v1", "/api/v1/me/", "/api/v2/me", "/metrics", "/healthz", "/api/v1/patients/x/y"] {
        assert_eq!(ask("GET", path).send().await.outcome(), (404, "not_found".into()), "{path}");
    }
    let spoofed = ask("GET", "/api/v1/openapi.json").header("x-forwarded-host", &world.beta.host);
    spoofed
        .header("x-forwarded-for", "203.0.113.9")
        .header("forwarded", "for=203.0.113.9")
        .send()
        .await
        .expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_json_small_known_and_in_time() {
    let bodies =
        BodyLimits { json_max_bytes: 4_096, total_max_ms: 1_500, grace_ms: 300, rate_min_bytes_s: 1_024 };
    let world = World::with(Options { bodies, ..Options::default() }).await;
    let actor = world.staff(&world.alpha, Role::Receptionist).await;
    let post = || world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(&actor);
    let body = r#"{"mrn":"1"}"#;
    post().raw("application/json; charset=utf-8", body).send().await.expect(200);
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=utf-16",
        "multipart/form-data",
    ] {
        assert_eq!(
            post().raw(kind, body).send().await.outcome(),
            (415, "unsupported_media_type".into()),
            "{kind}"
        );
    }
    let zipped = post().raw("application/json", body).header("content-encoding", "gzip").send().await;
    assert_eq!(zipped.outcome(), (415, "unsupported_media_type".into()));
    let large = format!(r#"{{"mrn":"{}"}}"#, "x".repeat(5_000));
    assert_eq!(post().raw("application/json", &large).send().await.outcome(), (413, "body_too_large".into()));
    let unknown = post().raw("application/json", r#"{"mrn":"1","CANARY":{}}"#).send().await;
    assert_eq!(unknown.outcome(), (400, "invalid_request".into()));
    assert_eq!(unknown.json()["errors"], json!([{ "pointer": "", "code": "unknown_field" }]));
    assert!(!unknown.text().contains("CANARY"));
    let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
    assert_eq!(post().raw("application/json", &deep).send().await.status.as_u16(), 400);
    let with_body =
        world.ask(&world.alpha, "GET", "/api/v1/me").by(&actor).raw("application/json", body).send().await;
    assert_eq!(with_body.outcome(), (400, "unexpected_body".into()));

    // Catalogue entry T65: one byte each 50 ms would hold a connection for ever.
    let drip = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, std::io::Error>(vec![b' ']), ()))
    });
    let started = std::time::Instant::now();
    let slow = post().raw("application/json", "").stream(reqwest::Body::wrap_stream(drip)).send().await;
    assert_eq!(slow.outcome(), (408, "body_too_slow".into()));
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(slow.header("connection"), "close");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_ends_in_429_with_the_time_to_wait() {
    let budget = |_| Budget { tenant_per_min: 1_000, caller_per_min: 60 };
    let world = World::with(Options { budget, ..Options::default() }).await;
    let ask = |ip: &'static str| {
        world
            .ask(&world.alpha, "GET", "/api/v1/openapi.json")
            .stating(move |a| a.client_ip = ip.parse().unwrap())
            .send()
    };
    for left in ["40", "20", "0"] {
        let answer = ask("198.51.100.1").await.expect(200);
        assert_eq!(answer.header("ratelimit"), format!("\"points\";r={left}"));
    }
    let refused = ask("198.51.100.1").await;
    assert_eq!(refused.outcome(), (429, "rate_limited".into()));
    assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1);
    ask("198.51.100.2").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_pins_failed_serves_nothing() {
    let world = World::new().await;
    let ask = async || world.ask(&world.alpha, "GET", "/api/v1/openapi.json").send().await.outcome();
    let superuser = world.region.superuser().await;
    let move_to = async |region: &str| {
        let sql = "ALTER TABLE meta.identity DISABLE TRIGGER USER";
        superuser.batch_execute(sql).await.unwrap();
        superuser.execute("UPDATE meta.identity SET region = $1", &[&region]).await.unwrap();
    };
    let look = async || world.app.pinned.look(&world.app.regional).await.is_ok();
    assert!(look().await);
    assert_eq!(ask().await.0, 200);
    move_to("ap-south-1").await;
    assert!(!look().await);
    assert_eq!(ask().await, (503, "unavailable".into()));

    // A minute later the foreign database is merely away: that is no reason to serve from it again.
    let database = world.region.shard_database();
    let postgres = world.region.cluster.superuser("postgres").await.unwrap();
    let allow = async |whether: bool| {
        postgres
            .batch_execute(&format!("ALTER DATABASE {database} ALLOW_CONNECTIONS {whether}"))
            .await
            .unwrap();
    };
    allow(false).await;
    assert!(!look().await);
    assert_eq!(ask().await, (503, "unavailable".into()));
    allow(true).await;
    move_to("us-east-1").await;
    assert!(look().await);
    assert_eq!(ask().await.0, 200);
}

/// A handler that panics is answered, with a receipt and without the panic's text.
#[actix_web::test]
async fn a_panic_is_an_answer_without_its_text() {
    use actix_web::{App, middleware, test, web};

    let world = World::new().await;
    let bomb = || async { if true { panic!("CANARY of a patient") } else { "never" } };
    let service = App::new()
        .app_data(world.app.clone())
        .route("/bomb", web::get().to(bomb))
        .wrap(middleware::from_fn(app::middleware::edge));
    let service = test::init_service(service).await;
    let assertion = world.ask(&world.alpha, "GET", "/bomb").minted();
    let request = test::TestRequest::get().uri("/bomb").insert_header(("host", world.alpha.host.clone()));
    let request = request.insert_header(("domicile-route", assertion)).to_request();
    let Err(error) = test::try_call_service(&service, request).await else {
        panic!("the layer ends with an error")
    };
    let answer = error.error_response();
    assert_eq!(answer.status().as_u16(), 500);
    assert!(answer.headers().contains_key("domicile-receipt"));
    let body = actix_web::body::to_bytes(answer.into_body()).await.ok().unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(text.contains("\"internal\"") && !text.contains("CANARY"), "{text}");
}

/// Keys that cannot be had are an honest 503 before a connection is taken, and the clinic works again with them.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_keys_a_clinic_gets_503_and_recovers() {
    let world = World::new().await;
    let actor = world.staff(&world.alpha, Role::Receptionist).await;
    world.ask(&world.alpha, "GET", "/api/v1/me").by(&actor).send().await.expect(200);
    world.app.keys().forget();
    world.region.aws.faults().kms(localaws::FaultKind::Status { code: 500 });
    let answer = world.ask(&world.alpha, "GET", "/api/v1/me").by(&actor).send().await;
    assert_eq!(answer.outcome(), (503, "unavailable".into()));
    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    world.region.aws.faults().clear();
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while world.ask(&world.alpha, "GET", "/api/v1/me").by(&actor).send().await.status.as_u16() != 200 {
        assert!(std::time::Instant::now() < deadline, "the clinic did not come back");
        tokio::task::yield_now().await;
    }
}
