//! The format of documents against its documented vectors, and against everything that can be done to stored segments.

use data_encoding::HEXLOWER;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::envelope::Cell;
use crate::sealed::{SealedBy, SealerKeys, SealingKey};

const DOCUMENT: &str = include_str!("../../../docs/crypto.md");
const SUBJECT: [u8; 16] = [0x33; 16];

fn hex<const N: usize>(text: &str) -> [u8; N] {
    HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
}

fn sealer_of(cell: &str, tenant: [u8; 16], subject: [u8; 16], keys: &[(KeyVersions, [u8; 32])]) -> Sealer {
    let sealing = |(versions, key): &(KeyVersions, [u8; 32])| SealingKey {
        version: u32::from(versions.subject),
        key: ValueKey::new(key),
    };
    Sealer::new(SealerKeys {
        cell: Cell::of(cell.parse().unwrap()).unwrap(),
        tenant: tenant.into(),
        subject,
        by: SealedBy::Subject,
        active: keys[0].0,
        keys: keys.iter().map(sealing).collect(),
    })
}

fn versions(subject: u16) -> KeyVersions {
    KeyVersions { tenant: 1, subject }
}

fn sealer() -> Sealer {
    sealer_of("ap-south-1", [0x11; 16], SUBJECT, &[(versions(1), [7; 32])])
}

/// The stored segments of `text`, through the same parts that an upload is put in.
fn stored(cipher: &ObjectCipher, text: &[u8]) -> Vec<Vec<u8>> {
    let extent = Extent::new(u64::try_from(text.len()).unwrap()).unwrap();
    let (mut all, mut rest) = (Vec::new(), text);
    for number in 1..=extent.parts() {
        let mut part = PartSealer::new(cipher, extent, number).unwrap();
        while part.missing_bytes() > 0 {
            let piece = rest.len().min(700_001);
            let taken = part.take(&rest[..piece]).unwrap();
            rest = &rest[taken..];
        }
        all.extend_from_slice(&part.finish().unwrap().0);
    }
    assert_eq!(u64::try_from(all.len()).unwrap(), extent.stored_bytes());
    all.chunks(SEGMENT_BYTES + SEGMENT_OVERHEAD_BYTES).map(<[u8]>::to_vec).collect()
}

fn open(
    cipher: &ObjectCipher,
    number: u32,
    position: Position,
    segment: &[u8],
) -> Result<Vec<u8>, OpenError> {
    let mut segment = segment.to_vec();
    let text = cipher.open_segment(number, position, &mut segment)?;
    Ok(segment[text].to_vec())
}

fn open_all(cipher: &ObjectCipher, segments: &[Vec<u8>]) -> Result<Vec<u8>, OpenError> {
    let mut text = Vec::new();
    for (number, segment) in segments.iter().enumerate() {
        let position = if number + 1 == segments.len() { Position::Last } else { Position::Inner };
        text.extend_from_slice(&open(cipher, u32::try_from(number).unwrap(), position, segment)?);
    }
    Ok(text)
}

#[test]
fn every_length_around_the_edges_survives() {
    let (_, cipher) = ObjectCipher::create(&sealer(), ObjectId::random()).unwrap();
    for length in [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 8 * SEGMENT_BYTES + 5] {
        let text: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let segments = stored(&cipher, &text);
        assert_eq!(
            u32::try_from(segments.len()).unwrap(),
            Extent::new(u64::try_from(length).unwrap()).unwrap().segments()
        );
        assert_eq!(open_all(&cipher, &segments).unwrap(), text, "{length}");
    }
}

#[test]
fn a_part_takes_exactly_its_bytes() {
    let (_, cipher) = ObjectCipher::create(&sealer(), ObjectId::random()).unwrap();
    let extent = Extent::new(10).unwrap();
    let mut part = PartSealer::new(&cipher, extent, 1).unwrap();
    assert_eq!(part.take(&[1; 4]), Ok(4));
    assert_eq!(part.finish().map(|_| ()), Err(PartError::TooShort));
    let mut part = PartSealer::new(&cipher, extent, 1).unwrap();
    assert_eq!(part.take(&[1; 11]), Ok(10), "the eleventh byte is not taken");
    assert!(PartSealer::new(&cipher, extent, 0).is_none() && PartSealer::new(&cipher, extent, 2).is_none());
}

