//! Backups of the key store, made and put back with PostgreSQL's own programs.

use app::keystore::{self, BackupError};
use base64::Engine as _;
use chrono::{DateTime, TimeDelta, Utc};
use regions::clock::Clock;
use tenancy::Regional;
use tenancy::keys::{Keeper, KeyError, LedgerEntry, SubjectId, ledger};
use tenancy::kms::KmsError;
use testkit::TestRegion;
use uuid::Uuid;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn subject(byte: u8) -> SubjectId {
    SubjectId::from([byte; 16])
}

/// Catalogue entries T38 and T39 with real backups: the backup has the key, the restored key store does not.
#[tokio::test(flavor = "multi_thread")]
async fn t39_a_restored_backup_brings_no_erased_patient_back_and_in_time_opens_no_longer() {
    let region = TestRegion::new().await;
    let (config, tenant) = (&region.migrator_config, region.alpha.id);
    let (keys, keeper) = (region.regional.keys(), Keeper::new(&region.migrator_config.key_store).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let programs = region.cluster.bin_dir.clone();
    for byte in 1..=3 {
        keys.create_subject(tenant, subject(byte)).await.unwrap();
    }
    let made = keystore::make(config, (dir.path(), &programs), now()).await.unwrap();
    assert_eq!(made.last_erasure, 0);
    let stored = std::fs::read(&made.file).unwrap();
    let sql = "SELECT wrapped FROM keystore.subject_key WHERE subject = $1";
    let wrapped: Vec<u8> =
        region.key_superuser().await.query_one(sql, &[&subject(1).as_uuid()]).await.unwrap().get(0);
    for needle in [wrapped.as_slice(), data_encoding::HEXLOWER.encode(&wrapped).as_bytes(), b"subject_key"] {
        assert!(!stored.windows(needle.len()).any(|window| window == needle), "the backup is readable");
    }

    // One patient is erased and one made after the backup.
    let erasure = Uuid::from_bytes([9; 16]);
    let erased = keeper.shred(tenant, subject(1), erasure).await.unwrap();
    let entry = LedgerEntry::new(config.region, tenant, subject(1), (erasure, erased));
    ledger::append(region.regional.archive(), &entry, now().into()).await.unwrap();
    keys.create_subject(tenant, subject(4)).await.unwrap();

    let restored = keystore::restore(config, (&made.file, &programs)).await.unwrap();
    assert_eq!((restored.backup_ends, restored.replayed, restored.key_store_ends), (0, 1, 1));
    assert_eq!(restored.bytes, made.bytes);
    // Processes are started again after a restore; this one may start, because the ledger was replayed.
    let again = Regional::connect(&region.config, Clock::system()).await.unwrap();
    let keys = again.keys();
    assert_eq!(keys.subject_key(tenant, subject(1)).await.map(|_| ()), Err(KeyError::NotFound));
    for byte in [2, 3] {
        keys.subject_key(tenant, subject(byte)).await.unwrap();
    }
    assert_eq!(
        keys.subject_key(tenant, subject(4)).await.map(|_| ()),
        Err(KeyError::NotFound),
        "it is a backup"
    );
    // The same key store without the replay, as a snapshot restored by other means would be: no process starts on it.
    let superuser = region.key_superuser().await;
    superuser
        .batch_execute("CREATE TABLE kept AS TABLE keystore.erased; DELETE FROM keystore.erased")
        .await
        .unwrap();
    let refused = Regional::connect(&region.config, Clock::system()).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("key_store: expected every erasure of the ledger"), "{refused}");
    assert!(again.check_pins().await.is_err(), "a running process stops too");
    assert_eq!(ledger::replay(again.archive(), &keeper, config.region).await, Ok(1));
    Regional::connect(&region.config, Clock::system()).await.unwrap();
    // The rights came back too: the application still changes nothing.
    superuser.batch_execute("SET ROLE domicile_app").await.unwrap();
    assert!(superuser.batch_execute("DELETE FROM keystore.subject_key").await.is_err());
    superuser.batch_execute("RESET ROLE").await.unwrap();

    // Somebody keeps a copy. Three weeks later the week's key is on its way out, and the copy is noise.
    let kept = dir.path().join("kept-copy");
    std::fs::copy(&made.file, &kept).unwrap();
    let later = now() + TimeDelta::days(13);
    assert_eq!(keystore::expire(config, dir.path(), later).await.unwrap(), (0, 0), "not before its time");
    let later = now() + TimeDelta::days(22);
    assert_eq!(keystore::expire(config, dir.path(), later).await.unwrap(), (1, 1));
    assert!(!made.file.exists());
    let refused = keystore::restore(config, (&kept, &programs)).await.unwrap_err();
    assert!(matches!(refused, BackupError::Kms(KmsError::KeyUnusable)), "{refused}");
    keys.subject_key(tenant, subject(2)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_altered_or_foreign_backup_changes_nothing() {
    let region = TestRegion::new().await;
    let config = &region.migrator_config;
    let programs = region.cluster.bin_dir.clone();
    let dir = tempfile::tempdir().unwrap();
    let made = keystore::make(config, (dir.path(), &programs), now()).await.unwrap();
    region.regional.keys().create_subject(region.alpha.id, subject(1)).await.unwrap();
    let good = std::fs::read(&made.file).unwrap();
    let half = good.len() / 2;
    let mut flipped = good.clone();
    flipped[half] ^= 1;
    let foreign = String::from_utf8_lossy(&good[..200]).replace("us-east-1", "us-west-2");
    for (what, bytes) in [
        ("cut", good[..half].to_vec()),
        ("flipped", flipped),
        ("longer", [good.as_slice(), b"x"].concat()),
        ("of another region", [foreign.as_bytes(), &good[200..]].concat()),
        ("empty", Vec::new()),
        ("text", base64::engine::general_purpose::STANDARD.encode(&good).into_bytes()),
    ] {
        let file = dir.path().join("altered");
        std::fs::write(&file, bytes).unwrap();
        assert!(keystore::restore(config, (&file, &programs)).await.is_err(), "{what}");
        // What was there is there.
        let keys = region.regional.keys();
        keys.subject_key(region.alpha.id, subject(1)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    }
}
