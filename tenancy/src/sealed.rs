//! The types that carry patient data and its sealed form, and the sealer that turns one into the other.

use std::sync::Arc;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Binary;
use regions::ids::TenantId;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

use crate::envelope::{self, Cell, KeyVersions, Place, ValueKey};
pub use crate::envelope::{OpenError, SealError};

mod rows;

pub(crate) use rows::RowKeys;
pub use rows::{ROW_MAC_BYTES, RowFacts, RowMac, RowMacs, SealedRow, Verified, tags_digest};

/// Whether the length of a value is hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// ISO 7816-4 padding to length buckets; the rule for every field.
    Buckets,
    /// None; only for document segments, whose length is public anyway.
    None,
}

/// A sealed column, by numbers that are given once and never reused.
///
/// Names may change and schemas may be copied; the numbers are what a value is bound to. Tables 1 to 99 belong to
/// this crate; the product's tables start at 100. Zero is refused when sealing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Column {
    table: u32,
    column: u32,
    unpadded: u8,
}

impl Column {
    /// Column `column` of table `table`, padded.
    #[must_use]
    pub const fn new(table: u32, column: u32) -> Self {
        Self { table, column, unpadded: 0 }
    }

    /// A column whose values are stored without padding: document segments.
    #[must_use]
    pub const fn unpadded(table: u32, column: u32) -> Self {
        Self { table, column, unpadded: 1 }
    }

    /// The table's number.
    #[must_use]
    pub const fn table(self) -> u32 {
        self.table
    }

    /// The column's number within the table.
    #[must_use]
    pub const fn column(self) -> u32 {
        self.column
    }

    /// Whether lengths are hidden.
    #[must_use]
    pub const fn padding(self) -> Padding {
        if self.unpadded == 0 { Padding::Buckets } else { Padding::None }
    }
}

/// Stored bytes of a sealed value: what PostgreSQL and S3 get to see. Its `Debug` shows the length only.
#[derive(Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Bytes read from a store. They prove nothing until they are opened.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes to store, owned.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl ToSql<Binary, Pg> for Sealed {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Binary, Pg>::to_sql(self.0.as_slice(), out)
    }
}

impl FromSql<Binary, Pg> for Sealed {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        <Vec<u8> as FromSql<Binary, Pg>>::from_sql(bytes).map(Self)
    }
}

/// A value about a person, in clear. It does not print, log or serialize: reading it takes a visible [`Phi::expose`].
///
/// ```compile_fail
/// let name = tenancy::sealed::Phi::new(String::from("Asha"));
/// println!("{name:?}");
/// ```
/// ```compile_fail
/// let name = tenancy::sealed::Phi::new(String::from("Asha"));
/// println!("{name}");
/// ```
/// ```compile_fail
/// let name = tenancy::sealed::Phi::new(String::from("Asha"));
/// serde_json::to_string(&name).unwrap();
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Phi<T>(T);

impl<T> Phi<T> {
    /// Wraps a value as soon as it enters the program.
    #[must_use]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value. Each call is a place to look at in review.
    #[must_use]
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, owned.
    #[must_use]
    pub fn into_exposed(self) -> T {
        self.0
    }

    /// Applies `change` without leaving the wrapper.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Phi<U> {
        Phi(change(self.0))
    }
}

/// Requests carry patient data in, so it can be read from a body; there is no way to serialize it back by accident.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Phi<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// One version of a key that seals values.
pub(crate) struct SealingKey {
    /// Subject key version, or tenant key version when the tenant key itself seals.
    pub(crate) version: u32,
    /// The key.
    pub(crate) key: ValueKey,
}

/// Which of the two versions in a header chooses the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealedBy {
    /// The tenant key; the header's subject version is 0.
    Tenant,
    /// The subject's key.
    Subject,
}

/// The keys of one sealer: the version that seals first, then those that may still open.
pub(crate) struct SealerKeys {
    pub(crate) cell: Cell,
    pub(crate) tenant: TenantId,
    pub(crate) subject: [u8; 16],
    pub(crate) by: SealedBy,
    pub(crate) active: KeyVersions,
    pub(crate) keys: Vec<SealingKey>,
}

/// Seals and opens values of one tenant about one subject. Cheap to clone; holds the keys until dropped.
#[derive(Clone)]
pub struct Sealer(Arc<SealerKeys>);

impl Sealer {
    pub(crate) fn new(keys: SealerKeys) -> Self {
        Self(Arc::new(keys))
    }

    /// The tenant whose values this seals.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// The subject the values are about; the tenant's own id for values about nobody.
    #[must_use]
    pub fn subject(&self) -> [u8; 16] {
        self.0.subject
    }

    pub(crate) fn versions(&self) -> usize {
        self.0.keys.len()
    }

    fn place(&self, column: Column, row: [u8; 16]) -> Place {
        Place { cell: self.0.cell, tenant: *self.0.tenant.as_bytes(), column, row, subject: self.0.subject }
    }

    pub(crate) fn cell(&self) -> Cell {
        self.0.cell
    }

    /// The versions that seal.
    pub(crate) fn active(&self) -> KeyVersions {
        self.0.active
    }

    pub(crate) fn key(&self, versions: KeyVersions) -> Result<&ValueKey, OpenError> {
        let wanted = match self.0.by {
            SealedBy::Tenant if versions.subject != 0 => return Err(OpenError::Tampered),
            SealedBy::Subject if versions.subject == 0 => return Err(OpenError::Tampered),
            SealedBy::Tenant => versions.tenant,
            SealedBy::Subject => u32::from(versions.subject),
        };
        self.0.keys.iter().find(|key| key.version == wanted).map(|key| &key.key).ok_or(OpenError::KeyVersion)
    }

    /// Seals `plaintext` for a column of a row. Two calls with the same text give different bytes.
    ///
    /// # Errors
    /// [`SealError`] for a zero id or more than [`envelope::PLAINTEXT_BYTES_MAX`] bytes.
    pub fn seal(&self, column: Column, row: [u8; 16], plaintext: &[u8]) -> Result<Sealed, SealError> {
        let key = self.key(self.0.active).map_err(|_cause: OpenError| SealError::Failed)?;
        envelope::seal(key, &self.place(column, row), self.0.active, plaintext).map(Sealed)
    }

    /// Opens bytes that were sealed for this column of this row.
    ///
    /// # Errors
    /// [`OpenError`]; where [`OpenError::is_tampering`] holds, a security event has been logged.
    pub fn open(
        &self,
        column: Column,
        row: [u8; 16],
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let opened = envelope::parse(sealed.as_bytes()).and_then(|parsed| {
            let key = self.key(parsed.versions)?;
            envelope::open(key, &self.place(column, row), &parsed)
        });
        if opened.as_ref().is_err_and(|error| error.is_tampering()) {
            crate::keys::events::tampered(self.0.tenant, "sealed_value_tampered");
        }
        opened
    }
}
