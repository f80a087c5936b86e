//! Who may ask what: every registered route, as a stranger and as an administrator, and what an answer says of itself.

use std::fmt::Write as _;

use app::control::access::{Role, may};
use app::control::api::openapi::{COMMITTED, document};
use app::control::routes::ROUTES;
use serde_json::json;

use super::support::TestControl;

#[tokio::test]
async fn every_route_answers_a_stranger_with_401_unless_it_is_public() {
    let control = TestControl::start().await;
    let stranger = control.stranger();
    let signed_in = [
        (Role::Administrator, control.with_regions().await),
        (Role::Support, control.person("sam@platform.example", Role::Support).await),
    ];
    let mut matrix = String::from("# platform route x caller; printed by app/tests/it/control/access.rs\n");
    for route in ROUTES {
        let path = route
            .path
            .replace("{id}", "aaaaaaaaaaaaaaaaaaaaaaaaaa")
            .replace("{look}", "look_aaaaaaaaaaaaaaaaaaaaaaaaaa")
            .replace("{name}", "eu-west-1");
        let body = (route.method != "GET" && route.method != "DELETE").then(|| json!({}));
        let method: reqwest::Method = route.method.as_str().parse().unwrap();
        let as_stranger = stranger.send(method.clone(), &path, body.as_ref(), &[]).await;
        let public = route.action.is_public();
        assert_eq!(as_stranger.status.as_u16() == 401, !public, "{} {path}: {as_stranger:?}", route.method);
        for header in ["x-request-id", "cache-control", "x-content-type-options", "content-security-policy"] {
            assert!(as_stranger.headers.contains_key(header), "{header} of {path}");
        }
        let mut who = Vec::new();
        for (role, browser) in &signed_in {
            if may(*role, route.action) {
                who.push(role.as_str());
            }
            if route.path == "/platform/v1/sessions/current" {
                continue;
            }
            let answer = browser.send(method.clone(), &path, body.as_ref(), &[]).await;
            let what = format!("{} {path} as {}: {answer:?}", route.method, role.as_str());
            if may(*role, route.action) {
                assert!(![401, 403, 500].contains(&answer.status.as_u16()), "{what}");
            } else {
                assert_eq!((answer.status.as_u16(), answer.code()), (403, "forbidden"), "{what}");
                assert_eq!(last_line(&control).await, (route.action.name().to_owned(), "deny".to_owned()));
            }
        }
        let who = if public { "anyone".to_owned() } else { who.join(" ") };
        writeln!(matrix, "{:<18} {:<6} {:<48} {who}", route.action.name(), route.method.as_str(), route.path)
            .unwrap();
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ratchets/platform-authz-matrix.txt");
    let reviewed = std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(matrix, reviewed, "if this is what you meant, write it to {file}");
}

/// Action and outcome of the newest line of the platform's audit.
async fn last_line(control: &TestControl) -> (String, String) {
    let sql = "select action, outcome from platform.platform_audit order by seq desc limit 1";
    let row = control.superuser().await.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_change_without_the_sessions_own_token_changes_nothing() {
    let control = TestControl::start().await;
    let mut admin = control.admin().await;
    admin.csrf = None;
    let refused = admin.post("/platform/v1/regions", &super::support::region("us-east-1", "us", "US")).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (403, "csrf"));
    let listed = admin.get("/platform/v1/regions").await.expect(200);
    assert_eq!(listed.body["items"], json!([]));
}

#[tokio::test]
async fn the_description_is_openapi_3_1_and_names_every_route() {
    let control = TestControl::start().await;
    let answer = control.stranger().get("/platform/v1/openapi.json").await.expect(200);
    assert!(answer.text("openapi").starts_with("3.1"));
    assert!(
        answer.body == serde_json::from_str::<serde_json::Value>(COMMITTED).unwrap(),
        "another description than the reviewed one"
    );
    for route in ROUTES {
        let method = route.method.as_str().to_lowercase();
        assert!(answer.body["paths"][route.path][&method].is_object(), "{method} {}", route.path);
    }
}

/// What is served is what the handlers say: a change of them is a change of the file, which is reviewed.
#[test]
fn the_platforms_description_is_the_reviewed_one() {
    let said = document().unwrap();
    let now = concat!(env!("CARGO_TARGET_TMPDIR"), "/platform.json");
    std::fs::write(now, &said).unwrap();
    assert!(COMMITTED == said, "compare app/openapi/platform.json with {now}, then copy that to app/openapi");
}

#[tokio::test]
async fn changes_and_refused_sign_ins_leave_an_audit_line() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    admin
        .post("/platform/v1/sessions", &json!({"login": "nobody", "password": "nothing nothing"}))
        .await
        .expect(401);
    let made =
        admin.post("/platform/v1/tenants", &super::support::clinic("lotus", "ap-south-1")).await.expect(201);
    let rows = control
        .superuser()
        .await
        .query(
            "select action, outcome, actor_kind, resource_id from platform.platform_audit order by seq",
            &[],
        )
        .await
        .unwrap();
    let lines: Vec<(String, String, String)> =
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let has = |action: &str, outcome: &str, actor: &str| {
        lines
            .iter()
            .any(|line| (line.0.as_str(), line.1.as_str(), line.2.as_str()) == (action, outcome, actor))
    };
    assert!(has("admin.create", "allow", "operator"));
    assert!(has("session.create", "allow", "admin"));
    assert!(has("session.create", "deny", "anonymous"));
    assert!(has("region.add", "allow", "admin") && has("shard.add", "allow", "admin"));
    assert!(has("tenant.create", "allow", "admin"));
    assert_eq!(rows.last().unwrap().get::<_, Option<String>>(3), Some(made.text("id")));
}

