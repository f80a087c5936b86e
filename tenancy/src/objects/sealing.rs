//! The stored form of a document, `HD1`: segments of one mebibyte under a key of the object's own, each bound to its
//! object, its number and whether it is the last.
//!
//! The byte layout and the test vectors are in `docs/crypto.md`; this file and that page change together. Nothing here
//! performs I/O. A nonce is random and stored with its segment, never a counter: a part that is sent again is sealed again,
//! and two texts under one key and one nonce would give both away.

use std::ops::Range;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use bytes::Bytes;
use regions::ids::TenantId;
use zeroize::Zeroize as _;

use super::ObjectId;
use super::extent::Extent;
use crate::envelope::{KeyVersions, OpenError, SealError, ValueKey, fresh};
use crate::sealed::Sealer;

/// Plaintext of every segment but the last, in bytes.
pub const SEGMENT_BYTES: usize = 1_048_576;
/// What sealing adds to a segment, in bytes: a nonce before it and a tag after it.
pub const SEGMENT_OVERHEAD_BYTES: usize = NONCE_LEN + TAG_BYTES;
/// Length of a header, in bytes.
pub const HEADER_BYTES: usize = 65;

const FORMAT_VERSION: u8 = 1;
/// Suite 1: HMAC-SHA256 key derivation and commitment, AES-256-GCM with random nonces.
const SUITE_HMAC_SHA256_AES_256_GCM: u8 = 1;
const TAG_BYTES: usize = 16;
const RANDOM_BYTES: usize = 24;
const AAD_BYTES: usize = 64;
const LABEL_ENCRYPT: &[u8] = b"\x01hd1-enc";
const LABEL_COMMIT: &[u8] = b"\x02hd1-cmt";

/// What is stored beside a sealed object, not in it: which key opens it. It holds no secret, and an altered one opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectHeader {
    versions: KeyVersions,
    random: [u8; RANDOM_BYTES],
    commitment: [u8; 32],
}

impl ObjectHeader {
    /// The bytes to store.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(&[FORMAT_VERSION, SUITE_HMAC_SHA256_AES_256_GCM, 0]);
        bytes.extend_from_slice(&self.versions.tenant.to_be_bytes());
        bytes.extend_from_slice(&self.versions.subject.to_be_bytes());
        bytes.extend_from_slice(&self.random);
        bytes.extend_from_slice(&self.commitment);
        bytes
    }

    /// Reads stored bytes without touching any key. Total: any input gives a header or an error.
    ///
    /// # Errors
    /// The format errors of [`OpenError`].
    pub fn parse(stored: &[u8]) -> Result<Self, OpenError> {
        let (&version, rest) = stored.split_first().ok_or(OpenError::Malformed)?;
        if version != FORMAT_VERSION {
            return Err(OpenError::UnknownVersion(version));
        }
        let (&suite, rest) = rest.split_first().ok_or(OpenError::Malformed)?;
        if suite != SUITE_HMAC_SHA256_AES_256_GCM {
            return Err(OpenError::UnknownSuite(suite));
        }
        let (&flags, rest) = rest.split_first().ok_or(OpenError::Malformed)?;
        if flags != 0 {
            return Err(OpenError::UnknownFlags(flags));
        }
        let (tenant, rest) = rest.split_first_chunk::<4>().ok_or(OpenError::Malformed)?;
        let (subject, rest) = rest.split_first_chunk::<2>().ok_or(OpenError::Malformed)?;
        let (random, rest) = rest.split_first_chunk::<RANDOM_BYTES>().ok_or(OpenError::Malformed)?;
        let commitment: &[u8; 32] = rest.try_into().map_err(|_wrong_length| OpenError::Malformed)?;
        let versions =
            KeyVersions { tenant: u32::from_be_bytes(*tenant), subject: u16::from_be_bytes(*subject) };
        Ok(Self { versions, random: *random, commitment: *commitment })
    }

    /// The key versions the object was sealed under.
    #[must_use]
    pub fn versions(&self) -> KeyVersions {
        self.versions
    }
}

/// Where a segment stands in its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Another one follows.
    Inner,
    /// It is the last.
    Last,
}

/// Seals and opens the segments of one object. It has no `Debug`; the key lives as long as this does.
pub struct ObjectCipher {
    tenant: TenantId,
    key: LessSafeKey,
    /// The associated data of segment 0, whose last five bytes each segment sets.
    aad: [u8; AAD_BYTES],
}

