//! Normalisation: what counts as the same value when a patient is looked up. Each rule is fixed once an index uses it.
//!
//! Every rule starts with NFKC, so that composed and decomposed, full-width and compatibility forms agree, and turns
//! the decimal digits of every script into ASCII. What the rules deliberately keep apart is listed in
//! `docs/crypto.md` ("Not equal").

use chrono::{Datelike, NaiveDate};
use regions::region::Jurisdiction;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_canonical, is_combining_mark};
use zeroize::Zeroizing;

use super::Field;

/// Longest input of any rule, in bytes.
pub const INPUT_BYTES_MAX: usize = 512;
/// Longest number of E.164, in digits.
const PHONE_DIGITS_MAX: usize = 15;
/// Shortest international number accepted, in digits with the country code.
const PHONE_DIGITS_MIN: usize = 8;
/// Longest address of RFC 5321 section 4.5.3.1, in bytes.
const EMAIL_BYTES_MAX: usize = 254;

/// A value in the one form that its equals share. It has no `Debug`; its bytes are wiped when it is dropped.
#[derive(Clone)]
pub struct Normalised {
    field: Field,
    bytes: Zeroizing<Vec<u8>>,
}

impl Normalised {
    fn new(field: Field, text: String) -> Result<Self, NormaliseError> {
        let bytes = Zeroizing::new(text.into_bytes());
        if bytes.is_empty() { Err(NormaliseError::Empty) } else { Ok(Self { field, bytes }) }
    }

    /// What kind of value this is.
    #[must_use]
    pub fn field(&self) -> Field {
        self.field
    }

    /// The normalised bytes. They are patient data.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a value cannot be looked up. The value itself is never part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NormaliseError {
    /// Nothing is left after normalisation.
    #[error("nothing is left of the value")]
    Empty,
    /// Longer than the rule allows.
    #[error("the value is too long")]
    TooLong,
    /// Not of the form the rule is for.
    #[error("the value does not have the form of its kind")]
    Form,
}

/// Medical record number: separators dropped, letters upper-cased. Leading zeros count.
///
/// # Errors
/// [`NormaliseError`].
pub fn mrn(raw: &str) -> Result<Normalised, NormaliseError> {
    Normalised::new(Field::Mrn, code(raw)?)
}

/// An identifier within the system that issued it, such as `abha-number`; the same digits of two systems differ.
///
/// Separators are dropped and letters upper-cased, except in values with an `@`, which are folded like an e-mail.
///
/// # Errors
/// [`NormaliseError`], also for a system name that is not 1 to 64 of `a-z 0-9 -`.
pub fn identifier(system: &str, raw: &str) -> Result<Normalised, NormaliseError> {
    let named = !system.is_empty()
        && system.len() <= 64
        && system.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !named {
        return Err(NormaliseError::Form);
    }
    let value = if raw.contains('@') { folded_address(raw)? } else { code(raw)? };
    if value.is_empty() {
        return Err(NormaliseError::Empty);
    }
    Normalised::new(Field::Identifier, format!("{system}\n{value}"))
}

/// The last four digits of a social security number. Never indexable alone.
///
/// # Errors
/// [`NormaliseError`].
pub fn ssn_last4(raw: &str) -> Result<Normalised, NormaliseError> {
    let digits = code(raw)?;
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NormaliseError::Form);
    }
    Normalised::new(Field::SsnLast4, digits)
}

/// Telephone number in E.164 (ITU-T E.164: at most 15 digits), with the jurisdiction's country where none is given.
///
/// Accepted for India: ten digits, with a trunk `0`, `91`, `+91`, `0091` or `+91 (0)` before them. Accepted for the
/// US: ten digits, with `1`, `+1` or `011` and a country before them. Other countries need `+`, `00` or `011`.
///
/// # Errors
/// [`NormaliseError`].
pub fn phone(raw: &str, home: Jurisdiction) -> Result<Normalised, NormaliseError> {
    let mut digits = String::new();
    let mut international = false;
    for character in bounded(raw)?.nfkc().filter(|character| !is_invisible(*character)) {
        match decimal_digit(character) {
            Some(digit) => digits.push(digit),
            None if character == '+' && digits.is_empty() && !international => international = true,
            None if is_phone_separator(character) => {}
            None => return Err(NormaliseError::Form),
        }
    }
    let number = if international { digits } else { with_country(&digits, home)? };
    let number = without_trunk_zero(number);
    if number.is_empty() {
        return Err(NormaliseError::Empty);
    }
    if number.starts_with('0') || number.len() < PHONE_DIGITS_MIN || number.len() > PHONE_DIGITS_MAX {
        return Err(NormaliseError::Form);
    }
    let national_ten =
        (number.starts_with("91") && number.len() != 12) || (number.starts_with('1') && number.len() != 11);
    if national_ten {
        return Err(NormaliseError::Form);
    }
    Normalised::new(Field::Phone, format!("+{number}"))
}

