//! The life of a key: disabled, waiting for deletion, gone, denied by policy, kept over a restart.

use std::time::Duration;

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeyState};
use localaws::{KeyOptions, RegionScope};

use crate::kit::{World, refusal};

async fn sealed(world: &World) -> Blob {
    let call = world.kms.generate_data_key().key_id(&world.key).key_spec(DataKeySpec::Aes256);
    call.encryption_context("tenant", "a").send().await.unwrap().ciphertext_blob.unwrap()
}

async fn open(world: &World, blob: &Blob) -> (String, u16) {
    refusal(world.kms.decrypt().ciphertext_blob(blob.clone()).encryption_context("tenant", "a").send().await)
}

const ALLOWED: &str = "(it was allowed)";

#[tokio::test]
async fn a_disabled_key_does_nothing_until_it_is_enabled() {
    let world = World::new();
    let blob = sealed(&world).await;
    world.kms.disable_key().key_id(&world.key).send().await.unwrap();
    assert_eq!(open(&world, &blob).await, ("DisabledException".into(), 400));
    let made = world.kms.generate_data_key().key_id(&world.key).key_spec(DataKeySpec::Aes256).send().await;
    assert_eq!(refusal(made).0, "DisabledException");
    let described = world.kms.describe_key().key_id(&world.key).send().await.unwrap().key_metadata.unwrap();
    assert_eq!((described.enabled, described.key_state), (false, Some(KeyState::Disabled)));
    world.kms.enable_key().key_id(&world.key).send().await.unwrap();
    assert_eq!(open(&world, &blob).await.0, ALLOWED);
}

#[tokio::test]
async fn a_key_that_waits_for_deletion_is_unusable_and_then_gone() {
    let world = World::new();
    let blob = sealed(&world).await;
    let delete = || world.kms.schedule_key_deletion().key_id(&world.key);
    assert_eq!(refusal(delete().pending_window_in_days(6).send().await).0, "ValidationException");
    delete().pending_window_in_days(7).send().await.unwrap();
    assert_eq!(open(&world, &blob).await, ("KMSInvalidStateException".into(), 400));
    let enabled = world.kms.enable_key().key_id(&world.key).send().await;
    assert_eq!(refusal(enabled).0, "KMSInvalidStateException");
    world.kms.cancel_key_deletion().key_id(&world.key).send().await.unwrap();
    assert_eq!(open(&world, &blob).await.0, "DisabledException");
    world.kms.enable_key().key_id(&world.key).send().await.unwrap();
    assert_eq!(open(&world, &blob).await.0, ALLOWED);

    delete().pending_window_in_days(7).send().await.unwrap();
    world.handle.advance_clock(Duration::from_secs(7 * 24 * 3600 + 60));
    assert_eq!(open(&world, &blob).await.0, "InvalidCiphertextException");
    let described = world.kms.describe_key().key_id(&world.key).send().await;
    assert_eq!(refusal(described).0, "NotFoundException");
    let files = std::fs::read_dir(world.handle.kms_dir().join("keys")).unwrap().count();
    assert_eq!(files, 0, "the key's bytes are off the disk");
}

