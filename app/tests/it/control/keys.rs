//! What the platform sees of a region's keys: what the region's own worker says, and nothing else.

use app::onboarding::client::WorkClient;
use app::rotation::tell::Teller;
use regions::ids::TenantId;
use serde_json::{Value, json};
use tenancy::keys::{Keeper, Purpose};
use testkit::TestRegion;

use super::support::{Browser, TestControl, clinic};

/// A clinic of the control plane whose keys are in the region under the same id.
async fn with_keys(control: &TestControl, region: &TestRegion) -> (Browser, String) {
    let admin = control.with_regions().await;
    let made = admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201);
    let id = made.text("id");
    let tenant: TenantId = id.parse().unwrap();
    region.regional.keys().ensure_tenant_keys(tenant).await.unwrap();
    (admin, id)
}

#[tokio::test]
async fn the_platform_sees_versions_ages_and_rotations_as_the_region_tells_them() {
    let (control, region) = (TestControl::start().await, TestRegion::new().await);
    let (admin, id) = with_keys(&control, &region).await;
    let path = format!("/platform/v1/tenants/{id}/keys");
    assert_eq!(admin.get(&path).await.expect(200).body["items"], json!([]));
    let client = WorkClient::new(&control.directory_config("worker.us-east-1")).unwrap();
    let teller = Teller::new(&region.migrator_config, client).unwrap();
    teller.tell().await.unwrap();
    let shown = admin.get(&path).await.expect(200).body;
    let of = |shown: &Value, purpose: &str| -> Vec<Value> {
        let items = shown["items"].as_array().unwrap().iter();
        items.filter(|key| key["purpose"] == purpose).cloned().collect()
    };
    for purpose in Purpose::ALL {
        let keys = of(&shown, purpose.as_str());
        assert_eq!((keys.len(), &keys[0]["version"], &keys[0]["state"]), (1, &json!(1), &json!("active")));
        assert!(keys[0]["made_at"].is_string() && keys[0]["rotation"].is_null());
    }
    let keeper = Keeper::new(&region.migrator_config.key_store).unwrap();
    region.regional.keys().rotate(&keeper, id.parse().unwrap(), Purpose::Seal).await.unwrap();
    teller.tell().await.unwrap();
    let keys = of(&admin.get(&path).await.expect(200).body, "enc");
    assert_eq!((&keys[1]["state"], &keys[1]["rotation"]), (&json!("next"), &json!("announced")));
    assert_eq!(keys[1]["moved"], json!(0));
    admin.get("/platform/v1/tenants/aaaaaaaaaaaaaaaaaaaaaaaaaa/keys").await.expect(404);
}

#[tokio::test]
async fn a_report_of_keys_is_taken_from_the_own_regions_worker_and_holds_words_only() {
    let control = TestControl::start().await;
    let admin = control.with_regions().await;
    let id = admin.post("/platform/v1/tenants", &clinic("lotus", "us-east-1")).await.expect(201).text("id");
    let key = json!({ "purpose": "enc", "version": 1, "state": "active", "age_s": 60 });
    let report = |key: &Value| json!({ "tenants": [{ "tenant": id, "keys": [key] }] });
    let tell = async |peer: &str, body: &Value| control.peer(peer).post("/feed/v1/keys", body).await.status;
    assert_eq!(tell("backend.us-east-1", &report(&key)).await, 403);
    assert_eq!(tell("worker.ap-south-1", &report(&key)).await, 204, "passed over");
    let shown = async || {
        admin.get(&format!("/platform/v1/tenants/{id}/keys")).await.expect(200).body["items"].clone()
    };
    assert_eq!(shown().await, json!([]), "another region's worker says nothing about this clinic");
    for (field, value) in [
        ("purpose", json!("Asha Example")),
        ("state", json!("a sentence about somebody")),
        ("rotation", json!("stage of grief")),
        ("wrapped", json!("AAAA")),
    ] {
        let mut bad = key.clone();
        bad[field] = value;
        assert_eq!(tell("worker.us-east-1", &report(&bad)).await, 400, "{field}");
    }
    let many: Vec<Value> = (0..9).map(|_| json!({ "tenant": id, "keys": [] })).collect();
    assert_eq!(tell("worker.us-east-1", &json!({ "tenants": many })).await, 400);
    assert_eq!(tell("worker.us-east-1", &report(&key)).await, 204);
    assert_eq!(shown().await.as_array().unwrap().len(), 1);
}