#[tokio::test]
async fn a_flood_from_one_address_is_told_to_wait_and_no_header_helps() {
    let control = TestControl::start().await;
    control.reconfigure("address_per_min = 1000000", "address_per_min = 5");
    let control = control.restart().await.unwrap();
    let stranger = control.stranger();
    let path = "/platform/v1/openapi.json";
    for _ in 0..5 {
        stranger.get(path).await.expect(200);
    }
    let spoofed = [
        ("x-forwarded-for", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("host", "elsewhere.example"),
    ];
    for headers in [&[][..], &spoofed[..1], &spoofed[1..2], &spoofed[2..3], &spoofed[3..]] {
        let refused = stranger.send(reqwest::Method::GET, path, None, headers).await.expect(429);
        assert_eq!(refused.code(), "rate_limited");
        assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    }
    // Signing in is not free either: a password is not even looked at.
    let guess = serde_json::json!({"login": "nobody", "password": "nothing nothing"});
    stranger.post("/platform/v1/sessions", &guess).await.expect(429);
    stranger.post("/platform/v1/passkeys/sign-in/begin", &json!({})).await.expect(429);
    stranger.post("/platform/v1/enrolments/begin", &json!({"token": "guessed"})).await.expect(429);
}

/// Both APIs give every answer the same headers, errors too.
#[tokio::test]
async fn every_answer_carries_the_headers_of_both_apis() {
    let control = TestControl::start().await;
    let stranger = control.stranger();
    for (path, status) in
        [("/platform/v1/openapi.json", 200), ("/platform/v1/regions", 401), ("/nowhere", 404)]
    {
        let answer = stranger.get(path).await.expect(status);
        let mut wanted = actix_web::HttpResponse::Ok().finish();
        app::middleware::secure::write(&mut wanted);
        for (name, value) in wanted.headers() {
            let found = answer.headers.get(name.as_str()).map(|found| found.as_bytes());
            assert_eq!(found, Some(value.as_bytes()), "{path} {name}");
        }
        // Word for word, so that what is no longer written is missed.
        for (name, value) in [
            ("strict-transport-security", "max-age=63072000; includeSubDomains"),
            (
                "content-security-policy",
                "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
            ),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            let found = answer.headers.get(name).map(|found| found.as_bytes());
            assert_eq!(found, Some(value.as_bytes()), "{path} {name}");
        }
    }
}
