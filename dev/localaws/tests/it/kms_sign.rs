//! Signatures that verify offline with nothing but the public key.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use localaws::{KeyOptions, KeySpec};

use crate::kit::{World, refusal};

/// Where the 65-byte point begins in the public key's DER (RFC 5480).
const POINT_OFFSET: usize = 26;

#[tokio::test]
async fn a_signature_verifies_here_and_offline() {
    let world = World::new();
    let key =
        world.handle.create_key(KeyOptions { spec: KeySpec::EccP256, ..KeyOptions::default() }).unwrap();
    let message = b"checkpoint";
    let sign = |kind: MessageType, bytes: &[u8]| {
        let call = world.kms.sign().key_id(&key.arn).message_type(kind).message(Blob::new(bytes.to_vec()));
        call.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256).send()
    };
    let raw = sign(MessageType::Raw, message).await.unwrap().signature.unwrap();
    let hashed =
        sign(MessageType::Digest, digest(&SHA256, message).as_ref()).await.unwrap().signature.unwrap();
    let public = world.kms.get_public_key().key_id(&key.arn).send().await.unwrap().public_key.unwrap();
    let offline = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &public.as_ref()[POINT_OFFSET..]);
    offline.verify(message, raw.as_ref()).unwrap();
    offline.verify(message, hashed.as_ref()).unwrap();

    let verify = |bytes: &[u8], signature: Blob| {
        let call =
            world.kms.verify().key_id(&key.arn).message(Blob::new(bytes.to_vec())).signature(signature);
        call.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256).send()
    };
    assert!(verify(message, raw.clone()).await.unwrap().signature_valid);
    assert_eq!(refusal(verify(b"another", raw.clone()).await).0, "KMSInvalidSignatureException");
    world.kms.disable_key().key_id(&key.arn).send().await.unwrap();
    assert_eq!(refusal(verify(message, raw).await).0, "DisabledException");
    let short = sign(MessageType::Digest, b"short").await;
    assert_eq!(refusal(short).0, "ValidationException");
}

#[tokio::test]
async fn an_encryption_key_does_not_sign() {
    let world = World::new();
    let call = world.kms.sign().key_id(&world.key).message(Blob::new(b"x".to_vec()));
    let outcome = call.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256).send().await;
    assert_eq!(refusal(outcome).0, "InvalidKeyUsageException");
}
