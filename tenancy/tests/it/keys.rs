//! Tenant and subject keys against a strict KMS: made once, cached for a while, and honest about every failure.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_kms::primitives::Blob;
use localaws::{Fault, FaultKind, KeyOptions, RegionScope, Service};
use regions::clock::Clock;
use regions::ids::TenantId;
use tenancy::BootError;
use tenancy::keys::{KeyError, Keys, Purpose, SubjectId};
use tenancy::sealed::Column;
use tokio::task::JoinSet;

use crate::rig::Rig;

const NAMES: Column = Column::new(16, 1);
const MINUTE_MS: u64 = 60_000;

fn subject(byte: u8) -> SubjectId {
    SubjectId::from([byte; 16])
}

async fn clinic(keys: &Keys) -> TenantId {
    let tenant = TenantId::random();
    keys.ensure_tenant_keys(tenant).await.unwrap();
    tenant
}

async fn seal_key(keys: &Keys, tenant: TenantId) -> Result<u32, KeyError> {
    keys.tenant_key(tenant, Purpose::Seal).await.map(|key| key.version())
}

#[tokio::test]
async fn values_sealed_before_a_restart_open_after_it() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = clinic(&keys).await;
    let sealer = keys.create_subject(tenant, subject(1)).await.unwrap().sealer();
    let name = sealer.seal(NAMES, [1; 16], "आशा".as_bytes()).unwrap();
    let office = keys.tenant_sealer(tenant).await.unwrap().seal(NAMES, [2; 16], b"Dr Rao").unwrap();
    let (again, _) = rig.keys().await;
    let opened = again.subject_sealer(tenant, subject(1)).await.unwrap().open(NAMES, [1; 16], &name).unwrap();
    assert_eq!(opened.as_slice(), "आशा".as_bytes());
    let opened = again.tenant_sealer(tenant).await.unwrap().open(NAMES, [2; 16], &office).unwrap();
    assert_eq!(opened.as_slice(), b"Dr Rao");
    let purposes = [Purpose::Seal, Purpose::BlindIndex, Purpose::RowMac, Purpose::Context];
    for purpose in purposes {
        assert_eq!(again.tenant_key(tenant, purpose).await.unwrap().purpose(), purpose);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t32_five_hundred_cold_readers_make_one_kms_call() {
    let rig = Rig::new().await;
    let (first, _) = rig.keys().await;
    let tenant = clinic(&first).await;
    let (keys, _) = rig.keys().await;
    let keys = Arc::new(keys);
    let before = rig.aws.kms_calls("Decrypt");
    let mut readers = JoinSet::new();
    for _ in 0..500 {
        let keys = Arc::clone(&keys);
        readers.spawn(async move { keys.tenant_sealer(tenant).await.map(|_| ()) });
    }
    while let Some(result) = readers.join_next().await {
        assert_eq!(result.unwrap(), Ok(()));
    }
    assert_eq!(rig.aws.kms_calls("Decrypt") - before, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t33_instances_that_make_keys_at_once_end_with_one_of_each() {
    let rig = Rig::new().await;
    let tenant = TenantId::random();
    let mut makers = JoinSet::new();
    for _ in 0..4 {
        let keys = Arc::new(rig.keys().await.0);
        for _ in 0..4 {
            let keys = Arc::clone(&keys);
            makers.spawn(async move {
                keys.ensure_tenant_keys(tenant).await.unwrap();
                let sealer = keys.create_subject(tenant, subject(1)).await.unwrap().sealer();
                sealer.seal(NAMES, [1; 16], b"Asha").unwrap()
            });
        }
    }
    let sealed = makers.join_all().await;
    let counts = rig
        .sql
        .query_one(
            "SELECT (SELECT count(*) FROM keystore.tenant_key), (SELECT count(*) FROM keystore.tenant_key \
             WHERE state = 'active'), (SELECT count(*) FROM keystore.subject_key)",
            &[],
        )
        .await
        .unwrap();
    assert_eq!((counts.get::<_, i64>(0), counts.get::<_, i64>(1), counts.get::<_, i64>(2)), (4, 4, 1));
    let (keys, _) = rig.keys().await;
    let sealer = keys.subject_sealer(tenant, subject(1)).await.unwrap();
    for value in &sealed {
        assert_eq!(sealer.open(NAMES, [1; 16], value).unwrap().as_slice(), b"Asha");
    }
}

#[tokio::test]
async fn an_erased_or_unknown_subject_has_no_key_whatever_is_cached() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = clinic(&keys).await;
    for byte in 1..=3 {
        keys.create_subject(tenant, subject(byte)).await.unwrap();
    }
    let all = [subject(1), subject(2), subject(3), subject(9)];
    let calls = rig.aws.kms_calls("Decrypt");
    let found = keys.subject_keys(tenant, &all).await.unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|(id, key)| key.subject() == *id && key.tenant() == tenant));
    assert_eq!(
        rig.aws.kms_calls("Decrypt"),
        calls,
        "a batch costs no KMS call once the tenant's key is known"
    );
    let erase = "UPDATE keystore.subject_key SET state = 'shredded', wrapped = '' WHERE subject = $1";
    rig.sql.execute(erase, &[&subject(2).as_uuid()]).await.unwrap();
    assert_eq!(keys.subject_keys(tenant, &all).await.unwrap().len(), 2);
    assert_eq!(keys.subject_sealer(tenant, subject(2)).await.map(|_| ()), Err(KeyError::NotFound));
    let again = keys.create_subject(tenant, subject(2)).await.map(|_| ());
    assert_eq!(again, Err(KeyError::NotFound), "an erased person's id is not given away");
    let other = clinic(&keys).await;
    assert_eq!(keys.subject_key(other, subject(1)).await.map(|_| ()), Err(KeyError::NotFound));
    let nobody = keys.create_subject(tenant, SubjectId::from([0; 16])).await.map(|_| ());
    assert_eq!(nobody, Err(KeyError::NotFound));
}

