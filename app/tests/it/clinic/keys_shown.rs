//! What a clinic is shown of its own keys and of how far its log is sealed: versions, ages and hashes, and nothing secret.

use std::collections::HashMap;
use std::sync::Arc;

use app::access::Role;
use app::audit::sealing;
use app::jobs::queue::Jobs;
use data_encoding::BASE64;
use regions::clock::Clock;
use regions::ids::ShardId;
use serde_json::{Value, json};
use tenancy::audit_log::Sealer;
use tenancy::keys::Purpose;

use super::jobs::parts;
use super::rotation::step_by_step;
use crate::support::{Actor, World, log_lines};

async fn get(world: &World, by: &Actor, path: &str) -> Value {
    world.ask(&world.alpha, "GET", path).by(by).send().await.expect(200).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_sees_which_versions_its_keys_have_while_one_is_rotated() {
    let world = World::new().await;
    let admin = world.staff(&world.alpha, Role::ClinicAdmin).await;
    let versions = |keys: &Value, purpose: &str| -> Vec<(u64, String)> {
        let items = keys["items"].as_array().unwrap().iter().filter(|one| one["purpose"] == purpose);
        items
            .map(|one| (one["version"].as_u64().unwrap(), one["state"].as_str().unwrap().to_owned()))
            .collect()
    };
    let before = get(&world, &admin, "/api/v1/keys").await;
    for purpose in Purpose::ALL {
        assert_eq!(versions(&before, purpose.as_str()), [(1, "active".to_owned())]);
    }
    assert_eq!(before["rotating"], json!([]));
    let made: chrono::DateTime<chrono::Utc> =
        before["items"][0]["made_at"].as_str().unwrap().parse().unwrap();
    let now = chrono::DateTime::<chrono::Utc>::from(world.app.clock.now());
    assert!((now - made).num_seconds().abs() < 3_600, "{made}");

    step_by_step(&world, Purpose::RowMac, async |_stage| {
        let keys = get(&world, &admin, "/api/v1/keys").await;
        let newest = versions(&keys, "rowmac")[0].clone();
        let rotating =
            versions(&keys, "rowmac").iter().any(|(_, state)| state == "next" || state == "decrypt");
        assert_eq!(newest.0, 2);
        assert_eq!(keys["rotating"] == json!(["rowmac"]), rotating, "{keys}");
        assert!(newest.1 != "next" || rotating, "what is announced is under way");
    })
    .await;
    let after = get(&world, &admin, "/api/v1/keys").await;
    assert_eq!((&after["rotating"], &versions(&after, "rowmac")[0]), (&json!([]), &(2, "active".to_owned())));
    // Another clinic's rotation is not shown, and no key in any form.
    let stranger = world.staff(&world.beta, Role::ClinicAdmin).await;
    let theirs = world.ask(&world.beta, "GET", "/api/v1/keys").by(&stranger).send().await.expect(200);
    assert_eq!(versions(&theirs.json(), "rowmac"), [(1, "active".to_owned())]);
    assert!(!theirs.text().contains("arn:") && !theirs.text().contains("wrapped"));
    for role in [Role::Physician, Role::Receptionist, Role::Patient] {
        let by = world.staff(&world.alpha, role).await;
        for path in ["/api/v1/keys", "/api/v1/audit/state"] {
            let refused = world.ask(&world.alpha, "GET", path).by(&by).send().await;
            assert_eq!(refused.outcome(), (403, "forbidden".into()), "{role:?} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_sees_how_far_its_log_is_sealed_and_what_of_its_own_waits() {
    let world = World::new().await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let before = get(&world, &officer, "/api/v1/audit/state").await;
    assert!(before["checkpoint"].is_null(), "nothing is sealed yet: {before}");
    let waiting = before["waiting"].as_u64().unwrap();
    assert!(waiting >= 1, "making the officer's account waits: {before}");
    // Another clinic's events are not this one's.
    world.staff(&world.beta, Role::Physician).await;
    let again = get(&world, &officer, "/api/v1/audit/state").await;
    assert_eq!(
        again["waiting"].as_u64().unwrap(),
        waiting + 1,
        "the look before, and nothing of the other clinic"
    );

    let sealer = Sealer::connect(&world.region.migrator_config, ShardId(1), Clock::system()).await.unwrap();
    let mut term = sealer.lead().await.unwrap().unwrap();
    sealer.drain(&mut term).await.unwrap();
    sealer.publish().await.unwrap();
    let sealed = get(&world, &officer, "/api/v1/audit/state").await;
    assert_eq!((&sealed["waiting"], &sealed["lag_s"]), (&json!(0), &json!(0)));
    let row = world.region.superuser().await;
    let row = row
        .query_one("SELECT size, root FROM audit.checkpoint ORDER BY size DESC LIMIT 1", &[])
        .await
        .unwrap();
    let (size, root): (i64, Vec<u8>) = (row.get(0), row.get(1));
    assert_eq!(sealed["checkpoint"]["size"], json!(size));
    assert_eq!(sealed["checkpoint"]["root"], json!(BASE64.encode(&root)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clinic_sees_what_came_of_the_last_check_of_its_log_and_a_fault_until_it_is_mended() {
    let world = World::new().await;
    let officer = world.staff(&world.alpha, Role::PrivacyOfficer).await;
    let sealer = Sealer::connect(&world.region.migrator_config, ShardId(1), Clock::system()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let signers = HashMap::from([(ShardId(1), Arc::clone(&sealer))]);
    let jobs = Jobs { signers, ..parts(&world, dir.path()) };
    let mut term = sealer.lead().await.unwrap().unwrap();
    sealing::check(&jobs, ShardId(1)).await.unwrap();
    let before = get(&world, &officer, "/api/v1/audit/state").await;
    assert!(before["verified"].is_null(), "there is nothing to check: {before}");

    sealer.drain(&mut term).await.unwrap();
    sealer.publish().await.unwrap();
    sealing::check(&jobs, ShardId(1)).await.unwrap();
    let good = get(&world, &officer, "/api/v1/audit/state").await;
    let verified = &good["verified"];
    assert_eq!(verified["outcome"], json!("verified"), "{good}");
    assert_eq!(
        (&verified["size"], &verified["year"]),
        (&good["checkpoint"]["size"], &good["checkpoint"]["year"])
    );
    assert!(verified["first_bad"].is_null());

    // A superuser alters a hash of what was sealed; it is published with the next events, of which the looks above are some.
    let superuser = world.region.superuser().await;
    let forge = "UPDATE audit.tile SET hashes = set_byte(hashes, 0, get_byte(hashes, 0) # 1) WHERE level = 0";
    superuser.batch_execute(forge).await.unwrap();
    sealer.drain(&mut term).await.unwrap();
    sealer.publish().await.unwrap();
    sealing::check(&jobs, ShardId(1)).await.unwrap();
    let bad = get(&world, &officer, "/api/v1/audit/state").await;
    assert_eq!(bad["verified"]["outcome"], json!("hash"), "{bad}");
    assert_eq!((&bad["verified"]["size"], &bad["verified"]["first_bad"]), (&verified["size"], &json!(0)));
    assert!(log_lines().iter().any(|line| line.contains("audit_log_fault") && line.contains("hash")));
    let metrics = regions::metrics::render();
    let counted =
        metrics.lines().find(|line| line.starts_with("domicile_audit_check_faults_total ")).unwrap();
    assert_ne!(counted, "domicile_audit_check_faults_total 0");
    // The log is the shard's, so each of its clinics is told.
    let other = world.staff(&world.beta, Role::ClinicAdmin).await;
    let theirs =
        world.ask(&world.beta, "GET", "/api/v1/audit/state").by(&other).send().await.expect(200).json();
    assert_eq!(theirs["verified"], bad["verified"]);

    superuser.batch_execute(forge).await.unwrap();
    sealer.drain(&mut term).await.unwrap();
    sealer.publish().await.unwrap();
    sealing::check(&jobs, ShardId(1)).await.unwrap();
    let mended = get(&world, &officer, "/api/v1/audit/state").await;
    assert_eq!(mended["verified"]["outcome"], json!("verified"), "{mended}");
    assert_eq!(mended["verified"]["size"], mended["checkpoint"]["size"]);
}
