//! What a request to correct the record must say, and by when it is answered. No database here.

use chrono::{DateTime, Days, NaiveDate, Utc};
use regions::region::Jurisdiction;
use uuid::Uuid;

use super::api::{AnswerInput, CorrectionInput};
use super::model::{Answer, Request};
use crate::error::AppError;
use crate::patients::aadhaar::looks_like_aadhaar;
use crate::patients::text;

/// Most requests of one patient that wait for an answer at once.
pub const OPEN_MAX: i64 = 20;
/// Most characters of what is wrong, of what it should be, and of the reason of an answer.
const TEXT_MAX_CHARS: usize = 2_000;
/// Days within which a clinic in the United States answers (45 CFR 164.526(b)(2)(i)).
const ANSWERED_WITHIN_US_D: u64 = 60;
/// Days within which a clinic in India answers: the longest that it may set itself for a grievance (DPDP Rules 2025,
/// rule 14(3)); section 12 of the Act itself names no time.
const ANSWERED_WITHIN_IN_D: u64 = 90;

/// The day by which a request that is made now must be answered.
#[must_use]
pub fn due_on(jurisdiction: Jurisdiction, now: DateTime<Utc>) -> NaiveDate {
    let days = match jurisdiction {
        Jurisdiction::Us => ANSWERED_WITHIN_US_D,
        Jurisdiction::In => ANSWERED_WITHIN_IN_D,
    };
    let today = now.date_naive();
    today.checked_add_days(Days::new(days)).unwrap_or(today)
}

/// A request that somebody makes now, if it says what is wrong and what it should be.
///
/// # Errors
/// Names the field.
pub fn request(
    input: &CorrectionInput,
    jurisdiction: Jurisdiction,
    (by, now): (Uuid, DateTime<Utc>),
) -> Result<Request, AppError> {
    Ok(Request {
        what: clean(&input.what, "/what")?,
        wish: clean(&input.wish, "/wish")?,
        due_on: due_on(jurisdiction, now),
        asked_by: by,
        asked_us: now.timestamp_micros(),
    })
}

/// An answer that somebody gives now, if it says why (45 CFR 164.526(d)(1)(i)).
///
/// # Errors
/// Names the field.
pub fn answer(input: &AnswerInput, (by, now): (Uuid, DateTime<Utc>)) -> Result<Answer, AppError> {
    Ok(Answer {
        verdict: input.verdict,
        reason: clean(&input.reason, "/reason")?,
        answered_by: by,
        answered_us: now.timestamp_micros(),
    })
}

fn clean(typed: &str, pointer: &str) -> Result<String, AppError> {
    if looks_like_aadhaar(typed) {
        return Err(AppError::invalid_field(pointer, "aadhaar_refused"));
    }
    text::clean(typed, TEXT_MAX_CHARS).map_err(|code| AppError::invalid_field(pointer, code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corrections::model::Verdict;

    #[test]
    fn a_request_says_what_and_what_instead_and_an_answer_says_why() {
        let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        let ask = |what: &str, wish: &str| {
            let input = CorrectionInput { what: what.into(), wish: wish.into() };
            request(&input, Jurisdiction::Us, (Uuid::nil(), now)).is_ok()
        };
        assert!(ask("My birth date", "It is 27 February"));
        assert!(ask(&"x".repeat(2_000), "y"));
        for (what, wish) in [("", "y"), ("x", " "), (&*"x".repeat(2_001), "y"), ("x", "2341 2341 2346")] {
            assert!(!ask(what, wish), "{what} {wish}");
        }
        let input = |reason: &str| AnswerInput { verdict: Verdict::Denied, reason: reason.into() };
        assert!(answer(&input("It is what the passport says"), (Uuid::nil(), now)).is_ok());
        assert!(answer(&input(" "), (Uuid::nil(), now)).is_err());
    }

    #[test]
    fn the_clock_is_the_laws() {
        let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        let days = |jurisdiction| (due_on(jurisdiction, now) - now.date_naive()).num_days();
        assert_eq!((days(Jurisdiction::Us), days(Jurisdiction::In)), (60, 90));
    }
}
