//! Pure decisions about log-ins: what a password must be, and how long to wait after failures.

use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::access::Role;

/// Fewest characters of a password that is the only factor (NIST SP 800-63B-4, 3.1.1.2).
pub const PASSWORD_MIN_CHARS: usize = 15;
/// Most bytes of a password, so that hashing has a bound.
pub const PASSWORD_MAX_BYTES: usize = 1_024;
/// Failures before the first delay.
pub const FREE_FAILURES_MAX: i32 = 5;
/// Failures after which an account takes no password until an administrator opens it (NIST SP 800-63B-4, 3.2.2, allows
/// at most a hundred attempts in a row). An administrator's own account is the exception, see [`is_locked`].
pub const FAILURES_MAX: i32 = 100;
/// Wrong codes after which a session ends, so that the next one costs a password again.
pub const FACTOR_TRIES_MAX: i32 = 5;
/// Seconds that a session may live which has proven a password only: long enough to set up an app, no longer.
pub const PASSWORD_ONLY_MAX_S: i64 = 600;
/// Seconds a new secret waits for its first code.
pub const ENROLMENT_MAX_S: i64 = 600;
/// Longest delay after a failure, in seconds.
pub const DELAY_MAX_S: i64 = 3_600;
/// Live sessions of one account; a further log-in ends the oldest.
pub const SESSIONS_MAX: i64 = 20;
/// Guesses, as a power of ten, that a password must be worth: at ten thousand hashes a second, far more than argon2id allows on one
/// machine, 10^13 take thirty years.
const GUESSES_LOG10_MIN: f64 = 13.0;
/// Characters of a password that the words of this place may leave over.
const LEFT_OVER_MIN_CHARS: usize = 8;
/// Words that whoever guesses tries here first.
const CONTEXT_WORDS: [&str; 9] =
    ["domicile", "clinic", "hospital", "doctor", "physician", "patient", "nurse", "medical", "health"];

/// The password in the form that is hashed: Unicode NFC.
#[must_use]
pub fn normalise_password(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.nfc().collect())
}

/// Why a new password is refused, as a code; `None` when it is good. There are no rules of composition (NIST SP 800-63B-4, 3.1.1.2):
/// breached passwords, words, names, dates, keyboard walks, repetitions and the clinic's own words are recognised, and what is left
/// has to be worth guessing.
#[must_use]
pub fn password_fault(password: &str, slug: &str) -> Option<&'static str> {
    let chars = password.chars().count();
    if chars < PASSWORD_MIN_CHARS {
        return Some("password_too_short");
    }
    if password.len() > PASSWORD_MAX_BYTES {
        return Some("password_too_long");
    }
    let context: Vec<&str> = CONTEXT_WORDS.into_iter().chain([slug]).chain(slug.split('-')).collect();
    let guesses = zxcvbn::zxcvbn(password, &context).guesses_log10();
    if guesses < GUESSES_LOG10_MIN || left_over(password, context) < LEFT_OVER_MIN_CHARS {
        return Some("password_guessable");
    }
    None
}

/// Characters that remain when the words of this place, digits and punctuation are taken out: a password of nothing else is tried
/// early, however many of them it has.
fn left_over(password: &str, mut words: Vec<&str>) -> usize {
    let mut rest = Zeroizing::new(password.to_lowercase());
    // The longest first, so that none is cut apart by a shorter one.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words.into_iter().filter(|word| word.len() >= 3) {
        rest = Zeroizing::new(rest.replace(word, ""));
    }
    rest.chars()
        .filter(|letter| !letter.is_ascii_digit() && !letter.is_ascii_punctuation() && *letter != ' ')
        .count()
}

/// Seconds to wait after this many failures in a row: none for the first few, then doubling up to an hour.
#[must_use]
pub fn delay_s(failures: i32) -> i64 {
    if failures < FREE_FAILURES_MAX {
        return 0;
    }
    let doublings = u32::try_from(failures - FREE_FAILURES_MAX).unwrap_or(0).min(20);
    (1_i64 << doublings).min(DELAY_MAX_S)
}

/// Whether an account takes no password until an administrator opens it.
///
/// The accounts that can open others never come to that: whoever knows their addresses could lock all of them by
/// guessing and so lock the clinic out. They wait [`DELAY_MAX_S`] after each further failure instead, which keeps what
/// the limit is for: 24 guesses a day find no password of fifteen characters.
#[must_use]
pub const fn is_locked(role: Role, failures: i32) -> bool {
    match role {
        Role::ClinicAdmin => false,
        Role::Physician
        | Role::Nurse
        | Role::Receptionist
        | Role::LabTechnician
        | Role::Billing
        | Role::PrivacyOfficer
        | Role::Patient
        | Role::Proxy
        | Role::MachineClient => failures >= FAILURES_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords() {
        assert_eq!(password_fault("short", "lotus"), Some("password_too_short"));
        assert_eq!(password_fault("aaaaaaaaaaaaaaaaaaaa", "lotus"), Some("password_guessable"));
        assert_eq!(password_fault("administrator12", "lotus"), Some("password_guessable"));
        assert_eq!(password_fault("sunrise-clinic-1", "sunrise-clinic"), Some("password_guessable"));
        assert_eq!(password_fault(&"é".repeat(600), "lotus"), Some("password_too_long"));
        for guessed in [
            "qwertyuiopasdfgh",
            "1q2w3e4r5t6y7u8i",
            "letmein letmein1!",
            "Summer2026Summer2026",
            "P@ssw0rdP@ssw0rd",
            "lotus-clinic-nurse-2026",
        ] {
            assert_eq!(password_fault(guessed, "lotus"), Some("password_guessable"), "{guessed}");
        }
        assert_eq!(password_fault("correct horse battery", "lotus"), None);
        assert_eq!(password_fault("violet engine harbour sparrow", "lotus"), None);
        assert_eq!(password_fault("कमल का फूल पानी में है", "lotus"), None);
    }

    #[test]
    fn the_same_password_typed_on_two_keyboards_is_the_same() {
        assert_eq!(normalise_password("caf\u{e9}"), normalise_password("cafe\u{301}"));
    }

    #[test]
    fn delays_grow_and_end_at_an_hour() {
        let delays: Vec<i64> = [0, 4, 5, 6, 7, 12, 17, 99, i32::MAX].into_iter().map(delay_s).collect();
        assert_eq!(delays, [0, 0, 1, 2, 4, 128, 3_600, 3_600, 3_600]);
    }
}
