//! Catalogue entries T21, T23 and T68: what crosses a border by itself, and what somebody only says of themselves.

use app::access::{Audience, Role};
use app::middleware::rate::Budget;
use app::routes::ROUTES;
use localaws::Service;
use regions::ids::RequestId;
use tenancy::sealed::{Column, Sealed};

use crate::support::{Options, World, patient, sample_body, sample_path};

/// `audit_event.client_ip_sealed`, as docs/crypto.md numbers it.
const AUDIT_CLIENT_IP: Column = Column::new(1, 1);

/// When the application last asked a region's databases something, and how many calls its KMS and S3 have had.
async fn footprint(world: &World) -> (Option<String>, Option<String>, [u64; 4]) {
    let last = "SELECT max(query_start)::text FROM pg_stat_activity
                WHERE datname = current_database() AND usename = 'domicile_app'";
    let shard = world.region.superuser().await.query_one(last, &[]).await.unwrap().get(0);
    let keys = world.region.key_superuser().await.query_one(last, &[]).await.unwrap().get(0);
    let aws = world.region.aws.faults();
    let calls =
        [Service::Kms, Service::S3].map(|service| [aws.total_calls(service), aws.connections(service)]);
    (shard, keys, [calls[0][0], calls[0][1], calls[1][0], calls[1][1]])
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_a_session_of_one_region_is_worth_nothing_in_another_and_is_looked_up_nowhere() {
    let (us, india) = tokio::join!(Box::pin(World::new()), Box::pin(World::india()));
    let actor = us.staff(&us.alpha, Role::ClinicAdmin).await;
    us.ask(&us.alpha, "GET", "/api/v1/me").by(&actor).send().await.expect(200);
    let before = footprint(&us).await;
    assert!(before.0.is_some() && before.1.is_some(), "the footprint sees the application's connections");
    for (n, route) in
        ROUTES.iter().enumerate().filter(|(_, route)| route.action.audience() == Audience::Staff)
    {
        let path = sample_path(route, "pat_x");
        let mut bodies = Vec::new();
        let nobody = format!("__Host-domicile={}", app::auth::token::Token::random().expose().as_str());
        for cookie in [actor.cookie.as_str(), nobody.as_str()] {
            let mut ask = india.ask(&india.alpha, route.method.as_str(), &path).by(&actor);
            ask = ask.header("cookie", cookie);
            if let Some(body) = sample_body(route, n) {
                ask = ask.json(&body).header("if-match", "\"v1\"");
            }
            let answer = ask.send().await;
            assert_eq!(answer.outcome(), (401, "unauthenticated".into()), "{} {path}", route.method);
            let mut body = answer.json();
            body["instance"] = "the request id".into();
            bodies.push(body);
        }
        assert_eq!(bodies[0], bodies[1], "nothing says that the session lives elsewhere");
    }
    let ask = || india.ask(&india.alpha, "GET", "/api/v1/me").by(&actor);
    // The other region's front door is nobody here, and what names the other region is sent away.
    let theirs = us.ask(&us.alpha, "GET", "/api/v1/me").minted();
    let answer = ask().unasserted().header("domicile-route", &theirs).send().await;
    assert_eq!(answer.outcome(), (403, "not_routed".into()));
    let (tenant, region) = (us.alpha.tenant.id, us.alpha.record.region);
    let answer = ask().stating(|a| (a.tenant, a.region) = (tenant, region)).send().await;
    assert_eq!(answer.outcome(), (421, "misdirected".into()));
    assert!(!answer.text().contains("us-east-1") && !answer.text().contains("alpha"), "{}", answer.text());
    assert_eq!(footprint(&us).await, before, "the home region was asked nothing");
    us.ask(&us.alpha, "GET", "/api/v1/me").by(&actor).send().await.expect(200);
    assert_ne!(footprint(&us).await, before, "the footprint sees a request");
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_without_its_own_kms_a_region_is_503_and_asks_no_other() {
    let (us, india) = tokio::join!(Box::pin(World::new()), Box::pin(World::india()));
    let here = india.staff(&india.alpha, Role::ClinicAdmin).await;
    let there = us.staff(&us.alpha, Role::ClinicAdmin).await;
    india.ask(&india.alpha, "GET", "/api/v1/me").by(&here).send().await.expect(200);
    us.ask(&us.alpha, "GET", "/api/v1/me").by(&there).send().await.expect(200);
    let mut asked = Vec::new();
    for (n, route) in ROUTES.iter().enumerate().filter(|(_, route)| route.action.touches_patients()) {
        asked.push((n, route, india.able(&india.alpha, route.action).await));
    }
    india.app.keys().forget();
    india.region.aws.shutdown().await;
    let before = footprint(&us).await;
    for (n, route, here) in &asked {
        let path = sample_path(route, "pat_x");
        let mut ask = india.ask(&india.alpha, route.method.as_str(), &path).by(here);
        if let Some(body) = sample_body(route, *n) {
            ask = ask.json(&body).header("if-match", "\"v1\"");
        }
        let answer = ask.send().await;
        assert_eq!(answer.outcome(), (503, "unavailable".into()), "{} {path}", route.method);
        assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
    }
    assert_eq!(footprint(&us).await, before, "no connection arrived at the other region");
    us.app.keys().forget();
    us.ask(&us.alpha, "GET", "/api/v1/me").by(&there).send().await.expect(200);
    let after = footprint(&us).await;
    assert!(
        after.0 != before.0 && after.2[0] > before.2[0],
        "the footprint sees a request and a call to KMS"
    );
}

/// Every header in which a client or a careless proxy names an address or a host.
const CLAIMS: [(&str, &str); 8] = [
    ("x-forwarded-for", "203.0.113.9"),
    ("forwarded", "for=203.0.113.9;host=evil.example;proto=http"),
    ("x-real-ip", "203.0.113.9"),
    ("x-client-ip", "203.0.113.9"),
    ("true-client-ip", "203.0.113.9"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-port", "1"),
];

/// The address that the audit log has for a request, opened with the clinic's key.
async fn audited_address(world: &World, request: RequestId) -> Vec<u8> {
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let sql = format!("SELECT event_id, client_ip_sealed FROM {ops}.audit_event WHERE request_id = $1");
    let id = uuid::Uuid::from_bytes(*request.as_bytes());
    let row = world.region.superuser().await.query_one(sql.as_str(), &[&id]).await.unwrap();
    let event: uuid::Uuid = row.get(0);
    let sealer = world.app.keys().tenant_sealer(world.alpha.tenant.id).await.unwrap();
    let sealed = Sealed::from_bytes(row.get(1));
    sealer.open(AUDIT_CLIENT_IP, event.into_bytes(), &sealed).unwrap().to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn t68_what_a_client_says_of_its_address_changes_no_record_link_or_budget() {
    // The page below, and five descriptions, which cost as much.
    let budget = |_| Budget { tenant_per_min: 10_000, caller_per_min: 120 };
    let world = World::with(Options { budget, ..Options::default() }).await;
    let actor = world.staff(&world.alpha, Role::Physician).await;
    let true_address = [198, 51, 100, 77];
    for (n, (name, value)) in CLAIMS.into_iter().enumerate() {
        let request = RequestId::random();
        let ask = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&actor).header(name, value);
        let ask = ask.json(&patient("Claim", &format!("C-{n}"))).stating(|a| {
            (a.request_id, a.client_ip) = (request, std::net::IpAddr::from(true_address));
        });
        let answer = ask.send().await.expect(201);
        assert_eq!(audited_address(&world, request).await, true_address, "{name}");
        let said = format!("{:?} {}", answer.headers, answer.text());
        assert!(!said.contains("evil.example") && !said.contains("203.0.113.9"), "{name}: {said}");
        assert!(answer.header("location").starts_with("/api/v1/patients/pat_"), "{name}");
    }
    // A page's link to the next one is the clinic's own too.
    let mut ask = world.ask(&world.alpha, "GET", "/api/v1/patients?limit=1").by(&actor);
    for (name, value) in CLAIMS {
        ask = ask.header(name, value);
    }
    let page = ask.send().await.expect(200);
    assert!(!format!("{:?} {}", page.headers, page.text()).contains("evil.example"));

    // A new claim is no new budget: from one address there are five, whatever it says of itself.
    let flood = async |n: usize| {
        let ask = world.ask(&world.alpha, "GET", "/api/v1/openapi.json");
        let ask = ask.header("x-forwarded-for", &format!("203.0.113.{n}"));
        let ask = ask.header("x-real-ip", &format!("203.0.113.{n}"));
        ask.header("forwarded", &format!("for=203.0.113.{n}")).send().await.status.as_u16()
    };
    let mut statuses = Vec::new();
    for n in 0..15 {
        statuses.push(flood(n).await);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
}
