//! Ids of sites.

use crate::opaque_id::opaque_id;

opaque_id!(
    /// A site's id in the API: `site_` and 26 characters.
    SiteId,
    "site_"
);
