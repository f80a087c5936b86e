//! Short text forms: 16 bytes as 26 base32 characters, and small strings kept inline without an allocation.

use std::fmt;

/// Length of an id's text form, in characters.
pub const ID_CHARS: usize = 26;

/// RFC 4648 section 6 alphabet in lower case, so that ids are valid in host names, file names and SQL
/// identifiers.
const ALPHABET: [u8; 32] = *b"abcdefghijklmnopqrstuvwxyz234567";

/// The 26-character form of 16 bytes.
pub fn encode_id(bytes: &[u8; 16]) -> String {
    id_chars(bytes).collect()
}

/// Writes the 26-character form of 16 bytes without allocating.
pub fn write_id(bytes: &[u8; 16], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    id_chars(bytes).try_for_each(|c| fmt::Write::write_char(f, c))
}

/// Reads a 26-character id. Upper case, padding, other lengths and non-zero spare bits are refused, so that
/// an id has exactly one text form.
pub fn decode_id(text: &str) -> Option<[u8; 16]> {
    if text.len() != ID_CHARS {
        return None;
    }
    let (mut value, mut spare) = (0_u128, 0_u8);
    for (index, byte) in text.bytes().enumerate() {
        let digit = match byte {
            b'a'..=b'z' => byte - b'a',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        // 26 characters are 130 bits: the last one carries 3 bits of the value and 2 spare bits.
        if index + 1 == ID_CHARS {
            value = (value << 3) | u128::from(digit >> 2);
            spare = digit & 0b11;
        } else {
            value = (value << 5) | u128::from(digit);
        }
    }
    (spare == 0).then(|| value.to_be_bytes())
}

fn id_chars(bytes: &[u8; 16]) -> impl Iterator<Item = char> {
    let value = u128::from_be_bytes(*bytes);
    (0..ID_CHARS).map(move |index| {
        let shifted = if index + 1 == ID_CHARS { value << 2 } else { value >> (123 - 5 * index) };
        let digit = usize::try_from(shifted & 31).unwrap_or_default();
        ALPHABET.get(digit).copied().map_or('a', char::from)
    })
}

/// An ASCII string of at most `N` bytes (`N` < 256) stored in place: `Copy`, ordered, and free to hash and
/// compare.
///
/// Unused bytes are 0, so the derived order, bytes first and then length, is the order of the texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Inline<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Inline<N> {
    /// `None` when the text is longer than `N` bytes or is not ASCII.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes.get_mut(..text.len()).filter(|_| text.is_ascii())?.copy_from_slice(text.as_bytes());
        Some(Self { bytes, len: u8::try_from(text.len()).ok()? })
    }

    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

/// Gives a newtype over [`Inline`] the text traits: `as_str`, `Display`, `Debug`, and serde as a checked
/// string.
macro_rules! inline_text {
    ($name:ident) => {
        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        $crate::text::serde_as_text!($name);
    };
}

/// Serializes a type through `Display` and deserializes it through `FromStr`.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use {inline_text, serde_as_text};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_alphabet_and_bit_order_are_those_of_rfc_4648() {
        // The last quantum of "foobar" + ten zero bytes, from data-encoding's RFC 4648 implementation.
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(b"foobar");
        let expected = data_encoding::BASE32_NOPAD.encode(&bytes).to_lowercase();
        assert_eq!(encode_id(&bytes), expected);
        assert_eq!(encode_id(&[255; 16]), data_encoding::BASE32_NOPAD.encode(&[255; 16]).to_lowercase());
    }

    proptest! {
        #[test]
        fn an_id_has_exactly_one_text_form(bytes: [u8; 16]) {
            let text = encode_id(&bytes);
            prop_assert_eq!(text.len(), ID_CHARS);
            prop_assert_eq!(decode_id(&text), Some(bytes));
            prop_assert_eq!(decode_id(&text.to_uppercase()).is_some(), !text.bytes().any(|b| b.is_ascii_lowercase()));
        }

        #[test]
        fn whatever_decodes_encodes_back_to_itself(text in "[a-z2-7]{26}") {
            if let Some(bytes) = decode_id(&text) {
                prop_assert_eq!(encode_id(&bytes), text);
            }
        }

        #[test]
        fn inline_text_orders_like_text(a in "[ -~]{0,8}", b in "[ -~]{0,8}") {
            let (x, y) = (Inline::<8>::new(&a).unwrap(), Inline::<8>::new(&b).unwrap());
            prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            prop_assert_eq!(x == y, a == b);
        }
    }

    #[test]
    fn spare_bits_other_lengths_and_foreign_characters_are_refused() {
        assert!(decode_id("aaaaaaaaaaaaaaaaaaaaaaaaaa").is_some());
        for bad in [
            "aaaaaaaaaaaaaaaaaaaaaaaaab",
            "aaaaaaaaaaaaaaaaaaaaaaaaa",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "",
            "1aaaaaaaaaaaaaaaaaaaaaaaaa",
            "Aaaaaaaaaaaaaaaaaaaaaaaaaa",
        ] {
            assert_eq!(decode_id(bad), None, "{bad}");
        }
        assert!(Inline::<4>::new("abcde").is_none() && Inline::<4>::new("é").is_none());
    }
}
