//! Blind indexes: keyed tags that find a sealed value by equality without revealing it to the database.
//!
//! An index is declared once, as a constant, with the kinds of value it is made of. Values that many people share
//! (names, years, single letters) may only be indexed together with a birth date or birth year: truncating tags does
//! not hide a frequency distribution, compounding does. [`check_registry`] refuses anything else, and
//! [`tag`] refuses values of other kinds than the index declares. Layout and vectors: `docs/crypto.md`.

use std::collections::BTreeSet;

use aws_lc_rs::{hkdf, hmac};
use zeroize::Zeroizing;

use crate::keys::{Purpose, TenantKey};

#[cfg(test)]
mod attack;
pub mod normalise;

#[cfg(test)]
mod tests;

pub use normalise::Normalised;

/// Length of a stored tag, in bytes.
pub const TAG_BYTES: usize = 16;
/// Most values one index is made of.
pub const FIELDS_MAX: usize = 4;

const SALT: &[u8] = b"hc1-bidx";

/// What a normalised value is, and therefore what may be indexed by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Medical record number: unique in a tenant.
    Mrn,
    /// Telephone number in E.164.
    Phone,
    /// E-mail address.
    Email,
    /// An identifier of some issuing system, such as an ABHA number or an insurance member id.
    Identifier,
    /// Family name (or the only name).
    LastName,
    /// Given name.
    FirstName,
    /// First letter of the given name.
    FirstInitial,
    /// The family name reduced to a skeleton of its sounds.
    NameSkeleton,
    /// Date of birth.
    BirthDate,
    /// Year of birth.
    BirthYear,
    /// Last four digits of a social security number: one of ten thousand.
    SsnLast4,
}

impl Field {
    /// Whether almost every person has another value, so that equality reveals next to nothing about a population.
    #[must_use]
    pub const fn is_high_entropy(self) -> bool {
        matches!(self, Self::Mrn | Self::Phone | Self::Email | Self::Identifier)
    }

    const fn is_name(self) -> bool {
        matches!(self, Self::LastName | Self::NameSkeleton)
    }
}

/// One blind index. A change of normalisation is a new index with a new number, never a change of an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// The index's number, given once and never reused.
    pub id: u32,
    /// The number of the table it finds rows of.
    pub table: u32,
    /// The number of the column it stands for (the first one of a compound).
    pub column: u32,
    /// The kinds of value a tag is made of, in this order.
    pub fields: &'static [Field],
}

impl Index {
    /// Declares an index. That it is a lawful one is checked by [`check_registry`], which every registry's test calls.
    #[must_use]
    pub const fn new(id: u32, table: u32, column: u32, fields: &'static [Field]) -> Self {
        Self { id, table, column, fields }
    }
}

/// Why a registry of indexes is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistryFault {
    /// An id, table or column number is zero.
    #[error("index {0}: a number is zero")]
    ZeroNumber(u32),
    /// Two indexes have the same number.
    #[error("index {0}: the number is used twice")]
    DuplicateId(u32),
    /// The index names no field, too many, or one twice.
    #[error("index {0}: no fields, too many, or one twice")]
    Fields(u32),
    /// The tags of the index would show how often a common value occurs.
    #[error(
        "index {0}: a value that many people share may only be indexed together with a birth date or year"
    )]
    LowEntropy(u32),
}

/// Accepts a registry only if no index in it can be attacked by counting how often values occur.
///
/// Lawful are: one value that is nearly unique; a family name (or its skeleton) with a birth date; a family name with
/// a first initial or first name and a birth year; a name skeleton with a birth year; the last four digits of a
/// number with a birth date.
///
/// # Errors
/// The first [`RegistryFault`].
pub fn check_registry(indexes: &[Index]) -> Result<(), RegistryFault> {
    let mut ids = BTreeSet::new();
    for index in indexes {
        if index.id == 0 || index.table == 0 || index.column == 0 {
            return Err(RegistryFault::ZeroNumber(index.id));
        }
        if !ids.insert(index.id) {
            return Err(RegistryFault::DuplicateId(index.id));
        }
        check_fields(index)?;
    }
    Ok(())
}

fn check_fields(index: &Index) -> Result<(), RegistryFault> {
    let fields: BTreeSet<Field> = index.fields.iter().copied().collect();
    if fields.is_empty() || fields.len() > FIELDS_MAX || fields.len() != index.fields.len() {
        return Err(RegistryFault::Fields(index.id));
    }
    let named = fields.iter().any(|field| field.is_name());
    let narrowed = fields.contains(&Field::FirstInitial) || fields.contains(&Field::FirstName);
    let lawful = fields.iter().any(|field| field.is_high_entropy())
        || (fields.contains(&Field::BirthDate) && (named || fields.contains(&Field::SsnLast4)))
        || (fields.contains(&Field::BirthYear) && named && narrowed)
        || (fields.contains(&Field::BirthYear) && fields.contains(&Field::NameSkeleton));
    if lawful { Ok(()) } else { Err(RegistryFault::LowEntropy(index.id)) }
}

/// Why no tag was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BlindError {
    /// The key is not a blind-index key.
    #[error("the key is not a blind-index key")]
    WrongKey,
    /// The values are not of the kinds the index declares, or not in that order.
    #[error("the values are not those the index is made of")]
    WrongFields,
    /// The index itself would leak.
    #[error(transparent)]
    Registry(#[from] RegistryFault),
    /// The cryptographic library refused the operation.
    #[error("the tag could not be computed")]
    Failed,
}

/// The tag of `values` in `index`, under a tenant's blind-index key: 128 bits that mean nothing in another tenant,
/// another index or under another key version.
///
/// # Errors
/// [`BlindError`]; none of them depends on a value's content.
pub fn tag(key: &TenantKey, index: &Index, values: &[&Normalised]) -> Result<[u8; TAG_BYTES], BlindError> {
    if key.purpose() != Purpose::BlindIndex {
        return Err(BlindError::WrongKey);
    }
    check_fields(index)?;
    if values.len() != index.fields.len()
        || values.iter().zip(index.fields).any(|(value, field)| value.field() != *field)
    {
        return Err(BlindError::WrongFields);
    }
    tag_bytes(key.bytes(), index, values).ok_or(BlindError::Failed)
}

/// `HMAC-SHA256(HKDF-SHA256(ikm = key, salt = "hc1-bidx", info = table | column | index), message)[..16]`.
fn tag_bytes(key: &[u8; 32], index: &Index, values: &[&Normalised]) -> Option<[u8; TAG_BYTES]> {
    let mut info = [0_u8; 12];
    let numbers = [index.table, index.column, index.id];
    for (to, from) in info.iter_mut().zip(numbers.iter().flat_map(|number| number.to_be_bytes())) {
        *to = from;
    }
    let mut index_key = Zeroizing::new([0_u8; 32]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, SALT)
        .extract(key)
        .expand(&[&info], hkdf::HKDF_SHA256)
        .ok()?
        .fill(index_key.as_mut_slice())
        .ok()?;
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, index_key.as_slice()));
    for value in values {
        let length = u32::try_from(value.as_bytes().len()).ok()?;
        context.update(&length.to_be_bytes());
        context.update(value.as_bytes());
    }
    context.sign().as_ref().first_chunk::<TAG_BYTES>().copied()
}
