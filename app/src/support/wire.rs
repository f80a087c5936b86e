//! What a region's worker and the control plane say to each other about support grants: what was asked for one way, what the clinic
//! answered and what was looked at the other.

use chrono::{DateTime, Utc};
use regions::ids::TenantId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::answer::{Answer, What};
use super::model::GrantState;

/// Most grants of a region that are not settled; no more can be asked for.
pub const UNSETTLED_MAX: i64 = 50;
/// Most looks of one grant in one answer to a worker; the rest come with its next question.
pub const LOOKS_PER_ANSWER_MAX: usize = 20;

/// The answer to a worker that asks for support grants.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct GrantList {
    /// Every grant of the worker's region that is not settled, the oldest first.
    pub grants: Vec<GrantTask>,
}

/// One grant as the control plane has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GrantTask {
    /// The grant.
    pub grant: Uuid,
    /// The clinic.
    pub tenant: TenantId,
    /// Who asked, as the platform's audit names them.
    pub asked_by: Uuid,
    /// The name they sign in with.
    pub login: String,
    /// Why, for the clinic's administrator to read.
    pub reason: String,
    /// How long it is to last.
    pub minutes: i32,
    /// Where it is; `ended` until the region has ended it, too.
    pub state: GrantState,
    /// When it was asked for.
    pub asked_at: DateTime<Utc>,
    /// What was asked to look at and is not answered.
    pub looks: Vec<LookTask>,
}

/// One look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookTask {
    /// The look.
    pub look: Uuid,
    /// At what.
    pub what: What,
}

/// What the region says of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantReport {
    /// Where it is by the clinic's own rows and the region's clock.
    pub state: GrantState,
    /// When the clinic answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<DateTime<Utc>>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
}

impl GrantReport {
    /// That a grant is over of which the clinic has no row.
    #[must_use]
    pub const fn ended() -> Self {
        Self { state: GrantState::Ended, answered_at: None, ends_at: None }
    }
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookReport {
    /// It was answered and is in the clinic's log.
    Done(Answer),
    /// It was not: a code of the worker's source, never text of a database.
    Failed(String),
}
