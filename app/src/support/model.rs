//! The rows, ids and states of support grants.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use tenancy::audit::{ActorKind, AuditEntry, Outcome, Purpose};
use tenancy::sealed::Sealed;
use utoipa::ToSchema;
use uuid::Uuid;

use super::tables::{support_grant, support_look};
use super::wire::GrantReport;
use crate::opaque_id::opaque_id;

/// Shortest grant, in minutes.
pub const MINUTES_MIN: i32 = 15;
/// Longest grant, in minutes: a working day.
pub const MINUTES_MAX: i32 = 480;
/// Fewest characters of the reason: a sentence, not a full stop.
pub const REASON_MIN_CHARS: usize = 10;
/// Most characters of the reason.
pub const REASON_MAX_CHARS: usize = 500;
/// Most looks under one grant.
pub const LOOKS_MAX: i64 = 60;
/// Hours after which a grant that nobody answered ends.
pub const UNANSWERED_H: i64 = 72;

opaque_id!(
    /// A grant's id in both APIs; the same in the region and in the control plane.
    GrantId,
    "sup_"
);
opaque_id!(
    /// A look's id in the platform API.
    LookId,
    "look_"
);
opaque_id!(
    /// Somebody of the platform, as a clinic is shown them.
    PlatformPersonId,
    "plat_"
);

/// Where a grant is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SupportGrantState)]
pub enum GrantState {
    /// Support asked; the clinic has not answered.
    Asked,
    /// The clinic's administrator approved it.
    Approved,
    /// The clinic's administrator refused it.
    Refused,
    /// Somebody ended it, or its time is over.
    Ended,
}

impl GrantState {
    const ALL: [GrantState; 4] =
        [GrantState::Asked, GrantState::Approved, GrantState::Refused, GrantState::Ended];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            GrantState::Asked => "asked",
            GrantState::Approved => "approved",
            GrantState::Refused => "refused",
            GrantState::Ended => "ended",
        }
    }

    /// What a stored word means.
    #[must_use]
    pub fn parse(word: &str) -> Option<GrantState> {
        GrantState::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether nothing can come of it any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            GrantState::Asked | GrantState::Approved => false,
            GrantState::Refused | GrantState::Ended => true,
        }
    }
}

/// Who asks and why, as it is sealed.
#[derive(Serialize, Deserialize)]
pub struct Said {
    /// The name they sign in with at the platform.
    pub login: String,
    /// Why, in words.
    pub reason: String,
}

/// A grant, as it is stored.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = support_grant, treat_none_as_default_value = false)]
pub struct GrantRow {
    /// Id.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// Who of the platform asks.
    pub asked_by: Uuid,
    /// [`Said`], sealed under the clinic's key.
    pub said_sealed: Sealed,
    /// How long it lasts once it is approved.
    pub minutes: i32,
    /// Where it is, as stored.
    pub state: String,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// The administrator who answered.
    pub answered_by: Option<Uuid>,
    /// When.
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub ends_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who of the clinic ended it.
    pub ended_by: Option<Uuid>,
}

impl GrantRow {
    /// Where it is at a moment: what nobody answered, and what had its time, is over before a row says so.
    #[must_use]
    pub fn state_at(&self, now: DateTime<Utc>) -> GrantState {
        // A word that no version wrote opens nothing.
        let stored = GrantState::parse(&self.state).unwrap_or(GrantState::Ended);
        let is_over = match stored {
            GrantState::Asked => self.asked_at + TimeDelta::hours(UNANSWERED_H) <= now,
            GrantState::Approved => self.ends_at.is_none_or(|ends_at| ends_at <= now),
            GrantState::Refused | GrantState::Ended => false,
        };
        if is_over { GrantState::Ended } else { stored }
    }

    /// Whether the row itself says that it is over, so that there is nothing left to write.
    #[must_use]
    pub fn is_over(&self) -> bool {
        GrantState::parse(&self.state).is_some_and(GrantState::is_over)
    }

    /// What the region says of it at a moment.
    #[must_use]
    pub fn report(&self, now: DateTime<Utc>) -> GrantReport {
        GrantReport { state: self.state_at(now), answered_at: self.answered_at, ends_at: self.ends_at }
    }

    /// An entry of the clinic's log about what somebody of the platform does under this grant: the person is its actor, the grant its
    /// session, and once the clinic has answered, the administrator who did is what it was done by leave of.
    #[must_use]
    pub fn entry(&self, action: &'static str, outcome: Outcome) -> AuditEntry {
        let entry = AuditEntry::new(action, outcome)
            .actor(ActorKind::Platform, self.asked_by.into_bytes())
            .session(self.id.into_bytes())
            .purpose(Purpose::Operations);
        match self.answered_by {
            Some(account) => entry.resource("account", account.into_bytes()),
            None => entry.resource("support_grant", self.id.into_bytes()),
        }
    }
}

/// A look that was answered, as it is stored.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = support_look)]
pub struct LookRow {
    /// Id.
    pub id: Uuid,
    /// The clinic.
    pub tenant_id: Uuid,
    /// Under which grant.
    pub grant_id: Uuid,
    /// At what, as stored.
    pub what: String,
    /// When.
    pub looked_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(state: &str) -> GrantRow {
        let asked_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        GrantRow {
            id: Uuid::nil(),
            tenant_id: Uuid::nil(),
            asked_by: Uuid::nil(),
            said_sealed: Sealed::from_bytes(Vec::new()),
            minutes: 15,
            state: state.to_owned(),
            asked_at,
            answered_by: None,
            answered_at: None,
            ends_at: None,
            ended_at: None,
            ended_by: None,
        }
    }

    #[test]
    fn a_grant_is_over_at_its_end_and_when_nobody_answers() {
        let asked = row("asked");
        let after = |minutes: i64| asked.asked_at + TimeDelta::minutes(minutes);
        assert_eq!(asked.state_at(after(72 * 60 - 1)), GrantState::Asked);
        assert_eq!(asked.state_at(after(72 * 60)), GrantState::Ended);
        let approved = GrantRow { ends_at: Some(after(15)), ..row("approved") };
        assert_eq!(approved.state_at(after(14)), GrantState::Approved);
        assert_eq!(approved.state_at(after(15)), GrantState::Ended);
        assert_eq!(row("approved").state_at(after(0)), GrantState::Ended, "one without an end opens nothing");
        assert_eq!(row("open").state_at(after(0)), GrantState::Ended, "nor does an unknown word");
        assert_eq!(row("refused").state_at(after(0)), GrantState::Refused);
    }

    #[test]
    fn states_survive_storage() {
        for state in GrantState::ALL {
            assert_eq!(GrantState::parse(state.as_str()), Some(state));
        }
    }
}
