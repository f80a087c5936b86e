//! The format against its documented vectors, and against everything an attacker with the database can do to it.

use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const DOCUMENT: &str = include_str!("../../../docs/crypto.md");
const COLUMN: Column = Column::new(16, 1);
const VERSIONS: KeyVersions = KeyVersions { tenant: 3, subject: 2 };

fn place() -> Place {
    Place { cell: Cell(2), tenant: [0x11; 16], column: COLUMN, row: [0x22; 16], subject: [0x33; 16] }
}

fn key(byte: u8) -> ValueKey {
    ValueKey::new(&[byte; 32])
}

fn open_at(key: &ValueKey, place: &Place, stored: &[u8]) -> Result<Vec<u8>, OpenError> {
    parse(stored).and_then(|parsed| open(key, place, &parsed)).map(|text| text.to_vec())
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    cell: u8,
    tenant: String,
    table: u32,
    column: u32,
    padded: bool,
    row: String,
    subject: String,
    tkver: u32,
    skver: u16,
    key: String,
    random: String,
    plaintext: String,
    aad: String,
    stored: String,
}

#[derive(Deserialize)]
struct Vectors {
    values: Vec<Vector>,
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

#[test]
fn the_documented_vectors_are_what_is_stored() {
    let json = DOCUMENT.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let vectors: Vectors = serde_json::from_str(json).unwrap();
    assert!(vectors.values.len() >= 5);
    for vector in vectors.values {
        let column = if vector.padded {
            Column::new(vector.table, vector.column)
        } else {
            Column::unpadded(vector.table, vector.column)
        };
        let place = Place {
            cell: Cell(vector.cell),
            tenant: hex(&vector.tenant),
            column,
            row: hex(&vector.row),
            subject: hex(&vector.subject),
        };
        let versions = KeyVersions { tenant: vector.tkver, subject: vector.skver };
        let key = ValueKey::new(&hex(&vector.key));
        let plaintext = HEXLOWER.decode(vector.plaintext.as_bytes()).unwrap();
        let stored = seal_with(&key, &place, versions, &plaintext, &hex(&vector.random)).unwrap();
        let aad = place.aad(SUITE_HMAC_SHA256_AES_256_GCM, versions).unwrap();
        assert_eq!(HEXLOWER.encode(&aad), vector.aad, "{}: associated data", vector.name);
        assert_eq!(HEXLOWER.encode(&stored), vector.stored, "{}: stored bytes", vector.name);
        assert_eq!(open_at(&key, &place, &stored), Ok(plaintext), "{}", vector.name);
    }
}

#[test]
fn cell_numbers_are_unique_and_in_the_document() {
    let mut numbers: Vec<u8> = CELLS.iter().map(|(_, number)| *number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), CELLS.len());
    assert!(!numbers.contains(&0));
    for (name, number) in CELLS {
        assert!(DOCUMENT.contains(&format!("`{name}` {number}")), "{name} {number}");
        assert_eq!(Cell::of(name.parse().unwrap()).map(Cell::number), Some(*number));
    }
    assert_eq!(Cell::of("xx-nowhere-1".parse().unwrap()), None);
}

#[test]
fn a_value_opens_nowhere_but_at_its_place_and_under_its_versions() {
    let home = place();
    let stored = seal(&key(1), &home, VERSIONS, b"Asha Rao").unwrap();
    assert_eq!(open_at(&key(1), &home, &stored).as_deref(), Ok(b"Asha Rao".as_slice()));
    let moved = [
        ("cell", Place { cell: Cell(1), ..home }),
        ("tenant", Place { tenant: [0x12; 16], ..home }),
        ("table", Place { column: Column::new(17, 1), ..home }),
        ("column", Place { column: Column::new(16, 2), ..home }),
        ("table and column swapped", Place { column: Column::new(1, 16), ..home }),
        ("row", Place { row: [0x23; 16], ..home }),
        ("subject", Place { subject: [0x34; 16], ..home }),
        ("row and subject swapped", Place { row: home.subject, subject: home.row, ..home }),
        ("tenant and row swapped", Place { tenant: home.row, row: home.tenant, ..home }),
        ("padding rule", Place { column: Column::unpadded(16, 1), ..home }),
    ];
    for (what, place) in &moved {
        if *what == "padding rule" {
            // The same numbers with another rule cannot both be in the registry; if they were, no byte would be lost.
            assert_eq!(open_at(&key(1), place, &stored).map(|text| text.len()), Ok(32));
            continue;
        }
        assert_eq!(open_at(&key(1), place, &stored), Err(OpenError::Tampered), "{what}");
    }
    assert_eq!(open_at(&key(2), &home, &stored), Err(OpenError::Tampered), "another key");
    for (at, what) in [(3, "tenant key version"), (6, "tenant key version"), (7, "subject"), (8, "subject")] {
        let mut other = stored.clone();
        other[at] ^= 1;
        assert_eq!(open_at(&key(1), &home, &other), Err(OpenError::Tampered), "{what}");
    }
}

