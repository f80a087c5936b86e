//! Free text as people type it: normal form, white space, and digits of every script.

use unicode_normalization::UnicodeNormalization as _;

/// Zeros of the decimal digit ranges (Unicode general category Nd): those of `tenancy::blind::normalise`, which a test
/// compares, and full width, which is a digit there by NFKC.
const DIGIT_ZEROS: [u32; 33] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x1C40, 0x1C50, 0xA8D0, 0xA900,
    0xA9D0, 0xAA50, 0xABF0, 0xFF10, 0x11066, 0x11136, 0x1E950,
];

/// The value of a decimal digit in any of the scripts above.
#[must_use]
pub fn digit(c: char) -> Option<u8> {
    let code = u32::from(c);
    DIGIT_ZEROS
        .iter()
        .find_map(|zero| code.checked_sub(*zero).filter(|value| *value < 10))
        .and_then(|v| u8::try_from(v).ok())
}

/// The same text with every decimal digit in ASCII.
#[must_use]
pub fn ascii_digits(text: &str) -> String {
    text.chars().map(|c| digit(c).map_or(c, |value| char::from(b'0' + value))).collect()
}

/// Why a text is refused, or the text in NFC, trimmed, with single spaces.
///
/// # Errors
/// `empty`, `too_long`, or `bad_character` for controls and for marks that change the direction of the text around them.
pub fn clean(text: &str, chars_max: usize) -> Result<String, &'static str> {
    if text.len() > chars_max.saturating_mul(8) {
        return Err("too_long");
    }
    let normal: String = text.nfc().collect();
    let joined = normal.split_whitespace().collect::<Vec<_>>().join(" ");
    if joined.is_empty() {
        return Err("empty");
    }
    if joined.chars().count() > chars_max {
        return Err("too_long");
    }
    if joined.chars().any(is_refused) {
        return Err("bad_character");
    }
    Ok(joined)
}

/// Controls, private use, non-characters and bidirectional overrides. The joiners U+200C and U+200D stay: Indic and
/// Persian names are misspelt without them.
fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFF}' | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_script_pass_and_come_out_in_one_form() {
        for name in ["José", "O’Brien-Smith", "प्रिया", "محمد", "李小龍", "Nguyễn Thị", "ക്\u{200D}ഷ", "Ólafur"]
        {
            assert!(clean(name, 100).is_ok(), "{name}");
        }
        assert_eq!(clean("  Jose\u{301}   Maria ", 100).as_deref(), Ok("José Maria"));
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(clean(" \t ", 10), Err("empty"));
        assert_eq!(clean("abcdefghijk", 10), Err("too_long"));
        assert_eq!(clean(&"x".repeat(1_000_000), 10), Err("too_long"));
        for bad in ["a\u{0}b", "a\u{202E}b", "a\u{1B}[2J", "a\u{200B}b", "a\u{FFFE}"] {
            assert_eq!(clean(bad, 100), Err("bad_character"), "{bad:?}");
        }
    }

    #[test]
    fn digits_of_other_scripts_are_digits() {
        assert_eq!(ascii_digits("९८७६ ٠١٢ ５ x"), "9876 012 5 x");
        assert_eq!(digit('a'), None);
        assert_eq!(digit('\u{0970}'), None);
    }

    /// A digit for the normal form of a record number is a digit here: one table would otherwise let through what the
    /// other one reads as a number.
    #[test]
    fn every_digit_of_the_normal_forms_is_a_digit_here() {
        for c in (0_u32..=0x10_FFFF).filter_map(char::from_u32) {
            let normal = tenancy::blind::normalise::mrn(&c.to_string());
            let there = normal.ok().and_then(|value| match value.as_bytes() {
                [byte] => byte.is_ascii_digit().then(|| byte - b'0'),
                _ => None,
            });
            // Some are a digit and a mark in one, such as "1." in one character.
            let compatible: Vec<char> = c.nfkc().filter(|part| part.is_alphanumeric()).collect();
            let here = match compatible.as_slice() {
                [one] => digit(*one),
                _ => None,
            };
            assert!(there.is_none() || here == there, "U+{:04X}", u32::from(c));
        }
    }
}