impl ObjectCipher {
    /// A fresh key for a new object of the sealer's subject, and the header to store.
    ///
    /// # Errors
    /// [`SealError`] for a zero id or a generator that repeats itself.
    pub fn create(sealer: &Sealer, object: ObjectId) -> Result<(ObjectHeader, Self), SealError> {
        Self::create_with(sealer, object, fresh::random(regions::random::bytes)?)
    }

    /// The deterministic part of [`create`](Self::create), which the test vectors pin.
    fn create_with(
        sealer: &Sealer,
        object: ObjectId,
        random: [u8; RANDOM_BYTES],
    ) -> Result<(ObjectHeader, Self), SealError> {
        let versions = sealer.active();
        let key = sealer.key(versions).map_err(|_cause: OpenError| SealError::Failed)?;
        let commitment = key.derive(LABEL_COMMIT, &random);
        let header = ObjectHeader { versions, random, commitment: *commitment };
        let aad = aad(sealer, object, versions)?;
        let key = derived(key, &random).ok_or(SealError::Failed)?;
        Ok((header, Self { tenant: sealer.tenant(), key, aad }))
    }

    /// The key of an object that exists. The commitment is checked in constant time before anything is opened.
    ///
    /// # Errors
    /// [`OpenError`]; where [`OpenError::is_tampering`] holds, a security event has been logged.
    pub fn open(sealer: &Sealer, object: ObjectId, header: &ObjectHeader) -> Result<Self, OpenError> {
        let opened = (|| {
            let aad = aad(sealer, object, header.versions).map_err(|_zero_id| OpenError::ZeroId)?;
            let key = sealer.key(header.versions)?;
            let commitment = key.derive(LABEL_COMMIT, &header.random);
            verify_slices_are_equal(commitment.as_slice(), &header.commitment)
                .map_err(|aws_lc_rs::error::Unspecified| OpenError::Tampered)?;
            let key = derived(key, &header.random).ok_or(OpenError::Tampered)?;
            Ok(Self { tenant: sealer.tenant(), key, aad })
        })();
        opened.inspect_err(|error: &OpenError| {
            if error.is_tampering() {
                crate::keys::events::tampered(sealer.tenant(), "document_tampered");
            }
        })
    }

    /// Opens one stored segment where it lies, and says where in it the plaintext is.
    ///
    /// # Errors
    /// [`OpenError::Tampered`] when it was altered or stood elsewhere; a security event has been logged then, and what the
    /// segment holds means nothing.
    pub fn open_segment(
        &self,
        number: u32,
        position: Position,
        stored: &mut [u8],
    ) -> Result<Range<usize>, OpenError> {
        let opened = self.opened(number, position, stored);
        if opened.is_none() {
            crate::keys::events::tampered(self.tenant, "document_tampered");
        }
        opened.ok_or(OpenError::Tampered)
    }

    fn opened(&self, number: u32, position: Position, stored: &mut [u8]) -> Option<Range<usize>> {
        let (nonce, body) = stored.split_first_chunk_mut::<NONCE_LEN>()?;
        let aad = Aad::from(self.aad_of(number, position));
        let text = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), aad, body).ok()?;
        Some(NONCE_LEN..NONCE_LEN + text.len())
    }

    /// Seals the plaintext that `out` holds from `from` on: its first bytes there are left for the nonce.
    fn seal_tail(
        &self,
        (number, position): (u32, Position),
        nonce: [u8; NONCE_LEN],
        out: &mut Vec<u8>,
        from: usize,
    ) -> Result<(), SealError> {
        let (head, text) = out
            .get_mut(from..)
            .and_then(<[u8]>::split_first_chunk_mut::<NONCE_LEN>)
            .ok_or(SealError::Failed)?;
        *head = nonce;
        let aad = Aad::from(self.aad_of(number, position));
        let tag = self
            .key
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad, text)
            .map_err(|aws_lc_rs::error::Unspecified| SealError::Failed)?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    fn aad_of(&self, number: u32, position: Position) -> [u8; AAD_BYTES] {
        let mut aad = self.aad;
        let last = [u8::from(position == Position::Last)];
        let tail = number.to_be_bytes().into_iter().chain(last);
        aad.iter_mut().rev().zip(tail.rev()).for_each(|(to, from)| *to = from);
        aad
    }
}

