//! The stored form of a sealed value, `HC1`: key derivation, commitment, associated data, padding and a total parser.
//!
//! The byte layout and the test vectors are in `docs/crypto.md`; this file and that page change together. Integers
//! are big-endian. Nothing here performs I/O and nothing here knows what a value means.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use regions::region::RegionName;
use zeroize::Zeroizing;

use crate::sealed::{Column, Padding};

pub(crate) mod fresh;
#[cfg(test)]
mod tests;

/// The only format version there is.
pub const FORMAT_VERSION: u8 = 1;
/// Suite 1: HMAC-SHA256 key derivation and commitment, AES-256-GCM, ISO 7816-4 padding. Suites 2 and 3 are reserved.
pub const SUITE_HMAC_SHA256_AES_256_GCM: u8 = 1;
/// Longest plaintext of one sealed value, in bytes. Documents are sealed in segments below this.
pub const PLAINTEXT_BYTES_MAX: usize = 1_048_576;
/// What sealing adds to the padded text, in bytes.
pub const OVERHEAD_BYTES: usize = HEADER_BYTES + TAG_BYTES;

const HEADER_BYTES: usize = 65;
const TAG_BYTES: usize = 16;
const RANDOM_BYTES: usize = 24;
const COMMITMENT_BYTES: usize = 32;
const AAD_BYTES: usize = 67;
const PAD_BYTES_MIN: usize = 32;
const PAD_DOUBLING_BYTES_MAX: usize = 65_536;
const PAD_MARK: u8 = 0x80;
const LABEL_ENCRYPT: &[u8] = b"\x01hc1-enc";
const LABEL_COMMIT: &[u8] = b"\x02hc1-cmt";

/// Why a value could not be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The tenant, table, column, row or subject id is all zeros, so the value would be bound to nothing.
    #[error("a zero id cannot be sealed to")]
    ZeroId,
    /// The plaintext is longer than [`PLAINTEXT_BYTES_MAX`].
    #[error("the value is too long to be sealed in one piece")]
    TooLong,
    /// The random generator gave a value that was just used; nothing was sealed with it.
    #[error("the random generator repeats itself")]
    RandomRepeats,
    /// The cryptographic library refused the operation, which only a defect in it or here can cause.
    #[error("sealing failed")]
    Failed,
}

/// Why stored bytes could not be opened. No variant carries content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Too short, too long or not of a possible length.
    #[error("the sealed bytes are malformed")]
    Malformed,
    /// Written by a format this program does not know; never guessed at.
    #[error("unknown envelope version {0}")]
    UnknownVersion(u8),
    /// Written by a suite this program does not know; never guessed at.
    #[error("unknown envelope suite {0}")]
    UnknownSuite(u8),
    /// A flag is set that this version does not define.
    #[error("unknown envelope flags {0}")]
    UnknownFlags(u8),
    /// Sealed under a key version that is not (or no longer) available for opening.
    #[error("sealed under an unavailable key version")]
    KeyVersion,
    /// The tenant, table, column, row or subject id asked for is all zeros.
    #[error("a zero id cannot be opened")]
    ZeroId,
    /// The bytes were altered, moved from another place, or belong to another key: a security event.
    #[error("the sealed bytes do not belong here")]
    Tampered,
}

impl OpenError {
    /// Whether this means that stored bytes were altered or moved, which is a security event and not a fault.
    #[must_use]
    pub fn is_tampering(self) -> bool {
        !matches!(self, Self::ZeroId | Self::KeyVersion)
    }
}

/// The number of a region inside the associated data. Numbers are given once and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell(u8);

/// Every region that may ever hold sealed data. Append only: a changed number makes stored data unreadable.
const CELLS: &[(&str, u8)] = &[
    ("us-east-1", 1),
    ("ap-south-1", 2),
    ("us-east-2", 3),
    ("us-west-2", 4),
    ("ap-south-2", 5),
    ("us-west-1", 6),
    ("ca-central-1", 7),
    ("ca-west-1", 8),
    ("eu-west-1", 9),
    ("eu-west-2", 10),
    ("eu-west-3", 11),
    ("eu-central-1", 12),
    ("eu-central-2", 13),
    ("eu-north-1", 14),
    ("eu-south-1", 15),
    ("eu-south-2", 16),
    ("ap-southeast-1", 17),
    ("ap-southeast-2", 18),
    ("ap-southeast-3", 19),
    ("ap-southeast-4", 20),
    ("ap-northeast-1", 21),
    ("ap-northeast-2", 22),
    ("ap-northeast-3", 23),
    ("ap-east-1", 24),
    ("sa-east-1", 25),
    ("me-south-1", 26),
    ("me-central-1", 27),
    ("il-central-1", 28),
    ("af-south-1", 29),
    ("mx-central-1", 30),
    ("ap-southeast-5", 31),
    ("ap-southeast-7", 32),
];

