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
        let sql = format!("SELECT id FROM {}.account WHERE id <> $1", ops(&world.alpha));
        for row in superuser.query(sql.as_str(), &[&admin.account]).await.unwrap() {
            world.change_account(&world.alpha, row.get(0), |row| row.state = state.to_owned()).await;
        }
        let refused = invite(&world, &admin, "joy@example.com", "clinic_admin").await;
        assert_eq!(refused.outcome(), (409, "staff_exists".into()), "{state}");
        let sql = format!("SELECT state FROM {}.invitation WHERE id = $1", ops(&world.alpha));
        let kept: String = superuser.query_one(sql.as_str(), &[&newest]).await.unwrap().get(0);
        assert_eq!(kept, "pending", "the refusal is rolled back");
    }
}

/// Who puts somebody into a care team finds them by name, and sees no more of them than a name and a role.
#[tokio::test(flavor = "multi_thread")]
async fn colleagues_who_treat_are_listed_by_name_while_their_accounts_are_open() {
    let world = World::new().await;
    let alpha = &world.alpha;
    let (desk, doctor) =
        (world.staff(alpha, Role::Receptionist).await, world.staff(alpha, Role::Physician).await);
    let (nurse, gone) = (world.staff(alpha, Role::Nurse).await, world.staff(alpha, Role::Nurse).await);
    for role in [Role::Billing, Role::LabTechnician, Role::PrivacyOfficer, Role::Patient] {
        world.staff(alpha, role).await;
    }
    world.staff(&world.beta, Role::Physician).await;
    world.change_account(alpha, gone.account, |row| "disabled".clone_into(&mut row.state)).await;
    let list = async |by: &Actor, query: &str| {
        world.ask(alpha, "GET", &format!("/api/v1/colleagues{query}")).by(by).send().await
    };
    let found = list(&desk, "").await.expect(200).json();
    let shown = |actor: &Actor, role: &str| json!({ "account": AccountId::from(actor.account).to_string(), "display_name": role, "role": role });
    let mut expected =
        vec![(doctor.account, shown(&doctor, "physician")), (nurse.account, shown(&nurse, "nurse"))];
    expected.sort_by_key(|one| one.0);
    let expected: Vec<_> = expected.into_iter().map(|one| one.1).collect();
    assert_eq!(found["items"], json!(expected), "no address, no state, nobody else");
    assert!(found["next_cursor"].is_null());
    let entry = ("colleague.list".to_owned(), "allow".to_owned(), None, Some(2));
    assert_eq!(world.audit(alpha).await.last(), Some(&entry));

    let first = list(&doctor, "?limit=1").await.expect(200).json();
    assert_eq!(first["items"], json!([expected[0]]));
    let next = first["next_cursor"].as_str().unwrap();
    let rest = list(&nurse, &format!("?limit=1&cursor={next}")).await.expect(200).json();
    assert_eq!(rest["items"], json!([expected[1]]));
    for role in [Role::ClinicAdmin, Role::Billing, Role::LabTechnician, Role::PrivacyOfficer, Role::Patient] {
        let by = world.staff(alpha, role).await;
        assert_eq!(list(&by, "").await.outcome(), (403, "forbidden".into()), "{role:?}");
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

fn of(who: &Actor, what: &str) -> String {
    format!("/api/v1/staff/{}/{what}", AccountId::from(who.account))
}

/// Catalogue entry T57: what somebody may do changes under 32 requests at once, and no request after the change is
/// answered as if it had not.
#[tokio::test(flavor = "multi_thread")]
async fn t57_another_role_and_a_closed_account_count_from_the_next_request() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let list = async || world.ask(&world.alpha, "GET", "/api/v1/patients").by(&nurse).send().await.outcome();
    let at_once = async || futures_util::future::join_all((0..32).map(|_| list())).await;
    // Some of so many at once may be told that the clinic is busy; none is told what was true before.
    let only = async |expected: (u16, &str)| {
        let outcomes = at_once().await;
        let answered: Vec<_> = outcomes.iter().filter(|outcome| outcome.1 != "busy").collect();
        assert!(!answered.is_empty());
        assert!(answered.iter().all(|one| (one.0, one.1.as_str()) == expected), "{outcomes:?}");
    };
    only((200, "")).await;
    let role = json!({ "role": "lab_technician" });
    let change = world.ask(&world.alpha, "PUT", &of(&nurse, "role")).by(&admin).json(&role);
    change.send().await.expect(204);
    only((403, "forbidden")).await;
    let close = || world.ask(&world.alpha, "POST", &of(&nurse, "deactivate")).by(&admin).send();
    close().await.expect(204);
    only((401, "unauthenticated")).await;
    let again = || world.ask(&world.alpha, "POST", &of(&nurse, "reactivate")).by(&admin).send();
    again().await.expect(204);
    assert_eq!(again().await.outcome(), (409, "wrong_state".into()));
    assert_eq!(
        list().await,
        (401, "unauthenticated".into()),
        "the session does not come back with the account"
    );
    let reasons: Vec<_> =
        world.audit(&world.alpha).await.into_iter().filter(|one| one.0 == "staff.role").collect();
    assert_eq!(reasons[0].2.as_deref(), Some("lab_technician"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_raises_the_own_role_and_one_administrator_stays() {
    let world = World::new().await;
    let (first, second) = (
        world.staff(&world.alpha, Role::ClinicAdmin).await,
        world.staff(&world.alpha, Role::ClinicAdmin).await,
    );
    let nurse = world.staff(&world.alpha, Role::Nurse).await;
    let foreign = world.staff(&world.beta, Role::Nurse).await;
    let patient = world.staff(&world.alpha, Role::Patient).await;
    let role = async |by: &Actor, whose: &Actor, role: &str| {
        let ask = world.ask(&world.alpha, "PUT", &of(whose, "role")).by(by).json(&json!({ "role": role }));
        ask.send().await.outcome()
    };
    assert_eq!(role(&nurse, &nurse, "clinic_admin").await, (403, "forbidden".into()));
    assert_eq!(role(&first, &first, "physician").await, (409, "own_account".into()));
    assert_eq!(role(&first, &foreign, "physician").await, (404, "not_found".into()));
    assert_eq!(
        role(&first, &patient, "clinic_admin").await,
        (404, "not_found".into()),
        "no staff of the clinic"
    );
    for not_staff in ["patient", "proxy", "machine_client"] {
        assert_eq!(role(&first, &nurse, not_staff).await, (400, "invalid_request".into()), "{not_staff}");
    }
    let own = world.ask(&world.alpha, "POST", &of(&first, "deactivate")).by(&first).send().await;
    assert_eq!(own.outcome(), (409, "own_account".into()));
    // Both at the same moment: whoever comes second is no administrator any more when it is their turn.
    let close = |by: &Actor, whose: &Actor| {
        let ask = world.ask(&world.alpha, "POST", &of(whose, "deactivate")).by(by);
        async move { ask.send().await.status.as_u16() }
    };
    let (one, other) = tokio::join!(close(&first, &second), close(&second, &first));
    assert!(
        matches!((one, other), (204, 401 | 403) | (401 | 403, 204)),
        "one of them stays: {one} and {other}"
    );
    let sql = format!(
        "SELECT count(*) FROM {}.account WHERE role = 'clinic_admin' AND state = 'active'",
        ops(&world.alpha)
    );
    let left: i64 = world.region.superuser().await.query_one(sql.as_str(), &[]).await.unwrap().get(0);
    assert_eq!(left, 1);
}
