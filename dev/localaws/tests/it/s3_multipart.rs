//! Multipart uploads.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, ServerSideEncryption};

use crate::kit::{BUCKET, World, refusal};

const PART_BYTES: usize = 5 * 1024 * 1024;

async fn begin(world: &World, key: &str) -> String {
    let call = world.s3.create_multipart_upload().bucket(BUCKET).key(key).ssekms_key_id(&world.key);
    let call = call.server_side_encryption(ServerSideEncryption::AwsKms);
    call.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await.unwrap().upload_id.unwrap()
}

async fn part(world: &World, key: &str, upload: &str, number: i32, body: Vec<u8>) -> CompletedPart {
    let call = world.s3.upload_part().bucket(BUCKET).key(key).upload_id(upload).part_number(number);
    let call = call.checksum_algorithm(ChecksumAlgorithm::Crc32);
    let done = call.body(ByteStream::from(body)).send().await.unwrap();
    let made = CompletedPart::builder().part_number(number).set_e_tag(done.e_tag);
    made.set_checksum_crc32(done.checksum_crc32).build()
}

fn complete(
    world: &World,
    key: &str,
    upload: &str,
    parts: Vec<CompletedPart>,
) -> aws_sdk_s3::operation::complete_multipart_upload::builders::CompleteMultipartUploadFluentBuilder {
    let whole = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    world.s3.complete_multipart_upload().bucket(BUCKET).key(key).upload_id(upload).multipart_upload(whole)
}

#[tokio::test]
async fn parts_become_one_object_that_outlives_a_restart() {
    let world = World::new();
    let upload = begin(&world, "film").await;
    let second = part(&world, "film", &upload, 2, b"end".to_vec()).await;
    let first = part(&world, "film", &upload, 1, vec![1; PART_BYTES]).await;
    let listed = world.s3.list_parts().bucket(BUCKET).key("film").upload_id(&upload).send().await.unwrap();
    assert_eq!(listed.parts().len(), 2);
    let open = world.s3.list_multipart_uploads().bucket(BUCKET).send().await.unwrap();
    assert_eq!(open.uploads().len(), 1);
    let world = world.restart().await;
    let done = complete(&world, "film", &upload, vec![first, second]).send().await.unwrap();
    assert!(done.e_tag().unwrap().ends_with("-2\""), "{:?}", done.e_tag());
    assert!(done.checksum_crc32().unwrap().ends_with("-2"));
    let again = world.s3.list_parts().bucket(BUCKET).key("film").upload_id(&upload).send().await;
    assert_eq!(refusal(again), ("NoSuchUpload".into(), 404));
    let world = world.restart().await;
    let body = world.get(BUCKET, "film").await;
    assert_eq!((body.len(), &body[PART_BYTES..]), (PART_BYTES + 3, b"end".as_slice()));
    // A range over the seam of both parts.
    let range = format!("bytes={}-{}", PART_BYTES - 1, PART_BYTES + 1);
    let seam = world.s3.get_object().bucket(BUCKET).key("film").range(range).send().await.unwrap();
    assert_eq!(seam.body.collect().await.unwrap().to_vec(), [1, b'e', b'n']);
}

#[tokio::test]
async fn wrong_parts_are_refused() {
    let world = World::new();
    let upload = begin(&world, "film").await;
    let first = part(&world, "film", &upload, 1, b"small".to_vec()).await;
    let second = part(&world, "film", &upload, 2, b"end".to_vec()).await;
    let finish = |parts: Vec<CompletedPart>| complete(&world, "film", &upload, parts).send();
    assert_eq!(refusal(finish(vec![first.clone(), second.clone()]).await).0, "EntityTooSmall");
    assert_eq!(refusal(finish(vec![second.clone(), first.clone()]).await).0, "InvalidPartOrder");
    let wrong = CompletedPart::builder().part_number(1).set_e_tag(second.e_tag().map(str::to_owned)).build();
    assert_eq!(refusal(finish(vec![wrong]).await).0, "InvalidPart");
    let call = world.s3.upload_part().bucket(BUCKET).key("film").upload_id(&upload).part_number(3);
    let bad = call.checksum_crc32("AAAAAA==").body(ByteStream::from_static(b"hello")).send().await;
    assert_eq!(refusal(bad).0, "BadDigest");
    let other_key = world.s3.list_parts().bucket(BUCKET).key("other").upload_id(&upload).send().await;
    assert_eq!(refusal(other_key).0, "NoSuchUpload");
    let bare = world.s3.create_multipart_upload().bucket(BUCKET).key("film").send().await;
    assert_eq!(refusal(bare).0, "AccessDenied", "without a KMS key");
}

#[tokio::test]
async fn an_aborted_upload_leaves_nothing() {
    let world = World::new();
    let upload = begin(&world, "film").await;
    let first = part(&world, "film", &upload, 1, b"small".to_vec()).await;
    world.s3.abort_multipart_upload().bucket(BUCKET).key("film").upload_id(&upload).send().await.unwrap();
    let late = complete(&world, "film", &upload, vec![first]).send().await;
    assert_eq!(refusal(late).0, "NoSuchUpload");
    let blobs = std::fs::read_dir(world.handle.s3_dir().join(BUCKET).join("blobs")).unwrap().count();
    assert_eq!(blobs, 0);
}
