//! Every route that changes something or shows patients' data leaves its entry, and without an entry nothing is shown.

use std::collections::BTreeSet;

use app::access::{Action, Role};
use app::routes::{ROUTES, Route};
use app::staff::model::AccountId;

use crate::support::{Actor, Answer, World, patient, sample_body, sample_path};

/// Routes that leave no entry; the file may only shrink.
const UNAUDITED: &str = include_str!("../../ratchets/unaudited.txt");

async fn succeed(world: &World, route: &Route, n: usize, actor: &Actor) -> Answer {
    let made = world.ask(&world.alpha, "POST", "/api/v1/patients").by(actor);
    let made = made.json(&patient("Before", &format!("BEFORE-{n}"))).send().await.expect(201);
    let colleague = world.password_only(&world.alpha, Role::Nurse).await;
    let id = match route.path.contains("/staff/") {
        true => AccountId::from(colleague.account).to_string(),
        false => made.json()["id"].as_str().unwrap().to_owned(),
    };
    let path = sample_path(route, &id);
    let mut ask =
        world.ask(&world.alpha, route.method.as_str(), &path).by(actor).header("if-match", "\"v1\"");
    if let Some(body) = sample_body(route, n) {
        ask = ask.json(&body);
    }
    ask.send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_and_every_look_at_a_patient_leaves_its_entry() {
    let world = World::new().await;
    let excused: BTreeSet<&str> =
        UNAUDITED.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut silent = BTreeSet::new();
    for (n, route) in ROUTES.iter().enumerate() {
        let actor = world.staff(&world.alpha, Role::ClinicAdmin).await;
        let answer = succeed(&world, route, n, &actor).await;
        // What is wrong in the samples is refused, and that is recorded too: password, code, invitation.
        let expected = match route.action {
            Action::SessionCreate | Action::SessionProve | Action::TotpConfirm | Action::InvitationAccept => {
                "deny"
            }
            _ => {
                assert!(answer.status.is_success(), "{} {}: {}", route.method, route.path, answer.text());
                "allow"
            }
        };
        let entries = world.audit(&world.alpha).await;
        let last = entries.last().unwrap();
        if (last.0.as_str(), last.1.as_str()) == (route.action.name(), expected) {
            assert!(!excused.contains(route.action.name()), "{} is audited; take it out of the file", last.0);
        } else {
            silent.insert(route.action.name());
            assert!(
                !route.action.touches_patients(),
                "{} shows patients' data in silence",
                route.action.name()
            );
        }
    }
    assert_eq!(silent, excused);
}

/// Catalogue entry T42: the log cannot be written, so nothing is shown and nothing changes.
#[tokio::test(flavor = "multi_thread")]
async fn when_the_log_cannot_be_written_no_patients_data_leaves_and_nothing_changes() {
    let world = World::new().await;
    let actor = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let made =
        world.ask(&world.alpha, "POST", "/api/v1/patients").by(&actor).json(&patient("Canarymann", "C-1"));
    let id = made.send().await.expect(201).json()["id"].as_str().unwrap().to_owned();
    let ops = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let role = tenancy::RoleName::of(world.alpha.tenant.id);
    let superuser = world.region.superuser().await;
    superuser.batch_execute(&format!("REVOKE INSERT ON {ops}.audit_event FROM \"{role}\"")).await.unwrap();
    let columns = superuser
        .query(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0",
            &[&format!("{ops}.audit_event")],
        )
        .await
        .unwrap();
    for column in columns {
        let column: String = column.get(0);
        superuser
            .batch_execute(&format!("REVOKE INSERT ({column}) ON {ops}.audit_event FROM \"{role}\""))
            .await
            .unwrap();
    }
    for (n, route) in ROUTES.iter().enumerate().filter(|(_, route)| route.action.touches_patients()) {
        let path = route.path.replace("{id}", &id);
        let mut ask =
            world.ask(&world.alpha, route.method.as_str(), &path).by(&actor).header("if-match", "\"v1\"");
        if let Some(body) = sample_body(route, n) {
            ask = ask.json(&body);
        }
        let answer = ask.send().await;
        assert_eq!(answer.outcome(), (503, "audit_unavailable".into()), "{} {}", route.method, route.path);
        assert!(!answer.text().contains("Canarymann"));
    }
    let count: i64 = superuser
        .query_one(format!("SELECT count(*) FROM {ops}.patient WHERE version = 1").as_str(), &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(count, 1);
}
