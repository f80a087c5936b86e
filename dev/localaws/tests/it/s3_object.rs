//! Objects: bytes in and out, ranges, checksums, conditions, restarts.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};

use crate::kit::{BUCKET, World, refusal};

#[tokio::test]
async fn an_object_goes_in_and_comes_out() {
    for world in [World::new(), World::plain()] {
        let body: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let put =
            world.put(BUCKET, "folder/ключ 鍵+&?.bin").content_type("application/x").metadata("kind", "scan");
        let put = put.body(body.clone().into()).send().await.unwrap();
        assert!(put.checksum_crc32().is_some(), "the SDK sends CRC32 by default");
        let get = || world.s3.get_object().bucket(BUCKET).key("folder/ключ 鍵+&?.bin");
        let got = get().checksum_mode(ChecksumMode::Enabled).send().await.unwrap();
        assert_eq!(got.content_type(), Some("application/x"));
        assert_eq!(got.metadata().unwrap()["kind"], "scan");
        assert_eq!(got.e_tag(), put.e_tag());
        assert_eq!(got.body.collect().await.unwrap().to_vec(), body);
        let part = get().range("bytes=100-199").send().await.unwrap();
        assert_eq!(part.content_range(), Some("bytes 100-199/200000"));
        assert_eq!(part.body.collect().await.unwrap().to_vec(), body[100..200]);
        let tail = get().range("bytes=-5").send().await.unwrap();
        assert_eq!(tail.body.collect().await.unwrap().to_vec(), body[199_995..]);
        assert_eq!(refusal(get().range("bytes=200000-").send().await), ("InvalidRange".into(), 416));
        let head = world.s3.head_object().bucket(BUCKET).key("folder/ключ 鍵+&?.bin").send().await.unwrap();
        assert_eq!(head.content_length(), Some(200_000));
        world.s3.delete_object().bucket(BUCKET).key("folder/ключ 鍵+&?.bin").send().await.unwrap();
        assert_eq!(refusal(get().send().await), ("NoSuchKey".into(), 404));
        let blobs = std::fs::read_dir(world.handle.s3_dir().join(BUCKET).join("blobs")).unwrap().count();
        assert_eq!(blobs, 0, "the bytes are off the disk");
    }
}

#[tokio::test]
async fn a_streamed_body_with_its_checksum_behind_it_arrives() {
    for world in [World::new(), World::plain()] {
        let path = world.dir.path().join("upload");
        let body = vec![7_u8; 300_000];
        std::fs::write(&path, &body).unwrap();
        let stream = ByteStream::read_from().path(&path).build().await.unwrap();
        let call = world.put(BUCKET, "big").checksum_algorithm(ChecksumAlgorithm::Sha256).body(stream);
        let put = call.send().await.unwrap();
        assert!(put.checksum_sha256().is_some());
        assert_eq!(world.get(BUCKET, "big").await, body);
    }
}

#[tokio::test]
async fn a_wrong_checksum_is_refused_and_nothing_is_kept() {
    let world = World::new();
    let put = || world.put(BUCKET, "bad").body(ByteStream::from_static(b"hello"));
    // These are the sums of other bytes.
    let sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    assert_eq!(refusal(put().checksum_sha256(sha256).send().await), ("BadDigest".into(), 400));
    assert_eq!(refusal(put().checksum_crc32("AAAAAA==").send().await), ("BadDigest".into(), 400));
    assert_eq!(refusal(put().checksum_crc32_c("AAAAAA==").send().await).0, "BadDigest");
    assert_eq!(refusal(put().content_md5("1B2M2Y8AsgTpgAmY7PhCfg==").send().await).0, "BadDigest");
    assert_eq!(refusal(world.s3.get_object().bucket(BUCKET).key("bad").send().await).0, "NoSuchKey");
    let blobs = std::fs::read_dir(world.handle.s3_dir().join(BUCKET).join("blobs")).unwrap().count();
    assert_eq!(blobs, 0);
}

#[tokio::test]
async fn if_none_match_lets_one_writer_win() {
    let world = World::new();
    let put =
        |body: String| world.put(BUCKET, "once").if_none_match("*").body(body.into_bytes().into()).send();
    let outcomes = futures_util::future::join_all((0..8).map(|n| put(n.to_string()))).await;
    assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
    assert_eq!(refusal(put("late".into()).await), ("PreconditionFailed".into(), 412));
    let tag = world.s3.head_object().bucket(BUCKET).key("once").send().await.unwrap().e_tag.unwrap();
    let swap =
        |tag: &str| world.put(BUCKET, "once").if_match(tag).body(ByteStream::from_static(b"new")).send();
    swap(&tag).await.unwrap();
    assert_eq!(refusal(swap(&tag).await), ("PreconditionFailed".into(), 412));
}

#[tokio::test]
async fn objects_outlive_a_restart_and_leftovers_do_not() {
    let world = World::new();
    world.put(BUCKET, "kept").body(ByteStream::from_static(b"still here")).send().await.unwrap();
    let bucket = world.handle.s3_dir().join(BUCKET);
    std::fs::write(bucket.join("blobs/left-over"), b"half an upload").unwrap();
    std::fs::write(bucket.join("keys/x.json.0.tmp"), b"{").unwrap();
    let world = world.restart().await;
    assert_eq!(world.get(BUCKET, "kept").await, b"still here");
    assert!(!bucket.join("blobs/left-over").exists());
    assert!(!bucket.join("keys/x.json.0.tmp").exists());
}
