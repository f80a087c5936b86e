//! Who a transaction acts for and how far that reaches: part of the proved context, read by row security.
//!
//! This crate does not know what a subject is to a clinic. It knows that rows about one carry its id, that ties bind
//! subjects to parties for a time, and that a transaction sees the rows of those it is tied to.

use uuid::Uuid;

/// Which subjects' rows a transaction sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nobody's: before it is known who asks, and for those whose work is not about subjects.
    Nobody,
    /// Those that the actor is tied to.
    Ties,
    /// Those that one of the actor's sites is tied to.
    Sites,
    /// All of the tenant: the platform's own jobs, and those who answer for everybody.
    Everyone,
}

impl Reach {
    /// The word in the context; row security compares with it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reach::Nobody => "nobody",
            Reach::Ties => "ties",
            Reach::Sites => "sites",
            Reach::Everyone => "everyone",
        }
    }
}

/// Who a transaction acts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// How far it reaches.
    pub reach: Reach,
    /// The acting principal; zeros when there is none.
    pub actor: [u8; 16],
    /// The time that dated ties are judged by, in microseconds since 1970: as exact as the database keeps a time.
    pub at_us: i64,
}

impl Caller {
    /// The platform's own work, which reaches everyone.
    #[must_use]
    pub const fn system(at_us: i64) -> Caller {
        Caller { reach: Reach::Everyone, actor: [0; 16], at_us }
    }

    /// Nobody yet.
    #[must_use]
    pub const fn nobody(at_us: i64) -> Caller {
        Caller { reach: Reach::Nobody, actor: [0; 16], at_us }
    }

    /// The caller's part of a context: `<reach>.<actor>.<at>`.
    pub(crate) fn text(&self) -> String {
        format!("{}.{}.{}", self.reach.as_str(), Uuid::from_bytes(self.actor), self.at_us)
    }
}
