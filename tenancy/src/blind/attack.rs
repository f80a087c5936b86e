//! The attack that the registry guard is about: match tags to names by how often they occur, with a stolen dump.
//!
//! The attacker has every tag of one clinic, and public statistics of names and birth dates. The most frequent tag is
//! taken for the most frequent value, the second for the second, and so on.

use std::collections::HashMap;

use chrono::{Datelike, Days, NaiveDate};

use super::*;

/// Patients of the simulated clinic.
const PATIENTS: usize = 20_000;
/// Different family names in the population; the n-th is as frequent as 1 / (n + 4), the commonest one in 36 persons.
const NAMES: usize = 8_000;
/// What flattens the top of the distribution (Zipf-Mandelbrot).
const FLATTEN: usize = 4;
/// Birth dates spread over 90 years, in days.
const BIRTH_DAYS: u64 = 90 * 365;

struct Patient {
    last: usize,
    born: NaiveDate,
    initial: char,
}

/// A fixed sequence of numbers, so that a failure repeats.
struct Sequence(u64);

impl Sequence {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }
}

fn name(number: usize) -> String {
    let letter = |place: usize| {
        char::from(b'a' + u8::try_from(number / 26_usize.pow(u32::try_from(place).unwrap()) % 26).unwrap())
    };
    format!("Name{}{}{}", letter(0), letter(1), letter(2))
}

fn population() -> Vec<Patient> {
    let mut sequence = Sequence(0x9e37_79b9_7f4a_7c15);
    let mut edges = Vec::with_capacity(NAMES);
    let mut sum = 0;
    for rank in 1..=NAMES {
        sum += 1_000_000_000 / u64::try_from(rank + FLATTEN).unwrap();
        edges.push(sum);
    }
    let first = NaiveDate::from_ymd_opt(1934, 1, 1).unwrap();
    (0..PATIENTS)
        .map(|_| {
            let drawn = sequence.next(sum);
            let last = edges.partition_point(|edge| *edge <= drawn);
            // One person in twenty has the first of January in the papers, as happens where births were not recorded.
            let mut born = first + Days::new(sequence.next(BIRTH_DAYS));
            if sequence.next(20) == 0 {
                born = born.with_month(1).and_then(|date| date.with_day(1)).unwrap();
            }
            let initial = char::from(b'a' + u8::try_from(sequence.next(26)).unwrap());
            Patient { last, born, initial }
        })
        .collect()
}

fn values(fields: &[Field], patient: &Patient) -> Vec<Normalised> {
    let value = |field: &Field| match field {
        Field::LastName => normalise::last_name(&name(patient.last)),
        Field::BirthDate => normalise::birth_date(patient.born),
        Field::BirthYear => normalise::birth_year(patient.born.year()),
        _ => normalise::first_initial(&patient.initial.to_string()),
    };
    fields.iter().map(|field| value(field).unwrap()).collect()
}

/// How likely a value is according to public statistics, up to a constant factor.
fn likelihood(fields: &[Field], patient: &Patient) -> f64 {
    let first_of_january = patient.born.ordinal() == 1;
    let part = |field: &Field| match field {
        Field::LastName => 1.0 / f64::from(u32::try_from(patient.last + 1 + FLATTEN).unwrap()),
        Field::BirthDate if first_of_january => 18.0,
        _ => 1.0,
    };
    fields.iter().map(part).product()
}

/// The share of patients whose name the attacker finds.
fn recovered(fields: &'static [Field]) -> f64 {
    let index = Index::new(1, 1, 1, fields);
    let patients = population();
    let mut dump: HashMap<[u8; TAG_BYTES], Vec<usize>> = HashMap::new();
    let mut guesses: HashMap<Vec<Vec<u8>>, (f64, usize)> = HashMap::new();
    for (number, patient) in patients.iter().enumerate() {
        let values = values(fields, patient);
        let tag = tag_bytes(&[1; 32], &index, &values.iter().collect::<Vec<_>>()).unwrap();
        dump.entry(tag).or_default().push(number);
        // The attacker even knows which values occur at all.
        let key = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        guesses.insert(key, (likelihood(fields, patient), patient.last));
    }
    let mut dump: Vec<_> = dump.into_iter().collect();
    dump.sort_by(|(left, l), (right, r)| r.len().cmp(&l.len()).then(left.cmp(right)));
    let mut guesses: Vec<_> = guesses.into_iter().collect();
    guesses.sort_by(|(left, (l, _)), (right, (r, _))| r.total_cmp(l).then(left.cmp(right)));
    let found: usize = dump
        .iter()
        .zip(&guesses)
        .map(|((_, numbers), (_, (_, guess)))| {
            numbers.iter().filter(|number| patients[**number].last == *guess).count()
        })
        .sum();
    f64::from(u32::try_from(found).unwrap()) / f64::from(u32::try_from(PATIENTS).unwrap())
}

/// The share a shuffled list of the right names would hit, which needs no dump at all.
fn by_chance() -> f64 {
    let mut counts = [0_u32; NAMES];
    for patient in population() {
        counts[patient.last] += 1;
    }
    let total = f64::from(u32::try_from(PATIENTS).unwrap());
    counts.iter().map(|count| (f64::from(*count) / total).powi(2)).sum()
}

#[test]
fn t36_counting_tags_finds_names_in_a_bare_index_and_next_to_none_in_a_lawful_one() {
    let chance = by_chance();
    let bare = recovered(&[Field::LastName]) - chance;
    assert!(bare > 0.1, "the attack must work where it should: {bare}");
    let lawful: [&'static [Field]; 2] =
        [&[Field::LastName, Field::BirthDate], &[Field::LastName, Field::FirstInitial, Field::BirthYear]];
    for fields in lawful {
        assert_eq!(check_registry(&[Index::new(1, 1, 1, fields)]), Ok(()));
        let gain = recovered(fields) - chance;
        assert!(gain < 0.01, "{fields:?}: {gain}");
    }
}
