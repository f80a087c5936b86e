//! Buckets: one region each, versioning, listings, and the operations that do not exist here.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Delete, ObjectCannedAcl,
    ObjectIdentifier, VersioningConfiguration,
};

use crate::kit::{BUCKET, REGION, World, refusal};

fn in_region(region: &str) -> CreateBucketConfiguration {
    CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
}

#[tokio::test]
async fn a_bucket_is_made_in_this_region_only() {
    let world = World::new();
    let make = || world.s3.create_bucket().bucket("fresh");
    assert_eq!(refusal(make().send().await), ("IllegalLocationConstraintException".into(), 400));
    let abroad = make().create_bucket_configuration(in_region("eu-west-1")).send().await;
    assert_eq!(refusal(abroad).0, "IllegalLocationConstraintException");
    make().create_bucket_configuration(in_region(REGION)).send().await.unwrap();
    let again = make().create_bucket_configuration(in_region(REGION)).send().await;
    assert_eq!(refusal(again), ("BucketAlreadyOwnedByYou".into(), 409));
    let location = world.s3.get_bucket_location().bucket("fresh").send().await.unwrap();
    assert_eq!(location.location_constraint().unwrap().as_str(), REGION);
    let head = world.s3.head_bucket().bucket("fresh").send().await.unwrap();
    assert_eq!(head.bucket_region(), Some(REGION));
    let missing = world.s3.list_objects_v2().bucket("missing").send().await;
    assert_eq!(refusal(missing), ("NoSuchBucket".into(), 404));
}

#[tokio::test]
async fn versions_stay_and_a_deletion_leaves_a_marker() {
    let world = World::new();
    let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    world.put(BUCKET, "k").body(ByteStream::from_static(b"zero")).send().await.unwrap();
    world.s3.put_bucket_versioning().bucket(BUCKET).versioning_configuration(enabled).send().await.unwrap();
    let status = world.s3.get_bucket_versioning().bucket(BUCKET).send().await.unwrap();
    assert_eq!(status.status(), Some(&BucketVersioningStatus::Enabled));
    let one = world.put(BUCKET, "k").body(ByteStream::from_static(b"one")).send().await.unwrap();
    let two = world.put(BUCKET, "k").body(ByteStream::from_static(b"two")).send().await.unwrap();
    assert_ne!(one.version_id(), two.version_id());
    assert_eq!(world.get(BUCKET, "k").await, b"two");
    let at = |id: &str| world.s3.get_object().bucket(BUCKET).key("k").version_id(id).send();
    let old = at(one.version_id().unwrap()).await.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!(old, b"one");
    let first = at("null").await.unwrap().body.collect().await.unwrap().to_vec();
    assert_eq!(first, b"zero");

    let deleted = world.s3.delete_object().bucket(BUCKET).key("k").send().await.unwrap();
    assert_eq!(deleted.delete_marker(), Some(true));
    assert_eq!(
        refusal(world.s3.get_object().bucket(BUCKET).key("k").send().await),
        ("NoSuchKey".into(), 404)
    );
    let marker = deleted.version_id().unwrap();
    assert_eq!(refusal(at(marker).await), ("MethodNotAllowed".into(), 405));
    assert_eq!(refusal(at("unknown").await), ("NoSuchVersion".into(), 404));
    let listed = world.s3.list_object_versions().bucket(BUCKET).prefix("k").send().await.unwrap();
    assert_eq!((listed.versions().len(), listed.delete_markers().len()), (3, 1));
    world.s3.delete_object().bucket(BUCKET).key("k").version_id(marker).send().await.unwrap();
    assert_eq!(world.get(BUCKET, "k").await, b"two");
    let page = world.s3.list_object_versions().bucket(BUCKET).max_keys(2).send().await.unwrap();
    let next = world.s3.list_object_versions().bucket(BUCKET).set_key_marker(page.next_key_marker.clone());
    let next = next.set_version_id_marker(page.next_version_id_marker.clone()).send().await.unwrap();
    assert_eq!((page.versions().len(), next.versions().len()), (2, 1));
    assert_eq!(next.versions()[0].version_id(), Some("null"));
}

#[tokio::test]
async fn listings_page_and_fold_folders() {
    let world = World::new();
    for key in ["a/1", "a/2", "b", "c/1", "d"] {
        world.put(BUCKET, key).body(ByteStream::from_static(b"x")).send().await.unwrap();
    }
    let mut seen = Vec::new();
    let mut token = None;
    for _ in 0..10 {
        let call = world.s3.list_objects_v2().bucket(BUCKET).max_keys(2).set_continuation_token(token.take());
        let page = call.send().await.unwrap();
        seen.extend(page.contents().iter().map(|o| o.key().unwrap().to_owned()));
        token = page.next_continuation_token().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["a/1", "a/2", "b", "c/1", "d"]);
    let folded = world.s3.list_objects_v2().bucket(BUCKET).delimiter("/").send().await.unwrap();
    let prefixes: Vec<_> = folded.common_prefixes().iter().map(|p| p.prefix().unwrap()).collect();
    assert_eq!(prefixes, ["a/", "c/"]);
    assert_eq!(folded.contents().len(), 2);
    let inside =
        world.s3.list_objects_v2().bucket(BUCKET).prefix("a/").start_after("a/1").send().await.unwrap();
    assert_eq!(inside.contents().len(), 1);
    let forged = world.s3.list_objects_v2().bucket(BUCKET).continuation_token("%%%").send().await;
    assert_eq!(refusal(forged).0, "InvalidArgument");
}

#[tokio::test]
async fn the_rest_is_not_implemented() {
    let world = World::new();
    let s3 = &world.s3;
    let expected = ("NotImplemented".to_owned(), 501);
    assert_eq!(refusal(s3.get_bucket_acl().bucket(BUCKET).send().await), expected);
    assert_eq!(refusal(s3.list_buckets().send().await), expected);
    assert_eq!(refusal(s3.delete_bucket().bucket(BUCKET).send().await), expected);
    let copy = s3.copy_object().bucket(BUCKET).key("b").copy_source("records/a").send().await;
    assert_eq!(refusal(copy), expected);
    let object = ObjectIdentifier::builder().key("a").build().unwrap();
    let many = Delete::builder().objects(object).build().unwrap();
    assert_eq!(refusal(s3.delete_objects().bucket(BUCKET).delete(many).send().await), expected);
    let public = world.put(BUCKET, "a").acl(ObjectCannedAcl::PublicRead).body(ByteStream::from_static(b"x"));
    assert_eq!(refusal(public.send().await), expected);
    let tagged = world.put(BUCKET, "a").tagging("a=b").body(ByteStream::from_static(b"x")).send().await;
    assert_eq!(refusal(tagged), expected);
}
