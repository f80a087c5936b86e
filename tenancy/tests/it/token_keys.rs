//! The region's keys for access tokens against a strict KMS: made once, opened nowhere else, announced, and dropped when KMS says so.

use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use localaws::FaultKind;
use tenancy::keys::{KeyError, Keys};
use tokio::task::JoinSet;

use crate::rig::Rig;

const MINUTE_MS: u64 = 60_000;

async fn kids(keys: &Keys) -> Result<Vec<String>, KeyError> {
    let held = keys.token_keys().await?;
    Ok(held.published(0).map(|key| key.kid().to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_ask_at_once_have_one_key_and_it_signs() {
    let rig = Rig::new().await;
    let mut askers = JoinSet::new();
    for _ in 0..4 {
        let keys = Arc::new(rig.keys().await.0);
        for _ in 0..4 {
            let keys = Arc::clone(&keys);
            askers.spawn(async move { kids(&keys).await.unwrap() });
        }
    }
    let seen = askers.join_all().await;
    assert!(seen.iter().all(|kids| *kids == seen[0] && kids.len() == 1), "{seen:?}");
    let rows = rig.sql.query_one("SELECT count(*) FROM keystore.token_key", &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 1);
    // After a restart it is the same one, and whoever has the public half checks what it signs.
    let (again, _) = rig.keys().await;
    let held = again.token_keys().await.unwrap();
    let key = held.signing(0).unwrap();
    assert_eq!(key.kid(), seen[0][0]);
    let signature = key.sign(b"header.payload").unwrap();
    let public = UnparsedPublicKey::new(&ED25519, key.public_key());
    public.verify(b"header.payload", &signature).unwrap();
    assert!(public.verify(b"header.payloae", &signature).is_err());
}

#[tokio::test]
async fn a_wrapped_token_key_opens_under_no_other_number_and_no_tenants_key_is_one() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = regions::ids::TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    let first = kids(&keys).await.unwrap();
    rig.sql.batch_execute("CREATE TABLE copy AS TABLE keystore.token_key").await.unwrap();
    for forgery in [
        "UPDATE keystore.token_key SET version = 2",
        "UPDATE keystore.token_key SET wrapped = set_byte(wrapped, 40, (get_byte(wrapped, 40) + 1) % 256)",
        "UPDATE keystore.token_key SET wrapped = 'x'",
        "UPDATE keystore.token_key SET wrapped = (SELECT wrapped FROM keystore.tenant_key WHERE purpose = 'enc')",
        "UPDATE keystore.token_key SET kms_key_arn = replace(kms_key_arn, 'ap-south-1', 'us-east-1')",
    ] {
        rig.sql.batch_execute(forgery).await.unwrap();
        keys.forget();
        assert_eq!(kids(&keys).await, Err(KeyError::Tampered), "{forgery}");
        let restore = "DELETE FROM keystore.token_key; ALTER TABLE keystore.token_key DISABLE TRIGGER token_key_guard;
            INSERT INTO keystore.token_key TABLE copy; ALTER TABLE keystore.token_key ENABLE TRIGGER token_key_guard";
        rig.sql.batch_execute(restore).await.unwrap();
        assert_eq!(kids(&keys).await.unwrap(), first);
    }
}

#[tokio::test]
async fn a_key_follows_the_last_one_and_not_within_the_hour() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let first = kids(&keys).await.unwrap();
    keys.rotate_token_key().await.unwrap();
    assert_eq!(kids(&keys).await.unwrap(), first);
    let older = "UPDATE keystore.token_key SET created_at = created_at - interval '61 minutes'";
    rig.sql.batch_execute(older).await.unwrap();
    keys.rotate_token_key().await.unwrap();
    let both = kids(&keys).await.unwrap();
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    assert_eq!(keys.token_keys().await.unwrap().signing(0).unwrap().kid(), first[0], "it is announced first");
    // The application's log-in adds no other number, and changes and removes none.
    rig.sql.batch_execute(older).await.unwrap();
    rig.sql.batch_execute("SET ROLE domicile_app").await.unwrap();
    let skipped = "INSERT INTO keystore.token_key (version, wrapped, kms_key_arn, ec_version)
        SELECT 9, wrapped, kms_key_arn, 1 FROM keystore.token_key LIMIT 1";
    assert_eq!(rig.sql.execute(skipped, &[]).await.unwrap(), 0);
    for statement in [
        "UPDATE keystore.token_key SET created_at = now()",
        "DELETE FROM keystore.token_key",
        "INSERT INTO keystore.token_key (version, wrapped, kms_key_arn, ec_version, created_at)
            SELECT 3, wrapped, kms_key_arn, 1, now() - interval '1 day' FROM keystore.token_key LIMIT 1",
    ] {
        let refused = rig.sql.batch_execute(statement).await.unwrap_err();
        let code = tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE;
        assert_eq!(refused.code(), Some(&code), "{statement}");
    }
}

#[tokio::test]
async fn a_revoked_kms_key_ends_token_keys_and_an_outage_does_so_after_a_quarter_of_an_hour() {
    let rig = Rig::new().await;
    let (keys, clock) = rig.keys().await;
    let first = kids(&keys).await.unwrap();
    rig.operator().disable_key().key_id(&rig.config.kms.key_id).send().await.unwrap();
    assert_eq!(kids(&keys).await.unwrap(), first, "nothing has asked KMS yet");
    assert!(keys.check_pins().await.is_err());
    assert_eq!(kids(&keys).await, Err(KeyError::Revoked));
    rig.operator().enable_key().key_id(&rig.config.kms.key_id).send().await.unwrap();
    assert_eq!(kids(&keys).await.unwrap(), first);
    rig.aws.faults().kms(FaultKind::Status { code: 500 });
    clock.advance_ms(6 * MINUTE_MS);
    assert_eq!(kids(&keys).await.unwrap(), first, "no longer fresh, and still good");
    clock.advance_ms(9 * MINUTE_MS);
    assert_eq!(kids(&keys).await, Err(KeyError::Unavailable));
}
