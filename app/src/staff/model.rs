//! Ids of staff accounts.

use std::fmt;

use uuid::Uuid;

/// A staff account's id in the API: `stf_` and 26 characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccountId([u8; 16]);

impl From<Uuid> for AccountId {
    fn from(id: Uuid) -> AccountId {
        AccountId(id.into_bytes())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stf_{}", regions::text::encode_id(&self.0))
    }
}