#[tokio::test]
async fn t25_a_wrapped_subject_key_opens_for_no_other_tenant_subject_or_version() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let (alpha, beta) = (clinic(&keys).await, clinic(&keys).await);
    for tenant in [alpha, beta] {
        for byte in [1, 2] {
            keys.create_subject(tenant, subject(byte)).await.unwrap();
        }
    }
    rig.sql.batch_execute("CREATE TABLE copy AS TABLE keystore.subject_key").await.unwrap();
    let (alpha_id, beta_id) = (alpha.as_uuid(), beta.as_uuid());
    let (first, second) = (subject(1).as_uuid(), subject(2).as_uuid());
    let target = format!("WHERE tenant = '{alpha_id}' AND subject = '{first}'");
    let from = |tenant, subject| {
        format!("wrapped = (SELECT wrapped FROM copy WHERE tenant = '{tenant}' AND subject = '{subject}')")
    };
    let changes = [
        from(alpha_id, second),
        from(beta_id, first),
        "version = 2".to_owned(),
        "wrapped = set_byte(wrapped, 128, (get_byte(wrapped, 128) + 1) % 256)".to_owned(),
        "wrapped = substr(wrapped, 1, 100)".to_owned(),
        "wrapped = ''".to_owned(),
    ];
    for change in changes {
        let statement = format!("UPDATE keystore.subject_key SET {change} {target}");
        let changed = rig.sql.execute(&statement, &[]).await.unwrap();
        assert_eq!(changed, 1, "{statement}");
        assert_eq!(
            keys.subject_key(alpha, subject(1)).await.map(|_| ()),
            Err(KeyError::Tampered),
            "{statement}"
        );
        let restore = "TRUNCATE keystore.subject_key; INSERT INTO keystore.subject_key SELECT * FROM copy";
        rig.sql.batch_execute(restore).await.unwrap();
        assert!(keys.subject_key(alpha, subject(1)).await.is_ok());
    }
}

