//! Data keys and ciphertexts: exact context, the right key, the right region, rotation.

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{DataKeySpec, KeySpec, KeyUsageType};

use crate::kit::{Caller, HOME, World, refusal};

async fn seal(world: &World, context: &[(&str, &str)]) -> (Blob, Blob) {
    let mut call = world.kms.generate_data_key().key_id(&world.key).key_spec(DataKeySpec::Aes256);
    for (name, value) in context {
        call = call.encryption_context(*name, *value);
    }
    let made = call.send().await.unwrap();
    (made.plaintext.unwrap(), made.ciphertext_blob.unwrap())
}

#[tokio::test]
async fn a_data_key_opens_with_the_same_context_and_no_other() {
    let world = World::new();
    let (plaintext, sealed) = seal(&world, &[("tenant", "a"), ("purpose", "seal")]).await;
    assert_eq!(plaintext.as_ref().len(), 32);
    let open = || world.kms.decrypt().ciphertext_blob(sealed.clone()).key_id(&world.key);
    let opened =
        open().encryption_context("purpose", "seal").encryption_context("tenant", "a").send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap(), plaintext);
    let wrong = [
        open(),
        open().encryption_context("tenant", "b").encryption_context("purpose", "seal"),
        open().encryption_context("tenant", "a"),
        open()
            .encryption_context("tenant", "a")
            .encryption_context("purpose", "seal")
            .encryption_context("x", "y"),
    ];
    for call in wrong {
        assert_eq!(refusal(call.send().await), ("InvalidCiphertextException".into(), 400));
    }
    assert_eq!(world.handle.kms_calls("Decrypt"), 5);
}

#[tokio::test]
async fn a_changed_or_foreign_ciphertext_does_not_open() {
    let (world, other) = (World::new(), World::new());
    let (_, sealed) = seal(&world, &[]).await;
    let mut bytes = sealed.clone().into_inner();
    *bytes.last_mut().unwrap() ^= 1;
    let changed = world.kms.decrypt().ciphertext_blob(Blob::new(bytes)).send().await;
    assert_eq!(refusal(changed).0, "InvalidCiphertextException");
    let foreign = other.kms.decrypt().ciphertext_blob(sealed).send().await;
    assert_eq!(refusal(foreign).0, "InvalidCiphertextException");
    let junk = world.kms.decrypt().ciphertext_blob(Blob::new(b"junk".to_vec())).send().await;
    assert_eq!(refusal(junk).0, "InvalidCiphertextException");
}

#[tokio::test]
async fn naming_another_key_is_refused() {
    let world = World::new();
    let (_, sealed) = seal(&world, &[]).await;
    let other = world.handle.ensure_key_alias("alias/other").unwrap();
    let outcome = world.kms.decrypt().ciphertext_blob(sealed).key_id(other.arn).send().await;
    assert_eq!(refusal(outcome), ("IncorrectKeyException".into(), 400));
}

#[tokio::test]
async fn a_key_of_another_region_is_not_here() {
    let world = World::new();
    let elsewhere = world.key.replace("ap-south-1", "us-east-1");
    let described = world.kms.describe_key().key_id(&elsewhere).send().await;
    assert_eq!(refusal(described), ("NotFoundException".into(), 400));
    let made = world.kms.generate_data_key().key_id(&elsewhere).key_spec(DataKeySpec::Aes256).send().await;
    assert_eq!(refusal(made).0, "NotFoundException");
}

#[tokio::test]
async fn a_signature_for_another_region_or_with_another_secret_is_refused() {
    let world = World::new();
    let abroad = world.kms_as(&Caller { region: "us-east-1", ..HOME });
    let outcome = abroad.describe_key().key_id(&world.key).send().await;
    assert_eq!(refusal(outcome), ("InvalidSignatureException".into(), 400));
    let forger = world.kms_as(&Caller { secret: "guess", ..HOME });
    let outcome = forger.describe_key().key_id(&world.key).send().await;
    assert_eq!(refusal(outcome), ("InvalidSignatureException".into(), 400));
    let stranger = world.kms_as(&Caller { id: "nobody", ..HOME });
    let outcome = stranger.describe_key().key_id(&world.key).send().await;
    assert_eq!(refusal(outcome), ("UnrecognizedClientException".into(), 400));
}

#[tokio::test]
async fn rotation_keeps_old_ciphertexts_readable_and_re_encryption_moves_context() {
    let world = World::new();
    let (plaintext, old) = seal(&world, &[("v", "1")]).await;
    world.kms.rotate_key_on_demand().key_id(&world.key).send().await.unwrap();
    let opened =
        world.kms.decrypt().ciphertext_blob(old.clone()).encryption_context("v", "1").send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap(), plaintext);
    let moved = world
        .kms
        .re_encrypt()
        .ciphertext_blob(old)
        .source_encryption_context("v", "1")
        .destination_key_id("alias/domicile")
        .destination_encryption_context("v", "2")
        .send()
        .await
        .unwrap();
    let open = || world.kms.decrypt().ciphertext_blob(moved.ciphertext_blob.clone().unwrap());
    assert_eq!(open().encryption_context("v", "2").send().await.unwrap().plaintext.unwrap(), plaintext);
    let stale = open().encryption_context("v", "1").send().await;
    assert_eq!(refusal(stale).0, "InvalidCiphertextException");
    world.kms.enable_key_rotation().key_id(&world.key).rotation_period_in_days(90).send().await.unwrap();
    let status = world.kms.get_key_rotation_status().key_id(&world.key).send().await.unwrap();
    assert!(status.key_rotation_enabled);
    assert_eq!(status.rotation_period_in_days, Some(90));
}

#[tokio::test]
async fn encrypt_and_a_data_key_without_plaintext() {
    let world = World::new();
    let secret = Blob::new(b"a secret".to_vec());
    let sealed = world.kms.encrypt().key_id("alias/domicile").plaintext(secret.clone()).send().await.unwrap();
    let opened = world.kms.decrypt().ciphertext_blob(sealed.ciphertext_blob.unwrap()).send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap(), secret);
    let too_long = world.kms.encrypt().key_id(&world.key).plaintext(Blob::new(vec![0; 4097])).send().await;
    assert_eq!(refusal(too_long).0, "ValidationException");
    let made = world
        .kms
        .generate_data_key_without_plaintext()
        .key_id(&world.key)
        .number_of_bytes(64)
        .send()
        .await
        .unwrap();
    let opened = world.kms.decrypt().ciphertext_blob(made.ciphertext_blob.unwrap()).send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap().as_ref().len(), 64);
}

#[tokio::test]
async fn a_signing_key_does_not_encrypt() {
    let world = World::new();
    let made =
        world.kms.create_key().key_spec(KeySpec::EccNistP256).key_usage(KeyUsageType::SignVerify).send();
    let key = made.await.unwrap().key_metadata.unwrap();
    let outcome = world.kms.generate_data_key().key_id(key.key_id).key_spec(DataKeySpec::Aes256).send().await;
    assert_eq!(refusal(outcome).0, "InvalidKeyUsageException");
}

#[tokio::test]
async fn what_is_not_known_is_not_implemented() {
    let world = World::new();
    let grants = world.kms.list_grants().key_id(&world.key).send().await;
    assert_eq!(refusal(grants), ("NotImplemented".into(), 501));
    let dry = world
        .kms
        .generate_data_key()
        .key_id(&world.key)
        .key_spec(DataKeySpec::Aes256)
        .dry_run(true)
        .send()
        .await;
    assert_eq!(refusal(dry), ("NotImplemented".into(), 501));
}
