//! The archive: what is in it can be neither changed nor deleted before its time, and it is in this region or nowhere
//! (security.md T19, T22, T48).

use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use localaws::{BucketOptions, FaultKind, KeyOptions, KeySpec, RegionScope};
use regions::clock::Clock;
use tenancy::archive::{ARCHIVE_OBJECT_BYTES_MAX, Archive, ArchiveError, VersionId};
use tenancy::kms::Signer;

use crate::rig::{ARCHIVE, Rig};

const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn in_a_year() -> SystemTime {
    Clock::system().now() + YEAR
}

async fn refusal(rig: &Rig) -> String {
    match Archive::connect(&rig.config).await {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn an_object_is_put_once_and_the_first_version_is_what_counts() {
    let rig = Rig::new().await;
    let archive = Archive::connect(&rig.config).await.unwrap();
    let name = "cp/2026/00000000000000000001";
    let first = archive.put_once(name, b"one", in_a_year()).await.unwrap();
    assert_eq!(archive.put_once(name, b"one", in_a_year()).await, Ok(first.clone()), "again is harmless");
    assert_eq!(archive.put_once(name, b"two", in_a_year()).await, Err(ArchiveError::Conflict));
    assert_eq!(archive.get_only(name).await, Ok((b"one".to_vec(), true)));
    // Somebody with every right puts another version on top, and then hides both (S3 allows that).
    let attacker = rig.operator_s3();
    attacker
        .put_object()
        .bucket(ARCHIVE)
        .key(name)
        .server_side_encryption(aws_sdk_s3::types::ServerSideEncryption::AwsKms)
        .ssekms_key_id(&rig.config.audit.key_id)
        .body(b"forged".to_vec().into())
        .send()
        .await
        .unwrap();
    attacker.delete_object().bucket(ARCHIVE).key(name).send().await.unwrap();
    assert_eq!(archive.get_first(name).await.unwrap(), (first.clone(), b"one".to_vec()));
    assert_eq!(
        archive.get_only(name).await,
        Ok((b"one".to_vec(), false)),
        "and says that something lies on top"
    );
    assert_eq!(archive.put_once(name, b"two", in_a_year()).await, Err(ArchiveError::Conflict));
    let (versions, next) = archive.versions("cp/", None).await.unwrap();
    assert_eq!((versions.len(), next), (4, None), "the listing shows what was put on top");
    assert_eq!(versions.iter().filter(|found| found.delete_marker).count(), 1);
    assert_eq!(archive.get(name, &VersionId::new("nothing")).await, Err(ArchiveError::NotFound));
    assert_eq!(archive.get_first("cp/2026/2").await, Err(ArchiveError::NotFound));
}

#[tokio::test]
async fn t48_nobody_deletes_or_shortens_what_is_locked() {
    let rig = Rig::new().await;
    let archive = Archive::connect(&rig.config).await.unwrap();
    let until = in_a_year();
    let version = archive.put_once("evidence", b"one", until).await.unwrap();
    let attacker = rig.operator_s3();
    let deleted =
        attacker.delete_object().bucket(ARCHIVE).key("evidence").version_id(version.as_str()).send().await;
    assert!(deleted.is_err(), "a locked version is not deleted");
    for (mode, until) in [("COMPLIANCE", until - YEAR / 2), ("GOVERNANCE", until + YEAR)] {
        let retention = aws_sdk_s3::types::ObjectLockRetention::builder()
            .mode(mode.into())
            .retain_until_date(until.into())
            .build();
        let shortened = attacker
            .put_object_retention()
            .bucket(ARCHIVE)
            .key("evidence")
            .version_id(version.as_str())
            .bypass_governance_retention(true)
            .retention(retention)
            .send()
            .await;
        assert!(shortened.is_err(), "{mode}");
    }
    let kept = archive.retention("evidence", &version).await.unwrap();
    assert!(kept.compliance);
    let wanted = until.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    assert!(kept.until_s.cast_unsigned().abs_diff(wanted) <= 1);
    assert_eq!(archive.get("evidence", &version).await.unwrap(), b"one");
}

#[tokio::test]
async fn t19_a_process_refuses_an_archive_that_is_foreign_unlocked_or_missing() {
    let mut rig = Rig::new().await;
    rig.aws.ensure_bucket("plain", BucketOptions::default()).unwrap();
    let abroad =
        BucketOptions { region: Some("us-east-1".to_owned()), object_lock: true, ..BucketOptions::default() };
    rig.aws.ensure_bucket("abroad", abroad).unwrap();
    let good = rig.config.audit.clone();
    for (bucket, expected) in [
        ("plain", "audit.bucket: expected a bucket with object lock, found a bucket without"),
        ("abroad", "audit.bucket: expected ap-south-1, found us-east-1"),
        ("arn:aws:s3:::x", "audit.bucket: expected a plain bucket name, found arn:aws:s3:::x"),
    ] {
        bucket.clone_into(&mut rig.config.audit.bucket);
        assert_eq!(refusal(&rig).await, expected);
    }
    rig.config.audit = good.clone();
    rig.config.audit.key_id = good.key_id.replace("ap-south-1", "us-east-1");
    assert!(refusal(&rig).await.starts_with("audit.key_id: expected a key of this region"));
    rig.config.audit = good.clone();
    rig.config.audit.signing_key_id = good.signing_key_id.replace("ap-south-1", "us-east-1");
    assert!(refusal(&rig).await.starts_with("audit.signing_key_id: expected a key of this region"));
    // A bucket that moves under a running process is noticed by the check of each minute.
    rig.config.audit = good;
    Archive::connect(&rig.config).await.unwrap().check_pins().await.unwrap();
}

#[tokio::test]
async fn a_silent_archive_is_given_up_within_its_deadline() {
    let rig = Rig::new().await;
    let archive = Archive::connect(&rig.config).await.unwrap();
    rig.aws.faults().s3(FaultKind::Hang);
    let begun = std::time::Instant::now();
    assert_eq!(archive.put_once("late", b"one", in_a_year()).await, Err(ArchiveError::Unavailable));
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    rig.aws.faults().clear();
    archive.put_once("late", b"one", in_a_year()).await.unwrap();
    let large = vec![0; ARCHIVE_OBJECT_BYTES_MAX + 1];
    assert_eq!(archive.put_once("large", &large, in_a_year()).await, Err(ArchiveError::TooLarge));
    assert_eq!(archive.put_once("Large", b"", in_a_year()).await, Err(ArchiveError::Name));
}

#[tokio::test]
async fn the_signing_key_signs_and_nothing_else_will_do() {
    let rig = Rig::new().await;
    let connect = async |id: &str| Signer::connect(rig.config.region, &rig.config.kms, id).await;
    let signer = connect(&rig.config.audit.signing_key_id).await.unwrap();
    let signature = signer.sign(b"a checkpoint").await.unwrap();
    let public = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, signer.public_key_der()).unwrap();
    public.verify_sig(b"a checkpoint", &signature).unwrap();
    assert!(public.verify_sig(b"another", &signature).is_err());
    let symmetric = connect(&rig.config.kms.key_id).await.err().unwrap().to_string();
    assert!(symmetric.contains("expected an ECC_NIST_P256 signing key"), "{symmetric}");
    let multi = KeyOptions { spec: KeySpec::EccP256, scope: RegionScope::Multi, ..KeyOptions::default() };
    let multi = rig.aws.create_key(multi).unwrap().arn;
    assert!(connect(&multi).await.err().unwrap().to_string().contains("a single-Region key"));
}