#[tokio::test]
async fn t29_a_wrapped_tenant_key_opens_for_no_other_tenant_purpose_version_or_kms_key() {
    let rig = Rig::new().await;
    let (maker, _) = rig.keys().await;
    let (alpha, beta) = (clinic(&maker).await, clinic(&maker).await);
    let second = rig.aws.create_key(KeyOptions::default()).unwrap().arn;
    let foreign = rig.config.kms.key_id.replace("ap-south-1", "us-east-1");
    rig.sql.batch_execute("CREATE TABLE copy AS TABLE keystore.tenant_key").await.unwrap();
    let (alpha_id, beta_id) = (alpha.as_uuid(), beta.as_uuid());
    let of_alpha = format!("WHERE tenant = '{alpha_id}' AND purpose = 'enc'");
    let attacks = [
        format!(
            "UPDATE keystore.tenant_key SET wrapped = (SELECT wrapped FROM copy WHERE tenant = '{beta_id}' AND purpose = 'enc') {of_alpha}"
        ),
        format!(
            "UPDATE keystore.tenant_key SET wrapped = (SELECT wrapped FROM copy WHERE tenant = '{alpha_id}' AND purpose = 'ctx') {of_alpha}"
        ),
        format!("UPDATE keystore.tenant_key SET version = 2 {of_alpha}"),
        format!("UPDATE keystore.tenant_key SET kms_key_arn = '{second}' {of_alpha}"),
        format!("UPDATE keystore.tenant_key SET kms_key_arn = '{foreign}' {of_alpha}"),
        format!(
            "UPDATE keystore.tenant_key SET wrapped = set_byte(wrapped, 40, (get_byte(wrapped, 40) + 1) % 256) {of_alpha}"
        ),
        format!("UPDATE keystore.tenant_key SET wrapped = 'x' {of_alpha}"),
    ];
    for attack in attacks {
        let (keys, _) = rig.keys().await;
        assert_eq!(rig.sql.execute(&attack, &[]).await.unwrap(), 1);
        let before = rig.aws.kms_calls("Decrypt");
        assert_eq!(seal_key(&keys, alpha).await, Err(KeyError::Tampered), "{attack}");
        assert!(rig.aws.kms_calls("Decrypt") - before <= 1, "no retry storm: {attack}");
        assert_eq!(seal_key(&keys, beta).await, Ok(1), "the other clinic is not affected");
        let restore = "TRUNCATE keystore.tenant_key; INSERT INTO keystore.tenant_key SELECT * FROM copy";
        rig.sql.batch_execute(restore).await.unwrap();
    }
    let (keys, _) = rig.keys().await;
    assert_eq!(seal_key(&keys, alpha).await, Ok(1), "restored");
}

#[tokio::test]
async fn t29_kms_itself_refuses_another_or_no_encryption_context() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = clinic(&keys).await;
    let sql = "SELECT wrapped FROM keystore.tenant_key WHERE tenant = $1 AND purpose = 'enc'";
    let wrapped: Vec<u8> = rig.sql.query_one(sql, &[&tenant.as_uuid()]).await.unwrap().get(0);
    let call = rig.operator().decrypt().ciphertext_blob(Blob::new(wrapped));
    let refused = call.clone().send().await.unwrap_err().into_service_error();
    assert!(refused.is_invalid_ciphertext_exception(), "no context");
    let exact = [
        ("hc:cell", "ap-south-1".to_owned()),
        ("hc:tenant", tenant.as_uuid().to_string()),
        ("hc:purpose", "enc".to_owned()),
        ("hc:kver", "1".to_owned()),
        ("hc:ecv", "1".to_owned()),
    ];
    let with = |pairs: &[(&str, String)]| {
        pairs.iter().fold(call.clone(), |call, (name, value)| call.encryption_context(*name, value))
    };
    assert!(with(&exact).send().await.is_ok(), "the documented context is the exact one");
    for left_out in 0..exact.len() {
        let mut pairs = exact.to_vec();
        pairs.remove(left_out);
        let refused = with(&pairs).send().await.unwrap_err().into_service_error();
        assert!(refused.is_invalid_ciphertext_exception(), "without {}", exact[left_out].0);
    }
}