fn with_country(digits: &str, home: Jurisdiction) -> Result<String, NormaliseError> {
    if let Some(international) = digits.strip_prefix("00") {
        return Ok(international.to_owned());
    }
    match home {
        Jurisdiction::Us => match (digits.strip_prefix("011"), digits.len()) {
            (_, 10) => Ok(format!("1{digits}")),
            (_, 11) if digits.starts_with('1') => Ok(digits.to_owned()),
            (Some(international), _) => Ok(international.to_owned()),
            _ => Err(NormaliseError::Form),
        },
        Jurisdiction::In => match (digits.strip_prefix('0'), digits.len()) {
            (None, 10) => Ok(format!("91{digits}")),
            (None, 12) if digits.starts_with("91") => Ok(digits.to_owned()),
            (Some(national), 11) => Ok(format!("91{national}")),
            _ => Err(NormaliseError::Form),
        },
    }
}

/// `+91 (0) 98765 43210` is a frequent mistake: the trunk zero is not part of the international number.
fn without_trunk_zero(number: String) -> String {
    match number.strip_prefix("910") {
        Some(national) if national.len() == 10 => format!("91{national}"),
        _ => number,
    }
}

/// E-mail address: case-folded as a whole, because mail systems that tell `A` from `a` do not occur among patients.
///
/// # Errors
/// [`NormaliseError`].
pub fn email(raw: &str) -> Result<Normalised, NormaliseError> {
    Normalised::new(Field::Email, folded_address(raw)?)
}

fn folded_address(raw: &str) -> Result<String, NormaliseError> {
    let folded = fold_case(bounded(raw)?.nfkc().filter(|character| !is_invisible(*character)));
    let folded: String = folded.trim().nfkc().collect();
    if folded.len() > EMAIL_BYTES_MAX {
        return Err(NormaliseError::TooLong);
    }
    let (local, domain) = folded.rsplit_once('@').ok_or(NormaliseError::Form)?;
    let bad = |part: &str| {
        part.is_empty() || part.chars().any(|character| character.is_whitespace() || character.is_control())
    };
    if bad(local) || bad(domain) || local.contains('@') {
        return Err(NormaliseError::Form);
    }
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    Ok(format!("{local}@{domain}"))
}

/// Family name in any script: NFKC, case folded, punctuation dropped, hyphens and spaces as one space.
///
/// # Errors
/// [`NormaliseError`].
pub fn last_name(raw: &str) -> Result<Normalised, NormaliseError> {
    Normalised::new(Field::LastName, name(raw)?)
}

/// Given name, by the rule of [`last_name`].
///
/// # Errors
/// [`NormaliseError`].
pub fn first_name(raw: &str) -> Result<Normalised, NormaliseError> {
    Normalised::new(Field::FirstName, name(raw)?)
}

/// The first letter of a given name, by the rule of [`last_name`], without the vowel signs or accents that follow it.
///
/// # Errors
/// [`NormaliseError`].
pub fn first_initial(raw: &str) -> Result<Normalised, NormaliseError> {
    let name = name(raw)?;
    let mut first = name.chars().next().ok_or(NormaliseError::Empty)?;
    decompose_canonical(first, |part| {
        if !is_combining_mark(part) {
            first = part;
        }
    });
    Normalised::new(Field::FirstInitial, first.to_string())
}