/// Reordered, dropped, repeated, cut, extended, swapped with another object's, sealed again under the same key: whatever
/// is done to stored segments, they do not open where they do not belong.
#[test]
fn segments_open_nowhere_but_at_their_place() {
    let sealer = sealer();
    let (_, cipher) = ObjectCipher::create(&sealer, ObjectId::random()).unwrap();
    let (_, other) = ObjectCipher::create(&sealer, ObjectId::random()).unwrap();
    let text = vec![9; 3 * SEGMENT_BYTES + 17];
    let good = stored(&cipher, &text);
    let foreign = stored(&other, &text);
    // Every segment of either object, tried at every place of the first.
    for (from, set) in [("own", &good), ("foreign", &foreign)] {
        for (source, segment) in set.iter().enumerate() {
            for target in 0..good.len() {
                for position in [Position::Inner, Position::Last] {
                    let home = from == "own"
                        && source == target
                        && (position == Position::Last) == (target + 1 == good.len());
                    let opened = open(&cipher, u32::try_from(target).unwrap(), position, segment);
                    assert_eq!(opened.is_ok(), home, "{from} {source} at {target} {position:?}");
                }
            }
        }
    }
    let without = |gone: usize| -> Vec<Vec<u8>> {
        good.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, one)| one.clone()).collect()
    };
    for gone in 0..good.len() {
        assert!(open_all(&cipher, &without(gone)).is_err(), "segment {gone} dropped");
    }
    let mut swapped = good.clone();
    swapped.swap(0, 1);
    assert!(open_all(&cipher, &swapped).is_err());
    let mut longer = good.clone();
    longer.push(good[3].clone());
    assert!(open_all(&cipher, &longer).is_err(), "the last segment twice");
    assert_eq!(open_all(&cipher, &good).unwrap(), text);
}

#[test]
fn a_header_opens_only_its_own_object_for_its_own_subject_tenant_and_cell() {
    let id = ObjectId::random();
    let home = sealer();
    let (header, cipher) = ObjectCipher::create(&home, id).unwrap();
    let segments = stored(&cipher, b"lab report");
    let opens = |sealer: &Sealer, id: ObjectId, header: &ObjectHeader| {
        ObjectCipher::open(sealer, id, header).is_ok_and(|cipher| open_all(&cipher, &segments).is_ok())
    };
    assert!(opens(&home, id, &header));
    let keys = [(versions(1), [7; 32])];
    assert!(!opens(&sealer_of("us-east-1", [0x11; 16], SUBJECT, &keys), id, &header), "cell");
    assert!(!opens(&sealer_of("ap-south-1", [0x12; 16], SUBJECT, &keys), id, &header), "tenant");
    assert!(!opens(&sealer_of("ap-south-1", [0x11; 16], [0x34; 16], &keys), id, &header), "subject");
    assert!(!opens(&home, ObjectId::random(), &header), "object");
    let other_key = sealer_of("ap-south-1", [0x11; 16], SUBJECT, &[(versions(1), [8; 32])]);
    assert_eq!(ObjectCipher::open(&other_key, id, &header).err(), Some(OpenError::Tampered), "commitment");
    let (foreign, _) = ObjectCipher::create(&home, id).unwrap();
    assert!(!opens(&home, id, &foreign), "another header of the same object");
    // A subject's key was rotated: the old version still opens what it sealed, and only that.
    let rotated =
        sealer_of("ap-south-1", [0x11; 16], SUBJECT, &[(versions(2), [9; 32]), (versions(1), [7; 32])]);
    assert!(opens(&rotated, id, &header));
    let retired = sealer_of("ap-south-1", [0x11; 16], SUBJECT, &[(versions(2), [9; 32])]);
    assert_eq!(ObjectCipher::open(&retired, id, &header).err(), Some(OpenError::KeyVersion));
    let zero = ObjectCipher::create(&home, ObjectId::from([0; 16]));
    assert_eq!(zero.map(|_| ()), Err(SealError::ZeroId));
}

