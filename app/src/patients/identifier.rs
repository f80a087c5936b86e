//! Identifiers by jurisdiction: what each looks like, its normal form and how it is shown by default.

use regions::region::Jurisdiction;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::aadhaar::verhoeff;
use super::text;

/// Stands for the characters of an identifier that are not shown. Its length says nothing about theirs.
const MASK: &str = "••••";
/// Characters of an identifier that are shown by default.
const SHOWN_CHARS: usize = 4;
/// Digits of an ABHA number.
const ABHA_DIGITS: usize = 14;

/// What kind of identifier it is. The clinic's region decides which kinds it may keep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    /// Last four digits of a Social Security number (US).
    #[serde(rename = "ssn_last4")]
    SsnLast4,
    /// Member id of a health plan (US).
    InsuranceMemberId,
    /// ABHA number, fourteen digits with a Verhoeff check digit (India).
    AbhaNumber,
    /// ABHA address, such as `asha.rao@abdm` (India).
    AbhaAddress,
}

/// One identifier of a patient.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// What it is.
    pub kind: IdentifierKind,
    /// Its value; masked in answers unless asked for. A masked value sent back means "as it was".
    pub value: String,
}

impl IdentifierKind {
    /// Whether a clinic in this jurisdiction may keep it.
    #[must_use]
    pub const fn belongs_to(self, jurisdiction: Jurisdiction) -> bool {
        match self {
            IdentifierKind::SsnLast4 | IdentifierKind::InsuranceMemberId => {
                matches!(jurisdiction, Jurisdiction::Us)
            }
            IdentifierKind::AbhaNumber | IdentifierKind::AbhaAddress => {
                matches!(jurisdiction, Jurisdiction::In)
            }
        }
    }

    /// The name that separates the kinds in a blind tag.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            IdentifierKind::SsnLast4 => "ssn_last4",
            IdentifierKind::InsuranceMemberId => "insurance_member_id",
            IdentifierKind::AbhaNumber => "abha_number",
            IdentifierKind::AbhaAddress => "abha_address",
        }
    }

    /// Whether a person has at most one of this kind.
    #[must_use]
    pub const fn single(self) -> bool {
        match self {
            IdentifierKind::SsnLast4 | IdentifierKind::AbhaNumber => true,
            IdentifierKind::InsuranceMemberId | IdentifierKind::AbhaAddress => false,
        }
    }
}

impl Identifier {
    /// The identifier with its value in normal form.
    ///
    /// # Errors
    /// The code of the rule that the value breaks.
    pub fn normal(&self) -> Result<Identifier, &'static str> {
        let typed = text::ascii_digits(self.value.trim());
        let value = match self.kind {
            IdentifierKind::SsnLast4 => ssn_last4(&typed)?,
            IdentifierKind::InsuranceMemberId => member_id(&typed)?,
            IdentifierKind::AbhaNumber => abha_number(&typed)?,
            IdentifierKind::AbhaAddress => abha_address(&typed)?,
        };
        Ok(Identifier { kind: self.kind, value })
    }

    /// The identifier as it is shown by default.
    #[must_use]
    pub fn masked(&self) -> Identifier {
        let shown = match self.kind {
            // Half of four digits, or the mask would hide nothing.
            IdentifierKind::SsnLast4 => 2,
            IdentifierKind::InsuranceMemberId | IdentifierKind::AbhaNumber => SHOWN_CHARS,
            IdentifierKind::AbhaAddress => 0,
        };
        let tail: String = match self.kind {
            IdentifierKind::AbhaAddress => self.value.chars().skip_while(|c| *c != '@').collect(),
            _ => self.value.chars().skip(self.value.chars().count().saturating_sub(shown)).collect(),
        };
        Identifier { kind: self.kind, value: format!("{MASK}{tail}") }
    }

    /// Whether this is a masked value that came back.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.value.starts_with(MASK)
    }
}

fn ssn_last4(typed: &str) -> Result<String, &'static str> {
    let four = typed.len() == 4 && typed.bytes().all(|b| b.is_ascii_digit()) && typed != "0000";
    if four { Ok(typed.to_owned()) } else { Err("ssn_last4_invalid") }
}

fn member_id(typed: &str) -> Result<String, &'static str> {
    let value: String = typed.chars().filter(|c| *c != ' ').collect::<String>().to_ascii_uppercase();
    let fits = (4..=30).contains(&value.len())
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && value.bytes().any(|b| b.is_ascii_digit());
    if fits { Ok(value) } else { Err("insurance_member_id_invalid") }
}