fn aad(sealer: &Sealer, object: ObjectId, versions: KeyVersions) -> Result<[u8; AAD_BYTES], SealError> {
    const ZERO: [u8; 16] = [0; 16];
    let (tenant, subject) = (*sealer.tenant().as_bytes(), sealer.subject());
    if tenant == ZERO || subject == ZERO || *object.as_bytes() == ZERO {
        return Err(SealError::ZeroId);
    }
    let mut bytes = Vec::with_capacity(AAD_BYTES);
    bytes.extend_from_slice(b"HD1");
    bytes.push(SUITE_HMAC_SHA256_AES_256_GCM);
    bytes.push(sealer.cell().number());
    bytes.extend_from_slice(&tenant);
    bytes.extend_from_slice(object.as_bytes());
    bytes.extend_from_slice(&subject);
    bytes.extend_from_slice(&versions.tenant.to_be_bytes());
    bytes.extend_from_slice(&versions.subject.to_be_bytes());
    bytes.extend_from_slice(&[0; 5]);
    bytes.try_into().map_err(|_wrong_length: Vec<u8>| SealError::Failed)
}

fn derived(key: &ValueKey, random: &[u8; RANDOM_BYTES]) -> Option<LessSafeKey> {
    let key = key.derive(LABEL_ENCRYPT, random);
    UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
}

/// Sealed bytes of one part of an object: the only thing a part can be put from.
#[derive(Clone)]
pub struct SealedPart(pub(super) Bytes);

impl SealedPart {
    /// How many bytes are stored.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        self.0.len()
    }
}

/// Why a part could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// More came than the part has.
    #[error("the part is longer than it should be")]
    TooLong,
    /// Less came than the part has.
    #[error("the part is shorter than it should be")]
    TooShort,
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Takes the plaintext of one part in pieces of any length and seals it segment by segment into one buffer, which is all
/// the memory it needs.
pub struct PartSealer<'a> {
    cipher: &'a ObjectCipher,
    extent: Extent,
    segment: u32,
    /// Where the segment under way begins in `out`.
    from: usize,
    /// Plaintext bytes the part still needs.
    left: u64,
    /// Plaintext bytes the segment under way still needs.
    room: usize,
    out: Vec<u8>,
}

impl<'a> PartSealer<'a> {
    /// For part `number`, from 1, of an object of this extent; `None` when it has no such part.
    #[must_use]
    pub fn new(cipher: &'a ObjectCipher, extent: Extent, number: u16) -> Option<Self> {
        let (left, segment) = (extent.part_bytes(number)?, extent.part_segment(number)?);
        let mut sealer = Self {
            cipher,
            extent,
            segment,
            from: 0,
            left,
            room: 0,
            out: Vec::with_capacity(extent.part_stored_bytes(number)?),
        };
        sealer.begin();
        Some(sealer)
    }

    /// Plaintext bytes that are still missing.
    #[must_use]
    pub fn missing_bytes(&self) -> u64 {
        self.left
    }

    /// Takes the next bytes; how many of them belong to this part.
    ///
    /// # Errors
    /// [`PartError::Seal`].
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<usize, PartError> {
        let mut taken = 0;
        while self.left > 0 && !bytes.is_empty() {
            let fits = bytes.len().min(self.room);
            let (now, rest) = bytes.split_at_checked(fits).ok_or(SealError::Failed)?;
            self.out.extend_from_slice(now);
            bytes = rest;
            taken += fits;
            self.room -= fits;
            self.left = self.left.saturating_sub(u64::try_from(fits).unwrap_or(u64::MAX));
            if self.room == 0 {
                self.end()?;
            }
        }
        Ok(taken)
    }

    /// The sealed part.
    ///
    /// # Errors
    /// [`PartError::TooShort`] when bytes are missing.
    pub fn finish(mut self) -> Result<SealedPart, PartError> {
        if self.left > 0 {
            return Err(PartError::TooShort);
        }
        if self.extent.is_empty() {
            self.end()?;
        }
        Ok(SealedPart(Bytes::from(std::mem::take(&mut self.out))))
    }

    fn begin(&mut self) {
        self.from = self.out.len();
        self.room = self.extent.segment_bytes(self.segment);
        self.out.extend_from_slice(&[0; NONCE_LEN]);
    }

    fn end(&mut self) -> Result<(), PartError> {
        let place = (self.segment, self.extent.position(self.segment));
        self.cipher.seal_tail(place, regions::random::bytes(), &mut self.out, self.from)?;
        if self.left > 0 {
            self.segment = self.segment.saturating_add(1);
            self.begin();
        }
        Ok(())
    }
}

impl Drop for PartSealer<'_> {
    /// What was not sealed yet is wiped.
    fn drop(&mut self) {
        if let Some(tail) = self.out.get_mut(self.from..) {
            tail.zeroize();
        }
    }
}

#[cfg(test)]
#[path = "sealing_tests.rs"]
mod tests;
