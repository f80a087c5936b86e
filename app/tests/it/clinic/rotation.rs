//! Rotating a clinic's blind-index and context keys while the clinic works, step by step, each step by another process.

use std::sync::Arc;

use app::access::{Role, Within};
use app::auth::invite::login_tags;
use app::patients::queries;
use app::patients::tags::Tagger;
use app::rotation::Rotator;
use regions::clock::Clock;
use regions::region::Jurisdiction;
use serde_json::json;
use tenancy::keys::{Keeper, NOTICE_S, Purpose, Stage, Step};
use tenancy::{Regional, SchemaName, TxError};
use tokio_postgres::Client;

use crate::support::{Actor, World, patient};

/// Most steps a rotation of these tests takes.
const STEPS_MAX: usize = 60;
/// More patients than one transaction moves.
const PATIENTS: usize = 66;

/// A process that goes on with rotations; it has nothing in memory but what the clinic's own process has.
pub(super) async fn rotator(world: &World) -> Rotator {
    Rotator {
        regional: Arc::clone(&world.region.regional),
        keeper: Keeper::new(&world.region.migrator_config.key_store).unwrap(),
        migrator: world.region.migrator().await,
        directory: Some(world.app.directory.clone()),
    }
}

/// As if every process had had the time to learn of the last change.
async fn let_everybody_learn(keys: &Client) {
    let earlier =
        format!("UPDATE keystore.tenant_key SET changed_at = changed_at - interval '{NOTICE_S} seconds'");
    keys.batch_execute(&earlier).await.unwrap();
}

/// Goes to the end, a process a step, and looks at the clinic after each.
pub(super) async fn step_by_step(world: &World, purpose: Purpose, look: impl AsyncFn(Stage)) {
    let (tenant, keys) = (world.alpha.tenant.id, world.region.key_superuser().await);
    let begun = rotator(world).await.begin(tenant, purpose).await.unwrap();
    assert_eq!((begun.stage, begun.to_version), (Stage::Announced, 2));
    look(begun.stage).await;
    for _ in 0..STEPS_MAX {
        let another = rotator(world).await;
        let all = another.keeper.rotations(Some(tenant)).await.unwrap();
        let rotation = all.into_iter().find(|one| one.purpose == purpose).unwrap();
        assert_eq!(another.begin(tenant, purpose).await.unwrap(), rotation, "there is one");
        let stage = match another.advance(rotation).await.unwrap() {
            Step::Done(_) => return,
            Step::Wait(next) => {
                let_everybody_learn(&keys).await;
                next.stage
            }
            Step::Moved(next) | Step::Fill(next) => next.stage,
        };
        look(stage).await;
    }
    panic!("no end after {STEPS_MAX} steps");
}

/// Which patients another process finds by an MRN, with the keys it has in memory.
async fn found_by(regional: &Arc<Regional>, world: &World, mrn: &str) -> usize {
    let blind = regional.keys().blind_keys(world.alpha.tenant.id).await.unwrap();
    let tagger = Tagger { key: blind.active(), jurisdiction: Jurisdiction::Us };
    let mut tx = regional.begin(world.alpha.tenant, "test.search").await.unwrap();
    let found = queries::with_tags(&mut tx, Within::Everyone, &[tagger.mrn(mrn).unwrap()], 5).await.unwrap();
    tx.rollback().await.unwrap();
    found.len()
}

async fn count(world: &World, sql: &str) -> i64 {
    let tenant = world.alpha.tenant.id;
    let (ops, phi) = (SchemaName::ops(tenant).quoted(), SchemaName::phi(tenant).quoted());
    let sql = sql.replace("{ops}", &ops).replace("{phi}", &phi);
    world.region.superuser().await.query_one(&sql, &[]).await.unwrap().get(0)
}

