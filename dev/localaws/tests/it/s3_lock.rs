//! Object lock: what COMPLIANCE promises.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ObjectLockLegalHold, ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention,
    ObjectLockRetentionMode,
};
use localaws::BucketOptions;

use crate::kit::{BUCKET, World, refusal};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn in_days(days: u32) -> DateTime {
    #[expect(clippy::disallowed_methods, reason = "retention dates are real dates")]
    let now = SystemTime::now();
    DateTime::from(now + DAY * days)
}

fn retention(mode: ObjectLockRetentionMode, days: u32) -> ObjectLockRetention {
    ObjectLockRetention::builder().mode(mode).retain_until_date(in_days(days)).build()
}

/// A world with a locked bucket and one version that is retained for ten days.
async fn locked(mode: ObjectLockMode) -> (World, String) {
    let world = World::new();
    world
        .handle
        .ensure_bucket("ledger", BucketOptions { object_lock: true, ..BucketOptions::default() })
        .unwrap();
    let put = world.put("ledger", "c").object_lock_mode(mode).object_lock_retain_until_date(in_days(10));
    let made = put.body(ByteStream::from_static(b"checkpoint")).send().await.unwrap();
    (world, made.version_id.unwrap())
}

#[tokio::test]
async fn a_locked_version_is_not_deleted_before_its_time() {
    let (world, id) = locked(ObjectLockMode::Compliance).await;
    let delete = || world.s3.delete_object().bucket("ledger").key("c").version_id(&id);
    assert_eq!(refusal(delete().send().await), ("AccessDenied".into(), 403));
    assert_eq!(refusal(delete().bypass_governance_retention(true).send().await).0, "AccessDenied");
    let world = world.restart().await;
    let delete = || world.s3.delete_object().bucket("ledger").key("c").version_id(&id);
    assert_eq!(refusal(delete().send().await).0, "AccessDenied", "the lock outlives a restart");
    world.handle.advance_clock(DAY * 11);
    delete().send().await.unwrap();
}

#[tokio::test]
async fn a_compliance_retention_only_grows() {
    let (world, id) = locked(ObjectLockMode::Compliance).await;
    let change = |wanted: ObjectLockRetention| {
        world.s3.put_object_retention().bucket("ledger").key("c").version_id(&id).retention(wanted)
    };
    let compliance = ObjectLockRetentionMode::Compliance;
    let refused = ("AccessDenied".to_owned(), 403);
    let shorter = change(retention(compliance.clone(), 9));
    assert_eq!(refusal(shorter.clone().send().await), refused);
    assert_eq!(refusal(shorter.bypass_governance_retention(true).send().await), refused);
    let weaker = change(retention(ObjectLockRetentionMode::Governance, 20));
    assert_eq!(refusal(weaker.bypass_governance_retention(true).send().await), refused);
    let none = change(ObjectLockRetention::builder().build());
    assert_eq!(refusal(none.bypass_governance_retention(true).send().await), refused);
    change(retention(compliance, 20)).send().await.unwrap();
    let read =
        world.s3.get_object_retention().bucket("ledger").key("c").send().await.unwrap().retention.unwrap();
    assert!(read.retain_until_date.unwrap() > in_days(19));
    world.handle.advance_clock(DAY * 11);
    let early = world.s3.delete_object().bucket("ledger").key("c").version_id(&id).send().await;
    assert_eq!(refusal(early), refused, "the extension counts");
}

#[tokio::test]
async fn a_new_version_and_a_marker_may_be_put_on_top() {
    let (world, id) = locked(ObjectLockMode::Compliance).await;
    world.put("ledger", "c").body(ByteStream::from_static(b"forged")).send().await.unwrap();
    world.s3.delete_object().bucket("ledger").key("c").send().await.unwrap();
    let original = world.s3.get_object().bucket("ledger").key("c").version_id(&id).send().await.unwrap();
    assert_eq!(original.body.collect().await.unwrap().to_vec(), b"checkpoint");
    let listed = world.s3.list_object_versions().bucket("ledger").prefix("c").send().await.unwrap();
    assert_eq!((listed.versions().len(), listed.delete_markers().len()), (2, 1));
}

#[tokio::test]
async fn governance_yields_to_the_bypass_only() {
    let (world, id) = locked(ObjectLockMode::Governance).await;
    let delete = || world.s3.delete_object().bucket("ledger").key("c").version_id(&id);
    assert_eq!(refusal(delete().send().await), ("AccessDenied".into(), 403));
    delete().bypass_governance_retention(true).send().await.unwrap();
}

#[tokio::test]
async fn a_legal_hold_keeps_a_version() {
    let (world, _) = locked(ObjectLockMode::Governance).await;
    let made = world.put("ledger", "h").body(ByteStream::from_static(b"x")).send().await.unwrap();
    let hold = |status: ObjectLockLegalHoldStatus| {
        let hold = ObjectLockLegalHold::builder().status(status).build();
        world.s3.put_object_legal_hold().bucket("ledger").key("h").legal_hold(hold).send()
    };
    let delete = || world.s3.delete_object().bucket("ledger").key("h").version_id(made.version_id().unwrap());
    hold(ObjectLockLegalHoldStatus::On).await.unwrap();
    assert_eq!(refusal(delete().bypass_governance_retention(true).send().await).0, "AccessDenied");
    hold(ObjectLockLegalHoldStatus::Off).await.unwrap();
    delete().send().await.unwrap();
}

#[tokio::test]
async fn locks_need_a_bucket_and_a_date_for_them() {
    let (world, _) = locked(ObjectLockMode::Compliance).await;
    let put = |bucket: &str, days: Option<u32>| {
        let call = world.put(bucket, "x").object_lock_mode(ObjectLockMode::Compliance);
        call.set_object_lock_retain_until_date(days.map(in_days)).body(ByteStream::from_static(b"x")).send()
    };
    assert_eq!(refusal(put(BUCKET, Some(1)).await).0, "InvalidRequest", "the bucket has no object lock");
    assert_eq!(refusal(put("ledger", None).await).0, "InvalidArgument");
    assert_eq!(refusal(put("ledger", Some(0)).await).0, "InvalidArgument", "a date in the past");
    let none = world.s3.get_object_lock_configuration().bucket(BUCKET).send().await;
    assert_eq!(refusal(none).0, "ObjectLockConfigurationNotFoundError");
}
