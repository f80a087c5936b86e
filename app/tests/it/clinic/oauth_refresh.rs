//! Refresh tokens (catalogue entry T59): each renews once, twenty at one moment get one successor, and a copy ends the family.

use app::access::Role;
use serde_json::Value;

use super::oauth_mobile::{code, exchange};
use crate::support::{Actor, Answer, Options, World};

struct Signed {
    client: String,
    given: Value,
}

impl Signed {
    async fn new(world: &World, by: &Actor) -> Signed {
        let client = world.application(&world.alpha, &["me.read"]).await;
        let code = code(world, by, &client, "me.read").await;
        let given = exchange(world, &client, &code, ("", "")).await.expect(200).json();
        Signed { client, given }
    }

    fn refresh_token(&self) -> String {
        refresh_token(&self.given)
    }
}

fn refresh_token(given: &Value) -> String {
    given["refresh_token"].as_str().unwrap().to_owned()
}

async fn renew_from(world: &World, client: &str, token: &str, address: &str) -> Answer {
    let address = address.parse().unwrap();
    let ask = world.ask(&world.alpha, "POST", "/api/v1/oauth/token").without("origin");
    let form = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)];
    ask.stating(|assertion| assertion.client_ip = address).form(&form).send().await
}

pub(super) async fn renew(world: &World, client: &str, token: &str) -> Answer {
    renew_from(world, client, token, "192.0.2.7").await
}

async fn works(world: &World, given: &Value) -> bool {
    let token = given["access_token"].as_str().unwrap();
    world.ask(&world.alpha, "GET", "/api/v1/me").bearer(token).send().await.status == 200
}

fn is_invalid_grant(answer: &Answer) -> bool {
    answer.status == 400 && answer.json()["error"] == "invalid_grant"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_renews_once_until_the_session_ends() {
    let world = World::new().await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let signed = Signed::new(&world, &nurse).await;
    let mut token = signed.refresh_token();
    for _ in 0..3 {
        world.clock.advance_ms(599_000);
        let given = renew(&world, &signed.client, &token).await.expect(200).json();
        assert!(works(&world, &given).await);
        assert_ne!(refresh_token(&given), token);
        token = refresh_token(&given);
    }
    for (client, token) in [
        (signed.client.as_str(), "AAAA"),
        (world.application(&world.alpha, &["me.read"]).await.as_str(), &token),
    ] {
        assert!(is_invalid_grant(&renew(&world, client, token).await), "another's or none");
    }
    // Idle for longer than a session may be.
    world.clock.advance_ms(900_000);
    assert!(is_invalid_grant(&renew(&world, &signed.client, &token).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn t59_twenty_at_one_moment_get_one_successor_and_nobody_is_signed_out() {
    // A clinic's share of the connections is not what is looked at here: they may all wait for it.
    let pool = tenancy::config::PoolConfig {
        tenant_wait_ms: 20_000,
        lock_ms: 20_000,
        ..tenancy::config::PoolConfig::default()
    };
    let world = World::with(Options { pool, ..Options::default() }).await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let signed = Signed::new(&world, &nurse).await;
    let first = signed.refresh_token();
    let race = (0..20).map(|_| renew(&world, &signed.client, &first));
    let answers: Vec<Value> = futures_util::future::join_all(race)
        .await
        .into_iter()
        .map(|answer| answer.expect(200).json())
        .collect();
    let mut successors: Vec<String> = answers.iter().map(refresh_token).collect();
    successors.sort();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    for given in answers.iter().chain([&signed.given]) {
        assert!(works(&world, given).await);
    }
    let next = renew(&world, &signed.client, &successors[0]).await.expect(200).json();
    assert!(works(&world, &next).await);
    // A straggler of the first twenty.
    assert_eq!(refresh_token(&renew(&world, &signed.client, &first).await.expect(200).json()), successors[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn t59_a_copy_used_later_or_from_elsewhere_ends_the_family_and_its_owner_is_told() {
    for elsewhere in [false, true] {
        let world = World::new().await;
        let (_, me) = world.member("asha@example.com").await;
        let signed = Signed::new(&world, &me).await;
        let other = Signed::new(&world, &me).await;
        let stolen = signed.refresh_token();
        let given = renew(&world, &signed.client, &stolen).await.expect(200).json();
        let copy = if elsewhere {
            renew_from(&world, &signed.client, &stolen, "198.51.100.9").await
        } else {
            world.clock.advance_ms(11_000);
            renew(&world, &signed.client, &stolen).await
        };
        assert!(is_invalid_grant(&copy));
        for given in [&signed.given, &given] {
            assert!(!works(&world, given).await, "of the same family");
        }
        assert!(is_invalid_grant(&renew(&world, &signed.client, &refresh_token(&given)).await));
        assert!(works(&world, &other.given).await, "another family's");
        world.ask(&world.alpha, "GET", "/api/v1/me").by(&me).send().await.expect(200);
        let log = world.audit(&world.alpha).await;
        let reused = log.iter().filter(|entry| entry.2.as_deref() == Some("refresh_reused")).count();
        assert_eq!(reused, 1);
        let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
        let sql =
            format!("SELECT count(*) FROM {ops}.notice WHERE kind = 'refresh_reused' AND account_id = $1");
        let told = world.region.superuser().await.query_one(sql.as_str(), &[&me.account]).await.unwrap();
        assert_eq!(told.get::<_, i64>(0), 1);
    }
}

/// What ends a person's sessions ends the application's too.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_account_and_a_disabled_application_renew_nothing() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let signed = Signed::new(&world, &nurse).await;
    let again = Signed::new(&world, &nurse).await;
    let path = format!("/api/v1/oauth/clients/{}/disable", signed.client);
    world.ask(&world.alpha, "POST", &path).by(&admin).send().await.expect(204);
    assert!(!works(&world, &signed.given).await);
    let refused = renew(&world, &signed.client, &signed.refresh_token()).await;
    assert_eq!(refused.json()["error"], "invalid_client");
    assert!(works(&world, &again.given).await);
    let path = format!("/api/v1/staff/{}/deactivate", app::staff::model::AccountId::from(nurse.account));
    world.ask(&world.alpha, "POST", &path).by(&admin).send().await.expect(204);
    assert!(!works(&world, &again.given).await);
    assert!(is_invalid_grant(&renew(&world, &again.client, &again.refresh_token()).await));
}
