//! Whether the law lets a record be erased. Not legal advice: the sources are named so that counsel can check them.

use chrono::{DateTime, TimeDelta, Utc};
use regions::region::Jurisdiction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Days an Indian medical record is kept at least: three years from the start of treatment (Indian Medical Council
/// Regulations 2002, 1.3.1), which also covers the one year of DPDP Rule 8(3).
const KEPT_IN_INDIA_DAYS: i64 = 3 * 366;
/// Days a record is kept at least in the United States. No federal rule says; states ask for up to ten years.
const KEPT_IN_US_DAYS: i64 = 10 * 366;

/// Why somebody wants a patient erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The patient asks (DPDP Act, section 12(3)).
    PatientRequest,
    /// The patient has withdrawn consent (DPDP Act, sections 6(4) and 8(7)).
    ConsentWithdrawn,
    /// The time the law wants the record kept is over.
    RetentionExpired,
    /// There is no such patient: registered by mistake, or to try the system out.
    RegisteredInError,
    /// A court or an authority orders it.
    CourtOrder,
}

impl Basis {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Basis::PatientRequest => "patient_request",
            Basis::ConsentWithdrawn => "consent_withdrawn",
            Basis::RetentionExpired => "retention_expired",
            Basis::RegisteredInError => "registered_in_error",
            Basis::CourtOrder => "court_order",
        }
    }
}

/// Why a request is refused, lawfully.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// HIPAA gives no right to erasure: it gives access (45 CFR 164.524), amendment (164.526), restriction (164.522) and an
    /// accounting (164.528), and state law wants records kept.
    NoRightUnderHipaa,
    /// The record must still be kept.
    MustBeKept,
}

impl Refusal {
    /// The stored word, which the answer shows too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Refusal::NoRightUnderHipaa => "no_right_to_erasure_under_hipaa",
            Refusal::MustBeKept => "record_must_be_kept",
        }
    }

    /// What may be offered instead.
    #[must_use]
    pub const fn alternatives(self) -> &'static [&'static str] {
        match self {
            Refusal::NoRightUnderHipaa => &[
                "access_45_cfr_164_524",
                "amendment_45_cfr_164_526",
                "restriction_45_cfr_164_522",
                "accounting_45_cfr_164_528",
            ],
            Refusal::MustBeKept => &["restriction", "correction"],
        }
    }

    /// The refusal with this stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Refusal> {
        [Refusal::NoRightUnderHipaa, Refusal::MustBeKept].into_iter().find(|one| one.as_str() == word)
    }
}

/// Whether a record registered at `since` may be erased for this reason now.
#[must_use]
pub fn decide(
    jurisdiction: Jurisdiction,
    basis: Basis,
    (since, now): (DateTime<Utc>, DateTime<Utc>),
) -> Option<Refusal> {
    let india = jurisdiction == Jurisdiction::In;
    let kept = TimeDelta::days(if india { KEPT_IN_INDIA_DAYS } else { KEPT_IN_US_DAYS });
    match basis {
        Basis::RegisteredInError | Basis::CourtOrder => None,
        Basis::PatientRequest | Basis::ConsentWithdrawn if !india => Some(Refusal::NoRightUnderHipaa),
        Basis::PatientRequest | Basis::ConsentWithdrawn | Basis::RetentionExpired => {
            (now - since < kept).then_some(Refusal::MustBeKept)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_refused_where_the_law_wants_the_record() {
        let since = DateTime::<Utc>::UNIX_EPOCH;
        let (us, india): (Jurisdiction, Jurisdiction) = ("US".parse().unwrap(), "IN".parse().unwrap());
        let after = |days: i64| (since, since + TimeDelta::days(days));
        for (place, basis, days, expected) in [
            (us, Basis::PatientRequest, 20_000, Some(Refusal::NoRightUnderHipaa)),
            (us, Basis::ConsentWithdrawn, 20_000, Some(Refusal::NoRightUnderHipaa)),
            (us, Basis::RetentionExpired, 3_659, Some(Refusal::MustBeKept)),
            (us, Basis::RetentionExpired, 3_660, None),
            (us, Basis::RegisteredInError, 0, None),
            (us, Basis::CourtOrder, 0, None),
            (india, Basis::PatientRequest, 1_097, Some(Refusal::MustBeKept)),
            (india, Basis::PatientRequest, 1_098, None),
            (india, Basis::ConsentWithdrawn, 1_098, None),
            (india, Basis::RetentionExpired, 1_097, Some(Refusal::MustBeKept)),
            (india, Basis::RegisteredInError, 0, None),
        ] {
            assert_eq!(decide(place, basis, after(days)), expected, "{place:?} {basis:?} {days}");
        }
        for refusal in [Refusal::NoRightUnderHipaa, Refusal::MustBeKept] {
            assert_eq!(Refusal::parse(refusal.as_str()), Some(refusal));
            assert!(!refusal.alternatives().is_empty());
        }
    }
}