#[tokio::test]
async fn a_policy_that_denies_is_honoured() {
    let world = World::new();
    let blob = sealed(&world).await;
    let allow = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::000000000000:root"},"Action":"kms:*","Resource":"*"}"#;
    let put = |statements: String| {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        world.kms.put_key_policy().key_id(&world.key).policy(policy).send()
    };
    let deny =
        r#"{"Effect":"Deny","Principal":"*","Action":["kms:Decrypt","kms:GenerateDataKey*"],"Resource":"*"}"#;
    put(format!("{allow},{deny}")).await.unwrap();
    assert_eq!(open(&world, &blob).await, ("AccessDeniedException".into(), 400));
    let made =
        world.kms.generate_data_key_without_plaintext().key_id(&world.key).key_spec(DataKeySpec::Aes256);
    assert_eq!(refusal(made.send().await).0, "AccessDeniedException");
    let read = world.kms.get_key_policy().key_id(&world.key).send().await.unwrap();
    assert!(read.policy.unwrap().contains("Deny"));

    // For one tenant only, by its encryption context.
    let one = r#"{"Effect":"Deny","Principal":"*","Action":"kms:Decrypt","Resource":"*",
        "Condition":{"StringEquals":{"kms:EncryptionContext:tenant":"a"}}}"#;
    put(format!("{allow},{one}")).await.unwrap();
    assert_eq!(open(&world, &blob).await.0, "AccessDeniedException");
    let call = world.kms.generate_data_key().key_id(&world.key).key_spec(DataKeySpec::Aes256);
    let other = call.encryption_context("tenant", "b").send().await.unwrap().ciphertext_blob.unwrap();
    let opened = world.kms.decrypt().ciphertext_blob(other).encryption_context("tenant", "b").send().await;
    assert_eq!(refusal(opened).0, ALLOWED);

    put(allow.to_owned()).await.unwrap();
    assert_eq!(open(&world, &blob).await.0, ALLOWED);
    let locked_out = r#"{"Effect":"Allow","Principal":"*","Action":"kms:Decrypt","Resource":"*"}"#;
    assert_eq!(refusal(put(locked_out.to_owned()).await).0, "MalformedPolicyDocumentException");
    let unknown = r#"{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"Bool":{"aws:x":"true"}}}"#;
    assert_eq!(refusal(put(unknown.to_owned()).await).0, "NotImplemented");
}

#[tokio::test]
async fn aliases_name_keys_but_do_not_change_them() {
    let world = World::new();
    let made = world.kms.create_key().description("second").send().await.unwrap().key_metadata.unwrap();
    let alias = || world.kms.create_alias().alias_name("alias/second").target_key_id(&made.key_id).send();
    alias().await.unwrap();
    assert_eq!(refusal(alias().await).0, "AlreadyExistsException");
    let described =
        world.kms.describe_key().key_id("alias/second").send().await.unwrap().key_metadata.unwrap();
    assert_eq!(described.key_id, made.key_id);
    let disabled = world.kms.disable_key().key_id("alias/second").send().await;
    assert_eq!(refusal(disabled).0, "ValidationException");
    let reserved =
        world.kms.create_alias().alias_name("alias/aws/s3").target_key_id(&made.key_id).send().await;
    assert_eq!(refusal(reserved).0, "InvalidAliasNameException");
    let aliases = world.kms.list_aliases().key_id(&made.key_id).send().await.unwrap();
    assert_eq!(aliases.aliases().len(), 1);
    let first = world.kms.list_keys().limit(1).send().await.unwrap();
    assert_eq!((first.keys().len(), first.truncated), (1, true));
    let rest = world.kms.list_keys().marker(first.next_marker().unwrap()).send().await.unwrap();
    assert_eq!((rest.keys().len(), rest.truncated), (1, false));
    let missing = world.kms.describe_key().key_id("alias/none").send().await;
    assert_eq!(refusal(missing).0, "NotFoundException");
}

#[tokio::test]
async fn a_multi_region_key_says_so() {
    let world = World::new();
    let options = KeyOptions { scope: RegionScope::Multi, ..KeyOptions::default() };
    let made = world.handle.create_key(options).unwrap();
    assert!(made.id.starts_with("mrk-"));
    let described = world.kms.describe_key().key_id(&made.arn).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(described.multi_region, Some(true));
    let one = world.kms.describe_key().key_id(&world.key).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(one.multi_region, Some(false));
}

#[tokio::test]
async fn keys_states_and_policies_outlive_a_restart() {
    let world = World::new();
    let blob = sealed(&world).await;
    world.kms.rotate_key_on_demand().key_id(&world.key).send().await.unwrap();
    let key = world.key.clone();
    let world = world.restart().await;
    assert_eq!(world.key, key, "the alias still names the same key");
    assert_eq!(open(&world, &blob).await.0, ALLOWED);
    world.kms.disable_key().key_id(&world.key).send().await.unwrap();
    let world = world.restart().await;
    assert_eq!(open(&world, &blob).await.0, "DisabledException");
}
