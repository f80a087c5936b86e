//! Signing in to the platform.

use app::control::admins::FirstFactor;
use reqwest::Method;
use serde_json::json;

use super::support::{LOGIN, PASSWORD, TestControl, operator};

#[tokio::test]
async fn a_session_begins_is_seen_and_ends() {
    let control = TestControl::start().await;
    let mut browser = control.stranger();
    let wrong =
        browser.post("/platform/v1/sessions", &json!({"login": LOGIN, "password": "not it, not it"})).await;
    let unknown =
        browser.post("/platform/v1/sessions", &json!({"login": "nobody", "password": PASSWORD})).await;
    for refused in [&wrong, &unknown] {
        assert_eq!((refused.status.as_u16(), refused.code()), (401, "sign_in_failed"));
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        assert!(!refused.headers.contains_key("set-cookie"));
    }

    let answer = browser
        .post("/platform/v1/sessions", &json!({"email": LOGIN, "password": PASSWORD}))
        .await
        .expect(201);
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["__Host-domicile-platform=", "Secure", "HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{part}");
    }
    assert_eq!(answer.headers["cache-control"], "no-store");
    browser.csrf = Some(answer.text("csrf_token"));
    assert_eq!(browser.get("/platform/v1/sessions/current").await.expect(200).text("login"), LOGIN);

    let foreign = browser
        .send(Method::DELETE, "/platform/v1/sessions/current", None, &[("origin", "https://evil.example")])
        .await;
    assert_eq!((foreign.status.as_u16(), foreign.code()), (403, "csrf"));
    let tokenless =
        browser.send(Method::DELETE, "/platform/v1/sessions/current", None, &[("x-csrf-token", "x")]).await;
    assert_eq!((tokenless.status.as_u16(), tokenless.code()), (403, "csrf"));
    browser.send(Method::DELETE, "/platform/v1/sessions/current", None, &[]).await.expect(204);
    browser.get("/platform/v1/sessions/current").await.expect(401);

    // The token itself is dead, not only the cookie taken away.
    let pair = cookie.split(';').next().unwrap();
    let replayed = control
        .stranger()
        .send(Method::GET, "/platform/v1/sessions/current", None, &[("cookie", pair)])
        .await;
    replayed.expect(401);
}

#[tokio::test]
async fn a_session_ends_when_idle_and_in_any_case() {
    let control = TestControl::start().await;
    let browser = control.admin().await;
    for _minutes in 0..40 {
        control.clock.advance_ms(12 * 60_000);
        if browser.get("/platform/v1/regions").await.status.as_u16() == 401 {
            break;
        }
    }
    // 8 hours are 40 times 12 minutes: it stood all that time, and then no more.
    browser.get("/platform/v1/regions").await.expect(401);

    let idle = control.admin().await;
    idle.get("/platform/v1/regions").await.expect(200);
    control.clock.advance_ms(901_000);
    idle.get("/platform/v1/regions").await.expect(401);
}

#[tokio::test]
async fn after_five_wrong_passwords_the_right_one_waits_too() {
    let control = TestControl::start().await;
    let browser = control.stranger();
    for _attempt in 0..5 {
        browser
            .post("/platform/v1/sessions", &json!({"login": LOGIN, "password": "wrong wrong wrong"}))
            .await
            .expect(401);
    }
    let right = json!({"login": LOGIN, "password": PASSWORD});
    browser.post("/platform/v1/sessions", &right).await.expect(401);
    control.clock.advance_ms(1_500);
    browser.post("/platform/v1/sessions", &right).await.expect(201);
    // The count starts again.
    browser
        .post("/platform/v1/sessions", &json!({"login": LOGIN, "password": "wrong wrong wrong"}))
        .await
        .expect(401);
    browser.post("/platform/v1/sessions", &right).await.expect(201);
}

#[tokio::test]
async fn a_reset_ends_every_session_and_the_old_password() {
    let control = TestControl::start().await;
    let browser = control.admin().await;
    let pool = app::auth::password::PasswordPool::new(app::auth::password::PoolLimits {
        running_max: 1,
        waiting_max: 0,
    });
    let phc = pool.unwrap().hash("another horse, another battery").await.unwrap();
    let first = FirstFactor::Password(phc);
    app::control::admins::reset(&control.store().await, operator(), LOGIN, &first).await.unwrap();
    browser.get("/platform/v1/regions").await.expect(401);
    browser.post("/platform/v1/sessions", &json!({"login": LOGIN, "password": PASSWORD})).await.expect(401);
    let new = json!({"login": LOGIN, "password": "another horse, another battery"});
    browser.post("/platform/v1/sessions", &new).await.expect(201);
}

#[tokio::test]
async fn bodies_and_hosts_that_are_not_ours_are_refused() {
    let control = TestControl::start().await;
    let browser = control.stranger();
    let unknown =
        browser.post("/platform/v1/sessions", &json!({"login": "a", "password": "b", "CANARY": 1})).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (400, "invalid_request"));
    assert!(!unknown.body.to_string().contains("CANARY"));
    let large = json!({"login": "a", "password": "x".repeat(20_000)});
    browser.post("/platform/v1/sessions", &large).await.expect(413);
    let elsewhere = browser
        .send(Method::GET, "/platform/v1/openapi.json", None, &[("host", "lotus.us.domicile.localhost")])
        .await;
    assert_eq!((elsewhere.status.as_u16(), elsewhere.code()), (421, "misdirected"));
    browser.get("/platform/v1/nothing").await.expect(404);
    browser.post("/platform/v1/directory", &json!({})).await.expect(405);
    let plain = browser
        .http
        .post(format!("{}/platform/v1/sessions", browser.base))
        .header("origin", &browser.base)
        .body("{}");
    assert_eq!(plain.send().await.unwrap().status().as_u16(), 415);
}