#[test]
fn zero_ids_are_refused_before_any_key_work() {
    let home = place();
    let stored = seal(&key(1), &home, VERSIONS, b"x").unwrap();
    for zero in [
        Place { tenant: [0; 16], ..home },
        Place { column: Column::new(0, 1), ..home },
        Place { column: Column::new(16, 0), ..home },
        Place { row: [0; 16], ..home },
        Place { subject: [0; 16], ..home },
        Place { cell: Cell(0), ..home },
    ] {
        assert_eq!(seal(&key(1), &zero, VERSIONS, b"x"), Err(SealError::ZeroId));
        assert_eq!(open_at(&key(1), &zero, &stored), Err(OpenError::ZeroId));
    }
}

#[test]
fn every_flipped_bit_and_every_truncation_is_an_error() {
    let stored = seal(&key(1), &place(), VERSIONS, b"Asha Rao").unwrap();
    for bit in 0..stored.len() * 8 {
        let mut other = stored.clone();
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(open_at(&key(1), &place(), &other).is_err(), "bit {bit}");
    }
    for length in 0..stored.len() {
        assert!(open_at(&key(1), &place(), &stored[..length]).is_err(), "length {length}");
    }
    for extra in 1..100 {
        let mut other = stored.clone();
        other.resize(stored.len() + extra, 0);
        assert!(open_at(&key(1), &place(), &other).is_err(), "{extra} bytes more");
    }
    let swapped =
        [&stored[..HEADER_BYTES], &seal(&key(1), &place(), VERSIONS, b"Asha Rao").unwrap()[HEADER_BYTES..]];
    assert_eq!(
        open_at(&key(1), &place(), &swapped.concat()),
        Err(OpenError::Tampered),
        "head and body of two values"
    );
}

#[test]
fn unknown_versions_suites_and_flags_are_named() {
    let stored = seal(&key(1), &place(), VERSIONS, b"x").unwrap();
    let with = |at: usize, byte: u8| {
        let mut other = stored.clone();
        other[at] = byte;
        open_at(&key(1), &place(), &other)
    };
    assert_eq!(with(0, 2), Err(OpenError::UnknownVersion(2)));
    assert_eq!(with(1, 2), Err(OpenError::UnknownSuite(2)));
    assert_eq!(with(2, 1), Err(OpenError::UnknownFlags(1)));
    assert_eq!(open_at(&key(1), &place(), &[]), Err(OpenError::Malformed));
    let long = vec![1; 1 + PLAINTEXT_BYTES_MAX * 2];
    assert!(seal(&key(1), &place(), VERSIONS, &long).is_err());
}

#[test]
fn lengths_hide_in_buckets() {
    let length =
        |text: usize| seal(&key(1), &place(), VERSIONS, &vec![7; text]).unwrap().len() - OVERHEAD_BYTES;
    for (text, bucket) in
        [(0, 32), (1, 32), (31, 32), (32, 64), (63, 64), (64, 128), (65_535, 65_536), (65_536, 131_072)]
    {
        assert_eq!(length(text), bucket, "{text}");
    }
    let plain = Place { column: Column::unpadded(16, 9), ..place() };
    assert_eq!(seal(&key(1), &plain, VERSIONS, &[7; 33]).unwrap().len(), OVERHEAD_BYTES + 33);
}

