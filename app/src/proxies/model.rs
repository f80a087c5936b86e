//! What is known of somebody who stands in for a patient: the id, what is sealed, and the row it is kept in.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::sealed::Sealed;
use utoipa::ToSchema;
use uuid::Uuid;

use super::tables::proxy;
use crate::access::ProxyScope;
use crate::opaque_id::opaque_id;

opaque_id!(
    /// The id of somebody's standing in, in the API; it is the tie's. It begins with the time it was recorded, so ids are in that
    /// order.
    ProxyId,
    "prx_",
    ordered
);

/// Why somebody stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProxyKind)]
pub enum Kind {
    /// A parent of a minor.
    Parent,
    /// A guardian, by law or by a court.
    Guardian,
    /// Whom an adult named to act for them, or a court did: a nominee, a personal representative.
    Nominee,
}

/// What was shown for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProxyProofKind)]
pub enum ProofKind {
    /// A certificate of birth or adoption.
    BirthCertificate,
    /// An order of a court or an authority.
    CourtOrder,
    /// A power of attorney.
    PowerOfAttorney,
    /// The patient's own nomination, in writing or in person.
    Nomination,
    /// A paper that shows who both are, such as a passport or a family card.
    IdentityDocument,
    /// Something else; the reference says what.
    Other,
}

/// A proof that somebody of the clinic has seen. It does not print.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProxyProof)]
pub struct Proof {
    /// What kind of paper it was.
    pub kind: ProofKind,
    /// How it is found again: a number, an office, a date; up to 200 characters.
    pub reference: String,
}

/// Where a standing in is, by its dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProxyState)]
pub enum State {
    /// It has not begun.
    Coming,
    /// It holds.
    Current,
    /// It is over.
    Ended,
}

/// What is sealed of somebody who stands in, under the patient's key. It does not print.
#[derive(Serialize, Deserialize)]
pub struct Content {
    /// Why.
    pub kind: Kind,
    /// The name, as it was said and shown at the desk.
    pub name: String,
    /// The e-mail address they sign in with.
    pub email: String,
    /// What was shown.
    pub proof: Proof,
    /// What of the record they were given.
    pub scope: Vec<ProxyScope>,
    /// Their account.
    pub account: Uuid,
    /// When it begins, in microseconds since 1970.
    pub from_us: i64,
    /// When it ends at the latest, in microseconds since 1970.
    pub until_us: i64,
    /// The account that recorded it.
    pub recorded_by: Uuid,
    /// When, in microseconds since 1970.
    pub recorded_us: i64,
}

/// A row, as it is written and read. Rows are never changed; what ends is the tie.
#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = proxy)]
pub struct ProxyRow {
    /// Id, which is the tie's.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// For whom.
    pub patient_id: Uuid,
    /// When it was recorded.
    pub recorded_at: DateTime<Utc>,
    /// [`Content`], sealed under the patient's key.
    pub content: Sealed,
}

/// The tie of a row, as it is in clear.
#[derive(Debug, Queryable)]
pub struct TieRow {
    /// The account.
    pub account: Uuid,
    /// The stored names of what was given.
    pub scope: Vec<String>,
    /// Since when.
    pub valid_from: DateTime<Utc>,
    /// Until when.
    pub valid_to: Option<DateTime<Utc>>,
}

impl TieRow {
    /// Whether this is the tie that was sealed; one that was ended since ends earlier.
    #[must_use]
    pub fn is_of(&self, content: &Content) -> bool {
        let scope = content.scope.iter().map(|scope| scope.as_str());
        let ends_in_time = self.valid_to.is_some_and(|at| at.timestamp_micros() <= content.until_us);
        self.account == content.account
            && self.scope.iter().map(String::as_str).eq(scope)
            && self.valid_from.timestamp_micros() == content.from_us
            && ends_in_time
    }

    /// Where it is at a moment.
    #[must_use]
    pub fn state(&self, now: DateTime<Utc>) -> State {
        if self.valid_to.is_none_or(|at| at <= now.max(self.valid_from)) {
            State::Ended
        } else if self.valid_from > now {
            State::Coming
        } else {
            State::Current
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn a_tie_is_coming_current_or_over_and_none_at_all_once_it_ended_before_it_began() {
        let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        let tie = |from: i64, to: Option<i64>| TieRow {
            account: Uuid::nil(),
            scope: Vec::new(),
            valid_from: now + TimeDelta::seconds(from),
            valid_to: to.map(|to| now + TimeDelta::seconds(to)),
        };
        for (from, to, state) in [
            (-1, Some(1), State::Current),
            (0, Some(1), State::Current),
            (-1, Some(0), State::Ended),
            (1, Some(2), State::Coming),
            (1, Some(1), State::Ended),
            (-1, None, State::Ended),
        ] {
            assert_eq!(tie(from, to).state(now), state, "{from} {to:?}");
        }
    }
}
