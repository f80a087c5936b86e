//! What platform support can be shown of a clinic: numbers and words of our own. No type here has a place for a person, a name, an
//! address or a text that somebody typed, and none counts patients.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Most lines of a list in an answer.
pub const LINES_MAX: usize = 60;
/// Longest word in an answer, in bytes.
const WORD_MAX_BYTES: usize = 64;

/// What can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = SupportWhat)]
pub enum What {
    /// How the clinic is set up.
    Settings,
    /// How many accounts its staff have, by role and state.
    Accounts,
    /// Which jobs wait or fail.
    Work,
    /// Versions, keys and the log.
    State,
}

impl What {
    /// All of them.
    pub const ALL: [What; 4] = [What::Settings, What::Accounts, What::Work, What::State];

    /// The stored word, also in both audit logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            What::Settings => "settings",
            What::Accounts => "accounts",
            What::Work => "work",
            What::State => "state",
        }
    }

    /// What a stored word means.
    #[must_use]
    pub fn parse(word: &str) -> Option<What> {
        What::ALL.into_iter().find(|what| what.as_str() == word)
    }
}

/// How a clinic is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportSettings)]
pub struct Settings {
    /// `US` or `IN`.
    pub jurisdiction: String,
    /// Seconds without a request after which a session ends; absent when the clinic has not shortened what the region allows.
    pub session_idle_s: Option<u32>,
    /// Seconds after which a session ends whatever happens; absent as above.
    pub session_absolute_s: Option<u32>,
    /// Whether large imaging is encrypted and handed out by S3 alone.
    pub direct_imaging: bool,
    /// Where the clinic works.
    pub sites: u32,
}

/// Accounts of one role in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportAccounts)]
pub struct AccountCount {
    /// A role of the staff.
    pub role: String,
    /// The accounts' state.
    pub state: String,
    /// How many.
    pub accounts: u32,
}

/// Jobs of one kind that wait, or fail with one code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportJobs)]
pub struct JobCount {
    /// The job's name.
    pub job: String,
    /// The code it failed with last; absent while it has not failed.
    pub code: Option<String>,
    /// How many.
    pub jobs: u32,
}

/// One version of one of the clinic's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportKey)]
pub struct KeyState {
    /// `enc`, `bidx`, `rowmac` or `ctx`.
    pub purpose: String,
    /// From 1.
    pub version: u32,
    /// `next`, `active`, `decrypt`, `legacy` or `retired`.
    pub state: String,
}

/// Versions, keys and the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupportState)]
pub struct Upkeep {
    /// The last migration of the clinic's schemas.
    pub schema_version: u32,
    /// The placement's epoch.
    pub epoch: u32,
    /// The versions of the clinic's keys.
    pub keys: Vec<KeyState>,
    /// Events of the clinic that wait for their seal, counted up to 10,000.
    pub log_waiting: u32,
    /// Seconds since the oldest of them was committed; 0 when none waits.
    pub log_lag_s: u32,
    /// Seconds since the log was last sealed; absent before the first time.
    pub log_sealed_s: Option<u32>,
}

/// What a region answers to a look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// To [`What::Settings`].
    Settings(Settings),
    /// To [`What::Accounts`].
    Accounts(Vec<AccountCount>),
    /// To [`What::Work`].
    Work(Vec<JobCount>),
    /// To [`What::State`].
    State(Upkeep),
}

impl Answer {
    /// What was looked at.
    #[must_use]
    pub const fn what(&self) -> What {
        match self {
            Answer::Settings(_) => What::Settings,
            Answer::Accounts(_) => What::Accounts,
            Answer::Work(_) => What::Work,
            Answer::State(_) => What::State,
        }
    }

    /// Whether it is short and every text in it a word, so that no sentence comes to the platform this way.
    #[must_use]
    pub fn is_sensible(&self) -> bool {
        match self {
            Answer::Settings(settings) => ["US", "IN"].contains(&settings.jurisdiction.as_str()),
            Answer::Accounts(lines) => {
                lines.len() <= LINES_MAX
                    && lines.iter().all(|line| is_word(&line.role) && is_word(&line.state))
            }
            Answer::Work(lines) => {
                lines.len() <= LINES_MAX
                    && lines.iter().all(|line| is_word(&line.job) && line.code.as_deref().is_none_or(is_word))
            }
            Answer::State(upkeep) => {
                upkeep.keys.len() <= LINES_MAX
                    && upkeep.keys.iter().all(|key| is_word(&key.purpose) && is_word(&key.state))
            }
        }
    }
}

/// A word of our own: 1 to 64 of `a-z`, `0-9`, `_`, `.` and `-`.
#[must_use]
pub fn is_word(text: &str) -> bool {
    (1..=WORD_MAX_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_stored_is_understood_again() {
        for what in What::ALL {
            assert_eq!(What::parse(what.as_str()), Some(what));
        }
        assert_eq!(What::parse("patients"), None);
    }

    #[test]
    fn an_answer_has_no_place_for_a_sentence_or_a_field_of_somebodys_own() {
        let line = |role: &str| json!({ "accounts": [{ "role": role, "state": "active", "accounts": 3 }] });
        let read = |value| serde_json::from_value::<Answer>(value);
        assert!(read(line("nurse")).unwrap().is_sensible());
        for sentence in ["Asha Example", "", "nurse\n", "<b>", &"a".repeat(65)] {
            assert!(!read(line(sentence)).unwrap().is_sensible(), "{sentence:?}");
        }
        let extra =
            json!({ "accounts": [{ "role": "nurse", "state": "active", "accounts": 3, "name": "x" }] });
        assert!(read(extra).is_err());
        assert!(read(json!({ "patients": [] })).is_err());
        let long = vec![json!({ "job": "a", "code": null, "jobs": 1 }); LINES_MAX + 1];
        assert!(!read(json!({ "work": long })).unwrap().is_sensible());
    }
}
