//! Ids of staff accounts.

use std::fmt;

use uuid::Uuid;

/// Prefix of an account id in the API.
const ID_PREFIX: &str = "stf_";

/// A staff account's id in the API: `stf_` and 26 characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AccountId([u8; 16]);

impl AccountId {
    /// The id in its API form; anything else is nobody's id.
    #[must_use]
    pub fn parse(text: &str) -> Option<AccountId> {
        text.strip_prefix(ID_PREFIX).and_then(regions::text::decode_id).map(AccountId)
    }

    /// The id's bytes.
    #[must_use]
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The id as PostgreSQL sees it.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        Uuid::from_bytes(self.0)
    }
}

impl From<Uuid> for AccountId {
    fn from(id: Uuid) -> AccountId {
        AccountId(id.into_bytes())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ID_PREFIX}{}", regions::text::encode_id(&self.0))
    }
}
