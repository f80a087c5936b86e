//! Aadhaar numbers are never stored (Aadhaar Act 2016, section 8; a clinic has no authority to keep them), and the
//! Verhoeff checksum that Aadhaar and ABHA numbers carry.
//!
//! A number is found wherever it is typed: as twelve digits in a row, in groups, in any script's digits, inside other text.
//! One in ten random twelve-digit numbers looks like one; refusing those is the lesser harm. So that this stays rare,
//! neighbouring numbers are taken for one only when nothing but a space, a dash, a point or a slash is between them.

use unicode_normalization::UnicodeNormalization as _;

use super::text::digit;

/// Digits of an Aadhaar number.
const AADHAAR_DIGITS: usize = 12;
/// Digits of one printed group.
const GROUP_DIGITS: usize = 4;

/// The multiplication table of the dihedral group D5 (J. Verhoeff, "Error detecting decimal codes", 1969).
const MULTIPLY: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];

/// The permutation of one position; position n applies it n times.
const PERMUTE: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

/// Whether the last digit is the Verhoeff check digit of the others.
#[must_use]
pub fn verhoeff(digits: &[u8]) -> bool {
    let mut sum = 0_u8;
    for (position, digit) in digits.iter().rev().enumerate() {
        let mut permuted = *digit;
        for _ in 0..position % 8 {
            permuted = PERMUTE.get(usize::from(permuted)).copied().unwrap_or(0);
        }
        let row = MULTIPLY.get(usize::from(sum)).copied().unwrap_or([0; 10]);
        sum = row.get(usize::from(permuted)).copied().unwrap_or(0);
    }
    !digits.is_empty() && sum == 0
}

/// Whether the text contains what looks like an Aadhaar number.
#[must_use]
pub fn looks_like_aadhaar(text: &str) -> bool {
    runs(text).iter().any(|groups| {
        let whole: Vec<u8> = groups.iter().flat_map(|group| group.digits.iter().copied()).collect();
        is_number(&whole) || (0..groups.len()).any(|at| begins_number(groups.get(at..).unwrap_or_default()))
    })
}

/// Whether a phone number, as it was typed, is an Aadhaar number instead: twelve digits without a country code.
///
/// Twelve digits that begin like an Indian mobile number with its country code are one, unless they are printed in the
/// groups of four of an Aadhaar card; one in ten mobile numbers would be refused otherwise.
#[must_use]
pub fn phone_looks_like_aadhaar(typed: &str) -> bool {
    if typed.nfkc().any(|c| c == '+') {
        return false;
    }
    let groups: Vec<Vec<u8>> = runs(typed).into_iter().flatten().map(|group| group.digits).collect();
    let whole = groups.concat();
    let in_fours = groups.len() > 1 && groups.iter().all(|group| group.len() == GROUP_DIGITS);
    let mobile = matches!(whole.as_slice(), [9, 1, 6..=9, ..]);
    is_number(&whole) && (in_fours || !mobile)
}

fn is_number(digits: &[u8]) -> bool {
    // Numbers starting with 0 or 1 are not issued.
    digits.len() == AADHAAR_DIGITS && digits.first().is_some_and(|first| *first >= 2) && verhoeff(digits)
}

/// Whether the first of these groups and those close behind it are together such a number.
fn begins_number(groups: &[Group]) -> bool {
    let mut digits: Vec<u8> = Vec::with_capacity(AADHAAR_DIGITS);
    // House numbers are full of lone digits, and a number is not written with one of them apart.
    let lone = |group: &Group| group.digits.len() == 1;
    let all_lone = groups.first().is_some_and(lone);
    for (nth, group) in groups.iter().take(AADHAAR_DIGITS).enumerate() {
        if nth > 0 && (!group.close || lone(group) != all_lone) {
            return false;
        }
        digits.extend(&group.digits);
        if digits.len() >= AADHAAR_DIGITS {
            return is_number(&digits);
        }
    }
    false
}

/// Digits in a row.
#[derive(Default)]
struct Group {
    digits: Vec<u8>,
    /// Whether only what is written inside a number stands between this group and the one before.
    close: bool,
}

/// Runs of digits, each as groups that only separators stand between.
fn runs(text: &str) -> Vec<Vec<Group>> {
    let mut runs: Vec<Vec<Group>> = Vec::new();
    let mut run: Vec<Group> = Vec::new();
    let mut group = Group { close: true, ..Group::default() };
    // Compatibility forms are digits too: full width, circled, mathematical.
    for c in text.nfkc() {
        if let Some(value) = digit(c) {
            group.digits.push(value);
            continue;
        }
        if !group.digits.is_empty() {
            run.push(std::mem::replace(&mut group, Group { close: true, ..Group::default() }));
        }
        group.close &= !matches!(c, ',' | ';' | ':' | '(' | ')' | '#' | '&' | '+' | '|' | '\u{060C}');
        if c.is_alphanumeric() {
            group.close = true;
            if !run.is_empty() {
                runs.push(std::mem::take(&mut run));
            }
        }
    }
    if !group.digits.is_empty() {
        run.push(group);
    }
    runs.push(run);
    runs
}