/// A skeleton of the family name for tolerant search: accents of Latin letters dropped, spaces dropped, doubled
/// letters single, and in Latin script the vowels after the first letter dropped.
///
/// # Errors
/// [`NormaliseError`].
pub fn name_skeleton(raw: &str) -> Result<Normalised, NormaliseError> {
    let mut skeleton = String::new();
    let mut latin = false;
    let mut last = None;
    for character in name(raw)?.nfd().filter(|character| *character != ' ') {
        if is_combining_mark(character) && latin {
            continue;
        }
        latin = character.is_ascii_alphabetic();
        let vowel = matches!(character, 'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'h');
        if (vowel && !skeleton.is_empty()) || last == Some(character) {
            continue;
        }
        skeleton.push(character);
        last = Some(character);
    }
    Normalised::new(Field::NameSkeleton, skeleton)
}

/// Date of birth, `YYYY-MM-DD`.
///
/// # Errors
/// [`NormaliseError::Form`] for a year before 1 or after 9999.
pub fn birth_date(date: NaiveDate) -> Result<Normalised, NormaliseError> {
    if !(1..=9999).contains(&date.year()) {
        return Err(NormaliseError::Form);
    }
    let text = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
    Normalised::new(Field::BirthDate, text)
}

/// Year of birth, four digits.
///
/// # Errors
/// [`NormaliseError::Form`] for a year before 1 or after 9999.
pub fn birth_year(year: i32) -> Result<Normalised, NormaliseError> {
    if !(1..=9999).contains(&year) {
        return Err(NormaliseError::Form);
    }
    Normalised::new(Field::BirthYear, format!("{year:04}"))
}

/// The common part of the name rules, for text that is matched in memory (the start of a name) rather than indexed.
///
/// # Errors
/// [`NormaliseError`].
pub fn name(raw: &str) -> Result<String, NormaliseError> {
    let folded = fold_case(bounded(raw)?.nfkc());
    let mut text = String::with_capacity(folded.len());
    let mut gap = false;
    for character in folded.nfkc() {
        if is_invisible(character) || is_name_punctuation(character) {
            continue;
        }
        if character.is_whitespace() || is_dash(character) {
            gap = !text.is_empty();
            continue;
        }
        if std::mem::take(&mut gap) {
            text.push(' ');
        }
        text.push(decimal_digit(character).unwrap_or(character));
    }
    if text.is_empty() { Err(NormaliseError::Empty) } else { Ok(text) }
}

/// Codes: NFKC, digits to ASCII, separators dropped, upper-cased.
fn code(raw: &str) -> Result<String, NormaliseError> {
    let text: String = bounded(raw)?
        .nfkc()
        .filter(|character| !is_invisible(*character) && !is_code_separator(*character))
        .flat_map(|character| decimal_digit(character).unwrap_or(character).to_uppercase())
        .collect();
    if text.chars().any(char::is_control) {
        return Err(NormaliseError::Form);
    }
    Ok(text.nfkc().collect())
}

fn bounded(raw: &str) -> Result<&str, NormaliseError> {
    if raw.len() > INPUT_BYTES_MAX { Err(NormaliseError::TooLong) } else { Ok(raw) }
}

/// Upper then lower, letter by letter: `ß`, final sigma and ligatures fold together without a table of our own.
fn fold_case(characters: impl Iterator<Item = char>) -> String {
    characters.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

/// Characters that change nothing a reader sees: joiners, marks of direction, soft hyphens, variation selectors.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

fn is_dash(character: char) -> bool {
    matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{058A}' | '\u{FE58}' | '\u{FE63}')
}

fn is_name_punctuation(character: char) -> bool {
    matches!(
        character,
        '\'' | '\u{2018}' | '\u{2019}' | '\u{02BC}' | '\u{02B9}' | '`' | '\u{00B4}' | '.' | ',' | '"'
    )
}

fn is_code_separator(character: char) -> bool {
    character.is_whitespace() || is_dash(character) || matches!(character, '.' | '/' | '_' | ':' | '#')
}

fn is_phone_separator(character: char) -> bool {
    character.is_whitespace() || is_dash(character) || matches!(character, '.' | '/' | '(' | ')')
}

/// The zeros of the decimal digits (Unicode category Nd) of the scripts patients write in, sorted; NFKC handles full width.
pub(super) const DIGIT_ZEROS: &[char] = &[
    '0',
    '\u{0660}',
    '\u{06F0}',
    '\u{07C0}',
    '\u{0966}',
    '\u{09E6}',
    '\u{0A66}',
    '\u{0AE6}',
    '\u{0B66}',
    '\u{0BE6}',
    '\u{0C66}',
    '\u{0CE6}',
    '\u{0D66}',
    '\u{0DE6}',
    '\u{0E50}',
    '\u{0ED0}',
    '\u{0F20}',
    '\u{1040}',
    '\u{1090}',
    '\u{17E0}',
    '\u{1810}',
    '\u{1946}',
    '\u{1C40}',
    '\u{1C50}',
    '\u{A8D0}',
    '\u{A900}',
    '\u{A9D0}',
    '\u{AA50}',
    '\u{ABF0}',
    '\u{11066}',
    '\u{11136}',
    '\u{1E950}',
];

fn decimal_digit(character: char) -> Option<char> {
    let up_to = DIGIT_ZEROS.partition_point(|zero| *zero <= character);
    let zero = DIGIT_ZEROS.get(up_to.checked_sub(1)?)?;
    char::from_digit(u32::from(character) - u32::from(*zero), 10)
}
