//! Every route for every role, without a session, and from another site.

use app::access::{Action, Audience, Role, matrix, may};
use app::routes::ROUTES;

use crate::support::{World, sample_body, sample_path};

/// The policy is reviewed as a file: a change of the match is a change of the file.
#[test]
fn the_matrix_is_the_reviewed_one() {
    let reviewed = include_str!("../../ratchets/authz-matrix.txt");
    let now = concat!(env!("CARGO_TARGET_TMPDIR"), "/authz-matrix.txt");
    std::fs::write(now, matrix()).unwrap();
    assert_eq!(reviewed, matrix(), "review {now}, then copy it to app/tests/ratchets");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_may_do_what_the_matrix_says_and_nothing_else() {
    let world = World::new().await;
    for role in Role::ALL {
        let stays = world.staff(&world.alpha, role).await;
        for (n, route) in
            ROUTES.iter().enumerate().filter(|(_, route)| route.action.audience() == Audience::Staff)
        {
            // A fresh actor for what may change something: some routes end the session.
            let fresh = may(role, route.action) && route.method != "GET";
            let actor = if fresh { &world.staff(&world.alpha, role).await } else { &stays };
            let id = app::patients::model::PatientId::random().to_string();
            let mut ask = world.ask(&world.alpha, route.method.as_str(), &sample_path(route, &id)).by(actor);
            if let Some(body) = sample_body(route, n + 100 * role.as_str().len()) {
                ask = ask.json(&body);
            }
            let answer = ask.send().await;
            let what = format!("{} {} as {}: {}", route.method, route.path, role.as_str(), answer.text());
            if may(role, route.action) {
                assert!(!matches!(answer.status.as_u16(), 401 | 403 | 500..), "{what}");
            } else {
                assert_eq!(answer.outcome(), (403, "forbidden".into()), "{what}");
                let last = world.newest(&world.alpha).await;
                let denied =
                    (route.action.name().to_owned(), "deny".to_owned(), Some("role".to_owned()), None);
                assert_eq!(last, denied, "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_only_public_routes_answer() {
    let world = World::new().await;
    for (n, route) in ROUTES.iter().enumerate() {
        for cookie in [
            None,
            Some("__Host-domicile=short".to_owned()),
            Some(format!("__Host-domicile={}", "A".repeat(43))),
        ] {
            let mut ask = world.ask(&world.alpha, route.method.as_str(), &sample_path(route, "pat_x"));
            if let Some(body) = sample_body(route, n) {
                ask = ask.json(&body);
            }
            if let Some(cookie) = &cookie {
                ask = ask.header("cookie", cookie);
            }
            let answer = ask.send().await;
            match route.action.audience() {
                Audience::Staff => {
                    assert_eq!(
                        answer.outcome(),
                        (401, "unauthenticated".into()),
                        "{} {}",
                        route.method,
                        route.path
                    );
                }
                Audience::Anyone => assert_ne!(answer.outcome().1, "unauthenticated"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_from_other_sites_change_nothing() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    for (n, route) in ROUTES.iter().enumerate().filter(|(_, route)| route.method != "GET") {
        let ask = || {
            let ask = world.ask(&world.alpha, route.method.as_str(), &sample_path(route, "pat_x")).by(&admin);
            match sample_body(route, n) {
                Some(body) => ask.json(&body),
                None => ask,
            }
        };
        let other = world.beta.origin();
        let mut attacks = vec![
            ("another clinic's page", ask().header("origin", &other)),
            ("no origin at all", ask().header("origin", "null")),
            ("a cross-site page", ask().header("sec-fetch-site", "cross-site")),
            ("a sibling's page", ask().header("sec-fetch-site", "same-site")),
            ("plain http", ask().header("origin", &world.alpha.origin().replace("https", "http"))),
            ("another port", ask().header("origin", &world.alpha.origin().replace("7410", "7411"))),
        ];
        // Programs ask for their tokens without a browser, which would say where it is, and without anything of a browser's.
        if route.action != Action::OauthToken {
            attacks.push(("neither header", ask().without("origin")));
        }
        if route.action.audience() == Audience::Staff {
            attacks.push(("no token", ask().without("x-csrf-token")));
            attacks.push(("another token", ask().header("x-csrf-token", &"A".repeat(43))));
            attacks.push(("two tokens", ask().another("x-csrf-token", &admin.csrf)));
        }
        for (attack, ask) in attacks {
            assert_eq!(
                ask.send().await.outcome(),
                (403, "csrf".into()),
                "{attack}: {} {}",
                route.method,
                route.path
            );
        }
    }
    let fetched = world.ask(&world.alpha, "DELETE", "/api/v1/sessions/current").by(&admin).without("origin");
    fetched.header("sec-fetch-site", "same-origin").send().await.expect(204);
}