impl Cell {
    /// The number of a region, or nothing for a region that has none yet; such a region is refused at boot.
    #[must_use]
    pub fn of(region: RegionName) -> Option<Self> {
        CELLS.iter().find(|(name, _)| *name == region.as_str()).map(|(_, number)| Self(*number))
    }

    /// The number that goes into the associated data.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }
}

/// The place a value belongs to. It is not stored; opening rebuilds it, so a moved value does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub cell: Cell,
    /// The tenant.
    pub tenant: [u8; 16],
    /// Table and column, by number.
    pub column: Column,
    /// The row.
    pub row: [u8; 16],
    /// The person the value is about; the tenant's own id for what is about nobody.
    pub subject: [u8; 16],
}

impl Place {
    fn has_zero_id(&self) -> bool {
        const ZERO: [u8; 16] = [0; 16];
        self.cell.0 == 0
            || self.tenant == ZERO
            || self.column.table() == 0
            || self.column.column() == 0
            || self.row == ZERO
            || self.subject == ZERO
    }

    fn aad(&self, suite: u8, versions: KeyVersions) -> Result<[u8; AAD_BYTES], SealError> {
        let mut bytes = Vec::with_capacity(AAD_BYTES);
        bytes.extend_from_slice(b"HC1");
        bytes.push(suite);
        bytes.push(self.cell.0);
        bytes.extend_from_slice(&self.tenant);
        bytes.extend_from_slice(&self.column.table().to_be_bytes());
        bytes.extend_from_slice(&self.column.column().to_be_bytes());
        bytes.extend_from_slice(&self.row);
        bytes.extend_from_slice(&self.subject);
        bytes.extend_from_slice(&versions.tenant.to_be_bytes());
        bytes.extend_from_slice(&versions.subject.to_be_bytes());
        bytes.try_into().map_err(|_wrong_length: Vec<u8>| SealError::Failed)
    }
}

/// The key versions a value was sealed under; they are stored in clear and authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyVersions {
    /// Version of the tenant key that wraps the subject key, or that sealed the value itself.
    pub tenant: u32,
    /// Version of the subject key; 0 means that the tenant key itself sealed the value.
    pub subject: u16,
}

/// A 256-bit key from which the keys of single values are derived. It has no `Debug` and cannot be copied out.
pub struct ValueKey(hmac::Key);

impl ValueKey {
    /// Takes over key bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    pub(crate) fn derive(&self, label: &[u8], random: &[u8; RANDOM_BYTES]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(label);
        context.update(random);
        let tag = context.sign();
        let mut key = Zeroizing::new([0_u8; 32]);
        for (to, from) in key.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        key
    }

    fn aead(&self, random: &[u8; RANDOM_BYTES]) -> Option<LessSafeKey> {
        let key = self.derive(LABEL_ENCRYPT, random);
        UnboundKey::new(&AES_256_GCM, key.as_slice()).ok().map(LessSafeKey::new)
    }
}

/// The parts of stored bytes. Parsing is total: any input gives parts or an [`OpenError`].
#[derive(Debug, Clone, Copy)]
pub struct Parsed<'a> {
    /// Key versions named in the header.
    pub versions: KeyVersions,
    random: &'a [u8; RANDOM_BYTES],
    commitment: &'a [u8; COMMITMENT_BYTES],
    body: &'a [u8],
}

/// Reads the header without touching any key.
///
/// # Errors
/// The format errors of [`OpenError`].
pub fn parse(stored: &[u8]) -> Result<Parsed<'_>, OpenError> {
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
    let (commitment, body) = rest.split_first_chunk::<COMMITMENT_BYTES>().ok_or(OpenError::Malformed)?;
    if body.len() < TAG_BYTES || body.len() > padded_len(PLAINTEXT_BYTES_MAX) + TAG_BYTES {
        return Err(OpenError::Malformed);
    }
    let versions = KeyVersions { tenant: u32::from_be_bytes(*tenant), subject: u16::from_be_bytes(*subject) };
    Ok(Parsed { versions, random, commitment, body })
}

/// Seals `plaintext` for `place` under a fresh random value.
///
/// # Errors
/// [`SealError`] for a zero id, an oversized plaintext or a generator that repeats itself.
pub fn seal(
    key: &ValueKey,
    place: &Place,
    versions: KeyVersions,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    seal_with(key, place, versions, plaintext, &fresh::random(regions::random::bytes)?)
}