async fn invite(world: &World, admin: &Actor, email: &str) -> (u16, String) {
    let body = json!({ "email": email, "display_name": "Joy", "role": "nurse" });
    world.ask(&world.alpha, "POST", "/api/v1/staff").by(admin).json(&body).send().await.outcome()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blind_index_key_is_rotated_while_everybody_is_found_and_nobody_twice() {
    let world = World::new().await;
    let (doctor, admin) = (
        world.staff(&world.alpha, Role::Physician).await,
        world.staff(&world.alpha, Role::ClinicAdmin).await,
    );
    assert_eq!(invite(&world, &admin, "joy@example.com").await.0, 201);
    let accounts = "SELECT count(*) FROM {ops}.account";
    let staff = count(&world, accounts).await;
    for number in 0..PATIENTS {
        world.patient(&doctor, &format!("R-{number}")).await;
    }
    let tags = count(&world, "SELECT count(*) FROM {phi}.person_tag").await;
    // A process that has the keys of before in memory and learns nothing of the rotation until the old key is closed.
    let slow = Regional::connect(&world.region.config, Clock::system()).await.unwrap();
    assert_eq!(found_by(&slow, &world, "R-0").await, 1);
    let registered = std::sync::atomic::AtomicUsize::new(0);
    step_by_step(&world, Purpose::BlindIndex, async |stage| {
        let now = registered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        world.patient(&doctor, &format!("N-{now}")).await;
        for mrn in ["R-0", "R-65", "N-0", &format!("N-{now}")] {
            let search = world.ask(&world.alpha, "POST", "/api/v1/patients/search").by(&doctor);
            let found = search.json(&json!({ "mrn": mrn })).send().await.expect(200).json();
            assert_eq!(found["items"].as_array().unwrap().len(), 1, "{mrn} while {}", stage.as_str());
            let twice = world.ask(&world.alpha, "POST", "/api/v1/patients").by(&doctor);
            let twice = twice.json(&patient("Twice", mrn)).send().await.outcome();
            assert_eq!(twice, (409, "mrn_taken".into()), "{mrn} while {}", stage.as_str());
            if stage != Stage::Settling {
                assert_eq!(found_by(&slow, &world, mrn).await, 1, "{mrn} while {}", stage.as_str());
            }
        }
        // Who was invited is invited again, and has one account.
        assert_eq!(invite(&world, &admin, "joy@example.com").await.0, 201, "while {}", stage.as_str());
        assert_eq!(count(&world, accounts).await, staff, "while {}", stage.as_str());
    })
    .await;

    // The slow one has learned, by a look that it would have taken long before: the changes were moved to before its start.
    // Nothing of the old key is left, and every row is still whole.
    slow.keys().forget();
    assert_eq!(found_by(&slow, &world, "R-1").await, 1);
    let more = i64::try_from(registered.into_inner()).unwrap();
    let patients = i64::try_from(PATIENTS).unwrap();
    let left = count(&world, "SELECT count(*) FROM {phi}.person_tag").await;
    assert_eq!(left, tags / patients * (patients + more), "one version's tags a patient");
    assert_eq!(count(&world, "SELECT count(login_tag) FROM {ops}.account").await, 0);
    let listed = world.ask(&world.alpha, "GET", "/api/v1/patients?limit=100").by(&doctor).send().await;
    assert_eq!(listed.expect(200).json()["items"].as_array().unwrap().len(), PATIENTS + more as usize);
    let tags = login_tags(slow.keys(), world.alpha.tenant.id, "joy@example.com").await.unwrap();
    assert_eq!((tags.odd.is_some(), tags.even.is_some()), (false, true));
    let log = world.audit(&world.alpha).await;
    assert!(log.iter().any(|entry| entry.0 == "keys.retag"), "each row that is tagged anew is in the log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_key_is_rotated_while_the_clinic_works_and_then_opens_no_transaction() {
    let world = World::new().await;
    let doctor = world.staff(&world.alpha, Role::Physician).await;
    let slow = Regional::connect(&world.region.config, Clock::system()).await.unwrap();
    let begins = async || match slow.begin(world.alpha.tenant, "test.begin").await {
        Ok(tx) => tx.rollback().await.map(|()| true).unwrap(),
        Err(TxError::Rejected(_)) => false,
        Err(error) => panic!("{error}"),
    };
    assert!(begins().await);
    let registered = std::sync::atomic::AtomicUsize::new(0);
    step_by_step(&world, Purpose::Context, async |stage| {
        let now = registered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        world.patient(&doctor, &format!("C-{now}")).await;
        if stage != Stage::Settling {
            assert!(begins().await, "{}", stage.as_str());
        }
    })
    .await;
    assert!(!begins().await, "the old key proves nothing any more");
    slow.keys().notice_changes().await.unwrap();
    assert!(begins().await, "who has learned of the new one goes on");
    let sql =
        format!("SELECT count(*) FROM sec.context_key WHERE tenant = '{}'", world.alpha.tenant.id.as_uuid());
    assert_eq!(count(&world, &sql).await, 1);
    world.patient(&doctor, "C-last").await;
}
