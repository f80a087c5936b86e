//! Inviting and listing staff.

use app::access::Role;
use serde_json::json;

use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_invited_once_and_the_job_holds_ids_only() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let invite = |email: &str| {
        let body = json!({ "email": email, "display_name": "Nurse Joy", "role": "nurse" });
        world.ask(&world.alpha, "POST", "/api/v1/staff").by(&admin).json(&body).send()
    };
    invite("joy@example.com").await.expect(201);
    assert_eq!(invite("JOY@Example.com").await.outcome(), (409, "staff_exists".into()));
    assert_eq!(invite("not an address").await.outcome(), (400, "invalid_request".into()));
    let list = world.ask(&world.alpha, "GET", "/api/v1/staff").by(&admin).send().await.expect(200).json();
    let joy = list["items"].as_array().unwrap().iter().find(|one| one["email"] == "joy@example.com").unwrap();
    assert_eq!(
        (&joy["state"], &joy["role"], &joy["display_name"]),
        (&json!("invited"), &json!("nurse"), &json!("Nurse Joy"))
    );

    let superuser = world.region.superuser().await;
    let jobs = superuser.query("SELECT payload::text FROM graphile_worker._private_jobs", &[]).await.unwrap();
    assert_eq!(jobs.len(), 1);
    let payload: String = jobs[0].get(0);
    assert!(payload.contains(&world.alpha.tenant.id.to_string()) && !payload.contains("joy"), "{payload}");
}
