//! What the areas' queries share: how they fail, and how a value is sealed and opened as JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tenancy::TxError;
use tenancy::envelope::{OpenError, SealError};
use tenancy::keys::KeyError;
use tenancy::sealed::{Column, RowMacs, Sealed, Sealer};
use zeroize::Zeroizing;

/// Why a query failed. It knows nothing of HTTP, and no variant prints a value.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The transaction or a statement failed.
    #[error(transparent)]
    Tx(#[from] TxError),
    /// A key could not be had.
    #[error("a key is not available")]
    Keys(KeyError),
    /// A value could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A stored value could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A stored value was opened but is not of the form this version knows.
    #[error("a stored value does not have the expected form")]
    Shape,
    /// A tag could not be computed.
    #[error("a tag could not be computed")]
    Tag,
}

impl From<diesel::result::Error> for StoreError {
    fn from(error: diesel::result::Error) -> StoreError {
        StoreError::Tx(TxError::from(error))
    }
}

impl From<KeyError> for StoreError {
    fn from(error: KeyError) -> StoreError {
        StoreError::Keys(error)
    }
}

impl StoreError {
    /// Whether a unique constraint refused the change.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        use diesel::result::{DatabaseErrorKind, Error};
        matches!(
            self,
            StoreError::Tx(TxError::Db(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)))
        )
    }
}

/// What the values of a row are sealed and opened with, and its MAC made and checked.
pub struct Sealing<'a> {
    /// The patient's own key, or the clinic's.
    pub sealer: &'a Sealer,
    /// The clinic's row MACs.
    pub macs: &'a RowMacs,
}

/// Seals a value's JSON for a column of a row.
///
/// # Errors
/// When the value is too long or the library refuses.
pub fn seal<T: Serialize>(
    sealer: &Sealer,
    column: Column,
    row: [u8; 16],
    value: &T,
) -> Result<Sealed, StoreError> {
    let json = Zeroizing::new(serde_json::to_vec(value).map_err(|_unreachable| StoreError::Shape)?);
    Ok(sealer.seal(column, row, &json)?)
}

/// Seals a stored value anew, under the sealer's present key, without a look at what it says.
///
/// # Errors
/// When the bytes were altered or moved, or the key is not there.
pub fn renew(sealer: &Sealer, column: Column, row: [u8; 16], sealed: &Sealed) -> Result<Sealed, StoreError> {
    let plaintext = sealer.open(column, row, sealed)?;
    Ok(sealer.seal(column, row, &plaintext)?)
}

/// Opens a value that [`seal`] made.
///
/// # Errors
/// When the bytes were altered or moved, or are of another form.
pub fn open<T: DeserializeOwned>(
    sealer: &Sealer,
    column: Column,
    row: [u8; 16],
    sealed: &Sealed,
) -> Result<T, StoreError> {
    let json = sealer.open(column, row, sealed)?;
    serde_json::from_slice(&json).map_err(|_quotes_the_value| StoreError::Shape)
}
