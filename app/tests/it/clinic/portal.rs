//! The portal's pages and files as a browser asks for them.

use std::collections::BTreeSet;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_a_fresh_nonce_and_a_policy_that_allows_nothing_else() {
    let world = World::new().await;
    let mut nonces = BTreeSet::new();
    for (path, idle_s) in [
        ("/clinic", 900),
        ("/clinic/patients/pat_xpcxiu7w55hdnpndoqv4yflxfy/edit", 900),
        ("/accept-invitation", 900),
        ("/recover", 900),
        // A patient may sit at a borrowed computer.
        ("/my/records/pat_xpcxiu7w55hdnpndoqv4yflxfy/documents", 600),
    ] {
        let page = world.ask(&world.alpha, "GET", path).send().await.expect(200);
        let text = String::from_utf8(page.body.clone()).unwrap();
        let (_, rest) = text.split_once("nonce=\"").unwrap();
        let nonce = rest.split('"').next().unwrap().to_owned();
        assert!(nonce.len() >= 22, "128 bits in base64: {nonce}");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains(&format!("script-src 'nonce-{nonce}' 'strict-dynamic';")), "{policy}");
        for part in [
            "default-src 'none'",
            "connect-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ] {
            assert!(policy.contains(part), "{part}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
        assert_eq!(page.headers["cache-control"], "no-store");
        let idle = format!("data-idle-s=\"{idle_s}\"");
        assert!(text.contains("data-clinic=\"alpha-clinic\"") && text.contains(&idle), "{text}");
        assert!(!text.contains("{{"), "{text}");
        nonces.insert(nonce);
    }
    assert_eq!(nonces.len(), 5, "every page has its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_lives_for_a_year_and_is_compressed_for_who_takes_it() {
    let world = World::new().await;
    let ask =
        |coding: &str| world.ask(&world.alpha, "GET", "/assets/app-1.js").header("accept-encoding", coding);
    let plain = ask("gzip").send().await.expect(200);
    assert_eq!(plain.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(plain.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(plain.headers["x-content-type-options"], "nosniff");
    assert_eq!(plain.body, b"export {};\n");
    let small = ask("gzip, br").send().await.expect(200);
    assert_eq!(small.headers["content-encoding"], "br");
    assert_eq!(small.headers["vary"], "accept-encoding");
    assert_eq!(small.body, b"stands for compressed bytes\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_looks_like_a_file_is_never_a_page_and_what_is_not_built_is_not_there() {
    let world = World::new().await;
    for path in [
        "/clinic/patients/x.css",
        "/clinic/a/b/c/d/e",
        "/assets/none.js",
        "/assets/app-1.js.br",
        "/clinic.html",
    ] {
        let answer = world.ask(&world.alpha, "GET", path).send().await.expect(404);
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
    }
    world.ask(&world.alpha, "POST", "/clinic").send().await.expect(405);
    let front = world.ask(&world.alpha, "GET", "/").send().await.expect(303);
    assert_eq!(front.headers["location"], "/clinic");
}
