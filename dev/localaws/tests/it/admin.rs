//! Faults through the handle and the admin endpoint, and the counters.

use std::time::{Duration, Instant};

use aws_sdk_kms::error::SdkError;
use localaws::{Fault, FaultKind, Service};

use crate::kit::{BUCKET, World, raw, refusal};

async fn describe(world: &World) -> (String, u16) {
    refusal(world.kms.describe_key().key_id(&world.key).send().await)
}

#[tokio::test]
async fn kms_throttles_fails_and_recovers() {
    let world = World::new();
    world.handle.faults().kms(FaultKind::Throttle);
    assert_eq!(describe(&world).await, ("ThrottlingException".into(), 400));
    world.handle.faults().clear();
    world.handle.faults().kms(FaultKind::Status { code: 500 });
    assert_eq!(describe(&world).await, ("KMSInternalException".into(), 500));
    world.handle.faults().clear();
    let once = Some(1);
    let operation = Some("DescribeKey".to_owned());
    let kind = FaultKind::Status { code: 503 };
    world.handle.faults().inject(Fault { service: Service::Kms, operation, kind, times: once });
    world.kms.list_keys().send().await.unwrap();
    assert_eq!(describe(&world).await.1, 503);
    assert_eq!(describe(&world).await.1, 200);
    assert_eq!(world.handle.kms_calls("DescribeKey"), 4);
    assert_eq!(world.handle.faults().total_calls(Service::Kms), 5);
}

#[tokio::test]
async fn latency_hang_and_reset_are_what_they_say() {
    let world = World::new();
    let faults = world.handle.faults();
    faults.kms(FaultKind::Latency { ms: 150 });
    let start = Instant::now();
    assert_eq!(describe(&world).await.1, 200);
    assert!(start.elapsed() >= Duration::from_millis(150));
    faults.clear();
    faults.kms(FaultKind::Reset);
    let cut = world.kms.describe_key().key_id(&world.key).send().await;
    assert!(matches!(cut, Err(SdkError::DispatchFailure(_))), "{cut:?}");
    faults.clear();
    faults.kms(FaultKind::Hang);
    let hung = tokio::time::timeout(Duration::from_millis(300), describe(&world)).await;
    assert!(hung.is_err(), "a hanging call is not answered");
    faults.clear();
    assert_eq!(describe(&world).await.1, 200);
}

#[tokio::test]
async fn s3_throttles_fails_and_is_cut() {
    let world = World::new();
    let head = || world.s3.head_bucket().bucket(BUCKET).send();
    let list = || world.s3.list_objects_v2().bucket(BUCKET).send();
    world.handle.faults().s3(FaultKind::Throttle);
    assert_eq!(refusal(list().await), ("SlowDown".into(), 503));
    world.handle.faults().clear();
    world.handle.faults().s3(FaultKind::Reset);
    let cut = head().await;
    assert!(matches!(cut, Err(SdkError::DispatchFailure(_))), "{cut:?}");
    world.handle.faults().clear();
    head().await.unwrap();
    assert_eq!(world.handle.s3_calls("HeadBucket"), 2);
    assert_eq!(world.handle.s3_calls("ListObjectsV2"), 1);
}

#[tokio::test]
async fn the_admin_endpoint_counts_and_injects() {
    let world = World::plain();
    let address = world.handle.kms_addr();
    assert_eq!(raw(address, "GET", "/_localaws/health", "").await.0, 200);
    let body = r#"{"service":"kms","kind":"status","code":500,"times":1}"#;
    assert_eq!(raw(address, "POST", "/_localaws/faults", body).await.0, 201);
    assert_eq!(describe(&world).await.1, 500);
    assert_eq!(describe(&world).await.1, 200);
    let (_, answer) = raw(address, "GET", "/_localaws/calls", "").await;
    assert!(answer.contains(r#""DescribeKey":2"#), "{answer}");
    assert_eq!(raw(address, "POST", "/_localaws/faults", r#"{"service":"sqs"}"#).await.0, 400);
    assert_eq!(raw(address, "DELETE", "/_localaws/faults", "").await.0, 200);
    assert_eq!(raw(address, "POST", "/", "{}").await.0, 400, "an unsigned call is refused");
}

#[tokio::test]
async fn one_folder_has_one_server() {
    let world = World::plain();
    let config = localaws::Config {
        region: crate::kit::REGION.into(),
        dir: world.dir.path().join("aws"),
        s3_listen: ([127, 0, 0, 1], 0).into(),
        kms_listen: ([127, 0, 0, 1], 0).into(),
        tls: None,
        account: localaws::ACCOUNT.into(),
    };
    let second = localaws::Server::start(config.clone()).unwrap_err();
    assert!(second.to_string().contains("in use by another process"), "{second}");
    let taken =
        localaws::Config { dir: world.dir.path().join("other"), s3_listen: world.handle.s3_addr(), ..config };
    let second = localaws::Server::start(taken).unwrap_err();
    assert!(second.to_string().contains("cannot listen on 127.0.0.1"), "{second}");
}
