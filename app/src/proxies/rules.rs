//! Who may stand in for whom, and until when. No database here.

use chrono::{DateTime, Datelike as _, Days, NaiveDate, TimeDelta, Utc};
use regions::region::Jurisdiction;

use super::api::ProxyInput;
use super::model::{Kind, Proof};
use crate::access::ProxyScope;
use crate::error::AppError;
use crate::patients::aadhaar::looks_like_aadhaar;
use crate::patients::{contact, text};

/// Most people who are written down as standing in for one patient, those of the past among them.
pub const PROXIES_MAX: i64 = 100;
/// Longest time that somebody stands in for an adult before it is recorded anew, in days: five years.
const ADULT_MAX_D: u64 = 1_826;
/// Most characters of a name.
const NAME_MAX_CHARS: usize = 100;
/// Most characters of a proof's reference.
const REFERENCE_MAX_CHARS: usize = 200;

/// A patient as far as it matters here, under the law of the clinic.
#[derive(Debug, Clone, Copy)]
pub struct Age {
    /// Birth date.
    pub born: NaiveDate,
    /// Whose law.
    pub jurisdiction: Jurisdiction,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Age {
    /// The day on which the patient comes of age. Who was born on 29 February does so on 1 March where there is none, as in
    /// every age that the product counts.
    #[must_use]
    pub fn of_age_on(&self) -> NaiveDate {
        let year = self.born.year().saturating_add(self.jurisdiction.of_age_years());
        let day = self.born.with_year(year).or_else(|| NaiveDate::from_ymd_opt(year, 3, 1));
        day.unwrap_or(NaiveDate::MAX)
    }

    /// Whether the patient is of age now.
    #[must_use]
    pub fn is_of_age(&self) -> bool {
        self.of_age_on() <= self.today()
    }

    /// The last day on which standing in may end. Whoever stands in for a minor does so until the minor comes of age at most,
    /// and is recorded anew if somebody must go on.
    #[must_use]
    pub fn ends_by(&self) -> NaiveDate {
        if self.is_of_age() {
            self.today().checked_add_days(Days::new(ADULT_MAX_D)).unwrap_or(NaiveDate::MAX)
        } else {
            self.of_age_on()
        }
    }

    fn today(&self) -> NaiveDate {
        (self.now + self.early()).date_naive()
    }

    fn early(&self) -> TimeDelta {
        TimeDelta::seconds(self.jurisdiction.day_begins_early_s())
    }

    /// When a day begins in the clinic's country, and nowhere in it earlier.
    fn begins(&self, day: NaiveDate) -> DateTime<Utc> {
        day.and_time(chrono::NaiveTime::MIN).and_utc() - self.early()
    }
}

/// When whoever stands in ends at the latest after a birth date was corrected; `None` when the correction says nothing about that.
/// Whoever stood in for a minor who turns out to be of age ends now.
#[must_use]
pub fn ends_at(before: Age, after: Age) -> Option<DateTime<Utc>> {
    match (before.is_of_age(), after.is_of_age()) {
        (_, false) => Some(after.begins(after.of_age_on())),
        (false, true) => Some(after.now),
        (true, true) => None,
    }
}

/// What somebody who stands in is to be, checked.
pub struct Checked {
    /// Why.
    pub kind: Kind,
    /// The name in normal form.
    pub name: String,
    /// The address in normal form.
    pub email: String,
    /// What was shown.
    pub proof: Proof,
    /// What is given, in order.
    pub scope: Vec<ProxyScope>,
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub until: DateTime<Utc>,
}

/// What is to be recorded, if the rules allow it.
///
/// # Errors
/// Names the field.
pub fn check(input: &ProxyInput, age: Age) -> Result<Checked, AppError> {
    let email = contact::email(&input.email).map_err(|code| AppError::invalid_field("/email", code))?;
    let name = clean(&input.name, NAME_MAX_CHARS, "/name")?;
    let reference = clean(&input.proof.reference, REFERENCE_MAX_CHARS, "/proof/reference")?;
    match (input.kind, age.is_of_age()) {
        (Kind::Parent, true) => return Err(AppError::invalid_field("/kind", "patient_of_age")),
        (Kind::Nominee, false) => return Err(AppError::invalid_field("/kind", "patient_not_of_age")),
        _ => {}
    }
    let mut scope = input.scope.clone();
    scope.sort_unstable();
    scope.dedup();
    if scope.is_empty() {
        return Err(AppError::invalid_field("/scope", "empty"));
    }
    let (from, until) = dates(input, age)?;
    Ok(Checked {
        kind: input.kind,
        name,
        email,
        proof: Proof { kind: input.proof.kind, reference },
        scope,
        from,
        until,
    })
}

fn dates(input: &ProxyInput, age: Age) -> Result<(DateTime<Utc>, DateTime<Utc>), AppError> {
    let from = match input.from {
        Some(day) if day < age.today() => return Err(AppError::invalid_field("/from", "in_the_past")),
        Some(day) if day > age.today() => age.begins(day),
        Some(_) | None => age.now,
    };
    if input.until > age.ends_by() {
        return Err(AppError::invalid_field("/until", "too_late"));
    }
    let until = age.begins(input.until);
    if until <= from {
        return Err(AppError::invalid_field("/until", "not_after_from"));
    }
    Ok((from, until))
}

fn clean(typed: &str, chars_max: usize, pointer: &str) -> Result<String, AppError> {
    if looks_like_aadhaar(typed) {
        return Err(AppError::invalid_field(pointer, "aadhaar_refused"));
    }
    text::clean(typed, chars_max).map_err(|code| AppError::invalid_field(pointer, code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxies::model::ProofKind;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn age(born: &str, jurisdiction: Jurisdiction) -> Age {
        Age { born: day(born), jurisdiction, now: at("2026-06-15T12:00:00Z") }
    }

    fn input() -> ProxyInput {
        ProxyInput {
            kind: Kind::Parent,
            name: "Asha Sample".into(),
            email: "asha@example.com".into(),
            proof: Proof { kind: ProofKind::BirthCertificate, reference: "Exampleton, 12 of 2014".into() },
            scope: vec![ProxyScope::Documents, ProxyScope::Record, ProxyScope::Record],
            from: None,
            until: day("2027-06-15"),
        }
    }

    fn fault(change: impl FnOnce(&mut ProxyInput), age: Age) -> Option<(String, &'static str)> {
        let mut typed = input();
        change(&mut typed);
        let error = check(&typed, age).err()?;
        error.errors.first().map(|fault| (fault.pointer.clone(), fault.code))
    }

    #[test]
    fn a_parents_access_ends_at_the_birthday_where_the_day_begins_first() {
        for (jurisdiction, ends) in
            [(Jurisdiction::Us, "2032-03-01T00:00:00Z"), (Jurisdiction::In, "2032-02-29T18:30:00Z")]
        {
            let child = age("2014-03-01", jurisdiction);
            assert_eq!((child.of_age_on(), child.is_of_age()), (day("2032-03-01"), false));
            let checked = |until: &str| {
                let mut typed = input();
                typed.until = day(until);
                check(&typed, child).map(|checked| checked.until)
            };
            assert_eq!(checked("2032-03-01").ok(), Some(at(ends)));
            assert!(checked("2032-03-02").is_err());
        }
        assert_eq!(age("2012-02-29", Jurisdiction::Us).of_age_on(), day("2030-03-01"));
        assert_eq!(age("2012-02-29", Jurisdiction::Us).ends_by(), day("2030-03-01"));
    }

    #[test]
    fn the_birthday_itself_is_of_age_from_where_it_begins_on() {
        let mut child = age("2008-06-16", Jurisdiction::In);
        assert!(!child.is_of_age());
        child.now = at("2026-06-15T18:29:59Z");
        assert!(!child.is_of_age());
        child.now = at("2026-06-15T18:30:00Z");
        assert!(child.is_of_age());
        child.jurisdiction = Jurisdiction::Us;
        assert!(!child.is_of_age());
    }

    #[test]
    fn a_corrected_birth_date_ends_a_minors_earlier_and_says_nothing_of_an_adult() {
        let of = |born: &str| age(born, Jurisdiction::Us);
        let (child, younger, adult, older) =
            (of("2014-03-01"), of("2015-03-01"), of("1990-02-28"), of("1980-02-28"));
        assert_eq!(ends_at(child, younger), Some(at("2033-03-01T00:00:00Z")));
        assert_eq!(ends_at(adult, child), Some(at("2032-03-01T00:00:00Z")));
        assert_eq!(ends_at(child, adult), Some(child.now));
        assert_eq!(ends_at(adult, older), None);
    }

    #[test]
    fn who_may_stand_in_for_whom_and_what_must_be_said() {
        let (child, adult) = (age("2014-03-01", Jurisdiction::Us), age("1990-02-28", Jurisdiction::Us));
        let checked = check(&input(), child).ok().unwrap();
        assert_eq!(
            (checked.from, checked.scope.as_slice()),
            (child.now, &[ProxyScope::Record, ProxyScope::Documents][..])
        );
        let named = |pointer: &str, code| Some((pointer.to_owned(), code));
        assert_eq!(fault(|_| {}, adult), named("/kind", "patient_of_age"));
        assert_eq!(fault(|it| it.kind = Kind::Nominee, child), named("/kind", "patient_not_of_age"));
        assert_eq!(fault(|it| it.kind = Kind::Guardian, adult), None);
        assert_eq!(fault(|it| it.kind = Kind::Guardian, child), None);
        assert_eq!(fault(|it| it.scope.clear(), child), named("/scope", "empty"));
        assert_eq!(fault(|it| it.name = " ".into(), child), named("/name", "empty"));
        assert_eq!(fault(|it| it.email = "no".into(), child), named("/email", "email_invalid"));
        let number = |it: &mut ProxyInput| it.proof.reference = "2341 2341 2346".into();
        assert_eq!(fault(number, child), named("/proof/reference", "aadhaar_refused"));
        assert_eq!(fault(|it| it.from = Some(day("2026-06-14")), child), named("/from", "in_the_past"));
        assert_eq!(fault(|it| it.from = Some(day("2027-06-15")), child), named("/until", "not_after_from"));
        assert_eq!(fault(|it| it.until = day("2026-06-15"), child), named("/until", "not_after_from"));
        let five_years = |it: &mut ProxyInput| (it.kind, it.until) = (Kind::Nominee, day("2031-06-15"));
        assert_eq!(fault(five_years, adult), None);
        let longer = |it: &mut ProxyInput| (it.kind, it.until) = (Kind::Nominee, day("2031-06-16"));
        assert_eq!(fault(longer, adult), named("/until", "too_late"));
    }
}