#[tokio::test]
async fn t30_a_disabled_or_deleted_key_is_dropped_as_soon_as_kms_says_so() {
    for deletion in [false, true] {
        let rig = Rig::new().await;
        let (keys, _) = rig.keys().await;
        let (warm, cold) = (clinic(&keys).await, clinic(&keys).await);
        assert_eq!(seal_key(&keys, warm).await, Ok(1));
        let operator = rig.operator();
        let key_id = &rig.config.kms.key_id;
        if deletion {
            operator.schedule_key_deletion().key_id(key_id).pending_window_in_days(7).send().await.unwrap();
        } else {
            operator.disable_key().key_id(key_id).send().await.unwrap();
        }
        assert_eq!(seal_key(&keys, warm).await, Ok(1), "nothing has asked KMS yet");
        assert_eq!(seal_key(&keys, cold).await, Err(KeyError::Revoked));
        let learned = Instant::now();
        assert_eq!(seal_key(&keys, warm).await, Err(KeyError::Revoked));
        assert!(learned.elapsed() < Duration::from_secs(1));
        assert!(matches!(keys.check_pins().await, Err(BootError::Pin { field: "kms.key_id", .. })));
        if deletion {
            operator.cancel_key_deletion().key_id(key_id).send().await.unwrap();
        }
        operator.enable_key().key_id(key_id).send().await.unwrap();
        assert_eq!(seal_key(&keys, warm).await, Ok(1), "back without a restart");
        assert!(keys.check_pins().await.is_ok());
    }
}

#[tokio::test]
async fn t30_a_key_that_is_gone_for_good_is_revoked_and_cannot_be_booted() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = clinic(&keys).await;
    assert_eq!(seal_key(&keys, tenant).await, Ok(1));
    let key_id = &rig.config.kms.key_id;
    rig.operator().schedule_key_deletion().key_id(key_id).pending_window_in_days(7).send().await.unwrap();
    rig.aws.advance_clock(Duration::from_secs(8 * 24 * 60 * 60));
    assert!(matches!(keys.check_pins().await, Err(BootError::Pin { field: "kms.key_id", .. })));
    assert_eq!(seal_key(&keys, tenant).await, Err(KeyError::Revoked));
    let refused = rig.keys_with(Clock::system()).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("kms.key_id"), "{refused}");
}

#[tokio::test]
async fn t30_the_minute_check_alone_drops_the_keys_of_a_disabled_kms_key() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = clinic(&keys).await;
    assert_eq!(seal_key(&keys, tenant).await, Ok(1));
    rig.operator().disable_key().key_id(&rig.config.kms.key_id).send().await.unwrap();
    assert!(keys.check_pins().await.is_err());
    assert_eq!(seal_key(&keys, tenant).await, Err(KeyError::Revoked));
}

#[tokio::test]
async fn t30_a_policy_that_denies_one_clinic_stops_that_clinic_only() {
    let rig = Rig::new().await;
    let (keys, clock) = rig.keys().await;
    let (denied, other) = (clinic(&keys).await, clinic(&keys).await);
    for tenant in [denied, other] {
        assert_eq!(seal_key(&keys, tenant).await, Ok(1));
    }
    clock.advance_ms(3 * MINUTE_MS);
    keys.tenant_key(denied, Purpose::BlindIndex).await.unwrap();
    let policy = format!(
        r#"{{"Version": "2012-10-17", "Statement": [
            {{"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}},
            {{"Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
              "Condition": {{"StringEquals": {{"kms:EncryptionContext:hc:tenant": "{}"}}}}}}]}}"#,
        denied.as_uuid()
    );
    let operator = rig.operator();
    operator.put_key_policy().key_id(&rig.config.kms.key_id).policy(policy).send().await.unwrap();
    clock.advance_ms(3 * MINUTE_MS);
    assert_eq!(seal_key(&keys, denied).await, Err(KeyError::Revoked), "the renewal is refused");
    let index = keys.tenant_key(denied, Purpose::BlindIndex).await.map(|_| ());
    assert_eq!(index, Err(KeyError::Revoked), "all of the clinic's keys are dropped, fresh ones too");
    assert_eq!(seal_key(&keys, other).await, Ok(1));
}

#[tokio::test]
async fn t40_a_key_that_nobody_asks_for_any_more_is_wiped_when_its_time_is_over() {
    let rig = Rig::new().await;
    let (keys, clock) = rig.keys().await;
    let tenant = clinic(&keys).await;
    // A look drops what was made or rotated within half a minute, too; this key is older.
    let older = "UPDATE keystore.tenant_key SET changed_at = changed_at - interval '1 hour'";
    rig.sql.batch_execute(older).await.unwrap();
    let held = async || Arc::downgrade(&keys.tenant_key(tenant, Purpose::Seal).await.unwrap());
    let key = held().await;
    clock.set(crate::rig::START_MS + 14 * MINUTE_MS);
    keys.check_pins().await.unwrap();
    assert!(key.upgrade().is_some(), "it is kept while it may be used");
    clock.set(crate::rig::START_MS + 15 * MINUTE_MS);
    keys.check_pins().await.unwrap();
    assert!(key.upgrade().is_none(), "the look of each minute drops it");
    // And whatever else ends it does so at once, not when the cache's library gets round to it.
    let key = held().await;
    keys.forget();
    assert!(key.upgrade().is_none());
    let key = held().await;
    rig.operator().disable_key().key_id(&rig.config.kms.key_id).send().await.unwrap();
    assert!(keys.check_pins().await.is_err());
    assert!(key.upgrade().is_none());
}