#[test]
fn padding_that_sealing_would_not_make_does_not_open() {
    let plain = Place { column: Column::unpadded(16, 1), ..place() };
    let mut wrong: Vec<Vec<u8>> = vec![vec![0; 32], vec![], vec![1; 32], b"text\x80".to_vec()];
    wrong.push([b"x\x80".as_slice(), &[0; 62]].concat());
    for text in wrong {
        let stored = seal(&key(1), &plain, VERSIONS, &text).unwrap();
        assert_eq!(open_at(&key(1), &place(), &stored), Err(OpenError::Tampered), "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_text_comes_back_and_no_two_seals_are_equal(text in prop::collection::vec(any::<u8>(), 0..5_000)) {
        let first = seal(&key(1), &place(), VERSIONS, &text).unwrap();
        let second = seal(&key(1), &place(), VERSIONS, &text).unwrap();
        prop_assert_ne!(&first, &second);
        prop_assert_eq!(open_at(&key(1), &place(), &first), Ok(text));
    }

    #[test]
    fn any_change_of_any_value_is_an_error(
        text in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), xor in 1_u8..,
        cut in any::<prop::sample::Index>(), tail in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let stored = seal(&key(1), &place(), VERSIONS, &text).unwrap();
        let mut flipped = stored.clone();
        flipped[at.index(stored.len())] ^= xor;
        prop_assert!(open_at(&key(1), &place(), &flipped).is_err());
        prop_assert!(open_at(&key(1), &place(), &stored[..cut.index(stored.len())]).is_err());
        prop_assert!(open_at(&key(1), &place(), &[stored, tail].concat()).is_err());
    }

    #[test]
    fn any_bytes_parse_or_fail_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = open_at(&key(1), &place(), &bytes);
        let framed = [&[FORMAT_VERSION, SUITE_HMAC_SHA256_AES_256_GCM, 0], bytes.as_slice()].concat();
        prop_assert!(open_at(&key(1), &place(), &framed).is_err());
    }
}

/// Multiplication in the field of GHASH (NIST SP 800-38D, 6.3): bit 0 is the most significant.
fn multiply(x: u128, y: u128) -> u128 {
    let (mut product, mut v) = (0, y);
    for bit in 0..128 {
        if x >> (127 - bit) & 1 == 1 {
            product ^= v;
        }
        let carry = v & 1;
        v >>= 1;
        if carry == 1 {
            v ^= 0xe1 << 120;
        }
    }
    product
}

/// The inverse is the power 2^128 - 2.
fn invert(x: u128) -> u128 {
    let (mut inverse, mut square) = (1 << 127, x);
    for _ in 1..128 {
        square = multiply(square, square);
        inverse = multiply(inverse, square);
    }
    inverse
}

fn blocks(bytes: &[u8]) -> Vec<u128> {
    bytes
        .chunks(16)
        .map(|chunk| {
            let mut block = [0; 16];
            block[..chunk.len()].copy_from_slice(chunk);
            u128::from_be_bytes(block)
        })
        .collect()
}

/// The two secrets of a GCM tag: the hash key, and the mask of this nonce.
fn tag_secrets(key: &ValueKey, random: &[u8; 24]) -> (u128, u128) {
    let aes = |mut block: Vec<u8>| {
        let unbound = UnboundCipherKey::new(&AES_256, key.derive(LABEL_ENCRYPT, random).as_slice()).unwrap();
        let _ = EncryptingKey::ecb(unbound).unwrap().encrypt(&mut block).unwrap();
        u128::from_be_bytes(block.try_into().unwrap())
    };
    (aes(vec![0; 16]), aes([&random[12..], &[0, 0, 0, 1]].concat()))
}

fn ghash(h: u128, blocks: &[u128]) -> u128 {
    blocks.iter().fold(0, |sum, block| multiply(sum ^ block, h))
}

