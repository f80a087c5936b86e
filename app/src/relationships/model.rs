//! Kinds of ties, and what a caller's tie to a patient is called.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use super::tables::relationship;
use crate::access::ProxyScope;

/// What ties a party to a patient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tie {
    /// A member of the care team.
    Member,
    /// A site where the patient is registered.
    Site,
    /// The patient's own account.
    Subject,
    /// Somebody who stands in for the patient.
    Proxy,
    /// Staff in an emergency, for an hour at most.
    BreakGlass,
}

impl Tie {
    /// Every kind, an emergency last: whoever has another tie needs none.
    pub const ALL: [Tie; 5] = [Tie::Member, Tie::Site, Tie::Subject, Tie::Proxy, Tie::BreakGlass];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Tie::Member => "member",
            Tie::Site => "site",
            Tie::Subject => "subject",
            Tie::Proxy => "proxy",
            Tie::BreakGlass => "break_glass",
        }
    }

    /// The kind with this stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Tie> {
        Tie::ALL.into_iter().find(|tie| tie.as_str() == name)
    }
}

/// How somebody stands to one patient now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The kind of the tie.
    pub tie: Tie,
    /// What of the record was given to whoever stands in; everything to anybody else.
    pub scope: Vec<ProxyScope>,
    /// Until when; `None` until it is ended.
    pub until: Option<DateTime<Utc>>,
}

/// Row of `relationship`, as it is written.
#[derive(Insertable)]
#[diesel(table_name = relationship)]
pub struct NewTie {
    /// Id.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// The patient.
    pub patient_id: Uuid,
    /// An account, a program or a site.
    pub party_id: Uuid,
    /// The kind, as stored.
    pub kind: &'static str,
    /// Whether the patient was registered with it.
    pub founding: bool,
    /// From when on.
    pub valid_from: DateTime<Utc>,
    /// Until when; `None` until it is ended.
    pub valid_to: Option<DateTime<Utc>>,
    /// Now.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: Uuid,
    /// What of the record is given to whoever stands in, as stored; nothing with every other kind.
    pub scope: Vec<&'static str>,
}