#[tokio::test]
async fn t31_cached_keys_outlive_a_kms_outage_to_the_hard_limit_and_no_longer() {
    for kind in [FaultKind::Status { code: 503 }, FaultKind::Throttle, FaultKind::Reset] {
        let rig = Rig::new().await;
        let (keys, clock) = rig.keys().await;
        let (warm, cold) = (clinic(&keys).await, clinic(&keys).await);
        let sealer = keys.create_subject(warm, subject(1)).await.unwrap().sealer();
        let value = sealer.seal(NAMES, [1; 16], b"Asha").unwrap();
        rig.aws.faults().kms(kind);
        for minute in [4_u64, 6, 9, 14] {
            clock.set(crate::rig::START_MS + minute * MINUTE_MS);
            let sealer = keys.subject_sealer(warm, subject(1)).await;
            let opened = sealer.map(|sealer| sealer.open(NAMES, [1; 16], &value).map(|text| text.to_vec()));
            assert_eq!(opened, Ok(Ok(b"Asha".to_vec())), "minute {minute} of {kind:?}");
            assert_eq!(seal_key(&keys, cold).await, Err(KeyError::Unavailable), "{kind:?}");
        }
        clock.set(crate::rig::START_MS + 15 * MINUTE_MS);
        assert_eq!(seal_key(&keys, warm).await, Err(KeyError::Unavailable), "the hard limit");
        rig.aws.faults().clear();
        clock.advance_ms(MINUTE_MS);
        assert_eq!(seal_key(&keys, warm).await, Ok(1), "recovered without a restart");
        assert_eq!(seal_key(&keys, cold).await, Ok(1));
        let rows = rig.sql.query_one("SELECT count(*) FROM keystore.tenant_key", &[]).await.unwrap();
        assert_eq!(rows.get::<_, i64>(0), 8, "no duplicate rows");
    }
}

#[tokio::test]
async fn t31_the_breaker_spares_a_kms_that_is_down_and_probes_it() {
    let rig = Rig::new().await;
    let (keys, clock) = rig.keys().await;
    let tenant = clinic(&keys).await;
    rig.aws.faults().kms(FaultKind::Status { code: 500 });
    for _ in 0..5 {
        assert_eq!(seal_key(&keys, tenant).await, Err(KeyError::Unavailable));
    }
    let at_open = rig.aws.faults().total_calls(Service::Kms);
    for _ in 0..50 {
        assert_eq!(seal_key(&keys, tenant).await, Err(KeyError::Unavailable));
    }
    assert_eq!(rig.aws.faults().total_calls(Service::Kms), at_open, "an open breaker makes no calls");
    rig.aws.faults().clear();
    clock.advance_ms(3_000);
    assert_eq!(seal_key(&keys, tenant).await, Ok(1), "the probe closes it");
}

#[tokio::test]
async fn t31_a_kms_that_never_answers_is_given_up_within_the_request_budget() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = clinic(&keys).await;
    rig.aws.faults().kms(FaultKind::Hang);
    let asked = Instant::now();
    assert_eq!(seal_key(&keys, tenant).await, Err(KeyError::Unavailable));
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn t31_an_outage_while_keys_are_made_leaves_nothing_half_made() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    let tenant = TenantId::random();
    let fault = Fault {
        service: Service::Kms,
        operation: Some("GenerateDataKey".to_owned()),
        kind: FaultKind::Status { code: 500 },
        times: Some(3),
    };
    rig.aws.faults().inject(fault);
    assert_eq!(keys.ensure_tenant_keys(tenant).await, Err(KeyError::Unavailable));
    assert_eq!(seal_key(&keys, tenant).await, Err(KeyError::NotFound));
    assert_eq!(keys.ensure_tenant_keys(tenant).await, Ok(()));
    assert_eq!(keys.ensure_tenant_keys(tenant).await, Ok(()));
    let rows = rig.sql.query_one("SELECT count(*) FROM keystore.tenant_key", &[]).await.unwrap();
    assert_eq!(rows.get::<_, i64>(0), 4);
}