/// The check digit for these digits, for tests and synthetic data.
#[must_use]
pub fn check_digit(digits: &[u8]) -> Option<u8> {
    (0..10).find(|last| {
        let mut all = digits.to_vec();
        all.push(*last);
        verhoeff(&all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.chars().filter_map(digit).collect()
    }

    #[test]
    fn the_checksum_agrees_with_the_published_example_and_sees_every_slip() {
        // 2363 is the usual worked example: the check digit of 236 is 3.
        assert!(verhoeff(&digits("2363")));
        assert_eq!(check_digit(&digits("236")), Some(3));
        let good = digits("234123412346");
        assert!(verhoeff(&good));
        for at in 0..good.len() {
            for value in (0..10).filter(|value| *value != good[at]) {
                let mut bad = good.clone();
                bad[at] = value;
                assert!(!verhoeff(&bad), "one wrong digit at {at}");
            }
        }
        for at in 1..good.len() {
            let mut bad = good.clone();
            bad.swap(at - 1, at);
            assert!(bad == good || !verhoeff(&bad), "two digits swapped at {at}");
        }
    }

    #[test]
    fn found_however_it_is_written() {
        for text in [
            "234123412346",
            "2341 2341 2346",
            "2341-2341-2346",
            "2341.2341/2346",
            "MRN234123412346",
            "uid: 2341  2341  2346, seen",
            "२३४१ २३४१ २३४६",
            "400001 2341 2341 2346",
            "23 41 23 41 23 46",
            "a1 234123412346",
            "4, 23412341 2346",
            "4, 2341 23412346 7",
            "Flat 4, 23412341 2346, 560001",
            "560001 23412341-2346",
            "2 3 4 1 2 3 4 1 2 3 4 6",
            "\u{17E2}\u{17E3}\u{17E4}\u{17E1} 2341 2346",
            "𝟐𝟑𝟒𝟏 ②③④① ２３４６",
            "\u{1042}\u{1043}\u{1044}\u{1041}23412346",
        ] {
            assert!(looks_like_aadhaar(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "",
            "234123412345",
            "1341 2341 2346",
            "23412341234",
            "2341234123461",
            "2341x2341x2346",
            "Priya",
            "23412341, 2346, 7",
            "2, 34123412346, 5",
            "8-2-293/82/A/57, 500034",
        ] {
            assert!(!looks_like_aadhaar(text), "{text}");
        }
    }

    #[test]
    fn a_phone_is_not_a_number_of_a_card() {
        // 91 98765 43210 has a check digit of its own at the end, so that the two can be told apart only by their form.
        let mobile: Vec<u8> = digits("91987654321");
        let last = check_digit(&mobile).unwrap();
        let of = |grouping: &[usize]| {
            let mut left = mobile.iter().chain([&last]);
            let parts =
                grouping.iter().map(|n| left.by_ref().take(*n).map(u8::to_string).collect::<String>());
            parts.collect::<Vec<_>>().join(" ")
        };
        for card in ["2341 2341 2346", "234123412346", "२३४१-२३४१-२३४६", of(&[4, 4, 4]).as_str()]
        {
            assert!(phone_looks_like_aadhaar(card), "{card}");
        }
        let plus = format!("+{}", of(&[12]));
        for phone in
            [of(&[12]), of(&[2, 5, 5]), of(&[2, 10]), plus, "98765 43210".into(), "+234 123412346".into()]
        {
            assert!(!phone_looks_like_aadhaar(&phone), "{phone}");
        }
    }

    proptest::proptest! {
        /// However it is cut into groups, whatever stands around it, in whichever digits.
        #[test]
        fn a_number_cut_anywhere_is_found(
            body in proptest::collection::vec(0_u8..10, 11),
            cuts in proptest::collection::btree_set(1_usize..6, 0..4),
            separators in proptest::collection::vec("[ \\-./]| - ", 12),
            zero in proptest::sample::select(vec!['0', '\u{0660}', '\u{0966}', '\u{0E50}', '\u{FF10}', '\u{1D7CE}']),
            before in "([A-Za-z]{1,8} ?[0-9]{0,6}[,;] ?)?",
            after in "([,;] ?[0-9]{0,6} ?[A-Za-z]{0,8})?",
        ) {
            let mut number = body;
            number[0] = 2 + number[0] % 8;
            number.push(check_digit(&number).unwrap());
            let mut text = before;
            for (at, value) in number.iter().enumerate() {
                // Every group has two digits or more.
                if at > 0 && at % 2 == 0 && cuts.contains(&(at / 2)) {
                    text.push_str(&separators[at]);
                }
                text.push(char::from_u32(u32::from(zero) + u32::from(*value)).unwrap());
            }
            text.push_str(&after);
            proptest::prop_assert!(looks_like_aadhaar(&text), "{text}");
        }

        /// Ordinary addresses are let through: less than one in a hundred thousand would be one in ten of the rare ones
        /// whose numbers add up to twelve digits, and these do not.
        #[test]
        fn addresses_and_short_numbers_are_let_through(
            house in 1_u32..9_999,
            flat in 1_u32..999,
            pin in 110_001_u32..855_118,
            phone in 6_000_000_000_u64..9_999_999_999,
        ) {
            for text in [
                format!("{house}, Flat {flat}, {pin}"),
                format!("{house}/{flat} MG Road, Bengaluru {pin}"),
                format!("No. {house}, {flat}th Cross, {pin}"),
                format!("{house} Main St Apt {flat}, {pin}"),
                format!("Tel. {phone}"),
            ] {
                proptest::prop_assert!(!looks_like_aadhaar(&text), "{text}");
            }
        }
    }
}
