//! Reads the subset of CBOR that authenticators write (CTAP 2.1, section 8: canonical form): definite lengths, no tags,
//! no floating point. Whatever else comes is refused; nothing is allocated beyond what the input holds.

/// Maps and arrays inside one another.
const DEPTH_MAX: u32 = 4;
/// Entries of one map or array; the largest an authenticator sends is a chain of certificates.
const ENTRIES_MAX: u64 = 64;

/// One value; what it holds is part of the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// An integer.
    Integer(i64),
    /// Bytes.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// Values in order.
    Array(Vec<Item<'a>>),
    /// Pairs in order.
    Map(Vec<(Item<'a>, Item<'a>)>),
    /// `false`, `true` or `null`.
    Simple(u8),
}

/// Reads one value off the front of `input`.
pub(super) fn read<'a>(input: &mut &'a [u8]) -> Option<Item<'a>> {
    read_at(input, 0)
}

fn read_at<'a>(input: &mut &'a [u8], depth: u32) -> Option<Item<'a>> {
    if depth > DEPTH_MAX {
        return None;
    }
    let first = *take(input, 1)?.first()?;
    let (major, info) = (first >> 5, first & 0x1f);
    if major == 7 {
        return (20..=22).contains(&info).then_some(Item::Simple(info));
    }
    let argument = argument(input, info)?;
    match major {
        0 => i64::try_from(argument).ok().map(Item::Integer),
        1 => i64::try_from(argument).ok().map(|value| Item::Integer(-1 - value)),
        2 => take(input, argument).map(Item::Bytes),
        3 => std::str::from_utf8(take(input, argument)?).ok().map(Item::Text),
        4 if argument <= ENTRIES_MAX => {
            (0..argument).map(|_| read_at(input, depth + 1)).collect::<Option<_>>().map(Item::Array)
        }
        5 if argument <= ENTRIES_MAX => {
            let pairs = (0..argument).map(|_| Some((read_at(input, depth + 1)?, read_at(input, depth + 1)?)));
            pairs.collect::<Option<_>>().map(Item::Map)
        }
        _ => None,
    }
}

/// The number after the first byte: in it, or in the 1, 2, 4 or 8 bytes that follow.
fn argument(input: &mut &[u8], info: u8) -> Option<u64> {
    let bytes = match info {
        0..=23 => return Some(u64::from(info)),
        24..=27 => take(input, 1 << (info - 24))?,
        _ => return None,
    };
    Some(bytes.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
}

fn take<'a>(input: &mut &'a [u8], count: u64) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(usize::try_from(count).ok()?)?;
    *input = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From the examples of RFC 8949, appendix A.
    #[test]
    fn the_examples_of_the_standard() {
        let read_all = |bytes: &'static [u8]| {
            let mut input = bytes;
            let item = read(&mut input)?;
            input.is_empty().then_some(item)
        };
        assert_eq!(read_all(&[0x19, 0x03, 0xe8]), Some(Item::Integer(1_000)));
        assert_eq!(read_all(&[0x39, 0x03, 0xe7]), Some(Item::Integer(-1_000)));
        assert_eq!(read_all(&[0x44, 1, 2, 3, 4]), Some(Item::Bytes(&[1, 2, 3, 4])));
        assert_eq!(read_all(&[0x62, 0xc3, 0xbc, 0x61]), None, "too long");
        assert_eq!(read_all(b"\x64IETF"), Some(Item::Text("IETF")));
        let pair = (Item::Text("a"), Item::Array(vec![Item::Integer(2), Item::Simple(21)]));
        assert_eq!(read_all(&[0xa1, 0x61, 0x61, 0x82, 0x02, 0xf5]), Some(Item::Map(vec![pair])));
        let refused: [&'static [u8]; 6] = [
            &[0x5f, 0xff],
            &[0xc0, 0x00],
            &[0xf9, 0, 0],
            &[0x1b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x62, 0xff, 0xff],
            &[],
        ];
        for bytes in refused {
            assert_eq!(read_all(bytes), None, "{bytes:?}");
        }
        assert_eq!(read_all(&[0x81, 0x81, 0x81, 0x81, 0x81, 0x81, 0x00]), None, "too deep");
        assert_eq!(read_all(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]), None, "too many");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut input = bytes.as_slice();
            let _either = read(&mut input);
            prop_assert!(input.len() <= bytes.len());
        }
    }
}