/// The deterministic part of [`seal`], which the test vectors pin.
fn seal_with(
    key: &ValueKey,
    place: &Place,
    versions: KeyVersions,
    plaintext: &[u8],
    random: &[u8; RANDOM_BYTES],
) -> Result<Vec<u8>, SealError> {
    if place.has_zero_id() {
        return Err(SealError::ZeroId);
    }
    if plaintext.len() > PLAINTEXT_BYTES_MAX {
        return Err(SealError::TooLong);
    }
    let aad = place.aad(SUITE_HMAC_SHA256_AES_256_GCM, versions)?;
    let mut body = padded(plaintext, place.column.padding());
    let aead = key.aead(random).ok_or(SealError::Failed)?;
    let tag = aead
        .seal_in_place_separate_tag(nonce(random), Aad::from(aad), &mut body)
        .map_err(|aws_lc_rs::error::Unspecified| SealError::Failed)?;
    let mut stored = Vec::with_capacity(OVERHEAD_BYTES + body.len());
    stored.extend_from_slice(&[FORMAT_VERSION, SUITE_HMAC_SHA256_AES_256_GCM, 0]);
    stored.extend_from_slice(&versions.tenant.to_be_bytes());
    stored.extend_from_slice(&versions.subject.to_be_bytes());
    stored.extend_from_slice(random);
    stored.extend_from_slice(key.derive(LABEL_COMMIT, random).as_slice());
    stored.extend_from_slice(&body);
    stored.extend_from_slice(tag.as_ref());
    Ok(stored)
}

/// Opens parsed bytes at `place`. The commitment is checked in constant time before the AEAD sees anything.
///
/// # Errors
/// [`OpenError::ZeroId`] before any key work, else [`OpenError::Tampered`]; never a partial plaintext.
pub fn open(key: &ValueKey, place: &Place, parsed: &Parsed<'_>) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    if place.has_zero_id() {
        return Err(OpenError::ZeroId);
    }
    let commitment = key.derive(LABEL_COMMIT, parsed.random);
    verify_slices_are_equal(commitment.as_slice(), parsed.commitment)
        .map_err(|aws_lc_rs::error::Unspecified| OpenError::Tampered)?;
    let aad = place
        .aad(SUITE_HMAC_SHA256_AES_256_GCM, parsed.versions)
        .map_err(|_cause: SealError| OpenError::Malformed)?;
    let aead = key.aead(parsed.random).ok_or(OpenError::Tampered)?;
    let mut body = Zeroizing::new(parsed.body.to_vec());
    let padded_bytes = aead
        .open_in_place(nonce(parsed.random), Aad::from(aad), &mut body)
        .map_err(|aws_lc_rs::error::Unspecified| OpenError::Tampered)?
        .len();
    body.truncate(padded_bytes);
    let length = unpadded_len(&body, place.column.padding()).ok_or(OpenError::Tampered)?;
    body.truncate(length);
    Ok(body)
}

/// The last 12 of the 24 random bytes. The AEAD key is derived from all 24, so it is used for one message only.
fn nonce(random: &[u8; RANDOM_BYTES]) -> Nonce {
    let mut bytes = [0_u8; 12];
    for (to, from) in bytes.iter_mut().zip(random.iter().skip(12)) {
        *to = *from;
    }
    Nonce::assume_unique_for_key(bytes)
}

/// The bucket of a text: the length plus the mark, up to 32, 64, 128 … 65,536, then the next multiple of 65,536 bytes.
fn padded_len(text_bytes: usize) -> usize {
    let needed = text_bytes.saturating_add(1);
    if needed <= PAD_DOUBLING_BYTES_MAX {
        needed.next_power_of_two().max(PAD_BYTES_MIN)
    } else {
        needed.div_ceil(PAD_DOUBLING_BYTES_MAX).saturating_mul(PAD_DOUBLING_BYTES_MAX)
    }
}

fn padded(plaintext: &[u8], padding: Padding) -> Zeroizing<Vec<u8>> {
    let capacity = padded_len(plaintext.len()) + TAG_BYTES;
    let mut text = Zeroizing::new(Vec::with_capacity(capacity));
    text.extend_from_slice(plaintext);
    if padding == Padding::Buckets {
        text.push(PAD_MARK);
        text.resize(padded_len(plaintext.len()), 0);
    }
    text
}

/// The length before padding, or nothing if the padding is not the one [`padded`] makes.
fn unpadded_len(text: &[u8], padding: Padding) -> Option<usize> {
    if padding == Padding::None {
        return Some(text.len());
    }
    let length = text.iter().rposition(|byte| *byte != 0)?;
    (text.get(length) == Some(&PAD_MARK) && padded_len(length) == text.len()).then_some(length)
}