fn abha_number(typed: &str) -> Result<String, &'static str> {
    let digits: String = typed.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    let values: Vec<u8> = digits.chars().filter_map(text::digit).collect();
    if values.len() != ABHA_DIGITS || digits.len() != ABHA_DIGITS || !verhoeff(&values) {
        return Err("abha_number_invalid");
    }
    Ok(digits)
}

/// The rules of the ABDM address form: 8 to 18 characters of letters, digits, one dot and one underscore, neither at an end.
fn abha_address(typed: &str) -> Result<String, &'static str> {
    const INVALID: Result<String, &str> = Err("abha_address_invalid");
    let value = typed.to_ascii_lowercase();
    let Some((name, domain)) = value.split_once('@') else { return INVALID };
    let count = |wanted: u8| name.bytes().filter(|b| *b == wanted).count();
    let fits = (8..=18).contains(&name.len())
        && matches!(domain, "abdm" | "sbx")
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'_')
        && count(b'.') <= 1
        && count(b'_') <= 1
        && !name.starts_with(['.', '_'])
        && !name.ends_with(['.', '_']);
    if fits { Ok(value) } else { INVALID }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patients::aadhaar::check_digit;

    fn normal(kind: IdentifierKind, value: &str) -> Result<String, &'static str> {
        Identifier { kind, value: value.to_owned() }.normal().map(|identifier| identifier.value)
    }

    fn abha() -> String {
        let body = [9, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1];
        let last = check_digit(&body).unwrap();
        body.iter().chain([&last]).map(u8::to_string).collect()
    }

    #[test]
    fn each_kind_and_its_slips() {
        let number = abha();
        let grouped: String = number.chars().enumerate().fold(String::new(), |text, (at, c)| match at {
            2 | 6 | 10 => format!("{text}-{c}"),
            _ => format!("{text}{c}"),
        });
        assert_eq!(normal(IdentifierKind::AbhaNumber, &grouped).as_deref(), Ok(number.as_str()));
        let last = number.chars().last().unwrap();
        let body: String = number.chars().take(13).collect();
        let wrong = format!("{body}{}", if last == '0' { '1' } else { '0' });
        assert_eq!(normal(IdentifierKind::AbhaNumber, &wrong), Err("abha_number_invalid"));
        assert_eq!(normal(IdentifierKind::AbhaNumber, "234123412346"), Err("abha_number_invalid"));
        assert_eq!(normal(IdentifierKind::AbhaAddress, "Asha.Rao1@ABDM").as_deref(), Ok("asha.rao1@abdm"));
        for bad in ["asha@abdm", "asha.rao1", ".asharao1@abdm", "asha..rao1@abdm", "asha.rao1@gmail.com"] {
            assert_eq!(normal(IdentifierKind::AbhaAddress, bad), Err("abha_address_invalid"), "{bad}");
        }
        assert_eq!(normal(IdentifierKind::SsnLast4, " 1234 ").as_deref(), Ok("1234"));
        for bad in ["123", "12345", "0000", "12a4", "123-45-6789"] {
            assert_eq!(normal(IdentifierKind::SsnLast4, bad), Err("ssn_last4_invalid"), "{bad}");
        }
        assert_eq!(normal(IdentifierKind::InsuranceMemberId, "xyz 123-9").as_deref(), Ok("XYZ123-9"));
        assert!(normal(IdentifierKind::InsuranceMemberId, "no digits").is_err());
    }

    #[test]
    fn the_mask_hides_value_and_length() {
        let masked = |kind, value: &str| Identifier { kind, value: value.to_owned() }.masked().value;
        assert_eq!(masked(IdentifierKind::SsnLast4, "1234"), "••••34");
        assert_eq!(masked(IdentifierKind::InsuranceMemberId, "XYZ1234567"), "••••4567");
        assert_eq!(masked(IdentifierKind::AbhaAddress, "asha.rao1@abdm"), "••••@abdm");
        assert!(Identifier { kind: IdentifierKind::SsnLast4, value: "••••34".into() }.is_masked());
    }

    #[test]
    fn the_region_decides_which_kinds_are_kept() {
        assert!(IdentifierKind::AbhaNumber.belongs_to(Jurisdiction::In));
        assert!(!IdentifierKind::AbhaNumber.belongs_to(Jurisdiction::Us));
        assert!(!IdentifierKind::SsnLast4.belongs_to(Jurisdiction::In));
    }
}
