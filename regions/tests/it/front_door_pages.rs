//! What people and programs are told who come to the wrong place: a page with the way there, or a problem.

use crate::front_door_world::{BASE, LOTUS, World, get, read, until};
use regions::residency::TransitMode;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_at_the_wrong_place_is_shown_a_page_with_the_way_and_a_program_a_problem() {
    const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
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
        let ask = async |accept: &str| {
            let mut request = get(&host, "/clinic/patients?q=asha");
            request.headers_mut().insert("accept", accept.parse().unwrap());
            door.h1(&host).await.send_request(request).await.unwrap()
        };
        let response = ask(BROWSER).await;
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{host}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let (got, page) = read(response).await;
        assert_eq!(got.as_u16(), status, "{page}");
        assert!(page.contains("<html lang=\"en\">") && page.contains(said), "{page}");
        for foreign in ["<script", "<style", "style=", "src=", "patients", "asha"] {
            assert!(!page.contains(foreign), "{foreign}: {page}");
        }
        for program in ["application/json", "*/*"] {
            let response = ask(program).await;
            assert_eq!(response.headers()["content-type"], "application/problem+json", "{host}");
            assert!(!response.headers().contains_key("content-security-policy"));
            let (got, problem) = read(response).await;
            assert_eq!(got.as_u16(), status, "{problem}");
            assert!(problem.contains(code), "{problem}");
        }
    }
    assert_eq!(backend.count(), 0);
    door.stop().await;
}
