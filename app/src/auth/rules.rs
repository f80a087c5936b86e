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
/// Distinct characters below which a long password is only a pattern.
const DISTINCT_MIN_CHARS: usize = 6;
/// Words of which guessed passwords are made, commonest first: the well-known heads of every published list of breached
/// passwords, keyboard walks, and the words of this product. Lower case.
const GUESSED_WORDS: [&str; 40] = [
    "password",
    "passwort",
    "passw0rd",
    "p@ssw0rd",
    "letmein",
    "welcome",
    "iloveyou",
    "admin",
    "administrator",
    "changeme",
    "secret",
    "login",
    "master",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "princess",
    "sunshine",
    "superman",
    "batman",
    "shadow",
    "qwerty",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1q2w3e4r",
    "qazwsx",
    "abc",
    "default",
    "guest",
    "root",
    "test",
    "user",
    "domicile",
    "clinic",
    "hospital",
    "doctor",
    "patient",
    "nurse",
];
/// Characters of a password that its guessed words may leave over.
const LEFT_OVER_MIN_CHARS: usize = 8;

/// The password in the form that is hashed: Unicode NFC.
#[must_use]
pub fn normalise_password(password: &str) -> Zeroizing<String> {
    Zeroizing::new(password.nfc().collect())
}

/// Why a new password is refused, as a code; `None` when it is good.
#[must_use]
pub fn password_fault(password: &str, slug: &str) -> Option<&'static str> {
    let chars = password.chars().count();
    if chars < PASSWORD_MIN_CHARS {
        return Some("password_too_short");
    }
    if password.len() > PASSWORD_MAX_BYTES {
        return Some("password_too_long");
    }
    let lower = Zeroizing::new(password.to_lowercase());
    if left_over(&lower, slug) < LEFT_OVER_MIN_CHARS || repeats(&lower) {
        return Some("password_guessable");
    }
    None
}

/// Characters that remain when every guessed word, the clinic's name, digits in order and punctuation are taken out: a
/// password made of such parts only is tried early, however long it is.
fn left_over(lower: &str, slug: &str) -> usize {
    let mut rest = Zeroizing::new(lower.to_owned());
    let mut words: Vec<&str> = GUESSED_WORDS.to_vec();
    words.push(slug);
    words.extend(slug.split('-'));
    // The longest first, so that none is cut apart by a shorter one.
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    for word in words.into_iter().filter(|word| word.len() >= 3) {
        rest = Zeroizing::new(rest.replace(word, ""));
    }
    rest.chars()
        .filter(|letter| !letter.is_ascii_digit() && !letter.is_ascii_punctuation() && *letter != ' ')
        .count()
}

/// Whether a few characters or a short piece are said again and again.
fn repeats(lower: &str) -> bool {
    let letters: Vec<char> = lower.chars().collect();
    let mut distinct = letters.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let period = (1..=letters.len() / 2)
        .find(|period| letters.iter().zip(letters.iter().skip(*period)).all(|(one, other)| one == other));
    distinct.len() < DISTINCT_MIN_CHARS || period.is_some()
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
        assert_eq!(password_fault("correct horse battery", "lotus"), None);
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
