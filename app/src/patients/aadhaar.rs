//! Aadhaar numbers are never stored (Aadhaar Act 2016, section 8; a clinic has no authority to keep them), and the
//! Verhoeff checksum that Aadhaar and ABHA numbers carry.
//!
//! A number is found wherever it is typed: as twelve digits in a row, in groups of four, in any script's digits, inside
//! other text. One in ten random twelve-digit numbers looks like one; refusing those is the lesser harm.

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
        let whole: Vec<u8> = groups.concat();
        is_number(&whole)
            || groups.iter().any(|group| is_number(group))
            || groups.windows(AADHAAR_DIGITS / GROUP_DIGITS).any(|three| {
                three.iter().all(|group| group.len() == GROUP_DIGITS) && is_number(&three.concat())
            })
    })
}

fn is_number(digits: &[u8]) -> bool {
    // Numbers starting with 0 or 1 are not issued.
    digits.len() == AADHAAR_DIGITS && digits.first().is_some_and(|first| *first >= 2) && verhoeff(digits)
}

/// Runs of digits, each as groups that only separators stand between.
fn runs(text: &str) -> Vec<Vec<Vec<u8>>> {
    let mut runs: Vec<Vec<Vec<u8>>> = Vec::new();
    let mut run: Vec<Vec<u8>> = Vec::new();
    let mut group: Vec<u8> = Vec::new();
    for c in text.chars() {
        if let Some(value) = digit(c) {
            group.push(value);
            continue;
        }
        if !group.is_empty() {
            run.push(std::mem::take(&mut group));
        }
        let separates = c.is_whitespace() || !c.is_alphanumeric();
        if !separates && !run.is_empty() {
            runs.push(std::mem::take(&mut run));
        }
    }
    if !group.is_empty() {
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
        ] {
            assert!(looks_like_aadhaar(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in
            ["", "234123412345", "1341 2341 2346", "23412341234", "2341234123461", "2341x2341x2346", "Priya"]
        {
            assert!(!looks_like_aadhaar(text), "{text}");
        }
    }
}
