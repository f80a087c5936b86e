//! Ids of staff accounts.

use crate::opaque_id::opaque_id;

opaque_id!(
    /// A staff account's id in the API: `stf_` and 26 characters.
    AccountId,
    "stf_"
);