/// A part that is sent again is sealed under other nonces: were they counters, two texts would lie under one key stream.
#[test]
fn the_same_part_twice_shares_no_nonce() {
    let (_, cipher) = ObjectCipher::create(&sealer(), ObjectId::random()).unwrap();
    let (first, second) = (stored(&cipher, &[1; 100]), stored(&cipher, &[2; 100]));
    assert_ne!(first[0][..NONCE_LEN], second[0][..NONCE_LEN]);
}

proptest! {
    #[test]
    fn any_altered_byte_and_any_other_length_is_refused(at in 0..528_usize, bit in 0..8_u32, cut in 0..528_usize) {
        let (_, cipher) = ObjectCipher::create(&sealer(), ObjectId::random()).unwrap();
        let good = stored(&cipher, &[5; 500]).remove(0);
        let mut flipped = good.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(open(&cipher, 0, Position::Last, &flipped).is_err());
        prop_assert!(open(&cipher, 0, Position::Last, &good[..cut]).is_err());
        let mut longer = good;
        longer.push(0);
        prop_assert!(open(&cipher, 0, Position::Last, &longer).is_err());
    }

    #[test]
    fn any_header_parses_or_is_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(header) = ObjectHeader::parse(&bytes) {
            prop_assert_eq!(header.to_bytes(), bytes);
        }
    }

    #[test]
    fn an_altered_header_opens_nothing(at in 0..HEADER_BYTES, bit in 0..8_u32) {
        let id = ObjectId::random();
        let (header, cipher) = ObjectCipher::create(&sealer(), id).unwrap();
        let segments = stored(&cipher, b"scan");
        let mut bytes = header.to_bytes();
        bytes[at] ^= 1 << bit;
        let opened = ObjectHeader::parse(&bytes)
            .and_then(|header| ObjectCipher::open(&sealer(), id, &header))
            .and_then(|cipher| open_all(&cipher, &segments));
        prop_assert!(opened.is_err());
    }
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    cell: u8,
    tenant: String,
    object: String,
    subject: String,
    tkver: u32,
    skver: u16,
    key: String,
    random: String,
    header: String,
    segments: Vec<VectorSegment>,
}

#[derive(Deserialize)]
struct VectorSegment {
    number: u32,
    last: bool,
    nonce: String,
    plaintext: String,
    aad: String,
    stored: String,
}

#[derive(Deserialize)]
struct Vectors {
    documents: Vec<Vector>,
}

#[test]
fn the_documented_vectors_of_documents_are_what_is_stored() {
    let json = DOCUMENT.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let vectors: Vectors = serde_json::from_str(json).unwrap();
    assert!(vectors.documents.len() >= 2);
    for vector in vectors.documents {
        let cell = if vector.cell == 1 { "us-east-1" } else { "ap-south-1" };
        let versions = KeyVersions { tenant: vector.tkver, subject: vector.skver };
        let sealer =
            sealer_of(cell, hex(&vector.tenant), hex(&vector.subject), &[(versions, hex(&vector.key))]);
        let id = ObjectId::from(hex::<16>(&vector.object));
        let (header, cipher) = ObjectCipher::create_with(&sealer, id, hex(&vector.random)).unwrap();
        assert_eq!(HEXLOWER.encode(&header.to_bytes()), vector.header, "{}: header", vector.name);
        for segment in vector.segments {
            let position = if segment.last { Position::Last } else { Position::Inner };
            let aad = cipher.aad_of(segment.number, position);
            assert_eq!(HEXLOWER.encode(&aad), segment.aad, "{}: associated data", vector.name);
            let plaintext = HEXLOWER.decode(segment.plaintext.as_bytes()).unwrap();
            let mut out = [vec![0; NONCE_LEN], plaintext.clone()].concat();
            cipher.seal_tail((segment.number, position), hex(&segment.nonce), &mut out, 0).unwrap();
            assert_eq!(HEXLOWER.encode(&out), segment.stored, "{}: stored bytes", vector.name);
            assert_eq!(open(&cipher, segment.number, position, &out).unwrap(), plaintext);
        }
    }
}
