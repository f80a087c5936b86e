//! Inviting and listing staff.

use app::access::Role;
use app::staff::model::AccountId;
use serde_json::json;

use crate::support::{Actor, Clinic, World};

async fn invite(world: &World, admin: &Actor, email: &str, role: &str) -> crate::support::Answer {
    let body = json!({ "email": email, "display_name": "Nurse Joy", "role": role });
    world.ask(&world.alpha, "POST", "/api/v1/staff").by(admin).json(&body).send().await
}

fn ops(clinic: &Clinic) -> String {
    tenancy::SchemaName::ops(clinic.tenant.id).quoted()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_invited_once_and_the_job_holds_ids_only() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    invite(&world, &admin, "joy@example.com", "nurse").await.expect(201);
    for bad in ["not an address", "\"a@b\"@x.example"] {
        let answer = invite(&world, &admin, bad, "nurse").await;
        assert_eq!(answer.outcome(), (400, "invalid_request".into()), "{bad}");
    }
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

/// A mail can be lost, fail or expire; inviting again must not be a dead end, and only the newest link may work.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_accepted_is_invited_again_and_the_old_invitation_is_worth_nothing() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let first = invite(&world, &admin, "joy@example.com", "nurse").await.expect(201).json();
    let again = invite(&world, &admin, "JOY@Example.com", "physician").await.expect(201).json();
    assert_eq!(first, again, "the same account");
    let superuser = world.region.superuser().await;
    let sql = format!("SELECT state, id FROM {}.invitation ORDER BY state", ops(&world.alpha));
    let rows = superuser.query(sql.as_str(), &[]).await.unwrap();
    let states: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(states, ["pending", "revoked"]);
    let newest: uuid::Uuid = rows[0].get(1);
    let jobs = superuser.query("SELECT payload::text FROM graphile_worker._private_jobs", &[]).await.unwrap();
    let payloads: Vec<String> = jobs.iter().map(|row| row.get(0)).collect();
    assert!(payloads.len() == 2 && payloads.iter().any(|one| one.contains(&newest.to_string())));
    let list = world.ask(&world.alpha, "GET", "/api/v1/staff").by(&admin).send().await.expect(200).json();
    let joy = list["items"].as_array().unwrap().iter().find(|one| one["email"] == "joy@example.com").unwrap();
    assert_eq!((&joy["role"], &joy["state"]), (&json!("physician"), &json!("invited")));
    let last = world.audit(&world.alpha).await.into_iter().rfind(|entry| entry.0 == "staff.invite").unwrap();
    assert_eq!((last.1.as_str(), last.2.as_deref()), ("allow", Some("repeated")));

    // Whoever works here already is not invited, and nothing of theirs changes.
    for state in ["active", "disabled"] {
        let sql =
            format!("UPDATE {}.account SET state = '{state}' WHERE state <> 'active'", ops(&world.alpha));
        superuser.batch_execute(&sql).await.unwrap();
        let sql = format!("UPDATE {}.account SET state = '{state}' WHERE id <> $1", ops(&world.alpha));
        superuser.execute(sql.as_str(), &[&admin.account]).await.unwrap();
        let refused = invite(&world, &admin, "joy@example.com", "clinic_admin").await;
        assert_eq!(refused.outcome(), (409, "staff_exists".into()), "{state}");
        let sql = format!("SELECT state FROM {}.invitation WHERE id = $1", ops(&world.alpha));
        let kept: String = superuser.query_one(sql.as_str(), &[&newest]).await.unwrap().get(0);
        assert_eq!(kept, "pending", "the refusal is rolled back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_unlocks_an_account_of_the_own_clinic_only() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let foreign = world.staff(&world.beta, Role::Nurse).await;
    let superuser = world.region.superuser().await;
    for clinic in [&world.alpha, &world.beta] {
        let sql = format!("UPDATE {}.account SET failed_count = 100", ops(clinic));
        superuser.batch_execute(&sql).await.unwrap();
    }
    let failures = async |clinic: &Clinic, who: &Actor| -> i32 {
        let sql = format!("SELECT failed_count FROM {}.account WHERE id = $1", ops(clinic));
        superuser.query_one(sql.as_str(), &[&who.account]).await.unwrap().get(0)
    };
    let unlock = |who: &Actor, by: &Actor| {
        let path = format!("/api/v1/staff/{}/unlock", AccountId::from(who.account));
        world.ask(&world.alpha, "POST", &path).by(by).send()
    };
    let list = world.ask(&world.alpha, "GET", "/api/v1/staff").by(&admin).send().await.expect(200).json();
    let locked = |role: &str| {
        let items = list["items"].as_array().unwrap();
        items.iter().find(|one| one["role"] == role).unwrap()["locked"].clone()
    };
    assert_eq!((locked("nurse"), locked("clinic_admin")), (json!(true), json!(false)));

    assert_eq!(unlock(&nurse, &nurse).await.outcome(), (403, "forbidden".into()));
    assert_eq!(unlock(&foreign, &admin).await.outcome(), (404, "not_found".into()));
    unlock(&nurse, &admin).await.expect(204);
    assert_eq!(
        (failures(&world.alpha, &nurse).await, failures(&world.beta, &foreign).await),
        (0, 100),
        "the own clinic's and nobody else's"
    );
    let last = world.audit(&world.alpha).await.pop().unwrap();
    assert_eq!((last.0.as_str(), last.1.as_str()), ("staff.unlock", "allow"));
}
