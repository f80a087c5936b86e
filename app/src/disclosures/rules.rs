//! What a disclosure must say, and what of it the patient is told. No database here.

use chrono::{DateTime, Days, Months, NaiveDate, Utc};
use uuid::Uuid;

use super::api::DisclosureInput;
use super::model::Content;
use crate::error::AppError;
use crate::patients::text;

/// How far an accounting goes back, in months (45 CFR 164.528(a)(1): six years).
pub const ACCOUNTING_MONTHS: u32 = 72;
/// Most characters of a recipient's name.
const RECIPIENT_MAX_CHARS: usize = 200;
/// Most characters of a recipient's address.
const ADDRESS_MAX_CHARS: usize = 300;
/// Most characters of the description and of the statement.
const TEXT_MAX_CHARS: usize = 500;
/// Most repetitions of one disclosure that are counted.
const TIMES_MAX: u32 = 100_000;

/// The content of a disclosure that somebody writes down at some time, if it is complete.
///
/// # Errors
/// Names the field.
pub fn content(input: DisclosureInput, (by, now): (Uuid, DateTime<Utc>)) -> Result<Content, AppError> {
    let today = now.date_naive();
    let clean = |typed: &str, pointer: &str, chars_max: usize| {
        text::clean(typed, chars_max).map_err(|code| AppError::invalid_field(pointer, code))
    };
    // The clinic may be a day ahead of UTC.
    let latest = today.checked_add_days(Days::new(1)).unwrap_or(today);
    let first = input.disclosed_on;
    if first > latest {
        return Err(AppError::invalid_field("/disclosed_on", "in_the_future"));
    }
    match (input.last_on, input.times) {
        (None, None) => {}
        (Some(last), Some(2..=TIMES_MAX)) if last >= first && last <= latest => {}
        (Some(_), Some(2..=TIMES_MAX)) => return Err(AppError::invalid_field("/last_on", "out_of_range")),
        _ => return Err(AppError::invalid_field("/times", "with_last_on_and_more_than_once")),
    }
    if let Some(until) = input.withheld_until {
        if !input.purpose.may_be_withheld() {
            return Err(AppError::invalid_field("/withheld_until", "not_for_this_purpose"));
        }
        if until <= first {
            return Err(AppError::invalid_field("/withheld_until", "out_of_range"));
        }
    }
    Ok(Content {
        recipient: clean(&input.recipient, "/recipient", RECIPIENT_MAX_CHARS)?,
        address: match &input.address {
            Some(typed) => Some(clean(typed, "/address", ADDRESS_MAX_CHARS)?),
            None => None,
        },
        purpose: input.purpose,
        description: clean(&input.description, "/description", TEXT_MAX_CHARS)?,
        statement: clean(&input.statement, "/statement", TEXT_MAX_CHARS)?,
        disclosed_on: first,
        last_on: input.last_on,
        times: input.times,
        withheld_until: input.withheld_until,
        recorded_by: by,
        recorded_us: now.timestamp_micros(),
    })
}

/// The first day of an accounting that is made today.
#[must_use]
pub fn accounted_from(today: NaiveDate) -> NaiveDate {
    today.checked_sub_months(Months::new(ACCOUNTING_MONTHS)).unwrap_or(today)
}

/// Whether an accounting from `from` on names this disclosure.
#[must_use]
pub fn is_accounted(content: &Content, from: NaiveDate) -> bool {
    content.last_on.unwrap_or(content.disclosed_on) >= from
}

/// Whether the patient may be told of it today.
#[must_use]
pub fn may_be_told(content: &Content, today: NaiveDate) -> bool {
    content.withheld_until.is_none_or(|until| today >= until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disclosures::model::DisclosurePurpose;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn input() -> DisclosureInput {
        DisclosureInput {
            recipient: "Exampleton police".into(),
            address: None,
            purpose: DisclosurePurpose::LawEnforcement,
            description: "Date of the visit".into(),
            statement: "Warrant 1 of 2026".into(),
            disclosed_on: day("2026-01-15"),
            last_on: None,
            times: None,
            withheld_until: None,
        }
    }

    #[test]
    fn a_disclosure_names_whom_what_when_and_why() {
        let by = (Uuid::nil(), day("2026-02-01").and_hms_opt(12, 0, 0).unwrap().and_utc());
        assert!(content(input(), by).is_ok());
        let broken: [fn(&mut DisclosureInput); 9] = [
            |it| it.recipient = " ".into(),
            |it| it.description = String::new(),
            |it| it.statement = "x".repeat(501),
            |it| it.address = Some(" ".into()),
            |it| it.disclosed_on = day("2026-02-03"),
            |it| it.last_on = Some(day("2026-01-20")),
            |it| (it.last_on, it.times) = (Some(day("2026-01-10")), Some(2)),
            |it| it.withheld_until = Some(day("2026-01-15")),
            |it| {
                it.withheld_until = Some(day("2026-03-01"));
                it.purpose = DisclosurePurpose::Research;
            },
        ];
        for (n, change) in broken.iter().enumerate() {
            let mut typed = input();
            change(&mut typed);
            assert!(content(typed, by).is_err(), "{n}");
        }
    }

    #[test]
    fn the_accounting_goes_back_six_years_and_what_is_withheld_is_told_later() {
        let mut one =
            content(input(), (Uuid::nil(), day("2026-02-01").and_hms_opt(12, 0, 0).unwrap().and_utc()))
                .unwrap();
        assert!(is_accounted(&one, accounted_from(day("2032-01-15"))));
        assert!(!is_accounted(&one, accounted_from(day("2032-01-16"))));
        (one.last_on, one.times) = (Some(day("2026-01-20")), Some(2));
        assert!(is_accounted(&one, accounted_from(day("2032-01-16"))), "the last time counts");
        one.withheld_until = Some(day("2026-03-01"));
        assert!(!may_be_told(&one, day("2026-02-28")) && may_be_told(&one, day("2026-03-01")));
    }
}
