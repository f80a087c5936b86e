//! Who may ask: signatures, regions, links that expire, encryption keys.

use std::time::{Duration, SystemTime};

use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use localaws::BucketOptions;

use crate::kit::{BUCKET, Caller, HOME, REGION, World, path_of, raw, refusal};

#[tokio::test]
async fn a_link_works_until_it_expires_and_not_when_changed() {
    let world = World::plain();
    world.put(BUCKET, "letter").body(ByteStream::from_static(b"hello")).send().await.unwrap();
    let link = async |age_s: u64, life_s: u64| {
        #[expect(clippy::disallowed_methods, reason = "the SDK signs with real time")]
        let start = SystemTime::now() - Duration::from_secs(age_s);
        let config =
            PresigningConfig::builder().start_time(start).expires_in(Duration::from_secs(life_s)).build();
        let signed =
            world.s3.get_object().bucket(BUCKET).key("letter").presigned(config.unwrap()).await.unwrap();
        signed.uri().to_owned()
    };
    let address = world.handle.s3_addr();
    let (status, answer) = raw(address, "GET", path_of(&link(5, 60).await), "").await;
    assert!(status == 200 && answer.ends_with("hello"), "{answer}");
    let (status, answer) = raw(address, "GET", path_of(&link(60, 5).await), "").await;
    assert!(status == 403 && answer.contains("Request has expired"), "{answer}");
    let other_object = link(5, 60).await.replace("letter", "ledger");
    let (status, answer) = raw(address, "GET", path_of(&other_object), "").await;
    assert!(status == 403 && answer.contains("SignatureDoesNotMatch"), "{answer}");
    let longer = link(60, 5).await.replace("X-Amz-Expires=5", "X-Amz-Expires=500");
    let (status, answer) = raw(address, "GET", path_of(&longer), "").await;
    assert!(status == 403 && answer.contains("SignatureDoesNotMatch"), "{answer}");
    let endless = link(5, 60).await.replace("X-Amz-Expires=60", "X-Amz-Expires=9999999");
    let (status, answer) = raw(address, "GET", path_of(&endless), "").await;
    assert!(status == 400 && answer.contains("AuthorizationQueryParametersError"), "{answer}");
    let (status, answer) = raw(address, "GET", "/records/letter", "").await;
    assert!(status == 403 && answer.contains("AccessDenied"), "{answer}");
}

#[tokio::test]
async fn a_signature_for_another_region_is_told_the_right_one() {
    let world = World::new();
    let abroad = world.s3_as(&Caller { region: "us-east-1", ..HOME });
    let outcome = abroad.list_objects_v2().bucket(BUCKET).send().await;
    let headers = outcome.as_ref().unwrap_err().raw_response().unwrap().headers().clone();
    assert_eq!(refusal(outcome), ("AuthorizationHeaderMalformed".into(), 400));
    assert_eq!(headers.get("x-amz-bucket-region"), Some(REGION));
}

#[tokio::test]
async fn a_bucket_of_another_region_is_a_301_without_location() {
    let world = World::new();
    let options = BucketOptions { region: Some("us-east-1".into()), ..BucketOptions::default() };
    world.handle.ensure_bucket("abroad", options).unwrap();
    let outcome = world.s3.list_objects_v2().bucket("abroad").send().await;
    let headers = outcome.as_ref().unwrap_err().raw_response().unwrap().headers().clone();
    assert_eq!(refusal(outcome), ("PermanentRedirect".into(), 301));
    assert_eq!(headers.get("x-amz-bucket-region"), Some("us-east-1"));
    assert_eq!(headers.get("location"), None);
    let head = world.s3.head_bucket().bucket("abroad").send().await.unwrap_err();
    assert_eq!(head.raw_response().unwrap().status().as_u16(), 301);
    assert_eq!(head.raw_response().unwrap().headers().get("x-amz-bucket-region"), Some("us-east-1"));
    let put = world.put("abroad", "x").body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(refusal(put), ("PermanentRedirect".into(), 301));
    // us-east-1 has no location constraint; a pin check reads that as "not ap-south-1".
    let location = world.s3.get_bucket_location().bucket("abroad").send().await.unwrap();
    assert!(location.location_constraint().is_none_or(|c| c.as_str().is_empty()));
}

#[tokio::test]
async fn a_wrong_secret_and_an_unknown_key_are_refused() {
    let world = World::new();
    let forger = world.s3_as(&Caller { secret: "guess", ..HOME });
    let outcome = forger.list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(refusal(outcome), ("SignatureDoesNotMatch".into(), 403));
    let stranger = world.s3_as(&Caller { id: "nobody", ..HOME });
    let outcome = stranger.list_objects_v2().bucket(BUCKET).send().await;
    assert_eq!(refusal(outcome), ("InvalidAccessKeyId".into(), 403));
    assert_eq!(world.handle.s3_calls("ListObjectsV2"), 0, "a refused signature reaches no operation");
}

#[tokio::test]
async fn another_account_as_owner_is_refused() {
    let world = World::new();
    let call = world.s3.list_objects_v2().bucket(BUCKET).expected_bucket_owner("111111111111");
    assert_eq!(refusal(call.send().await), ("AccessDenied".into(), 403));
    world.s3.list_objects_v2().bucket(BUCKET).expected_bucket_owner("000000000000").send().await.unwrap();
}

#[tokio::test]
async fn every_object_needs_a_kms_key_that_is_here_and_usable() {
    let world = World::new();
    let body = || ByteStream::from_static(b"x");
    let bare = world.s3.put_object().bucket(BUCKET).key("a").body(body()).send().await;
    assert_eq!(refusal(bare), ("AccessDenied".into(), 403));
    let put = || world.s3.put_object().bucket(BUCKET).key("a").body(body());
    let aes = put().server_side_encryption(ServerSideEncryption::Aes256).send().await;
    assert_eq!(refusal(aes), ("AccessDenied".into(), 403));
    let keyless = put().server_side_encryption(ServerSideEncryption::AwsKms).send().await;
    assert_eq!(refusal(keyless), ("AccessDenied".into(), 403));
    let with =
        |key: String| put().server_side_encryption(ServerSideEncryption::AwsKms).ssekms_key_id(key).send();
    let elsewhere = with(world.key.replace(REGION, "us-east-1")).await;
    assert_eq!(refusal(elsewhere), ("KMS.NotFoundException".into(), 400));
    let made = with(world.key.clone()).await.unwrap();
    assert_eq!(made.ssekms_key_id(), Some(world.key.as_str()));

    world.kms.disable_key().key_id(&world.key).send().await.unwrap();
    assert_eq!(refusal(with(world.key.clone()).await).0, "KMS.DisabledException");
    let read = world.s3.get_object().bucket(BUCKET).key("a").send().await;
    assert_eq!(refusal(read), ("KMS.DisabledException".into(), 400));
    world.kms.schedule_key_deletion().key_id(&world.key).send().await.unwrap();
    let read = world.s3.get_object().bucket(BUCKET).key("a").send().await;
    assert_eq!(refusal(read).0, "KMS.KMSInvalidStateException");
}
