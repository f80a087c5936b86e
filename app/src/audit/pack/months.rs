//! Which months a pack is due for. No database here.

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};

/// How many months are looked back for packs that were not made.
const BACK_MAX: u32 = 12;
/// Days a month must have been over: by then nothing that began in it is still to be committed.
const SETTLED_DAYS: u64 = 1;

/// A calendar month in UTC, by its first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Month(NaiveDate);

impl Month {
    /// The month of a day.
    pub(super) fn of(day: NaiveDate) -> Month {
        Month(day.with_day(1).unwrap_or(day))
    }

    /// Its first day.
    pub(super) fn first_day(self) -> NaiveDate {
        self.0
    }

    /// Its beginning and its end.
    pub(super) fn span(self) -> (DateTime<Utc>, DateTime<Utc>) {
        let next = self.0.checked_add_months(Months::new(1)).unwrap_or(self.0);
        (midnight(self.0), midnight(next))
    }

    /// As it is written: `2026-10`.
    pub(super) fn text(self) -> String {
        self.0.format("%Y-%m").to_string()
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// The months whose packs may be made now, the oldest first.
pub(super) fn due(now: DateTime<Utc>) -> Vec<Month> {
    let settled = now.date_naive().checked_sub_days(Days::new(SETTLED_DAYS)).unwrap_or(now.date_naive());
    let running = Month::of(settled);
    let back = |months| running.first_day().checked_sub_months(Months::new(months)).map(Month::of);
    (1..=BACK_MAX).rev().filter_map(back).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_due_when_it_has_been_over_for_a_day() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let last = |now: &str| due(at(now)).last().unwrap().text();
        assert_eq!(last("2026-11-01T23:59:59Z"), "2026-09");
        assert_eq!(last("2026-11-02T00:00:00Z"), "2026-10");
        assert_eq!(last("2027-01-02T00:00:00Z"), "2026-12");
        assert_eq!(due(at("2026-11-02T00:00:00Z")).len(), 12);
        let (from, until) = Month::of("2026-12-09".parse().unwrap()).span();
        assert_eq!((from, until), (at("2026-12-01T00:00:00Z"), at("2027-01-01T00:00:00Z")));
    }
}
