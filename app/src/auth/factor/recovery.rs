//! Recovery codes: ten, each good once, for the day the phone is gone.
//!
//! A code has 120 random bits (OWASP ASVS 5.0, 6.5.2 asks for 112), so a plain hash is enough to store it.

use zeroize::Zeroizing;

use crate::auth::token::sha256;

/// Codes made at once.
pub const CODES: usize = 10;
/// Random bytes of a code.
const CODE_BYTES: usize = 15;
/// Characters of a code without its hyphens: 15 bytes in base32.
const CODE_CHARS: usize = 24;
/// Characters between two hyphens.
const GROUP_CHARS: usize = 6;
/// Longest text that is looked at, in bytes.
const TEXT_MAX_BYTES: usize = 64;

/// A new code as it is shown, once: four groups of six letters and digits.
#[must_use]
pub fn new_code() -> Zeroizing<String> {
    let bytes = Zeroizing::new(regions::random::bytes::<CODE_BYTES>());
    let plain = Zeroizing::new(data_encoding::BASE32_NOPAD.encode(bytes.as_slice()));
    let mut shown = Zeroizing::new(String::with_capacity(CODE_CHARS + CODE_CHARS / GROUP_CHARS));
    for (position, letter) in plain.chars().enumerate() {
        if position > 0 && position % GROUP_CHARS == 0 {
            shown.push('-');
        }
        shown.push(letter);
    }
    shown
}

/// What is stored of a code, however it was typed; `None` when it is no code.
#[must_use]
pub fn hash_of(typed: &str) -> Option<[u8; 32]> {
    if typed.len() > TEXT_MAX_BYTES {
        return None;
    }
    let wanted = typed.chars().filter(|letter| !matches!(letter, '-' | ' '));
    let plain: Zeroizing<String> = Zeroizing::new(wanted.map(|letter| letter.to_ascii_uppercase()).collect());
    let bytes = Zeroizing::new(data_encoding::BASE32_NOPAD.decode(plain.as_bytes()).ok()?);
    (bytes.len() == CODE_BYTES).then(|| sha256(b"domicile recovery v1", &bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_known_however_it_is_typed_and_nothing_else_is_one() {
        let code = new_code();
        assert_eq!((code.len(), code.matches('-').count()), (27, 3));
        let hash = hash_of(&code);
        assert!(hash.is_some());
        assert_eq!(hash_of(&code.to_lowercase()), hash);
        assert_eq!(hash_of(&code.replace('-', " ")), hash);
        assert_ne!(hash_of(&new_code()), hash);
        for other in ["", "123456", code.get(1..).unwrap(), &format!("{}A", code.as_str()), &"A".repeat(65)] {
            assert_eq!(hash_of(other), None, "{other}");
        }
    }
}
