//! What people and programs are told who come to the wrong place, or whose region does not answer: a page, or a problem.

use crate::front_door_world::{ALPHA, BASE, Body, Door, LOTUS, World, get, get_h2, read, text, until};
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use regions::residency::TransitMode;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
/// What differs between two answers that say the same in two forms.
const OF_THE_FORM: [&str; 4] = ["content-type", "content-length", "date", "x-request-id"];

async fn ask(door: &Door, (host, target): (&str, &str), accept: &str) -> Response<Incoming> {
    door.h1(host).await.send_request(accepting(get(host, target), accept)).await.unwrap()
}

fn accepting(mut request: Request<Body>, accept: &str) -> Request<Body> {
    request.headers_mut().insert("accept", accept.parse().unwrap());
    request
}

/// What every page has; its text.
async fn page(response: Response<Incoming>, status: u16) -> String {
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(response.headers()["cache-control"], "no-store");
    let (got, page) = read(response).await;
    assert_eq!(got.as_u16(), status, "{page}");
    assert!(page.contains("<html lang=\"en\">"), "{page}");
    for foreign in
        ["<script", "<style", "style=", "src=", "patients", "asha", "alpha", "127.0.0.1", "us-east"]
    {
        assert!(!page.contains(foreign), "{foreign}: {page}");
    }
    page
}

/// What every problem has, and nothing else; its code.
async fn problem(response: Response<Incoming>, status: u16) -> String {
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert!(!response.headers().contains_key("content-security-policy"));
    let id = response.headers()["x-request-id"].to_str().unwrap().to_owned();
    let (got, text) = read(response).await;
    assert_eq!(got.as_u16(), status, "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    let code = problem["code"].as_str().unwrap().to_owned();
    assert_eq!(problem["type"], format!("/problems/{code}"), "{text}");
    assert_eq!((&problem["status"], &problem["instance"]), (&json!(status), &json!(id)), "{text}");
    code
}

/// Asks as a person and as two programs: the same status and headers, in two forms.
async fn both(door: &Door, at: (&str, &str), (status, code): (u16, &str), said: &[&str]) -> HeaderMap {
    let shown = ask(door, at, BROWSER).await;
    let headers = shown.headers().clone();
    let text = page(shown, status).await;
    for said in said {
        assert!(text.contains(said), "{said}: {text}");
    }
    for program in ["application/json", "*/*"] {
        let told = ask(door, at, program).await;
        for (name, value) in told.headers() {
            let of_the_form = OF_THE_FORM.contains(&name.as_str());
            assert!(of_the_form || headers.get(name) == Some(value), "{name} of {at:?}");
        }
        assert_eq!(problem(told, status).await, code, "{at:?}");
    }
    headers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_at_the_wrong_place_is_shown_a_page_with_the_way_and_a_program_a_problem() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let door = world.door("us", &[backend.address]).await;
    world.set_region("in", door.peer, 7411, TransitMode::Passthrough);
    until("the region's new port", || {
        let india = door.directory.region("ap-south-1".parse().unwrap());
        india.is_some_and(|record| record.public_port == 7411)
    })
    .await;
    let to_lotus = format!("<a href=\"https://{LOTUS}:7411/\">");
    // Host, status, machine code, what the page says.
    let cases = [
        ("lotus.us", 421, "wrong_host", to_lotus.as_str()),
        ("nobody.us", 404, "clinic_unknown", "<h1>There is no such clinic.</h1>"),
        ("nobody", 404, "clinic_unknown", "<h1>There is no such clinic.</h1>"),
        ("gone-now.us", 410, "clinic_gone", "<h1>This clinic no longer exists.</h1>"),
    ];
    for (host, status, code, said) in cases {
        let host = format!("{host}.{BASE}");
        both(&door, (host.as_str(), "/clinic/patients?q=asha"), (status, code), &[said]).await;
    }
    assert_eq!(backend.count(), 0);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_whose_region_is_dead_is_shown_a_page_and_a_program_the_problem_as_it_was() {
    const TITLE: &str = "The clinic's region cannot answer now.";
    let world = World::new().await;
    let dead = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let door = world.door("us", &[dead]).await;
    let at = (ALPHA, "/clinic/patients?q=asha");
    let title = format!("<h1>{TITLE}</h1>");
    let said = [title.as_str(), "No other region is asked in its place", "tell the clinic"];
    let headers = both(&door, at, (503, "backend_unreachable"), &said).await;
    assert_eq!(headers["retry-after"], "2");
    let shown = door.h2(ALPHA).await.send_request(accepting(get_h2(ALPHA, at.1), BROWSER)).await.unwrap();
    assert!(page(shown, 503).await.contains(&title));
    let told = ask(&door, at, "application/json").await;
    let id = told.headers()["x-request-id"].to_str().unwrap().to_owned();
    let problem: Value = serde_json::from_str(&read(told).await.1).unwrap();
    let expected = json!({
        "type": "/problems/backend_unreachable",
        "title": TITLE,
        "status": 503,
        "code": "backend_unreachable",
        "instance": id,
    });
    assert_eq!(problem, expected);
    door.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_is_shown_a_page_also_when_the_answer_is_late_unproven_or_the_body_too_large() {
    let world = World::new().await;
    let backend = world.backend("us").await;
    let mut config = world.config("us", &[backend.address]);
    config.limits.response_head_ms = 300;
    config.limits.body_bytes_max = 1_000;
    let door = world.start(config).await;
    let no_other = "No other region is asked in its place";
    let late = "<h1>The clinic's region did not answer in time.</h1>";
    both(&door, (ALPHA, "/hold"), (504, "backend_late"), &[late, no_other]).await;
    let unproven = "<h1>The region's answer cannot be passed on.</h1>";
    let headers = both(&door, (ALPHA, "/no-receipt"), (502, "receipt_missing"), &[unproven, no_other]).await;
    assert!(!headers.contains_key("retry-after"));
    let upload = Request::post(format!("https://{ALPHA}/sink")).body(text(&"x".repeat(1_001))).unwrap();
    let shown = door.h2(ALPHA).await.send_request(accepting(upload, BROWSER)).await.unwrap();
    let shown = page(shown, 413).await;
    assert!(shown.contains("<p>It was not taken: "), "{shown}");
    door.stop().await;
}
