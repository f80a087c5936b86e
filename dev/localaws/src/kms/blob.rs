//! The ciphertext blob: AES-256-GCM under one generation of a key, with key name and encryption context bound in.
//!
//! Layout: version 1, length of the key id (one byte), key id, generation (4 bytes, big endian), nonce (12), ciphertext, tag.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::error::{KmsError, KmsResult};
use super::key::{Key, Material};
use super::wire::Context;
use crate::random;

const VERSION: u8 = 1;

/// A blob taken apart, not yet opened.
pub(super) struct Parsed<'a> {
    pub(super) key_id: &'a str,
    generation: u32,
    nonce: [u8; NONCE_LEN],
    sealed: &'a [u8],
}

/// Seals under the newest generation.
pub(super) fn seal(key: &Key, context: &Context, plaintext: &[u8]) -> KmsResult<Vec<u8>> {
    let newest = key.materials.len().saturating_sub(1);
    let generation = u32::try_from(newest).map_err(|e| KmsError::internal(e.to_string()))?;
    let material = key.materials.last().ok_or_else(|| KmsError::internal("the key has no material"))?;
    let nonce = random::bytes::<NONCE_LEN>()?;
    let mut sealed = plaintext.to_vec();
    aead(material)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad(key, context), &mut sealed)
        .map_err(|e| KmsError::internal(e.to_string()))?;
    let id_len = u8::try_from(key.id.len()).map_err(|e| KmsError::internal(e.to_string()))?;
    let mut out = vec![VERSION, id_len];
    out.extend_from_slice(key.id.as_bytes());
    out.extend_from_slice(&generation.to_be_bytes());
    out.extend_from_slice(&nonce);
    out.extend_from_slice(&sealed);
    Ok(out)
}

/// Takes a blob apart; everything malformed is an invalid ciphertext.
pub(super) fn parse(blob: &[u8]) -> KmsResult<Parsed<'_>> {
    fn split(blob: &[u8]) -> Option<Parsed<'_>> {
        let (&[version, id_len], rest) = blob.split_first_chunk::<2>()?;
        let (id, rest) = rest.split_at_checked(usize::from(id_len))?;
        let (generation, rest) = rest.split_first_chunk::<4>()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        (version == VERSION).then_some(())?;
        let key_id = std::str::from_utf8(id).ok()?;
        Some(Parsed { key_id, generation: u32::from_be_bytes(*generation), nonce: *nonce, sealed })
    }
    split(blob).ok_or_else(KmsError::invalid_ciphertext)
}

/// Opens a blob that was parsed and whose key was found.
pub(super) fn open(key: &Key, context: &Context, parsed: &Parsed<'_>) -> KmsResult<Vec<u8>> {
    let index = usize::try_from(parsed.generation).ok();
    let material = index.and_then(|i| key.materials.get(i)).ok_or_else(KmsError::invalid_ciphertext)?;
    let mut buffer = parsed.sealed.to_vec();
    let nonce = Nonce::assume_unique_for_key(parsed.nonce);
    let plaintext = aead(material)?.open_in_place(nonce, aad(key, context), &mut buffer);
    plaintext.ok().map(|p| p.to_vec()).ok_or_else(KmsError::invalid_ciphertext)
}

fn aead(material: &Material) -> KmsResult<LessSafeKey> {
    let key =
        UnboundKey::new(&AES_256_GCM, &material.bytes.0).map_err(|e| KmsError::internal(e.to_string()))?;
    Ok(LessSafeKey::new(key))
}

/// Key name and context, each part with its length before it, so that no two contexts give the same bytes.
fn aad(key: &Key, context: &Context) -> Aad<Vec<u8>> {
    let mut out = Vec::new();
    let mut push = |part: &str| {
        out.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        out.extend_from_slice(part.as_bytes());
    };
    push(&key.arn);
    for (name, value) in context {
        push(name);
        push(value);
    }
    Aad::from(out)
}