#[test]
fn a_ciphertext_made_for_two_keys_opens_under_one() {
    let random = [9; RANDOM_BYTES];
    let home = Place { column: Column::unpadded(16, 9), ..place() };
    let (left, right) = (key(1), key(2));
    let aad = home.aad(SUITE_HMAC_SHA256_AES_256_GCM, VERSIONS).unwrap();
    let (h_left, mask_left) = tag_secrets(&left, &random);
    let (h_right, mask_right) = tag_secrets(&right, &random);
    let mut all = blocks(&aad);
    let lengths = (u128::try_from(aad.len() * 8).unwrap() << 64) | (32 * 8);
    all.extend([0x4242, 0, lengths]);
    let free = all.len() - 2;
    let difference = ghash(h_left, &all) ^ mask_left ^ ghash(h_right, &all) ^ mask_right;
    let slope = multiply(h_left, h_left) ^ multiply(h_right, h_right);
    all[free] = multiply(difference, invert(slope));
    let tag = ghash(h_left, &all) ^ mask_left;
    assert_eq!(tag, ghash(h_right, &all) ^ mask_right);
    let body = [all[free - 1].to_be_bytes(), all[free].to_be_bytes(), tag.to_be_bytes()].concat();
    for key in [&left, &right] {
        let mut bytes = body.clone();
        let opened =
            key.aead(&random).unwrap().open_in_place(nonce(&random), Aad::from(aad), &mut bytes).is_ok();
        assert!(opened, "AES-GCM alone accepts the forgery under both keys");
    }
    let stored = |committed: &ValueKey| {
        let mut bytes = vec![FORMAT_VERSION, SUITE_HMAC_SHA256_AES_256_GCM, 0];
        bytes.extend_from_slice(&VERSIONS.tenant.to_be_bytes());
        bytes.extend_from_slice(&VERSIONS.subject.to_be_bytes());
        bytes.extend_from_slice(&random);
        bytes.extend_from_slice(committed.derive(LABEL_COMMIT, &random).as_slice());
        [bytes, body.clone()].concat()
    };
    assert!(open_at(&left, &home, &stored(&left)).is_ok());
    assert_eq!(open_at(&right, &home, &stored(&left)), Err(OpenError::Tampered));
    assert!(open_at(&right, &home, &stored(&right)).is_ok());
    assert_eq!(open_at(&left, &home, &stored(&right)), Err(OpenError::Tampered));
}

#[test]
fn t35_a_generator_that_repeats_itself_is_noticed_before_the_second_value_is_sealed() {
    let stuck = || [7; RANDOM_BYTES];
    assert_eq!(fresh::random(stuck), Ok([7; RANDOM_BYTES]));
    assert_eq!(fresh::random(stuck), Err(SealError::RandomRepeats));
    assert_eq!(fresh::random(|| [0; RANDOM_BYTES]), Err(SealError::RandomRepeats), "a dead one");
    for step in 1..=40 {
        let circle = |at: u8| move || [at; RANDOM_BYTES];
        assert!(fresh::random(circle(100 + step)).is_ok());
    }
    assert_eq!(fresh::random(|| [120; RANDOM_BYTES]), Err(SealError::RandomRepeats), "one in a circle");
    assert!(seal(&key(1), &place(), VERSIONS, b"goes on").is_ok(), "a new value is a new value");
}

/// What a repeated random value would give away, and to how many: the two values, of one key, and nobody else.
#[test]
fn t35_a_repeated_random_value_gives_away_the_difference_of_two_values_and_no_third() {
    let (random, other) = ([7; RANDOM_BYTES], [8; RANDOM_BYTES]);
    let body = |key: &ValueKey, text: &[u8], random: &[u8; RANDOM_BYTES]| {
        seal_with(key, &place(), VERSIONS, text, random).unwrap().split_off(HEADER_BYTES)
    };
    let differ =
        |left: &[u8], right: &[u8]| -> Vec<u8> { left.iter().zip(right).map(|(a, b)| a ^ b).collect() };
    let (asha, joan) = (b"Asha Rao", b"Joan Doe");
    let (first, second) = (body(&key(1), asha, &random), body(&key(1), joan, &random));
    assert_eq!(differ(&first, &second)[..8], differ(asha, joan)[..], "the texts' difference shows");
    for (what, third) in [
        ("another random value", body(&key(1), joan, &other)),
        ("another patient", body(&key(2), joan, &random)),
    ] {
        assert_ne!(differ(&first, &third)[..8], differ(asha, joan)[..], "{what}");
    }
}