#[tokio::test]
async fn t19_a_process_refuses_keys_that_are_not_of_its_region_and_names_the_field() {
    let rig = Rig::new().await;
    let good = rig.config.kms.key_id.clone();
    let multi =
        rig.aws.create_key(KeyOptions { scope: RegionScope::Multi, ..KeyOptions::default() }).unwrap().arn;
    let signing = rig
        .aws
        .create_key(KeyOptions { spec: localaws::KeySpec::EccP256, ..KeyOptions::default() })
        .unwrap()
        .arn;
    let disabled = rig.aws.create_key(KeyOptions::default()).unwrap().arn;
    rig.operator().disable_key().key_id(&disabled).send().await.unwrap();
    let cases = [
        (good.replace("ap-south-1", "us-east-1"), "kms.key_id"),
        (multi, "kms.key_id"),
        (signing, "kms.key_id"),
        (disabled, "kms.key_id"),
        (good.replace("000000000000", "111111111111"), "kms.key_id"),
        ("alias/domicile".to_owned(), "kms.key_id"),
        (format!("{}0", good), "kms.key_id"),
    ];
    for (key_id, field) in cases {
        let mut config = rig.config.clone();
        config.kms.key_id = key_id.clone();
        let refused = tenancy::kms::Kms::connect(config.region, &config.kms).await.map(|_| ()).unwrap_err();
        assert!(refused.to_string().starts_with(field), "{key_id}: {refused}");
    }
    let mut config = rig.config.clone();
    config.kms.endpoint = Some("https://kms.us-east-1.amazonaws.com".to_owned());
    let refused = tenancy::kms::Kms::connect(config.region, &config.kms).await.map(|_| ()).unwrap_err();
    assert!(refused.to_string().starts_with("kms.endpoint"), "{refused}");
}

#[tokio::test]
async fn t19_a_process_refuses_a_key_store_of_another_region() {
    let rig = Rig::new().await;
    rig.sql.execute("UPDATE keystore.identity SET region = 'us-east-1'", &[]).await.unwrap();
    let refused = rig.keys_with(Clock::system()).await.map(|_| ()).unwrap_err();
    assert!(matches!(refused, BootError::Pin { field: "key_store", .. }), "{refused}");
    rig.sql.execute("DELETE FROM keystore.identity", &[]).await.unwrap();
    assert!(rig.keys_with(Clock::system()).await.is_err());
}

#[tokio::test]
async fn the_application_can_neither_change_nor_delete_a_stored_key() {
    let rig = Rig::new().await;
    let (keys, _) = rig.keys().await;
    clinic(&keys).await;
    rig.sql.batch_execute("SET ROLE domicile_app").await.unwrap();
    for statement in [
        "UPDATE keystore.tenant_key SET state = 'retired'",
        "DELETE FROM keystore.tenant_key",
        "UPDATE keystore.subject_key SET state = 'shredded'",
        "DELETE FROM keystore.subject_key",
        "UPDATE keystore.identity SET region = 'us-east-1'",
        "CREATE TABLE keystore.other ()",
        "SELECT * FROM keystore.rotation",
        "INSERT INTO keystore.erased VALUES (gen_random_uuid(), gen_random_uuid(), 1, gen_random_uuid(), now())",
        "SELECT keystore.shred(gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), NULL, NULL)",
        "SELECT keystore.drop_older_subject_versions(gen_random_uuid(), gen_random_uuid())",
        "SELECT keystore.close_older_tenant_keys(gen_random_uuid(), 'enc', 0)",
    ] {
        let refused = rig.sql.batch_execute(statement).await.unwrap_err();
        assert_eq!(
            refused.code(),
            Some(&tokio_postgres::error::SqlState::INSUFFICIENT_PRIVILEGE),
            "{statement}"
        );
    }
}
