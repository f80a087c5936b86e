//! Ids of sites.

use std::fmt;

use uuid::Uuid;

/// Prefix of a site's id in the API.
const ID_PREFIX: &str = "site_";

/// A site's id in the API: `site_` and 26 characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteId([u8; 16]);

impl SiteId {
    /// The id in its API form; anything else is nobody's id.
    #[must_use]
    pub fn parse(text: &str) -> Option<SiteId> {
        text.strip_prefix(ID_PREFIX).and_then(regions::text::decode_id).map(SiteId)
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

impl From<Uuid> for SiteId {
    fn from(id: Uuid) -> SiteId {
        SiteId(id.into_bytes())
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ID_PREFIX}{}", regions::text::encode_id(&self.0))
    }
}
